"""From what a record comes to, to the document that the books must hold of it, or to why they can't."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final, NamedTuple

from adapters.sandbox.quickbooks import Company
from tests.month import choices as chosen
from tests.month.choices import Choices
from tests.month.drafts import ANY, Charge, Draft, Part, signed
from tests.month.figures import RECEIVABLE, ZERO, Document, Key, Line, Refusal
from tests.month.parties import words

PAYABLE: Final = "Accounts Payable (A/P)"
_LONGEST_FIELD: Final = 31

Outcome = Document | Refusal


class Place(NamedTuple):
    """Where a charge is booked."""

    account: str
    item: str = ""


@dataclass(frozen=True)
class Lists:
    """What the company file holds beside our documents: before the daemon came, and what people set there."""

    accounts: Mapping[str, str]  # by name and by number, folded
    items: Mapping[str, Place]  # by name, folded
    terms: Mapping[int, str]  # by days
    segments: Mapping[str, str]  # classes and locations by name, folded
    customers: Mapping[tuple[str, ...], int]  # how many bear a name
    vendors: Mapping[tuple[str, ...], int]
    numbers: frozenset[str]  # of invoices that are not ours
    closed: date | None
    classes_by_line: bool
    classes_by_document: bool
    locations: bool
    labels: frozenset[str]
    numbered: bool  # whether invoices take numbers of others
    bills: bool  # whether the plan has them

    @classmethod
    def of(cls, company: Company) -> "Lists":
        """Read the lists of a company file."""
        accounts: dict[str, str] = {}
        names: dict[str, str] = {}
        for each in company.all("Account"):
            names[each["Id"]] = each["Name"]
            accounts |= {fold(each["Name"]): each["Name"], each.get("AcctNum", ""): each["Name"]}
        income = {each["Id"]: names[each["IncomeAccountRef"]["value"]] for each in company.all("Item")}
        labels = (
            each["StringValue"]
            for group in company.preference("SalesFormsPrefs", "CustomField") or []  # type: ignore[attr-defined]
            for each in group["CustomField"]
            if each["Type"] == "StringType"
        )
        return cls(
            accounts=accounts,
            items={fold(each["Name"]): Place(income[each["Id"]], each["Name"]) for each in company.all("Item")},
            terms={each["DueDays"]: each["Name"] for each in company.all("Term")},
            segments={
                fold(each["Name"]): each["Name"] for kind in ("Class", "Department") for each in company.all(kind)
            },
            customers=_count(company, "Customer"),
            vendors=_count(company, "Vendor"),
            numbers=frozenset(each["DocNumber"] for each in company.all("Invoice")),
            closed=closed_until(company),
            classes_by_line=bool(company.preference("AccountingInfoPrefs", "ClassTrackingPerTxnLine")),
            classes_by_document=bool(company.preference("AccountingInfoPrefs", "ClassTrackingPerTxn")),
            locations=bool(company.preference("AccountingInfoPrefs", "TrackDepartments")),
            labels=frozenset(labels),
            numbered=bool(company.preference("SalesFormsPrefs", "CustomTxnNumbers")),
            bills=company.plan != "Simple Start",
        )


def closed_until(company: Company) -> date | None:
    """Return the last day of the closed period."""
    closed = company.preference("AccountingInfoPrefs", "BookCloseDate")
    return date.fromisoformat(str(closed)) if closed else None


def fold(name: str) -> str:
    """Return a name without regard to case and to the width of its spaces."""
    return " ".join(name.split()).casefold()


def booked(drafts: Iterator[Draft], choices: Choices, lists: Lists) -> dict[Key, Outcome]:
    """Return what the books hold of each record, those that come to nothing left alone if that is chosen.

    Raises ValueError if two records come to the same document.
    """
    found: dict[Key, Outcome] = {}
    totals: dict[Key, Decimal] = {}
    for draft in map(signed, drafts):
        if draft.key in found:
            raise ValueError(f"{draft.key} comes twice")
        if draft.total or not choices["ignore_zero"]:
            found[draft.key] = _outcome(draft, choices, lists, found, totals)
            totals[draft.key] = draft.total
    return found


def _outcome(
    draft: Draft, choices: Choices, lists: Lists, found: Mapping[Key, Outcome], totals: Mapping[Key, Decimal]
) -> Outcome:
    if draft.pays is not None and isinstance(found[draft.pays], Refusal):
        return Refusal(frozenset({"waits"}))
    places = [_place(draft, charge, choices.mapping, lists) for charge in draft.charges]
    refused = frozenset(_refusals(draft, places, lists))
    if refused:
        return Refusal(refused)
    if draft.form == "Payment":
        assert draft.pays is not None
        return _payment(draft, totals[draft.pays])
    tags = _Tags(draft, choices, lists)
    days = (draft.due - draft.day).days if draft.due else None
    return Document(
        form=draft.form,
        party=draft.party,
        number=draft.number if lists.numbered or draft.form != "Invoice" else ANY,
        day=draft.day,
        due=draft.due,
        term=lists.terms.get(days, "") if days is not None and draft.form != "VendorCredit" else "",
        total=draft.total,
        account=RECEIVABLE if draft.form == "Invoice" else PAYABLE,
        lines=tuple(
            Line(charge.amount, place.account, place.item, tags.of(charge))
            for charge, place in zip(draft.charges, places, strict=True)
            if place
        ),
        class_=tags.whole,
        location=tags.location,
        fields=_fields(draft, choices, lists),
        note="\n".join(draft.says),
    )


def _payment(draft: Draft, owed: Decimal) -> Document:
    assert draft.pays is not None
    applied = min(draft.total, owed)
    line = Line(applied, RECEIVABLE, pays=f"{draft.pays.route} {draft.pays.identity}")
    return Document(
        form="Payment",
        party=draft.party,
        number=draft.number,
        day=draft.day,
        due=None,
        term="",
        total=draft.total,
        account=chosen.DEPOSITS,
        lines=(line,),
        note="\n".join(draft.says),
    )


def _refusals(draft: Draft, places: list[Place | None], lists: Lists) -> Iterator[str]:
    """Yield why a document can't be."""
    if draft.total < ZERO:
        yield "total_negative"
    if sum((each.amount for each in draft.charges), ZERO) != draft.total:
        yield "lines_unequal_total"
    if draft.form != "Payment" and None in places:
        yield "mapping_missing"
    if draft.form in {"Bill", "VendorCredit"} and not lists.bills:
        yield "plan_lacks_feature"
    if draft.form == "Invoice" and lists.numbered and draft.number in lists.numbers:
        yield "number_taken"
    if lists.closed and draft.day <= lists.closed:
        yield "period_closed"
    own = lists.customers if draft.form in {"Invoice", "Payment"} else lists.vendors
    if own.get(words(draft.party), 0) > 1:
        yield "party_ambiguous"


