"""Void: the document of a transaction leaves the books: voided, or deleted where QuickBooks knows no void of it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from typing_extensions import override

from adapters.http import encode
from adapters.ports import Absent, Order, OutcomeUnknown, Present, Sender, VendorError, Verdict
from adapters.quickbooks.books import Copy, Request, dated_rows, ours
from adapters.quickbooks.client import Client, Reply
from adapters.quickbooks.faults import Refused
from adapters.quickbooks.forms import FORMS, Form
from adapters.quickbooks.problems import rejected
from adapters.quickbooks.references import References
from adapters.quickbooks.sending import MOST, send_alone, send_together
from adapters.quickbooks.settings import Settings
from state.outbox import Claim, Receipt
from state.transaction import Transaction

_DELETED = "610"


class Voids(Sender):
    """How a void reaches QuickBooks. A document that is gone already is as good as voided."""

    most = MOST

    def __init__(self, settings: Settings, client: Client, references: References) -> None:
        self._settings = settings
        self._client = client
        self._references = references

    @override
    async def prepare(self, claim: Claim, request_id: str) -> Order:
        """Freeze the removal of the document as it is now; an empty request if there is nothing to remove.

        Raises Rejected if it is paid in part or in full, dated in closed books, or no longer carries our marker.
        """
        transaction = claim.transaction
        form = FORMS[transaction.kind.document_type]
        copy = await self._held(transaction, form)
        if copy is None or copy.held.gone:
            return Order(claim, request_id, encode({}))
        if not ours(copy, self._settings.entity, transaction):
            raise rejected("document_edited", copy.told(form))
        if copy.held.settled:
            raise rejected("document_paid", f"{copy.told(form)}, open {copy.held.balance}")
        if copy.held.txn_date:
            await self._references.refuse_closed(copy.held.txn_date)
        body = {"Id": copy.held.id, "SyncToken": copy.held.sync_token, **form.removal.body}
        return Order(claim, request_id, encode(body))

    @override
    async def look_up(self, orders: Sequence[Order]) -> Mapping[int, Verdict]:
        """Return what the books say of each order: a document that is gone has been voided."""
        groups: defaultdict[str, list[Request]] = defaultdict(list)
        for order in orders:
            request = Request.of(order)
            groups[request.form.entity].append(request)
        verdicts: dict[int, Verdict] = {}
        for entity, requests in groups.items():
            ids = [request.document_id for request in requests if request.document_id]
            rows = await self._client.select_in(entity, "Id", ids, purpose="look_up")
            copies = {raw["Id"]: Copy.of(raw) for raw in rows}
            for request in requests:
                copy = copies.get(request.document_id or "")
                verdicts[request.id] = Present(Receipt()) if copy is None or copy.held.gone else Absent()
        return verdicts

    @override
    async def send(self, order: Order) -> Receipt:
        """Send the removal once."""
        return await send_alone(self._client, order, _receipt)

    @override
    async def send_many(self, orders: Sequence[Order]) -> Mapping[int, Receipt | VendorError]:
        """Send several removals in one call, once."""
        return await send_together(self._client, orders, _receipt)

    async def _held(self, transaction: Transaction, form: Form) -> Copy | None:
        """Return the document to remove: the one we know, or one of ours that carries our number unknown to us."""
        if transaction.document is not None:
            raw = await self._client.read(form.entity, transaction.document.id, purpose="document")
            return Copy.of(raw) if raw else None
        if transaction.content is None:
            return None
        content = transaction.content
        if form.searchable:
            numbers = [content.number.strip()]
            rows = await self._client.select_in(form.entity, form.number, numbers, purpose="document")
        else:
            day, total = content.issued_on.isoformat(), content.total.amount
            rows = await dated_rows(self._client, form, day, total, total, purpose="document")
        copies = [Copy.of(raw) for raw in rows]
        mine = [copy for copy in copies if ours(copy, self._settings.entity, transaction) and not copy.held.gone]
        if len(mine) > 1:
            raise rejected("duplicate_suspected", "; ".join(copy.told(form) for copy in mine))
        return mine[0] if mine else None


async def _receipt(request: Request, answer: Reply | VendorError) -> Receipt:
    """Return the receipt of a removal; a document that someone deleted before us is as good as removed."""
    if isinstance(answer, Refused) and answer.fault.code == _DELETED:
        return Receipt(trace=answer.trace)
    if isinstance(answer, VendorError):
        raise answer
    if answer.member(request.form.entity).get("Id") != request.document_id:
        raise OutcomeUnknown("the answer speaks of another document")
    return Receipt(trace=answer.trace)
