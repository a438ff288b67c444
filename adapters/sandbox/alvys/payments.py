"""Payments reported to the vendor: once per reference, and what they do to the load, its invoice and the trip."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from uuid import NAMESPACE_OID, uuid5

from adapters.sandbox.alvys.books import Books
from adapters.sandbox.alvys.settlements import shown_trip
from adapters.sandbox.alvys.wire import Json, Problem, money, read_instant

PAYABLE_LOADS = frozenset({"Invoiced", "Completed", "Financed"})

API_USER = "Public API"
ZERO = Decimal(0)
MOST = 10**9  # dollars in one payment; beyond it the request is garbage


def record_customer_payment(books: Books, request: Json) -> Json:
    """Record what a customer paid for a load, and answer with the load's state after it.

    A reference seen before on the same load answers for the payment it first named and records nothing. The load must
    be invoiced, completed or financed; amounts that add up to what is billed for it complete it. Raises a 400 or 404
    `Problem`.
    """
    _refuse_unless_whole(request, ("LoadNumber", "ReferenceNumber", "PaymentDate"), {"Amount": amount_of(request)})
    load = books.load(request["LoadNumber"])
    key = _payment_id(load["Id"], request["ReferenceNumber"])
    if books.get("customer_payments", key) is None:
        invoice = _payable(books, load, request)
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
    _refuse_unless_whole(request, ("TripId", "ReferenceNumber", "PaymentDate"), {"Amount": amount_of(request)})
    trip = books.get("trips", request["TripId"])
    if trip is None:
        raise Problem(404, f"no trip {request['TripId']}")
    if trip["Carrier"] is None:
        raise Problem.of({"TripId": ["The trip has no carrier to pay."]})
    key = _payment_id(trip["Id"], request["ReferenceNumber"])
    payments = books.owned("carrier_payments", trip["Id"])
    if books.get("carrier_payments", key) is None:
        payments.append(_kept(request, key))
        owed = shown_trip(trip, books.switches)["Carrier"]["TotalPayable"]["Amount"]
        covered = sum_of(payments) >= owed
        done = {"Status": "Completed", "CarrierPaidAt": request["PaymentDate"]} if covered else {}
        trip = books.touched(trip, API_USER, **done)
        books.commit(("carrier_payments", payments[-1]), ("trips", trip))
    return {
        "TripId": trip["Id"],
        "TripNumber": trip["TripNumber"],
        "Status": trip["Status"],
        "CarrierPayments": [_shown(payment) for payment in payments],
    }


def record_financing(books: Books, request: Json) -> Json:
    """Record that a factor bought a load's invoice, and answer with all it paid for it so far.

    A reference seen before on the same load records nothing. An invoiced load is financed from then on. Raises a 400
    or 404 `Problem`.
    """
    amounts = {name: request.get(name) for name in ("AmountFunded", "Fee")}
    if request.get("ReserveEscrowAmount") is not None:
        amounts["ReserveEscrowAmount"] = request["ReserveEscrowAmount"]
    dated = ("DateFunded",) if request.get("DateFunded") is not None else ()
    _refuse_unless_whole(request, ("LoadNumber", "ReferenceNumber", *dated), amounts, above_zero="AmountFunded")
    load = books.load(request["LoadNumber"])
    key = _payment_id(load["Id"], f"financing/{request['ReferenceNumber']}")
    if books.get("financings", key) is None:
        _payable(books, load, request)
        financing = request | {"Id": key, "DateFunded": request.get("DateFunded") or books.stamp()}
        status = "Financed" if load["Status"] == "Invoiced" else load["Status"]
        load = books.touched(load, API_USER, Status=status)
        books.commit(("financings", financing), ("loads", load))
    funded = books.owned("financings", load["LoadNumber"])
    return {
        "LoadNumber": load["LoadNumber"],
        "Status": load["Status"],
        "TotalFunded": money(sum((each["AmountFunded"] for each in funded), ZERO)),
        "TotalFees": money(sum((each["Fee"] for each in funded), ZERO)),
    }


def forget_customer_payment(books: Books, load_number: str, reference: str) -> Json:
    """Delete a payment by hand, as before an invoice is made anew; the load is owed for again."""
    load = books.load(load_number)
    key = _payment_id(load["Id"], reference)
    invoice = books.invoice_of(load_number)
    if books.get("customer_payments", key) is None or invoice is None:
        raise Problem(404, f"load {load_number} has no payment {reference}")
    invoice |= paid_by(invoice, [each for each in invoice["Payments"] if each["Id"] != key])
    kept = [each for each in load["Payments"] if each["Id"] != key]
    load = books.touched(load, API_USER, Payments=kept, TotalPaid=money(sum_of(kept)), Status="Invoiced", PaidAt=None)
    books.commit(("loads", load), ("invoices", invoice), removed=[("customer_payments", key)])
    return load


PAYMENTS: Mapping[str, Callable[[Books, Json], Json]] = {
    "invoices/customer-payments": record_customer_payment,
    "invoices/carrier-payments": record_carrier_payment,
    "invoices/financing": record_financing,
}
"""The payment endpoints by path."""


def sum_of(things: list[Json], field: str = "Amount") -> Decimal:
    """Add up an amount over objects."""
    return sum((Decimal(thing[field]["Amount"]) for thing in things), ZERO)


def amount_of(request: Json) -> object:
    """Return the number of a request's amount of money, whatever stands there."""
    amount = request.get("Amount")
    return amount.get("Amount") if isinstance(amount, dict) else None


