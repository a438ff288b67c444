"""A load's charges, and the invoices made of them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import NAMESPACE_OID, uuid5

from adapters.sandbox.alvys.parties import SUBSIDIARY_IDS
from adapters.sandbox.alvys.wire import Json, money, write_instant

RATE_DIGITS = Decimal("0.0001")


def charges(load: Json) -> Json:
    """Return the money fields of a load, added up from its linehaul, fuel surcharge and accessorials."""
    accessorials = sum((each["Total"]["Amount"] for each in load["CustomerAccessorialsDetails"]), Decimal(0))
    total = load["Linehaul"]["Amount"] + load["FuelSurcharge"]["Amount"] + accessorials
    return {"CustomerAccessorials": money(accessorials), "CustomerRate": money(total)}


def invoice_for(load: Json, customer: Json, invoiced_at: datetime) -> Json:
    """Make the invoice of a load, unpaid and sent; it bears the load's number, as every observed one does.

    It is due after the customer's terms, and has no due date where the customer has none.
    """
    return _invoice("LoadInvoice", load["LoadNumber"], [load], customer, invoiced_at)


def summary_invoice(number: str, loads: Sequence[Json], customer: Json, invoiced_at: datetime) -> Json:
    """Make one invoice over several loads of a customer, unpaid and sent; it bears a number of its own."""
    return _invoice("SummaryInvoice", number, loads, customer, invoiced_at)


def _invoice(kind: str, number: str, loads: Sequence[Json], customer: Json, invoiced_at: datetime) -> Json:
    """Make an invoice of the subsidiary its loads are invoiced as."""
    stamp, subsidiary = write_instant(invoiced_at), loads[0]["InvoiceAs"]
    return {
        "Id": str(uuid5(NAMESPACE_OID, f"invoice/{loads[0]['Id']}/{stamp}")),
        "Number": number,
        "Type": kind,
        "CreatedDate": stamp,
        "InvoicedDate": stamp,
        "IsSubmitted": True,
        "LastSendDate": stamp,
        "SupplementalInvoiceType": None,
        "Vendor": {
            "Id": SUBSIDIARY_IDS[subsidiary],
            "Name": subsidiary,
            "RemitAddress": {"Street": "400 Mesa Rim Rd", "City": "Grand Junction", "State": "CO", "ZipCode": "81501"},
            "RemitEmail": "billing@bluemesa.example",
            "RemitPhone": "970-555-0100",
        },
        "Loads": [
            {
                "Id": load["Id"],
                "LoadNumber": load["LoadNumber"],
                "SubsidiaryName": load["InvoiceAs"],
                "Source": "Alvys",
                "OrderNumber": load["OrderNumber"],
                "PONumber": load["PONumber"],
            }
            for load in loads
        ],
        **unpaid(total_of(loads)),
        **invoiced_customer(customer, invoiced_at),
        "LineItems": [line for load in loads for line in line_items(load)],
    }


def supplemental_invoice(number: str, load: Json, customer: Json, invoiced_at: datetime, extras: list[Json]) -> Json:
    """Make an invoice over what came on top after a load was invoiced."""
    document = _invoice("LoadInvoice", number, [load], customer, invoiced_at)
    total = money(sum((each["Total"]["Amount"] for each in extras), Decimal(0)))
    return (
        document
        | unpaid(total)
        | {
            "Id": str(uuid5(NAMESPACE_OID, f"supplement/{number}/{document['Id']}/{extras[0]['Id']}")),
            "SupplementalInvoiceType": "Supplemental",
            "LineItems": [_accessorial_line(load, each) for each in extras],
        }
    )


def total_of(loads: Sequence[Json]) -> Json:
    """Add up what is billed for loads."""
    return money(sum((load["CustomerRate"]["Amount"] for load in loads), Decimal(0)))


def marked_invoiced(load: Json, invoice: Json) -> Json:
    """Return the fields of a load that an invoice over it sets."""
    stamp = invoice["InvoicedDate"]
    return {
        "Status": "Invoiced",
        "InvoicedAmount": load["CustomerRate"],
        "InvoicedAt": stamp,
        "LastInvoiceSentAt": stamp,
    }


def invoiced_customer(customer: Json, invoiced_at: datetime) -> Json:
    """Return the fields of an invoice that depend on whom it is made out to."""
    terms = customer["InvoicingInformation"]["PaymentTermsInDays"]
    return {
        "DueDate": None if terms is None else write_instant(invoiced_at + timedelta(days=terms)),
        "Customer": {
            "Id": customer["Id"],
            "Name": customer["Name"],
            "EmailAddresses": customer["Email"],
            "PhoneNumbers": customer["Phone"],
            "BillingAddress": customer["InvoicingInformation"]["Address"],
            "ShippingAddress": customer["BillingAddress"],
        },
    }


def regenerated(invoice: Json, loads: Sequence[Json]) -> Json:
    """Return an unpaid invoice made anew from its loads' present charges."""
    return invoice | unpaid(total_of(loads)) | {"LineItems": [line for load in loads for line in line_items(load)]}


def unpaid(total: Json) -> Json:
    """Return the money fields of an invoice nobody has paid anything on."""
    return {
        "Status": "AwaitingPayment",
        "PaidDate": None,
        "Total": total,
        "AmountPaid": money(0),
        "RemainingBalance": total,
        "OverPaymentAmount": money(0),
        "Payments": [],
    }


def line_items(load: Json) -> list[Json]:
    """List an invoice's lines: linehaul and fuel surcharge always, zero or not, then the accessorials.

    A line's rate times its units need not be its amount to the cent; the amount is what is owed.
    """
    miles = load["CustomerMileage"]["Distance"]["Value"]
    fuel = load["FuelSurcharge"]["Amount"]
    lines = [
        _load_line(load, "Linehaul", load["Linehaul"], _rate("Flat", Decimal(1), load["Linehaul"]["Amount"])),
        _load_line(load, "Fuel Surcharge", load["FuelSurcharge"], _rate("Miles", miles, _per_unit(fuel, miles))),
    ]
    return lines + [_accessorial_line(load, each) for each in load["CustomerAccessorialsDetails"]]


def _load_line(load: Json, name: str, amount: Json, rate: Json) -> Json:
    key = str(uuid5(NAMESPACE_OID, f"line/{load['Id']}/{name}"))
    return _line(load, "Load") | {"Id": key, "Name": name, "Amount": amount, "Rate": rate}


def _accessorial_line(load: Json, each: Json) -> Json:
    rate = _rate(each["Uom"], each["Quantity"], each["Rate"]["Amount"])
    return _line(load, "Accessorial") | {"Id": each["Id"], "Name": each["Type"], "Amount": each["Total"], "Rate": rate}


def _line(load: Json, category: str) -> Json:
    return {"LoadNumber": load["LoadNumber"], "CustomerId": load["CustomerId"], "Category": category}


def _rate(unit: str, units: Decimal, rate: Decimal) -> Json:
    return {"UnitOfMeasurement": unit, "Units": units, "Rate": rate}


def _per_unit(amount: Decimal, units: Decimal) -> Decimal:
    return (amount / units).quantize(RATE_DIGITS)
