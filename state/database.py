"""One SQLite file, one owner, one writer.

The store hands whole units of work to the writer, which runs what waits together in one commit. A unit sees the
effects of those before it and is undone alone if it fails. A caller that is cancelled while it waits does not know
whether its unit was committed: it must read again.
"""

import asyncio
import fcntl
import hashlib
import os
import re
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any, Generic, TypeVar

import aiosqlite
import msgspec

Result = TypeVar("Result")
Unit = Callable[["Work"], Awaitable[Result]]
Values = dict[str, Any]
Clock = Callable[[], datetime]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LARGEST_COMMIT = 256  # units; keeps the first caller's wait short

# Acknowledged commits must survive a power cut, and a second process must not be able to open the file.
_PRAGMAS = (
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
)


class StoreError(Exception):
    """The store can't be used; the message says why and what to do."""


class StoreBusy(StoreError):  # noqa: N818 - named for what happened
    """Another process owns this store."""


class StoreMismatch(StoreError):  # noqa: N818
    """The file is not a store this program may write to."""


def to_micros(instant: datetime) -> int:
    """Return an aware instant as microseconds since 1970 UTC, exactly."""
    return (instant - _EPOCH) // timedelta(microseconds=1)


def from_micros(micros: int) -> datetime:
    """Return microseconds since 1970 as an aware instant in UTC."""
    return _EPOCH + timedelta(microseconds=micros)


def _statements() -> dict[str, str]:
    text = resources.files("state").joinpath("queries.sql").read_text()
    parts = re.split(r"^-- (\w+): .*$", text, flags=re.MULTILINE)[1:]
    return {name: body.strip() for name, body in zip(parts[::2], parts[1::2], strict=True)}


_STATEMENTS = _statements()


class Work:
    """What a unit may do: run statements of queries.sql, by name, inside the writer's commit."""

    def __init__(self, connection: aiosqlite.Connection, now: datetime) -> None:
        self._connection = connection
        self.now = now  # one instant for the whole unit

    async def rows(self, statement: str, **values: Any) -> list[sqlite3.Row]:  # noqa: ANN401 - SQL values
        """Return all rows of a query."""
        return list(await self._connection.execute_fetchall(_STATEMENTS[statement], values))

    async def row(self, statement: str, **values: Any) -> sqlite3.Row | None:  # noqa: ANN401
        """Return the first row of a query, or None."""
        found = await self.rows(statement, **values)
        return found[0] if found else None

    async def run(self, statement: str, **values: Any) -> int:  # noqa: ANN401
        """Run a statement and return how many rows it touched."""
        async with self._connection.execute(_STATEMENTS[statement], values) as cursor:
            return cursor.rowcount


class _Waiting(Generic[Result]):
    """A unit and the caller that waits for it."""

    def __init__(self, unit: Unit[Result]) -> None:
        self.unit = unit
        self.done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()

    def succeed(self, result: Result) -> None:
        if not self.done.done():
            self.done.set_result(result)

    def fail(self, error: BaseException) -> None:
        if not self.done.done():
            self.done.set_exception(error)


