"""A customer's payment on its way into QuickBooks: where the money goes, and the invoice it pays."""

from decimal import Decimal
from typing import Final

from adapters.ports import OutcomeUnknown
from adapters.quickbooks.books import Copy
from adapters.quickbooks.client import Client
from adapters.quickbooks.forms import FORMS, Raw
from adapters.quickbooks.mapping import checked_number, marked
from adapters.quickbooks.parties import Parties
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

    def __init__(self, settings: Settings, client: Client, references: References, parties: Parties) -> None:
        self._settings = settings
        self._client = client
        self._references = references
        self._parties = parties

    async def draft(self, claim: Claim, content: Content, held: Copy | None) -> Raw:
        """Return the payment as it is wanted; `held` is the one that stands, if there is one.

        Raises Rejected if nobody said where the money goes, or if someone entered this payment by hand, and
        OutcomeUnknown while the invoice is not there: then it waits.
        """
        deposit = await self._references.deposit_account(self._settings.mapping.deposit_account)
        method = await self._references.method_called(dict(content.fields).get(_METHOD, ""))
        invoice = await self._invoice(claim)
        if invoice is None:
            party, lines = await self._parties.resolve(content.party, _FORM), []
        else:
            # Only who owes an invoice can pay it: QuickBooks refuses a payment of another customer's (620, documented).
            party, lines = invoice.held.party.value, await self._applied(content, invoice, held)
        document: Raw = {
            _FORM.party_ref: {"value": party},
            "TxnDate": content.issued_on.isoformat(),
            "TotalAmt": content.total.amount,
            "DepositToAccountRef": {"value": deposit.id},
            _FORM.number: checked_number(content.number),
            "Line": lines,
        }
        if method is not None:
            document["PaymentMethodRef"] = {"value": method}
        return marked(document, _FORM, self._settings.entity, claim.transaction, content.memo)

    async def overtaken(self, payment: Raw) -> bool:
        """Whether an invoice leaves less open than a payment was to cover: another was faster."""
        for line in _FORM.lines.ours(payment):
            raw = await self._client.read(_INVOICE.entity, _FORM.lines.target(line), purpose="look_up")
            if raw is None or (Copy.of(raw).held.balance or 0) < line["Amount"]:
                return True
        return False

    async def _invoice(self, claim: Claim) -> Copy | None:
        """Return the invoice to pay as it is now, None if the TMS names none."""
        if claim.settled is None:
            return None
        raw = await self._client.read(_INVOICE.entity, claim.settled.id, purpose="document")
        copy = Copy.of(raw) if raw else None
        if copy is None or copy.held.gone:
            raise OutcomeUnknown(f"waits for its invoice: {_INVOICE.entity} {claim.settled.id} is gone", _GONE)
        return copy

    async def _applied(self, content: Content, invoice: Copy, held: Copy | None) -> list[Raw]:
        """Return the line that pays the invoice: what it leaves open, and this payment leaves free, at most."""
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
        amount = min(total - others, left)
        return [lines.written(amount, invoice.held.id)] if amount > 0 else []

    async def _refuse_entered_by_hand(self, content: Content, invoice: Copy) -> None:
        """Raise Rejected if someone paid the invoice with the same amount already: most likely this very payment."""
        linked = [link.txn_id for link in invoice.held.linked_txn or () if link.txn_type in _INVOICE.payment_types]
        for raw in await self._client.select_in(_FORM.entity, "Id", linked, purpose="document"):
            copy = Copy.of(raw)
            if copy.marker is None and not copy.held.gone and copy.held.total_amt == content.total.amount:
                raise rejected("payment_entered", copy.told(_FORM))
