from typing import Any

import pytest

from adapters.alvys import Skip
from state.transaction import Kind, Money, Segment
from tests.unit.alvys_tenant import (
    CARRIER,
    COMPANY,
    OURS,
    THEIRS,
    Tenant,
    check,
    driven,
    hired,
    load,
    look,
    trip,
    usd,
)

RELEASED = load(Status="Released", InvoicedAt=None)
DELIVERED = {"Status": "Delivered", "ReleasedAt": None, "DeliveredAt": "2026-10-04T15:00:00Z"}


# --- whether a carrier is billed, setting by setting ----------------------------------------------------------------


async def test_carrier_is_billed_with_the_customers_invoice() -> None:
    tenant = Tenant(loads=[RELEASED], trips=[trip(**hired())])
    tms = tenant.adapter()
    seen = await look(tms)
    assert (seen.kinds, seen.skipped) == (set(), {Skip.NOT_INVOICED: 1})
    assert tenant.requests["carriers/search"] == 0
    tenant.records["loads"] = [load()]
    assert [*(await look(tms)).taken(Kind.CARRIER_BILL)] == ["trip-1001-1"]


async def test_carrier_is_billed_when_only_its_load_changed() -> None:
    quiet = trip(**hired(), UpdatedAt="2026-10-01T00:00:00Z")
    seen = await Tenant(loads=[load()], trips=[quiet]).read()
    assert [*seen.taken(Kind.CARRIER_BILL)] == ["trip-1001-1"]


async def test_carrier_is_billed_when_only_its_trip_changed() -> None:
    quiet = load(UpdatedAt="2026-10-01T00:00:00Z")
    content = (await Tenant(loads=[quiet], trips=[trip(**hired())]).read()).only(Kind.CARRIER_BILL)
    assert content.segment == Segment(OURS, "Red", "brokerage")
    assert {each.segment for each in content.lines} == {content.segment}


async def test_carrier_is_billed_on_release_if_that_is_chosen() -> None:
    tenant = Tenant(loads=[RELEASED], trips=[trip(**hired()), trip("1001-2", **hired(), **DELIVERED)])
    seen = await tenant.read(carrier_bill_on="release")
    assert [*seen.taken(Kind.CARRIER_BILL)] == ["trip-1001-1"]
    assert seen.skipped == {Skip.NOT_RELEASED: 1}


@pytest.mark.parametrize(
    ("rules", "fields", "skipped"),
    [
        ({"expense": False}, {}, {}),
        ({}, {"TenderAsSubsidiaryType": "Carrier"}, {Skip.OWN_AUTHORITY: 1}),
        ({"carrier_statements": True}, {}, {Skip.ON_STATEMENT: 1}),
        ({"carrier_statements": True, "separate_carrier_invoice": True}, {}, {Skip.ON_STATEMENT: 1}),
        ({"carrier_statements": True}, {"TenderAsSubsidiaryType": "Carrier"}, {Skip.OWN_AUTHORITY: 1}),
        ({}, {"TenderAs": THEIRS}, {Skip.NOT_OURS: 1}),
        ({}, {"ReleasedAt": "2026-09-30T15:00:00Z"}, {Skip.BEFORE_FIRST_DATE: 1}),
    ],
)
async def test_carrier_is_left_alone_for_a_reason(
    rules: dict[str, Any], fields: dict[str, Any], skipped: dict[Skip, int]
) -> None:
    tenant = Tenant(loads=[load()], trips=[trip(**(hired() | fields))])
    seen = await tenant.read(**rules)
    assert (seen.kinds, seen.skipped) == (set(), skipped)
    assert tenant.requests["carriers/search"] == tenant.requests["trips/documents"] == 0


async def test_without_expense_changed_trips_are_not_asked_for() -> None:
    tenant = Tenant(trips=[trip(**hired())])
    await tenant.read(expense=False)
    assert tenant.requests["trips/search"] == 0


async def test_trip_underway_costs_no_further_request() -> None:
    tenant = Tenant(
        loads=[load(Status="In Transit", InvoicedAt=None)],
        trips=[trip(**hired(), Status="In Transit") | {"ReleasedAt": None}],
    )
    assert (await tenant.read()).skipped == {Skip.NOT_RELEASED: 1}
    assert tenant.requests == {"token": 1, "loads/search": 1, "trips/search": 1}


# --- the carrier's own invoice --------------------------------------------------------------------------------------


