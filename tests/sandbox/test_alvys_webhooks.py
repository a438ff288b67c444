"""Webhooks: who gets events, how they are signed, tried again, logged and given up."""

import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import anyio
import msgspec
import pytest
from aiohttp import web

from adapters.sandbox import serve
from adapters.sandbox.alvys import SUBSIDIARY, SUBSIDIARY_IDS, TRANSPORT, Delivery, Switches, generate, hands
from tests.sandbox.alvys_tenant import Clock, Tenant, sandbox, tenant_of

MONTH = generate(date(2026, 10, 1), 1)
DELIVERED, INVOICED = MONTH.notable["delivered"], MONTH.planted["number_taken"]
BROKERED = next(trip for trip in MONTH.trips if trip["Carrier"] and trip["Status"] == "Released")
QUICK = Delivery(time_factor=0)
EVERY = ["load.changed", "load.status.changed", "trip.changed", "trip.status.changed", "trip.document.uploaded"]


@dataclass
class Receiver:
    """An endpoint that keeps what comes, and answers as it is told."""

    url: str = ""
    answer: Callable[[web.Request], int] = lambda _: 200
    proves: bool = True
    came: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        if request.headers["X-Alvys-Event"] == "webhook.verification":
            assert "X-Alvys-Signature" not in request.headers
            token = msgspec.json.decode(body)["challenge"] if self.proves else "guess"
            assert not self.proves or token == request.headers["X-Alvys-Challenge"]
            return web.json_response({"challenge": token})
        self.came.append((dict(request.headers), body))
        return web.Response(status=self.answer(request), text="so it is")

    async def until(self, count: int) -> list[dict[str, Any]]:
        await until(lambda: len(self.came) >= count)
        return [msgspec.json.decode(body) for _, body in self.came]


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    each, app = Receiver(), web.Application()
    app.router.add_post("/hook", each.take)
    async with serve(app) as url:
        each.url = f"{url}/hook"
        yield each


@asynccontextmanager
async def subscribed(
    events: list[str], delivery: Delivery = QUICK, *, subsidiary: str = SUBSIDIARY, switches: Switches | None = None
) -> AsyncIterator[tuple[Tenant, Receiver, dict[str, Any]]]:
    clock = Clock()
    twin = sandbox(clock, month=MONTH, delivery=delivery, switches=switches or Switches())
    async with receiver() as heard, tenant_of(twin, clock) as tenant:
        body = {"Name": "Books", "SubsidiaryId": SUBSIDIARY_IDS[subsidiary], "Url": heard.url, "Events": events}
        status, webhook = await tenant.api("POST", "webhooks", body)
        assert (status, webhook["Status"]) == (201, "Pending")
        status, verified = await tenant.api("POST", f"webhooks/{webhook['Id']}/verify")
        assert (status, verified["Status"]) == (200, "Active")
        yield tenant, heard, webhook


