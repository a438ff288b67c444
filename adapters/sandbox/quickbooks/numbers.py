"""Document numbers: who gives them, and when one is taken."""

import re
from typing import Final, NamedTuple

from adapters.sandbox.quickbooks.books import Bookkeeping, Books
from adapters.sandbox.quickbooks.faults import duplicate_number
from adapters.sandbox.quickbooks.rules import Facts, Object

ALLOW_DUPLICATE: Final = "allowduplicatedocnum"
"""The word of `include` that lets a taken number pass."""
GIVE_NUMBER: Final = "allowautodocnum"
"""The word of `include` that has a journal entry numbered."""
SALES_FORMS: Final = ("Invoice", "CreditMemo", "SalesReceipt", "RefundReceipt")
"""The kinds whose numbers come from one sequence."""
_BILLS: Final = ("Bill", "VendorCredit")
_TRAILING_DIGITS: Final = re.compile(r"(\d+)$")


class _Numbering(NamedTuple):
    """How a kind is numbered: kinds in one sequence, and the preference under which a taken number is refused."""

    sequence: tuple[str, ...]
    people_choose: tuple[str, str] = ("", "")
    """Section and name of the preference under which numbers are given by people, not by the sequence."""
    warns: str = ""
    """Name of the preference that refuses a taken number; empty where the sequence's own preference does."""


_BY_PEOPLE: Final = ("SalesFormsPrefs", "CustomTxnNumbers")
_NUMBERINGS: Final[dict[str, _Numbering]] = {
    **{kind: _Numbering(SALES_FORMS, _BY_PEOPLE) for kind in SALES_FORMS},
    "Estimate": _Numbering(("Estimate",), _BY_PEOPLE),
    "PurchaseOrder": _Numbering(("PurchaseOrder",), ("VendorAndPurchasesPrefs", "UseCustomTxnNumbers")),
    **{kind: _Numbering((), warns="WarnDuplicateBillNumber") for kind in _BILLS},
    "Purchase": _Numbering((), warns="WarnDuplicateCheckNumber"),
    "BillPayment": _Numbering((), warns="WarnDuplicateCheckNumber"),
    "JournalEntry": _Numbering(("JournalEntry",), warns="WarnDuplicateJournalNumber"),
}


def is_voided(document: Object) -> bool:
    """Say whether a document was voided: nothing left of its amount, and a note that says so."""
    return not document["TotalAmt"] and str(document.get("PrivateNote", "")).startswith("Voided")


def assign_number(
    kind: str,
    draft: Object,
    old: Object | None,
    company: Bookkeeping,
    options: frozenset[str] = frozenset(),
) -> None:
    """Give a draft the number it will have, or raise fault 6140 when it is taken."""
    numbering = _NUMBERINGS.get(kind)
    if numbering is None:
        return
    asked_for = draft.pop("AutoDocNumber", False) or draft.get("DocNumber") == "AUTO_GENERATE"
    asked_for = asked_for or (GIVE_NUMBER in options and "DocNumber" not in draft)
    if asked_for and numbering.sequence:
        draft["DocNumber"] = next_number(company.books, numbering.sequence)
    elif numbering.people_choose[0] and not _is_on(company, *numbering.people_choose):
        _number_by_sequence(draft, old, company, numbering.sequence)
    elif _is_checked(numbering, draft, company) and ALLOW_DUPLICATE not in options:
        _check_free(kind, draft, old, company)


def _number_by_sequence(draft: Object, old: Object | None, company: Bookkeeping, sequence: tuple[str, ...]) -> None:
    if old is not None:
        if "DocNumber" in old:
            draft.setdefault("DocNumber", old["DocNumber"])
    elif "DocNumber" not in draft or company.switches.custom_numbers_off == "replaced":
        draft["DocNumber"] = next_number(company.books, sequence)


def _is_checked(numbering: _Numbering, draft: Object, company: Facts) -> bool:
    if not numbering.warns:
        return company.switches.duplicate_invoice_number == "fault"
    if numbering.warns == "WarnDuplicateCheckNumber":
        by_cheque = "Check" in {draft.get("PayType"), draft.get("PaymentType")}
        if not by_cheque or company.switches.duplicate_check_number == "stored":
            return False
    return _is_on(company, "OtherPrefs", numbering.warns)


def _check_free(kind: str, draft: Object, old: Object | None, company: Bookkeeping) -> None:
    number = draft.get("DocNumber")
    if number is None or (old is not None and old.get("DocNumber") == number):
        return
    if holder := _holder(kind, number, draft, company):
        raise duplicate_number(number, _TYPE_NAMES.get(kind, kind), holder)


_TYPE_NAMES: Final = {"JournalEntry": "Journal Entry"}
"""What the fault calls a kind, where it is not the kind's own name."""


def next_number(books: Books, sequence: tuple[str, ...] = SALES_FORMS) -> str:
    """Return the number after the last one used in a sequence; one without digits at its end gets them."""
    numbered = (next((form for form in books.newest(kind) if form.get("DocNumber")), None) for kind in sequence)
    newest = max((form for form in numbered if form), key=lambda form: int(form["Id"]), default=None)
    if newest is None:
        return "1001"
    last = str(newest["DocNumber"])
    digits = _TRAILING_DIGITS.search(last)
    if digits is None:
        return f"{last}1"
    return last[: digits.start()] + str(int(digits[1]) + 1).zfill(len(digits[1]))


def _is_on(facts: Facts, section: str, name: str) -> bool:
    """Say whether a preference is on; some stand among the pairs of name and value, with or without their section."""
    if facts.preference(section, name) is True:
        return True
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
