from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from state.lifecycle import Effect, State, Trigger
from state.moves import Cause, Recorded
from state.outbox import Phase
from state.store import Filter, NotHeld
from state.transaction import Kind, Transaction
from tests.unit.conftest import OpenDesk
from tests.unit.fakes import Bench, spared

if TYPE_CHECKING:
    from tests.unit.conftest import Desk

OLGA = Cause("olga", "checked")


@pytest.fixture(autouse=True)
def spare(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with spared(monkeypatch):
        yield


@pytest.fixture
async def desk(open_desk: OpenDesk) -> "Desk":
    """Return a store whose new documents wait for their release."""
    return await open_desk(auto=False)


async def phases(desk: "Desk", transaction: Transaction) -> list[Phase]:
    return [each.phase for each in await desk.store.standings(transaction.id)]


async def dated(desk: "Desk", load: str, day: int, kind: Kind = Kind.CUSTOMER_INVOICE) -> Transaction:
    sourced = desk.sourced(load=load, kind=kind)
    assert sourced.content is not None
    return await desk.new(load=load, kind=kind, content=replace(sourced.content, issued_on=date(2026, 10, day)))


async def test_new_document_waits_for_its_release_and_then_leaves(desk: "Desk") -> None:
    bench, waiting = Bench(desk), await desk.new()
    await bench.drain()
    assert ((await desk.again(waiting)).state, await phases(desk, waiting)) == (State.PENDING, [Phase.HELD])
    await desk.store.release(waiting.id, OLGA)
    await bench.drain()
    assert (await desk.again(waiting)).state is State.EXPORTED
    assert [(each.trigger, each.actor, each.reason) for each in await desk.store.history(waiting.id)][1] == (
        "export_released",
        "olga",
        "checked",
    )


async def test_what_does_not_wait_can_not_be_released(desk: "Desk") -> None:
    waiting = await desk.new()
    await desk.store.release(waiting.id, OLGA)
    with pytest.raises(NotHeld):
        await desk.store.release(waiting.id, OLGA)


async def test_newer_revision_of_what_is_not_in_the_books_waits_anew(desk: "Desk") -> None:
    waiting = await desk.new("100.00")
    await desk.store.release(waiting.id, OLGA)
    assert await desk.record("120.00") is Recorded.CHANGED
    assert await phases(desk, waiting) == [Phase.HELD]


async def test_update_of_what_is_in_the_books_leaves_by_itself(desk: "Desk") -> None:
    bench, waiting = Bench(desk), await desk.new("100.00")
    await desk.store.release(waiting.id, OLGA)
    await bench.drain()
    await desk.record("120.00")
    assert await phases(desk, waiting) == [Phase.WAITING]


async def test_withdrawn_before_its_release_it_never_leaves(desk: "Desk") -> None:
    waiting = await desk.new()
    await desk.withdraw()
    assert ((await desk.again(waiting)).state, await phases(desk, waiting)) == (State.REVERTED, [])
    await desk.record()
    assert await phases(desk, waiting) == [Phase.HELD]


@pytest.mark.parametrize("asked", [Trigger.RETRY_REQUESTED, Trigger.REEXPORT_REQUESTED])
async def test_what_a_person_asks_for_needs_no_other_release(desk: "Desk", asked: Trigger) -> None:
    waiting = await desk.new()
    await desk.store.release(waiting.id, OLGA)
    if asked is Trigger.RETRY_REQUESTED:
        refused = await desk.finish(await desk.announced(), desk.no())
        await desk.store.retry(refused.id, OLGA)
    else:
        await desk.apply(await desk.apply(await desk.again(waiting), Trigger.REVERT_REQUESTED), asked)
    assert await phases(desk, waiting) == [Phase.WAITING]


async def test_those_that_wait_are_found_by_kind_and_day_oldest_first(desk: "Desk") -> None:
    late, bill = await dated(desk, "1001", 9), await dated(desk, "1002", 7, Kind.CARRIER_BILL)
    early, gone = await dated(desk, "1003", 4), await dated(desk, "1004", 5)
    await desk.store.release(gone.id, OLGA)
    assert await desk.store.unreleased() == [early.id, bill.id, late.id]
    assert await desk.store.unreleased(kind=Kind.CUSTOMER_INVOICE, dated_until=date(2026, 10, 8)) == [early.id]
    assert {each.label for each in await desk.store.page(Filter(unreleased=True))} == {"1001", "1002", "1003"}


async def test_turned_on_again_what_waited_still_waits_and_what_is_new_leaves(open_desk: OpenDesk) -> None:
    desk = await open_desk(auto=False)
    waiting = await desk.new(load="1001")
    await desk.crash()
    desk = await open_desk()
    new = await desk.new(load="1002")
    assert (await phases(desk, waiting), await phases(desk, new)) == ([Phase.HELD], [Phase.WAITING])


async def test_turned_off_what_was_let_go_still_leaves(open_desk: OpenDesk) -> None:
    desk = await open_desk()
    let_go = await desk.new(load="1001")
    await desk.crash()
    desk = await open_desk(auto=False)
    assert await phases(desk, let_go) == [Phase.WAITING]
    assert {row.effect: row.messages for row in await desk.store.backlog()} == {Effect.EXPORT: 1}
