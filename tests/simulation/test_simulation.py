"""A handful of seeds of the whole daemon, and what the simulation itself must keep to be believed."""

import asyncio
import contextvars
from collections.abc import Callable
from typing import Any

import pytest
from typing_extensions import override

from tests.simulation.daemon import Death
from tests.simulation.drain import drain
from tests.simulation.loop import LIFE, Life, Loop, Stuck
from tests.simulation.network import Network, Weather
from tests.simulation.plan import Plan
from tests.simulation.run import run_seed

ADDRESS = ("127.0.0.1", 80)


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_daemon_keeps_every_promise_whatever_happens(seed: int) -> None:
    report = run_seed(seed, transactions=30)
    assert report.violations == []
    assert report.transactions > 20


def test_replayed_seed_gives_the_identical_trace_hash() -> None:
    reports = [run_seed(seed, transactions=15) for seed in (6, 6, 7)]
    assert reports[0] == reports[1]
    assert reports[0].trace_hash != reports[2].trace_hash


@pytest.mark.parametrize("deaths", [(Death(step=400), Death(step=90)), (Death(statement=25), Death(statement=300))])
def test_daemon_keeps_every_promise_though_it_dies_where_it_is_told_to(deaths: tuple[Death, ...]) -> None:
    report = run_seed(8, plan=Plan(loads=4, span=10), deaths=deaths)
    assert report.violations == []
    assert report.lives == len(deaths) + 1


def test_backlog_leaves_at_the_pace_that_batches_and_single_calls_allow_together() -> None:
    drained = drain(400)
    assert drained.violations == []
    assert drained.throttled == 0
    assert drained.per_minute > 2 * 460


def run(seed: int, main: Callable[[Loop], Any]) -> Any:
    loop = Loop(seed)
    try:
        return loop.run_until_complete(main(loop))
    finally:
        loop.close()


def test_clock_moves_only_when_nothing_is_ready() -> None:
    async def main(loop: Loop) -> float:
        await asyncio.gather(*(asyncio.sleep(3600) for _ in range(100)))
        return loop.time()

    assert run(1, main) == pytest.approx(3600, abs=0.001)


def test_order_of_what_is_ready_comes_from_the_seed() -> None:
    async def main(_: Loop) -> list[int]:
        order: list[int] = []

        async def note(number: int) -> None:
            order.append(number)

        await asyncio.gather(*map(note, range(8)))
        return order

    assert run(1, main) == run(1, main) != list(range(8))
    assert sorted(run(2, main)) == list(range(8))


def test_wait_that_nothing_can_end_is_told() -> None:
    async def main(loop: Loop) -> None:
        await loop.create_future()

    with pytest.raises(Stuck):
        run(1, main)


@pytest.mark.parametrize("last", range(1, 6))
def test_killed_life_takes_no_further_step(last: int) -> None:
    async def main(loop: Loop) -> list[int]:
        steps: list[int] = []

        async def work() -> None:
            try:
                for step in range(10):
                    steps.append(step)
                    await asyncio.sleep(1)
            finally:
                steps.append(-1)

        life = Life(last=last)
        life.at_death(lambda: loop.bury(life))
        context = contextvars.copy_context()
        context.run(LIFE.set, life)
        _task = loop.create_task(work(), context=context)
        await asyncio.sleep(100)
        return list(steps)

    # Each sleep takes two steps: its timer, and the task that it wakes.
    assert run(1, main) == list(range(last // 2))


class Noting(asyncio.Protocol):
    def __init__(self) -> None:
        self.data = b""
        self.ends: list[Exception | None] = []

    @override
    def data_received(self, data: bytes) -> None:
        self.data += data

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.ends.append(exc)


@pytest.mark.parametrize(("weather", "heard"), [(Weather(cut=1.0, reach=50), 1), (Weather(hole=1.0, reach=50), 0)])
@pytest.mark.parametrize("seed", range(5))
def test_connection_breaks_within_its_reach(seed: int, weather: Weather, heard: int) -> None:
    async def main(loop: Loop) -> tuple[Noting, Noting]:
        network = Network(loop, lambda _: weather)
        server, client = Noting(), Noting()
        network.listen(ADDRESS, lambda: server)
        transport, _ = network.connect(ADDRESS, lambda: client)
        transport.write(b"x" * 60)
        await asyncio.sleep(10)
        return server, client

    server, client = run(seed, main)
    assert len(server.data) < 50
    assert [len(end.ends) for end in (server, client)] == [heard, heard]
