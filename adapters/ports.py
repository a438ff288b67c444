"""The two ports: what the engine asks of a TMS and of accounting, and the errors that say what to do next.

An adapter decides what a vendor's answer means; the engine decides what to do about it. The four errors are named
by that next step, so that the engine needs one `match` and no vendor's codes.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol

import msgspec
from typing_extensions import override

from state.creation import Creation
from state.outbox import Claim, Observation, Receipt
from state.problem import Problem
from state.transaction import Document, DocumentType, Kind, Money, Sourced, Transaction


class VendorError(Exception):
    """A vendor did not do what was asked. Always one of the four below."""


class Unavailable(VendorError):  # noqa: N818 - the four are named by what to do next
    """Definitely not done, and may well work later: try again, after `retry_after` seconds if that is stated."""

    def __init__(self, detail: str, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class OutcomeUnknown(VendorError):  # noqa: N818
    """It may have been done: look it up, then decide. Never a failure, never blindly repeated.

    Raised while a request is prepared, it speaks of something the request needs: the message waits, for `retry_after`
    seconds if that is stated, and nothing else does.
    """

    def __init__(self, detail: str = "", retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Rejected(VendorError):  # noqa: N818
    """Definitely not done, and it never will be as it is: a person acts on `problem`.

    `document` is one of this very transaction that stands in accounting all the same.
    """

    def __init__(self, problem: Problem, trace: str = "", document: Document | None = None) -> None:
        super().__init__(f"{problem.code}: {problem.detail}")
        self.problem = problem
        self.trace = trace
        self.document = document


class Unauthorized(VendorError):  # noqa: N818
    """We are not let in: stop this adapter, tell a person, keep the messages."""


class Order(msgspec.Struct, frozen=True):
    """A message ready to be sent: its frozen request and the id that names the request for ever."""

    claim: Claim
    request_id: str
    body: bytes


class Absent(msgspec.Struct, frozen=True):
    """The wish has not come true, as far as the vendor's books show."""


class Present(msgspec.Struct, frozen=True):
    """The wish has come true already."""

    receipt: Receipt


class Conflict(msgspec.Struct, frozen=True):
    """Something else stands in its place; `document`, if that is one of this very transaction."""

    problem: Problem
    document: Document | None = None


Verdict = Absent | Present | Conflict


class Sender(Protocol):
    """How one effect reaches its vendor, in the three steps of the exactly-once protocol."""

    most: int = 1
    """Orders that one request can carry."""

    async def prepare(self, claim: Claim, request_id: str) -> Order:
        """Resolve every reference and freeze the request. Creates missing parties, never the document itself.

        Raises Rejected if the content can't be mapped, and the other vendor errors as they are met.
        """

    async def look_up(self, orders: Sequence[Order]) -> Mapping[int, Verdict]:
        """Return, by message id, what the vendor's books say of each order; as few reads as possible."""

    async def send(self, order: Order) -> Receipt:
        """Send the frozen request once. Any VendorError; OutcomeUnknown unless the answer is definite."""

    async def send_many(self, orders: Sequence[Order]) -> Mapping[int, Receipt | VendorError]:
        """Send up to `most` frozen requests in one call, once; return by message id what came of each.

        An error in the mapping concerns that order alone and means what `send` means by it; every order has its entry.
        A raised error concerns them all: Unavailable and Unauthorized, none was done; OutcomeUnknown, each may have
        been done; Rejected, the vendor refused the call as such: none was done, none is to blame, so send each alone.

        A vendor that takes one at a time needs no more than this.
        """
        return {order.claim.message.id: await self.send(order) for order in orders}


@dataclass(frozen=True, slots=True)
class Changes:
    """Documents of ours, or that may be, that changed in accounting; read again from `until`."""

    observations: Sequence[Observation]
    until: datetime


class Standing(StrEnum):
    """How a finding of `check` stands."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `loadledger check`: what was looked at, how it stands, and for a failure what to do and where."""

    subject: str
    standing: Standing
    detail: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Need:
    """What a document points at and accounting does not have yet, so that it is created, or sent, before.

    `what` is it: customer, vendor, item, invoice; `name` is what it will go by there, `called` what we call it.
    """

    what: str
    name: str
    called: str
    ours: bool = False  # a document of ours, which is sent by itself

    @override
    def __str__(self) -> str:
        return f"<new {self.what}: {self.name}>"


@dataclass(frozen=True, slots=True)
class Posting:
    """What a document does to one account; one of the two amounts is nothing."""

    account: str
    debit: Money
    credit: Money


@dataclass(frozen=True, slots=True)
class Preview:
    """A document as it would be sent now, and what accounting would say to it.

    `body` is the exact request; where an id is not there yet, it has the text of a need. `digest` is a fingerprint of
    what the document says, which stays the same when the needs are met. `problem` is what it would be refused with,
    `waits` why it would not leave yet, `settled` why nothing needs to leave, in words.
    """

    digest: str = ""
    changes: str | None = None  # the id of the document that it would change
    body: bytes | None = None
    postings: tuple[Posting, ...] = ()
    needs: tuple[Need, ...] = ()
    checks: tuple[Finding, ...] = ()
    problem: Problem | None = None
    waits: str = ""
    settled: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """One line of the mapping: a charge, where it goes and what stands there; or a gap, where nothing answers."""

    slot: str
    charge: str
    load_type: str  # blank: loads of every type
    target: str
    type: str
    state: str
    standing: Standing
    gap: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Census:
    """Everything of some kinds that the TMS dates within a span of days, by id: what is not listed is gone there."""

    kinds: frozenset[Kind]
    first: date
    last: date
    listed: frozenset[str]


