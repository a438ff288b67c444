from collections.abc import AsyncIterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from adapters.sandbox import serve
from adapters.sandbox.alvys import AlvysSandbox, Limits, Month, generate
from tests.sandbox.alvys_tenant import CREDENTIALS, Clock, Tenant, sandbox, tenant_of

MONTH = generate(date(2026, 10, 1), 1)
INVOICED = next(load for load in MONTH.loads if load["Status"] == "Invoiced")["LoadNumber"]
BROKERED = next(trip for trip in MONTH.trips if trip["Carrier"] and trip["Status"] == "Invoiced")
LOADS = {"Page": 0, "PageSize": 200, "IncludeDeleted": False, "UpdatedAtRange": {"Start": "2026-09-01T00:00:00Z"}}


def opened(clock: Clock, month: Month | None = MONTH, directory: Path | None = None, requests: int = 0) -> AlvysSandbox:
    return sandbox(clock, month=month, directory=directory, limits=Limits(requests=requests))


@pytest.fixture
async def tenant() -> AsyncIterator[Tenant]:
    clock = Clock()
    async with tenant_of(opened(clock), clock) as each:
        yield each


@pytest.fixture
async def throttled() -> AsyncIterator[Tenant]:
    clock = Clock()
    async with tenant_of(opened(clock, requests=10), clock) as each:
        yield each


# Tokens


async def test_form_gets_a_token_as_json_does(tenant: Tenant) -> None:
    async with tenant.session.post("/oauth/token", data=CREDENTIALS) as answer:
        token = await answer.json()
    assert (answer.status, token["token_type"], token["expires_in"]) == (200, "Bearer", 3600)


@pytest.mark.parametrize(
    ("wrong", "status", "error"),
    [
        ({"client_secret": "guess"}, 401, "access_denied"),
        ({"client_id": "someone"}, 401, "access_denied"),
        ({"audience": "https://elsewhere.example/"}, 403, "access_denied"),
        ({"audience": ""}, 400, "invalid_request"),
        ({"grant_type": "password"}, 403, "unsupported_grant_type"),
    ],
)
async def test_wrong_credentials_get_no_token(tenant: Tenant, wrong: dict[str, str], status: int, error: str) -> None:
    answered, body, _ = await tenant.call("POST", "/oauth/token", CREDENTIALS | wrong)
    assert (answered, body["error"]) == (status, error)


async def test_the_default_agent_of_python_is_turned_away(tenant: Tenant) -> None:
    headers = {"User-Agent": "Python-urllib/3.11"}
    async with tenant.session.post("/oauth/token", json=CREDENTIALS, headers=headers) as answer:
        assert answer.status == 403