async def until(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(5):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in other tasks, most of it without an event
            await anyio.sleep(0.002)


def kept(tenant: Tenant, webhook: dict[str, Any]) -> dict[str, Any]:
    return tenant.sandbox.books.known("webhooks", webhook["Id"])


async def logs_of(tenant: Tenant, webhook: dict[str, Any], query: str = "") -> list[dict[str, Any]]:
    status, page = await tenant.api("GET", f"webhooks/{webhook['Id']}/delivery-logs{query}")
    assert status == 200
    return list(page["Items"])


# What is told


async def test_one_write_tells_of_the_change_and_of_the_new_status() -> None:
    async with subscribed(EVERY) as (tenant, heard, _):
        hands.release(tenant.sandbox.books, DELIVERED)
        events = {event["type"]: event for event in await heard.until(4)}
        assert sorted(events) == sorted(EVERY[:4])
        changed, moved = events["load.changed"], events["load.status.changed"]
        assert changed["id"].removesuffix("-0") == moved["id"].removesuffix("-1")
        assert changed["data"]["load"]["loadNumber"] == DELIVERED
        assert changed["data"]["load"]["status"] == "Released"
        assert {"kind": "StatusChanged"} in changed["data"]["diff"]["changes"]
        assert "diff" not in moved["data"]
        assert {"kind": "ReleasedChanged"} in events["trip.changed"]["data"]["diff"]["changes"]


async def test_names_in_a_snapshot_start_small() -> None:
    async with subscribed(["load.changed"]) as (tenant, heard, _):
        hands.edit_line(tenant.sandbox.books, INVOICED, "Linehaul", 5)
        (event,) = await heard.until(1)
        load = event["data"]["load"]
        assert {"id", "poNumber", "orderNumber", "customerAccessorialsDetails"} <= load.keys()
        assert load["linehaul"] == {"amount": 5, "currency": 840}
        kinds = [change["kind"] for change in event["data"]["diff"]["changes"]]
        assert kinds == ["RateChanged", "InvoicedChanged"]


async def test_changed_order_number_names_its_field() -> None:
    async with subscribed(["load.changed"]) as (tenant, heard, _):
        _, _, headers = await tenant.call("GET", f"/api/p/v1/loads?loadNumber={INVOICED}")
        await tenant.api("PATCH", f"loads/{INVOICED}", {"OrderNumber": "S-1"}, **{"If-Match": headers["ETag"]})
        (event,) = await heard.until(1)
        assert event["data"]["diff"]["changes"] == [
            {"kind": "FieldChanged", "target": {"type": "Field", "id": "OrderNumber"}}
        ]


async def test_uploaded_carrier_invoice_is_told_with_its_trip() -> None:
    async with subscribed(["trip.document.uploaded"]) as (tenant, heard, _):
        hands.upload_carrier_invoice(tenant.sandbox.books, BROKERED["TripNumber"], "K-1")
        (event,) = await heard.until(1)
        document = event["data"]["document"]
        assert event["data"]["tripId"] == BROKERED["Id"]
        assert (document["attachmentType"], document["parentId"]) == ("Carrier Invoice", BROKERED["LoadNumber"])
        assert event["id"] == f"{document['id']}-{event['etag']}"


async def test_only_what_was_asked_for_is_told_to_whom_it_concerns() -> None:
    async with subscribed(["trip.changed"], subsidiary=TRANSPORT) as (tenant, heard, other):
        body = {"Name": "Ours", "SubsidiaryId": SUBSIDIARY_IDS[SUBSIDIARY], "Url": heard.url, "Events": EVERY[:1]}
        _, ours = await tenant.api("POST", "webhooks", body)
        hands.release(tenant.sandbox.books, DELIVERED)
        await tenant.api("POST", f"webhooks/{ours['Id']}/enable")
        hands.invoice(tenant.sandbox.books, DELIVERED)
        (event,) = await heard.until(1)
        assert (event["type"], event["data"]["load"]["status"]) == ("load.changed", "Invoiced")
        assert await logs_of(tenant, other) == []


# How it is signed


def signed(secret: str, headers: dict[str, str], body: bytes) -> str:
    text = f"{headers['X-Alvys-Timestamp']}.{headers['X-Alvys-Event-Id']}.".encode() + body
    return hmac.new(secret.encode(), text, "sha256").hexdigest()


async def test_signature_covers_time_event_and_body() -> None:
    async with subscribed(["load.changed"]) as (tenant, heard, webhook):
        hands.edit_line(tenant.sandbox.books, INVOICED, "Linehaul", 5)
        await heard.until(1)
        headers, body = heard.came[0]
        seconds = f"{int(tenant.clock.now.timestamp())}"
        assert headers["X-Alvys-Timestamp"] == seconds
        assert headers["X-Alvys-Signature"] == f"t={seconds},v1={signed(webhook['Secret'], headers, body)}"
        assert headers["X-Alvys-Event"] == "load.changed"
        assert headers["X-Alvys-Event-Id"] == msgspec.json.decode(body)["id"]
        assert headers["X-Alvys-Attempt"] == "1"


@pytest.mark.parametrize("window", [3600.0, 60.0])
async def test_rotated_secret_signs_beside_the_previous_one_for_its_window(window: float) -> None:
    switches = Switches(rotation_window_seconds=window)
    async with subscribed(["load.changed"], switches=switches) as (tenant, heard, webhook):
        _, rotated = await tenant.api("POST", f"webhooks/{webhook['Id']}/rotate-secret")
        assert rotated["Secret"] != webhook["Secret"]
        for seconds, count in ((window - 1, 1), (1, 2)):
            tenant.clock.now += timedelta(seconds=seconds)
            hands.edit_line(tenant.sandbox.books, INVOICED, "Linehaul", count)
            await heard.until(count)
        both, one = heard.came
        new, old = (signed(secret, *both) for secret in (rotated["Secret"], webhook["Secret"]))
        assert both[0]["X-Alvys-Signature"].split(",")[1:] == [f"v1={new}", f"v0={old}"]
        assert one[0]["X-Alvys-Signature"].split(",")[1:] == [f"v1={signed(rotated['Secret'], *one)}"]


@pytest.mark.parametrize("masked", [True, False])
async def test_secret_in_reads_follows_the_switch(masked: bool) -> None:  # noqa: FBT001 - a switch has two positions
    async with subscribed(EVERY, switches=Switches(webhook_reads_masked=masked)) as (tenant, _, webhook):
        _, read = await tenant.api("GET", f"webhooks/{webhook['Id']}")
        assert (read["Secret"] == webhook["Secret"]) is not masked
        _, revealed = await tenant.api("POST", f"webhooks/{webhook['Id']}/reveal-secret")
        assert revealed["Secret"] == webhook["Secret"]


# When it goes wrong


@pytest.mark.parametrize(
    ("statuses", "attempts", "failures"),
    [
        ([500, 503, 408, 200], 4, 0),
        ([429, 200], 2, 0),
        ([500, 500, 500, 500], 4, 1),
        ([404], 1, 1),
        ([301], 1, 1),
    ],
)
async def test_attempts_end_with_a_yes_or_a_definite_no(statuses: list[int], attempts: int, failures: int) -> None:
    async with subscribed(["load.changed"]) as (tenant, heard, webhook):
        left = iter(statuses)
        heard.answer = lambda _: next(left)
        hands.edit_line(tenant.sandbox.books, INVOICED, "Linehaul", 5)
        await heard.until(attempts)
        await until(lambda: kept(tenant, webhook)["LastTriggeredAt"] is not None)
        assert kept(tenant, webhook)["ConsecutiveFailures"] == failures
        numbers = [headers["X-Alvys-Attempt"] for headers, _ in heard.came]
        assert numbers == [f"{number}" for number in range(1, attempts + 1)]
        assert len({(headers["X-Alvys-Event-Id"], body) for headers, body in heard.came}) == 1
        logs = await logs_of(tenant, webhook)
        assert [each["HttpStatusCode"] for each in reversed(logs)] == statuses


@pytest.mark.parametrize(("ladder", "waits"), [("offsets", [0, 10, 20, 30]), ("gaps", [0, 10, 30, 60])])
async def test_retries_wait_as_the_ladder_says(
    ladder: Any, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async with subscribed(["load.changed"], Delivery(), switches=Switches(retry_ladder=ladder)) as (
        tenant,
        heard,
        hook,
    ):
        monkeypatch.setattr("adapters.sandbox.alvys.deliveries.pause", sleep)
        heard.answer = lambda _: 500
        hands.edit_line(tenant.sandbox.books, INVOICED, "Linehaul", 5)
        await until(lambda: kept(tenant, hook)["ConsecutiveFailures"] == 1)
    assert slept == waits


async def test_tenth_failed_event_in_a_row_disables_the_webhook() -> None:
    async with subscribed(["load.changed"]) as (tenant, heard, webhook):
        heard.answer = lambda _: 500
        for count in range(1, 10):
            hands.edit_line(tenant.sandbox.books, INVOICED, "Linehaul", count)
            await until(lambda: kept(tenant, webhook)["ConsecutiveFailures"] == count)  # noqa: B023 - waited for here
        assert kept(tenant, webhook)["Status"] == "Active"
        hands.edit_line(tenant.sandbox.books, INVOICED, "Linehaul", 10)
        await until(lambda: kept(tenant, webhook)["Status"] == "Disabled")
        assert "10 consecutive" in kept(tenant, webhook)["DisabledReason"]
        hands.edit_line(tenant.sandbox.books, INVOICED, "Linehaul", 11)
        heard.answer = lambda _: 200
        before = len(heard.came)
        status, enabled = await tenant.api("POST", f"webhooks/{webhook['Id']}/enable")
        assert (status, enabled["Status"], enabled["ConsecutiveFailures"]) == (200, "Active", 0)
        hands.edit_line(tenant.sandbox.books, INVOICED, "Linehaul", 12)
        events = await heard.until(before + 1)
        assert events[-1]["data"]["load"]["linehaul"]["amount"] == 12


async def test_success_forgets_earlier_failures() -> None:
    async with subscribed(["load.changed"]) as (tenant, heard, webhook):
        heard.answer = lambda _: 400
        hands.edit_line(tenant.sandbox.books, INVOICED, "Linehaul", 5)
        await until(lambda: kept(tenant, webhook)["ConsecutiveFailures"] == 1)
        heard.answer = lambda _: 204
        hands.edit_line(tenant.sandbox.books, INVOICED, "Linehaul", 6)
        await until(lambda: kept(tenant, webhook)["ConsecutiveFailures"] == 0)


async def test_disabled_in_between_retries_skips_what_is_left() -> None:
    async with subscribed(["load.changed"], Delivery(retries_seconds=(0.2,))) as (tenant, heard, webhook):
        heard.answer = lambda _: 500
        hands.edit_line(tenant.sandbox.books, INVOICED, "Linehaul", 5)
        await heard.until(1)
        assert (await tenant.api("POST", f"webhooks/{webhook['Id']}/disable"))[0] == 200
        await until(lambda: len(tenant.sandbox.books.all("deliveries")) == 2)
        assert {each["Status"] for each in await logs_of(tenant, webhook)} == {"Failed", "Skipped"}
        assert len(heard.came) == 1


async def test_silence_and_absence_are_failures_of_their_own() -> None:
    patience = Delivery(time_factor=0, retries_seconds=(), answer_seconds=0.05)
    async with subscribed(["load.changed"], patience) as (tenant, heard, webhook):
        heard.answer = lambda _: 200

        async def stall(request: web.Request) -> web.Response:
            await anyio.sleep(1)
            return web.Response()

        slow = web.Application()
        slow.router.add_post("/hook", stall)
        async with serve(slow) as url:
            tenant.sandbox.books.commit(("webhooks", kept(tenant, webhook) | {"Url": f"{url}/hook"}))
            hands.edit_line(tenant.sandbox.books, INVOICED, "Linehaul", 5)
            await until(lambda: kept(tenant, webhook)["ConsecutiveFailures"] == 1)
        hands.edit_line(tenant.sandbox.books, INVOICED, "Linehaul", 6)
        await until(lambda: kept(tenant, webhook)["ConsecutiveFailures"] == 2)
        assert [each["Status"] for each in await logs_of(tenant, webhook)] == ["Failed", "Timeout"]


@pytest.mark.parametrize(("twice", "count"), [(True, 2), (False, 1)])
async def test_duplicate_deliveries_follow_the_switch(twice: bool, count: int) -> None:  # noqa: FBT001 - a switch
    async with subscribed(["load.changed"], switches=Switches(duplicate_deliveries=twice)) as (tenant, heard, _):
        hands.edit_line(tenant.sandbox.books, INVOICED, "Linehaul", 5)
        await heard.until(count)
        await until(lambda: len(tenant.sandbox.books.all("deliveries")) == count)
        assert len({headers["X-Alvys-Event-Id"] for headers, _ in heard.came}) == 1
        assert len(heard.came) == count


# Subscriptions


async def test_endpoint_that_does_not_prove_itself_gets_nothing() -> None:
    async with subscribed(["load.changed"]) as (tenant, heard, webhook):
        heard.proves = False
        path = f"webhooks/{webhook['Id']}"
        _, verified = await tenant.api("POST", f"{path}/verify")
        assert verified["Status"] == "Disabled"
        assert (await tenant.api("POST", f"{path}/enable"))[0] == 400
        hands.edit_line(tenant.sandbox.books, INVOICED, "Linehaul", 5)
        heard.proves = True
        assert (await tenant.api("POST", f"{path}/enable"))[0] == 200
        assert (await tenant.api("POST", f"{path}/enable"))[0] == 400
        hands.edit_line(tenant.sandbox.books, INVOICED, "Linehaul", 6)
        (event,) = await heard.until(1)
        assert event["data"]["load"]["linehaul"]["amount"] == 6


async def test_other_url_has_to_be_verified_anew() -> None:
    async with subscribed(["load.changed"]) as (tenant, heard, webhook), receiver() as other:
        path = f"webhooks/{webhook['Id']}"
        status, changed = await tenant.api("PUT", path, {"Events": ["trip.changed"]})
        assert (status, changed["Status"], changed["Events"]) == (200, "Active", ["trip.changed"])
        _, changed = await tenant.api("PUT", path, {"Url": other.url})
        assert changed["Status"] == "Pending"
        await tenant.api("POST", f"{path}/verify")
        hands.release(tenant.sandbox.books, DELIVERED)
        assert [event["type"] for event in await other.until(1)] == ["trip.changed"]
        assert heard.came == []


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"Url": "https://elsewhere.example/hook"}, "Url"),
        ({"Url": "ftp://127.0.0.1/"}, "Url"),
        ({"Url": "http://[broken/"}, "Url"),
        ({"Events": []}, "Events"),
        ({"Events": ["invoice.paid"]}, "Events"),
        ({"Name": " "}, "Name"),
        ({"SubsidiaryId": "none"}, "SubsidiaryId"),
    ],
)
async def test_subscription_that_cannot_be_is_refused(change: dict[str, Any], wrong: str) -> None:
    async with subscribed(["load.changed"]) as (tenant, heard, _):
        body = {"Name": "B", "SubsidiaryId": SUBSIDIARY_IDS[SUBSIDIARY], "Url": f"{heard.url}/2", "Events": EVERY}
        status, problem = await tenant.api("POST", "webhooks", body | change)
        assert (status, list(problem["Errors"])) == (400, [wrong])


