"""Fake vendors: a tiny set of books that judges, and ports that follow a script of faults.

What is sent travels: it is on the wire at once, and in the books when the clock has reached its arrival or its answer
is heard, whatever became of the sender meanwhile. So a crash or a fault never undoes what has left.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import anyio
import anyio.lowlevel
import msgspec
from structlog.testing import capture_logs
from typing_extensions import override

from adapters.ports import (
    Absent,
    Changes,
    Conflict,
    File,
    FileSort,
    Finding,
    Found,
    Order,
    Place,
    Present,
    Sender,
    VendorError,
    Verdict,
)
from engine.lane import Pace
from engine.relay import Relay
from engine.routes import lanes, routes
from state import database
from state.lifecycle import Effect, Trigger
from state.outbox import Claim, Observation, Outcome, Receipt
from state.problem import Problem
from state.transaction import Charge, Document, DocumentType, Kind, Transaction

if TYPE_CHECKING:
    import pytest

    from tests.unit.conftest import Desk

Now = Callable[[], datetime]

NUMBER_TAKEN = Problem("number_taken", "Another document carries the number.", "Change one of the two.")


class Request(msgspec.Struct, frozen=True):
    """What a fake vendor is asked to do: make a document, change one, or take one away."""

    effect: Effect
    source: str
    number: str
    minor: int
    document: str | None = None

    @classmethod
    def of(cls, claim: Claim) -> "Request":
        transaction, report = claim.transaction, claim.message.report
        if report is not None:
            return cls(Effect.REPORT_PAYMENT, report.note or "", report.note or "", report.amount.minor)
        assert transaction.content is not None
        return cls(
            claim.message.effect,
            transaction.source_id,
            transaction.content.number,
            transaction.content.total.minor,
            transaction.document.id if transaction.document else None,
        )


@dataclass
class Held:
    """One document in the fake books; `source` is our marker."""

    id: str
    source: str
    number: str
    minor: int
    version: int = 0
    gone: bool = False

    @property
    def document(self) -> Document:
        return Document(self.id, self.number, str(self.version))


class Travelling(NamedTuple):
    """A request on the wire."""

    arrives: datetime
    request_id: str
    request: Request


class Books:
    """The judge: what a vendor holds. With `replays`, a request id seen before does nothing again."""

    def __init__(self, clock: Now, *, replays: bool = True) -> None:
        self.documents: list[Held] = []
        self._clock = clock
        self._replays = replays
        self._wire: list[Travelling] = []
        self._answered: dict[str, Held] = {}

    def accept(self, request_id: str, request: Request, travel: float = 0) -> None:
        """Put a request on the wire, to arrive `travel` seconds from now."""
        self._wire.append(Travelling(self._clock() + timedelta(seconds=travel), request_id, request))

    def settle(self) -> None:
        """Book everything that has arrived by now."""
        arrived = [each for each in self._wire if each.arrives <= self._clock()]
        self._wire = [each for each in self._wire if each.arrives > self._clock()]
        for each in arrived:
            if not (self._replays and each.request_id in self._answered):
                self._answered[each.request_id] = self._book(each.request)

    def answer(self, request_id: str) -> Held:
        """Return what a request came to: an answer that is heard proves that it has arrived."""
        now = self._clock()
        self._wire = [each._replace(arrives=now) if each.request_id == request_id else each for each in self._wire]
        self.settle()
        return self._answered[request_id]

    def live(self, source: str) -> list[Held]:
        """Return the documents that carry a marker and stand."""
        self.settle()
        return [held for held in self.documents if held.source == source and not held.gone]

    def by_hand(self, number: str, *, source: str = "somebody else", minor: int = 1) -> Held:
        """Book a document that no request of ours made."""
        return self._book(Request(Effect.EXPORT, source, number, minor))

    def verdict(self, request: Request) -> Verdict:
        """Compare a request with what stands."""
        self.settle()
        if request.effect is Effect.VOID or request.document is not None:
            held = next((held for held in self.documents if held.id == request.document), None)
            if request.effect is Effect.VOID:
                return Present(Receipt()) if held is None or held.gone else Absent()
            assert held is not None
            return Present(Receipt(held.document)) if held.minor == request.minor else Absent()
        mine = self.live(request.source)
        if mine:
            return Present(Receipt(mine[0].document))
        taken = any(held.number == request.number and not held.gone for held in self.documents)
        return Conflict(NUMBER_TAKEN.seen(request.number)) if taken else Absent()

    def _book(self, request: Request) -> Held:
        if request.document is None:
            held = Held(f"d{len(self.documents) + 1}", request.source, request.number, request.minor)
            self.documents.append(held)
            return held
        held = next(held for held in self.documents if held.id == request.document)
        held.version += 1
        held.gone = request.effect is Effect.VOID
        held.minor = request.minor
        return held


class Fault(NamedTuple):
    """Something that goes wrong once: at whose step, for which transaction (any if None), with which error.

    `travel` is for a send: the request arrives all the same, that many seconds later.
    """

    step: str
    error: Exception
    label: str | None = None
    travel: float | None = None


class FakeSender(Sender):
    """One effect at a fake vendor. Keeps what it was asked, and lets `before_send` look around at that moment.

    `most` is how many orders it takes in one call; `calls` has the labels of each, in the order they were carried out.
    """

    def __init__(self, books: Books, *, most: int = 1) -> None:
        self.books = books
        self.most = most
        self.calls: list[list[str]] = []
        self.prepared: list[str] = []
        self.asked: list[list[str]] = []
        self.sent: list[Order] = []
        self.faults: list[Fault] = []
        self.travel = 60.0  # seconds a request is under way if nobody lives to hear the answer
        self.before_send: Callable[[Order], Awaitable[object]] | None = None
        self.before_look_up: Callable[[], Awaitable[object]] | None = None

    def fail(self, step: str, error: Exception, label: str | None = None, *, times: int = 1) -> None:
        """Let the next calls of a step end with an error, and nothing leave."""
        self.faults += [Fault(step, error, label)] * times

    def lose_answer(self, error: Exception, *, travel: float = 0, times: int = 1, step: str = "send") -> None:
        """Let the next requests, or with step `send_many` calls, arrive `travel` seconds later, their answers lost."""
        self.faults += [Fault(step, error, None, travel)] * times

    @override
    async def prepare(self, claim: Claim, request_id: str) -> Order:
        await anyio.lowlevel.checkpoint()
        self.prepared.append(claim.transaction.label)
        self._stumble("prepare", [claim.transaction.label])
        return Order(claim, request_id, msgspec.json.encode(Request.of(claim)))

    @override
    async def look_up(self, orders: Sequence[Order]) -> Mapping[int, Verdict]:
        await anyio.lowlevel.checkpoint()
        labels = [order.claim.transaction.label for order in orders]
        self.asked.append(labels)
        if self.before_look_up is not None:
            await self.before_look_up()
        self._stumble("look_up", labels)
        verdicts = {order.claim.message.id: self.books.verdict(_request(order)) for order in orders}
        await anyio.lowlevel.checkpoint()
        return verdicts

    @override
    async def send(self, order: Order) -> Receipt:
        [outcome] = (await self._carry_out([order])).values()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    @override
    async def send_many(self, orders: Sequence[Order]) -> Mapping[int, Receipt | VendorError]:
        assert len(orders) <= self.most
        labels = [order.claim.transaction.label for order in orders]
        if fault := self._next("send_many", labels):
            self.calls.append(labels)
            for order in orders if fault.travel is not None else ():
                self.books.accept(order.request_id, _request(order), fault.travel or 0)
            raise fault.error
        return await self._carry_out(orders)

    async def _carry_out(self, orders: Sequence[Order]) -> dict[int, Receipt | VendorError]:
        """Put orders on the wire at once, and hear what came of each."""
        if self.before_send is not None:
            for order in orders:
                await self.before_send(order)
        await anyio.lowlevel.checkpoint()
        self.calls.append([order.claim.transaction.label for order in orders])
        self.sent += orders
        faults = {order.request_id: self._next("send", [order.claim.transaction.label]) for order in orders}
        for order in orders:
            fault = faults[order.request_id]
            travel = fault.travel if fault else self.travel
            if travel is not None:
                self.books.accept(order.request_id, _request(order), travel)
        await anyio.lowlevel.checkpoint()
        outcomes: dict[int, Receipt | VendorError] = {}
        for order in orders:
            fault = faults[order.request_id]
            if fault is None:
                outcomes[order.claim.message.id] = self._receipt(order)
            elif isinstance(fault.error, VendorError):
                outcomes[order.claim.message.id] = fault.error
            else:
                raise fault.error
        return outcomes

    def _receipt(self, order: Order) -> Receipt:
        held = self.books.answer(order.request_id)
        return Receipt(None if held.gone else held.document, trace=f"tid {len(self.sent)}")

    def _stumble(self, step: str, labels: Sequence[str]) -> None:
        if fault := self._next(step, labels):
            raise fault.error

    def _next(self, step: str, labels: Sequence[str]) -> Fault | None:
        for fault in self.faults:
            if fault.step == step and (fault.label is None or fault.label in labels):
                self.faults.remove(fault)
                return fault
        return None


def _request(order: Order) -> Request:
    return msgspec.json.decode(order.body, type=Request)


@dataclass
class Window:
    """What a reader asked for."""

    since: datetime
    until: datetime | None = None


@dataclass
class FakeTms:
    """A TMS with one source, itself, that shows `chunks` one after the other; an exception is raised in its place."""

    payments: Sender
    chunks: list[Found | Exception] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    between: Callable[[], Awaitable[object]] | None = None
    name: str = "freight"
    interval: float = 60.0
    overlap: timedelta = timedelta(minutes=10)
    reported: frozenset[Kind] = frozenset(Kind)
    taken: set[tuple[date, date]] = field(default_factory=set)
    filed: Mapping[Kind, frozenset[FileSort]] = field(default_factory=dict)
    cabinet: dict[File, bytes | Exception] = field(default_factory=dict)
    listings: int = 0

    async def files(self, transaction: Transaction, sorts: Collection[FileSort]) -> Sequence[File]:
        self.listings += 1
        return [file for file in self.cabinet if file.sort in sorts]

    async def content(self, transaction: Transaction, file: File) -> bytes:
        held = self.cabinet[file]
        if isinstance(held, Exception):
            raise held
        return held

    @property
    def sources(self) -> Sequence["FakeTms"]:
        return (self,)

    def take_in(self, first: date, last: date) -> None:
        self.taken.add((first, last))

    def within(self, first: date, last: date) -> Sequence["FakeTms"]:
        return (self,)

    async def changes(self, since: datetime, until: datetime) -> AsyncIterator[Found]:
        self.windows.append(Window(since, until))
        for chunk in self.chunks:
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk
            if self.between is not None:
                await self.between()

    async def check(self) -> Sequence[Finding]:
        return []


@dataclass
class FakeAccounting:
    """An accounting system that shows `seen` as changed; an exception in its place is raised."""

    exports: Sender
    voids: Sender
    clock: Now
    seen: Sequence[Observation] | Exception = ()
    windows: list[Window] = field(default_factory=list)
    standing: Collection[str] = ()
    closed: date | None = None
    closings: int = 0
    asked: list[tuple[DocumentType, str]] = field(default_factory=list)
    hanging: list[tuple[str, str]] = field(default_factory=list)  # files on documents, each as often as it is there
    trouble: dict[str, tuple[Exception, bool]] = field(default_factory=dict)  # and whether it was attached all the same
    requests: list[str] = field(default_factory=list)
    looks: int = 0

    async def changes(self, since: datetime) -> Changes:
        self.windows.append(Window(since))
        if isinstance(self.seen, Exception):
            raise self.seen
        return Changes(self.seen, self.clock())

    async def attached(self, document_type: DocumentType, document_id: str, files: Sequence[File]) -> Mapping[str, str]:
        self.looks += 1
        return {file.id: f"a-{file.id}" for file in files if (document_id, file.id) in self.hanging}

    async def attach(
        self, document_type: DocumentType, document_id: str, file: File, content: bytes, request_id: str
    ) -> str:
        error, lost = self.trouble.pop(file.id, (None, False))
        if error is None or lost:
            self.hanging.append((document_id, file.id))
        self.requests.append(request_id)
        if error is not None:
            raise error
        return f"a-{file.id}"

    async def stands(self, document_type: DocumentType, document_id: str) -> bool:
        self.asked.append((document_type, document_id))
        return document_id in self.standing

    async def closed_until(self) -> date | None:
        self.closings += 1
        return self.closed

    async def check(self) -> Sequence[Finding]:
        return []


@contextmanager
def spared(monkeypatch: "pytest.MonkeyPatch") -> Iterator[None]:
    """Wait neither for the disk nor for the log: no power is cut here, and a killed process leaves its writes."""
    monkeypatch.setattr(database, "_PRAGMAS", (*database._PRAGMAS, "PRAGMA synchronous = OFF"))
    with capture_logs():
        yield


PACE = Pace(
    interval=30,
    claim=50,
    concurrency=4,
    quiet_period=180,
    read_pause=5,
    rounds=3,
    retry_base=8,
    retry_cap=600,
)


@dataclass
class Relays:
    """The relays of all lanes, run one after the other."""

    lanes: dict[str, Relay]

    async def run_once(self) -> float:
        return min([await relay.run_once() for relay in self.lanes.values()])


class Bench:
    """Relays between a store and the fake vendors, run pass by pass while the clock is moved."""

    def __init__(self, desk: "Desk", *, replays: bool = True, **pace: Any) -> None:
        self.desk = desk
        self.pace = replace(PACE, **pace)
        self.books = Books(desk.clock, replays=replays)
        self.told = Books(desk.clock, replays=replays)
        self.exports, self.voids, self.reports = FakeSender(self.books), FakeSender(self.books), FakeSender(self.told)
        self.files: Sender = FakeSender(Books(desk.clock, replays=replays))
        self.accounting = FakeAccounting(self.exports, self.voids, desk.clock)
        self.tms = FakeTms(self.reports)
        self.ended: list[tuple[Effect, str]] = []
        self.moved: list[Trigger] = []
        self.relay = self._relay()

    def restart(self, desk: "Desk") -> None:
        """Go on with another owner of the store and the same vendors."""
        self.desk = desk
        self.relay = self._relay()

    async def drain(self, passes: int = 100) -> None:
        """Run passes, resting as long as each says, until nothing is open."""
        for _ in range(passes):
            rest = await self.relay.run_once()
            if await self.desk.store.next_due(["accounting", "tms", "attachments"]) is None:
                return
            self.desk.clock.forward(seconds=rest)
        raise AssertionError(f"still open after {passes} passes: {await self.desk.store.backlog()}")

    def _relay(self) -> Relays:
        return Relays(
            {
                name: Relay(
                    self.desk.store,
                    name,
                    table,
                    self.pace,
                    entity="Acme LLC",
                    home_currency="USD",
                    clock=self.desk.clock,
                    ended=self._ended,
                )
                for name, table in lanes(routes(self.tms, self.accounting, self.files)).items()
            }
        )

    def _ended(self, effect: Effect, outcome: Outcome, fact: Trigger | None) -> None:
        self.ended.append((effect, type(outcome).__name__))
        self.moved.extend([fact] if fact else [])


class Unlooked:
    """Nobody who could look at a vendor."""

    async def check(self) -> Sequence[Finding]:
        return ()

    async def mapping(self, used: Collection[Charge]) -> Sequence[Place]:
        return ()

    async def starting_mapping(self, used: Collection[Charge]) -> str:
        return ""
