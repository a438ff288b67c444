"""The composition root: the only module that names a vendor."""

import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from importlib.metadata import version
from typing import NamedTuple

import aiohttp
import anyio
import structlog

from adapters import alvys, quickbooks
from adapters.http import Call, Http
from adapters.ports import Finding
from engine.config import Config
from engine.intake import Intake
from engine.lane import SHIFT, Pace
from engine.limits import Budget, per_endpoint
from engine.loop import Loop, Pass
from engine.metrics import Metrics
from engine.notify import keep_alive, notify
from engine.parcels import Parcels
from engine.payments import Payments
from engine.readiness import Readiness
from engine.relay import Relay, Table, lanes, routes
from engine.web.app import make_app
from engine.web.auth import Role, Token
from engine.web.server import serving
from state.database import Clock
from state.lifecycle import Effect, Trigger
from state.outbox import Outcome
from state.store import Store

log = structlog.get_logger()

_BATCH = "batch"  # the endpoint with a limit of its own
_LOOKBACK = timedelta(days=29)  # an empty store has nothing to catch up on; the change feed goes no further
_GRACE = 20.0  # seconds for the passes under way to end after a signal


def now() -> datetime:
    """Return the current instant in UTC."""
    return datetime.now(UTC)


class Vendors(NamedTuple):
    """The two ends of the engine."""

    tms: alvys.Alvys
    accounting: quickbooks.QuickBooks

    async def check(self) -> Sequence[Finding]:
        """Say, line by line, whether both connections and what we read there are fit for work."""
        return [*await self.tms.check(), *await self.accounting.check()]


async def open_store(config: Config, clock: Clock = now) -> Store:
    """Take ownership of this legal entity's store; StoreBusy and StoreMismatch say why not."""
    return await Store.open(
        config.database,
        entity=config.entity,
        company=config.quickbooks.realm_id,
        clock=clock,
        quiet=timedelta(seconds=config.relay.quiet_period),
        owner={"pid": os.getpid(), "host": socket.gethostname(), "since": clock(), "http": config.http.listen},
    )


@asynccontextmanager
async def vendors(
    config: Config, store: Store, metrics: Metrics, clock: Clock, budget: Budget
) -> AsyncIterator[Vendors]:
    """Connect both adapters, each with its own connections, budget and timeout."""
    async with aiohttp.ClientSession() as tms_session, aiohttp.ClientSession() as accounting_session:
        tms_http = Http(
            tms_session,
            admit=per_endpoint(config.alvys.requests_per_minute),
            observe=metrics.observe_call("alvys", endpoints=alvys.ENDPOINTS),
            timeout=config.alvys.timeout,
        )
        accounting_http = Http(
            accounting_session,
            admit=budget.admit,
            observe=_all(
                metrics.observe_call("quickbooks", endpoints=quickbooks.ENDPOINTS, metered=True), budget.observe
            ),
            timeout=config.quickbooks.timeout,
        )
        yield Vendors(
            alvys.Alvys(_alvys(config), tms_http, clock),
            quickbooks.QuickBooks(_quickbooks(config), accounting_http, store.memory, store.memory, clock),
        )


def _all(*observers: Callable[[Call], None]) -> Callable[[Call], None]:
    """Return an observer that tells them all."""

    def observe(call: Call) -> None:
        for each in observers:
            each(call)

    return observe


def _budget(config: Config) -> Budget:
    """Return what the company's limits leave us."""
    section = config.quickbooks
    scarcer = {_BATCH: section.batches_per_minute}
    return Budget(section.requests_per_minute, section.requests_per_second, scarcer)


async def check(config: Config, *, clock: Clock = now) -> Sequence[Finding]:
    """Look at both vendors without a daemon; StoreBusy if one runs, which must then do the looking itself."""
    store = await open_store(config, clock)
    try:
        async with vendors(config, store, Metrics(config.home_currency), clock, _budget(config)) as ends:
            return await ends.check()
    finally:
        await store.close()


