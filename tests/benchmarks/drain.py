"""The product at work: a backlog in the real store leaves through the real relay and adapter. A process of its own.

`python -m tests.benchmarks.drain` reads what to do as JSON from standard input and prints what it measured.
"""

import asyncio
import os
import resource
import sys
import time
from collections.abc import AsyncIterator
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from typing_extensions import override

from engine import app, logs
from engine.allowance import Allowance, allowance
from engine.config import Config, load
from engine.daemon import Daemon
from engine.limits import Budget
from engine.metrics import Metrics
from engine.readiness import Readiness
from engine.relay import Relay
from engine.routes import lanes, routes
from state.moves import Cause
from state.store import Store
from tests.benchmarks.freight import CUSTOMERS, REVENUE, sourced

_BEFORE = 2 * CUSTOMERS  # documents that warm every cache up, and leave before the clock starts
_TOGETHER = 64  # records that wait for one commit, as when several arrive at once


class Unthrottled(Budget):
    """A vendor without limits."""

    def __init__(self) -> None:
        super().__init__(per_minute=1.0)

    @override
    async def admit(self, endpoint: str) -> None:
        """Let every call leave at once."""


def environment(database: Path, address: dict[str, str]) -> dict[str, str]:
    """Return the settings of a daemon before this vendor; there is no TMS."""
    keys = {
        "ENTITY": "blue-mesa",
        "DATABASE": str(database),
        "FIRST_DATE": "2026-01-01",
        "HTTP_LISTEN": "127.0.0.1:0",
        "ALVYS_API_URL": "http://127.0.0.1:1",
        "ALVYS_TOKEN_URL": "http://127.0.0.1:1",
        "ALVYS_CLIENT_ID": "none",
        "ALVYS_CLIENT_SECRET": "nothing",
        "MAPPING_REVENUE": msgspec.json.encode(REVENUE).decode(),
        **{f"QUICKBOOKS_{name}".upper(): value for name, value in address.items()},
    }
    return {f"LOADLEDGER_{name}": value for name, value in keys.items()}


@asynccontextmanager
async def works(config: Config) -> AsyncIterator[tuple[Store, Relay]]:
    """Yield a store and the relay of its accounting lane, as the daemon makes them but for the throttle."""
    metrics = Metrics(config.home_currency)
    store = await app.open_store(config)
    try:
        allowed = Allowance(Unthrottled(), (await allowance(config, store, app.now)).reads)
        async with app.vendors(config, store, metrics, app.now, allowed) as ends:
            daemon = Daemon(
                config,
                store,
                ends.tms,
                ends.accounting,
                metrics=metrics,
                readiness=Readiness(app.now),
                clock=app.now,
                allowed=allowed,
            )
            daemon._catch_up(False)  # the books hold nothing that the store does not know
            table = lanes(routes(ends.tms, ends.accounting, ends.tms.payments))["accounting"]
            app.settle()
            yield store, daemon._relay("accounting", table, lambda: None)
    finally:
        await store.close()


async def fill(store: Store, numbers: range) -> None:
    """Record documents as intake does."""
    cause = Cause("intake", "seen in the TMS")
    for start in range(numbers.start, numbers.stop, _TOGETHER):
        together = range(start, min(start + _TOGETHER, numbers.stop))
        await asyncio.gather(*(store.record(sourced(number), cause) for number in together))


async def empty(relay: Relay) -> None:
    """Run passes until nothing is due."""
    relay.hurry()
    while not await relay.run_once():
        pass


async def measure(config: Config, documents: int) -> dict[str, float]:
    """Record, drain, and return seconds and bytes."""
    async with works(config) as (store, relay):
        await fill(store, range(_BEFORE))
        await empty(relay)
        start = _peak()
        before = time.process_time()
        await fill(store, range(_BEFORE, _BEFORE + documents))
        recording = time.process_time() - before
        cpu, wall = time.process_time(), time.perf_counter()
        await empty(relay)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        exported = sum(count.transactions for count in await store.counts() if count.state == "exported")
        assert exported == documents + _BEFORE, exported
    return {
        "documents": documents,
        "before": _BEFORE,
        "wall": wall,
        "cpu": cpu,
        "recording": recording,
        "start": start,
        "peak": _peak(),
    }


def _peak() -> int:
    """Return the most memory this process ever held, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def quiet(secrets: AbstractSet[str] = frozenset()) -> None:
    """Log as the daemon does, to where nobody reads it."""
    logs.configure("info", secrets, Path(os.devnull).open("w"))  # noqa: SIM115 - as long as the process


def main() -> None:
    """Measure once."""
    order = msgspec.json.decode(sys.stdin.readline())
    config = load(None, environment(Path(order["database"]), order["address"]))
    quiet(config.secrets())
    measured = asyncio.run(measure(config, order["documents"]))
    sys.stdout.write(msgspec.json.encode(measured).decode() + "\n")


if __name__ == "__main__":
    main()
