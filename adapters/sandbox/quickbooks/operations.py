"""What one call or one batch item asks of the company."""

from collections.abc import Callable
from random import Random
from typing import Any, Final

from adapters.sandbox.quickbooks import recurring
from adapters.sandbox.quickbooks.company import Company
from adapters.sandbox.quickbooks.faults import Fault, missing, unsupported_property
from adapters.sandbox.quickbooks.kinds import KINDS, PATHS
from adapters.sandbox.quickbooks.query import run
from adapters.sandbox.quickbooks.rules import Object, require

_LARGEST_BATCH: Final = 30
_LONGEST_ITEM_ID_WITH_REQUEST_ID: Final = 10


def write(kind: str, operation: str, options: frozenset[str], body: object, company: Company) -> Object:
    """Carry out one write and return its answer, `{kind: object}`. Raises Fault.

    `operation` is `create`, `update`, `delete` or `void`; an empty one means create or update, as the body has an Id
    or not. `options` are the words of `include` or of a batch item's `optionsData`.
    """
    if not isinstance(body, dict):
        raise unsupported_property(kind)
    if prepare := _PREPARE.get(kind):
        body = prepare(body, company)
    if operation in {"", "create", "update"} and "void" not in options:
        if operation == "update" or (operation == "" and _is_stored(body)):
            sparse = str(body.get("sparse")).lower() == "true"
            return {kind: company.update(kind, body, sparse, options=options)}
        return {kind: company.create(kind, body, options=options)}
    require(("Id", "SyncToken"), body)
    identity, sync_token = str(body["Id"]), str(body["SyncToken"])
    if operation == "delete":
        company.delete(kind, identity, sync_token=sync_token)
        return {kind: {"status": "Deleted", "domain": "QBO", "Id": identity}}
    # Payments and receipts are voided by an update that includes the void, other sales forms by an operation so named.
    asked = "update" if operation in {"", "update"} else operation.replace("void", "operation")
    if asked == KINDS[kind].void_by:
        return {kind: company.void(kind, identity, sync_token=sync_token)}
    raise Fault("500", f"Unsupported Operation : Operation {operation} on {kind} is not supported.")


def _is_stored(body: Object) -> bool:
    """Say whether a body is of something that has an id; clients write 0 for what has none yet."""
    return body.get("Id") not in {None, "", "0", 0} if isinstance(body.get("Id"), (str, int, type(None))) else True


def _dated_rate(body: Object, company: Company) -> Object:
    """Return a rate's body with the id of the rate it replaces: rates go by currency and day."""
    body = {key: held for key, held in body.items() if key != "Id"}
    day = str(body.get("AsOfDate") or company.today().isoformat())
    for held in company.books.live("ExchangeRate"):
        if (held["SourceCurrencyCode"], held["AsOfDate"]) == (str(body.get("SourceCurrencyCode")).upper(), day):
            return body | {"Id": held["Id"]}
    return body


_PREPARE: Final[dict[str, Callable[[Object, Company], Object]]] = {
    recurring.KIND: lambda body, _company: recurring.unwrapped(body),
    "ExchangeRate": _dated_rate,
}
"""Kinds whose bodies are not quite the object itself."""


class BatchItem:
    """One item of a batch: its id, and the query or the write it asks for."""

    def __init__(self, raw: Object) -> None:
        self.identity = str(raw.get("bId", ""))
        self.query: str | None = raw.get("Query")
        self.kind = next((PATHS[key.lower()] for key in raw if key.lower() in PATHS), "")
        self.operation = str(raw.get("operation", "")).lower()
        self.options = frozenset(str(raw.get("optionsData", "")).lower().split(","))
        self.body = next((held for key, held in raw.items() if PATHS.get(key.lower()) == self.kind), None)

    @property
    def reads(self) -> bool:
        """Whether it takes data out."""
        return self.query is not None

    def perform(self, company: Company) -> Object:
        """Return the item's answer without its id. Raises Fault."""
        if self.query is not None:
            return {"QueryResponse": run(self.query, company)}
        if not self.kind:
            raise Fault("2000", "Invalid or unsupported object name")
        if not self.operation:
            raise missing("operation")
        return write(self.kind, self.operation, self.options, self.body, company)


def batch_items(body: object, random: Random, *, has_request_id: bool) -> list[BatchItem]:
    """Return a batch's items in the order they will run, which is any. Raises Fault for a batch as a whole."""
    raw: Any = body.get("BatchItemRequest") if isinstance(body, dict) else None
    if not isinstance(raw, list) or not raw:
        raise Fault("400", "Batch Request is Empty")
    if len(raw) > _LARGEST_BATCH:
        raise Fault("1040", f"Batch size exceeds allowed limit : {len(raw)} items, {_LARGEST_BATCH} allowed")
    items = [BatchItem(item) for item in raw if isinstance(item, dict)]
    if has_request_id and any(len(item.identity) > _LONGEST_ITEM_ID_WITH_REQUEST_ID for item in items):
        raise Fault("2130", "Invalid Request Id Format : bId is too long", element="bId")
    random.shuffle(items)
    return items
