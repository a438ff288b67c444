"""Loads with their trips and the invoices over them, seen together. Pure; nothing here raises for odd records."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from adapters.alvys.record import glimpse
from state.transaction import Segment


class Hauls:
    """Some loads, the trips that haul them and the invoices that bill them, each as the TMS sent it.

    `others` are loads that are there for what they say of the rest, not to be billed themselves. A load's number is
    unique within one subsidiary only, and a trip knows its load by number: `whole` says that every load of the numbers
    at hand is here, so that a sole one is the right one.
    """

    def __init__(
        self,
        loads: Sequence[object] = (),
        trips: Sequence[object] = (),
        invoices: Sequence[object] = (),
        others: Sequence[object] = (),
        *,
        whole: bool = True,
    ) -> None:
        self.loads = loads
        self.trips = trips
        self.invoices = invoices
        self._whole = whole
        self._known = {key: load for load in (*others, *loads) if (key := glimpse(load, "Id"))}
        self._numbered: defaultdict[str, list[object]] = defaultdict(list)
        for load in self._known.values():
            self._numbered[glimpse(load, "LoadNumber")].append(load)
        self._hauled: defaultdict[str, list[object]] = defaultdict(list)
        for trip in trips:
            self._hauled[glimpse(self.load_of(trip), "Id")].append(trip)

    def load(self, key: str) -> object:
        """Return the load with this id, or None."""
        return self._known.get(key)

    def load_of(self, trip: object) -> object:
        """Return the load a trip hauls: one invoiced by who it is tendered as, or of the same order; None if unsure."""
        found = self._numbered.get(glimpse(trip, "LoadNumber"), [])
        same = [load for load in found if glimpse(load, "InvoiceAs") == glimpse(trip, "TenderAs")]
        order = glimpse(trip, "OrderNumber")
        same = same or [load for load in found if order and glimpse(load, "OrderNumber") == order]
        same = same or (found if self._whole else [])
        return same[0] if len(same) == 1 else None

    def trips_of(self, load: object) -> list[object]:
        """Return the trips that haul a load, in the order of their numbers."""
        found = self._hauled.get(glimpse(load, "Id"), []) if glimpse(load, "Id") else []
        return sorted(found, key=lambda trip: glimpse(trip, "TripNumber"))

    def missing(self) -> list[str]:
        """Return the numbers of loads that an invoice lists, or a trip may haul, and that are not here."""
        listed = [each for invoice in self.invoices for each in parts(invoice, "Loads")]
        wanted = [glimpse(each, "LoadNumber") for each in listed if glimpse(each, "Id") not in self._known]
        if not self._whole:
            wanted += [glimpse(trip, "LoadNumber") for trip in self.trips if self.load_of(trip) is None]
        return sorted({number for number in wanted if number})

    def segment_of_load(self, key: str) -> Segment:
        """Return which part of the business the load with this id belongs to; of an unknown one, none."""
        load = self._known.get(key)
        types = {load_type(trip) for trip in self.trips_of(load) if not gone(trip)}
        kind = next((each for each in ("brokerage", "asset") if each in types), "")
        return Segment(glimpse(load, "InvoiceAs"), glimpse(part(load, "Fleet"), "Name"), kind)

    def segment_of_trip(self, trip: object) -> Segment:
        """Return which part of the business a trip belongs to: its load's fleet, its own subsidiary and type."""
        fleet = part(self.load_of(trip), "Fleet")
        return Segment(glimpse(trip, "TenderAs"), glimpse(fleet, "Name"), load_type(trip))


def load_type(trip: object) -> str:
    """Return whether others haul it, or our own trucks: as the trip is tendered, else by who is on it."""
    tendered = {"Broker": "brokerage", "Carrier": "asset"}.get(glimpse(trip, "TenderAsSubsidiaryType"), "")
    if tendered:
        return tendered
    if part(trip, "Carrier") is not None:
        return "brokerage"
    return "asset" if part(trip, "Driver1") is not None or part(trip, "OwnerOperator") is not None else ""


def gone(raw: object) -> bool:
    """Whether a load or trip was cancelled or deleted."""
    return isinstance(raw, Mapping) and (raw.get("Status") == "Cancelled" or raw.get("IsDeleted") is True)


def part(raw: object, name: str) -> object:
    """Return what stands there, or None."""
    return raw.get(name) if isinstance(raw, Mapping) else None


def parts(raw: object, name: str) -> list[object]:
    """Return a list wherever there is one, empty otherwise."""
    value = part(raw, name)
    return value if isinstance(value, list) else []


def ids(records: Iterable[object]) -> set[str]:
    """Return the ids of those that have one."""
    return {key for record in records if (key := glimpse(record, "Id"))}


def last_changes(hauls: Hauls) -> Mapping[str, str]:
    """Return when each load and trip changed last, by its id; by load number, when any that bear it did."""
    changed: defaultdict[str, str] = defaultdict(str)
    for record in (*hauls.loads, *hauls.trips):
        for key in (glimpse(record, "Id"), glimpse(record, "LoadNumber")):
            changed[key] = max(changed[key], glimpse(record, "UpdatedAt"))
    return changed
