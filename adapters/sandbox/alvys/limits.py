"""How often each endpoint may be called."""

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from adapters.sandbox.alvys.wire import Problem


@dataclass(frozen=True)
class Limits:
    """The vendor's documented throttle, per endpoint: 10 requests a minute, and `Retry-After: 60` beyond them."""

    requests: int = 10  # in one window; 0 lifts the limit
    window_seconds: float = 60
    retry_after_seconds: int = 60


class Throttle:
    """Counts requests by endpoint over a window that slides."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._recent: dict[str, deque[datetime]] = {}

    def admit(self, endpoint: str, now: datetime) -> None:
        """Let a request pass, or raise a 429 `Problem`; one that was refused does not count."""
        if not self.limits.requests:
            return
        recent = self._recent.setdefault(endpoint, deque())
        horizon = now - timedelta(seconds=self.limits.window_seconds)
        while recent and recent[0] <= horizon:
            recent.popleft()
        if len(recent) >= self.limits.requests:
            raise too_many(self.limits.retry_after_seconds)
        recent.append(now)


def too_many(retry_after_seconds: int) -> Problem:
    """Say "too many requests" the way the vendor does."""
    return Problem(429, "Rate limit exceeded.", headers={"Retry-After": str(retry_after_seconds)})
