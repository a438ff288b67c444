"""What a document says in the end, whoever says it: the computation from the TMS's data, or the books."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final, NamedTuple

Json = dict[str, Any]

ZERO: Final = Decimal(0)
RECEIVABLE: Final = "Accounts Receivable (A/R)"


class Key(NamedTuple):
    """Which record a document is of: the route it took, and the id it is known by there."""

    route: str
    identity: str


@dataclass(frozen=True)
class Line:
    """One charge: its amount, the account it is booked on, and what else a person sees of it."""

    amount: Decimal
    account: str
    item: str = ""  # of invoices only
    class_: str = ""
    pays: str = ""  # of payments only: the number of the invoice


@dataclass(frozen=True)
class Document:
    """A document, every reference by the name that people see. `account` is what the lines stand against."""

    form: str  # Invoice, Bill, VendorCredit, Payment
    party: str
    number: str
    day: date
    due: date | None
    term: str
    total: Decimal
    account: str
    lines: tuple[Line, ...]
    class_: str = ""
    location: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    note: str = ""

    def postings(self) -> Counter[str]:
        """Return what the document posts, in cents by account: debits above zero, credits below."""
        posted: Counter[str] = Counter()
        if self.form == "Payment":
            posted[self.account] += cents(self.total)
            posted[RECEIVABLE] -= cents(self.total)
            return posted
        sign = 1 if self.form == "Bill" else -1
        for line in self.lines:
            posted[line.account] += sign * cents(line.amount)
        posted[self.account] -= sign * cents(self.total)
        return posted


@dataclass(frozen=True)
class Refusal:
    """That a record has no document, and why: any of these codes says so."""

    codes: frozenset[str]


def cents(amount: Decimal) -> int:
    """Return an amount in whole cents; raise ValueError if it has more decimals."""
    found = amount * 100
    if found != found.to_integral_value():
        raise ValueError(f"{amount} is not a whole number of cents")
    return int(found)


def dollars(money: Json | None) -> Decimal:
    """Return the amount of money as the TMS writes it, none being nothing."""
    return ZERO if money is None else Decimal(money["Amount"])


def by_account(documents: Iterator[Document]) -> dict[str, int]:
    """Return what documents post in all, in cents by account."""
    found: Counter[str] = Counter()
    for document in documents:
        found.update(document.postings())
    return {account: amount for account, amount in found.items() if amount}
