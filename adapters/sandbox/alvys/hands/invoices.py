"""What billers do with invoices and the payments on them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from uuid import NAMESPACE_OID, uuid5

from adapters.sandbox.alvys import payments
from adapters.sandbox.alvys.billing import (
    charges,
    invoice_for,
    invoiced_customer,
    marked_invoiced,
    regenerated,
    summary_invoice,
    supplemental_invoice,
)
from adapters.sandbox.alvys.books import Books
from adapters.sandbox.alvys.freight import extra
from adapters.sandbox.alvys.hands.loads import BILLER, known_customer, load_in
from adapters.sandbox.alvys.wire import Json, Problem, money, read_instant

INVOICEABLE = frozenset({"Released", "TONU", "Queued"})
LOAD_CHARGES = {"Linehaul": "Linehaul", "Fuel Surcharge": "FuelSurcharge"}
FIRST_SUMMARY = 1_000_001
UNBILLED = {"Status": "Released", "InvoicedAmount": None, "InvoicedAt": None, "LastInvoiceSentAt": None}


def invoice(books: Books, load_number: str, invoiced_at: str | None = None) -> Json:
    """Invoice a released load and send it; now, unless an instant is given, and return the invoice.

    A summary customer's load has no invoice of its own.
    """
    load = load_in(books, load_number, INVOICEABLE, "invoiced")
    if books.get("invoicing", load["CustomerId"]):
        raise Problem(400, f"load {load_number} belongs to a customer who gets summary invoices")
    document = invoice_for(load, known_customer(books, load["CustomerId"]), _moment(books, invoiced_at))
    _bill(books, [load], document)
    return document


def summary_invoices_for(books: Books, customer_id: str) -> Json:
    """Have a customer get one invoice over many loads from now on."""
    customer = known_customer(books, customer_id)
    books.commit(("invoicing", {"Id": customer["Id"], "InvoiceType": "Summary"}))
    return customer


def generate_summary_invoice(
    books: Books, customer_id: str, load_numbers: Sequence[str] = (), invoiced_at: str | None = None
) -> Json:
    """Invoice a summary customer's released loads, all of them unless some are named, on one invoice."""
    customer = known_customer(books, customer_id)
    wanted = [load for load in books.all("loads") if load["CustomerId"] == customer_id and _open(load)]
    if load_numbers:
        wanted = [load_in(books, number, INVOICEABLE, "invoiced") for number in load_numbers]
    if not wanted or {load["CustomerId"] for load in wanted} != {customer_id}:
        raise Problem(400, f"customer {customer_id} has no such loads to invoice")
    if len({load["InvoiceAs"] for load in wanted}) > 1:
        raise Problem(400, "the loads belong to several subsidiaries")
    taken = [int(each["Number"][1:]) for each in books.all("invoices") if each["Type"] == "SummaryInvoice"]
    number = f"S{max(taken, default=FIRST_SUMMARY - 1) + 1}"
    document = summary_invoice(number, wanted, customer, _moment(books, invoiced_at))
    _bill(books, wanted, document)
    return document


def revert_invoice(books: Books, load_number: str) -> Json:
    """Take an unpaid invoice back, as the vendor's support does; its loads are Released again, the invoice is gone."""
    document = _unpaid(books, load_number)
    dated = {} if books.switches.reverted_date == "cleared" else {"InvoicedAt": document["InvoicedDate"]}
    loads = [books.touched(load, BILLER, **(UNBILLED | dated)) for load in _covered(books, document)]
    books.commit(*(("loads", load) for load in loads), removed=[("invoices", document["Id"])])
    return books.load(load_number)


def supplement(books: Books, load_number: str, name: str, amount: Decimal | int | str) -> Json:
    """Bill a charge that came up after a load was invoiced on an invoice of its own, beside the load's."""
    load = load_in(books, load_number, frozenset({"Invoiced", "Completed"}), "supplemented")
    customer = known_customer(books, load["CustomerId"])
    place = len(books.supplements_of(load["Id"])) + 1
    key = str(uuid5(NAMESPACE_OID, f"supplement/{load['Id']}/{name}/{place}"))
    charge = extra(key, name, money(amount)["Amount"], Decimal(1), "Flat")
    number = load_number if books.switches.supplement_number == "load" else f"{load_number}-{place}"
    document = supplemental_invoice(number, load, customer, books.clock(), [charge])
    books.commit(("loads", books.touched(load, BILLER)), ("invoices", document))
    return document


