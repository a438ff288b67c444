from datetime import date, timedelta
from typing import Any

import pytest

from adapters.alvys import Skip
from adapters.ports import Census
from state.transaction import Kind, Money, Origin, Segment
from tests.unit.alvys_tenant import NOW, OURS, THEIRS, Tenant, hired, invoice, line, load, look, trip, usd

BROKERED = {"trips": [trip(**hired())]}


# --- a load's own invoice -------------------------------------------------------------------------------------------


async def test_invoice_and_its_lines_bear_the_part_of_the_business_they_belong_to() -> None:
    seen = await Tenant(loads=[load()], invoices=[invoice()], **BROKERED).read()
    content = seen.only(Kind.CUSTOMER_INVOICE)
    assert content.segment == Segment(OURS, "Red", "brokerage")
    assert {each.segment for each in content.lines} == {content.segment}
    assert content.fields == (("order_number", "order-1001"),)
    assert content.due_on == date(2026, 10, 21)


async def test_load_that_any_other_hauls_in_part_is_brokerage() -> None:
    own = trip(TenderAsSubsidiaryType="Carrier")
    for trips, expected in (([own], "asset"), ([own, trip("1001-2", **hired())], "brokerage"), ([], "")):
        seen = await Tenant(loads=[load()], invoices=[invoice()], trips=trips).read()
        assert seen.only(Kind.CUSTOMER_INVOICE).segment.load_type == expected


async def test_cancelled_trip_does_not_say_who_hauls_a_load() -> None:
    trips = [trip(TenderAsSubsidiaryType="Carrier"), trip("1001-2", Status="Cancelled", **hired())]
    seen = await Tenant(loads=[load()], invoices=[invoice()], trips=trips).read()
    assert seen.only(Kind.CUSTOMER_INVOICE).segment.load_type == "asset"


async def test_change_of_a_trip_shows_its_loads_invoice_anew() -> None:
    quiet = load(UpdatedAt="2026-10-01T00:00:00Z")
    seen = await Tenant(loads=[quiet], invoices=[invoice()], **BROKERED).read()
    assert [*seen.taken(Kind.CUSTOMER_INVOICE)] == ["load-1001"]


@pytest.mark.parametrize(
    ("prefix", "number", "numbered"),
    [(None, "1001", "ALD-1001"), ("RF-", "1001", "RF-1001"), ("RF-", "RF-1001", "RF-1001")],
)
async def test_number_tells_what_it_is_of_and_a_fleets_prefix_goes_first(
    prefix: str | None, number: str, numbered: str
) -> None:
    fleet = {"Name": "Red", "InvoiceNumberPrefix": prefix}
    tenant = Tenant(loads=[load(Fleet=fleet)], invoices=[invoice() | {"Number": number}])
    for prefixes, expected in ((True, numbered), (False, number)):
        seen = await tenant.read(number_prefix=prefixes)
        assert {key: each.number for key, each in seen.taken(Kind.CUSTOMER_INVOICE).items()} == {"load-1001": expected}


async def test_write_off_is_a_line_below_zero() -> None:
    lines = [line("Linehaul", "1000.00"), line("Short pay", "-150.00", "Accessorial")]
    seen = await Tenant(loads=[load()], invoices=[invoice(Total=usd("850.00"), LineItems=lines)]).read()
    content = seen.only(Kind.CUSTOMER_INVOICE)
    assert [(each.category, each.name, each.amount) for each in content.lines] == [
        ("linehaul", "Linehaul", Money(100000)),
        ("accessorial", "Short pay", Money(-15000)),
    ]
    assert content.flaw("USD") is None


async def test_invoice_over_nothing_is_left_alone_until_it_is_about_something_and_taken_back_after() -> None:
    tenant = Tenant(loads=[load()], invoices=[invoice(Total=usd("0"), LineItems=[line("Linehaul", "0")])])
    tms = tenant.adapter()
    seen = await look(tms)
    assert (seen.kinds, seen.withdrawn(Kind.CUSTOMER_INVOICE)) == (set(), {"load-1001"})
    assert seen.skipped[Skip.ZERO_VALUED] == 1
    tenant.records["invoices"] = [invoice()]
    assert (await look(tms)).only(Kind.CUSTOMER_INVOICE).total == Money(100000)
    tenant.records["invoices"] = [invoice(Total=usd("0"))]
    assert (await look(tms)).withdrawn(Kind.CUSTOMER_INVOICE) == {"load-1001"}


