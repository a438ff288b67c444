"""Settlement statements, deductions, fuel and tolls over HTTP, and what the settlements desk does with them."""

from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from adapters.sandbox.alvys import Books, generate_full, hands
from adapters.sandbox.alvys.wire import Problem
from tests.sandbox.alvys_tenant import Clock, Tenant, sandbox, tenant_of

MONTH = generate_full(date(2026, 10, 1), 1)
OCTOBER = {"Start": "2026-10-01T00:00:00Z", "End": "2026-10-31T00:00:00Z"}
CARRIER, DRIVER = "carrier-settlement-statements", "driver-settlement-statements"
STATEMENT = MONTH.driver_statements[0]
OWNER_OPERATOR = next(driver for driver in MONTH.drivers if driver["Name"] == "Odell Brandt")
WAITING = next(driver for driver in MONTH.drivers if driver["Type"] == "CONTRACTOR")
OPEN = next(each for each in MONTH.deductions if not each["IsPaid"])
PAID = next(each for each in MONTH.carrier_statements if each["Status"] == "Paid")
UNPAID = next(each for each in MONTH.carrier_statements if each["Status"] == "Processed")


@pytest.fixture
def books() -> Books:
    return sandbox(Clock(), month=MONTH).books


@pytest.fixture
async def tenant() -> AsyncIterator[Tenant]:
    clock = Clock()
    async with tenant_of(sandbox(clock, month=MONTH), clock) as each:
        yield each


def held(books: Books, kind: str, key: object) -> dict[str, Any]:
    found = books.get(kind, f"{key}")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("path", "change", "wrong"),
    [
        (CARRIER, {"PageSize": 101}, "PageSize"),
        (DRIVER, {"PageSize": 101}, "PageSize"),
        (DRIVER, {"PageSize": 0}, "PageSize"),
        (DRIVER, {"StatementDateRange": None}, "StatementDateRange"),
        (DRIVER, {"StatementDateRange": {"Start": "2026-10-01T00:00:00Z"}}, "StatementDateRange"),
        (CARRIER, {"StatementDateRange": {"End": "2026-10-01T00:00:00Z"}}, "StatementDateRange"),
        (CARRIER, {"StatementDateRange": {"Start": "2026-10-02", "End": "2026-10-01"}}, "StatementDateRange"),
        ("fuel", {}, ""),
        ("tolls", {}, ""),
        ("deductions", {"IncludePaid": True}, ""),
        ("deductions", {"DateRange": OCTOBER}, "IncludePaid"),
        ("deductions", {"IncludePaid": True, "DriverId": "1", "TruckId": "2"}, "TruckId"),
    ],
)
async def test_search_that_breaks_a_rule_is_refused(
    tenant: Tenant, path: str, change: dict[str, Any], wrong: str
) -> None:
    body = {"Page": 0, "PageSize": 100} | ({"StatementDateRange": OCTOBER} if path in {CARRIER, DRIVER} else {})
    status, problem = await tenant.api("POST", f"{path}/search", body | change)
    assert (status, list(problem["Errors"])) == (400, [wrong])


@pytest.mark.parametrize("path", [CARRIER, DRIVER])
async def test_page_of_a_hundred_statements_is_the_largest(tenant: Tenant, path: str) -> None:
    assert await tenant.search(path, StatementDateRange=OCTOBER)


async def test_days_of_a_range_are_whole_whatever_the_hour(tenant: Tenant) -> None:
    day = {"Start": "2026-10-18T23:00:00Z", "End": "2026-10-18T01:00:00Z"}
    status, _ = await tenant.api("POST", f"{CARRIER}/search", {"Page": 0, "PageSize": 9, "StatementDateRange": day})
    assert status == 400
    day = {"Start": "2026-10-18T23:00:00Z", "End": "2026-10-18T23:30:00Z"}
    assert len(await tenant.search(CARRIER, StatementDateRange=day)) == len(MONTH.carrier_statements)
    day = {"Start": "2026-10-15T20:00:00Z", "End": "2026-10-15T21:00:00Z"}
    found = await tenant.search(DRIVER, StatementDateRange=day)
    assert {each["StatementDate"] for each in found} == {"2026-10-15"}


