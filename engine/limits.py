"""Request budgets: how fast we may call a vendor."""

from collections.abc import Awaitable, Callable

from aiolimiter import AsyncLimiter

Admit = Callable[[str], Awaitable[None]]

_MARGIN = 1.02  # clocks differ: a vendor's minute may end a little before ours


def spaced(per_minute: float, per_second: float) -> Admit:
    """Return a budget for one company: calls evenly spaced, so that no window of any length holds too many.

    A bucket that allows bursts would admit twice its size in the first window; evenly spaced slots reach 98 % of
    the limit without ever being throttled.
    """
    slot = AsyncLimiter(1, max(60 / per_minute, 1 / per_second) * _MARGIN)

    async def admit(_endpoint: str) -> None:
        await slot.acquire()

    return admit


def per_endpoint(per_minute: float) -> Admit:
    """Return a budget for each endpoint: half of the minute's calls at once, the other half spread over it.

    A burst lets a first intake read its pages without waiting; burst and refill together never exceed the limit.
    """
    limiters: dict[str, AsyncLimiter] = {}

    async def admit(endpoint: str) -> None:
        limiter = limiters.setdefault(endpoint, AsyncLimiter(max(1, per_minute / 2), 60 * _MARGIN))
        await limiter.acquire()

    return admit