async def run(
    config: Config, *, die_with_parent: bool = False, started: Callable[[str], None], clock: Clock = now
) -> None:
    """Run the daemon of one legal entity until it is told to stop. `started` hears the address it listens on."""
    metrics = Metrics(config.home_currency, version("loadledger"), quickbooks.CATALOGUE)
    readiness = Readiness(clock)
    store = await open_store(config, clock)
    budget = _budget(config)
    try:
        async with vendors(config, store, metrics, clock, budget) as ends, anyio.create_task_group() as tasks:
            daemon = Daemon(config, store, ends, metrics=metrics, readiness=readiness, clock=clock, budget=budget)
            app = make_app(store, metrics, readiness, _tokens(config), daemon.wake, ends.check, clock)
            async with serving(app, config.http.host, config.http.port) as port:
                tasks.start_soon(keep_alive)
                tasks.start_soon(_stop_on_signal, daemon.loops)
                if die_with_parent:
                    _die_with_stdin()
                readiness.started = True
                notify("READY=1")
                log.info("daemon.started", entity=config.entity, port=port, epoch=store.epoch)
                started(_address(config.http.host, port))
                await daemon.work()
            tasks.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            await store.close()
        log.info("daemon.stopped", entity=config.entity)


class Daemon:
    """The loops of one legal entity: what comes in, what goes out to each vendor, what comes back."""

    def __init__(  # noqa: PLR0913 - everything meets here
        self,
        config: Config,
        store: Store,
        ends: Vendors,
        *,
        metrics: Metrics,
        readiness: Readiness,
        clock: Clock,
        budget: Budget,
    ) -> None:
        self._config = config
        self._store = store
        self._ends = ends
        self._metrics = metrics
        self._clock = clock
        self._budget = budget
        self._caught_up = False
        noting = _noting(metrics, readiness, clock)
        first = datetime.combine(config.first_date, clock_time.min, config.alvys.timezone)
        newest = max(first, clock() - _LOOKBACK)
        self._outgoing = [
            Loop(f"relay.{name}", config.relay.interval, self._relay(name, table).run_once, noting)
            for name, table in lanes(routes(ends.tms, ends.accounting)).items()
        ]
        self.loops = [
            Loop("intake", config.alvys.poll_interval, self._intake(first).run_once, noting),
            *self._outgoing,
            Loop(
                "payments",
                config.quickbooks.poll_interval,
                self._payments(newest).run_once,
                noting,
            ),
        ]
        for loop in self.loops:
            metrics.watch_loop(loop.name)
            readiness.watch(loop.name, max(loop.interval, SHIFT))
        metrics.watch_skips(lambda: {str(reason): count for reason, count in ends.tms.skipped.items()})
        metrics.watch_token("refresh", lambda: ends.accounting.tokens.seconds_to_expiry)
        metrics.watch_token("grant", lambda: ends.accounting.tokens.seconds_to_end)

    def wake(self) -> None:
        """Look at the outbox now."""
        for loop in self._outgoing:
            loop.alarm.ring()

    async def work(self) -> None:
        """Run every loop until all are stopped."""
        async with anyio.create_task_group() as tasks:
            for loop in self.loops:
                tasks.start_soon(loop.run)

    def _relay(self, lane: str, table: Table) -> Relay:
        pace = self._config.relay
        most = max(route.sender.most for route in table.values())
        return Relay(
            self._store,
            lane,
            table,
            Pace(
                interval=pace.interval,
                claim=pace.claim,
                concurrency=pace.concurrency,
                quiet_period=pace.quiet_period,
                read_pause=pace.read_pause,
                rounds=pace.rounds,
                retry_base=pace.retry_base,
                retry_cap=pace.retry_cap,
            ),
            entity=self._config.entity,
            home_currency=self._config.home_currency,
            clock=self._clock,
            ended=_counting(self._metrics),
            parcels=Parcels(
                most,
                pace.concurrency,
                spare=lambda: not self._budget.rest(_BATCH),
                scarce=lambda: self._budget.rest() > 0,
            ),
            # The books may know more than a store restored from a backup: nothing leaves before it has caught up.
            ready=lambda: self._caught_up,
        )

    def _intake(self, first: datetime) -> Intake:
        return Intake(
            self._store,
            self._ends.tms,
            first=first,
            overlap=timedelta(seconds=self._config.alvys.overlap),
            clock=self._clock,
            recorded=self._metrics.recorded,
            wake=self.wake,
        )

    def _payments(self, first: datetime) -> Payments:
        return Payments(
            self._store,
            self._ends.accounting,
            first=first,
            overlap=timedelta(seconds=self._config.quickbooks.overlap),
            clock=self._clock,
            moved=self._metrics.moved,
            wake=self.wake,
            caught_up=self._catch_up,
        )

    def _catch_up(self) -> None:
        """Let the relays begin: what the books showed since the store last looked is in the store."""
        if not self._caught_up:
            self._caught_up = True
            self.wake()


