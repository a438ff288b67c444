from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from adapters.ports import Census, Found, Roster, Unavailable
from engine.intake import SLICE, Intake
from engine.loop import Loop, Pass
from state.lifecycle import State
from state.moves import Recorded
from state.problem import problem
from state.store import Filter
from state.transaction import Content, Kind, Money, Sourced
from state.trouble import StoreError
from tests.unit.fakes import Bench, Window, spared

if TYPE_CHECKING:
    from state.transaction import Transaction
    from tests.unit.conftest import Desk

OVERLAP = timedelta(minutes=10)
CURSOR = "intake.freight"


@pytest.fixture(autouse=True)
def spare(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with spared(monkeypatch):
        yield


class Reader:
    """Intake from a fake TMS, with what it told others."""

    def __init__(self, desk: "Desk") -> None:
        self.desk = desk
        self.bench = Bench(desk)
        self.tms = self.bench.tms
        self.first = desk.clock.now - timedelta(days=7)
        self.counted: list[Recorded] = []
        self.rung = 0
        self.intake = Intake(
            desk.store,
            self.tms,
            first=self.first,
            clock=desk.clock,
            recorded=self.counted.append,
            wake=self._ring,
            cursor=CURSOR,
        )

    def _ring(self) -> None:
        self.rung += 1

    async def cursor(self) -> object:
        return await self.desk.store.memory.cursor(CURSOR)

    async def labels(self) -> list[str]:
        return sorted(transaction.label for transaction in await self.desk.store.page(Filter()))

    async def only(self) -> "Transaction":
        [transaction] = await self.desk.store.page(Filter())
        return transaction


@pytest.fixture
def reader(desk: "Desk") -> Reader:
    return Reader(desk)


# -- windows and the cursor -------------------------------------------------------------------------------------------


async def test_first_look_begins_at_the_first_date_and_ends_now(reader: Reader) -> None:
    await reader.intake.run_once()

    assert reader.tms.windows == [Window(reader.first, reader.desk.clock.now)]
    assert await reader.cursor() == reader.desk.clock.now


async def test_next_look_begins_an_overlap_before_the_end_of_the_last(reader: Reader) -> None:
    await reader.intake.run_once()
    ended = reader.desk.clock.now
    reader.desk.clock.forward(hours=1)

    await reader.intake.run_once()

    assert reader.tms.windows[-1] == Window(ended - OVERLAP, reader.desk.clock.now)


async def test_overlap_never_reaches_behind_the_first_date(reader: Reader) -> None:
    await reader.desk.store.memory.advance(CURSOR, reader.first + timedelta(minutes=1))

    await reader.intake.run_once()

    assert reader.tms.windows == [Window(reader.first, reader.desk.clock.now)]


async def test_long_past_is_read_in_slices_that_leave_no_gap_and_overlap_once(reader: Reader) -> None:
    left_off = reader.first + timedelta(days=1)
    await reader.desk.store.memory.advance(CURSOR, left_off)
    reader.desk.clock.forward(days=10)

    await reader.intake.run_once()

    borders = [left_off - OVERLAP, left_off + SLICE, left_off + 2 * SLICE, reader.desk.clock.now]
    assert reader.tms.windows == [Window(*slice_) for slice_ in pairwise(borders)]
    assert await reader.cursor() == reader.desk.clock.now


async def test_interrupted_reading_of_a_long_past_goes_on_after_its_last_whole_slice(reader: Reader) -> None:
    seen: list[object] = []

    async def look() -> None:
        seen.append(await reader.cursor())
        if len(seen) == 2:
            raise Unavailable("busy")

    reader.desk.clock.forward(days=30)
    reader.tms.chunks, reader.tms.between = [[reader.desk.sourced()]], look
    with pytest.raises(Unavailable):
        await reader.intake.run_once()
    reached = reader.first + SLICE
    assert (seen, await reader.cursor()) == ([None, reached], reached)

    await reader.intake.run_once()

    assert reader.tms.windows[2].since == reached - OVERLAP


async def test_overlap_longer_than_a_slice_never_takes_the_cursor_back(reader: Reader) -> None:
    reader.desk.clock.forward(days=30)
    reached = reader.first + timedelta(days=20)
    await reader.desk.store.memory.advance(CURSOR, reached)
    reader.tms.overlap = 2 * SLICE

    await reader.intake.run_once()

    assert reader.tms.windows[0] == Window(reached - 2 * SLICE, reached + SLICE)


async def test_nothing_is_read_before_the_first_date_has_come(reader: Reader) -> None:
    reader.desk.clock.forward(days=-8)

    await reader.intake.run_once()

    assert (reader.tms.windows, await reader.cursor()) == ([], None)


async def test_first_date_after_the_cursor_is_where_the_next_look_begins(reader: Reader) -> None:
    await reader.desk.store.memory.advance(CURSOR, reader.first - 2 * SLICE)

    await reader.intake.run_once()

    assert reader.tms.windows == [Window(reader.first, reader.desk.clock.now)]


async def test_cursor_stands_at_the_beginning_of_the_look_not_at_its_end(reader: Reader) -> None:
    began = reader.desk.clock.now

    async def time_passes() -> None:
        reader.desk.clock.forward(minutes=30)

    reader.tms.chunks, reader.tms.between = [[reader.desk.sourced()]], time_passes

    await reader.intake.run_once()

    assert await reader.cursor() == began


async def test_cursor_does_not_move_before_everything_is_recorded(reader: Reader) -> None:
    seen: list[tuple[object, list[str]]] = []

    async def look() -> None:
        seen.append((await reader.cursor(), await reader.labels()))

    reader.tms.chunks = [[reader.desk.sourced(load="1")], [reader.desk.sourced(load="2")]]
    reader.tms.between = look

    await reader.intake.run_once()

    assert seen == [(None, ["1"]), (None, ["1", "2"])]
    assert await reader.cursor() == reader.desk.clock.now


async def test_chunk_that_fails_leaves_the_cursor_and_keeps_what_came_before_it(reader: Reader) -> None:
    await reader.intake.run_once()
    before = await reader.cursor()
    reader.desk.clock.forward(hours=1)
    reader.tms.chunks = [[reader.desk.sourced(load="1")], Unavailable("busy"), [reader.desk.sourced(load="2")]]

    with pytest.raises(Unavailable):
        await reader.intake.run_once()
    assert (await reader.cursor(), await reader.labels()) == (before, ["1"])

    del reader.tms.chunks[1]
    await reader.intake.run_once()
    assert (await reader.cursor(), await reader.labels()) == (reader.desk.clock.now, ["1", "2"])
    assert reader.tms.windows[-1].since == reader.tms.windows[-2].since
    assert reader.counted == [Recorded.NEW, Recorded.UNCHANGED, Recorded.NEW]


async def test_store_that_can_not_be_used_leaves_the_cursor_and_ends_the_loop(reader: Reader) -> None:
    reader.tms.chunks = [[reader.desk.sourced(load="1")], [reader.desk.sourced(load="2")]]
    reader.tms.between = reader.desk.crash

    async def body() -> None:
        await reader.intake.run_once()

    with pytest.raises(ExceptionGroup) as caught:
        await Loop("intake", 60, body, lambda name, result, rest: None).run()

    assert caught.value.subgroup(StoreError) is not None


async def test_store_that_fails_once_is_not_tried_again_with_something_else(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*given: object) -> None:
        monkeypatch.undo()
        raise StoreError("the disk is full")

    reader.tms.chunks = [[reader.desk.sourced()]]
    monkeypatch.setattr(reader.desk.store, "record", full)

    with pytest.raises(ExceptionGroup):
        await reader.intake.run_once()

    assert (await reader.labels(), await reader.cursor()) == ([], None)


# -- what becomes of a record -----------------------------------------------------------------------------------------


async def test_new_changed_and_unchanged_records_are_told_apart_and_only_news_wake_the_relay(reader: Reader) -> None:
    for amount in ("100.00", "120.00", "120.00"):
        reader.tms.chunks = [[reader.desk.sourced(amount)]]
        await reader.intake.run_once()

    assert (reader.counted, reader.rung) == ([Recorded.NEW, Recorded.CHANGED, Recorded.UNCHANGED], 2)
    recorded = await reader.only()
    assert (recorded.revision, recorded.total, recorded.state) == (2, Money(12_000), State.PENDING)
    assert [(each.actor, each.reason) for each in await reader.desk.store.history(recorded.id)] == [
        ("intake", "seen in the TMS")
    ] * 2


async def test_record_shown_in_two_chunks_is_one_transaction(reader: Reader) -> None:
    sourced = reader.desk.sourced()
    reader.tms.chunks = [[sourced, sourced], [sourced]]

    await reader.intake.run_once()

    assert sorted(reader.counted) == [Recorded.NEW, Recorded.UNCHANGED, Recorded.UNCHANGED]
    assert (await reader.only()).revision == 1


async def test_invoice_and_bill_of_the_same_id_are_two_transactions(reader: Reader) -> None:
    reader.tms.chunks = [[reader.desk.sourced(), reader.desk.sourced(kind=Kind.CARRIER_BILL)]]

    await reader.intake.run_once()

    assert reader.counted == [Recorded.NEW, Recorded.NEW]


async def test_record_with_a_problem_becomes_an_error_that_names_it(reader: Reader) -> None:
    missing = problem("date_missing", "load 1001 has no invoice date")
    reader.tms.chunks = [[reader.desk.sourced(content=None, problem=missing), reader.desk.sourced(load="good")]]

    await reader.intake.run_once()
    await reader.bench.drain()

    [good, bad] = await reader.desk.store.page(Filter())
    if good.label != "good":
        good, bad = bad, good
    assert (bad.state, bad.problem) == (State.ERROR, missing)
    assert good.state is State.EXPORTED


async def test_problem_that_is_fixed_at_the_source_is_exported(reader: Reader) -> None:
    reader.tms.chunks = [[reader.desk.sourced(content=None, problem=problem("date_missing"))]]
    await reader.intake.run_once()
    await reader.bench.drain()
    reader.tms.chunks = [[reader.desk.sourced()]]

    await reader.intake.run_once()
    await reader.bench.drain()

    fixed = await reader.only()
    assert (fixed.state, fixed.problem, reader.counted) == (State.EXPORTED, None, [Recorded.NEW, Recorded.CHANGED])


async def test_withdrawn_record_leaves_accounting_and_is_told_once(reader: Reader) -> None:
    reader.tms.chunks = [[reader.desk.sourced()]]
    await reader.intake.run_once()
    await reader.bench.drain()
    reader.tms.chunks = [[reader.desk.sourced(content=None, withdrawn=True)]]

    await reader.intake.run_once()
    await reader.intake.run_once()
    await reader.bench.drain()
    await reader.intake.run_once()

    gone = await reader.only()
    assert (gone.state, reader.bench.books.live("id of 1001")) == (State.REVERTED, [])
    assert reader.counted == [Recorded.NEW, Recorded.WITHDRAWN, Recorded.UNCHANGED, Recorded.UNCHANGED]
    assert reader.rung == 2
    reasons = [each.reason for each in await reader.desk.store.history(gone.id)]
    assert reasons[2] == "withdrawn in the TMS"


async def test_withdrawn_record_nobody_knew_is_no_transaction(reader: Reader) -> None:
    reader.tms.chunks = [[reader.desk.sourced(content=None, withdrawn=True)]]

    await reader.intake.run_once()

    assert (await reader.labels(), reader.counted) == ([], [Recorded.UNCHANGED])


async def test_record_the_store_can_not_hold_becomes_a_problem_and_stops_neither_neighbours_nor_cursor(
    reader: Reader,
) -> None:
    def sized(load: str, minor: int) -> Content:
        content = reader.desk.sourced(load=load).content
        assert content is not None
        return replace(content, total=Money(minor))

    reader.tms.chunks = [
        [reader.desk.sourced(load="1"), reader.desk.sourced(load="poison", content=sized("poison", 2**63))],
        [reader.desk.sourced(load="2")],
    ]
    ended: list[Pass] = []

    async def body() -> None:
        await reader.intake.run_once()

    await Loop("intake", 60, body, lambda name, result, rest: ended.append(result)).run_once()
    await reader.bench.drain()

    assert (await reader.labels(), ended) == (["1", "2", "poison"], [Pass.DONE])
    assert await reader.cursor() is not None
    [poison] = await reader.desk.store.page(Filter(search="poison"))
    assert (poison.state, poison.problem and poison.problem.code) == (State.ERROR, "shape_unknown")
    assert len(reader.bench.books.documents) == 2


# -- what the TMS lists no longer -------------------------------------------------------------------------------------


STATEMENTS = frozenset({Kind.DRIVER_STATEMENT, Kind.DRIVER_STATEMENT_CREDIT})


def listing(*listed: str, first: date = date(2026, 10, 1), last: date = date(2026, 10, 31)) -> Census:
    return Census(STATEMENTS, first, last, frozenset(listed))


async def look(reader: Reader, *found: Found) -> None:
    reader.tms.chunks = list(found)
    await reader.intake.run_once()


async def test_what_is_not_listed_in_two_looks_is_withdrawn(reader: Reader) -> None:
    statement = reader.desk.sourced(load="10001", kind=Kind.DRIVER_STATEMENT)
    await look(reader, [statement], listing(statement.source_id))
    await look(reader, listing())
    assert (await reader.only()).state is State.PENDING
    await look(reader, listing())
    assert (await reader.only()).state is State.REVERTED


async def test_what_is_listed_again_in_between_stays(reader: Reader) -> None:
    statement = reader.desk.sourced(load="10001", kind=Kind.DRIVER_STATEMENT)
    for listed in ((statement.source_id,), (), (statement.source_id,), ()):
        await look(reader, [statement] if listed else [], listing(*listed))
    assert (await reader.only()).state is State.PENDING


@pytest.mark.parametrize(
    "census",
    [
        listing(first=date(2026, 10, 6)),
        listing(last=date(2026, 10, 3)),
        Census(frozenset({Kind.CARRIER_STATEMENT}), date(2026, 10, 1), date(2026, 10, 31), frozenset()),
    ],
)
async def test_what_a_census_does_not_speak_of_stays(reader: Reader, census: Census) -> None:
    await look(reader, [reader.desk.sourced(load="10001", kind=Kind.DRIVER_STATEMENT)])
    await look(reader, census)
    await look(reader, census)
    assert (await reader.only()).state is State.PENDING


# -- what belongs to one record of the TMS -------------------------------------------------------------------------


PAID = frozenset({Kind.CUSTOMER_PAYMENT})


def payment(reader: Reader, source_id: str, kind: Kind = Kind.CUSTOMER_PAYMENT) -> Sourced:
    return replace(reader.desk.sourced(kind=kind), source_id=source_id, label=source_id)


async def standing(reader: Reader) -> set[str]:
    every = await reader.desk.store.page(Filter())
    return {transaction.source_id for transaction in every if transaction.state is not State.REVERTED}


async def test_what_belongs_to_a_record_and_is_not_on_its_roster_is_withdrawn_at_once(reader: Reader) -> None:
    paid = [payment(reader, each) for each in ("load-1/a", "load-1/b", "load-1")]
    await look(reader, paid, Roster(PAID, "load-1", frozenset({"load-1/b"})))
    assert await standing(reader) == {"load-1/b", "load-1"}


async def test_roster_speaks_of_its_record_and_its_kinds_alone(reader: Reader) -> None:
    others = ("load-10/a", "load-1-2/a", "load-0/a", "load-2/a", "load-1")
    paid = [payment(reader, each) for each in others]
    await look(reader, [*paid, payment(reader, "load-1/a", Kind.DRIVER_BILL)], Roster(PAID, "load-1", frozenset()))
    assert await standing(reader) == {*others, "load-1/a"}


async def test_what_comes_back_onto_a_roster_comes_back(reader: Reader) -> None:
    paid = payment(reader, "load-1/a")
    await look(reader, [paid], Roster(PAID, "load-1", frozenset()))
    assert await standing(reader) == set()
    await look(reader, [paid], Roster(PAID, "load-1", frozenset({"load-1/a"})))
    assert await standing(reader) == {"load-1/a"}
