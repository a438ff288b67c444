"""How a message leaves and how it ends, inside a commit: its attempt, its phase and the fact that follows."""

import hashlib
import sqlite3
from typing import Any, Final, NamedTuple, assert_never

from msgspec.structs import asdict, replace

from state.commit import Work
from state.instants import to_micros
from state.lifecycle import Effect, State, Trigger
from state.moves import Cause, StaleTransaction, apply, consequences, current, find, newest_wish
from state.outbox import Claim, Delivered, InDoubt, Outcome, Phase, Postponed, Refused, Tellings
from state.problem import LOST, Problem
from state.rows import claim_from, transaction_from
from state.transaction import Document, Transaction
from state.trouble import StoreBusy

_OF_DOCUMENTS: Final = frozenset({Effect.EXPORT, Effect.VOID})


class Ended(NamedTuple):
    """A transaction after one of its messages ended, and the fact that moved it, if one did."""

    transaction: Transaction
    fact: Trigger | None


class Ending(NamedTuple):
    """How a claimed message ended, and the facts of a yes and of a no, if its effect has them."""

    claim: Claim
    outcome: Outcome
    success: Trigger | None
    refusal: Trigger | None


def claimed(work: Work, row: sqlite3.Row) -> Claim:
    """Return the claim of a message: with what a payment pays, whether a void waits, or what was told."""
    claim = claim_from(row)
    if claim.message.effect is Effect.EXPORT:
        return replace(claim, settled=_settled(work, claim.transaction))
    if claim.message.effect is Effect.VOID:
        of = {"kind": claim.transaction.kind.value, "source_id": claim.transaction.source_id}
        return replace(claim, unpaying=work.row("unpaying", **of) is not None)
    if claim.message.effect is Effect.ATTACH:
        return claim
    [told] = work.rows("tellings", transaction_id=claim.transaction.id, message_id=claim.message.id)
    return replace(claim, told=Tellings(told["count"], told["total"]), due=told["due"])


def _settled(work: Work, payment: Transaction) -> Transaction | None:
    """Return what a payment pays, None if it pays nothing that is known."""
    settles = payment.content.settles if payment.content else None
    row = work.row("find_by_source", kind=settles.kind, source_id=settles.source_id) if settles else None
    return transaction_from(row) if row else None


def _booked(settled: Transaction | None) -> Document | None:
    return settled.document if settled else None


def announce(work: Work, *, epoch: int, claim: Claim, request_id: str, body: bytes) -> Claim:
    """Write down that a request is about to leave, and return the claim as it stands now.

    Raises StaleTransaction if the message was replaced since it was claimed, and StoreBusy if another owner took over.
    """
    message, number = claim.message, claim.message.attempts + 1
    frozen = {"request_id": request_id, "now": work.micros, "epoch": epoch}
    announced = work.run(
        "announce",
        id=message.id,
        phase=message.phase.value,
        attempts=message.attempts,
        revision=message.revision,
        body=body,
        **frozen,
    )
    if not announced:
        if work.rows("newest_run")[0]["epoch"] != epoch:
            raise StoreBusy("another daemon has taken this store over; find out why two of them were started")
        raise StaleTransaction("the message was replaced before it left")
    work.run(
        "begin_attempt",
        message_id=message.id,
        transaction_id=claim.transaction.id,
        effect=message.effect.value,
        number=number,
        body_digest=hashlib.sha256(body).hexdigest(),
        **frozen,
    )
    sent = replace(message, phase=Phase.SENT, attempts=number, request_id=request_id, body=body)
    return replace(claim, message=sent)


def finish(work: Work, ending: Ending) -> Ended:
    """End a claimed message and make the move its outcome calls for.

    A message overtaken by a newer revision never concludes anything about that one. Raises StaleTransaction if the
    message was replaced since it was claimed.
    """
    claim, outcome, success, refusal = ending
    beside = claim.message.effect not in _OF_DOCUMENTS  # it says nothing of what accounting may hold
    wanted = find(work, claim.transaction.id) if beside else current(work, claim.transaction)
    overtaken = (claim.message.generation, claim.message.revision) != (wanted.generation, wanted.revision)
    _end_attempt(work, claim, outcome)
    if isinstance(outcome, Delivered) and outcome.receipt.told is not None:
        work.run("keep_tellings", transaction_id=wanted.id, **asdict(outcome.receipt.told))
    phase = _end_message(work, claim, outcome, overtaken=overtaken)
    in_flight = wanted.in_flight if beside else phase is Phase.IN_DOUBT
    before = wanted if wanted.in_flight is in_flight else replace(wanted, in_flight=in_flight)
    match outcome:
        case Delivered(receipt) if success is not None:
            fact = _fact(work, before, success, overtaken=overtaken)
            held = {"document": receipt.document} if receipt.document else {}
            cause = Cause("relay", _told(outcome))
            return Ended(apply(work, before, fact, cause, changes=held), fact)
        case Refused(why) if refusal is not None and not overtaken:
            changes = _lost(before, why) | _standing(work, before, outcome) | {"problem": why}
            return Ended(apply(work, before, refusal, Cause("relay", why.code), changes=changes), refusal)
        case _:
            return Ended(before, None)


