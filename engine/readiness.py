"""Whether the daemon does its work: what it has started, and when each loop last passed."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

_PATIENCE = 3  # intervals without a pass before a loop counts as stuck


@dataclass(frozen=True, slots=True)
class Check:
    """One condition of readiness, and what was seen of it."""

    name: str
    ok: bool
    detail: str


@dataclass(slots=True)
class _Loop:
    interval: float  # seconds
    passed_at: datetime | None = None
    rest: float = 0.0  # seconds the loop said it would stay away after its last pass


class Readiness:
    """What the loops say of themselves. `started` is set once by whoever starts them."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.started = False
        self._clock = clock
        self._loops: dict[str, _Loop] = {}

    def watch(self, name: str, interval: float) -> None:
        """Expect a pass of the loop `name` every `interval` seconds."""
        self._loops[name] = _Loop(interval)

    def passed(self, name: str, rest: float = 0.0) -> None:
        """Say that the loop `name` did its work once, and how many seconds it rests if longer than its interval.

        A pass that found its vendor unavailable, and will try again, did its work: that is an alert, not unreadiness.
        """
        loop = self._loops[name]
        loop.passed_at, loop.rest = self._clock(), rest

    def checks(self) -> list[Check]:
        """Return every condition this process can judge without asking anyone."""
        started = Check("started", self.started, "started" if self.started else "still starting")
        return [started, *(self._check(name, loop) for name, loop in self._loops.items())]

    def _check(self, name: str, loop: _Loop) -> Check:
        if loop.passed_at is None:
            return Check(f"loop {name}", ok=False, detail="has not passed yet")
        age = self._clock() - loop.passed_at
        limit = timedelta(seconds=_PATIENCE * max(loop.interval, loop.rest))
        detail = f"passed {age.total_seconds():.1f} s ago, at most {limit.total_seconds():.1f} s are fine"
        return Check(f"loop {name}", ok=age <= limit, detail=detail)
