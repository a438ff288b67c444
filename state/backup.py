"""A copy of a store: complete, checked, private and on the disk, or not there at all."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from state.integrity import check_copy
from state.ownership import Ownership, sync_folder
from state.trouble import StoreError, trouble

_PIECE: Final = 4 * 1024 * 1024  # bytes between two looks at whether to stop
_TO_SPARE: Final = 64 * 1024 * 1024  # bytes that a copy leaves free on its disk, which may be the store's


class BackupFailed(Exception):  # noqa: N818 - named for what happened
    """No copy was made; the message says why. The store is as it was."""


def back_up_stopped(path: Path, to: Path, owner: dict[str, Any]) -> int:
    """Copy the store at `path`, which no daemon has open, and return the copy's size in bytes.

    Raises StoreBusy if one has, and BackupFailed.
    """
    if not path.exists():
        raise BackupFailed(f"there is no database at {path}")
    check_place(path, to)
    ownership = Ownership(path, owner)
    try:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as connection:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")  # from the checkpoint on
            settle(connection)
            copy(ownership.file.fileno(), to, lambda: False)
    finally:
        ownership.release()
    return publish(to)


def check_place(path: Path, to: Path) -> None:
    """Raise BackupFailed unless a copy of the store at `path` may be put at `to`."""
    try:
        wrong = _wrong(path, to)
    except OSError as error:
        raise BackupFailed(str(error)) from error
    if wrong:
        raise BackupFailed(wrong)


def _wrong(path: Path, to: Path) -> str:
    """Say what is wrong with a place, if anything."""
    if not to.is_absolute():
        return f"{to} is not a path from the root"
    if to.parent == path.parent and to.name.startswith(path.name):
        return f"{to} could be taken for a part of the database itself"
    if not to.parent.is_dir():
        return f"{to.parent} is no folder here"
    if os.path.lexists(to):
        return f"{to} is there already, and is not replaced"
    needed, free = path.stat().st_size + _TO_SPARE, shutil.disk_usage(to.parent).free
    return f"{to.parent} has {free:,} bytes left and {needed:,} are needed" if free < needed else ""


def settle(connection: sqlite3.Connection) -> None:
    """Bring everything that was committed into the file itself; raise BackupFailed if that can't be done."""
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        raise BackupFailed(f"the log can't be brought into the database: {trouble(error) or error}") from error


def copy(file: int, to: Path, stopped: Callable[[], bool]) -> None:
    """Copy an open file, which nobody writes to meanwhile, under the name of what is not complete yet."""
    try:
        _partial(to).unlink(missing_ok=True)
        target = os.open(_partial(to), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            done = 0
            while piece := os.pread(file, _PIECE, done):
                if stopped():
                    raise BackupFailed("the daemon was stopped meanwhile")
                done += os.write(target, piece)
            os.fsync(target)
        finally:
            os.close(target)
    except (OSError, BackupFailed) as error:
        _partial(to).unlink(missing_ok=True)
        raise BackupFailed(f"{to}: {error}") from error


def publish(to: Path) -> int:
    """Check what was copied, give it its name and return its size in bytes."""
    partial = _partial(to)
    try:
        check_copy(partial)
        partial.rename(to)
        sync_folder(to.parent)
    except (OSError, StoreError) as error:
        partial.unlink(missing_ok=True)
        raise BackupFailed(f"{to}: {error}") from error
    return to.stat().st_size


def _partial(to: Path) -> Path:
    return to.with_name(f"{to.name}.partial")
