import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree as ET

import aiohttp
import msgspec
import pytest

from adapters.sandbox import serve
from adapters.sandbox.quickbooks import Limits, QuickBooksSandbox, Switches

encode = msgspec.json.Encoder(decimal_format="number").encode
REALM = "9130350000000001"
UNLIMITED = Limits(requests_per_minute=None, requests_per_second=None, batches_per_minute=None)
JSON = {"Accept": "application/json"}


class App:
    """A connected app."""

    def __init__(self, sandbox: QuickBooksSandbox, session: aiohttp.ClientSession, desk: Any) -> None:
        self.sandbox, self.session, self.desk = sandbox, session, desk
        self.headers = dict(JSON)

    async def refresh(self, token: str, secret: str = "sandbox-secret", **headers: str) -> tuple[int, Any]:
        basic = base64.b64encode(f"sandbox-client:{secret}".encode()).decode()
        form = {"grant_type": "refresh_token", "refresh_token": token}
        headers = {"Authorization": f"Basic {basic}"} | headers
        async with self.session.post("/oauth2/v1/tokens/bearer", data=form, headers=headers) as answer:
            return answer.status, await answer.json()

    async def sign_in(self) -> None:
        status, token = await self.refresh(self.sandbox.refresh_token)
        assert status == 200
        self.headers["Authorization"] = f"Bearer {token['access_token']}"

    async def raw(
        self, method: str, target: str, body: object = None, *, realm: str = REALM, **query: str
    ) -> tuple[int, bytes, Any]:
        data = body if isinstance(body, bytes) or body is None else encode(body)
        url = f"/v3/company/{realm}/{target}"
        async with self.session.request(method, url, data=data, params=query, headers=self.headers) as answer:
            return answer.status, await answer.read(), answer.headers

    async def call(self, method: str, target: str, body: object = None, **query: str) -> tuple[int, Any]:
        status, content, _ = await self.raw(method, target, body, **query)
        return status, msgspec.json.Decoder(float_hook=Decimal).decode(content)

    async def control(self, method: str, target: str, body: object = None) -> tuple[int, Any]:
        async with self.session.request(method, f"/_sandbox/{target}", json=body) as answer:
            return answer.status, await answer.json()


@pytest.fixture
async def connect(clock: Any, desk: Any) -> AsyncIterator[Callable[..., Any]]:
    async with AsyncExitStack() as stack:

        async def build(*, limits: Limits = UNLIMITED, seed: int = 0, **switches: Any) -> App:
            sandbox = QuickBooksSandbox(limits=limits, switches=Switches(**switches), clock=clock, seed=seed)
            base = await stack.enter_async_context(serve(sandbox.app()))
            session = await stack.enter_async_context(aiohttp.ClientSession(base))
            app = App(sandbox, session, type(desk)(sandbox.company))
            await app.sign_in()
            return app

        yield build


def code_in(body: Any) -> str:
    return str(body["Fault"]["Error"][0]["code"])


async def test_invoice_goes_in_and_comes_out_over_http(connect: Any) -> None:
    app = await connect()
    status, made = await app.call("POST", "invoice", app.desk.invoice_body(DocNumber="LD-1"), minorversion="75")
    assert status == 200
    assert made["time"] == "2026-03-02T10:11:12.000-08:00"
    identity = made["Invoice"]["Id"]
    assert (await app.call("GET", f"invoice/{identity}"))[1]["Invoice"] == made["Invoice"]
    found = await app.call("GET", "query", query="select * from Invoice where DocNumber = 'LD-1'")
    assert found[1]["QueryResponse"]["Invoice"] == [made["Invoice"]]
    posted = await app.call("POST", "query", b"select count(*) from Invoice")
    assert posted[1]["QueryResponse"] == {"totalCount": 1}
    status, gone = await app.call("POST", "invoice", {"Id": identity, "SyncToken": "0"}, operation="delete")
    assert (status, gone["Invoice"]) == (200, {"status": "Deleted", "domain": "QBO", "Id": identity})
    assert code_in((await app.call("GET", f"invoice/{identity}"))[1]) == "610"


async def test_every_answer_has_a_trace_id_and_echoes_the_clients(connect: Any) -> None:
    app = await connect()
    _, _, first = await app.raw("GET", "preferences")
    _, _, second = await app.raw("GET", "invoice/1")
    assert first["intuit_tid"] != second["intuit_tid"]
    app.headers["intuit_tid"] = "mine"
    assert (await app.raw("GET", "preferences"))[2]["intuit_tid"] == "mine"


