from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from adapters.alvys import Rules, Settings, Skip
from adapters.alvys.hauls import Hauls, gone
from adapters.alvys.selection.common import foreign_by_id
from adapters.alvys.selection.invoices import (
    invoice_gone,
    invoice_skip,
    invoiced,
    may_be_invoiced,
    newest,
    payment_skip,
    taken_back,
)
from adapters.alvys.selection.trips import (
    driven,
    driver_skip,
    external_skip,
    may_be_billed,
    own_company,
    pays_drivers,
    shared,
    trip_skip,
    untimely,
)

SETTINGS = Settings(
    api_url="http://alvys.test",
    token_url="http://alvys.test/oauth/token",
    client_id="id",
    client_secret="secret",
    first_date=date(2026, 10, 1),
    subsidiary="Ours LLC",
)
INVOICE: dict[str, Any] = {
    "Id": "inv-1",
    "Type": "LoadInvoice",
    "Status": "AwaitingPayment",
    "InvoicedDate": "2026-10-05T15:00:00Z",
    "Total": {"Amount": 10},
    "Loads": [{"Id": "load-1", "LoadNumber": "1001", "SubsidiaryName": "Ours LLC"}],
}
TRIP: dict[str, Any] = {
    "Id": "trip-1",
    "Status": "Released",
    "TenderAs": "Ours LLC",
    "TenderAsSubsidiaryType": "Broker",
    "ReleasedAt": "2026-10-05T15:00:00Z",
    "Carrier": {"Id": "car-1", "TotalPayable": {"Amount": 10}},
}


@pytest.mark.parametrize(
    ("fields", "skip"),
    [
        ({}, None),
        ({"Type": "OrderInvoice", "Status": "Paid"}, None),
        ({"Type": "SummaryInvoice"}, None),
        ({"Type": "SummaryInvoice", "InvoicedDate": None, "CreatedDate": "2026-10-05T15:00:00Z"}, Skip.DRAFT),
        ({"Type": "StandaloneInvoice"}, Skip.STANDALONE),
        ({"Status": "Draft"}, Skip.DRAFT),
        ({"Loads": [{"SubsidiaryName": "Theirs LLC"}]}, Skip.NOT_OURS),
        ({"Loads": [], "Vendor": {"Name": "Theirs LLC"}}, Skip.NOT_OURS),
        ({"Loads": [], "Vendor": {"Name": "Ours LLC"}}, None),
        ({"Loads": []}, None),
        ({"InvoicedDate": "2026-09-30T23:00:00Z"}, Skip.BEFORE_FIRST_DATE),
        ({"InvoicedDate": "2026-10-01T00:00:00Z"}, None),
    ],
)
def test_invoice_is_skipped_for_a_reason_or_taken(fields: dict[str, Any], skip: Skip | None) -> None:
    assert invoice_skip(INVOICE | fields, SETTINGS) is skip


@pytest.mark.parametrize(
    ("fields", "skip"),
    [
        ({}, None),
        ({"TenderAs": "Theirs LLC"}, Skip.NOT_OURS),
        ({"TenderAs": None}, None),
        ({"ReleasedAt": "2026-09-30T15:00:00Z"}, Skip.BEFORE_FIRST_DATE),
        ({"ReleasedAt": 7}, None),
    ],
)
def test_trip_is_skipped_for_a_reason_or_taken(fields: dict[str, Any], skip: Skip | None) -> None:
    assert trip_skip(TRIP | fields, SETTINGS) is skip


def test_settings_can_take_every_subsidiary() -> None:
    every = replace(SETTINGS, subsidiary=None)
    assert invoice_skip(INVOICE | {"Loads": [{"SubsidiaryName": "Theirs LLC"}]}, every) is None
    assert trip_skip(TRIP | {"TenderAs": "Theirs LLC"}, every) is None


INVOICED = {"Id": "load-1", "Status": "Invoiced"}
RELEASED = {"Id": "load-1", "Status": "Released"}


@pytest.mark.parametrize(
    ("fields", "rules", "load", "skip"),
    [
        ({}, {}, INVOICED, None),
        ({}, {}, RELEASED, Skip.NOT_INVOICED),
        ({}, {}, None, Skip.NOT_INVOICED),
        ({}, {}, INVOICED | {"IsDeleted": True}, Skip.NOT_INVOICED),
        ({"ReleasedAt": None, "Status": "TONU"}, {}, {"Status": "TONU", "InvoicedAt": "2026-10-05T15:00:00Z"}, None),
        ({}, {"carrier_bill_on": "release"}, RELEASED, None),
        ({}, {"carrier_bill_on": "release"}, None, None),
        ({"ReleasedAt": None, "Status": "Delivered"}, {"carrier_bill_on": "release"}, INVOICED, Skip.NOT_RELEASED),
        ({"ReleasedAt": None, "Status": "TONU"}, {"carrier_bill_on": "release"}, None, Skip.NOT_RELEASED),
        ({"ReleasedAt": None, "Status": "Completed"}, {"carrier_bill_on": "release"}, None, None),
        ({"Status": "Delivered"}, {"carrier_bill_on": "release"}, None, None),
        ({"ReleasedAt": None, "Status": "Delivered"}, {"separate_carrier_invoice": True}, RELEASED, None),
        ({"ReleasedAt": None, "Status": "In Transit"}, {"separate_carrier_invoice": True}, INVOICED, None),
        ({"ReleasedAt": None, "Status": "In Transit"}, {"separate_carrier_invoice": True}, None, Skip.NOT_RELEASED),
    ],
)
def test_bill_of_a_carrier_is_due_as_the_settings_say(
    fields: dict[str, Any], rules: dict[str, Any], load: object, skip: Skip | None
) -> None:
    assert untimely(TRIP | fields, load, replace(SETTINGS, rules=Rules(**rules))) is skip


