"""What the admin API answers. Money is exact text with its currency, instants are RFC 3339 in UTC."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

import msgspec
from aiohttp import web

from adapters.ports import Finding, Place
from engine.backfill import Estimate
from state.backfills import Backfill
from state.lifecycle import FORCEABLE, Effect, State, Trigger, triggers
from state.outbox import Attempt, Change, Phase
from state.pauses import Pause
from state.problem import Problem
from state.store import Backlog, Count, Standing
from state.transaction import Document, Kind, Money, Transaction


def answer(shape: msgspec.Struct) -> web.Response:
    """Return a shape as the answer to a request."""
    return web.Response(body=msgspec.json.encode(shape), content_type="application/json")


class Amount(msgspec.Struct, frozen=True):
    """Money in major units."""

    amount: Decimal
    currency: str

    @classmethod
    def of(cls, money: Money | None) -> "Amount | None":
        """Return money as it is answered."""
        return cls(money.amount, money.currency) if money else None


class Charge(msgspec.Struct, frozen=True):
    """One line of a transaction."""

    category: str
    name: str
    description: str
    amount: Amount | None


class Row(msgspec.Struct, frozen=True):
    """A transaction as lists show it."""

    id: int
    kind: Kind
    source_id: str
    label: str
    number: str | None
    party: str | None
    state: State
    version: int
    revision: int
    generation: int
    total: Amount | None
    paid: Amount | None
    document: Document | None
    renumbered: bool  # accounting gave the document another number than ours
    problem: Problem | None
    in_flight: bool
    held: bool  # the TMS says something newer, and the state allows no such change
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, transaction: Transaction) -> "Row":
        """Return a transaction as lists show it."""
        content, document = transaction.content, transaction.document
        given = document.number if document else None
        return cls(
            id=transaction.id,
            kind=transaction.kind,
            source_id=transaction.source_id,
            label=transaction.label,
            number=content.number if content else None,
            party=content.party.name if content else None,
            state=transaction.state,
            version=transaction.version,
            revision=transaction.revision,
            generation=transaction.generation,
            total=Amount.of(transaction.total),
            paid=Amount.of(transaction.paid),
            document=document,
            renumbered=given is not None and content is not None and given != content.number.strip(),
            problem=transaction.problem,
            in_flight=transaction.in_flight,
            held=transaction.held is not None,
            created_at=transaction.created_at,
            updated_at=transaction.updated_at,
        )


class Page(msgspec.Struct, frozen=True):
    """Some transactions, newest first; `next` is the `before` of the following page."""

    transactions: list[Row]
    next: int | None


class Waiting(msgspec.Struct, frozen=True):
    """A message that is not delivered: why it waits, and until when."""

    effect: Effect
    phase: Phase
    attempts: int
    due_at: datetime
    note: str


class Allowed(msgspec.Struct, frozen=True):
    """What a person may ask of a transaction as it is now, and where it may be forced to."""

    actions: list[str]
    force: list[State]

    @classmethod
    def of(cls, transaction: Transaction, standings: Sequence[Standing]) -> "Allowed":
        """Read it from the lifecycle; a refused message may be retried in any state."""
        legal = triggers(transaction.state)
        refused = any(standing.phase is Phase.DEAD for standing in standings)
        asked = {
            "retry": refused or Trigger.RETRY_REQUESTED in legal,
            "revert": Trigger.REVERT_REQUESTED in legal,
            "reexport": Trigger.REEXPORT_REQUESTED in legal,
            "release": any(standing.phase is Phase.HELD for standing in standings),
        }
        forced = [] if transaction.in_flight else [row.dest for row in FORCEABLE if row.source is transaction.state]
        return cls([action for action, allowed in asked.items() if allowed], forced)


class Detail(msgspec.Struct, frozen=True):
    """A transaction with all that is known of it; lists are oldest first."""

    transaction: Row
    issued_on: date | None
    due_on: date | None
    memo: str | None
    lines: list[Charge]
    history: Sequence[Change]
    attempts: Sequence[Attempt]
    standings: list[Waiting]
    allowed: Allowed

    @classmethod
    def of(
        cls,
        transaction: Transaction,
        history: Sequence[Change],
        attempts: Sequence[Attempt],
        standings: Sequence[Standing],
    ) -> "Detail":
        """Return a transaction with all that is known of it."""
        content = transaction.content
        lines = content.lines if content else ()
        return cls(
            transaction=Row.of(transaction),
            issued_on=content.issued_on if content else None,
            due_on=content.due_on if content else None,
            memo=content.memo if content else None,
            lines=[Charge(line.category, line.name, line.description, Amount.of(line.amount)) for line in lines],
            history=history,
            attempts=attempts,
            standings=[Waiting(*standing) for standing in standings],
            allowed=Allowed.of(transaction, standings),
        )


class Findings(msgspec.Struct, frozen=True):
    """What a look at both vendors found."""

    findings: list[Finding]


class Places(msgspec.Struct, frozen=True):
    """The mapping of charges line by line, then the gaps."""

    places: list[Place]


class Starting(msgspec.Struct, frozen=True):
    """A mapping to begin with, as text for the configuration file."""

    toml: str


class Group(msgspec.Struct, frozen=True):
    """How many transactions stand alike, and their money."""

    kind: Kind
    state: State
    problem: str | None
    transactions: int
    total: Amount | None
    paid: Amount | None
    partly_paid: int

    @classmethod
    def of(cls, count: Count) -> "Group":
        """Return a count with its money; a record that could not be read has none."""
        total, paid = (Money(minor, count.currency) if count.currency else None for minor in (count.total, count.paid))
        return cls(
            kind=count.kind,
            state=count.state,
            problem=count.problem,
            transactions=count.transactions,
            total=Amount.of(total),
            paid=Amount.of(paid),
            partly_paid=count.partly_paid,
        )


class Queue(msgspec.Struct, frozen=True):
    """How many messages stand alike, and since when the oldest does."""

    effect: Effect
    phase: Phase
    messages: int
    oldest: datetime


class Summary(msgspec.Struct, frozen=True):
    """Where everything stands: one group per kind, state, problem and currency, one queue per effect and phase."""

    transactions: list[Group]
    messages: list[Queue]

    @classmethod
    def of(cls, counts: Sequence[Count], backlog: Sequence[Backlog]) -> "Summary":
        """Return where everything stands."""
        return cls([Group.of(count) for count in counts], [Queue(*row) for row in backlog])


class Foreseen(msgspec.Struct, frozen=True):
    """What a backfill would bring of one kind."""

    kind: Kind
    documents: int
    total: Amount | None


class Estimated(msgspec.Struct, frozen=True):
    """How far an estimate has come, and what it has found: what is new, what can't be read, what is known already."""

    first: date
    last: date
    done: bool
    failed: str
    found: list[Foreseen]
    unreadable: int
    known: int

    @classmethod
    def of(cls, estimate: Estimate | None, currency: str) -> "Estimated | None":
        """Return an estimate as it is answered."""
        if estimate is None:
            return None
        found = [
            Foreseen(kind, count, Amount.of(Money(estimate.money[kind], currency)) if kind in estimate.money else None)
            for kind, count in sorted(estimate.documents.items())
        ]
        return cls(
            first=estimate.first,
            last=estimate.last,
            done=estimate.done,
            failed=estimate.failed,
            found=found,
            unreadable=estimate.unreadable,
            known=estimate.known,
        )


class Filling(msgspec.Struct, frozen=True):
    """The backfills there were, the newest last, and the last estimate."""

    backfills: list[Backfill]
    estimate: Estimated | None


class Releases(msgspec.Struct, frozen=True):
    """What was let go."""

    released: list[int]


class Paused(msgspec.Struct, frozen=True):
    """What people have stopped for now."""

    pauses: list[Pause]


class Backup(msgspec.Struct, frozen=True):
    """A backup that was made: complete, checked and on the disk."""

    file: str
    bytes: int
