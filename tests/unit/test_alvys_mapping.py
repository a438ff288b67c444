import copy
from dataclasses import replace
from datetime import UTC, date, timedelta, timezone
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.alvys import Settings
from adapters.alvys.hauls import Hauls
from adapters.alvys.mapping.bills import carrier_bill
from adapters.alvys.mapping.common import known_by_id
from adapters.alvys.mapping.invoices import customer_invoice, invoice_owner, invoice_withdrawn, load_withdrawn
from adapters.alvys.record import Odd, Record
from state.transaction import Address, Content, Kind, Line, Money, Segment, Sourced

SETTINGS = Settings(
    api_url="http://alvys.test",
    token_url="http://alvys.test/oauth/token",
    client_id="id",
    client_secret="secret",
    first_date=date(2026, 1, 1),
)
HOUSE = {"Street": "1 Dock Rd", "City": "Tulsa", "State": "OK", "ZipCode": "74101"}
INVOICE: dict[str, Any] = {
    "Id": "inv-1",
    "Number": "1001",
    "Type": "LoadInvoice",
    "Status": "AwaitingPayment",
    "CreatedDate": "2026-10-04T10:00:00Z",
    "InvoicedDate": "2026-10-05T15:00:00.1234567Z",
    "DueDate": "2026-11-04T15:00:00Z",
    "Total": {"Amount": Decimal("1350.10"), "Currency": 840},
    "Vendor": {"Id": "sub-1", "Name": "Blue Mesa Logistics LLC"},
    "Customer": {
        "Id": "cus-1",
        "Name": "O'Rourke & Sons",
        "EmailAddresses": ["", "ap@orourke.example"],
        "PhoneNumbers": [],
        "BillingAddress": HOUSE,
    },
    "LineItems": [
        {"Name": "Linehaul", "Category": "Load", "LoadNumber": "1001", "Amount": {"Amount": 1200, "Currency": 840}},
        {"Name": "Fuel Surcharge", "Category": "Load", "Amount": {"Amount": Decimal("0.00"), "Currency": None}},
        {"Name": "Detention", "Category": "Accessorial", "Amount": {"Amount": Decimal("175.10")}},
        {"Name": "Adjustment", "Category": None, "Amount": {"Amount": -25}},
    ],
    "Loads": [
        {
            "Id": "load-1",
            "LoadNumber": "1001",
            "SubsidiaryName": "Blue Mesa Logistics LLC",
            "OrderNumber": "77",
            "PONumber": None,
        }
    ],
    "Payments": [],
}
CUSTOMER: dict[str, Any] = {
    "Id": "cus-1",
    "Name": "O'Rourke and Sons, renamed",
    "Email": ["office@orourke.example"],
    "Phone": ["555-0100"],
    "InvoicingInformation": {"EmailAddresses": ["billing@orourke.example"], "PaymentTermsInDays": 15},
}
TRIP: dict[str, Any] = {
    "Id": "trip-1",
    "TripNumber": "1001-1",
    "LoadNumber": "1001",
    "Status": "Released",
    "TenderAs": "Blue Mesa Logistics LLC",
    "TenderAsSubsidiaryType": "Broker",
    "ReleasedAt": "2026-10-03T20:00:00+00:00",
    "DeliveredAt": "2026-10-02T20:00:00+00:00",
    "DueDate": None,
    "Carrier": {
        "Id": "car-1",
        "CarrierInvoiceNumber": "INV-9",
        "Rate": {"Amount": 1050},
        "Linehaul": {"Amount": Decimal("1000.00"), "Currency": 840},
        "Accessorials": {"Amount": 50},
        "AccessorialsDetails": [{"Id": "a", "Type": "Lumper", "Total": {"Amount": 50}}],
        "EChecks": [
            {"Id": "e", "CheckNumber": "123", "Amount": {"Amount": 200}, "Fee": {"Amount": 5}, "Type": "Advance"}
        ],
        "TotalPayable": {"Amount": 850},
    },
}
CARRIER: dict[str, Any] = {"Id": "car-1", "Name": "Łódź Freight GmbH", "ExternalName": "Lodz Freight", "Address": HOUSE}
OURS = Segment("Blue Mesa Logistics LLC")
BROKERED = Segment("Blue Mesa Logistics LLC", load_type="brokerage")


