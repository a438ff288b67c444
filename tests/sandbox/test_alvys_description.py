"""Every answer of the twin against the vendor's published API description, over two whole months."""

from collections.abc import AsyncIterator, Callable
from datetime import date
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web

from adapters.sandbox import serve
from adapters.sandbox.alvys import SUBSIDIARY, SUBSIDIARY_IDS, AlvysSandbox, Limits, Month, generate, generate_full
from adapters.sandbox.alvys.routing import NAMED_PREFIX
from adapters.sandbox.alvys.wire import encode
from tests.sandbox.alvys_description import Recorder, needs_description, operation_of, violations
from tests.sandbox.alvys_tenant import Clock, Tenant

USUAL, FULL = generate(date(2026, 10, 1), 1), generate_full(date(2026, 10, 1), 1)
INVOICED = FULL.planted["number_taken"]
BROKERED = next(trip for trip in FULL.trips if trip["Carrier"] and trip["Status"] == "Invoiced")
UNSETTLED = next(
    trip for trip in reversed(FULL.trips) if trip["Carrier"] and trip["Status"] in {"Released", "Invoiced"}
)
DRIVEN = next(trip for trip in FULL.trips if trip["Driver1"] and trip["ReleasedAt"])
CUSTOMER, CARRIER, DRIVER = FULL.customers[0], BROKERED["Carrier"]["Id"], FULL.drivers[2]
PAYMENT = {"PaymentDate": "2026-11-01T00:00:00Z", "ReferenceNumber": "r-1"}
SINCE = {"Start": "2026-01-01T00:00:00Z"}
CLOSED = {"Start": "2026-01-01T00:00:00Z", "End": "2026-12-31T00:00:00Z"}

SEARCHES: dict[str, dict[str, Any]] = {
    "loads": {"IncludeDeleted": True, "UpdatedAtRange": SINCE},
    "trips": {"IncludeDeleted": True, "UpdatedAtRange": SINCE},
    "invoices": {"InvoicedDateRange": SINCE},
    "customers": {"Statuses": ["Active"]},
    "carriers": {"Status": ["Active"]},
    "drivers": {"IsActive": True},
    "trucks": {"IsActive": True},
    "fuel": {"TransactionRange": SINCE},
    "tolls": {"DateRange": SINCE},
    "deductions": {"DateRange": SINCE, "IncludePaid": True},
    "carrier-settlement-statements": {"StatementDateRange": CLOSED},
    "driver-settlement-statements": {"StatementDateRange": CLOSED},
}
KINDS = {
    "carrier-settlement-statements": "carrier_statements",
    "driver-settlement-statements": "driver_statements",
}


async def echo(request: web.Request) -> web.Response:
    return web.json_response({"challenge": request.headers.get("X-Alvys-Challenge")})


@pytest.fixture
async def tenant() -> AsyncIterator[Tenant]:
    """A client of the twin with a full month; whatever it does has to agree with the description."""
    recorder, clock = Recorder(), Clock()
    twin = AlvysSandbox(month=FULL, limits=Limits(requests=0), clock=clock)
    async with serve(recorder.watch(twin.app())) as url, aiohttp.ClientSession(url) as session:
        tenant = Tenant(twin, clock, session)
        await tenant.sign_in()
        yield tenant
    assert recorder.seen
    assert recorder.wrong_answers == []


@needs_description
@pytest.mark.parametrize("month", [USUAL, FULL], ids=["usual", "full"])
async def test_whole_month_agrees_with_the_description(month: Month) -> None:
    recorder, clock = Recorder(), Clock()
    twin = AlvysSandbox(month=month, limits=Limits(requests=0), clock=clock)
    async with serve(recorder.watch(twin.app())) as url, aiohttp.ClientSession(url) as session:
        tenant = Tenant(twin, clock, session)
        await tenant.sign_in()
        for path, request in SEARCHES.items():
            found: list[Any] = []
            for page in range(100):
                _, answer = await tenant.api("POST", f"{path}/search", {"Page": page, "PageSize": 17} | request)
                found += answer["Items"]
                if len(found) == answer["Total"]:
                    break
            assert len(found) == len(getattr(month, KINDS.get(path, path))), path
    assert recorder.wrong_answers == []
    assert recorder.wrong_requests == []


