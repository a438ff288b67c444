"""What the vendor remembers: loads, trips, invoices, parties, and the payments reported to it."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TypeAlias

from adapters.sandbox.alvys.journal import Change, Journal
from adapters.sandbox.alvys.wire import Json, Problem, write_instant

Clock: TypeAlias = Callable[[], datetime]

NUMBERS: Mapping[str, tuple[str, ...]] = {
    "customers": ("CompanyNumber",),
    "carriers": (),
    "drivers": (),
    "loads": ("LoadNumber", "OrderNumber"),
    "trips": ("TripNumber",),
    "invoices": ("Number",),
    "customer_payments": (),
    "carrier_payments": (),
}
"""Every kind of object, and the fields beside its id by which it can be asked for."""


OWNERS: Mapping[str, str] = {"trips": "LoadNumber", "carrier_payments": "TripId"}
"""Kinds that are asked for by what they belong to, and the field that names it; nothing of them is ever taken out."""


class Books:
    """Objects by kind and id, in the order they came, each in the shape the API shows it.

    An object in the books is never changed in place: a commit puts a new one where the old one was, and several
    objects of one commit appear together or, after a kill, not at all.
    """

    def __init__(self, clock: Clock, journal: Journal | None = None) -> None:
        self.clock = clock
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

    def find(self, kind: str, field: str, value: str) -> Json | None:
        """Return the object with this number; the field is its id or one that `NUMBERS` lists for the kind."""
        return self.get(kind, value if field == "Id" else self._ids.get((kind, field, value), ""))

    def load(self, load_number: str) -> Json:
        """Return a load by its number. Raises a 404 `Problem`."""
        return self._known("loads", "LoadNumber", load_number)

    def trip(self, trip_number: str) -> Json:
        """Return a trip by its number. Raises a 404 `Problem`."""
        return self._known("trips", "TripNumber", trip_number)

    def trips_of(self, load_number: str) -> list[Json]:
        """List the trips of a load."""
        return self.owned("trips", load_number)

    def owned(self, kind: str, owner: str) -> list[Json]:
        """List the objects of a kind in `OWNERS` that belong to something."""
        return [self._objects[kind][key] for key in self._owned[kind, owner]]

    def invoice_of(self, load_number: str) -> Json | None:
        """Return the invoice of a load; it bears the load's number."""
        return self.find("invoices", "Number", load_number)

    def stamp(self) -> str:
        """Write down the present instant."""
        return write_instant(self.clock())

    def touched(self, thing: Json, by: str, **changes: object) -> Json:
        """Copy a load or trip with changes, its time of last update moved to now."""
        return thing | changes | {"UpdatedAt": self.stamp(), "UpdatedBy": by}

    def commit(self, *kept: tuple[str, Json], removed: Iterable[tuple[str, str]] = ()) -> None:
        """Put objects into the books and take others out, all at once."""
        changes: list[Change] = [(kind, thing["Id"], thing) for kind, thing in kept]
        changes += [(kind, key, None) for kind, key in removed]
        if self._journal:
            self._journal.append(changes)
        self._keep(changes)

    def snapshot(self) -> dict[str, list[Json]]:
        """Return everything, by kind."""
        return {kind: list(objects.values()) for kind, objects in self._objects.items()}

    def _known(self, kind: str, field: str, value: str) -> Json:
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
            for field in NUMBERS[kind]:
                self._ids[kind, field, thing[field]] = key
            if kind in OWNERS:
                self._owned[kind, thing[OWNERS[kind]]][key] = None
