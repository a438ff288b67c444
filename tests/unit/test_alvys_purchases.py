from dataclasses import replace
from datetime import date, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from adapters.alvys import Rules, Settings, Skip
from adapters.alvys.mapping.purchases import fuel_bill, toll_bill
from adapters.alvys.selection.purchases import fuel_skip, toll_skip
from state.transaction import Content, Kind, Line, Money, Party, Segment, Sourced

SETTINGS = Settings(
    api_url="http://alvys.test",
    token_url="http://alvys.test/oauth/token",
    client_id="id",
    client_secret="secret",
    first_date=date(2026, 10, 1),
    subsidiary="Ours LLC",
    subsidiary_id="sub-1",
    rules=Rules(company_fuel=True, company_toll=True),
)
OWN = Segment("Ours LLC", load_type="asset")


def money(amount: object) -> dict[str, Any]:
    return {"Amount": amount, "Currency": 840}


FUEL: dict[str, Any] = {
    "Id": "fuel-1",
    "TransactionId": "70839101-1234567",
    "SubsidiaryId": "sub-1",
    "SubsidiaryName": "Ours LLC",
    "TruckId": "truck-1",
    "TruckNumber": "T401",
    "OwnerOperatorId": None,
    "Source": "Pilot",
    "Type": "Truck Diesel",
    "Location": {"Name": "Pilot Tulsa"},
    "FuelTotal": money(Decimal("300.10")),
    "Fees": money(Decimal("1.25")),
    "Discounts": money(9),
    "Advances": money(50),
    "Total": money(Decimal("342.35")),
    "TransactionDate": "2026-10-06T03:30:00Z",
}
TOLL: dict[str, Any] = {
    "Id": "toll-1",
    "TransactionId": "TX1",
    "SubsidiaryId": "sub-1",
    "Agency": "EZ Pass",
    "UnitId": "truck-1",
    "UnitNumber": "T401",
    "ExitPlazaName": "Plaza 7",
    "Amount": money(Decimal("12.75")),
    "Fee": money(Decimal("0.25")),
    "TransactionDate": "2026-10-06T03:30:00Z",
}
TRUCK: dict[str, Any] = {"Id": "truck-1", "SubsidiaryId": "sub-1", "FuelCards": [{"DeductFuel": False}]}


def truck(*cards: object, **fields: object) -> dict[str, Any]:
    return TRUCK | {"FuelCards": list(cards)} | fields


def taken(found: list[Sourced]) -> Sourced:
    (standing,) = [each for each in found if not each.withdrawn]
    (gone,) = [each for each in found if each.withdrawn]
    assert gone.kind is not standing.kind
    assert (gone.source_id, gone.label) == (standing.source_id, standing.label)
    return standing


def content(found: list[Sourced]) -> Content:
    content = taken(found).content
    assert content is not None
    return content


def fuel(**fields: object) -> Content:
    return content(fuel_bill(FUEL | fields, TRUCK, SETTINGS))


def toll(**fields: object) -> Content:
    return content(toll_bill(TOLL | fields, TRUCK, SETTINGS))


def trouble(found: list[Sourced]) -> tuple[str, str]:
    (only,) = found
    assert only.problem is not None
    return only.problem.code, only.problem.detail


# --- fuel --------------------------------------------------------------------------------------------------------


def test_fuel_is_one_bill_of_its_seller_that_adds_up_to_its_total() -> None:
    found = taken(fuel_bill(FUEL, TRUCK, SETTINGS))
    assert (found.kind, found.source_id, found.label) == (Kind.FUEL_BILL, "fuel-1", "70839101-1234567")
    assert found.content is not None
    assert found.content.party == Party("fuel:Pilot", "Pilot")
    assert found.content.lines == (
        Line("fuel", "Truck Diesel", Money(30010), "Truck Diesel", OWN),
        Line("fuel", "Fee", Money(125), "Fee", OWN),
        Line("fuel", "Cash Advance", Money(5000), "Cash Advance", OWN),
        Line("fuel", "Truck Diesel", Money(-900), "Discount on Truck Diesel", OWN),
    )
    assert found.content.total == Money(34235)
    assert (found.content.number, found.content.memo) == ("70839101-1234567", "Fuel, Pilot Tulsa, truck T401")
    assert (found.content.issued_on, found.content.due_on) == (date(2026, 10, 6), None)
    assert found.content.segment == OWN
    assert found.content.flaw("USD") is None


def test_purchase_is_booked_on_the_day_it_was_made_at_home() -> None:
    west = replace(SETTINGS, timezone=timezone(timedelta(hours=-6)))
    assert content(fuel_bill(FUEL, TRUCK, west)).issued_on == date(2026, 10, 5)
    assert content(toll_bill(TOLL, TRUCK, west)).issued_on == date(2026, 10, 5)


