"""SQLite inside the loop: the connection's thread runs inline, and a killed life loses its files as a process would."""

import fcntl
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, Final
from unittest.mock import patch

from typing_extensions import override

from tests.simulation.loop import LIFE, Killed, Loop

_CONNECT: Final = sqlite3.connect
_FLOCK: Final = fcntl.flock


class Connection(sqlite3.Connection):
    """A connection of a life: every statement is counted, and none is executed once the life has ended."""

    committed: Callable[["Connection"], None]

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.life = LIFE.get()
        self.open = True
        self._heard_of = 0

    @override
    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        if self.life is not None:
            self.life.statement()
        cursor = super().execute(sql, parameters)
        if sql == "COMMIT" and self.total_changes != self._heard_of:
            self._heard_of = self.total_changes
            self.committed(self)
        return cursor

    @override
    def executescript(self, sql: str) -> sqlite3.Cursor:
        if self.life is not None:
            self.life.statement()
        return super().executescript(sql)

    @override
    def close(self) -> None:
        self.open = False
        super().close()

    def look(self, sql: str, parameters: Any = ()) -> list[Any]:
        """Read as an onlooker: not counted, and as plain tuples."""
        cursor = self.cursor()
        cursor.row_factory = None
        return cursor.execute(sql, parameters).fetchall()


class _Inline:
    """Stands for a connection's queue and thread: what is put is run at once, and told of in a later turn."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop

    def put_nowait(self, item: tuple[Any, Callable[[], Any]]) -> None:
        future, function = item
        try:
            tell = partial(_tell, future, function(), None)
        except (Exception, Killed) as error:  # noqa: BLE001 - the caller's, as from the thread
            tell = partial(_tell, future, None, error)
        if future is not None and not self._loop.is_closed():
            self._loop.call_soon(tell)


def _tell(future: Any, result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


class _NoThread:
    """Stands for the connection's thread."""

    def __init__(self, **_: Any) -> None:
        self.daemon = True

    def start(self) -> None:
        """Do nothing: what the thread would do is done inline."""


class Disk:
    """What the lives of one loop hold open. `committed` hears of every commit that changed a row, on its connection."""

    def __init__(self, loop: Loop, committed: Callable[[Connection], None]) -> None:
        self._loop = loop
        self._committed = committed
        self.owner: Connection | None = None

    @contextmanager
    def mounted(self) -> Iterator[None]:
        """Let every file of a life be opened through here."""
        with ExitStack() as patches:
            patches.enter_context(patch("aiosqlite.core.SimpleQueue", lambda: _Inline(self._loop)))
            patches.enter_context(patch("aiosqlite.core.Thread", _NoThread))
            patches.enter_context(patch("sqlite3.connect", self._connect))
            patches.enter_context(patch("fcntl.flock", _flock))
            yield

    def _connect(self, database: Any, **options: Any) -> sqlite3.Connection:
        life = LIFE.get()
        if life is None:
            plain: sqlite3.Connection = _CONNECT(database, **options)
            return plain
        # Nobody can give a lock up while we wait for it: there is one thread.
        connection: Connection = _CONNECT(database, factory=Connection, timeout=0, **options)
        connection.committed = self._committed
        life.at_death(connection.close)
        if self.owner is None or self.owner.life is None or not self.owner.life.alive:
            self.owner = connection
        return connection


def _flock(file: Any, operation: int) -> None:
    _FLOCK(file, operation)
    life = LIFE.get()
    if life is not None and hasattr(file, "close"):
        life.at_death(file.close)
