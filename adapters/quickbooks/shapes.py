"""The parts of QuickBooks' objects that we read. Fields we do not name are ignored: new ones appear unannounced."""

from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
from typing_extensions import override


class Shape(msgspec.Struct, kw_only=True, rename="pascal"):
    """A QuickBooks object: field names in PascalCase, anything but the id may be missing."""


class Ref(msgspec.Struct, frozen=True):
    """A reference: the id, and the name if the answer carried it."""

    value: str = ""
    name: str | None = None


class Meta(Shape):
    """When an object came to be."""

    create_time: datetime | None = None


class Link(Shape):
    """A link between two documents."""

    txn_id: str = ""
    txn_type: str = ""


class Detail(Shape):
    """What a line is booked on."""

    item_ref: Ref | None = None
    account_ref: Ref | None = None


class HeldLine(Shape):
    """A line of an invoice or a bill."""

    detail_type: str = ""
    amount: Decimal | None = None
    description: str | None = None
    sales_item_line_detail: Detail | None = None
    account_based_expense_line_detail: Detail | None = None


class Held(Shape):
    """A document as QuickBooks holds it, or the tombstone of one (status Deleted)."""

    id: str
    sync_token: str = ""
    status: str | None = msgspec.field(default=None, name="status")
    doc_number: str | None = None
    payment_ref_num: str | None = None
    txn_date: date | None = None
    total_amt: Decimal | None = None
    balance: Decimal | None = None
    private_note: str | None = None
    customer_ref: Ref | None = None
    vendor_ref: Ref | None = None
    currency_ref: Ref | None = None
    line: tuple[HeldLine, ...] | None = None
    linked_txn: tuple[Link, ...] | None = None

    @property
    def party(self) -> Ref:
        """Whom the document is with."""
        return self.customer_ref or self.vendor_ref or Ref()

    @property
    def number(self) -> str | None:
        """The number it carries; a payment's is that of the cheque or transfer."""
        return self.doc_number or self.payment_ref_num

    @property
    def gone(self) -> bool:
        """Whether it was deleted or voided.

        Documented: a voided document keeps its row with zero amounts and a note that starts with "Voided"; a total
        of zero alone is a legal invoice.
        """
        voided = not self.total_amt and (self.private_note or "").startswith("Voided")
        return self.status == "Deleted" or voided

    @property
    def settled(self) -> bool:
        """Whether any of it has been paid or credited."""
        return self.balance is not None and self.total_amt is not None and self.balance < self.total_amt


class PaymentLine(Shape):
    """What a payment applies to one document."""

    amount: Decimal = Decimal(0)
    linked_txn: tuple[Link, ...] | None = None


class Paid(Shape):
    """A Payment or a BillPayment. A voided one has no lines, a deleted one nothing but its id."""

    id: str
    status: str | None = msgspec.field(default=None, name="status")
    txn_date: date | None = None
    currency_ref: Ref | None = None
    payment_method_ref: Ref | None = None
    payment_ref_num: str | None = None
    private_note: str | None = None
    pay_type: str | None = None
    doc_number: str | None = None
    line: tuple[PaymentLine, ...] | None = None


class Listed(Shape):
    """A row of one of the company's lists."""

    id: str
    name: str = ""
    fully_qualified_name: str = ""
    active: bool = True

    @property
    def shown(self) -> str:
        """What a person knows it by."""
        return self.fully_qualified_name or self.name

    @property
    def top(self) -> bool:
        """Whether it stands under no other row: only there a name is taken for all."""
        return self.shown == self.name

    @property
    def handles(self) -> tuple[frozenset[str], ...]:
        """By what a person may point at it, in the order tried; each rung holds equals."""
        return (frozenset({self.id}), frozenset({self.fully_qualified_name}), frozenset({self.name}))


class Account(Listed):
    """A row of the chart of accounts."""

    acct_num: str | None = None
    account_type: str = ""

    @property
    @override
    def handles(self) -> tuple[frozenset[str], ...]:
        """An id and an account number look alike, so they stand on one rung: a clash is ambiguous, never a guess."""
        return (
            frozenset({self.id, self.acct_num or self.id}),
            frozenset({self.fully_qualified_name}),
            frozenset({self.name}),
        )


class Item(Listed):
    """A product or service; the income account hangs on it."""

    type: str = ""
    income_account_ref: Ref | None = None

    @property
    def sellable(self) -> bool:
        """Whether an invoice line may name it."""
        return self.income_account_ref is not None and self.type != "Category"


class Term(Listed):
    """Payment terms; `due_days` is missing on date-driven ones."""

    due_days: int | None = None


class Segment(Listed):
    """A class, or a location, which the API calls a department."""


class PaymentMethod(Listed):
    """How a customer pays."""


class Named(Shape):
    """A customer or a vendor."""

    id: str
    display_name: str = ""
    active: bool = True


