import copy
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from adapters.alvys import Rules, Settings, Skip
from adapters.alvys.mapping.carrier_statements import carrier_statement, paid_carrier
from adapters.alvys.mapping.numbers import LONGEST, document_number
from adapters.alvys.selection.statements import carrier_statement_skip
from state.transaction import Address, Content, Kind, Line, Money, Segment, Sourced

SETTINGS = Settings(
    api_url="http://alvys.test",
    token_url="http://alvys.test/oauth/token",
    client_id="id",
    client_secret="secret",
    first_date=date(2026, 10, 1),
    subsidiary="Ours LLC",
    subsidiary_id="sub-1",
    rules=Rules(carrier_statements=True),
)
BROKERED = Segment("Ours LLC", load_type="brokerage")
STATEMENT: dict[str, Any] = {
    "Number": 1001,
    "Status": "Processed",
    "StatementDate": "2026-10-18T00:00:00Z",
    "RemittanceDate": "2026-10-23T00:00:00Z",
    "SubsidiaryId": "sub-1",
    "Payee": {"Type": "Carrier", "Id": "car-1", "Name": "Redtail Express LLC"},
    "NetAmount": {"Amount": Decimal("1650.25"), "Currency": 840},
    "Trips": [
        {
            "TripId": "trip-1",
            "TripNumber": "501-1",
            "LoadNumber": "501",
            "InvoiceNumber": "INV-9",
            "Items": [
                {"Description": "Line Haul", "Type": "LineHaul", "Amount": {"Amount": 1000}, "AccountingTag": "Rate"},
                {"Description": "Detention", "Type": "Accessorial", "Amount": {"Amount": Decimal("50.25")}},
                {"Description": "Layover", "Type": "Accessorial", "Amount": {"Amount": 0}, "AccountingTag": "Layover"},
            ],
        },
        {
            "TripId": "trip-2",
            "TripNumber": "502-1",
            "LoadNumber": "502",
            "InvoiceNumber": None,
            "Items": [
                {"Description": "Line Haul", "Type": "LineHaul", "Amount": {"Amount": 800}, "AccountingTag": "Rate"},
                {"Description": "", "Type": "ECheck", "Amount": {"Amount": -195}, "AccountingTag": "Advance"},
                {"Description": "E-check fee", "Type": "ECheckFee", "Amount": {"Amount": -5}, "AccountingTag": ""},
            ],
        },
    ],
}
CARRIER = {
    "Id": "car-1",
    "Name": "Redtail Express, LLC",
    "ExternalName": "Redtail",
    "Address": {"Street": "1 Dock Rd", "City": "Tulsa", "State": "OK", "ZipCode": "74101"},
}


def statement(**fields: object) -> dict[str, Any]:
    return copy.deepcopy(STATEMENT) | fields


def taken(found: list[Sourced]) -> Sourced:
    """Return the one that stands; the other side must be withdrawn under the same identity."""
    (standing,) = [each for each in found if not each.withdrawn]
    (gone,) = [each for each in found if each.withdrawn]
    assert {gone.kind, standing.kind} == {Kind.CARRIER_STATEMENT, Kind.CARRIER_STATEMENT_CREDIT}
    assert (gone.source_id, gone.label) == (standing.source_id, standing.label)
    return standing


def content(**fields: object) -> Content:
    found = taken(carrier_statement(statement(**fields), CARRIER, SETTINGS)).content
    assert found is not None
    return found


def trouble(raw: object, settings: Settings = SETTINGS) -> tuple[str, str]:
    (found,) = carrier_statement(raw, None, settings)
    assert found.problem is not None
    return found.problem.code, found.problem.detail


def test_statement_is_one_bill_with_a_line_for_each_item_of_each_trip() -> None:
    found = taken(carrier_statement(STATEMENT, CARRIER, SETTINGS))
    assert (found.kind, found.source_id, found.label) == (Kind.CARRIER_STATEMENT, "1001", "1001")
    assert found.content is not None
    assert found.content.lines == (
        Line("linehaul", "Linehaul", Money(100000), "Linehaul - Load 501, trip 501-1, carrier invoice INV-9", BROKERED),
        Line(
            "accessorial", "Detention", Money(5025), "Detention - Load 501, trip 501-1, carrier invoice INV-9", BROKERED
        ),
        Line("linehaul", "Linehaul", Money(80000), "Linehaul - Load 502, trip 502-1", BROKERED),
        Line("echeck", "Advance", Money(-19500), "Advance - Load 502, trip 502-1", BROKERED),
        Line("echeck_fee", "E-check fee", Money(-500), "E-check fee - Load 502, trip 502-1", BROKERED),
    )
    assert (found.content.number, found.content.total) == ("1001", Money(165025))
    assert (found.content.issued_on, found.content.due_on) == (date(2026, 10, 18), date(2026, 10, 23))
    assert (found.content.memo, found.content.segment) == ("Carrier statement 1001", BROKERED)
    assert found.content.flaw("USD") is None