@pytest.mark.parametrize("body", ["{", "[]", ""])
async def test_request_for_a_token_that_says_nothing_is_refused(tenant: Tenant, body: str) -> None:
    headers = {"Content-Type": "application/json"}
    async with tenant.session.post("/oauth/token", data=body, headers=headers) as answer:
        assert (answer.status, (await answer.json())["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("bearer", ["", "Bearer ", "Bearer a.b.c", "Basic eyJ"])
async def test_call_without_our_token_is_unauthorized(tenant: Tenant, bearer: str) -> None:
    tenant.headers = {"Authorization": bearer}
    status, problem, headers = await tenant.call("GET", "/api/p/v1/drivers")
    assert (status, problem["Status"], headers["WWW-Authenticate"]) == (401, 401, "Bearer")
    assert headers["Content-Type"].startswith("application/problem+json")


async def test_token_expires_after_its_hour(tenant: Tenant) -> None:
    tenant.clock.now += timedelta(seconds=3599)
    assert (await tenant.call("GET", "/api/p/v1/drivers"))[0] == 200
    tenant.clock.now += timedelta(seconds=1)
    assert (await tenant.call("GET", "/api/p/v1/drivers"))[0] == 401


async def test_revoked_token_is_worth_nothing_until_the_next_one(tenant: Tenant) -> None:
    await tenant.call("POST", "/_sandbox/hands/revoke_tokens", {})
    assert (await tenant.call("GET", "/api/p/v1/drivers"))[0] == 401
    await tenant.sign_in()
    assert (await tenant.call("GET", "/api/p/v1/drivers"))[0] == 200


# Searches and reads


@pytest.mark.parametrize("version", ["v1", "v1.0", "v2.0"])
async def test_every_documented_version_answers(tenant: Tenant, version: str) -> None:
    status, found, _ = await tenant.call("POST", f"/api/p/{version}/loads/search", LOADS)
    assert (status, found["Total"]) == (200, 60)


async def test_pages_from_zero_hold_everything_once(tenant: Tenant) -> None:
    numbers: list[str] = []
    for page in range(4):
        _, found, _ = await tenant.call("POST", "/api/p/v1/loads/search", LOADS | {"Page": page, "PageSize": 20})
        assert (found["Page"], found["PageSize"], found["Total"]) == (page, 20, 60)
        numbers += [load["LoadNumber"] for load in found["Items"]]
    assert numbers == [load["LoadNumber"] for load in MONTH.loads]


@pytest.mark.parametrize(
    ("kind", "change", "wrong"),
    [
        ("loads", {"Page": -1}, "Page"),
        ("loads", {"Page": None}, "Page"),
        ("loads", {"PageSize": 0}, "PageSize"),
        ("loads", {"PageSize": 201}, "PageSize"),
        ("loads", {"IncludeDeleted": None}, "IncludeDeleted"),
        ("loads", {"UpdatedAtRange": None}, ""),
        ("loads", {"UpdatedAtRange": None, "Status": []}, ""),
        ("loads", {"UpdatedAtRange": {"Start": "yesterday"}}, "UpdatedAtRange"),
        ("loads", {"Status": "Invoiced"}, "Status"),
        ("loads", {"Status": [1]}, "Status"),
        ("loads", {"LoadNumbers": [str(n) for n in range(151)]}, "LoadNumbers"),
        ("trips", {"LoadNumbers": [str(n) for n in range(51)]}, "LoadNumbers"),
        ("invoices", {"LoadNumbers": [str(n) for n in range(51)]}, "LoadNumbers"),
        ("invoices", {}, ""),
        ("customers", {}, "Statuses"),
        ("carriers", {}, ""),
        ("carriers", {"PageSize": 201, "Status": ["Active"]}, "PageSize"),
        ("drivers", {}, ""),
        ("drivers", {"IsActive": "yes"}, "IsActive"),
    ],
)
async def test_search_that_breaks_a_rule_names_the_property(
    tenant: Tenant, kind: str, change: dict[str, Any], wrong: str
) -> None:
    status, problem, headers = await tenant.call("POST", f"/api/p/v1/{kind}/search", LOADS | change)
    assert (status, list(problem["Errors"]), problem["Status"]) == (400, [wrong], 400)
    assert headers["Content-Type"].startswith("application/json")


@pytest.mark.parametrize("body", ["[]", "{", "1"])
async def test_body_that_is_no_object_is_refused(tenant: Tenant, body: str) -> None:
    headers = tenant.headers | {"Content-Type": "application/json"}
    async with tenant.session.post("/api/p/v1/loads/search", data=body, headers=headers) as answer:
        assert answer.status == 400
    async with tenant.session.post("/api/p/v1/loads/search", data=body, headers=tenant.headers) as answer:
        assert answer.status == 415


async def test_range_holds_both_its_ends(tenant: Tenant) -> None:
    stamps = sorted(load["UpdatedAt"] for load in MONTH.loads)
    found = await tenant.search("loads", IncludeDeleted=False, UpdatedAtRange={"Start": stamps[10], "End": stamps[20]})
    assert sorted(load["UpdatedAt"] for load in found) == stamps[10:21]


async def test_misspelt_range_filters_nothing(tenant: Tenant) -> None:
    found = await tenant.search("loads", IncludeDeleted=False, UpdatedAtRange={"Begin": "2026-10-30T00:00:00Z"})
    assert len(found) == 60


@pytest.mark.parametrize(
    ("kind", "request_", "expected"),
    [
        ("loads", {"IncludeDeleted": False, "Status": ["Released", "Cancelled"]}, 4),
        ("loads", {"IncludeDeleted": False, "LoadNumbers": [INVOICED, "none"]}, 1),
        ("trips", {"IncludeDeleted": False, "LoadNumbers": [MONTH.notable["two_carriers"]]}, 2),
        ("trips", {"IncludeDeleted": False, "TripNumbers": [BROKERED["TripNumber"]]}, 1),
        ("invoices", {"LoadNumbers": [INVOICED, MONTH.notable["released"]]}, 1),
        ("invoices", {"Status": ["Paid"]}, 0),
        ("invoices", {"InvoicedDateRange": {"Start": "2026-09-01T00:00:00Z", "End": "2026-09-30T23:59:59Z"}}, 1),
        ("invoices", {"PaidDateRange": {"Start": "2026-01-01T00:00:00Z"}}, 0),
        ("customers", {"Statuses": ["Active"]}, 14),
        ("customers", {"Statuses": ["Inactive"]}, 0),
        ("carriers", {"Ids": [MONTH.carriers[3]["Id"]]}, 1),
        ("carriers", {"McNumbers": [MONTH.carriers[3]["McNum"]], "Status": ["Active"]}, 1),
        ("drivers", {"FleetName": "Blue Mesa Fleet", "IsActive": True}, 6),
        ("drivers", {"Name": "Li Wei"}, 1),
        ("drivers", {"IsActive": False}, 0),
    ],
)
async def test_filters_find_what_they_say(tenant: Tenant, kind: str, request_: dict[str, Any], expected: int) -> None:
    assert len(await tenant.search(kind, **request_)) == expected


async def test_one_customers_invoices_are_found_by_its_id(tenant: Tenant) -> None:
    customer = MONTH.load(INVOICED)["CustomerId"]
    found = await tenant.search("invoices", CustomerId=customer)
    assert found
    assert {invoice["Customer"]["Id"] for invoice in found} == {customer}


async def test_deleted_load_is_shown_to_those_who_ask(tenant: Tenant) -> None:
    await tenant.call("POST", "/_sandbox/hands/delete_load", {"load_number": INVOICED})
    assert await tenant.search("loads", IncludeDeleted=False, LoadNumbers=[INVOICED]) == []
    (gone,) = await tenant.search("loads", IncludeDeleted=True, LoadNumbers=[INVOICED])
    assert gone["IsDeleted"] is True
    assert await tenant.search("invoices", LoadNumbers=[INVOICED]) == []
    assert (await tenant.call("GET", f"/api/p/v1/loads?loadNumber={INVOICED}"))[0] == 404
    trip = f"{INVOICED}-1"
    assert (await tenant.call("GET", f"/api/p/v1/trips?tripNumber={trip}"))[0] == 404
    assert (await tenant.call("GET", f"/api/p/v1/trips?tripNumber={trip}&includeDeleted=true"))[0] == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"loads?loadNumber={INVOICED}", 200),
        (f"loads?id={MONTH.loads[0]['Id']}", 200),
        (f"loads?orderNumber={MONTH.loads[0]['OrderNumber']}", 200),
        (f"trips?id={BROKERED['Id']}", 200),
        (f"invoices?invoiceNumber={INVOICED}", 200),
        (f"customers?companyNumber={MONTH.customers[0]['CompanyNumber']}", 200),
        (f"carriers/{MONTH.carriers[0]['Id']}", 200),
        (f"drivers/{MONTH.drivers[0]['Id']}", 200),
        ("drivers", 200),
        ("loads", 400),
        ("loads?loadNumber=1", 404),
        ("carriers/1", 404),
        ("nothing", 404),
    ],
)
async def test_reads_answer_by_number_and_id(tenant: Tenant, path: str, status: int) -> None:
    assert (await tenant.call("GET", f"/api/p/v1/{path}"))[0] == status


