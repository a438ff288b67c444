from datetime import date
from typing import Any

import pytest

from adapters.alvys import Skip
from state.transaction import Kind, Money, Segment
from tests.unit.alvys_tenant import (
    DRIVER,
    OUR_ID,
    OURS,
    THEIR_ID,
    THEIRS,
    Tenant,
    check,
    driven,
    load,
    look,
    policy,
    trip,
    usd,
)

OWNER = {"Id": "dri-2", "Name": "Ruth Ann", "Type": "OWNER_OPERATOR", "SubsidiaryId": OUR_ID, "IsActive": True}
FLEET = DRIVER | {"Fleet": {"Name": "Green"}, "Email": "li@ours.example"}


def accessorial(name: str, amount: str) -> dict[str, Any]:
    return {"Id": name, "Type": name, "Total": usd(amount)}


async def test_driver_is_billed_with_the_customers_invoice() -> None:
    tenant = Tenant(loads=[load(Status="Released", InvoicedAt=None)], trips=[trip(**driven())], drivers=[FLEET])
    tms = tenant.adapter()
    assert (await look(tms)).skipped == {Skip.NOT_INVOICED: 1}
    assert tenant.requests["drivers/search"] == 0
    tenant.records["loads"] = [load()]
    seen = await look(tms)
    content = seen.taken(Kind.DRIVER_BILL)["trip-1001-1/dri-1"]
    assert (content.party.name, content.party.email) == ("Li Wei", "li@ours.example")
    assert (content.number, content.trip_id, content.total) == ("1001", "trip-1001-1", Money(30000))
    assert (content.issued_on, content.due_on) == (date(2026, 10, 5), date(2026, 11, 4))
    assert content.segment == Segment(OURS, "Green", "asset")
    assert seen.roster(Kind.DRIVER_BILL, "trip-1001-1") == {"trip-1001-1/dri-1"}


async def test_pay_is_what_the_policies_worked_out_less_what_was_had_or_is_taken_off() -> None:
    pay = driven(
        RatesV2=[policy(LoadedMilesRate="410.10", ServiceFeeRate="10.25"), policy(PerMileDeductionRate="-5.00")],
        AccessorialsDetails=[accessorial("Detention", "50.00")],
        EChecks=[check("77", "100.00", "4.50")],
    )
    content = (await Tenant(loads=[load()], trips=[trip(**pay)]).read(number_prefix=True)).only(Kind.DRIVER_BILL)
    assert [(each.category, each.name, each.amount.minor) for each in content.lines] == [
        ("driver_pay", "Loaded Miles", 41010),
        ("driver_pay", "Service Fee", -1025),
        ("driver_pay", "Per Mile Deduction", -500),
        ("accessorial", "Detention", 5000),
        ("echeck", "Advance", -10000),
        ("echeck_fee", "Advance", -450),
    ]
    assert content.lines[0].description == "Loaded Miles - as agreed - Load 1001, trip 1001-1"
    assert (content.number, content.flaw("USD")) == ("ATP-1001", None)


async def test_pay_of_a_whole_statement_is_no_matter_of_a_trip() -> None:
    pay = driven(RatesV2=[policy(StatementMinimumPayRate="900.00", PerDayRate="80.00", DailyPerDiemRate="69.00")])
    seen = await Tenant(loads=[load()], trips=[trip(**pay)]).read()
    assert (seen.kinds, seen.withdrawn(Kind.DRIVER_BILL)) == (set(), {"trip-1001-1/dri-1"})


async def test_rates_of_which_nothing_is_worked_out_are_told() -> None:
    pay = driven(RatesV2=None, Rates=[{"Rate": 0.585, "RateType": "Loaded Miles"}])
    seen = await Tenant(loads=[load()], trips=[trip(**pay)]).read()
    [(_, detail)] = seen.problems.items()
    assert detail == "Trip.Driver1 has rates, but what they come to is not worked out"


async def test_each_of_two_drivers_has_a_bill() -> None:
    second = {"Driver2": driven("dri-2")["Driver1"]}
    tenant = Tenant(loads=[load()], trips=[trip(**driven(), **second)], drivers=[DRIVER, OWNER])
    found = (await tenant.read()).taken(Kind.DRIVER_BILL)
    assert {key: each.party.name for key, each in found.items()} == {
        "trip-1001-1/dri-1": "Li Wei",
        "trip-1001-1/dri-2": "Ruth Ann",
    }


async def test_driver_who_was_replaced_is_on_the_roster_no_more() -> None:
    tenant = Tenant(loads=[load()], trips=[trip(**driven("dri-2"))], drivers=[DRIVER, OWNER])
    assert (await tenant.read()).roster(Kind.DRIVER_BILL, "trip-1001-1") == {"trip-1001-1/dri-2"}
    tenant.records["trips"] = [trip()]
    assert (await tenant.read()).roster(Kind.DRIVER_BILL, "trip-1001-1") == frozenset()


