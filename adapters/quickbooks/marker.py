"""The marker in a document's private note: whose document it is, and what we wrote on it.

    [loadledger acme customer_invoice inv-123 g1 4f2a90c61b]

The first words name the transaction and its generation; the next is a fingerprint of everything we wrote. So the
books alone tell our documents from others, and an edited one from an untouched one, whatever our store remembers. What
the document was tagged with, classes and the like, may follow: there a person's edit is no quarrel.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache, partial
from urllib.parse import quote, unquote

from typing_extensions import override

from adapters.quickbooks.forms import Form, Raw
from adapters.quickbooks.lines import cents, letters, value
from state.transaction import Kind, Transaction

# Ten hexadecimal digits: never long enough to be taken for a card number.
_DIGITS = 10
_PATTERN = re.compile(rf"\[loadledger (\S+) (\w+) (\S+) g(\d+) ([0-9a-f]{{{_DIGITS}}})(?: ([0-9a-f.]+))?\]")
_KINDS = frozenset(Kind)


# Each document's marker is written and read several times on its way.
_quoted = lru_cache(maxsize=4096)(partial(quote, safe=""))
_unquoted = lru_cache(maxsize=4096)(unquote)


@dataclass(frozen=True, slots=True)
class Marker:
    """Whose document it is: legal entity, kind and id of the record, generation; and the fingerprint of its content."""

    entity: str
    kind: Kind
    source_id: str
    generation: int
    fingerprint: str
    aspects: str = ""

    @override
    def __str__(self) -> str:
        entity, source = _quoted(self.entity), _quoted(self.source_id)
        tagged = f" {self.aspects}" if self.aspects else ""
        return f"[loadledger {entity} {self.kind} {source} g{self.generation} {self.fingerprint}{tagged}]"

    @property
    def subject(self) -> tuple[str, str, str]:
        """The transaction it speaks of, in whatever generation."""
        return (self.entity, self.kind, self.source_id)


def subject(entity: str, transaction: Transaction) -> tuple[str, str, str]:
    """Return the subject of the markers of `transaction`."""
    return (entity, transaction.kind, transaction.source_id)


def marker(entity: str, transaction: Transaction, fingerprint: str, aspects: str = "") -> Marker:
    """Return the marker of the document that is to carry `transaction` with the content of `fingerprint`."""
    return Marker(entity, transaction.kind, transaction.source_id, transaction.generation, fingerprint, aspects)


@lru_cache(maxsize=4096)
def parse(note: str | None) -> Marker | None:
    """Return the marker in a private note, or None; a person's text around it does not matter."""
    found = _PATTERN.search(note or "")
    if found is None or found[2] not in _KINDS:
        return None
    return Marker(_unquoted(found[1]), Kind(found[2]), _unquoted(found[3]), int(found[4]), found[5], found[6] or "")


def split(note: str | None) -> tuple[str, str]:
    """Return the text before the marker, which is ours, and the text after it, which is a person's."""
    text = note or ""
    found = _PATTERN.search(text)
    return (text[: found.start()], text[found.end() :]) if found else (text, "")


def fingerprints(document: Raw, form: Form) -> frozenset[str]:
    """Return the fingerprints that fit a document, ours to send or held by QuickBooks.

    Two fit where a due date stands: with it, as when we sent it, and without, as when QuickBooks derived it. More fit
    where the lines leave open which of them we wrote.
    """
    dues = {document.get("DueDate") or "", ""}
    return frozenset(_fingerprint(document, form, due, said) for said in form.lines.said(document) for due in dues)


def fingerprint(document: Raw, form: Form) -> str:
    """Return the fingerprint of a document that is about to be sent."""
    return _fingerprint(document, form, document.get("DueDate") or "", form.lines.said(document)[-1])


def _fingerprint(document: Raw, form: Form, due: str, said: Iterable[str]) -> str:
    written = "\n".join(
        (
            value(document.get(form.party_ref)),
            cents(total(document, form)),
            str(document.get("TxnDate") or ""),
            due,
            letters(split(document.get("PrivateNote"))[0]),
            *said,
        )
    )
    return hashlib.sha256(written.encode()).hexdigest()[:_DIGITS]


def total(document: Raw, form: Form) -> Decimal:
    """Return the document's total as QuickBooks states it, or as our lines add up."""
    stated = document.get("TotalAmt")
    if stated is not None:
        return Decimal(stated)
    return sum((Decimal(line["Amount"]) for line in form.lines.ours(document)), Decimal(0))
