"""How fast a backlog leaves at accounting's documented limits, in virtual time: `python -m tests.simulation.drain`.

The backlog is in the store before accounting can be reached. What is measured lies between the first document and the
last, by accounting's own clock.
"""

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import click
import msgspec
from aiohttp import web

from adapters.sandbox.quickbooks import QuickBooksSandbox
from tests.simulation.daemon import ACCOUNTING
from tests.simulation.network import Weather
from tests.simulation.plan import Plan
from tests.simulation.run import MEMORY, simulated
from tests.simulation.world import World

CEILING: Final = 40 * 30 + 460
"""Documents a minute that batches and single calls allow together."""
_STEP: Final = 10.0  # seconds between two looks at the backlog
_PATIENCE: Final = 6 * 3600.0  # seconds after which a backlog is given up


@dataclass(frozen=True)
class Server:
    """How long accounting takes, in seconds: for a call, and for each item of a batch beside the first."""

    call: float = 0.3
    item: float = 0.02


SERVERS: Final = {"parallel": Server(), "sequential": Server(item=0.3)}


@dataclass(frozen=True)
class Drained:
    """What came of a backlog: how many documents in how many virtual seconds, and the calls that were throttled."""

    documents: int
    seconds: float
    throttled: int
    violations: list[str]

    @property
    def per_minute(self) -> float:
        """Documents a minute."""
        return self.documents / self.seconds * 60


def drain(invoices: int, server: Server = SERVERS["parallel"], *, others: float = 0.0, seed: int = 1) -> Drained:
    """Let a backlog of invoices leave; `others` is how many requests a minute another application makes meanwhile."""
    settings = {"relay__interval": 5}
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as directory:
        world = World(seed, Plan(loads=invoices, span=0, settings=settings), Path(directory))
        with simulated(world.loop, world.judge.logged), _slow(server):
            found: Drained = world.loop.run_until_complete(_drained(world, others))
    return found


async def _drained(world: World, others: float) -> Drained:
    async with world.served():
        billed = _bill(world)
        world.bad[ACCOUNTING] = Weather(refused=1.0)
        world.daemon.start()
        await _until(world, lambda: len(world.daemon.look("SELECT id FROM transactions")) == billed)
        world.bad.clear()
        other = asyncio.create_task(_use(world, others))
        await _until(world, lambda: not world.judge.waiting())
        other.cancel()
        await world.daemon.stop()
    times = sorted(datetime.fromisoformat(f"{write['time']}") for write in world.accounting.log.writes if _made(write))
    throttled = world.accounting.log.by_status["429"]
    return Drained(len(times), (times[-1] - times[0]).total_seconds(), throttled, world.judge.facts.broken)


def _bill(world: World) -> int:
    """Put the month into the TMS at once, without trips; return how many invoices there are to be exported."""
    books = world.tms.books
    stamp = books.stamp()
    books.commit(*(("loads", load | {"UpdatedAt": stamp}) for load in world.month.loads))
    books.commit(*(("invoices", invoice) for invoice in world.month.invoices))
    return sum(bool(invoice["Total"]["Amount"]) for invoice in world.month.invoices)


async def _until(world: World, done: Callable[[], bool]) -> None:
    """Wait for something; raises TimeoutError if it never comes."""
    async with asyncio.timeout(_PATIENCE):
        while not done():  # noqa: ASYNC110 - what is waited for lies in a file
            await asyncio.sleep(_STEP)


async def _use(world: World, per_minute: float) -> None:
    """Use the company's limits as another application would, evenly."""
    while per_minute:
        world.accounting.realm().throttle.admit(world.daemon.now(), "Invoice")
        await asyncio.sleep(60 / per_minute)


@contextmanager
def _slow(server: Server) -> Iterator[None]:
    """Let accounting take its time over each call, once it has admitted it."""
    call = QuickBooksSandbox._company_call

    async def slowly(self: QuickBooksSandbox, request: web.Request) -> web.Response:
        items = 1
        if request.match_info["target"] == "batch":
            items = len(msgspec.json.decode(await request.read())["BatchItemRequest"])
        answer: Awaitable[web.Response] = call(self, request)
        response = await answer
        await asyncio.sleep(server.call + (items - 1) * server.item)
        return response

    with patch.object(QuickBooksSandbox, "_company_call", slowly):
        yield


def _made(write: dict[str, Any]) -> bool:
    return (write["kind"], write["status"]) == ("Invoice", 200)


@click.command()
@click.option("--invoices", default=10_000, show_default=True, type=click.IntRange(100, 10_000))
def main(invoices: int) -> None:
    """Drain a backlog in three settings; exit with 1 if one of them is too slow, or throttled without need."""
    failed = False
    for name, server, others, wanted, strict in (
        ("batch items at once", "parallel", 0.0, 0.95 * CEILING, True),
        ("batch items one after another", "sequential", 0.0, 0.95 * 460, True),
        ("another application takes 150 requests a minute", "parallel", 150.0, 0.35 * CEILING, False),
    ):
        found = drain(invoices, SERVERS[server], others=others)
        good = found.per_minute >= wanted and not found.violations and not (strict and found.throttled)
        failed |= not good
        click.echo(
            f"{name}: {found.documents:,} documents in {found.seconds:,.0f} virtual seconds,"
            f" {found.per_minute:,.0f} a minute ({found.per_minute / CEILING:.1%} of the ceiling),"
            f" {found.throttled} calls throttled{'' if good else ': TOO LITTLE'}"
        )
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
