"""Open items: what a document still asks of a party, or still owes it, until payments settle it."""

from decimal import Decimal
from typing import Final, NamedTuple

from adapters.sandbox.quickbooks.books import Bookkeeping
from adapters.sandbox.quickbooks.currencies import check_currency
from adapters.sandbox.quickbooks.entries import is_open_item, postings
from adapters.sandbox.quickbooks.faults import Fault, business
from adapters.sandbox.quickbooks.kinds import KINDS
from adapters.sandbox.quickbooks.ledger import RECEIVABLE
from adapters.sandbox.quickbooks.rules import ZERO, Facts, Object

CREDITS: Final = ("CreditMemo", "VendorCredit")
"""The kinds whose balance is owed to the party."""


class OpenItem(NamedTuple):
    """A party's share of a document: positive where the party has to pay it or be paid it, negative for a credit."""

    amount: Decimal
    balance: Decimal
    home_balance: Decimal
    account: str = ""
    """The receivable or payable account it stands on; empty is the company's own for the currency."""
    belongs: bool = True
    """False when the document is not this party's."""


_NOT_THEIRS: Final = OpenItem(ZERO, ZERO, ZERO, belongs=False)


def open_item(kind: str, document: Object, party: str) -> OpenItem:
    """Return what a document means to a party; an empty one, not found, means nothing."""
    if not document:
        return _NOT_THEIRS
    if not KINDS[kind].owes:
        held = document.get("_items", {}).get(party)
        if held is None:
            return _NOT_THEIRS
        return OpenItem(held["Amount"], held["Balance"], held["HomeBalance"], held["AccountRef"]["value"])
    if document[KINDS[kind].party]["value"] != party:
        return _NOT_THEIRS
    sign = -1 if kind in CREDITS else 1
    balance: Decimal = document["Balance"]
    at_home: Decimal = document.get("HomeBalance", balance)
    account = document["APAccountRef"]["value"] if "APAccountRef" in document else ""
    return OpenItem(sign * document["TotalAmt"], sign * balance, sign * at_home, account)


def moved(kind: str, document: Object, party: str, amount: Decimal, worth: Decimal) -> Object:
    """Return a document with `amount` more of it settled, worth `worth` at home; a negative one opens it again."""
    if KINDS[kind].owes:
        home = document["HomeBalance"] - worth if "HomeBalance" in document else None
        return with_balance(document, kind, document["Balance"] - amount, home)
    item = document["_items"][party]
    sign = -1 if item["Amount"] < 0 else 1
    left = {"Balance": item["Balance"] - sign * amount, "HomeBalance": item["HomeBalance"] - sign * worth}
    return {**document, "_items": {**document["_items"], party: {**item, **left}}}


def with_balance(document: Object, kind: str, balance: Decimal, home_balance: Decimal | None = None) -> Object:
    """Return a document with another open balance; a credit memo repeats it as its remaining credit."""
    changed = {**document, "Balance": balance}
    if kind == "CreditMemo":
        changed["RemainingCredit"] = balance
    if home_balance is not None:
        changed["HomeBalance"] = home_balance
    return changed


def refuse_open_items(reference: Object | None, element: str, facts: Facts) -> None:
    """Raise fault 6430 for a receivable or payable account where no customer or vendor can be named."""
    account = facts.find("Account", reference["value"]) if reference else None
    if account is not None and is_open_item(account):
        raise Fault("6430", f"Invalid account type used : {element} takes no A/R or A/P account.", element=element)


def complete_open_items(kind: str, draft: Object, old: Object | None, company: Bookkeeping) -> None:
    """Note what a journal entry, deposit or expense posts to parties, less what payments have settled of it."""
    items: dict[str, Object] = {}
    for posting in postings(kind, draft, company.books):
        if posting.party:
            account = company.find("Account", posting.account) or {}
            side, owner = (1, "Customer") if account["AccountType"] == RECEIVABLE else (-1, "Vendor")
            for held in (account, company.find(owner, posting.party) or {}):
                check_currency(held, draft, company)
            standing = {"AccountRef": {"value": posting.account}}
            item = items.setdefault(posting.party, {"Amount": ZERO, "HomeAmount": ZERO, **standing})
            if item["AccountRef"] != standing["AccountRef"]:
                raise business("A transaction charges a customer or vendor on one account.")
            item["Amount"] += side * posting.own
            item["HomeAmount"] += side * posting.amount
    before = (old or {}).get("_items", {})
    for party in {**before, **items}:
        was = before.get(party, _NOTHING)
        settled, settled_home = was["Amount"] - was["Balance"], was["HomeAmount"] - was["HomeBalance"]
        item = items.get(party, {**_NOTHING})
        if settled and (item["Amount"] * settled < 0 or abs(item["Amount"]) < abs(settled)):
            raise business("The transaction amount can't be less than the payments applied to it.")
        if settled and item["AccountRef"] != was["AccountRef"]:
            raise business("You can't change the account on a transaction that payments are applied to.")
        item |= {"Balance": item["Amount"] - settled, "HomeBalance": item["HomeAmount"] - settled_home}
    if items:
        draft["_items"] = items


_NOTHING: Final[Object] = {"Amount": ZERO, "Balance": ZERO, "HomeAmount": ZERO, "HomeBalance": ZERO}
