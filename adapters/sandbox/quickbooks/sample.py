"""A landscaper's company with a year's habits: what the vendor's own sample company has, in size and in kind."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Final

from adapters.sandbox.quickbooks import hands
from adapters.sandbox.quickbooks import sample_data as data
from adapters.sandbox.quickbooks.company import Company
from adapters.sandbox.quickbooks.currencies import NAMES
from adapters.sandbox.quickbooks.customfields import legacy_definitions
from adapters.sandbox.quickbooks.rules import Object
from adapters.sandbox.quickbooks.taxservice import make_tax_code


def seed_sample_company(company: Company, *, currencies: tuple[str, ...] = ()) -> None:
    """Fill an empty company with lists and documents, some open, some overdue, some paid, dated back from today.

    With `currencies` it deals in those too, and keeps a rate for each.
    """
    _Sample(company).fill()
    if currencies:
        company.set_preferences({"CurrencyPrefs": {"MultiCurrencyEnabled": True}})
        start = (company.today() - timedelta(days=3660)).isoformat()
        for code in currencies:
            company.create("CompanyCurrency", {"Code": code, "Name": NAMES.get(code, code)})
            rate = {"SourceCurrencyCode": code, "Rate": _RATES.get(code, Decimal(1)), "AsOfDate": start}
            company.create("ExchangeRate", rate)


_RATES: Final = {"CAD": Decimal("0.73"), "EUR": Decimal("1.12"), "GBP": Decimal("1.31"), "MXN": Decimal("0.055")}


class _Sample:
    """The company while it is being filled."""

    def __init__(self, company: Company) -> None:
        self._company = company
        self._names: dict[tuple[str, str], Object] = {}

    def fill(self) -> None:
        company = self._company
        company.set_company_name("Cedar Creek Landscaping")
        company.set_preferences(_PREFERENCES)
        self._lists()
        self._tax()
        self._people()
        self._documents()
        company.set_preferences({"SalesFormsPrefs": {"AutoApplyCredit": True, "AutoApplyPayments": True}})

    def _add(self, kind: str, label: str, body: Mapping[str, object]) -> Object:
        self._names[kind, label] = {"value": self._company.enter(kind, dict(body))["Id"]}
        return self._names[kind, label]

    def _ref(self, kind: str, label: str) -> Object:
        return self._names[kind, label]

    def _day(self, days_ago: int) -> str:
        return (self._company.today() - timedelta(days=days_ago)).isoformat()

    def _lists(self) -> None:
        for number, name, account_type, subtype, parent in data.ACCOUNTS:
            self._company.books.skip_to("Account", str(number - 1))
            body: Object = {"Name": name, "AccountType": account_type, "AccountSubType": subtype}
            under = {"ParentRef": {"value": str(parent)}, "SubAccount": True} if parent else {}
            self._add("Account", str(number), body | under)
        for name, kind, price, taxable, income, expense in data.ITEMS:
            stocked = {
                "TrackQtyOnHand": True,
                "QtyOnHand": 25,
                "InvStartDate": self._day(120),
                "AssetAccountRef": {"value": "81"},
            }
            item: Object = {
                "Name": name,
                "Type": kind,
                "UnitPrice": Decimal(price),
                "Taxable": taxable,
                "IncomeAccountRef": {"value": str(income)},
                "ExpenseAccountRef": {"value": str(expense)},
            }
            self._add("Item", name, item | (stocked if kind == "Inventory" else {}))
        for name, days in data.TERMS:
            self._add("Term", name, {"Name": name, "Type": "STANDARD", "DueDays": days})
        for name, kind in data.PAYMENT_METHODS:
            self._add("PaymentMethod", name, {"Name": name, "Type": kind})
        for name in ("Residential", "Commercial"):
            self._add("CustomerType", name, {"Name": name})
        for name in ("Hillside", "Valley"):
            self._add("Department", name, {"Name": name})

    def _tax(self) -> None:
        company = self._company
        company.books.skip_to("TaxCode", "1")
        state = company.create("TaxAgency", {"DisplayName": "State Board of Tax"})["Id"]
        city = company.create("TaxAgency", {"DisplayName": "City Revenue Office"})["Id"]
        rates = (
            ("California", (("California", 8, state),)),
            ("Tucson", (("State tax", "7.1", state), ("City", 2, city))),
        )
        for code, of in rates:
            details = [{"TaxRateName": name, "RateValue": value, "TaxAgencyId": agency} for name, value, agency in of]
            make_tax_code({"TaxCode": code, "TaxRateDetails": details}, company)
        company.set_preferences({"TaxPrefs": {"UsingSalesTax": True, "TaxGroupCodeRef": {"value": "2"}}})

    def _people(self) -> None:
        for number, (name, parent, city) in enumerate(data.CUSTOMERS, start=1):
            address = {"Line1": f"{number * 37} Oak Street", "City": city, "CountrySubDivisionCode": "CA"}
            under = {"ParentRef": self._ref("Customer", parent), "Job": True} if parent else {}
            mail = {"PrimaryEmailAddr": {"Address": f"customer{number}@example.com"}}
            self._add("Customer", name, {"DisplayName": name, "BillAddr": address, **mail, **under})
        for name, term in data.VENDORS:
            self._add("Vendor", name, {"DisplayName": name, "TermRef": self._ref("Term", term)})
        for given, family in data.EMPLOYEES:
            self._add("Employee", given, {"GivenName": given, "FamilyName": family, "BillableTime": True})

    def _documents(self) -> None:
        self._opening()
        self._sales()
        self._purchases()
        self._others()

    def _opening(self) -> None:
        """Start the books: money in the bank, a truck, and a loan on it."""
        sides = (("35", "Debit", "5000"), ("36", "Debit", "800"), ("38", "Debit", "13495"), ("44", "Credit", "9995"))
        lines = [_journal_line(account, side, amount) for account, side, amount in sides]
        lines.append(_journal_line("34", "Credit", "9300"))
        self._company.create("JournalEntry", {"TxnDate": self._day(150), "DocNumber": "1", "Line": lines})

    def _sales(self) -> None:
        waiting = []
        for customer, days_ago, term, lines, paid in data.SALES:
            body = {
                "CustomerRef": self._ref("Customer", customer),
                "TxnDate": self._day(days_ago),
                "SalesTermRef": self._ref("Term", term),
                "BillEmail": {"Address": "owner@example.com"},
                "TxnTaxDetail": {"TxnTaxCodeRef": {"value": "2"}},
                "Line": [self._sales_line(item, amount) for item, amount in lines],
            }
            invoice = self._company.create("Invoice", body)
            if paid:
                share = (invoice["TotalAmt"] * paid / 100).quantize(invoice["TotalAmt"])
                day = self._day(max(0, days_ago - 20))
                payment = hands.pay_invoice(self._company, invoice["Id"], share, date=day, method="Check")
                waiting.append(payment["Id"])
        hands.deposit(self._company, waiting[:-2], "35")

    def _sales_line(self, item: str, amount: str) -> Object:
        detail = {"ItemRef": self._ref("Item", item)}
        return {
            "DetailType": "SalesItemLineDetail",
            "Description": item,
            "Amount": Decimal(amount),
            "SalesItemLineDetail": detail,
        }

    def _purchases(self) -> None:
        for number, (vendor, days_ago, account, amount, paid) in enumerate(data.BILLS, start=1):
            bill = {
                "VendorRef": self._ref("Vendor", vendor),
                "TxnDate": self._day(days_ago),
                "DueDate": self._day(days_ago - 30),
                "DocNumber": f"B-{number}",
                "Line": [_expense_line(account, amount)],
            }
            made = self._company.create("Bill", bill)
            if paid:
                share = (made["TotalAmt"] * paid / 100).quantize(made["TotalAmt"])
                hands.pay_bill(self._company, made["Id"], share, date=self._day(days_ago - 10), reference=str(number))
        for vendor, days_ago, paid_from, means, account, amount in data.EXPENSES:
            expense = {
                "EntityRef": {**self._ref("Vendor", vendor), "type": "Vendor"},
                "TxnDate": self._day(days_ago),
                "AccountRef": {"value": str(paid_from)},
                "PaymentType": means,
                "Line": [_expense_line(account, amount)],
            }
            self._company.create("Purchase", expense)

    def _others(self) -> None:
        """One or two of each of the rest."""
        create, someone = self._company.create, {"CustomerRef": self._ref("Customer", "Kestrel Cycles")}
        vendor = {"VendorRef": self._ref("Vendor", "Fairfield Nursery")}
        service = [self._sales_line("Services", "100.00")]
        create("Estimate", {**someone, "TxnDate": self._day(10), "Line": service})
        create("SalesReceipt", {**someone, "TxnDate": self._day(16), "Line": [self._sales_line("Pump", "45.00")]})
        create("CreditMemo", {**someone, "TxnDate": self._day(6), "Line": service})
        refund = {"DepositToAccountRef": {"value": "35"}, "Line": [self._sales_line("Refunds & Allowances", "40.00")]}
        create("RefundReceipt", {**someone, "TxnDate": self._day(4), **refund})
        create("VendorCredit", {**vendor, "TxnDate": self._day(8), "Line": [_expense_line(59, "62.07")]})
        create("PurchaseOrder", {**vendor, "TxnDate": self._day(2), "Line": [_expense_line(59, "125.00")]})
        ends = {"FromAccountRef": {"value": "35"}, "ToAccountRef": {"value": "36"}}
        create("Transfer", {**ends, "TxnDate": self._day(20), "Amount": Decimal(200)})
        card = {"BankAccountRef": {"value": "35"}, "CreditCardAccountRef": {"value": "41"}}
        create("CreditCardPaymentTxn", {**card, "TxnDate": self._day(15), "Amount": Decimal(50)})
        hours = {"NameOf": "Employee", "EmployeeRef": self._ref("Employee", "Emma"), "Hours": 6}
        create("TimeActivity", {**hours, "TxnDate": self._day(11), "Description": "Planting"})


_PREFERENCES: Final[Object] = {
    "AccountingInfoPrefs": {"UseAccountNumbers": False},
    "ProductAndServicesPrefs": {"QuantityOnHand": True},
    "SalesFormsPrefs": {"CustomTxnNumbers": False, "CustomField": legacy_definitions("Crew #")},
    "VendorAndPurchasesPrefs": {"TrackingByCustomer": True, "BillableExpenseTracking": True},
}


def _journal_line(account: str, side: str, amount: str) -> Object:
    detail = {"PostingType": side, "AccountRef": {"value": account}}
    return {"DetailType": "JournalEntryLineDetail", "Amount": Decimal(amount), "JournalEntryLineDetail": detail}


def _expense_line(account: int, amount: str) -> Object:
    return {
        "DetailType": "AccountBasedExpenseLineDetail",
        "Amount": Decimal(amount),
        "AccountBasedExpenseLineDetail": {"AccountRef": {"value": str(account)}},
    }