def _end_attempt(work: Work, claim: Claim, outcome: Outcome) -> None:
    """File how the request ended, if one was made."""
    ending: str
    match outcome:
        case Delivered(receipt):
            ending, detail, trace = "delivered", _told(outcome), receipt.trace
        case Refused(why, trace):
            ending, detail = "refused", f"{why.code}: {why.detail}"
        case Postponed(_, detail):
            ending, trace = "postponed", ""
        case InDoubt(_, detail):
            ending, trace = "in_doubt", ""
        case _:
            assert_never(outcome)
    attempt = {"transaction_id": claim.transaction.id, "message_id": claim.message.id}
    work.run("end_attempt", **attempt, now=work.micros, outcome=ending, detail=detail, trace=trace)


def _replaced(work: Work, claim: Claim, *, overtaken: bool) -> bool:
    """Return whether a newer wish stands in the message's place, so that nobody needs it tried again.

    A report of a payment is never replaced: each is a fact of its own.
    """
    if claim.message.effect is Effect.REPORT_PAYMENT:
        return False
    behind = work.row("waits_behind", transaction_id=claim.transaction.id, id=claim.message.id)
    return overtaken or behind is not None


def _end_message(work: Work, claim: Claim, outcome: Outcome, *, overtaken: bool) -> Phase | None:
    """Bring the message into the phase its outcome says and return that, None if nobody needs the message any more.

    Raises StaleTransaction if the message was replaced since it was claimed.
    """
    message = claim.message
    in_doubt = message.phase is Phase.IN_DOUBT
    statement: str
    phase: Phase | None
    values: dict[str, Any]
    match outcome:
        case Delivered():
            statement, phase, values = "drop_message", None, {}
        case Refused() if _replaced(work, claim, overtaken=overtaken):
            statement, phase, values = "drop_message", None, {}
        case Postponed() if not in_doubt and _replaced(work, claim, overtaken=overtaken):
            statement, phase, values = "drop_message", None, {}
        case Refused(why):
            statement, phase = "bury_message", Phase.DEAD
            values = {"note": why.code, "now": work.micros}
        case Postponed(until, reason):
            if _booked(claim.settled) is None and _booked(_settled(work, claim.transaction)) is not None:
                until = work.now  # what it was to wait for has come meanwhile
            statement, phase = ("postpone_doubt", Phase.IN_DOUBT) if in_doubt else ("postpone_message", Phase.WAITING)
            values = {"due_at": to_micros(until), "note": reason}
        case InDoubt(until, reason, reads, tries):
            statement, phase = "doubt_message", Phase.IN_DOUBT
            values = {"due_at": to_micros(until), "note": reason, "reads": reads, "tries": tries}
        case _:
            assert_never(outcome)
    guard = {"id": message.id, "attempts": message.attempts, "expected": message.phase.value}
    if work.run(statement, **guard, **values) != 1:
        raise StaleTransaction("the message was replaced since it was claimed")
    return phase


def _fact(work: Work, before: Transaction, success: Trigger, *, overtaken: bool) -> Trigger:
    """Return the fact of a yes that may have come after a newer wish: it concludes nothing about that one."""
    if success is Trigger.EXPORT_CONFIRMED and overtaken:
        return Trigger.EXPORT_OVERTAKEN
    if success is Trigger.VOID_CONFIRMED and before.state is State.PENDING:
        return Trigger.VOID_OVERTAKEN if newest_wish(work, before.id) is Effect.EXPORT else success
    return success


def _lost(before: Transaction, why: Problem) -> dict[str, Any]:
    """Return what a refusal says about the document: if it is gone, the next try makes a new one."""
    return consequences(before, Trigger.DOCUMENT_LOST) if why.code == LOST else {}


def _standing(work: Work, before: Transaction, outcome: Refused) -> dict[str, Any]:
    """Return the document that stands in accounting though the request was refused, unless it is another's."""
    if outcome.document is None or before.document is not None:
        return {}
    held = work.row("find_by_document", document_type=before.kind.document_type, document_id=outcome.document.id)
    return {"document": outcome.document} if held is None else {}


def _told(outcome: Delivered) -> str:
    told = "found in accounting" if outcome.adopted else "accounting said yes"
    return "; ".join((told, *(f"{remark.code}: {remark.detail}" for remark in outcome.receipt.remarks)))
