import asyncio
import base64
import hashlib
import hmac
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from itertools import islice, pairwise
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web

from adapters.sandbox import serve
from adapters.sandbox.quickbooks import QuickBooksSandbox, Receiver, Switches, hands
from adapters.sandbox.quickbooks.notices import SUBSCRIBABLE
from adapters.sandbox.quickbooks.webhooks import retry_waits

Body = dict[str, Any]

SECOND = "9130350000000002"
FAST = {"bundle_seconds": 1.0, "time_factor": 0.005}


class Endpoint:
    """An app's own webhook endpoint, which may refuse or stall."""

    def __init__(self) -> None:
        self.url = ""
        self.statuses: list[int] = []
        self.stall = 0
        self.taken: list[tuple[bytes, Any]] = []
        self._changed = asyncio.Condition()

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        async with self._changed:
            self.taken.append((body, request.headers))
            self._changed.notify_all()
        if self.stall:
            self.stall -= 1
            await asyncio.Event().wait()
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)

    async def wait(self, fulfilled: Callable[[], bool]) -> None:
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(fulfilled)

    def events(self) -> list[Body]:
        """Every event of the classic form, in the order of arrival."""
        return [
            entity
            for body, _ in self.taken
            for company in msgspec.json.decode(body)["eventNotifications"]
            for entity in company["dataChangeEvent"]["entities"]
        ]

    def ids(self) -> list[str]:
        return [event["id"] for event in self.events()]


class Stage:
    """A sandbox with a company, and the endpoint it tells."""

    def __init__(self, sandbox: QuickBooksSandbox, desk: Any, endpoint: Endpoint, base: str) -> None:
        self.sandbox, self.desk, self.endpoint, self.base = sandbox, desk, endpoint, base

    def tell(self, **settings: Any) -> None:
        self.sandbox.webhooks.deliver_to(Receiver(self.endpoint.url, **(FAST | settings)))

    def operations(self) -> list[tuple[str, str]]:
        return [(event["name"], event["operation"]) for event in self.endpoint.events()]


@pytest.fixture
async def stage(clock: Any, desk: Any) -> AsyncIterator[Callable[..., Any]]:
    async with AsyncExitStack() as stack:

        async def build(**switches: Any) -> Stage:
            endpoint = Endpoint()
            receiver = web.Application()
            receiver.router.add_post("/hook", endpoint.take)
            endpoint.url = f"{await stack.enter_async_context(serve(receiver))}/hook"
            sandbox = QuickBooksSandbox(clock=clock, switches=Switches(**switches))
            held = type(desk)(sandbox.company)
            return Stage(sandbox, held, endpoint, await stack.enter_async_context(serve(sandbox.app())))

        yield build


