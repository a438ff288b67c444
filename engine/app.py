"""The composition root: the only module that names a vendor."""

import gc
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import NamedTuple, TypeVar

import aiohttp
import anyio
import structlog

from adapters import alvys, quickbooks
from adapters.http import Call, Http
from adapters.ports import Finding, Place
from engine.allowance import Allowance, allowance
from engine.attachments import attaching
from engine.config import Config
from engine.daemon import Daemon
from engine.limits import per_endpoint
from engine.metrics import Metrics
from engine.notify import keep_alive, notify
from engine.preview import Previews
from engine.readiness import Readiness
from engine.web import backfill, preview
from engine.web.admin import NEWEST
from engine.web.app import make_app
from engine.web.auth import Role, Token
from engine.web.server import serving
from state.instants import Clock
from state.store import Store
from state.transaction import Charge

Found = TypeVar("Found")

log = structlog.get_logger(__name__)

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

    async def mapping(self, used: Collection[Charge]) -> Sequence[Place]:
        """Return the mapping of charges line by line, then the gaps."""
        return await self.accounting.mapping(used)

    async def starting_mapping(self, used: Collection[Charge]) -> str:
        """Return a mapping to begin with, as text for the configuration file."""
        return await self.accounting.starting_mapping(used)


async def open_store(config: Config, clock: Clock = now) -> Store:
    """Take ownership of this legal entity's store; a StoreError says why not."""
    return await Store.open(
        config.database,
        entity=config.entity,
        company=config.quickbooks.realm_id,
        clock=clock,
        quiet=timedelta(seconds=config.relay.quiet_period),
        auto=config.export.auto,
        attaches=attaching(alvys.FILED, config.attachments.wanted),
        owner={"pid": os.getpid(), "host": socket.gethostname(), "since": clock(), "http": config.http.listen},
    )


@asynccontextmanager
async def vendors(
    config: Config, store: Store, metrics: Metrics, clock: Clock, allowance: Allowance
) -> AsyncIterator[Vendors]:
    """Connect both adapters, each with its own connections, budget and timeout."""
    async with aiohttp.ClientSession() as tms_session, aiohttp.ClientSession() as accounting_session:
        tms_http = Http(
            tms_session,
            admit=per_endpoint(config.alvys.requests_per_minute, alvys.SCARCE),
            observe=metrics.observe_call("alvys", endpoints=alvys.ENDPOINTS),
            timeout=config.alvys.timeout,
        )
        accounting_http = Http(
            accounting_session,
            admit=allowance.requests.admit,
            observe=_all(
                metrics.observe_call("quickbooks", endpoints=quickbooks.ENDPOINTS, purposes=quickbooks.PURPOSES),
                allowance.requests.observe,
                allowance.reads.observe,
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


async def check(config: Config, *, clock: Clock = now) -> Sequence[Finding]:
    """Look at both vendors without a daemon; StoreBusy if one runs, which must then do the looking itself."""
    return await _looked(config, clock, lambda ends, _: ends.check())


async def mapping(config: Config, *, clock: Clock = now) -> Sequence[Place]:
    """Return the mapping with its gaps without a daemon; StoreBusy if one runs."""
    return await _looked(config, clock, lambda ends, used: ends.mapping(used))


async def starting_mapping(config: Config, *, clock: Clock = now) -> str:
    """Return a mapping to begin with without a daemon; StoreBusy if one runs."""
    return await _looked(config, clock, lambda ends, used: ends.starting_mapping(used))


async def _looked(
    config: Config, clock: Clock, look: Callable[[Vendors, Collection[Charge]], Awaitable[Found]]
) -> Found:
    """Return what a look at the vendors finds; it also hears which charges there have been."""
    store = await open_store(config, clock)
    try:
        allowed = await allowance(config, store, clock)
        async with vendors(config, store, Metrics(config.home_currency), clock, allowed) as ends:
            found = await look(ends, await store.charges(NEWEST))
        await allowed.reads.flush()
        return found
    finally:
        await store.close()


async def run(
    config: Config, *, die_with_parent: bool = False, started: Callable[[str], None], clock: Clock = now
) -> None:
    """Run the daemon of one legal entity until it is told to stop. `started` hears the address it listens on."""
    metrics = Metrics(config.home_currency, version("loadledger"), quickbooks.CATALOGUE, quickbooks.REMARKS)
    readiness = Readiness(clock)
    store = await open_store(config, clock)
    try:
        allowed = await allowance(config, store, clock)
        async with vendors(config, store, metrics, clock, allowed) as ends, anyio.create_task_group() as tasks:
            metrics.watch_skips(lambda: {str(reason): count for reason, count in ends.tms.skipped.items()})
            metrics.watch_mapping(lambda: ends.accounting.coverage.broken)
            metrics.watch_token("refresh", lambda: ends.accounting.tokens.seconds_to_expiry)
            metrics.watch_token("grant", lambda: ends.accounting.tokens.seconds_to_end)
            daemon = Daemon(
                config,
                store,
                ends.tms,
                ends.accounting,
                metrics=metrics,
                readiness=readiness,
                clock=clock,
                allowed=allowed,
            )
            pages = backfill.Pages(store, daemon.backfiller, config.home_currency)
            previews = Previews(
                store,
                ends.accounting,
                allowed.reads,
                most=ends.accounting.exports.most,
                home_currency=config.home_currency,
            )
            further = [*pages.routes(), *preview.Pages(store, previews).routes()]
            app = make_app(store, metrics, readiness, _tokens(config), daemon.hurry, ends, clock, further)
            async with serving(app, config.http.host, config.http.port) as port:
                tasks.start_soon(keep_alive)
                tasks.start_soon(_stop_on_signal, daemon.stop)
                if die_with_parent:
                    _die_with_stdin()
                readiness.started = True
                notify("READY=1")
                log.info("daemon.started", entity=config.entity, port=port, epoch=store.epoch)
                started(_address(config.http.host, port))
                settle()
                await daemon.work()
            tasks.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            await store.close()
        log.info("daemon.stopped", entity=config.entity)


def settle() -> None:
    """Tell the garbage collector what is to come, once all has been made that stays.

    No collection need look at that again. What comes and goes with a pass is freed as soon as nobody holds it, and
    hardly any of it is a cycle: looking for those after every 700 objects, as is the rule, takes a fifth of a backlog's
    processor time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


async def _stop_on_signal(stop: Callable[[], None]) -> None:
    """End the passes under way on the first signal; after the grace, or on the second, end everything."""
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            notify("STOPPING=1")
            stop()
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
        rules=alvys.Rules(**config.export.rules()),
        subsidiary=section.subsidiary,
        subsidiary_id=section.subsidiary_id,
        reference_refresh=section.reference_refresh,
        poll_interval=section.poll_interval,
        overlap=section.overlap,
        statement_interval=section.statement_interval,
        purchase_interval=section.purchase_interval,
        look_back_days=section.look_back_days,
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
        customer_suffix=section.customer_suffix,
        vendor_suffix=section.vendor_suffix,
        update_contacts=section.update_contacts,
        mapping=quickbooks.Mapping(
            payable_account=config.mapping.payable_account,
            deposit_account=config.mapping.deposit_account,
            revenue=config.mapping.revenue,
            expense=config.mapping.expense,
            liability=config.mapping.liability,
            load_types={
                "asset": quickbooks.Charges(**config.mapping.asset),
                "brokerage": quickbooks.Charges(**config.mapping.brokerage),
            },
        ),
        segments=quickbooks.Segments(**config.segments.model_dump()),
        fields=config.fields.model_dump(exclude_none=True),
    )
