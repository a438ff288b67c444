"""What a transaction is: the accounting content of one TMS record, exact to the cent.

Everything here is immutable and does no I/O. Money enters as Decimal and is held in minor units; a float cannot
be built into it.
"""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, NewType

import msgspec
from typing_extensions import override

from state.lifecycle import State
from state.problem import Problem, problem

TransactionId = NewType("TransactionId", int)

# Minor digits of the currencies a US company can meet; ISO 4217 gives two unless listed.
_DIGITS = {"JPY": 0, "KRW": 0, "CLP": 0, "KWD": 3, "BHD": 3}
# Digits of the largest amount in minor units: it must fit the 64-bit integers of a database.
_LONGEST = 18


class InexactMoney(ValueError):  # noqa: N818 - named for what happened
    """An amount has more decimals than its currency, or is not a number at all."""


class Money(msgspec.Struct, frozen=True, order=True):
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


class DocumentType(StrEnum):
    """What a transaction becomes in accounting. Ids of documents are unique within one type."""

    INVOICE = "invoice"
    BILL = "bill"
    VENDOR_CREDIT = "vendor_credit"
    PAYMENT = "payment"


class Kind(StrEnum):
    """The route a transaction takes: from one kind of record in the TMS to one type of document.

    What turns out negative takes a route of its own, a credit instead of a bill, under the same record.
    """

    CUSTOMER_INVOICE = "customer_invoice"  # over one load or order, or a supplement to it
    SUMMARY_INVOICE = "summary_invoice"  # over many loads
    INTERCOMPANY_INVOICE = "intercompany_invoice"  # to the company that invoices what we hauled
    CARRIER_BILL = "carrier_bill"  # for one trip
    CARRIER_CREDIT = "carrier_credit"
    CARRIER_STATEMENT = "carrier_statement"  # over many trips
    CARRIER_STATEMENT_CREDIT = "carrier_statement_credit"
    SUBSIDIARY_BILL = "subsidiary_bill"  # a carrier that is a company of the tenant's own
    INTERCOMPANY_BILL = "intercompany_bill"  # from the company that hauled what we invoice
    DRIVER_BILL = "driver_bill"  # for one trip
    DRIVER_STATEMENT = "driver_statement"  # net pay of a period
    DRIVER_STATEMENT_CREDIT = "driver_statement_credit"
    DRIVER_ADDITION = "driver_addition"  # what a statement gives beside the trips, one for each sort
    DRIVER_DEDUCTION = "driver_deduction"  # what a statement takes, one for each sort
    FUEL_BILL = "fuel_bill"
    FUEL_CREDIT = "fuel_credit"
    TOLL_BILL = "toll_bill"
    TOLL_CREDIT = "toll_credit"
    CUSTOMER_PAYMENT = "customer_payment"

    @property
    def document_type(self) -> DocumentType:
        """The type of document that this route leads to."""
        return ROUTES[self]


# fmt: off
ROUTES: Final[Mapping[Kind, DocumentType]] = {
    Kind.CUSTOMER_INVOICE:         DocumentType.INVOICE,
    Kind.SUMMARY_INVOICE:          DocumentType.INVOICE,
    Kind.INTERCOMPANY_INVOICE:     DocumentType.INVOICE,
    Kind.CARRIER_BILL:             DocumentType.BILL,
    Kind.CARRIER_CREDIT:           DocumentType.VENDOR_CREDIT,
    Kind.CARRIER_STATEMENT:        DocumentType.BILL,
    Kind.CARRIER_STATEMENT_CREDIT: DocumentType.VENDOR_CREDIT,
    Kind.SUBSIDIARY_BILL:          DocumentType.BILL,
    Kind.INTERCOMPANY_BILL:        DocumentType.BILL,
    Kind.DRIVER_BILL:              DocumentType.BILL,
    Kind.DRIVER_STATEMENT:         DocumentType.BILL,
    Kind.DRIVER_STATEMENT_CREDIT:  DocumentType.VENDOR_CREDIT,
    Kind.DRIVER_ADDITION:          DocumentType.BILL,
    Kind.DRIVER_DEDUCTION:         DocumentType.VENDOR_CREDIT,
    Kind.FUEL_BILL:                DocumentType.BILL,
    Kind.FUEL_CREDIT:              DocumentType.VENDOR_CREDIT,
    Kind.TOLL_BILL:                DocumentType.BILL,
    Kind.TOLL_CREDIT:              DocumentType.VENDOR_CREDIT,
    Kind.CUSTOMER_PAYMENT:         DocumentType.PAYMENT,
}
# fmt: on