def changed(record: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """Return the record with one field, given by its dotted path, set to a value."""
    record = copy.deepcopy(record)
    *parents, name = path.split(".")
    at: Any = record
    for parent in parents:
        at = at[int(parent)] if isinstance(at, list) else at[parent]
    at[name] = value
    return record


def content(sourced: Sourced) -> Content:
    assert sourced.problem is None, sourced.problem
    assert sourced.content is not None
    return sourced.content


def trouble(sourced: Sourced) -> tuple[str, str]:
    assert sourced.content is None
    assert sourced.problem is not None
    return sourced.problem.code, sourced.problem.detail


def invoice(path: str = "Number", value: object = "1001", settings: Settings = SETTINGS) -> Sourced:
    return customer_invoice(changed(INVOICE, path, value), CUSTOMER, Hauls(), settings)


def bill(path: str = "TripNumber", value: object = "1001-1", settings: Settings = SETTINGS) -> Sourced:
    return carrier_bill(changed(TRIP, path, value), CARRIER, Hauls(), settings)


def test_invoice_is_taken_field_by_field() -> None:
    sourced = invoice()
    assert (sourced.kind, sourced.source_id, sourced.label) == (Kind.CUSTOMER_INVOICE, "load-1", "1001")
    found = content(sourced)
    assert (found.number, found.load_number, found.trip_id) == ("1001", "1001", None)
    assert (found.issued_on, found.due_on) == (date(2026, 10, 5), date(2026, 11, 4))
    assert found.total == Money(135010)
    assert found.memo == "Load 1001, order 77"
    assert found.lines == (
        Line("linehaul", "Linehaul", Money(120000), "Linehaul - Load 1001, order 77", OURS),
        Line("accessorial", "Detention", Money(17510), "Detention - Load 1001, order 77", OURS),
        Line("other", "Adjustment", Money(-2500), "Adjustment - Load 1001, order 77", OURS),
    )
    assert (found.segment, found.fields) == (OURS, (("order_number", "77"),))
    assert found.flaw("USD") is None


def test_invoiced_party_keeps_the_name_of_its_invoice_and_borrows_what_it_lacks() -> None:
    party = content(invoice()).party
    assert (party.source_id, party.name, party.accounting_name) == ("cus-1", "O'Rourke & Sons", None)
    assert (party.email, party.phone) == ("ap@orourke.example", "555-0100")
    assert party.address == Address("1 Dock Rd", "Tulsa", "OK", "74101")
    bare = content(invoice("Customer", {"Id": "cus-1", "Name": "O'Rourke & Sons"})).party
    assert (bare.email, bare.address) == ("billing@orourke.example", None)


def test_due_date_follows_the_terms_where_the_invoice_states_none() -> None:
    assert content(invoice("DueDate", None)).due_on == date(2026, 10, 20)
    unknown = customer_invoice(changed(INVOICE, "DueDate", None), None, Hauls(), SETTINGS)
    assert content(unknown).due_on is None


def test_created_date_stands_in_for_a_missing_invoiced_date() -> None:
    assert content(invoice("InvoicedDate", None)).issued_on == date(2026, 10, 4)


def test_lines_of_zero_stay_if_there_are_no_others() -> None:
    zeros = [{"Name": "Linehaul", "Category": "Load", "Amount": {"Amount": 0}}] * 2
    assert len(content(invoice("LineItems", zeros)).lines) == 2


def test_order_invoice_tells_each_line_by_its_own_load() -> None:
    record = changed(INVOICE, "Type", "OrderInvoice")
    record["Loads"].append({"Id": "load-2", "LoadNumber": "1002", "SubsidiaryName": "X", "PONumber": "P5"})
    record["LineItems"][2]["LoadNumber"] = "1002"
    found = content(customer_invoice(record, None, Hauls(), SETTINGS))
    assert found.memo == "Load 1001, order 77; Load 1002, PO P5"
    assert found.lines[1].description == "Detention - Load 1002, PO P5"


def test_order_of_an_invoices_loads_does_not_matter() -> None:
    record = changed(changed(INVOICE, "Type", "OrderInvoice"), "LineItems.0.LoadNumber", "1002")
    second = {"Id": "load-2", "LoadNumber": "1002", "SubsidiaryName": "X", "PONumber": "P5"}
    namesake = {"Id": "load-3", "LoadNumber": "1002", "SubsidiaryName": "Y", "PONumber": "P6"}
    orders = [changed(record, "Loads", list(each)) for each in permutations([*INVOICE["Loads"], second, namesake])]
    first, *others = (customer_invoice(each, None, Hauls(), SETTINGS) for each in orders)
    assert [each for each in others if each != first] == []
    assert (first.label, content(first).load_number) == ("1001", "1001")
    assert {invoice_owner(Record(each, "Invoice")) for each in orders} == {"Blue Mesa Logistics LLC"}
    assert {invoice_withdrawn(each) for each in orders} == {invoice_withdrawn(record)}


@pytest.mark.parametrize(
    ("path", "value", "detail"),
    [
        ("Total", None, "Invoice.Total is missing"),
        ("Total", 1350, "Invoice.Total is a number, not an object"),
        ("Total.Amount", True, "Invoice.Total.Amount is a flag, not a number"),
        ("Total.Amount", "1350.10", "Invoice.Total.Amount is text, not a number"),
        ("Total.Amount", 1350.1, "Invoice.Total.Amount is of another type, not a number"),
        ("Total.Currency", "USD", "Invoice.Total.Currency is text, not a number"),
        ("Total.Currency", True, "Invoice.Total.Currency is a flag, not a number"),
        ("LineItems", {}, "Invoice.LineItems is an object, not a list"),
        ("LineItems.2.Amount.Amount", None, "Invoice.LineItems[2].Amount.Amount is missing, not a number"),
        ("LineItems.2.Name", 5, "Invoice.LineItems[2].Name is a number, not text"),
        ("InvoicedDate", "yesterday", "Invoice.InvoicedDate is not an instant"),
        ("InvoicedDate", "2026-10-05", "Invoice.InvoicedDate is not an instant"),
        ("DueDate", 20261104, "Invoice.DueDate is a number, not text"),
        ("Type", "Credit Memo", "Invoice.Type is 'Credit Memo'"),
        ("Id", None, "Invoice.Id is missing"),
    ],
)
def test_unknown_shape_is_told_with_its_place(path: str, value: object, detail: str) -> None:
    assert trouble(invoice(path, value)) == ("shape_unknown", detail)


@pytest.mark.parametrize("raw", [None, [], "invoice", 5, True])
def test_record_that_is_no_object_is_kept_as_a_problem(raw: object) -> None:
    assert trouble(customer_invoice(raw, None, Hauls(), SETTINGS))[0] == "shape_unknown"
    assert trouble(carrier_bill(raw, None, Hauls(), SETTINGS))[0] == "shape_unknown"


@pytest.mark.parametrize("value", [None, {}, {"Id": "cus-1", "Name": "  "}, {"Id": None, "Name": "Acme"}])
def test_invoice_without_a_customer_is_told(value: object) -> None:
    assert trouble(invoice("Customer", value))[0] == "party_missing"


@pytest.mark.parametrize(
    "amount", ["12.345", "0.30000000000000004", "1E+999999", "9E+30", "1.0000000000000000000000000000001"]
)
def test_amount_is_never_rounded(amount: str) -> None:
    assert trouble(invoice("Total.Amount", Decimal(amount)))[0] == "amount_inexact"


@pytest.mark.parametrize(
    ("number", "currency"), [(None, "USD"), (840, "USD"), (124, "CAD"), (484, "MXN"), (978, "EUR"), (36, "36")]
)
def test_currency_is_kept_and_a_foreign_one_is_a_flaw(number: int | None, currency: str) -> None:
    found = content(invoice("Total.Currency", number))
    assert found.total.currency == currency
    flaw = found.flaw("USD")
    assert (flaw.code if flaw else None) == (None if currency == "USD" else "currency_foreign")


def test_lines_that_do_not_add_up_are_left_to_the_content_to_tell() -> None:
    flaw = content(invoice("Total.Amount", 1400)).flaw("USD")
    assert flaw is not None
    assert flaw.code == "lines_unequal_total"


def test_missing_number_is_left_to_the_content_to_tell() -> None:
    flaw = content(invoice("Number", None)).flaw("USD")
    assert flaw is not None
    assert flaw.code == "number_missing"


@pytest.mark.parametrize(
    ("stamp", "hours", "day"),
    [
        ("2026-10-05T23:59:59.9999999Z", 0, 5),
        ("2026-10-06T02:00:00Z", -5, 5),
        ("2026-10-05T23:30:00-05:00", 0, 6),
        ("2026-10-05T23:30:00", 0, 5),
    ],
)
def test_instant_becomes_the_calendar_date_of_the_zone(stamp: str, hours: int, day: int) -> None:
    zone = timezone(timedelta(hours=hours)) if hours else UTC
    found = invoice("InvoicedDate", stamp, replace(SETTINGS, timezone=zone))
    assert content(found).issued_on == date(2026, 10, day)


def test_year_one_means_no_date() -> None:
    unset = "0001-01-01T00:00:00+00:00"
    assert content(invoice("InvoicedDate", unset)).issued_on == date(2026, 10, 4)
    assert content(invoice("DueDate", unset)).due_on == date(2026, 10, 20)


def test_invoice_without_any_date_is_told() -> None:
    record = changed(changed(INVOICE, "InvoicedDate", None), "CreatedDate", None)
    assert trouble(customer_invoice(record, CUSTOMER, Hauls(), SETTINGS))[0] == "date_missing"


def test_invoice_made_anew_is_known_by_its_load() -> None:
    again = changed(changed(INVOICE, "Id", "inv-2"), "InvoicedDate", "2026-10-06T15:00:00Z")
    first, second = invoice(), customer_invoice(again, CUSTOMER, Hauls(), SETTINGS)
    assert first.source_id == second.source_id == "load-1"
    assert first.digest() != second.digest()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("Type", "OrderInvoice"),
        ("Type", None),
        ("Number", "RF-1002"),
        ("Number", None),
        ("Loads.0.LoadNumber", None),
        ("Loads.0.LoadNumber", "1002"),
        ("Loads.0.Id", None),
        ("Loads", []),
        ("Loads", None),
        ("Loads", ["?"]),
        ("Loads", [*INVOICE["Loads"], {"Id": "load-2", "LoadNumber": "1002"}]),
        ("Loads", [*INVOICE["Loads"], *INVOICE["Loads"]]),
    ],
)
def test_invoice_that_is_no_loads_own_is_known_by_its_own_id(path: str, value: object) -> None:
    record = changed(INVOICE, path, value)
    assert customer_invoice(record, CUSTOMER, Hauls(), SETTINGS).source_id == "inv-1"
    assert invoice_withdrawn(record).source_id == "inv-1"


