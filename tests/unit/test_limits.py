"""Budgets, counted over minutes on a loop whose time passes at once."""

import asyncio
import selectors
from bisect import bisect_right
from collections.abc import Callable, Coroutine
from contextlib import suppress
from itertools import pairwise
from typing import Any, TypeVar

import pytest
from typing_extensions import override

from adapters.http import Call
from engine.limits import Admit, Budget, per_endpoint

Result = TypeVar("Result")


class _Impatient(selectors.DefaultSelector):
    """A selector that never waits: the time it should have waited has passed when it returns."""

    now = 0.0
    stalled = 0.0  # seconds by which the process is to stand still, once

    @override
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.now += max(timeout or 0, 1e-9)  # a real clock moves on even where sums of floats do not
        self.now, self.stalled = self.now + self.stalled, 0.0
        return super().select(0)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._impatient = _Impatient()
        super().__init__(self._impatient)

    @override
    def time(self) -> float:
        return self._impatient.now

    def stall(self, seconds: float) -> None:
        """Let the whole process stand still."""
        self._impatient.stalled = seconds


def passed(work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
    """Run on a loop of its own and return what came of it: mostly the instants at which calls were admitted."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(work())


async def calls(admit: Admit, count: int, *endpoints: str) -> list[float]:
    """Make that many calls as fast as the budget admits, from several workers, and return when each went out."""
    instants: list[float] = []
    loop = asyncio.get_running_loop()

    async def worker(number: int) -> None:
        for call in range(number, count, 10):
            await admit(endpoints[call % len(endpoints)])
            instants.append(loop.time())

    async with asyncio.TaskGroup() as tasks:
        for number in range(10):
            tasks.create_task(worker(number))
    return instants


def fullest(instants: list[float], window: float) -> int:
    """Return how many instants the fullest window of that many seconds holds."""
    return max(bisect_right(instants, start + window - 1e-9) - index for index, start in enumerate(instants))


@pytest.mark.parametrize(("per_minute", "per_second"), [(500, 10), (60, 10), (40, 40), (600, 4)])
def test_no_window_of_a_company_holds_more_than_its_limits(per_minute: float, per_second: float) -> None:
    instants = passed(lambda: calls(Budget(per_minute, per_second).admit, int(per_minute * 2.5), "any"))

    assert fullest(instants, 60) <= per_minute
    assert fullest(instants, 1) <= per_second
    assert min(later - earlier for earlier, later in pairwise(instants)) > 0


def test_company_budget_is_used_up_to_98_percent() -> None:
    instants = passed(lambda: calls(Budget(500, 10).admit, 1_500, "any"))

    assert fullest(instants, 60) >= 490


def test_company_budget_is_one_for_all_endpoints() -> None:
    instants = passed(lambda: calls(Budget(60, 10).admit, 60, "query", "invoice"))

    assert fullest(instants, 60) <= 60


@pytest.mark.parametrize("per_minute", [1, 2, 3, 7, 10, 60])
def test_no_minute_of_an_endpoint_holds_more_than_its_limit(per_minute: float) -> None:
    instants = passed(lambda: calls(per_endpoint(per_minute), int(per_minute * 5), "loads/search"))

    assert fullest(instants, 60) <= per_minute


@pytest.mark.parametrize("uptime", [1, 5, 10, 25, 45])
def test_no_minute_of_an_endpoint_holds_more_than_its_limit_whenever_we_restart(uptime: float) -> None:
    async def lives() -> list[float]:
        instants: list[float] = []
        loop = asyncio.get_running_loop()
        while loop.time() < 300:
            admit = per_endpoint(10)
            with suppress(TimeoutError):
                async with asyncio.timeout(uptime):
                    while True:
                        await admit("loads/search")
                        instants.append(loop.time())
        return instants

    assert fullest(passed(lives) or [0.0], 60) <= 10


def test_scarce_endpoint_takes_its_share_of_what_the_others_do() -> None:
    def admit(endpoint: str) -> list[float]:
        return passed(lambda: calls(per_endpoint(60, {"fuel/search": 0.5}), 120, endpoint))

    assert fullest(admit("fuel/search"), 60) <= 30
    assert fullest(admit("tolls/search"), 60) >= 58


def test_endpoint_budget_is_used_up_to_98_percent() -> None:
    instants = passed(lambda: calls(per_endpoint(60), 120, "loads/search"))

    assert fullest(instants, 60) >= 58


def test_endpoints_do_not_wait_for_each_other() -> None:
    instants = passed(lambda: calls(per_endpoint(10), 2, "loads/search", "trips/search"))

    assert instants == pytest.approx([6.06, 6.06], abs=0.001)


def test_cancelled_caller_holds_up_nobody_behind_it_for_longer_than_its_own_turn() -> None:
    async def work() -> list[float]:
        admit, loop = Budget(60, 10).admit, asyncio.get_running_loop()
        await admit("first")
        given_up = asyncio.ensure_future(admit("given up"))
        patient = asyncio.ensure_future(admit("patient"))
        await asyncio.sleep(0.5)
        given_up.cancel()
        await patient
        return [loop.time()]

    [instant] = passed(work)
    assert instant == pytest.approx(2.02)


# -- endpoints with a limit of their own ------------------------------------------------------------------------------


async def by_endpoint(budget: Budget, seconds: float, workers: dict[str, int]) -> dict[str, list[float]]:
    """Call each endpoint from so many workers for a while, as fast as the budget admits."""
    instants: dict[str, list[float]] = {endpoint: [] for endpoint in workers}
    loop = asyncio.get_running_loop()

    async def worker(endpoint: str) -> None:
        while True:
            await budget.admit(endpoint)
            instants[endpoint].append(loop.time())

    with suppress(TimeoutError):
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as tasks:
            for endpoint, count in workers.items():
                for _ in range(count):
                    tasks.create_task(worker(endpoint))
    return instants


@pytest.mark.parametrize("others", [0, 1, 10, 25])
def test_scarcer_endpoint_keeps_its_own_limit_and_counts_towards_that_of_all(others: int) -> None:
    found = passed(lambda: by_endpoint(Budget(500, 10, {"batch": 40}), 300, {"batch": 10, "invoice": others}))
    together = sorted(found["batch"] + found["invoice"])

    assert 37 <= fullest(found["batch"], 60) <= 40
    assert fullest(together, 60) <= 500
    assert fullest(together, 1) <= 10
    assert len(together) >= (2_400 if others else 190)


@pytest.mark.parametrize("ends", [90.0, 90.4, 90.9, 91.3])
def test_call_held_up_by_others_is_not_too_close_to_those_that_follow_once_they_are_gone(ends: float) -> None:
    async def work() -> list[float]:
        budget = Budget(500, 10, {"batch": 40})
        crowd = asyncio.ensure_future(by_endpoint(budget, ends, {"invoice": 25}))
        found = await by_endpoint(budget, 240, {"batch": 2})
        await crowd
        return found["batch"]

    assert 39 <= fullest(passed(work), 60) <= 40


def test_backlog_at_a_scarcer_endpoint_keeps_nobody_else_waiting() -> None:
    async def work() -> list[float]:
        budget, loop = Budget(500, 10, {"batch": 40}), asyncio.get_running_loop()
        backlog = [asyncio.ensure_future(budget.admit("batch")) for _ in range(20)]
        await asyncio.sleep(0.001)
        started = loop.time()
        await budget.admit("query")
        waited = loop.time() - started
        for each in backlog:
            each.cancel()
        return [waited]

    [waited] = passed(work)
    assert waited <= 0.25


def test_rest_tells_how_long_a_call_made_now_would_wait() -> None:
    async def work() -> list[float]:
        budget = Budget(60, 10, {"batch": 6})
        before = [budget.rest(), budget.rest("batch")]
        await budget.admit("batch")
        after = [budget.rest(), budget.rest("batch"), budget.rest("query")]
        await asyncio.sleep(5)
        return [*before, *after, budget.rest(), budget.rest("batch")]

    assert passed(work) == pytest.approx([0, 0, 1.01, 10.1, 1.01, 0, 5.1], abs=0.001)


# -- turns ------------------------------------------------------------------------------------------------------------


def test_calls_leave_in_the_order_they_were_made_whoever_makes_them() -> None:
    order: list[int] = []

    async def work() -> list[float]:
        budget = Budget(500, 10)

        async def call(number: int) -> None:
            await budget.admit("query" if number % 3 else "invoice")
            order.append(number)

        async with asyncio.TaskGroup() as tasks:
            for number in range(60):
                tasks.create_task(call(number))
        return []

    passed(work)
    assert order == list(range(60))


def test_reader_of_payments_waits_for_those_before_it_and_not_for_a_backlog() -> None:
    async def work() -> list[float]:
        budget, loop, waits = Budget(500, 10), asyncio.get_running_loop(), list[float]()
        backlog = asyncio.ensure_future(by_endpoint(budget, 60, {"invoice": 10}))
        for _ in range(20):
            await asyncio.sleep(1.7)
            asked = loop.time()
            await budget.admit("cdc")
            waits.append(loop.time() - asked)
        await backlog
        return waits

    assert max(passed(work)) <= 11 * 0.122


@pytest.mark.parametrize("seconds", [0.5, 3, 30, 400])
def test_stalled_process_does_not_make_up_for_lost_time_in_a_burst(seconds: float) -> None:
    async def work() -> list[float]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, _Loop)
        loop.call_later(7, loop.stall, seconds)
        found = await by_endpoint(Budget(500, 10), 60 + seconds, {"invoice": 10, "query": 10})
        return sorted(found["invoice"] + found["query"])

    instants = passed(work)

    assert fullest(instants, 1) <= 10
    assert len(instants) >= 480


# -- throttled all the same -------------------------------------------------------------------------------------------


def throttle(budget: Budget, status: int = 429) -> None:
    budget.observe(Call("invoice", writes=True, status=status, seconds=0.1))


def test_throttle_slows_the_whole_company_and_calm_brings_it_back() -> None:
    async def work() -> list[float]:
        budget = Budget(500, 10)
        found = [budget.share]
        throttle(budget)
        for seconds in (0, 120, 60, 60, 60 * 4, 60 * 60):
            await asyncio.sleep(seconds)
            found.append(budget.share)
        return found

    assert passed(work) == pytest.approx([1, 0.7, 0.7, 0.75, 0.8, 1, 1], abs=0.001)


def test_slots_of_a_throttled_company_are_further_apart_for_every_endpoint() -> None:
    async def work() -> list[float]:
        budget = Budget(60, 10, {"batch": 6})
        throttle(budget)
        for endpoint in ("invoice", "query", "batch", "batch"):
            await budget.admit(endpoint)
        return [asyncio.get_running_loop().time()]

    [instant] = passed(work)
    assert instant == pytest.approx((1.01 + 10.1) / 0.7, rel=0.01)


def test_storm_of_throttles_within_a_window_tells_one_story() -> None:
    async def work() -> list[float]:
        budget = Budget(500, 10)
        found = []
        for _ in range(3):
            for _ in range(30):
                throttle(budget)
                await asyncio.sleep(2)
            await asyncio.sleep(1)
            found.append(budget.share)
        return found

    assert passed(work) == pytest.approx([0.7, 0.49, 0.343], abs=0.001)


def test_company_that_is_throttled_for_hours_is_never_starved() -> None:
    async def work() -> list[float]:
        budget = Budget(500, 10)
        for _ in range(100):
            throttle(budget)
            await asyncio.sleep(61)
        return [budget.share]

    assert passed(work) == pytest.approx([0.1])


@pytest.mark.parametrize("status", [200, 400, 401, 500, 503])
def test_other_answers_say_nothing_about_the_limit(status: int) -> None:
    async def work() -> list[float]:
        budget = Budget(500, 10)
        throttle(budget, status)
        return [budget.share]

    assert passed(work) == [1.0]