def test_external_carrier_under_our_own_authority_or_on_a_statement_is_left_alone() -> None:
    assert external_skip(TRIP, SETTINGS) is None
    assert external_skip(TRIP | {"TenderAsSubsidiaryType": "Carrier"}, SETTINGS) is Skip.OWN_AUTHORITY
    assert external_skip(TRIP, replace(SETTINGS, rules=Rules(carrier_statements=True))) is Skip.ON_STATEMENT


@pytest.mark.parametrize(
    ("fields", "load", "skip"),
    [
        ({}, INVOICED, None),
        ({}, RELEASED, Skip.NOT_INVOICED),
        ({"ReleasedAt": "2026-09-30T15:00:00Z"}, INVOICED, Skip.BEFORE_FIRST_DATE),
        ({"TenderAs": "Theirs LLC"}, INVOICED, None),
    ],
)
def test_drivers_are_due_with_the_customers_invoice(fields: dict[str, Any], load: object, skip: Skip | None) -> None:
    assert driver_skip(TRIP | fields, load, SETTINGS) is skip


@pytest.mark.parametrize(
    ("owner", "ours", "foreign"),
    [("sub-2", "sub-1", True), ("sub-1", "sub-1", False), ("", "sub-1", False), ("sub-2", None, False)],
)
def test_company_named_by_id_is_foreign_if_known_to_be(owner: str, ours: str | None, foreign: bool) -> None:  # noqa: FBT001 - a table
    assert foreign_by_id(owner, replace(SETTINGS, subsidiary_id=ours)) is foreign
    assert not foreign_by_id(owner, replace(SETTINGS, subsidiary=None, subsidiary_id=ours))


def test_a_carrier_of_the_tenants_own_is_told_by_its_record_or_the_trip() -> None:
    assert own_company(TRIP, {"Type": "Subsidiary"})
    assert own_company(TRIP | {"TenderAsSubsidiaryType": "Subsidiary"}, None)
    assert not own_company(TRIP, {"Type": "Carrier"})
    assert not own_company(TRIP, None)


@pytest.mark.parametrize(
    ("load", "trip", "between"),
    [
        ({"InvoiceAs": "A"}, {"TenderAs": "B"}, True),
        ({"InvoiceAs": "A"}, {"TenderAs": "A"}, False),
        ({"InvoiceAs": "A"}, {"TenderAs": None}, False),
        (None, {"TenderAs": "B"}, False),
    ],
)
def test_load_is_shared_if_one_company_invoices_what_another_hauls(load: object, trip: object, between: bool) -> None:  # noqa: FBT001 - a table
    assert shared(trip, load) is between


@pytest.mark.parametrize(
    ("trip", "may"),
    [
        ({"Status": "In Transit"}, False),
        ({"Status": "In Transit", "ReleasedAt": "2026-10-05T15:00:00Z"}, True),
        ({"Status": "Delivered"}, True),
        ({"Status": "Cancelled"}, True),
        ({"Status": "Open", "IsDeleted": True}, True),
        ({"Status": "a status of next year"}, True),
        ({}, True),
        ("no object", True),
    ],
)
def test_trip_is_looked_into_unless_it_is_underway(trip: object, may: bool) -> None:  # noqa: FBT001 - a table
    assert may_be_billed(trip) is may


def test_drivers_are_paid_if_the_trip_says_anything_of_it() -> None:
    assert driven({"OwnerOperator": {}})
    assert not driven({"Driver1": None})
    assert pays_drivers({"Driver2": {"EChecks": [{}]}})
    assert not pays_drivers({"Driver1": {"Rates": [], "RatesV2": None}, "Driver2": "?"})


@pytest.mark.parametrize(
    ("load", "may"),
    [
        ({"Status": "In Transit"}, False),
        ({"Status": "Delivered"}, True),
        ({"Status": "Delivered", "InvoicedAt": "2026-10-05T15:00:00Z"}, True),
        ({"Status": "Queued"}, True),
        ({"Status": "TONU"}, True),
        ({"Status": "Cancelled"}, True),
        ({"Status": "Open", "IsDeleted": True}, True),
        ({"Status": "a status of next year"}, True),
        ({"Status": []}, True),
        ({}, True),
        ("no object", True),
    ],
)
def test_load_is_asked_for_invoices_unless_it_can_have_none(load: object, may: bool) -> None:  # noqa: FBT001 - a table
    assert may_be_invoiced(load) is may


