"""How a stored object looks to a reader: references carry names, parties and accounts their balances."""

from decimal import Decimal
from typing import Final

from adapters.sandbox.quickbooks.books import Books
from adapters.sandbox.quickbooks.currencies import NAMES as CURRENCY_NAMES
from adapters.sandbox.quickbooks.kinds import KINDS, REFERENCES
from adapters.sandbox.quickbooks.ledger import PAYABLE, RECEIVABLE
from adapters.sandbox.quickbooks.openitems import open_item
from adapters.sandbox.quickbooks.rules import ZERO, Object
from adapters.sandbox.quickbooks.settlement import target_of

_CREDIT_SIDE: Final = frozenset({"Liability", "Equity", "Revenue"})


def label(target: Object) -> str:
    """Return the name a reference to this object shows."""
    return str(target.get("FullyQualifiedName") or target.get("DisplayName") or target.get("Name") or "")


def with_balances(books: Books, kind: str, stored: Object) -> Object:
    """Return the object with the balances the ledger holds for it; other kinds come back as they are."""
    match kind:
        case "Customer":
            account = books.account(RECEIVABLE, currency=stored["CurrencyRef"]["value"]) or ""
            owed = books.ledger.party_balance(account, stored["Id"])
            return {**stored, "Balance": owed, "BalanceWithJobs": owed}
        case "Vendor":
            account = books.account(PAYABLE, currency=stored["CurrencyRef"]["value"]) or ""
            return {**stored, "Balance": -books.ledger.party_balance(account, stored["Id"]) + ZERO}
        case "Account":
            sign = -1 if stored["Classification"] in _CREDIT_SIDE else 1
            balance = sign * books.ledger.balance(stored["Id"]) + ZERO
            return {**stored, "CurrentBalance": balance, "CurrentBalanceWithSubAccounts": balance}
    return stored


def render(books: Books, kind: str, stored: Object) -> Object:
    """Return a copy of a stored object as the vendor would answer it; the copy is the reader's own."""

    def show(key: str, value: object) -> object:
        if isinstance(value, dict):
            if "value" in value:
                return _reference(books, kind, key, value)
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
    elif kind == "Payment":
        for line in shown["Line"]:
            line["LineEx"] = _line_facts(books, stored, line)
    return shown


def _reference(books: Books, kind: str, key: str, held: Object) -> Object:
    """Return a reference with the name of what it points to."""
    identity, target_kind = held["value"], kind if key == "ParentRef" else REFERENCES.get(key, held.get("type"))
    if not isinstance(identity, str) or not isinstance(target_kind, str):
        return dict(held)
    if key == "CurrencyRef":
        return {"value": identity, "name": CURRENCY_NAMES.get(identity, identity)}
    target = books.find(target_kind, identity) if target_kind in KINDS else None
    return {**held, "name": label(target)} if target else dict(held)


def _line_facts(books: Books, payment: Object, line: Object) -> Object:
    """Return what a payment's line repeats of the document it settles: its id, what was open before, its number."""
    kind, identity = target_of(line)
    document = books.find(kind, identity) or {}
    item = open_item(kind, document, payment["CustomerRef"]["value"]) if document else None
    was_open = (abs(item.balance) if item else ZERO) + line["Amount"]
    told = (
        ("txnId", identity),
        ("txnOpenBalance", str(was_open)),
        ("txnReferenceNumber", document.get("DocNumber", "")),
    )
    return {
        "any": [
            {
                "name": "{http://schema.intuit.com/finance/v3}NameValue",
                "declaredType": "com.intuit.schema.finance.v3.NameValue",
                "scope": "javax.xml.bind.JAXBElement$GlobalScope",
                "value": {"Name": name, "Value": value},
                "nil": False,
                "globalScope": True,
                "typeSubstituted": False,
            }
            for name, value in told
        ]
    }


def subtotal(lines: list[Object]) -> Decimal:
    """Return the sum of a document's lines before discounts."""
    return sum((line["Amount"] for line in lines if line["DetailType"] == "SalesItemLineDetail"), ZERO)