async def test_invoice_over_nothing_is_sent_if_zeros_are_wanted() -> None:
    tenant = Tenant(loads=[load()], invoices=[invoice(Total=usd("0"), LineItems=[line("Linehaul", "0")])])
    content = (await tenant.read(ignore_zero=False)).only(Kind.CUSTOMER_INVOICE)
    assert (content.total, len(content.lines)) == (Money(0), 1)


async def test_invoice_that_was_taken_back_alone_is_withdrawn_with_what_was_paid_on_it() -> None:
    back = load(Status="Released", InvoicedAt=None)
    seen = await Tenant(loads=[back], invoices=[]).read(customer_payments=True)
    assert seen.withdrawn(Kind.CUSTOMER_INVOICE) == {"load-1001"}
    assert seen.roster(Kind.CUSTOMER_PAYMENT, "load-1001") == frozenset()


async def test_load_that_says_it_is_invoiced_is_believed_though_no_invoice_shows() -> None:
    seen = await Tenant(loads=[load()], invoices=[]).read()
    assert not seen.sourced


async def test_invoice_of_another_company_is_counted_and_no_more() -> None:
    foreign = load(InvoiceAs=THEIRS)
    seen = await Tenant(loads=[foreign], invoices=[invoice("1001", foreign)]).read()
    assert (seen.sourced, seen.skipped) == ({}, {Skip.NOT_OURS: 1})


async def test_without_revenue_no_invoice_is_asked_for() -> None:
    tenant = Tenant(loads=[load()], invoices=[invoice()], **BROKERED)
    seen = await tenant.read(revenue=False)
    assert seen.kinds == {Kind.CARRIER_BILL}
    assert tenant.requests["invoices/search"] == tenant.requests["customers/search"] == 0


# --- supplements ----------------------------------------------------------------------------------------------------

LATER = {"CreatedDate": "2026-10-08T15:00:00Z"}


def supplement(key: str, number: str = "1001", **fields: object) -> dict[str, Any]:
    return invoice() | {"Id": key, "Number": number, "SupplementalInvoiceType": "Supplemental"} | fields


async def test_supplement_stands_beside_its_loads_invoice_under_a_number_of_its_own() -> None:
    invoices = [supplement("inv-3", **LATER), invoice(), supplement("inv-2"), supplement("inv-4", "1001-A")]
    seen = await Tenant(loads=[load()], invoices=invoices).read()
    assert {key: each.number for key, each in seen.taken(Kind.CUSTOMER_INVOICE).items()} == {
        "load-1001": "1001",
        "load-1001/inv-2": "1001-S1",
        "load-1001/inv-3": "1001-S3",
        "load-1001/inv-4": "1001-A",
    }


async def test_supplement_that_was_taken_back_is_on_the_roster_no_more() -> None:
    tenant = Tenant(loads=[load()], invoices=[invoice(), supplement("inv-2")])
    tms = tenant.adapter()
    assert (await look(tms)).roster(Kind.CUSTOMER_INVOICE, "load-1001") == {"load-1001/inv-2"}
    tenant.records["invoices"].pop()
    assert (await look(tms)).roster(Kind.CUSTOMER_INVOICE, "load-1001") == frozenset()


async def test_supplements_go_with_their_load() -> None:
    seen = await Tenant(loads=[load(IsDeleted=True)], invoices=[invoice(), supplement("inv-2")]).read()
    assert seen.withdrawn(Kind.CUSTOMER_INVOICE) == {"load-1001", "load-1001/inv-2"}
    assert seen.roster(Kind.CUSTOMER_INVOICE, "load-1001") == frozenset()


# --- summary invoices -----------------------------------------------------------------------------------------------

MANY = [load("1001"), load("1002", Fleet={"Name": "Blue"}), load("1003", InvoiceAs=THEIRS)]
LINES = [line("Linehaul", "400.00", number=each["LoadNumber"]) for each in MANY]


def summary(*loads: dict[str, Any], **fields: object) -> dict[str, Any]:
    covered = loads or tuple(MANY)
    return invoice("S1000001", *covered, Type="SummaryInvoice", Total=usd("1200.00"), LineItems=LINES, **fields)