@pytest.mark.parametrize(
    ("discount", "total", "lines"),
    [
        (9, "342.35", ["300.10", "1.25", "50.00", "-9.00"]),
        (-9, "342.35", ["300.10", "1.25", "50.00", "-9.00"]),
        (9, "351.35", ["300.10", "1.25", "50.00"]),
        (0, "351.35", ["300.10", "1.25", "50.00"]),
        (None, "351.35", ["300.10", "1.25", "50.00"]),
    ],
)
def test_discount_counts_however_it_is_written(discount: int | None, total: str, lines: list[str]) -> None:
    found = fuel(Discounts=None if discount is None else money(discount), Total=money(Decimal(total)))
    assert [str(line.amount.amount) for line in found.lines] == lines
    assert found.flaw("USD") is None


def test_amounts_of_fuel_that_do_not_add_up_are_told() -> None:
    flaw = fuel(Total=money(1)).flaw("USD")
    assert flaw is not None
    assert flaw.code == "lines_unequal_total"


@pytest.mark.parametrize("discount", [3, -3])
def test_fuel_that_was_taken_back_is_a_credit(discount: int) -> None:
    back = FUEL | {"FuelTotal": money(-100), "Fees": None, "Advances": None}
    found = taken(fuel_bill(back | {"Discounts": money(discount), "Total": money(-97)}, TRUCK, SETTINGS))
    assert found.kind is Kind.FUEL_CREDIT
    assert found.content is not None
    assert [line.amount for line in found.content.lines] == [Money(10000), Money(-300)]
    assert found.content.total == Money(9700)


def test_fuel_without_a_type_is_fuel() -> None:
    assert fuel(Type=None).lines[0].name == "Fuel"


def test_number_of_a_purchase_falls_back_to_its_id_and_is_never_too_long() -> None:
    assert fuel(TransactionId=None).number == "fuel-1"
    assert toll(TransactionId="").number == "toll-1"
    prefixed = replace(SETTINGS, rules=Rules(number_prefix=True))
    assert content(fuel_bill(FUEL, TRUCK, prefixed)).number == "AFL-70839101-1234567"
    assert content(toll_bill(TOLL, TRUCK, prefixed)).number == "ATL-TX1"
    numbers = {fuel(TransactionId=f"{start}0839101-1234567-89012").number for start in "12"}
    assert {len(number) for number in numbers} == {21}
    assert len(numbers) == 2


@pytest.mark.parametrize(
    ("fields", "code", "detail"),
    [
        ({"Id": None}, "shape_unknown", "Fuel.Id is missing"),
        ({"Source": " "}, "party_missing", "Fuel.Source is missing"),
        ({"Total": None}, "shape_unknown", "Fuel.Total is missing"),
        ({"TransactionDate": None}, "date_missing", "Fuel has no date to book it on"),
        ({"Location": "Tulsa"}, "shape_unknown", "Fuel.Location is text, not an object"),
        ({"FuelTotal": money("1")}, "shape_unknown", "Fuel.FuelTotal.Amount is text, not a number"),
    ],
)
def test_odd_fuel_is_told_and_not_dropped(fields: dict[str, Any], code: str, detail: str) -> None:
    assert fuel_skip(FUEL | fields, TRUCK, SETTINGS) is None
    assert trouble(fuel_bill(FUEL | fields, TRUCK, SETTINGS)) == (code, detail)


# --- tolls -------------------------------------------------------------------------------------------------------


def test_toll_is_one_bill_of_its_agency_with_its_fee() -> None:
    found = taken(toll_bill(TOLL, TRUCK, SETTINGS))
    assert (found.kind, found.source_id, found.label) == (Kind.TOLL_BILL, "toll-1", "TX1")
    assert found.content is not None
    assert found.content.party == Party("toll:EZ Pass", "EZ Pass")
    assert found.content.lines == (
        Line("toll", "Toll", Money(1275), "Toll", OWN),
        Line("toll", "Toll Fee", Money(25), "Toll Fee", OWN),
    )
    assert (found.content.total, found.content.memo) == (Money(1300), "Toll, Plaza 7, truck T401")
    assert found.content.flaw("USD") is None


@pytest.mark.parametrize("fee", [None, money(0)])
def test_toll_without_a_fee_is_one_line(fee: object) -> None:
    assert [line.name for line in toll(Fee=fee).lines] == ["Toll"]


def test_toll_that_was_given_back_is_a_credit() -> None:
    found = taken(toll_bill(TOLL | {"Amount": money(-10), "Fee": None}, TRUCK, SETTINGS))
    assert (found.kind, found.content and found.content.total) == (Kind.TOLL_CREDIT, Money(1000))


@pytest.mark.parametrize(
    ("fields", "code", "detail"),
    [
        ({"Id": ""}, "shape_unknown", "Toll.Id is missing"),
        ({"Agency": None}, "party_missing", "Toll.Agency is missing"),
        ({"Amount": None}, "shape_unknown", "Toll.Amount is missing"),
        ({"TransactionDate": "today"}, "shape_unknown", "Toll.TransactionDate is not an instant"),
        ({"Fee": {"Amount": 1, "Currency": 124}}, "currency_foreign", "Toll.Fee is in CAD, the toll in USD"),
    ],
)
def test_odd_toll_is_told_and_not_dropped(fields: dict[str, Any], code: str, detail: str) -> None:
    assert toll_skip(TOLL | fields, TRUCK, SETTINGS) is None
    assert trouble(toll_bill(TOLL | fields, TRUCK, SETTINGS)) == (code, detail)


