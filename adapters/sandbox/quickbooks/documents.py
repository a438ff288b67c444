"""Sales, purchases and payments: what the server works out before one is stored."""

from calendar import monthrange
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from adapters.sandbox.quickbooks.books import Bookkeeping
from adapters.sandbox.quickbooks.faults import Fault, business, missing, not_found
from adapters.sandbox.quickbooks.ledger import PAYABLE
from adapters.sandbox.quickbooks.lines import complete_lines, total
from adapters.sandbox.quickbooks.rules import ZERO, Facts, Object
from adapters.sandbox.quickbooks.settlement import check_links, net_applied, settlement_lines, with_balance

_SALE_DEFAULTS: Final[Object] = {
    "CustomField": [],
    "TxnTaxDetail": {"TotalTax": ZERO},
    "ApplyTaxAfterDiscount": False,
    "PrintStatus": "NeedToPrint",
    "EmailStatus": "NotSet",
}
_INVOICE_DEFAULTS: Final[Object] = {
    **_SALE_DEFAULTS,
    "Deposit": ZERO,
    "AllowIPNPayment": False,
    "AllowOnlinePayment": False,
    "AllowOnlineCreditCardPayment": False,
    "AllowOnlineACHPayment": False,
}


def complete_sale(kind: str, draft: Object, old: Object | None, company: Bookkeeping) -> None:
    """Fill in an invoice or credit memo."""
    for key, value in (_INVOICE_DEFAULTS if kind == "Invoice" else _SALE_DEFAULTS).items():
        draft.setdefault(key, value)
    # Tax is not computed: a line is taxable or not, and the rate is always zero.
    draft["TxnTaxDetail"] = {"TotalTax": ZERO}
    if draft["EmailStatus"] == "NeedToSend" and "BillEmail" not in draft:
        raise Fault("6420", "Email address is required", element="BillEmail")
    _complete_totals(kind, draft, old, company)
    company.standard_account("Accounts Receivable", "AccountsReceivable")


def complete_purchase(kind: str, draft: Object, old: Object | None, company: Bookkeeping) -> None:
    """Fill in a bill or vendor credit."""
    _complete_payable(draft, company)
    _complete_totals(kind, draft, old, company)


def complete_settlement(kind: str, draft: Object, old: Object | None, company: Bookkeeping) -> None:
    """Fill in a customer's or vendor's payment and check what it is applied to."""
    draft.setdefault("TxnDate", company.today().isoformat())
    draft.setdefault("CurrencyRef", {"value": "USD"})
    draft["Line"] = settlement_lines(kind, draft.get("Line"), company)
    if draft["TotalAmt"] < 0:
        raise Fault("2290", "Negative Amount", element="TotalAmt")
    check_links(kind, draft, old, company)
    unapplied = draft["TotalAmt"] - net_applied(kind, draft)
    if unapplied < 0:
        raise business("The amount applied to transactions is more than the payment.")
    if kind == "Payment":
        _complete_receipt(draft, unapplied, company)
    else:
        _complete_disbursement(draft, company)


def _complete_receipt(draft: Object, unapplied: Decimal, company: Bookkeeping) -> None:
    draft["UnappliedAmt"] = unapplied
    draft.setdefault("ProcessPayment", False)
    if "DepositToAccountRef" not in draft:
        draft["DepositToAccountRef"] = {"value": company.standard_account("Other Current Asset", "UndepositedFunds")}
    company.standard_account("Accounts Receivable", "AccountsReceivable")


def _complete_disbursement(draft: Object, company: Bookkeeping) -> None:
    holder, account, types = _PAID_FROM[draft["PayType"]]
    paid_from = draft.get(holder, {}).get(account)
    if paid_from is None:
        raise missing(account)
    _check_account_type(paid_from, types, account, company)
    _complete_payable(draft, company)


_PAID_FROM: Final = {
    "Check": ("CheckPayment", "BankAccountRef", "Bank"),
    "CreditCard": ("CreditCardPayment", "CCAccountRef", "Credit Card"),
}


