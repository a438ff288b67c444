from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from adapters.alvys import Settings
from adapters.alvys.selection.common import early
from adapters.alvys.settings import Days
from adapters.ports import Census, Unavailable
from engine.backfill import LATER, Backfiller
from state.lifecycle import State
from state.moves import Cause, Recorded
from state.store import Filter
from state.transaction import Kind, Sourced
from tests.unit.conftest import OpenDesk
from tests.unit.fakes import Bench, spared

if TYPE_CHECKING:
    from tests.unit.conftest import Desk

FIRST, LAST = date(2026, 8, 1), date(2026, 8, 31)
OLGA = Cause("olga", "the books begin in August")


@pytest.fixture(autouse=True)
def spare(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with spared(monkeypatch):
        yield


class Filler:
    """A backfiller over a fake TMS."""

    def __init__(self, desk: "Desk") -> None:
        self.desk = desk
        self.tms = Bench(desk).tms
        self.counted: list[Recorded] = []
        self.begun = 0
        self.backfiller = Backfiller(
            desk.store,
            self.tms,
            zone=UTC,
            clock=desk.clock,
            recorded=self.counted.append,
            wake=lambda: None,
            begun=self._begin,
        )

    def _begin(self) -> None:
        self.begun += 1

    def dated(self, load: str, day: int, amount: str = "100.00", month: int = 8) -> Sourced:
        sourced = self.desk.sourced(amount, load=load)
        assert sourced.content is not None
        return replace(sourced, content=replace(sourced.content, issued_on=date(2026, month, day)))

    async def labels(self) -> list[str]:
        return sorted(each.label for each in await self.desk.store.page(Filter()))


@pytest.fixture
def filler(desk: "Desk") -> Filler:
    return Filler(desk)


async def test_nothing_is_read_while_nobody_wants_it(filler: Filler) -> None:
    assert await filler.backfiller.run_once() == LATER
    assert filler.tms.windows == []


async def test_estimate_counts_what_is_new_on_those_days_and_takes_nothing_in(filler: Filler) -> None:
    await filler.desk.store.record(filler.dated("1000", 3), OLGA)
    outside = [filler.dated("1004", 31, month=7), filler.dated("1005", 1, month=9)]
    within = [filler.dated("1001", 1, "10.00"), filler.dated("1002", 31, "0.50"), filler.dated("1001", 1, "10.00")]
    unreadable = replace(filler.desk.sourced(load="1003"), content=None)
    gone = replace(filler.dated("1006", 5), withdrawn=True)
    census = Census(frozenset({Kind.FUEL_BILL}), FIRST, LAST, frozenset())
    filler.tms.chunks = [[filler.dated("1000", 3), *within], census, [*outside, unreadable, gone]]
    estimate = filler.backfiller.ask(FIRST, LAST)
    await filler.backfiller.run_once()
    assert (estimate.done, estimate.failed, filler.begun) == (True, "", 1)
    assert (dict(estimate.documents), estimate.money) == ({Kind.CUSTOMER_INVOICE: 3}, {Kind.CUSTOMER_INVOICE: 1050})
    assert (estimate.unreadable, estimate.known) == (1, 1)
    assert await filler.labels() == ["1000"]
    assert filler.tms.windows[0].since == datetime(2026, 8, 1, tzinfo=UTC)


async def test_estimate_that_fails_says_so_and_is_not_begun_again(filler: Filler) -> None:
    filler.tms.chunks = [Unavailable("busy")]
    estimate = filler.backfiller.ask(FIRST, LAST)
    with pytest.raises(Unavailable):
        await filler.backfiller.run_once()
    assert (estimate.done, estimate.failed) == (True, "busy")
    await filler.backfiller.run_once()
    assert len(filler.tms.windows) == 1


async def test_backfill_takes_in_its_days_once_and_has_them_watched(filler: Filler) -> None:
    filler.tms.chunks = [[filler.dated("1001", 4)]]
    await filler.backfiller.begin(FIRST, LAST, OLGA)
    await filler.backfiller.run_once()
    read = len(filler.tms.windows)
    await filler.backfiller.run_once()
    assert (await filler.labels(), filler.begun, len(filler.tms.windows)) == (["1001"], 1, read)
    assert filler.tms.taken == {(FIRST, LAST)}
    [kept] = await filler.desk.store.backfills.all()
    assert (kept.actor, kept.reason, kept.ended_at) == ("olga", "the books begin in August", filler.desk.clock.now)


async def test_backfill_goes_on_where_it_was_after_a_failure_and_a_restart(filler: Filler, open_desk: OpenDesk) -> None:
    await filler.backfiller.begin(FIRST, LAST, OLGA)
    looks = 0

    async def fail_in_time() -> None:
        nonlocal looks
        looks += 1
        if looks == 3:
            raise Unavailable("busy")

    filler.tms.chunks, filler.tms.between = [[filler.dated("1001", 4)]], fail_in_time
    with pytest.raises(Unavailable):
        await filler.backfiller.run_once()
    await filler.desk.crash()
    later = Filler(await open_desk())
    await later.backfiller.run_once()
    assert later.tms.windows[0].since == datetime(2026, 8, 15, tzinfo=UTC) - later.tms.overlap
    assert (await later.desk.store.backfills.all())[0].ended_at is not None


async def test_what_was_taken_in_is_not_taken_back_by_another_look(filler: Filler) -> None:
    filler.tms.chunks = [[filler.dated("1001", 4)]]
    await filler.backfiller.begin(FIRST, LAST, OLGA)
    await filler.backfiller.run_once()
    [taken] = await filler.desk.store.page(Filter())
    assert taken.state is State.PENDING


@pytest.mark.parametrize(
    ("day", "is_early"),
    [
        (date(2026, 7, 31), True),
        (FIRST, False),
        (LAST, False),
        (date(2026, 9, 1), True),
        (date(2026, 10, 1), False),
        (None, False),
    ],
)
def test_days_of_a_backfill_are_early_no_more(day: date | None, is_early: bool) -> None:  # noqa: FBT001
    settings = Settings(
        api_url="",
        token_url="",
        client_id="",
        client_secret="",
        first_date=date(2026, 10, 1),
        earlier=Days((FIRST, LAST)),
    )
    assert early(day, settings) is is_early


def test_days_looked_at_for_an_estimate_are_not_billed() -> None:
    days = Days((FIRST, FIRST))
    assert LAST in days.also(LAST, LAST)
    assert LAST not in days
    days.add(LAST, LAST)
    assert LAST in days
