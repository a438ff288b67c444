"""How a state changes, inside a commit: the row, its history line and its wish, together or not at all."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from msgspec.structs import replace

from state.commit import Work
from state.lifecycle import Effect, IllegalMove, State, Trigger, move, triggers
from state.outbox import Observation, PaymentReport, Phase
from state.problem import LOST, STANDS, UNCLAIMED, problem
from state.rows import observation_from, source, standing, transaction_from, write
from state.transaction import Document, DocumentType, Money, Origin, Sourced, Transaction, TransactionId

FORCED = "forced"
REVIVED = "message_revived"
RELEASED = "export_released"
_SAID_BY_TMS: Final = frozenset({Trigger.SOURCE_CHANGED, Trigger.SOURCE_RESTORED})


class StaleTransaction(Exception):  # noqa: N818 - named for what happened, like every error in this project
    """Somebody else was faster: the row is not as the caller saw it. Read it again, then decide."""


class UnknownTransaction(Exception):  # noqa: N818
    """There is no such transaction."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Who moves a transaction and why, as history tells it."""

    actor: str
    reason: str


_FOUND = Cause("payments", "found in accounting with our marker")


class Recorded(StrEnum):
    """What came of a record that intake handed in."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    WITHDRAWN = "withdrawn"
    HELD = "held"  # the TMS changed it, but its state allows no such move: a person must look


@dataclass(frozen=True, slots=True)
class Step:
    """One move about to be made: its name in history, where it leads and what it wishes."""

    name: str
    dest: State
    effect: Effect | None = None
    report: PaymentReport | None = None

    @property
    def ends_wishes(self) -> bool:
        """Whether what waits, or was refused, is replaced by this move."""
        return self.effect in {Effect.EXPORT, Effect.VOID} or self.dest is State.REVERTED or self.name == FORCED


def find(work: Work, transaction_id: TransactionId) -> Transaction:
    """Return a transaction; raise UnknownTransaction."""
    row = work.row("find", id=transaction_id)
    if row is None:
        raise UnknownTransaction(f"there is no transaction {transaction_id}")
    return transaction_from(row)


def current(work: Work, seen: Transaction) -> Transaction:
    """Return a transaction as it is now: as it was seen, most times, which is sooner asked than read."""
    as_seen = work.row("unmoved", id=seen.id, version=seen.version, held=write(seen.held))
    return seen if as_seen else find(work, seen.id)


def wish_files(work: Work, after: Transaction) -> bool:
    """Wish that the TMS's files come to a document, and say so; if documents of its kind get any.

    It is a wish for whatever files there are by then, so one that has not begun is replaced.
    """
    if work.row("attaches", kind=after.kind.value) is None:
        return False
    work.run("withdraw_files", transaction_id=after.id)
    _wish(work, after, Effect.ATTACH)
    return True


def newest_wish(work: Work, transaction_id: TransactionId) -> Effect | None:
    """Return what accounting is wanted to do last of all that is not done, or None if nothing is."""
    row = work.row("newest_wish", transaction_id=transaction_id)
    return Effect(row["effect"]) if row else None


def apply(  # noqa: PLR0913 - the body every fact shares
    work: Work,
    before: Transaction,
    trigger: Trigger,
    cause: Cause,
    *,
    report: PaymentReport | None = None,
    changes: dict[str, Any] | None = None,
) -> Transaction:
    """Make the move the table has for `trigger`; raise IllegalMove if it has none."""
    row = move(before.state, trigger, document=before.traceable)
    step = Step(trigger, row.dest, row.effect, report)
    return make(work, before, step, cause, consequences(before, trigger) | (changes or {}))


def make(
    work: Work, before: Transaction, step: Step, cause: Cause, changes: dict[str, Any] | None = None
) -> Transaction:
    """Change the row, note it in history and leave the wish. The one place that changes a state.

    `changes` are fields of Transaction. Raises StaleTransaction if the row is not as `before` says.
    """
    unreadable = before.content is None  # what intake could not read stays told until the TMS sends it again
    settled = {} if step.dest is State.ERROR or unreadable else {"problem": None}
    after = replace(
        before, **(settled | (changes or {})), state=step.dest, version=before.version + 1, updated_at=work.now
    )
    expected = {"expected_state": before.state.value, "expected_version": before.version}
    if work.run("move", id=before.id, **expected, **standing(after)) != 1:
        raise StaleTransaction(f"transaction {before.id} changed while it was moved")
    if after.revision != before.revision:
        work.run("revise", id=after.id, **source(after))
    _note(work, after, step.name, before.state, cause)
    if after.generation != before.generation:
        work.run("unsettle", transaction_id=after.id)
    preview = _previewed(work, after) if step.effect is Effect.EXPORT else None
    if step.ends_wishes:
        work.run("withdraw_wishes", transaction_id=after.id)
    if step.effect is Effect.ATTACH:
        wish_files(work, after)
    elif step.effect is not None and (step.effect is not Effect.REPORT_PAYMENT or step.report is not None):
        new = step.effect is Effect.EXPORT and after.document is None and step.name in _SAID_BY_TMS
        _wish(work, after, step.effect, step.report, new=new, preview=preview)
    if before.document is None and after.document is not None and after.kind.document_type is DocumentType.INVOICE:
        work.run("wake_payments", kind=after.kind.value, source_id=after.source_id, now=work.micros)
    if before.document is not None and after.document is None:
        work.run("forget_document", document_type=before.kind.document_type, document_id=before.document.id)
    if step.effect is Effect.EXPORT or step.name == Trigger.DOCUMENT_LOST:
        after = _recalled(work, after)
    return _released(work, after, step)


def take_in(work: Work, sourced: Sourced, cause: Cause) -> Recorded:
    """Take in one TMS record: a new one, a newer revision of a known one, or its withdrawal."""
    row = work.row("find_by_source", kind=sourced.kind, source_id=sourced.source_id)
    if row is None:
        return _insert(work, sourced, cause) if not sourced.withdrawn else Recorded.UNCHANGED
    return _take_in(work, transaction_from(row), sourced, cause)


def _take_in(work: Work, known: Transaction, sourced: Sourced, cause: Cause) -> Recorded:
    """Take in what the TMS says of a known transaction; hold it while its state allows no such change."""
    try:
        result = _withdraw(work, known, cause) if sourced.withdrawn else _change(work, known, sourced, cause)
    except IllegalMove:
        work.run("hold", id=known.id, held=write(sourced))
        return Recorded.HELD
    if result is Recorded.UNCHANGED and known.held is not None:
        work.run("hold", id=known.id, held=None)
    return result


def _released(work: Work, after: Transaction, step: Step) -> Transaction:
    """Take in what was held, once a fact brought the transaction where it can be; return it as it then is."""
    ready = after.state is State.PENDING or (after.state is State.EXPORTED and step.name != FORCED)
    if after.held is None or not ready:
        return after
    known = find(work, after.id)
    _take_in(work, known, after.held, Cause("intake", "said by the TMS while it was held"))
    return find(work, after.id)


def adopt(
    work: Work, seen: Observation, asked_at: datetime | None = None, *, certain: bool = False
) -> Transaction | None:
    """Let the transaction that a document's marker names take it over, if it waits and knows of none; else None.

    An export in doubt has arrived then: it is looked for no more, and compared with the document instead. None, too, if
    the transaction moved after the books were asked. One that is reverted takes over only what is `certain` to stand,
    since what was seen of its document may be older than our own void: then it is an error, and a person, or the TMS
    when it next speaks of it, says whether the document is to stay.
    """
    known = _bearer(work, seen)
    if (
        known is None
        or (known.state is State.REVERTED and not certain)
        or (asked_at is not None and known.updated_at > asked_at)
    ):
        return None
    if known.in_flight:
        _end_doubt(work, known)
    try:
        return apply(work, find(work, known.id), Trigger.DOCUMENT_FOUND, _FOUND, changes={"document": seen.document})
    except IllegalMove:
        return None  # something is still under way, and will tell


def stray(work: Work) -> list[Observation]:
    """Return what was seen to stand of transactions that are reverted."""
    return [seen for row in work.rows("observed_of_reverted") if _bearer(work, seen := observation_from(row))]


def unclaimed(work: Work) -> list[Observation]:
    """Return what was seen to stand with our marker though no transaction knows of it."""
    found = map(observation_from, work.rows("observed_of_nobody"))
    return [seen for seen in found if not seen.gone and not _taken(work, seen)]


def show(work: Work, seen: Observation) -> Transaction | None:
    """Record a document that the TMS shows no record of, for a person to decide; None if it is claimed by now."""
    origin = seen.origin
    if origin is None or work.row("find_by_source", kind=origin.kind, source_id=origin.source_id) is not None:
        return None
    label = seen.document.number or origin.source_id
    _insert(work, Sourced(origin.kind, origin.source_id, label, problem=problem(UNCLAIMED)), _FOUND)
    return transaction_from(work.rows("find_by_source", kind=origin.kind, source_id=origin.source_id)[0])


def _taken(work: Work, seen: Observation) -> bool:
    """Whether the document is that of a transaction, whatever its marker says."""
    key = {"document_type": seen.document_type, "document_id": seen.document.id}
    return work.row("find_by_document", **key) is not None


def _bearer(work: Work, seen: Observation) -> Transaction | None:
    """Return the transaction that a live document of ours names, if it could take over a document that nobody has."""
    if seen.gone or seen.origin is None or _copied(work, seen.origin, seen.document):
        return None
    if _taken(work, seen):
        return None
    row = work.row("find_by_source", kind=seen.origin.kind, source_id=seen.origin.source_id)
    known = transaction_from(row) if row else None
    wants = known is not None and known.document is None and Trigger.DOCUMENT_FOUND in triggers(known.state)
    return known if wants else None


def _end_doubt(work: Work, known: Transaction) -> None:
    """Bring an export in doubt back to waiting, unless something newer waits in its place."""
    messages = work.rows("messages", transaction_id=known.id)
    for message in messages:
        if (message["effect"], message["phase"]) == (Effect.EXPORT, Phase.IN_DOUBT):
            guard = {"id": message["id"], "attempts": message["attempts"], "expected": Phase.IN_DOUBT}
            if work.row("waits_behind", transaction_id=known.id, id=message["id"]) is not None:
                work.run("drop_message", **guard)
            else:
                work.run("postpone_message", **guard, due_at=work.micros, note="found in accounting")


def _recalled(work: Work, after: Transaction) -> Transaction:
    """Take over the document that a transaction wants, or lost, if the books showed another: the store was set back."""
    if after.document is None:
        for row in work.rows("observed", kind=after.kind, source_id=after.source_id):
            adopted = adopt(work, observation_from(row))
            if adopted is not None:
                return adopted
    return after


def _copied(work: Work, origin: Origin, document: Document) -> bool:
    """Whether another document bears the same marker, such as a copy a person made: which is ours, a person says."""
    bearers = map(observation_from, work.rows("observed", kind=origin.kind, source_id=origin.source_id))
    return any(each.document.id != document.id and not each.gone for each in bearers)


def consequences(before: Transaction, trigger: Trigger) -> dict[str, Any]:
    """Return what else a fact changes: a document that is gone is forgotten, and a new one is a new generation."""
    match trigger:
        case Trigger.VOID_CONFIRMED:
            return _gone(before)
        case Trigger.DOCUMENT_LOST:
            return _gone(before) | {"generation": before.generation + 1, "problem": problem(LOST)}
        case Trigger.DOCUMENT_FOUND if before.state is State.REVERTED:
            return {"problem": problem(STANDS)}
        case Trigger.VOID_OVERTAKEN:
            return _gone(before) | {"generation": before.generation + 1}
        case Trigger.REEXPORT_REQUESTED | Trigger.SOURCE_RESTORED:
            return {"generation": before.generation + 1}
        case _:
            return {}


def _gone(before: Transaction) -> dict[str, Any]:
    return {"document": None, "paid": replace(before.paid, minor=0) if before.paid else None}


def _insert(work: Work, sourced: Sourced, cause: Cause) -> Recorded:
    first = move(None, Trigger.RECORDED)
    born = Transaction(
        id=TransactionId(0),
        kind=sourced.kind,
        source_id=sourced.source_id,
        state=first.dest,
        version=1,
        generation=1,
        revision=1,
        document=None,
        in_flight=False,
        created_at=work.now,
        updated_at=work.now,
        **_taken_in(sourced),
    )
    origin = {"kind": born.kind.value, "document_type": born.kind.document_type.value, "source_id": born.source_id}
    inserted = work.rows("insert", **origin, **source(born), **standing(born), created_at=work.micros)
    after = replace(born, id=TransactionId(inserted[0]["id"]))
    _note(work, after, Trigger.RECORDED, None, cause)
    _wish(work, after, Effect.EXPORT, new=True)
    _recalled(work, after)
    return Recorded.NEW


def _change(work: Work, known: Transaction, sourced: Sourced, cause: Cause) -> Recorded:
    withdrawn = _withdrawn_there(work, known)
    if sourced.digest() == known.digest and not withdrawn and not _party_mended(known, sourced):
        return Recorded.UNCHANGED
    fact = Trigger.SOURCE_RESTORED if withdrawn and known.state is State.REVERTED else Trigger.SOURCE_CHANGED
    taken = _taken_in(sourced) | {"revision": known.revision + 1}
    if known.document is not None and known.paid is not None and taken["paid"] is not None:
        taken["paid"] = known.paid
    apply(work, known, fact, cause, changes=taken)
    return Recorded.CHANGED


def _party_mended(known: Transaction, sourced: Sourced) -> bool:
    """Whether what was refused may have been the party, and the TMS describes it anew."""
    parties = {each.content.party for each in (known, sourced) if each.content is not None}
    return known.state is State.ERROR and len(parties) > 1


def _withdrawn_there(work: Work, known: Transaction) -> bool:
    """Whether it is gone, going or to be gone because the TMS withdrew it; what a person reverted stays reverted."""
    stands = known.problem is not None and known.problem.code == STANDS
    if known.state is not State.REVERTED and not stands and newest_wish(work, known.id) is not Effect.VOID:
        return False
    row = work.row("last_withdrawal", transaction_id=known.id)
    return row is not None and row["trigger"] == Trigger.SOURCE_WITHDRAWN


def _withdraw(work: Work, known: Transaction, cause: Cause) -> Recorded:
    if known.state is State.REVERTED or newest_wish(work, known.id) is Effect.VOID:
        return Recorded.UNCHANGED
    apply(work, known, Trigger.SOURCE_WITHDRAWN, cause, changes={"held": None})
    return Recorded.WITHDRAWN


def _taken_in(sourced: Sourced) -> dict[str, Any]:
    """Return the fields that come from the TMS."""
    total = sourced.content.total if sourced.content else None
    return {
        "label": sourced.label,
        "content": sourced.content,
        "digest": sourced.digest(),
        "total": total,
        "paid": Money(0, total.currency) if total else None,
        "problem": sourced.problem,
        "held": None,
    }


def _note(work: Work, after: Transaction, name: str, before: State | None, cause: Cause) -> None:
    work.run(
        "record_change",
        transaction_id=after.id,
        at=work.micros,
        trigger=str(name),
        from_state=before.value if before else None,
        to_state=after.state.value,
        version=after.version,
        actor=cause.actor,
        reason=cause.reason,
    )


def _previewed(work: Work, transaction: Transaction) -> str | None:
    """Return what a person saw of the document that is still to go: a newer wish for it is bound to the same."""
    row = work.row("previewed", transaction_id=transaction.id)
    return row["preview"] if row else None


def _wish(  # noqa: PLR0913 - the parts of a message
    work: Work,
    after: Transaction,
    effect: Effect,
    report: PaymentReport | None = None,
    *,
    new: bool = False,
    preview: str | None = None,
) -> None:
    """Leave a wish; that for a `new` document, which nobody asked for but the TMS, may have to be released first."""
    work.run(
        "wish",
        transaction_id=after.id,
        effect=effect.value,
        generation=after.generation,
        revision=after.revision,
        report=write(report),
        new=new,
        preview=preview,
        now=work.micros,
    )
