"""Metered reads: what they are for, how many the month has seen, and when to spare them.

The vendor counts successful reads against a monthly cap and blocks all further ones once it is reached. So near the
cap we poll less, and only then let exports wait for company, so that one look-up serves more of them. Writes are free.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Final

from adapters.http import Call
from state.store import Store

_HOUR: Final = timedelta(hours=1)
_RECENT: Final = 24  # hours whose rate the forecast goes on with
_MONTH: Final = 31 * 24  # hours that are worth remembering
_POLLS: Final = (0.8, 1.0, 5.0)  # from which and to which share of the cap polling slows, and how much at most
_TALLY: Final[ContextVar[Counter[str] | None]] = ContextVar("tally", default=None)
_EXPORTS: Final = (1.0, 1.5, 10.0)  # the same of exports: they begin where polling can't slow down any more


class Reads:
    """Counts metered reads hour by hour, durably with each `flush`, and forecasts the month against its cap."""

    def __init__(self, store: Store, per_month: int, clock: Callable[[], datetime]) -> None:
        self.per_month = per_month
        self._store = store
        self._clock = clock
        self._hours: Counter[int] = Counter()
        self._unkept: Counter[tuple[int, str]] = Counter()
        self._first: int | None = None  # the hour of the first read we know of

    async def load(self) -> None:
        """Take up what earlier runs counted."""
        for hour, count in (await self._store.memory.reads(since=self._hour() - _MONTH)).items():
            self._count(hour, count)

    def observe(self, call: Call) -> None:
        """Count a finished call, if it is one that the vendor counts."""
        if call.purpose and call.status is not None and call.status < HTTPStatus.MULTIPLE_CHOICES:
            self._count(self._hour(), 1)
            self._unkept[self._hour(), call.purpose] += 1
            if (tally := _TALLY.get()) is not None:
                tally[call.purpose] += 1

    @contextmanager
    def tallied(self) -> Iterator[Counter[str]]:
        """Count, beside all else, the metered reads that are made within, by what they are for."""
        tally: Counter[str] = Counter()
        token = _TALLY.set(tally)
        try:
            yield tally
        finally:
            _TALLY.reset(token)

    async def flush(self) -> None:
        """Keep what was counted since the last time."""
        if self._unkept:
            unkept, self._unkept = self._unkept, Counter()
            await self._store.memory.count_reads(unkept)

    @property
    def this_month(self) -> int:
        """Reads since the month began."""
        return _since(self._hours, _hour(self._begin()))

    @property
    def forecast(self) -> float:
        """Reads at the end of the month if it goes on like the last day."""
        end = (self._begin() + timedelta(days=32)).replace(day=1)
        known = 1 if self._first is None else self._hour() - self._first + 1
        recent = _since(self._hours, self._hour() - _RECENT + 1) / min(_RECENT, known)
        return self.this_month + recent * ((end - self._clock()) / _HOUR)

    @property
    def poll_stretch(self) -> float:
        """By how much polls should be farther apart than configured, 1 while there is no need."""
        return self._stretch(*_POLLS)

    @property
    def export_stretch(self) -> float:
        """By how much exports should wait longer for company than configured, 1 while there is no need."""
        return self._stretch(*_EXPORTS)

    def _stretch(self, low: float, high: float, most: float) -> float:
        share = min(1.0, max(0.0, (self.forecast / self.per_month - low) / (high - low)))
        return 1 + share * (most - 1)

    def _begin(self) -> datetime:
        """Return when this month began, by the vendor's calendar, which we take for UTC."""
        return self._clock().astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)

    def _count(self, hour: int, count: int) -> None:
        self._hours[hour] += count
        self._first = hour if self._first is None else min(self._first, hour)

    def _hour(self) -> int:
        return _hour(self._clock())


def _hour(instant: datetime) -> int:
    return int(instant.timestamp() // _HOUR.total_seconds())


def _since(hours: Mapping[int, int], first: int) -> int:
    return sum(count for hour, count in hours.items() if hour >= first)
