"""What a record of the TMS comes to before accounting has a say: who, when, how much and for what."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Final

from tests.month.choices import Choices
from tests.month.figures import ZERO, Key

ANY: Final = ""  # of a number: accounting gives it
LONGEST: Final = 21  # characters of a document's number

# fmt: off
CREDITS: Final = {
    "carrier_bill":      "carrier_credit",
    "carrier_statement": "carrier_statement_credit",
    "driver_statement":  "driver_statement_credit",
    "driver_addition":   "driver_deduction",
    "fuel_bill":         "fuel_credit",
    "toll_bill":         "toll_credit",
}
"""The routes that may turn out negative, and the route of the credit that stands for them then."""
FORMS: Final = {
    "customer_invoice":         "Invoice",
    "summary_invoice":          "Invoice",
    "intercompany_invoice":     "Invoice",
    "carrier_bill":             "Bill",
    "carrier_credit":           "VendorCredit",
    "carrier_statement":        "Bill",
    "carrier_statement_credit": "VendorCredit",
    "subsidiary_bill":          "Bill",
    "intercompany_bill":        "Bill",
    "driver_bill":              "Bill",
    "driver_statement":         "Bill",
    "driver_statement_credit":  "VendorCredit",
    "driver_addition":          "Bill",
    "driver_deduction":         "VendorCredit",
    "fuel_bill":                "Bill",
    "fuel_credit":              "VendorCredit",
    "toll_bill":                "Bill",
    "toll_credit":              "VendorCredit",
    "customer_payment":         "Payment",
}
# fmt: on


@dataclass(frozen=True)
class Part:
    """The part of the business that something belongs to; blank where nothing is said of it."""

    subsidiary: str = ""
    fleet: str = ""
    load_type: str = ""  # asset, brokerage


@dataclass(frozen=True)
class Charge:
    """One charge: the sort it is of, its own name, its amount, and its part of the business."""

    category: str
    name: str
    amount: Decimal
    part: Part = Part()


@dataclass(frozen=True)
class Draft:
    """What becomes a document. `says` are words that its note must hold; `pays` is the invoice that a payment pays."""

    key: Key
    party: str
    number: str
    day: date
    due: date | None
    charges: tuple[Charge, ...]
    total: Decimal
    part: Part = Part()
    fields: tuple[tuple[str, str], ...] = ()
    says: tuple[str, ...] = ()
    pays: Key | None = None

    @property
    def form(self) -> str:
        """The form of the document."""
        return FORMS[self.key.route]


def telling(charges: Sequence[Charge]) -> tuple[Charge, ...]:
    """Return the charges that are about something; all of them where none is."""
    return tuple(each for each in charges if each.amount) or tuple(charges)


def prefixed(prefix: str, number: str, choices: Choices) -> str:
    """Return a number, what tells its sort before it if that is chosen."""
    return f"{prefix}-{number}" if prefix and choices["number_prefix"] else number


def same_number(wanted: str, held: str) -> bool:
    """Whether a number is the wanted one; one that is too long keeps its sort and its end, and a mark of the whole."""
    if len(wanted) <= LONGEST:
        return wanted in {held, ANY}
    found = re.fullmatch(r"(A[A-Z]{2}-)?(.*)~[0-9a-f]{6}", held)
    return bool(
        found and len(held) == LONGEST and wanted.startswith(found[1] or "") and found[2] and wanted.endswith(found[2])
    )


def signed(draft: Draft) -> Draft:
    """Return a draft as it is, or one that came out negative as the credit it is, every sign turned."""
    credit = CREDITS.get(draft.key.route)
    if credit is None or draft.total >= ZERO:
        return draft
    charges = tuple(replace(each, amount=-each.amount) for each in draft.charges)
    return replace(draft, key=draft.key._replace(route=credit), charges=charges, total=-draft.total)
