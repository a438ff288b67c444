from datetime import date
from typing import Any

import pytest

from adapters.alvys import Skip
from state.transaction import Kind, Money
from tests.unit.alvys_tenant import (
    DRIVER,
    OURS,
    THEIR_ID,
    THEIRS,
    Tenant,
    driven,
    hired,
    invoice,
    load,
    trip,
    usd,
)

US = {"subsidiary": OURS, "subsidiary_id": "sub-1"}
THEM = {"subsidiary": THEIRS, "subsidiary_id": THEIR_ID}
LOAD = load(InvoiceAs=OURS)
TRIPS = [
    trip("1001-1", **hired(), TenderAs=THEIRS, TripValue=usd("600.00")),
    trip("1001-2", **driven(), TenderAs=THEIRS, TripValue=usd("400.00")),
]


def shared(loads: list[dict[str, Any]] | None = None, trips: list[dict[str, Any]] | None = None) -> Tenant:
    """Return a tenant whose one load we invoice and they haul, with a carrier and a driver of theirs."""
    driver = DRIVER | {"SubsidiaryId": THEIR_ID}
    loads = loads or [LOAD]
    return Tenant(loads=loads, trips=trips or TRIPS, invoices=[invoice("1001", *loads)], drivers=[driver])


async def test_shared_load_is_four_documents_over_two_companies() -> None:
    tenant = shared()
    ours = await tenant.read(**US, shared_billing=True)
    theirs = await tenant.read(**THEM, shared_billing=True)
    assert ours.kinds == {Kind.CUSTOMER_INVOICE, Kind.INTERCOMPANY_BILL}
    assert theirs.kinds == {Kind.INTERCOMPANY_INVOICE, Kind.CARRIER_BILL, Kind.DRIVER_BILL}


async def test_what_one_owes_is_what_the_other_asks_to_the_cent_and_the_day() -> None:
    tenant = shared()
    bills = (await tenant.read(**US, shared_billing=True)).taken(Kind.INTERCOMPANY_BILL)
    asked = (await tenant.read(**THEM, shared_billing=True)).taken(Kind.INTERCOMPANY_INVOICE)["load-1001"]
    assert {key: each.total for key, each in bills.items()} == {
        "trip-1001-1": Money(60000),
        "trip-1001-2": Money(40000),
    }
    assert asked.total == Money(100000)
    assert {each.party.source_id for each in bills.values()} == {f"subsidiary:{THEIRS}"}
    assert (asked.party.source_id, asked.party.name) == (f"subsidiary:{OURS}", OURS)
    assert {each.issued_on for each in (*bills.values(), asked)} == {date(2026, 10, 6)}
    assert {line.category for each in (*bills.values(), asked) for line in each.lines} == {"intercompany"}
    assert [each.flaw("USD") for each in (*bills.values(), asked)] == [None] * 3


async def test_numbers_between_companies_tell_what_they_are_of() -> None:
    tenant = shared()
    bills = (await tenant.read(**US, shared_billing=True, number_prefix=True)).taken(Kind.INTERCOMPANY_BILL)
    asked = (await tenant.read(**THEM, shared_billing=True, number_prefix=True)).only(Kind.INTERCOMPANY_INVOICE)
    assert ({each.number for each in bills.values()}, asked.number) == ({"ATP-1001"}, "ALD-1001")


async def test_nothing_is_owed_between_companies_before_the_customer_is_invoiced() -> None:
    tenant = shared([load(InvoiceAs=OURS, Status="Released", InvoicedAt=None)])
    for side in (US, THEM):
        seen = await tenant.read(**side, shared_billing=True)
        assert not seen.kinds & {Kind.INTERCOMPANY_BILL, Kind.INTERCOMPANY_INVOICE}
        assert seen.skipped[Skip.NOT_INVOICED] >= 1


async def test_without_shared_billing_each_does_its_own_and_no_more() -> None:
    tenant = shared()
    assert (await tenant.read(**US)).kinds == {Kind.CUSTOMER_INVOICE}
    assert (await tenant.read(**THEM)).kinds == {Kind.CARRIER_BILL, Kind.DRIVER_BILL}


@pytest.mark.parametrize(
    ("rule", "ours", "theirs"),
    [
        ("revenue", {Kind.INTERCOMPANY_BILL}, {Kind.CARRIER_BILL, Kind.DRIVER_BILL}),
        ("expense", {Kind.CUSTOMER_INVOICE}, {Kind.INTERCOMPANY_INVOICE}),
    ],
)
async def test_either_side_of_the_books_can_be_off(rule: str, ours: set[Kind], theirs: set[Kind]) -> None:
    tenant = shared()
    assert (await tenant.read(**US, shared_billing=True, **{rule: False})).kinds == ours
    assert (await tenant.read(**THEM, shared_billing=True, **{rule: False})).kinds == theirs


async def test_load_that_is_shared_no_more_withdraws_both_sides() -> None:
    own = [each | {"TenderAs": OURS} for each in TRIPS]
    ours = await shared(trips=own).read(**US, shared_billing=True)
    assert ours.withdrawn(Kind.INTERCOMPANY_BILL) == {"trip-1001-1", "trip-1001-2"}
    theirs = await shared(trips=own).read(**THEM, shared_billing=True)
    assert theirs.withdrawn(Kind.INTERCOMPANY_INVOICE) == {"load-1001"}


async def test_load_that_is_gone_withdraws_both_sides() -> None:
    gone = [each | {"IsDeleted": True} for each in TRIPS]
    tenant = shared([LOAD | {"IsDeleted": True}], gone)
    assert (await tenant.read(**US, shared_billing=True)).withdrawn(Kind.INTERCOMPANY_BILL) >= {"trip-1001-1"}
    assert (await tenant.read(**THEM, shared_billing=True)).withdrawn(Kind.INTERCOMPANY_INVOICE) == {"load-1001"}


async def test_what_is_from_before_the_first_date_is_left_alone() -> None:
    early = load(InvoiceAs=OURS, InvoicedAt="2026-09-30T15:00:00Z")
    seen = await shared([early]).read(**THEM, shared_billing=True)
    assert Kind.INTERCOMPANY_INVOICE not in seen.kinds
    assert seen.skipped[Skip.BEFORE_FIRST_DATE] == 1


async def test_trip_without_a_value_is_told_on_both_sides() -> None:
    tenant = shared(trips=[TRIPS[0] | {"TripValue": None}])
    ours, theirs = [await tenant.read(**side, shared_billing=True) for side in (US, THEM)]
    assert ours.problems == {"trip-1001-1": "Trip.TripValue is missing"}
    assert theirs.problems == {"load-1001": "Trip.TripValue is missing"}


async def test_company_that_hauls_is_billed_instead_of_its_driver_if_that_is_chosen() -> None:
    tenant = shared()
    bills = (await tenant.read(**US, pay_subsidiary_carrier=True)).taken(Kind.SUBSIDIARY_BILL)
    assert {key: (each.total, each.lines[0].category) for key, each in bills.items()} == {
        "trip-1001-1": (Money(60000), "linehaul"),
        "trip-1001-2": (Money(40000), "linehaul"),
    }
    assert {each.party.name for each in bills.values()} == {THEIRS}
    assert (await tenant.read(**THEM, pay_subsidiary_carrier=True)).kinds == {Kind.CARRIER_BILL}


async def test_shared_billing_goes_before_paying_the_company_that_hauls() -> None:
    seen = await shared().read(**US, pay_subsidiary_carrier=True, shared_billing=True)
    assert seen.kinds == {Kind.CUSTOMER_INVOICE, Kind.INTERCOMPANY_BILL}
