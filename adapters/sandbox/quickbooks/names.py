"""Customers, vendors, items, accounts and other lists: their names, parents and types."""

from functools import lru_cache
from typing import Final
from unicodedata import combining, normalize

from adapters.sandbox.quickbooks.books import Bookkeeping, Books
from adapters.sandbox.quickbooks.entries import is_open_item
from adapters.sandbox.quickbooks.faults import Fault, business, duplicate_name, missing
from adapters.sandbox.quickbooks.kinds import KINDS, PARTIES
from adapters.sandbox.quickbooks.openitems import refuse_open_items
from adapters.sandbox.quickbooks.rules import Facts, Object
from adapters.sandbox.quickbooks.view import label

DELETED: Final = " (deleted)"
_NAME_PARTS: Final = ("Title", "GivenName", "MiddleName", "FamilyName", "Suffix")
_DEEPEST: Final = 5

ACCOUNT_TYPES: Final[dict[str, tuple[str, str]]] = {
    "Bank": ("Asset", "Checking"),
    "Accounts Receivable": ("Asset", "AccountsReceivable"),
    "Other Current Asset": ("Asset", "OtherCurrentAssets"),
    "Fixed Asset": ("Asset", "OtherFixedAssets"),
    "Other Asset": ("Asset", "OtherLongTermAssets"),
    "Accounts Payable": ("Liability", "AccountsPayable"),
    "Credit Card": ("Liability", "CreditCard"),
    "Other Current Liability": ("Liability", "OtherCurrentLiabilities"),
    "Long Term Liability": ("Liability", "OtherLongTermLiabilities"),
    "Equity": ("Equity", "OpeningBalanceEquity"),
    "Income": ("Revenue", "ServiceFeeIncome"),
    "Cost of Goods Sold": ("Expense", "OtherCostsOfServiceCos"),
    "Expense": ("Expense", "OtherMiscellaneousServiceCost"),
    "Other Income": ("Revenue", "OtherMiscellaneousIncome"),
    "Other Expense": ("Expense", "OtherMiscellaneousExpense"),
}
"""Account types: their classification and the sub type taken when none is sent."""
_TYPE_OF_SUBTYPE: Final = {subtype: kind for kind, (_, subtype) in ACCOUNT_TYPES.items()}


def complete_name(kind: str, draft: Object, old: Object | None, company: Bookkeeping) -> None:
    """Fill in what the server adds to a list entry, or raise the fault its name or type calls for."""
    draft.setdefault("Active", True)
    field = "DisplayName" if kind in PARTIES else "Name"
    if kind in PARTIES:
        _complete_party(kind, draft)
    _mark_inactive(draft, field, old, company)
    _place_under_parent(kind, draft, field, company.books)
    _check_unique(kind, draft, field, old, company)
    if kind in _HELD_IN_ONE_CURRENCY:
        _settle_currency(draft, old, company)
    if kind == "Account":
        _complete_account(draft, old)
    elif kind == "Item":
        _complete_item(draft, company)
    elif kind == "Term":
        draft.setdefault("Type", "STANDARD" if "DueDays" in draft else "DATE_DRIVEN")


_HELD_IN_ONE_CURRENCY: Final = frozenset({"Customer", "Vendor", "Account"})


def _settle_currency(draft: Object, old: Object | None, company: Bookkeeping) -> None:
    """Keep the currency something was created in, by default the home currency, for as long as it lives."""
    held = old["CurrencyRef"] if old else {"value": company.books.home}
    if old is not None and draft.setdefault("CurrencyRef", held) != held:
        raise business("The currency can't be changed once it is set.")
    draft.setdefault("CurrencyRef", held)


def _complete_party(kind: str, draft: Object) -> None:
    spelled = " ".join(draft[part] for part in _NAME_PARTS if part in draft)
    if not draft.setdefault("DisplayName", spelled):
        raise Fault("6080", "No Name Provided : at least one name is required.", element="DisplayName")
    draft.setdefault("PrintOnCheckName", str(draft.get("CompanyName", draft["DisplayName"]))[:110])
    if kind == "Customer":
        for flag in ("Job", "BillWithParent", "Taxable"):
            draft.setdefault(flag, False)
    elif kind == "Vendor":
        draft.setdefault("Vendor1099", False)