def test_invoice_without_any_number_is_not_taken_for_its_loads_own() -> None:
    unnumbered = changed(changed(INVOICE, "Number", None), "Loads.0.LoadNumber", None)
    assert customer_invoice(unnumbered, CUSTOMER, Hauls(), SETTINGS).source_id == "inv-1"


def test_load_withdraws_what_its_own_invoice_is_known_by() -> None:
    gone = load_withdrawn({"Id": "load-1", "LoadNumber": "1001", "Status": "Cancelled"})
    assert gone == invoice_withdrawn(INVOICE)
    assert gone.withdrawn
    assert (gone.kind, gone.source_id, gone.label) == (Kind.CUSTOMER_INVOICE, "load-1", "1001")
    assert load_withdrawn({"Id": "load-1"}).label == "load-1"


def test_identity_falls_back_to_the_number_and_then_to_a_fingerprint() -> None:
    order = changed(INVOICE, "Type", "OrderInvoice")
    assert customer_invoice(changed(order, "Id", 17), None, Hauls(), SETTINGS).source_id == "1001"
    nameless = changed(changed(order, "Id", None), "Number", " ")
    first, again = (customer_invoice(nameless, None, Hauls(), SETTINGS).source_id for _ in range(2))
    other = customer_invoice(changed(nameless, "Status", "Paid"), None, Hauls(), SETTINGS).source_id
    assert first == again
    assert len(first) == 16
    assert first != other


