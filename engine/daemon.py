"""What runs while the daemon does: several loops over one store, and what they tell each other."""

from collections.abc import Callable
from datetime import datetime, timedelta
from datetime import time as clock_time
from functools import partial

import anyio

from adapters.ports import Accounting, Source, Tms
from engine.allowance import BATCH, Allowance
from engine.attachments import Attachments, Revisits, attaching
from engine.backfill import LATER, Backfiller
from engine.config import Config
from engine.intake import Intake, standing
from engine.lane import Pace
from engine.loop import Loop, Pass
from engine.metrics import Metrics
from engine.parcels import Parcels
from engine.payments import Payments
from engine.periods import Periods
from engine.readiness import Readiness
from engine.relay import Relay
from engine.routes import Table, lanes, routes
from state.instants import Clock
from state.lifecycle import Effect, Trigger
from state.outbox import Delivered, Outcome
from state.store import Store
from state.trouble import StoreFull

_ANSWER = 60.0  # seconds; a loop that waits for a vendor's answer is not stuck yet
_PERIODS = 900.0  # seconds between two looks at the closing date, while something waits for it to move
_LOOKBACK = timedelta(days=29)  # an empty store has nothing to catch up on; the change feed goes no further


class Daemon:
    """The loops of one legal entity: what comes in from each source, what goes out to each vendor, what comes back."""

    def __init__(  # noqa: PLR0913 - everything meets here
        self,
        config: Config,
        store: Store,
        tms: Tms,
        accounting: Accounting,
        *,
        metrics: Metrics,
        readiness: Readiness,
        clock: Clock,
        allowed: Allowance,
    ) -> None:
        self._config = config
        self._store = store
        self._tms = tms
        self._accounting = accounting
        self._metrics = metrics
        self._clock = clock
        self._allowed = allowed
        self._caught_up = self._behind = False
        self._untaken = {standing(source) for source in tms.sources}
        noting = _noting(metrics, readiness, clock)
        first = datetime.combine(config.first_date, clock_time.min, config.alvys.timezone)
        newest = max(first, clock() - _LOOKBACK)
        wanted = config.attachments.wanted
        self._revisits = Revisits(store, attaching(tms.filed, wanted), self.wake)
        attachments = Attachments(tms, accounting, store.memory, wanted)
        self._relays = [
            self._relay(name, table, partial(noting, _name(name), Pass.DONE, 0.0))
            for name, table in lanes(routes(tms, accounting, attachments)).items()
        ]
        self._outgoing = [
            Loop(_name(relay.lane), config.relay.interval, relay.run_once, noting) for relay in self._relays
        ]
        self.backfiller = Backfiller(
            store,
            tms,
            zone=config.alvys.timezone,
            clock=clock,
            recorded=metrics.recorded,
            wake=self.wake,
            begun=lambda: filling.alarm.ring(),  # noqa: PLW0108 - made below
        )
        filling = Loop("backfill", LATER, self.backfiller.run_once, noting)
        self.loops = [
            filling,
            *(
                Loop(
                    standing(source),
                    source.interval,
                    partial(self._take_in, standing(source), self._intake(source, first)),
                    noting,
                )
                for source in tms.sources
            ),
            *self._outgoing,
            *(
                [Loop("periods", _PERIODS, self._periods().run_once, noting)]
                if config.export.retry_closed_periods
                else []
            ),
            Loop("payments", config.quickbooks.poll_interval, partial(self._poll, self._payments(newest)), noting),
        ]
        for loop in self.loops:
            metrics.watch_loop(loop.name)
            readiness.watch(loop.name, max(loop.interval, _ANSWER))
        reads = allowed.reads
        metrics.watch_reads(lambda: reads.this_month, lambda: reads.forecast, reads.per_month)

    def wake(self) -> None:
        """Look at the outbox now."""
        for loop in self._outgoing:
            loop.alarm.ring()

    def hurry(self) -> None:
        """Look at the outbox now, and wait for no company: a person asked for something."""
        for relay in self._relays:
            relay.hurry()
        self.wake()

    def stop(self) -> None:
        """End once what is under way has ended."""
        for relay in self._relays:
            relay.stop()
        for loop in self.loops:
            loop.stop()

    async def work(self) -> None:
        """Run every loop until all are stopped.

        A full disk stops them too, but what is under way ends first: there is room to write down what becomes of it.
        """
        full: list[ExceptionGroup[StoreFull]] = []

        async def run(loop: Loop) -> None:
            try:
                await loop.run()
            except* StoreFull as error:
                full.append(error)
                self.stop()

        async with anyio.create_task_group() as tasks:
            for loop in self.loops:
                tasks.start_soon(run, loop)
        if full:
            raise full[0]
        await self._allowed.reads.flush()

    def _relay(self, lane: str, table: Table, beat: Callable[[], None]) -> Relay:
        pace = self._config.relay
        most = max(route.sender.most for route in table.values())
        metered = Effect.EXPORT in table
        gather = pace.gather * self._config.quickbooks.poll_interval if metered else 0.0
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
                spare=lambda: not self._allowed.requests.rest(BATCH),
                scarce=lambda: self._allowed.requests.rest() > 0,
            ),
            # The books may know more than a store restored from a backup: nothing leaves before it has caught up, and
            # what it says of old is compared with the TMS first.
            ready=lambda: self._caught_up and not (self._untaken and self._behind),
            beat=beat,
            gather=lambda: gather * self._allowed.reads.export_stretch,
        )

    def _intake(self, source: Source, first: datetime) -> Intake:
        return Intake(
            self._store,
            source,
            first=first,
            clock=self._clock,
            recorded=self._metrics.recorded,
            wake=self.wake,
            cursor=standing(source),
            seen=self._revisits.seen,
        )

    def _periods(self) -> Periods:
        return Periods(self._store, self._accounting, moved=self._metrics.moved, wake=self.wake)

    def _payments(self, first: datetime) -> Payments:
        return Payments(
            self._store,
            self._accounting,
            first=first,
            overlap=timedelta(seconds=self._config.quickbooks.overlap),
            clock=self._clock,
            reported=self._tms.reported,
            moved=self._metrics.moved,
            wake=self.wake,
            caught_up=self._catch_up,
            taken_in=lambda: not self._untaken,
        )

    async def _poll(self, payments: Payments) -> float:
        """Read what changed in accounting, and say when to read again: later, if the month's reads run short."""
        await payments.run_once()
        await self._allowed.reads.flush()
        return self._config.quickbooks.poll_interval * self._allowed.reads.poll_stretch

    def _catch_up(self, behind: bool) -> None:  # noqa: FBT001 - called back with what was seen
        """Let the relays begin: what the books showed since the store last looked is in the store."""
        self._behind = self._behind or behind
        if not self._caught_up:
            self._caught_up = True
            self.wake()

    async def _take_in(self, name: str, intake: Intake) -> None:
        """Read what changed in one source of the TMS."""
        await intake.run_once()
        if name in self._untaken:
            self._untaken.discard(name)
            self.wake()


def _name(lane: str) -> str:
    return f"relay.{lane}"


def _counting(metrics: Metrics) -> Callable[[Effect, Outcome, Trigger | None], None]:
    """Return what the relay calls when a message ended."""

    def ended(effect: Effect, outcome: Outcome, fact: Trigger | None) -> None:
        metrics.attempted(effect, outcome)
        for remark in outcome.receipt.remarks if isinstance(outcome, Delivered) else ():
            metrics.remarked(remark.code)
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
