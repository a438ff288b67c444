"""The month of everything: what it holds, and that its sums agree."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from adapters.sandbox.alvys import SUBSIDIARY, TRANSPORT, Month, generate_full

OCTOBER = date(2026, 10, 1)


@pytest.fixture(
    params=[(OCTOBER, 1, 60), (OCTOBER, 7, 60), (date(2027, 2, 1), 2, 90)],
    ids=["october", "other", "february"],
    scope="module",
)
def month(request: pytest.FixtureRequest) -> Month:
    return generate_full(*request.param)


def amount(thing: dict[str, Any]) -> Decimal:
    value = thing["Amount"]
    assert isinstance(value, Decimal)
    assert value == round(value, 2)
    return value


def total(things: list[dict[str, Any]], field: str = "Amount") -> Decimal:
    return sum((amount(thing[field]) for thing in things), Decimal(0))


def test_same_arguments_make_the_same_full_month() -> None:
    assert generate_full(OCTOBER, 1) == generate_full(OCTOBER, 1)
    assert generate_full(OCTOBER, 1) != generate_full(OCTOBER, 2)


def test_full_month_that_is_small_has_what_fits() -> None:
    month = generate_full(OCTOBER, 1, 8)
    assert len(month.loads) == 8
    with pytest.raises(ValueError, match="a month"):
        generate_full(OCTOBER, 1, 3)


def test_summary_invoice_covers_many_loads_and_is_the_sum_of_them(month: Month) -> None:
    summaries = [invoice for invoice in month.invoices if invoice["Type"] == "SummaryInvoice"]
    assert sorted(len(invoice["Loads"]) for invoice in summaries) == [2, 4]
    for invoice in summaries:
        assert invoice["Number"].startswith("S")
        loads = [month.load(part["LoadNumber"]) for part in invoice["Loads"]]
        assert {load["CustomerId"] for load in loads} == {invoice["Customer"]["Id"]}
        assert {load["Status"] for load in loads} == {"Invoiced"}
        assert total(invoice["LineItems"]) == amount(invoice["Total"]) == total(loads, "CustomerRate")
        assert {line["LoadNumber"] for line in invoice["LineItems"]} == {load["LoadNumber"] for load in loads}
    assert month.load(month.notable["summary_open"])["Status"] == "Released"


def test_shared_load_is_invoiced_by_one_subsidiary_and_hauled_by_the_other(month: Month) -> None:
    for name, invoice_as, tender_as in (
        ("shared_own_truck", SUBSIDIARY, TRANSPORT),
        ("shared_carrier", TRANSPORT, SUBSIDIARY),
        ("other_subsidiary", TRANSPORT, TRANSPORT),
    ):
        number = month.notable[name]
        (invoice,) = [each for each in month.invoices if each["Number"] == number]
        assert (month.load(number)["InvoiceAs"], invoice["Vendor"]["Name"]) == (invoice_as, invoice_as)
        assert {trip["TenderAs"] for trip in month.trips if trip["LoadNumber"] == number} == {tender_as}


def test_two_customers_bear_one_name(month: Month) -> None:
    named = [customer for customer in month.customers if customer["Name"] == "Great Lakes Produce"]
    assert len({customer["Id"] for customer in named}) == 2
    namesake = month.load(month.notable["namesake"])
    assert (namesake["CustomerName"], namesake["CustomerId"]) == ("Great Lakes Produce", named[1]["Id"])


def test_driver_statement_is_the_sum_of_its_lines(month: Month) -> None:
    for statement in month.driver_statements:
        totals, lines = statement["Totals"], statement["LineItems"]
        taken = total([line for line in lines if amount(line["Amount"]) < 0])
        given = total([line for line in lines if amount(line["Amount"]) > 0])
        assert amount(totals["NetIncome"]) == given + taken
        assert amount(totals["GrossIncome"]) == total(
            [
                line
                for line in lines
                if (line["TripNumber"] and amount(line["Amount"]) > 0) or line["Category"] == "Bonus"
            ]
        )
        earned = amount(totals["GrossIncome"]) + amount(totals["Reimbursements"]) + amount(totals["Credits"])
        assert amount(totals["NetIncome"]) == earned - amount(totals["Deductions"])
        for line in lines:
            assert not line["SubLines"] or total(line["SubLines"]) == amount(line["Amount"])


def test_statements_show_every_kind_of_line_and_of_driver(month: Month) -> None:
    lines = [line for statement in month.driver_statements for line in statement["LineItems"]]
    assert {line["Category"] for line in lines} >= {
        "Loaded Miles",
        "% of Line Haul",
        "% of Fuel Surcharge",
        "Service Fee",
        "Deduction",
        "Escrow",
        "Credit",
        "Fuel",
        "Toll",
        "E-Check",
        "Accessorial",
    }
    assert {driver["Type"] for driver in month.drivers} == {"COMPANY", "OWNER_OPERATOR", "CONTRACTOR"}
    nets = [amount(statement["Totals"]["NetIncome"]) for statement in month.driver_statements]
    assert min(nets) < 0 < max(nets)
    assert {statement["Status"] for statement in month.driver_statements} == {"Processed", "Failed"}


def test_deduction_is_paid_exactly_where_a_statement_took_it(month: Month) -> None:
    settled = {each["Id"] for each in month.settled}
    assert {each["Id"] for each in month.deductions if each["IsPaid"]} == settled
    assert len(settled) == len(month.settled)
    assert any(not each["IsPaid"] for each in month.deductions)
    taken = [line for each in month.driver_statements for line in each["LineItems"] if line["Category"] == "Deduction"]
    assert total(taken) == total([each for each in month.deductions if each["IsPaid"]])


def test_no_trip_is_settled_twice(month: Month) -> None:
    for statements, parts in ((month.carrier_statements, "Trips"), (month.driver_statements, "LineItems")):
        owners: dict[str, set[int]] = {}
        for statement in statements:
            for part in statement[parts]:
                if part["TripNumber"]:
                    owners.setdefault(part["TripNumber"], set()).add(statement["Number"])
        assert owners
        assert all(len(numbers) == 1 for numbers in owners.values())


def test_carrier_statement_is_what_its_trips_owe(month: Month) -> None:
    trips = {trip["Id"]: trip for trip in month.trips}
    assert {statement["Status"] for statement in month.carrier_statements} == {"Processed", "Paid"}
    for statement in month.carrier_statements:
        parts = statement["Trips"]
        assert amount(statement["NetAmount"]) == total(parts, "NetAmount")
        assert amount(statement["NetAmount"]) == amount(statement["PaidAmount"]) + amount(statement["RemainingAmount"])
        assert amount(statement["PaidAmount"]) == total(statement["Payments"])
        for part in parts:
            trip = trips[part["TripId"]]
            assert amount(part["NetAmount"]) == total(part["Items"]) == amount(trip["Carrier"]["TotalPayable"])
            assert (trip["Status"] == "Completed") == (statement["Status"] == "Paid")


def test_fuel_is_the_sum_of_its_parts_and_taken_off_owner_operators_only(month: Month) -> None:
    for each in month.fuel:
        parts = amount(each["FuelTotal"]) + amount(each["Fees"]) + amount(each["Advances"])
        assert amount(each["Total"]) == parts - amount(each["Discounts"])
    deducting = {truck["Id"] for truck in month.trucks if truck["FuelCards"][0]["DeductFuel"]}
    assert {each["TruckId"] for each in month.fuel if each["OwnerOperatorId"]} <= deducting
    for statement in month.driver_statements:
        taken = [line for line in statement["LineItems"] if line["Category"] in {"Fuel", "Toll"}]
        assert not taken or statement["Driver"]["Type"] == "OWNER_OPERATOR"


def test_trip_shows_what_its_drivers_policy_comes_to_as_the_statement_does(month: Month) -> None:
    lines = [line for statement in month.driver_statements for line in statement["LineItems"]]
    paid = {"Accessorial", "E-Check"}
    shown = 0
    for trip in month.trips:
        settled = [line for line in lines if line["TripNumber"] == trip["TripNumber"] and line["Category"] not in paid]
        if settled:
            [policy] = trip["Driver1"]["RatesV2"]
            rates = [value for value in policy.values() if isinstance(value, dict)]
            assert total([item for rate in rates for item in rate["LineItems"]]) == total(settled)
            shown += 1
    assert shown > 10


def test_each_way_to_carry_a_load_is_there(month: Month) -> None:
    trips = {trip["LoadNumber"]: trip for trip in month.trips}
    trip = {name: trips[month.notable[name]] for name in ("own_company", "own_authority", "pay_on_hold", "overdrawn")}
    carriers = {carrier["Id"]: carrier for carrier in month.carriers}
    own = carriers[trip["own_company"]["Carrier"]["Id"]]
    assert (own["Name"], own["Type"]) == (TRANSPORT, "Subsidiary")
    assert trip["own_authority"]["TenderAsSubsidiaryType"] == "Carrier"
    assert trip["pay_on_hold"]["CarrierPayOnHold"]
    assert amount(trip["overdrawn"]["Carrier"]["TotalPayable"]) == -75


def test_each_way_to_bill_and_pay_a_load_is_there(month: Month) -> None:
    def over(name: str) -> list[dict[str, Any]]:
        return [
            each for each in month.invoices if month.notable[name] in {part["LoadNumber"] for part in each["Loads"]}
        ]

    for name in ("short_pay", "supplemented", "paid", "part_paid"):
        for invoice in over(name):
            assert total(invoice["LineItems"]) == amount(invoice["Total"])
            assert total(invoice["Payments"]) == amount(invoice["AmountPaid"])
    assert min(amount(line["Amount"]) for line in over("short_pay")[0]["LineItems"]) < 0
    assert [each["SupplementalInvoiceType"] for each in over("supplemented")] == [None, "Supplemental"]
    assert [(len(each["Payments"]), each["Status"]) for each in over("paid")] == [(2, "Paid")]
    assert [(len(each["Payments"]), each["Status"]) for each in over("part_paid")] == [(1, "AwaitingPayment")]
