"""What one company of the tenant's own bills another, for freight that one invoices and the other hauls."""

from collections.abc import Sequence
from datetime import date

from adapters.alvys.hauls import Hauls
from adapters.alvys.mapping.bills import trip_date, trip_number, trip_withdrawn, where
from adapters.alvys.mapping.common import after, dated, identity, known, sourced, telling
from adapters.alvys.mapping.numbers import document_number
from adapters.alvys.record import Record, glimpse
from adapters.alvys.settings import Settings
from state.transaction import Content, Kind, Line, Money, Party, Sourced


def intercompany_invoice(load: object, trips: Sequence[object], hauls: Hauls, settings: Settings) -> Sourced:
    """Return what we ask of the company that invoices a load for the trips of it that we haul."""
    return sourced(load_share_withdrawn(load), lambda: _invoice(load, trips, hauls, settings))


def load_share_withdrawn(load: object) -> Sourced:
    """Return what we ask of the company that invoices a load as something the TMS no longer stands by."""
    source_id = identity(load, "Id")
    label = glimpse(load, "LoadNumber") or source_id
    return Sourced(Kind.INTERCOMPANY_INVOICE, source_id, label, withdrawn=True)


def hauling_bill(trip: object, load: object, hauls: Hauls, settings: Settings, kind: Kind) -> Sourced:
    """Return what we owe the company that hauls a trip of a load we invoice."""
    return sourced(trip_withdrawn(trip, kind), lambda: _bill(trip, load, hauls, settings, kind))


def shared_on(load: Record, trip: Record, settings: Settings) -> date | None:
    """Return the date both companies book on: when the load was invoiced, else the trip's."""
    return load.day("InvoicedAt", settings.timezone) or trip_date(trip, settings)


def _invoice(raw: object, trips: Sequence[object], hauls: Hauls, settings: Settings) -> Content:
    load, legs = Record(raw, "Load"), [Record(each, "Trip") for each in trips]
    invoicing = load.text("InvoiceAs")
    known(load, invoicing, settings)
    issued_on = dated(shared_on(load, legs[0], settings), load)
    lines = [_line(leg, "intercompany", hauls) for leg in legs]
    return Content(
        party=_company(invoicing),
        number=document_number("ALD", load.text("LoadNumber"), settings),
        issued_on=issued_on,
        due_on=after(issued_on, settings.carrier_terms_days),
        lines=telling(lines),
        total=_sum(lines),
        load_number=load.text("LoadNumber"),
        memo="; ".join(where(leg) for leg in legs) + f", invoiced by {invoicing}",
        segment=hauls.segment_of_trip(trips[0]),
    )


def _bill(raw: object, of: object, hauls: Hauls, settings: Settings, kind: Kind) -> Content:
    trip, load = Record(raw, "Trip"), Record(of, "Load")
    hauling = trip.text("TenderAs")
    known(trip, hauling, settings)
    issued_on = dated(shared_on(load, trip, settings), trip)
    line = _line(trip, "intercompany" if kind is Kind.INTERCOMPANY_BILL else "linehaul", hauls)
    return Content(
        party=_company(hauling),
        number=trip_number(trip, settings),
        issued_on=issued_on,
        due_on=after(issued_on, settings.carrier_terms_days),
        lines=(line,),
        total=line.amount,
        load_number=trip.text("LoadNumber"),
        trip_id=trip.text("Id"),
        memo=f"{where(trip)}, hauled by {hauling}",
        segment=hauls.segment_of_load(glimpse(of, "Id")),
    )


def _line(trip: Record, category: str, hauls: Hauls) -> Line:
    """Return a trip's share of what the customer pays, which is what hauling it is worth between the two."""
    name = "Intercompany" if category == "intercompany" else "Linehaul"
    return Line(category, name, trip.money("TripValue"), f"{name} - {where(trip)}", hauls.segment_of_trip(trip.raw))


def _company(name: str) -> Party:
    return Party(source_id=f"subsidiary:{name}", name=name)


def _sum(lines: Sequence[Line]) -> Money:
    currencies = {line.amount.currency for line in lines}
    return Money(sum(line.amount.minor for line in lines), currencies.pop() if len(currencies) == 1 else "mixed")
