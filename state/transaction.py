"""What a transaction is: the accounting content of one TMS record, exact to the cent.

Everything here is immutable and does no I/O. Money enters as Decimal and is held in minor units; a float cannot
be built into it.
"""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, NewType

import msgspec
from typing_extensions import override

from state.lifecycle import State
from state.problem import Problem, problem

if TYPE_CHECKING:
    from collections.abc import Callable

TransactionId = NewType("TransactionId", int)

# Minor digits of the currencies a US company can meet; ISO 4217 gives two unless listed.
_DIGITS = {"JPY": 0, "KRW": 0, "CLP": 0, "KWD": 3, "BHD": 3}
# Digits of the largest amount in minor units: it must fit the 64-bit integers of a database.
_LONGEST = 18


class InexactMoney(ValueError):  # noqa: N818 - named for what happened
    """An amount has more decimals than its currency, or is not a number at all."""


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An exact amount: `minor` units (cents) of an ISO 4217 `currency`."""

    minor: int
    currency: str = "USD"

    @classmethod
    def of(cls, amount: Decimal, currency: str = "USD") -> "Money":
        """Return `amount`, in major units, as money; raise InexactMoney rather than round."""
        sign, digits, exponent = amount.as_tuple()
        shift = exponent + _DIGITS.get(currency, 2) if isinstance(exponent, int) else None
        if shift is None or (any(digits) and not 0 <= shift + len(digits) <= _LONGEST):
            raise InexactMoney(f"{amount} {currency} is not an amount that can be held exactly")
        whole, rest = divmod(int("".join(map(str, digits))), 10 ** max(0, -shift)) if any(digits) else (0, 0)
        if rest:
            raise InexactMoney(f"{amount} {currency} has more decimals than the currency")
        minor = whole * 10 ** max(0, shift)
        return cls(-minor if sign else minor, currency)

    @property
    def amount(self) -> Decimal:
        """The amount in major units, with the currency's decimals."""
        return Decimal(self.minor).scaleb(-_DIGITS.get(self.currency, 2))

    @override
    def __str__(self) -> str:
        return f"{self.amount:,} {self.currency}"


class Kind(StrEnum):
    """What a transaction becomes in accounting, and for whom."""

    CUSTOMER_INVOICE = "customer_invoice"
    CARRIER_BILL = "carrier_bill"


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address as the TMS holds it."""

    street: str
    city: str
    region: str
    postal_code: str


@dataclass(frozen=True, slots=True)
class Party:
    """The customer who owes us, or the carrier we owe."""

    source_id: str
    name: str
    accounting_name: str | None = None  # the name accounting knows the party by, if the TMS states one
    email: str | None = None
    phone: str | None = None
    address: Address | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One charge. `category` groups charges for the mapping; `name` is the charge's own name in the TMS."""

    category: str
    name: str
    amount: Money
    description: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """The accounting content of one TMS record at one revision."""

    party: Party
    number: str
    issued_on: date
    due_on: date | None
    lines: tuple[Line, ...]
    total: Money
    load_number: str
    trip_id: str | None = None
    memo: str = ""

    def digest(self) -> str:
        """Return a fingerprint of what the document says.

        The order of the lines does not count, nor does how to reach the party: neither is a reason to touch a
        document that is in the books.
        """
        lines = sorted((line.category, line.name, line.amount, line.description) for line in self.lines)
        said = (
            self.party.source_id,
            self.number,
            self.issued_on,
            self.due_on,
            lines,
            self.total,
            self.load_number,
            self.trip_id,
            self.memo,
        )
        return hashlib.sha256(msgspec.json.encode(said)).hexdigest()

    def flaw(self, home_currency: str) -> Problem | None:
        """Return the first reason why this must not be sent as it is, or None."""
        total = self.total
        added = sum(line.amount.minor for line in self.lines)
        currencies = {total.currency, *(line.amount.currency for line in self.lines)}
        foreign = ", ".join(sorted(currencies - {home_currency}))
        reasons: tuple[tuple[object, str, Callable[[], str]], ...] = (
            (foreign, "currency_foreign", lambda: f"billed in {foreign}, books kept in {home_currency}"),
            (not self.party.name.strip(), "party_missing", lambda: f"party {self.party.source_id} has no name"),
            (not self.number.strip(), "number_missing", str),
            (not self.lines, "lines_missing", str),
            (added != total.minor, "lines_unequal_total", lambda: f"{Money(added, home_currency)}, total {total}"),
            (total.minor < 0, "total_negative", lambda: str(total)),
        )
        return next((problem(code, told()) for wrong, code, told in reasons if wrong), None)


@dataclass(frozen=True, slots=True)
class Sourced:
    """One record as intake found it in the TMS.

    Either `content` or `problem` is there: a record that can't be read is kept with the reason, never dropped.
    """

    kind: Kind
    source_id: str  # the TMS's own id of the record
    label: str  # what people call it: the load number
    content: Content | None = None
    problem: Problem | None = None
    withdrawn: bool = False

    def digest(self) -> str:
        """Return a fingerprint of the content, or of the problem that stands in its place."""
        if self.content is not None:
            return self.content.digest()
        return hashlib.sha256(msgspec.json.encode(self.problem, order="deterministic")).hexdigest()


@dataclass(frozen=True, slots=True)
class Document:
    """What accounting holds of a transaction: its id there, the number it carries and the version last seen."""

    id: str
    number: str | None
    version: str


@dataclass(frozen=True, slots=True)
class Transaction:
    """One row of the ledger: a TMS record, its state and what accounting holds of it.

    `version` counts changes of the row and guards every move. `revision` counts the TMS's versions of the content,
    `generation` the documents made for it.
    """

    id: TransactionId
    kind: Kind
    source_id: str
    label: str
    state: State
    version: int
    generation: int
    revision: int
    content: Content | None
    digest: str
    total: Money | None
    paid: Money | None
    document: Document | None
    problem: Problem | None
    in_flight: bool  # a message was sent and its outcome is not known yet
    created_at: datetime
    updated_at: datetime
    held: Sourced | None = None  # what the TMS says now, while the state allows no such change

    @property
    def traceable(self) -> bool:
        """Whether accounting holds, or may hold, a document of this transaction."""
        return self.document is not None or self.in_flight
