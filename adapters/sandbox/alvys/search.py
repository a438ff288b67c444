"""The searches: one table of kinds and filters, and the rules that hold for all of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from adapters.sandbox.alvys.books import Books
from adapters.sandbox.alvys.wire import Json, Problem, read_instant

Test: TypeAlias = Callable[[Json], bool]

BEGINNING = datetime.min.replace(tzinfo=UTC)
END = datetime.max.replace(tzinfo=UTC)
LARGEST_PAGE = 200  # stated for carriers; the largest that the vendor's examples use elsewhere


@dataclass(frozen=True)
class Filter:
    """One property of a search request: the JSON it takes, and the test it makes of an object."""

    takes: type
    test: Callable[[Any], Test]
    most: int | None = None  # values in one request


@dataclass(frozen=True)
class Search:
    """One search endpoint."""

    kind: str
    filters: Mapping[str, Filter]
    required: Mapping[str, type]
    tombstones: bool = False  # whether deleted objects are there for those who ask


def one_of(field: str, most: int | None = None) -> Filter:
    """Match objects whose field is among the values given."""

    def test(wanted: list[str]) -> Test:
        values = frozenset(wanted)
        return lambda thing: thing.get(field) in values

    return Filter(list, test, most)


def of_a_load(field: str, most: int | None = None) -> Filter:
    """Match invoices with a load whose field is among the values given."""

    def test(wanted: list[str]) -> Test:
        values = frozenset(wanted)
        return lambda invoice: any(load.get(field) in values for load in invoice["Loads"])

    return Filter(list, test, most)


def equal(field: str, takes: type = str) -> Filter:
    """Match objects whose field is the value given."""
    return Filter(takes, lambda wanted: lambda thing: bool(thing.get(field) == wanted))


def fleet_name() -> Filter:
    """Match objects that belong to the fleet named."""
    return Filter(str, lambda wanted: lambda thing: bool((thing.get("Fleet") or {}).get("Name") == wanted))


def within(field: str) -> Filter:
    """Match objects whose instant lies in a range, both ends included.

    A range without a Start (a misspelt sub-field, as observed) filters by nothing, silently.
    """

    def test(wanted: Json) -> Test:
        if wanted.get("Start") is None:
            return lambda _: True
        first = read_instant(wanted["Start"])
        last = read_instant(wanted["End"]) if wanted.get("End") else END
        return lambda thing: bool(thing.get(field)) and first <= read_instant(thing[field]) <= last

    return Filter(dict, test)


PAGING: Mapping[str, type] = {"Page": int, "PageSize": int}
WITH_TOMBSTONES: Mapping[str, type] = {**PAGING, "IncludeDeleted": bool}

SEARCHES: Mapping[str, Search] = {
    "loads": Search(
        "loads",
        {
            "DateRange": within("ScheduledPickupAt"),
            "Status": one_of("Status"),
            "OrderNumbers": one_of("OrderNumber"),
            "LoadNumbers": one_of("LoadNumber", most=150),
            "PONumbers": one_of("PONumber"),
            "CustomerId": equal("CustomerId"),
            "UpdatedAtRange": within("UpdatedAt"),
            "UpdatedBy": equal("UpdatedBy"),
            "CustomerSalesAgentId": equal("CustomerSalesAgentId"),
        },
        WITH_TOMBSTONES,
        tombstones=True,
    ),
    "trips": Search(
        "trips",
        {
            "Status": one_of("Status"),
            "LoadNumbers": one_of("LoadNumber", most=50),
            "TripNumbers": one_of("TripNumber"),
            "PickupDateRange": within("PickupDate"),
            "DeliveryDateRange": within("DeliveryDate"),
            "UpdatedAtRange": within("UpdatedAt"),
            "UpdatedBy": equal("UpdatedBy"),
        },
        WITH_TOMBSTONES,
        tombstones=True,
    ),
    "invoices": Search(
        "invoices",
        {
            "InvoicedDateRange": within("InvoicedDate"),
            "InvoiceSentRange": within("LastSendDate"),
            "PaidDateRange": within("PaidDate"),
            "Status": one_of("Status"),
            "LoadNumbers": of_a_load("LoadNumber", most=50),
            "PONumbers": of_a_load("PONumber"),
            "OrderNumbers": of_a_load("OrderNumber"),
            "CustomerId": Filter(str, lambda wanted: lambda invoice: bool(invoice["Customer"]["Id"] == wanted)),
        },
        PAGING,
    ),
    "customers": Search(
        "customers",
        {"Statuses": one_of("Status"), "CreatedDateRange": within("DateCreated")},
        {**PAGING, "Statuses": list},
    ),
    "carriers": Search(
        "carriers",
        {
            "Status": one_of("Status"),
            "Ids": one_of("Id"),
            "McNumbers": one_of("McNum"),
            "DotNumbers": one_of("UsDotNum"),
        },
        PAGING,
    ),
    "drivers": Search(
        "drivers",
        {
            "Status": one_of("Status"),
            "Name": equal("Name"),
            "EmployeeId": equal("EmployeeId"),
            "FleetName": fleet_name(),
            "IsActive": equal("IsActive", bool),
        },
        PAGING,
    ),
}
"""The searches by the name they have in the path."""


def find(search: Search, books: Books, request: Json) -> Json:
    """Answer one search: the page asked for, in the vendor's envelope. Raises a 400 `Problem`."""
    given = {name: value for name in search.filters if (value := request.get(name)) not in (None, [], "")}
    errors = _wrong_properties(search, request) or _wrong_filters(search, given)
    if errors:
        raise Problem.of(errors)
    tests = [search.filters[name].test(value) for name, value in given.items()]
    if search.tombstones and not request["IncludeDeleted"]:
        tests.append(lambda thing: not thing.get("IsDeleted"))
    found = [thing for thing in books.all(search.kind) if all(test(thing) for test in tests)]
    page, size = request["Page"], request["PageSize"]
    return {"Page": page, "PageSize": size, "Total": len(found), "Items": found[page * size : (page + 1) * size]}


def _wrong_properties(search: Search, request: Json) -> dict[str, list[str]]:
    errors = {
        name: [f"The {name} field is required."]
        for name, takes in search.required.items()
        if type(request.get(name)) is not takes
    }
    if "Page" not in errors and request["Page"] < 0:
        errors["Page"] = ["Page must be 0 or greater."]
    if "PageSize" not in errors and not 0 < request["PageSize"] <= LARGEST_PAGE:
        errors["PageSize"] = [f"PageSize must be between 1 and {LARGEST_PAGE}."]
    return errors


def _wrong_filters(search: Search, given: Json) -> dict[str, list[str]]:
    if not given:
        return {"": ["At least one filter besides paging must be given."]}
    errors: dict[str, list[str]] = {}
    for name, value in given.items():
        rule = search.filters[name]
        if not isinstance(value, rule.takes) or not _readable(value):
            errors[name] = [f"The JSON value could not be converted to the type of {name}."]
        elif isinstance(value, list) and rule.most is not None and len(value) > rule.most:
            errors[name] = [f"{name} takes at most {rule.most} values."]
    return errors


def _readable(value: object) -> bool:
    if isinstance(value, list):
        return all(isinstance(each, str) for each in value)
    if isinstance(value, dict):
        try:
            for end in ("Start", "End"):
                read_instant(value.get(end) or "0001-01-01")
        except (TypeError, ValueError):
            return False
    return True
