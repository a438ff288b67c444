"""Automatic application: where the preferences say so, credits and payments settle documents as soon as both exist."""

from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from typing import Final, NamedTuple, Protocol

from adapters.sandbox.quickbooks.books import Bookkeeping
from adapters.sandbox.quickbooks.faults import Fault
from adapters.sandbox.quickbooks.kinds import KINDS
from adapters.sandbox.quickbooks.rules import ZERO, Object


class _Rule(NamedTuple):
    """A preference, the kinds it brings together, and the payment that does it."""

    section: str
    preference: str
    charge: str
    credit: str
    payment: str


_RULES: Final = (
    _Rule("SalesFormsPrefs", "AutoApplyCredit", "Invoice", "CreditMemo", "Payment"),
    _Rule("VendorAndPurchasesPrefs", "AutomaticBillPayment", "Bill", "VendorCredit", "BillPayment"),
)


class Writer(Bookkeeping, Protocol):
    """A company that can be written to."""

    def create(self, kind: str, body: Object) -> Object:
        """Create an object and return it."""

    def update(self, kind: str, body: Object, sparse: bool = False) -> Object:  # noqa: FBT001, FBT002 - the vendor's word
        """Update an object and return it."""


def apply_automatically(kind: str, created: Object, company: Writer) -> bool:
    """Settle what was just created against what is open for its party, the oldest first; say whether anything was."""
    if company.switches.automatic_application == "never":
        return False
    for rule in _RULES:
        if kind in {rule.charge, rule.credit} and company.preference(rule.section, rule.preference) is True:
            other = rule.credit if kind == rule.charge else rule.charge
            return _settle_credits(rule, kind, other, created, company)
    if kind == "Payment" and not created["Line"] and _applies_payments(company):
        return _spread(created, company)
    if kind == "Invoice" and _applies_payments(company):
        return _use_payments(created, company)
    return False


def _applies_payments(company: Writer) -> bool:
    return company.preference("SalesFormsPrefs", "AutoApplyPayments") is True


def _open_documents(kind: str, like: Object, company: Writer) -> Iterator[Object]:
    """Yield a party's documents of a kind that have something open, the oldest first."""
    party = KINDS[kind].party
    field = "UnappliedAmt" if kind == "Payment" else "Balance"
    held = company.books.by(kind, party, like[party]["value"])
    still_open = [one for one in held if one[field] and one["CurrencyRef"] == like["CurrencyRef"]]
    yield from sorted(still_open, key=lambda one: (one["TxnDate"], int(one["Id"])))


def _line(amount: Decimal, kind: str, document: Object) -> Object:
    return {"Amount": amount, "LinkedTxn": [{"TxnId": document["Id"], "TxnType": kind}]}


def _shared_out(left: Decimal, kind: str, field: str, documents: Iterator[Object]) -> list[Object]:
    """Return lines that give each document what it can take until nothing is left."""
    lines = []
    for document in documents:
        share = min(left, document[field])
        if share > 0:
            lines.append(_line(share, kind, document))
            left -= share
    return lines


def _settle_credits(rule: _Rule, kind: str, other: str, created: Object, company: Writer) -> bool:
    lines = _shared_out(created["Balance"], other, "Balance", _open_documents(other, created, company))
    if not lines:
        return False
    used = sum((line["Amount"] for line in lines), ZERO)
    party = KINDS[kind].party
    body = {
        party: created[party],
        "TxnDate": created["TxnDate"],
        "CurrencyRef": created["CurrencyRef"],
        "TotalAmt": ZERO,
        "Line": [_line(used, kind, created), *lines],
    }
    if rule.payment == "BillPayment":
        bank = company.standard_account("Bank", "Checking")
        body |= {"PayType": "Check", "CheckPayment": {"BankAccountRef": {"value": bank}}}
    with suppress(Fault):  # closed books, say: then nothing is applied
        company.create(rule.payment, body)
        return True
    return False


def _spread(payment: Object, company: Writer) -> bool:
    """Apply a payment that came without lines to the invoices of its customer."""
    lines = _shared_out(payment["UnappliedAmt"], "Invoice", "Balance", _open_documents("Invoice", payment, company))
    return bool(lines) and _apply(payment, lines, company)


def _use_payments(invoice: Object, company: Writer) -> bool:
    """Apply what earlier payments of the customer left over to a new invoice."""
    left, applied = invoice["Balance"], False
    for payment in _open_documents("Payment", invoice, company):
        share = min(left, payment["UnappliedAmt"])
        if share > 0 and _apply(payment, [*payment["Line"], _line(share, "Invoice", invoice)], company):
            left -= share
            applied = True
    return applied


def _apply(payment: Object, lines: list[Object], company: Writer) -> bool:
    with suppress(Fault):  # a payment that was banked stays as it is
        company.update("Payment", {"Id": payment["Id"], "SyncToken": payment["SyncToken"], "Line": lines}, sparse=True)
        return True
    return False
