from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from adapters.sandbox.alvys import SUBSIDIARY, Month, generate
from adapters.sandbox.alvys.wire import read_instant

OCTOBER = date(2026, 10, 1)


@pytest.fixture(
    params=[(OCTOBER, 1, 60), (OCTOBER, 7, 16), (date(2027, 2, 1), 2, 60), (date(2026, 12, 1), 3, 200)],
    ids=["october", "small", "february", "large"],
    scope="module",
)
def month(request: pytest.FixtureRequest) -> Month:
    return generate(*request.param)


def amount(thing: dict[str, Any]) -> Decimal:
    assert thing["Currency"] == 840
    value = thing["Amount"]
    assert isinstance(value, Decimal)
    assert value == round(value, 2)
    return value


def total(things: list[dict[str, Any]], field: str) -> Decimal:
    return sum((amount(thing[field]) for thing in things), Decimal(0))


def test_same_arguments_make_the_same_month() -> None:
    assert generate(OCTOBER, 1) == generate(OCTOBER, 1)
    assert generate(OCTOBER, 1) != generate(OCTOBER, 2)


def test_no_two_months_share_a_load_number() -> None:
    october = {load["LoadNumber"] for load in generate(OCTOBER, 1).loads}
    november = {load["LoadNumber"] for load in generate(date(2026, 11, 1), 1).loads}
    assert len(october) == 60
    assert not october & november


@pytest.mark.parametrize(("first_day", "loads"), [(date(2026, 10, 2), 60), (OCTOBER, 3)])
def test_arguments_that_make_no_month_are_refused(first_day: date, loads: int) -> None:
    with pytest.raises(ValueError, match="a month"):
        generate(first_day, 1, loads)


def test_four_loads_are_room_for_every_planted_problem() -> None:
    month = generate(OCTOBER, 1, 4)
    assert sorted(month.planted.values()) == [load["LoadNumber"] for load in month.loads]
    assert month.notable == {}


def test_invoice_is_the_sum_of_its_lines_and_agrees_with_its_load(month: Month) -> None:
    for invoice in month.invoices:
        load = month.load(invoice["Number"])
        assert amount(invoice["Total"]) == total(invoice["LineItems"], "Amount") == amount(load["CustomerRate"])
        assert amount(load["InvoicedAmount"]) == amount(invoice["RemainingBalance"]) == amount(invoice["Total"])
        assert [line["Name"] for line in invoice["LineItems"][:2]] == ["Linehaul", "Fuel Surcharge"]
        assert {line["Category"] for line in invoice["LineItems"][2:]} <= {"Accessorial"}
        assert len({line["Id"] for line in invoice["LineItems"]}) == len(invoice["LineItems"])


def test_some_lines_do_not_divide_to_the_cent() -> None:
    lines = [line for invoice in generate(OCTOBER, 1).invoices for line in invoice["LineItems"]]
    off = [line for line in lines if line["Rate"]["Rate"] * line["Rate"]["Units"] != line["Amount"]["Amount"]]
    assert any(line["Category"] == "Accessorial" for line in off)
    assert any(line["Name"] == "Fuel Surcharge" for line in off)


def test_carrier_is_owed_linehaul_and_accessorials_less_its_echecks(month: Month) -> None:
    payables = [trip["Carrier"] for trip in month.trips if trip["Carrier"]]
    for pay in payables:
        assert amount(pay["Accessorials"]) == total(pay["AccessorialsDetails"], "Total")
        assert amount(pay["Rate"]) == amount(pay["Linehaul"]) + amount(pay["Accessorials"])
        assert amount(pay["TotalPayable"]) == amount(pay["Rate"]) - total(pay["EChecks"], "Amount")
        assert amount(pay["TotalPayable"]) >= 0


def test_own_truck_has_a_driver_and_no_carrier(month: Month) -> None:
    drivers = {driver["Id"] for driver in month.drivers}
    own = [
        trip for trip in month.trips if trip["TenderAsSubsidiaryType"] == "Carrier" and trip["Status"] != "Cancelled"
    ]
    assert own
    for trip in own:
        assert trip["Carrier"] is None
        assert trip["Driver1"]["Id"] in drivers