async def test_amounts_keep_their_cents_on_the_wire(tenant: Tenant) -> None:
    (shown,) = await tenant.search("invoices", LoadNumbers=[INVOICED])
    (kept,) = [invoice for invoice in MONTH.invoices if invoice["Number"] == INVOICED]
    assert shown == kept


# Throttle


@pytest.mark.parametrize(("path", "most"), [("drivers/1", 10), ("drivers", 5), ("loads?loadNumber=1", 5)])
async def test_request_beyond_an_endpoints_limit_waits(throttled: Tenant, path: str, most: int) -> None:
    for _ in range(most):
        assert (await throttled.call("GET", f"/api/p/v1/{path}"))[0] in {200, 404}
    status, problem, headers = await throttled.call("GET", f"/api/p/v1/{path}")
    assert (status, problem["Status"], headers["Retry-After"]) == (429, 429, "60")
    assert (await throttled.call("GET", f"/api/p/v1/trips?tripNumber={INVOICED}-1"))[0] == 200
    throttled.clock.now += timedelta(seconds=59)
    assert (await throttled.call("GET", f"/api/p/v1/{path}"))[0] == 429
    throttled.clock.now += timedelta(seconds=1)
    assert (await throttled.call("GET", f"/api/p/v1/{path}"))[0] in {200, 404}


