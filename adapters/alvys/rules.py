"""What a person can choose about which records are billed, and how: the settings its users know from the TMS."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The settings of the TMS's own integration, by their meaning there; MAPPING.md has their names and their effects.

    Whether they go together is checked where the configuration is read.
    """

    revenue: bool = True  # invoices, and what is paid on them
    expense: bool = True  # bills and credits of carriers, drivers and sellers
    ignore_driver_bills: bool = False
    single_driver_bill: bool = False  # a driver's statement is one bill over its net pay
    carrier_bill_on: Literal["invoice", "release"] = "invoice"  # of the customer, of the trip
    separate_carrier_invoice: bool = False  # a carrier's bill waits for the carrier's own invoice
    by_tax_category: bool = False  # of the drivers, only those on 1099 are billed
    pay_subsidiary_carrier: bool = False  # the company that hauled is billed instead of its driver
    ignore_zero: bool = True  # documents over nothing are left alone
    tax_company_vendor: bool = False  # a 1099 driver's vendor is the driver's company
    carrier_statements: bool = False  # carriers are billed by their statements only
    company_fuel: bool = False  # fuel that no driver pays
    company_toll: bool = False  # tolls that no driver pays
    number_prefix: bool = False  # ALD-100000
    customer_payments: bool = False  # payments recorded in the TMS
    shared_billing: bool = False  # what one company invoices and another hauls is settled between them

    @property
    def settles_carriers(self) -> bool:
        """Whether carriers' statements are billed."""
        return self.expense and self.carrier_statements

    @property
    def bills_drivers(self) -> bool:
        """Whether drivers are billed by trip."""
        return self.expense and not self.ignore_driver_bills and not self.single_driver_bill

    @property
    def settles_drivers(self) -> bool:
        """Whether drivers' statements are billed: not if nothing of drivers is, or if their companies are instead."""
        return self.expense and not self.ignore_driver_bills and not self.pay_subsidiary_carrier

    @property
    def buys_fuel(self) -> bool:
        """Whether the company's own fuel is billed."""
        return self.expense and self.company_fuel

    @property
    def pays_tolls(self) -> bool:
        """Whether the company's own tolls are billed."""
        return self.expense and self.company_toll

    @property
    def names_companies_by_id(self) -> bool:
        """Whether something is billed that names its company by an id only."""
        by_statement = self.settles_carriers or self.settles_drivers
        return self.bills_drivers or by_statement or self.buys_fuel or self.pays_tolls