@needs_description
@pytest.mark.parametrize(
    "path",
    [
        f"loads?loadNumber={INVOICED}",
        f"loads?id={FULL.loads[0]['Id']}",
        f"trips?tripNumber={BROKERED['TripNumber']}",
        f"trips?tripNumber={DRIVEN['TripNumber']}",
        f"invoices?invoiceNumber={INVOICED}",
        f"invoices?id={FULL.invoices[-1]['Id']}",
        f"customers?id={CUSTOMER['Id']}",
        f"carriers/{CARRIER}",
        f"drivers/{DRIVER['Id']}",
        "drivers",
        "trucks",
        f"trucks/{FULL.trucks[0]['Id']}",
        f"fuel/{FULL.fuel[0]['Id']}",
        f"tolls/{FULL.tolls[0]['Id']}",
        f"deductions/{FULL.deductions[0]['Id']}",
        f"carrier-settlement-statements/{FULL.carrier_statements[0]['Number']}",
        f"driver-settlement-statements/{FULL.driver_statements[0]['Number']}",
        f"loads/{INVOICED}/documents",
        f"loads/{INVOICED}/notes",
    ],
)
async def test_object_read_agrees_with_the_description(tenant: Tenant, path: str) -> None:
    assert (await tenant.api("GET", path))[0] == 200


@needs_description
async def test_payments_and_what_they_change_agree_with_the_description(tenant: Tenant) -> None:
    load, payable = FULL.load(INVOICED), BROKERED["Carrier"]["TotalPayable"]
    funded = {"LoadNumber": INVOICED, "AmountFunded": 100, "Fee": 3.5, "ReferenceNumber": "f-1"}
    assert (await tenant.api("POST", "invoices/financing", funded))[1]["Status"] == "Financed"
    paid = PAYMENT | {"LoadNumber": INVOICED, "Amount": load["CustomerRate"]}
    assert (await tenant.api("POST", "invoices/customer-payments", paid))[1]["Status"] == "Completed"
    paid = PAYMENT | {"TripId": BROKERED["Id"], "Amount": payable}
    assert (await tenant.api("POST", "invoices/carrier-payments", paid))[1]["Status"] == "Completed"
    assert (await tenant.api("GET", f"loads?loadNumber={INVOICED}"))[1]["Payments"]
    assert (await tenant.api("GET", f"invoices?invoiceNumber={INVOICED}"))[1]["Payments"]
    assert (await tenant.api("GET", f"trips?id={BROKERED['Id']}"))[1]["CarrierPaidAt"]


@needs_description
async def test_written_records_agree_with_the_description(tenant: Tenant) -> None:
    made = {"Name": "New Shipper", "Type": "Customer", "Email": ["ap@new.example"]}
    status, customer = await tenant.api("POST", "customers", made)
    assert status == 201
    path, tag = f"customers/{customer['Id']}", {"If-Match": customer["ETag"]}
    status, customer = await tenant.api("PATCH", path, {"Fax": "1"}, **tag)
    assert (status, customer["Fax"]) == (200, "1")
    assert (await tenant.api("PATCH", path, {"Fax": "2"}, **tag))[0] == 412
    assert (await tenant.api("DELETE", path))[0] == 428
    assert (await tenant.api("DELETE", path, **{"If-Match": customer["ETag"]}))[0] == 204
    _, _, headers = await tenant.call("GET", f"/api/p/v1/loads?loadNumber={INVOICED}")
    change = {"OrderNumber": "SHIP-1"}
    assert (await tenant.api("PATCH", f"loads/{INVOICED}", change, **{"If-Match": headers["ETag"]}))[0] == 200
    assert (await tenant.api("PATCH", f"loads/{INVOICED}", change, **{"If-Match": headers["ETag"]}))[0] == 412
    assert (await tenant.api("PATCH", f"loads/{INVOICED}", change))[0] == 428
    assert (await tenant.api("PATCH", f"carriers/{CARRIER}/status", {"Status": "Inactive"}))[0] == 204
    owed = {"Date": "2026-10-30T00:00:00Z", "Amount": -55, "Category": "Drug Test", "Description": "Fee"}
    status, deduction = await tenant.api("POST", "deductions/once", owed | {"DriverId": DRIVER["Id"]})
    assert status == 201
    assert (await tenant.api("DELETE", f"deductions/{deduction['Id']}"))[0] == 200
    note = {"Id": "n-1", "Description": "Called.", "NoteType": "General"}
    assert (await tenant.api("POST", f"loads/{INVOICED}/notes", note))[0] == 201
    assert (await tenant.api("GET", f"loads/{INVOICED}/notes"))[1]
    assert (await tenant.api("GET", f"loads?loadNumber={INVOICED}"))[1]["Notes"]
    assert (await tenant.api("DELETE", f"loads/{INVOICED}/notes/n-1"))[0] == 204


