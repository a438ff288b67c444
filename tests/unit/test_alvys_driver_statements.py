import copy
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from adapters.alvys import Rules, Settings, Skip
from adapters.alvys.mapping.driver_statements import separate_statement, single_statement, sort_ids
from adapters.alvys.selection.statements import driver_statement_skip
from state.transaction import Content, Kind, Line, Money, Party, Segment, Sourced

SINGLE = Rules(single_driver_bill=True)
SETTINGS = Settings(
    api_url="http://alvys.test",
    token_url="http://alvys.test/oauth/token",
    client_id="id",
    client_secret="secret",
    first_date=date(2026, 10, 1),
    subsidiary="Ours LLC",
    subsidiary_id="sub-1",
    carrier_terms_days=7,
    rules=SINGLE,
)
HAULED = Segment("Ours LLC", "Blue Fleet", "asset")
TRIP = {"TripNumber": "501-1", "LoadNumber": "501"}


def item(category: str, title: str, amount: object, **fields: object) -> dict[str, Any]:
    return {"Category": category, "Title": title, "Amount": {"Amount": amount, "Currency": 840}} | fields


ECHECK = [
    {"Description": "C-77", "Amount": {"Amount": -150}},
    {"Description": "Fee", "Amount": {"Amount": -5}},
]
ITEMS = [
    item("Loaded Miles", "Loaded Miles", Decimal("800.50"), **TRIP),
    item("Something New", "Tarp pay", 40, **TRIP),
    item("Service Fee", "Dispatch Service Fee", -20, **TRIP),
    item("Accessorial", "Detention", 60, **TRIP),
    item("E-Check", "Comdata", -155, **TRIP, SubLines=ECHECK),
    item("Minimum Pay", "Minimum pay", 100),
    item("Bonus", "Safety bonus", 75),
    item("Reimbursement", "Scale tickets", Decimal("14.50")),
    item("Credit", "Fuel tax credit", 31),
    item("Deduction", "Cash advance (part 1)", -60),
    item("Deduction", "Cash advance (part 2)", -40),
    item("Deduction", "Cargo insurance", -12),
    item("Escrow", "Escrow deposit", -100),
    item("Escrow", "Escrow withdrawal", 30),
    item("Fuel", "Truck Diesel, Pilot Tulsa", -200),
    item("Toll", "EZ Pass", -9),
    item("Whatever", "Uniform", -2),
    item("Reimbursement", "Nothing", 0),
]
NET = Decimal("553.00")
FIRST = "Statement.LineItems[0]"
STATEMENT: dict[str, Any] = {
    "Number": 10001,
    "Status": "Processed",
    "StatementDate": "2026-10-15",
    "PayPeriodTitle": "Oct 1 - Oct 15, 2026",
    "Driver": {
        "Id": "drv-1",
        "Name": "Anja Ødegård",
        "Type": "OWNER_OPERATOR",
        "CompanyName": "Ødegård Trucking",
        "SubsidiaryId": "sub-1",
        "FleetName": "Blue Fleet",
    },
    "Totals": {"NetIncome": {"Amount": NET}, "Shortfall": {"Amount": 0}},
    "LineItems": ITEMS,
}


def statement(**fields: object) -> dict[str, Any]:
    return copy.deepcopy(STATEMENT) | fields


def driven(**fields: object) -> dict[str, Any]:
    return statement(Driver=STATEMENT["Driver"] | fields)


def settings(**rules: Any) -> Settings:
    return replace(SETTINGS, rules=replace(SINGLE, **rules))


def single(raw: object, chosen: Settings = SETTINGS) -> Sourced:
    found = single_statement(raw, chosen)
    (standing,) = [each for each in found if not each.withdrawn]
    assert {each.kind for each in found} <= {Kind.DRIVER_STATEMENT, Kind.DRIVER_STATEMENT_CREDIT}
    assert {(each.source_id, each.label) for each in found} == {(standing.source_id, standing.label)}
    return standing


def content(raw: object, chosen: Settings = SETTINGS) -> Content:
    found = single(raw, chosen).content
    assert found is not None
    return found


def documents(raw: object, chosen: Settings = SETTINGS) -> dict[str, tuple[Kind, Content]]:
    return {each.source_id: (each.kind, each.content) for each in separate_statement(raw, chosen) if each.content}


# --- one bill over the net pay -----------------------------------------------------------------------------------