@pytest.mark.parametrize(
    ("path", "request_", "expected"),
    [
        (DRIVER, {"DriverType": "owner_operator"}, {"OWNER_OPERATOR"}),
        (DRIVER, {"DriverType": "COMPANY"}, {"COMPANY"}),
        (DRIVER, {"DriverId": OWNER_OPERATOR["Id"]}, {"OWNER_OPERATOR"}),
    ],
)
async def test_driver_statements_are_found_by_driver(
    tenant: Tenant, path: str, request_: dict[str, str], expected: set[str]
) -> None:
    found = await tenant.search(path, StatementDateRange=OCTOBER, **request_)
    assert {each["Driver"]["Type"] for each in found} == expected


async def test_carrier_statements_are_found_by_payee_and_subsidiary(tenant: Tenant) -> None:
    payee, subsidiary = UNPAID["Payee"]["Id"], UNPAID["SubsidiaryId"]
    found = await tenant.search(CARRIER, StatementDateRange=OCTOBER, CarrierId=payee, SubsidiaryId=subsidiary)
    assert UNPAID["Number"] in {each["Number"] for each in found}
    assert {each["Payee"]["Id"] for each in found} == {payee}


async def test_statement_is_read_by_its_number(tenant: Tenant) -> None:
    assert (await tenant.api("GET", f"{DRIVER}/{STATEMENT['Number']}"))[1]["Driver"] == STATEMENT["Driver"]
    assert (await tenant.api("GET", f"{CARRIER}/{PAID['Number']}"))[1] == PAID
    for number in ("1", "S1"):
        assert (await tenant.api("GET", f"{DRIVER}/{number}"))[0] == 404


async def test_fuel_and_tolls_are_found_by_card_truck_and_transponder(tenant: Tenant) -> None:
    truck = next(each for each in MONTH.trucks if each["Id"] == MONTH.fuel[0]["TruckId"])
    by_card = await tenant.search("fuel", FuelCardNumber=truck["FuelCards"][0]["CardNumber"])
    assert by_card == await tenant.search("fuel", TruckNumber=truck["TruckNum"])
    by_unit = await tenant.search("tolls", UnitIds=[truck["Id"]])
    assert by_unit == await tenant.search("tolls", TransponderId=f"TP-{truck['TruckNum']}")
    assert by_card
    assert by_unit


async def test_paid_deductions_are_shown_to_those_who_ask(tenant: Tenant) -> None:
    everything = await tenant.search("deductions", DateRange=OCTOBER, IncludePaid=True)
    unpaid = await tenant.search("deductions", DateRange=OCTOBER, IncludePaid=False)
    assert len(everything) == len(MONTH.deductions)
    assert unpaid == [each for each in everything if not each["IsPaid"]]


async def test_deduction_is_created_once_read_and_deleted(tenant: Tenant) -> None:
    owed = {"Date": "2026-10-30T15:00:00Z", "Amount": -55.25, "Category": "Drug Test", "Description": "Fee"}
    status, made = await tenant.api("POST", "deductions/once", owed | {"DriverId": OWNER_OPERATOR["Id"]})
    assert (status, made["Date"], made["IsPaid"]) == (201, "2026-10-30T00:00:00+00:00", False)
    assert made["Amount"]["Amount"] == Decimal("-55.25")
    assert made["OwnerOperatorId"] == MONTH.fuel[-1]["OwnerOperatorId"] or made["OwnerOperatorId"].startswith("OO-")
    assert await tenant.api("GET", f"deductions/{made['Id']}") == (200, made)
    assert await tenant.api("DELETE", f"deductions/{made['Id']}") == (200, made)
    assert (await tenant.api("GET", f"deductions/{made['Id']}"))[0] == 404


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"Amount": 5}, "Amount"),
        ({"Amount": -1}, "Amount"),
        ({"Amount": "-5"}, "Amount"),
        ({"Category": " "}, "Category"),
        ({"Date": "soon"}, "Date"),
        ({"DriverId": None}, "DriverId"),
        ({"DriverId": "nobody"}, "DriverId"),
        ({"TruckId": MONTH.trucks[0]["Id"]}, "DriverId"),
    ],
)
async def test_deduction_that_cannot_be_is_refused(tenant: Tenant, change: dict[str, Any], wrong: str) -> None:
    owed = {"Date": "2026-10-30", "Amount": -55, "Category": "Lease", "Description": "Fee", "DriverId": WAITING["Id"]}
    status, problem = await tenant.api("POST", "deductions/once", owed | change)
    assert (status, list(problem["Errors"])) == (400, [wrong])