def test_bill_is_taken_field_by_field() -> None:
    sourced = bill()
    assert (sourced.kind, sourced.source_id, sourced.label) == (Kind.CARRIER_BILL, "trip-1", "1001")
    found = content(sourced)
    assert (found.number, found.load_number, found.trip_id) == ("1001", "1001", "trip-1")
    assert (found.issued_on, found.due_on) == (date(2026, 10, 3), date(2026, 11, 2))
    assert (found.party.name, found.party.accounting_name) == ("Łódź Freight GmbH", "Lodz Freight")
    assert found.party.address == Address("1 Dock Rd", "Tulsa", "OK", "74101")
    assert found.memo == "Load 1001, trip 1001-1, carrier invoice INV-9"
    assert found.total == Money(85000)


def test_e_checks_are_set_against_the_bill_and_their_fees_are_not() -> None:
    found = content(bill())
    assert found.lines == (
        Line("linehaul", "Linehaul", Money(100000), "Linehaul - Load 1001, trip 1001-1", BROKERED),
        Line("accessorial", "Lumper", Money(5000), "Lumper - Load 1001, trip 1001-1", BROKERED),
        Line("echeck", "Advance", Money(-20000), "E-check 123 - Load 1001, trip 1001-1", BROKERED),
    )
    assert found.flaw("USD") is None


