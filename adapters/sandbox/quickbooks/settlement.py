"""Payments and what they settle: the amounts on a payment's lines, and the balances they change."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from adapters.sandbox.quickbooks.books import Books, Change
from adapters.sandbox.quickbooks.faults import Fault, business, missing, not_found, unsupported_property
from adapters.sandbox.quickbooks.kinds import KINDS
from adapters.sandbox.quickbooks.rules import ZERO, Facts, Object, money

Applied = dict[tuple[str, str], Decimal]
"""What a payment applies, by kind and id of the document; positive on a credit too."""

PAID_BY: Final = {"Invoice": "Payment", "CreditMemo": "Payment", "Bill": "BillPayment", "VendorCredit": "BillPayment"}
"""Which payments settle which documents."""
_LINK_NAMES: Final = {"BillPaymentCheck": "BillPayment", "BillPaymentCreditCard": "BillPayment"}


def settlement_lines(kind: str, sent: object, facts: Facts) -> list[Object]:
    """Return a payment's lines as stored: an amount and the one document it goes to."""
    if sent is None:
        return []
    if not isinstance(sent, list):
        raise missing("Line")
    return [_settlement_line(kind, raw, facts) for raw in sent]


def _settlement_line(kind: str, raw: object, facts: Facts) -> Object:
    links = raw.get("LinkedTxn") if isinstance(raw, dict) else None
    if not isinstance(raw, dict) or not isinstance(links, list) or not links:
        raise missing("LinkedTxn")
    if raw.get("Amount") is None:
        raise missing("Amount")
    amount = money(raw["Amount"], "Amount", facts)
    link = links[0]
    if not isinstance(link, dict):
        raise unsupported_property("LinkedTxn")
    if str(link.get("TxnType")) not in (KINDS[kind].settles or {}):
        raise Fault("2170", f"Invalid Enumeration : {link.get('TxnType')}", element="TxnType")
    if amount < 0:
        raise Fault("2290", "Negative Amount", element="Amount")
    return {"Amount": amount, "LinkedTxn": [{"TxnId": str(link.get("TxnId")), "TxnType": link["TxnType"]}]}


def applied(payment: Object | None) -> Applied:
    """Return what a payment applies to each document."""
    amounts: Applied = {}
    for line in payment["Line"] if payment else ():
        link = line["LinkedTxn"][0]
        key = (link["TxnType"], link["TxnId"])
        amounts[key] = amounts.get(key, ZERO) + line["Amount"]
    return amounts


def net_applied(kind: str, payment: Object) -> Decimal:
    """Return what a payment applies to documents beyond the credits it uses."""
    signs = KINDS[kind].settles or {}
    return sum((signs[target] * amount for (target, _), amount in applied(payment).items()), ZERO)


def check_links(kind: str, draft: Object, old: Object | None, company: Facts) -> None:
    """Refuse links to documents that are gone, another party's, or open for less than the line's amount."""
    party = KINDS[kind].party
    before = applied(old)
    for (target_kind, identity), amount in applied(draft).items():
        target = company.find(target_kind, identity)
        if target is None:
            raise not_found()
        if target[party]["value"] != draft[party]["value"]:
            raise Fault("620", "Txn ID Cannot Be Linked : the transaction belongs to another party.", element="TxnId")
        if amount > target["Balance"] + before.get((target_kind, identity), ZERO):
            text = "The amount applied is more than the open balance of the transaction."
            raise business(text) if company.switches.over_link_code == "6000" else Fault("620", text)


def relink(kind: str, old: Object | None, new: Object | None, identity: str, company: Facts) -> list[Change]:
    """Return the documents whose balance or links change when a payment goes from `old` to `new`."""
    before, after = applied(old), applied(new)
    changes: list[Change] = []
    for key in {**before, **after}:
        target = company.find(*key)
        if target is None or before.get(key) == after.get(key):
            continue
        balance = target["Balance"] + before.get(key, ZERO) - after.get(key, ZERO)
        links = [link for link in target["LinkedTxn"] if link["TxnId"] != identity]
        if key in after:
            links.append({"TxnId": identity, "TxnType": _link_name(kind, new or {}, company)})
        changes.append((key[0], with_balance({**target, "LinkedTxn": links}, key[0], balance)))
    return changes


def with_balance(document: Object, kind: str, balance: Decimal) -> Object:
    """Return a document with another open balance; a credit memo repeats it as its remaining credit."""
    changed = {**document, "Balance": balance}
    if kind == "CreditMemo":
        changed["RemainingCredit"] = balance
    return changed


def _link_name(kind: str, payment: Object, facts: Facts) -> str:
    if kind != "BillPayment":
        return kind
    return facts.switches.card_payment_link if payment.get("PayType") == "CreditCard" else "BillPaymentCheck"


def payments_of(document: Object, books: Books) -> Iterator[tuple[str, Object]]:
    """Yield the payments linked to a document, each with its kind."""
    for link in document.get("LinkedTxn", ()):
        kind = _LINK_NAMES.get(link["TxnType"], link["TxnType"])
        payment = books.find(kind, link["TxnId"])
        if payment is not None:
            yield kind, payment


def without_document(kind: str, payment: Object, identity: str, target_kind: str) -> Object:
    """Return a payment that no longer settles a document; its money becomes unapplied."""
    left = [line for line in payment["Line"] if line["LinkedTxn"][0] != {"TxnId": identity, "TxnType": target_kind}]
    changed = {**payment, "Line": left}
    if kind == "Payment":
        changed["UnappliedAmt"] = changed["TotalAmt"] - net_applied(kind, changed)
    return changed
