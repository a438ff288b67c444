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
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite
import msgspec

Result = TypeVar("Result")
Unit = Callable[["Work"], Result]
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

    def __init__(self, connection: sqlite3.Connection, now: datetime) -> None:
        self._connection = connection
        self.now = now  # one instant for the whole unit

    def rows(self, statement: str, **values: Any) -> list[sqlite3.Row]:  # noqa: ANN401 - SQL values
        """Return all rows of a query."""
        return self._connection.execute(_STATEMENTS[statement], values).fetchall()

    def row(self, statement: str, **values: Any) -> sqlite3.Row | None:  # noqa: ANN401
        """Return the first row of a query, or None."""
        found = self.rows(statement, **values)
        return found[0] if found else None

    def run(self, statement: str, **values: Any) -> int:  # noqa: ANN401
        """Run a statement and return how many rows it touched."""
        return self._connection.execute(_STATEMENTS[statement], values).rowcount


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
    done: "asyncio.Future[list[Any]]"

    def succeed(self, results: list[Any]) -> None:
        if not self.done.done():
            self.done.set_result(results)

    def fail(self, error: BaseException) -> None:
        if not self.done.done():
            self.done.set_exception(error)


class Database:
    """The open file. Made by `Database.open`; `close` waits for what was handed in before it."""

    def __init__(self, connection: Connection, lock: "_Lock", clock: Clock) -> None:
        self._connection = connection
        self._lock = lock
        self._clock = clock
        self._queue: asyncio.Queue[_Waiting | None] = asyncio.Queue()
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
            connection = Connection(partial(_connected, path), iter_chunk_size=64)
            _ = await connection
        except BaseException:
            lock.release()
            raise
        try:
            await connection.call(_prepare)
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
        [result] = await self.run_all([unit])
        if isinstance(result, Exception):
            raise result
        return result

    async def run_all(self, units: Sequence[Unit[Result]]) -> list[Result | Exception]:
        """Hand several units to the writer, for one commit, and return what came of each.

        A unit that fails is undone alone; its error stands in its place.
        """
        if self._writer.done():
            raise StoreError("the store is closed")
        waiting = _Waiting(units, asyncio.get_running_loop().create_future())
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
        units = [waiting.units for waiting in batch]
        try:
            results = await self._connection.call(lambda connection: _committed(connection, units, self._clock))
        except sqlite3.Error as error:
            for waiting in batch:
                waiting.fail(StoreError(f"the store could not commit: {error}"))
            return
        for waiting, outcome in zip(batch, results, strict=True):
            waiting.succeed(outcome)


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.row_factory = sqlite3.Row
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    """Make the connection durable and exclusive, and the schema this program's."""
    for pragma in _PRAGMAS:
        connection.execute(pragma)
    _migrate(connection)


def _committed(connection: sqlite3.Connection, groups: Sequence[Sequence[Unit[Any]]], clock: Clock) -> list[list[Any]]:
    """Run groups of units in one commit and return what came of each unit; nothing of it stands if this raises."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        results = [[_undone_alone(connection, unit, clock) for unit in units] for units in groups]
        connection.execute("COMMIT")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return results


def _undone_alone(connection: sqlite3.Connection, unit: Unit[Result], clock: Clock) -> Result | Exception:
    """Run one unit; if it fails, undo it and return its error, which is no matter of its neighbours'."""
    connection.execute("SAVEPOINT unit")
    result: Result | Exception
    try:
        result = unit(Work(connection, clock()))
    except Exception as error:  # noqa: BLE001 - it belongs to the caller of this unit
        connection.execute("ROLLBACK TO unit")
        result = error
    connection.execute("RELEASE unit")
    return result


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


def _migrate(connection: sqlite3.Connection) -> None:
    """Bring the schema to this program's version, one file and one commit at a time, forward only."""
    tables = [row["name"] for row in connection.execute("SELECT name FROM sqlite_schema")]
    if tables and "migrations" not in tables:
        raise StoreMismatch("the file is a database, but not a store of loadledger")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, checksum TEXT NOT NULL) STRICT"
    )
    applied = {row["number"]: row["checksum"] for row in connection.execute("SELECT number, checksum FROM migrations")}
    known = {
        int(entry.name[:4]): entry.read_text()
        for entry in resources.files("state").joinpath("migrations").iterdir()
        if entry.name.endswith(".sql")
    }
    for number, checksum in applied.items():
        if number not in known or _checksum(known[number]) != checksum:
            raise StoreMismatch(f"the store has schema {number}, which this version of loadledger does not know")
    for number in sorted(known.keys() - applied.keys()):
        connection.executescript(
            f"BEGIN IMMEDIATE;\n{known[number]}\n"
            f"INSERT INTO migrations VALUES ({number}, '{_checksum(known[number])}');\nCOMMIT;"
        )


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
