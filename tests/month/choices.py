"""What a company of the tenant's has chosen: told to the daemon as configuration, and to the computation as it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from adapters.sandbox.alvys import SUBSIDIARY, SUBSIDIARY_IDS, TRANSPORT

FIRST_DAY: Final = date(2026, 10, 1)
ZONE: Final = ZoneInfo("America/Denver")
TERMS: Final = timedelta(days=30)
SINCE: Final = FIRST_DAY - timedelta(days=40)
DEPOSITS: Final = "Undeposited Funds"

# fmt: off
DEFAULTS: Final[Mapping[str, object]] = {
    "revenue":                  True,
    "expense":                  True,
    "ignore_driver_bills":      False,
    "pay_subsidiary_carrier":   False,
    "single_driver_bill":       False,
    "carrier_bill_on":          "invoice",
    "separate_carrier_invoice": False,
    "by_tax_category":          False,
    "ignore_zero":              True,
    "tax_company_vendor":       False,
    "carrier_statements":       False,
    "company_fuel":             False,
    "company_toll":             False,
    "number_prefix":            False,
    "customer_payments":        False,
    "shared_billing":           False,
}

# From a charge to where it is booked: by its own name, its category, or what is left; loads of a type first.
_REVENUE: Final[Mapping[str, str]] = {
    "linehaul":       "Linehaul",
    "fuel_surcharge": "Fuel Surcharge",
    "Detention":      "Detention",
    "Lumper":         "lumper",
    "Layover":        "Layover",
    "TONU":           "TONU",
    "Stop-Off":       "Stop-Off",
    "Tarp":           "Tarp",
    "Storage":        "4020",
    "Short Pay":      "Discounts Given",
    "Admin Fee":      "Accessorial Income",
    "echeck_fee":     "Accessorial Income",
    "intercompany":   "4000",
}
_EXPENSE: Final[Mapping[str, str]] = {
    "linehaul":           "Purchased Transportation",
    "accessorial":        "Accessorials Paid",
    "Detention":          "5020",
    "echeck":             "Carrier Advances",
    "driver_pay":         "Driver Pay",
    "Service Fee":        "Office Expenses",
    "bonus":              "Driver Pay",
    "deduction":          "Driver Advances",
    "Cargo and liability": "Insurance",
    "Truck lease":        "Prepaid Expenses",
    "reimbursement":      "Repairs and Maintenance",
    "credit":             "Driver Advances",
    "fuel":               "Fuel",
    "DEF":                "6200",
    "toll":               "Tolls",
    "intercompany":       "Purchased Transportation",
    "default":            "Bank and Factoring Fees",
}
MAPPING: Final[Mapping[str, Any]] = {
    "deposit_account": DEPOSITS,
    "revenue":         _REVENUE,
    "expense":         _EXPENSE,
    "liability":       {"escrow": "Driver Escrow"},
    "asset":           {"revenue": {"linehaul": "Own Fleet Linehaul"},
                        "expense": {"echeck": "Driver Advances", "intercompany": "Owner-Operator Settlements"}},
    "brokerage":       {"expense": {"Lumper": "5010"}},
}
SUBSIDIARY_NAMES: Final[Mapping[str, str]] = {SUBSIDIARY: "Durango", TRANSPORT: "dallas"}
FLEET_NAMES: Final[Mapping[str, str]] = {
    "Blue Mesa Fleet":           "Company Fleet",
    "Blue Mesa Transport Fleet": "Owner-Operators",
}
# fmt: on
LABELS: Final[Mapping[str, str]] = {"order_number": "Order Number", "po_number": "PO Number"}


@dataclass(frozen=True)
class Choices:
    """Whose books they are, and what is chosen otherwise than by default; `segments` as the configuration names it."""

    company: str = SUBSIDIARY
    export: Mapping[str, object] = field(default_factory=dict)
    segments: Mapping[str, str] = field(default_factory=lambda: {"subsidiaries": "location", "fleets": "class"})
    labels: Mapping[str, str] = field(default_factory=lambda: LABELS)

    mapping: Mapping[str, Any] = field(default_factory=lambda: MAPPING)

    @property
    def company_id(self) -> str:
        """The id of the company in the TMS."""
        return SUBSIDIARY_IDS[self.company]

    def __getitem__(self, name: str) -> Any:
        """Return what is chosen for an export setting."""
        return self.export.get(name, DEFAULTS[name])

    def but(self, **export: object) -> "Choices":
        """Return the same with other export settings."""
        return replace(self, export={**self.export, **export})

    def of(self, company: str) -> "Choices":
        """Return the same for another company."""
        return replace(self, company=company)

    def configuration(self) -> dict[str, object]:
        """Return the daemon's keys."""
        return {
            "alvys__subsidiary": self.company,
            "alvys__subsidiary_id": self.company_id,
            "alvys__timezone": ZONE.key,
            "alvys__carrier_terms_days": str(TERMS.days),
            **{f"mapping__{name}": value for name, value in self.mapping.items()},
            "export__carrier_bill_on": self["carrier_bill_on"],  # the simulation has its own
            **{f"export__{name}": value for name, value in self.export.items()},
            **{f"segments__{name}": value for name, value in self.segments.items()},
            **({"segments__subsidiary_names": SUBSIDIARY_NAMES} if self.segments.get("subsidiaries") else {}),
            **({"segments__fleet_names": FLEET_NAMES} if self.segments.get("fleets") else {}),
            **{f"fields__{name}": label for name, label in self.labels.items()},
        }


EVERYTHING: Final = Choices(
    export={
        "single_driver_bill": True,
        "carrier_statements": True,
        "company_fuel": True,
        "company_toll": True,
        "number_prefix": True,
        "customer_payments": True,
        "shared_billing": True,
    }
)
"""Statements for whoever gets them; with SEPARATE, every route there is."""
SEPARATE: Final = Choices(
    export={"company_fuel": True, "company_toll": True, "customer_payments": True, "shared_billing": True}
)
"""Bills trip by trip, and documents sort by sort for the rest."""
OTHER: Final = {SUBSIDIARY: TRANSPORT, TRANSPORT: SUBSIDIARY}