@needs_description
async def test_uploads_agree_with_the_description(tenant: Tenant) -> None:
    for path, fields in (
        ("invoices/carrier-invoice", {"TripId": BROKERED["Id"], "CarrierInvoiceNumber": "K-1"}),
        (f"loads/{INVOICED}/document", {"DocumentType": "Proof of Delivery"}),
        (f"loads/{INVOICED}/document", {"DocumentType": "Selfie"}),
        ("loads/1/document", {"DocumentType": "Proof of Delivery"}),
    ):
        form = aiohttp.FormData(fields)
        form.add_field("File", b"%PDF", filename="a.pdf", content_type="application/pdf")
        async with tenant.session.post(f"/api/p/v1/{path}", data=form, headers=tenant.headers) as answer:
            assert answer.status in {200, 400, 404}
    assert (await tenant.api("GET", f"trips/{BROKERED['Id']}/documents"))[1]
    assert (await tenant.api("GET", f"loads/{INVOICED}/documents"))[1]


@needs_description
async def test_webhooks_agree_with_the_description(tenant: Tenant) -> None:
    receiver = web.Application()
    receiver.router.add_post("/hook", echo)
    async with serve(receiver) as url:
        made = {"Name": "Books", "SubsidiaryId": SUBSIDIARY_IDS[SUBSIDIARY], "Url": f"{url}/hook"}
        assert (await tenant.api("POST", "webhooks", made))[0] == 400
        status, webhook = await tenant.api("POST", "webhooks", made | {"Events": ["load.changed"]})
        assert status == 201
        one = f"webhooks/{webhook['Id']}"
        assert (await tenant.api("POST", "webhooks", made | {"Events": ["load.changed"]}))[0] == 409
        for method, path in (
            ("GET", "webhooks"),
            ("GET", "webhooks/event-types"),
            ("GET", one),
            ("POST", f"{one}/verify"),
            ("POST", f"{one}/disable"),
            ("POST", f"{one}/enable"),
            ("POST", f"{one}/rotate-secret"),
            ("POST", f"{one}/reveal-secret"),
            ("POST", f"{one}/test"),
            ("GET", f"{one}/delivery-logs?Page=0&PageSize=10&Status=Success"),
            ("GET", f"{one}/delivery-logs/export?Format=csv"),
            ("GET", f"{one}/health?Days=1"),
        ):
            assert (await tenant.api(method, path))[0] == 200, path
        _, logs = await tenant.api("GET", f"{one}/delivery-logs")
        assert (await tenant.api("GET", f"{one}/delivery-logs/{logs['Items'][0]['Id']}"))[0] == 200
        assert (await tenant.api("PUT", one, {"Name": "Ledger"}))[0] == 200
        assert (await tenant.api("PUT", one, {"Name": "x"}, **{"If-Match": '"0"'}))[0] == 412
        assert (await tenant.api("GET", f"{one}/health?Days=2"))[0] == 400
        assert (await tenant.api("DELETE", one))[0] == 204
        assert (await tenant.api("GET", one))[0] == 404


