"""Why a store can't be used, and what to do about it. Each message is for the person who must act."""

import sqlite3
from pathlib import Path


class StoreError(Exception):
    """The store can't be used; the message says why and what to do."""


class StoreBusy(StoreError):  # noqa: N818 - named for what happened
    """Another process owns this store."""


class StoreMismatch(StoreError):  # noqa: N818
    """The file is not a store this program may write to."""


class StoreFull(StoreError):  # noqa: N818
    """The disk has no room left: all is well again once somebody makes room."""


class StoreFailed(StoreError):  # noqa: N818
    """The disk does not do what it is asked to: somebody must look at it before the store is used again."""


class StoreDamaged(StoreError):  # noqa: N818
    """The file is not what was written to it: a backup must be restored."""


# What SQLite reports and no unit of work is to blame for, by its primary result code.
_STORAGE: dict[int, tuple[type[StoreError], str]] = {
    sqlite3.SQLITE_FULL: (StoreFull, "the disk is full; make room on it, and go on"),
    sqlite3.SQLITE_IOERR: (StoreFailed, "the disk failed; look at it (dmesg) before starting again"),
    sqlite3.SQLITE_CANTOPEN: (StoreFailed, "the file can't be opened; look at its folder and its owner"),
    sqlite3.SQLITE_PERM: (StoreFailed, "the file can't be written; look at its owner and mode"),
    sqlite3.SQLITE_READONLY: (StoreFailed, "the file can't be written; is its disk mounted read-only?"),
    sqlite3.SQLITE_CORRUPT: (StoreDamaged, "the file is damaged; restore a backup"),
    sqlite3.SQLITE_NOTADB: (StoreMismatch, "the file can't be used as a store"),
}
_PRIMARY = 0xFF  # the part of a result code that says what, without where


def trouble(error: Exception) -> StoreError | None:
    """Return what an error of SQLite's says of the disk or the file, or None if it speaks of something else."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & _PRIMARY
    if code not in _STORAGE:
        return None
    kind, words = _STORAGE[code]
    return kind(f"{words} ({error}, {getattr(error, 'sqlite_errorname', '')})")


def at(path: Path, error: StoreError) -> StoreError:
    """Return the same trouble with the file it is about."""
    return type(error)(f"{path}: {error}")
