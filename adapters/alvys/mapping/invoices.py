"""Invoices over one load or order, supplements to them, and over many loads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from adapters.alvys.hauls import Hauls, part, parts
from adapters.alvys.mapping.common import (
    address,
    after,
    dated,
    first_text,
    identity,
    known,
    numbered,
    sourced,
    telling,
)
from adapters.alvys.mapping.numbers import document_number
from adapters.alvys.record import Odd, Record, glimpse, glimpses, odd
from adapters.alvys.settings import Settings
from state.problem import problem
from state.transaction import Content, Kind, Line, Party, Segment, Sourced

# (Category, Name) of an invoice line; None stands for any name. What is not here is "other".
LINE_CATEGORIES: Final[dict[tuple[str, str | None], str]] = {
    ("Load", "Linehaul"): "linehaul",
    ("Load", "Fuel Surcharge"): "fuel_surcharge",
    ("Accessorial", None): "accessorial",
}

# The vendor promises no order of an invoice's loads, and the first one decides on payments and the legal entity.
_LOAD_ORDER: Final = ("LoadNumber", "Id")
_KINDS: Final = {
    "LoadInvoice": Kind.CUSTOMER_INVOICE,
    "OrderInvoice": Kind.CUSTOMER_INVOICE,
    "SummaryInvoice": Kind.SUMMARY_INVOICE,
}
# What else an invoice tells of its loads, by our name for it.
_FIELDS: Final = (("order_number", "OrderNumber"), ("po_number", "PONumber"))


def customer_invoice(raw: object, customer: object, hauls: Hauls, settings: Settings) -> Sourced:
    """Return an invoice, with the customer's own record, or None, and what is known of its loads beside it."""
    return sourced(invoice_withdrawn(raw), lambda: _invoice(Record(raw, "Invoice"), customer, hauls, settings))


def invoice_withdrawn(raw: object) -> Sourced:
    """Return an invoice as one the TMS no longer stands by."""
    source_id = invoice_id(raw)
    kind = _KINDS.get(glimpse(raw, "Type"), Kind.CUSTOMER_INVOICE)
    first = next((glimpse(load, "LoadNumber") for load in _loads(raw)), "")
    label = glimpse(raw, "Number") if kind is Kind.SUMMARY_INVOICE else first
    return Sourced(kind, source_id, label or glimpse(raw, "Number") or source_id, withdrawn=True)


def load_withdrawn(raw: object) -> Sourced:
    """Return a load's own invoice as one the TMS no longer stands by, whether or not there is one to be seen."""
    source_id = identity(raw, "Id")
    return Sourced(Kind.CUSTOMER_INVOICE, source_id, glimpse(raw, "LoadNumber") or source_id, withdrawn=True)


def unreadable_load(raw: object) -> Sourced:
    """Return a load whose invoices can't be asked for, because it has no number to ask by."""
    source_id = identity(raw, "Id")
    seen = problem("shape_unknown", "Load.LoadNumber is missing or not text")
    return Sourced(Kind.CUSTOMER_INVOICE, source_id, source_id, problem=seen)


def invoice_id(raw: object) -> str:
    """Return what an invoice is known by: the id of the load it is the own invoice of, else its own id.

    A load's own invoice is the one over that load alone, under its number, a fleet's prefix before it or not. Taken
    back and made anew, it has another id but the same number: to accounting it is the same document. A supplement
    stands beside it, whatever its number, and is known by both ids: it goes with the load.
    """
    loads, number = _loads(raw), glimpse(raw, "Number")
    of, own = glimpse(loads[0], "Id") if loads else "", glimpse(raw, "Id")
    if len(loads) != 1 or glimpse(raw, "Type") != "LoadInvoice" or not of:
        return identity(raw, "Id", "Number")
    if is_supplement(raw):
        return f"{of}/{own}" if own else identity(raw, "Id", "Number")
    load_number = glimpse(loads[0], "LoadNumber")
    return of if load_number and number.endswith(load_number) else identity(raw, "Id", "Number")


def is_supplement(raw: object) -> bool:
    """Whether an invoice comes on top of its load's own."""
    return bool(glimpse(raw, "SupplementalInvoiceType"))


def invoice_date(invoice: Record, settings: Settings) -> date | None:
    """Return the date an invoice is booked on: when it was issued, else when it was created."""
    return invoice.day("InvoicedDate", settings.timezone) or invoice.day("CreatedDate", settings.timezone)


def invoice_owner(invoice: Record) -> str:
    """Return the name of the subsidiary an invoice belongs to, blank if it names none.

    The first load decides, so that exactly one legal entity takes an invoice over several subsidiaries' loads.
    """
    loads = invoice.parts("Loads", by=_LOAD_ORDER)
    vendor = invoice.part("Vendor")
    return (loads[0].text("SubsidiaryName") if loads else "") or (vendor.text("Name") if vendor else "")


@dataclass(frozen=True, slots=True)
class _Place:
    """What a line of a load bears: the load's numbers as people write them, and its part of the business."""

    told: str
    segment: Segment


