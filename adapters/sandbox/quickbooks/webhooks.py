"""Webhooks going out: events in bundles, signed, tried again up the vendor's ladder, and spoiled on demand."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain, repeat
from random import Random
from typing import Final, Literal
from urllib.parse import urlsplit

import aiohttp
import msgspec
from aiohttp import web

from adapters.sandbox import LOOPBACK
from adapters.sandbox.quickbooks.books import Transition
from adapters.sandbox.quickbooks.clock import Clock, stamp
from adapters.sandbox.quickbooks.company import Company
from adapters.sandbox.quickbooks.journal import decode, encode
from adapters.sandbox.quickbooks.notices import Notice, classic, cloud_events, event_id, operations
from adapters.sandbox.quickbooks.rules import Object
from adapters.sandbox.quickbooks.switches import Switches
from adapters.sandbox.quickbooks.view import render

SIGNATURE: Final = "intuit-signature"
LADDER: Final = (10, 20, 30, 300, 1200, 7200, 14400, 21600)
"""Seconds until the next try, per the vendor's announcement; the last one is repeated for as long as it takes."""
_HOLDING: Final = 10
"""How many bundling times a bundle is held back for a later one to overtake it."""
_PATH: Final = "/_sandbox/webhooks"


class Receiver(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where events go, and how badly: the app's own endpoint on this machine, as set in the vendor's portal."""

    url: str
    verifier_token: str = "sandbox-verifier"  # noqa: S105 - a sandbox's secret is no secret
    format: Literal["classic", "cloudevents"] = "classic"
    entities: tuple[str, ...] = ()
    """The kinds subscribed to; none means all."""
    bundle_seconds: float = 5.0
    """How long events are collected for one delivery."""
    time_factor: float = 1.0
    """What bundling and the ladder of retries are multiplied by: 0.001 makes 10 s of it 10 ms."""
    timeout_seconds: float = 3.0
    """How long the receiver may take; this is not multiplied."""
    loss: float = 0.0
    """Probability that an event is never sent."""
    duplication: float = 0.0
    """Probability that a bundle that was taken is sent again."""
    reordering: float = 0.0
    """Probability that a bundle's events are shuffled and a later bundle overtakes it."""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class _Delivery:
    """One bundle as it goes out, each time with the same bytes."""

    body: bytes
    headers: dict[str, str]
    events: list[Object]


@dataclass(slots=True)
class _Post:
    """What is waiting to be sent to one receiver."""

    receiver: Receiver
    random: Random
    notices: list[Notice] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)


