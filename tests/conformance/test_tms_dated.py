"""Statements, fuel and tolls of a whole month, read by the Alvys adapter over real HTTP from the Alvys twin."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Literal

import pytest

from adapters.alvys import Rules, Skip
from adapters.ports import Census, Roster
from adapters.sandbox.alvys import SUBSIDIARY, SUBSIDIARY_IDS, TRANSPORT, Switches, generate_full, hands
from state.transaction import Content, Kind, Sourced
from tests.conformance.tenant import SINCE, Tenant, tenant

MONTH = generate_full(date(2026, 10, 1), 1, 90)
EVERYTHING = Rules(carrier_statements=True, single_driver_bill=True, company_fuel=True, company_toll=True)
SEPARATE = replace(EVERYTHING, single_driver_bill=False)
OURS, THEIRS = SUBSIDIARY_IDS[SUBSIDIARY], SUBSIDIARY_IDS[TRANSPORT]
DEDUCTED = {each["Id"] for each in MONTH.trucks if each["FuelCards"][0]["DeductFuel"]}
CARRIER_STATEMENTS = [each for each in MONTH.carrier_statements if each["SubsidiaryId"] == OURS]
DRIVER_STATEMENTS = [each for each in MONTH.driver_statements if each["Driver"]["SubsidiaryId"] == OURS]
FUEL = [each for each in MONTH.fuel if each["SubsidiaryId"] == OURS and each["OwnerOperatorId"] is None]
PLAIN = next(each for each in FUEL if not each["Advances"]["Amount"] and not each["Fees"]["Amount"])
TOLLS = [each for each in MONTH.tolls if each["SubsidiaryId"] == OURS and each["UnitId"] not in DEDUCTED]
CREDITS = {Kind.CARRIER_STATEMENT_CREDIT, Kind.DRIVER_STATEMENT_CREDIT, Kind.DRIVER_DEDUCTION}
Looked = tuple[list[Sourced], list[Census]]


@pytest.fixture
async def books() -> AsyncIterator[Tenant]:
    async with tenant(month=MONTH, rules=EVERYTHING) as opened:
        yield opened


async def look(opened: Tenant, name: str, since: datetime = SINCE) -> Looked:
    """Return what a source tells, and what it counts."""
    (source,) = [each for each in opened.tms.sources if each.name == name]
    told = [found async for found in source.changes(since, opened.clock.now)]
    records = [each for found in told if not isinstance(found, Census | Roster) for each in found]
    return records, [found for found in told if isinstance(found, Census)]


def standing(found: Looked) -> dict[str, tuple[Kind, Content]]:
    """Return the documents by id; there must be no problem among them, and no document must be flawed."""
    assert [each.problem for each in found[0] if each.problem] == []
    documents = {each.source_id: (each.kind, each.content) for each in found[0] if each.content}
    assert [content.flaw("USD") for _, content in documents.values() if content.flaw("USD")] == []
    return documents


def signed(found: Looked) -> dict[str, Decimal]:
    """Return what each document adds to what we owe."""
    return {
        key: -content.total.amount if kind in CREDITS else content.total.amount
        for key, (kind, content) in standing(found).items()
    }


def owing(amount: dict[str, Any]) -> Decimal:
    return Decimal(amount["Amount"])


# --- the whole month ---------------------------------------------------------------------------------------------


async def test_every_carriers_statement_is_one_document_over_its_net(books: Tenant) -> None:
    found = await look(books, "carrier_statements")
    assert signed(found) == {f"{each['Number']}": owing(each["NetAmount"]) for each in CARRIER_STATEMENTS}
    parties = {key: content.party for key, (_, content) in standing(found).items()}
    assert {key: (party.source_id, party.name) for key, party in parties.items()} == {
        f"{each['Number']}": (each["Payee"]["Id"], each["Payee"]["Name"]) for each in CARRIER_STATEMENTS
    }
    external = {each["Id"]: each["ExternalName"] for each in MONTH.carriers}
    assert {party.accounting_name for party in parties.values()} == {
        external.get(each["Payee"]["Id"]) for each in CARRIER_STATEMENTS
    }


async def test_company_that_factors_a_carrier_is_the_vendor(books: Tenant) -> None:
    factored = {each["Id"]: each["FactoringCompany"] for each in MONTH.carriers if each["FactoringCompany"]}
    carrier, trip = next(
        (each["Carrier"]["Id"], each["TripNumber"])
        for each in books.twin.books.all("trips")
        if each["Carrier"]
        and each["Carrier"]["Id"] in factored
        and each["TenderAs"] == SUBSIDIARY
        and each["Status"] in {"Released", "Invoiced"}
        and not books.twin.books.find("carrier_statements", "TripNumber", each["TripNumber"])
    )
    made = hands.issue_carrier_statement(books.twin.books, carrier, [trip], "2026-11-01")
    (_, content) = standing(await look(books, "carrier_statements"))[f"{made['Number']}"]
    assert (content.party.source_id, content.party.name) == (factored[carrier]["Id"], "Ridgeline Capital Factors")
    assert content.total.amount == made["NetAmount"]["Amount"]


async def test_every_drivers_statement_is_one_document_over_its_net(books: Tenant) -> None:
    found = await look(books, "driver_statements")
    assert signed(found) == {f"{each['Number']}": owing(each["Totals"]["NetIncome"]) for each in DRIVER_STATEMENTS}
    assert {content.issued_on for _, content in standing(found).values()} == {date(2026, 10, 15), date(2026, 10, 31)}


@pytest.mark.parametrize("position", ["negative", "shortfall"])
async def test_driver_who_owes_is_credited_however_the_net_is_written(
    position: Literal["negative", "shortfall"],
) -> None:
    switches = Switches(driver_owes=position)
    async with tenant(
        month=MONTH, switches=switches, rules=EVERYTHING, subsidiary=TRANSPORT, subsidiary_id=THEIRS
    ) as theirs:
        found = signed(await look(theirs, "driver_statements"))
    statements = [each for each in MONTH.driver_statements if each["Driver"]["SubsidiaryId"] == THEIRS]
    assert found == {f"{each['Number']}": owing(each["Totals"]["NetIncome"]) for each in statements}
    assert min(found.values()) < 0
    assert "Failed" in {each["Status"] for each in MONTH.driver_statements}


async def test_separate_documents_hold_what_is_on_no_trip(books: Tenant) -> None:
    async with tenant(month=MONTH, rules=SEPARATE) as separate:
        found = await look(separate, "driver_statements")
    beside: dict[str, Decimal] = {}
    for key, amount in signed(found).items():
        number = key.partition("/")[0]
        beside[number] = beside.get(number, Decimal(0)) + amount
    assert beside == {
        f"{each['Number']}": sum(owing(line["Amount"]) for line in each["LineItems"] if not line["TripNumber"])
        for each in DRIVER_STATEMENTS
        if any(not line["TripNumber"] for line in each["LineItems"])
    }
    numbers = [content.number for _, content in standing(found).values()]
    assert len(set(numbers)) == len(numbers) > len(beside)


@pytest.mark.parametrize("position", ["positive", "negative", "within"])
async def test_fuel_that_nobody_is_charged_for_is_billed_however_discounts_are_written(
    position: Literal["positive", "negative", "within"],
) -> None:
    async with tenant(month=MONTH, switches=Switches(fuel_discounts=position), rules=EVERYTHING) as opened:
        found = await look(opened, "fuel")
        assert signed(found) == {each["Id"]: owing(each["Total"]) for each in FUEL}
        assert {content.party.source_id for _, content in standing(found).values()} == {"fuel:Pilot"}
        assert opened.tms.skipped[Skip.OWNER_OPERATOR] > 0
        assert opened.tms.skipped[Skip.NOT_OURS] > 0


async def test_tolls_that_nobody_is_charged_for_are_billed(books: Tenant) -> None:
    found = await look(books, "tolls")
    assert signed(found) == {each["Id"]: owing(each["Amount"]) + owing(each["Fee"]) for each in TOLLS}
    assert {content.party.name for _, content in standing(found).values()} == {each["Agency"] for each in TOLLS}
    assert books.tms.skipped[Skip.DEDUCTED] > 0


async def test_fuel_and_tolls_on_drivers_statements_are_not_billed_again() -> None:
    """What the statements take off plus what is billed is all that was bought in the two settled periods."""
    async with tenant(month=MONTH, rules=EVERYTHING, subsidiary=None, subsidiary_id=None) as every:
        billed = sum(signed(await look(every, "fuel")).values()) + sum(signed(await look(every, "tolls")).values())
    taken = sum(
        owing(line["Amount"])
        for each in MONTH.driver_statements
        for line in each["LineItems"]
        if line["Category"] in {"Fuel", "Toll"}
    )
    settled = {each["Driver"]["Id"] for each in MONTH.driver_statements}
    owners = [each for each in MONTH.fuel if each["OwnerOperatorId"]]
    assert {each["DriverId"] for each in owners} <= settled
    bought = sum((owing(each["Total"]) for each in MONTH.fuel), Decimal(0))
    bought += sum(owing(each["Amount"]) + owing(each["Fee"]) for each in MONTH.tolls)
    unsettled = bought - billed + taken
    assert unsettled >= 0
    assert unsettled == sum(owing(each["Total"]) for each in owners if not _settled(each)) + sum(
        owing(each["Amount"]) + owing(each["Fee"])
        for each in MONTH.tolls
        if each["UnitId"] in DEDUCTED and not _settled(each)
    )


def _settled(purchase: dict[str, Any]) -> bool:
    """Whether the statement of the driver and the pay period a purchase falls into was issued."""
    driver = next(
        each["References"][0]["Value"]
        for each in MONTH.trucks
        if each["Id"] in {purchase.get("TruckId"), purchase.get("UnitId")}
    )
    half = 15 if int(purchase["TransactionDate"][8:10]) <= 15 else 31
    return any(
        each["Driver"]["Id"] == driver and each["StatementDate"].endswith(f"-{half}")
        for each in MONTH.driver_statements
    )


# --- settings ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "names"),
    [
        (Rules(), ["freight", "summaries", "driver_statements"]),
        (Rules(expense=False, carrier_statements=True, company_fuel=True, company_toll=True), ["freight", "summaries"]),
        (Rules(ignore_driver_bills=True), ["freight", "summaries"]),
        (Rules(pay_subsidiary_carrier=True), ["freight", "summaries"]),
        (Rules(carrier_statements=True), ["freight", "summaries", "carrier_statements", "driver_statements"]),
        (Rules(company_fuel=True), ["freight", "summaries", "driver_statements", "fuel"]),
        (Rules(company_toll=True), ["freight", "summaries", "driver_statements", "tolls"]),
    ],
)
async def test_only_what_is_billed_is_read(rules: Rules, names: list[str]) -> None:
    async with tenant(month=MONTH, rules=rules) as opened:
        assert [source.name for source in opened.tms.sources] == names


async def test_only_drivers_on_1099_are_billed_by_tax_category() -> None:
    async with tenant(month=MONTH, rules=replace(EVERYTHING, by_tax_category=True)) as opened:
        found, (census,) = await look(opened, "driver_statements")
        assert opened.tms.skipped[Skip.ON_W2] > 0
    kinds = {f"{each['Number']}": each["Driver"]["Type"] for each in DRIVER_STATEMENTS}
    assert {kinds[each.source_id] for each in found} == {"OWNER_OPERATOR"}
    assert census.listed >= kinds.keys()


async def test_companies_of_drivers_on_1099_are_the_vendors_where_that_is_wanted() -> None:
    async with tenant(month=MONTH, rules=replace(EVERYTHING, tax_company_vendor=True)) as opened:
        found = standing(await look(opened, "driver_statements"))
    assert {key: content.party.name for key, (_, content) in found.items()} == {
        f"{each['Number']}": each["Driver"]["CompanyName"] or each["Driver"]["Name"] for each in DRIVER_STATEMENTS
    }
    assert any(each["Driver"]["CompanyName"] for each in DRIVER_STATEMENTS)


async def test_numbers_tell_their_sort_where_that_is_wanted() -> None:
    async with tenant(month=MONTH, rules=replace(SEPARATE, number_prefix=True)) as opened:
        starts = {
            name: {content.number[:4] for _, content in standing(await look(opened, name)).values()}
            for name in ("driver_statements", "fuel", "tolls")
        }
        numbers = {content.number for _, content in standing(await look(opened, "fuel")).values()}
    assert starts["driver_statements"] >= {"ADT-", "APS-", "AFL-", "ATL-"}
    assert (starts["fuel"], starts["tolls"]) == ({"AFL-"}, {"ATL-"})
    assert len(numbers) == len(FUEL)
    assert max(map(len, numbers)) <= 21


async def test_zeros_are_sent_where_they_are_wanted() -> None:
    async with tenant(month=MONTH, rules=replace(EVERYTHING, ignore_zero=False)) as opened:
        hands.correct_fuel(opened.twin.books, PLAIN["Id"], PLAIN["Discounts"]["Amount"])
        assert signed(await look(opened, "fuel"))[PLAIN["Id"]] == 0
        assert opened.tms.skipped[Skip.ZERO_VALUED] == 0


async def test_nothing_before_the_first_date_is_billed() -> None:
    async with tenant(month=MONTH, rules=EVERYTHING, first_date=date(2026, 10, 20)) as opened:
        for name, day in (("carrier_statements", None), ("driver_statements", 31), ("fuel", 20), ("tolls", 20)):
            days = [content.issued_on.day for _, content in standing(await look(opened, name)).values()]
            assert (min(days) >= day) if day else not days
        assert opened.tms.skipped[Skip.BEFORE_FIRST_DATE] > 0


# --- what changes ------------------------------------------------------------------------------------------------


async def test_census_lists_what_there_is_and_no_longer_what_was_taken_back(books: Tenant) -> None:
    unpaid = next(each for each in CARRIER_STATEMENTS if each["Status"] == "Processed")
    driven, bought, passed = DRIVER_STATEMENTS[0], FUEL[0], TOLLS[0]
    gone = {
        "carrier_statements": f"{unpaid['Number']}",
        "driver_statements": f"{driven['Number']}",
        "fuel": bought["Id"],
        "tolls": passed["Id"],
    }
    before = {name: await look(books, name) for name in gone}
    hands.revert_carrier_statement(books.twin.books, unpaid["Number"])
    hands.revert_driver_statement(books.twin.books, driven["Number"])
    hands.remove_fuel(books.twin.books, bought["Id"])
    hands.remove_toll(books.twin.books, passed["Id"])
    for name, key in gone.items():
        found, censuses = before[name]
        (document,) = [each.content for each in found if each.source_id == key and each.content]
        assert [key in each.listed for each in censuses if each.first <= document.issued_on <= each.last] == [True]
        again, counted = await look(books, name)
        assert not [each for each in again if each.source_id == key]
        assert not [each for each in counted if key in each.listed]


async def test_census_days_follow_each_other_and_hold_every_document(books: Tenant) -> None:
    for name in ("carrier_statements", "driver_statements", "fuel", "tolls"):
        found, censuses = await look(books, name)
        spans = [(each.first, each.last) for each in censuses]
        assert [first for first, _ in spans[1:]] == [last + timedelta(days=1) for _, last in spans[:-1]]
        assert spans[0][0] == SINCE.date()
        assert spans[-1][1] >= books.clock.now.date()
        for each in found:
            if each.content:
                assert [census.kinds >= {each.kind} for census in censuses if each.source_id in census.listed] == [True]


async def test_days_of_purchases_are_those_at_home() -> None:
    west = timezone(timedelta(hours=-7))
    async with tenant(month=MONTH, rules=EVERYTHING, timezone=west) as opened:
        found, censuses = await look(opened, "fuel")
    for each in found:
        assert each.content is not None or each.withdrawn
        if each.content:
            (census,) = [one for one in censuses if each.source_id in one.listed]
            assert census.first <= each.content.issued_on <= census.last
    assert len([each for each in found if each.content]) == len(FUEL)


async def test_statement_dated_ahead_is_there_at_once(books: Tenant) -> None:
    driver = next(each for each in MONTH.drivers if each["Type"] == "COMPANY" and each["SubsidiaryId"] == OURS)
    lines = [{"Category": "Bonus", "Title": "Safety bonus", "Amount": "50.00"}]
    made = hands.issue_driver_statement(
        books.twin.books, driver["Id"], "2026-11-01", "2026-11-15", extras=lines, statement_date="2026-11-15"
    )
    found = standing(await look(books, "driver_statements", books.clock.now - timedelta(days=1)))
    (_, content) = found[f"{made['Number']}"]
    assert content.issued_on == date(2026, 11, 15)


async def test_fuel_put_right_is_the_same_record_with_other_content(books: Tenant) -> None:
    key = FUEL[0]["Id"]
    hands.correct_fuel(books.twin.books, key, -100)
    (kind, content) = standing(found := await look(books, "fuel"))[key]
    assert (kind, content.total.amount > 0) == (Kind.FUEL_CREDIT, True)
    assert [each.kind for each in found[0] if each.source_id == key and each.withdrawn] == [Kind.FUEL_BILL]


async def test_fuel_charged_to_an_owner_operator_after_all_is_withdrawn(books: Tenant) -> None:
    owner = next(each for each in MONTH.drivers if each["Type"] == "OWNER_OPERATOR")
    hands.charge_fuel(books.twin.books, FUEL[0]["Id"], owner["Id"])
    found, _ = await look(books, "fuel")
    assert {(each.kind, each.withdrawn) for each in found if each.source_id == FUEL[0]["Id"]} == {
        (Kind.FUEL_BILL, True),
        (Kind.FUEL_CREDIT, True),
    }


async def test_fuel_that_came_to_nothing_is_withdrawn_and_comes_again(books: Tenant) -> None:
    hands.correct_fuel(books.twin.books, PLAIN["Id"], PLAIN["Discounts"]["Amount"])
    found, censuses = await look(books, "fuel")
    assert {each.withdrawn for each in found if each.source_id == PLAIN["Id"]} == {True}
    assert books.tms.skipped[Skip.ZERO_VALUED] == 1
    assert [True for each in censuses if PLAIN["Id"] in each.listed]
    hands.correct_fuel(books.twin.books, PLAIN["Id"], PLAIN["FuelTotal"]["Amount"])
    assert PLAIN["Id"] in standing(await look(books, "fuel"))


async def test_trucks_card_that_deducts_from_now_on_takes_nothing_back(books: Tenant) -> None:
    truck = next(each for each in MONTH.trucks if each["Id"] == FUEL[0]["TruckId"])
    books.twin.books.commit(("trucks", truck | {"FuelCards": [truck["FuelCards"][0] | {"DeductFuel": True}]}))
    found, censuses = await look(books, "fuel")
    assert not [each for each in found if each.source_id == FUEL[0]["Id"]]
    assert [True for each in censuses if FUEL[0]["Id"] in each.listed]


async def test_statement_in_the_other_form_is_not_in_the_census() -> None:
    number = f"{DRIVER_STATEMENTS[0]['Number']}"
    for rules, form in ((EVERYTHING, False), (SEPARATE, True)):
        async with tenant(month=MONTH, rules=rules) as opened:
            _, (census,) = await look(opened, "driver_statements")
        assert {"/" in each for each in census.listed if each.split("/")[0] == number} == {form}
        assert census.kinds > {Kind.DRIVER_STATEMENT, Kind.DRIVER_ADDITION, Kind.DRIVER_DEDUCTION}


# --- requests ----------------------------------------------------------------------------------------------------


async def test_trucks_and_carriers_are_read_once_for_all(books: Tenant) -> None:
    for _ in range(2):
        for source in books.tms.sources[1:]:
            await look(books, source.name)
    called = [call.endpoint for call in books.calls]
    assert called.count("trucks/search") == 2
    assert called.count("carriers/search") == 1
    books.clock.now += timedelta(hours=1)
    await look(books, "tolls")
    assert [call.endpoint for call in books.calls].count("trucks/search") == 4


async def test_pages_of_statements_are_never_larger_than_the_vendor_takes() -> None:
    async with tenant(month=MONTH, rules=EVERYTHING, page_size=200) as opened:
        assert await look(opened, "carrier_statements")
    async with tenant(month=MONTH, rules=EVERYTHING, page_size=3) as small:
        found = signed(await look(small, "driver_statements"))
        assert len(found) == len(DRIVER_STATEMENTS)
        assert [call.endpoint for call in small.calls].count("driver-settlement-statements/search") > 2
