"""Alvys' invoices and trips as the content of transactions. Pure; see MAPPING.md for each field's origin.

Nothing here raises for bad data: a record that can't be read becomes a `Sourced` with the reason in it.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Final

import msgspec

from adapters.alvys.record import Odd, Record, glimpse, glimpses, odd
from adapters.alvys.settings import Settings
from state.problem import problem
from state.transaction import Address, Content, Kind, Line, Money, Party, Sourced

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
    return _sourced(invoice_withdrawn(raw), lambda: _invoice(Record(raw, "Invoice"), customer, settings))


def carrier_bill(raw: object, carrier: object, settings: Settings) -> Sourced:
    """Return what a trip owes its external carrier, with the carrier's own record, or None, beside it."""
    return _sourced(trip_withdrawn(raw), lambda: _bill(Record(raw, "Trip"), carrier, settings))


def invoice_withdrawn(raw: object) -> Sourced:
    """Return an invoice as one the TMS no longer stands by."""
    source_id = invoice_id(raw)
    label = next((glimpse(load, "LoadNumber") for load in _loads(raw)), "")
    return Sourced(Kind.CUSTOMER_INVOICE, source_id, label or glimpse(raw, "Number") or source_id, withdrawn=True)


def load_withdrawn(raw: object) -> Sourced:
    """Return a load's own invoice as one the TMS no longer stands by, whether or not there is one to be seen."""
    source_id = _identity(raw, "Id")
    return Sourced(Kind.CUSTOMER_INVOICE, source_id, glimpse(raw, "LoadNumber") or source_id, withdrawn=True)


def trip_withdrawn(raw: object) -> Sourced:
    """Return a trip's bill as one the TMS no longer stands by."""
    source_id = _identity(raw, "Id", "TripNumber")
    return Sourced(Kind.CARRIER_BILL, source_id, glimpse(raw, "LoadNumber") or source_id, withdrawn=True)


def unreadable_load(raw: object) -> Sourced:
    """Return a load whose invoices can't be asked for, because it has no number to ask by."""
    source_id = _identity(raw, "Id")
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
    return (glimpse(loads[0], "Id") if own else "") or _identity(raw, "Id", "Number")


def invoice_date(invoice: Record, settings: Settings) -> date | None:
    """Return the date an invoice is booked on: when it was issued, else when it was created."""
    return invoice.day("InvoicedDate", settings.timezone) or invoice.day("CreatedDate", settings.timezone)


def trip_date(trip: Record, settings: Settings) -> date | None:
    """Return the date a bill is booked on: when the trip was released to billing, else when it was delivered."""
    return trip.day("ReleasedAt", settings.timezone) or trip.day("DeliveredAt", settings.timezone)


def invoice_owner(invoice: Record) -> str:
    """Return the name of the subsidiary an invoice belongs to, blank if it names none.

    The first load decides, so that exactly one legal entity takes an invoice over several subsidiaries' loads.
    """
    loads = invoice.parts("Loads", by=_LOAD_ORDER)
    vendor = invoice.part("Vendor")
    return (loads[0].text("SubsidiaryName") if loads else "") or (vendor.text("Name") if vendor else "")


def trip_owner(trip: Record) -> str:
    """Return the name of the subsidiary a trip was tendered as, blank if it names none."""
    return trip.text("TenderAs")


def _sourced(withdrawn: Sourced, content: Callable[[], Content]) -> Sourced:
    """Return the record under the identity it would be withdrawn by, with its content or the reason why not."""
    named = (withdrawn.kind, withdrawn.source_id, withdrawn.label)
    try:
        return Sourced(*named, content=content())
    except Odd as error:
        return Sourced(*named, problem=error.problem)


