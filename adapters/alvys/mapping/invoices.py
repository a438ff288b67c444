"""The invoices of loads and orders."""

from collections.abc import Mapping
from datetime import date
from typing import Final

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
from adapters.alvys.record import Odd, Record, glimpse, glimpses, odd
from adapters.alvys.settings import Settings
from state.problem import problem
from state.transaction import Content, Kind, Line, Party, Sourced

# (Category, Name) of an invoice line; None stands for any name. What is not here is "other".
LINE_CATEGORIES: Final[dict[tuple[str, str | None], str]] = {
    ("Load", "Linehaul"): "linehaul",
    ("Load", "Fuel Surcharge"): "fuel_surcharge",
    ("Accessorial", None): "accessorial",
}

# The vendor promises no order of an invoice's loads, and the first one decides on payments and the legal entity.
_LOAD_ORDER: Final = ("LoadNumber", "Id")
_LOAD_INVOICES: Final = frozenset({"LoadInvoice", "OrderInvoice"})


def customer_invoice(raw: object, customer: object, settings: Settings) -> Sourced:
    """Return a load's or an order's invoice, with the customer's own record, or None, beside it."""
    return sourced(invoice_withdrawn(raw), lambda: _invoice(Record(raw, "Invoice"), customer, settings))


def invoice_withdrawn(raw: object) -> Sourced:
    """Return an invoice as one the TMS no longer stands by."""
    source_id = invoice_id(raw)
    label = next((glimpse(load, "LoadNumber") for load in _loads(raw)), "")
    return Sourced(Kind.CUSTOMER_INVOICE, source_id, label or glimpse(raw, "Number") or source_id, withdrawn=True)


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

    A load's own invoice is the one over that load alone, under its number. Taken back and made anew, it has another id
    but the same number: to accounting it is the same document. A supplement stands beside it, whatever its number.
    """
    loads, number = _loads(raw), glimpse(raw, "Number")
    own = (
        len(loads) == 1
        and glimpse(raw, "Type") == "LoadInvoice"
        and not glimpse(raw, "SupplementalInvoiceType")
        and number
        and number == glimpse(loads[0], "LoadNumber")
    )
    return (glimpse(loads[0], "Id") if own else "") or identity(raw, "Id", "Number")


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


def _invoice(invoice: Record, customer: object, settings: Settings) -> Content:
    known(invoice, invoice_owner(invoice), settings)
    if invoice.text("Type") not in _LOAD_INVOICES:
        raise odd(f"Invoice.Type is {invoice.text('Type')[:40]!r}")
    master = None if customer is None else Record(customer, "Customer")
    loads = invoice.parts("Loads", by=_LOAD_ORDER)
    numbers = [load.text("LoadNumber") for load in loads]
    references = {number: _references(load) for number, load in zip(numbers, loads, strict=True)}
    first = next(iter(numbers), "") or invoice.text("Number")
    issued_on = dated(invoice_date(invoice, settings), invoice)
    return Content(
        party=_customer(invoice, master),
        number=invoice.text("Number"),
        issued_on=issued_on,
        due_on=invoice.day("DueDate", settings.timezone) or after(issued_on, _terms(master)),
        lines=telling(_invoice_line(item, first, references) for item in invoice.parts("LineItems")),
        total=invoice.money("Total"),
        load_number=first,
        memo="; ".join(filter(None, references.values())),
    )


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


def _invoice_line(item: Record, first: str, references: Mapping[str, str]) -> Line:
    name, category = item.text("Name"), item.text("Category")
    known = LINE_CATEGORIES.get((category, name)) or LINE_CATEGORIES.get((category, None), "other")
    number = item.text("LoadNumber") or first
    return Line(known, name, item.money("Amount"), f"{name} - {references.get(number) or f'Load {number}'}")


def _references(load: Record) -> str:
    """Return a load's numbers as people write them: Load 1001, order 77, PO 5."""
    return numbered(load, (("Load", "LoadNumber"), ("order", "OrderNumber"), ("PO", "PONumber")))


def _loads(raw: object) -> list[object]:
    """Return the loads an invoice lists, in their order, none if that can't be read."""
    loads = raw.get("Loads") if isinstance(raw, Mapping) else None
    return sorted(loads, key=lambda load: glimpses(load, _LOAD_ORDER)) if isinstance(loads, list) else []