@pytest.mark.parametrize("details", [None, []])
def test_accessorials_without_details_are_one_line(details: object) -> None:
    found = content(bill("Carrier.AccessorialsDetails", details))
    told = "Accessorials - Load 1001, trip 1001-1"
    assert found.lines[1] == Line("accessorial", "Accessorials", Money(5000), told, BROKERED)
    assert found.flaw("USD") is None


def test_trips_of_one_load_share_its_number_and_remain_two_bills() -> None:
    second = carrier_bill({**TRIP, "Id": "trip-2", "TripNumber": "1001-2"}, CARRIER, Hauls(), SETTINGS)
    assert content(bill()).number == content(second).number == "1001"
    assert (bill().source_id, second.source_id, content(second).trip_id) == ("trip-1", "trip-2", "trip-2")
    assert content(bill()).memo != content(second).memo


@pytest.mark.parametrize("missing", [None, ""])
def test_trip_number_stands_in_for_a_missing_load_number(missing: object) -> None:
    loadless = changed(TRIP, "LoadNumber", missing)
    assert content(carrier_bill(loadless, CARRIER, Hauls(), SETTINGS)).number == "1001-1"
    flaw = content(carrier_bill(changed(loadless, "TripNumber", None), CARRIER, Hauls(), SETTINGS)).flaw("USD")
    assert flaw is not None
    assert flaw.code == "number_missing"


def test_delivery_stands_in_for_a_missing_release() -> None:
    assert content(bill("ReleasedAt", None)).issued_on == date(2026, 10, 2)


def test_due_date_of_a_bill_is_the_vendors_if_it_states_one() -> None:
    assert content(bill("DueDate", "2026-10-30T20:00:00Z")).due_on == date(2026, 10, 30)


def test_bill_of_an_unknown_carrier_is_told() -> None:
    assert trouble(carrier_bill(TRIP, None, Hauls(), SETTINGS))[0] == "party_missing"
    assert trouble(carrier_bill(TRIP, {**CARRIER, "Name": ""}, Hauls(), SETTINGS))[0] == "party_missing"


def test_record_that_names_no_subsidiary_is_not_booked_where_one_decides() -> None:
    ours = replace(SETTINGS, subsidiary="Blue Mesa Logistics LLC")
    assert content(bill(settings=ours)).number == "1001"
    assert trouble(bill("TenderAs", None, ours)) == ("shape_unknown", "Trip names no subsidiary")
    blank = changed(changed(INVOICE, "Loads", []), "Vendor", None)
    assert trouble(customer_invoice(blank, CUSTOMER, Hauls(), ours)) == ("shape_unknown", "Invoice names no subsidiary")
    assert content(customer_invoice(blank, CUSTOMER, Hauls(), SETTINGS)).load_number == "1001"


def test_company_that_is_named_by_id_only_must_be_told_from_ours() -> None:
    driver = Record({"Id": "dri-1", "SubsidiaryId": "sub-2"}, "Driver")
    known_by_id(driver, "sub-2", SETTINGS)
    ours = replace(SETTINGS, subsidiary="Blue Mesa Logistics LLC")
    with pytest.raises(Odd, match="Driver belongs to sub-2") as caught:
        known_by_id(driver, "sub-2", ours)
    assert caught.value.problem.code == "subsidiary_unknown"
    known_by_id(driver, "sub-2", replace(ours, subsidiary_id="sub-1"))
    with pytest.raises(Odd, match="names no subsidiary"):
        known_by_id(driver, "", replace(ours, subsidiary_id="sub-1"))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def paths(record: Any, prefix: str = "") -> list[str]:
    items = record.items() if isinstance(record, dict) else enumerate(record) if isinstance(record, list) else ()
    return [path for name, value in items for path in (f"{prefix}{name}", *paths(value, f"{prefix}{name}."))]


def settable(record: dict[str, Any]) -> list[str]:
    return [path for path in paths(record) if not path.rsplit(".", 1)[-1].isdigit()]


@given(st.sampled_from(settable(INVOICE)), JSON)
def test_no_field_of_an_invoice_can_raise(path: str, value: object) -> None:
    sourced = invoice(path, value)
    assert (sourced.content is None) != (sourced.problem is None)
    assert sourced.source_id
    assert sourced.digest() == invoice(path, value).digest()


@given(st.sampled_from(settable(TRIP)), JSON)
def test_no_field_of_a_trip_can_raise(path: str, value: object) -> None:
    sourced = bill(path, value)
    assert (sourced.content is None) != (sourced.problem is None)
    assert sourced.source_id
