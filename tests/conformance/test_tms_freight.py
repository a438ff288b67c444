"""Every route of loads and trips, read by both companies of a tenant over real HTTP from a month of everything.

What each company's books must hold is worked out here from the twin's records alone.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal

import pytest

from adapters.alvys import Rules
from adapters.sandbox.alvys import SUBSIDIARY, SUBSIDIARY_IDS, TRANSPORT, Switches, generate_full, hands
from state.transaction import Kind
from tests.conformance.tenant import Tenant, tenant

Json = dict[str, Any]
MONTH = generate_full(date(2026, 10, 1), 1, 90)
LOADS = {load["LoadNumber"]: load for load in MONTH.loads}
DRIVERS = {driver["Id"]: driver for driver in MONTH.drivers}
BILLED = {"Queued", "Invoiced", "Financed", "Completed"}
COMPANIES = (SUBSIDIARY, TRANSPORT)


def owing(money: Json) -> Decimal:
    return Decimal(money["Amount"])


def invoiced(trip: Json) -> bool:
    return LOADS[trip["LoadNumber"]]["Status"] in BILLED


def is_own_company(trip: Json) -> bool:
    carriers = {carrier["Id"] for carrier in MONTH.carriers if carrier["Type"] == "Subsidiary"}
    return trip["Carrier"] is not None and trip["Carrier"]["Id"] in carriers


def hired(company: str) -> list[Json]:
    """Return the trips of a company that an external carrier hauls as a broker's."""
    return [
        trip
        for trip in MONTH.trips
        if trip["Carrier"]
        and trip["TenderAs"] == company
        and trip["TenderAsSubsidiaryType"] == "Broker"
        and not is_own_company(trip)
    ]


def carriers_due(company: str) -> dict[str, Decimal]:
    """Return what a company owes carriers for trips, below zero if they owe it."""
    owed = {trip["Id"]: owing(trip["Carrier"]["TotalPayable"]) for trip in hired(company) if invoiced(trip)}
    return {key: amount for key, amount in owed.items() if amount}


def drivers_due(company: str) -> dict[str, Decimal]:
    """Return what a company owes its drivers for trips: what their policies come to, and more, less e-checks."""
    due: dict[str, Decimal] = {}
    for trip in MONTH.trips:
        hired = trip["Driver1"]
        if hired and invoiced(trip) and DRIVERS[hired["Id"]]["SubsidiaryId"] == SUBSIDIARY_IDS[company]:
            rates = [rate for policy in hired["RatesV2"] for rate in policy.values() if isinstance(rate, dict)]
            given = [item["Amount"] for rate in rates for item in rate["LineItems"]]
            given += [extra["Total"] for extra in hired["AccessorialsDetails"]]
            taken = [check[part] for check in hired["EChecks"] for part in ("Amount", "Fee")]
            pay = sum(map(owing, given), Decimal(0)) - sum(map(owing, taken), Decimal(0))
            if pay:
                due[f"{trip['Id']}/{hired['Id']}"] = pay
    return due


def invoices_due(company: str) -> dict[str, Decimal]:
    """Return what customers owe a company, by number: each is the only one of its number."""
    mine = [each for each in MONTH.invoices if each["Loads"][0]["SubsidiaryName"] == company]
    return {each["Number"]: owing(each["Total"]) for each in mine if owing(each["Total"])}


def shared() -> list[Json]:
    return [trip for trip in MONTH.trips if trip["TenderAs"] != LOADS[trip["LoadNumber"]]["InvoiceAs"]]


@dataclass
class Books:
    """What one company is to book: amounts by kind and id, and by kind and number."""

    by_id: dict[Kind, dict[str, Decimal]]
    by_number: dict[Kind, dict[str, Decimal]]


async def booked(opened: Tenant) -> Books:
    """Return what stands; there must be no problem and no flaw among it but drivers who owe."""
    found = [each for each in await opened.taken() if each.kind in ROUTES]
    assert [each.problem for each in found if each.problem] == []
    flaws = {(each.kind, flaw.code) for each in found if each.content and (flaw := each.content.flaw("USD"))}
    assert flaws <= {(Kind.DRIVER_BILL, "total_negative")}
    books = Books({}, {})
    for each in found:
        assert each.content is not None
        amount = each.content.total.amount
        books.by_id.setdefault(each.kind, {})[each.source_id] = amount
        books.by_number.setdefault(each.kind, {})[each.content.number] = amount
    return books