def revert_supplement(books: Books, load_number: str) -> Json:
    """Take the last supplement to a load's invoice back; it is gone."""
    load = books.load(load_number)
    supplements = books.supplements_of(load["Id"])
    if not supplements:
        raise Problem(404, f"load {load_number} has no supplement")
    load = books.touched(load, BILLER)
    books.commit(("loads", load), removed=[("invoices", supplements[-1]["Id"])])
    return load


def regenerate(books: Books, load_number: str) -> Json:
    """Make a load's invoice anew from what its loads and its customer are now, its due date too.

    No payment may be on a load's own invoice; a summary invoice only must not be paid in full.
    """
    document = books.invoice_of(load_number)
    if document is None or document["Type"] != "SummaryInvoice" or document["Status"] == "Paid":
        document = _unpaid(books, load_number)
    customer = known_customer(books, document["Customer"]["Id"])
    loads = _covered(books, document)
    fresh = regenerated(document, loads) | invoiced_customer(customer, read_instant(document["InvoicedDate"]))
    if document["Payments"]:
        fresh |= payments.paid_by(fresh, document["Payments"])
    loads = [books.touched(load, BILLER, InvoicedAmount=load["CustomerRate"]) for load in loads]
    books.commit(*(("loads", load) for load in loads), ("invoices", fresh))
    return fresh


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
    customer = known_customer(books, customer_id)
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
    document = _own(books, load_number)
    moment = read_instant(document["InvoicedDate"])
    books.commit(("loads", load), ("invoices", regenerated(document, [load]) | invoiced_customer(customer, moment)))
    return load


def change_invoiced_date(books: Books, load_number: str, invoiced_at: str) -> Json:
    """Move the date of an unpaid invoice, and its due date with it."""
    document = _own(books, load_number)
    moment = read_instant(invoiced_at)
    customer = known_customer(books, document["Customer"]["Id"])
    document = document | {"InvoicedDate": invoiced_at} | invoiced_customer(customer, moment)
    load = books.touched(books.load(load_number), BILLER, InvoicedAt=invoiced_at)
    books.commit(("loads", load), ("invoices", document))
    return document


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


def report_payments(books: Books, payments_by_load: Mapping[str, Decimal | int | str], reference: str) -> Json:
    """Enter a factor's payment report: what it collected for some loads, all under the report's reference."""
    paid = [pay(books, load_number, amount, reference) for load_number, amount in payments_by_load.items()]
    return {"Payments": paid}


def delete_payment(books: Books, load_number: str, reference: str) -> Json:
    """Delete a customer's payment on the load page, which is what lets an invoice be made anew."""
    return payments.forget_customer_payment(books, load_number, reference)


def _moment(books: Books, instant: str | None) -> datetime:
    return read_instant(instant) if instant else books.clock()


def _open(load: Json) -> bool:
    return load["Status"] in INVOICEABLE and not load["IsDeleted"]


def _bill(books: Books, loads: Sequence[Json], document: Json) -> None:
    billed = [books.touched(load, BILLER, **marked_invoiced(load, document)) for load in loads]
    books.commit(*(("loads", load) for load in billed), ("invoices", document))


def _covered(books: Books, document: Json) -> list[Json]:
    return [books.load(part["LoadNumber"]) for part in document["Loads"]]


def _recharge(books: Books, load: Json) -> Json:
    """Add a load's charges up again and make its own invoice, if it has one, anew; a summary one waits to be told."""
    load = books.touched(load | charges(load), BILLER)
    document = books.invoice_of(load["LoadNumber"])
    if document is None or document["Type"] == "SummaryInvoice":
        books.commit(("loads", load))
        return load
    document = regenerated(_unpaid(books, load["LoadNumber"]), [load])
    load = load | {"InvoicedAmount": load["CustomerRate"]}
    books.commit(("loads", load), ("invoices", document))
    return load


def _own(books: Books, load_number: str) -> Json:
    document = _unpaid(books, load_number)
    if document["Type"] == "SummaryInvoice":
        raise Problem(400, f"load {load_number} is on summary invoice {document['Number']}: take that back first")
    return document


def _unpaid(books: Books, load_number: str) -> Json:
    document = books.invoice_of(load_number)
    if document is None:
        raise Problem(404, f"load {load_number} has no invoice")
    if document["Payments"]:
        raise Problem(400, f"invoice {load_number} has payments: no change until they are deleted")
    return document
