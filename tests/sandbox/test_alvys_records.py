"""Customers, loads, notes, files and financing: what the API may write, and against which version."""

from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from io import BytesIO
from typing import Any

import aiohttp
import pytest

from adapters.sandbox.alvys import generate
from tests.sandbox.alvys_tenant import Clock, Tenant, sandbox, tenant_of

MONTH = generate(date(2026, 10, 1), 1)
INVOICED = next(load for load in MONTH.loads if load["Status"] == "Invoiced")
NUMBER = INVOICED["LoadNumber"]
CUSTOMER = MONTH.customers[0]
BROKERED = next(trip for trip in MONTH.trips if trip["Carrier"] and trip["Status"] == "Released")
OWN = next(trip for trip in MONTH.trips if not trip["Carrier"])


@pytest.fixture
async def tenant() -> AsyncIterator[Tenant]:
    clock = Clock()
    async with tenant_of(sandbox(clock, month=MONTH), clock) as each:
        yield each


async def tag_of(tenant: Tenant, path: str) -> str:
    status, _, headers = await tenant.call("GET", f"/api/p/v1/{path}")
    assert status == 200
    return str(headers["ETag"])


# Versions


@pytest.mark.parametrize(
    ("read", "method", "write", "change", "done"),
    [
        (f"customers?id={CUSTOMER['Id']}", "PATCH", f"customers/{CUSTOMER['Id']}", {"Fax": "1"}, 200),
        (f"customers?id={CUSTOMER['Id']}", "DELETE", f"customers/{CUSTOMER['Id']}", None, 204),
        (f"loads?loadNumber={NUMBER}", "PATCH", f"loads/{NUMBER}", {"OrderNumber": "S-1"}, 200),
    ],
)
async def test_write_names_the_version_it_changes(
    tenant: Tenant, read: str, method: str, write: str, change: object, done: int
) -> None:
    tag = await tag_of(tenant, read)
    assert (await tenant.api(method, write, change))[0] == 428
    assert (await tenant.api(method, write, change, **{"If-Match": '"00000000"'}))[0] == 412
    assert (await tenant.api(method, write, change, **{"If-Match": tag}))[0] == done
    assert (await tenant.api(method, write, change, **{"If-Match": tag}))[0] == 412
    assert await tag_of(tenant, read) != tag


async def test_written_version_is_good_for_the_next_write(tenant: Tenant) -> None:
    path = f"loads/{NUMBER}"
    tag = await tag_of(tenant, f"loads?loadNumber={NUMBER}")
    for order in ("S-1", "S-2"):
        _, load, headers = await tenant.call("PATCH", f"/api/p/v1/{path}", {"OrderNumber": order}, **{"If-Match": tag})
        assert load["OrderNumber"] == order
        tag = headers["ETag"]
    assert (await tenant.api("GET", "loads?orderNumber=S-1"))[0] == 404
    assert (await tenant.api("GET", "loads?orderNumber=S-2"))[1]["LoadNumber"] == NUMBER
    found = await tenant.search("loads", IncludeDeleted=False, UpdatedAtRange={"Start": tenant.clock.now.isoformat()})
    assert [each["LoadNumber"] for each in found] == [NUMBER]


@pytest.mark.parametrize("number", ["", "  ", "x" * 31, 5])
async def test_order_number_has_one_to_thirty_characters(tenant: Tenant, number: object) -> None:
    tag = await tag_of(tenant, f"loads?loadNumber={NUMBER}")
    status, problem = await tenant.api("PATCH", f"loads/{NUMBER}", {"OrderNumber": number}, **{"If-Match": tag})
    assert (status, list(problem["Errors"])) == (400, ["OrderNumber"])


async def test_order_number_of_a_tendered_load_is_locked(tenant: Tenant) -> None:
    tenant.sandbox.books.commit(("loads", INVOICED | {"TenderId": "t-1"}))
    tag = await tag_of(tenant, f"loads?loadNumber={NUMBER}")
    assert (await tenant.api("PATCH", f"loads/{NUMBER}", {"OrderNumber": "S"}, **{"If-Match": tag}))[0] == 409


async def test_carrier_status_is_checked_against_a_version_only_if_one_is_named(tenant: Tenant) -> None:
    path = f"carriers/{MONTH.carriers[0]['Id']}"
    tag = await tag_of(tenant, path)
    assert (await tenant.api("PATCH", f"{path}/status", {"Status": "Inactive"}))[0] == 204
    assert (await tenant.api("PATCH", f"{path}/status", {"Status": "Active"}, **{"If-Match": tag}))[0] == 412
    assert (await tenant.api("PATCH", f"{path}/status", {"Status": "Retired"}))[0] == 422
    assert (await tenant.api("PATCH", f"{path}/status", {}))[0] == 400
    assert (await tenant.api("GET", path))[1]["Status"] == "Inactive"


