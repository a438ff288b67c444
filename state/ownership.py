"""Owning a store: a lock that says who, files that nobody else may read, and room held back for the last words."""

import errno
import fcntl
import os
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Any, Final

import msgspec

from state.trouble import StoreBusy, StoreFull

_MIB: Final = 1024 * 1024
_HELD_BACK: Final = 16 * _MIB  # enough for the outcomes of all requests that can be under way at once
_ROOM: Final = 64 * _MIB  # without it nothing is started, or the first hours would end as the last ones did
_NO_ROOM: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Ownership:
    """The right to the store at `path`, until `release`; the kernel takes it back when the owner dies.

    `file` is the open database. It stays open, since closing any descriptor of a file gives up the locks that SQLite
    holds on it.
    """

    def __init__(self, path: Path, owner: dict[str, Any]) -> None:
        """Take it, or raise StoreBusy with what the owner of now says of itself."""
        self.path = path
        self.reserve = Reserve(path)
        _make_folder(path.parent)
        self._lock = _private(Path(f"{path}.lock"))
        try:
            self._take(owner)
            self.file = _private(path)  # or a restored copy of it; the log beside it follows
        except BaseException:
            self._lock.close()
            raise

    def _take(self, owner: dict[str, Any]) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = self._lock.read(4096).decode(errors="replace") or "an unknown process"
            raise StoreBusy(f"{self.path} is owned by {holder}; stop that daemon first") from error
        self._lock.truncate(0)
        self._lock.write(msgspec.json.encode(owner))

    def release(self) -> None:
        """Give it up, and the room held back; whoever has the database open closes it before."""
        self.reserve.release()
        self.file.close()
        self._lock.close()


class Reserve:
    """Room on the store's disk that is held back for the day on which there is no other."""

    def __init__(self, path: Path) -> None:
        self._path = Path(f"{path}.reserve")

    def make(self) -> None:
        """Hold the room back, if it is not; raise StoreFull if the disk has not much more than that."""
        with _private(self._path) as file:
            room, held = os.fstatvfs(file.fileno()), os.fstat(file.fileno()).st_blocks * 512
            free = room.f_bavail * room.f_frsize + min(held, _HELD_BACK)
            if free < _ROOM:
                raise StoreFull(_told(self._path, free))
            try:
                os.posix_fallocate(file.fileno(), 0, _HELD_BACK)
            except OSError as error:
                raise (StoreFull(_told(self._path, 0)) if error.errno in _NO_ROOM else error) from error

    def release(self) -> None:
        """Give the room to whatever is written next."""
        with suppress(OSError):  # then there is none, and what is written next will say so
            self._path.unlink(missing_ok=True)


def _told(path: Path, free: int) -> str:
    return f"{path.parent} has {free // _MIB} MiB left and {_ROOM // _MIB} are needed; make room, and go on"


def _private(path: Path) -> FileIO:
    """Open a file, made if need be, that is its owner's only: what lies here holds tokens."""
    file = FileIO(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+")
    os.fchmod(file.fileno(), 0o600)
    return file


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it, so that a power cut leaves them there."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Return once what was created, renamed or deleted in a folder is so for good."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
