from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from adapters.sandbox.alvys import AlvysSandbox, Books, generate, generate_full, hands
from adapters.sandbox.alvys.wire import Problem

MONTH, FULL = generate(date(2026, 10, 1), 1), generate_full(date(2026, 10, 1), 1)
NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
STAMP = "2026-11-02T09:00:00+00:00"
RELEASED = MONTH.notable["released"]
DELIVERED = MONTH.notable["delivered"]
INVOICED = next(
    load["LoadNumber"]
    for load in MONTH.loads
    if load["Status"] == "Invoiced" and len(load["CustomerAccessorialsDetails"]) == 1
)


@pytest.fixture
def books() -> Books:
    return AlvysSandbox(month=MONTH, clock=lambda: NOW).books


def money_of(thing: dict[str, Any] | None, field: str) -> Decimal:
    assert thing is not None
    return Decimal(thing[field]["Amount"])


def accessorial_of(books: Books, load_number: str) -> str:
    return str(books.load(load_number)["CustomerAccessorialsDetails"][0]["Type"])


def assert_agreeing(books: Books, load_number: str) -> None:
    load, invoice = books.load(load_number), books.invoice_of(load_number)
    assert invoice is not None
    lines = sum((line["Amount"]["Amount"] for line in invoice["LineItems"]), Decimal(0))
    assert lines == money_of(invoice, "Total") == money_of(load, "CustomerRate") == money_of(load, "InvoicedAmount")
    assert load["UpdatedAt"] == STAMP


def test_delivered_load_is_released_and_then_invoiced(books: Books) -> None:
    hands.release(books, DELIVERED)
    assert books.load(DELIVERED)["Status"] == "Released"
    assert {(trip["Status"], trip["ReleasedAt"]) for trip in books.trips_of(DELIVERED)} == {("Released", STAMP)}
    invoice = hands.invoice(books, DELIVERED)
    assert (invoice["Number"], invoice["InvoicedDate"], invoice["Status"]) == (DELIVERED, STAMP, "AwaitingPayment")
    assert books.load(DELIVERED)["Status"] == "Invoiced"
    assert_agreeing(books, DELIVERED)


@pytest.mark.parametrize(("terms", "due"), [(45, "2026-12-15T12:00:00+00:00"), (None, None)])
def test_invoice_is_due_after_the_customers_terms(books: Books, terms: int | None, due: str | None) -> None:
    customer = next(each for each in MONTH.customers if each["InvoicingInformation"]["PaymentTermsInDays"] == terms)
    hands.change_customer(books, RELEASED, customer["Id"])
    assert hands.invoice(books, RELEASED, "2026-10-31T12:00:00Z")["DueDate"] == due


def test_edited_charge_makes_the_invoice_anew(books: Books) -> None:
    hands.edit_line(books, INVOICED, "Linehaul", "1234.56")
    hands.edit_line(books, INVOICED, accessorial_of(books, INVOICED), 10)
    invoice = books.invoice_of(INVOICED)
    assert invoice is not None
    assert [line["Amount"]["Amount"] for line in invoice["LineItems"]][::2] == [Decimal("1234.56"), 10]
    assert_agreeing(books, INVOICED)


def test_added_accessorial_can_write_something_off(books: Books) -> None:
    before = money_of(books.invoice_of(INVOICED), "Total")
    for _ in range(2):
        hands.add_accessorial(books, INVOICED, "Lumper", "-12.34")
    invoice = books.invoice_of(INVOICED)
    assert money_of(invoice, "Total") == before - Decimal("24.68")
    assert invoice is not None
    assert len({line["Id"] for line in invoice["LineItems"]}) == len(invoice["LineItems"])
    assert_agreeing(books, INVOICED)


def test_changed_customer_appears_on_load_and_invoice(books: Books) -> None:
    other = next(each for each in MONTH.customers if each["Id"] != books.load(INVOICED)["CustomerId"])
    hands.change_customer(books, INVOICED, other["Id"])
    invoice = books.invoice_of(INVOICED)
    assert invoice is not None
    assert invoice["Customer"]["Name"] == books.load(INVOICED)["CustomerName"] == other["Name"]
    assert {line["CustomerId"] for line in invoice["LineItems"]} == {other["Id"]}
    hands.change_customer(books, RELEASED, other["Id"])
    assert books.load(RELEASED)["CustomerName"] == other["Name"]