async def test_xml_is_the_default_answer(connect: Any) -> None:
    app = await connect()
    del app.headers["Accept"]
    invoice = app.desk.invoice()
    _, content, headers = await app.raw("GET", f"invoice/{invoice['Id']}")
    assert headers["Content-Type"].startswith("application/xml")
    root = ET.fromstring(content)
    space = "{http://schema.intuit.com/finance/v3}"
    assert root.findtext(f"{space}Invoice/{space}TotalAmt") == "1800.00"
    _, content, _ = await app.raw("GET", "invoice/99")
    error = ET.fromstring(content).find(f"{space}Fault/{space}Error")
    assert error is not None
    assert error.get("code") == "610"


async def test_settlements_are_voided_by_an_update_and_sales_by_an_operation(connect: Any) -> None:
    app = await connect()
    invoice = app.desk.invoice()
    _, paid = await app.control("POST", "hands/pay_invoice", {"invoice_id": invoice["Id"], "amount": "1800.00"})
    body = {"Id": paid["Id"], "SyncToken": "0", "sparse": True}
    status, voided = await app.call("POST", "payment", body, operation="update", include="void")
    assert (status, voided["Payment"]["PrivateNote"]) == (200, "Voided")
    assert code_in((await app.call("POST", "payment", body, operation="void"))[1]) == "500"
    status, voided = await app.call("POST", "invoice", {"Id": invoice["Id"], "SyncToken": "2"}, operation="void")
    assert (status, voided["Invoice"]["TotalAmt"]) == (200, 0)


async def test_taken_number_is_accepted_with_the_include_that_says_so(connect: Any) -> None:
    app = await connect()
    app.desk.invoice(DocNumber="LD-1")
    body = app.desk.invoice_body(DocNumber="LD-1")
    assert code_in((await app.call("POST", "invoice", body))[1]) == "6140"
    assert (await app.call("POST", "invoice", body, include="allowduplicatedocnum"))[0] == 200


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "spaceship/1"),
        ("GET", "invoice"),
        ("GET", "bill/1/pdf"),
        ("POST", "bill/1/send"),
        ("POST", "query/1"),
        ("DELETE", "invoice/1"),
    ],
)
async def test_unknown_path_is_404(connect: Any, method: str, target: str) -> None:
    app = await connect()
    assert (await app.raw(method, target))[0] == 404


@pytest.mark.parametrize(("body", "status", "code"), [(b"{", 400, "2010"), (b'{"A":"\xff"}', 500, "10000")])
async def test_unreadable_body_is_refused(connect: Any, body: bytes, status: int, code: str) -> None:
    app = await connect()
    answered, fault = await app.call("POST", "invoice", body)
    assert (answered, code_in(fault)) == (status, code)


@pytest.mark.parametrize("shape", ["json", "xml"])
async def test_bad_token_is_401_in_the_shape_switched(connect: Any, shape: str) -> None:
    app = await connect(unauthorized_body=shape)
    app.headers["Authorization"] = "Bearer nonsense"
    status, content, headers = await app.raw("GET", "preferences")
    assert status == 401
    assert headers["Content-Type"].startswith(f"application/{shape}")
    assert b"message=AuthenticationFailed; errorCode=003200; statusCode=401" in content


async def test_wrong_realm_is_403(connect: Any) -> None:
    app = await connect()
    status, content, _ = await app.raw("GET", "preferences", realm="1")
    assert status == 403
    assert msgspec.json.decode(content)["fault"]["error"][0]["code"] == "3100"


async def test_access_token_ends_after_its_hour(connect: Any, clock: Any) -> None:
    app = await connect()
    clock.move(seconds=3599)
    assert (await app.raw("GET", "preferences"))[0] == 200
    clock.move(seconds=1)
    assert (await app.raw("GET", "preferences"))[0] == 401


async def test_refresh_token_rotates_after_a_day_and_the_old_value_is_dead(connect: Any, clock: Any) -> None:
    app = await connect()
    clock.move(hours=23)
    assert (await app.refresh("sandbox-refresh"))[1]["refresh_token"] == "sandbox-refresh"
    clock.move(hours=1)
    _, rotated = await app.refresh("sandbox-refresh")
    assert rotated["refresh_token"] != "sandbox-refresh"
    status, refused = await app.refresh("sandbox-refresh")
    assert (status, refused["error"]) == (400, "invalid_grant")
    assert (await app.refresh(rotated["refresh_token"]))[0] == 200