def test_single_statement_is_one_bill_over_the_net_pay_with_a_line_for_each_component() -> None:
    found = single(STATEMENT)
    assert (found.kind, found.source_id, found.label) == (Kind.DRIVER_STATEMENT, "10001", "10001")
    assert found.content is not None
    assert [(line.category, line.name, line.amount.amount) for line in found.content.lines] == [
        ("driver_pay", "Loaded Miles", Decimal("800.50")),
        ("driver_pay", "Tarp pay", Decimal("40.00")),
        ("driver_pay", "Dispatch Service Fee", Decimal("-20.00")),
        ("accessorial", "Detention", Decimal("60.00")),
        ("echeck", "Comdata", Decimal("-150.00")),
        ("echeck_fee", "Comdata", Decimal("-5.00")),
        ("driver_pay", "Minimum pay", Decimal("100.00")),
        ("bonus", "Safety bonus", Decimal("75.00")),
        ("reimbursement", "Scale tickets", Decimal("14.50")),
        ("credit", "Fuel tax credit", Decimal("31.00")),
        ("deduction", "Cash advance", Decimal("-60.00")),
        ("deduction", "Cash advance", Decimal("-40.00")),
        ("deduction", "Cargo insurance", Decimal("-12.00")),
        ("escrow", "Escrow deposit", Decimal("-100.00")),
        ("escrow", "Escrow withdrawal", Decimal("30.00")),
        ("fuel", "Truck Diesel, Pilot Tulsa", Decimal("-200.00")),
        ("toll", "EZ Pass", Decimal("-9.00")),
        ("other", "Uniform", Decimal("-2.00")),
    ]
    assert found.content.total.amount == NET
    assert found.content.flaw("USD") is None


def test_single_statement_tells_whose_it_is_and_of_when() -> None:
    found = content(STATEMENT)
    assert found.party == Party("drv-1", "Anja Ødegård", on_1099=True)
    assert (found.number, found.memo) == ("10001", "Driver statement 10001, Oct 1 - Oct 15, 2026")
    assert (found.issued_on, found.due_on) == (date(2026, 10, 15), date(2026, 10, 22))
    assert found.segment == HAULED
    assert found.lines[0] == Line(
        "driver_pay", "Loaded Miles", Money(80050), "Loaded Miles - Load 501, trip 501-1", HAULED
    )
    assert found.lines[4].description == "Comdata - Load 501, trip 501-1 (C-77)"
    assert [line.description for line in found.lines if line.name == "Cash advance"] == [
        "Cash advance (part 1)",
        "Cash advance (part 2)",
    ]


def test_echeck_stays_whole_if_its_parts_do_not_make_it_up() -> None:
    for parts in ([], ECHECK[:1]):
        lines = content(statement(LineItems=[item("E-Check", "Comdata", -155, SubLines=parts)])).lines
        assert [(line.category, line.amount) for line in lines] == [("echeck", Money(-15500))]


@pytest.mark.parametrize(
    "totals",
    [
        {"NetIncome": {"Amount": -70}, "Shortfall": {"Amount": 70}},
        {"NetIncome": {"Amount": 0}, "Shortfall": {"Amount": 70}},
        {"NetIncome": {"Amount": -70}, "Shortfall": None},
    ],
)
def test_driver_who_owes_is_credited_with_every_sign_turned(totals: dict[str, Any]) -> None:
    items = [item("Deduction", "Truck lease", -100), item("Bonus", "Safety bonus", 30)]
    found = single(statement(Totals=totals, LineItems=items))
    assert found.kind is Kind.DRIVER_STATEMENT_CREDIT
    assert found.content is not None
    assert [line.amount for line in found.content.lines] == [Money(10000), Money(-3000)]
    assert found.content.total == Money(7000)
    assert found.content.flaw("USD") is None
    assert [each.kind for each in single_statement(statement(Totals=totals), SETTINGS) if each.withdrawn] == [
        Kind.DRIVER_STATEMENT
    ]


def test_lines_that_do_not_add_up_to_the_net_are_told() -> None:
    flaw = content(statement(LineItems=ITEMS[:3])).flaw("USD")
    assert flaw is not None
    assert flaw.code == "lines_unequal_total"


def test_driver_on_1099_is_paid_through_the_company_where_that_is_wanted() -> None:
    through = settings(tax_company_vendor=True)
    assert content(STATEMENT, through).party == Party("company:Ødegård Trucking", "Ødegård Trucking", on_1099=True)
    assert content(driven(Type="CONTRACTOR"), through).party.name == "Ødegård Trucking"
    assert content(driven(Type="COMPANY"), through).party == Party("drv-1", "Anja Ødegård")
    assert content(driven(CompanyName=None), through).party == Party("drv-1", "Anja Ødegård", on_1099=True)


