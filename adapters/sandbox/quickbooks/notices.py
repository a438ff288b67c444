"""What webhooks tell: which change of an object is which event, and the two forms an event is written in."""

import base64
import hashlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from random import Random
from typing import Final, Literal, NamedTuple
from uuid import UUID

from adapters.sandbox.quickbooks.books import Transition
from adapters.sandbox.quickbooks.journal import encode
from adapters.sandbox.quickbooks.merging import MERGED
from adapters.sandbox.quickbooks.rules import Object

Operation = Literal["Create", "Update", "Delete", "Void", "Merge", "Emailed"]

SUBSCRIBABLE: Final = frozenset(
    {
        "Account",
        "Bill",
        "BillPayment",
        "Budget",
        "Class",
        "CreditMemo",
        "Customer",
        "Department",
        "Deposit",
        "Employee",
        "Estimate",
        "Invoice",
        "Item",
        "JournalCode",
        "JournalEntry",
        "Payment",
        "PaymentMethod",
        "Preferences",
        "Purchase",
        "PurchaseOrder",
        "RefundReceipt",
        "SalesReceipt",
        "TaxAgency",
        "Term",
        "TimeActivity",
        "Transfer",
        "Vendor",
        "VendorCredit",
    }
)
"""The kinds that have events, per the vendor's webhooks page."""

_FOLLOWING: Final = frozenset(
    {"Balance", "HomeBalance", "RemainingCredit", "UnappliedAmt", "LinkedTxn", "SyncToken", "MetaData"}
)
"""What changes on a document when a payment is applied to it."""
_PAST: Final = {
    "Create": "created",
    "Update": "updated",
    "Delete": "deleted",
    "Void": "voided",
    "Merge": "merged",
    "Emailed": "emailed",
}


class Notice(NamedTuple):
    """One event of one company; `merged` is the id that a merge did away with."""

    event: str
    realm_id: str
    kind: str
    identity: str
    operation: Operation
    time: datetime
    content: Object
    merged: str = ""


def operations(transitions: list[Transition], *, linked: bool) -> Iterator[tuple[Transition, Operation, str]]:
    """Yield what changed together that has an event, which event it is, and the id that a merge did away with.

    `linked` says whether a balance that followed a payment is an event.
    """
    merges = {(kind, new[MERGED]) for kind, old, new in transitions if old and new and _is_merge(old, new)}
    for transition in transitions:
        kind, old, new = transition
        operation = _operation(transition, linked=linked) if kind in SUBSCRIBABLE else None
        gone = operation == "Delete" and (kind, (old or {})["Id"]) in merges
        if operation is not None and not gone:
            yield transition, operation, (new or {})[MERGED] if operation == "Merge" else ""


def _operation(transition: Transition, *, linked: bool) -> Operation | None:
    _, old, new = transition
    if old is None:
        return "Create"
    if new is None:
        return "Delete"
    if _is_merge(old, new):
        return "Merge"
    if _is_void(new) and not _is_void(old):
        return "Void"
    if new.get("EmailStatus") == "EmailSent" != old.get("EmailStatus"):
        return "Emailed"
    changed = {key for key in {**old, **new} if not key.startswith("_") and old.get(key) != new.get(key)}
    return "Update" if linked or not changed <= _FOLLOWING else None


def _is_merge(old: Object, new: Object) -> bool:
    return MERGED in new and new[MERGED] != old.get(MERGED)


def _is_void(document: Object) -> bool:
    return document.get("TotalAmt") == 0 and str(document.get("PrivateNote", "")).startswith("Voided")


def event_id(random: Random) -> str:
    """Return an event's own id, by which a receiver knows a repeated one."""
    return str(UUID(int=random.getrandbits(128), version=4))


def classic(notices: Iterable[Notice]) -> bytes:
    """Return the classic form: events grouped by company."""
    by_realm: dict[str, list[Object]] = {}
    for notice in notices:
        moment = notice.time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
        entity = {
            "id": notice.identity,
            "operation": notice.operation,
            "name": notice.kind,
            "lastUpdated": f"{moment}Z",
        }
        merged = {"deletedId": notice.merged} if notice.merged else {}
        by_realm.setdefault(notice.realm_id, []).append(entity | merged)
    companies = [
        {"realmId": realm_id, "dataChangeEvent": {"entities": entities}} for realm_id, entities in by_realm.items()
    ]
    return encode({"eventNotifications": companies})


def cloud_events(notices: Iterable[Notice], client_id: str) -> bytes:
    """Return the CloudEvents form: one flat list, whatever the company."""
    source = base64.b64encode(hashlib.sha256(client_id.encode()).digest()[:16]).decode()
    return encode(
        [
            {
                "specversion": "1.0",
                "id": notice.event,
                "source": f"intuit.{source}",
                "type": f"qbo.{notice.kind.lower()}.{_PAST[notice.operation]}.v1",
                "datacontenttype": "application/json",
                "time": f"{notice.time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}000Z",
                "intuitentityid": notice.identity,
                "intuitaccountid": notice.realm_id,
                "data": notice.content,
            }
            for notice in notices
        ]
    )
