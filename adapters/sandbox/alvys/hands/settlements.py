"""What the settlements desk does: statements for carriers and drivers, issued, paid and taken back."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from uuid import NAMESPACE_OID, uuid5

from adapters.sandbox.alvys.books import Books
from adapters.sandbox.alvys.ensemble import owner_of
from adapters.sandbox.alvys.full import FIRST_CARRIER_STATEMENT, FIRST_DRIVER_STATEMENT
from adapters.sandbox.alvys.hands.loads import BILLER
from adapters.sandbox.alvys.parties import SUBSIDIARY_IDS
from adapters.sandbox.alvys.settlements import (
    PayPeriod,
    carrier_statement,
    charge_items,
    driver_statement,
    item,
    paid_statement,
    trip_items,
)
from adapters.sandbox.alvys.wire import Json, Problem, read_instant

PAYABLE_TRIPS = frozenset({"Delivered", "Released", "Invoiced"})
GONE = {"Cancelled"}


def issue_carrier_statement(
    books: Books, carrier_id: str, trip_numbers: Sequence[str] = (), statement_date: str | None = None
) -> Json:
    """Settle a carrier's trips that no statement has yet, all of them unless some are named; they count as invoiced."""
    carrier = books.known("carriers", carrier_id)
    trips = [trip for trip in books.all("trips") if _payable(books, trip, carrier_id)]
    if trip_numbers:
        trips = [trip for trip in trips if trip["TripNumber"] in trip_numbers]
    if not trips:
        raise Problem(400, f"carrier {carrier_id} has no trips to settle")
    if len({trip["TenderAs"] for trip in trips}) > 1:
        raise Problem(400, "the trips belong to several subsidiaries: name those of one")
    number = _next(books, "carrier_statements", FIRST_CARRIER_STATEMENT)
    subsidiary = SUBSIDIARY_IDS[trips[0]["TenderAs"]]
    invoiced = [books.touched(trip, BILLER, Status="Invoiced") for trip in trips]
    statement = carrier_statement(number, carrier, subsidiary, _day(books, statement_date), invoiced)
    books.commit(("carrier_statements", statement), *(("trips", trip) for trip in invoiced))
    return statement


def pay_carrier_statement(books: Books, number: int, reference: str) -> Json:
    """Mark a carrier's statement as paid; its trips are completed."""
    statement = _statement(books, "carrier_statements", number)
    if statement["Status"] == "Paid":
        raise Problem(400, f"statement {number} is paid already")
    stamp = books.stamp()
    trips = [books.known("trips", part["TripId"]) for part in statement["Trips"]]
    done = [books.touched(trip, BILLER, Status="Completed", CarrierPaidAt=stamp) for trip in trips]
    paid = paid_statement(statement, stamp, reference)
    books.commit(("carrier_statements", paid), *(("trips", trip) for trip in done))
    return paid


def revert_carrier_statement(books: Books, number: int) -> Json:
    """Take a carrier's statement back, unless it is paid; its trips can be settled again."""
    statement = _statement(books, "carrier_statements", number)
    if statement["Status"] == "Paid":
        raise Problem(400, f"statement {number} is paid and stays")
    books.commit(removed=[("carrier_statements", f"{number}")])
    return statement