def paid_by(invoice: Json, payments: list[Json]) -> Json:
    """Return the money fields of an invoice that has these payments."""
    paid, total = sum_of(payments), invoice["Total"]["Amount"]
    full = paid >= total
    return {
        "Payments": payments,
        "AmountPaid": money(paid),
        "RemainingBalance": money(max(total - paid, ZERO)),
        "OverPaymentAmount": money(max(paid - total, ZERO)),
        "Status": "Paid" if full else "AwaitingPayment",
        "PaidDate": payments[-1]["PaymentDate"] if full and payments else None,
    }


def _payable(books: Books, load: Json, request: Json) -> Json:
    """Return the invoice that a payment or financing of a load goes to. Raises a 400 `Problem` if there is none."""
    invoice = books.invoice_of(load["LoadNumber"])
    if load["Status"] not in PAYABLE_LOADS or invoice is None:
        raise Problem.of({"LoadNumber": [f"A load that is {load['Status']} takes no payment."]})
    if request.get("InvoiceNumber") not in {None, "", invoice["Number"]}:
        raise Problem.of({"InvoiceNumber": ["The load has no such invoice."]})
    if invoice["Type"] == "SummaryInvoice" and books.switches.summary_payment == "refused":
        raise Problem.of({"LoadNumber": ["A load on a summary invoice takes no payment of its own."]})
    return invoice


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
    payments = [*(load["Payments"] or []), {"Id": key, "Amount": amount, "PaidAt": date}]
    paid, billed = sum_of(payments), load["CustomerRate"]["Amount"]
    if paid > billed and books.switches.overpayment == "refused":
        raise Problem.of({"Amount": ["The payment exceeds what the load is still owed for."]})
    full = paid >= billed
    load = books.touched(
        load,
        API_USER,
        Payments=payments,
        TotalPaid=money(paid),
        Status=books.switches.paid_load_status if full else load["Status"],
        PaidAt=date if full else None,
    )
    return load, invoice | paid_by(invoice, [*invoice["Payments"], entry])


def _refuse_unless_whole(
    request: Json, texts: tuple[str, ...], amounts: Mapping[str, object], above_zero: str = "Amount"
) -> None:
    """Refuse a request that lacks a text it must have, or whose amounts are not dollars and whole cents."""
    errors = {
        name: [f"The {name} field is required."]
        for name in texts
        if not isinstance(request.get(name), str) or not request[name].strip()
    }
    for name, number in amounts.items():
        if isinstance(number, bool) or not isinstance(number, int | Decimal):
            errors[name] = [f"The {name} field is required."]
        elif not 0 <= number < MOST or (name == above_zero and not number) or number != round(number, 2):
            errors[name] = [f"{name} must be greater than 0, in whole cents."]
    for name in texts:
        if "Date" in name and name not in errors:
            try:
                read_instant(request[name])
            except ValueError:
                errors[name] = ["The JSON value could not be converted to a date and time."]
    if errors:
        raise Problem.of(errors)


def _payment_id(owner: str, reference: str) -> str:
    return str(uuid5(NAMESPACE_OID, f"{owner}/{reference}"))


def _kept(request: Json, key: str) -> Json:
    return request | {"Id": key, "Amount": money(request["Amount"]["Amount"])}


def _shown(payment: Json) -> Json:
    fields = ("Id", "Amount", "PaymentDate", "ReferenceNumber", "PaymentMethod", "CheckNumber")
    return {field: payment.get(field) for field in fields}