def test_moved_invoice_date_moves_the_due_date(books: Books) -> None:
    customer = next(each for each in MONTH.customers if each["InvoicingInformation"]["PaymentTermsInDays"] == 15)
    hands.change_customer(books, INVOICED, customer["Id"])
    invoice = hands.change_invoiced_date(books, INVOICED, "2026-11-05T12:00:00+00:00")
    assert invoice["DueDate"] == "2026-11-20T12:00:00+00:00"
    assert books.load(INVOICED)["InvoicedAt"] == invoice["InvoicedDate"] == "2026-11-05T12:00:00+00:00"
    assert books.load(INVOICED)["UpdatedAt"] == STAMP


def test_reverted_invoice_leaves_a_released_load(books: Books) -> None:
    hands.revert_invoice(books, INVOICED)
    assert books.invoice_of(INVOICED) is None
    assert (books.load(INVOICED)["Status"], books.load(INVOICED)["InvoicedAt"]) == ("Released", None)
    assert hands.invoice(books, INVOICED)["Number"] == INVOICED


def test_cancelled_load_takes_its_trips_with_it(books: Books) -> None:
    hands.cancel(books, RELEASED)
    assert books.load(RELEASED)["CancelledAt"] == STAMP
    assert {trip["Status"] for trip in books.trips_of(RELEASED)} == {"Cancelled"}


def test_deleted_load_leaves_tombstones(books: Books) -> None:
    hands.delete_load(books, INVOICED)
    assert books.load(INVOICED)["IsDeleted"]
    assert all(trip["IsDeleted"] for trip in books.trips_of(INVOICED))
    assert books.invoice_of(INVOICED) is None
    hands.delete_load(books, MONTH.planted["number_taken"], keep_invoice=True)
    assert books.invoice_of(MONTH.planted["number_taken"])
    hands.delete_load(books, RELEASED)
    assert books.load(RELEASED)["IsDeleted"]


def test_carrier_invoice_counts_the_trip_as_invoiced(books: Books) -> None:
    trip = next(each for each in MONTH.trips if each["Carrier"] and each["Status"] == "Released")
    hands.upload_carrier_invoice(books, trip["TripNumber"], "K-77")
    now = books.trip(trip["TripNumber"])
    assert (now["Status"], now["Carrier"]["CarrierInvoiceNumber"], now["UpdatedAt"]) == ("Invoiced", "K-77", STAMP)
    hands.upload_carrier_invoice(books, trip["TripNumber"], "K-78")
    assert books.trip(trip["TripNumber"])["Status"] == "Invoiced"


def test_new_carrier_linehaul_changes_what_is_payable(books: Books) -> None:
    trip = next(each for each in MONTH.trips if each["Carrier"] and each["Carrier"]["EChecks"])
    before = trip["Carrier"]
    after = hands.edit_carrier_linehaul(books, trip["TripNumber"], "2000.01")["Carrier"]
    difference = Decimal("2000.01") - money_of(before, "Linehaul")
    assert money_of(after, "TotalPayable") == money_of(before, "TotalPayable") + difference
    assert money_of(after, "Rate") == money_of(before, "Rate") + difference


def test_carrier_pay_is_held_and_let_go(books: Books) -> None:
    trip = next(each for each in MONTH.trips if each["Carrier"])["TripNumber"]
    assert hands.hold_carrier_pay(books, trip)["CarrierPayOnHold"] is True
    assert hands.hold_carrier_pay(books, trip, hold=False)["CarrierPayOnHold"] is False


def test_renamed_customer_keeps_its_old_documents(books: Books) -> None:
    customer = books.load(INVOICED)["CustomerId"]
    hands.rename_customer(books, customer, "New Name")
    renamed, invoice = books.get("customers", customer), books.invoice_of(INVOICED)
    assert renamed is not None
    assert invoice is not None
    assert (renamed["Name"], invoice["Customer"]["Name"]) == ("New Name", MONTH.load(INVOICED)["CustomerName"])


def test_payment_entered_by_hand_counts_like_a_reported_one(books: Books) -> None:
    assert hands.pay(books, INVOICED, "5.05", "at the desk")["TotalPaid"]["Amount"] == Decimal("5.05")


@pytest.mark.parametrize(
    "action",
    [
        lambda books: hands.edit_line(books, INVOICED, "Linehaul", 1),
        lambda books: hands.revert_invoice(books, INVOICED),
        lambda books: hands.change_customer(books, INVOICED, MONTH.customers[0]["Id"]),
        lambda books: hands.change_invoiced_date(books, INVOICED, STAMP),
    ],
)
def test_invoice_with_payments_is_left_alone(books: Books, action: Callable[[Books], object]) -> None:
    hands.pay(books, INVOICED, 1, "r-1")
    before = books.snapshot()
    with pytest.raises(Problem, match="payments"):
        action(books)
    assert books.snapshot() == before


