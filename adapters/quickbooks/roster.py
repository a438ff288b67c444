"""Everyone the company knows by name: customers, vendors and employees, whose names are unique together.

The query language folds no punctuation, and reads are metered. So the whole list is read once, a thousand names a
read, when the first unknown party comes; after that one read of change data serves all the parties that come together.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import anyio
import anyio.lowlevel

from adapters.quickbooks.client import Client
from adapters.quickbooks.feed import REACH, Feed
from adapters.quickbooks.forms import Raw
from adapters.quickbooks.names import alike, key, unsuffixed
from adapters.quickbooks.shapes import Named, readable

ENTITIES: Final = ("Customer", "Vendor", "Employee")
_FRESH: Final = 5.0  # seconds; parties that come within them are looked for in the same list
_BACK: Final = timedelta(minutes=1)  # each look at changes reaches back behind the last one
_LAG: Final = timedelta(minutes=5)  # and the first one farther: lists may be older than the books, and clocks differ
_ALL: Final = "Active in (true, false)"
_CHUNK: Final = 500  # rows taken in before others have their turn
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DELETED: Final = " (deleted)"  # said by others: what is made inactive is renamed like this

Entry = tuple[str, Named]
"""An entity and one of its rows."""


class Roster:
    """The names of one company. `suffixes` are what tells a customer and a vendor of one name apart, by entity."""

    def __init__(self, client: Client, suffixes: Mapping[str, str], clock: Callable[[], datetime]) -> None:
        self._feed = Feed(client, "party")
        self._suffixes = suffixes
        self._clock = clock
        self._lock = anyio.Lock()
        self._asked: datetime | None = None  # by our clock
        self._since = _BEGINNING  # by the vendor's
        self._rows: dict[tuple[str, str], Named] = {}
        self._by_key: defaultdict[tuple[str, str, int], dict[str, Named]] = defaultdict(dict)
        self._by_name: defaultdict[str, dict[tuple[str, str], Named]] = defaultdict(dict)

    async def refresh(self, since: datetime | None = None) -> None:
        """Take in what changed, unless that was done since then, or else within the last seconds."""
        since = since or self._clock() - timedelta(seconds=_FRESH)
        async with self._lock:
            if self._asked is not None and self._asked >= since:
                return
            asked = self._clock()
            if asked - self._since > REACH:
                await self._load()
                self._since = asked - _LAG
            else:
                groups, answered = await self._feed.changed(ENTITIES, self._since)
                for entity, rows in groups.items():
                    self._take(entity, rows)
                self._since = (answered - (self._clock() - asked) if answered else asked) - _BACK
            self._asked = asked

    async def _load(self) -> None:
        """Read all lists, inactive rows too, which the query language leaves out unless asked."""
        lists = {entity: await self._feed.paged(entity, _BEGINNING, where=_ALL) for entity in ENTITIES}
        for table in (self._rows, self._by_key, self._by_name):
            table.clear()
        for entity, rows in lists.items():
            for start in range(0, len(rows), _CHUNK):
                self._take(entity, rows[start : start + _CHUNK])
                await anyio.lowlevel.checkpoint()

    def called(self, entity: str, names: Iterable[str], suffixes: int) -> list[Named]:
        """Return the rows of one entity whose name is one of `names`, but for spelling, with so many suffixes."""
        found: dict[str, Named] = {}
        for name in names:
            found |= self._by_key.get((entity, key(name), suffixes), {})
        return list(found.values())

    def holders(self, name: str) -> list[Entry]:
        """Return who holds exactly this name, as QuickBooks is documented to compare: whatever its case."""
        return [(entity, row) for (entity, _), row in self._by_name.get(_exactly(name), {}).items()]

    def alike(self, entity: str, name: str) -> list[Named]:
        """Return the rows of one entity that bear this name but for accents as well."""
        wanted = alike(name)
        return [row for (owner, _), row in self._rows.items() if owner == entity and alike(row.display_name) == wanted]

    def add(self, entity: str, row: Named) -> None:
        """Take in a row we have just created."""
        self._forget(entity, row.id)
        self._rows[entity, row.id] = row
        self._by_key[self._key(entity, row)][row.id] = row
        self._by_name[_exactly(row.display_name)][entity, row.id] = row

    def _take(self, entity: str, rows: Sequence[Raw]) -> None:
        """Take in rows as they are now; a tombstone is nobody any more, and what can't be read has no name."""
        for raw in rows:
            row = readable(raw, Named)
            if row is None or raw.get("status") == "Deleted":
                self._forget(entity, str(raw["Id"]))
            else:
                self.add(entity, row)

    def _forget(self, entity: str, identity: str) -> None:
        row = self._rows.pop((entity, identity), None)
        if row is not None:
            del self._by_key[self._key(entity, row)][identity]
            del self._by_name[_exactly(row.display_name)][entity, identity]

    def _key(self, entity: str, row: Named) -> tuple[str, str, int]:
        name = row.display_name if row.active else row.display_name.removesuffix(_DELETED)
        suffix = self._suffixes.get(entity)
        base, count = unsuffixed(name, suffix) if suffix else (name, 0)
        return entity, key(base), count


def _exactly(name: str) -> str:
    return " ".join(name.split()).casefold()