@pytest.mark.parametrize("fields", [{}, DELIVERED])
async def test_bill_waits_for_the_carriers_own_invoice_and_its_number_is_enough(fields: dict[str, Any]) -> None:
    tenant = Tenant(loads=[RELEASED], trips=[trip(**(hired() | fields))])
    tms = tenant.adapter(separate_carrier_invoice=True)
    assert (await look(tms)).skipped == {Skip.NO_CARRIER_INVOICE: 1}
    tenant.records["trips"][0]["Carrier"]["CarrierInvoiceNumber"] = "INV-9"
    before = tenant.requests["trips/documents"]
    content = (await look(tms)).only(Kind.CARRIER_BILL)
    assert content.memo == "Load 1001, trip 1001-1, carrier invoice INV-9"
    assert tenant.requests["trips/documents"] == before


async def test_document_without_a_number_is_enough_and_looked_for_once() -> None:
    tenant = Tenant(loads=[RELEASED], trips=[trip(**hired())])
    tms = tenant.adapter(separate_carrier_invoice=True)
    tenant.documents["trip-1001-1"] = [{"id": "d-1", "AttachmentType": "Proof of Delivery"}, "?"]
    assert (await look(tms)).skipped == {Skip.NO_CARRIER_INVOICE: 1}
    tenant.documents["trip-1001-1"].append({"id": "d-2", "AttachmentType": "Carrier Invoice"})
    for _ in range(2):
        assert (await look(tms)).kinds == {Kind.CARRIER_BILL}
    assert tenant.requests["trips/documents"] == 2


async def test_carriers_invoice_is_not_looked_for_before_arrival() -> None:
    underway = trip(**hired(), Status="a status of next year") | {"ReleasedAt": None}
    tenant = Tenant(loads=[RELEASED], trips=[underway])
    assert (await tenant.read(separate_carrier_invoice=True)).skipped == {Skip.NOT_RELEASED: 1}
    assert tenant.requests["trips/documents"] == 0


async def test_trip_whose_documents_are_refused_is_told_and_the_others_go_on() -> None:
    tenant = Tenant(loads=[RELEASED], trips=[trip(**hired()), trip("1001-2", **hired(CarrierInvoiceNumber="INV-9"))])
    tenant.refused.add("trips/documents")
    seen = await tenant.read(separate_carrier_invoice=True)
    assert seen.problems == {"trip-1001-1": "trips/documents: HTTP 400"}
    assert seen.of(Kind.CARRIER_BILL, "trip-1001-2").content


# --- what is on the bill --------------------------------------------------------------------------------------------


async def test_pay_on_hold_is_said_and_holds_nothing_back() -> None:
    seen = await Tenant(loads=[load()], trips=[trip(**hired(), CarrierPayOnHold=True)]).read()
    assert seen.only(Kind.CARRIER_BILL).memo == "Load 1001, trip 1001-1, carrier pay on hold"


@pytest.mark.parametrize(
    ("total", "lines"),
    [
        ("600.00", [("linehaul", 80000), ("echeck", -20000)]),
        ("595.50", [("linehaul", 80000), ("echeck", -20000), ("echeck_fee", -450)]),
    ],
)
async def test_fee_of_an_e_check_is_on_the_bill_if_the_total_says_so(total: str, lines: list[tuple[str, int]]) -> None:
    pay = hired(total=total, EChecks=[check("77", "200.00", "4.50")])
    content = (await Tenant(loads=[load()], trips=[trip(**pay)]).read()).only(Kind.CARRIER_BILL)
    assert [(each.category, each.amount.minor) for each in content.lines] == lines
    assert content.flaw("USD") is None


async def test_total_that_fits_neither_way_is_left_to_a_person() -> None:
    pay = hired(total="599.00", EChecks=[check("77", "200.00", "4.50")])
    content = (await Tenant(loads=[load()], trips=[trip(**pay)]).read()).only(Kind.CARRIER_BILL)
    flaw = content.flaw("USD")
    assert len(content.lines) == 2
    assert flaw is not None
    assert flaw.code == "lines_unequal_total"


async def test_bill_below_zero_is_a_credit_and_turns_back_into_a_bill() -> None:
    advanced = hired(total="-50.00", EChecks=[check("77", "850.00")])
    tenant = Tenant(loads=[load()], trips=[trip(**advanced)])
    tms = tenant.adapter(number_prefix=True)
    seen = await look(tms)
    credit = seen.only(Kind.CARRIER_CREDIT)
    assert (credit.number, credit.total) == ("ATP-1001", Money(5000))
    assert [each.amount for each in credit.lines] == [Money(-80000), Money(85000)]
    assert credit.flaw("USD") is None
    assert seen.withdrawn(Kind.CARRIER_BILL) == {"trip-1001-1"}
    tenant.records["trips"] = [trip(**hired())]
    seen = await look(tms)
    assert seen.only(Kind.CARRIER_BILL).total == Money(80000)
    assert seen.withdrawn(Kind.CARRIER_CREDIT) == {"trip-1001-1"}


