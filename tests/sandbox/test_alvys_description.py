"""Every answer of the twin against the vendor's published API description, where that file is at hand.

The description is not part of the project: `ALVYS_DESCRIPTION` names the file.
"""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from adapters.sandbox import serve
from adapters.sandbox.alvys import AUDIENCE, AlvysSandbox, Limits, generate
from adapters.sandbox.alvys.wire import encode, read_instant

DESCRIPTION = os.environ.get("ALVYS_DESCRIPTION")
MONTH = generate(date(2026, 10, 1), 1)
INVOICED = MONTH.planted["number_taken"]
BROKERED = next(trip for trip in MONTH.trips if trip["Carrier"] and trip["Status"] == "Invoiced")
CARRIER = BROKERED["Carrier"]["Id"]
PAYMENT = {"PaymentDate": "2026-11-01T00:00:00Z", "ReferenceNumber": "r-1"}

needs_description = pytest.mark.skipif(
    DESCRIPTION is None, reason="ALVYS_DESCRIPTION names no API description to check against"
)


@cache
def description() -> dict[str, Any]:
    return dict(msgspec.json.decode(Path(DESCRIPTION or "").read_bytes()))


TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


def violations(schema: dict[str, Any], value: Any, at: str = "$") -> Iterator[str]:
    """Yield where a value breaks a schema of the description's dialect."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/components/schemas/")
        schema = description()["components"]["schemas"][name]
    if value is None and schema.get("nullable"):
        return
    for part in schema.get("allOf", ()):
        yield from violations(part, value, at)
    if "discriminator" in schema:
        yield from _variant_violations(schema["discriminator"], value, at)
        return
    if "type" in schema and not TYPES[schema["type"]](value):
        yield f"{at}: {value!r} is no {schema['type']}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: {value!r} is not among {schema['enum']}"
    if schema.get("format") == "date-time":
        yield from _instant_violations(value, at)
    for position, item in enumerate(value if "items" in schema else ()):
        yield from violations(schema["items"], item, f"{at}[{position}]")
    if schema.get("type") == "object":
        yield from _object_violations(schema, value, at)


def _object_violations(schema: dict[str, Any], value: dict[str, Any], at: str) -> Iterator[str]:
    yield from (f"{at}: {name} is missing" for name in schema.get("required", ()) if name not in value)
    named, others = schema.get("properties", {}), schema.get("additionalProperties", {})
    for name, each in value.items():
        if name in named:
            yield from violations(named[name], each, f"{at}.{name}")
        elif others is False:
            yield f"{at}: {name} is unknown"
        else:
            yield from violations(others, each, f"{at}.{name}")


def _variant_violations(discriminator: dict[str, Any], value: dict[str, Any], at: str) -> Iterator[str]:
    """Check one variant of several; the property that names the variant is not listed in it."""
    name = discriminator["propertyName"]
    reference = discriminator["mapping"].get(value.get(name))
    if reference is None:
        yield f"{at}: {name} names no variant"
        return
    yield from violations({"$ref": reference}, {key: each for key, each in value.items() if key != name}, at)


def _instant_violations(value: str, at: str) -> Iterator[str]:
    try:
        read_instant(value)
    except ValueError:
        yield f"{at}: {value!r} is no date-time"


def schema_of(method: str, path: str, status: int, content_type: str) -> dict[str, Any]:
    operation = description()["paths"][f"/api/p/v{{version}}/{path}"][method.lower()]
    return dict(operation["responses"][str(status)]["content"][content_type]["schema"])


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    twin = AlvysSandbox(month=MONTH, limits=Limits(requests=0))
    credentials = {
        "client_id": twin.client_id,
        "client_secret": twin.client_secret,
        "audience": AUDIENCE,
        "grant_type": "client_credentials",
    }
    async with serve(twin.app()) as url, aiohttp.ClientSession(url) as client:
        async with client.post("/oauth/token", json=credentials) as answer:
            token = await answer.json()
        client.headers["Authorization"] = f"Bearer {token['access_token']}"
        yield client


async def checked(session: aiohttp.ClientSession, method: str, path: str, body: Any = None, template: str = "") -> Any:
    """Make a request and return its answer, which agrees with the description."""
    raw = None if body is None else encode(body)
    headers = {"Content-Type": "application/json"}
    async with session.request(method, f"/api/p/v1/{path}", data=raw, headers=headers) as answer:
        decoded = msgspec.json.decode(await answer.read())
        schema = schema_of(method, template or path.partition("?")[0], answer.status, answer.content_type)
    assert list(violations(schema, decoded)) == []
    return decoded


SEARCHES: dict[str, dict[str, Any]] = {
    "loads/search": {"IncludeDeleted": True, "UpdatedAtRange": {"Start": "2026-01-01T00:00:00Z"}},
    "trips/search": {"IncludeDeleted": True, "UpdatedAtRange": {"Start": "2026-01-01T00:00:00Z"}},
    "invoices/search": {"InvoicedDateRange": {"Start": "2026-01-01T00:00:00Z"}},
    "customers/search": {"Statuses": ["Active"]},
    "carriers/search": {"Status": ["Active"]},
    "drivers/search": {"IsActive": True},
}


@needs_description
@pytest.mark.parametrize("path", SEARCHES)
async def test_whole_month_agrees_with_the_description(session: aiohttp.ClientSession, path: str) -> None:
    found = await checked(session, "POST", path, {"Page": 0, "PageSize": 200} | SEARCHES[path])
    assert len(found["Items"]) == found["Total"] == len(getattr(MONTH, path.removesuffix("/search")))


@needs_description
@pytest.mark.parametrize(
    ("path", "template"),
    [
        (f"loads?loadNumber={INVOICED}", "loads"),
        (f"trips?tripNumber={BROKERED['TripNumber']}", "trips"),
        (f"invoices?invoiceNumber={INVOICED}", "invoices"),
        (f"customers?id={MONTH.customers[0]['Id']}", "customers"),
        (f"carriers/{CARRIER}", "carriers/{id}"),
        (f"drivers/{MONTH.drivers[0]['Id']}", "drivers/{id}"),
        ("drivers", "drivers"),
    ],
)
async def test_object_read_agrees_with_the_description(
    session: aiohttp.ClientSession, path: str, template: str
) -> None:
    assert await checked(session, "GET", path, template=template)


@needs_description
async def test_payments_and_what_they_change_agree_with_the_description(session: aiohttp.ClientSession) -> None:
    total = MONTH.load(INVOICED)["CustomerRate"]
    payable = BROKERED["Carrier"]["TotalPayable"]
    paid = PAYMENT | {"LoadNumber": INVOICED, "Amount": total}
    assert (await checked(session, "POST", "invoices/customer-payments", paid))["Status"] == "Completed"
    paid = PAYMENT | {"TripId": BROKERED["Id"], "Amount": payable}
    assert (await checked(session, "POST", "invoices/carrier-payments", paid))["Status"] == "Completed"
    assert (await checked(session, "GET", f"loads?loadNumber={INVOICED}"))["Payments"]
    assert (await checked(session, "GET", f"invoices?invoiceNumber={INVOICED}"))["Payments"]
    assert (await checked(session, "GET", f"trips?id={BROKERED['Id']}"))["CarrierPaidAt"]


@needs_description
@pytest.mark.parametrize(
    "action",
    [
        ("delete_load", {"load_number": INVOICED}),
        ("release", {"load_number": MONTH.notable["delivered"]}),
        ("invoice", {"load_number": MONTH.notable["released"]}),
        ("add_accessorial", {"load_number": INVOICED, "name": "Tarp", "amount": -1.5}),
        ("edit_line", {"load_number": INVOICED, "name": "Fuel Surcharge", "amount": 0}),
        ("cancel", {"load_number": MONTH.notable["released"]}),
        ("revert_invoice", {"load_number": INVOICED}),
    ],
    ids=lambda action: action[0],
)
async def test_what_people_did_agrees_with_the_description(
    session: aiohttp.ClientSession, action: tuple[str, dict[str, Any]]
) -> None:
    name, arguments = action
    async with session.post(f"/_sandbox/hands/{name}", json=arguments) as done:
        assert done.status == 200
    for path in ("loads/search", "trips/search", "invoices/search"):
        await checked(session, "POST", path, {"Page": 0, "PageSize": 200} | SEARCHES[path])


@needs_description
@pytest.mark.parametrize("path", [*SEARCHES, "invoices/customer-payments", "invoices/carrier-payments"])
async def test_refusals_agree_with_the_description(session: aiohttp.ClientSession, path: str) -> None:
    assert (await checked(session, "POST", path, {}))["Status"] == 400
    async with session.post("/_sandbox/faults", json={"action": "throttle_429", "count": 1}):
        pass
    assert (await checked(session, "POST", path, {}))["Status"] == 429
    del session.headers["Authorization"]
    assert (await checked(session, "POST", path, {}))["Status"] == 401


@needs_description
@pytest.mark.parametrize(
    ("path", "template"), [("loads?id=1", "loads"), ("trips", "trips"), ("carriers/1", "carriers/{id}")]
)
async def test_missing_object_agrees_with_the_description(
    session: aiohttp.ClientSession, path: str, template: str
) -> None:
    assert (await checked(session, "GET", path, template=template))["Status"] in {400, 404}


@needs_description
@pytest.mark.parametrize(
    "spoil",
    [
        lambda load: load.pop("Status"),
        lambda load: load.update(Linehaul={"Amount": "1.00"}),
        lambda load: load.update(Colour="blue"),
        lambda load: load.update(UpdatedAt="yesterday"),
        lambda load: load.update(CustomerType=[None]),
        lambda load: load["Stops"][0].update({"$type": "picnic"}),
        lambda load: load["Stops"][0].pop("Id"),
        lambda load: load["CustomerMileage"]["Distance"].update(UnitOfMeasure="Leagues"),
    ],
)
def test_checker_sees_what_is_wrong(spoil: Callable[[dict[str, Any]], object]) -> None:
    schema = {"$ref": "#/components/schemas/Alvys.Models.Loads.LoadResponse"}
    load = msgspec.json.decode(encode(MONTH.loads[0]))
    assert list(violations(schema, load)) == []
    spoil(load)
    assert len(list(violations(schema, load))) == 1
