import asyncio
import os
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from state.commit import Work
from state.database import Database
from state.instants import from_micros, to_micros
from state.trouble import StoreBusy, StoreError, StoreMismatch

if TYPE_CHECKING:
    from tests.unit.conftest import Clock, Desk, OpenDesk

PATIENCE = 10.0  # seconds a unit waits for its test, at most


def database(desk: "Desk") -> Database:
    return desk.store._database


# -- one commit -------------------------------------------------------------------------------------------------------


async def linked(desk: "Desk", *keys: str) -> list[str | None]:
    return [await desk.store.memory.linked("customer", key) for key in keys]


def remember(work: Work, key: str) -> str:
    work.run("link", kind="customer", key=key, target=f"target of {key}")
    return key


async def test_failing_unit_is_undone_alone_while_its_neighbours_are_kept(desk: "Desk") -> None:
    def fails(work: Work) -> None:
        remember(work, "second")
        raise LookupError("second went wrong")

    first, second, third = await asyncio.gather(
        database(desk).run(lambda work: remember(work, "first")),
        database(desk).run(fails),
        database(desk).run(lambda work: remember(work, "third")),
        return_exceptions=True,
    )

    assert (first, third) == ("first", "third")
    assert isinstance(second, LookupError)
    assert await linked(desk, "first", "second", "third") == ["target of first", None, "target of third"]


async def test_unit_that_breaks_a_constraint_is_undone_alone(desk: "Desk") -> None:
    def fails(work: Work) -> None:
        remember(work, "second")
        work.run("link", kind="customer", key="second", target=None)

    first, second = await asyncio.gather(
        database(desk).run(lambda work: remember(work, "first")), database(desk).run(fails), return_exceptions=True
    )

    assert first == "first"
    assert isinstance(second, sqlite3.IntegrityError)
    assert await linked(desk, "first", "second") == ["target of first", None]


async def test_unit_sees_what_those_before_it_did(desk: "Desk") -> None:
    _, seen = await asyncio.gather(
        database(desk).run(lambda work: remember(work, "first")),
        database(desk).run(lambda work: work.row("linked", kind="customer", key="first")),
    )

    assert seen is not None
    assert seen["target"] == "target of first"


async def test_failed_commit_fails_every_unit_of_it_and_keeps_none(desk: "Desk") -> None:
    def ends_everything(work: Work) -> None:
        remember(work, "second")
        work._connection.execute("ROLLBACK")  # as SQLite itself does when the disk is full

    first, second = await asyncio.gather(
        database(desk).run(lambda work: remember(work, "first")),
        database(desk).run(ends_everything),
        return_exceptions=True,
    )

    assert isinstance(first, StoreError)
    assert isinstance(second, StoreError)
    assert await linked(desk, "first", "second") == [None, None]


async def test_commit_that_is_refused_is_rolled_back_and_the_next_succeeds(desk: "Desk") -> None:
    def leaves_an_orphan(work: Work) -> None:
        work._connection.execute("PRAGMA defer_foreign_keys = ON")
        work.run("settle", transaction_id=404, payment_id="p", amount=1, told=0)

    first, second = await asyncio.gather(
        database(desk).run(lambda work: remember(work, "first")),
        database(desk).run(leaves_an_orphan),
        return_exceptions=True,
    )

    assert isinstance(first, StoreError)
    assert isinstance(second, StoreError)
    assert "FOREIGN KEY" in str(second)
    assert await linked(desk, "first") == [None]
    assert await database(desk).run(lambda work: remember(work, "next")) == "next"


async def test_unit_of_a_cancelled_caller_is_still_committed(desk: "Desk") -> None:
    entered, leave = threading.Event(), threading.Event()

    def slow(work: Work) -> str:
        entered.set()
        leave.wait(PATIENCE)
        return remember(work, "first")

    caller = asyncio.create_task(database(desk).run(slow))
    await asyncio.to_thread(entered.wait, PATIENCE)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    leave.set()

    assert await linked(desk, "first") == ["target of first"]


async def test_failure_of_a_cancelled_callers_unit_disturbs_nobody(desk: "Desk") -> None:
    entered, leave = threading.Event(), threading.Event()

    def fails(work: Work) -> None:
        entered.set()
        leave.wait(PATIENCE)
        raise LookupError("nobody waits for this")

    caller = asyncio.create_task(database(desk).run(fails))
    await asyncio.to_thread(entered.wait, PATIENCE)
    caller.cancel()
    await asyncio.wait([caller])
    leave.set()

    assert await database(desk).run(lambda work: remember(work, "next")) == "next"


