"""The QuickBooks adapter and its twin, connected over real HTTP on loopback."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from adapters.http import Call, Http
from adapters.quickbooks import QuickBooks, Settings
from adapters.sandbox.quickbooks import Limits, QuickBooksSandbox, Switches, seed_company
from tests.conformance.world import MAPPING, Clock, Memory, World


@pytest.fixture
async def open_world() -> AsyncIterator[Callable[..., Awaitable[World]]]:
    closing: list[Callable[[], Awaitable[None]]] = []

    async def build(switches: Switches = Switches(), limits: Limits | None = None, **settings: Any) -> World:  # noqa: B008 - frozen
        clock = Clock()
        free = Limits(requests_per_minute=None, requests_per_second=None, batches_per_minute=None)
        twin = QuickBooksSandbox(switches=switches, limits=limits or free, clock=clock)
        seed_company(twin.company)
        server = TestServer(twin.app())
        await server.start_server()
        session = aiohttp.ClientSession()
        closing.extend((session.close, server.close))
        memory, calls, watchers = Memory(), list[Call](), list[Callable[[Call], None]]()

        async def admit(endpoint: str) -> None:
            pass

        def observe(call: Call) -> None:
            calls.append(call)
            for watcher in watchers:
                watcher(call)

        def another(memory: Memory = memory, **changed: Any) -> QuickBooks:
            root = str(server.make_url("")).rstrip("/")
            defaults: dict[str, Any] = {
                "api_url": root,
                "token_url": f"{root}/oauth2/v1/tokens/bearer",
                "client_id": twin.client_id,
                "client_secret": twin.client_secret,
                "realm_id": twin.realm_id,
                "refresh_token": "sandbox-refresh",
                "entity": "acme",
                "mapping": MAPPING,
            }
            http = Http(session, admit=admit, observe=observe, timeout=5)
            return QuickBooks(Settings(**defaults | settings | changed), http, memory, memory, clock)

        return World(twin, another(), memory, clock, calls, another, watchers)

    yield build
    for close in closing:
        await close()


@pytest.fixture
async def world(open_world: Callable[..., Awaitable[World]]) -> World:
    return await open_world()