@pytest.mark.parametrize(
    ("load", "said"),
    [
        ({"Status": "Queued"}, True),
        ({"Status": "Completed"}, True),
        ({"Status": "Released"}, False),
        ({"Status": "TONU", "InvoicedAt": "2026-10-05T15:00:00Z"}, True),
        ({"Status": "TONU"}, False),
        ({"Status": "Cancelled", "InvoicedAt": "2026-10-05T15:00:00Z"}, False),
        (None, False),
    ],
)
def test_load_says_whether_its_customer_is_invoiced(load: object, said: bool) -> None:  # noqa: FBT001 - a table
    assert invoiced(load) is said


OWN = INVOICE | {"Number": "1001"}
SUMMARY = INVOICE | {"Id": "inv-9", "Type": "SummaryInvoice", "Number": "S1000001"}
LOAD: dict[str, Any] = {"Id": "load-1", "LoadNumber": "1001", "Status": "Released", "InvoicedAt": None}


@pytest.mark.parametrize(
    ("fields", "invoices", "back"),
    [
        ({}, [], True),
        ({"Status": "Delivered"}, [], True),
        ({"InvoicedAt": "2026-10-05T15:00:00Z"}, [], True),
        ({"Status": "TONU"}, [], True),
        ({"Status": "TONU", "InvoicedAt": "2026-10-05T15:00:00Z"}, [], False),
        ({"Status": "Invoiced"}, [], False),
        ({"Status": "Invoiced"}, [SUMMARY], True),
        ({}, [OWN], False),
        ({}, [OWN | {"Status": "Draft"}], False),
        ({}, [OWN | {"SupplementalInvoiceType": "S"}], True),
        ({"Status": "Cancelled"}, [], False),
        ({"Id": None}, [], False),
        ({"LoadNumber": None}, [], False),
    ],
)
def test_own_invoice_is_taken_back_if_load_and_invoices_agree(
    fields: dict[str, Any],
    invoices: list[object],
    back: bool,  # noqa: FBT001 - a table
) -> None:
    load = LOAD | fields
    assert taken_back(load, Hauls([load], invoices=invoices)) is back


@pytest.mark.parametrize(
    ("fields", "skip"),
    [
        ({}, None),
        ({"PaymentReference": "loadledger-145-9"}, Skip.OWN_PAYMENT),
        ({"Amount": {"Amount": 0}}, Skip.ZERO_VALUED),
        ({"Amount": None}, None),
    ],
)
def test_payment_is_skipped_for_a_reason_or_taken(fields: dict[str, Any], skip: Skip | None) -> None:
    payment = {"Id": "pay-1", "Amount": {"Amount": 5}, "PaymentReference": None}
    assert payment_skip(payment | fields, SETTINGS) is skip


def test_gone_means_cancelled_or_deleted() -> None:
    assert gone({"Status": "Cancelled"})
    assert gone({"Status": "Released", "IsDeleted": True})
    assert not gone({"Status": "Released", "IsDeleted": False})
    assert not gone("no object")


def test_invoice_goes_with_the_last_of_its_loads() -> None:
    both = INVOICE | {"Loads": [{"Id": "load-1"}, {"Id": "load-2"}]}
    assert invoice_gone(both, frozenset({"load-1", "load-2", "load-3"}))
    assert not invoice_gone(both, frozenset({"load-1"}))
    assert not invoice_gone(INVOICE | {"Loads": []}, frozenset({"load-1"}))
    assert not invoice_gone(INVOICE | {"Loads": 5}, frozenset({"load-1"}))


OLD: dict[str, Any] = INVOICE | {
    "Id": "inv-5",
    "Number": "1001",
    "CreatedDate": "2026-10-05T15:00:00.5Z",
    "InvoicedDate": "2026-10-09T15:00:00Z",
}


@pytest.mark.parametrize(
    "later",
    [
        {"CreatedDate": "2026-10-05T15:00:00.6Z", "InvoicedDate": "2026-10-01T15:00:00Z"},
        {"CreatedDate": "2026-10-05T10:01:00-05:00"},
        {"CreatedDate": "2026-10-05T15:01:00"},
        {"InvoicedDate": "2026-10-09T15:00:01Z"},
        {"Id": "inv-6"},
        {"CreatedDate": "yesterday"},
        {"CreatedDate": None},
        {"CreatedDate": "0001-01-01T00:00:00Z"},
    ],
)
def test_newest_of_a_loads_invoices_is_taken_in_whatever_order_they_come(later: dict[str, Any]) -> None:
    new = OLD | {"Id": "inv-4"} | later
    assert newest([OLD, new]) == newest([new, OLD]) == [new]


@pytest.mark.parametrize("other", [{"Type": "OrderInvoice"}, {"Number": "RF-1002"}, {"SupplementalInvoiceType": "S"}])
def test_invoices_of_different_identity_do_not_displace_each_other(other: dict[str, Any]) -> None:
    both = [OLD, OLD | {"Id": "inv-6"} | other]
    assert newest(both) == both


def test_invoice_that_is_no_object_is_kept() -> None:
    assert sorted(map(str, newest(["?", OLD, None]))) == sorted(map(str, ["?", OLD, None]))
