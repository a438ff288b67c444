"""From a transaction and its resolved references to the exact document, and from a held document to its update.

Pure functions; MAPPING.md has one row per field.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Final

from adapters.quickbooks.forms import Form, Raw
from adapters.quickbooks.marker import fingerprint, marker, parse, split
from adapters.quickbooks.pointers import Pointer
from adapters.quickbooks.problems import rejected
from adapters.quickbooks.tags import Tags, aspects, unchanged
from state.transaction import Content, Line, Transaction

_LONGEST_NUMBER = 21
_LONGEST_NOTE = 4000
_LONGEST_DESCRIPTION = 4000

# What QuickBooks computes; sent back it would at best be ignored.
_COMPUTED: Final = frozenset(
    {"TotalAmt", "Balance", "HomeTotalAmt", "HomeBalance", "MetaData", "domain", "sparse", "status"}
    | {"InvoiceLink", "RecurDataRef", "DeliveryInfo"}
)
# What we write at whatever depth, besides what the form names.
OWNED: Final = frozenset(
    {"Id", "SyncToken", "TxnDate", "DueDate", "SalesTermRef", "APAccountRef", "PrivateNote", "Line"}
    | {"Amount", "value"}
)
# What QuickBooks copied from the old party; a new party brings its own.
_OF_PARTY: Final = frozenset({"BillAddr", "ShipAddr", "BillEmail", "VendorAddr"})


@dataclass(frozen=True, slots=True)
class Resolved:
    """Everything a document points at; `targets` in the order of the lines."""

    party: Pointer
    targets: tuple[Pointer, ...]
    term: Pointer | None = None
    payable: Pointer | None = None
    tags: Tags = field(default_factory=Tags)


def checked_number(number: str) -> str:
    """Return the document number; raise Rejected (number_too_long) rather than cut it."""
    tidy = number.strip()
    if len(tidy) > _LONGEST_NUMBER:
        raise rejected("number_too_long", f"{tidy} has {len(tidy)} characters")
    return tidy


def compose(content: Content, form: Form, resolved: Resolved, *, numbered: bool) -> Raw:
    """Return the document that says what a transaction says, but for its note, with pointers in the place of ids.

    `numbered` says whether the company takes our document numbers; where it does not, sending one is documented to
    cause duplicates. The currency is left out: it is the home currency, or the document was refused before.
    """
    document: Raw = {
        form.party_ref: {"value": resolved.party},
        "TxnDate": content.issued_on.isoformat(),
        "Line": [
            _line(form, line, to, resolved.tags.of_line(position))
            for position, (line, to) in enumerate(zip(content.lines, resolved.targets, strict=True))
        ],
        **resolved.tags.header,
        **form.opening,
    }
    optional = {
        form.number: checked_number(content.number) if numbered else None,
        "DueDate": content.due_on.isoformat() if content.due_on and form.falls_due else None,
        "SalesTermRef": {"value": resolved.term} if resolved.term else None,
        "APAccountRef": {"value": resolved.payable} if resolved.payable else None,
    }
    return document | {name: value for name, value in optional.items() if value is not None}


def _line(form: Form, line: Line, to: Pointer, tags: Raw) -> Raw:
    return form.lines.written(line.amount.amount, to, (line.description or line.name)[:_LONGEST_DESCRIPTION], tags)


def marked(document: Raw, form: Form, entity: str, transaction: Transaction, memo: str) -> Raw:
    """Return the document with its note: the memo, then the marker, whose fingerprint covers the memo."""
    tagged = aspects(document, form)
    room = _LONGEST_NOTE - len(str(marker(entity, transaction, "0" * 10, tagged))) - 1
    text = memo.strip()[:room]
    sign = marker(entity, transaction, fingerprint(document | {"PrivateNote": text}, form), tagged)
    return document | {"PrivateNote": f"{text}\n{sign}".strip()}


def merge(held: Raw, wanted: Raw, form: Form, unwritable: Collection[str] = ()) -> Raw:
    """Return the full update that turns `held` into `wanted` and keeps every field and line that is not ours.

    A full update sets each field left out to nothing, so all of them are sent, but for those that QuickBooks is known
    to answer with and not to take, `unwritable`, at whatever depth. Behind the marker, the note is a person's.
    """
    held = _without(held, unwritable)
    new_party = held.get(form.party_ref, {}).get("value") != wanted[form.party_ref]["value"]
    derived = {"SalesTermRef"}
    if new_party or held.get("TxnDate") != wanted["TxnDate"]:
        derived.add("DueDate")  # QuickBooks derived it from these, unless a person had reasons that no longer hold
    dropped = _COMPUTED | (_OF_PARTY if new_party else frozenset()) | (derived - wanted.keys())
    kept = {name: value for name, value in held.items() if name not in dropped}
    if not (kept.get("TxnTaxDetail") or {}).get("TotalTax"):
        kept.pop("TxnTaxDetail", None)  # a tax of zero, sent back, is refused where QuickBooks computes the tax
    theirs = _theirs(held, wanted)
    ours = {name: value for name, value in wanted.items() if name not in theirs | form.opening.keys()}
    if "CustomField" in ours:
        ours["CustomField"] = [*_other_fields(held, wanted), *wanted["CustomField"]]
    note = (wanted["PrivateNote"] + split(held.get("PrivateNote"))[1])[:_LONGEST_NOTE]
    return kept | ours | {"Line": form.lines.merged(held, wanted, theirs), "PrivateNote": note}


def _theirs(held: Raw, wanted: Raw) -> frozenset[str]:
    """Return the tags that we want as we wrote them: since nothing new is said, what a person made of them stays."""
    before, now = (parse(document.get("PrivateNote")) for document in (held, wanted))
    return unchanged(before.aspects, now.aspects) if before and now else frozenset()


def _other_fields(held: Raw, wanted: Raw) -> list[Raw]:
    """Return the custom fields that are not ours."""
    ours = {each["DefinitionId"] for each in wanted["CustomField"]}
    return [each for each in held.get("CustomField") or () if each.get("DefinitionId") not in ours]


def names(value: Any) -> frozenset[str]:  # noqa: ANN401 - untyped JSON
    """Return the names of all fields of a JSON value, at whatever depth."""
    if isinstance(value, dict):
        return frozenset(value).union(*map(names, value.values()))
    return frozenset().union(*map(names, value)) if isinstance(value, list) else frozenset()


def _without(value: Any, dropped: Collection[str]) -> Any:  # noqa: ANN401 - untyped JSON
    """Return a JSON value without the fields of these names, at whatever depth."""
    if isinstance(value, dict):
        return {name: _without(each, dropped) for name, each in value.items() if name not in dropped}
    return [_without(each, dropped) for each in value] if isinstance(value, list) else value