class Address(msgspec.Struct, frozen=True):
    """A postal address as the TMS holds it."""

    street: str
    city: str
    region: str
    postal_code: str


class Party(msgspec.Struct, frozen=True):
    """The customer who owes us, or whom we owe: a carrier, a driver, a company of the tenant's own, a seller."""

    source_id: str
    name: str
    accounting_name: str | None = None  # the name accounting knows the party by, if the TMS states one
    email: str | None = None
    phone: str | None = None
    address: Address | None = None
    on_1099: bool = False  # whether what it is paid is reported to the tax office on form 1099


class Segment(msgspec.Struct, frozen=True, order=True):
    """Which part of the business something belongs to, in the TMS's words; blank where it does not say."""

    subsidiary: str = ""
    fleet: str = ""
    load_type: str = ""  # "asset" if our own trucks haul it, "brokerage" if others do


class Line(msgspec.Struct, frozen=True):
    """One charge. `category` groups charges for the mapping; `name` is the charge's own name in the TMS."""

    category: str
    name: str
    amount: Money
    description: str = ""
    segment: Segment = Segment()


class Charge(msgspec.Struct, frozen=True, order=True):
    """A sort of charge that documents of one type have had: its category, its own name, the type of its loads."""

    document_type: DocumentType
    category: str
    name: str
    load_type: str = ""


class Origin(msgspec.Struct, frozen=True):
    """Which record of the TMS is meant: the route it takes and its id there."""

    kind: Kind
    source_id: str


class Content(msgspec.Struct, frozen=True):
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
    segment: Segment = Segment()
    fields: tuple[tuple[str, str], ...] = ()  # what else the TMS says, by our name for it, such as order_number
    settles: Origin | None = None  # what a payment pays

    def digest(self) -> str:
        """Return a fingerprint of what the document says.

        The order of the lines does not count, nor does how to reach the party: neither is a reason to touch a
        document that is in the books.
        """
        lines = sorted((line.category, line.name, line.amount, line.description, line.segment) for line in self.lines)
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
            self.segment,
            self.fields,
            self.settles,
        )
        return hashlib.sha256(msgspec.json.encode(said)).hexdigest()

    def flaw(self, home_currency: str) -> Problem | None:
        """Return the first reason why this must not be sent as it is, or None."""
        return next((problem(code, told) for code, told in self._flaws(home_currency)), None)

    def _flaws(self, home_currency: str) -> Iterator[tuple[str, str]]:
        amounts = [line.amount for line in self.lines]
        if foreign := {amount.currency for amount in (self.total, *amounts)} - {home_currency}:
            yield "currency_foreign", f"billed in {', '.join(sorted(foreign))}, books kept in {home_currency}"
        if not self.party.name.strip():
            yield "party_missing", f"party {self.party.source_id} has no name"
        if not self.number.strip():
            yield "number_missing", ""
        if not amounts:
            yield "lines_missing", ""
        if (added := sum(amount.minor for amount in amounts)) != self.total.minor:
            yield "lines_unequal_total", f"{Money(added, home_currency)}, total {self.total}"
        if self.total.minor < 0:
            yield "total_negative", str(self.total)


class Sourced(msgspec.Struct, frozen=True):
    """One record as intake found it in the TMS.

    Either `content` or `problem` is there: a record that can't be read is kept with the reason, never dropped.
    """

    kind: Kind
    source_id: str  # the TMS's own id of the record
    label: str  # what people call it: the load number
    content: Content | None = None
    problem: Problem | None = None
    withdrawn: bool = False
    stamp: str = ""  # the TMS's own stamp of its last change, files perhaps among it; blank if none is known

    def digest(self) -> str:
        """Return a fingerprint of the content, or of the problem that stands in its place."""
        if self.content is not None:
            return self.content.digest()
        return hashlib.sha256(msgspec.json.encode(self.problem, order="deterministic")).hexdigest()


class Document(msgspec.Struct, frozen=True):
    """What accounting holds of a transaction: its id there, the number it carries and the version last seen."""

    id: str
    number: str | None
    version: str


class Transaction(msgspec.Struct, frozen=True):
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
