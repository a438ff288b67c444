"""Payments, deposits, transfers and journal entries: what the server works out before one is stored."""

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from adapters.sandbox.quickbooks.books import Bookkeeping, Change
from adapters.sandbox.quickbooks.currencies import complete_currency, complete_home_amounts
from adapters.sandbox.quickbooks.documents import MONEY, check_account_type, complete_payable
from adapters.sandbox.quickbooks.entries import links
from adapters.sandbox.quickbooks.faults import Fault, business, missing, not_found
from adapters.sandbox.quickbooks.ledger import PAYABLE, RECEIVABLE
from adapters.sandbox.quickbooks.lines import check_party_line, complete_lines
from adapters.sandbox.quickbooks.openitems import complete_open_items, open_item, refuse_open_items
from adapters.sandbox.quickbooks.rules import ZERO, Facts, Object
from adapters.sandbox.quickbooks.settlement import (
    check_links,
    complete_relief,
    net_applied,
    settlement_lines,
    target_of,
)

UNDEPOSITED: Final = ("Other Current Asset", "UndepositedFunds")
"""Type and sub type of the account that holds payments until they are banked."""
_BANKED: Final = ("Payment", "SalesReceipt")
"""The kinds a deposit banks."""
_BALANCE_SHEET: Final = frozenset({"Asset", "Liability", "Equity"})


def complete_settlement(kind: str, draft: Object, old: Object | None, company: Bookkeeping) -> None:
    """Fill in a customer's or vendor's payment and check what it is applied to."""
    draft.setdefault("TxnDate", company.today().isoformat())
    complete_currency(kind, draft, company)
    draft["Line"] = settlement_lines(kind, draft.get("Line"), company)
    if draft["TotalAmt"] < 0:
        raise Fault("2290", "Negative Amount", element="TotalAmt")
    if kind == "BillPayment":
        _complete_disbursement(draft, company)
    else:
        _complete_receipt(draft, company)
    check_links(kind, draft, old, company)
    unapplied = draft["TotalAmt"] - net_applied(kind, draft, company.books)
    if unapplied < 0:
        raise business("The amount applied to transactions is more than the payment.")
    if kind == "Payment":
        draft["UnappliedAmt"] = unapplied
    complete_relief(kind, draft, old, company)
    complete_home_amounts(kind, draft, old, company)


def _complete_receipt(draft: Object, company: Bookkeeping) -> None:
    draft.setdefault("ProcessPayment", False)
    draft.setdefault("LinkedTxn", [])
    if "DepositToAccountRef" not in draft:
        draft["DepositToAccountRef"] = {"value": company.standard_account(*UNDEPOSITED)}
    check_account_type(draft["DepositToAccountRef"], MONEY, "DepositToAccountRef", company)
    company.standard_account(RECEIVABLE, "AccountsReceivable", draft["CurrencyRef"]["value"])


def _complete_disbursement(draft: Object, company: Bookkeeping) -> None:
    holder, account, types = _PAID_FROM[draft["PayType"]]
    paid_from = draft.get(holder, {}).get(account)
    if paid_from is None:
        raise missing(account)
    check_account_type(paid_from, types, account, company)
    if "APAccountRef" not in draft and draft["Line"]:
        kind, identity = target_of(draft["Line"][0])
        item = open_item(kind, company.find(kind, identity) or {}, draft["VendorRef"]["value"])
        if item.account:
            draft["APAccountRef"] = {"value": item.account}
    complete_payable(draft, company)


_PAID_FROM: Final = {
    "Check": ("CheckPayment", "BankAccountRef", ("Bank",)),
    "CreditCard": ("CreditCardPayment", "CCAccountRef", ("Credit Card",)),
}


def complete_journal(kind: str, draft: Object, old: Object | None, company: Bookkeeping) -> None:
    """Fill in a journal entry: debits equal credits, and what is owed says by or to whom."""
    _complete_lines(kind, draft, old, company)
    lines = [line for line in draft["Line"] if line["DetailType"] == "JournalEntryLineDetail"]
    if len(lines) < 2:  # noqa: PLR2004 - a debit and a credit
        raise business("Fill out at least two detail lines to continue.")
    sides = {"Debit": ZERO, "Credit": ZERO}
    owed = 0
    for line in lines:
        detail = line["JournalEntryLineDetail"]
        sides[detail["PostingType"]] += line["Amount"]
        check_party_line(kind, line, detail.get("Entity", {}).get("Type", ""), company)
        account = company.find("Account", detail["AccountRef"]["value"]) or {}
        owed += account["AccountType"] in {RECEIVABLE, PAYABLE}
    if sides["Debit"] != sides["Credit"]:
        raise Fault("2300", f"Debits and credits differ : {sides['Debit']} and {sides['Credit']}", element="Line")
    if owed > 1 and company.switches.journal_party_lines == "one":
        raise business("A journal entry can have one line on accounts receivable or accounts payable.")
    draft["TotalAmt"] = sides["Debit"]
    draft.setdefault("Adjustment", False)
    draft["LinkedTxn"] = old["LinkedTxn"] if old else []
    complete_home_amounts(kind, draft, old, company)
    complete_open_items(kind, draft, old, company)