def _place(draft: Draft, charge: Charge, mapping: Mapping[str, Any], lists: Lists) -> Place | None:
    """Return where a charge is booked, or None if nothing answers for it: its name, its sort, or what is left."""
    table = "revenue"
    if draft.form != "Invoice" and charge.category != "echeck_fee":
        table = "liability" if charge.category == "escrow" else "expense"
    special = mapping.get(charge.part.load_type or draft.part.load_type, {})
    for key in (charge.name, charge.category, "default"):
        for answers in (special.get(table, {}), mapping.get(table, {})):
            target = {fold(name): to for name, to in answers.items()}.get(fold(key))
            if target is not None:
                return _named(target, charge, draft.form, lists)
    return None


def _named(target: str, charge: Charge, form: str, lists: Lists) -> Place:
    """Return what a name or number stands for: an account, of an invoice's charge through an item named after it."""
    if item := lists.items.get(fold(target)):
        return item if form == "Invoice" else Place(item.account)
    return Place(lists.accounts[fold(target)], charge.name if form == "Invoice" else "")


class _Tags:
    """What of the business a document shows: by class on its lines or as a whole, and by location."""

    def __init__(self, draft: Draft, choices: Choices, lists: Lists) -> None:
        self._segments = choices.segments
        self._lists = lists
        self._draft = draft
        by_document = choices.segments.get("class_on") == "transaction"
        classes = {self._own(charge) for charge in draft.charges}
        common = self._called("class", draft.part) or (classes.pop() if len(classes) == 1 else "")
        headed = by_document and draft.form == "Invoice"
        self.whole = common if headed and lists.classes_by_document else ""
        self._by_line = not headed and lists.classes_by_line
        self._common = common if by_document else None
        places = {self._called("location", charge.part) for charge in draft.charges}
        location = self._called("location", draft.part) or (places.pop() if len(places) == 1 else "")
        self.location = location if lists.locations else ""

    def of(self, charge: Charge) -> str:
        """Return the class of a line."""
        if not self._by_line:
            return ""
        return self._own(charge) if self._common is None else self._common

    def _own(self, charge: Charge) -> str:
        return self._called("class", charge.part) or self._called("class", self._draft.part)

    def _called(self, dimension: str, part: Part) -> str:
        """Return what a part of the business is called as a class or a location."""
        if self._segments.get("subsidiaries") == dimension and part.subsidiary:
            return self._there(chosen.SUBSIDIARY_NAMES.get(part.subsidiary, part.subsidiary))
        if self._segments.get("fleets") == dimension and part.fleet:
            return self._there(chosen.FLEET_NAMES.get(part.fleet, part.fleet))
        return ""

    def _there(self, name: str) -> str:
        return self._lists.segments[fold(name)]


def _fields(draft: Draft, choices: Choices, lists: Lists) -> tuple[tuple[str, str], ...]:
    said = ((choices.labels.get(name, ""), text) for name, text in draft.fields)
    return tuple((label, text) for label, text in said if label in lists.labels and len(text) <= _LONGEST_FIELD)


def _count(company: Company, kind: str) -> dict[tuple[str, ...], int]:
    return Counter(words(each["DisplayName"]) for each in company.all(kind))