async def test_carriers_share_one_throttle_whatever_their_id(throttled: Tenant) -> None:
    for carrier in MONTH.carriers[:10]:
        assert (await throttled.call("GET", f"/api/p/v1/carriers/{carrier['Id']}"))[0] == 200
    assert (await throttled.call("GET", f"/api/p/v1.0/carriers/{MONTH.carriers[11]['Id']}"))[0] == 429


# Faults


async def arm(tenant: Tenant, **rule: object) -> None:
    status, answer, _ = await tenant.call("POST", "/_sandbox/faults", rule)
    assert status == 200, answer


@pytest.mark.parametrize(("action", "status"), [("html_502", 502), ("throttle_429", 429), ("error_500", 500)])
async def test_refusing_fault_strikes_as_often_as_counted(tenant: Tenant, action: str, status: int) -> None:
    await arm(tenant, action=action, path="invoices/*", method="POST", count=2, seconds=7)
    request = payment(10, "r-1")
    for _ in range(2):
        answered, _, headers = await tenant.call("POST", "/api/p/v1/invoices/customer-payments", request)
        assert answered == status
        assert headers.get("Retry-After") == ("7" if status == 429 else None)
    assert tenant.sandbox.books.all("customer_payments") == []
    assert (await tenant.call("POST", "/api/p/v1/invoices/customer-payments", request))[0] == 200


@pytest.mark.parametrize(("action", "committed"), [("drop", 0), ("commit_then_drop", 1)])
async def test_dropped_line_tells_nothing_of_what_was_committed(tenant: Tenant, action: str, committed: int) -> None:
    await arm(tenant, action=action, count=1, path="invoices/customer-payments")
    with pytest.raises(aiohttp.ClientError):
        await tenant.call("POST", "/api/p/v1/invoices/customer-payments", payment(10, "r-1"))
    assert len(tenant.sandbox.books.all("customer_payments")) == committed


async def test_error_can_follow_a_commit(tenant: Tenant) -> None:
    await arm(tenant, action="commit_then_500", count=1)
    assert (await tenant.call("POST", "/api/p/v1/invoices/customer-payments", payment(10, "r-1")))[0] == 500
    assert len(tenant.sandbox.books.all("customer_payments")) == 1


async def test_cut_answer_is_no_json(tenant: Tenant) -> None:
    await arm(tenant, action="cut_json", count=1)
    with pytest.raises(msgspec.DecodeError):
        await tenant.call("GET", "/api/p/v1/drivers")


async def test_slow_answer_comes_in_the_end(tenant: Tenant) -> None:
    await arm(tenant, action="slow", seconds=0.01, count=1)
    assert (await tenant.call("GET", "/api/p/v1/drivers"))[0] == 200


async def test_chance_of_a_fault_repeats_with_its_seed(tenant: Tenant) -> None:
    async def outcomes() -> list[int]:
        await arm(tenant, action="error_500", probability=0.5, seed=3)
        statuses = [(await tenant.call("GET", "/api/p/v1/drivers"))[0] for _ in range(20)]
        await tenant.call("DELETE", "/_sandbox/faults")
        return statuses

    first = await outcomes()
    assert set(first) == {200, 500}
    assert await outcomes() == first


@pytest.mark.parametrize("rule", [{"action": "explode"}, {"path": "*"}, {"action": "drop", "when": "now"}])
async def test_misspelt_fault_is_refused(tenant: Tenant, rule: dict[str, str]) -> None:
    assert (await tenant.call("POST", "/_sandbox/faults", rule))[0] == 400
    assert len(tenant.sandbox.faults) == 0


# Control


async def test_books_and_requests_can_be_looked_at(tenant: Tenant) -> None:
    await tenant.search("drivers", IsActive=True)
    await tenant.call("GET", "/api/p/v1/carriers/1")
    _, books, _ = await tenant.call("GET", "/_sandbox/books")
    assert books["loads"] == MONTH.loads
    assert books["customer_payments"] == []
    _, requests, _ = await tenant.call("GET", "/_sandbox/requests")
    assert requests["by_endpoint"] == {"POST oauth/token": 1, "POST drivers/search": 1, "GET carriers/{id}": 1}
    assert requests["by_status"] == {"200": 2, "404": 1}
    assert requests["total"] == 3


