"""How often each endpoint may be called."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from adapters.sandbox.alvys.switches import Switches
from adapters.sandbox.alvys.wire import Problem

DEFAULT = 10
"""Requests a minute to each endpoint, per the vendor's limits page, but for those of the next table."""

FEWER: Mapping[str, int] = {
    "GET drivers": 5,
    "GET invoices": 5,
    "GET loads": 5,
    "GET trips": 5,
    "GET trucks": 5,
    "POST fuel/search": 5,
}
"""Endpoints that take fewer requests a minute (documented)."""

BLOCK_SECONDS = 180
BRIEFLY_BLOCKED: Mapping[str, int] = {
    "GET drivers": 60,
    "POST drivers/search": 60,
    "POST fuel/search": 60,
    "POST tolls/search": 60,
}
"""How long an endpoint stays shut once its limit was passed, where the vendor blocks: three minutes but for these."""


@dataclass(frozen=True)
class Limits:
    """The vendor's documented throttle: 10 requests a minute to an endpoint, and `Retry-After: 60` beyond them.

    Another number of requests scales the endpoints that take fewer than the default in proportion.
    """

    requests: int = DEFAULT  # in one window; 0 lifts every limit
    window_seconds: float = 60
    retry_after_seconds: int = 60

    def of(self, endpoint: str) -> int:
        """Return how many requests an endpoint, its method and path, takes in one window."""
        return max(1, self.requests * FEWER.get(endpoint, DEFAULT) // DEFAULT)


class Throttle:
    """Counts requests by endpoint over a window that slides."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._recent: dict[str, deque[datetime]] = {}
        self._blocked: dict[str, datetime] = {}

    def admit(self, endpoint: str, now: datetime, switches: Switches) -> None:
        """Let a request pass, or raise a 429 `Problem`; one that was refused does not count."""
        if not self.limits.requests:
            return
        if switches.token_requests_per_second is not None:
            self._count("", now, switches.token_requests_per_second, 1)
        if now < self._blocked.get(endpoint, now):
            raise too_many(self.limits.retry_after_seconds)
        try:
            self._count(endpoint, now, self.limits.of(endpoint), self.limits.window_seconds)
        except Problem:
            if switches.over_limit == "block":
                self._blocked[endpoint] = now + timedelta(seconds=BRIEFLY_BLOCKED.get(endpoint, BLOCK_SECONDS))
            raise

    def _count(self, name: str, now: datetime, most: int, seconds: float) -> None:
        recent = self._recent.setdefault(name, deque())
        horizon = now - timedelta(seconds=seconds)
        while recent and recent[0] <= horizon:
            recent.popleft()
        if len(recent) >= most:
            raise too_many(self.limits.retry_after_seconds)
        recent.append(now)


def too_many(retry_after_seconds: int) -> Problem:
    """Say "too many requests" the way the vendor does."""
    return Problem(429, "Rate limit exceeded.", headers={"Retry-After": str(retry_after_seconds)})
