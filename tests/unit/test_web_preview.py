"""The admin API's page about previews, and the releases and retries that are bound to one."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from io import StringIO
from typing import TYPE_CHECKING, Any

import aiohttp
import msgspec
import pytest
from rich.console import Console

from adapters.http import Call
from adapters.ports import Finding, Need, Posting, Preview, Standing, Unavailable
from engine.cli import preview as command
from engine.metrics import Metrics
from engine.preview import Previews
from engine.readiness import Readiness
from engine.reads import Reads
from engine.web.app import make_app
from engine.web.auth import Role, Token, digest, new_token
from engine.web.preview import Pages
from engine.web.server import serving
from state.lifecycle import Trigger
from state.moves import Cause
from state.outbox import Claim
from state.transaction import Kind, Money, Origin, TransactionId
from tests.unit.conftest import OpenDesk
from tests.unit.fakes import Unlooked

if TYPE_CHECKING:
    from tests.unit.conftest import Desk

OLGA = Cause("olga", "looked at it")
OPERATOR, VIEWER = new_token()[0], new_token()[0]
TOKENS = (Token("olga", Role.OPERATOR, digest(OPERATOR)), Token("vera", Role.VIEWER, digest(VIEWER)))
NEED = Need("customer", "Acme Foods", "c-1")
BODY = b'{"CustomerRef":{"value":"<new customer: Acme Foods>"},"TotalAmt":1800.10}'
SEEN_AS = Preview(
    digest="0123456789ab",
    body=BODY,
    postings=(
        Posting("Accounts Receivable (A/R)", Money(180010), Money(0)),
        Posting("Linehaul Income", Money(0), Money(180010)),
    ),
    needs=(NEED,),
    checks=(Finding("period", Standing.PASS, "books open"),),
)


class Window:
    """The admin API of a store whose new documents wait; accounting says what the test wants it to say."""

    def __init__(self, desk: "Desk") -> None:
        self.desk = desk
        self.store = desk.store
        self.reads = Reads(desk.store, 1000, desk.clock)
        self.asked: list[list[str]] = []
        self.varied: dict[str, Any] = {}
        self.down = False

    async def preview(self, claims: Sequence[Claim]) -> Mapping[int, Preview]:
        if self.down:
            raise Unavailable("nobody answers")
        self.asked.append([claim.transaction.label for claim in claims])
        self.reads.observe(Call("query", writes=False, status=200, seconds=0.1, purpose="look_up"))
        return {claim.message.id: replace(SEEN_AS, **self.varied) for claim in claims}

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        pages = Pages(self.store, Previews(self.store, self, self.reads, most=30, home_currency="USD"))
        readiness, clock = Readiness(self.desk.clock), self.desk.clock
        app = make_app(self.store, Metrics(), readiness, TOKENS, lambda: None, Unlooked(), clock, pages.routes())
        async with serving(app, "127.0.0.1", 0) as port, aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            self.session = session
            yield

    async def post(self, path: str, body: Any, token: str = OPERATOR) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token}"}
        async with self.session.post(f"/admin/v1/{path}", json=body, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)

    async def look(self, **wanted: Any) -> Any:
        status, page = await self.post("preview", wanted)
        assert status == 200, page
        return page

    async def new(self, load: str = "1001", **fields: Any) -> TransactionId:
        return (await self.desk.new(load=load, **fields)).id

    async def expected(self, transaction_id: TransactionId) -> str | None:
        [claim] = await self.store.foreseen([transaction_id])
        return claim.message.preview


@pytest.fixture
async def window(open_desk: OpenDesk) -> AsyncIterator[Window]:
    window = Window(await open_desk(auto=False))
    async with window.open():
        yield window


async def test_preview_answers_the_body_as_it_is(window: Window) -> None:
    one = await window.new("1001")
    headers = {"Authorization": f"Bearer {OPERATOR}"}
    async with window.session.post("/admin/v1/preview", json={"ids": [one]}, headers=headers) as answer:
        assert BODY in await answer.read()


async def test_preview_tells_whose_it_is_what_it_does_and_what_it_costs(window: Window) -> None:
    one = await window.new("1001")
    page = await window.look(ids=[one])
    [document] = page["documents"]
    assert (document["id"], document["hash"], document["document_type"]) == (one, "0123456789ab", "invoice")
    assert document["postings"][0]["debit"] == {"amount": "1800.10", "currency": "USD"}
    assert document["needs"] == [{"what": "customer", "name": "Acme Foods", "called": "c-1", "ours": False}]
    assert page["cost"] == {"reads": {"look_up": 1}, "creations": 1, "documents": 1, "batches": 1}


async def test_all_that_waits_is_paged_newest_first(window: Window) -> None:
    ids = [await window.new(f"100{n}") for n in range(5)]
    first = await window.look(limit=2)
    second = await window.look(limit=2, before=first["next"])
    third = await window.look(limit=2, before=second["next"])
    assert [[each["id"] for each in page["documents"]] for page in (first, second, third)] == [
        [ids[4], ids[3]],
        [ids[2], ids[1]],
        [ids[0]],
    ]
    assert third["next"] is None


async def test_preview_can_be_narrowed_to_what_is_meant(window: Window) -> None:
    one, two = await window.new("1001"), await window.new("1002", kind=Kind.CARRIER_BILL)
    await window.store.release(two, OLGA)
    assert [each["id"] for each in (await window.look(kind="carrier_bill"))["documents"]] == [two]
    assert [each["id"] for each in (await window.look(unreleased=True))["documents"]] == [one]
    assert (await window.look(dated_until="2000-01-01"))["documents"] == []


@pytest.mark.parametrize(
    "body",
    [{"ids": []}, {"ids": [1], "kind": "carrier_bill"}, {"limit": 201}, {"ids": [0]}, {"colour": "red"}],
    ids=str,
)
async def test_question_that_makes_no_sense_is_refused(window: Window, body: Any) -> None:
    assert (await window.post("preview", body))[0] == 400


async def test_unknown_transaction_is_not_foreseen(window: Window) -> None:
    assert (await window.post("preview", {"ids": [77]}))[0] == 404


async def test_preview_spends_metered_reads_so_a_viewer_has_none(window: Window) -> None:
    assert (await window.post("preview", {}, VIEWER))[0] == 403


async def test_accounting_that_does_not_answer_is_told(window: Window) -> None:
    one = await window.new("1001")
    window.down = True
    status, problem = await window.post("preview", {"ids": [one]})
    assert (status, problem["type"]) == (503, "urn:loadledger:problem:vendor-unavailable")


async def test_what_accounting_would_never_hear_of_is_told_without_asking_it(window: Window) -> None:
    reverted, unread = await window.new("1001"), await window.new("1002", currency="CAD")
    await window.store.apply(await window.store.find(reverted), Trigger.REVERT_REQUESTED, OLGA)
    gone, foreign = (await window.look(ids=[reverted, unread]))["documents"]
    assert gone["nothing"] == "nothing would be sent: it is reverted"
    assert foreign["problem"]["code"] == "currency_foreign"
    assert window.asked == []


async def test_payment_tells_what_it_waits_for(window: Window) -> None:
    invoice = window.desk.sourced(load="1001")
    assert invoice.content is not None
    content = msgspec.structs.replace(invoice.content, settles=Origin(invoice.kind, invoice.source_id))
    paid = await window.new("1001", kind=Kind.CUSTOMER_PAYMENT, content=content)
    [seen] = (await window.look(ids=[paid]))["documents"]
    assert seen["waits"].startswith("waits for the invoice it pays")


async def test_what_would_not_leave_costs_nothing(window: Window) -> None:
    one = await window.new("1001")
    window.varied = {"settled": "nothing would be sent"}
    cost = (await window.look(ids=[one]))["cost"]
    assert (cost["creations"], cost["documents"], cost["batches"]) == (0, 0, 0)


async def test_release_takes_the_hash(window: Window) -> None:
    one = await window.new("1001")
    status, _ = await window.post(f"transactions/{one}/release", {"reason": "as seen", "preview": "0123456789ab"})
    assert (status, await window.expected(one)) == (200, "0123456789ab")


async def test_release_of_many_lets_go_what_was_seen_and_nothing_else(window: Window) -> None:
    one, two = await window.new("1001"), await window.new("1002")
    status, answer = await window.post("release", {"reason": "as seen", "previews": {str(one): "0123456789ab"}})
    assert (status, answer["released"]) == (200, [one])
    assert (await window.expected(one), await window.expected(two)) == ("0123456789ab", None)


async def test_hash_that_is_none_is_refused(window: Window) -> None:
    one = await window.new("1001")
    for body in ({"reason": "as seen", "preview": "no hash"}, {"reason": "as seen", "preview": ""}):
        assert (await window.post(f"transactions/{one}/release", body))[0] == 400


def on_screen(show: Any, *given: Any) -> str:
    console = Console(file=StringIO(), width=200)
    show(console, *given)
    file = console.file
    assert isinstance(file, StringIO)
    return file.getvalue()


async def test_one_document_is_shown_whole(window: Window) -> None:
    one = await window.new("1001")
    page = await window.look(ids=[one])
    text = on_screen(command._show_whole, page["documents"][0])
    for told in ("hash 0123456789ab", "Accounts Receivable (A/R)", "1,800.10", "to be created: customer Acme Foods"):
        assert told in text


async def test_many_are_shown_as_a_table_with_what_they_come_to(window: Window) -> None:
    ids = [await window.new(f"100{n}") for n in range(3)]
    page = await window.look(ids=ids)
    text = on_screen(command._show_list, page["documents"]) + on_screen(command._show_cost, page)
    assert text.count("0123456789ab") == 3
    assert "5,400.30" in text
    assert "1 creations, 3 documents alone or in 1 batches; metered reads as just now: 1 look_up" in text


def test_pages_are_joined_as_the_daemon_answers_them() -> None:
    page = {"documents": [{"id": 1}], "cost": {"reads": {"look_up": 2}, "creations": 1, "documents": 1, "batches": 1}}
    joined = command._joined([page | {"next": 1}, page | {"next": None}])
    assert msgspec.json.decode(msgspec.json.encode(joined)) == {
        "documents": [{"id": 1}, {"id": 1}],
        "cost": {"reads": {"look_up": 4}, "creations": 2, "documents": 2, "batches": 2},
        "next": None,
    }