async def test_summary_is_one_invoice_whose_lines_tell_their_loads_apart() -> None:
    quiet = [each | {"UpdatedAt": "2026-10-01T00:00:00Z"} for each in MANY[1:]]
    trips = [
        trip("1001-1", **hired()),
        trip("1002-1", TenderAsSubsidiaryType="Carrier", UpdatedAt="2026-10-01T00:00:00Z"),
    ]
    seen = await Tenant(loads=[MANY[0], *quiet], trips=trips, invoices=[summary()]).read(number_prefix=True)
    content = seen.taken(Kind.SUMMARY_INVOICE)["inv-S1000001"]
    assert seen.of(Kind.SUMMARY_INVOICE, "inv-S1000001").label == "S1000001"
    assert (content.number, content.load_number, content.total) == ("S1000001", "1001", Money(120000))
    assert [(each.description, each.segment) for each in content.lines] == [
        ("Linehaul - Load 1001, order order-1001", Segment(OURS, "Red", "brokerage")),
        ("Linehaul - Load 1002, order order-1002", Segment(OURS, "Blue", "asset")),
        ("Linehaul - Load 1003, order order-1003", Segment(THEIRS, "Red", "")),
    ]
    assert content.segment == Segment()
    assert content.fields == ()


async def test_summary_belongs_to_the_company_of_its_first_load() -> None:
    for loads, ours in ((MANY, True), ([MANY[0] | {"InvoiceAs": THEIRS}, *MANY[1:2]], False)):
        seen = await Tenant(loads=loads, invoices=[summary(*loads)]).read()
        assert (Kind.SUMMARY_INVOICE in seen.kinds) is ours
        assert seen.skipped.get(Skip.NOT_OURS, 0) == (not ours)


async def test_load_on_a_summary_has_no_invoice_of_its_own_any_more() -> None:
    seen = await Tenant(loads=[MANY[0]], invoices=[summary(MANY[0])]).read()
    assert seen.withdrawn(Kind.CUSTOMER_INVOICE) == {"load-1001"}


async def counted(tenant: Tenant, days: int = 31, **settings: Any) -> Census | None:
    [summaries] = [each for each in tenant.adapter(**settings).sources if each.name == "summaries"]
    found = [each async for each in summaries.changes(NOW - timedelta(days=days), NOW)]
    assert all(isinstance(each, Census) for each in found)
    return next((each for each in found if isinstance(each, Census)), None)


async def test_census_of_the_last_month_lists_the_summaries_there_are() -> None:
    tenant = Tenant(
        invoices=[
            summary(),
            summary(Id="inv-draft", Status="Draft"),
            summary(Id="inv-old", InvoicedDate="2026-09-19T23:59:59Z"),
            summary(Id="inv-today", InvoicedDate="2026-10-20T23:00:00Z"),
            invoice(),
        ]
    )
    assert await counted(tenant) == Census(
        frozenset({Kind.SUMMARY_INVOICE}),
        date(2026, 9, 20),
        date(2026, 10, 20),
        frozenset({"inv-S1000001", "inv-today"}),
    )


async def test_window_within_a_day_takes_no_census_and_costs_nothing() -> None:
    tenant = Tenant(invoices=[summary()])
    assert await counted(tenant, days=0) is None
    assert not tenant.requests


async def test_without_revenue_there_is_no_census() -> None:
    assert "summaries" not in {source.name for source in Tenant().adapter(revenue=False).sources}


# --- payments -------------------------------------------------------------------------------------------------------


def paid(key: str, amount: str = "400.00", **fields: object) -> dict[str, Any]:
    entry = {"Id": key, "PaymentDate": "2026-10-15T17:00:00Z", "Amount": usd(amount), "CheckNumber": None}
    return entry | {"PaymentReference": "wire 7"} | fields


async def test_each_payment_settles_its_invoice_and_bears_its_check_or_reference() -> None:
    payments = [paid("p-1"), paid("p-2", "600.00", CheckNumber="5512"), paid("p-3", PaymentReference=" ")]
    seen = await Tenant(loads=[load()], invoices=[invoice(Payments=payments)]).read(customer_payments=True)
    found = seen.taken(Kind.CUSTOMER_PAYMENT)
    assert {key: (each.number, each.total) for key, each in found.items()} == {
        "load-1001/p-1": ("wire 7", Money(40000)),
        "load-1001/p-2": ("5512", Money(60000)),
        "load-1001/p-3": ("p-3", Money(40000)),
    }
    first = found["load-1001/p-1"]
    assert first.settles == Origin(Kind.CUSTOMER_INVOICE, "load-1001")
    assert (first.party.source_id, first.issued_on, first.flaw("USD")) == ("cus-1", date(2026, 10, 15), None)
    assert seen.roster(Kind.CUSTOMER_PAYMENT, "load-1001") == found.keys()


