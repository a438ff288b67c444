"""The table of what is done with each role of object: how one is completed before it is stored, linked and voided."""

from collections.abc import Callable
from typing import Final

from adapters.sandbox.quickbooks.attachments import complete_attachment, relink_attachment
from adapters.sandbox.quickbooks.books import Bookkeeping, Change
from adapters.sandbox.quickbooks.documents import complete_purchase, complete_sale
from adapters.sandbox.quickbooks.faults import not_found
from adapters.sandbox.quickbooks.kinds import KINDS
from adapters.sandbox.quickbooks.names import complete_name
from adapters.sandbox.quickbooks.payments import (
    complete_deposit,
    complete_journal,
    complete_settlement,
    complete_transfer,
    relink_deposit,
)
from adapters.sandbox.quickbooks.records import complete_record
from adapters.sandbox.quickbooks.recurring import complete_template
from adapters.sandbox.quickbooks.rules import ZERO, Facts, Object
from adapters.sandbox.quickbooks.settlement import relink

Complete = Callable[[str, Object, Object | None, Bookkeeping], None]

COMPLETE: Final[dict[str, Complete]] = {
    "name": complete_name,
    "sale": complete_sale,
    "purchase": complete_purchase,
    "settlement": complete_settlement,
    "journal": complete_journal,
    "deposit": complete_deposit,
    "transfer": complete_transfer,
    "record": complete_record,
    "attachment": complete_attachment,
    "template": complete_template,
}
"""How each role of object is completed."""


def relinked(kind: str, identity: str, old: Object | None, new: Object | None, company: Facts) -> list[Change]:
    """Return what else changes when an object goes from `old` to `new`; None is one that is not there."""
    match KINDS[kind].role:
        case "settlement":
            return relink(kind, old, new, identity, company)
        case "deposit":
            return relink_deposit(old, new, identity, company)
        case "attachment":
            return relink_attachment(old, new, company)
    return []


def voided(role: str, document: Object) -> Object:
    """Return a document with nothing left of it but its number, its party and a note that it was voided."""
    note = document.get("PrivateNote")
    left = {**document, "TotalAmt": ZERO, "PrivateNote": f"Voided - {note}" if note else "Voided"}
    left |= {key: ZERO for key in _EMPTIED if key in document}
    if role == "settlement":
        return left | {"Line": [], "LinkedTxn": [], "_unapplied": ZERO, "_relieved": {}}
    left |= {"LinkedTxn": [], "Line": [_emptied(line) for line in document["Line"]]}
    return left | {"TxnTaxDetail": {"TotalTax": ZERO}}


_EMPTIED: Final = ("Balance", "RemainingCredit", "UnappliedAmt", "HomeTotalAmt", "HomeBalance")


def _emptied(line: Object) -> Object:
    detail_type = line["DetailType"]
    if detail_type not in line:
        return line
    detail = {key: held for key, held in line[detail_type].items() if key not in {"Qty", "UnitPrice"}}
    return {**line, "Amount": ZERO, detail_type: detail}


def live_or_fault(found: Object | None) -> Object:
    """Return the object, or raise fault 610."""
    if found is None:
        raise not_found()
    return found
