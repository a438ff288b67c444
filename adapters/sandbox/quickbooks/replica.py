"""The copy of the books that lists are read from, which may be some seconds behind them."""

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

from adapters.sandbox.quickbooks.books import Transition
from adapters.sandbox.quickbooks.clock import Clock
from adapters.sandbox.quickbooks.rules import Object


class Replica:
    """Remembers how objects were, for as long as `lag` says in seconds that the copy is behind."""

    def __init__(self, clock: Clock, lag: Callable[[], float]) -> None:
        self._clock = clock
        self._lag = lag
        self._past: deque[tuple[datetime, list[Transition]]] = deque()

    def heard(self, transitions: list[Transition]) -> None:
        """Take in a commit of the books."""
        if self._lag():
            self._past.append((self._clock(), transitions))

    def behind(self, kind: str) -> dict[str, Object | None]:
        """Return, by id, the objects of a kind that the copy shows as they were; None is one that it does not show."""
        reached = self._clock() - timedelta(seconds=self._lag())
        while self._past and self._past[0][0] <= reached:
            self._past.popleft()
        shown: dict[str, Object | None] = {}
        for _, transitions in self._past:
            for changed, old, new in transitions:
                if changed == kind:
                    shown.setdefault((old or new or {})["Id"], old)
        return shown
