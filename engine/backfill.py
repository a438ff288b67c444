"""Backfill: what the TMS billed before the first date, estimated first, then taken in and watched like all else."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, tzinfo
from typing import Final

import structlog

from adapters.ports import Census, Roster, Source, Tms
from engine.intake import Intake
from state.backfills import Backfill
from state.moves import Cause, Recorded
from state.store import Store
from state.transaction import Kind, Money, Origin, Sourced

log = structlog.get_logger(__name__)

LATER: Final = 3600.0  # seconds; a backfill that begins rings before


@dataclass(slots=True)
class Estimate:
    """What a span of days would bring, as far as it was read: what is new by kind, and what can't be exported as it is.

    It is `done` once it is whole, or has `failed` for a reason.
    """

    first: date
    last: date
    done: bool = False
    failed: str = ""
    documents: Counter[Kind] = field(default_factory=Counter)
    money: dict[Kind, int] = field(default_factory=dict)  # minor units of the home currency
    unreadable: int = 0
    known: int = 0


class Backfiller:
    """Takes in what is dated within the spans that people chose. One estimate and one backfill at a time."""

    def __init__(  # noqa: PLR0913 - the parts of one reader
        self,
        store: Store,
        tms: Tms,
        *,
        zone: tzinfo,
        clock: Callable[[], datetime],
        recorded: Callable[[Recorded], None],
        wake: Callable[[], None],
        begun: Callable[[], None],
    ) -> None:
        self._store = store
        self._tms = tms
        self._zone = zone
        self._clock = clock
        self._recorded = recorded
        self._wake = wake
        self._begun = begun
        self.estimate: Estimate | None = None

    async def begin(self, first: date, last: date, cause: Cause) -> None:
        """Take in a span from now on; it goes on where it was after a restart."""
        await self._store.backfills.begin(first, last, cause)
        self._begun()

    def ask(self, first: date, last: date) -> Estimate:
        """Begin an estimate in the place of the last one, and return it, to be filled while the TMS is read."""
        self.estimate = Estimate(first, last)
        self._begun()
        return self.estimate

    async def run_once(self) -> float:
        """Read for the estimate that was asked for, then take in every backfill that has not ended."""
        for backfill in await self._store.backfills.all():
            self._tms.take_in(backfill.first, backfill.last)
        if self.estimate is not None and not self.estimate.done:
            await self._estimate(self.estimate)
        for backfill in await self._store.backfills.all():
            if backfill.ended_at is None:
                await self._take_in(backfill)
        return LATER

    async def _take_in(self, backfill: Backfill) -> None:
        """Read each source from the first day on; records of other days come along, and are what they were."""
        since = self._morning(backfill.first)
        for source in self._tms.sources:
            intake = Intake(
                self._store,
                source,
                first=since,
                clock=self._clock,
                recorded=self._recorded,
                wake=self._wake,
                cursor=f"backfill.{backfill.id}.{source.name}",
            )
            await intake.run_once()
        await self._store.backfills.end(backfill)
        log.info("backfill.ended", first=backfill.first.isoformat(), last=backfill.last.isoformat())

    async def _estimate(self, estimate: Estimate) -> None:
        """Read what a span would bring and take nothing in."""
        seen: set[Origin] = set()
        try:
            for source in self._tms.within(estimate.first, estimate.last):
                await self._count(source, estimate, seen)
        except Exception as error:
            estimate.failed = str(error) or type(error).__name__
            raise
        finally:
            estimate.done = True

    async def _count(self, source: Source, estimate: Estimate, seen: set[Origin]) -> None:
        until = self._clock()
        async for found in source.changes(self._morning(estimate.first), until):
            if not isinstance(found, Census | Roster):
                fresh = [each for each in found if self._counts(each, estimate, seen)]
                known = await self._store.known({_origin(each) for each in fresh})
                estimate.known += len(known)
                for each in fresh:
                    if _origin(each) not in known:
                        _add(estimate, each)

    def _counts(self, sourced: Sourced, estimate: Estimate, seen: set[Origin]) -> bool:
        """Whether a record is one of the span's, and counted the first time."""
        dated = sourced.content.issued_on if sourced.content else None
        within = not sourced.withdrawn and (dated is None or estimate.first <= dated <= estimate.last)
        new = within and _origin(sourced) not in seen
        seen.add(_origin(sourced))
        return new

    def _morning(self, day: date) -> datetime:
        return datetime.combine(day, time.min, self._zone)


def _origin(sourced: Sourced) -> Origin:
    return Origin(sourced.kind, sourced.source_id)


def _add(estimate: Estimate, sourced: Sourced) -> None:
    estimate.documents[sourced.kind] += 1
    if sourced.content is None:
        estimate.unreadable += 1
        return
    total: Money = sourced.content.total
    estimate.money[sourced.kind] = estimate.money.get(sourced.kind, 0) + total.minor