def _invoice(invoice: Record, customer: object, hauls: Hauls, settings: Settings) -> Content:
    owner = invoice_owner(invoice)
    known(invoice, owner, settings)
    kind = _KINDS.get(invoice.text("Type"))
    if kind is None:
        raise odd(f"Invoice.Type is {invoice.text('Type')[:40]!r}")
    master = None if customer is None else Record(customer, "Customer")
    loads = invoice.parts("Loads", by=_LOAD_ORDER)
    places = {load.text("LoadNumber"): _place(load, hauls) for load in loads}
    first = next(iter(places), "") or invoice.text("Number")
    issued_on = _dated(invoice, settings)
    return Content(
        party=_customer(invoice, master),
        number=_number(invoice, kind, loads, hauls, settings),
        issued_on=issued_on,
        due_on=invoice.day("DueDate", settings.timezone) or after(issued_on, _terms(master)),
        lines=telling(_invoice_line(item, first, places, owner) for item in invoice.parts("LineItems")),
        total=invoice.money("Total"),
        load_number=first,
        memo="; ".join(filter(None, (place.told for place in places.values()))),
        segment=_common([place.segment for place in places.values()], owner),
        fields=_fields(loads),
    )


def _dated(invoice: Record, settings: Settings) -> date:
    return dated(invoice_date(invoice, settings), invoice)


def _number(invoice: Record, kind: Kind, loads: Sequence[Record], hauls: Hauls, settings: Settings) -> str:
    """Return the number as it stands, told from the load's own if it is a supplement's, and with its prefix if asked.

    A fleet's prefix goes before the letters that stand for a load. A summary invoice's number tells itself apart.
    """
    number = invoice.text("Number")
    load = hauls.load(loads[0].text("Id")) if loads else None
    if is_supplement(invoice.raw) and loads and number == loads[0].text("LoadNumber"):
        number = f"{number}-S{_place_among_supplements(invoice, hauls)}"
    fleet = glimpse(part(load, "Fleet"), "InvoiceNumberPrefix")
    if kind is Kind.SUMMARY_INVOICE or not fleet:
        return document_number("" if kind is Kind.SUMMARY_INVOICE else "ALD", number, settings)
    prefixed = number if number.startswith(fleet) or not settings.rules.number_prefix else f"{fleet}{number}"
    return document_number("", prefixed, settings)


def _place_among_supplements(invoice: Record, hauls: Hauls) -> int:
    """Return the place of a supplement among those of its load, 1 for the one made first."""
    of = invoice_id(invoice.raw).partition("/")[0]
    made = sorted(
        (glimpse(each, "CreatedDate"), glimpse(each, "Id"))
        for each in hauls.invoices
        if is_supplement(each) and invoice_id(each).startswith(f"{of}/")
    )
    own = invoice.text("Id")
    return next((place for place, (_, key) in enumerate(dict.fromkeys(made), 1) if key == own), 1)


def _place(load: Record, hauls: Hauls) -> _Place:
    seen = hauls.segment_of_load(load.text("Id"))
    told = numbered(load, (("Load", "LoadNumber"), ("order", "OrderNumber"), ("PO", "PONumber")))
    return _Place(told, Segment(load.text("SubsidiaryName") or seen.subsidiary, seen.fleet, seen.load_type))


def _common(segments: Sequence[Segment], owner: str) -> Segment:
    """Return what all loads have in common; an invoice over none has its subsidiary."""
    alike = [values.pop() if len(values := set(each)) == 1 else "" for each in zip(*map(_names, segments), strict=True)]
    return Segment(*alike) if segments else Segment(owner)


def _names(segment: Segment) -> tuple[str, str, str]:
    return segment.subsidiary, segment.fleet, segment.load_type


def _fields(loads: Sequence[Record]) -> tuple[tuple[str, str], ...]:
    """Return what all the loads say alike."""
    said = {name: {load.text(field).strip() for load in loads} for name, field in _FIELDS}
    return tuple((name, text) for name, texts in said.items() if len(texts) == 1 for text in texts if text)


def _customer(invoice: Record, master: Record | None) -> Party:
    """Return the customer as the invoice names it, completed from the customer's own record."""
    named = invoice.part("Customer")
    if named is None or not named.text("Id") or not named.text("Name").strip():
        raise Odd(problem("party_missing", "Invoice.Customer is missing or has no id or name"))
    billing = master.part("InvoicingInformation") if master else None
    return Party(
        source_id=named.text("Id"),
        name=named.text("Name"),
        email=first_text((named, "EmailAddresses"), (billing, "EmailAddresses"), (master, "Email")),
        phone=first_text((named, "PhoneNumbers"), (master, "Phone")),
        address=address(named.part("BillingAddress") or (master.part("BillingAddress") if master else None)),
    )


def _terms(master: Record | None) -> int | None:
    billing = master.part("InvoicingInformation") if master else None
    return billing.whole("PaymentTermsInDays") if billing else None


def _invoice_line(item: Record, first: str, places: Mapping[str, _Place], owner: str) -> Line:
    name, category = item.text("Name"), item.text("Category")
    known = LINE_CATEGORIES.get((category, name)) or LINE_CATEGORIES.get((category, None), "other")
    number = item.text("LoadNumber") or first
    place = places.get(number, _Place("", Segment(owner)))
    return Line(known, name, item.money("Amount"), f"{name} - {place.told or f'Load {number}'}", place.segment)


def _loads(raw: object) -> list[object]:
    """Return the loads an invoice lists, in their order, none if that can't be read."""
    return sorted(parts(raw, "Loads"), key=lambda load: glimpses(load, _LOAD_ORDER))