async def test_refresh_token_ends_after_its_hundred_days_or_its_hard_limit(connect: Any, clock: Any) -> None:
    app = await connect(limits=Limits(refresh_token_seconds=100, hard_expiry_seconds=250, refresh_rotation_seconds=999))
    for left in (160, 70):
        clock.move(seconds=90)
        _, token = await app.refresh("sandbox-refresh", **{"x-include-refresh-token-hard-expires-in": "true"})
        assert token["x_refresh_token_hard_expires_in"] == left
        assert token["x_refresh_token_expires_in"] == min(100, left)
    clock.move(seconds=70)
    assert (await app.refresh("sandbox-refresh"))[0] == 400


async def test_hard_limit_is_told_only_when_asked_for(connect: Any) -> None:
    app = await connect()
    assert "x_refresh_token_hard_expires_in" not in (await app.refresh("sandbox-refresh"))[1]


async def test_wrong_secret_is_not_a_client(connect: Any) -> None:
    app = await connect()
    assert await app.refresh("sandbox-refresh", secret="guess") == (401, {"error": "invalid_client"})


async def test_overlapping_refreshes_revoke_the_chain_when_strict(connect: Any) -> None:
    app = await connect()
    both = await asyncio.gather(app.refresh("sandbox-refresh"), app.refresh("sandbox-refresh"))
    assert [status for status, _ in both] == [200, 200]
    app = await connect(refresh_overlap="strict")
    both = await asyncio.gather(app.refresh("sandbox-refresh"), app.refresh("sandbox-refresh"))
    assert sorted(status for status, _ in both) == [200, 400]
    assert (await app.raw("GET", "preferences"))[0] == 401
    assert (await app.refresh("sandbox-refresh"))[0] == 400


async def test_revoked_connection_answers_401_until_a_new_consent(connect: Any) -> None:
    app = await connect()
    basic = base64.b64encode(b"sandbox-client:sandbox-secret").decode()
    headers = {"Authorization": f"Basic {basic}"}
    path = "/v2/oauth2/tokens/revoke"
    async with app.session.post(path, json={"token": "stranger"}, headers=headers) as answer:
        assert answer.status == 400
    async with app.session.post(path, json={"token": "sandbox-refresh"}, headers=headers) as answer:
        assert answer.status == 200
    assert (await app.raw("GET", "preferences"))[0] == 401
    assert (await app.refresh("sandbox-refresh"))[1]["error"] == "invalid_grant"
    assert (await app.refresh(app.sandbox.connect()))[0] == 200


async def test_eleventh_request_of_a_second_is_throttled(connect: Any, clock: Any) -> None:
    app = await connect(limits=Limits(), throttle_body="xml", retry_after=60)
    answers = [await app.raw("GET", "preferences") for _ in range(11)]
    assert [status for status, _, _ in answers] == [200] * 10 + [429]
    assert b"errorCode=003001" in answers[-1][1]
    assert answers[-1][2]["Retry-After"] == "60"
    clock.move(seconds=1)
    assert (await app.raw("GET", "preferences"))[0] == 200


async def test_requests_of_a_minute_are_throttled_without_a_retry_after(connect: Any, clock: Any) -> None:
    app = await connect(limits=Limits(requests_per_minute=3, requests_per_second=None))
    answers = [await app.raw("GET", "preferences") for _ in range(4)]
    assert [status for status, _, _ in answers] == [200, 200, 200, 429]
    assert msgspec.json.decode(answers[-1][1])["fault"]["type"] == "SERVICE"
    assert "Retry-After" not in answers[-1][2]
    clock.move(seconds=30)
    assert (await app.raw("GET", "preferences"))[0] == 429
    clock.move(seconds=30)
    assert [(await app.raw("GET", "preferences"))[0] for _ in range(4)] == [200, 200, 200, 429]


async def test_batches_of_a_minute_are_throttled_by_themselves(connect: Any) -> None:
    app = await connect(limits=Limits(batches_per_minute=1))
    batch = {"BatchItemRequest": [{"bId": "1", "Query": "select * from Term"}]}
    assert [(await app.raw("POST", "batch", batch))[0] for _ in range(2)] == [200, 429]
    assert (await app.raw("GET", "preferences"))[0] == 200


