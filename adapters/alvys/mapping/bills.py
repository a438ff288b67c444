"""What trips owe to carriers."""

from collections.abc import Iterable
from datetime import date

from adapters.alvys.mapping.common import address, after, dated, identity, known, numbered, sourced, telling
from adapters.alvys.record import Odd, Record, glimpse
from adapters.alvys.settings import Settings
from state.problem import problem
from state.transaction import Content, Kind, Line, Money, Party, Sourced


def carrier_bill(raw: object, carrier: object, settings: Settings) -> Sourced:
    """Return what a trip owes its external carrier, with the carrier's own record, or None, beside it."""
    return sourced(trip_withdrawn(raw), lambda: _bill(Record(raw, "Trip"), carrier, settings))


def trip_withdrawn(raw: object) -> Sourced:
    """Return a trip's bill as one the TMS no longer stands by."""
    source_id = identity(raw, "Id", "TripNumber")
    return Sourced(Kind.CARRIER_BILL, source_id, glimpse(raw, "LoadNumber") or source_id, withdrawn=True)


def trip_date(trip: Record, settings: Settings) -> date | None:
    """Return the date a bill is booked on: when the trip was released to billing, else when it was delivered."""
    return trip.day("ReleasedAt", settings.timezone) or trip.day("DeliveredAt", settings.timezone)


def trip_owner(trip: Record) -> str:
    """Return the name of the subsidiary a trip was tendered as, blank if it names none."""
    return trip.text("TenderAs")


def _bill(trip: Record, carrier: object, settings: Settings) -> Content:
    known(trip, trip_owner(trip), settings)
    hired = trip.part("Carrier")
    if hired is None or carrier is None:
        raise Odd(problem("party_missing", "Trip.Carrier is missing, or no carrier has its id"))
    issued_on = dated(trip_date(trip, settings), trip)
    where = numbered(trip, (("Load", "LoadNumber"), ("trip", "TripNumber")))
    invoiced = hired.text("CarrierInvoiceNumber")
    return Content(
        party=_carrier(hired, Record(carrier, "Carrier")),
        number=trip.text("LoadNumber") or trip.text("TripNumber"),
        issued_on=issued_on,
        due_on=trip.day("DueDate", settings.timezone) or after(issued_on, settings.carrier_terms_days),
        lines=telling(_bill_lines(hired, where)),
        total=hired.money("TotalPayable"),
        load_number=trip.text("LoadNumber"),
        trip_id=trip.text("Id"),
        memo=where + (f", carrier invoice {invoiced}" if invoiced else ""),
    )


def _carrier(hired: Record, carrier: Record) -> Party:
    if not hired.text("Id") or not carrier.text("Name").strip():
        raise Odd(problem("party_missing", "Trip.Carrier has no id, or its carrier no name"))
    return Party(
        source_id=hired.text("Id"),
        name=carrier.text("Name"),
        accounting_name=carrier.text("ExternalName") or None,
        address=address(carrier.part("Address")),
    )


def _bill_lines(hired: Record, where: str) -> Iterable[Line]:
    """Yield linehaul and accessorials, and each e-check against them: it was paid out to the driver already."""
    linehaul = hired.money_if_any("Linehaul")
    if linehaul is not None:
        yield Line("linehaul", "Linehaul", linehaul, f"Linehaul - {where}")
    details = hired.parts("AccessorialsDetails")
    for extra in details:
        name = extra.text("Type")
        yield Line("accessorial", name, extra.money("Total"), f"{name} - {where}")
    accessorials = None if details else hired.money_if_any("Accessorials")
    if accessorials is not None:
        yield Line("accessorial", "Accessorials", accessorials, f"Accessorials - {where}")
    for check in hired.parts("EChecks"):
        paid = check.money("Amount")
        description = f"E-check {check.text('CheckNumber')} - {where}"
        yield Line("echeck", check.text("Type") or "E-check", Money(-paid.minor, paid.currency), description)