def complete_deposit(kind: str, draft: Object, old: Object | None, company: Bookkeeping) -> None:
    """Fill in a deposit of payments that were waiting, of other money, or of both."""
    _complete_lines(kind, draft, old, company)
    banked: set[tuple[str, str]] = set()
    for line in draft["Line"]:
        detail = line.get("DepositLineDetail", {})
        check_party_line(kind, line, detail.get("Entity", {}).get("type", ""), company)
        for link in links(line):
            _check_banked(line, link, draft, old, company)
            if (link["TxnType"], link["TxnId"]) in banked:
                raise business("A payment can be deposited only once.")
            banked.add((link["TxnType"], link["TxnId"]))
    check_account_type(draft["DepositToAccountRef"], MONEY, "DepositToAccountRef", company)
    draft["TotalAmt"] = sum((line["Amount"] for line in draft["Line"]), ZERO) - _cash_back(draft, company)
    if draft["TotalAmt"] < 0:
        raise business("Transaction amount must be 0 or greater.")
    draft["LinkedTxn"] = old["LinkedTxn"] if old else []
    complete_home_amounts(kind, draft, old, company)
    complete_open_items(kind, draft, old, company)


def _cash_back(draft: Object, facts: Facts) -> Decimal:
    cash = draft.get("CashBack")
    if cash is None:
        return ZERO
    for needed in ("AccountRef", "Amount"):
        if needed not in cash:
            raise missing(needed)
    refuse_open_items(cash["AccountRef"], "CashBack", facts)
    return Decimal(cash["Amount"])


def _check_banked(line: Object, link: object, draft: Object, old: Object | None, company: Bookkeeping) -> None:
    """Refuse to bank what is not a whole payment that still waits in Undeposited Funds."""
    if not isinstance(link, dict) or link.get("TxnType") not in _BANKED:
        raise Fault("2170", "Invalid Enumeration : LinkedTxn", element="TxnType")
    link["TxnId"] = str(link.get("TxnId"))
    received = company.find(link["TxnType"], link["TxnId"])
    if received is None:
        raise not_found()
    account = company.find("Account", received["DepositToAccountRef"]["value"]) or {}
    elsewhere = deposit_of(received)
    if account["AccountSubType"] != UNDEPOSITED[1] or elsewhere not in {None, old and old["Id"]}:
        raise Fault("620", "Txn ID Cannot Be Linked : the payment is not waiting to be deposited.", element="TxnId")
    if line["Amount"] != received["TotalAmt"] or draft["CurrencyRef"] != received["CurrencyRef"]:
        raise business("A payment is deposited whole, in its own currency.")


def deposit_of(document: Object) -> str | None:
    """Return the id of the deposit that banked a payment, or None."""
    banked = (link["TxnId"] for link in document.get("LinkedTxn", ()) if link["TxnType"] == "Deposit")
    return next(banked, None)


def relink_deposit(old: Object | None, new: Object | None, identity: str, company: Facts) -> list[Change]:
    """Return the payments that a deposit banks or lets go when it goes from `old` to `new`."""
    before, after = _banked(old), _banked(new)
    changes: list[Change] = []
    for kind, held_id in sorted(before ^ after):
        held = company.find(kind, held_id)
        if held is None:
            continue
        left = [link for link in held.get("LinkedTxn", []) if link["TxnType"] != "Deposit"]
        if (kind, held_id) in after:
            left.append({"TxnId": identity, "TxnType": "Deposit"})
        changes.append((kind, {**held, "LinkedTxn": left}))
    return changes


def _banked(deposit: Object | None) -> set[tuple[str, str]]:
    lines = deposit["Line"] if deposit else ()
    return {(link["TxnType"], link["TxnId"]) for line in lines for link in links(line)}


def complete_transfer(kind: str, draft: Object, _old: Object | None, company: Bookkeeping) -> None:
    """Fill in a transfer between two accounts, or a payment of a credit card's balance."""
    draft.setdefault("TxnDate", company.today().isoformat())
    complete_currency(kind, draft, company)
    if draft["Amount"] <= 0:
        raise business("You must set a transaction amount.")
    if kind == "CreditCardPaymentTxn":
        check_account_type(draft["CreditCardAccountRef"], ("Credit Card",), "CreditCardAccountRef", company)
        check_account_type(draft["BankAccountRef"], ("Bank", "Other Current Asset"), "BankAccountRef", company)
        return
    accounts = [company.find("Account", draft[side]["value"]) or {} for side in ("FromAccountRef", "ToAccountRef")]
    if accounts[0]["Id"] == accounts[1]["Id"]:
        raise business("Choose two different accounts.")
    for account in accounts:
        if account["Classification"] not in _BALANCE_SHEET or account["AccountType"] in {RECEIVABLE, PAYABLE}:
            raise Fault("6430", "Invalid account type used : transfers move between balance sheet accounts.")


def _complete_lines(kind: str, draft: Object, old: Object | None, company: Bookkeeping) -> None:
    draft.setdefault("TxnDate", company.today().isoformat())
    complete_currency(kind, draft, company)
    if old is None or draft["Line"] is not old["Line"]:
        draft["Line"] = complete_lines(kind, draft["Line"], old["Line"] if old else [], company)


Complete = Callable[[str, Object, Object | None, Bookkeeping], None]
