"""The judge: watches both vendors' books, the wire, the database and the log, and says which promises were broken.

It shares no code with the product. Everything it knows it saw in the twins' books, read from the database file by its
own statements, or heard on the wire.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from adapters.sandbox.alvys import AlvysSandbox
from adapters.sandbox.quickbooks import QuickBooksSandbox
from tests.simulation.facts import DOCUMENTS, Facts, Known, Subject
from tests.simulation.watch_books import BooksWatch
from tests.simulation.watch_store import StoreWatch
from tests.simulation.watch_tms import TmsWatch
from tests.simulation.watch_wire import WireWatch

_CENT: Final = Decimal("0.01")
_BUGS: Final = ("loop.broke", "message.broke", "source.broke", "http.failed")

# Why a transaction may rest in error, or a message be dead: what must have happened to the record.
_EXPLAINED: Final = {
    "mapping_missing": {"planted"},
    "number_taken": {"planted", "voided", "deleted", "revert", "force"},
    "party_ambiguous": {"planted"},
    "period_closed": {"planted", "closed"},
    "document_lost": {"voided", "deleted"},
    "document_stands": {"restored"},
    "document_unclaimed": {"restored"},
    "document_edited": {"edited"},
    "document_differs": {"edited"},
    "document_paid": {"paid"},
    "number_kept_by_void": {"voided", "withdrawn", "revert", "force", "changed"},
    "outcome_undecided": {"faults"},
    "forced": {"force"},
    "payment_refused": {"withdrawn", "changed", "force"},
    "total_negative": {"negative"},
}

# What explains it too once the daemon went on with an older copy, which knows nothing of what was done since.
_FORGOTTEN: Final = {"document_lost": {"withdrawn", "revert", "force"}}


class Judge:
    """Everything that is watched in one world. `look` reads the daemon's database."""

    def __init__(
        self,
        accounting: QuickBooksSandbox,
        tms: AlvysSandbox,
        look: Callable[..., list[Any]],
        *,
        now: Callable[[], datetime],
        time: Callable[[], float],
        quiet: float,
    ) -> None:
        self.facts = Facts(now)
        self.books = BooksWatch(self.facts)
        self.store = StoreWatch(self.facts, self.books, quiet=quiet)
        self.wire = WireWatch(self.facts, look, time, realm=accounting.realm_id, quiet=quiet)
        self.codes: Counter[str] = Counter()
        self.locked_out = False
        self._tms = TmsWatch(self.facts)
        self._look = look
        self._accounting = accounting
        accounting.company.books.watchers.append(self.books.heard)
        tms.books.watchers.append(self._tms.heard)

    def logged(self, event: dict[str, Any]) -> None:
        """Hear a line of the daemon's log: no secrets, no bugs, and whether its access ended for good."""
        text = repr(event)
        if self._accounting.client_secret in text or self._accounting.refresh_token in text:
            self.facts.breach("P10", f"a secret in the log: {event['event']}")
        if event["event"] == "vendor.refused_us" and "invalid_grant" in text:
            self.locked_out = True
        if event["event"] in _BUGS:
            self.facts.breach("P8", f"a bug: {text} {event.get('exc_info')!r}")

    # -- when all is quiet ---------------------------------------------------------------------------------------

    def waiting(self) -> list[Any]:
        """Return the messages that are on their way."""
        return self._look("SELECT effect, phase, note FROM messages WHERE phase IN ('waiting', 'sent', 'in_doubt')")

    def conclude(self) -> None:
        """Compare everything with everything, once the daemon has had time to come to rest."""
        rows = self._look(
            "SELECT kind, source_id, state, problem_code, total, paid, document_id, held FROM transactions"
        )
        dead = self._look(
            "SELECT t.kind, t.source_id, m.effect, m.note"
            " FROM messages m JOIN transactions t ON t.id = m.transaction_id WHERE m.phase = 'dead'"
        )
        refused = {(Subject(kind, source), effect) for kind, source, effect, _ in dead}
        for kind, source, effect, note in dead:
            self._explained(Subject(kind, source), note, effect)
        stored = set()
        for kind, source, state, problem, *money, held in rows:
            subject = Subject(kind, source)
            stored.add(subject)
            known = self.facts.records[subject]
            if state == "error":
                self._explained(subject, problem, "transaction")
            elif "force" not in known.deeds and (subject, "void") not in refused:
                self._settled(subject, known, state, money, held=held is not None)
        for subject, known in self.facts.records.items():
            if known.now is not None and subject not in stored:
                self.facts.breach("P2", f"{subject} was lost: the TMS bills {known.now}, the store has nothing")
            if known.live and subject not in stored:
                self.facts.breach("P11", f"{subject} has {sorted(known.live)}, and the store knows nothing of it")
        self._sound()

    def _explained(self, subject: Subject, code: str, what: str) -> None:
        """Check that a failure has a cause that somebody made."""
        self.codes[code] += 1
        known = self.facts.records[subject]
        negative = {"negative"} if known.now is not None and known.now.total < 0 else set()
        deeds = known.deeds | self.facts.everywhere | negative
        forgotten = _FORGOTTEN.get(code, set()) if "restored" in deeds else set()
        if not (_EXPLAINED.get(code, set()) | forgotten) & deeds:
            self.facts.breach("unexplained", f"the {what} of {subject} ended in {code} after {sorted(deeds)}")

    def _settled(self, subject: Subject, known: Known, state: str, money: list[Any], *, held: bool) -> None:
        """Check that accounting holds what the TMS shows, and that both are told what is paid."""
        total, paid, document = money
        kind = DOCUMENTS[subject.kind]
        found = (self.books.documents.get((kind, identity)) for identity in sorted(known.live))
        live = [each for each in found if each is not None]
        if state == "pending":
            self.facts.breach("P2", f"{subject} is still pending, and nothing moves any more")
        elif state == "reverted":
            if live:
                self.facts.breach("P3", f"{subject} is reverted, but {sorted(known.live)} is live")
            if known.now is not None and not known.deeds & {"revert", "withdrawn"}:
                self.facts.breach("P2", f"{subject} is reverted, but the TMS bills {known.now}")
        elif not live or live[0]["Id"] != document:
            self.facts.breach("P3", f"{subject} is {state} as {document}, live are {sorted(known.live)}")
        else:
            [held_there] = live[:1]
            if not held and "edited" not in known.deeds and known.now is not None:
                said = (held_there["TotalAmt"], held_there["TxnDate"])
                if said != known.now[:2] or total != int(known.now.total / _CENT):
                    self.facts.breach("P3", f"{subject} is {known.now} in the TMS, {said} in accounting, {total} here")
            covered = int((held_there["TotalAmt"] - held_there["Balance"]) / _CENT)
            unlike = (state == "paid") != (not held_there["Balance"])
            if paid != covered or (unlike and "edited" not in known.deeds):
                self.facts.breach("P3", f"{subject} is {state} with {paid}, accounting has {covered} paid")

    def _sound(self) -> None:
        """Check what holds of the file as a whole."""
        if self._look("PRAGMA integrity_check") != [("ok",)]:
            self.facts.breach("P5", "the file is damaged")
        for (transaction,) in self._look(
            "SELECT t.id FROM transactions t WHERE (SELECT to_state FROM history h WHERE h.transaction_id = t.id"
            " ORDER BY h.id DESC LIMIT 1) <> t.state OR (SELECT count(*) FROM history h"
            " WHERE h.transaction_id = t.id) <> t.version"
        ):
            self.facts.breach("P5", f"transaction {transaction} does not stand where its history ends")