async def test_payments_stay_in_the_tms_unless_they_are_wanted() -> None:
    seen = await Tenant(loads=[load()], invoices=[invoice(Payments=[paid("p-1")])]).read()
    assert seen.kinds == {Kind.CUSTOMER_INVOICE}
    assert Kind.CUSTOMER_PAYMENT not in {kind for each in seen.rosters for kind in each.kinds}


async def test_payment_that_we_reported_never_comes_back() -> None:
    ours = paid("p-1", PaymentReference="loadledger-145-9")
    seen = await Tenant(loads=[load()], invoices=[invoice(Payments=[ours])]).read(customer_payments=True)
    assert Kind.CUSTOMER_PAYMENT not in seen.kinds
    assert seen.skipped == {Skip.OWN_PAYMENT: 1}
    assert seen.roster(Kind.CUSTOMER_PAYMENT, "load-1001") == frozenset()


async def test_deleted_payment_is_on_the_roster_no_more() -> None:
    tenant = Tenant(loads=[load()], invoices=[invoice(Payments=[paid("p-1"), paid("p-2")])])
    tms = tenant.adapter(customer_payments=True)
    assert (await look(tms)).roster(Kind.CUSTOMER_PAYMENT, "load-1001") == {"load-1001/p-1", "load-1001/p-2"}
    tenant.records["invoices"][0]["Payments"].pop()
    assert (await look(tms)).roster(Kind.CUSTOMER_PAYMENT, "load-1001") == {"load-1001/p-1"}


async def test_payments_on_a_supplement_are_on_the_roster_of_their_load() -> None:
    """Their ids begin with the load's as well, and its roster would withdraw what it does not list."""
    own = invoice(Payments=[paid("p-1")])
    extra = invoice(SupplementalInvoiceType="Supplemental", Payments=[paid("p-2")]) | {"Id": "inv-2"}
    tenant = Tenant(loads=[load()], invoices=[own, extra])
    tms = tenant.adapter(customer_payments=True)
    seen = await look(tms)
    assert seen.taken(Kind.CUSTOMER_PAYMENT).keys() == {"load-1001/p-1", "load-1001/inv-2/p-2"}
    assert seen.roster(Kind.CUSTOMER_PAYMENT, "load-1001") == {"load-1001/p-1", "load-1001/inv-2/p-2"}
    tenant.records["invoices"] = [own]
    assert (await look(tms)).roster(Kind.CUSTOMER_PAYMENT, "load-1001") == {"load-1001/p-1"}


@pytest.mark.parametrize(("odd", "told"), [(0, {"load-1001/inv-2": {"load-1001/inv-2/p-1"}}), (1, {})])
async def test_nothing_is_said_of_the_payments_on_an_invoice_that_can_not_be_read(
    odd: int, told: dict[str, set[str]]
) -> None:
    invoices = [invoice(Payments=[paid("p-1")])]
    invoices += [invoices[0] | {"Id": "inv-2", "SupplementalInvoiceType": "Supplemental"}]
    invoices[odd] |= {"Total": None}
    seen = await Tenant(loads=[load()], invoices=invoices).read(customer_payments=True)
    assert {each.record: each.listed for each in seen.rosters if Kind.CUSTOMER_PAYMENT in each.kinds} == told


async def test_payment_on_a_summary_settles_the_summary() -> None:
    seen = await Tenant(loads=MANY, invoices=[summary(Payments=[paid("p-1")])]).read(customer_payments=True)
    assert seen.only(Kind.CUSTOMER_PAYMENT).settles == Origin(Kind.SUMMARY_INVOICE, "inv-S1000001")


@pytest.mark.parametrize(
    ("fields", "detail"),
    [({"PaymentDate": None}, "Payment has no date to book it on"), ({"Amount": None}, "Payment.Amount is missing")],
)
async def test_payment_that_can_not_be_read_is_told(fields: dict[str, Any], detail: str) -> None:
    odd = paid("p-1") | fields
    seen = await Tenant(loads=[load()], invoices=[invoice(Payments=[odd])]).read(customer_payments=True)
    assert seen.problems == {"load-1001/p-1": detail}
    assert seen.roster(Kind.CUSTOMER_PAYMENT, "load-1001") == {"load-1001/p-1"}


async def test_payments_of_an_invoice_that_is_not_ours_are_not_either() -> None:
    foreign = load(InvoiceAs=THEIRS)
    tenant = Tenant(loads=[foreign], invoices=[invoice("1001", foreign, Payments=[paid("p-1")])])
    assert (await tenant.read(customer_payments=True)).sourced == {}