async def test_batch_items_succeed_and_fail_by_themselves(connect: Any) -> None:
    app = await connect()
    bill = app.desk.bill()
    items = [
        {"bId": "made", "operation": "create", "Invoice": app.desk.invoice_body(DocNumber="LD-1")},
        {"bId": "bad", "operation": "create", "Invoice": {"Line": []}},
        {"bId": "gone", "operation": "delete", "Bill": {"Id": bill["Id"], "SyncToken": "0"}},
        {"bId": "found", "Query": "select * from Vendor"},
        {"bId": "odd", "operation": "create", "Spaceship": {}},
    ]
    status, answered = await app.call("POST", "batch", {"BatchItemRequest": items})
    by_id = {item["bId"]: item for item in answered["BatchItemResponse"]}
    assert status == 200
    assert by_id["made"]["Invoice"]["DocNumber"] == "LD-1"
    assert code_in(by_id["bad"]) == "2020"
    assert by_id["gone"]["Bill"]["status"] == "Deleted"
    assert by_id["found"]["QueryResponse"]["maxResults"] == 1
    assert code_in(by_id["odd"]) == "2000"
    assert app.sandbox.meter.totals() == {"Core": 2, "CorePlus": 1}
    logged = {(write["kind"], write["operation"], write["status"]) for write in app.sandbox.log.writes}
    assert logged == {
        ("Invoice", "create", 200),
        ("Invoice", "create", 400),
        ("Bill", "delete", 200),
        ("", "create", 400),
    }


async def test_batch_items_run_in_any_order(connect: Any) -> None:
    orders = set()
    for seed in range(4):
        app = await connect(seed=seed)
        items = [
            {"bId": str(place), "operation": "create", "PaymentMethod": {"Name": f"M{place}"}} for place in range(6)
        ]
        _, answered = await app.call("POST", "batch", {"BatchItemRequest": items})
        orders.add(tuple(item["bId"] for item in answered["BatchItemResponse"]))
    assert len(orders) > 1


@pytest.mark.parametrize(("size", "code"), [(0, "400"), (31, "1040")])
async def test_batch_size_is_limited(connect: Any, size: int, code: str) -> None:
    app = await connect()
    items = [{"bId": str(place), "Query": "select * from Term"} for place in range(size)]
    assert code_in((await app.call("POST", "batch", {"BatchItemRequest": items}))[1]) == code


@pytest.mark.parametrize(
    ("switches", "outcome"),
    [
        ({}, "replay"),
        ({"request_id": "ignore"}, "again"),
        ({"request_id": "fault600"}, "600"),
    ],
)
async def test_repeated_request_id_follows_the_switch(connect: Any, switches: dict[str, str], outcome: str) -> None:
    app = await connect(**switches)
    body = app.desk.bill_body()
    first = await app.call("POST", "bill", body, requestid="r-1")
    second = await app.call("POST", "bill", body, requestid="r-1")
    made = app.sandbox.company.books.count("Bill")
    match outcome:
        case "replay":
            assert (second[1]["Bill"], made) == (first[1]["Bill"], 1)
        case "again":
            assert (second[0], made) == (200, 2)
        case _:
            assert (code_in(second[1]), made) == ("600", 1)


async def test_request_id_is_forgotten_after_its_retention(connect: Any, clock: Any) -> None:
    app = await connect(request_id_retention_seconds=60, request_id_mismatch="fault600")
    await app.call("POST", "bill", app.desk.bill_body("1.00"), requestid="r-1")
    mismatched = await app.call("POST", "bill", app.desk.bill_body("2.00"), requestid="r-1")
    assert code_in(mismatched[1]) == "600"
    clock.move(seconds=61)
    await app.sign_in()
    await app.call("POST", "bill", app.desk.bill_body("1.00"), requestid="r-1")
    assert app.sandbox.company.books.count("Bill") == 2


@pytest.mark.parametrize(("position", "status"), [("execute", 200), ("replay", 400)])
async def test_request_id_of_a_refused_call_follows_the_switch(connect: Any, position: str, status: int) -> None:
    app = await connect(request_id_after_fault=position)
    body = app.desk.invoice_body(DocNumber="LD-1")
    held = app.desk.invoice(DocNumber="LD-1")
    assert (await app.call("POST", "invoice", body, requestid="r-1"))[0] == 400
    app.sandbox.company.delete("Invoice", held["Id"])
    assert (await app.call("POST", "invoice", body, requestid="r-1"))[0] == status


@pytest.mark.parametrize(("position", "made"), [(True, 1), (False, 2)])
async def test_request_id_of_a_batch_follows_the_switch(connect: Any, *, position: bool, made: int) -> None:
    app = await connect(request_id_in_batch=position)
    batch = {"BatchItemRequest": [{"bId": "1", "operation": "create", "Bill": app.desk.bill_body()}]}
    for _ in range(2):
        assert (await app.raw("POST", "batch", batch, requestid="r-1"))[0] == 200
    assert app.sandbox.company.books.count("Bill") == made


