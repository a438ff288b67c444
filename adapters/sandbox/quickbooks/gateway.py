"""What stands in front of the services: trace ids, the log, and requests that go wrong on demand."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Final
from uuid import UUID

from aiohttp import web

from adapters.sandbox.quickbooks.answers import (
    entity_response,
    gateway_response,
    html_response,
)
from adapters.sandbox.quickbooks.clock import Clock, answer_time
from adapters.sandbox.quickbooks.disruption import Action, Disruption, Disruptions
from adapters.sandbox.quickbooks.faults import INTERNAL_ERROR, THROTTLED, UNAUTHENTICATED, Fault, Refusal
from adapters.sandbox.quickbooks.traffic import Log

Proceed = Callable[[], Awaitable[web.Response]]
"""Lets a request through: everything it does is done when this returns."""

_TRACE: Final = "intuit_tid"


class Gateway:
    """Lets requests through to a service, or spoils them as the armed rules say."""

    def __init__(self, disruptions: Disruptions, log: Log, clock: Clock, random: Random) -> None:
        self._disruptions = disruptions
        self._log = log
        self._clock = clock
        self._random = random
        self._late: set[asyncio.Task[None]] = set()
        self._instead: dict[Action, Callable[[Disruption], web.Response | None]] = {
            "drop_before_commit": lambda _: None,
            "html_502": lambda _: html_response(502, "Bad Gateway"),
            "xml_401": lambda _: self._refuse(UNAUTHENTICATED, xml=True),
            "throttle_429": lambda _: self._refuse(THROTTLED),
            "error_10000": lambda _: self._fault_response("10000", 500),
            "fault_in_200": lambda rule: self._fault_response(rule.code, 200),
        }
        self._afterwards: dict[Action, Callable[[web.Response], web.Response | None]] = {
            "commit_then_drop": lambda _: None,
            "commit_then_500": lambda _: self._refuse(INTERNAL_ERROR),
            "commit_then_503": lambda _: html_response(503, "Service Temporarily Unavailable"),
            "cut_json": _cut,
        }

    async def through(self, request: web.Request, subject: str, proceed: Proceed) -> web.Response:
        """Return the answer to a request; `subject` is what rules and the log know it by."""
        rule = self._disruptions.choose(request.method, request.path, subject)
        response = await (proceed() if rule is None else self._spoil(rule, proceed))
        self._log.count(f"{request.method} {subject}", None if response is None else response.status)
        if response is None:
            return _hang_up(request)
        response.headers[_TRACE] = request.headers.get(_TRACE) or str(UUID(int=self._random.getrandbits(128)))
        response.headers["QBO-Version"] = "sandbox"
        return response

    async def _spoil(self, rule: Disruption, proceed: Proceed) -> web.Response | None:
        """Return the spoiled answer; None for a connection that just ends."""
        if instead := self._instead.get(rule.action):
            return instead(rule)
        if rule.action == "late_commit":
            self._do_later(rule.delay, proceed)
            return None
        if rule.action == "slow":
            await asyncio.sleep(rule.delay)
        response = await proceed()
        afterwards = self._afterwards.get(rule.action)
        return afterwards(response) if afterwards else response

    def _refuse(self, refusal: Refusal, *, xml: bool = False) -> web.Response:
        return gateway_response(refusal, self._clock(), xml=xml)

    def _fault_response(self, code: str, status: int) -> web.Response:
        payload = {"Fault": Fault(code).as_json(), "time": answer_time(self._clock())}
        return entity_response(payload, status=status, json=True)

    def _do_later(self, delay: float, proceed: Proceed) -> None:
        async def late() -> None:
            await asyncio.sleep(delay)
            await proceed()

        task = asyncio.create_task(late())
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    async def forget_late(self, _app: web.Application) -> None:
        """Cancel what was to be done later; a server that stops never does it."""
        late = list(self._late)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)


def _hang_up(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _cut(response: web.Response) -> web.Response:
    whole = response.body if isinstance(response.body, bytes) else b""
    return web.Response(body=whole[: len(whole) // 2], status=response.status, content_type=response.content_type)