def test_month_of_sixty_is_a_believable_mix() -> None:
    month = generate(OCTOBER, 1)
    statuses = [load["Status"] for load in month.loads]
    assert statuses.count("Invoiced") == len(month.invoices) == 53
    assert (statuses.count("Released"), statuses.count("In Transit"), statuses.count("Cancelled")) == (3, 2, 1)
    assert (len(month.customers), len(month.carriers)) == (14, 18)
    brokered = [trip for trip in month.trips if trip["Carrier"]]
    assert 35 < len(brokered) < 50
    assert any(trip["Carrier"]["EChecks"] for trip in brokered)
    released = [trip for trip in brokered if trip["ReleasedAt"]]
    with_number = [trip for trip in released if trip["Carrier"]["CarrierInvoiceNumber"]]
    assert {trip["Status"] for trip in with_number} == {"Invoiced"}
    assert len(released) / 2 < len(with_number) < len(released)
    terms = {customer["InvoicingInformation"]["PaymentTermsInDays"] for customer in month.customers}
    assert terms == {15, 30, 45, None}
    assert any(carrier["ExternalName"] for carrier in month.carriers)


def test_load_of_another_month_is_not_found() -> None:
    with pytest.raises(KeyError):
        generate(OCTOBER, 1).load("1")


def test_notable_loads_are_what_they_are_called() -> None:
    month = generate(OCTOBER, 1)
    invoices = {invoice["Number"]: invoice for invoice in month.invoices}
    assert amount(invoices[month.notable["zero_value"]]["Total"]) == 0
    tonu = invoices[month.notable["tonu"]]
    assert [amount(line["Amount"]) for line in tonu["LineItems"][:2]] == [0, 0]
    assert [line["Name"] for line in tonu["LineItems"][2:]] == ["TONU"]
    assert any(amount(line["Amount"]) < 0 for line in invoices[month.notable["credit"]]["LineItems"])
    legs = [trip for trip in month.trips if trip["LoadNumber"] == month.notable["two_carriers"]]
    assert [trip["Carrier"] is not None for trip in legs] == [True, True]


def test_names_are_odd_but_no_two_are_the_same_to_accounting(month: Month) -> None:
    names = [party["Name"] for party in (*month.customers, *month.carriers, *month.drivers)]
    assert len({name.strip().casefold() for name in names}) == len(names)
    for oddity in (":", "'", "&", ",", '"', "Ł", "/"):
        assert any(oddity in name for name in names), oddity
    assert any(name != name.strip() for name in names)
    assert max(map(len, names)) > 100


def test_everything_but_the_planted_date_happens_within_the_month(month: Month) -> None:
    start = datetime.combine(month.first_day, datetime.min.time(), UTC)
    end = (start + timedelta(days=32)).replace(day=1)
    for invoice in month.invoices:
        inside = start <= read_instant(invoice["InvoicedDate"]) < end
        assert inside == (invoice["Number"] != month.planted["period_closed"])
    for trip in month.trips:
        if trip["Carrier"] and trip["ReleasedAt"]:
            assert start <= read_instant(trip["ReleasedAt"]) < end
    invoiced = [load for load in month.loads if load["InvoicedAt"]]
    assert all(start <= read_instant(load["UpdatedAt"]) < end for load in invoiced)


def test_planted_loads_are_what_they_are_planted_for(month: Month) -> None:
    assert len(set(month.planted.values())) == 4
    closed = month.load(month.planted["period_closed"])
    assert read_instant(closed["InvoicedAt"]).date() == month.first_day - timedelta(days=1)
    assert [trip["Carrier"] for trip in month.trips if trip["LoadNumber"] == closed["LoadNumber"]] == [None]
    hazmat = [
        load["LoadNumber"]
        for load in month.loads
        if "Hazmat Surcharge" in [each["Type"] for each in load["CustomerAccessorialsDetails"]]
    ]
    assert hazmat == [month.planted["mapping_missing"]]
    taken = month.load(month.planted["name_ambiguous"])["CustomerId"]
    assert [load["LoadNumber"] for load in month.loads if load["CustomerId"] == taken] == [
        month.planted["name_ambiguous"]
    ]
    assert amount(month.load(month.planted["number_taken"])["CustomerRate"]) > 0


def test_month_tells_of_one_subsidiary(month: Month) -> None:
    assert month.subsidiary == SUBSIDIARY
    assert {load["InvoiceAs"] for load in month.loads} == {SUBSIDIARY}
    assert {trip["TenderAs"] for trip in month.trips} == {SUBSIDIARY}
    assert {invoice["Vendor"]["Name"] for invoice in month.invoices} == {SUBSIDIARY}