@pytest.mark.parametrize("kind", ["", None, "LEASED"])
def test_driver_of_unknown_type_is_told_only_where_it_matters(kind: str | None) -> None:
    assert content(driven(Type=kind)).party.name == "Anja Ødegård"
    for chosen in (settings(by_tax_category=True), settings(tax_company_vendor=True)):
        assert driver_statement_skip(driven(Type=kind), chosen) is None
        problem = single(driven(Type=kind), chosen).problem
        assert problem is not None
        assert problem.detail == f"Statement.Driver.Type is {kind or ''!r}"


def test_number_tells_that_it_is_a_paystubs() -> None:
    assert content(STATEMENT, settings(number_prefix=True)).number == "APS-10001"


# --- one document for each sort ----------------------------------------------------------------------------------


def test_separate_statement_is_a_document_for_each_sort_that_no_bill_of_a_trip_has() -> None:
    assert {
        key: (kind, found.number, found.total.amount, [line.amount.amount for line in found.lines])
        for key, (kind, found) in documents(STATEMENT).items()
    } == {
        "10001/driver_pay": (Kind.DRIVER_ADDITION, "10001-PAY", 100, [100]),
        "10001/bonus": (Kind.DRIVER_ADDITION, "10001-BON", 75, [75]),
        "10001/reimbursement": (Kind.DRIVER_ADDITION, "10001-REI", Decimal("14.50"), [Decimal("14.50")]),
        "10001/credit": (Kind.DRIVER_ADDITION, "10001-CRE", 31, [31]),
        "10001/escrow_withdrawal": (Kind.DRIVER_ADDITION, "10001-ESW", 30, [30]),
        "10001/deduction": (Kind.DRIVER_DEDUCTION, "10001-DED", 112, [60, 40, 12]),
        "10001/escrow_deposit": (Kind.DRIVER_DEDUCTION, "10001-ESC", 100, [100]),
        "10001/fuel": (Kind.DRIVER_DEDUCTION, "10001-FUEL", 200, [200]),
        "10001/toll": (Kind.DRIVER_DEDUCTION, "10001-TOLL", 9, [9]),
        "10001/other": (Kind.DRIVER_DEDUCTION, "10001-OTH", 2, [2]),
    }


def test_separate_documents_and_the_bills_of_the_trips_make_up_the_net_pay() -> None:
    signs = {Kind.DRIVER_ADDITION: 1, Kind.DRIVER_DEDUCTION: -1}
    beside = sum(signs[kind] * found.total.amount for kind, found in documents(STATEMENT).values())
    on_trips = sum(each["Amount"]["Amount"] for each in ITEMS if each.get("TripNumber"))
    assert beside + on_trips == NET
    assert [found.flaw("USD") for _, found in documents(STATEMENT).values() if found.flaw("USD")] == []


def test_separate_documents_share_driver_day_and_memo() -> None:
    for _, found in documents(STATEMENT).values():
        assert (found.party.source_id, found.issued_on, found.due_on) == (
            "drv-1",
            date(2026, 10, 15),
            date(2026, 10, 22),
        )
        assert (found.memo, found.segment) == ("Driver statement 10001, Oct 1 - Oct 15, 2026", HAULED)


def test_numbers_of_separate_documents_tell_what_they_are_of() -> None:
    items = [*ITEMS, item("E-Check", "Comdata", -155), item("Accessorial", "Layover", 5)]
    found = documents(statement(LineItems=items), settings(number_prefix=True))
    assert {content.number for _, content in found.values()} == {
        "APS-10001-PAY",
        "APS-10001-BON",
        "APS-10001-REI",
        "APS-10001-CRE",
        "APS-10001-ESW",
        "ADT-10001-DED",
        "ADT-10001-ESC",
        "AFL-10001-FUEL",
        "ATL-10001-TOLL",
        "APS-10001-OTH",
        "AEK-10001-ECK",
        "APS-10001-ACC",
    }
    assert set(found) == set(sort_ids(STATEMENT))


def test_sort_takes_the_side_that_its_sum_makes_it() -> None:
    back = statement(LineItems=[item("Deduction", "Insurance", -10), item("Deduction", "Insurance, given back", 25)])
    (found,) = [each for each in separate_statement(back, SETTINGS) if not each.withdrawn]
    assert (found.kind, found.source_id) == (Kind.DRIVER_ADDITION, "10001/deduction")
    assert found.content is not None
    assert [line.amount for line in found.content.lines] == [Money(-1000), Money(2500)]
    withdrawn = {(each.kind, each.source_id) for each in separate_statement(back, SETTINGS) if each.withdrawn}
    assert withdrawn == {(Kind.DRIVER_DEDUCTION, "10001/deduction"), (Kind.DRIVER_ADDITION, "10001")}