@pytest.mark.parametrize(
    ("action", "arguments", "status"),
    [
        ("dance", {}, 404),
        ("release", {}, 400),
        ("release", {"load_number": "1"}, 404),
        ("release", {"load_number": INVOICED}, 400),
        ("release", {"load_number": MONTH.notable["delivered"]}, 200),
    ],
)
async def test_person_is_told_what_cannot_be_done(
    tenant: Tenant, action: str, arguments: dict[str, str], status: int
) -> None:
    assert (await tenant.call("POST", f"/_sandbox/hands/{action}", arguments))[0] == status


# Payments


def payment(amount: float, reference: str, load: str = INVOICED, **more: object) -> dict[str, Any]:
    return {
        "LoadNumber": load,
        "Amount": {"Amount": amount, "Currency": 840},
        "PaymentDate": "2026-11-01T00:00:00Z",
        "ReferenceNumber": reference,
    } | more


async def pay(tenant: Tenant, request: dict[str, Any], path: str = "customer-payments") -> dict[str, Any]:
    status, answer, _ = await tenant.call("POST", f"/api/p/v1/invoices/{path}", request)
    assert status == 200, answer
    return dict(answer)


async def test_partial_payment_leaves_the_load_invoiced(tenant: Tenant) -> None:
    answer = await pay(tenant, payment(100.10, "r-1", CheckNumber="77"))
    assert answer["Status"] == "Invoiced"
    assert answer["TotalPaid"]["Amount"] == Decimal("100.10")
    (invoice,) = await tenant.search("invoices", LoadNumbers=[INVOICED])
    assert invoice["Status"] == "AwaitingPayment"
    assert invoice["RemainingBalance"]["Amount"] == invoice["Total"]["Amount"] - Decimal("100.10")
    (entry,) = invoice["Payments"]
    assert (entry["PaymentReference"], entry["CheckNumber"]) == ("r-1", "77")


async def test_full_payment_completes_the_load_and_moves_its_update_time(tenant: Tenant) -> None:
    total = MONTH.load(INVOICED)["CustomerRate"]["Amount"]
    await pay(tenant, payment(1, "r-1"))
    answer = await pay(tenant, payment(total - 1, "r-2"))
    assert answer["Status"] == "Completed"
    assert answer["TotalBillable"]["Amount"] == total
    found = await tenant.search("loads", IncludeDeleted=False, UpdatedAtRange={"Start": tenant.clock.now.isoformat()})
    assert [(load["LoadNumber"], load["TotalPaid"]["Amount"]) for load in found] == [(INVOICED, total)]
    assert len(found[0]["Payments"]) == 2
    (invoice,) = await tenant.search("invoices", PaidDateRange={"Start": "2026-11-01T00:00:00Z"})
    assert (invoice["Status"], invoice["RemainingBalance"]["Amount"]) == ("Paid", 0)


async def test_repeated_reference_answers_for_the_first_payment(tenant: Tenant) -> None:
    first = await pay(tenant, payment(10, "r-1"))
    again = await pay(tenant, payment(25, "r-1"))
    assert again == first
    other = await pay(tenant, payment(10, "r-1", load=MONTH.planted["number_taken"]))
    assert other["Id"] != first["Id"]
    assert len(tenant.sandbox.books.all("customer_payments")) == 2


async def test_overpayment_is_shown_as_such(tenant: Tenant) -> None:
    total = MONTH.load(INVOICED)["CustomerRate"]["Amount"]
    await pay(tenant, payment(total + 5, "r-1"))
    (invoice,) = await tenant.search("invoices", LoadNumbers=[INVOICED])
    assert (invoice["RemainingBalance"]["Amount"], invoice["OverPaymentAmount"]["Amount"]) == (0, 5)