@needs_description
@pytest.mark.parametrize(
    "action",
    [
        ("delete_load", {"load_number": INVOICED}),
        ("release", {"load_number": FULL.notable["delivered"]}),
        ("invoice", {"load_number": FULL.notable["released"]}),
        ("add_accessorial", {"load_number": INVOICED, "name": "Tarp", "amount": -1.5}),
        ("edit_line", {"load_number": INVOICED, "name": "Fuel Surcharge", "amount": 0}),
        ("regenerate", {"load_number": INVOICED}),
        ("cancel", {"load_number": FULL.notable["released"]}),
        ("revert_invoice", {"load_number": INVOICED}),
        ("revert_invoice", {"load_number": FULL.notable["summary_1"]}),
        ("upload_carrier_invoice", {"trip_number": UNSETTLED["TripNumber"], "number": "K-1"}),
        ("issue_carrier_statement", {"carrier_id": UNSETTLED["Carrier"]["Id"]}),
        (
            "issue_driver_statement",
            {
                "driver_id": DRIVER["Id"],
                "first_day": "2026-10-16",
                "last_day": "2026-11-30",
                "extras": [{"Category": "Escrow", "Title": "Escrow deposit", "Amount": -50}],
            },
        ),
        ("revert_driver_statement", {"number": FULL.driver_statements[0]["Number"]}),
        (
            "generate_summary_invoice",
            {"customer_id": FULL.load(FULL.notable["summary_open"])["CustomerId"]},
        ),
    ],
    ids=lambda action: action[0],
)
async def test_what_people_did_agrees_with_the_description(tenant: Tenant, action: tuple[str, dict[str, Any]]) -> None:
    name, arguments = action
    status, told, _ = await tenant.call("POST", f"/_sandbox/hands/{name}", arguments)
    assert status == 200, told
    for path, request in SEARCHES.items():
        assert await tenant.search(path, **request) is not None


@needs_description
@pytest.mark.parametrize(
    "path",
    [*(f"{path}/search" for path in SEARCHES), *(f"invoices/{name}-payments" for name in ("customer", "carrier"))],
)
async def test_refusals_agree_with_the_description(tenant: Tenant, path: str) -> None:
    assert (await tenant.api("POST", path, {}))[0] == 400
    await tenant.call("POST", "/_sandbox/faults", {"action": "throttle_429", "count": 1})
    assert (await tenant.api("POST", path, {}))[0] == 429
    tenant.headers = {}
    assert (await tenant.api("POST", path, {}))[0] == 401


@needs_description
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "loads?id=1"),
        ("GET", "trips"),
        ("GET", "carriers/1"),
        ("GET", "trucks/1"),
        ("GET", "fuel/1"),
        ("GET", "driver-settlement-statements/1"),
        ("GET", "carrier-settlement-statements/1"),
        ("DELETE", "deductions/1"),
        ("DELETE", f"deductions/{FULL.settled[0]['Id']}"),
        ("GET", "loads/1/notes"),
        ("GET", "drivers/1/documents"),
        ("DELETE", "customers/1"),
        ("DELETE", "webhooks/1"),
    ],
)
async def test_missing_object_agrees_with_the_description(tenant: Tenant, method: str, path: str) -> None:
    assert (await tenant.api(method, path))[0] in {400, 404, 422}


@needs_description
def test_every_endpoint_of_the_twin_is_described() -> None:
    routes = AlvysSandbox().app().router.routes()
    served = [(route.method, route.resource.canonical) for route in routes if route.resource]
    known = [(method, path) for method, path in served if path.startswith(NAMED_PREFIX) and method != "HEAD"]
    assert len(known) > 60
    missing = [each for each in known if operation_of(each[0], each[1].removeprefix(NAMED_PREFIX)) is None]
    assert missing == []


@needs_description
@pytest.mark.parametrize(
    "spoil",
    [
        lambda load: load.pop("Status"),
        lambda load: load.update(Linehaul={"Amount": "1.00"}),
        lambda load: load.update(Colour="blue"),
        lambda load: load.update(UpdatedAt="yesterday"),
        lambda load: load.update(UpdatedAt="2026-10-01"),
        lambda load: load.update(CustomerType=[None]),
        lambda load: load["Stops"][0].update({"$type": "picnic"}),
        lambda load: load["Stops"][0].pop("Id"),
        lambda load: load["CustomerMileage"]["Distance"].update(UnitOfMeasure="Leagues"),
    ],
)
def test_checker_sees_what_is_wrong(spoil: Callable[[dict[str, Any]], object]) -> None:
    schema = {"$ref": "#/components/schemas/Alvys.Models.Loads.LoadResponse"}
    load = msgspec.json.decode(encode(USUAL.loads[0]))
    assert list(violations(schema, load)) == []
    spoil(load)
    assert len(list(violations(schema, load))) == 1
