from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

import pytest

from engine.periods import Periods
from state.lifecycle import State, Trigger
from state.outbox import Refused
from state.problem import Problem
from state.store import Filter
from state.transaction import Transaction
from tests.unit.fakes import Bench, spared

if TYPE_CHECKING:
    from tests.unit.conftest import Desk

CLOSED = Refused(Problem("period_closed", "closed", "open it"))
OTHER = Refused(Problem("number_taken", "taken", "free it"))
SEPTEMBER, OCTOBER = date(2026, 9, 30), date(2026, 10, 31)  # the transactions are dated the fourth of October


@pytest.fixture(autouse=True)
def spare(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with spared(monkeypatch):
        yield


class Watcher:
    """Periods over a fake company whose books are closed up to `closed`."""

    def __init__(self, desk: "Desk", closed: date | None) -> None:
        self.desk = desk
        self.accounting = Bench(desk).accounting
        self.moved: list[Trigger] = []
        self.rung = 0
        self.periods = Periods(desk.store, self.accounting, moved=self.moved.append, wake=self._ring)
        self.accounting.closed = closed

    def _ring(self) -> None:
        self.rung += 1

    async def look(self, closed: date | None) -> None:
        self.accounting.closed = closed
        await self.periods.run_once()

    async def refused(self, outcome: Refused = CLOSED, load: str = "1001") -> Transaction:
        await self.desk.new(load=load)
        return await self.desk.finish(await self.desk.announced(), outcome)


@pytest.fixture
def watcher(desk: "Desk") -> Watcher:
    return Watcher(desk, OCTOBER)


async def test_closing_date_is_not_asked_for_while_nothing_waits_for_it(watcher: Watcher) -> None:
    await watcher.refused(OTHER)
    await watcher.look(None)
    assert watcher.accounting.closings == 0


@pytest.mark.parametrize("opened", [None, SEPTEMBER, date(2026, 10, 3)])
async def test_document_goes_again_once_its_period_is_open(watcher: Watcher, opened: date | None) -> None:
    waiting = await watcher.refused()
    await watcher.look(OCTOBER)
    assert (await watcher.desk.again(waiting)).state is State.ERROR
    await watcher.look(opened)
    assert (await watcher.desk.again(waiting)).state is State.PENDING
    assert (watcher.moved, watcher.rung) == ([Trigger.RETRY_REQUESTED], 1)
    assert [change.actor for change in await watcher.desk.store.history(waiting.id)][-1] == "periods"


async def test_document_of_a_period_that_stays_closed_waits(watcher: Watcher) -> None:
    waiting = await watcher.refused()
    for closed in (OCTOBER, date(2026, 10, 4), date(2026, 11, 30)):
        await watcher.look(closed)
        assert (await watcher.desk.again(waiting)).state is State.ERROR


async def test_document_refused_all_the_same_is_not_tried_again_and_again(watcher: Watcher) -> None:
    waiting = await watcher.refused()
    await watcher.look(SEPTEMBER)
    await watcher.desk.finish(await watcher.desk.announced(), CLOSED)
    await watcher.look(SEPTEMBER)
    await watcher.look(OCTOBER)
    assert (await watcher.desk.again(waiting)).state is State.ERROR
    await watcher.look(SEPTEMBER)
    assert (await watcher.desk.again(waiting)).state is State.PENDING


async def test_void_that_a_closed_period_refused_goes_again_too(watcher: Watcher) -> None:
    exported = await watcher.desk.exported()
    await watcher.desk.apply(exported, Trigger.REVERT_REQUESTED)
    await watcher.desk.finish(await watcher.desk.announced(), CLOSED)
    await watcher.look(None)
    assert await watcher.desk.standing(exported) == ["void waiting"]


async def test_document_that_somebody_saw_to_meanwhile_hinders_no_other(
    watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen_to, waiting = [await watcher.refused(load=load) for load in ("1001", "1002")]
    refused = watcher.desk.store.refused

    async def late(code: str, *, after: date = date.min) -> object:
        found = await refused(code, after=after)
        if after > date.min:
            await watcher.desk.withdraw("1001")
        return found

    monkeypatch.setattr(watcher.desk.store, "refused", late)
    await watcher.look(SEPTEMBER)
    states = [(await watcher.desk.again(each)).state for each in (seen_to, waiting)]
    assert states == [State.REVERTED, State.PENDING]


async def test_forecast_shows_what_a_closing_would_miss(watcher: Watcher) -> None:
    await watcher.desk.exported(load="1000")
    await watcher.refused(load="1001")
    await watcher.desk.new(load="1002")
    store = watcher.desk.store
    assert [each.label for each in await store.page(Filter(unbooked_until=OCTOBER))] == ["1002", "1001"]
    assert await store.page(Filter(unbooked_until=date(2026, 10, 3))) == []
