"""What leaves the process: messages, their phases, and how an attempt can end."""

from datetime import date, datetime
from enum import StrEnum

import msgspec

from state.lifecycle import Effect
from state.problem import Problem
from state.transaction import Document, DocumentType, Money, Origin, Transaction


class Phase(StrEnum):
    """How far a message has come; orthogonal to the transaction's state. What was delivered is no message any more."""

    HELD = "held"  # nothing has left, and nothing will before a person releases it
    WAITING = "waiting"  # nothing has left, or what left was definitely refused
    SENT = "sent"  # announced in the store; the request may be under way
    IN_DOUBT = "in_doubt"  # it left, and nobody knows what came of it
    DEAD = "dead"  # refused; it stays so until a person wants it tried again


class Settlement(msgspec.Struct, frozen=True):
    """One payment as applied to one document in accounting."""

    payment_id: str
    amount: Money
    paid_on: date
    method: str | None = None
    reference: str | None = None
    ours: bool = False  # it came from the TMS, which need not hear of it


class PaymentReport(msgspec.Struct, frozen=True):
    """A payment to tell the TMS about."""

    amount: Money
    paid_on: date
    method: str | None = None
    note: str | None = None


class Message(msgspec.Struct, frozen=True):
    """One wish in the outbox.

    `body` is the frozen request once the message was announced: what is sent again is what was sent before.
    `round` counts definite answers so far, so that a new try never meets a vendor's memory of an old one, while one
    that follows mere doubt does. `reads` counts agreeing look-ups that found nothing while in doubt, `tries` the
    sends whose outcome stayed unknown. `preview` is the digest of the document that a person saw and let go, None if
    nobody looked: no other may leave.
    """

    id: int
    effect: Effect
    phase: Phase
    revision: int
    generation: int
    round: int
    attempts: int
    reads: int
    tries: int
    due_at: datetime
    request_id: str | None = None
    body: bytes | None = None
    report: PaymentReport | None = None
    delays: int = 0
    preview: str | None = None


class Tellings(msgspec.Struct, frozen=True):
    """The payments of one transaction that the TMS holds from us, numbered from 1 without a gap: how many, their sum.

    The sum is in minor units. Both only grow, so that an older copy of the store knows too few, never too many.
    """

    count: int = 0
    total: int = 0

    def at_least(self, other: "Tellings") -> "Tellings":
        """Return the larger of each."""
        return Tellings(max(self.count, other.count), max(self.total, other.total))


class Claim(msgspec.Struct, frozen=True):
    """A message taken up by the relay, with the transaction it speaks for.

    `settled` is what a payment pays, None if that is not known; `unpaying` says that payments
    of what a void is to take back are being taken back too. `told` is what the TMS is known
    to hold from us of what a report speaks of, `due` what that should add up to, in minor units, once it is delivered.
    """

    message: Message
    transaction: Transaction
    settled: Transaction | None = None
    unpaying: bool = False
    told: Tellings = Tellings()
    due: int = 0


class Remark(msgspec.Struct, frozen=True):
    """What of a document is not as it was asked for, though the document stands: a stable code, and what was seen."""

    code: str
    detail: str


class Receipt(msgspec.Struct, frozen=True):
    """A vendor's definite yes: what it holds now, its own trace id of the call, and what there is to say of it."""

    document: Document | None = None
    trace: str = ""
    told: Tellings | None = None
    remarks: tuple[Remark, ...] = ()


class Delivered(msgspec.Struct, frozen=True):
    """The wish came true; `adopted` if it was found done rather than done now."""

    receipt: Receipt
    adopted: bool = False


class Refused(msgspec.Struct, frozen=True):
    """A definite no that waiting can't change: a person acts. `document` stands in accounting all the same."""

    problem: Problem
    trace: str = ""
    document: Document | None = None


class Postponed(msgspec.Struct, frozen=True):
    """A definite no for now, or nothing sent at all: try again at `until`."""

    until: datetime
    reason: str


class InDoubt(msgspec.Struct, frozen=True):
    """It left and the outcome is unknown: look it up at `until`, then decide.

    `reads` is the number of agreeing empty look-ups so far, `tries` the sends that ended like this.
    """

    until: datetime
    reason: str
    reads: int = 0
    tries: int = 0


Outcome = Delivered | Refused | Postponed | InDoubt


class Observation(msgspec.Struct, frozen=True):
    """The authoritative standing of one document in accounting, as a reader of changes saw it."""

    document_type: DocumentType
    document: Document
    total: Money
    balance: Money
    gone: bool = False  # voided or deleted there
    origin: Origin | None = None  # the TMS record that our marker names; None: it is not ours
    settlements: tuple[Settlement, ...] = ()

    @property
    def ours(self) -> bool:
        """Whether it carries our marker."""
        return self.origin is not None


class Attempt(msgspec.Struct, frozen=True):
    """One request made for a message: when, with which id, and how it ended."""

    effect: Effect
    number: int
    request_id: str
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None
    detail: str
    trace: str


class Change(msgspec.Struct, frozen=True):
    """One line of a transaction's history."""

    at: datetime
    trigger: str
    source: str | None
    dest: str
    actor: str
    reason: str
    version: int
