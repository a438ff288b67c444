from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from adapters.alvys import Rules, Settings, Skip
from adapters.alvys.selection.common import foreign_by_id, gone
from adapters.alvys.selection.invoices import invoice_gone, invoice_skip, may_be_invoiced, newest
from adapters.alvys.selection.trips import carrier_skip, trip_skip

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
        ({"Type": "SummaryInvoice"}, Skip.SUMMARY),
        ({"Type": "StandaloneInvoice"}, Skip.STANDALONE),
        ({"Status": "Draft"}, Skip.DRAFT),
        ({"Loads": [{"SubsidiaryName": "Theirs LLC"}]}, Skip.NOT_OURS),
        ({"Loads": [], "Vendor": {"Name": "Theirs LLC"}}, Skip.NOT_OURS),
        ({"Loads": [], "Vendor": {"Name": "Ours LLC"}}, None),
        ({"Loads": []}, None),
        ({"InvoicedDate": "2026-09-30T23:00:00Z"}, Skip.BEFORE_FIRST_DATE),
        ({"InvoicedDate": "2026-10-01T00:00:00Z"}, None),
        ({"Total": {"Amount": 0}}, Skip.ZERO_VALUED),
        ({"Total": {"Amount": "0"}}, None),
        ({"Loads": "?", "Total": {"Amount": 0}}, Skip.ZERO_VALUED),
    ],
)
def test_invoice_is_skipped_for_a_reason_or_taken(fields: dict[str, Any], skip: Skip | None) -> None:
    assert invoice_skip(INVOICE | fields, SETTINGS) is skip


@pytest.mark.parametrize(
    ("fields", "skip"),
    [
        ({}, None),
        ({"Carrier": None}, Skip.OWN_DRIVER),
        ({"TenderAsSubsidiaryType": "Subsidiary"}, Skip.SUBSIDIARY_CARRIER),
        ({"TenderAsSubsidiaryType": "Carrier"}, None),
        ({"TenderAs": "Theirs LLC"}, Skip.NOT_OURS),
        ({"TenderAs": None}, None),
        ({"ReleasedAt": None, "Status": "Delivered"}, Skip.NOT_RELEASED),
        ({"ReleasedAt": None, "Status": "TONU"}, Skip.NOT_RELEASED),
        ({"ReleasedAt": None, "Status": "Completed"}, None),
        ({"ReleasedAt": "2026-10-05T15:00:00Z", "Status": "Delivered"}, None),
        ({"ReleasedAt": "2026-09-30T15:00:00Z"}, Skip.BEFORE_FIRST_DATE),
        ({"Carrier": {"TotalPayable": {"Amount": 0}}}, Skip.ZERO_VALUED),
        ({"Carrier": {"TotalPayable": None}}, None),
        ({"Carrier": "?"}, None),
    ],
)
def test_trip_is_skipped_for_a_reason_or_taken(fields: dict[str, Any], skip: Skip | None) -> None:
    assert trip_skip(TRIP | fields, SETTINGS) is skip


def test_settings_can_take_every_subsidiary_and_zeros() -> None:
    every = replace(SETTINGS, subsidiary=None, rules=Rules(ignore_zero=False))
    assert invoice_skip(INVOICE | {"Total": {"Amount": 0}, "Loads": [{"SubsidiaryName": "Theirs LLC"}]}, every) is None
    assert trip_skip(TRIP | {"TenderAs": "Theirs LLC", "Carrier": {"TotalPayable": {"Amount": 0}}}, every) is None


@pytest.mark.parametrize(
    ("owner", "ours", "foreign"),
    [("sub-2", "sub-1", True), ("sub-1", "sub-1", False), ("", "sub-1", False), ("sub-2", None, False)],
)
def test_company_named_by_id_is_foreign_if_known_to_be(owner: str, ours: str | None, foreign: bool) -> None:  # noqa: FBT001 - a table
    assert foreign_by_id(owner, replace(SETTINGS, subsidiary_id=ours)) is foreign
    assert not foreign_by_id(owner, replace(SETTINGS, subsidiary=None, subsidiary_id=ours))


def test_a_carrier_of_the_tenants_own_is_skipped() -> None:
    assert carrier_skip({"Type": "Subsidiary"}) is Skip.SUBSIDIARY_CARRIER
    assert carrier_skip({"Type": "Carrier"}) is None
    assert carrier_skip(None) is None


@pytest.mark.parametrize(
    ("load", "may"),
    [
        ({"Status": "In Transit"}, False),
        ({"Status": "Delivered"}, False),
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


@pytest.mark.parametrize("other", [{"Type": "OrderInvoice"}, {"Number": "RF-1001"}, {"SupplementalInvoiceType": "S"}])
def test_invoices_of_different_identity_do_not_displace_each_other(other: dict[str, Any]) -> None:
    both = [OLD, OLD | {"Id": "inv-6"} | other]
    assert newest(both) == both


def test_invoice_that_is_no_object_is_kept() -> None:
    assert sorted(map(str, newest(["?", OLD, None]))) == sorted(map(str, ["?", OLD, None]))
