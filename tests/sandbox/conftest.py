from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from adapters.sandbox.quickbooks import Company, Switches, seed_company

Body = dict[str, Any]


class Desk:
    """A freight broker's company with one customer and one vendor, and the forms to fill in."""

    def __init__(self, company: Company) -> None:
        self.company = company
        seed_company(company)
        self.customer = company.create("Customer", {"DisplayName": "Acme Foods"})
        self.vendor = company.create("Vendor", {"DisplayName": "Fast Carrier"})

    def ref(self, kind: str, name: str) -> Body:
        field = "DisplayName" if kind in {"Customer", "Vendor"} else "Name"
        return {"value": self.company.books.by(kind, field, name)[0]["Id"]}

    def invoice_body(self, *amounts: str, **header: object) -> Body:
        lines = [
            {
                "DetailType": "SalesItemLineDetail",
                "Amount": Decimal(amount),
                "SalesItemLineDetail": {"ItemRef": self.ref("Item", "Linehaul")},
            }
            for amount in amounts or ("1800.00",)
        ]
        return {"CustomerRef": {"value": self.customer["Id"]}, "Line": lines} | header

    def bill_body(self, amount: str = "1500.00", **header: object) -> Body:
        line = {
            "DetailType": "AccountBasedExpenseLineDetail",
            "Amount": Decimal(amount),
            "AccountBasedExpenseLineDetail": {"AccountRef": self.ref("Account", "Purchased Transportation")},
        }
        return {"VendorRef": {"value": self.vendor["Id"]}, "Line": [line]} | header

    def invoice(self, *amounts: str, **header: object) -> Body:
        return self.company.create("Invoice", self.invoice_body(*amounts, **header))

    def bill(self, amount: str = "1500.00", **header: object) -> Body:
        return self.company.create("Bill", self.bill_body(amount, **header))

    def held(self, kind: str, identity: str) -> Body:
        found = self.company.get(kind, identity)
        assert found is not None
        return found


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 18, 11, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(clock: Clock) -> Desk:
    return Desk(Company(clock=clock))


@pytest.fixture
def desk_with(clock: Clock) -> Callable[..., Desk]:
    def build(**switches: Any) -> Desk:
        return Desk(Company(clock=clock, switches=Switches(**switches)))

    return build
