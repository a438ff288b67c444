"""What people do in the vendor's screens: each action moves the books the way the vendor's own pages would."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from uuid import NAMESPACE_OID, uuid5

from adapters.sandbox.alvys import payments
from adapters.sandbox.alvys.billing import charges, invoice_for, invoiced_customer, regenerated
from adapters.sandbox.alvys.books import Books
from adapters.sandbox.alvys.freight import extra, payable
from adapters.sandbox.alvys.wire import Json, Problem, money, read_instant

BILLER = "Kim Avery"
RELEASABLE = frozenset({"Delivered", "In Transit"})
INVOICEABLE = frozenset({"Released", "TONU", "Queued"})
BILLED = frozenset({"Queued", "Invoiced", "Financed", "Completed"})

LOAD_CHARGES = {"Linehaul": "Linehaul", "Fuel Surcharge": "FuelSurcharge"}


def release(books: Books, load_number: str) -> Json:
    """Release a load that has arrived to billing, its trips with it."""
    load = _in(books, load_number, RELEASABLE, "released")
    now = books.stamp()
    load = books.touched(load, BILLER, Status="Released", DeliveredAt=load["DeliveredAt"] or now)
    trips = [
        books.touched(trip, BILLER, Status="Released", DeliveredAt=trip["DeliveredAt"] or now, ReleasedAt=now)
        for trip in books.trips_of(load_number)
    ]
    books.commit(("loads", load), *(("trips", trip) for trip in trips))
    return load


def invoice(books: Books, load_number: str, invoiced_at: str | None = None) -> Json:
    """Invoice a released load and send it; now, unless an instant is given, and return the invoice."""
    load = _in(books, load_number, INVOICEABLE, "invoiced")
    moment = read_instant(invoiced_at) if invoiced_at else books.clock()
    document = invoice_for(load, _customer(books, load["CustomerId"]), moment)
    stamp = document["InvoicedDate"]
    total = load["CustomerRate"]
    load = books.touched(
        load, BILLER, Status="Invoiced", InvoicedAmount=total, InvoicedAt=stamp, LastInvoiceSentAt=stamp
    )
    books.commit(("loads", load), ("invoices", document))
    return document


def revert_invoice(books: Books, load_number: str) -> Json:
    """Take an unpaid invoice back, as the vendor's support does; the load is Released again, its invoice gone."""
    load = books.load(load_number)
    document = _unpaid(books, load_number)
    load = books.touched(load, BILLER, Status="Released", InvoicedAmount=None, InvoicedAt=None, LastInvoiceSentAt=None)
    books.commit(("loads", load), removed=[("invoices", document["Id"])])
    return load


def edit_line(books: Books, load_number: str, name: str, amount: Decimal | int | str) -> Json:
    """Change a charge of a load by its name; an invoice already made is made anew, unless it has payments."""
    load = books.load(load_number)
    if name in LOAD_CHARGES:
        return _recharge(books, load | {LOAD_CHARGES[name]: money(amount)})
    details = load["CustomerAccessorialsDetails"]
    if name not in {each["Type"] for each in details}:
        raise Problem(404, f"load {load_number} has no charge named {name}")
    changed = money(amount)
    return _recharge(
        books,
        load
        | {
            "CustomerAccessorialsDetails": [
                each | {"Total": changed, "Rate": changed, "Quantity": 1} if each["Type"] == name else each
                for each in details
            ]
        },
    )


def add_accessorial(books: Books, load_number: str, name: str, amount: Decimal | int | str) -> Json:
    """Add an accessorial to a load, negative to write something off; an invoice already made is made anew."""
    load = books.load(load_number)
    details = load["CustomerAccessorialsDetails"]
    key = str(uuid5(NAMESPACE_OID, f"accessorial/{load['Id']}/{name}/{len(details)}"))
    added = extra(key, name, money(amount)["Amount"], Decimal(1), "Flat")
    return _recharge(books, load | {"CustomerAccessorialsDetails": [*details, added]})