async def test_deduction_a_statement_took_stays(tenant: Tenant) -> None:
    assert (await tenant.api("DELETE", f"deductions/{MONTH.settled[0]['Id']}"))[0] == 422


def test_issued_driver_statement_takes_what_is_due_and_gives_it_back_when_reverted(books: Books) -> None:
    before = books.snapshot()
    extras = [{"Category": "Escrow", "Title": "Escrow deposit", "Amount": "-50.00"}]
    made = hands.issue_driver_statement(books, WAITING["Id"], "2026-10-16", "2026-10-31", extras=extras)
    assert made["Number"] == max(each["Number"] for each in MONTH.driver_statements) + 1
    due = [each for each in MONTH.deductions if each["DriverId"] == WAITING["Id"] and not each["IsPaid"]]
    assert due
    taken = [line for line in made["LineItems"] if line["Category"] == "Deduction"]
    assert [line["Amount"]["Amount"] for line in taken] == [each["Amount"]["Amount"] for each in due]
    assert made["Totals"]["Escrow"]["Amount"] == 50
    assert all(held(books, "deductions", each["Id"])["IsPaid"] for each in due)
    hands.revert_driver_statement(books, made["Number"])
    assert books.snapshot() == before


def test_deduction_deleted_after_a_revert_is_not_missed_by_the_next_one(books: Books) -> None:
    period = (books, WAITING["Id"], "2026-10-16", "2026-10-31")
    number = hands.issue_driver_statement(*period)["Number"]
    gone = books.owned("settled", f"{number}")[0]["Id"]
    hands.revert_driver_statement(books, number)
    books.commit(removed=[("deductions", gone)])
    again = hands.issue_driver_statement(*period)
    assert again["Number"] == number
    hands.revert_driver_statement(books, number)
    assert books.get("deductions", gone) is None
    assert books.owned("settled", f"{number}") == []


def test_late_statement_may_bear_another_date(books: Books) -> None:
    made = hands.issue_driver_statement(books, WAITING["Id"], "2026-10-16", "2026-10-31", statement_date="2026-11-05")
    assert made["StatementDate"] == "2026-11-05"


def test_trip_of_a_driver_is_settled_once(books: Books) -> None:
    again = {
        "books": books,
        "driver_id": STATEMENT["Driver"]["Id"],
        "first_day": "2026-10-01",
        "last_day": "2026-10-15",
    }
    with pytest.raises(Problem, match="nothing to settle"):
        hands.issue_driver_statement(**again)
    hands.revert_driver_statement(books, STATEMENT["Number"])
    assert hands.issue_driver_statement(**again)["Totals"]["NumberOfTrips"] == STATEMENT["Totals"]["NumberOfTrips"]


def test_owner_operators_fuel_and_tolls_are_on_the_statement(books: Books) -> None:
    (first, _) = [each for each in MONTH.driver_statements if each["Driver"]["Id"] == OWNER_OPERATOR["Id"]]
    hands.revert_driver_statement(books, first["Number"])
    again = hands.issue_driver_statement(books, OWNER_OPERATOR["Id"], "2026-10-01", "2026-10-15")
    for name in ("Fuel", "Tolls"):
        assert again["Totals"][name] == first["Totals"][name]
        assert again["Totals"][name]["Amount"] > 0


