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
    the sandbox promises, not that of the machine.
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
    """Read the commits and how many bytes of the file they fill; a torn last line was never a commit."""
    commits: list[list[Change]] = []
    length = 0
    for line in path.read_bytes().splitlines(keepends=True) if path.exists() else ():
        if not line.endswith(b"\n"):
            break
        try:
            commits.append([(kind, key, value) for kind, key, value in decode(line)])
        except (msgspec.DecodeError, TypeError, ValueError):
            break
        length += len(line)
    return commits, length
