"""Document numbers: who gives them, and when one is taken."""

import re
from typing import Final

from adapters.sandbox.quickbooks.books import Bookkeeping, Books
from adapters.sandbox.quickbooks.faults import duplicate_number
from adapters.sandbox.quickbooks.rules import Facts, Object

SALES_FORMS: Final = ("Invoice", "CreditMemo")
"""The kinds whose numbers come from one sequence."""
_BILLS: Final = ("Bill", "VendorCredit")
_TRAILING_DIGITS: Final = re.compile(r"(\d+)$")


def is_voided(document: Object) -> bool:
    """Say whether a document was voided: nothing left of its amount, and a note that says so."""
    return not document["TotalAmt"] and str(document.get("PrivateNote", "")).startswith("Voided")


def assign_number(
    kind: str,
    draft: Object,
    old: Object | None,
    company: Bookkeeping,
    *,
    allow_duplicate: bool = False,
) -> None:
    """Give a draft the number it will have, or raise fault 6140 when it is taken."""
    if kind in SALES_FORMS:
        asked_for = draft.pop("AutoDocNumber", False) or draft.get("DocNumber") == "AUTO_GENERATE"
        if not asked_for and company.preference("SalesFormsPrefs", "CustomTxnNumbers") is True:
            checked = company.switches.duplicate_invoice_number == "fault"
        else:
            _number_by_sequence(draft, old, company, always=asked_for)
            checked = False
    else:
        checked = kind in _BILLS and _warns(company, "WarnDuplicateBillNumber")
    number = draft.get("DocNumber")
    if number is None or not checked or allow_duplicate or (old is not None and old.get("DocNumber") == number):
        return
    if holder := _holder(kind, number, draft, company):
        raise duplicate_number(number, kind, holder)


def _number_by_sequence(draft: Object, old: Object | None, company: Bookkeeping, *, always: bool) -> None:
    if old is not None and not always:
        draft.setdefault("DocNumber", old.get("DocNumber"))
    elif always or "DocNumber" not in draft or company.switches.custom_numbers_off == "replaced":
        draft["DocNumber"] = next_number(company.books)


def next_number(books: Books) -> str:
    """Return the number after the last one used on a sales form; one without digits at its end gets them."""
    newest = max(
        (form for kind in SALES_FORMS for form in books.newest(kind) if form.get("DocNumber")),
        key=lambda form: int(form["Id"]),
        default=None,
    )
    if newest is None:
        return "1001"
    last = str(newest["DocNumber"])
    digits = _TRAILING_DIGITS.search(last)
    if digits is None:
        return f"{last}1"
    return last[: digits.start()] + str(int(digits[1]) + 1).zfill(len(digits[1]))


def _warns(facts: Facts, name: str) -> bool:
    named_values = facts.preference("OtherPrefs", "NameValue")
    pairs = named_values if isinstance(named_values, list) else []
    return any(pair["Name"].rpartition(".")[2] == name and pair["Value"] == "true" for pair in pairs)


def _holder(kind: str, number: str, draft: Object, company: Bookkeeping) -> str | None:
    by_vendor = kind in _BILLS and company.switches.bill_number_scope == "vendor"
    for document in company.books.by(kind, "DocNumber", number):
        if by_vendor and document["VendorRef"] != draft["VendorRef"]:
            continue
        if company.switches.voided_number == "free" and is_voided(document):
            continue
        return str(document["Id"])
    if company.switches.deleted_number == "taken":
        return company.books.retired_numbers[kind].get(number.casefold())
    return None