async def test_more_units_than_one_commit_takes_are_all_committed_in_order(desk: "Desk") -> None:
    keys = [f"key {number}" for number in range(600)]

    def counted(work: Work, key: str) -> int:
        remember(work, key)
        return len(work._connection.execute("SELECT key FROM links").fetchall())

    results = await asyncio.gather(*(database(desk).run(partial(counted, key=key)) for key in keys))

    assert results == list(range(1, 601))


async def test_unit_sees_one_instant_and_the_next_unit_a_later_one(desk: "Desk") -> None:
    def instant(work: Work) -> object:
        desk.clock.forward(seconds=1)
        return work.now

    before = desk.clock.now

    assert [await database(desk).run(instant), await database(desk).run(instant)] == [
        before,
        from_micros(to_micros(before) + 1_000_000),
    ]


# -- the end ----------------------------------------------------------------------------------------------------------


async def test_close_waits_for_what_was_handed_in_before_it(desk: "Desk", open_desk: "OpenDesk") -> None:
    callers = [asyncio.create_task(desk.store.memory.link("customer", f"key {number}", "1")) for number in range(300)]
    await asyncio.sleep(0)  # every caller hands in its unit
    await desk.store.close()
    assert [caller.exception() for caller in callers] == [None] * 300

    again = await open_desk()
    assert await linked(again, "key 0", "key 299") == ["1", "1"]


async def test_closed_store_says_so(desk: "Desk") -> None:
    await desk.store.close()

    with pytest.raises(StoreError, match="the store is closed"):
        await desk.store.memory.linked("customer", "key")
    with pytest.raises(StoreError, match="the store is closed"):
        await desk.store.close()


async def test_unit_handed_in_while_the_store_closes_is_answered(desk: "Desk") -> None:
    late: list[asyncio.Task[str]] = []

    entered, leave = threading.Event(), threading.Event()

    def slow(work: Work) -> None:
        entered.set()
        leave.wait(PATIENCE)

    last = asyncio.create_task(database(desk).run(slow))
    closing_down = asyncio.create_task(database(desk).close())
    await asyncio.to_thread(entered.wait, PATIENCE)
    late.append(asyncio.create_task(database(desk).run(lambda work: remember(work, "late"))))
    await asyncio.sleep(0)
    leave.set()
    await asyncio.wait([last, closing_down])
    await asyncio.wait(late)

    assert isinstance(late[0].exception(), StoreError)


async def test_cancelled_close_leaves_no_caller_waiting(desk: "Desk") -> None:
    entered, leave = threading.Event(), threading.Event()

    def endless(work: Work) -> None:
        entered.set()
        leave.wait(PATIENCE)

    caller = asyncio.create_task(database(desk).run(endless))
    waits = asyncio.create_task(database(desk).run(lambda work: remember(work, "next")))
    await asyncio.to_thread(entered.wait, PATIENCE)
    closing_down = asyncio.create_task(database(desk).close())
    await asyncio.sleep(0)
    closing_down.cancel()
    leave.set()
    await asyncio.wait([caller, waits, closing_down])

    assert closing_down.cancelled()
    assert isinstance(caller.exception(), StoreError)
    assert isinstance(waits.exception(), StoreError)


async def test_store_that_can_not_say_it_stopped_gives_the_file_up_all_the_same(
    desk: "Desk", open_desk: "OpenDesk"
) -> None:
    await desk.execute("CREATE TRIGGER broken BEFORE UPDATE ON runs BEGIN SELECT RAISE(ABORT, 'the disk is full'); END")

    with pytest.raises(sqlite3.IntegrityError, match="the disk is full"):
        await desk.store.close()

    again = await open_desk()
    assert again.store.epoch == desk.store.epoch + 1
    await again.execute("DROP TRIGGER broken")


# -- the file ---------------------------------------------------------------------------------------------------------


async def test_store_makes_its_folder_and_keeps_its_files_from_others(desk: "Desk", path: Path) -> None:
    await desk.record()

    files = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert files == {"acme.db": 0o600, "acme.db-wal": 0o600, "acme.db.lock": 0o600, "acme.db.reserve": 0o600}


async def test_acknowledged_commits_survive_a_power_cut(desk: "Desk") -> None:
    pragmas = [(await desk.execute(f"PRAGMA {name}"))[0][0] for name in ("journal_mode", "synchronous", "foreign_keys")]

    assert pragmas == ["wal", 2, 1]