ROUTES = {
    Kind.CUSTOMER_INVOICE,
    Kind.SUMMARY_INVOICE,
    Kind.INTERCOMPANY_INVOICE,
    Kind.CARRIER_BILL,
    Kind.CARRIER_CREDIT,
    Kind.SUBSIDIARY_BILL,
    Kind.INTERCOMPANY_BILL,
    Kind.DRIVER_BILL,
    Kind.CUSTOMER_PAYMENT,
}


async def of_company(company: str, rules: Rules = Rules(), **more: Any) -> Books:  # noqa: B008 - frozen
    ours = SUBSIDIARY_IDS[company]
    async with tenant(month=MONTH, rules=rules, subsidiary=company, subsidiary_id=ours, **more) as opened:
        return await booked(opened)


@pytest.mark.parametrize("company", COMPANIES)
async def test_company_books_exactly_what_is_its_own(company: str) -> None:
    books = await of_company(company)
    numbers = books.by_number[Kind.CUSTOMER_INVOICE] | books.by_number.get(Kind.SUMMARY_INVOICE, {})
    assert numbers == invoices_due(company)
    due = carriers_due(company)
    assert books.by_id.get(Kind.CARRIER_BILL, {}) == {key: amount for key, amount in due.items() if amount > 0}
    assert books.by_id.get(Kind.CARRIER_CREDIT, {}) == {key: -amount for key, amount in due.items() if amount < 0}
    assert books.by_id.get(Kind.DRIVER_BILL, {}) == drivers_due(company)
    rest = {Kind.SUBSIDIARY_BILL, Kind.INTERCOMPANY_BILL, Kind.INTERCOMPANY_INVOICE, Kind.CUSTOMER_PAYMENT}
    assert not books.by_id.keys() & rest


async def test_shared_loads_are_billed_between_the_companies() -> None:
    rules = Rules(shared_billing=True)
    ours, theirs = [await of_company(company, rules) for company in COMPANIES]
    for invoicing, hauling, company in ((ours, theirs, SUBSIDIARY), (theirs, ours, TRANSPORT)):
        trips = [trip for trip in shared() if LOADS[trip["LoadNumber"]]["InvoiceAs"] == company and invoiced(trip)]
        assert trips
        assert invoicing.by_id[Kind.INTERCOMPANY_BILL] == {trip["Id"]: owing(trip["TripValue"]) for trip in trips}
        asked = hauling.by_id[Kind.INTERCOMPANY_INVOICE]
        assert asked == {LOADS[trip["LoadNumber"]]["Id"]: owing(trip["TripValue"]) for trip in trips}


@pytest.mark.parametrize("company", COMPANIES)
async def test_companies_that_haul_are_billed_instead_of_their_drivers(company: str) -> None:
    books = await of_company(company, Rules(pay_subsidiary_carrier=True))
    carried = {
        trip["Id"]: owing(trip["Carrier"]["TotalPayable"])
        for trip in MONTH.trips
        if is_own_company(trip) and trip["TenderAs"] == company and invoiced(trip)
    }
    between = [trip for trip in shared() if invoiced(trip)]
    mine = [trip for trip in between if LOADS[trip["LoadNumber"]]["InvoiceAs"] == company]
    assert books.by_id[Kind.SUBSIDIARY_BILL] == carried | {trip["Id"]: owing(trip["TripValue"]) for trip in mine}
    taken_over = {trip["Id"] for trip in between} | set(carried)
    due = drivers_due(company)
    assert books.by_id[Kind.DRIVER_BILL] == {
        key: amount for key, amount in due.items() if key.partition("/")[0] not in taken_over
    }


async def test_payments_recorded_in_the_tms_are_booked_one_by_one() -> None:
    books = await of_company(SUBSIDIARY, Rules(customer_payments=True))
    paid = [each for each in MONTH.invoices if each["Loads"][0]["SubsidiaryName"] == SUBSIDIARY]
    assert sorted(books.by_id[Kind.CUSTOMER_PAYMENT].values()) == sorted(
        owing(payment["Amount"]) for each in paid for payment in each["Payments"]
    )


async def test_carriers_are_billed_with_their_own_invoices_if_these_are_waited_for() -> None:
    books = await of_company(SUBSIDIARY, Rules(separate_carrier_invoice=True))
    due = {
        trip["Id"]: owing(trip["Carrier"]["TotalPayable"])
        for trip in hired(SUBSIDIARY)
        if trip["Carrier"]["CarrierInvoiceNumber"]
    }
    assert books.by_id[Kind.CARRIER_BILL] == {key: amount for key, amount in due.items() if amount}
    assert set(due) != set(carriers_due(SUBSIDIARY))


