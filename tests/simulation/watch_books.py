"""What accounting holds of ours: one live document per record, saying what the TMS says, and no edit overwritten."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Final

from tests.simulation.facts import KINDS, Facts, Json, Known, Subject, marked

_MONEY: Final = ("TotalAmt", "TxnDate", "DueDate", "DocNumber", "CustomerRef", "VendorRef", "Line")
_TEXTS: Final = ("CustomerMemo", "BillEmail", "ShipDate")


class BooksWatch:
    """Hears of every commit of accounting's books; `hand` says whose it is."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._hand = False
        self._subjects: dict[tuple[str, str], Subject] = {}
        self._edits: dict[tuple[str, str], Json] = {}
        self.documents: dict[tuple[str, str], Json] = {}
        """What is there now of ours, by kind and id, voided ones too."""

    @contextmanager
    def hand(self) -> Iterator[None]:
        """Take what is committed meanwhile for a person's work."""
        self._hand = True
        try:
            yield
        finally:
            self._hand = False

    def heard(self, transitions: list[Any]) -> None:
        """Take in a commit: each object as it was and as it is."""
        for kind, old, new in transitions:
            if kind in KINDS:
                self._document(kind, old, new)

    def _document(self, kind: str, old: Json | None, new: Json | None) -> None:
        key = (kind, (new or old or {})["Id"])
        subject = self._subjects.get(key) or (marked(new) if new else None)
        if subject is None:
            return
        self._subjects[key] = subject
        known = self._facts.records[subject]
        self.documents.pop(key, None)
        if new is not None:
            self.documents[key] = new
        alive = new is not None and bool(new["TotalAmt"])
        if self._hand:
            self._by_hand(key, known, old, new)
        elif not _same(old, new, (*_MONEY, *_TEXTS, "PrivateNote")):
            self._by_us(key, subject, known, old, new)
        (known.live.add if alive else known.live.discard)(key[1])
        if alive and new is not None:
            known.most_paid = max(known.most_paid, new["TotalAmt"] - new["Balance"])
        if len(known.live) > 1:
            self._facts.breach("P1", f"{subject} has the documents {sorted(known.live)}")

    def _by_hand(self, key: tuple[str, str], known: Known, old: Json | None, new: Json | None) -> None:
        known.touched = self._facts.now()
        if new is None:
            known.deeds.add("deleted")
        elif not new["TotalAmt"]:
            known.deeds.add("voided")
        elif not _same(old, new, (*_MONEY, *_TEXTS)):
            known.deeds.add("edited")
            changed = [name for name in (*_MONEY, *_TEXTS) if (old or {}).get(name) != new.get(name)]
            self._edits.setdefault(key, {}).update({name: new.get(name) for name in changed})
        if new is not None and old is not None and new["Balance"] != old["Balance"]:
            known.deeds.add("paid" if new["Balance"] < old["Balance"] else "unpaid")

    def _by_us(self, key: tuple[str, str], subject: Subject, known: Known, old: Json | None, new: Json | None) -> None:
        if new is None or not new["TotalAmt"]:
            if old is not None and old["TotalAmt"] and not known.deeds & {"withdrawn", "revert", "force"}:
                self._facts.breach("P6", f"{key} of {subject} was taken back, though nobody withdrew it")
            return
        said = (new["TotalAmt"], new["TxnDate"])
        if said not in {(version.total, version.day) for version in known.versions}:
            self._facts.breach("P6", f"{key} of {subject} says {said}, the TMS showed {sorted(known.versions)}")
        if sum((line["Amount"] for line in new["Line"]), Decimal(0)) != new["TotalAmt"]:
            self._facts.breach("P12", f"the lines of {key} do not add up to {new['TotalAmt']}")
        for name, value in self._edits.get(key, {}).items():
            if new.get(name) != value:
                self._facts.breach("P6", f"{name} of {key} was edited by a person and overwritten")


def _same(old: Json | None, new: Json | None, names: tuple[str, ...]) -> bool:
    return old is not None and new is not None and all(old.get(name) == new.get(name) for name in names)
