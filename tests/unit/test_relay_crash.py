"""Kill the daemon at every single await, start it again, and count the documents."""

import asyncio
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from adapters.ports import OutcomeUnknown, Unavailable
from state.lifecycle import State
from state.store import Filter
from tests.unit.fakes import Bench, spared

if TYPE_CHECKING:
    from state.store import Store
    from tests.unit.conftest import OpenDesk

LOST = OutcomeUnknown("the answer was cut")


class Killer:
    """Counts the awaits of every task made under it; after the `last` none of them goes on, as in a killed process."""

    def __init__(self, last: int) -> None:
        self.struck = asyncio.Event()
        self._left = last
        self._frozen = False
        self._tasks: list[asyncio.Task[Any]] = []
        self._coroutines: list[Coroutine[Any, Any, Any]] = []

    def make(self, loop: asyncio.AbstractEventLoop, coroutine: Any, **given: Any) -> "asyncio.Task[Any]":
        self._coroutines.append(coroutine)
        self._tasks.append(asyncio.Task(self._watched(coroutine), loop=loop, **given))
        return self._tasks[-1]

    async def bury(self) -> None:
        """Cancel the tasks where they stand, shielded or not; nothing they do on the way out reaches anybody."""
        self._frozen = False
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        for coroutine in self._coroutines:
            coroutine.close()  # of tasks killed before they began

    async def _watched(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return await self._steps(coroutine)

    @types.coroutine
    def _steps(self, coroutine: Coroutine[Any, Any, Any]) -> Generator[Any, Any, Any]:
        resume: Callable[[Any], Any] = coroutine.send
        value: Any = None
        awaited: Any = None
        while True:
            try:
                yield awaited
                if self._frozen:
                    yield from asyncio.get_running_loop().create_future()
                resume, value = coroutine.send, None
            except BaseException as error:  # noqa: BLE001 - passed on, whatever it is
                resume, value = coroutine.throw, error
            try:
                awaited = resume(value)
            except StopIteration as end:
                return end.value
            self._count()

    def _count(self) -> None:
        self._left -= 1
        if self._left == 0:
            self._frozen = True
            self.struck.set()


async def killed(work: Coroutine[Any, Any, None], last: int, give_up: Callable[[], Awaitable[None]]) -> bool:
    """Run `work` to its end or to its `last` await; return whether it came to that."""
    killer, loop = Killer(last), asyncio.get_running_loop()
    struck = asyncio.create_task(killer.struck.wait())
    loop.set_task_factory(killer.make)
    task = asyncio.create_task(work)
    await asyncio.wait({task, struck}, return_when=asyncio.FIRST_COMPLETED)
    loop.set_task_factory(None)
    if task.done():
        struck.cancel()
        await task
        return False
    await give_up()
    await killer.bury()
    return True


async def lose_what_waits(store: "Store") -> None:
    """Give the file up at once: what the writer has not committed is gone."""
    held = store._database
    held._writer.cancel()
    await asyncio.wait({held._writer})
    await held._connection.close()
    held._ownership.release()


async def keep_what_waits(store: "Store") -> None:
    """Give the file up after the writer has committed what nobody will hear of."""
    await store._database.close()


@pytest.fixture(autouse=True)
def spare(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with spared(monkeypatch):
        yield


# -- what is under way when it dies -----------------------------------------------------------------------------------


async def plain(bench: Bench) -> None:
    await bench.desk.new("100.00", load="1")
    await bench.desk.new("100.00", load="2")


async def answer_lost(bench: Bench) -> None:
    await bench.desk.new()
    bench.exports.lose_answer(LOST)


async def never_arrived(bench: Bench) -> None:
    await bench.desk.new()
    bench.exports.fail("send", LOST)


async def slow_to_arrive(bench: Bench) -> None:
    await bench.desk.new()
    bench.exports.lose_answer(LOST, travel=170)


async def throttled(bench: Bench) -> None:
    await bench.desk.new()
    bench.exports.fail("send", Unavailable("busy", 20))


async def number_of_ours(bench: Bench) -> None:
    bench.books.by_hand("N1001", source="id of 1001", minor=10_000)
    await bench.desk.new()


async def corrected(bench: Bench) -> None:
    await bench.desk.new("90.00")
    bench.exports.lose_answer(LOST)
    await bench.relay.run_once()
    await bench.desk.record("100.00")


DEATHS = [
    *((each, lose_what_waits) for each in (plain, answer_lost, never_arrived, slow_to_arrive, throttled, corrected)),
    (number_of_ours, lose_what_waits),
    *((each, keep_what_waits) for each in (plain, answer_lost, corrected)),
]


async def assert_one_document_each(bench: Bench) -> None:
    """Everything is exported, and once all has arrived the books hold one document for each, with its money."""
    bench.desk.clock.forward(days=1)
    for transaction in await bench.desk.store.page(Filter()):
        [held] = bench.books.live(transaction.source_id)
        assert (transaction.state, transaction.document) == (State.EXPORTED, held.document)
        assert held.minor == 10_000
    assert await bench.desk.store.backlog() == []


@pytest.mark.parametrize(("scenario", "give_up"), DEATHS, ids=lambda part: part.__name__)
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")  # tasks killed before they began
async def test_daemon_killed_at_any_await_leaves_exactly_one_document(
    open_desk: "OpenDesk",
    tmp_path: Path,
    scenario: Callable[[Bench], Awaitable[None]],
    give_up: "Callable[[Store], Awaitable[None]]",
) -> None:
    last = 0
    alive = True
    while alive:
        last += 1
        path = tmp_path / f"{last}.db"
        bench = Bench(await open_desk(at=path), replays=False, interval=1_000)
        await scenario(bench)

        alive = await killed(bench.drain(), last, partial(give_up, bench.desk.store))
        if alive:
            bench.restart(await open_desk(at=path))
            await bench.drain()

        await assert_one_document_each(bench)
        await bench.desk.store.close()
    assert last > 10  # it went through whole passes, await by await