def issue_driver_statement(  # noqa: PLR0913 - the choices of one screen
    books: Books,
    driver_id: str,
    first_day: str,
    last_day: str,
    *,
    statement_date: str | None = None,
    extras: Sequence[Json] = (),
) -> Json:
    """Settle what a driver earned by the trips released in a pay period, less all that is due from them.

    Deductions not yet taken are, whatever their period; an owner-operator's fuel and tolls of the period too. Extras
    are further lines, such as escrow or a reimbursement, each with a Category, a Title and an Amount in dollars.
    """
    driver = books.known("drivers", driver_id)
    period = PayPeriod(date.fromisoformat(first_day), date.fromisoformat(last_day))
    trips = [trip for trip in books.all("trips") if _earned(books, trip, driver_id, period)]
    owed = [
        each
        for each in books.all("deductions")
        if each["DriverId"] == driver_id and not each["IsPaid"] and read_instant(each["Date"]).date() <= period.last
    ]
    items = [line for trip in trips for line in trip_items(driver, trip, books.load(trip["LoadNumber"]))]
    items += [item(each["Category"], each["Title"], Decimal(f"{each['Amount']}")) for each in extras]
    items += charge_items(owed, *_bought(books, driver, period))
    if not items:
        raise Problem(400, f"driver {driver_id} has nothing to settle")
    number = _next(books, "driver_statements", FIRST_DRIVER_STATEMENT)
    statement = driver_statement(number, driver, period, trips, items)
    if statement_date:
        statement |= {"StatementDate": date.fromisoformat(statement_date).isoformat()}
    settled = [("settled", {"Id": each["Id"], "Statement": f"{number}"}) for each in owed]
    taken = [("deductions", each | {"IsPaid": True}) for each in owed]
    books.commit(("driver_statements", statement), *settled, *taken)
    return statement


def revert_driver_statement(books: Books, number: int) -> Json:
    """Take a driver's statement back; it vanishes, and the deductions it took are due again."""
    statement = _statement(books, "driver_statements", number)
    settled = books.owned("settled", f"{number}")
    due = [books.known("deductions", each["Id"]) | {"IsPaid": False} for each in settled]
    removed = [("driver_statements", f"{number}"), *(("settled", each["Id"]) for each in settled)]
    books.commit(*(("deductions", each) for each in due), removed=removed)
    return statement


def split_deduction(books: Books, deduction_id: str, first_amount: Decimal | int | str) -> Json:
    """Take a deduction in two parts: two rows stand where the one was, in one group."""
    whole = books.known("deductions", deduction_id)
    first, total = Decimal(first_amount), whole["Amount"]["Amount"]
    if whole["IsPaid"] or not total < first < 0:
        raise Problem(400, f"deduction {deduction_id} cannot be split at {first}")
    parts = [
        whole
        | {
            "Id": str(uuid5(NAMESPACE_OID, f"{deduction_id}/part/{part}")),
            "Description": f"{whole['Description']} (part {part})",
            "Amount": whole["Amount"] | {"Amount": amount},
        }
        for part, amount in enumerate((first, total - first), 1)
    ]
    books.commit(*(("deductions", part) for part in parts), removed=[("deductions", deduction_id)])
    return parts[0]


def _payable(books: Books, trip: Json, carrier_id: str) -> bool:
    return bool(
        trip["Carrier"]
        and trip["Carrier"]["Id"] == carrier_id
        and trip["Status"] in PAYABLE_TRIPS
        and not trip["IsDeleted"]
        and not trip["CarrierPayOnHold"]
        and books.find("carrier_statements", "TripNumber", trip["TripNumber"]) is None
    )


def _earned(books: Books, trip: Json, driver_id: str, period: PayPeriod) -> bool:
    drove = trip["Driver1"] is not None and trip["Driver1"]["Id"] == driver_id
    unsettled = books.find("driver_statements", "TripNumber", trip["TripNumber"]) is None
    return drove and period.holds(trip["ReleasedAt"]) and unsettled and trip["Status"] not in GONE


def _bought(books: Books, driver: Json, period: PayPeriod) -> tuple[list[Json], list[Json]]:
    """Return the fuel and the tolls of a period that are taken off an owner-operator's pay."""
    if owner_of(driver) is None:
        return [], []
    fuel = [each for each in books.all("fuel") if each["DriverId"] == driver["Id"]]
    trucks = {each["TruckId"] for each in fuel}
    tolls = [each for each in books.all("tolls") if each["UnitId"] in trucks]
    return (
        [each for each in fuel if period.holds(each["TransactionDate"])],
        [each for each in tolls if period.holds(each["TransactionDate"])],
    )


def _statement(books: Books, kind: str, number: int) -> Json:
    return books.known(kind, f"{number}")


def _next(books: Books, kind: str, first: int) -> int:
    return max((each["Number"] for each in books.all(kind)), default=first - 1) + 1


def _day(books: Books, text: str | None) -> date:
    return date.fromisoformat(text) if text else books.clock().date()