def test_carrier_is_the_vendor_under_the_name_accounting_knows_it_by() -> None:
    party = content().party
    assert (party.source_id, party.name, party.accounting_name) == ("car-1", "Redtail Express LLC", "Redtail")
    assert party.address == Address("1 Dock Rd", "Tulsa", "OK", "74101")
    (unknown, _) = carrier_statement(STATEMENT, None, SETTINGS)
    assert unknown.content is not None
    assert (unknown.content.party.name, unknown.content.party.accounting_name) == ("Redtail Express LLC", None)


def test_factoring_company_is_the_vendor_of_a_carrier_that_is_factored() -> None:
    payee = {"Type": "FactoringCompany", "Id": "fac-1", "Name": "Ridgeline Capital Factors", "McNumber": "7"}
    party = content(Payee=payee).party
    assert (party.source_id, party.name, party.accounting_name) == ("fac-1", "Ridgeline Capital Factors", None)
    assert paid_carrier(statement(Payee=payee)) == ""
    assert paid_carrier(STATEMENT) == "car-1"
    assert paid_carrier("?") == paid_carrier({"Payee": 5}) == ""


def test_due_date_follows_the_terms_where_no_remittance_is_planned() -> None:
    assert content(RemittanceDate=None).due_on == date(2026, 11, 17)
    assert content(RemittanceDate="0001-01-01T00:00:00Z").due_on == date(2026, 11, 17)


def test_days_of_a_statement_are_those_of_utc_in_every_zone() -> None:
    assert content(StatementDate="2026-10-18T00:00:00Z").issued_on == date(2026, 10, 18)
    assert content(StatementDate="2026-10-18T23:00:00-05:00").issued_on == date(2026, 10, 19)
    assert content(StatementDate="2026-10-18").issued_on == date(2026, 10, 18)


def test_statement_below_zero_is_a_credit_with_every_sign_turned() -> None:
    items = [{"Description": "Advance", "Type": "ECheck", "Amount": {"Amount": -30}}]
    items.append({"Description": "Line Haul", "Type": "LineHaul", "Amount": {"Amount": 10}})
    found = taken(carrier_statement(statement(NetAmount={"Amount": -20}, Trips=[{"Items": items}]), CARRIER, SETTINGS))
    assert found.kind is Kind.CARRIER_STATEMENT_CREDIT
    assert found.content is not None
    assert [line.amount for line in found.content.lines] == [Money(3000), Money(-1000)]
    assert found.content.total == Money(2000)
    assert found.content.flaw("USD") is None


def test_item_of_an_unknown_sort_is_a_line_all_the_same() -> None:
    items = [{"Description": "Claim", "Type": "Something", "Amount": {"Amount": 1}, "AccountingTag": "?"}]
    (line,) = content(Trips=[{"LoadNumber": "501", "Items": items}]).lines
    assert (line.category, line.name) == ("other", "Claim")


def test_items_that_do_not_add_up_to_the_net_are_told() -> None:
    flaw = content(NetAmount={"Amount": 1}).flaw("USD")
    assert flaw is not None
    assert flaw.code == "lines_unequal_total"


