"""What dispatchers and billers do with loads, trips and parties."""

from decimal import Decimal

from adapters.sandbox.alvys.books import Books
from adapters.sandbox.alvys.documents import PLACES, TOUCHED, Folder, keep, keep_carrier_invoice
from adapters.sandbox.alvys.freight import payable
from adapters.sandbox.alvys.routing import Upload
from adapters.sandbox.alvys.wire import Json, Problem, money

BILLER = "Kim Avery"
RELEASABLE = frozenset({"Delivered", "In Transit"})
BILLED = frozenset({"Queued", "Invoiced", "Financed", "Completed"})


def release(books: Books, load_number: str) -> Json:
    """Release a load that has arrived to billing, its trips with it."""
    load = load_in(books, load_number, RELEASABLE, "released")
    now = books.stamp()
    load = books.touched(load, BILLER, Status="Released", DeliveredAt=load["DeliveredAt"] or now)
    trips = [
        books.touched(trip, BILLER, Status="Released", DeliveredAt=trip["DeliveredAt"] or now, ReleasedAt=now)
        for trip in books.trips_of(load_number)
    ]
    books.commit(("loads", load), *(("trips", trip) for trip in trips))
    return load


def cancel(books: Books, load_number: str) -> Json:
    """Cancel a load nobody has invoiced yet, its trips with it."""
    load = books.load(load_number)
    if load["Status"] in BILLED:
        raise Problem(400, f"load {load_number} is {load['Status']}: take the invoice back first")
    done = books.touched(load, BILLER, Status="Cancelled", CancelledAt=books.stamp(), CancelledBy=BILLER)
    trips = [books.touched(trip, BILLER, Status="Cancelled") for trip in books.trips_of(load_number)]
    books.commit(("loads", done), *(("trips", trip) for trip in trips))
    return done


def delete_load(books: Books, load_number: str, *, keep_invoice: bool = False) -> Json:
    """Delete a load and its trips, leaving tombstones, and its invoice, leaving nothing unless it is to be kept."""
    document = books.invoice_of(load_number)
    if document and document["Type"] == "SummaryInvoice":
        raise Problem(400, f"load {load_number} is on summary invoice {document['Number']}: take that back first")
    load = books.touched(books.load(load_number), BILLER, IsDeleted=True)
    trips = [books.touched(trip, BILLER, IsDeleted=True) for trip in books.trips_of(load_number)]
    over = [*([document] if document else []), *books.supplements_of(load["Id"])]
    removed = [] if keep_invoice else [("invoices", each["Id"]) for each in over]
    books.commit(("loads", load), *(("trips", trip) for trip in trips), removed=removed)
    return load


def upload_carrier_invoice(books: Books, trip_number: str, number: str | None = None) -> Json:
    """File the carrier's own invoice with a trip, its number typed or not; a released trip counts as invoiced then."""
    scan = Upload(f"{number or 'invoice'}.pdf", "application/pdf", b"%PDF-1.4 scanned invoice")
    keep_carrier_invoice(books, _brokered(books, trip_number), scan, number, BILLER)
    return books.trip(trip_number)


def file_document(  # noqa: PLR0913 - what a scan is filed with
    books: Books,
    kind: str,
    number: str,
    document_type: str,
    *,
    name: str = "scan.pdf",
    media: str = "application/pdf",
    size: int = 64,
) -> Json:
    """File a scan of `size` bytes with a load or trip, named by its number."""
    if kind not in TOUCHED or document_type not in PLACES[kind].types:
        raise Problem(400, f"no {document_type} is filed with {kind}")
    thing = books.load(number) if kind == "loads" else books.trip(number)
    if books.switches.upload_touches:
        thing = books.touched(thing, BILLER)
    scan = Upload(name, media, f"%PDF-1.4 {document_type} of {number} ".encode().ljust(size, b"."))
    return keep(books, Folder(kind, thing), scan, document_type, BILLER)


def edit_carrier_linehaul(books: Books, trip_number: str, amount: Decimal | int | str) -> Json:
    """Agree on another linehaul with the carrier of a trip."""
    trip = _brokered(books, trip_number)
    carrier = trip["Carrier"] | {"Linehaul": money(amount)}
    return _keep_trip(books, books.touched(trip, BILLER, Carrier=carrier | payable(carrier)))


def hold_carrier_pay(books: Books, trip_number: str, *, hold: bool = True) -> Json:
    """Put a carrier's pay on hold, or let it go again."""
    return _keep_trip(books, books.touched(_brokered(books, trip_number), BILLER, CarrierPayOnHold=hold))


def rename_customer(books: Books, customer_id: str, name: str) -> Json:
    """Rename a customer; loads and invoices of before keep the name they bore."""
    customer = known_customer(books, customer_id) | {"Name": name}
    books.commit(("customers", customer))
    return customer


def _keep_trip(books: Books, trip: Json) -> Json:
    books.commit(("trips", trip))
    return trip


def load_in(books: Books, load_number: str, statuses: frozenset[str], to_be: str) -> Json:
    """Return a load that is in one of some statuses. Raises a 400 or 404 `Problem`."""
    load = books.load(load_number)
    if load["Status"] not in statuses:
        raise Problem(400, f"load {load_number} is {load['Status']} and cannot be {to_be}")
    return load


def _brokered(books: Books, trip_number: str) -> Json:
    trip = books.trip(trip_number)
    if trip["Carrier"] is None:
        raise Problem(400, f"trip {trip_number} has no carrier")
    return trip


def known_customer(books: Books, customer_id: str) -> Json:
    """Return a customer by its id. Raises a 404 `Problem`."""
    customer = books.get("customers", customer_id)
    if customer is None:
        raise Problem(404, f"no customer {customer_id}")
    return customer
