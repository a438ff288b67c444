"""Loads and trips as a source: what changed in them, with the invoices, bills and payments that follow."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta

import structlog
from msgspec.structs import replace
from typing_extensions import override

from adapters.alvys.between import Between
from adapters.alvys.client import Client, period
from adapters.alvys.directory import Directory
from adapters.alvys.expense import Expense
from adapters.alvys.files import FILED
from adapters.alvys.gathering import Gathering
from adapters.alvys.hauls import Hauls, ids, last_changes
from adapters.alvys.record import glimpse
from adapters.alvys.revenue import Revenue
from adapters.alvys.selection.common import Skip, takes
from adapters.alvys.selection.trips import may_be_billed
from adapters.alvys.settings import Settings
from adapters.ports import Found, Roster, Source
from state.transaction import Sourced

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Freight(Source):
    """What loads and trips bill. `skipped` counts what is left alone."""

    name = "freight"

    def __init__(self, client: Client, directory: Directory, settings: Settings, skipped: Counter[Skip]) -> None:
        self.interval = settings.poll_interval
        self.overlap = timedelta(seconds=settings.overlap)
        self._client = client
        self._rules = settings.rules
        self._gathering = Gathering(client, settings)
        self._revenue = Revenue(directory, settings, skipped)
        self._expense = Expense(client, directory, settings, skipped)
        self._between = Between(settings, skipped)
        self._skipped = skipped

    @override
    async def changes(self, since: datetime, until: datetime) -> AsyncIterator[Found]:
        """Yield what loads and trips updated in the window bill, and what they no longer do, in chunks.

        A load is looked at with its trips and its invoices, and so is the load of a trip: there is no feed of changed
        invoices, and what is due for a trip follows from its load. `until` must be past, so that records can leave the
        window while it is read but none can enter. Vendor errors pass.
        """
        before = self._skipped.copy()
        window = {"UpdatedAtRange": period(since, until), "IncludeDeleted": True}
        seen: set[str] = set()
        async for loads in self._client.pages("loads/search", window):
            async for hauls in self._gathering.around_loads(loads):
                seen |= ids(hauls.trips)
                async for found in self._of(hauls):
                    yield found
        if self._rules.expense:
            async for trips in self._client.pages("trips/search", window):
                fresh = [trip for trip in trips if glimpse(trip, "Id") not in seen and self._billable(trip)]
                async for hauls in self._gathering.around_trips(fresh):
                    seen |= ids(hauls.trips)
                    async for found in self._of(hauls):
                        yield found
        skipped = {str(skip): count for skip, count in (self._skipped - before).items()}
        log.info("alvys.window_read", since=since.isoformat(), until=until.isoformat(), skipped=skipped)

    async def _of(self, hauls: Hauls) -> AsyncIterator[Found]:
        """Yield what was gathered at once as what it becomes: the records first, then the rosters of them."""
        found = await self._revenue.of(hauls) if self._rules.revenue else []
        found += await self._expense.of(hauls) if self._rules.expense else []
        found += self._between.of(hauls)
        changed = last_changes(hauls)
        if records := [_stamped(each, changed) for each in found if isinstance(each, Sourced)]:
            yield records
        for each in found:
            if isinstance(each, Roster):
                yield each

    def _billable(self, trip: object) -> bool:
        """Whether a trip is looked into; one that is still underway is counted."""
        return takes(self._skipped, None if may_be_billed(trip) else Skip.NOT_RELEASED)


def _stamped(found: Sourced, changed: Mapping[str, str]) -> Sourced:
    """Return a record that files may be kept for with when it, its load or its trips changed last."""
    if found.content is None or found.kind not in FILED:
        return found
    return replace(found, stamp=changed.get(found.content.trip_id or found.content.load_number, ""))