def _complete_payable(draft: Object, company: Bookkeeping) -> None:
    if "APAccountRef" in draft:
        _check_account_type(draft["APAccountRef"], PAYABLE, "APAccountRef", company)
    else:
        draft["APAccountRef"] = {"value": company.standard_account(PAYABLE, "AccountsPayable")}


def _check_account_type(held: Object, account_type: str, element: str, company: Bookkeeping) -> None:
    account = company.find("Account", held["value"])
    if account is not None and account["AccountType"] != account_type:
        raise Fault("6430", f"Invalid account type used : {element} takes {account_type}.", element=element)


def _complete_totals(kind: str, draft: Object, old: Object | None, company: Bookkeeping) -> None:
    draft.setdefault("TxnDate", company.today().isoformat())
    draft.setdefault("CurrencyRef", {"value": "USD"})
    if old is None or draft["Line"] is not old["Line"]:
        draft["Line"] = complete_lines(kind, draft["Line"], old["Line"] if old else [], company)
    draft["TotalAmt"] = total(draft["Line"])
    if draft["TotalAmt"] < 0:
        raise business("Transaction amount must be 0 or greater.")
    if "DueDate" not in draft and kind in {"Invoice", "Bill"}:
        draft["DueDate"] = due_date(draft, company)
    settled = old["TotalAmt"] - old["Balance"] if old else ZERO
    if settled > draft["TotalAmt"]:
        raise business("The transaction amount can't be less than the payments applied to it.")
    party = "CustomerRef" if "CustomerRef" in draft else "VendorRef"
    if old is not None and settled and old[party] != draft[party]:
        raise business("You can't change the name on a transaction that payments are applied to.")
    draft["LinkedTxn"] = old["LinkedTxn"] if old else []
    draft.update(with_balance(draft, kind, draft["TotalAmt"] - settled))


def due_date(draft: Object, company: Facts) -> str:
    """Return the day a document falls due by its term; without one, its own date."""
    start = date.fromisoformat(draft["TxnDate"])
    term = company.find("Term", draft["SalesTermRef"]["value"]) if "SalesTermRef" in draft else None
    if term is None:
        return start.isoformat()
    if term["Type"] == "STANDARD":
        return (start + timedelta(days=int(term.get("DueDays", 0)))).isoformat()
    return _day_of_month(start, int(term.get("DayOfMonthDue", 1)), int(term.get("DueNextMonthDays", 0))).isoformat()


def _day_of_month(start: date, due_day: int, notice_days: int) -> date:
    """Return the next such day of a month that leaves at least the notice; a short month ends early."""
    year, month = start.year, start.month
    while True:
        due = date(year, month, min(due_day, monthrange(year, month)[1]))
        if due >= start + timedelta(days=notice_days):
            return due
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)  # noqa: PLR2004 - December


Complete = Callable[[str, Object, Object | None, Bookkeeping], None]

COMPLETE: Final[dict[str, Complete]] = {
    "sale": complete_sale,
    "purchase": complete_purchase,
    "settlement": complete_settlement,
}
"""How each role of transaction is completed."""


def voided(role: str, document: Object) -> Object:
    """Return a document with nothing left of it but its number, its party and a note that it was voided."""
    note = document.get("PrivateNote")
    left = {**document, "TotalAmt": ZERO, "PrivateNote": f"Voided - {note}" if note else "Voided"}
    if role == "settlement":
        left["Line"] = []
        if "UnappliedAmt" in left:
            left["UnappliedAmt"] = ZERO
        return left
    left |= {"Balance": ZERO, "LinkedTxn": [], "Line": [_emptied(line) for line in document["Line"]]}
    if "RemainingCredit" in left:
        left["RemainingCredit"] = ZERO
    return left


def _emptied(line: Object) -> Object:
    detail_type = line["DetailType"]
    if detail_type not in line:
        return line
    detail = {key: held for key, held in line[detail_type].items() if key not in {"Qty", "UnitPrice"}}
    return {**line, "Amount": ZERO, detail_type: detail}


def live_or_fault(document: Object | None) -> Object:
    """Return the object, or raise fault 610."""
    if document is None:
        raise not_found()
    return document