# --- whose it is, and who pays -----------------------------------------------------------------------------------


def test_purchase_that_names_no_company_belongs_to_its_trucks() -> None:
    nobodys = FUEL | {"SubsidiaryId": None}
    assert content(fuel_bill(nobodys, TRUCK, SETTINGS)).total == Money(34235)
    assert fuel_skip(nobodys, truck(SubsidiaryId="sub-2"), SETTINGS) is Skip.NOT_OURS
    assert trouble(fuel_bill(nobodys, None, SETTINGS)) == ("shape_unknown", "Fuel names no subsidiary")
    assert trouble(toll_bill(TOLL, TRUCK, replace(SETTINGS, subsidiary_id=None)))[0] == "subsidiary_unknown"
    alone = replace(SETTINGS, subsidiary=None, subsidiary_id=None)
    assert content(fuel_bill(nobodys, None, alone)).segment == OWN
    assert content(toll_bill(TOLL, None, alone)).segment == Segment(load_type="asset")


DIESEL = {"FuelType": "Truck Diesel", "DeductFuel": None}
PER_TYPE = [{"FuelType": "DEF", "DeductFuel": False}, {"FuelType": "truck diesel", "DeductFuel": True}]


@pytest.mark.parametrize(
    ("beside", "fuel", "toll"),
    [
        (None, None, None),
        (truck(), None, None),
        (TRUCK | {"FuelCards": None}, None, None),
        (truck({"DeductFuel": True}), Skip.DEDUCTED, Skip.DEDUCTED),
        (truck({"DeductFuel": False}, {"DeductFuel": True}), Skip.DEDUCTED, Skip.DEDUCTED),
        (truck({"DeductFuel": None}), None, None),
        (truck({"DeductFuel": False, "FuelTypeConfigs": PER_TYPE}), Skip.DEDUCTED, None),
        (truck({"DeductFuel": True, "FuelTypeConfigs": PER_TYPE[:1]}), Skip.DEDUCTED, Skip.DEDUCTED),
        (truck({"DeductFuel": True, "FuelTypeConfigs": [PER_TYPE[1] | {"DeductFuel": False}]}), None, Skip.DEDUCTED),
        (
            truck({"DeductFuel": True, "FuelTypeConfigs": [PER_TYPE[1] | {"DeductFuel": None}]}),
            Skip.DEDUCTED,
            Skip.DEDUCTED,
        ),
    ],
)
def test_purchase_is_deducted_where_the_fuel_cards_of_the_truck_say_so(
    beside: object, fuel: Skip | None, toll: Skip | None
) -> None:
    assert fuel_skip(FUEL, beside, SETTINGS) is fuel
    assert toll_skip(TOLL, beside, SETTINGS) is toll


def test_fuel_of_an_owner_operator_is_the_owner_operators() -> None:
    assert fuel_skip(FUEL | {"OwnerOperatorId": "OO-1"}, TRUCK, SETTINGS) is Skip.OWNER_OPERATOR


@pytest.mark.parametrize("odd", ["?", {"FuelCards": 5}, truck({"DeductFuel": "no"})])
def test_purchase_of_an_odd_truck_is_told_and_not_billed(odd: object) -> None:
    assert fuel_skip(FUEL, odd, SETTINGS) is toll_skip(TOLL, odd, SETTINGS) is None
    assert trouble(fuel_bill(FUEL, odd, SETTINGS))[0] == trouble(toll_bill(TOLL, odd, SETTINGS))[0] == "shape_unknown"


@pytest.mark.parametrize(
    ("fields", "skip"),
    [
        ({}, None),
        ({"SubsidiaryId": "sub-2"}, Skip.NOT_OURS),
        ({"TransactionDate": "2026-09-30T23:59:59Z"}, Skip.BEFORE_FIRST_DATE),
        ({"TransactionDate": "2026-10-01T00:00:00Z"}, None),
        ({"Total": money(0), "Amount": money(0), "Fee": None}, Skip.ZERO_VALUED),
        ({"Total": money(0), "Amount": money(1), "Fee": money(-1)}, Skip.ZERO_VALUED),
        ({"Total": money(-1), "Amount": money(-1)}, None),
    ],
)
def test_purchase_is_skipped_for_a_reason_or_taken(fields: dict[str, Any], skip: Skip | None) -> None:
    assert fuel_skip(FUEL | fields, TRUCK, SETTINGS) is skip
    assert toll_skip(TOLL | fields, TRUCK, SETTINGS) is skip


def test_zeros_are_taken_where_they_are_wanted() -> None:
    every = replace(SETTINGS, rules=Rules(ignore_zero=False))
    assert fuel_skip(FUEL | {"Total": money(0)}, TRUCK, every) is None
    assert toll_skip(TOLL | {"Amount": money(0), "Fee": None}, TRUCK, every) is None
