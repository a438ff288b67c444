"""What trips cost: bills of external carriers, of carriers that are companies of the tenant's own, and of drivers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote

from msgspec.structs import replace

from adapters.alvys.client import Client
from adapters.alvys.directory import Directory
from adapters.alvys.hauls import Hauls, gone, part
from adapters.alvys.mapping.bills import carrier_bill, trip_withdrawn
from adapters.alvys.mapping.common import unless_zero, withdrawn
from adapters.alvys.mapping.drivers import ROLES, driver_bill, driver_withdrawn, payees
from adapters.alvys.mapping.signs import Sides
from adapters.alvys.record import Odd, glimpse, odd
from adapters.alvys.selection.common import Skip, foreign_by_id, takes
from adapters.alvys.selection.invoices import invoiced
from adapters.alvys.selection.trips import (
    driven,
    driver_skip,
    external_skip,
    own_company,
    pays_drivers,
    shared,
    trip_skip,
    untimely,
)
from adapters.alvys.settings import Settings
from adapters.ports import Rejected, Roster
from state.transaction import Kind, Sourced

Billed = list[Sourced | Roster]

_SIDES: Final = Sides(Kind.CARRIER_BILL, Kind.CARRIER_CREDIT)
_DRIVERS: Final = frozenset({Kind.DRIVER_BILL})
_CARRIER_INVOICE: Final = "Carrier Invoice"  # the type of document, as the vendor's screens call it


class Expense:
    """The expense side of what was gathered. `skipped` counts what is left alone."""

    def __init__(self, client: Client, directory: Directory, settings: Settings, skipped: Counter[Skip]) -> None:
        self._client = client
        self._directory = directory
        self._settings = settings
        self._skipped = skipped
        self._filed: set[str] = set()  # trips whose carrier's invoice was seen

    async def of(self, hauls: Hauls) -> Billed:
        """Return what the trips become, and what of theirs is gone."""
        found: Billed = [each for trip in hauls.trips if gone(trip) for each in _withdrawn(trip)]
        found += [
            carrier_bill(trip, None, hauls, self._settings) for trip in hauls.trips if not isinstance(trip, Mapping)
        ]
        standing = [trip for trip in hauls.trips if isinstance(trip, Mapping) and not gone(trip)]
        hired = [(trip, self._asks_for(trip, hauls)) for trip in standing if part(trip, "Carrier") is not None]
        carriers = await self._directory.carriers({_carrier(trip) for trip, asks in hired if asks} - {""})
        for trip, asks in hired:
            found += await self._of_carrier(trip, carriers.get(_carrier(trip)) if asks else None, hauls)
        for trip in standing:
            if part(trip, "Carrier") is None and takes(self._skipped, trip_skip(trip, self._settings)):
                found += [trip_withdrawn(trip, kind) for kind in _SIDES]
        return found + await self._of_drivers(standing, carriers, hauls)

    def _asks_for(self, trip: object, hauls: Hauls) -> bool:
        """Whether the carrier of a trip has to be known."""
        settings = self._settings
        if settings.rules.pay_subsidiary_carrier:
            return trip_skip(trip, settings) is None
        waits = external_skip(trip, settings) or untimely(trip, hauls.load_of(trip), settings)
        return (trip_skip(trip, settings) or waits) is None

    async def _of_carrier(self, trip: object, carrier: object, hauls: Hauls) -> Billed:
        """Return what a trip with a carrier becomes."""
        if not takes(self._skipped, trip_skip(trip, self._settings)):
            return []
        if own_company(trip, carrier):
            return self._of_own_company(trip, carrier, hauls)
        try:
            skip = await self._external_skip(trip, hauls)
        except Odd as error:
            return [replace(trip_withdrawn(trip), withdrawn=False, problem=error.problem)]
        if not takes(self._skipped, skip):
            return []
        bill = self._unless_zero(carrier_bill(trip, carrier, hauls, self._settings))
        return [*_SIDES.of(bill)]

    async def _external_skip(self, trip: object, hauls: Hauls) -> Skip | None:
        """Return why an external carrier is not billed, or None; raise Odd if that can't be found out."""
        settings = self._settings
        skip = external_skip(trip, settings) or untimely(trip, hauls.load_of(trip), settings)
        if skip is Skip.NOT_INVOICED and not glimpse(trip, "LoadNumber"):
            raise odd("Trip.LoadNumber is missing or not text")
        if skip is None and settings.rules.separate_carrier_invoice and not await self._carrier_invoice_came(trip):
            return Skip.NO_CARRIER_INVOICE
        return skip

    def _of_own_company(self, trip: object, carrier: object, hauls: Hauls) -> Billed:
        """Return what a trip becomes that a company of the tenant's own hauls as a carrier."""
        skip = None if self._settings.rules.pay_subsidiary_carrier else Skip.SUBSIDIARY_CARRIER
        if not takes(self._skipped, skip or (None if invoiced(hauls.load_of(trip)) else Skip.NOT_INVOICED)):
            return []
        bill = carrier_bill(trip, carrier, hauls, self._settings, Kind.SUBSIDIARY_BILL)
        return [self._unless_zero(bill)]

    async def _carrier_invoice_came(self, trip: object) -> bool:
        """Whether a carrier's own invoice is there: its number on the trip, else a document of that type.

        The number is asked for where the document is filed, but may be left out. Raises Odd if the vendor refuses to
        show the documents of this trip.
        """
        key = glimpse(trip, "Id")
        if glimpse(part(trip, "Carrier"), "CarrierInvoiceNumber") or key in self._filed:
            return True
        try:
            answer = await self._client.get(f"trips/{quote(key, safe='')}/documents", "trips/documents")
        except Rejected as error:
            raise Odd(error.problem) from error
        documents = answer.json()
        if isinstance(documents, list) and any(map(_is_carrier_invoice, documents)):
            self._filed.add(key)
        return key in self._filed

    async def _of_drivers(self, trips: Sequence[object], carriers: Mapping[str, object], hauls: Hauls) -> Billed:
        """Return what those who drive trips are owed, and that nobody else is."""
        if not self._settings.rules.bills_drivers:
            self._skipped[Skip.OWN_DRIVER] += sum(map(driven, trips))
            return []
        due = [trip for trip in trips if self._drivers_due(trip, carriers.get(_carrier(trip)), hauls)]
        wanted = {glimpse(part(trip, role), "Id") for trip in due if pays_drivers(trip) for role in ROLES}
        drivers = await self._directory.drivers(wanted - {""})
        return [each for trip in due for each in self._driven(trip, drivers)]

    def _drivers_due(self, trip: object, carrier: object, hauls: Hauls) -> bool:
        """Whether what is owed to the drivers of a trip is due; what keeps it away is counted."""
        load = hauls.load_of(trip)
        company = own_company(trip, carrier) or shared(trip, load)
        skip = Skip.OWN_DRIVER if self._settings.rules.pay_subsidiary_carrier and company else None
        skip = skip or driver_skip(trip, load, self._settings)
        return takes(self._skipped, skip) if driven(trip) else skip is None

    def _driven(self, trip: object, drivers: Mapping[str, object]) -> Billed:
        """Return the bill of each of a trip's payees that earns anything, and the roster of them all.

        A driver who went to another company since keeps the bills of before.
        """
        found: Billed = []
        paid = payees(trip, drivers) if pays_drivers(trip) else {}
        for key, roles in paid.items():
            foreign = foreign_by_id(glimpse(drivers.get(key), "SubsidiaryId"), self._settings)
            if takes(self._skipped, Skip.NOT_OURS if foreign else None):
                bill = driver_bill(trip, key, roles, drivers.get(key), self._settings)
                nothing = bill.content is not None and not bill.content.lines
                found.append(withdrawn(bill) if nothing else self._unless_zero(bill))
        listed = frozenset(driver_withdrawn(trip, key).source_id for key in paid)
        return [*found, Roster(_DRIVERS, glimpse(trip, "Id"), listed)]

    def _unless_zero(self, bill: Sourced) -> Sourced:
        """Return a bill as it is, or withdrawn and counted if it is about nothing."""
        found = unless_zero(bill, self._settings)
        self._skipped[Skip.ZERO_VALUED] += found.withdrawn
        return found


def _withdrawn(trip: object) -> list[Sourced | Roster]:
    """Return all that a trip that is gone can have been billed as."""
    drivers = [Roster(_DRIVERS, key, frozenset())] if (key := glimpse(trip, "Id")) else []
    return [*(trip_withdrawn(trip, kind) for kind in (*_SIDES, Kind.SUBSIDIARY_BILL)), *drivers]


def _is_carrier_invoice(document: object) -> bool:
    return glimpse(document, "AttachmentType") == _CARRIER_INVOICE


def _carrier(trip: object) -> str:
    """Return the id of the carrier a trip names, blank if it can't be read."""
    return glimpse(part(trip, "Carrier"), "Id")
