"""Request budgets: how fast we may call a vendor."""

import math
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Final

import anyio

from adapters.http import Call

Admit = Callable[[str], Awaitable[None]]

_MARGIN: Final = 1.01  # clocks differ: a vendor's minute may end a little before ours
_CUT: Final = 0.7  # what a throttle leaves of our share
_LEAST: Final = 0.1  # the smallest share; below it we would rather wait than starve
_WINDOW: Final = 60.0  # seconds a vendor counts over: two throttles within it tell the same story
_JITTER: Final = 0.4  # seconds by which one call may travel longer than another
_CALM: Final = 120.0  # seconds without a throttle before the share grows again
_GROWTH: Final = 0.05  # of the whole, every _WINDOW of calm


class _Slots:
    """Instants at which a call may leave, at least a gap apart, given out in order."""

    def __init__(self, gap: float) -> None:
        self._gap = gap
        self._free = -math.inf

    def rest(self, now: float) -> float:
        """Return the seconds until a slot is free."""
        return max(0.0, self._free - now)

    async def take(self, share: float) -> None:
        """Wait for the next slot; whoever wakes much too late takes another, since its slot may be used up by then."""
        gap, late = self._gap / share, math.inf
        while late > gap:
            now = anyio.current_time()
            slot = max(now, self._free)
            self._free = slot + gap
            await anyio.sleep(slot - now)
            late = anyio.current_time() - slot if slot > now else 0.0


class _Scarce(_Slots):
    """The slots of an endpoint with a smaller limit of its own, and the last calls that left.

    A call may be held up between its slot here and the one it shares with all others; what leaves late must not be
    too close to what follows in time.
    """

    def __init__(self, per_minute: float) -> None:
        super().__init__(_WINDOW / per_minute * _MARGIN)
        self._left: deque[float] = deque(maxlen=max(1, int(per_minute)))

    def leave(self, now: float) -> float:
        """Let a call leave and return 0, or return the seconds until it may."""
        full = len(self._left) == self._left.maxlen
        early = self._left[0] + _WINDOW + _JITTER - now if full else 0.0
        if early <= 0:
            self._left.append(now)
        return max(0.0, early)


class Budget:
    """One company's requests, evenly spaced, so that no window of any length holds too many.

    A bucket that allows bursts would admit twice its size in the first window; evenly spaced slots reach 98 % of the
    limit without ever being throttled. `scarcer` names endpoints with a smaller limit of their own, per minute. If the
    vendor throttles us all the same, somebody else uses the company's limit too: the whole company then slows down,
    never one worker, and tries its way back up.
    """

    def __init__(
        self, per_minute: float, per_second: float = math.inf, scarcer: Mapping[str, float] | None = None
    ) -> None:
        self._all = _Slots(max(_WINDOW / per_minute, 1 / per_second) * _MARGIN)
        self._own = {endpoint: _Scarce(limit) for endpoint, limit in (scarcer or {}).items()}
        self._share = 1.0
        self._throttled_at = -math.inf

    async def admit(self, endpoint: str) -> None:
        """Wait until a call may leave. First come, first served: no caller is starved by another's backlog."""
        own = self._own.get(endpoint)
        if own is not None:
            await own.take(self.share)
        await self._all.take(self.share)
        while own is not None and (early := own.leave(anyio.current_time())):
            await anyio.sleep(early)
            await self._all.take(self.share)

    def rest(self, endpoint: str = "") -> float:
        """Return the seconds a call to `endpoint` made now would wait for its own limit, or, without one, for all."""
        return self._own.get(endpoint, self._all).rest(anyio.current_time())

    def observe(self, call: Call) -> None:
        """Learn from a finished call."""
        now = anyio.current_time()
        if call.status == HTTPStatus.TOO_MANY_REQUESTS and now - self._throttled_at > _WINDOW:
            self._share, self._throttled_at = max(_LEAST, self.share * _CUT), now

    @property
    def share(self) -> float:
        """The share of the limit that we use, between 0 and 1."""
        calm = anyio.current_time() - self._throttled_at - _CALM
        return min(1.0, self._share + max(0.0, calm / _WINDOW) * _GROWTH)


def per_endpoint(per_minute: float, shares: Mapping[str, float] | None = None) -> Admit:
    """Return a budget for each endpoint: calls evenly spaced, the first one as far from the start.

    `shares` names endpoints that take only so much of what the others do.
    Limits of a few calls a minute leave no room for what was called just before a restart, which nobody remembers.
    """
    budgets: dict[str, Budget] = {}

    async def admit(endpoint: str) -> None:
        if endpoint not in budgets:
            budgets[endpoint] = Budget(per_minute * (shares or {}).get(endpoint, 1))
            await budgets[endpoint].admit(endpoint)  # in the name of whoever ran before us
        await budgets[endpoint].admit(endpoint)

    return admit
