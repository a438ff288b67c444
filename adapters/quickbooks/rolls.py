"""What is remembered of a company: single values, and lists by what people may call their rows."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Final, Generic, TypeVar

import anyio

from adapters.quickbooks.shapes import Listed

Value = TypeVar("Value")
Row = TypeVar("Row", bound=Listed)

# Before a document is refused for what a list says, the list is read again unless it is younger than this.
FRESH: Final = 5.0  # seconds


@lru_cache(maxsize=4096)
def fold(text: str) -> str:
    """Return what two spellings of one name have in common: neither case nor the width of spaces counts."""
    return " ".join(text.split()).casefold()


class Cached(Generic[Value]):
    """One value read from the vendor at most every `refresh` seconds, by one reader at a time.

    It is `fresh` for so many seconds: before a document is refused for what it says, an older one is read again.
    """

    def __init__(
        self, read: Callable[[], Awaitable[Value]], refresh: float, clock: Callable[[], datetime], fresh: float = FRESH
    ) -> None:
        self._read = read
        self._refresh = refresh
        self._clock = clock
        self._fresh = fresh
        self._lock = anyio.Lock()
        self._held: _Held[Value] | None = None

    async def get(self, *, fresh: bool = False) -> Value:
        """Return the value; with `fresh`, one that was true within the last seconds."""
        if self._held is not None and self._serves(self._held, fresh=fresh):
            return self._held.value
        async with self._lock:
            if self._held is None or not self._serves(self._held, fresh=fresh):
                asked = self._clock()
                self._held = _Held(await self._read(), asked, asked)
            return self._held.value

    def _serves(self, held: "_Held[Value]", *, fresh: bool) -> bool:
        now = self._clock()
        old = (now - held.read_at).total_seconds() >= self._refresh
        return not old and (not fresh or (now - held.true_at).total_seconds() < self._fresh)

    @property
    def held(self) -> Value | None:
        """The value as it is known, None if it never was read."""
        return self._held.value if self._held else None

    def put(self, value: Value, *, whole: bool = True) -> None:
        """Hold what the vendor just said the value has become, or of which it said a part; `refresh` runs on."""
        if self._held is not None:
            true_at = self._clock() if whole else self._held.true_at
            self._held = replace(self._held, value=value, true_at=true_at)

    def forget(self) -> None:
        """Read anew at the next call."""
        self._held = None


@dataclass(frozen=True, slots=True)
class _Held(Generic[Value]):
    """A value, when it was read, and when it was last known to be true."""

    value: Value
    read_at: datetime
    true_at: datetime


class Roll(Generic[Row]):
    """One of the company's lists, by what people may call its rows."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.by_id = {row.id: row for row in rows}
        self._rungs: tuple[dict[str, list[Row]], ...] = ({}, {}, {})
        for row in self.by_id.values():
            for rung, handles in zip(self._rungs, row.handles, strict=True):
                for key in {fold(handle) for handle in handles}:
                    rung.setdefault(key, []).append(row)

    @property
    def rows(self) -> Sequence[Row]:
        """Every row."""
        return tuple(self.by_id.values())

    def called(self, wanted: str) -> Sequence[Row]:
        """Return the rows on the first rung of handles that `wanted` names, case aside."""
        key = fold(wanted)
        return next((rung[key] for rung in self._rungs if key in rung), ())
