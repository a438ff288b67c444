"""What a long past costs: one pass of the relay, the metrics and the start, by how much is finished in the store."""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Final

from typing_extensions import override

from adapters.ports import Absent, Order, Sender, Verdict
from engine.lane import Pace
from engine.metrics import Metrics
from engine.relay import Relay
from engine.routes import Route
from state.lifecycle import Effect, Trigger
from state.moves import Cause
from state.outbox import Claim, Receipt
from state.store import Store
from state.transaction import Document
from tests.benchmarks.drain import quiet
from tests.benchmarks.freight import sourced
from tests.benchmarks.idle import daemon
from tests.benchmarks.ledger import opened, written

FULL: Final = (1_000, 100_000, 1_000_000)
QUICK: Final = (1_000, 20_000)
_PASSES: Final = 300
_PACE: Final = Pace(
    interval=5.0,
    claim=300,
    concurrency=10,
    quiet_period=180.0,
    read_pause=5.0,
    rounds=3,
    retry_base=5.0,
    retry_cap=900.0,
)


class Nothing(Sender):
    """A vendor that costs nothing, so that what remains is the engine and its store."""

    @override
    async def prepare(self, claim: Claim, request_id: str) -> Order:
        """Freeze a request of the usual size."""
        return Order(claim, request_id, b"x" * 900)

    @override
    async def look_up(self, orders: Sequence[Order]) -> Mapping[int, Verdict]:
        """Find nothing."""
        return {order.claim.message.id: Absent() for order in orders}

    @override
    async def send(self, order: Order) -> Receipt:
        """Say yes."""
        return Receipt(Document(order.request_id, "number", "0"), "trace")


def report(say: Callable[[str], None], *, quick: bool) -> None:
    """Measure stores of several sizes in turns, so that the machine's moods meet them all alike, and tell."""
    sizes = QUICK if quick else FULL
    quiet()
    with tempfile.TemporaryDirectory() as place:
        paths = {size: written(Path(place) / f"{size}.db", size) for size in sizes}
        found = asyncio.run(_passes(paths, _PASSES // 10 if quick else _PASSES))
        starts = {size: median(_start(path) for _ in range(1 if quick else 3)) for size, path in paths.items()}
    say(f"\nflat: medians by finished transactions in the store, and against {sizes[0]:,} of them")
    for title, by_size in {**found, "start to ready": starts}.items():
        first = by_size[sizes[0]]
        told = [f"{size:>9,}: {1000 * each:9.3f} ms ({each / first:5.2f} x)" for size, each in by_size.items()]
        say(f"  {title:28}{'  '.join(told)}")


async def _passes(paths: Mapping[int, Path], passes: int) -> dict[str, dict[int, float]]:
    stores = {size: await opened(path) for size, path in paths.items()}
    metrics = Metrics("USD")
    route = Route("accounting", Nothing(), Trigger.EXPORT_CONFIRMED, Trigger.EXPORT_REJECTED)
    relays = {size: _relay(store, route) for size, store in stores.items()}
    taken: dict[str, dict[int, list[float]]] = {}

    async def timed(title: str, size: int, work: Awaitable[object], *, counts: bool) -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        await work
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        for measure, seconds in {title: wall, f"{title}, CPU": cpu}.items():
            if counts:
                taken.setdefault(measure, {}).setdefault(size, []).append(seconds)

    for number in range(-passes // 10, passes):
        for size, store in stores.items():
            await store.record(sourced(number + passes), Cause("intake", "seen in the TMS"))
            await timed("pass with one document", size, relays[size].run_once(), counts=number >= 0)
            await timed("idle pass", size, relays[size].run_once(), counts=number >= 0)
            if number % 100 == 0:
                await timed("metrics", size, metrics.refresh(store, datetime.now(UTC)), counts=True)
    for store in stores.values():
        await store.close()
    return {title: {size: median(all_) for size, all_ in sizes.items()} for title, sizes in taken.items()}


def _relay(store: Store, route: Route) -> Relay:
    return Relay(
        store,
        "accounting",
        {Effect.EXPORT: route},
        _PACE,
        entity="blue-mesa",
        home_currency="USD",
        clock=lambda: datetime.now(UTC),
        ended=lambda *_: None,
    )


def _start(path: Path) -> float:
    """Return the seconds from the start of a daemon on this store until it listens."""
    with daemon(path) as (_, ready):
        return ready