async def test_bill_over_nothing_is_left_alone_unless_zeros_are_wanted() -> None:
    tenant = Tenant(loads=[load()], trips=[trip(**hired(total="0", Linehaul=usd("0")))])
    seen = await tenant.read()
    assert (seen.kinds, seen.skipped) == (set(), {Skip.ZERO_VALUED: 1})
    assert seen.withdrawn(Kind.CARRIER_BILL) == seen.withdrawn(Kind.CARRIER_CREDIT) == {"trip-1001-1"}
    assert (await tenant.read(ignore_zero=False)).only(Kind.CARRIER_BILL).total == Money(0)


# --- what is gone ---------------------------------------------------------------------------------------------------


async def test_trip_that_lost_its_carrier_withdraws_its_bill() -> None:
    seen = await Tenant(loads=[load()], trips=[trip()]).read()
    assert seen.withdrawn(Kind.CARRIER_BILL) == seen.withdrawn(Kind.CARRIER_CREDIT) == {"trip-1001-1"}


async def test_trip_of_another_company_withdraws_nothing_of_ours() -> None:
    seen = await Tenant(loads=[load()], trips=[trip(TenderAs=THEIRS)]).read()
    assert not seen.sourced


async def test_trip_that_is_gone_withdraws_whatever_it_was() -> None:
    seen = await Tenant(loads=[load()], trips=[trip(Status="Cancelled")]).read()
    kinds = (Kind.CARRIER_BILL, Kind.CARRIER_CREDIT, Kind.SUBSIDIARY_BILL)
    assert [seen.withdrawn(kind) for kind in kinds] == [{"trip-1001-1"}] * 3
    assert seen.roster(Kind.DRIVER_BILL, "trip-1001-1") == frozenset()


# --- odd records ----------------------------------------------------------------------------------------------------


async def test_trip_without_a_load_number_is_told_where_the_load_decides() -> None:
    lost = trip(**hired()) | {"LoadNumber": None}
    assert (await Tenant(trips=[lost]).read()).problems == {"trip-1001-1": "Trip.LoadNumber is missing or not text"}
    assert (await Tenant(trips=[lost]).read(carrier_bill_on="release")).only(Kind.CARRIER_BILL).number == "1001-1"


async def test_namesake_of_another_company_does_not_decide_on_our_trip() -> None:
    namesake = load(Id="load-x", InvoiceAs=THEIRS, OrderNumber="order-x")
    quiet = RELEASED | {"UpdatedAt": "2026-10-01T00:00:00Z"}
    seen = await Tenant(loads=[namesake, quiet], trips=[trip(**hired())]).read()
    assert (seen.kinds, seen.skipped) == (set(), {Skip.NOT_INVOICED: 1})


async def test_loads_that_trips_may_belong_to_are_asked_for_if_in_doubt() -> None:
    shared = trip(**hired(), TenderAs=OURS) | {"OrderNumber": None}
    tenant = Tenant(loads=[load(InvoiceAs=THEIRS)], trips=[shared])
    assert [*(await tenant.read()).taken(Kind.CARRIER_BILL)] == ["trip-1001-1"]
    assert tenant.requests["loads/search"] == 2


# --- a carrier that is a company of the tenant's own ----------------------------------------------------------------


async def test_own_company_is_no_carrier_to_bill() -> None:
    seen = await Tenant(loads=[load()], trips=[trip(**hired("car-9"))]).read()
    assert (seen.kinds, seen.skipped) == (set(), {Skip.SUBSIDIARY_CARRIER: 1})


async def test_own_company_is_billed_with_the_customers_invoice_instead_of_its_driver() -> None:
    mixed = trip(**hired("car-9"), **driven()) | {"TenderAsSubsidiaryType": "Broker"}
    tenant = Tenant(loads=[RELEASED], trips=[mixed])
    tms = tenant.adapter(pay_subsidiary_carrier=True)
    assert (await look(tms)).kinds == set()
    tenant.records["loads"] = [load()]
    seen = await look(tms)
    assert seen.kinds == {Kind.SUBSIDIARY_BILL}
    content = seen.only(Kind.SUBSIDIARY_BILL)
    assert (content.party.source_id, content.party.name) == ("car-9", COMPANY["Name"])
    assert (content.total, content.trip_id) == (Money(80000), "trip-1001-1")


async def test_external_carrier_is_billed_as_ever_where_own_companies_are() -> None:
    seen = await Tenant(loads=[load()], trips=[trip(**hired())]).read(pay_subsidiary_carrier=True)
    assert seen.only(Kind.CARRIER_BILL).party.name == CARRIER["Name"]