class Database:
    """The open file. Made by `Database.open`; `close` waits for what was handed in before it."""

    def __init__(self, connection: aiosqlite.Connection, lock: "_Lock", clock: Clock) -> None:
        self._connection = connection
        self._lock = lock
        self._clock = clock
        self._queue: asyncio.Queue[_Waiting[Any] | None] = asyncio.Queue()
        # The writer outlives every task group that uses it, so that a cancelled caller's unit still ends cleanly.
        self._writer = asyncio.create_task(self._write(), name="store writer")

    @classmethod
    async def open(cls, path: Path, owner: Values, clock: Clock) -> "Database":
        """Take ownership of the file at `path`, creating or migrating it.

        `owner` says to the next process that tries who holds it. Raises StoreBusy if another process does, and
        StoreMismatch if the file is not ours or newer than this program.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = _Lock(path, owner)
        try:
            _make_private(path)
            connection = await aiosqlite.connect(path, isolation_level=None)
        except BaseException:
            lock.release()
            raise
        try:
            connection.row_factory = sqlite3.Row
            for pragma in _PRAGMAS:
                await connection.execute(pragma)
            await _migrate(connection)
        except sqlite3.Error as error:
            await connection.close()
            lock.release()
            raise StoreMismatch(f"{path} can't be used as a store: {error}") from error
        except BaseException:
            await connection.close()
            lock.release()
            raise
        return cls(connection, lock, clock)

    async def run(self, unit: Unit[Result]) -> Result:
        """Hand one unit of work to the writer and return its result once it is durably committed."""
        if self._writer.done():
            raise StoreError("the store is closed")
        waiting = _Waiting(unit)
        self._queue.put_nowait(waiting)
        return await waiting.done

    async def close(self) -> None:
        """Finish what waits, then give the file up."""
        if not self._writer.done():
            self._queue.put_nowait(None)
        try:
            await self._writer
        finally:
            await self._connection.close()
            self._lock.release()

    async def _write(self) -> None:
        """Commit what waits together, until told to stop."""
        batch: list[_Waiting[Any] | None] = []
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

    async def _commit(self, batch: list[_Waiting[Any]]) -> None:
        """Run the units in one commit; a unit that fails is undone alone, a failed commit fails them all."""
        results: list[tuple[_Waiting[Any], Any]] = []
        try:
            await self._connection.execute("BEGIN IMMEDIATE")
            for waiting in batch:
                await self._run_one(waiting, results)
            await self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                await self._connection.execute("ROLLBACK")
            for waiting in batch:
                waiting.fail(StoreError(f"the store could not commit: {error}"))
            return
        for waiting, result in results:
            waiting.succeed(result)

    async def _run_one(self, waiting: _Waiting[Any], results: list[tuple[_Waiting[Any], Any]]) -> None:
        await self._connection.execute("SAVEPOINT unit")
        try:
            results.append((waiting, await waiting.unit(Work(self._connection, self._clock()))))
        except Exception as error:  # noqa: BLE001 - it belongs to the caller of this unit, not to its neighbours
            await self._connection.execute("ROLLBACK TO unit")
            waiting.fail(error)
        await self._connection.execute("RELEASE unit")


def _make_private(path: Path) -> None:
    """Make the file, or a restored copy of it, its owner's only: it holds tokens. The log beside it follows."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.fchmod(file, 0o600)
    finally:
        os.close(file)


class _Lock:
    """A lock beside the file that says who holds it; the kernel gives it back when the holder dies."""

    def __init__(self, path: Path, owner: Values) -> None:
        self._file = os.fdopen(os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600), "r+b", buffering=0)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = self._file.read(4096).decode(errors="replace") or "an unknown process"
            self._file.close()
            raise StoreBusy(f"{path} is owned by {holder}; stop that daemon first") from error
        self._file.truncate(0)
        self._file.write(msgspec.json.encode(owner))

    def release(self) -> None:
        self._file.close()


async def _migrate(connection: aiosqlite.Connection) -> None:
    """Bring the schema to this program's version, one file and one commit at a time, forward only."""
    tables = [row["name"] for row in await connection.execute_fetchall("SELECT name FROM sqlite_schema")]
    if tables and "migrations" not in tables:
        raise StoreMismatch("the file is a database, but not a store of loadledger")
    await connection.execute(
        "CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, checksum TEXT NOT NULL) STRICT"
    )
    applied = {
        row["number"]: row["checksum"]
        for row in await connection.execute_fetchall("SELECT number, checksum FROM migrations")
    }
    known = {
        int(entry.name[:4]): entry.read_text()
        for entry in resources.files("state").joinpath("migrations").iterdir()
        if entry.name.endswith(".sql")
    }
    for number, checksum in applied.items():
        if number not in known or _checksum(known[number]) != checksum:
            raise StoreMismatch(f"the store has schema {number}, which this version of loadledger does not know")
    for number in sorted(known.keys() - applied.keys()):
        await connection.executescript(
            f"BEGIN IMMEDIATE;\n{known[number]}\n"
            f"INSERT INTO migrations VALUES ({number}, '{_checksum(known[number])}');\nCOMMIT;"
        )


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
