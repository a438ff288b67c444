"""The sandbox's memory on disk: one line per commit, replayed at start, so that a killed process loses nothing."""

from pathlib import Path
from typing import TypeAlias

import msgspec

from adapters.sandbox.alvys.wire import Json, decode, encode

Change: TypeAlias = tuple[str, str, Json | None]
"""Kind, id, and the object as it now is; None once it is gone."""


class Journal:
    """An append-only file of commits; each line is the whole of one commit, so a commit is there or it is not.

    A line reaches the operating system before `append` returns: it survives the death of the process, which is what
    the sandbox promises, not that of the machine. Raises OSError, and ValueError for a file that is no journal.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.commits, length = _read(path)
        self._file = path.open("ab", buffering=0)
        self._file.truncate(length)

    def append(self, changes: list[Change]) -> None:
        """Write one commit."""
        self._file.write(encode(changes) + b"\n")

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def _read(path: Path) -> tuple[list[list[Change]], int]:
    """Read the commits and how many bytes of the file they fill; a last line without its end was never a commit."""
    whole = path.read_bytes() if path.exists() else b""
    length = whole.rfind(b"\n") + 1
    return [_commit(path, line) for line in whole[:length].splitlines()], length


def _commit(path: Path, line: bytes) -> list[Change]:
    try:
        return [(kind, key, value) for kind, key, value in decode(line)]
    except (msgspec.DecodeError, TypeError, ValueError) as unreadable:
        raise ValueError(f"{path} holds a line that is no commit") from unreadable
