"""One SQLite file, one owner, one writer.

The store hands whole units of work to the writer, which runs what waits together in one commit. A unit sees the
effects of those before it and is undone alone if it fails. A caller that is cancelled while it waits does not know
whether its unit was committed: it must read again.

A disk or a file that is in trouble ends all work. A full one ends all but what is owed: the outcomes of what has left
already, for which room was held back.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import aiosqlite

from state import backup
from state.commit import Group, Result, Unit, commit
from state.instants import Clock
from state.integrity import check, worth_checking
from state.ownership import Ownership
from state.schema import migrate
from state.trouble import StoreDamaged, StoreError, StoreFull, StoreMismatch, at, trouble

Values = dict[str, Any]

_LARGEST_COMMIT = 256  # units; keeps the first caller's wait short

# Acknowledged commits must survive a power cut, and a second process must not be able to open the file.
_PRAGMAS = (
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA temp_store = MEMORY",  # what a unit may have to undo; files for it would cost more than the unit
    "PRAGMA foreign_keys = ON",
)
_CHECKPOINT = 1000  # pages in the log before they are brought to the file


class Connection(aiosqlite.Connection):
    """The connection and its thread, with one more verb: a whole function at once, for one change of threads."""

    async def call(self, function: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run `function` on the connection's thread and return its result; cancelled or not, it runs to its end."""
        execute: Callable[..., Awaitable[Result]] = self._execute
        return await execute(function, self._conn)


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    """Units that wait for the writer, and the caller's future: a result or an error for each of them."""

    units: Sequence[Unit[Any]]
    owed: bool
    done: "asyncio.Future[list[Any]]"

    def succeed(self, results: list[Any]) -> None:
        if not self.done.done():
            self.done.set_result(results)

    def fail(self, error: StoreError) -> None:
        if not self.done.done():
            self.done.set_exception(type(error)(*error.args))  # each caller raises one of its own