async def test_second_owner_is_told_who_holds_the_store(open_desk: "OpenDesk", path: Path) -> None:
    await open_desk(owner={"pid": 4711, "host": "dispatch-1"})

    with pytest.raises(StoreBusy) as refused:
        await open_desk(owner={"pid": 2})
    assert str(refused.value) == f'{path} is owned by {{"pid":4711,"host":"dispatch-1"}}; stop that daemon first'


async def test_holder_that_has_not_said_who_it_is_refuses_all_the_same(
    desk: "Desk", open_desk: "OpenDesk", path: Path
) -> None:
    os.truncate(f"{path}.lock", 0)

    with pytest.raises(StoreBusy, match="owned by an unknown process"):
        await open_desk()


async def test_store_is_free_once_its_owner_has_ended(desk: "Desk", open_desk: "OpenDesk") -> None:
    await desk.crash()

    assert (await open_desk(owner={"pid": 2})).store.epoch == 2


async def test_another_program_can_not_open_the_file_meanwhile(desk: "Desk", path: Path) -> None:
    with closing(sqlite3.connect(path, timeout=0)) as other, pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("SELECT * FROM transactions")


async def test_path_that_is_a_folder_is_refused_and_given_up(open_desk: "OpenDesk", tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(IsADirectoryError):
            await open_desk(at=tmp_path)


@pytest.fixture
def letter(path: Path) -> Iterator[Path]:
    """Put a letter where the store should be; it must still be there in the end."""
    path.parent.mkdir()
    path.write_text("Dear accountant, " * 100)
    yield path
    assert path.read_text() == "Dear accountant, " * 100


async def test_file_that_is_no_database_is_refused_and_left_alone(letter: Path, open_desk: "OpenDesk") -> None:

    for _ in range(2):
        with pytest.raises(StoreMismatch, match="can't be used as a store"):
            await open_desk()


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("CREATE TABLE recipes (name TEXT)", "not a store of loadledger"),
        ("CREATE TABLE migrations (id INTEGER, migration TEXT)", "can't be used as a store"),
    ],
)
async def test_database_of_another_program_is_refused_and_gets_no_tables(
    open_desk: "OpenDesk", path: Path, table: str, words: str
) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as other:
        other.execute(table)

    with pytest.raises(StoreMismatch, match=words):
        await open_desk()
    with closing(sqlite3.connect(path)) as other:
        assert [sql for (sql,) in other.execute("SELECT sql FROM sqlite_schema")] == [table]


@pytest.mark.parametrize(
    ("change", "number"),
    [
        ("INSERT INTO migrations VALUES (9999, 'of a later version')", 9999),
        ("UPDATE migrations SET checksum = 'of another text' WHERE number = 1", 1),
    ],
)
async def test_unknown_schema_is_refused_and_given_up(
    desk: "Desk", open_desk: "OpenDesk", path: Path, change: str, number: int
) -> None:
    await desk.execute(change)
    await desk.store.close()

    for _ in range(2):
        with pytest.raises(StoreMismatch, match=f"has schema {number}, which this version of loadledger does not know"):
            await open_desk()


async def test_migration_that_fails_leaves_nothing_behind(open_desk: "OpenDesk", path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE migrations (number INTEGER PRIMARY KEY, checksum TEXT NOT NULL) STRICT")
        other.execute("CREATE TABLE history (name TEXT)")  # the first migration meets it half-way

    with pytest.raises(StoreMismatch, match="history already exists"):
        await open_desk()
    with closing(sqlite3.connect(path)) as other:
        tables = {name for (name,) in other.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        assert tables == {"migrations", "history"}
        assert other.execute("SELECT count(*) FROM migrations").fetchone() == (0,)


@pytest.mark.parametrize(("entity", "company"), [("Other LLC", "9341"), ("Acme LLC", "666")])
async def test_books_of_another_entity_or_company_are_refused(
    desk: "Desk", open_desk: "OpenDesk", entity: str, company: str
) -> None:
    await desk.store.close()

    with pytest.raises(StoreMismatch, match="holds the books of Acme LLC in company 9341"):
        await open_desk(entity, company)
    assert (await open_desk()).store.epoch == 2  # the refused one was no owner, and left the file free


# -- instants ---------------------------------------------------------------------------------------------------------


def test_instants_are_exact_to_the_microsecond(clock: "Clock") -> None:
    assert to_micros(clock.now) == 1_791_190_800_123_456
    assert from_micros(1_791_190_800_123_456) == clock.now
    assert from_micros(to_micros(clock.now)).utcoffset() == clock.now.utcoffset()
