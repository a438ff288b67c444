"""Sources of what has dates but tells of no changes: it is read whole, day by day, again and again."""

from abc import abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import ClassVar, NamedTuple

import structlog
from typing_extensions import override

from adapters.alvys.client import Client
from adapters.alvys.selection.common import Skip
from adapters.ports import Census, Source
from state.transaction import Kind, Sourced

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Span(NamedTuple):
    """Some whole days, both ends included, and the filter that finds what is dated on them."""

    first: date
    last: date
    filters: Mapping[str, object]


class Dated(Source):
    """What one search finds by date. `skipped` counts what is left alone.

    Late postings and what was taken back show only to those who look again, so `overlap` is long, and a census ends
    each span. What is left alone is in the census: a setting that was changed takes nothing back. `lapses` are the
    reasons by which a record is no document any more, even if it was one.
    """

    path: ClassVar[str]
    kinds: ClassVar[frozenset[Kind]]
    lapses: ClassVar[frozenset[Skip]]

    def __init__(self, client: Client, skipped: Counter[Skip]) -> None:
        self._client = client
        self._skipped = skipped

    @override
    async def changes(self, since: datetime, until: datetime) -> AsyncIterator[Sequence[Sourced] | Census]:
        """Yield all that is dated on the days of the window, in chunks, and span by span what there is.

        Vendor errors pass.
        """
        before = self._skipped.copy()
        for first, last, filters in self._spans(since, until):
            listed: set[str] = set()
            async for records in self._client.pages(self.path, filters):
                await self._prepare(records)
                if found := [each for record in records for each in self._read(record, listed)]:
                    yield found
            yield Census(self.kinds, first, last, frozenset(listed))
        skipped = {str(skip): count for skip, count in (self._skipped - before).items()}
        log.info("alvys.days_read", source=self.name, since=since.isoformat(), until=until.isoformat(), skipped=skipped)

    def _read(self, raw: object, listed: set[str]) -> list[Sourced]:
        """Return the documents of a record, or why there are none, and list what it is known by."""
        skip = self._skip(raw)
        if skip is None:
            found = self._documents(raw)
        else:
            self._skipped[skip] += 1
            found = self._withdrawn(raw) if skip in self.lapses else []
        listed.update([each.source_id for each in found if each.content] or self._ids(raw))
        return found

    @abstractmethod
    def _spans(self, since: datetime, until: datetime) -> Iterator[Span]:
        """Yield the days to be read."""

    @abstractmethod
    async def _prepare(self, records: Sequence[object]) -> None:
        """Read what is needed beside these records."""

    @abstractmethod
    def _skip(self, raw: object) -> Skip | None:
        """Return why a record is left alone, or None."""

    @abstractmethod
    def _documents(self, raw: object) -> list[Sourced]:
        """Return what a record becomes."""

    @abstractmethod
    def _withdrawn(self, raw: object) -> list[Sourced]:
        """Return what a record may have become as what it is no more."""

    @abstractmethod
    def _ids(self, raw: object) -> Iterable[str]:
        """Return all that a record may be known by."""
