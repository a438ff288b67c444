"""A landscaper's company with a year's habits: what the vendor's own sample company has, in size and in kind."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Final

from adapters.sandbox.quickbooks import hands
from adapters.sandbox.quickbooks.company import Company
from adapters.sandbox.quickbooks.currencies import NAMES
from adapters.sandbox.quickbooks.customfields import legacy_definitions
from adapters.sandbox.quickbooks.rules import Object
from adapters.sandbox.quickbooks.taxservice import make_tax_code

_ACCOUNTS: Final = (
    # id, name, type, sub type, id of the account it stands under; client libraries' own tests count on some of the ids
    (1, "Services", "Income", "ServiceFeeIncome", 0),
    (2, "Retained Earnings", "Equity", "RetainedEarnings", 0),
    (4, "Undeposited Funds", "Other Current Asset", "UndepositedFunds", 0),
    (5, "Fees Billed", "Income", "ServiceFeeIncome", 0),
    (7, "Advertising", "Expense", "AdvertisingPromotional", 0),
    (8, "Bank Charges", "Expense", "BankCharges", 0),
    (10, "Dues & Subscriptions", "Expense", "DuesSubscriptions", 0),
    (11, "Insurance", "Expense", "Insurance", 0),
    (12, "Legal & Professional Fees", "Expense", "LegalProfessionalFees", 0),
    (13, "Meals and Entertainment", "Expense", "EntertainmentMeals", 0),
    (14, "Miscellaneous", "Other Expense", "OtherMiscellaneousExpense", 0),
    (15, "Office Expenses", "Expense", "OfficeGeneralAdministrativeExpenses", 0),
    (16, "Promotional", "Expense", "AdvertisingPromotional", 0),
    (17, "Rent or Lease", "Expense", "RentOrLeaseOfBuildings", 0),
    (19, "Stationery & Printing", "Expense", "OfficeGeneralAdministrativeExpenses", 0),
    (20, "Supplies", "Expense", "SuppliesMaterials", 0),
    (21, "Taxes & Licenses", "Expense", "TaxesPaid", 0),
    (22, "Travel", "Expense", "Travel", 0),
    (24, "Utilities", "Expense", "Utilities", 0),
    (25, "Interest Earned", "Other Income", "InterestEarned", 0),
    (28, "Disposal Fees", "Expense", "DisposalFees", 0),
    (29, "Equipment Rental", "Expense", "EquipmentRental", 0),
    (30, "Freight & Delivery", "Cost of Goods Sold", "ShippingFreightDeliveryCos", 0),
    (33, "Accounts Payable (A/P)", "Accounts Payable", "AccountsPayable", 0),
    (34, "Opening Balance Equity", "Equity", "OpeningBalanceEquity", 0),
    (35, "Checking", "Bank", "Checking", 0),
    (36, "Savings", "Bank", "Savings", 0),
    (37, "Truck", "Fixed Asset", "Vehicles", 0),
    (38, "Original Cost", "Fixed Asset", "Vehicles", 37),
    (39, "Depreciation", "Fixed Asset", "AccumulatedDepreciation", 37),
    (41, "Mastercard", "Credit Card", "CreditCard", 0),
    (42, "Visa", "Credit Card", "CreditCard", 0),
    (43, "Loan Payable", "Other Current Liability", "LoanPayable", 0),
    (44, "Notes Payable", "Long Term Liability", "OtherLongTermLiabilities", 0),
    (45, "Landscaping Services", "Income", "OtherPrimaryIncome", 0),
    (46, "Job Materials", "Income", "OtherPrimaryIncome", 45),
    (47, "Fountains and Garden Lighting", "Income", "OtherPrimaryIncome", 46),
    (48, "Plants and Soil", "Income", "OtherPrimaryIncome", 46),
    (49, "Sprinklers and Drip Systems", "Income", "OtherPrimaryIncome", 46),
    (52, "Labor", "Income", "OtherPrimaryIncome", 45),
    (53, "Installation", "Income", "OtherPrimaryIncome", 52),
    (54, "Maintenance and Repair", "Income", "OtherPrimaryIncome", 52),
    (55, "Automobile", "Expense", "Auto", 0),
    (56, "Fuel", "Expense", "Auto", 55),
    (58, "Job Expenses", "Expense", "OtherMiscellaneousServiceCost", 0),
    (59, "Job Materials Bought", "Expense", "SuppliesMaterials", 58),
    (60, "Cost of Labor", "Expense", "CostOfLabor", 58),
    (72, "Maintenance and Repairs", "Expense", "RepairMaintenance", 0),
    (76, "Telephone", "Expense", "Utilities", 24),
    (77, "Gas and Electric", "Expense", "Utilities", 24),
    (78, "Pest Control Services", "Income", "OtherPrimaryIncome", 0),
    (79, "Sales of Product Income", "Income", "SalesOfProductIncome", 0),
    (80, "Cost of Goods Sold", "Cost of Goods Sold", "SuppliesMaterialsCogs", 0),
    (81, "Inventory Asset", "Other Current Asset", "Inventory", 0),
    (82, "Design Income", "Income", "OtherPrimaryIncome", 0),
    (83, "Other Income", "Other Income", "OtherMiscellaneousIncome", 0),
    (84, "Accounts Receivable (A/R)", "Accounts Receivable", "AccountsReceivable", 0),
    (85, "Refunds-Allowances", "Income", "DiscountsRefundsGiven", 0),
    (86, "Discounts given", "Income", "DiscountsRefundsGiven", 0),
    (88, "Prepaid Expenses", "Other Current Asset", "PrepaidExpenses", 0),
)
_ITEMS: Final = (
    # name, type, price, taxable, income account, expense account
    ("Services", "Service", "50", False, 1, 60),
    ("Hours", "Service", "45", False, 1, 60),
    ("Concrete", "Service", "0", True, 48, 59),
    ("Design", "Service", "75", False, 82, 60),
    ("Rock Fountain", "Inventory", "275", True, 79, 80),
    ("Gardening", "Service", "35", False, 45, 60),
    ("Installation", "Service", "50", False, 53, 60),
    ("Lighting", "Service", "15", True, 47, 59),
    ("Maintenance & Repair", "Service", "40", False, 54, 60),
    ("Pest Control", "Service", "35", False, 78, 60),
    ("Pump", "Inventory", "15", True, 79, 80),
    ("Refunds & Allowances", "Service", "0", False, 85, 60),
    ("Rocks", "Service", "0", True, 48, 59),
    ("Sod", "Service", "0", True, 48, 59),
    ("Soil", "Service", "10", True, 48, 59),
    ("Sprinkler Heads", "Inventory", "2", True, 79, 80),
    ("Sprinkler Pipes", "Inventory", "4", True, 79, 80),
    ("Trimming", "Service", "35", False, 45, 60),
)
_TERMS: Final = (("Due on receipt", 0), ("Net 15", 15), ("Net 30", 30), ("Net 60", 60))
_PAYMENT_METHODS: Final = (
    ("Cash", "NON_CREDIT_CARD"),
    ("Check", "NON_CREDIT_CARD"),
    ("Visa", "CREDIT_CARD"),
    ("MasterCard", "CREDIT_CARD"),
    ("Discover", "CREDIT_CARD"),
    ("American Express", "CREDIT_CARD"),
)
_CUSTOMERS: Final = (
    # name, whose job it is, city
    ("Alder Street Clinic", "", "Bayshore"),
    ("Birchwood Nursery School", "", "Half Moon Bay"),
    ("Cypress Point Motel", "", "Half Moon Bay"),
    ("Diego Marin", "", "Menlo Park"),
    ("Elm Park Homeowners", "", "Palo Alto"),
    ("Front Gate", "Elm Park Homeowners", "Palo Alto"),
    ("Pool House", "Elm Park Homeowners", "Palo Alto"),
    ("Fern & Fig Cafe", "", "Bayshore"),
    ("Grace Okafor", "", "Millbrae"),
    ("Harbor View Dental", "", "South Orange"),
    ("Ivy Lane Realty", "", "Monlo Park"),
    ("Juniper Brothers Builders", "", "Middlefield"),
    ("Lot 12", "Juniper Brothers Builders", "Middlefield"),
    ("Kestrel Cycles", "", "Bayshore"),
    ("Laurel Hill Cemetery", "", "Middlefield"),
    ("Maple Court Apartments", "", "Palo Alto"),
    ("Nadia Petrov", "", "Half Moon Bay"),
    ("Orchard Hardware", "", "Middlefield"),
)
_VENDORS: Final = (
    ("Aqua Line Irrigation", "Net 30"),
    ("Brightwater Utilities", "Net 15"),
    ("Coastal Fuel", "Due on receipt"),
    ("Dunmore Equipment Rental", "Net 30"),
    ("Eastside Insurance Agency", "Net 30"),
    ("Fairfield Nursery", "Net 30"),
    ("Granite & Gravel Yard", "Net 30"),
    ("Hollis Bookkeeping", "Net 15"),
    ("Inland Telephone", "Net 15"),
    ("Jarvis Auto Repair", "Due on receipt"),
    ("Kingsley Signs", "Net 30"),
    ("Lindqvist Landlords", "Due on receipt"),
)
_EMPLOYEES: Final = (("Emma", "Lindt"), ("Jonah", "Reyes"), ("Priya", "Nair"))
_SALES: Final = (
    # customer, days ago, term, lines of item and amount, how many hundredths have been paid
    ("Alder Street Clinic", 95, "Net 30", (("Gardening", "140.00"), ("Soil", "50.00")), 100),
    ("Birchwood Nursery School", 80, "Net 30", (("Installation", "250.00"), ("Sod", "750.00")), 100),
    ("Cypress Point Motel", 70, "Net 30", (("Pest Control", "105.00"),), 100),
    ("Diego Marin", 64, "Net 30", (("Design", "375.00"),), 50),
    ("Front Gate", 61, "Net 60", (("Lighting", "135.00"), ("Rock Fountain", "275.00")), 0),
    ("Pool House", 55, "Net 30", (("Pump", "30.00"), ("Hours", "180.00")), 100),
    ("Fern & Fig Cafe", 48, "Net 15", (("Trimming", "70.00"),), 0),
    ("Grace Okafor", 44, "Net 30", (("Concrete", "1125.00"), ("Installation", "500.00")), 25),
    ("Harbor View Dental", 40, "Net 30", (("Gardening", "87.50"),), 100),
    ("Ivy Lane Realty", 33, "Net 30", (("Maintenance & Repair", "240.00"),), 0),
    ("Lot 12", 30, "Net 60", (("Rocks", "300.00"), ("Soil", "120.00"), ("Hours", "405.00")), 0),
    ("Kestrel Cycles", 24, "Net 15", (("Services", "100.00"),), 100),
    ("Laurel Hill Cemetery", 18, "Net 30", (("Sprinkler Heads", "48.00"), ("Sprinkler Pipes", "96.00")), 0),
    ("Maple Court Apartments", 12, "Net 30", (("Gardening", "525.00"), ("Trimming", "175.00")), 0),
    ("Nadia Petrov", 7, "Due on receipt", (("Design", "150.00"),), 100),
    ("Orchard Hardware", 3, "Net 30", (("Pest Control", "70.00"),), 0),
)
_BILLS: Final = (
    # vendor, days ago, account, amount, how many hundredths have been paid
    ("Aqua Line Irrigation", 75, 59, "241.23", 100),
    ("Brightwater Utilities", 60, 77, "86.44", 100),
    ("Dunmore Equipment Rental", 52, 29, "450.00", 50),
    ("Eastside Insurance Agency", 45, 11, "1200.00", 0),
    ("Fairfield Nursery", 38, 59, "362.07", 0),
    ("Granite & Gravel Yard", 30, 59, "515.00", 0),
    ("Hollis Bookkeeping", 21, 12, "150.00", 100),
    ("Inland Telephone", 14, 76, "74.36", 0),
    ("Lindqvist Landlords", 5, 17, "900.00", 0),
)
_EXPENSES: Final = (
    # vendor, days ago, paid from, means, account, amount
    ("Coastal Fuel", 58, 41, "CreditCard", 56, "52.14"),
    ("Jarvis Auto Repair", 37, 35, "Check", 72, "218.75"),
    ("Kingsley Signs", 26, 42, "CreditCard", 7, "74.86"),
    ("Coastal Fuel", 9, 35, "Cash", 56, "47.60"),
)


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
        for number, name, account_type, subtype, parent in _ACCOUNTS:
            self._company.books.skip_to("Account", str(number - 1))
            body: Object = {"Name": name, "AccountType": account_type, "AccountSubType": subtype}
            under = {"ParentRef": {"value": str(parent)}, "SubAccount": True} if parent else {}
            self._add("Account", str(number), body | under)
        for name, kind, price, taxable, income, expense in _ITEMS:
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
        for name, days in _TERMS:
            self._add("Term", name, {"Name": name, "Type": "STANDARD", "DueDays": days})
        for name, kind in _PAYMENT_METHODS:
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
        for number, (name, parent, city) in enumerate(_CUSTOMERS, start=1):
            address = {"Line1": f"{number * 37} Oak Street", "City": city, "CountrySubDivisionCode": "CA"}
            under = {"ParentRef": self._ref("Customer", parent), "Job": True} if parent else {}
            mail = {"PrimaryEmailAddr": {"Address": f"customer{number}@example.com"}}
            self._add("Customer", name, {"DisplayName": name, "BillAddr": address, **mail, **under})
        for name, term in _VENDORS:
            self._add("Vendor", name, {"DisplayName": name, "TermRef": self._ref("Term", term)})
        for given, family in _EMPLOYEES:
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
        for customer, days_ago, term, lines, paid in _SALES:
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
        for number, (vendor, days_ago, account, amount, paid) in enumerate(_BILLS, start=1):
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
        for vendor, days_ago, paid_from, means, account, amount in _EXPENSES:
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
