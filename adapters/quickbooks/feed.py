"""What changed in a company, however much it was: change data, and queries where it has no room."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from adapters.quickbooks.client import PAGE, Client, Purpose, quoted
from adapters.quickbooks.forms import Raw

REACH: Final = timedelta(days=29)  # change data reaches back thirty; a day is left for slow answers and odd clocks
_CHANGED: Final = "MetaData.LastUpdatedTime"


class Feed:
    """Reads what changed, for one purpose."""

    def __init__(self, client: Client, purpose: Purpose) -> None:
        self._client = client
        self._purpose = purpose

    async def changed(self, entities: Sequence[str], since: datetime) -> tuple[dict[str, list[Raw]], datetime | None]:
        """Return what changed per entity, tombstones among it, and the vendor's time.

        Where one answer can't hold it, entity by entity, then page by page; pages know nothing of what was deleted.
        `since` must be within the reach of change data.
        """
        groups, answered = await self._client.changes(entities, since, purpose=self._purpose)
        if sum(map(len, groups.values())) < PAGE:
            return groups, answered
        for entity in entities:
            alone, _ = await self._client.changes([entity], since, purpose=self._purpose)
            groups[entity] = alone[entity]
            if len(alone[entity]) >= PAGE:
                groups[entity] += await self.paged(entity, since)
        return groups, answered

    async def paged(self, entity: str, since: datetime, until: datetime | None = None, *, where: str = "") -> list[Raw]:
        """Return by queries all rows last changed since then and, if that is given, up to `until`.

        Rows move to the end while we read, so each page starts at the time where the last one stopped.
        """
        rows: list[Raw] = []
        low, start = since.isoformat(timespec="seconds"), 1
        end = f" and {_CHANGED} <= {quoted(until.isoformat(timespec='seconds'))}" if until else ""
        more = f" and {where}" if where else ""
        while True:
            span = f"{_CHANGED} >= {quoted(low)}{end}{more}"
            page = await self._client.page(entity, span, order=_CHANGED, start=start, purpose=self._purpose)
            rows += page
            if len(page) < PAGE:
                return rows
            last = page[-1]["MetaData"]["LastUpdatedTime"]
            low, start = (low, start + PAGE) if last == low else (last, 1)