class AccountingPrefs(Shape):
    """Closing date and tracking dimensions; no closing date means that the books are open."""

    book_close_date: date | None = None
    track_departments: bool | None = None
    class_tracking_per_txn: bool | None = None
    class_tracking_per_txn_line: bool | None = None


class Flag(Shape):
    """One named value of the preferences, a switch or a text."""

    name: str = ""
    string_value: str | None = None
    boolean_value: bool | None = None


class Flags(Shape):
    """Some of them together."""

    custom_field: tuple[Flag, ...] = ()


class SalesPrefs(Shape):
    """Whether documents carry our numbers or QuickBooks' own, and the old custom fields: a switch and a label each."""

    custom_txn_numbers: bool | None = None
    custom_field: tuple[Flags, ...] = ()


class PurchasePrefs(Shape):
    """Whether the company uses bills."""

    enable_bills: bool | None = None


class CurrencyPrefs(Shape):
    """The currency the books are kept in."""

    home_currency: Ref | None = None


_OLD_FIELDS = ("1", "2", "3")


class Pair(Shape):
    """One named setting."""

    name: str = ""
    value: str | None = None


class OtherPrefs(Shape):
    """Settings that QuickBooks keeps as names and values."""

    name_value: tuple[Pair, ...] = ()


class Preferences(Shape):
    """The company's settings that decide what we send; a flag that is not stated is None."""

    accounting_info_prefs: AccountingPrefs = msgspec.field(default_factory=AccountingPrefs)
    sales_forms_prefs: SalesPrefs = msgspec.field(default_factory=SalesPrefs)
    vendor_and_purchases_prefs: PurchasePrefs = msgspec.field(default_factory=PurchasePrefs)
    currency_prefs: CurrencyPrefs = msgspec.field(default_factory=CurrencyPrefs)
    other_prefs: OtherPrefs = msgspec.field(default_factory=OtherPrefs)

    @property
    def closed_until(self) -> date | None:
        """The last day of the closed books, or None."""
        return self.accounting_info_prefs.book_close_date

    @property
    def our_numbers(self) -> bool:
        """Whether invoices carry the number we send; while that is unknown, none is sent."""
        return self.sales_forms_prefs.custom_txn_numbers is True

    @property
    def classed(self) -> bool:
        """Whether a document as a whole may have a class; while that is unknown, none is sent, nor a location."""
        return self.accounting_info_prefs.class_tracking_per_txn is True

    @property
    def classed_by_line(self) -> bool:
        """Whether each line may have a class."""
        return self.accounting_info_prefs.class_tracking_per_txn_line is True

    @property
    def located(self) -> bool:
        """Whether documents may have a location, which the API calls a department."""
        return self.accounting_info_prefs.track_departments is True

    @property
    def custom_fields(self) -> dict[str, tuple[str, str]]:
        """The custom fields of sales forms that are in use, each by its label, case aside: its id and the label."""
        flags = {
            flag.name.rpartition(".")[2]: flag
            for group in self.sales_forms_prefs.custom_field
            for flag in group.custom_field
        }
        labels = {
            number: flags[f"SalesCustomName{number}"].string_value or ""
            for number in _OLD_FIELDS
            if f"SalesCustomName{number}" in flags
            and (used := flags.get(f"UseSalesCustom{number}")) is not None
            and used.boolean_value
        }
        return {" ".join(label.split()).casefold(): (number, label) for number, label in labels.items()}

    @property
    def bills(self) -> bool | None:
        """Whether the company uses bills, None while that is unknown."""
        return self.vendor_and_purchases_prefs.enable_bills

    def other(self, suffix: str) -> str | None:
        """Return the named setting; some companies carry a prefix before the name, so its end decides."""
        return next((pair.value for pair in self.other_prefs.name_value if pair.name.endswith(suffix)), None)


class Company(Shape):
    """Who the company is, and which plan it pays for."""

    company_name: str = ""
    name_value: tuple[Pair, ...] = ()

    def named(self, name: str) -> str:
        """Return the value of `name`, or an empty text."""
        return next((pair.value or "" for pair in self.name_value if pair.name == name), "")


class Instant(msgspec.Struct, frozen=True):
    """The server's own time in an answer."""

    time: datetime


Read = TypeVar("Read", bound=msgspec.Struct)


def readable(raw: object, shape: type[Read]) -> Read | None:
    """Return an untyped object as `shape`, or None if it does not fit; a null is as good as a missing field."""
    with suppress(msgspec.ValidationError):
        return msgspec.convert(raw, shape)  # most objects fit as they are
    with suppress(msgspec.ValidationError):
        return msgspec.convert(_stated(raw), shape)
    return None


def _stated(value: Any) -> Any:  # noqa: ANN401 - untyped JSON
    """Return a JSON value without the fields that are null, at whatever depth."""
    if isinstance(value, dict):
        return {name: _stated(each) for name, each in value.items() if each is not None}
    return [_stated(each) for each in value] if isinstance(value, list) else value
