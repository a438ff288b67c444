"""What a trip of our own trucks owes to those who drive it, and to the owner of the truck."""

from collections.abc import Iterable, Mapping
from typing import Final

from adapters.alvys.hauls import load_type, part
from adapters.alvys.mapping.bills import check_lines, fee_lines, trip_date, trip_number, where
from adapters.alvys.mapping.common import address, after, dated, identity, known_by_id, on_1099, sourced, telling
from adapters.alvys.record import Odd, Record, glimpse
from adapters.alvys.settings import Settings
from state.problem import problem
from state.transaction import Content, Kind, Line, Money, Party, Segment, Sourced

ROLES: Final = ("Driver1", "Driver2", "OwnerOperator")

# fmt: off
# What a rate of a pay policy is called; those of a whole statement or day are no matter of a trip.
_RATES: Final = {
    "PerTripRate":                    "Per Trip",
    "PerLoadRate":                    "Per Load",
    "TripValuePercentageRate":        "% of Trip Value",
    "CustomerLineHaulPercentageRate": "% of Line Haul",
    "FuelSurchargePercentageRate":    "% of Fuel Surcharge",
    "TotalMilesRate":                 "Total Miles",
    "LoadedMilesRate":                "Loaded Miles",
    "EmptyMilesRate":                 "Empty Miles",
    "PerMileRate":                    "Per Mile",
    "MileagePerDiemRate":             "Mileage Per Diem",
    "PerStopRate":                    "Per Stop",
    "PerCustomerStopRate":            "Per Customer Stop",
    "PerHourRate":                    "Per Hour",
}
# The rates of what is taken off, whatever the sign of their amounts.
_TAKEN: Final = {
    "TripValuePercentageDeductionRate": "% of Trip Value Deduction",
    "CustomerLineHaulDeductionRate":    "% of Line Haul Deduction",
    "PerMileDeductionRate":             "Per Mile Deduction",
    "ServiceFeeRate":                   "Service Fee",
}
# fmt: on


def payees(raw: object, drivers: Mapping[str, object]) -> dict[str, list[str]]:
    """Return who is paid for a trip, by id, each with the roles to be paid for.

    An owner-operator that the TMS has no driver's record of is paid as the driver of the trip who is one.
    """
    found: dict[str, list[str]] = {}
    for role in ROLES:
        if part(raw, role) is not None:
            found.setdefault(_payee(raw, role, drivers), []).append(role)
    return found


def _payee(raw: object, role: str, drivers: Mapping[str, object]) -> str:
    key = identity(part(raw, role), "Id")
    if role != "OwnerOperator" or drivers.get(key) is not None:
        return key
    driving = (part(raw, each) for each in ROLES[:2])
    owners = (glimpse(each, "Id") for each in driving if glimpse(each, "ContractorType") == "OWNER_OPERATOR")
    return next(filter(None, owners), key)


def driver_bill(raw: object, key: str, roles: Iterable[str], driver: object, settings: Settings) -> Sourced:
    """Return what a trip owes one of its payees, with the driver's own record, or None, beside it."""
    return sourced(driver_withdrawn(raw, key), lambda: _bill(raw, roles, driver, settings))


def driver_withdrawn(raw: object, key: str) -> Sourced:
    """Return a payee's bill of a trip as one the TMS no longer stands by."""
    trip = identity(raw, "Id", "TripNumber")
    return Sourced(Kind.DRIVER_BILL, f"{trip}/{key}", glimpse(raw, "LoadNumber") or trip, withdrawn=True)


def _bill(raw: object, roles: Iterable[str], driver: object, settings: Settings) -> Content:
    trip = Record(raw, "Trip")
    if driver is None:
        raise Odd(problem("party_missing", "no driver has the id of the trip's driver"))
    hired = Record(driver, "Driver")
    known_by_id(hired, hired.text("SubsidiaryId"), settings)
    issued_on = dated(trip_date(trip, settings), trip)
    segment = Segment(
        settings.subsidiary or trip.text("TenderAs"), glimpse(part(driver, "Fleet"), "Name"), load_type(raw)
    )
    paid = [piece for role in roles if (piece := trip.part(role)) is not None]
    lines = telling(line for piece in paid for line in _lines(piece, where(trip), segment))
    currency = next((line.amount.currency for line in lines), "USD")
    return Content(
        party=_party(hired),
        number=trip_number(trip, settings),
        issued_on=issued_on,
        due_on=after(issued_on, settings.carrier_terms_days),
        lines=lines,
        total=Money(sum(line.amount.minor for line in lines), currency),
        load_number=trip.text("LoadNumber"),
        trip_id=trip.text("Id"),
        memo=where(trip),
        segment=segment,
    )


def _party(driver: Record) -> Party:
    if not driver.text("Name").strip():
        raise Odd(problem("party_missing", "the trip's driver has no name"))
    return Party(
        source_id=driver.text("Id"),
        name=driver.text("Name"),
        email=driver.text("Email") or None,
        phone=driver.text("PhoneNumber") or None,
        address=address(driver.part("Address")),
        on_1099=on_1099(driver),
    )


def _lines(paid: Record, told: str, segment: Segment) -> Iterable[Line]:
    """Yield what a payee earns by a trip, and what it had or is taken off already."""
    yield from _rate_lines(paid, told, segment)
    for extra in paid.parts("AccessorialsDetails"):
        name = extra.text("Type")
        yield Line("accessorial", name, extra.money("Total"), f"{name} - {told}", segment)
    checks = paid.parts("EChecks")
    yield from check_lines(checks, told, segment)
    yield from fee_lines(checks, told, segment)


def _rate_lines(paid: Record, told: str, segment: Segment) -> Iterable[Line]:
    """Yield what the policies worked out; raise if there are rates and nothing is worked out of them."""
    policies = paid.parts("RatesV2")
    if not policies and paid.parts("Rates"):
        raise Odd(problem("lines_missing", f"{paid.path} has rates, but what they come to is not worked out"))
    for policy in policies:
        for field, name in (*_RATES.items(), *_TAKEN.items()):
            rate = policy.part(field)
            for item in rate.parts("LineItems") if rate else ():
                amount = item.money("Amount")
                taken = field in _TAKEN
                description = " - ".join(filter(None, (name, item.text("Description"), told)))
                amount = Money(-abs(amount.minor), amount.currency) if taken else amount
                yield Line("driver_pay", name, amount, description, segment)
