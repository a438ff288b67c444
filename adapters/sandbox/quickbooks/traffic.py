"""What the gateway counts: calls against the throttle, metered reads against the month, and what was asked."""

from collections import Counter, deque
from datetime import datetime, timedelta

from adapters.sandbox.quickbooks.switches import Limits


class _Window:
    """A sliding window: at most `limit` calls in any stretch of its length."""

    def __init__(self, limit: int | None, seconds: int) -> None:
        self._limit = limit
        self._length = timedelta(seconds=seconds)
        self._calls: deque[datetime] = deque()

    def has_room(self, now: datetime) -> bool:
        if self._limit is None:
            return True
        while self._calls and now - self._calls[0] >= self._length:
            self._calls.popleft()
        return len(self._calls) < self._limit

    def add(self, now: datetime) -> None:
        if self._limit is not None:
            self._calls.append(now)


class Throttle:
    """The company's windows: requests a minute and a second, and of batches and of reports a minute."""

    def __init__(self, limits: Limits) -> None:
        self._all = [_Window(limits.requests_per_minute, 60), _Window(limits.requests_per_second, 1)]
        self._own = {
            "batch": _Window(limits.batches_per_minute, 60),
            "reports": _Window(limits.reports_per_minute, 60),
        }

    def admit(self, now: datetime, subject: str) -> bool:
        """Count a call on a subject, such as `batch`, and say whether it may pass; a refused call does not count."""
        windows = [*self._all, self._own[subject]] if subject in self._own else self._all
        admitted = all(window.has_room(now) for window in windows)
        if admitted:
            for window in windows:
                window.add(now)
        return admitted


class Meter:
    """Successful calls by tier: `Core` is data in, `CorePlus` data out; a batch counts once per item."""

    def __init__(self, metered_per_month: int | None) -> None:
        self._cap = metered_per_month
        self._months: Counter[tuple[int, int, str]] = Counter()

    def count(self, tier: str, now: datetime, calls: int = 1) -> None:
        """Count a successful call, or one that is worth several."""
        self._months[now.year, now.month, tier] += calls

    def is_blocked(self, now: datetime) -> bool:
        """Say whether the month's metered reads are used up."""
        return self._cap is not None and self._months[now.year, now.month, "CorePlus"] >= self._cap

    def totals(self) -> dict[str, int]:
        """Return the calls of all months by tier."""
        totals = {"Core": 0, "CorePlus": 0}
        for (_, _, tier), calls in self._months.items():
            totals[tier] += calls
        return totals


class Log:
    """What was asked of the server: counts of everything, and each write with its request id."""

    def __init__(self) -> None:
        self.by_call: Counter[str] = Counter()
        self.by_status: Counter[str] = Counter()
        self.by_code: Counter[str] = Counter()
        self.writes: list[dict[str, object]] = []

    def count(self, call: str, status: int | None) -> None:
        """Count one request by what it called and how it was answered; None for one without an answer."""
        self.by_call[call] += 1
        self.by_status[str(status) if status is not None else "dropped"] += 1
