"""Fuel and tolls that the company pays itself, as sources."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import ClassVar, Final

from typing_extensions import override

from adapters.alvys.client import Client, period
from adapters.alvys.dated import Dated, Span
from adapters.alvys.mapping.purchases import FUEL_SIDES, TOLL_SIDES, fuel_bill, purchase_names, toll_bill
from adapters.alvys.mapping.signs import Sides
from adapters.alvys.record import glimpse
from adapters.alvys.selection.common import Skip
from adapters.alvys.selection.purchases import fuel_skip, toll_skip
from adapters.alvys.settings import Settings
from adapters.alvys.trucks import Trucks
from state.transaction import Kind, Sourced

# Days asked for at once: a set that grows while it is read is read again, and a small one is less likely to.
_WEEK: Final = timedelta(days=7)


class Purchases(Dated):
    """Purchases of either sort: searched by instants, taken by whole days of the legal entity's time zone."""

    lapses: ClassVar[frozenset[Skip]] = frozenset({Skip.OWNER_OPERATOR, Skip.ZERO_VALUED})
    sides: ClassVar[Sides]
    range: ClassVar[str]  # what the search calls its range
    truck: ClassVar[str]  # where a purchase names its truck

    def __init__(self, client: Client, trucks: Trucks, settings: Settings, skipped: Counter[Skip]) -> None:
        super().__init__(client, skipped)
        self.interval = settings.purchase_interval
        self.overlap = timedelta(days=settings.look_back_days)
        self._settings = settings
        self._trucks = trucks
        self._known: Mapping[str, object] = {}

    @override
    def _spans(self, since: datetime, until: datetime) -> Iterator[Span]:
        zone = self._settings.timezone
        first, end = since.astimezone(zone).date(), until.astimezone(zone).date()
        while first <= end:
            last = min(first + _WEEK - timedelta(days=1), end)
            whole = period(datetime.combine(first, time.min, zone), datetime.combine(last, time.max, zone))
            yield Span(first, last, {self.range: whole})
            first = last + timedelta(days=1)

    @override
    async def _prepare(self, records: Sequence[object]) -> None:
        """Read the trucks: their fuel cards tell who pays."""
        self._known = await self._trucks.by_id()

    @override
    def _withdrawn(self, raw: object) -> list[Sourced]:
        return self.sides.withdrawn(*purchase_names(raw))

    @override
    def _ids(self, raw: object) -> Iterable[str]:
        return purchase_names(raw)[:1]

    def _truck(self, raw: object) -> object:
        return self._known.get(glimpse(raw, self.truck))


class Fuel(Purchases):
    """Fuel that is taken off nobody's pay."""

    name = "fuel"
    path: ClassVar[str] = "fuel/search"
    sides: ClassVar[Sides] = FUEL_SIDES
    kinds: ClassVar[frozenset[Kind]] = frozenset(FUEL_SIDES)
    range: ClassVar[str] = "TransactionRange"
    truck: ClassVar[str] = "TruckId"

    @override
    def _skip(self, raw: object) -> Skip | None:
        return fuel_skip(raw, self._truck(raw), self._settings)

    @override
    def _documents(self, raw: object) -> list[Sourced]:
        return fuel_bill(raw, self._truck(raw), self._settings)


class Tolls(Purchases):
    """Tolls that are taken off nobody's pay."""

    name = "tolls"
    path: ClassVar[str] = "tolls/search"
    sides: ClassVar[Sides] = TOLL_SIDES
    kinds: ClassVar[frozenset[Kind]] = frozenset(TOLL_SIDES)
    range: ClassVar[str] = "DateRange"
    truck: ClassVar[str] = "UnitId"

    @override
    def _skip(self, raw: object) -> Skip | None:
        return toll_skip(raw, self._truck(raw), self._settings)

    @override
    def _documents(self, raw: object) -> list[Sourced]:
        return toll_bill(raw, self._truck(raw), self._settings)
