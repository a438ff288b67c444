"""A customer's payment on its way into QuickBooks: where the money goes, and the invoice it pays."""

from decimal import Decimal
from typing import Final

from adapters.ports import OutcomeUnknown
from adapters.quickbooks.books import Copy
from adapters.quickbooks.client import Client
from adapters.quickbooks.forms import FORMS, Raw
from adapters.quickbooks.mapping import checked_number
from adapters.quickbooks.pointers import Awaited, NewParty, Pointer
from adapters.quickbooks.problems import rejected
from adapters.quickbooks.references import References
from adapters.quickbooks.settings import Settings
from state.outbox import Claim
from state.transaction import Content, DocumentType

_FORM: Final = FORMS[DocumentType.PAYMENT]
_INVOICE: Final = FORMS[DocumentType.INVOICE]
_METHOD: Final = "payment_method"  # what the content's fields call the way a customer paid
_GONE: Final = 900.0  # seconds until an invoice that is gone is looked for again; that it is gone is told of itself


class Paying:
    """Writes payments. A payment never covers more than its invoice leaves open: the rest is the customer's credit."""

    def __init__(self, settings: Settings, client: Client, references: References) -> None:
        self._settings = settings
        self._client = client
        self._references = references

    async def draft(self, claim: Claim, content: Content, held: Copy | None) -> Raw:
        """Return the payment as it is wanted, but for its note; `held` is the one that stands, if there is one.

        Raises Rejected if nobody said where the money goes, or if someone entered this payment by hand, and
        OutcomeUnknown if the invoice is gone: then it waits. An invoice that is not there yet is taken for unpaid.
        """
        deposit = await self._references.deposit_account(self._settings.mapping.deposit_account)
        wanted = dict(content.fields).get(_METHOD, "")
        method = await self._references.method_called(wanted)
        party, lines = await self._owed(claim, content, held)
        document: Raw = {
            _FORM.party_ref: {"value": party},
            "TxnDate": content.issued_on.isoformat(),
            "TotalAmt": content.total.amount,
            "DepositToAccountRef": {"value": Pointer(self._settings.mapping.deposit_account or "", deposit.id)},
            _FORM.number: checked_number(content.number),
            "Line": lines,
        }
        if method is not None:
            document["PaymentMethodRef"] = {"value": Pointer(wanted, method)}
        return document

    async def overtaken(self, payment: Raw) -> bool:
        """Whether an invoice leaves less open than a payment was to cover: another was faster."""
        for line in _FORM.lines.ours(payment):
            raw = await self._client.read(_INVOICE.entity, _FORM.lines.target(line), purpose="look_up")
            if raw is None or (Copy.of(raw).held.balance or 0) < line["Amount"]:
                return True
        return False

    async def _owed(self, claim: Claim, content: Content, held: Copy | None) -> tuple[Pointer, list[Raw]]:
        """Return who pays, and the line that pays the invoice, if there is anything to pay.

        Only who owes an invoice can pay it: QuickBooks refuses a payment of another customer's (620, documented).
        """
        settled = claim.settled
        owing = settled.content if settled and settled.content else content
        payer = Pointer(owing.party.source_id, new=NewParty(owing.party, _FORM.party))
        if settled is None:
            return payer, []
        called = f"{settled.kind} {settled.source_id}"
        if settled.document is None:
            paid = Pointer(called, new=Awaited(_INVOICE.entity, owing.number))
            return payer, [_FORM.lines.written(min(content.total.amount, owing.total.amount), paid)]
        invoice = await self._invoice(settled.document.id)
        amount = await self._applied(content, invoice, held)
        lines = [_FORM.lines.written(amount, Pointer(called, invoice.held.id))] if amount > 0 else []
        return Pointer(payer.called, invoice.held.party.value), lines

    async def _invoice(self, identity: str) -> Copy:
        """Return an invoice to pay as it is now; raise OutcomeUnknown if it is gone."""
        raw = await self._client.read(_INVOICE.entity, identity, purpose="document")
        copy = Copy.of(raw) if raw else None
        if copy is None or copy.held.gone:
            raise OutcomeUnknown(f"waits for its invoice: {_INVOICE.entity} {identity} is gone", _GONE)
        return copy

    async def _applied(self, content: Content, invoice: Copy, held: Copy | None) -> Decimal:
        """Return how much of the invoice it pays: what that leaves open, and this payment leaves free, at most."""
        total, lines = content.total.amount, _FORM.lines
        others = Decimal(0)
        left = invoice.held.balance or Decimal(0)
        for line in lines.ours(held.raw) if held else ():
            if lines.target(line) == invoice.held.id:
                left += line["Amount"]
            else:
                others += line["Amount"]
        if left < total and held is None:
            await self._refuse_entered_by_hand(content, invoice)
        return min(total - others, left)

    async def _refuse_entered_by_hand(self, content: Content, invoice: Copy) -> None:
        """Raise Rejected if someone paid the invoice with the same amount already: most likely this very payment."""
        linked = [link.txn_id for link in invoice.held.linked_txn or () if link.txn_type in _INVOICE.payment_types]
        for raw in await self._client.select_in(_FORM.entity, "Id", linked, purpose="document"):
            copy = Copy.of(raw)
            if copy.marker is None and not copy.held.gone and copy.held.total_amt == content.total.amount:
                raise rejected("payment_entered", copy.told(_FORM))