def test_sort_that_comes_to_nothing_is_no_document_unless_zeros_are_wanted() -> None:
    even = statement(LineItems=[item("Deduction", "Insurance", -10), item("Deduction", "Insurance", 10)])
    assert documents(even) == {}
    assert {(each.kind, each.source_id) for each in separate_statement(even, SETTINGS)} >= {
        (Kind.DRIVER_ADDITION, "10001/deduction"),
        (Kind.DRIVER_DEDUCTION, "10001/deduction"),
    }
    (kind, found) = documents(even, settings(ignore_zero=False))["10001/deduction"]
    assert (kind, found.total) == (Kind.DRIVER_ADDITION, Money(0))


def test_odd_statement_in_parts_is_kept_under_its_bare_number_until_it_can_be_read() -> None:
    (odd,) = separate_statement(statement(Driver=None), SETTINGS)
    assert odd.problem is not None
    assert (odd.kind, odd.source_id, odd.problem.code) == (Kind.DRIVER_ADDITION, "10001", "party_missing")
    first = separate_statement(STATEMENT, SETTINGS)[0]
    assert (first.kind, first.source_id, first.withdrawn) == (odd.kind, odd.source_id, True)


# --- both forms --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "code", "detail"),
    [
        ({"Number": None}, "shape_unknown", "Statement.Number is missing"),
        ({"Driver": None}, "party_missing", "Statement.Driver is missing or has no id or name"),
        ({"Driver": {"Id": "drv-1"}}, "party_missing", "Statement.Driver is missing or has no id or name"),
        ({"Driver": {"Id": "drv-1", "Name": "A"}}, "shape_unknown", "Statement.Driver names no subsidiary"),
        ({"StatementDate": None}, "date_missing", "Statement has no date to book it on"),
        ({"LineItems": 5}, "shape_unknown", "Statement.LineItems is a number, not a list"),
        (
            {"LineItems": [item("Bonus", "B", "1")]},
            "shape_unknown",
            "Statement.LineItems[0].Amount.Amount is text, not a number",
        ),
        ({"LineItems": [{"Category": []}]}, "shape_unknown", f"{FIRST}.Category is a list, not text"),
    ],
)
def test_odd_statement_is_told_and_not_dropped(fields: dict[str, Any], code: str, detail: str) -> None:
    for found in (single(statement(**fields)), *separate_statement(statement(**fields), SETTINGS)):
        assert found.problem is not None
        assert (found.problem.code, found.problem.detail) == (code, detail)


@pytest.mark.parametrize("totals", [None, {}, {"NetIncome": None}])
def test_statement_without_a_net_is_told_where_the_net_is_billed(totals: object) -> None:
    assert single(statement(Totals=totals)).problem is not None
    assert len(documents(statement(Totals=totals))) == 10


@pytest.mark.parametrize(
    ("fields", "rules", "skip"),
    [
        ({}, {}, None),
        ({"Status": "Failed"}, {}, None),
        ({"Status": "Draft"}, {}, Skip.DRAFT),
        ({"Status": "Queued"}, {}, Skip.DRAFT),
        ({"Driver": STATEMENT["Driver"] | {"SubsidiaryId": "sub-2"}}, {}, Skip.NOT_OURS),
        ({"StatementDate": "2026-09-30"}, {}, Skip.BEFORE_FIRST_DATE),
        ({"Driver": STATEMENT["Driver"] | {"Type": "COMPANY"}}, {}, None),
        ({"Driver": STATEMENT["Driver"] | {"Type": "COMPANY"}}, {"by_tax_category": True}, Skip.ON_W2),
        ({"Driver": STATEMENT["Driver"] | {"Type": "CONTRACTOR"}}, {"by_tax_category": True}, None),
        ({}, {"by_tax_category": True}, None),
        ({"Totals": {"NetIncome": {"Amount": 0}}}, {}, Skip.ZERO_VALUED),
        ({"Totals": {"NetIncome": {"Amount": 0}, "Shortfall": {"Amount": 5}}}, {}, None),
        ({"Totals": {"NetIncome": {"Amount": 0}}}, {"ignore_zero": False}, None),
        ({"Totals": {"NetIncome": {"Amount": 0}}}, {"single_driver_bill": False}, None),
        ({"Driver": None}, {"by_tax_category": True}, None),
    ],
)
def test_statement_is_skipped_for_a_reason_or_taken(
    fields: dict[str, Any], rules: dict[str, bool], skip: Skip | None
) -> None:
    assert driver_statement_skip(statement(**fields), settings(**rules)) is skip
