"""Which trips are billed, and by whom: in the order of the vendor's own settings."""

from collections.abc import Mapping
from typing import Final

from adapters.alvys.hauls import gone, part, parts
from adapters.alvys.mapping.bills import trip_date, trip_owner
from adapters.alvys.mapping.drivers import ROLES
from adapters.alvys.record import Record, glimpse
from adapters.alvys.selection.common import Rule, Skip, early, first_that_applies, foreign
from adapters.alvys.selection.invoices import invoiced
from adapters.alvys.settings import Settings

# What follows the release to billing, in the spellings of the vendor's status lists.
_RELEASED: Final = frozenset(
    {
        "Released",
        "Released-Carrier Paid",
        "Carrier Paid",
        "Queued",
        "Invoiced",
        "Financed",
        "Completed",
        "Paid",
    }
)
_ARRIVED: Final = _RELEASED | {"Delivered", "TONU", "Trip Completed"}
_UNDERWAY: Final = frozenset({"Open", "Quoted", "Reserved", "Covered", "Dispatched", "In Transit", "En-Route"})
_PAY: Final = ("Rates", "RatesV2", "AccessorialsDetails", "EChecks")


def may_be_billed(trip: object) -> bool:
    """Whether a trip can have a bill, or can have had one, as far as its own record tells."""
    if gone(trip) or not isinstance(trip, Mapping):
        return True
    status = trip.get("Status")
    return not isinstance(status, str) or status not in _UNDERWAY or trip.get("ReleasedAt") is not None


def trip_skip(raw: object, settings: Settings) -> Skip | None:
    """Return why nobody is billed by us for a trip's carrier, or None."""
    return first_that_applies(TRIP_RULES, raw, "Trip", settings)


def own_company(trip: object, carrier: object) -> bool:
    """Whether the carrier of a trip is one of the tenant's own companies."""
    return glimpse(carrier, "Type") == "Subsidiary" or glimpse(trip, "TenderAsSubsidiaryType") == "Subsidiary"


def external_skip(raw: object, settings: Settings) -> Skip | None:
    """Return why a trip with an external carrier is left alone whatever became of it, or None."""
    if glimpse(raw, "TenderAsSubsidiaryType") == "Carrier":
        return Skip.OWN_AUTHORITY
    return Skip.ON_STATEMENT if settings.rules.carrier_statements else None


def untimely(raw: object, load: object, settings: Settings) -> Skip | None:
    """Return why the bill of an external carrier is not due yet, or None; its own invoice is another matter."""
    rules = settings.rules
    if rules.separate_carrier_invoice:
        return None if _arrived(raw) or invoiced(load) else Skip.NOT_RELEASED
    if rules.carrier_bill_on == "release":
        return first_that_applies({Skip.NOT_RELEASED: _unreleased}, raw, "Trip", settings)
    return None if invoiced(load) else Skip.NOT_INVOICED


def driver_skip(raw: object, load: object, settings: Settings) -> Skip | None:
    """Return why nobody is billed yet, or ever, for driving a trip, or None; whose driver it is shows elsewhere."""
    early_one = {Skip.BEFORE_FIRST_DATE: TRIP_RULES[Skip.BEFORE_FIRST_DATE]}
    return first_that_applies(early_one, raw, "Trip", settings) or (None if invoiced(load) else Skip.NOT_INVOICED)


def driven(raw: object) -> bool:
    """Whether a driver, or the owner of a truck, is on a trip."""
    return any(part(raw, role) is not None for role in ROLES)


def pays_drivers(raw: object) -> bool:
    """Whether a trip says anything of what its drivers, or the owner of the truck, are paid."""
    return any(parts(part(raw, role), piece) for role in ROLES for piece in _PAY)


def shared(trip: object, load: object) -> bool:
    """Whether one company of the tenant's own hauls what another invoices."""
    invoicing, hauling = glimpse(load, "InvoiceAs"), glimpse(trip, "TenderAs")
    return bool(invoicing) and bool(hauling) and invoicing != hauling


def _arrived(raw: object) -> bool:
    return glimpse(raw, "ReleasedAt") != "" or glimpse(raw, "Status") in _ARRIVED


def _unreleased(trip: Record, settings: Settings) -> bool:
    return trip.day("ReleasedAt", settings.timezone) is None and trip.text("Status") not in _RELEASED


TRIP_RULES: Final[Mapping[Skip, Rule]] = {
    Skip.NOT_OURS: lambda trip, settings: foreign(trip_owner(trip), settings),
    Skip.BEFORE_FIRST_DATE: lambda trip, settings: early(trip_date(trip, settings), settings),
}
