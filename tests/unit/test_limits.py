"""Budgets, counted over minutes on a loop whose time passes at once."""

import asyncio
import selectors
from bisect import bisect_right
from collections.abc import Callable, Coroutine
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
from typing_extensions import override

from engine.limits import Admit, Budget, per_endpoint


class _Impatient(selectors.DefaultSelector):
    """A selector that never waits: the time it should have waited has passed when it returns."""

    now = 0.0

    @override
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.now += max(timeout or 0, 1e-9)  # a real clock moves on even where sums of floats do not
        return super().select(0)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._impatient = _Impatient()
        super().__init__(self._impatient)

    @override
    def time(self) -> float:
        return self._impatient.now


def passed(work: Callable[[], Coroutine[Any, Any, list[float]]]) -> list[float]:
    """Run on a loop of its own and return the instants at which calls were admitted."""
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


def test_endpoint_budget_is_used_up_to_98_percent() -> None:
    instants = passed(lambda: calls(per_endpoint(60), 120, "loads/search"))

    assert fullest(instants, 60) >= 58


def test_endpoints_do_not_wait_for_each_other() -> None:
    instants = passed(lambda: calls(per_endpoint(10), 2, "loads/search", "trips/search"))

    assert instants == pytest.approx([6.09, 6.09], abs=0.001)


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
    assert instant == pytest.approx(2.03)