def _invoice(invoice: Record, customer: object, settings: Settings) -> Content:
    _known(invoice, invoice_owner(invoice), settings)
    if invoice.text("Type") not in _LOAD_INVOICES:
        raise odd(f"Invoice.Type is {invoice.text('Type')[:40]!r}")
    master = None if customer is None else Record(customer, "Customer")
    loads = invoice.parts("Loads", by=_LOAD_ORDER)
    numbers = [load.text("LoadNumber") for load in loads]
    references = {number: _references(load) for number, load in zip(numbers, loads, strict=True)}
    first = next(iter(numbers), "") or invoice.text("Number")
    issued_on = _dated(invoice_date(invoice, settings), invoice)
    return Content(
        party=_customer(invoice, master),
        number=invoice.text("Number"),
        issued_on=issued_on,
        due_on=invoice.day("DueDate", settings.timezone) or _after(issued_on, _terms(master)),
        lines=_telling(_invoice_line(item, first, references) for item in invoice.parts("LineItems")),
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
        email=_first((named, "EmailAddresses"), (billing, "EmailAddresses"), (master, "Email")),
        phone=_first((named, "PhoneNumbers"), (master, "Phone")),
        address=_address(named.part("BillingAddress") or (master.part("BillingAddress") if master else None)),
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
    return _numbered(load, (("Load", "LoadNumber"), ("order", "OrderNumber"), ("PO", "PONumber")))


def _numbered(record: Record, words: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"{word} {record.text(field)}" for word, field in words if record.text(field).strip())


def _bill(trip: Record, carrier: object, settings: Settings) -> Content:
    _known(trip, trip_owner(trip), settings)
    hired = trip.part("Carrier")
    if hired is None or carrier is None:
        raise Odd(problem("party_missing", "Trip.Carrier is missing, or no carrier has its id"))
    issued_on = _dated(trip_date(trip, settings), trip)
    where = _numbered(trip, (("Load", "LoadNumber"), ("trip", "TripNumber")))
    invoiced = hired.text("CarrierInvoiceNumber")
    return Content(
        party=_carrier(hired, Record(carrier, "Carrier")),
        number=trip.text("LoadNumber") or trip.text("TripNumber"),
        issued_on=issued_on,
        due_on=trip.day("DueDate", settings.timezone) or _after(issued_on, settings.carrier_terms_days),
        lines=_telling(_bill_lines(hired, where)),
        total=hired.money("TotalPayable"),
        load_number=trip.text("LoadNumber"),
        trip_id=trip.text("Id"),
        memo=where + (f", carrier invoice {invoiced}" if invoiced else ""),
    )


def _carrier(hired: Record, carrier: Record) -> Party:
    if not hired.text("Id") or not carrier.text("Name").strip():
        raise Odd(problem("party_missing", "Trip.Carrier has no id, or its carrier no name"))
    return Party(
        source_id=hired.text("Id"),
        name=carrier.text("Name"),
        accounting_name=carrier.text("ExternalName") or None,
        address=_address(carrier.part("Address")),
    )


def _bill_lines(hired: Record, where: str) -> Iterable[Line]:
    """Yield linehaul and accessorials, and each e-check against them: it was paid out to the driver already."""
    linehaul = hired.money_if_any("Linehaul")
    if linehaul is not None:
        yield Line("linehaul", "Linehaul", linehaul, f"Linehaul - {where}")
    details = hired.parts("AccessorialsDetails")
    for extra in details:
        name = extra.text("Type")
        yield Line("accessorial", name, extra.money("Total"), f"{name} - {where}")
    accessorials = None if details else hired.money_if_any("Accessorials")
    if accessorials is not None:
        yield Line("accessorial", "Accessorials", accessorials, f"Accessorials - {where}")
    for check in hired.parts("EChecks"):
        paid = check.money("Amount")
        description = f"E-check {check.text('CheckNumber')} - {where}"
        yield Line("echeck", check.text("Type") or "E-check", Money(-paid.minor, paid.currency), description)


def _telling(lines: Iterable[Line]) -> tuple[Line, ...]:
    """Return the lines that say something: the vendor lists many of zero. A document of zeros keeps them."""
    every = tuple(lines)
    return tuple(line for line in every if line.amount.minor) or every


def _known(record: Record, owner: str, settings: Settings) -> None:
    """Raise for a record that could be taken for another one, or land in another entity's books."""
    if not record.text("Id").strip():
        raise odd(f"{record.path}.Id is missing")
    if settings.subsidiary is not None and not owner:
        raise odd(f"{record.path} names no subsidiary")


def _dated(day: date | None, record: Record) -> date:
    if day is None:
        raise Odd(problem("date_missing", f"{record.path} has no date to book it on"))
    return day


def _after(issued_on: date, days: int | None) -> date | None:
    """Return the due date that terms of so many days give; the vendor allows 0 to 365."""
    try:
        return None if days is None else issued_on + timedelta(days=days)
    except OverflowError as error:
        raise odd("the payment terms are not a number of days") from error


def _first(*places: tuple[Record | None, str]) -> str | None:
    """Return the first text found in the first list that holds one."""
    return next((text for record, name in places if record for text in record.texts(name)), None)


def _address(record: Record | None) -> Address | None:
    fields: Sequence[str] = ("Street", "City", "State", "ZipCode")
    return None if record is None else Address(*(record.text(field) for field in fields))


def _identity(raw: object, *fields: str) -> str:
    """Return the record's own id; without one, a fingerprint of all it holds, so that it can be kept anyway."""
    found = next((text for field in fields if (text := glimpse(raw, field))), None)
    return found or hashlib.sha256(msgspec.json.encode(raw, order="deterministic")).hexdigest()[:16]


def _loads(raw: object) -> list[object]:
    """Return the loads an invoice lists, in their order, none if that can't be read."""
    loads = raw.get("Loads") if isinstance(raw, Mapping) else None
    return sorted(loads, key=lambda load: glimpses(load, _LOAD_ORDER)) if isinstance(loads, list) else []
