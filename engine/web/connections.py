"""What a client may take of us: how many connections, and how long for each step of a request.

A guard stands between the event loop and the HTTP protocol of one connection. At every moment one step is under way
(the head of a request, its body, our answer, the rest between two requests), each with its own limit; a client that
exceeds it is cut off. The clock of a step does not start again with each byte, so trickling gains nothing.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler
from typing_extensions import override


@dataclass(frozen=True, slots=True)
class Limits:
    """What clients are granted; times in seconds."""

    connections: int = 64
    head: float = 10.0
    body: float = 10.0
    answer: float = 120.0  # to compute it; a check reads from both vendors, at their pace
    rest: float = 30.0  # from the answer, which has to be taken in this time too, to the next request
    farewell: float = 5.0  # for requests under way when the server stops


class Guards:
    """Makes the guarded protocol of each new connection."""

    def __init__(self, protocols: Callable[[], asyncio.Protocol], limits: Limits) -> None:
        self.limits = limits
        self._protocols = protocols
        self._open: set[Guard] = set()

    def __call__(self) -> "Guard":
        """Return the protocol of a new connection."""
        return Guard(self, self._protocols())

    def admit(self, guard: "Guard") -> bool:
        """Take in a new connection, if there is room."""
        if len(self._open) >= self.limits.connections:
            return False
        self._open.add(guard)
        return True

    def release(self, guard: "Guard") -> None:
        """Forget a connection that is gone."""
        self._open.discard(guard)

    def cut_off(self) -> None:
        """Close what is still open, sent or not."""
        for guard in self._open:
            guard.cut_off()


class Guard(asyncio.Protocol):
    """One connection, watched."""

    def __init__(self, guards: Guards, protocol: asyncio.Protocol) -> None:
        self._guards = guards
        self._protocol = protocol
        self._transport: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._resting = False

    # -- what the middleware says ------------------------------------------------------------------------------

    def head_ended(self) -> None:
        """Expect the body: the head of a request is complete."""
        self._allow(self._guards.limits.body)

    def body_ended(self) -> None:
        """Expect our own answer: the request is complete."""
        self._allow(self._guards.limits.answer)

    def answered(self) -> None:
        """Expect the client to take the answer, and to ask again or leave."""
        self._resting = True
        self._allow(self._guards.limits.rest)

    def cut_off(self) -> None:
        """Close the connection at once, whatever is still to be sent."""
        if self._transport is not None:
            self._transport.abort()

    def _allow(self, seconds: float) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        if self._transport is not None:
            self._deadline = asyncio.get_running_loop().call_later(seconds, self.cut_off)

    # -- what the event loop says ------------------------------------------------------------------------------

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.Transport) or not self._guards.admit(self):
            transport.close()
            return
        self._transport = transport
        self._allow(self._guards.limits.head)
        self._protocol.connection_made(transport)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is None:
            return
        self._transport = None
        self._guards.release(self)
        if self._deadline is not None:
            self._deadline.cancel()
        self._protocol.connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        if self._transport is None:
            return
        if self._resting:
            self._resting = False
            self._allow(self._guards.limits.head)
        self._protocol.data_received(data)

    @override
    def eof_received(self) -> bool | None:
        return self._protocol.eof_received() if self._transport is not None else None

    @override
    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    @override
    def resume_writing(self) -> None:
        self._protocol.resume_writing()


@web.middleware
async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Read the whole request before anyone acts on it, and tell the connection's guard how far it is."""
    guard = request.transport.get_protocol() if request.transport is not None else None
    if not isinstance(guard, Guard):
        return await handler(request)
    guard.head_ended()
    try:
        await request.read()
        guard.body_ended()
        return await handler(request)
    except (ConnectionError, web.RequestPayloadError) as error:
        raise web.HTTPBadRequest(text="the request ended before it was complete") from error
    finally:
        guard.answered()
