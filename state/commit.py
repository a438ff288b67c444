"""One commit: the units of work that it is made of, what each may do, and how one that fails is undone alone."""

import re
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import resources
from typing import Any, NamedTuple, TypeVar

from state.instants import Clock, to_micros
from state.trouble import StoreFull, trouble

Result = TypeVar("Result")
Unit = Callable[["Work"], Result]


def _statements() -> dict[str, str]:
    text = resources.files("state").joinpath("queries.sql").read_text()
    parts = re.split(r"^-- (\w+): .*$", text, flags=re.MULTILINE)[1:]
    return {name: body.strip() for name, body in zip(parts[::2], parts[1::2], strict=True)}


_STATEMENTS = _statements()


class Work:
    """What a unit may do: run statements of queries.sql, by name, inside the writer's commit.

    `now` is one instant for the whole commit, `micros` the same as columns hold it.
    """

    def __init__(self, connection: sqlite3.Connection, clock: Clock) -> None:
        self._connection = connection
        self.now = clock()
        self.micros = to_micros(self.now)

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


class Group(NamedTuple):
    """Units that belong together, and why they may not write, if so."""

    units: Sequence[Unit[Any]]
    refused: StoreFull | None


def commit(connection: sqlite3.Connection, groups: Sequence[Group], clock: Clock) -> list[list[Any]]:
    """Run groups of units in one commit and return what came of each unit; nothing of it stands if this raises.

    A unit that fails has its error for a result. Hardly any does, so they are first run as if none could; if one does
    after all, everything is undone, and then done again unit by unit, each of which can be undone alone.
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
        results = _at_one_go(connection, groups, clock)
        if results is None:
            connection.execute("ROLLBACK")
            connection.execute("BEGIN IMMEDIATE")
            results = _one_by_one(connection, groups, clock)
        connection.execute("COMMIT")
    except sqlite3.Error:
        if connection.in_transaction:
            with suppress(sqlite3.Error):  # the first error is the one to tell
                connection.execute("ROLLBACK")
        raise
    return results


def _at_one_go(connection: sqlite3.Connection, groups: Sequence[Group], clock: Clock) -> list[list[Any]] | None:
    """Run all units and return what came of them, or None if one failed, or may not write."""
    if any(group.refused for group in groups):
        return None
    work = Work(connection, clock)
    try:
        return [[_whole(connection, unit(work)) for unit in group.units] for group in groups]
    except Exception as error:
        if trouble(error) or not connection.in_transaction:
            raise
        return None


def _whole(connection: sqlite3.Connection, result: Result) -> Result:
    """Return the result of a unit if the commit it is part of still goes on."""
    if not connection.in_transaction:
        raise sqlite3.OperationalError("a unit ended the commit that it was part of")
    return result


def _one_by_one(connection: sqlite3.Connection, groups: Sequence[Group], clock: Clock) -> list[list[Any]]:
    work = Work(connection, clock)
    return [[_undone_alone(connection, work, unit, refused) for unit in units] for units, refused in groups]


def _undone_alone(
    connection: sqlite3.Connection, work: Work, unit: Unit[Result], refused: StoreFull | None
) -> Result | Exception:
    """Run one unit; if it fails, undo it and return its error, which is no matter of its neighbours'."""
    connection.execute("SAVEPOINT unit")
    before = connection.total_changes
    result: Result | Exception
    try:
        result = unit(work)
    except Exception as error:
        if trouble(error):
            raise
        result = error
    if refused and connection.total_changes != before:
        result = refused
    if isinstance(result, Exception):
        connection.execute("ROLLBACK TO unit")
    connection.execute("RELEASE unit")
    return result
