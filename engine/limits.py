"""Request budgets: how fast we may call a vendor."""

import math
from collections.abc import Awaitable, Callable

from aiolimiter import AsyncLimiter

Admit = Callable[[str], Awaitable[None]]

_MARGIN = 1.02  # clocks differ: a vendor's minute may end a little before ours


def spaced(per_minute: float, per_second: float = math.inf) -> Admit:
    """Return a budget for one company: calls evenly spaced, so that no window of any length holds too many.

    A bucket that allows bursts would admit twice its size in the first window; evenly spaced slots reach 98 % of
    the limit without ever being throttled.
    """
    slot = AsyncLimiter(1, max(60 / per_minute, 1 / per_second) * _MARGIN)

    async def admit(_endpoint: str) -> None:
        await slot.acquire()

    return admit


def per_endpoint(per_minute: float) -> Admit:
    """Return a budget for each endpoint: calls evenly spaced, the first one as far from the start.

    Limits of a few calls a minute leave no room for what was called just before a restart, which nobody remembers.
    """
    budgets: dict[str, Admit] = {}

    async def admit(endpoint: str) -> None:
        if endpoint not in budgets:
            budgets[endpoint] = spaced(per_minute)
            await budgets[endpoint](endpoint)  # in the name of whoever ran before us
        await budgets[endpoint](endpoint)

    return admit
