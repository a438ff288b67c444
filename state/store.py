"""What is true, and every way it may change.

`Store.apply` and `Store.force` are the two ways a state changes; both leave a history line and, where the table
says so, an outbox message in the same commit. Reads go through the same writer, so they see every commit.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from state.backfills import Backfills
from state.commit import Work
from state.database import Database
from state.instants import Clock, from_micros
from state.lifecycle import Effect, IllegalMove, State, Trigger, forceable
from state.memory import Memory, Told, applied
from state.messages import Ended, Ending, announce, claimed, finish
from state.moves import (
    FORCED,
    RELEASED,
    REVIVED,
    Cause,
    Recorded,
    StaleTransaction,
    Step,
    UnknownTransaction,
    adopt,
    apply,
    consequences,
    find,
    make,
    show,
    stray,
    take_in,
    unclaimed,
    wish_files,
)
from state.outbox import Attempt, Change, Claim, Observation, PaymentReport, Phase
from state.pauses import Pauses, unpaused
from state.problem import problem
from state.rows import attempt_from, change_from, transaction_from, write
from state.transaction import Charge, Document, DocumentType, Kind, Origin, Sourced, Transaction, TransactionId
from state.trouble import StoreMismatch


class NotHeld(Exception):  # noqa: N818 - named for what happened
    """There is nothing to release."""


class NotForceable(Exception):  # noqa: N818 - named for what happened
    """The forced move is not allowed; the message says why."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which transactions a person wants to see; absent means any."""

    state: State | None = None
    kind: Kind | None = None
    problem: str | None = None
    search: str | None = None
    unreleased: bool = False  # it waits for a person to let it go
    unbooked: bool = False  # it is not (or not as it is now) in the books
    unbooked_until: date | None = None  # dated so early, and not (or not as it is now) in the books


class Count(NamedTuple):
    """How many transactions stand alike, and their money in minor units."""

    kind: Kind
    state: State
    problem: str | None
    currency: str | None
    transactions: int
    total: int
    paid: int
    partly_paid: int  # how many are exported and paid in part


class Backlog(NamedTuple):
    """How many messages stand alike, and since when."""

    effect: Effect
    phase: Phase
    messages: int
    oldest: datetime


class Standing(NamedTuple):
    """One message of a transaction that is not delivered: why it waits, and until when."""

    effect: Effect
    phase: Phase
    attempts: int
    due_at: datetime
    note: str