@dataclass(frozen=True, slots=True)
class Roster:
    """Everything of some kinds that belongs to one record of the TMS, by id: what else is known of it is gone.

    Such an id begins with the record's own and a slash. The record says it all at once, so one look is enough.
    """

    kinds: frozenset[Kind]
    record: str
    listed: frozenset[str]


Found = Sequence[Sourced] | Census | Roster


class Source(Protocol):
    """One place of the TMS that records come from, read window by window at a pace of its own."""

    name: str
    interval: float
    """Seconds between two looks."""
    overlap: timedelta
    """How far each look reaches back before the end of the last one."""

    def changes(self, since: datetime, until: datetime) -> AsyncIterator[Found]:
        """Yield, in chunks, every billable record of the window, and every withdrawn one.

        The window is that of the last changes, or, where the TMS does not tell of changes, of the records' own dates;
        then a census says at the end what there is. A roster comes after the records that it lists.
        """


class FileSort(StrEnum):
    """What a file of the TMS is, as far as documents get any."""

    PROOF_OF_DELIVERY = "proof_of_delivery"
    RATE_CONFIRMATION = "rate_confirmation"
    CARRIER_INVOICE = "carrier_invoice"


@dataclass(frozen=True, slots=True)
class File:
    """One file that the TMS keeps: its id there, what it is, its name, and its size in bytes if that is stated."""

    id: str
    sort: FileSort
    name: str
    size: int | None = None


class Tms(Protocol):
    """What the engine asks of the transport management system."""

    payments: Sender

    @property
    def filed(self) -> Mapping[Kind, frozenset[FileSort]]:
        """The sorts of files it may have for the documents of each kind; none for a kind that is not there."""

    async def files(self, transaction: Transaction, sorts: Collection[FileSort]) -> Sequence[File]:
        """Return the files of some sorts that belong to a transaction's record, each once, as of now."""

    async def content(self, transaction: Transaction, file: File) -> bytes:
        """Return what is in a file; Rejected if it can't be had. Nothing is changed by it, so it may be repeated."""

    @property
    def sources(self) -> Sequence[Source]:
        """Where records come from."""

    def take_in(self, first: date, last: date) -> None:
        """Bill what is dated within these days too from now on, though it is dated before the first date."""

    def within(self, first: date, last: date) -> Sequence[Source]:
        """Return sources of their own that bill what is dated within these days too, to be looked through once."""

    @property
    def reported(self) -> frozenset[Kind]:
        """The kinds whose payments it takes."""

    async def check(self) -> Sequence[Finding]:
        """Say line by line whether the connection and what we read there are fit."""


class Accounting(Protocol):
    """What the engine asks of the accounting system."""

    exports: Sender
    voids: Sender

    async def changes(self, since: datetime) -> Changes:
        """Return what changed since then, at least once, possibly more than once."""

    async def closed_until(self) -> date | None:
        """Return the last day of the closed books, None if they are open; as remembered for a while."""

    async def stands(self, document_type: DocumentType, document_id: str) -> bool:
        """Whether a document is there and not voided, as of now: a list of changes may be older than our own void."""

    async def attached(self, document_type: DocumentType, document_id: str, files: Sequence[File]) -> Mapping[str, str]:
        """Return which of some files hang on a document already, whoever attached them: accounting's ids by theirs."""

    async def attach(
        self, document_type: DocumentType, document_id: str, file: File, content: bytes, request_id: str
    ) -> str:
        """Attach a file to a document, once, and return accounting's id of it; errors mean what `Sender.send` says."""

    async def check(self) -> Sequence[Finding]:
        """Say line by line whether connection, plan, preferences, chart of accounts and mapping are fit."""


class Foresight(Protocol):
    """What can be known of an export before it is sent, by the very steps of the sending."""

    async def preview(self, claims: Sequence[Claim]) -> Mapping[int, Preview]:
        """Return, by message id, what preparing and looking up would come to now; nothing is made and nothing kept.

        Raises Unavailable and Unauthorized as they are met.
        """


class Links(Protocol):
    """What an adapter remembers between runs: which accounting record stands for which party, or is being made."""

    async def linked(self, kind: str, key: str) -> str | None:
        """Return the accounting id remembered for (kind, key), or None."""

    async def link(self, kind: str, key: str, target: str, *, name: str = "") -> None:
        """Remember the accounting id of (kind, key), durably, before it is used; a creation of `name` has ended."""

    async def creation(self, kind: str, name: str) -> Creation | None:
        """Return how far the creation of a party of this name has come, None if there never was one."""

    async def record(self, kind: str, name: str, creation: Creation) -> None:
        """Keep how far a creation has come, durably: what is to be sent, before it is."""


class Vault(Protocol):
    """Where an adapter keeps a rotating secret, durably and before it uses it."""

    async def secret(self, name: str) -> str | None:
        """Return the newest value kept under `name`, or None."""

    async def keep(self, name: str, value: str) -> None:
        """Keep a new value under `name`, durably; the previous value stays readable to a person."""
