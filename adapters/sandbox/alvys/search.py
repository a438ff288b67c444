"""The searches: one table of kinds and filters, and the rules that hold for all of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from adapters.sandbox.alvys.books import Books
from adapters.sandbox.alvys.charges import shown_fuel
from adapters.sandbox.alvys.filters import (
    Filter,
    at_most,
    equal,
    fuel_card,
    inside,
    of_a_load,
    one_of,
    within,
    within_days,
    wrong_value,
)
from adapters.sandbox.alvys.settlements import shown_driver_statement, shown_trip
from adapters.sandbox.alvys.switches import Switches
from adapters.sandbox.alvys.wire import Json, Problem

View: TypeAlias = Callable[[Json, Switches], Json]

CARRIER_PAGE = 200
STATEMENT_PAGE = 100


def as_kept(thing: Json, _: Switches) -> Json:
    """Show an object the way it is in the books."""
    return thing


@dataclass(frozen=True)
class Search:
    """One search endpoint."""

    kind: str
    filters: Mapping[str, Filter]
    required: Mapping[str, type]
    tombstones: bool = False  # whether deleted objects are there for those who ask
    largest_page: int | None = None  # as the vendor states it
    view: View = as_kept


PAGING: Mapping[str, type] = {"Page": int, "PageSize": int}
WITH_TOMBSTONES: Mapping[str, type] = {**PAGING, "IncludeDeleted": bool}
WITH_DAYS: Mapping[str, type] = {**PAGING, "StatementDateRange": dict}

SEARCHES: Mapping[str, Search] = {
    "loads": Search(
        "loads",
        {
            "DateRange": within("ScheduledPickupAt"),
            "Status": one_of("Status"),
            "OrderNumbers": one_of("OrderNumber"),
            "LoadNumbers": one_of("LoadNumber", at_most(150)),
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
            "LoadNumbers": one_of("LoadNumber", lambda switches: switches.most_load_numbers),
            "TripNumbers": one_of("TripNumber"),
            "PickupDateRange": within("PickupDate"),
            "DeliveryDateRange": within("DeliveryDate"),
            "UpdatedAtRange": within("UpdatedAt"),
            "UpdatedBy": equal("UpdatedBy"),
        },
        WITH_TOMBSTONES,
        tombstones=True,
        view=shown_trip,
    ),
    "invoices": Search(
        "invoices",
        {
            "InvoicedDateRange": within("InvoicedDate"),
            "InvoiceSentRange": within("LastSendDate"),
            "PaidDateRange": within("PaidDate"),
            "Status": one_of("Status"),
            "LoadNumbers": of_a_load("LoadNumber", lambda switches: switches.most_load_numbers),
            "PONumbers": of_a_load("PONumber"),
            "OrderNumbers": of_a_load("OrderNumber"),
            "CustomerId": inside("Customer", "Id"),
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
        largest_page=CARRIER_PAGE,
    ),
    "drivers": Search(
        "drivers",
        {
            "Status": one_of("Status"),
            "Name": equal("Name"),
            "EmployeeId": equal("EmployeeId"),
            "FleetName": inside("Fleet", "Name"),
            "IsActive": equal("IsActive", bool),
        },
        PAGING,
    ),
    "trucks": Search(
        "trucks",
        {
            "Status": one_of("Status"),
            "TruckNumber": equal("TruckNum"),
            "FleetName": inside("Fleet", "Name"),
            "VinNumber": equal("VinNumber"),
            "IsActive": Filter(bool, lambda wanted: lambda truck: (truck["Status"] == "Active") is wanted),
        },
        PAGING,
    ),
    "fuel": Search(
        "fuel",
        {
            "FuelCardNumber": fuel_card(),
            "TruckNumber": equal("TruckNumber"),
            "TransactionRange": within("TransactionDate"),
        },
        PAGING,
        view=shown_fuel,
    ),
    "tolls": Search(
        "tolls",
        {
            "TransponderId": equal("TransponderId"),
            "UnitIds": one_of("UnitId"),
            "DateRange": within("TransactionDate"),
        },
        PAGING,
    ),
    "deductions": Search(
        "deductions",
        {
            "DateRange": within("Date"),
            "DriverId": equal("DriverId"),
            "TruckId": equal("TruckId"),
            "OwnerOperatorId": equal("OwnerOperatorId"),
        },
        {**PAGING, "IncludePaid": bool},
    ),
    "carrier-settlement-statements": Search(
        "carrier_statements",
        {
            "StatementDateRange": within_days("StatementDate"),
            "CarrierId": inside("Payee", "Id"),
            "SubsidiaryId": equal("SubsidiaryId"),
        },
        WITH_DAYS,
        largest_page=STATEMENT_PAGE,
    ),
    "driver-settlement-statements": Search(
        "driver_statements",
        {
            "StatementDateRange": within_days("StatementDate"),
            "DriverType": inside("Driver", "Type"),
            "DriverId": inside("Driver", "Id"),
        },
        WITH_DAYS,
        largest_page=STATEMENT_PAGE,
        view=shown_driver_statement,
    ),
}
"""The searches by the name they have in the path."""


def find(search: Search, books: Books, request: Json) -> Json:
    """Answer one search: the page asked for, in the vendor's envelope. Raises a 400 `Problem`."""
    switches = books.switches
    given = {name: value for name in search.filters if (value := request.get(name)) not in (None, [], "")}
    errors = _wrong_properties(search, request, switches) or _wrong_filters(search, given, switches)
    if errors:
        raise Problem.of(errors)
    tests = [search.filters[name].test(value) for name, value in given.items()]
    if search.tombstones and not request["IncludeDeleted"]:
        tests.append(lambda thing: not thing.get("IsDeleted"))
    if "IncludePaid" in search.required and not request["IncludePaid"]:
        tests.append(lambda thing: not thing["IsPaid"])
    found = books.all(search.kind)
    for test in tests:
        found = list(filter(test, found))
    page, size = request["Page"], request["PageSize"]
    shown = [search.view(thing, switches) for thing in found[page * size : (page + 1) * size]]
    return {"Page": page, "PageSize": size, "Total": len(found), "Items": shown}


def _wrong_properties(search: Search, request: Json, switches: Switches) -> dict[str, list[str]]:
    errors = {
        name: [f"The {name} field is required."]
        for name, takes in search.required.items()
        if type(request.get(name)) is not takes
    }
    largest = switches.largest_page if search.largest_page is None else search.largest_page
    if "Page" not in errors and request["Page"] < 0:
        errors["Page"] = ["Page must be 0 or greater."]
    if "PageSize" not in errors and request["PageSize"] <= 0:
        errors["PageSize"] = ["PageSize must be greater than 0."]
    elif "PageSize" not in errors and largest is not None and request["PageSize"] > largest:
        errors["PageSize"] = [f"PageSize cannot exceed {largest}."]
    return errors


def _wrong_filters(search: Search, given: Json, switches: Switches) -> dict[str, list[str]]:
    if not given:
        return {"": ["At least one filter besides paging must be given."]}
    if {"DriverId", "TruckId"} <= given.keys():
        return {"TruckId": ["TruckId must not be given together with DriverId."]}
    wrong = {name: wrong_value(name, search.filters[name], value, switches) for name, value in given.items()}
    return {name: [error] for name, error in wrong.items() if error is not None}