@pytest.mark.parametrize(
    ("change", "status", "wrong"),
    [
        ({"Amount": {"Amount": 0}}, 400, "Amount"),
        ({"Amount": {"Amount": -1}}, 400, "Amount"),
        ({"Amount": {"Amount": 1.001}}, 400, "Amount"),
        ({"Amount": 5}, 400, "Amount"),
        ({"Amount": {"Amount": True}}, 400, "Amount"),
        ({"ReferenceNumber": " "}, 400, "ReferenceNumber"),
        ({"PaymentDate": None}, 400, "PaymentDate"),
        ({"PaymentDate": "soon"}, 400, "PaymentDate"),
        ({"InvoiceNumber": "other"}, 400, "InvoiceNumber"),
        ({"LoadNumber": MONTH.notable["released"]}, 400, "LoadNumber"),
        ({"LoadNumber": "1"}, 404, None),
    ],
)
async def test_payment_that_cannot_be_is_refused(
    tenant: Tenant, change: dict[str, Any], status: int, wrong: str | None
) -> None:
    request = payment(10, "r-1") | change
    answered, problem, _ = await tenant.call("POST", "/api/p/v1/invoices/customer-payments", request)
    assert answered == status
    assert list(problem.get("Errors", {})) == ([wrong] if wrong else [])
    assert tenant.sandbox.books.all("customer_payments") == []


def carrier_payment(amount: object, reference: str, trip: str = BROKERED["Id"]) -> dict[str, Any]:
    request = payment(0, reference) | {"Amount": {"Amount": amount}, "TripId": trip}
    del request["LoadNumber"]
    return request


async def test_carrier_payments_complete_the_trip_once_they_cover_it(tenant: Tenant) -> None:
    payable = BROKERED["Carrier"]["TotalPayable"]["Amount"]
    part = await pay(tenant, carrier_payment(payable - 1, "k-1"), "carrier-payments")
    assert (part["Status"], len(part["CarrierPayments"])) == ("Invoiced", 1)
    again = await pay(tenant, carrier_payment(payable - 1, "k-1"), "carrier-payments")
    assert again == part
    whole = await pay(tenant, carrier_payment(1, "k-2"), "carrier-payments")
    assert whole["Status"] == "Completed"
    assert [each["ReferenceNumber"] for each in whole["CarrierPayments"]] == ["k-1", "k-2"]
    found = await tenant.search("trips", IncludeDeleted=False, UpdatedAtRange={"Start": tenant.clock.now.isoformat()})
    assert [(trip["TripNumber"], trip["CarrierPaidAt"]) for trip in found] == [
        (BROKERED["TripNumber"], "2026-11-01T00:00:00Z")
    ]


async def test_trip_without_a_carrier_takes_no_payment(tenant: Tenant) -> None:
    own = next(trip for trip in MONTH.trips if not trip["Carrier"])
    for trip, expected in ((own["Id"], 400), ("none", 404)):
        request = carrier_payment(10, "k-1", trip)
        assert (await tenant.call("POST", "/api/p/v1/invoices/carrier-payments", request))[0] == expected


# Memory


def remembered(directory: Path, month: Month | None = None) -> dict[str, list[dict[str, Any]]]:
    twin = opened(Clock(), month, directory)
    try:
        return twin.books.snapshot()
    finally:
        twin.close()


async def test_restarted_sandbox_knows_its_payments_and_tokens(tmp_path: Path) -> None:
    clock = Clock()
    async with tenant_of(opened(clock, directory=tmp_path), clock) as before:
        await pay(before, payment(10, "r-1"))
        headers, books = before.headers, before.sandbox.books.snapshot()
    with (tmp_path / "alvys.jsonl").open("ab") as journal:
        journal.write(b'[["loads","torn')
    async with tenant_of(opened(clock, generate(date(2026, 9, 1), 5), tmp_path), clock) as after:
        assert after.sandbox.books.snapshot() == books
        after.headers = headers
        await pay(after, payment(10, "r-1"))
        await pay(after, payment(10, "r-2"))
        books = after.sandbox.books.snapshot()
    assert len(books["customer_payments"]) == 2
    assert remembered(tmp_path) == books


async def test_empty_tenant_stays_empty_when_it_restarts(tmp_path: Path) -> None:
    assert remembered(tmp_path)["loads"] == []
    assert remembered(tmp_path, MONTH)["loads"] == []


def test_journal_that_is_none_is_left_as_it_is(tmp_path: Path) -> None:
    journal = tmp_path / "alvys.jsonl"
    journal.write_bytes(b'{"kind": "loads"}\nrest\n')
    with pytest.raises(ValueError, match="no commit"):
        remembered(tmp_path)
    assert journal.read_bytes() == b'{"kind": "loads"}\nrest\n'


async def test_sandbox_listens_on_loopback_only() -> None:
    with pytest.raises(ValueError, match="loopback"):
        async with serve(opened(Clock()).app(), "0.0.0.0"):
            pass
