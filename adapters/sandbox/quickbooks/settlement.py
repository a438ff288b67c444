"""Payments and what they settle: the amounts on a payment's lines, and the balances they change."""

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from adapters.sandbox.quickbooks.books import Bookkeeping, Books, Change
from adapters.sandbox.quickbooks.faults import Fault, business, missing, not_found, unsupported_property
from adapters.sandbox.quickbooks.kinds import KINDS
from adapters.sandbox.quickbooks.ledger import RECEIVABLE
from adapters.sandbox.quickbooks.openitems import moved, open_item
from adapters.sandbox.quickbooks.rules import CENT, ZERO, Facts, Object, money

Target = tuple[str, str]
"""The kind and id of what a payment settles."""
Applied = dict[Target, Decimal]
"""What a payment applies to each target, in the payment's currency; positive on a credit too."""

_KIND_OF_LINK: Final = {
    "BillPaymentCheck": "BillPayment",
    "BillPaymentCreditCard": "BillPayment",
    **dict.fromkeys(("Expense", "Check", "CreditCardCredit"), "Purchase"),
}
"""Names that links use for kinds that are called something else everywhere else."""


def kind_of_link(link: Object) -> str:
    """Return the kind of what a link points to."""
    name = str(link.get("TxnType"))
    return _KIND_OF_LINK.get(name, name)


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
    if kind_of_link(link) not in (KINDS[kind].settles or {}):
        raise Fault("2170", f"Invalid Enumeration : {link.get('TxnType')}", element="TxnType")
    if amount < 0:
        raise Fault("2290", "Negative Amount", element="Amount")
    return {"Amount": amount, "LinkedTxn": [{"TxnId": str(link.get("TxnId")), "TxnType": link["TxnType"]}]}


def target_of(line: Object) -> Target:
    """Return what a payment's line settles."""
    link = line["LinkedTxn"][0]
    return kind_of_link(link), link["TxnId"]


def applied(payment: Object | None) -> Applied:
    """Return what a payment applies to each target."""
    amounts: Applied = {}
    for line in payment["Line"] if payment else ():
        target = target_of(line)
        amounts[target] = amounts.get(target, ZERO) + line["Amount"]
    return amounts


def net_applied(kind: str, payment: Object, books: Books) -> Decimal:
    """Return what a payment applies to charges beyond the credits it uses."""
    party = payment[KINDS[kind].party]["value"]
    return sum((_sign(kind, target, party, books) * amount for target, amount in applied(payment).items()), ZERO)


def _sign(kind: str, target: Target, party: str, books: Books) -> int:
    """Return 1 where a payment of this kind pays the target, -1 where it uses it as a credit."""
    sign = (KINDS[kind].settles or {})[target[0]]
    if sign:
        return sign
    held = books.find(*target)
    return -1 if held is None or open_item(target[0], held, party).amount < 0 else 1


def account_of(kind: str, draft: Object, books: Books) -> str:
    """Return the receivable or payable account that a payment settles on."""
    if kind == "BillPayment":
        return str(draft["APAccountRef"]["value"])
    return books.account(RECEIVABLE, currency=draft["CurrencyRef"]["value"]) or ""


def check_links(kind: str, draft: Object, old: Object | None, company: Bookkeeping) -> None:
    """Refuse links to documents that are gone, another party's, or open for less than the line's amount."""
    party = draft[KINDS[kind].party]["value"]
    account, before = account_of(kind, draft, company.books), applied(old)
    for target, amount in applied(draft).items():
        held = company.find(*target)
        if held is None:
            raise not_found()
        item = open_item(target[0], held, party)
        if not item.belongs:
            raise Fault("620", "Txn ID Cannot Be Linked : the transaction belongs to another party.", element="TxnId")
        if held["CurrencyRef"] != draft["CurrencyRef"]:
            raise Fault("620", "Txn ID Cannot Be Linked : the transaction is in another currency.", element="TxnId")
        if item.account not in {"", account}:
            raise business("The transaction is on another account than the payment.")
        if amount > abs(item.balance) + before.get(target, ZERO):
            text = "The amount applied is more than the open balance of the transaction."
            raise business(text) if company.switches.over_link_code == "6000" else Fault("620", text)


def complete_relief(kind: str, draft: Object, old: Object | None, company: Bookkeeping) -> None:
    """Note on a payment in a foreign currency what the settled amounts are worth at the rates they were posted at."""
    draft["_unapplied"] = draft["TotalAmt"] - net_applied(kind, draft, company.books)
    if draft["CurrencyRef"]["value"] == company.books.home:
        return
    party = draft[KINDS[kind].party]["value"]
    before, relieved_before = applied(old), (old or {}).get("_relieved", {})
    draft["_relieved"] = relieved = {}
    for target, amount in applied(draft).items():
        item = open_item(target[0], company.find(*target) or {}, party)
        sign = _sign(kind, target, party, company.books)
        was_open = abs(item.balance) + before.get(target, ZERO)
        worth = abs(item.home_balance) + abs(relieved_before.get(_key(target), ZERO))
        share = worth if amount == was_open else (worth * amount / was_open).quantize(CENT, ROUND_HALF_UP)
        relieved[_key(target)] = sign * share


def _key(target: Target) -> str:
    return " ".join(target)


def relink(kind: str, old: Object | None, new: Object | None, identity: str, company: Facts) -> list[Change]:
    """Return the documents whose balance or links change when a payment goes from `old` to `new`."""
    before, after = applied(old), applied(new)
    party = (new or old or {})[KINDS[kind].party]["value"]
    changes: list[Change] = []
    for target in {**before, **after}:
        held = company.find(*target)
        settled, was_settled = after.get(target, ZERO), before.get(target, ZERO)
        worth = _worth(new, target, settled) - _worth(old, target, was_settled)
        if held is None or (settled == was_settled and not worth):
            continue
        links = [link for link in held.get("LinkedTxn", []) if link["TxnId"] != identity]
        if target in after:
            links.append({"TxnId": identity, "TxnType": _link_name(kind, new or {}, company)})
        changes.append((target[0], moved(target[0], {**held, "LinkedTxn": links}, party, settled - was_settled, worth)))
    return changes


def _worth(payment: Object | None, target: Target, amount: Decimal) -> Decimal:
    """Return what an applied amount relieves at home."""
    relieved = (payment or {}).get("_relieved")
    return amount if relieved is None else abs(relieved.get(_key(target), ZERO))


def _link_name(kind: str, payment: Object, facts: Facts) -> str:
    if kind != "BillPayment":
        return kind
    return facts.switches.card_payment_link if payment.get("PayType") == "CreditCard" else "BillPaymentCheck"


def payments_of(document: Object, books: Books) -> Iterator[tuple[str, Object]]:
    """Yield the payments linked to a document, each with its kind."""
    for link in document.get("LinkedTxn", ()):
        kind = kind_of_link(link)
        payment = books.find(kind, link["TxnId"]) if kind in KINDS and KINDS[kind].settles else None
        if payment is not None:
            yield kind, payment


def without_document(kind: str, payment: Object, target: Target, books: Books) -> Object:
    """Return a payment that no longer settles a document; its money becomes unapplied."""
    changed = {**payment, "Line": [line for line in payment["Line"] if target_of(line) != target]}
    changed["_unapplied"] = changed["TotalAmt"] - net_applied(kind, changed, books)
    if "_relieved" in payment:
        changed["_relieved"] = {key: held for key, held in payment["_relieved"].items() if key != _key(target)}
    if kind == "Payment":
        changed["UnappliedAmt"] = changed["_unapplied"]
    return changed