async def test_request_id_has_its_lengths(connect: Any) -> None:
    app = await connect()
    assert code_in((await app.call("POST", "bill", app.desk.bill_body(), requestid="r" * 51))[1]) == "2130"
    assert (await app.raw("POST", "bill", app.desk.bill_body(), requestid="r" * 50))[0] == 200
    batch = {"BatchItemRequest": [{"bId": "eleven-long", "Query": "select * from Term"}]}
    assert code_in((await app.call("POST", "batch", batch, requestid="r" * 37))[1]) == "2130"
    assert code_in((await app.call("POST", "batch", batch, requestid="r" * 36))[1]) == "2130"


async def test_metered_reads_are_blocked_at_the_cap_and_writes_are_not(connect: Any, clock: Any) -> None:
    limits = Limits(requests_per_minute=None, requests_per_second=None, metered_per_month=2)
    app = await connect(limits=limits)
    assert [(await app.raw("GET", "preferences"))[0] for _ in range(3)] == [200, 200, 429]
    assert (await app.raw("POST", "bill", app.desk.bill_body()))[0] == 200
    clock.move(days=31)
    await app.sign_in()
    assert (await app.raw("GET", "preferences"))[0] == 200


async def test_reset_company_answers_10200_to_everything(connect: Any) -> None:
    app = await connect()
    app.sandbox.reset_company()
    assert code_in((await app.call("GET", "preferences"))[1]) == "10200"
    assert code_in((await app.call("POST", "bill", {}))[1]) == "10200"


async def test_answers_may_carry_what_nobody_announced(connect: Any) -> None:
    app = await connect(new_answer_fields=True)
    status, made = await app.call("POST", "bill", app.desk.bill_body())
    assert status == 200
    assert "AnnouncedByNobody" in made["Bill"]


async def test_company_info_is_read_by_the_realms_id(connect: Any) -> None:
    app = await connect()
    _, info = await app.call("GET", f"companyinfo/{REALM}")
    assert {"Name": "OfferingSku", "Value": "QuickBooks Online Plus"} in info["CompanyInfo"]["NameValue"]


async def test_change_data_is_served_and_metered_once(connect: Any) -> None:
    app = await connect()
    app.desk.bill()
    since = "2026-03-02T00:00:00-08:00"
    _, changed = await app.call("GET", "cdc", entities="Invoice,Bill", changedSince=since)
    assert [list(group) for group in changed["CDCResponse"][0]["QueryResponse"]] == [
        [],
        ["Bill", "startPosition", "maxResults", "totalCount"],
    ]
    assert app.sandbox.meter.totals() == {"Core": 0, "CorePlus": 1}


async def test_books_and_requests_can_be_looked_into(connect: Any) -> None:
    app = await connect()
    await app.call("POST", "bill", app.desk.bill_body(DocNumber="7"), requestid="r-1")
    await app.call("POST", "bill", {})
    _, books = await app.control("GET", "books")
    assert [bill["DocNumber"] for bill in books["Bill"]] == ["7"]
    assert sum(books["trial_balance"].values()) == 0
    assert books["preferences"]["SalesFormsPrefs"]["CustomTxnNumbers"] is True
    _, requests = await app.control("GET", "requests")
    assert requests["by_call"] == {"POST token": 1, "POST Bill": 2}
    assert requests["by_status"] == {"200": 2, "400": 1}
    assert requests["by_code"] == {"2020": 1}
    first, second = requests["writes"]
    assert (first["requestid"], first["kind"], first["number"], first["status"]) == ("r-1", "Bill", "7", 200)
    assert (second["code"], second["id"]) == ("2020", None)


async def test_hands_answer_faults_and_misuse_as_such(connect: Any) -> None:
    app = await connect()
    status, refused = await app.control("POST", "hands/void_invoice", {"invoice_id": "99"})
    assert (status, code_in(refused)) == (400, "610")
    assert (await app.control("POST", "hands/pay_invoice", {"who": "me"}))[0] == 400
    assert (await app.control("POST", "hands/dance"))[0] == 404
    status, connected = await app.control("POST", "hands/connect")
    assert (status, connected) == (200, app.sandbox.refresh_token)


async def test_switches_are_flipped_while_running_and_checked(connect: Any) -> None:
    app = await connect()
    status, held = await app.control("POST", "switches", {"bill_sparse": "honoured"})
    assert (status, held["bill_sparse"]) == (200, "honoured")
    assert app.sandbox.company.switches.bill_sparse == "honoured"
    assert (await app.control("POST", "switches", {"bill_sparse": "perhaps"}))[0] == 400
    assert (await app.control("POST", "switches", {"colour": "red"}))[0] == 400