async def test_logs_are_filtered_exported_and_added_up() -> None:
    async with subscribed(["load.changed"]) as (tenant, heard, webhook):
        left = iter([500, 200])
        heard.answer = lambda _: next(left)
        hands.edit_line(tenant.sandbox.books, INVOICED, "Linehaul", 5)
        await until(lambda: len(tenant.sandbox.books.all("deliveries")) == 2)
        (failed,) = await logs_of(tenant, webhook, "?Status=Failed&EventType=load.changed")
        assert (failed["HttpStatusCode"], failed["AttemptNumber"]) == (500, 1)
        assert await logs_of(tenant, webhook, "?EventType=trip.changed") == []
        assert await logs_of(tenant, webhook, "?StartDate=2030-01-01T00:00:00Z") == []
        path = f"webhooks/{webhook['Id']}"
        _, detail = await tenant.api("GET", f"{path}/delivery-logs/{failed['Id']}")
        assert (detail["ResponseBody"], detail["EntityType"], detail["EntityId"]) == ("so it is", "Load", INVOICED)
        _, table = await tenant.api("GET", f"{path}/delivery-logs/export?Format=csv&PageSize=1")
        assert len(table.decode().splitlines()) == 2
        _, health = await tenant.api("GET", f"{path}/health?Days=1")
        counts = health["Metrics"]
        assert (counts["TotalAttempts"], counts["SuccessCount"], counts["FailureCount"]) == (2, 1, 1)
        assert counts["SuccessRate"] == 50
        for query in ("?PageSize=101", "?Page=x", "?StartDate=soon"):
            assert (await tenant.api("GET", f"{path}/delivery-logs{query}"))[0] == 400
