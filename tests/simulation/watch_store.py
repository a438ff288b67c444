"""What the daemon believes: every move is legal, has its line of history, and says what is true in accounting."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec

from tests.simulation.facts import DOCUMENTS, Facts, Json, Subject
from tests.simulation.watch_books import BooksWatch

# The moves there are, written down a second time: trigger, from, to.
# fmt: off
_LEGAL: Final = frozenset({
    ("recorded",            "-",         "pending"),
    ("export_confirmed",    "pending",   "exported"),
    ("export_overtaken",    "pending",   "pending"),
    ("export_rejected",     "pending",   "error"),
    ("retry_requested",     "error",     "pending"),
    ("source_changed",      "pending",   "pending"),
    ("source_changed",      "error",     "pending"),
    ("source_changed",      "exported",  "pending"),
    ("source_withdrawn",    "pending",   "reverted"),
    ("source_withdrawn",    "pending",   "pending"),
    ("source_withdrawn",    "error",     "reverted"),
    ("source_withdrawn",    "error",     "error"),
    ("source_withdrawn",    "exported",  "exported"),
    ("source_restored",     "reverted",  "pending"),
    ("revert_requested",    "pending",   "reverted"),
    ("revert_requested",    "pending",   "pending"),
    ("revert_requested",    "error",     "reverted"),
    ("revert_requested",    "error",     "error"),
    ("revert_requested",    "exported",  "exported"),
    ("void_confirmed",      "pending",   "reverted"),
    ("void_confirmed",      "error",     "reverted"),
    ("void_confirmed",      "exported",  "reverted"),
    ("void_confirmed",      "paid",      "reverted"),
    ("document_found",      "error",     "error"),
    ("document_found",      "pending",   "pending"),
    ("document_found",      "reverted",  "error"),
    ("void_overtaken",      "pending",   "pending"),
    ("payment_recorded",    "exported",  "exported"),
    ("payment_completed",   "exported",  "paid"),
    ("payment_reversed",    "exported",  "exported"),
    ("payment_reversed",    "paid",      "exported"),
    ("document_lost",       "exported",  "error"),
    ("document_lost",       "paid",      "error"),
    ("reexport_requested",  "reverted",  "pending"),
    ("message_revived",     "pending",   "pending"),
    ("message_revived",     "exported",  "exported"),
    ("message_revived",     "error",     "error"),
    ("message_revived",     "reverted",  "reverted"),
    ("message_revived",     "paid",      "paid"),
    ("forced",              "pending",   "error"),
    ("forced",              "pending",   "exported"),
    ("forced",              "pending",   "reverted"),
    ("forced",              "error",     "pending"),
    ("forced",              "error",     "exported"),
    ("forced",              "error",     "reverted"),
    ("forced",              "error",     "paid"),
    ("forced",              "exported",  "pending"),
    ("forced",              "exported",  "error"),
    ("forced",              "exported",  "reverted"),
    ("forced",              "exported",  "paid"),
    ("forced",              "paid",      "exported"),
    ("forced",              "paid",      "error"),
    ("forced",              "reverted",  "pending"),
    ("forced",              "reverted",  "exported"),
    ("forced",              "reverted",  "error"),
})
# fmt: on
_BY_OPENING: Final = frozenset({"retry_requested", "message_revived"})  # what a closed period refused, once it is open
_BY_PEOPLE: Final = frozenset(
    {"retry_requested", "revert_requested", "reexport_requested", "message_revived", "forced"}
)
_LATEST_ANSWER: Final = timedelta(seconds=150)  # from what accounting holds to what the store says of it

Look = Callable[..., list[Any]]


class StoreWatch:
    """Hears of every commit of the daemon's database and reads what it added."""

    def __init__(self, facts: Facts, books: BooksWatch, *, quiet: float) -> None:
        self._facts = facts
        self._quiet = int(quiet * 1_000_000)
        self._books = books
        self._last = 0
        self._standing: dict[int, tuple[str, int]] = {}
        self._anew = True
        self._attempt = 0
        self.moves = 0

    def reset(self) -> None:
        """Begin anew with a file that may be an older one: what it claims need not be true any more."""
        self._anew = True
        self._last = self._attempt = 0
        self._standing.clear()

    def heard(self, look: Look) -> None:
        """Take in a commit."""
        changes = look("SELECT * FROM history WHERE id > ? ORDER BY id", (self._last,))
        for identity, transaction, _, trigger, source, dest, version, actor, reason in changes:
            self._last = identity
            self.moves += 1
            self._moved(transaction, (trigger, source, dest), version, actor, reason)
        if not self._anew:
            for transaction in dict.fromkeys(change[1] for change in changes):
                self._stands(look, transaction, changes)
        self._anew = False
        self._attempted(look)

    def _attempted(self, look: Look) -> None:
        """Check that nothing of unknown outcome was sent again before its quiet period was over."""
        tries = look(
            "SELECT a.id, a.transaction_id, a.effect, a.started_at - b.started_at FROM attempts a"
            " LEFT JOIN attempts b ON b.message_id = a.message_id AND b.number = a.number - 1"
            " AND coalesce(b.outcome, 'in_doubt') = 'in_doubt' WHERE a.id > ?",
            (self._attempt,),
        )
        for identity, transaction, effect, waited in tries:
            self._attempt = max(self._attempt, identity)
            if waited is not None and waited < self._quiet:
                self._facts.breach("P7", f"{effect} of transaction {transaction} again after {waited / 1e6:.3f} s")

    def _moved(
        self, transaction: int, move: tuple[str, str | None, str], version: int, actor: str, reason: str
    ) -> None:
        trigger, source, dest = move
        state, before = self._standing.get(transaction, (None, 0))
        if (state, before + 1) != (source, version):
            self._facts.breach("P5", f"transaction {transaction} went {move} at {version}, it was {state} at {before}")
        if (trigger, source or "-", dest) not in _LEGAL:
            self._facts.breach("P5", f"transaction {transaction} made the move {move}")
        by_person = trigger in _BY_PEOPLE and not (actor == "periods" and trigger in _BY_OPENING)
        if not actor or not reason or by_person != (actor == "olga"):
            self._facts.breach("P5", f"transaction {transaction}: {trigger} by {actor!r}, because {reason!r}")
        self._standing[transaction] = (dest, version)

    def _stands(self, look: Look, transaction: int, changes: list[Any]) -> None:
        """Compare a row with its history, and what it claims with accounting's books."""
        [[kind, source, state, version, total, paid, document, content]] = look(
            "SELECT kind, source_id, state, version, total, paid, document_id, content FROM transactions WHERE id = ?",
            (transaction,),
        )
        if (state, version) != self._standing[transaction]:
            self._facts.breach("P5", f"transaction {transaction} is {state} at {version}, history says otherwise")
        triggers = [change[3] for change in changes if change[1] == transaction]
        subject = Subject(kind, source)
        edited = self._facts.records[subject].touched is not None  # such an edit stays, and is theirs to make
        if triggers[-1] == "export_confirmed" or (triggers[-1] == "payment_completed" and not edited):
            self._true(subject, document, total, msgspec.json.decode(content))
        if triggers[-1] == "payment_completed":
            held = self._books.documents.get((DOCUMENTS[kind], document))
            deeds = self._facts.records[subject].deeds
            if paid != total or (held and held["Balance"] and "unpaid" not in deeds):
                self._facts.breach("P3", f"{subject} is paid, with {paid} of {total}, and open is {held}")

    def _true(self, subject: Subject, document: str | None, total: int, content: Json) -> None:
        """Check that the document exists and says what the row says, unless a person changed it since."""
        held = self._books.documents.get((DOCUMENTS[subject.kind], document or ""))
        touched = self._facts.records[subject].touched
        if touched is not None and self._facts.now() - touched < _LATEST_ANSWER:
            return
        if held is None or not held["TotalAmt"]:
            self._facts.breach("P3", f"{subject} is exported, but there is no document {document}")
        elif (held["TotalAmt"], held["TxnDate"]) != (Decimal(total).scaleb(-2), content["issued_on"]):
            self._facts.breach("P3", f"{subject} is {total} of {content['issued_on']}, its document says otherwise")
