"""A client of the Alvys twin with a token, for tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import aiohttp
import msgspec

from adapters.sandbox import serve
from adapters.sandbox.alvys import AUDIENCE, AlvysSandbox, Limits

CREDENTIALS = {
    "client_id": "sandbox-client",
    "client_secret": "sandbox-secret",
    "audience": AUDIENCE,
    "grant_type": "client_credentials",
}
ENCODER = msgspec.json.Encoder(decimal_format="number")


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 2, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class Tenant:
    """A client with a token."""

    def __init__(self, sandbox: AlvysSandbox, clock: Clock, session: aiohttp.ClientSession) -> None:
        self.sandbox, self.clock, self.session = sandbox, clock, session
        self.headers: dict[str, str] = {}

    async def sign_in(self) -> None:
        status, token, _ = await self.call("POST", "/oauth/token", CREDENTIALS)
        assert status == 200
        self.headers = {"Authorization": f"Bearer {token['access_token']}"}

    async def call(self, method: str, path: str, body: object = None, **more: str) -> tuple[int, Any, Any]:
        raw = None if body is None else ENCODER.encode(body)
        headers = self.headers | more | ({} if raw is None else {"Content-Type": "application/json"})
        async with self.session.request(method, path, data=raw, headers=headers) as answer:
            text = await answer.read()
            decoded = msgspec.json.Decoder(float_hook=Decimal).decode(text) if "json" in answer.content_type else text
            return answer.status, decoded, answer.headers

    async def api(self, method: str, path: str, body: object = None, **more: str) -> tuple[int, Any]:
        status, decoded, _ = await self.call(method, f"/api/p/v1/{path}", body, **more)
        return status, decoded

    async def search(self, kind: str, **request: object) -> list[Any]:
        status, found = await self.api("POST", f"{kind}/search", {"Page": 0, "PageSize": 100} | request)
        assert status == 200, found
        assert found["Total"] == len(found["Items"])
        return list(found["Items"])


def sandbox(clock: Clock, *, limits: Limits = Limits(requests=0), **more: Any) -> AlvysSandbox:  # noqa: B008 - frozen
    return AlvysSandbox(clock=clock, limits=limits, **more)


@asynccontextmanager
async def tenant_of(twin: AlvysSandbox, clock: Clock) -> AsyncIterator[Tenant]:
    async with serve(twin.app()) as url, aiohttp.ClientSession(url) as session:
        tenant = Tenant(twin, clock, session)
        await tenant.sign_in()
        yield tenant
