"""How patient the relay is, and one vendor's side of the outbox."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from engine.backoff import delay

CHANCE: Final = random.Random()  # noqa: S311 - jitter, not a secret


@dataclass(frozen=True, slots=True)
class Pace:
    """How patient the relay is; instants in seconds."""

    interval: float  # the longest rest between two passes
    claim: int  # messages taken up by one pass
    concurrency: int  # requests under way at once
    quiet_period: float  # from an unknown outcome to the first look-up
    read_pause: float  # between two agreeing look-ups
    rounds: int  # sends with unknown outcome before a person decides
    retry_base: float
    retry_cap: float


class Lane:
    """One vendor's side of the outbox: closed for a while when the vendor can't serve us.

    A throttle or an outage concerns the whole company, so the lane rests, not one message at a time.
    """

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._closed_until: datetime | None = None
        self._failures = 0
        self._shut = False

    def open(self, now: datetime) -> bool:
        """Whether the vendor can be asked."""
        return not self._shut and self.rest(now) <= 0

    def shut(self) -> None:
        """Close for good: nothing more is to be asked of the vendor."""
        self._shut = True

    def rest(self, now: datetime) -> float:
        """Return the seconds until the lane opens; none or fewer if it is open."""
        return (self._closed_until - now).total_seconds() if self._closed_until else 0.0

    def pause(self, now: datetime, seconds: float | None) -> None:
        """Close for `seconds`, or, if nobody said how long, longer with each failure in a row.

        What was under way when the lane closed met the same failure, not another one.
        """
        if seconds is None and self.rest(now) > 0:
            return
        if seconds is None:
            seconds = delay(self._failures, base=self._pace.retry_base, cap=self._pace.retry_cap, chance=CHANCE)
            self._failures += 1
        self._closed_until = max(self._closed_until or now, now + timedelta(seconds=seconds))

    def recovered(self) -> None:
        """Forget past failures: the vendor has just carried something out."""
        self._failures = 0