class Store:
    """The transactions of one legal entity. Made by `Store.open`."""

    def __init__(self, database: Database, epoch: int) -> None:
        self._database = database
        self.epoch = epoch
        self.memory = Memory(database, epoch)
        self.pauses = Pauses(database)
        self.backfills = Backfills(database)

    @classmethod
    async def open(  # noqa: PLR0913 - who owns it, for whom, and how long to stay quiet
        cls,
        path: Path,
        *,
        entity: str,
        company: str,
        clock: Clock,
        quiet: timedelta,
        owner: dict[str, Any],
        auto: bool = True,
        attaches: Collection[Kind] = (),
    ) -> "Store":
        """Take ownership of the store at `path` for one legal entity and one company.

        What was under way when the last owner ended becomes in doubt for at least `quiet`: counted from the send
        after a clean stop, from now after any other end. Unless `auto`, new documents wait for their release; that
        changes nothing for those that are here. Documents of the kinds that it `attaches` to get the TMS's files each
        time they come to be, or are changed, in accounting. Raises what `Database.open` does, and StoreMismatch if
        the store is another legal entity's or company's.
        """
        database = await Database.open(path, owner, clock)

        def begin(work: Work) -> int:
            now = work.micros
            work.run("claim_entity", name=entity, company=company)
            work.run("choose", auto=auto, attaches=write(sorted(attaches)))
            held = work.rows("entity")[0]
            if (held["name"], held["company"]) != (entity, company):
                raise StoreMismatch(f"{path} holds the books of {held['name']} in company {held['company']}")
            epoch = int(work.rows("begin_run", now=now)[0]["epoch"])
            unclean = work.rows("unclean_run", epoch=epoch)[0]["unclean"]
            work.run("doubt_all_sent", boot=now if unclean else 0, quiet=quiet // timedelta(microseconds=1))
            work.run("end_open_attempts", now=now)
            return epoch

        try:
            return cls(database, await database.run(begin))
        except BaseException:
            await database.close()
            raise

    async def close(self) -> None:
        """Say that this owner stopped cleanly, and give the store up."""
        try:
            await self._database.run(self._end, owed=True)
        finally:
            await self._database.close()

    async def back_up(self, to: Path) -> int:
        """Copy everything committed so far to a new file, while work goes on, and return its size in bytes.

        The copy is complete, checked, private and on the disk, or it is not there. Raises BackupFailed.
        """
        return await self._database.back_up(to)

    def _end(self, work: Work) -> None:
        work.run("end_run", now=work.micros, epoch=self.epoch)

    # -- facts ------------------------------------------------------------------------------------------------

    async def record(self, sourced: Sourced, cause: Cause) -> Recorded:
        """Take in one TMS record: a new one, a newer revision of a known one, or its withdrawal."""
        return await self._database.run(lambda work: take_in(work, sourced, cause))

    async def apply(
        self,
        seen: Transaction,
        trigger: Trigger,
        cause: Cause,
        *,
        report: PaymentReport | None = None,
        told: Told | None = None,
        **changes: Any,  # noqa: ANN401 - fields of Transaction
    ) -> Transaction:
        """Move a transaction as `trigger` says, from the version the caller saw, and return it as it is now.

        Raises IllegalMove if the table has no such row and StaleTransaction if the row is not as it was seen.
        """

        def unit(work: Work) -> Transaction:
            before = find(work, seen.id)
            if before.version != seen.version:
                raise StaleTransaction(f"transaction {seen.id} is at version {before.version}, not {seen.version}")
            if told is not None:
                work.run("settle", transaction_id=before.id, **told._asdict())
            return apply(work, before, trigger, cause, report=report, changes=changes)

        return await self._database.run(unit)

    async def dismiss(
        self, kept: Sequence[Observation], quiet: Callable[[Transaction, Observation, dict[str, Told]], bool]
    ) -> list[Observation]:
        """Forget, in one commit, the observations that `quiet` says nothing follows from, and return the others.

        It is asked with what is recorded of the transaction; one of a document that is nobody's is kept.
        """

        def unit(work: Work) -> list[Observation]:
            return [seen for seen in kept if not _dismissed(work, seen, quiet)]

        return await self._database.run(unit) if kept else []

    async def stray(self) -> list[Observation]:
        """Return what was seen to stand in accounting of transactions that are reverted, and may be gone since."""
        return await self._database.run(stray)

    async def unclaimed(self) -> list[Observation]:
        """Return what was seen to stand in accounting with our marker though no transaction knows of it."""
        return await self._database.run(unclaimed)

    async def show(self, seen: Observation) -> Transaction | None:
        """Record a document that the TMS shows no record of, for a person to decide; None if it is claimed by now."""
        return await self._database.run(lambda work: show(work, seen))

    async def adopt(
        self, seen: Sequence[Observation], asked_at: datetime, *, certain: bool = False
    ) -> list[Transaction]:
        """Take over the documents that the books hold for transactions which know of none; return those transactions.

        That is how a store that was set back to an older copy learns what was sent since. A transaction that moved
        after the books were asked, at `asked_at`, is left for the next look: we may just have taken it back ourselves.
        One that is reverted takes over only what is `certain` to stand, and is an error then.
        """
        named = [each for each in seen if each.ours]

        def unit(work: Work) -> list[Transaction]:
            adopted = (adopt(work, each, asked_at, certain=certain) for each in named)
            return [transaction for transaction in adopted if transaction is not None]

        return await self._database.run(unit) if named else []

    async def force(
        self,
        transaction_id: TransactionId,
        expected: State,
        dest: State,
        cause: Cause,
        *,
        document_id: str | None = None,
    ) -> Transaction:
        """Put a transaction into `dest` because a person says so, whatever the table of facts says.

        `document_id` names the document in accounting that a person made, or knows to be this one; its payments are
        followed from then on. Raises UnknownTransaction, StaleTransaction if it is not in `expected`, and
        NotForceable if no one may force that move, something of it is in flight, or the document is another's.
        """

        def unit(work: Work) -> Transaction:
            before = find(work, transaction_id)
            if before.state is not expected:
                raise StaleTransaction(f"transaction {transaction_id} is {before.state}, not {expected}")
            allowed = forceable(before.state, dest)
            if allowed is None:
                raise NotForceable(f"a transaction that is {before.state} can't be forced to {dest}")
            if before.in_flight:
                raise NotForceable("its last request has no known outcome yet; wait until that is decided")
            changes = _forced(before, dest)
            if document_id is not None:
                changes |= {"document": _named(work, before, dest, document_id)}
            return make(work, before, Step(FORCED, dest, allowed.effect), cause, changes)

        return await self._database.run(unit)

    async def retry(self, transaction_id: TransactionId, cause: Cause, *, preview: str | None = None) -> Transaction:
        """Try again what was refused: the export of a transaction in error, and any refused void or report.

        `preview` is the digest of the document as a person saw it, blank if they did not look; None leaves it at what
        was said before. Raises UnknownTransaction, IllegalMove if nothing of it was refused, and NotHeld if a preview
        is given and what was refused is no document.
        """

        def unit(work: Work) -> Transaction:
            before = find(work, transaction_id)
            failed = before.state is State.ERROR
            retried = apply(work, before, Trigger.RETRY_REQUESTED, cause) if failed else None
            revived = work.run("revive_messages", transaction_id=before.id, now=work.micros)
            if preview is not None:
                _expect(work, before, preview)
            if retried is not None:
                return retried
            if not revived:
                raise IllegalMove(before.state, Trigger.RETRY_REQUESTED)
            return make(work, before, Step(REVIVED, before.state), cause)

        return await self._database.run(unit)

    async def release(self, transaction_id: TransactionId, cause: Cause, *, preview: str = "") -> Transaction:
        """Let a new document go that waits for it, and no other than a person saw, if they looked.

        Raises UnknownTransaction, or NotHeld if it does not wait. `preview` is the digest of what they saw.
        """

        def unit(work: Work) -> Transaction:
            before = find(work, transaction_id)
            if not work.run("release", transaction_id=before.id, now=work.micros):
                raise NotHeld(f"transaction {before.id} does not wait for its release")
            _expect(work, before, preview)
            return make(work, before, Step(RELEASED, before.state), cause)

        return await self._database.run(unit)

    async def look_for_files(self, origin: Origin) -> bool:
        """Wish that what files the TMS has by now come to a record's document, and say so; if there is such a document.

        No state changes by that, and where the files are all there already, nothing leaves.
        """

        def unit(work: Work) -> bool:
            row = work.row("find_by_source", kind=origin.kind, source_id=origin.source_id)
            known = transaction_from(row) if row else None
            stands = known is not None and known.document is not None and known.state in {State.EXPORTED, State.PAID}
            return known is not None and stands and wish_files(work, known)

        return await self._database.run(unit)

    async def unreleased(self, *, kind: Kind | None = None, dated_until: date | None = None) -> list[TransactionId]:
        """Return what waits for its release, by its date."""
        values = {"kind": kind, "dated_until": dated_until.isoformat() if dated_until else None}
        rows = await self._database.run(lambda work: work.rows("unreleased", **values))
        return [TransactionId(row["id"]) for row in rows]

    # -- the outbox -------------------------------------------------------------------------------------------

    async def claim(self, lanes: Iterable[str], limit: int, besides: Iterable[int] = ()) -> list[Claim]:
        """Return what is due, at most one message per transaction and lane, and none of the messages `besides`.

        Each effect gets its turn, the longest due first, so that a backlog of one never starves another; one that is
        paused gets none.
        """
        wanted = {"lanes": write(sorted(lanes)), "besides": write(sorted(besides)), "limit": limit}

        def unit(work: Work) -> list[Claim]:
            queues = [work.rows("claim", effect=effect.value, now=work.micros, **wanted) for effect in unpaused(work)]
            turns = chain.from_iterable(zip_longest(*queues))
            return [claimed(work, row) for row in islice(filter(None, turns), limit)]

        return await self._database.run(unit)

    async def announce_all(self, requests: Sequence[tuple[Claim, str, bytes]]) -> list[Claim | Exception]:
        """Write down, durably and in one commit, that these requests are about to leave.

        Each is a claim, its request id and its body. Returns each claim as it stands now; in its place
        StaleTransaction if the message was replaced since it was claimed, or StoreBusy if another owner took over.
        """
        return await self._database.run_all(
            [
                partial(announce, epoch=self.epoch, claim=claim, request_id=request_id, body=body)
                for claim, request_id, body in requests
            ]
        )

    async def finish_all(self, endings: Sequence[Ending]) -> list[Ended | Exception]:
        """Record, in one commit, how claimed messages ended, and with each the fact that follows from it.

        A message that was overtaken by a newer revision never concludes anything about that one. Returns how each
        transaction is now; in its place StaleTransaction if the message was replaced since it was claimed.
        """
        return await self._database.run_all([partial(finish, ending=ending) for ending in endings], owed=True)

    async def foreseen(self, transactions: Collection[TransactionId]) -> list[Claim]:
        """Return each transaction as the relay would claim it: with its newest wish, or one that nobody left yet.

        Nothing is taken up. Raises UnknownTransaction.
        """

        def one(work: Work, wanted: TransactionId) -> Claim:
            row = work.row("foreseen", id=wanted)
            if row is None:
                raise UnknownTransaction(f"there is no transaction {wanted}")
            return claimed(work, row)

        return await self._database.run(lambda work: [one(work, each) for each in transactions])

    async def next_due(self, lanes: Iterable[str]) -> datetime | None:
        """Return when the earliest message of these lanes can be claimed, or None if there is none."""
        wanted = write(sorted(lanes))

        def unit(work: Work) -> int | None:
            firsts = (work.row("next_due", effect=effect, lanes=wanted) for effect in unpaused(work))
            return min((first["due_at"] for first in firsts if first), default=None)

        due_at = await self._database.run(unit)
        return None if due_at is None else from_micros(due_at)

    # -- reading ----------------------------------------------------------------------------------------------

    async def answers(self) -> None:
        """Return if the database answers."""
        await self._database.run(lambda work: work.rows("answers"))

    async def find(self, transaction_id: TransactionId) -> Transaction:
        """Return one transaction; raise UnknownTransaction."""
        return await self._database.run(lambda work: find(work, transaction_id))

    async def find_by_document(self, document_type: DocumentType, document_id: str) -> Transaction | None:
        """Return the transaction accounting holds as `document_id`, or None."""
        key = {"document_type": document_type, "document_id": document_id}
        row = await self._database.run(lambda work: work.row("find_by_document", **key))
        return transaction_from(row) if row else None

    async def page(self, wanted: Filter, *, before: int | None = None, limit: int = 50) -> list[Transaction]:
        """Return transactions newest first, those with an id below `before`."""
        values = {
            "state": wanted.state,
            "kind": wanted.kind,
            "problem": wanted.problem,
            "search": wanted.search,
            "unreleased": wanted.unreleased,
            "unbooked": wanted.unbooked,
            "unbooked_until": wanted.unbooked_until.isoformat() if wanted.unbooked_until else None,
            "before": before,
            "limit": limit,
        }
        return [transaction_from(row) for row in await self._database.run(lambda work: work.rows("list", **values))]

    async def known(self, origins: Collection[Origin]) -> set[Origin]:
        """Return which of these records there are transactions of."""

        def unit(work: Work) -> set[Origin]:
            return {
                each
                for each in origins
                if work.row("find_by_source", kind=each.kind.value, source_id=each.source_id) is not None
            }

        return await self._database.run(unit) if origins else set()

    async def refused(self, code: str, *, after: date = date.min) -> list[TransactionId]:
        """Return what has a wish refused with this problem and is dated after that day, oldest first."""
        values = {"code": code, "after": after.isoformat()}
        return [
            TransactionId(row["id"]) for row in await self._database.run(lambda work: work.rows("refused", **values))
        ]

    async def unlisted(
        self, kinds: Collection[Kind], first: date, last: date, listed: Collection[str]
    ) -> dict[Origin, str]:
        """Return what of these kinds is dated within a span and not `listed`, and what people call it.

        What is reverted already is left out, and so is what the TMS withdrew and accounting has still to give up.
        """
        values = {"kinds": write(sorted(kinds)), "first": first.isoformat(), "last": last.isoformat()}
        rows = await self._database.run(lambda work: work.rows("unlisted", **values, listed=write(sorted(listed))))
        return {Origin(Kind(row["kind"]), row["source_id"]): row["label"] for row in rows}

    async def belonging(self, kinds: Collection[Kind], record: str, besides: Collection[str]) -> dict[Origin, str]:
        """Return what of these kinds belongs to a record, by its id, `besides` some, and what people call it.

        What is reverted already is left out.
        """
        values = {"kinds": write(sorted(kinds)), "record": record, "besides": write(sorted(besides))}
        rows = await self._database.run(lambda work: work.rows("belonging", **values))
        return {Origin(Kind(row["kind"]), row["source_id"]): row["label"] for row in rows}

    async def history(self, transaction_id: TransactionId) -> list[Change]:
        """Return what happened to a transaction, oldest first."""
        rows = await self._database.run(lambda work: work.rows("history", transaction_id=transaction_id))
        return [change_from(row) for row in rows]

    async def attempts(self, transaction_id: TransactionId) -> list[Attempt]:
        """Return what was sent for a transaction, oldest first."""
        rows = await self._database.run(lambda work: work.rows("attempts", transaction_id=transaction_id))
        return [attempt_from(row) for row in rows]

    async def standings(self, transaction_id: TransactionId) -> list[Standing]:
        """Return what of a transaction waits, is under way or was refused."""
        return [
            Standing(
                Effect(row["effect"]), Phase(row["phase"]), row["attempts"], from_micros(row["due_at"]), row["note"]
            )
            for row in await self._database.run(lambda work: work.rows("messages", transaction_id=transaction_id))
        ]

    async def counts(self) -> list[Count]:
        """Return how many transactions stand where, and their money."""
        rows = await self._database.run(lambda work: work.rows("count_transactions"))
        return [Count(Kind(kind), State(state), *rest) for kind, state, *rest in rows]

    async def charges(self, newest: int) -> list[Charge]:
        """Return every sort of charge that the `newest` transactions have had."""
        rows = await self._database.run(lambda work: work.rows("charges", newest=newest))
        return [Charge(DocumentType(document_type), *rest) for document_type, *rest in rows]

    async def backlog(self) -> list[Backlog]:
        """Return how many messages are not delivered, and since when."""
        rows = await self._database.run(lambda work: work.rows("count_messages"))
        return [
            Backlog(Effect(effect), Phase(phase), messages, from_micros(oldest))
            for effect, phase, messages, oldest in rows
        ]


def _expect(work: Work, before: Transaction, preview: str) -> None:
    """Bind the document that waits to what a person saw, or to nothing; raise NotHeld if there is none to bind."""
    if not work.run("expect", transaction_id=before.id, preview=preview or None) and preview:
        raise NotHeld(f"no document of transaction {before.id} waits that a preview could speak of")


def _dismissed(
    work: Work, seen: Observation, quiet: Callable[[Transaction, Observation, dict[str, Told]], bool]
) -> bool:
    key = {"document_type": seen.document_type, "document_id": seen.document.id}
    row = work.row("find_by_document", **key)
    if row is None or not quiet(transaction := transaction_from(row), seen, applied(work, transaction.id)):
        return False
    work.run("forget_observation", **key, body=write(seen))
    return True


def _named(work: Work, before: Transaction, dest: State, document_id: str) -> Document:
    """Return the document a person names; its number and version are read when they are needed."""
    if dest not in {State.EXPORTED, State.PAID}:
        raise NotForceable(f"a transaction that is {dest} has no document to name")
    holder = work.row("find_by_document", document_type=before.kind.document_type, document_id=document_id)
    if holder is not None and holder["id"] != before.id:
        raise NotForceable(f"document {document_id} is that of transaction {holder['id']}")
    return Document(document_id, None, "")


def _forced(before: Transaction, dest: State) -> dict[str, Any]:
    """Return what a forced move changes besides the state."""
    if dest is State.ERROR:
        return {"problem": problem("forced", f"forced from {before.state}")}
    if before.state is State.REVERTED and dest is State.PENDING:
        return consequences(before, Trigger.REEXPORT_REQUESTED)
    return {}
