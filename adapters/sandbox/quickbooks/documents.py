"""Sales and purchases: what the server works out before one is stored."""

from calendar import monthrange
from datetime import date, timedelta
from typing import Final

from adapters.sandbox.quickbooks.books import Bookkeeping
from adapters.sandbox.quickbooks.currencies import check_currency, complete_currency, complete_home_amounts
from adapters.sandbox.quickbooks.faults import Fault, business
from adapters.sandbox.quickbooks.kinds import KINDS
from adapters.sandbox.quickbooks.ledger import PAYABLE, RECEIVABLE
from adapters.sandbox.quickbooks.lines import check_party_line, complete_lines, total
from adapters.sandbox.quickbooks.openitems import complete_open_items, with_balance
from adapters.sandbox.quickbooks.rules import ZERO, Facts, Object
from adapters.sandbox.quickbooks.tax import complete_tax

MONEY: Final = ("Bank", "Other Current Asset")
"""The types of account that hold money that was received."""
_SALE_DEFAULTS: Final[Object] = {
    "CustomField": [],
    "ApplyTaxAfterDiscount": False,
    "PrintStatus": "NeedToPrint",
    "EmailStatus": "NotSet",
}
_DEFAULTS: Final[dict[str, Object]] = {
    "Invoice": {
        **_SALE_DEFAULTS,
        "Deposit": ZERO,
        "AllowIPNPayment": False,
        "AllowOnlinePayment": False,
        "AllowOnlineCreditCardPayment": False,
        "AllowOnlineACHPayment": False,
    },
    "Estimate": {**_SALE_DEFAULTS, "TxnStatus": "Pending"},
    "PurchaseOrder": {"POStatus": "Open", "EmailStatus": "NotSet"},
    "Purchase": {"Credit": False},
}


def complete_sale(kind: str, draft: Object, old: Object | None, company: Bookkeeping) -> None:
    """Fill in an invoice, credit memo, receipt or estimate."""
    _set_defaults(_DEFAULTS.get(kind, _SALE_DEFAULTS), draft)
    if draft["EmailStatus"] == "NeedToSend" and "BillEmail" not in draft:
        raise Fault("6420", "Email address is required", element="BillEmail")
    if kind == "SalesReceipt" and "DepositToAccountRef" not in draft:
        draft["DepositToAccountRef"] = {"value": company.standard_account("Other Current Asset", "UndepositedFunds")}
    if kind in {"SalesReceipt", "RefundReceipt"}:
        check_account_type(draft["DepositToAccountRef"], MONEY, "DepositToAccountRef", company)
    _complete_lines(kind, draft, old, company)
    complete_tax(draft, company)
    _complete_totals(kind, draft, old, company)


def complete_purchase(kind: str, draft: Object, old: Object | None, company: Bookkeeping) -> None:
    """Fill in a bill, vendor credit, expense or purchase order."""
    _set_defaults(_DEFAULTS.get(kind, {}), draft)
    _complete_lines(kind, draft, old, company)
    if kind == "Purchase":
        check_account_type(draft["AccountRef"], _SPENT_FROM[draft["PaymentType"]], "AccountRef", company)
    elif KINDS[kind].owes:
        complete_payable(draft, company)
    _complete_totals(kind, draft, old, company)
    if kind == "Purchase":
        complete_open_items(kind, draft, old, company)


_SPENT_FROM: Final = {
    "Check": ("Bank",),
    "CreditCard": ("Credit Card",),
    "Cash": ("Bank", "Other Current Asset", "Credit Card"),
}


def _set_defaults(defaults: Object, draft: Object) -> None:
    for key, value in defaults.items():
        draft.setdefault(key, value)


def complete_payable(draft: Object, company: Bookkeeping) -> None:
    """Set the payable account of a bill or of a payment to a vendor, or check the one that was sent."""
    currency = draft["CurrencyRef"]["value"]
    if "APAccountRef" not in draft:
        draft["APAccountRef"] = {"value": company.standard_account(PAYABLE, "AccountsPayable", currency)}
        return
    account = check_account_type(draft["APAccountRef"], (PAYABLE,), "APAccountRef", company)
    check_currency(account, draft, company)


def check_account_type(held: Object, account_types: tuple[str, ...], element: str, company: Facts) -> Object:
    """Return the account a reference points to, or raise fault 6430 when it is of another type."""
    account = company.find("Account", held["value"]) or {}
    if account["AccountType"] not in account_types:
        detail = f"Invalid account type used : {element} takes {' or '.join(account_types)}."
        raise Fault("6430", detail, element=element)
    return account


def _complete_lines(kind: str, draft: Object, old: Object | None, company: Bookkeeping) -> None:
    draft.setdefault("TxnDate", company.today().isoformat())
    complete_currency(kind, draft, company)
    if old is None or draft["Line"] is not old["Line"]:
        draft["Line"] = complete_lines(kind, draft["Line"], old["Line"] if old else [], company)
    if KINDS[kind].role == "purchase":
        for line in draft["Line"]:
            check_party_line(kind, line, draft.get("EntityRef", {}).get("type", ""), company)


def _complete_totals(kind: str, draft: Object, old: Object | None, company: Bookkeeping) -> None:
    draft["TotalAmt"] = total(draft["Line"]) + draft.get("TxnTaxDetail", {}).get("TotalTax", ZERO)
    if draft["TotalAmt"] < 0:
        raise business("Transaction amount must be 0 or greater.")
    draft["LinkedTxn"] = old["LinkedTxn"] if old else []
    if kind == "SalesReceipt":
        draft["Balance"] = ZERO
    if KINDS[kind].owes:
        _complete_balance(kind, draft, old, company)
    complete_home_amounts(kind, draft, old, company)


def _complete_balance(kind: str, draft: Object, old: Object | None, company: Bookkeeping) -> None:
    if "DueDate" not in draft and kind in {"Invoice", "Bill"}:
        draft["DueDate"] = due_date(draft, company)
    settled = old["TotalAmt"] - old["Balance"] if old else ZERO
    if settled > draft["TotalAmt"]:
        raise business("The transaction amount can't be less than the payments applied to it.")
    for fixed in (KINDS[kind].party, *_FIXED):
        if old is not None and settled and old.get(fixed) != draft.get(fixed):
            raise business(f"You can't change {_FIXED.get(fixed, 'the name')} on a transaction with payments applied.")
    draft.update(with_balance({}, kind, draft["TotalAmt"] - settled))
    if KINDS[kind].role == "sale":
        company.standard_account(RECEIVABLE, "AccountsReceivable", draft["CurrencyRef"]["value"])


_FIXED: Final = {"CurrencyRef": "the currency", "ExchangeRate": "the exchange rate", "APAccountRef": "the account"}


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
