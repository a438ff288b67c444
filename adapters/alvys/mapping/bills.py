"""What trips owe to those who carry: external carriers, and companies of the tenant's own that count as carriers."""

from collections.abc import Iterable, Sequence
from datetime import date

from adapters.alvys.hauls import Hauls
from adapters.alvys.mapping.common import address, after, dated, identity, known, numbered, sourced, telling
from adapters.alvys.mapping.numbers import document_number
from adapters.alvys.record import Odd, Record, glimpse
from adapters.alvys.settings import Settings
from state.problem import problem
from state.transaction import Content, Kind, Line, Money, Party, Segment, Sourced


def carrier_bill(
    raw: object, carrier: object, hauls: Hauls, settings: Settings, kind: Kind = Kind.CARRIER_BILL
) -> Sourced:
    """Return what a trip owes its carrier, with the carrier's own record, or None, and the trip's load beside it.

    `kind` is another one for a carrier that is a company of the tenant's own.
    """
    return sourced(trip_withdrawn(raw, kind), lambda: _bill(raw, carrier, hauls, settings))


def trip_withdrawn(raw: object, kind: Kind = Kind.CARRIER_BILL) -> Sourced:
    """Return a trip's bill as one the TMS no longer stands by."""
    source_id = identity(raw, "Id", "TripNumber")
    return Sourced(kind, source_id, glimpse(raw, "LoadNumber") or source_id, withdrawn=True)


def trip_date(trip: Record, settings: Settings) -> date | None:
    """Return the date a bill is booked on: when the trip was released to billing, else when it was delivered."""
    return trip.day("ReleasedAt", settings.timezone) or trip.day("DeliveredAt", settings.timezone)


def trip_owner(trip: Record) -> str:
    """Return the name of the subsidiary a trip was tendered as, blank if it names none."""
    return trip.text("TenderAs")


def trip_number(trip: Record, settings: Settings) -> str:
    """Return the number that bills of a trip bear: its load's, which is the one people look for."""
    return document_number("ATP", trip.text("LoadNumber") or trip.text("TripNumber"), settings)


def where(trip: Record) -> str:
    """Return a trip's numbers as people write them: Load 1001, trip 1001-1."""
    return numbered(trip, (("Load", "LoadNumber"), ("trip", "TripNumber")))


def check_lines(checks: Iterable[Record], told: str, segment: Segment) -> Iterable[Line]:
    """Yield each e-check against a bill: it was paid out already."""
    for check in checks:
        description = f"E-check {check.text('CheckNumber')} - {told}"
        yield Line("echeck", check.text("Type") or "E-check", _minus(check.money("Amount")), description, segment)


def fee_lines(checks: Iterable[Record], told: str, segment: Segment) -> Iterable[Line]:
    """Yield what issuing each e-check cost, against a bill, where it cost anything."""
    for check in checks:
        fee = check.money_if_any("Fee")
        if fee is not None and fee.minor:
            description = f"Fee of e-check {check.text('CheckNumber')} - {told}"
            yield Line("echeck_fee", check.text("Type") or "E-check", _minus(fee), description, segment)


def _minus(money: Money) -> Money:
    return Money(-money.minor, money.currency)


def _bill(raw: object, carrier: object, hauls: Hauls, settings: Settings) -> Content:
    trip = Record(raw, "Trip")
    known(trip, trip_owner(trip), settings)
    hired = trip.part("Carrier")
    if hired is None or carrier is None:
        raise Odd(problem("party_missing", "Trip.Carrier is missing, or no carrier has its id"))
    issued_on = dated(trip_date(trip, settings), trip)
    told, segment, total = where(trip), hauls.segment_of_trip(raw), hired.money("TotalPayable")
    return Content(
        party=_carrier(hired, Record(carrier, "Carrier")),
        number=trip_number(trip, settings),
        issued_on=issued_on,
        due_on=trip.day("DueDate", settings.timezone) or after(issued_on, settings.carrier_terms_days),
        lines=telling(_lines(hired, told, segment, total)),
        total=total,
        load_number=trip.text("LoadNumber"),
        trip_id=trip.text("Id"),
        memo=", ".join([told, *_remarks(trip, hired)]),
        segment=segment,
    )


def _remarks(trip: Record, hired: Record) -> Iterable[str]:
    """Yield what an accountant wants to know of a carrier's bill."""
    if invoiced := hired.text("CarrierInvoiceNumber"):
        yield f"carrier invoice {invoiced}"
    if trip.flag_if_any("CarrierPayOnHold"):
        yield "carrier pay on hold"


def _carrier(hired: Record, carrier: Record) -> Party:
    if not hired.text("Id") or not carrier.text("Name").strip():
        raise Odd(problem("party_missing", "Trip.Carrier has no id, or its carrier no name"))
    return Party(
        source_id=hired.text("Id"),
        name=carrier.text("Name"),
        accounting_name=carrier.text("ExternalName") or None,
        address=address(carrier.part("Address")),
    )


def _lines(hired: Record, told: str, segment: Segment, total: Money) -> Sequence[Line]:
    """Return what the bill is made of. The fees of e-checks are part of it if the stated total says so."""
    checks = hired.parts("EChecks")
    lines = [*_pay_lines(hired, told, segment), *check_lines(checks, told, segment)]
    fees = list(fee_lines(checks, told, segment))
    with_fees = sum(line.amount.minor for line in (*lines, *fees))
    return [*lines, *fees] if with_fees == total.minor else lines


def _pay_lines(hired: Record, told: str, segment: Segment) -> Iterable[Line]:
    """Yield linehaul and accessorials."""
    linehaul = hired.money_if_any("Linehaul")
    if linehaul is not None:
        yield Line("linehaul", "Linehaul", linehaul, f"Linehaul - {told}", segment)
    details = hired.parts("AccessorialsDetails")
    for extra in details:
        name = extra.text("Type")
        yield Line("accessorial", name, extra.money("Total"), f"{name} - {told}", segment)
    accessorials = None if details else hired.money_if_any("Accessorials")
    if accessorials is not None:
        yield Line("accessorial", "Accessorials", accessorials, f"Accessorials - {told}", segment)
