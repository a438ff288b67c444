import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from adapters.alvys.hauls import Hauls, load_type
from state.transaction import Segment
from tests.unit.alvys_tenant import OURS, THEIRS, Tenant, driven, hired, invoice, load, trip
from tests.unit.test_alvys_mapping import JSON, changed, settable

OTHER = load("1001", Id="load-2", InvoiceAs=THEIRS, OrderNumber="order-2")


@pytest.mark.parametrize(
    ("fields", "loads", "whole", "found"),
    [
        ({}, [load(), OTHER], True, "load-1001"),
        ({"TenderAs": THEIRS}, [load(), OTHER], True, "load-2"),
        ({"TenderAs": THEIRS}, [load()], False, "load-1001"),
        ({"TenderAs": THEIRS, "OrderNumber": None}, [load()], False, None),
        ({"TenderAs": THEIRS, "OrderNumber": None}, [load()], True, "load-1001"),
        ({"TenderAs": "Third LLC", "OrderNumber": "order-2"}, [load(), OTHER], True, "load-2"),
        ({"TenderAs": "Third LLC", "OrderNumber": None}, [load(), OTHER], True, None),
        ({}, [load(), load(Id="load-3")], True, None),
        ({}, [load("1002")], True, None),
        ({"LoadNumber": None}, [load()], True, None),
    ],
)
def test_trip_is_of_the_load_of_its_number_that_its_company_or_order_tells(
    fields: dict[str, Any],
    loads: list[object],
    whole: bool,  # noqa: FBT001 - a table
    found: str | None,
) -> None:
    of = Hauls(loads, whole=whole).load_of(trip(**fields))
    assert (of["Id"] if isinstance(of, dict) else of) == found


def test_what_is_missing_is_what_invoices_list_and_what_trips_may_be_of() -> None:
    trips = [trip(), trip("1003-1"), trip("1004-1")]
    listing = invoice("S1", load("1001"), load("1002"))
    assert Hauls([load(), load("1003")], trips, [listing]).missing() == ["1002"]
    unsure = Hauls([load(), load("1003", InvoiceAs=THEIRS, OrderNumber="other")], trips, [listing], whole=False)
    assert unsure.missing() == ["1002", "1003", "1004"]


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"TenderAsSubsidiaryType": "Broker"}, "brokerage"),
        (hired() | {"TenderAsSubsidiaryType": "Carrier"}, "asset"),
        (hired() | {"TenderAsSubsidiaryType": None}, "brokerage"),
        (driven() | {"TenderAsSubsidiaryType": None}, "asset"),
        ({"TenderAsSubsidiaryType": None, "OwnerOperator": {}}, "asset"),
        ({"TenderAsSubsidiaryType": None}, ""),
    ],
)
def test_type_of_a_trip_is_how_it_is_tendered_else_who_is_on_it(fields: dict[str, Any], kind: str) -> None:
    assert load_type(trip(**fields)) == kind


def test_trip_has_its_loads_fleet_and_its_own_company() -> None:
    hauls = Hauls([load()], [trip(**hired(), TenderAs=THEIRS)])
    assert hauls.segment_of_trip(hauls.trips[0]) == Segment(THEIRS, "Red", "brokerage")
    assert hauls.segment_of_load("load-1001") == Segment(OURS, "Red", "brokerage")
    assert hauls.segment_of_load("unknown") == Segment()


LOAD, TRIP, INVOICE = load(), trip(**hired(EChecks=[]), **driven()), invoice()
EVERY = {"shared_billing": True, "customer_payments": True, "carrier_bill_on": "release"}
RECORDS = [
    *((LOAD, path) for path in settable(LOAD)),
    *((TRIP, path) for path in settable(TRIP)),
    *((INVOICE, path) for path in settable(INVOICE)),
]


class Loose(Tenant):
    """A tenant whose searches find everything, however odd."""

    @override
    def matching(self, endpoint: str, asked: dict[str, Any]) -> list[dict[str, Any]]:
        return self.records.get(endpoint.partition("/")[0], [])


@given(st.sampled_from(RECORDS), JSON)
def test_nothing_odd_in_a_record_keeps_the_others_away(spoilt: tuple[dict[str, Any], str], value: object) -> None:
    record, path = spoilt
    odd = changed(record, path, value)
    kinds = [("loads", LOAD), ("trips", TRIP), ("invoices", INVOICE)]
    sound = {"loads": load("1002"), "trips": trip("1002-1", **hired()), "invoices": invoice("1002")}
    held = {kind: [odd if record is usual else usual, sound[kind]] for kind, usual in kinds}
    seen = asyncio.run(Loose(**held).read(**EVERY, subsidiary=None))
    assert {"load-1002", "trip-1002-1"} <= {each.source_id for each in seen.sourced.values() if each.content}
