"""How many orders one request carries: one when little waits, many when a backlog does."""

from collections.abc import Callable
from typing import Final

_FIRST: Final = 8  # orders; the largest parcel before the vendor has shown what it can carry
_BACKLOG: Final = 16  # orders that wait before parcels are worth their shared fate
_MEMORY: Final = 0.7  # share of the old estimate in a new one
_WORTH: Final = 0.8  # a parcel must take less than this share of the time its orders would take one by one
_PROBE: Final = 40  # parcels of one after which the vendor is asked again whether larger ones are any better


class Parcels:
    """Chooses the size of the next request, from what waits and from how the last ones went.

    A parcel that gets no answer leaves all its orders in doubt, so the largest size starts small, doubles with each
    success and halves with each unanswered one; once down to one, two are tried now and then. `spare` says whether a
    request with many may leave at once; while it may not, single ones use the rest of the request budget. A vendor that
    carries out the orders of a request one after another gains us nothing but longer waits: then many go together only
    while the budget for single ones is used up.
    """

    def __init__(
        self,
        most: int,
        *,
        spare: Callable[[], bool] = lambda: True,
        scarce: Callable[[], bool] = lambda: False,
    ) -> None:
        self._most = most
        self._spare = spare
        self._scarce = scarce
        self._largest = min(most, _FIRST)
        self._alone: float | None = None  # seconds a single order takes
        self._together: float | None = None  # seconds an order takes in a parcel
        self._since_probe = 0

    def size(self, waiting: int) -> int:
        """Return how many of the orders that wait the next request should carry."""
        if self._most == 1 or waiting < _BACKLOG or not self._spare():
            return 1
        pointless = self._largest == 1 or (self._one_by_one and not self._scarce())
        if pointless and self._since_probe < _PROBE:
            self._since_probe += 1
            return 1
        self._since_probe = 0
        return min(waiting, max(2, self._largest))

    def carried(self, orders: int, seconds: float) -> None:
        """Learn from a request that was answered after so many seconds."""
        if orders == 1:
            self._alone = _blend(self._alone, seconds)
            return
        self._together = _blend(self._together, seconds / orders)
        self._largest = min(self._most, max(self._largest, 2 * orders))

    def failed(self, orders: int) -> None:
        """Learn from a request whose answer did not come, or that the vendor refused as a whole."""
        if orders > 1:
            self._largest = max(1, orders // 2)

    @property
    def _one_by_one(self) -> bool:
        """Whether the vendor seems to carry out the orders of a request one after another."""
        return self._alone is not None and self._together is not None and self._together > _WORTH * self._alone


def _blend(old: float | None, new: float) -> float:
    return new if old is None else _MEMORY * old + (1 - _MEMORY) * new