# Customers


async def test_created_customer_is_found_and_deleted_softly(tenant: Tenant) -> None:
    address = {"Street": "1 Main", "City": "Taos", "State": "NM", "Zip": "87571", "Country": "US"}
    body = {"Name": "New Shipper", "Type": "Customer", "BillingAddress": address, "Notes": ["ignored"]}
    status, made = await tenant.api("POST", "customers", body)
    assert (status, made["BillingAddress"]["ZipCode"], made["Status"]) == (201, "87571", "Active")
    assert await tag_of(tenant, f"customers?id={made['Id']}") == made["ETag"]
    assert (await tenant.api("DELETE", f"customers/{made['Id']}", **{"If-Match": made["ETag"]}))[0] == 204
    gone = await tenant.search("customers", Statuses=["Inactive"])
    assert [each["Id"] for each in gone] == [made["Id"]]
    status, problem = await tenant.api("POST", "customers", body | {"CompanyNumber": made["CompanyNumber"]})
    assert status == 409
    assert made["Id"] in problem["Detail"]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"Name": None}, 400),
        ({"Name": "x" * 201}, 400),
        ({"Type": "Friend"}, 400),
        ({"Status": "Asleep"}, 400),
        ({"Email": "a@b.example"}, 400),
        ({"BillingAddress": {"City": "Taos"}}, 400),
        ({"CompanyNumber": CUSTOMER["CompanyNumber"]}, 409),
        ({"Name": CUSTOMER["Name"], "BillingAddress": {**CUSTOMER["BillingAddress"], "Zip": "1"}}, 201),
        (
            {
                "Name": CUSTOMER["Name"],
                "BillingAddress": {**CUSTOMER["BillingAddress"], "Zip": CUSTOMER["BillingAddress"]["ZipCode"]},
            },
            409,
        ),
    ],
)
async def test_customer_that_cannot_be_is_refused(tenant: Tenant, change: dict[str, Any], status: int) -> None:
    body = {"Name": "New Shipper", "Type": "Customer"} | change
    assert (await tenant.api("POST", "customers", body))[0] == status


async def test_disabled_writes_say_for_how_long(tenant: Tenant) -> None:
    fault = {"action": "endpoint_disabled", "path": "customers*", "method": "POST"}
    await tenant.call("POST", "/_sandbox/faults", fault)
    status, problem, headers = await tenant.call("POST", "/api/p/v1/customers", {"Name": "N", "Type": "Customer"})
    assert (status, problem["Type"], headers["Retry-After"]) == (503, "EndpointDisabled", "3600")
    assert (await tenant.api("GET", f"customers?id={CUSTOMER['Id']}"))[0] == 200


# Notes


async def test_note_is_added_once_and_taken_off(tenant: Tenant) -> None:
    path = f"loads/{NUMBER}/notes"
    note = {"Id": "n-1", "Description": "Called the shipper.", "NoteType": "General"}
    assert (await tenant.api("POST", path, note))[0] == 201
    assert (await tenant.api("POST", path, note))[0] == 200
    _, notes = await tenant.api("GET", path)
    assert [(each["Id"], each["Description"]) for each in notes] == [("n-1", "Called the shipper.")]
    assert (await tenant.api("DELETE", f"{path}/n-1"))[0] == 204
    assert (await tenant.api("DELETE", f"{path}/n-1"))[0] == 404
    assert (await tenant.api("GET", path))[1] == []


@pytest.mark.parametrize("change", [{"NoteType": "Gossip"}, {"Description": "x" * 4001}, {"Id": None}])
async def test_note_that_cannot_be_is_refused(tenant: Tenant, change: dict[str, Any]) -> None:
    note = {"Id": "n-1", "Description": "Called.", "NoteType": "General"} | change
    status, problem = await tenant.api("POST", f"loads/{NUMBER}/notes", note)
    assert (status, list(problem["Errors"])) == (400, list(change))


# Files


async def upload(
    tenant: Tenant, path: str, fields: dict[str, str], content: bytes = b"%PDF", media: str = "application/pdf"
) -> tuple[int, Any]:
    form = aiohttp.FormData(fields)
    form.add_field("File", BytesIO(content), filename="scan.pdf", content_type=media)
    async with tenant.session.post(f"/api/p/v1/{path}", data=form, headers=tenant.headers) as answer:
        return answer.status, await answer.json(content_type=None)


