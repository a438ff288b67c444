from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest

from adapters.sandbox.alvys import Month, generate
from adapters.sandbox.quickbooks import Company, Fault
from adapters.sandbox.scenario import BYSTANDER, COMPANIES, Plot, stage

KINDS = ("Customer", "Item", "Invoice")
PLOT = Plot(date(2026, 10, 1))
MONTH = generate(PLOT.first_day, PLOT.seed, PLOT.loads)


@pytest.fixture
def company() -> Company:
    return stage(PLOT).quickbooks.company


@pytest.fixture
def month() -> Month:
    return MONTH


def named(company: Company, kind: str, name: str) -> dict[str, Any]:
    (found,) = [each for each in company.all(kind) if name in (each.get("DisplayName"), each.get("Name"))]
    return found


def invoice(company: Company, number: str, day: date) -> dict[str, Any]:
    line = {
        "Amount": 10,
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": {"ItemRef": {"value": named(company, "Item", "Linehaul")["Id"]}},
    }
    customer = {"value": named(company, "Customer", MONTH.customers[0]["Name"])["Id"]}
    return company.create(
        "Invoice", {"CustomerRef": customer, "DocNumber": number, "TxnDate": day.isoformat(), "Line": [line]}
    )


def test_planted_number_is_on_another_customers_document(company: Company, month: Month) -> None:
    load = month.load(month.planted["number_taken"])
    (taken,) = company.all("Invoice")
    assert taken["DocNumber"] == load["LoadNumber"]
    assert taken["CustomerRef"]["value"] == named(company, "Customer", BYSTANDER)["Id"]
    assert taken["TotalAmt"] != load["CustomerRate"]["Amount"]
    with pytest.raises(Fault, match=r"6140|Duplicate"):
        invoice(company, load["LoadNumber"], month.first_day)


def test_planted_date_lies_in_the_closed_period_and_the_month_does_not(company: Company, month: Month) -> None:
    assert invoice(company, "1", month.first_day)
    with pytest.raises(Fault, match=r"6200|closed"):
        invoice(company, "2", month.first_day - timedelta(days=1))


def test_planted_accessorial_is_the_only_charge_without_an_item(company: Company, month: Month) -> None:
    items = {item["Name"] for item in company.all("Item")}
    charges = {line["Name"] for each in month.invoices for line in each["LineItems"]}
    assert charges - items == {"Hazmat Surcharge"}


def test_planted_name_is_the_only_one_that_two_customers_bear(company: Company, month: Month) -> None:
    borne = Counter(customer["DisplayName"].rstrip(".").casefold() for customer in company.all("Customer"))
    ambiguous = month.load(month.planted["name_ambiguous"])["CustomerName"]
    assert [name for name, count in borne.items() if count > 1] == [ambiguous.casefold()]
    assert not {customer["Name"] for customer in month.customers} & {
        each["DisplayName"] for each in company.all("Vendor")
    }


def test_every_other_party_can_be_created(company: Company, month: Month) -> None:
    wanted = [("Customer", customer["Name"]) for customer in month.customers]
    wanted += [("Vendor", carrier["ExternalName"] or carrier["Name"]) for carrier in month.carriers]
    for kind, name in wanted:
        fit = name.strip().replace(":", "")
        if fit not in [each["DisplayName"] for each in company.all(kind)]:
            assert company.create(kind, {"DisplayName": fit})["Id"]


def test_some_parties_are_known_on_both_sides(company: Company, month: Month) -> None:
    customers = {customer["DisplayName"] for customer in company.all("Customer")}
    vendors = {vendor["DisplayName"] for vendor in company.all("Vendor")}
    assert len(customers & {customer["Name"] for customer in month.customers}) == 4
    assert len(vendors & {carrier["ExternalName"] or carrier["Name"] for carrier in month.carriers}) == 4


def test_full_plot_tells_more_and_seeds_the_company_just_the_same() -> None:
    scenario = stage(Plot(PLOT.first_day, full=True))
    assert scenario.alvys.books.all("driver_statements")
    assert sorted(scenario.facts.planted) == sorted(MONTH.planted)
    assert {"summary_open", "shared_carrier"} <= scenario.facts.notable.keys()
    (taken,) = scenario.quickbooks.company.all("Invoice")
    assert taken["DocNumber"] == scenario.facts.planted["number_taken"]


def test_usual_plot_knows_nothing_of_the_full_one() -> None:
    books = stage(PLOT).alvys.books
    for kind in ("trucks", "fuel", "tolls", "deductions", "carrier_statements", "driver_statements", "invoicing"):
        assert books.all(kind) == []
    assert {invoice["Type"] for invoice in books.all("invoices")} == {"LoadInvoice"}


def test_plot_without_loads_leaves_both_books_without_documents() -> None:
    scenario = stage(Plot(PLOT.first_day, loads=0))
    assert scenario.alvys.books.all("loads") == []
    assert scenario.quickbooks.company.all("Invoice") == []
    assert named(scenario.quickbooks.company, "Item", "Linehaul")
    assert scenario.facts.planted == {}


def test_company_holds_what_the_plot_says() -> None:
    def held(name: str) -> dict[str, int]:
        company = stage(Plot(PLOT.first_day, loads=0, company=name)).quickbooks.company
        return {kind: len(company.all(kind)) for kind in KINDS}

    empty, broker, sample = held("empty"), held("broker"), held("sample")
    assert (empty["Customer"], empty["Invoice"], broker["Invoice"]) == (0, 0, 0)
    assert broker["Item"] > empty["Item"]
    assert min(sample.values()) > 0
    assert set(COMPANIES) == {"empty", "broker", "sample"}