def change_customer(books: Books, load_number: str, customer_id: str) -> Json:
    """Give a load to another customer; an invoice already made is made out to them, unless it has payments."""
    customer = _customer(books, customer_id)
    load = books.touched(
        books.load(load_number),
        BILLER,
        CustomerId=customer["Id"],
        CustomerName=customer["Name"],
        CustomerNumber=customer["CompanyNumber"],
    )
    if books.invoice_of(load_number) is None:
        books.commit(("loads", load))
        return load
    document = _unpaid(books, load_number)
    moment = read_instant(document["InvoicedDate"])
    books.commit(("loads", load), ("invoices", regenerated(document, load) | invoiced_customer(customer, moment)))
    return load


def change_invoiced_date(books: Books, load_number: str, invoiced_at: str) -> Json:
    """Move the date of an unpaid invoice, and its due date with it."""
    document = _unpaid(books, load_number)
    moment = read_instant(invoiced_at)
    customer = _customer(books, document["Customer"]["Id"])
    document = document | {"InvoicedDate": invoiced_at} | invoiced_customer(customer, moment)
    load = books.touched(books.load(load_number), BILLER, InvoicedAt=invoiced_at)
    books.commit(("loads", load), ("invoices", document))
    return document


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
    load = books.touched(books.load(load_number), BILLER, IsDeleted=True)
    trips = [books.touched(trip, BILLER, IsDeleted=True) for trip in books.trips_of(load_number)]
    document = books.invoice_of(load_number)
    removed = [("invoices", document["Id"])] if document and not keep_invoice else []
    books.commit(("loads", load), *(("trips", trip) for trip in trips), removed=removed)
    return load


def upload_carrier_invoice(books: Books, trip_number: str, number: str) -> Json:
    """File the carrier's own invoice with a trip; a released trip counts as invoiced from then on."""
    trip = _brokered(books, trip_number)
    status = "Invoiced" if trip["Status"] == "Released" else trip["Status"]
    carrier = trip["Carrier"] | {"CarrierInvoiceNumber": number}
    return _keep_trip(books, books.touched(trip, BILLER, Carrier=carrier, Status=status))


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
    customer = _customer(books, customer_id) | {"Name": name}
    books.commit(("customers", customer))
    return customer


def pay(books: Books, load_number: str, amount: Decimal | int | str, reference: str) -> Json:
    """Enter a customer's payment on the load page, dated now."""
    return payments.record_customer_payment(
        books,
        {
            "LoadNumber": load_number,
            "Amount": money(amount),
            "PaymentDate": books.stamp(),
            "ReferenceNumber": reference,
        },
    )


ACTIONS: Mapping[str, Callable[..., Json]] = {
    action.__name__: action
    for action in (
        release,
        invoice,
        revert_invoice,
        edit_line,
        add_accessorial,
        change_customer,
        change_invoiced_date,
        cancel,
        delete_load,
        upload_carrier_invoice,
        edit_carrier_linehaul,
        hold_carrier_pay,
        rename_customer,
        pay,
    )
}
"""The actions by the name they have in the control path."""


def _recharge(books: Books, load: Json) -> Json:
    """Add a load's charges up again and make its invoice, if it has one, anew."""
    load = books.touched(load | charges(load), BILLER)
    if books.invoice_of(load["LoadNumber"]) is None:
        books.commit(("loads", load))
        return load
    document = regenerated(_unpaid(books, load["LoadNumber"]), load)
    load = load | {"InvoicedAmount": load["CustomerRate"]}
    books.commit(("loads", load), ("invoices", document))
    return load


def _keep_trip(books: Books, trip: Json) -> Json:
    books.commit(("trips", trip))
    return trip


def _in(books: Books, load_number: str, statuses: frozenset[str], to_be: str) -> Json:
    load = books.load(load_number)
    if load["Status"] not in statuses:
        raise Problem(400, f"load {load_number} is {load['Status']} and cannot be {to_be}")
    return load


def _unpaid(books: Books, load_number: str) -> Json:
    document = books.invoice_of(load_number)
    if document is None:
        raise Problem(404, f"load {load_number} has no invoice")
    if document["Payments"]:
        raise Problem(400, f"invoice {load_number} has payments: no change until they are deleted")
    return document


def _brokered(books: Books, trip_number: str) -> Json:
    trip = books.trip(trip_number)
    if trip["Carrier"] is None:
        raise Problem(400, f"trip {trip_number} has no carrier")
    return trip


def _customer(books: Books, customer_id: str) -> Json:
    customer = books.get("customers", customer_id)
    if customer is None:
        raise Problem(404, f"no customer {customer_id}")
    return customer
