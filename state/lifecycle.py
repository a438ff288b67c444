"""The life of a transaction: every legal move, in one table.

Facts move states, states carry wishes. A *trigger* is a fact, past tense: something happened, here or at a vendor.
An *effect* is a wish, imperative: it becomes one outbox message in the same commit as the move, and comes back as
a fact when it is done. Nothing in this module does I/O; `state.store` is the only place that acts on a move.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import NamedTuple

from transitions import Machine, MachineError


class State(StrEnum):
    """Where a transaction stands, in the words support and accountants use."""

    PENDING = "pending"  # accounting does not hold the latest revision yet
    EXPORTED = "exported"  # accounting holds the latest revision, not fully paid
    ERROR = "error"  # accounting, or our own check, refused it: a person must act
    REVERTED = "reverted"  # confirmed gone from accounting, or never sent
    PAID = "paid"  # accounting says it is settled in full


class Trigger(StrEnum):
    """A fact that moves a transaction."""

    RECORDED = "recorded"
    EXPORT_CONFIRMED = "export_confirmed"
    EXPORT_OVERTAKEN = "export_overtaken"
    EXPORT_REJECTED = "export_rejected"
    RETRY_REQUESTED = "retry_requested"
    SOURCE_CHANGED = "source_changed"
    SOURCE_WITHDRAWN = "source_withdrawn"
    SOURCE_RESTORED = "source_restored"
    REVERT_REQUESTED = "revert_requested"
    VOID_CONFIRMED = "void_confirmed"
    VOID_OVERTAKEN = "void_overtaken"
    DOCUMENT_FOUND = "document_found"
    PAYMENT_RECORDED = "payment_recorded"
    PAYMENT_COMPLETED = "payment_completed"
    PAYMENT_REVERSED = "payment_reversed"
    DOCUMENT_LOST = "document_lost"
    REEXPORT_REQUESTED = "reexport_requested"


class Effect(StrEnum):
    """A wish that leaves the process through the outbox."""

    EXPORT = "export"
    VOID = "void"
    REPORT_PAYMENT = "report_payment"
    ATTACH = "attach"


class Trace(StrEnum):
    """What a row asks of accounting: whether it may hold a document of this transaction.

    A document counts as soon as it *may* exist, so a message whose outcome is unknown leaves a trace too.
    """

    ANY = "-"
    NONE = "no document"
    SOME = "document"


class Row(NamedTuple):
    """One legal move: on `trigger`, from `source` to `dest`, wishing `effect`, if `trace` holds."""

    trigger: Trigger
    source: State | None
    dest: State
    effect: Effect | None
    trace: Trace


class IllegalMove(Exception):  # noqa: N818 - named for what happened, like every error in this project
    """The trigger does not apply to the state; the transaction stays where it is."""

    def __init__(self, state: State | None, trigger: Trigger) -> None:
        super().__init__(f"{trigger} does not apply to a transaction that is {state or 'not recorded yet'}")
        self.state = state
        self.trigger = trigger


NEW = None
PENDING, EXPORTED, ERROR, REVERTED, PAID = State
EXPORT, VOID, REPORT_PAYMENT, ATTACH = Effect
T = Trigger

# fmt: off
TRANSITIONS: tuple[Row, ...] = (
    #   trigger               from      to        effect          accounting holds
    Row(T.RECORDED,           NEW,      PENDING,  EXPORT,         Trace.ANY),
    Row(T.EXPORT_CONFIRMED,   PENDING,  EXPORTED, ATTACH,         Trace.ANY),   # where files are wanted
    Row(T.EXPORT_OVERTAKEN,   PENDING,  PENDING,  None,           Trace.ANY),   # an older revision landed
    Row(T.EXPORT_REJECTED,    PENDING,  ERROR,    None,           Trace.ANY),
    Row(T.RETRY_REQUESTED,    ERROR,    PENDING,  EXPORT,         Trace.ANY),
    Row(T.SOURCE_CHANGED,     PENDING,  PENDING,  EXPORT,         Trace.ANY),   # newer replaces the waiting one
    Row(T.SOURCE_CHANGED,     ERROR,    PENDING,  EXPORT,         Trace.ANY),   # fixed at the source: try again
    Row(T.SOURCE_CHANGED,     EXPORTED, PENDING,  EXPORT,         Trace.ANY),   # update the same document
    Row(T.SOURCE_WITHDRAWN,   PENDING,  REVERTED, None,           Trace.NONE),
    Row(T.SOURCE_WITHDRAWN,   PENDING,  PENDING,  VOID,           Trace.SOME),  # waits behind what is in flight
    Row(T.SOURCE_WITHDRAWN,   ERROR,    REVERTED, None,           Trace.NONE),
    Row(T.SOURCE_WITHDRAWN,   ERROR,    ERROR,    VOID,           Trace.SOME),
    Row(T.SOURCE_WITHDRAWN,   EXPORTED, EXPORTED, VOID,           Trace.ANY),
    Row(T.SOURCE_RESTORED,    REVERTED, PENDING,  EXPORT,         Trace.ANY),   # withdrawn there, and back: a new one
    Row(T.REVERT_REQUESTED,   PENDING,  REVERTED, None,           Trace.NONE),
    Row(T.REVERT_REQUESTED,   PENDING,  PENDING,  VOID,           Trace.SOME),
    Row(T.REVERT_REQUESTED,   ERROR,    REVERTED, None,           Trace.NONE),
    Row(T.REVERT_REQUESTED,   ERROR,    ERROR,    VOID,           Trace.SOME),
    Row(T.REVERT_REQUESTED,   EXPORTED, EXPORTED, VOID,           Trace.ANY),
    Row(T.VOID_CONFIRMED,     PENDING,  REVERTED, None,           Trace.ANY),
    Row(T.VOID_CONFIRMED,     ERROR,    REVERTED, None,           Trace.ANY),
    Row(T.VOID_CONFIRMED,     EXPORTED, REVERTED, None,           Trace.ANY),
    Row(T.VOID_CONFIRMED,     PAID,     REVERTED, None,           Trace.ANY),   # paid while the void was under way
    Row(T.DOCUMENT_FOUND,     PENDING,  PENDING,  None,           Trace.NONE),  # sent before the store was set back
    Row(T.DOCUMENT_FOUND,     ERROR,    ERROR,    None,           Trace.NONE),
    Row(T.DOCUMENT_FOUND,     REVERTED, ERROR,    None,           Trace.NONE),  # and so was wanted again: by whom?
    Row(T.VOID_OVERTAKEN,     PENDING,  PENDING,  EXPORT,         Trace.ANY),   # wanted again while it went: a new one
    Row(T.PAYMENT_RECORDED,   EXPORTED, EXPORTED, REPORT_PAYMENT, Trace.ANY),   # part of the amount
    Row(T.PAYMENT_COMPLETED,  EXPORTED, PAID,     REPORT_PAYMENT, Trace.ANY),
    Row(T.PAYMENT_REVERSED,   EXPORTED, EXPORTED, None,           Trace.ANY),   # a part payment was taken back
    Row(T.PAYMENT_REVERSED,   PAID,     EXPORTED, None,           Trace.ANY),
    Row(T.DOCUMENT_LOST,      EXPORTED, ERROR,    None,           Trace.ANY),   # voided or deleted there by a person
    Row(T.DOCUMENT_LOST,      PAID,     ERROR,    None,           Trace.ANY),
    Row(T.REEXPORT_REQUESTED, REVERTED, PENDING,  EXPORT,         Trace.ANY),   # a new generation
)


class Force(NamedTuple):
    """One forced move a person may make, and the effect it can send.

    Only a move to pending has an effect, and needs it: without one the transaction would wait for nothing.
    """

    source: State
    dest: State
    effect: Effect | None


FORCEABLE: tuple[Force, ...] = (
    #     from      to        effect
    Force(PENDING,  ERROR,    None),
    Force(PENDING,  EXPORTED, None),
    Force(PENDING,  REVERTED, None),
    Force(ERROR,    PENDING,  EXPORT),
    Force(ERROR,    EXPORTED, None),
    Force(ERROR,    REVERTED, None),
    Force(ERROR,    PAID,     None),
    Force(EXPORTED, PENDING,  EXPORT),
    Force(EXPORTED, ERROR,    None),
    Force(EXPORTED, REVERTED, None),
    Force(EXPORTED, PAID,     None),
    Force(PAID,     EXPORTED, None),
    Force(PAID,     ERROR,    None),
    Force(REVERTED, PENDING,  EXPORT),
    Force(REVERTED, EXPORTED, None),
    Force(REVERTED, ERROR,    None),
)
# fmt: on


@dataclass(slots=True)
class _Record:
    """What the machine reads and writes during one check; thrown away after it."""

    state: str
    document: bool


_UNRECORDED = "unrecorded"
_BY_MOVE = {(row.trigger, row.source, row.dest): row for row in TRANSITIONS}


def _machine() -> Machine:
    machine = Machine(
        model=None,
        states=[_UNRECORDED, *State],
        initial=_UNRECORDED,
        auto_transitions=False,
        send_event=True,
    )
    for row in TRANSITIONS:
        machine.add_transition(
            row.trigger,
            row.source or _UNRECORDED,
            row.dest,
            conditions=(lambda event: event.model.document) if row.trace is Trace.SOME else None,
            unless=(lambda event: event.model.document) if row.trace is Trace.NONE else None,
        )
    return machine


_MACHINE = _machine()


@cache
def move(state: State | None, trigger: Trigger, *, document: bool = False) -> Row:
    """Return the row that `trigger` takes from `state`.

    `document` says whether accounting holds, or may hold, a document of this transaction.
    Raises IllegalMove if the table has no such row.
    """
    record = _Record(state or _UNRECORDED, document)
    try:
        moved = _MACHINE.events[trigger].trigger(record)
    except MachineError:
        moved = False
    if not moved:
        raise IllegalMove(state, trigger)
    return _BY_MOVE[trigger, state, State(record.state)]


def triggers(state: State | None) -> frozenset[Trigger]:
    """Return the facts that can move a transaction out of, or within, `state`."""
    return frozenset(row.trigger for row in TRANSITIONS if row.source == state)


def forceable(source: State, dest: State) -> Force | None:
    """Return the forced move from `source` to `dest`, or None if no one may make it."""
    return next((force for force in FORCEABLE if (force.source, force.dest) == (source, dest)), None)


def diagram() -> str:
    """Return the lifecycle as a Mermaid state diagram, one line per pair of states, drawn from the table."""
    labels: dict[tuple[State | None, State], list[str]] = {}
    for row in TRANSITIONS:
        label = f"{row.trigger} / {row.effect}" if row.effect else str(row.trigger)
        if row.trace is not Trace.ANY:
            label += f" [{row.trace}]"
        labels.setdefault((row.source, row.dest), []).append(label)
    arrows = [f"    {source or '[*]'} --> {dest}: {'<br>'.join(lines)}" for (source, dest), lines in labels.items()]
    return "\n".join(["stateDiagram-v2", *arrows])
