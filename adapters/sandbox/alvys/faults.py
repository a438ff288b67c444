"""Faults on demand: which requests go wrong, how, and how often."""

from collections.abc import Awaitable, Callable
from fnmatch import fnmatchcase
from random import Random
from typing import Literal, TypeAlias

import anyio
import msgspec
from aiohttp import web

from adapters.sandbox.alvys.limits import too_many
from adapters.sandbox.alvys.wire import Problem

Action: TypeAlias = Literal[
    "html_502",
    "cut_json",
    "throttle_429",
    "slow",
    "drop",
    "commit_then_drop",
    "error_500",
    "commit_then_500",
    "endpoint_disabled",
]
AN_HOUR = {"Retry-After": "3600"}
Serve: TypeAlias = Callable[[], Awaitable[web.StreamResponse]]


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule: requests that match its method and path go wrong, while its count lasts, with its probability.

    The path is a shell-style pattern over the endpoint, such as `loads/search` or `invoices/*`; `oauth/token` is one
    too. Without a count the rule stays until it is disarmed.
    """

    action: Action
    path: str = "*"
    method: str = "*"
    count: int | None = None
    probability: float = 1.0
    seed: int = 0
    seconds: float = 1.0  # of `slow`; of Retry-After in `throttle_429`


class Faults:
    """The rules now armed; the first that strikes a request decides."""

    def __init__(self) -> None:
        self._armed: list[_Armed] = []

    def __len__(self) -> int:
        return len(self._armed)

    def arm(self, *rules: Fault) -> None:
        """Add rules after those already armed."""
        self._armed += [_Armed(rule) for rule in rules]

    def disarm(self) -> None:
        """Forget every rule."""
        self._armed.clear()

    def striking(self, method: str, path: str) -> Fault | None:
        """Return the rule this request falls to, one of its count used up; None lets the request be."""
        return next((armed.rule for armed in self._armed if armed.strikes(method, path)), None)


class _Armed:
    """A rule with what is left of its count and its own chance."""

    def __init__(self, rule: Fault) -> None:
        self.rule = rule
        self._left = rule.count
        self._chance = Random(rule.seed)  # noqa: S311 - chance that can be repeated, not a secret

    def strikes(self, method: str, path: str) -> bool:
        rule = self.rule
        if self._left == 0 or not fnmatchcase(path, rule.path) or not fnmatchcase(method, rule.method.upper()):
            return False
        if self._chance.random() >= rule.probability:
            return False
        if self._left is not None:
            self._left -= 1
        return True


async def go_wrong(fault: Fault, request: web.Request, serve: Serve) -> web.StreamResponse:
    """Answer a request the way the fault says, committing what it asks for only where the name says so."""
    match fault.action:
        case "html_502":
            page = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
            return web.Response(status=502, text=page, content_type="text/html")
        case "throttle_429":
            raise too_many(int(fault.seconds))
        case "error_500":
            raise Problem(500, "An unexpected error occurred.")
        case "endpoint_disabled":
            raise Problem(503, "The endpoint is disabled for now.", headers=AN_HOUR, kind="EndpointDisabled")
        case "slow":
            await anyio.sleep(fault.seconds)
            return await serve()
        case "drop":
            return _hang_up(request)
        case "commit_then_drop":
            await serve()
            return _hang_up(request)
        case "commit_then_500":
            await serve()
            raise Problem(500, "An unexpected error occurred.")
        case "cut_json":
            whole = await serve()
            raw = whole.body if isinstance(whole, web.Response) and isinstance(whole.body, bytes) else b""
            return web.Response(status=whole.status, body=raw[: len(raw) // 2], content_type=whole.content_type)


def _hang_up(request: web.Request) -> web.Response:
    """Break the connection; what is returned goes nowhere."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
