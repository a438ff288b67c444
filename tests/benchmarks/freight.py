"""The documents of the benchmarks: a broker's invoices of two lines, as our intake and as other clients have them."""

from datetime import date
from decimal import Decimal
from typing import Any, Final

from state.transaction import Content, Kind, Line, Money, Party, Sourced

CUSTOMERS: Final = 25
REVENUE: Final = {"linehaul": "Linehaul", "fuel_surcharge": "Fuel Surcharge"}
ISSUED: Final = date(2026, 10, 5)


def sourced(number: int) -> Sourced:
    """Return an invoice as intake hands it in."""
    customer = number % CUSTOMERS
    lines = (
        Line("linehaul", "Linehaul", Money(120000 + number % 100000), "Durango, CO to Dallas, TX"),
        Line("fuel_surcharge", "Fuel Surcharge", Money(15005)),
    )
    total = Money(sum(line.amount.minor for line in lines))
    content = Content(
        Party(f"customer-{customer}", f"Shipper {customer}", email=f"ap@shipper{customer}.example"),
        f"LD-{number}",
        ISSUED,
        None,
        lines,
        total,
        f"{number}",
        memo=f"Load {number}, PO {number * 7}",
    )
    return Sourced(Kind.CUSTOMER_INVOICE, f"invoice-{number:08}", f"{number}", content)


def invoice(number: int, customer: str, items: dict[str, str]) -> dict[str, Any]:
    """Return an alike invoice in QuickBooks' words, for clients that know nothing else."""
    amounts = {"Linehaul": Decimal(120000 + number % 100000) / 100, "Fuel Surcharge": Decimal("150.05")}
    return {
        "CustomerRef": {"value": customer},
        "DocNumber": f"P-{number}",
        "TxnDate": ISSUED.isoformat(),
        "PrivateNote": f"Load {number}, PO {number * 7}",
        "Line": [
            {
                "DetailType": "SalesItemLineDetail",
                "Amount": amount,
                "Description": "Durango, CO to Dallas, TX",
                "SalesItemLineDetail": {"ItemRef": {"value": items[name]}},
            }
            for name, amount in amounts.items()
        ],
    }