@pytest.mark.parametrize(
    ("fields", "code", "detail"),
    [
        ({"Number": "1001"}, "shape_unknown", "Statement.Number is text, not a number"),
        ({"Number": None}, "shape_unknown", "Statement.Number is missing"),
        ({"Number": True}, "shape_unknown", "Statement.Number is a flag, not a number"),
        ({"SubsidiaryId": None}, "shape_unknown", "Statement names no subsidiary"),
        ({"StatementDate": None}, "date_missing", "Statement has no date to book it on"),
        ({"StatementDate": "soon"}, "shape_unknown", "Statement.StatementDate is not an instant"),
        ({"Payee": None}, "party_missing", "Statement.Payee is missing or has no id or name"),
        ({"Payee": {"Id": "car-1", "Name": " "}}, "party_missing", "Statement.Payee is missing or has no id or name"),
        ({"NetAmount": None}, "shape_unknown", "Statement.NetAmount is missing"),
        ({"NetAmount": {"Amount": Decimal("0.001")}}, "amount_inexact", "Statement.NetAmount.Amount is 0.001"),
        ({"Trips": {}}, "shape_unknown", "Statement.Trips is an object, not a list"),
        ({"Trips": [{"Items": [5]}]}, "shape_unknown", "Statement.Trips[0].Items[0] is a number, not an object"),
        ({"Trips": [{"Items": [{}]}]}, "shape_unknown", "Statement.Trips[0].Items[0].Amount is missing"),
    ],
)
def test_odd_statement_is_told_and_not_dropped(fields: dict[str, Any], code: str, detail: str) -> None:
    assert trouble(statement(**fields)) == (code, detail)
    assert carrier_statement_skip(statement(**fields), SETTINGS) is None


@pytest.mark.parametrize("raw", ["?", None, [], 5])
def test_statement_that_is_no_object_is_kept_under_a_fingerprint(raw: object) -> None:
    (found,) = carrier_statement(raw, None, SETTINGS)
    assert found.problem is not None
    assert len(found.source_id) == 16


def test_statement_can_not_be_told_to_be_ours_without_our_id() -> None:
    nameless = replace(SETTINGS, subsidiary_id=None)
    assert trouble(STATEMENT, nameless) == ("subsidiary_unknown", "Statement belongs to sub-1")
    alone = replace(SETTINGS, subsidiary=None, subsidiary_id=None)
    assert taken(carrier_statement(statement(SubsidiaryId=None), None, alone)).content is not None


@pytest.mark.parametrize(
    ("fields", "skip"),
    [
        ({}, None),
        ({"Status": "Paid"}, None),
        ({"Status": "a status of next year"}, None),
        ({"Status": "Queued"}, Skip.DRAFT),
        ({"Status": "Failed"}, Skip.DRAFT),
        ({"SubsidiaryId": "sub-2"}, Skip.NOT_OURS),
        ({"StatementDate": "2026-09-30T23:59:59Z"}, Skip.BEFORE_FIRST_DATE),
        ({"StatementDate": "2026-10-01T00:00:00Z"}, None),
        ({"NetAmount": {"Amount": 0}}, Skip.ZERO_VALUED),
        ({"NetAmount": {"Amount": -1}}, None),
    ],
)
def test_statement_is_skipped_for_a_reason_or_taken(fields: dict[str, Any], skip: Skip | None) -> None:
    assert carrier_statement_skip(statement(**fields), SETTINGS) is skip


def test_settings_can_take_every_subsidiary_and_zeros() -> None:
    every = replace(SETTINGS, subsidiary=None, rules=Rules(carrier_statements=True, ignore_zero=False))
    zero = statement(SubsidiaryId="sub-2", NetAmount={"Amount": 0}, Trips=[{"Items": []}])
    assert carrier_statement_skip(zero, every) is None
    assert taken(carrier_statement(zero, CARRIER, every)).kind is Kind.CARRIER_STATEMENT


PREFIXED = replace(SETTINGS, rules=Rules(number_prefix=True))


def test_number_tells_what_it_is_of_where_that_is_wanted() -> None:
    assert document_number("AFL", "77", SETTINGS) == "77"
    assert document_number("AFL", "77", PREFIXED) == "AFL-77"
    assert document_number("", "77", PREFIXED) == "77"
    assert document_number("AFL", "", PREFIXED) == ""


@pytest.mark.parametrize("settings", [SETTINGS, PREFIXED])
def test_number_that_is_too_long_is_cut_so_that_two_stay_two(settings: Settings) -> None:
    whole = "x" * (LONGEST - (4 if settings is PREFIXED else 0))
    assert document_number("AFL", whole, settings).endswith(whole)
    longer = [document_number("AFL", f"{start}-000111222333444555666", settings) for start in ("7083", "7084")]
    assert [len(number) for number in longer] == [LONGEST, LONGEST]
    assert longer[0] != longer[1]
    assert longer[0] == document_number("AFL", "7083-000111222333444555666", settings)
    assert "555666~" in longer[0]
