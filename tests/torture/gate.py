"""A gate between the daemon and one vendor's twin: it passes everything on, and can hold a request at any moment."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import urlsplit

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_TRAVEL = 0.03  # seconds a late request is still under way after its sender has died
_LARGEST_HEAD = 65536
_GONE = (OSError, asyncio.IncompleteReadError)


class Moment(StrEnum):
    """How far a request has come when it is held."""

    CONNECTED = "connected"  # nothing of it was read
    SENT = "sent"  # it has left the daemon, and the vendor never gets it
    HALF_SENT = "half sent"  # the vendor gets half of it
    LATE = "late"  # the vendor gets it when the daemon is dead
    COMMITTED = "committed"  # the vendor has answered, the daemon has nothing
    HALF_ANSWERED = "half answered"
    ANSWERED = "answered"  # the daemon has it all, and no time to make anything of it


class Call(StrEnum):
    """What a request is for."""

    CREATE = "create"
    UPDATE = "update"
    VOID = "void"
    PARTY = "party"
    BATCH = "batch"
    REPORT = "report"
    TOKEN = "token"
    READ = "read"


class _Rule(NamedTuple):
    call: Call
    line: re.Pattern[bytes]
    body: re.Pattern[bytes] = re.compile(b"")


_RULES = (
    _Rule(Call.TOKEN, re.compile(rb"POST \S*token")),
    _Rule(Call.BATCH, re.compile(rb"POST \S*/batch")),
    _Rule(Call.VOID, re.compile(rb"POST \S*operation=")),
    _Rule(Call.PARTY, re.compile(rb"POST \S*/(customer|vendor)\b")),
    _Rule(Call.UPDATE, re.compile(rb"POST \S*/(invoice|bill)\b"), re.compile(rb'"SyncToken"')),
    _Rule(Call.CREATE, re.compile(rb"POST \S*/(invoice|bill)\b")),
    _Rule(Call.REPORT, re.compile(rb"POST \S*/(customer|carrier)-payments\b")),
)


def call_of(request: bytes) -> Call:
    """Say what a whole request is for; one that writes nothing is a read."""
    return next((rule.call for rule in _RULES if rule.line.match(request) and rule.body.search(request)), Call.READ)


@dataclass
class Trap:
    """Holds one request that fits, after `skip` others have passed, until it is let go."""

    moment: Moment
    call: Call | None = None  # None fits all
    skip: int = 0
    held: Call | None = None
    caught: asyncio.Event = field(default_factory=asyncio.Event)
    _open: asyncio.Event = field(default_factory=asyncio.Event)
    _alive: bool = True

    def takes(self, moment: Moment, call: Call | None) -> bool:
        """Say whether this request is to be held; of a new connection nobody knows yet what it is for."""
        fits = moment is self.moment and (self.call is None or call in {None, self.call})
        if not fits or self.caught.is_set() or self._open.is_set():
            return False
        self.skip -= 1
        if self.skip >= 0:
            return False
        self.held = call
        self.caught.set()
        return True

    def let_go(self, *, alive: bool) -> None:
        """Hold nothing any more; what was held goes on if its sender lives."""
        self._alive = alive
        self._open.set()

    async def survived(self) -> bool:
        """Hold the request, and say whether its sender lives when it is let go."""
        await self._open.wait()
        return self._alive


class Line(NamedTuple):
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def hear(self) -> bytes:
        """Read one whole request or answer."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        return head + (await self.reader.readexactly(int(length[1])) if length else b"")

    async def say(self, content: bytes) -> None:
        self.writer.write(content)
        await self.writer.drain()


class Gate:
    """Stands in for a twin, at `url`. `trap` is the one that is set, `passed` counts what the twin has answered."""

    def __init__(self, vendor: str) -> None:
        address = urlsplit(vendor)
        self._address = (address.hostname, address.port)
        self.url = ""
        self.trap: Trap | None = None
        self.passed: Counter[Call] = Counter()
        self._conversations: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on what comes over one connection of the daemon, until either side ends it."""
        task = asyncio.current_task()
        assert task
        self._conversations.add(task)
        try:
            with suppress(*_GONE):
                if await self._goes_on(Moment.CONNECTED, None):
                    await self._converse(Line(reader, writer))
        finally:
            writer.close()
            self._conversations.remove(task)

    async def close(self) -> None:
        """End what is still being said."""
        for task in list(self._conversations):
            task.cancel()
        await asyncio.gather(*self._conversations, return_exceptions=True)

    async def _converse(self, daemon: Line) -> None:
        vendor = Line(*await asyncio.open_connection(*self._address, limit=_LARGEST_HEAD))
        try:
            while await self._exchange(daemon, vendor):
                pass
        finally:
            vendor.writer.close()

    async def _exchange(self, daemon: Line, vendor: Line) -> bool:
        """Pass on one request and its answer; say whether the conversation goes on."""
        request = await daemon.hear()
        call, half = call_of(request), len(request) // 2
        if not await self._goes_on(Moment.SENT, call):
            return False
        await vendor.say(request[:half])
        if not await self._goes_on(Moment.HALF_SENT, call):
            return False
        alive = await self._goes_on(Moment.LATE, call)
        if not alive:
            await asyncio.sleep(_TRAVEL)
        await vendor.say(request[half:])
        answer = await vendor.hear()
        self.passed[call] += 1
        if not alive or not await self._goes_on(Moment.COMMITTED, call):
            return False
        half = len(answer) // 2
        await daemon.say(answer[:half])
        if not await self._goes_on(Moment.HALF_ANSWERED, call):
            return False
        await daemon.say(answer[half:])
        return await self._goes_on(Moment.ANSWERED, call)

    async def _goes_on(self, moment: Moment, call: Call | None) -> bool:
        """Hold the request here if the trap wants it, and say whether it goes on afterwards."""
        if self.trap is None or not self.trap.takes(moment, call):
            return True
        return await self.trap.survived()


@asynccontextmanager
async def gate(vendor: str) -> AsyncIterator[Gate]:
    """Open a gate to the twin at this address."""
    opened = Gate(vendor)
    server = await asyncio.start_server(opened.serve, "127.0.0.1", 0, limit=_LARGEST_HEAD)
    opened.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        try:
            yield opened
        finally:
            await opened.close()
