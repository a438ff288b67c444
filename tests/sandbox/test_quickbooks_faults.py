import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import msgspec
import pytest

from adapters.sandbox import serve
from adapters.sandbox.quickbooks import Limits, QuickBooksSandbox

encode = msgspec.json.Encoder(decimal_format="number").encode
COMPANY = "/v3/company/9130350000000001"


class App:
    """A connected app that writes bills, against a sandbox where things go wrong."""

    def __init__(self, sandbox: QuickBooksSandbox, session: aiohttp.ClientSession, desk: Any) -> None:
        self.sandbox, self.session, self.desk = sandbox, session, desk
        self.headers = {"Accept": "application/json"}

    async def sign_in(self) -> None:
        basic = base64.b64encode(b"sandbox-client:sandbox-secret").decode()
        form = {"grant_type": "refresh_token", "refresh_token": "sandbox-refresh"}
        headers = {"Authorization": f"Basic {basic}"}
        async with self.session.post("/oauth2/v1/tokens/bearer", data=form, headers=headers) as answer:
            self.headers["Authorization"] = f"Bearer {(await answer.json())['access_token']}"

    async def arm(self, **rule: object) -> int:
        async with self.session.post("/_sandbox/faults", json=rule) as answer:
            return answer.status

    async def write_bill(self) -> tuple[int, str, bytes]:
        body = encode(self.desk.bill_body())
        async with self.session.post(f"{COMPANY}/bill", data=body, headers=self.headers) as answer:
            return answer.status, answer.content_type, await answer.read()

    async def until(self, condition: Callable[[], bool]) -> None:
        for _ in range(1000):
            if condition():
                return
            await asyncio.sleep(0.005)
        raise AssertionError("the condition never came true")

    @property
    def bills(self) -> int:
        return self.sandbox.company.books.count("Bill")


@pytest.fixture
async def app(clock: Any, desk: Any) -> AsyncIterator[App]:
    sandbox = QuickBooksSandbox(limits=Limits(None, None, None), clock=clock)
    async with serve(sandbox.app()) as base, aiohttp.ClientSession(base) as session:
        connected = App(sandbox, session, type(desk)(sandbox.company))
        await connected.sign_in()
        yield connected


ANSWERED = [
    ("html_502", 502, "text/html", b"502 Bad Gateway", 0),
    ("xml_401", 401, "application/xml", b"errorCode=003200", 0),
    ("throttle_429", 429, "application/json", b"ThrottleExceeded", 0),
    ("error_10000", 500, "application/json", b'"code":"10000"', 0),
    ("fault_in_200", 200, "application/json", b'"code":"6190"', 0),
    ("commit_then_500", 500, "application/json", b"InternalServerError", 1),
    ("commit_then_503", 503, "text/html", b"503 Service Temporarily Unavailable", 1),
    ("slow", 200, "application/json", b'"Bill"', 1),
]


@pytest.mark.parametrize(("action", "status", "content_type", "content", "bills"), ANSWERED)
async def test_spoiled_request_is_answered_its_way_once(
    app: App, action: str, status: int, content_type: str, content: bytes, bills: int
) -> None:
    assert await app.arm(action=action, method="POST", match="Bill") == 200
    answered = await app.write_bill()
    assert answered[:2] == (status, content_type)
    assert content in answered[2]
    assert app.bills == bills
    assert (await app.write_bill())[0] == 200
    assert app.bills == bills + 1


@pytest.mark.parametrize(("action", "bills"), [("drop_before_commit", 0), ("commit_then_drop", 1)])
async def test_dropped_request_has_no_answer(app: App, action: str, bills: int) -> None:
    await app.arm(action=action, match="Bill")
    with pytest.raises(aiohttp.ClientError):
        await app.write_bill()
    assert app.bills == bills
    assert app.sandbox.log.by_status["dropped"] == 1


async def test_cut_answer_is_committed_and_cannot_be_parsed(app: App) -> None:
    await app.arm(action="cut_json", match="Bill")
    status, _, content = await app.write_bill()
    assert (status, app.bills) == (200, 1)
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(content)


async def test_late_commit_happens_after_the_line_is_gone(app: App) -> None:
    await app.arm(action="late_commit", match="Bill", delay=0.05)
    with pytest.raises(aiohttp.ClientError):
        await app.write_bill()
    assert app.bills == 0
    await app.until(lambda: app.bills == 1)


async def test_slow_answer_is_overtaken_by_a_later_one(app: App) -> None:
    await app.arm(action="slow", match="Bill", delay=0.3)
    slow = asyncio.create_task(app.write_bill())
    await app.until(lambda: app.sandbox.disruptions.spent)
    assert (await app.write_bill())[0] == 200
    assert not slow.done()
    assert (await slow)[0] == 200
    assert app.bills == 2


async def test_throttled_item_leaves_its_neighbours_alone(app: App) -> None:
    await app.arm(action="throttle_item", match="Bill", count=1)
    items = [{"bId": str(place), "operation": "create", "Bill": app.desk.bill_body()} for place in range(3)]
    body = encode({"BatchItemRequest": items})
    async with app.session.post(f"{COMPANY}/batch", data=body, headers=app.headers) as answer:
        assert answer.status == 200
        faults = [
            item["Fault"]["Error"][0]["code"] for item in (await answer.json())["BatchItemResponse"] if "Fault" in item
        ]
    assert (faults, app.bills) == (["3001"], 2)


async def test_rule_spoils_by_chance_from_its_seed(app: App) -> None:
    async def statuses(seed: int) -> list[int]:
        await app.arm(action="html_502", match="Bill", count=None, probability=0.5, seed=seed)
        seen = [(await app.write_bill())[0] for _ in range(20)]
        async with app.session.delete("/_sandbox/faults") as answer:
            assert answer.status == 200
        return seen

    first = await statuses(1)
    assert set(first) == {200, 502}
    assert await statuses(1) == first
    assert await statuses(2) != first
    assert (await app.write_bill())[0] == 200


@pytest.mark.parametrize(
    ("match", "method", "spoiled"),
    [("Invoice", "*", False), ("*/bill", "*", True), ("bill", "GET", False), ("*", "post", True)],
)
async def test_rule_takes_only_what_it_matches(app: App, match: str, method: str, *, spoiled: bool) -> None:
    await app.arm(action="html_502", match=match, method=method)
    assert (await app.write_bill())[0] == (502 if spoiled else 200)


async def test_lost_answer_to_a_refresh_keeps_what_was_issued(app: App, clock: Any) -> None:
    clock.move(days=1)
    await app.arm(action="commit_then_drop", match="token")
    with pytest.raises(aiohttp.ClientError):
        await app.sign_in()
    assert app.sandbox.refresh_token != "sandbox-refresh"


@pytest.mark.parametrize("rule", [{"action": "explode"}, {"action": "slow", "colour": "red"}])
async def test_rule_that_makes_no_sense_is_refused(app: App, rule: dict[str, str]) -> None:
    assert await app.arm(**rule) == 400
    assert (await app.write_bill())[0] == 200