def _mark_inactive(draft: Object, field: str, old: Object | None, facts: Facts) -> None:
    name = str(draft[field])
    if draft["Active"]:
        if old is not None and not old["Active"]:
            draft[field] = name.removesuffix(DELETED)
    elif facts.switches.inactive_suffix and not name.endswith(DELETED):
        draft[field] = name + DELETED


def _place_under_parent(kind: str, draft: Object, field: str, books: Books) -> None:
    name = str(draft[field])
    level, full = 0, name
    parent = books.find(kind, draft["ParentRef"]["value"]) if "ParentRef" in draft else None
    if parent is not None:
        level, full = parent.get("Level", 0) + 1, f"{label(parent)}:{name}"
        if parent is not None and level >= _DEEPEST:
            raise Fault("6180", "Sub Level Limit : only five levels are allowed.", element="ParentRef")
    if flag := KINDS[kind].parent_flag:
        draft[flag] = parent is not None
    if "FullyQualifiedName" in KINDS[kind].fields:
        draft["FullyQualifiedName"] = full
        draft["Level"] = level


def _check_unique(kind: str, draft: Object, field: str, old: Object | None, company: Bookkeeping) -> None:
    identity = old["Id"] if old else None
    loosely = kind in PARTIES and company.switches.same_name == "loose"
    for owner in PARTIES if kind in PARTIES else (kind,):
        for other in (
            _alike(owner, draft[field], company.books) if loosely else company.books.by(owner, field, draft[field])
        ):
            if other["Id"] == identity:
                continue
            if kind not in PARTIES and other.get("ParentRef") != draft.get("ParentRef"):
                continue
            raise duplicate_name("customer, vendor or employee" if owner != kind else kind.lower())


def _alike(kind: str, name: str, books: Books) -> list[Object]:
    """Return who bears a name, accents, blanks and case aside."""
    return [held for held in books.live(kind) if _bare(held["DisplayName"]) == _bare(name)]


@lru_cache(maxsize=4096)
def _bare(name: str) -> str:
    letters = (letter for letter in normalize("NFKD", name) if not combining(letter))
    return " ".join("".join(letters).split()).casefold()


def _complete_account(draft: Object, old: Object | None) -> None:
    account_type = draft.get("AccountType") or _TYPE_OF_SUBTYPE.get(draft.get("AccountSubType", ""))
    if account_type is None:
        raise Fault("6010", "AccountType or AccountSubType needed", element="AccountType")
    if account_type not in ACCOUNT_TYPES:
        raise Fault("2170", f"Invalid Enumeration : {account_type}", element="AccountType")
    classification, subtype = ACCOUNT_TYPES[account_type]
    draft["AccountType"] = account_type
    if old is not None and old["AccountType"] != account_type and (is_open_item(old) or is_open_item(draft)):
        raise business("The type of an account can't be changed to or from accounts receivable or payable.")
    draft["Classification"] = classification
    draft.setdefault("AccountSubType", subtype)


def _complete_item(draft: Object, facts: Facts) -> None:
    kind = draft.setdefault("Type", "Service")
    for held in ("IncomeAccountRef", "ExpenseAccountRef", "AssetAccountRef"):
        refuse_open_items(draft.get(held), held, facts)
    if kind == "Inventory":
        _complete_stock(draft, facts)
    if kind in {"Service", "NonInventory"} and "IncomeAccountRef" not in draft and "ExpenseAccountRef" not in draft:
        raise missing("IncomeAccountRef")
    draft.setdefault("Taxable", False)
    draft.setdefault("TrackQtyOnHand", False)


def _complete_stock(draft: Object, facts: Facts) -> None:
    if facts.preference("ProductAndServicesPrefs", "QuantityOnHand") is not True:
        raise business("Inventory tracking is turned off in this company.")
    for needed in ("IncomeAccountRef", "ExpenseAccountRef", "AssetAccountRef", "InvStartDate"):
        if needed not in draft:
            raise missing(needed)
    if "QtyOnHand" not in draft:
        raise Fault("6520", "Quantity on hand is needed", element="QtyOnHand")
    draft["TrackQtyOnHand"] = True
