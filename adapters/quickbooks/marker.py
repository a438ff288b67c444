"""The marker in a document's private note: whose document it is, and what we wrote on it.

    [loadledger acme customer_invoice inv-123 g1 4f2a90c61b]

The first words name the transaction and its generation; the last is a fingerprint of everything we wrote. So the
books alone tell our documents from others, and an edited one from an untouched one, whatever our store remembers.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache, partial
from typing import Any
from urllib.parse import quote, unquote

from typing_extensions import override

from adapters.quickbooks.forms import Form, Raw
from state.transaction import Kind, Transaction

# Ten hexadecimal digits: never long enough to be taken for a card number.
_DIGITS = 10
_PATTERN = re.compile(rf"\[loadledger (\S+) (\w+) (\S+) g(\d+) ([0-9a-f]{{{_DIGITS}}})\]")
_KINDS = frozenset(Kind)
_LETTERS = re.compile(r"[^0-9A-Za-z]+")


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

    @override
    def __str__(self) -> str:
        entity, source = _quoted(self.entity), _quoted(self.source_id)
        return f"[loadledger {entity} {self.kind} {source} g{self.generation} {self.fingerprint}]"

    @property
    def subject(self) -> tuple[str, str, str]:
        """The transaction it speaks of, in whatever generation."""
        return (self.entity, self.kind, self.source_id)


def subject(entity: str, transaction: Transaction) -> tuple[str, str, str]:
    """Return the subject of the markers of `transaction`."""
    return (entity, transaction.kind, transaction.source_id)


def marker(entity: str, transaction: Transaction, fingerprint: str) -> Marker:
    """Return the marker of the document that is to carry `transaction` with the content of `fingerprint`."""
    return Marker(entity, transaction.kind, transaction.source_id, transaction.generation, fingerprint)


def parse(note: str | None) -> Marker | None:
    """Return the marker in a private note, or None; a person's text around it does not matter."""
    found = _PATTERN.search(note or "")
    if found is None or found[2] not in _KINDS:
        return None
    return Marker(_unquoted(found[1]), Kind(found[2]), _unquoted(found[3]), int(found[4]), found[5])


def split(note: str | None) -> tuple[str, str]:
    """Return the text before the marker, which is ours, and the text after it, which is a person's."""
    text = note or ""
    found = _PATTERN.search(text)
    return (text[: found.start()], text[found.end() :]) if found else (text, "")


def fingerprints(document: Raw, form: Form) -> frozenset[str]:
    """Return the fingerprints that fit a document, ours to send or held by QuickBooks.

    Two fit where a due date stands: with it, as when we sent it, and without, as when QuickBooks derived it.
    """
    due = document.get("DueDate") or ""
    return frozenset({_fingerprint(document, form, due), _fingerprint(document, form, "")})


def fingerprint(document: Raw, form: Form) -> str:
    """Return the fingerprint of a document that is about to be sent."""
    return _fingerprint(document, form, document.get("DueDate") or "")


def _fingerprint(document: Raw, form: Form, due: str) -> str:
    written = "\n".join(
        (
            _value(document.get(form.party_ref)),
            _cents(total(document, form)),
            str(document.get("TxnDate") or ""),
            due,
            _letters(split(document.get("PrivateNote"))[0]),
            *(_line(line, form) for line in owned_lines(document, form)),
        )
    )
    return hashlib.sha256(written.encode()).hexdigest()[:_DIGITS]


def owned_lines(document: Raw, form: Form) -> Iterator[Raw]:
    """Yield the lines of the type that we write; subtotals and plain text are QuickBooks' and people's."""
    return (line for line in document.get("Line") or () if line.get("DetailType") == form.detail)


def total(document: Raw, form: Form) -> Decimal:
    """Return the document's total as QuickBooks states it, or as our lines add up."""
    stated = document.get("TotalAmt")
    if stated is not None:
        return Decimal(stated)
    return sum((Decimal(line["Amount"]) for line in owned_lines(document, form)), Decimal(0))


def target(line: Raw, form: Form) -> str:
    """Return the id of the item or account a line is booked on."""
    return _value((line.get(form.detail) or {}).get(form.target_ref))


def _line(line: Raw, form: Form) -> str:
    return f"{target(line, form)} {_cents(Decimal(line.get('Amount') or 0))} {_letters(line.get('Description'))}"


def _value(ref: Any) -> str:  # noqa: ANN401 - untyped JSON
    return str((ref or {}).get("value") or "")


def _cents(amount: Decimal) -> str:
    return f"{amount:.2f}"


def _letters(text: str | None) -> str:
    """Return the plain letters and digits: spaces and unusual characters may come back altered."""
    return _LETTERS.sub("", text or "")