def test_issued_carrier_statement_is_paid_and_completes_its_trips(books: Books) -> None:
    trip = next(
        each
        for each in books.all("trips")
        if each["Carrier"]
        and each["Status"] == "Released"
        and not books.find("carrier_statements", "TripNumber", each["TripNumber"])
    )
    carrier, number = trip["Carrier"]["Id"], trip["TripNumber"]
    made = hands.issue_carrier_statement(books, carrier, [number], "2026-11-01")
    assert (made["Status"], made["StatementDate"]) == ("Processed", "2026-11-01T12:00:00+00:00")
    assert books.trip(number)["Status"] == "Invoiced"
    with pytest.raises(Problem, match="no trips"):
        hands.issue_carrier_statement(books, carrier, [number])
    hands.revert_carrier_statement(books, made["Number"])
    made = hands.issue_carrier_statement(books, carrier, [number])
    paid = hands.pay_carrier_statement(books, made["Number"], "ACH-9")
    assert (paid["Status"], paid["RemainingAmount"]["Amount"]) == ("Paid", 0)
    assert (paid["PaidAmount"], paid["Payments"][0]["ReferenceNumber"]) == (made["NetAmount"], "ACH-9")
    assert (books.trip(number)["Status"], books.trip(number)["CarrierPaidAt"]) == ("Completed", books.stamp())
    with pytest.raises(Problem, match="paid"):
        hands.revert_carrier_statement(books, made["Number"])
    with pytest.raises(Problem, match="paid"):
        hands.pay_carrier_statement(books, made["Number"], "again")


def test_carrier_pay_on_hold_is_not_settled(books: Books) -> None:
    trip = UNPAID["Trips"][0]["TripNumber"]
    hands.revert_carrier_statement(books, UNPAID["Number"])
    hands.hold_carrier_pay(books, trip)
    with pytest.raises(Problem, match="no trips"):
        hands.issue_carrier_statement(books, books.trip(trip)["Carrier"]["Id"], [trip])


def test_split_deduction_leaves_two_in_one_group(books: Books) -> None:
    whole = OPEN["Amount"]["Amount"]
    hands.split_deduction(books, OPEN["Id"], "-10.01")
    parts = [each for each in books.all("deductions") if each["Description"].startswith(f"{OPEN['Description']} (part")]
    assert [each["Amount"]["Amount"] for each in parts] == [Decimal("-10.01"), whole + Decimal("10.01")]
    assert {each["GroupId"] for each in parts} == {OPEN["GroupId"]}
    assert books.get("deductions", OPEN["Id"]) is None
    with pytest.raises(Problem, match="cannot be split"):
        hands.split_deduction(books, parts[0]["Id"], "-99")


def test_fuel_is_put_right_charged_and_taken_out(books: Books) -> None:
    bought = next(each for each in MONTH.fuel if each["OwnerOperatorId"] is None)
    corrected = hands.correct_fuel(books, bought["Id"], bought["FuelTotal"]["Amount"] + 7)
    assert corrected["Total"]["Amount"] == bought["Total"]["Amount"] + 7
    charged = hands.charge_fuel(books, bought["Id"], OWNER_OPERATOR["Id"])
    assert (charged["OwnerOperatorName"], charged["Total"]) == (OWNER_OPERATOR["Name"], corrected["Total"])
    with pytest.raises(Problem, match="no owner-operator"):
        hands.charge_fuel(books, bought["Id"], WAITING["Id"])
    assert hands.remove_fuel(books, bought["Id"]) == charged
    assert books.get("fuel", bought["Id"]) is None


def test_toll_is_taken_out(books: Books) -> None:
    hands.remove_toll(books, MONTH.tolls[0]["Id"])
    with pytest.raises(Problem, match="no such object"):
        hands.remove_toll(books, MONTH.tolls[0]["Id"])
