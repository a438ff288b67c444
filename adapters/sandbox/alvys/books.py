"""What the vendor remembers: loads, trips, invoices, parties, settlements, and the payments reported to it."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import TypeAlias

from adapters.sandbox.alvys.journal import Change, Journal
from adapters.sandbox.alvys.switches import Switches
from adapters.sandbox.alvys.wire import Json, Problem, write_instant

Clock: TypeAlias = Callable[[], datetime]
Watcher: TypeAlias = Callable[[str, Json | None, Json | None], None]
"""Told of each object a commit changes: its kind, how it was and how it is; None before it came and after it went."""

NUMBERS: Mapping[str, tuple[str, ...]] = {
    "customers": ("CompanyNumber",),
    "invoicing": (),
    "carriers": (),
    "drivers": (),
    "trucks": (),
    "loads": ("LoadNumber", "OrderNumber"),
    "trips": ("TripNumber",),
    "invoices": ("Number",),
    "customer_payments": (),
    "carrier_payments": (),
    "financings": (),
    "fuel": (),
    "tolls": (),
    "deductions": (),
    "carrier_statements": (),
    "driver_statements": (),
    "settled": (),
    "attachments": (),
    "filings": (),
    "contents": (),
    "webhooks": (),
    "deliveries": (),
}
"""Every kind of object, and the fields beside its key by which it can be asked for.

The API shows no object of `invoicing` (how a customer is invoiced), `settled` (which statement paid a deduction),
`filings` (where an attachment is filed) or `contents` (what is in it, as base64).
"""

KEYS: Mapping[str, str] = {"carrier_statements": "Number", "driver_statements": "Number", "attachments": "id"}
"""The field each object is kept by, where it is not its `Id`."""

OWNERS: Mapping[str, str] = {
    "trips": "LoadNumber",
    "carrier_payments": "TripId",
    "financings": "LoadNumber",
    "settled": "Statement",
    "filings": "Place",
    "deliveries": "WebhookId",
}
"""Kinds that are asked for by what they belong to, and the field that names it."""

PARTS: Mapping[str, tuple[str, str]] = {
    "invoices": ("Loads", "LoadNumber"),
    "carrier_statements": ("Trips", "TripNumber"),
    "driver_statements": ("LineItems", "TripNumber"),
}
"""Kinds that are asked for by what they cover too: the list of parts, and the field of each that names it."""


class Books:
    """Objects by kind and key, in the order they came, each in the shape the API shows it.

    An object in the books is never changed in place: a commit puts a new one where the old one was, and several
    objects of one commit appear together or, after a kill, not at all.
    """

    def __init__(self, clock: Clock, journal: Journal | None = None, switches: Switches = Switches()) -> None:  # noqa: B008 - frozen
        self.clock = clock
        self.switches = switches
        self.watchers: list[Watcher] = []
        self._journal = journal
        self._objects: dict[str, dict[str, Json]] = {kind: {} for kind in NUMBERS}
        self._ids: dict[tuple[str, str, str], str] = {}
        self._owned: defaultdict[tuple[str, str], dict[str, None]] = defaultdict(dict)
        for commit in journal.commits if journal else ():
            self._keep(commit)

    def all(self, kind: str) -> list[Json]:
        """List every object of a kind, deleted loads and trips among them."""
        return list(self._objects[kind].values())

    def get(self, kind: str, key: str) -> Json | None:
        """Return the object with this id."""
        return self._objects[kind].get(key)

    def known(self, kind: str, key: str) -> Json:
        """Return the object with this id. Raises a 404 `Problem`."""
        found = self.get(kind, key)
        if found is None:
            raise Problem(404, f"no such object among the {kind}")
        return found

    def find(self, kind: str, field: str, value: str) -> Json | None:
        """Return the object with this number; the field is its id or one that `NUMBERS` or `PARTS` has for the kind."""
        if field == "Id":
            return self.get(kind, value)
        found = self.get(kind, self._ids.get((kind, field, value), ""))
        renumbered = found is not None and field in NUMBERS[kind] and found[field] != value
        return None if renumbered else found

    def load(self, load_number: str) -> Json:
        """Return a load by its number. Raises a 404 `Problem`."""
        return self._numbered("loads", "LoadNumber", load_number)

    def trip(self, trip_number: str) -> Json:
        """Return a trip by its number. Raises a 404 `Problem`."""
        return self._numbered("trips", "TripNumber", trip_number)

    def trips_of(self, load_number: str) -> list[Json]:
        """List the trips of a load."""
        return self.owned("trips", load_number)

    def owned(self, kind: str, owner: str) -> list[Json]:
        """List the objects of a kind in `OWNERS` that belong to something."""
        objects = self._objects[kind]
        return [objects[key] for key in self._owned[kind, owner] if key in objects]

    def invoice_of(self, load_number: str) -> Json | None:
        """Return the invoice that covers a load: its own, which bears its number, or a summary one; no supplement."""
        return self.find("invoices", "LoadNumber", load_number)

    def supplements_of(self, load_id: str) -> list[Json]:
        """List the supplements to a load's invoice."""
        supplements = [each for each in self.all("invoices") if each["SupplementalInvoiceType"]]
        return [each for each in supplements if each["Loads"][0]["Id"] == load_id]

    def stamp(self) -> str:
        """Write down the present instant."""
        return write_instant(self.clock())

    def touched(self, thing: Json, by: str, **changes: object) -> Json:
        """Copy a load or trip with changes, its time of last update moved to now."""
        return thing | changes | {"UpdatedAt": self.stamp(), "UpdatedBy": by}

    def commit(self, *kept: tuple[str, Json], removed: Iterable[tuple[str, str]] = ()) -> None:
        """Put objects into the books and take others out, all at once; then tell the watchers."""
        changes: list[Change] = [(kind, str(thing[KEYS.get(kind, "Id")]), thing) for kind, thing in kept]
        changes += [(kind, key, None) for kind, key in removed]
        if self._journal:
            self._journal.append(changes)
        before = [self.get(kind, key) for kind, key, _ in changes] if self.watchers else []
        self._keep(changes)
        for (kind, _, after), was in zip(changes, before, strict=False):
            for watcher in self.watchers:
                watcher(kind, was, after)

    def snapshot(self) -> dict[str, list[Json]]:
        """Return everything, by kind."""
        return {kind: list(objects.values()) for kind, objects in self._objects.items()}

    def _numbered(self, kind: str, field: str, value: str) -> Json:
        found = self.find(kind, field, value)
        if found is None:
            raise Problem(404, f"no {field} {value} among the {kind}")
        return found

    def _keep(self, changes: Iterable[Change]) -> None:
        for kind, key, thing in changes:
            objects = self._objects[kind]
            if thing is None:
                objects.pop(key, None)
                continue
            objects[key] = thing
            for field, value in _names(kind, thing):
                self._ids[kind, field, value] = key
            if kind in OWNERS:
                self._owned[kind, thing[OWNERS[kind]]][key] = None


def _names(kind: str, thing: Json) -> Iterator[tuple[str, str]]:
    """Yield by which fields and values an object can be found."""
    for field in NUMBERS[kind]:
        yield field, thing[field]
    if kind in PARTS and not thing.get("SupplementalInvoiceType"):
        parts, field = PARTS[kind]
        yield from ((field, part[field]) for part in thing[parts] if part[field] is not None)
