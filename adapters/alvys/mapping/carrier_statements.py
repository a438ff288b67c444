"""What a carrier, or the company that factors it, is owed by a settlement statement over its trips."""

from collections.abc import Iterator, Mapping
from typing import Final

from adapters.alvys.mapping.common import address, after, numbered, owned_by_id, telling
from adapters.alvys.mapping.numbers import document_number
from adapters.alvys.mapping.signs import Sides
from adapters.alvys.mapping.statements import statement_day, statement_id, statement_number, word
from adapters.alvys.record import Odd, Record, glimpse
from adapters.alvys.settings import Settings
from state.problem import problem
from state.transaction import Content, Kind, Line, Party, Segment, Sourced

CARRIER_SIDES: Final = Sides(Kind.CARRIER_STATEMENT, Kind.CARRIER_STATEMENT_CREDIT)
_FACTOR: Final = "FactoringCompany"

# What an item's Type is to us; what is not here is "other". Linehaul bears the name it has on a trip's own bill.
_CATEGORIES: Final = {
    "linehaul": "linehaul",
    "accessorial": "accessorial",
    "echeck": "echeck",
    "echeckfee": "echeck_fee",
}


def carrier_statement(raw: object, carrier: object, settings: Settings) -> list[Sourced]:
    """Return a statement as a bill, or a credit if negative, with the carrier's own record, or None, beside it."""
    source_id = statement_id(raw)
    return CARRIER_SIDES.sourced(source_id, source_id, lambda: _content(Record(raw, "Statement"), carrier, settings))


def paid_carrier(raw: object) -> str:
    """Return the id of the carrier a statement is paid to, blank if it is paid to another or that can't be read."""
    payee = raw.get("Payee") if isinstance(raw, Mapping) else None
    return "" if glimpse(payee, "Type") == _FACTOR else glimpse(payee, "Id")


def _content(statement: Record, carrier: object, settings: Settings) -> Content:
    number = statement_number(statement)
    owned_by_id(statement, statement.text("SubsidiaryId"), settings)
    issued_on = statement_day(statement)
    segment = Segment(subsidiary=settings.subsidiary or "", load_type="brokerage")
    return Content(
        party=_payee(statement, carrier),
        number=document_number("", number, settings),
        issued_on=issued_on,
        due_on=statement.utc_day("RemittanceDate") or after(issued_on, settings.carrier_terms_days),
        lines=telling(line for trip in statement.parts("Trips") for line in _lines(trip, segment)),
        total=statement.money("NetAmount"),
        load_number="",
        memo=f"Carrier statement {number}",
        segment=segment,
    )


def _payee(statement: Record, carrier: object) -> Party:
    """Return who is paid: the factoring company in its own name, or the carrier as its own record knows it."""
    payee = statement.part("Payee")
    if payee is None or not payee.text("Id") or not payee.text("Name").strip():
        raise Odd(problem("party_missing", f"{statement.path}.Payee is missing or has no id or name"))
    factored = payee.text("Type") == _FACTOR
    known = None if factored or carrier is None else Record(carrier, "Carrier")
    return Party(
        source_id=payee.text("Id"),
        name=payee.text("Name"),
        accounting_name=(known.text("ExternalName") or None) if known else None,
        address=address(known.part("Address")) if known else None,
    )


def _lines(trip: Record, segment: Segment) -> Iterator[Line]:
    """Yield a trip's items; an e-check among them is negative, since the driver has it already."""
    where = numbered(trip, (("Load", "LoadNumber"), ("trip", "TripNumber"), ("carrier invoice", "InvoiceNumber")))
    for item in trip.parts("Items"):
        name = item.text("Description").strip() or item.text("AccountingTag").strip() or item.text("Type")
        category = _CATEGORIES.get(word(item.text("Type")), "other")
        named = "Linehaul" if category == "linehaul" else name
        yield Line(category, named, item.money("Amount"), f"{named} - {where}", segment)
