"""A QuickBooks that says exactly what the test scripts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import aiohttp
import msgspec
from aiohttp import web
from aiohttp.test_utils import TestServer

from adapters.http import Http, encode
from adapters.ports import Order
from adapters.quickbooks import QuickBooks, Settings
from state.creation import Creation
from state.lifecycle import Effect, State
from state.outbox import Claim, Message, Phase
from state.transaction import Kind, Transaction, TransactionId

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass
class Vault:
    """The vault and the links; `kept` in order, and failing while `broken`."""

    kept: list[str] = field(default_factory=list)
    broken: bool = False

    async def secret(self, name: str) -> str | None:
        return self.kept[-1] if self.kept else None

    async def keep(self, name: str, value: str) -> None:
        if self.broken:
            raise OSError("the disk is full")
        self.kept.append(value)

    async def linked(self, kind: str, key: str) -> str | None:
        return None

    async def link(self, kind: str, key: str, target: str, *, name: str = "") -> None:
        raise AssertionError("nothing to link here")

    async def creation(self, kind: str, name: str) -> Creation | None:
        raise AssertionError("nothing to create here")

    async def record(self, kind: str, name: str, creation: Creation) -> None:
        raise AssertionError("nothing to create here")

    @property
    def tokens(self) -> list[str]:
        return [msgspec.json.decode(value)["value"] for value in self.kept]


@dataclass
class Script:
    """What the vendor answers, first to last, and what it was asked."""

    token: list[Any] = field(default_factory=list)
    api: list[Any] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    now: datetime = NOW
    vault: Vault = field(default_factory=Vault)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    pause: asyncio.Event = field(default_factory=asyncio.Event)

    settings: Settings = field(init=False)
    http: Http = field(init=False)

    def __post_init__(self) -> None:
        self.pause.set()

    def adapter(self, settings: Settings) -> QuickBooks:
        return QuickBooks(settings, self.http, self.vault, self.vault, self.clock)

    def clock(self) -> datetime:
        return self.now

    async def answer_token(self, request: web.Request) -> web.StreamResponse:
        self.asked.append({key: str(value) for key, value in (await request.post()).items()})
        self.headers.append(dict(request.headers))
        self.arrived.set()
        await self.pause.wait()
        return _answered(request, self.token.pop(0))

    async def answer_api(self, request: web.Request) -> web.StreamResponse:
        self.headers.append(dict(request.headers))
        return _answered(request, self.api.pop(0))


LOST = object()


def _answered(request: web.Request, answer: Any) -> web.StreamResponse:
    if answer is LOST:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()
    status, body, content_type = answer
    return web.Response(status=status, body=body, content_type=content_type, headers={"intuit_tid": "tid-7"})


def answer(body: Any, status: int = 200) -> tuple[int, bytes, str]:
    return (status, encode(body), "application/json")


def grant(refresh: str, access: str = "A", life: int = 3600) -> tuple[int, bytes, str]:
    lifetimes = {"expires_in": life, "x_refresh_token_expires_in": 8640000, "x_refresh_token_hard_expires_in": 100}
    return answer({"token_type": "bearer", "access_token": access, "refresh_token": refresh} | lifetimes)


@asynccontextmanager
async def scripted() -> AsyncIterator[tuple[Script, QuickBooks]]:
    script = Script()
    app = web.Application()
    app.router.add_post("/token", script.answer_token)
    app.router.add_route("*", "/v3/company/1/{rest:.+}", script.answer_api)
    server = TestServer(app)
    await server.start_server()
    root = str(server.make_url("")).rstrip("/")

    async def admit(endpoint: str) -> None:
        return None

    async with aiohttp.ClientSession() as session:
        http = Http(session, admit=admit, observe=lambda call: None, timeout=5)
        settings = Settings(root, f"{root}/token", "id", "secret", "1", "R0", "acme")
        script.settings, script.http = settings, http
        yield script, script.adapter(settings)
    await server.close()


BOOKED = {
    "Id": "145",
    "SyncToken": "0",
    "DocNumber": "LD-1",
    "TxnDate": "2026-03-02",
    "TotalAmt": Decimal("10.50"),
    "Balance": Decimal("10.50"),
    "CustomerRef": {"value": "10"},
    "Line": [{"DetailType": "SalesItemLineDetail", "Amount": Decimal("10.50")}, {"DetailType": "SubTotalLineDetail"}],
}


def order() -> Order:
    line = {"DetailType": "SalesItemLineDetail", "Amount": Decimal("10.50"), "SalesItemLineDetail": {}}
    note = "[loadledger acme customer_invoice inv-1 g1 0123456789]"
    body = {"CustomerRef": {"value": "10"}, "TxnDate": "2026-03-02", "Line": [line], "PrivateNote": note}
    transaction = Transaction(
        TransactionId(1), Kind.CUSTOMER_INVOICE, "inv-1", "LD-1", State.PENDING, 1, 1, 1, None, "", None, None, None,
        None, False, NOW, NOW,
    )  # fmt: skip
    message = Message(1, Effect.EXPORT, Phase.SENT, 1, 1, 0, 1, 0, 0, NOW)
    return Order(Claim(message, transaction), "request-1", encode(body))
