"""A freight broker's company as its accountant would have set it up."""

from typing import Final

from adapters.sandbox.quickbooks.company import Company
from adapters.sandbox.quickbooks.rules import Object

_ACCOUNTS: Final = (
    # number, name, type, sub type
    ("1000", "Operating Checking", "Bank", "Checking"),
    ("1100", "Accounts Receivable (A/R)", "Accounts Receivable", "AccountsReceivable"),
    ("1050", "Undeposited Funds", "Other Current Asset", "UndepositedFunds"),
    ("1300", "Carrier Advances", "Other Current Asset", "OtherCurrentAssets"),
    ("1310", "Driver Advances", "Other Current Asset", "EmployeeCashAdvances"),
    ("1400", "Prepaid Expenses", "Other Current Asset", "PrepaidExpenses"),
    ("2000", "Accounts Payable (A/P)", "Accounts Payable", "AccountsPayable"),
    ("2100", "Company Card", "Credit Card", "CreditCard"),
    ("2300", "Driver Escrow", "Other Current Liability", "OtherCurrentLiabilities"),
    ("2400", "Payroll Clearing", "Other Current Liability", "PayrollClearing"),
    ("3000", "Opening Balance Equity", "Equity", "OpeningBalanceEquity"),
    ("3900", "Retained Earnings", "Equity", "RetainedEarnings"),
    ("4000", "Linehaul Income", "Income", "ServiceFeeIncome"),
    ("4010", "Fuel Surcharge Income", "Income", "ServiceFeeIncome"),
    ("4020", "Accessorial Income", "Income", "ServiceFeeIncome"),
    ("4090", "Discounts Given", "Income", "DiscountsRefundsGiven"),
    ("5000", "Purchased Transportation", "Cost of Goods Sold", "FreightAndDeliveryCos"),
    ("5010", "Fuel Surcharge Paid", "Cost of Goods Sold", "FreightAndDeliveryCos"),
    ("5020", "Accessorials Paid", "Cost of Goods Sold", "OtherCostsOfServiceCos"),
    ("5100", "Driver Pay", "Cost of Goods Sold", "CostOfLaborCos"),
    ("5200", "Owner-Operator Settlements", "Cost of Goods Sold", "CostOfLaborCos"),
    ("6000", "Fuel", "Expense", "Auto"),
    ("6010", "Tolls", "Expense", "Auto"),
    ("6100", "Insurance", "Expense", "Insurance"),
    ("6200", "Repairs and Maintenance", "Expense", "RepairMaintenance"),
    ("6300", "Office Expenses", "Expense", "OfficeGeneralAdministrativeExpenses"),
    ("6400", "Bank and Factoring Fees", "Expense", "BankCharges"),
    ("6500", "Bad Debts", "Expense", "BadDebts"),
)
_ITEMS: Final = (
    ("Linehaul", "Linehaul Income", "Purchased Transportation"),
    ("Fuel Surcharge", "Fuel Surcharge Income", "Fuel Surcharge Paid"),
    *(
        (name, "Accessorial Income", "Accessorials Paid")
        for name in (
            "Detention",
            "Lumper",
            "Layover",
            "TONU",
            "Stop-Off",
            "Tarp",
            "Driver Assist",
            "Redelivery",
            "Reconsignment",
            "Scale Ticket",
            "Chassis",
            "Pallet Exchange",
        )
    ),
)
_TERMS: Final = (("Due on receipt", 0), ("Net 7", 7), ("Net 15", 15), ("Net 30", 30), ("Net 45", 45), ("Net 60", 60))
_CLASSES: Final = ("Brokerage", "Company Fleet", "Owner-Operators")
_DEPARTMENTS: Final = ("Durango", "Dallas", "Chicago")
_PAYMENT_METHODS: Final = (
    ("ACH", "NON_CREDIT_CARD"),
    ("Check", "NON_CREDIT_CARD"),
    ("Wire", "NON_CREDIT_CARD"),
    ("Factoring", "NON_CREDIT_CARD"),
    ("Visa", "CREDIT_CARD"),
)


def seed_company(company: Company, *, plan: str = "Plus") -> None:
    """Fill an empty company with a broker's accounts, items, terms, methods and, where the plan has them, tracking.

    There is deliberately no item `Storage` and none for a hazmat surcharge.
    """
    accounts = {
        name: _create(company, "Account", Name=name, AcctNum=number, AccountType=kind, AccountSubType=subtype)
        for number, name, kind, subtype in _ACCOUNTS
    }
    for name, income, expense in _ITEMS:
        _create(
            company,
            "Item",
            Name=name,
            Type="Service",
            IncomeAccountRef=accounts[income],
            ExpenseAccountRef=accounts[expense],
        )
    for name, days in _TERMS:
        _create(company, "Term", Name=name, Type="STANDARD", DueDays=days)
    for name, kind in _PAYMENT_METHODS:
        _create(company, "PaymentMethod", Name=name, Type=kind)
    company.set_plan(plan)
    if company.preference("AccountingInfoPrefs", "TrackDepartments"):
        for name in _CLASSES:
            _create(company, "Class", Name=name)
        for name in _DEPARTMENTS:
            _create(company, "Department", Name=name)


def _create(company: Company, kind: str, **body: object) -> Object:
    return {"value": company.create(kind, body)["Id"]}
