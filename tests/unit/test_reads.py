"""Metered reads: counted by the hour, kept, forecast, and spared when they run short."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from adapters.http import Call
from engine.reads import Reads

if TYPE_CHECKING:
    from tests.unit.conftest import Clock, Desk, OpenDesk


def read(purpose: str = "look_up", status: int | None = 200) -> Call:
    return Call("query", writes=False, status=status, seconds=0.1, purpose=purpose)


@pytest.fixture
def reads(desk: "Desk", clock: "Clock") -> Reads:
    return Reads(desk.store, 1_000, clock)


def seen(reads: Reads, count: int) -> None:
    for _ in range(count):
        reads.observe(read())


def test_only_answered_reads_with_a_purpose_are_counted(reads: Reads) -> None:
    for call in (read(), read("change"), read("", 200), read(status=429), read(status=500), read(status=None)):
        reads.observe(call)

    assert reads.this_month == 2


async def test_count_outlives_the_process(reads: Reads, desk: "Desk", open_desk: "OpenDesk", clock: "Clock") -> None:
    seen(reads, 3)
    await reads.flush()
    seen(reads, 2)
    clock.forward(hours=1)
    seen(reads, 1)
    await reads.flush()
    await desk.store.close()

    again = Reads((await open_desk()).store, 1_000, clock)
    await again.load()

    assert again.this_month == 6
    assert again.forecast == reads.forecast


async def test_what_was_kept_is_not_kept_twice(reads: Reads, desk: "Desk") -> None:
    seen(reads, 3)
    await reads.flush()
    await reads.flush()

    assert [tuple(row) for row in await desk.execute("SELECT purpose, count FROM reads")] == [("look_up", 3)]


def test_new_month_begins_at_none(reads: Reads, clock: "Clock") -> None:
    clock.now = datetime(2026, 10, 31, 23, 30, tzinfo=UTC)
    seen(reads, 5)
    clock.forward(hours=1)

    assert reads.this_month == 0
    seen(reads, 1)
    assert reads.this_month == 1


def test_forecast_goes_on_with_the_rate_of_the_last_day(reads: Reads, clock: "Clock") -> None:
    clock.now = datetime(2026, 10, 11, 0, 0, tzinfo=UTC)
    for _ in range(24):
        seen(reads, 2)
        clock.forward(hours=1)
    clock.forward(minutes=-1)

    # 48 in a day, and 20 days to go.
    assert reads.forecast == pytest.approx(48 + 48 * 20, rel=0.01)


def test_days_long_past_do_not_colour_the_forecast(reads: Reads, clock: "Clock") -> None:
    clock.now = datetime(2026, 10, 1, tzinfo=UTC)
    seen(reads, 700)
    clock.now = datetime(2026, 10, 20, tzinfo=UTC)

    assert reads.forecast == 700


@pytest.mark.parametrize(
    ("forecast", "polls", "exports"),
    [(0, 1, 1), (800, 1, 1), (900, 3, 1), (1_000, 5, 1), (1_250, 5, 5.5), (1_500, 5, 10), (9_000, 5, 10)],
)
def test_polls_slow_down_before_exports_do(
    reads: Reads, clock: "Clock", forecast: int, polls: float, exports: float
) -> None:
    clock.now = datetime(2026, 10, 2, tzinfo=UTC)
    seen(reads, forecast)
    clock.now = datetime(2026, 10, 4, tzinfo=UTC)  # nothing was read for a day: what was seen is what will be

    assert reads.poll_stretch == pytest.approx(polls)
    assert reads.export_stretch == pytest.approx(exports)


async def test_reads_of_one_errand_can_be_counted_by_themselves(reads: Reads) -> None:
    seen(reads, 3)
    with reads.tallied() as tally:
        seen(reads, 2)
        reads.observe(read("party"))
        reads.observe(read(status=500))
    seen(reads, 1)

    assert tally == {"look_up": 2, "party": 1}
    assert reads.this_month == 7