@pytest.mark.parametrize(
    "action",
    [
        lambda books: hands.release(books, RELEASED),
        lambda books: hands.invoice(books, DELIVERED),
        lambda books: hands.cancel(books, INVOICED),
        lambda books: hands.revert_invoice(books, RELEASED),
        lambda books: hands.edit_line(books, INVOICED, "Storage", 1),
        lambda books: hands.change_customer(books, INVOICED, "nobody"),
        lambda books: hands.upload_carrier_invoice(books, "none", "K"),
        lambda books: hands.edit_carrier_linehaul(
            books, next(trip for trip in MONTH.trips if not trip["Carrier"])["TripNumber"], 1
        ),
    ],
)
def test_what_people_cannot_do_changes_nothing(books: Books, action: Callable[[Books], object]) -> None:
    before = books.snapshot()
    with pytest.raises(Problem):
        action(books)
    assert books.snapshot() == before


# Payments taken back, invoices made anew


def test_deleted_payment_lets_the_invoice_be_made_anew(books: Books) -> None:
    untouched = books.load(INVOICED)
    hands.pay(books, INVOICED, money_of(untouched, "CustomerRate"), "r-1")
    with pytest.raises(Problem, match="payments"):
        hands.regenerate(books, INVOICED)
    hands.delete_payment(books, INVOICED, "r-1")
    load, invoice = books.load(INVOICED), books.invoice_of(INVOICED)
    assert (load["Status"], load["Payments"], load["PaidAt"]) == ("Invoiced", [], None)
    assert invoice is not None
    assert (invoice["Status"], invoice["Payments"], invoice["PaidDate"]) == ("AwaitingPayment", [], None)
    hands.add_accessorial(books, INVOICED, "Short pay", "-100.00")
    assert_agreeing(books, INVOICED)
    assert hands.pay(books, INVOICED, 1, "r-1")["TotalPaid"]["Amount"] == 1
    with pytest.raises(Problem, match="no payment"):
        hands.delete_payment(books, INVOICED, "r-9")


def test_regenerated_invoice_shows_the_customer_as_it_is_now(books: Books) -> None:
    hands.rename_customer(books, books.load(INVOICED)["CustomerId"], "New Name")
    assert hands.regenerate(books, INVOICED)["Customer"]["Name"] == "New Name"
    assert_agreeing(books, INVOICED)


def test_uploaded_carrier_invoice_is_filed_with_its_trip(books: Books) -> None:
    trip = next(each for each in MONTH.trips if each["Carrier"] and each["Status"] == "Released")
    hands.upload_carrier_invoice(books, trip["TripNumber"], "K-77")
    (filing,) = books.owned("filings", f"trips/{trip['Id']}")
    assert books.known("attachments", filing["Id"])["AttachmentType"] == "Carrier Invoice"


# Summary invoices


@pytest.fixture
def full() -> Books:
    return AlvysSandbox(month=FULL, clock=lambda: NOW).books


OPEN, COVERED, FELLOW = (FULL.notable[name] for name in ("summary_open", "summary_1", "summary_2"))
SUMMARY_CUSTOMER = FULL.load(OPEN)["CustomerId"]


def test_summary_customers_load_gets_no_invoice_of_its_own(full: Books) -> None:
    with pytest.raises(Problem, match="summary"):
        hands.invoice(full, OPEN)
    document = hands.generate_summary_invoice(full, SUMMARY_CUSTOMER)
    taken = [int(each["Number"][1:]) for each in FULL.invoices if each["Type"] == "SummaryInvoice"]
    assert (document["Number"], len(document["Loads"])) == (f"S{max(taken) + 1}", 1)
    assert (full.load(OPEN)["Status"], full.load(OPEN)["UpdatedAt"]) == ("Invoiced", STAMP)
    with pytest.raises(Problem, match="no such loads"):
        hands.generate_summary_invoice(full, SUMMARY_CUSTOMER)


def test_reverted_summary_invoice_frees_its_loads_for_one_with_a_new_number(full: Books) -> None:
    before = full.invoice_of(COVERED)
    assert before is not None
    hands.revert_invoice(full, COVERED)
    assert full.invoice_of(FELLOW) is None
    assert {full.load(part["LoadNumber"])["Status"] for part in before["Loads"]} == {"Released"}
    after = hands.generate_summary_invoice(full, SUMMARY_CUSTOMER)
    assert after["Number"] != before["Number"]
    assert len(after["Loads"]) == len(before["Loads"]) + 1


