"""Payments reported to the vendor: once per reference, and what they do to the load, its invoice and the trip."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from uuid import NAMESPACE_OID, uuid5

from adapters.sandbox.alvys.books import Books
from adapters.sandbox.alvys.wire import Json, Problem, money, read_instant

PAYABLE_LOADS = frozenset({"Invoiced", "Completed", "Financed"})

API_USER = "Public API"
ZERO = Decimal(0)
MOST = 10**9  # dollars in one payment; beyond it the request is garbage


def record_customer_payment(books: Books, request: Json) -> Json:
    """Record what a customer paid for a load, and answer with the load's state after it.

    A reference seen before on the same load answers for the payment it first named and records nothing. The load must
    be invoiced, completed or financed; amounts that add up to the invoice's total complete it. Raises a 400 or 404
    `Problem`.
    """
    _check(request, "LoadNumber")
    load = books.load(request["LoadNumber"])
    key = _payment_id(load["Id"], request["ReferenceNumber"])
    if books.get("customer_payments", key) is None:
        invoice = books.invoice_of(load["LoadNumber"])
        if load["Status"] not in PAYABLE_LOADS or invoice is None:
            raise Problem.of({"LoadNumber": [f"A load that is {load['Status']} takes no payment."]})
        if request.get("InvoiceNumber") not in {None, "", invoice["Number"]}:
            raise Problem.of({"InvoiceNumber": ["The load has no such invoice."]})
        load, invoice = _pay_load(books, load, invoice, key, request)
        books.commit(("customer_payments", _kept(request, key)), ("loads", load), ("invoices", invoice))
    return {
        "Id": key,
        "LoadNumber": load["LoadNumber"],
        "Status": load["Status"],
        "TotalPaid": load["TotalPaid"] or money(0),
        "TotalBillable": load["CustomerRate"],
    }


def record_carrier_payment(books: Books, request: Json) -> Json:
    """Record what a carrier was paid for a trip, and answer with the trip's state after it.

    A reference seen before on the same trip records nothing. Payments that cover the payable complete the trip; less
    leaves its status alone. Raises a 400 or 404 `Problem`.
    """
    _check(request, "TripId")
    trip = books.get("trips", request["TripId"])
    if trip is None:
        raise Problem(404, f"no trip {request['TripId']}")
    if trip["Carrier"] is None:
        raise Problem.of({"TripId": ["The trip has no carrier to pay."]})
    key = _payment_id(trip["Id"], request["ReferenceNumber"])
    payments = books.owned("carrier_payments", trip["Id"])
    if books.get("carrier_payments", key) is None:
        payments.append(_kept(request, key))
        covered = sum_of(payments) >= trip["Carrier"]["TotalPayable"]["Amount"]
        done = {"Status": "Completed", "CarrierPaidAt": request["PaymentDate"]} if covered else {}
        trip = books.touched(trip, API_USER, **done)
        books.commit(("carrier_payments", payments[-1]), ("trips", trip))
    return {
        "TripId": trip["Id"],
        "TripNumber": trip["TripNumber"],
        "Status": trip["Status"],
        "CarrierPayments": [_shown(payment) for payment in payments],
    }


PAYMENTS: Mapping[str, Callable[[Books, Json], Json]] = {
    "invoices/customer-payments": record_customer_payment,
    "invoices/carrier-payments": record_carrier_payment,
}
"""The payment endpoints by path."""


def sum_of(things: list[Json], field: str = "Amount") -> Decimal:
    """Add up an amount over objects."""
    return sum((Decimal(thing[field]["Amount"]) for thing in things), ZERO)


def _pay_load(books: Books, load: Json, invoice: Json, key: str, request: Json) -> tuple[Json, Json]:
    """Apply a payment: the load and its invoice as they are after it."""
    amount, date = money(request["Amount"]["Amount"]), request["PaymentDate"]
    entry = {
        "Id": key,
        "PaymentDate": date,
        "Amount": amount,
        "CheckNumber": request.get("CheckNumber"),
        "PaymentReference": request["ReferenceNumber"],
    }
    payments = [*invoice["Payments"], entry]
    paid, total = sum_of(payments), invoice["Total"]["Amount"]
    full = paid >= total
    invoice = invoice | {
        "Payments": payments,
        "AmountPaid": money(paid),
        "RemainingBalance": money(max(total - paid, ZERO)),
        "OverPaymentAmount": money(max(paid - total, ZERO)),
        "Status": "Paid" if full else invoice["Status"],
        "PaidDate": date if full else None,
    }
    load = books.touched(
        load,
        API_USER,
        Payments=[*(load["Payments"] or []), {"Id": key, "Amount": amount, "PaidAt": date}],
        TotalPaid=money(paid),
        Status="Completed" if full else load["Status"],
        PaidAt=date if full else None,
    )
    return load, invoice


def _check(request: Json, named: str) -> None:
    """Refuse a payment that lacks what it must have."""
    texts = (named, "ReferenceNumber", "PaymentDate")
    errors = {
        name: [f"The {name} field is required."]
        for name in texts
        if not isinstance(request.get(name), str) or not request[name].strip()
    }
    amount = request.get("Amount")
    number = amount.get("Amount") if isinstance(amount, dict) else None
    if isinstance(number, bool) or not isinstance(number, int | Decimal):
        errors["Amount"] = ["The Amount field is required."]
    elif not 0 < number < MOST or number != round(number, 2):
        errors["Amount"] = ["Amount must be greater than 0, in whole cents."]
    if "PaymentDate" not in errors:
        try:
            read_instant(request["PaymentDate"])
        except ValueError:
            errors["PaymentDate"] = ["The JSON value could not be converted to a date and time."]
    if errors:
        raise Problem.of(errors)


def _payment_id(owner: str, reference: str) -> str:
    return str(uuid5(NAMESPACE_OID, f"{owner}/{reference}"))


def _kept(request: Json, key: str) -> Json:
    return request | {"Id": key, "Amount": money(request["Amount"]["Amount"])}


def _shown(payment: Json) -> Json:
    fields = ("Id", "Amount", "PaymentDate", "ReferenceNumber", "PaymentMethod", "CheckNumber")
    return {field: payment.get(field) for field in fields}