class Database:
    """The open file. Made by `Database.open`; `close` waits for what was handed in before it."""

    def __init__(self, connection: Connection, ownership: Ownership, clock: Clock) -> None:
        self._connection = connection
        self._ownership = ownership
        self._clock = clock
        self._full: StoreFull | None = None  # only what is owed is written
        self._broken: StoreError | None = None  # nothing is
        self._closing = threading.Event()
        self._copying: asyncio.Task[int] | None = None
        self._queue: asyncio.Queue[_Waiting | None] = asyncio.Queue()
        # The writer outlives every task group that uses it, so that a cancelled caller's unit still ends cleanly.
        self._writer = asyncio.create_task(self._write(), name="store writer")

    @classmethod
    async def open(cls, path: Path, owner: Values, clock: Clock) -> "Database":
        """Take ownership of the file at `path`, creating or migrating it.

        `owner` says to the next process that tries who holds it. Raises StoreBusy if another process does,
        StoreMismatch if the file is not ours or newer than this program, StoreFull without room to work in, and
        StoreFailed or StoreDamaged if the disk or the file is in trouble.
        """
        ownership = Ownership(path, owner)
        try:
            ownership.reserve.make()
            connection = Connection(partial(_connected, path), iter_chunk_size=64)
            checked = worth_checking(path)
            _ = await connection
            try:
                await connection.call(partial(_prepare, checked=checked))
            except BaseException:
                await connection.close()
                raise
        except sqlite3.Error as error:
            ownership.release()
            raise at(path, trouble(error) or StoreMismatch(f"can't be used as a store ({error})")) from error
        except (StoreDamaged, StoreMismatch) as error:
            ownership.release()
            raise at(path, error) from error
        except BaseException:
            ownership.release()
            raise
        return cls(connection, ownership, clock)

    async def run(self, unit: Unit[Result], *, owed: bool = False) -> Result:
        """Hand one unit of work to the writer and return its result once it is durably committed."""
        [result] = await self.run_all([unit], owed=owed)
        if isinstance(result, Exception):
            raise result
        return result

    async def run_all(self, units: Sequence[Unit[Result]], *, owed: bool = False) -> list[Result | Exception]:
        """Hand several units to the writer, for one commit, and return what came of each.

        A unit that fails is undone alone; its error stands in its place. What is `owed` is written even when the disk
        is full; then a unit of any other group may read, and if it writes its whole group is refused with StoreFull.
        A unit may be run twice, if a first commit did not come about.
        """
        if self._writer.done():
            raise StoreError("the store is closed")
        waiting = _Waiting(units, owed, asyncio.get_running_loop().create_future())
        self._queue.put_nowait(waiting)
        return await waiting.done

    async def back_up(self, to: Path) -> int:
        """Copy everything committed so far to a new file, while work goes on, and return its size in bytes.

        Raises BackupFailed. A caller that is cancelled leaves the copy to be finished.
        """
        backup.check_place(self._ownership.path, to)
        if self._copying and not self._copying.done():
            raise backup.BackupFailed("another backup is being made")
        self._copying = asyncio.create_task(self._copy(to), name="store backup")
        return await asyncio.shield(self._copying)

    async def close(self) -> None:
        """Finish what waits, then give the file up."""
        self._closing.set()
        if self._copying:
            await asyncio.wait([self._copying])
        if not self._writer.done():
            self._queue.put_nowait(None)
        try:
            await self._writer
        finally:
            self._ownership.reserve.release()  # what is left in the log may need it
            await self._connection.close()
            self._ownership.release()

    async def _copy(self, to: Path) -> int:
        """Copy the file itself: between two checkpoints nobody writes to it, only to the log beside it."""
        try:
            await self._connection.call(_hold_still)
            await asyncio.to_thread(backup.copy, self._ownership.file.fileno(), to, self._closing.is_set)
        finally:
            await self._connection.call(_move_on)
        return await asyncio.to_thread(backup.publish, to)

    async def _write(self) -> None:
        """Commit what waits together, until told to stop."""
        batch: list[_Waiting | None] = []
        try:
            while None not in batch:
                batch = [await self._queue.get()]
                while not self._queue.empty() and len(batch) < _LARGEST_COMMIT:
                    batch.append(self._queue.get_nowait())
                await self._commit([waiting for waiting in batch if waiting is not None])
        finally:
            while not self._queue.empty():
                batch.append(self._queue.get_nowait())
            for waiting in batch:
                if waiting is not None:
                    waiting.fail(StoreError("the store is closed"))

    async def _commit(self, batch: list[_Waiting]) -> None:
        """Run the units in one commit; a failed commit fails them all."""
        try:
            results = await self._committed(batch)
        except StoreError as error:
            for waiting in batch:
                waiting.fail(error)
            return
        for waiting, outcomes in zip(batch, results, strict=True):
            refused = next((each for each in outcomes if isinstance(each, StoreFull)), None)
            if refused:
                waiting.fail(refused)
            else:
                waiting.succeed(outcomes)

    async def _committed(self, batch: list[_Waiting]) -> list[list[Any]]:
        """Return what came of each unit; raise StoreError if nothing of it stands."""
        if self._broken:
            raise self._broken
        groups = [Group(waiting.units, None if waiting.owed else self._full) for waiting in batch]
        try:
            return await self._connection.call(lambda connection: commit(connection, groups, self._clock))
        except sqlite3.Error as error:
            wrong = trouble(error)
            if wrong is None:
                raise StoreError(f"the store could not commit: {error}") from error
            wrong = at(self._ownership.path, wrong)
            if isinstance(wrong, StoreFull) and not self._full:
                self._full = wrong
                self._ownership.reserve.release()
                return await self._committed(batch)
            self._broken = wrong
            raise wrong from error


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.row_factory = sqlite3.Row
    return connection


def _prepare(connection: sqlite3.Connection, *, checked: bool) -> None:
    """Make the connection durable and exclusive, and the schema this program's."""
    for pragma in _PRAGMAS:
        connection.execute(pragma)
    # What the last owner left in the log is written anew: a disk that failed it may have kept it in memory only.
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    if checked:
        check(connection)
    migrate(connection)


def _hold_still(connection: sqlite3.Connection) -> None:
    """Bring the log to the file, and then nothing more."""
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    backup.settle(connection)


def _move_on(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT}")