async def test_uploaded_carrier_invoice_counts_the_trip_as_invoiced(tenant: Tenant) -> None:
    fields = {"TripId": BROKERED["Id"], "CarrierInvoiceNumber": "K-77", "PaymentType": "Quick Pay"}
    status, file = await upload(tenant, "invoices/carrier-invoice", fields)
    assert (status, file["AttachmentType"], file["ParentId"]) == (200, "Carrier Invoice", BROKERED["LoadNumber"])
    _, trip = await tenant.api("GET", f"trips?id={BROKERED['Id']}")
    assert (trip["Status"], trip["Carrier"]["CarrierInvoiceNumber"]) == ("Invoiced", "K-77")
    assert await tenant.api("GET", f"trips/{BROKERED['Id']}/documents") == (200, [file])
    assert (await tenant.api("GET", f"loads/{BROKERED['LoadNumber']}/documents"))[1] == []


@pytest.mark.parametrize(
    ("path", "fields", "size", "media", "status"),
    [
        ("invoices/carrier-invoice", {}, 4, "application/pdf", 400),
        ("invoices/carrier-invoice", {"TripId": "none"}, 4, "application/pdf", 404),
        ("invoices/carrier-invoice", {"TripId": OWN["Id"]}, 4, "application/pdf", 400),
        ("invoices/carrier-invoice", {"TripId": BROKERED["Id"]}, 0, "application/pdf", 400),
        ("invoices/carrier-invoice", {"TripId": BROKERED["Id"]}, 4, "text/plain", 415),
        (f"loads/{NUMBER}/document", {"DocumentType": "Proof of Delivery"}, 4, "application/pdf", 200),
        (f"loads/{NUMBER}/document", {"DocumentType": "Proof of Delivery"}, 10 * 2**20 + 1, "application/pdf", 413),
        (f"loads/{NUMBER}/document", {"DocumentType": "Diary"}, 4, "application/pdf", 400),
        ("loads/1/document", {"DocumentType": "Proof of Delivery"}, 4, "application/pdf", 404),
        (f"drivers/{MONTH.drivers[0]['Id']}/document", {"DocumentType": "Medical"}, 4, "image/png", 200),
    ],
)
async def test_file_is_kept_or_refused(
    tenant: Tenant, path: str, fields: dict[str, str], size: int, media: str, status: int
) -> None:
    assert (await upload(tenant, path, fields, b"x" * size, media))[0] == status


async def test_upload_that_is_no_form_is_refused(tenant: Tenant) -> None:
    assert (await tenant.api("POST", "invoices/carrier-invoice", {"TripId": "1"}))[0] == 415
    broken = tenant.headers | {"Content-Type": "multipart/form-data; boundary=x"}
    async with tenant.session.post("/api/p/v1/invoices/carrier-invoice", data=b"no form", headers=broken) as answer:
        assert answer.status == 400


# Financing


def funding(reference: str, **change: Any) -> dict[str, Any]:
    return {"LoadNumber": NUMBER, "AmountFunded": 900.1, "Fee": 27.03, "ReferenceNumber": reference} | change


async def test_financing_is_recorded_once_and_added_up(tenant: Tenant) -> None:
    status, first = await tenant.api("POST", "invoices/financing", funding("f-1"))
    assert (status, first["Status"], first["TotalFunded"]["Amount"]) == (200, "Financed", Decimal("900.1"))
    assert await tenant.api("POST", "invoices/financing", funding("f-1", AmountFunded=5)) == (200, first)
    _, second = await tenant.api("POST", "invoices/financing", funding("f-2", AmountFunded=50, Fee=0))
    assert (second["TotalFunded"]["Amount"], second["TotalFees"]["Amount"]) == (Decimal("950.1"), Decimal("27.03"))
    assert (await tenant.api("GET", f"loads?loadNumber={NUMBER}"))[1]["Status"] == "Financed"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"AmountFunded": 0}, 400),
        ({"AmountFunded": -1}, 400),
        ({"Fee": -0.01}, 400),
        ({"Fee": None}, 400),
        ({"ReserveEscrowAmount": -1}, 400),
        ({"DateFunded": "soon"}, 400),
        ({"ReferenceNumber": " "}, 400),
        ({"LoadNumber": "1"}, 404),
        ({"LoadNumber": MONTH.notable["released"]}, 400),
        ({"DateFunded": "2026-11-01T00:00:00Z", "ReserveEscrowAmount": 10}, 200),
    ],
)
async def test_financing_that_cannot_be_is_refused(tenant: Tenant, change: dict[str, Any], status: int) -> None:
    assert (await tenant.api("POST", "invoices/financing", funding("f-1", **change)))[0] == status
