"""How a stored object looks to a reader: references carry names, parties and accounts their balances."""

from decimal import Decimal
from typing import Final

from adapters.sandbox.quickbooks.books import Books
from adapters.sandbox.quickbooks.kinds import KINDS, REFERENCES
from adapters.sandbox.quickbooks.ledger import PAYABLE, RECEIVABLE
from adapters.sandbox.quickbooks.rules import ZERO, Object

_CREDIT_SIDE: Final = frozenset({"Liability", "Equity", "Revenue"})


def label(target: Object) -> str:
    """Return the name a reference to this object shows."""
    return str(target.get("FullyQualifiedName") or target.get("DisplayName") or target.get("Name") or "")


def with_balances(books: Books, kind: str, stored: Object) -> Object:
    """Return the object with the balances the ledger holds for it; other kinds come back as they are."""
    match kind:
        case "Customer":
            owed = books.ledger.party_balance(books.account(RECEIVABLE) or "", stored["Id"])
            return {**stored, "Balance": owed, "BalanceWithJobs": owed}
        case "Vendor":
            return {**stored, "Balance": -books.ledger.party_balance(books.account(PAYABLE) or "", stored["Id"]) + ZERO}
        case "Account":
            sign = -1 if stored["Classification"] in _CREDIT_SIDE else 1
            balance = sign * books.ledger.balance(stored["Id"]) + ZERO
            return {**stored, "CurrentBalance": balance, "CurrentBalanceWithSubAccounts": balance}
    return stored


def render(books: Books, kind: str, stored: Object) -> Object:
    """Return a copy of a stored object as the vendor would answer it; the copy is the reader's own."""

    def show(key: str, value: object) -> object:
        if isinstance(value, dict):
            target_kind = kind if key == "ParentRef" else REFERENCES.get(key)
            if target_kind is not None and "value" in value:
                target = books.find(target_kind, value["value"])
                return {"value": value["value"], "name": label(target)} if target else dict(value)
            return {inner: show(inner, held) for inner, held in value.items()}
        if isinstance(value, list):
            return [show(key, held) for held in value]
        return value

    shown: Object = {"domain": "QBO", "sparse": False}
    for key, value in with_balances(books, kind, stored).items():
        if not key.startswith("_"):
            shown[key] = show(key, value)
    if KINDS[kind].role == "sale":
        shown["Line"].append(
            {"Amount": subtotal(stored["Line"]), "DetailType": "SubTotalLineDetail", "SubTotalLineDetail": {}},
        )
    return shown


def subtotal(lines: list[Object]) -> Decimal:
    """Return the sum of a document's lines before discounts."""
    return sum((line["Amount"] for line in lines if line["DetailType"] == "SalesItemLineDetail"), ZERO)
