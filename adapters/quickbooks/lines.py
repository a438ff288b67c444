"""The lines of documents: those that charge an item or an account, and those that pay another document."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Protocol

from typing_extensions import override

from adapters.quickbooks.pointers import Pointer

Raw = dict[str, Any]
"""One JSON object as QuickBooks sends or takes it, numbers as Decimal or int."""

NO_TAGS: Final[Raw] = {}

_SUBTOTAL: Final = "SubTotalLineDetail"
_LETTERS: Final = re.compile(r"[^0-9A-Za-z]+")


class Lines(Protocol):
    """How the lines of a type of document are written, and which of them are ours."""

    @property
    def names(self) -> frozenset[str]:
        """The field names we write in such lines, at whatever depth."""

    def written(self, amount: Decimal, target: str | Pointer, text: str = "", tags: Raw = NO_TAGS) -> Raw:
        """Return a line over an amount; `tags` go to its detail."""

    def ours(self, document: Raw) -> Iterator[Raw]:
        """Yield the lines of the sort that we write; the others are QuickBooks' and people's."""

    def target(self, line: Raw) -> str:
        """Return the id of what a line is booked on, or pays."""

    def said(self, document: Raw) -> tuple[tuple[str, ...], ...]:
        """Return each thing that we may have said in the lines of a document, the whole of it last."""

    def classes(self, document: Raw) -> Iterator[str]:
        """Yield the ids of the classes that our lines bear."""

    def merged(self, held: Raw, wanted: Raw, kept: frozenset[str] = frozenset()) -> list[Raw]:
        """Return the lines of an update: ours as they are wanted, everything else in them and beside them as it is.

        What of a line's detail is to be `kept` stays as a held line has it, or has it not.
        """

    def lost(self, asked: Raw, booked: Raw) -> str:
        """Return what of the lines that were asked for an answer lacks, in words; an empty text if nothing."""


@dataclass(frozen=True, slots=True)
class ChargeLines(Lines):
    """Lines that charge an item or an account."""

    detail: str  # DetailType of the lines we write, and the name of their detail object
    target_ref: str  # what a line points at: an item or an account
    constants: Raw  # fields of every line's detail

    @property
    @override
    def names(self) -> frozenset[str]:
        return frozenset({"DetailType", "Description", self.detail, self.target_ref, *self.constants})

    @override
    def written(self, amount: Decimal, target: str | Pointer, text: str = "", tags: Raw = NO_TAGS) -> Raw:
        detail = {self.target_ref: {"value": target}, **self.constants, **tags}
        return {"DetailType": self.detail, "Amount": amount, "Description": text, self.detail: detail}

    @override
    def ours(self, document: Raw) -> Iterator[Raw]:
        return (line for line in document.get("Line") or () if line.get("DetailType") == self.detail)

    @override
    def target(self, line: Raw) -> str:
        return value((line.get(self.detail) or {}).get(self.target_ref))

    @override
    def said(self, document: Raw) -> tuple[tuple[str, ...], ...]:
        return (tuple(self._text(line) for line in self.ours(document)),)

    @override
    def classes(self, document: Raw) -> Iterator[str]:
        found = (value((line.get(self.detail) or {}).get("ClassRef")) for line in self.ours(document))
        return (each for each in found if each)

    @override
    def merged(self, held: Raw, wanted: Raw, kept: frozenset[str] = frozenset()) -> list[Raw]:
        """Pair our lines with the held ones of the same item or account, so that ids, classes and the like live on."""
        spare = list(self.ours(held))
        merged = []
        for line in wanted["Line"]:
            match = next((old for old in spare if self.target(old) == self.target(line)), None)
            if match is not None:
                spare.remove(match)
            merged.append(line if match is None else self._merged(match, line, kept))
        foreign = [line for line in held.get("Line") or () if line.get("DetailType") not in {self.detail, _SUBTOTAL}]
        return [*merged, *foreign]

    @override
    def lost(self, asked: Raw, booked: Raw) -> str:
        sent, held = (
            sum(line.get("DetailType") != _SUBTOTAL for line in document.get("Line") or ())
            for document in (asked, booked)
        )
        return f"{held} lines of {sent}" if sent != held else ""

    def _text(self, line: Raw) -> str:
        return f"{self.target(line)} {cents(Decimal(line.get('Amount') or 0))} {letters(line.get('Description'))}"

    def _merged(self, held: Raw, wanted: Raw, kept: frozenset[str]) -> Raw:
        ours = {name: each for name, each in wanted[self.detail].items() if name not in kept}
        detail = (held.get(self.detail) or {}) | ours
        if held.get("Amount") != wanted["Amount"]:
            # An amount must equal quantity times price, if these are given.
            detail = {name: value for name, value in detail.items() if name not in {"Qty", "UnitPrice"}}
        return held | wanted | {self.detail: detail}


@dataclass(frozen=True, slots=True)
class PaymentLines(Lines):
    """Lines that pay documents. We write one at most; what a payment is applied to besides is a person's doing."""

    entity: str  # what is paid

    @property
    @override
    def names(self) -> frozenset[str]:
        return frozenset({"LinkedTxn", "TxnId", "TxnType"})

    @override
    def written(self, amount: Decimal, target: str | Pointer, text: str = "", tags: Raw = NO_TAGS) -> Raw:
        return {"Amount": amount, "LinkedTxn": [{"TxnId": target, "TxnType": self.entity}]}

    @override
    def ours(self, document: Raw) -> Iterator[Raw]:
        return (line for line in document.get("Line") or () if self.target(line))

    @override
    def target(self, line: Raw) -> str:
        links = line.get("LinkedTxn") or ()
        return next((str(link.get("TxnId") or "") for link in links if link.get("TxnType") == self.entity), "")

    @override
    def said(self, document: Raw) -> tuple[tuple[str, ...], ...]:
        """Any of the lines may be the one we wrote, or none: that all is credit is something to say too."""
        return ((), *((self.target(line),) for line in self.ours(document)))

    @override
    def classes(self, document: Raw) -> Iterator[str]:
        return iter(())

    @override
    def merged(self, held: Raw, wanted: Raw, kept: frozenset[str] = frozenset()) -> list[Raw]:
        ours = {self.target(line) for line in wanted["Line"]}
        others = (line for line in held.get("Line") or () if self.target(line) not in ours)
        return [*wanted["Line"], *({"Amount": line["Amount"], "LinkedTxn": line["LinkedTxn"]} for line in others)]

    @override
    def lost(self, asked: Raw, booked: Raw) -> str:
        sent, held = ({self.target(line) for line in self.ours(document)} for document in (asked, booked))
        return f"not applied to {self.entity} {', '.join(sorted(sent - held))}" if sent - held else ""


def value(ref: Any) -> str:  # noqa: ANN401 - untyped JSON
    """Return the id in a reference, or an empty text."""
    return str((ref or {}).get("value") or "")


def cents(amount: Decimal) -> str:
    """Return an amount as fingerprints have it."""
    return f"{amount:.2f}"


def letters(text: str | None) -> str:
    """Return the plain letters and digits: spaces and unusual characters may come back altered."""
    return _LETTERS.sub("", text or "")