def test_named_loads_alone_are_summarised(full: Books) -> None:
    hands.revert_invoice(full, COVERED)
    document = hands.generate_summary_invoice(full, SUMMARY_CUSTOMER, [COVERED, FELLOW], "2026-10-31T12:00:00Z")
    assert [part["LoadNumber"] for part in document["Loads"]] == [COVERED, FELLOW]
    assert document["InvoicedDate"] == "2026-10-31T12:00:00+00:00"


def test_edited_load_reaches_its_summary_invoice_when_that_is_made_anew(full: Books) -> None:
    before = full.invoice_of(COVERED)
    assert before is not None
    hands.pay(full, FELLOW, 5, "r-1")
    hands.add_accessorial(full, COVERED, "Detention", 70)
    assert money_of(full.invoice_of(COVERED), "Total") == money_of(before, "Total")
    after = hands.regenerate(full, FELLOW)
    assert money_of(after, "Total") == money_of(before, "Total") + 70
    assert money_of(after, "AmountPaid") == 5
    assert money_of(after, "RemainingBalance") == money_of(after, "Total") - 5
    assert money_of(full.load(COVERED), "InvoicedAmount") == money_of(full.load(COVERED), "CustomerRate")


def test_loads_of_two_subsidiaries_share_no_summary_invoice(full: Books) -> None:
    ours, theirs = FULL.notable["released"], FULL.notable["other_subsidiary"]
    customer = full.load(theirs)["CustomerId"]
    hands.change_customer(full, ours, customer)
    hands.revert_invoice(full, theirs)
    hands.summary_invoices_for(full, customer)
    with pytest.raises(Problem, match="several subsidiaries"):
        hands.generate_summary_invoice(full, customer, [ours, theirs])


@pytest.mark.parametrize(
    "action",
    [
        lambda books: hands.delete_load(books, COVERED),
        lambda books: hands.change_customer(books, COVERED, FULL.customers[0]["Id"]),
        lambda books: hands.change_invoiced_date(books, COVERED, STAMP),
        lambda books: hands.generate_summary_invoice(books, SUMMARY_CUSTOMER, [COVERED]),
        lambda books: hands.generate_summary_invoice(books, FULL.customers[0]["Id"], [OPEN]),
    ],
)
def test_load_on_a_summary_invoice_is_left_alone(full: Books, action: Callable[[Books], object]) -> None:
    before = full.snapshot()
    with pytest.raises(Problem):
        action(full)
    assert full.snapshot() == before


def test_supplement_stands_beside_the_invoice_and_is_taken_back_alone(books: Books) -> None:
    own = books.invoice_of(INVOICED)
    first, second = (hands.supplement(books, INVOICED, name, "120.00") for name in ("Lumper", "Detention"))
    assert own is not None
    assert [each["Number"] for each in (first, second)] == [f"{INVOICED}-1", f"{INVOICED}-2"]
    assert money_of(first, "Total") == sum(line["Amount"]["Amount"] for line in first["LineItems"]) == 120
    assert books.invoice_of(INVOICED) == own
    assert books.load(INVOICED)["UpdatedAt"] == STAMP
    hands.revert_supplement(books, INVOICED)
    assert [each["Id"] for each in books.supplements_of(books.load(INVOICED)["Id"])] == [first["Id"]]
    hands.delete_load(books, INVOICED)
    with pytest.raises(Problem, match="no supplement"):
        hands.revert_supplement(books, INVOICED)


def test_factors_report_pays_many_loads_under_one_reference(books: Books) -> None:
    loads = [load for load in MONTH.loads if load["Status"] == "Invoiced" and load["CustomerRate"]["Amount"] > 50][:2]
    hands.report_payments(books, {load["LoadNumber"]: "50.00" for load in loads}, "report 7")
    for load in loads:
        invoice = books.invoice_of(load["LoadNumber"])
        assert invoice is not None
        assert [each["PaymentReference"] for each in invoice["Payments"]] == ["report 7"]
        assert money_of(invoice, "AmountPaid") == 50


def test_carriers_invoice_can_come_without_its_number(books: Books) -> None:
    trip = next(each for each in books.trips_of(RELEASED) if each["Carrier"])
    before = trip["Carrier"]["CarrierInvoiceNumber"]
    after = hands.upload_carrier_invoice(books, trip["TripNumber"])
    assert after["Carrier"]["CarrierInvoiceNumber"] == before
    filed = [books.known("attachments", each["Id"]) for each in books.owned("filings", f"trips/{trip['Id']}")]
    assert [each["AttachmentType"] for each in filed] == ["Carrier Invoice"]