@pytest.mark.parametrize(
    ("changed", "gone"),
    [
        ({"revenue": False}, {Kind.CUSTOMER_INVOICE, Kind.SUMMARY_INVOICE}),
        ({"expense": False}, {Kind.CARRIER_BILL, Kind.CARRIER_CREDIT, Kind.DRIVER_BILL}),
        ({"carrier_statements": True}, {Kind.CARRIER_BILL, Kind.CARRIER_CREDIT}),
        ({"ignore_driver_bills": True}, {Kind.DRIVER_BILL}),
        ({"single_driver_bill": True}, {Kind.DRIVER_BILL}),
    ],
)
async def test_setting_takes_its_own_documents_away_and_no_others(changed: dict[str, Any], gone: set[Kind]) -> None:
    usual, chosen = await of_company(SUBSIDIARY), await of_company(SUBSIDIARY, Rules(**changed))
    assert gone <= usual.by_id.keys()
    assert chosen.by_id == {kind: found for kind, found in usual.by_id.items() if kind not in gone}


@pytest.mark.parametrize("position", ["apart", "within"])
async def test_fees_of_e_checks_are_billed_as_the_total_says(position: Literal["apart", "within"]) -> None:
    books = await of_company(SUBSIDIARY, switches=Switches(echeck_fees=position))
    fees = {trip["Id"]: sum(owing(each["Fee"]) for each in trip["Carrier"]["EChecks"]) for trip in hired(SUBSIDIARY)}
    within = {
        key: amount - (fees[key] if position == "within" else 0) for key, amount in carriers_due(SUBSIDIARY).items()
    }
    assert any(fees.values())
    assert books.by_id[Kind.CARRIER_BILL] == {key: amount for key, amount in within.items() if amount > 0}


@pytest.mark.parametrize("position", ["negative", "positive"])
async def test_what_a_policy_takes_off_is_taken_off_whatever_its_sign(
    position: Literal["negative", "positive"],
) -> None:
    books = await of_company(SUBSIDIARY, switches=Switches(rate_deductions=position))
    assert books.by_id[Kind.DRIVER_BILL] == drivers_due(SUBSIDIARY)


async def act(opened: Tenant, name: str, *values: Any) -> list[Any]:
    """Let a person act, and return what the next look finds."""
    opened.clock.now += timedelta(hours=1)
    since = opened.clock.now
    opened.clock.now += timedelta(minutes=1)
    hands.ACTIONS[name](opened.twin.books, *values)
    opened.clock.now += timedelta(minutes=1)
    return await opened.read(since)


@pytest.mark.parametrize("number", ["suffixed", "load"])
async def test_supplement_comes_beside_the_invoice(number: Literal["suffixed", "load"]) -> None:
    load = MONTH.load(MONTH.notable["namesake"])
    async with tenant(month=MONTH, switches=Switches(supplement_number=number)) as opened:
        found = [
            each for each in await act(opened, "supplement", load["LoadNumber"], "Lumper", "90.00") if each.content
        ]
        invoices = [each for each in found if each.kind is Kind.CUSTOMER_INVOICE]
        assert (
            len({each.content.number for each in invoices if each.content})
            == len({each.source_id for each in invoices})
            == 2
        )
        totals = {each.source_id: each.content.total.amount for each in invoices if each.content}
        assert totals.pop(load["Id"]) == owing(load["CustomerRate"])
        assert [*totals.values()] == [Decimal("90.00")]


@pytest.mark.parametrize("date_", ["cleared", "kept"])
async def test_own_invoice_that_is_taken_back_is_withdrawn(date_: Literal["cleared", "kept"]) -> None:
    load = MONTH.load(MONTH.notable["namesake"])
    async with tenant(month=MONTH, switches=Switches(reverted_date=date_)) as opened:
        found = await act(opened, "revert_invoice", load["LoadNumber"])
        own = {each.withdrawn for each in found if (each.kind, each.source_id) == (Kind.CUSTOMER_INVOICE, load["Id"])}
        assert own == {True}


async def test_document_alone_lets_the_carriers_bill_go() -> None:
    trip = next(
        each for each in hired(SUBSIDIARY) if not each["Carrier"]["CarrierInvoiceNumber"] and each["ReleasedAt"]
    )
    async with tenant(month=MONTH, rules=Rules(separate_carrier_invoice=True)) as opened:
        found = await act(opened, "upload_carrier_invoice", trip["TripNumber"])
        assert trip["Id"] in {each.source_id for each in found if each.content and each.kind is Kind.CARRIER_BILL}
