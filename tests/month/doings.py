"""What people do in the TMS once all of the month is in the books: they correct, take back, bring forward and pay."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

from adapters.sandbox.alvys import Books, hands
from tests.month.choices import Choices
from tests.month.figures import ZERO, Json, dollars

EVERY: Final = 2  # times that each thing is done
_DO: Final = hands.ACTIONS
_MOVED, _ANEW = "2026-10-27T16:00:00+00:00", "2026-10-28T16:00:00+00:00"


def months_end(books: Books, choices: Choices) -> None:
    """Do each thing that people do, some times over, each to a record that nothing else was done to."""
    invoices, trips = _plain_invoices(books, choices), _plain_trips(books, choices)
    for correct in _ON_INVOICES:
        for each in islice(invoices, EVERY):
            correct(books, each["Number"])
    for change in _ON_TRIPS:
        for each in islice(trips, EVERY):
            change(books, each["TripNumber"])
    for load in _nothing_yet(books, choices):
        _DO["edit_line"](books, load["LoadNumber"], "Linehaul", "400.10")
    _forget_payments(books, choices)
    _settle_anew(books, choices)


def _make_anew(books: Books, number: str) -> None:
    """Take an invoice back and issue another on another day."""
    _DO["revert_invoice"](books, number)
    _DO["invoice"](books, number, _ANEW)


def _give_away(books: Books, number: str) -> None:
    """Make an invoice out to another customer."""
    _DO["change_customer"](books, number, next(each["Id"] for each in books.all("customers")))


def _make_nothing_of(books: Books, number: str) -> None:
    """Take all charges off a load, its invoice with them."""
    accessorials = [each["Type"] for each in books.load(number)["CustomerAccessorialsDetails"]]
    for name in ("Linehaul", "Fuel Surcharge", *accessorials):
        _DO["edit_line"](books, number, name, 0)


_ON_INVOICES: Final[tuple[Callable[[Books, str], object], ...]] = (
    lambda books, number: _DO["edit_line"](books, number, "Linehaul", "1234.56"),
    lambda books, number: _DO["add_accessorial"](books, number, "Short Pay", "-20.05"),
    lambda books, number: _DO["change_invoiced_date"](books, number, _MOVED),
    _DO["revert_invoice"],
    _DO["delete_load"],
    lambda books, number: _DO["pay"](books, number, "10.01", f"LATE-{number}"),
    _make_anew,
    _give_away,
    _make_nothing_of,
)
_ON_TRIPS: Final[tuple[Callable[[Books, str], object], ...]] = (
    lambda books, number: _DO["edit_carrier_linehaul"](books, number, "777.77"),
    _DO["hold_carrier_pay"],
    lambda books, number: _DO["upload_carrier_invoice"](books, number, "LATE-1"),
)


def _plain_invoices(books: Books, choices: Choices) -> Iterator[Json]:
    """Yield unpaid invoices over one load of ours, with nothing on top of them."""
    supplemented = {each["Loads"][0]["Id"] for each in books.all("invoices") if each["SupplementalInvoiceType"]}
    for each in list(books.all("invoices")):
        load = books.load(each["Loads"][0]["LoadNumber"]) if len(each["Loads"]) == 1 else None
        if (
            load
            and each["Type"] == "LoadInvoice"
            and each["Status"] == "AwaitingPayment"
            and not each["Payments"]
            and dollars(each["Total"]) > ZERO
            and load["InvoiceAs"] == choices.company
            and load["Id"] not in supplemented
            and load["Status"] == "Invoiced"
        ):
            yield each


def _plain_trips(books: Books, choices: Choices) -> Iterator[Json]:
    """Yield trips of external carriers that ours tendered."""
    for trip in list(books.all("trips")):
        if trip["Carrier"] and trip["TenderAs"] == choices.company and trip["Status"] == "Invoiced":
            yield trip


def _nothing_yet(books: Books, choices: Choices) -> list[Json]:
    """Return loads that are invoiced over nothing."""
    over_nothing = (
        each for each in books.all("invoices") if each["Type"] == "LoadInvoice" and not dollars(each["Total"])
    )
    loads = [books.load(each["Loads"][0]["LoadNumber"]) for each in over_nothing]
    return [load for load in loads if load["InvoiceAs"] == choices.company and not load["IsDeleted"]]


def _forget_payments(books: Books, choices: Choices) -> None:
    """Delete some payments, as the load's page allows."""
    paid = [
        each
        for each in books.all("invoices")
        if each["Payments"] and each["Loads"][0]["SubsidiaryName"] == choices.company
    ]
    for invoice in paid[:EVERY]:
        kept = invoice["Payments"][:-1]
        load = books.load(invoice["Loads"][0]["LoadNumber"])
        books.commit(
            ("invoices", invoice | {"Payments": kept, "Status": "AwaitingPayment"}),
            ("loads", books.touched(load, "Kim Avery", Status="Invoiced")),
        )


def _settle_anew(books: Books, choices: Choices) -> None:
    """Take back a statement of each kind, issue another, and take out or correct what was bought."""
    ours = choices.company_id
    unpaid = [
        each for each in books.all("carrier_statements") if each["SubsidiaryId"] == ours and each["Status"] != "Paid"
    ]
    for statement in unpaid[:1]:
        _DO["revert_carrier_statement"](books, statement["Number"])
    for statement in [each for each in books.all("driver_statements") if each["Driver"]["SubsidiaryId"] == ours][:1]:
        _DO["revert_driver_statement"](books, statement["Number"])
    bought = [each for each in books.all("fuel") if each["SubsidiaryId"] == ours and not each["OwnerOperatorId"]]
    for fuel in bought[:1]:
        _DO["remove_fuel"](books, fuel["Id"])
    for fuel in bought[1:2]:
        _DO["correct_fuel"](books, fuel["Id"], dollars(fuel["FuelTotal"]) + 5)
    for toll in [each for each in books.all("tolls") if each["SubsidiaryId"] == ours][:1]:
        _DO["remove_toll"](books, toll["Id"])