class Webhooks:
    """Tells one receiver what happens in the companies it follows. `switches` are those of the app's first company."""

    def __init__(self, client_id: str, *, switches: Callable[[], Switches], clock: Clock, seed: int) -> None:
        self._client_id = client_id
        self._switches = switches
        self._clock = clock
        self._random = Random(f"{seed}:webhooks")  # noqa: S311 - names events
        self._post: _Post | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._serving = False
        self.attempts: list[Object] = []
        """Every try to deliver: when, which one it was, how it was answered, and the events in it."""

    def follow(self, company: Company) -> None:
        """Hear of every change in a company's books from now on."""

        def heard(transitions: list[Transition]) -> None:
            if self._post is not None:
                self._notice(self._post, company, transitions)

        company.books.watchers.append(heard)

    def deliver_to(self, receiver: Receiver | None) -> None:
        """Send events to this receiver from now on; what the one before has not taken is forgotten.

        Raises ValueError for a receiver that is not on this machine.
        """
        if receiver is not None and urlsplit(receiver.url).hostname not in LOOPBACK:
            raise ValueError(f"webhooks go to loopback only, not to {receiver.url}")
        for task in self._tasks:
            task.cancel()
        self._post = None if receiver is None else _Post(receiver, Random(receiver.seed))  # noqa: S311 - spoils deliveries
        if self._serving:
            self._start()

    def add_routes(self, app: web.Application) -> None:
        """Serve the control endpoint of the receiver, and deliver while the application runs."""
        app.router.add_put(_PATH, self._set)
        app.router.add_get(_PATH, self._show)
        app.router.add_delete(_PATH, self._clear)
        app.cleanup_ctx.append(self._serve)

    async def _set(self, request: web.Request) -> web.Response:
        try:
            self.deliver_to(msgspec.convert(decode(await request.read()), Receiver, strict=False))
        except (msgspec.DecodeError, ValueError) as unfit:
            return _answer({"error": str(unfit)}, status=400)
        return await self._show(request)

    async def _clear(self, request: web.Request) -> web.Response:
        self.deliver_to(None)
        return await self._show(request)

    @property
    def waiting(self) -> int:
        """How many events are being collected for the next delivery."""
        return 0 if self._post is None else len(self._post.notices)

    async def _show(self, _request: web.Request) -> web.Response:
        receiver = None if self._post is None else msgspec.to_builtins(self._post.receiver)
        return _answer({"receiver": receiver, "waiting": self.waiting, "attempts": self.attempts})

    # From a change in the books to a delivery

    def _notice(self, post: _Post, company: Company, transitions: list[Transition]) -> None:
        wanted = frozenset(post.receiver.entities)
        whole = company.switches.cloud_event_data == "entity"
        for (kind, old, new), operation, merged in operations(transitions, linked=company.switches.linked_change_event):
            if (wanted and kind not in wanted) or post.random.random() < post.receiver.loss:
                continue
            identity = (new or old or {})["Id"]
            content = render(company.books, kind, new) if whole and new is not None else {}
            event, now = event_id(self._random), self._clock()
            post.notices.append(Notice(event, company.realm_id, kind, identity, operation, now, content, merged))
            post.arrived.set()

    def _bundle(self, post: _Post, *, shuffled: bool) -> _Delivery:
        notices, post.notices = post.notices, []
        post.arrived.clear()
        if shuffled:
            post.random.shuffle(notices)
        body, kind = classic(notices), "application/json"
        if post.receiver.format == "cloudevents":
            body, kind = cloud_events(notices, self._client_id), f"application/{self._switches().cloud_event_type}"
        digest = hmac.digest(post.receiver.verifier_token.encode(), body, hashlib.sha256)
        headers = {"Content-Type": kind, SIGNATURE: base64.b64encode(digest).decode()}
        events: list[Object] = [
            {"realm": each.realm_id, "kind": each.kind, "id": each.identity, "operation": each.operation}
            for each in notices
        ]
        return _Delivery(body, headers, events)

    # Delivering

    async def _serve(self, _app: web.Application) -> AsyncIterator[None]:
        self._serving = True
        self._start()
        yield
        self._serving = False
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self) -> None:
        if self._post is not None:
            task = asyncio.create_task(self._work(self._post))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _work(self, post: _Post) -> None:
        receiver = post.receiver
        pause = receiver.bundle_seconds * receiver.time_factor
        waiting: list[_Delivery] = []  # the newest first, so that it overtakes one that was held back
        timeout = aiohttp.ClientTimeout(total=receiver.timeout_seconds)
        async with aiohttp.ClientSession(timeout=timeout) as session, asyncio.TaskGroup() as deliveries:
            while True:
                if await _comes(post.arrived, within=_HOLDING * pause if waiting else None):
                    await asyncio.sleep(pause)
                    late = post.random.random() < receiver.reordering
                    waiting.insert(0, self._bundle(post, shuffled=late))
                    if late and len(waiting) == 1:
                        continue
                while waiting:
                    delivery = self._deliver(session, receiver, waiting.pop(0), post.random)
                    if self._switches().failed_delivery == "waits":
                        await delivery
                    else:
                        deliveries.create_task(delivery)

    async def _deliver(
        self, session: aiohttp.ClientSession, receiver: Receiver, delivery: _Delivery, random: Random
    ) -> None:
        """Deliver a bundle, however often it takes."""
        for place, wait in enumerate(retry_waits(), start=1):
            if await self._try(session, receiver, delivery, place):
                break
            await asyncio.sleep(wait * receiver.time_factor)
        if random.random() < receiver.duplication:
            await self._try(session, receiver, delivery, 1)

    async def _try(self, session: aiohttp.ClientSession, receiver: Receiver, delivery: _Delivery, place: int) -> bool:
        try:
            async with session.post(
                receiver.url, data=delivery.body, headers=delivery.headers, allow_redirects=False
            ) as answer:
                status: int | None = answer.status
        except (aiohttp.ClientError, TimeoutError):
            status = None
        self.attempts.append(
            {"time": stamp(self._clock()), "attempt": place, "status": status, "events": delivery.events}
        )
        return status is not None and 200 <= status < 300  # noqa: PLR2004 - the statuses that take it


async def _comes(event: asyncio.Event, *, within: float | None) -> bool:
    try:
        async with asyncio.timeout(within):
            await event.wait()
    except TimeoutError:
        return False
    return True


def retry_waits() -> Iterator[int]:
    """Yield the seconds before each further try; there is no end to them."""
    return chain(LADDER, repeat(LADDER[-1]))


def _answer(content: object, *, status: int = 200) -> web.Response:
    return web.Response(body=encode(content), status=status, content_type="application/json")