async def until(fulfilled: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not fulfilled():  # noqa: ASYNC110 - the sandbox announces none of what is waited for here
            await asyncio.sleep(0.001)


def signature(body: bytes, token: str) -> str:
    return base64.b64encode(hmac.digest(token.encode(), body, hashlib.sha256)).decode()


async def test_event_is_delivered_in_the_classic_form_and_signed(stage: Any) -> None:
    scene = await stage()
    scene.tell(verifier_token="secret")
    invoice = scene.desk.invoice()
    await scene.endpoint.wait(lambda: scene.endpoint.taken)
    body, headers = scene.endpoint.taken[0]
    entity = {
        "id": invoice["Id"],
        "operation": "Create",
        "name": "Invoice",
        "lastUpdated": "2026-03-02T18:11:12.000Z",
    }
    company = {"realmId": scene.sandbox.realm_id, "dataChangeEvent": {"entities": [entity]}}
    assert msgspec.json.decode(body) == {"eventNotifications": [company]}
    assert headers["Content-Type"] == "application/json"
    assert headers["intuit-signature"] == signature(body, "secret") != signature(body, "other")


@pytest.mark.parametrize("kind", ["json", "cloudevents+json"])
async def test_cloud_events_have_ids_and_nanoseconds(stage: Any, kind: str) -> None:
    scene = await stage(cloud_event_type=kind)
    scene.tell(format="cloudevents")
    first, second = scene.desk.invoice(), scene.desk.bill()
    await scene.endpoint.wait(lambda: scene.endpoint.taken)
    body, headers = scene.endpoint.taken[0]
    events = msgspec.json.decode(body)
    assert headers["Content-Type"] == f"application/{kind}"
    assert headers["intuit-signature"] == signature(body, "sandbox-verifier")
    assert [event["type"] for event in events] == ["qbo.invoice.created.v1", "qbo.bill.created.v1"]
    assert [event["intuitentityid"] for event in events] == [first["Id"], second["Id"]]
    assert len({event["id"] for event in events}) == 2
    assert events[0] == {
        "specversion": "1.0",
        "id": events[0]["id"],
        "source": events[0]["source"],
        "type": "qbo.invoice.created.v1",
        "datacontenttype": "application/json",
        "time": "2026-03-02T18:11:12.000000000Z",
        "intuitentityid": first["Id"],
        "intuitaccountid": scene.sandbox.realm_id,
        "data": {},
    }
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", events[0]["id"])
    assert events[0]["source"].startswith("intuit.")


@pytest.mark.parametrize(("position", "number"), [("empty", None), ("entity", "LD-1")])
async def test_cloud_event_carries_the_entity_as_switched(stage: Any, position: str, number: str | None) -> None:
    scene = await stage(cloud_event_data=position)
    scene.tell(format="cloudevents")
    scene.desk.invoice(DocNumber="LD-1")
    await scene.endpoint.wait(lambda: scene.endpoint.taken)
    [event] = msgspec.json.decode(scene.endpoint.taken[0][0])
    assert event["data"].get("DocNumber") == number


async def test_each_change_is_the_event_it_is(stage: Any) -> None:
    scene = await stage()
    scene.tell()
    invoice = scene.desk.invoice(BillEmail={"Address": "ap@example.com"})
    company, identity = scene.sandbox.company, invoice["Id"]
    hands.edit(company, "Invoice", identity, {"PrivateNote": "Voided by mistake?"})
    hands.edit(company, "Invoice", identity, {"EmailStatus": "EmailSent"})
    hands.void_invoice(company, identity)
    hands.delete(company, "Invoice", identity)
    company.set_preferences({"SalesFormsPrefs": {"AllowDeposit": True}})
    await scene.endpoint.wait(lambda: scene.endpoint.taken)
    assert scene.operations() == [
        *(("Invoice", operation) for operation in ("Create", "Update", "Emailed", "Void", "Delete")),
        ("Preferences", "Update"),
    ]


async def test_merge_is_one_event_that_names_what_went(stage: Any) -> None:
    scene = await stage()
    company = scene.sandbox.company
    gone = company.create("Customer", {"DisplayName": "Acme Foods Inc"})
    scene.tell()
    kept = company.merge("Customer", scene.desk.customer["Id"], gone["Id"])
    await scene.endpoint.wait(lambda: scene.endpoint.taken)
    [event] = scene.endpoint.events()
    assert (event["operation"], event["id"], event["deletedId"]) == ("Merge", kept["Id"], gone["Id"])


@pytest.mark.parametrize("position", [True, False])
async def test_balance_that_follows_a_payment_is_an_event_as_switched(stage: Any, *, position: bool) -> None:
    scene = await stage(linked_change_event=position)
    invoice = scene.desk.invoice()
    scene.tell()
    payment = hands.pay_invoice(scene.sandbox.company, invoice["Id"], "1800.00")
    hands.void_payment(scene.sandbox.company, payment["Id"])
    await scene.endpoint.wait(lambda: scene.endpoint.taken)
    followed = [("Invoice", "Update")] if position else []
    assert scene.operations() == [*followed, ("Payment", "Create"), *followed, ("Payment", "Void")]


async def test_refused_write_is_no_event(stage: Any) -> None:
    scene = await stage()
    scene.tell()
    with pytest.raises(Exception, match="2020"):
        scene.desk.company.create("Bill", {})
    scene.desk.bill()
    await scene.endpoint.wait(lambda: scene.endpoint.taken)
    assert scene.operations() == [("Bill", "Create")]


async def test_only_the_kinds_subscribed_to_are_told(stage: Any) -> None:
    scene = await stage()
    scene.tell(entities=("Bill",))
    scene.desk.invoice()
    scene.desk.bill()
    await scene.endpoint.wait(lambda: scene.endpoint.taken)
    assert scene.operations() == [("Bill", "Create")]
    assert {"Invoice", "Bill"} <= SUBSCRIBABLE


async def test_events_of_all_companies_come_in_one_bundle(stage: Any) -> None:
    scene = await stage()
    other = type(scene.desk)(scene.sandbox.add_company(SECOND))
    scene.tell(bundle_seconds=20.0)
    scene.desk.invoice()
    other.bill()
    scene.desk.bill()
    await scene.endpoint.wait(lambda: scene.endpoint.taken)
    told = msgspec.json.decode(scene.endpoint.taken[0][0])["eventNotifications"]
    assert {
        company["realmId"]: [entity["name"] for entity in company["dataChangeEvent"]["entities"]] for company in told
    } == {scene.sandbox.realm_id: ["Invoice", "Bill"], SECOND: ["Bill"]}


def test_ladder_is_the_announced_one() -> None:
    assert list(islice(retry_waits(), 10)) == [10, 20, 30, 300, 1200, 7200, 14400, 21600, 21600, 21600]


@pytest.mark.parametrize("form", ["classic", "cloudevents"])
async def test_refused_bundle_comes_again_with_the_same_bytes(stage: Any, form: str) -> None:
    scene = await stage()
    scene.endpoint.statuses = [500, 400, 302]
    scene.tell(format=form, time_factor=0.0001)
    scene.desk.invoice()
    await scene.endpoint.wait(lambda: len(scene.endpoint.taken) == 4)
    assert len({(body, headers["intuit-signature"]) for body, headers in scene.endpoint.taken}) == 1


async def test_wait_between_tries_grows_by_the_ladder(stage: Any) -> None:
    scene = await stage()
    scene.endpoint.statuses = [500] * 3
    scene.tell(time_factor=0.001)
    loop = asyncio.get_running_loop()
    scene.desk.invoice()
    times = []
    for number in range(1, 5):
        await scene.endpoint.wait(lambda number=number: len(scene.endpoint.taken) == number)
        times.append(loop.time())
    waits = [later - earlier for earlier, later in pairwise(times)]
    assert all(wait >= at_least for wait, at_least in zip(waits, (0.010, 0.020, 0.030), strict=True))


async def test_receiver_that_is_too_slow_is_tried_again(stage: Any) -> None:
    scene = await stage()
    scene.endpoint.stall = 1
    scene.tell(timeout_seconds=0.05, time_factor=0.0001)
    scene.desk.invoice()
    await scene.endpoint.wait(lambda: len(scene.endpoint.taken) == 2)


async def test_receiver_that_is_not_there_is_tried_again(stage: Any) -> None:
    scene = await stage()
    url = scene.endpoint.url
    scene.endpoint.url = "http://127.0.0.1:9/hook"
    scene.tell(time_factor=0.0001)
    scene.desk.invoice()
    await until(lambda: len(scene.sandbox.webhooks.attempts) >= 2)
    assert [attempt["status"] for attempt in scene.sandbox.webhooks.attempts[:2]] == [None, None]
    scene.endpoint.url = url
    scene.tell()
    bill = scene.desk.bill()
    await scene.endpoint.wait(lambda: scene.endpoint.taken)
    assert scene.endpoint.ids() == [bill["Id"]]  # what the receiver before never took is forgotten


@pytest.mark.parametrize(("position", "order"), [("waits", [0, 0, 1]), ("passes", [0, 1, 0])])
async def test_later_events_wait_behind_a_failed_delivery_as_switched(
    stage: Any, position: str, order: list[int]
) -> None:
    scene = await stage(failed_delivery=position)
    scene.endpoint.statuses = [500]
    scene.tell(bundle_seconds=0.1, time_factor=0.05)  # the next try comes half a second later
    made = [scene.desk.invoice()["Id"]]
    await scene.endpoint.wait(lambda: scene.endpoint.taken)
    made.append(scene.desk.bill()["Id"])
    await scene.endpoint.wait(lambda: len(scene.endpoint.taken) == 3)
    assert scene.endpoint.ids() == [made[place] for place in order]


async def test_lost_events_are_never_sent(stage: Any) -> None:
    scene = await stage()
    scene.tell(loss=0.5, seed=3)
    made = [scene.desk.invoice()["Id"] for _ in range(20)]
    await scene.endpoint.wait(lambda: scene.endpoint.taken)
    assert 0 < len(scene.endpoint.ids()) < 20
    assert set(scene.endpoint.ids()) < set(made)


async def test_same_seed_loses_the_same_events(stage: Any) -> None:
    survivors = []
    for _ in range(2):
        scene = await stage()
        scene.tell(loss=0.5, seed=3)
        made = [scene.desk.invoice()["Id"] for _ in range(20)]
        await scene.endpoint.wait(lambda scene=scene: scene.endpoint.taken)
        survivors.append([made.index(identity) for identity in scene.endpoint.ids()])
    assert survivors[0] == survivors[1]


async def test_taken_bundle_can_come_twice(stage: Any) -> None:
    scene = await stage()
    scene.tell(duplication=1.0, format="cloudevents")
    scene.desk.invoice()
    await scene.endpoint.wait(lambda: len(scene.endpoint.taken) == 2)
    assert scene.endpoint.taken[0][0] == scene.endpoint.taken[1][0]


async def test_later_bundle_can_overtake_an_earlier_one(stage: Any) -> None:
    scene = await stage()
    scene.tell(reordering=1.0, bundle_seconds=4.0)
    first = [scene.desk.invoice()["Id"] for _ in range(5)]
    await until(lambda: not scene.sandbox.webhooks.waiting)
    second = scene.desk.bill()["Id"]
    await scene.endpoint.wait(lambda: len(scene.endpoint.taken) == 2)
    ids = scene.endpoint.ids()
    assert ids[0] == second
    assert sorted(ids[1:]) == sorted(first)
    assert ids[1:] != first


async def test_bundle_that_nothing_overtakes_is_sent_all_the_same(stage: Any) -> None:
    scene = await stage()
    scene.tell(reordering=1.0)
    invoice = scene.desk.invoice()
    await scene.endpoint.wait(lambda: scene.endpoint.taken)
    assert scene.endpoint.ids() == [invoice["Id"]]


async def test_receiver_is_set_looked_at_and_cleared_over_http(stage: Any) -> None:
    scene = await stage()
    async with aiohttp.ClientSession(scene.base) as session:
        settings = {"url": scene.endpoint.url, "time_factor": 0.001, "entities": ["Bill"]}
        async with session.put("/_sandbox/webhooks", json=settings) as answer:
            assert (answer.status, (await answer.json())["receiver"]["entities"]) == (200, ["Bill"])
        bill = scene.desk.bill()
        await scene.endpoint.wait(lambda: scene.endpoint.taken)
        async with asyncio.timeout(10):
            shown: Body = {"attempts": []}
            while not shown["attempts"]:
                async with session.get("/_sandbox/webhooks") as answer:
                    shown = await answer.json()
        event = {"realm": scene.sandbox.realm_id, "kind": "Bill", "id": bill["Id"], "operation": "Create"}
        assert shown["attempts"][0] | {"time": ""} == {"time": "", "attempt": 1, "status": 200, "events": [event]}
        async with session.delete("/_sandbox/webhooks") as answer:
            assert (await answer.json())["receiver"] is None
        scene.desk.bill()
        assert scene.sandbox.webhooks.waiting == 0


@pytest.mark.parametrize(
    "settings", [{"url": "https://example.com/hook"}, {"url": "http://127.0.0.1/", "format": "xml"}, {}, [], "{"]
)
async def test_unfit_receiver_is_refused(stage: Any, settings: object) -> None:
    scene = await stage()
    data = settings if isinstance(settings, str) else msgspec.json.encode(settings)
    async with (
        aiohttp.ClientSession(scene.base) as session,
        session.put("/_sandbox/webhooks", data=data) as answer,
    ):
        assert answer.status == 400