@pytest.mark.parametrize(
    ("owner", "payees"),
    [
        ("dri-2", {"trip-1001-1/dri-1": 30000, "trip-1001-1/dri-2": 70000}),
        ("nobody's", {"trip-1001-1/dri-1": 100000}),
    ],
)
async def test_owner_of_a_truck_is_paid_as_known_or_with_the_owner_who_drives(
    owner: str, payees: dict[str, int]
) -> None:
    pay = driven(kind="OWNER_OPERATOR") | {
        "OwnerOperator": {"Id": owner, "RatesV2": [policy(CustomerLineHaulPercentageRate="700.00")]}
    }
    tenant = Tenant(loads=[load()], trips=[trip(**pay)], drivers=[DRIVER, OWNER])
    found = (await tenant.read()).taken(Kind.DRIVER_BILL)
    assert {key: each.total.minor for key, each in found.items()} == payees


async def test_driver_whom_the_tms_does_not_know_is_told() -> None:
    seen = await Tenant(loads=[load()], trips=[trip(**driven("nobody"))]).read()
    assert seen.problems == {"trip-1001-1/nobody": "no driver has the id of the trip's driver"}


async def test_drivers_profile_decides_whose_bill_it_is_whoever_hauls() -> None:
    drivers = [DRIVER | {"SubsidiaryId": THEIR_ID}, OWNER]
    trips = [trip(**driven()), trip("1001-2", **driven("dri-2"), TenderAs=THEIRS)]
    seen = await Tenant(loads=[load()], trips=trips, drivers=drivers).read()
    assert [*seen.taken(Kind.DRIVER_BILL)] == ["trip-1001-2/dri-2"]
    assert seen.skipped[Skip.NOT_OURS] == 2
    assert seen.roster(Kind.DRIVER_BILL, "trip-1001-1") == {"trip-1001-1/dri-1"}


async def test_driver_can_not_be_told_from_other_companies_without_our_id() -> None:
    seen = await Tenant(loads=[load()], trips=[trip(**driven())]).read(subsidiary_id=None)
    assert seen.of(Kind.DRIVER_BILL, "trip-1001-1/dri-1").problem
    assert seen.problems == {"trip-1001-1/dri-1": f"Driver belongs to {OUR_ID}"}
    alone = await Tenant(loads=[load()], trips=[trip(**driven())]).read(subsidiary=None, subsidiary_id=None)
    assert alone.only(Kind.DRIVER_BILL).segment.subsidiary == OURS


@pytest.mark.parametrize("rule", ["ignore_driver_bills", "single_driver_bill"])
async def test_drivers_are_left_alone_by_either_setting(rule: str) -> None:
    tenant = Tenant(loads=[load()], trips=[trip(**driven())])
    seen = await tenant.read(**{rule: True})
    assert (seen.kinds, seen.skipped, seen.rosters[0].kinds) == (
        set(),
        {Skip.OWN_DRIVER: 1},
        frozenset({Kind.CUSTOMER_INVOICE}),
    )
    assert tenant.requests["drivers/search"] == 0


async def test_trip_that_says_nothing_of_pay_asks_for_no_driver() -> None:
    tenant = Tenant(loads=[load()], trips=[trip(**driven(RatesV2=None))])
    assert (await tenant.read()).kinds == set()
    assert tenant.requests["drivers/search"] == 0


async def test_driver_who_is_no_longer_active_is_found_all_the_same() -> None:
    tenant = Tenant(loads=[load()], trips=[trip(**driven())], drivers=[DRIVER | {"IsActive": False}, OWNER])
    tms = tenant.adapter()
    for _ in range(2):
        assert (await look(tms)).kinds == {Kind.DRIVER_BILL}
    assert tenant.requests["drivers/search"] == 2


async def test_zero_sum_of_a_drivers_trip_is_left_alone_unless_zeros_are_wanted() -> None:
    pay = driven(EChecks=[check("77", "300.00")])
    tenant = Tenant(loads=[load()], trips=[trip(**pay)])
    assert (await tenant.read()).withdrawn(Kind.DRIVER_BILL) == {"trip-1001-1/dri-1"}
    assert (await tenant.read(ignore_zero=False)).only(Kind.DRIVER_BILL).total == Money(0)


async def test_drivers_trip_from_before_the_first_date_is_left_alone() -> None:
    early = trip(**driven(), ReleasedAt="2026-09-30T15:00:00Z")
    seen = await Tenant(loads=[load()], trips=[early]).read()
    assert (seen.kinds, seen.skipped[Skip.BEFORE_FIRST_DATE]) == (set(), 2)