def _counting(metrics: Metrics) -> Callable[[Effect, Outcome, Trigger | None], None]:
    """Return what the relay calls when a message ended."""

    def ended(effect: Effect, outcome: Outcome, fact: Trigger | None) -> None:
        metrics.attempted(effect, outcome)
        if fact is not None:
            metrics.moved(fact)

    return ended


def _noting(metrics: Metrics, readiness: Readiness, clock: Clock) -> Callable[[str, Pass, float], None]:
    """Return what a loop calls after each pass."""

    def ended(name: str, result: Pass, rest: float) -> None:
        metrics.loop_ran(name, clock(), passed=result is Pass.DONE)
        if result is not Pass.BROKEN:
            readiness.passed(name, rest)

    return ended


async def _stop_on_signal(loops: Iterable[Loop]) -> None:
    """End the passes under way on the first signal; after the grace, or on the second, end everything."""
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            notify("STOPPING=1")
            for loop in loops:
                loop.stop()
            with anyio.move_on_after(_GRACE):
                await anext(aiter(signals))
            raise KeyboardInterrupt


def _tokens(config: Config) -> list[Token]:
    return [Token(each.name, Role(each.role), each.hash) for each in config.http.tokens]


def _address(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _die_with_stdin() -> None:
    """Die with the parent: its end closes standard input, and what killed it would have killed us."""

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 4096):
            pass
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def _alvys(config: Config) -> alvys.Settings:
    """Translate the configuration into the TMS adapter's settings."""
    section = config.alvys
    return alvys.Settings(
        api_url=section.api_url,
        token_url=section.token_url,
        audience=section.audience,
        client_id=section.client_id,
        client_secret=section.client_secret.get_secret_value(),
        first_date=config.first_date,
        page_size=section.page_size,
        invoice_chunk=section.invoice_chunk,
        timezone=section.timezone,
        carrier_terms_days=section.carrier_terms_days,
        skip_zero=section.skip_zero,
        subsidiary=section.subsidiary,
        reference_refresh=section.reference_refresh,
    )


def _quickbooks(config: Config) -> quickbooks.Settings:
    """Translate the configuration into the accounting adapter's settings."""
    section = config.quickbooks
    return quickbooks.Settings(
        api_url=section.api_url,
        token_url=section.token_url,
        client_id=section.client_id,
        client_secret=section.client_secret.get_secret_value(),
        realm_id=section.realm_id,
        refresh_token=section.refresh_token.get_secret_value() if section.refresh_token else "",
        entity=config.entity,
        home_currency=config.home_currency,
        preferences_refresh=section.preferences_refresh,
        reference_refresh=section.reference_refresh,
        quiet_period=config.relay.quiet_period,
        read_pause=config.relay.read_pause,
        rounds=config.relay.rounds,
        mapping=quickbooks.Mapping(
            payable_account=config.mapping.payable_account,
            revenue=config.mapping.revenue,
            expense=config.mapping.expense,
        ),
    )
