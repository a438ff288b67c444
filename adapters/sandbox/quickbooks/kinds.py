"""The table of what a company's books hold: one row per kind of object."""

from typing import Final

from adapters.sandbox.quickbooks import document_fields as document
from adapters.sandbox.quickbooks import list_fields as listed
from adapters.sandbox.quickbooks.fields import PARTIES, READ, Fields
from adapters.sandbox.quickbooks.kind import PLANS, Kind
from adapters.sandbox.quickbooks.rules import Rule, anything, flag, one_of, reference, text

__all__ = ["KINDS", "PARTIES", "PATHS", "PLANS", "REFERENCES", "Kind"]

_DATED: Final = frozenset({"TxnDate", "TotalAmt"})
_NUMBERED: Final = _DATED | {"DocNumber", "DueDate", "Balance", "SalesTermRef"}
_NAMED: Final = frozenset({"Name", "FullyQualifiedName", "Active", "ParentRef"})
_PERSON: Final = frozenset(
    {"DisplayName", "GivenName", "FamilyName", "CompanyName", "PrintOnCheckName", "Active", "Balance"},
)
_SALE_DETAILS: Final = frozenset(
    {"SalesItemLineDetail", "DescriptionOnly", "DiscountLineDetail", "SubTotalLineDetail"},
)
_PURCHASE_DETAILS: Final = frozenset(
    {"AccountBasedExpenseLineDetail", "ItemBasedExpenseLineDetail", "DescriptionOnly"},
)


def _sale(own: Fields, *required: str, void_by: str = "", owes: bool = False) -> Kind:
    return Kind(
        own,
        "sale",
        "transaction",
        required=(*required, "Line"),
        filterable=_NUMBERED | {"CustomerRef", "TxnStatus"},
        details=_SALE_DETAILS,
        party="CustomerRef",
        owes=owes,
        deletable=True,
        void_by=void_by,  # type: ignore[arg-type]
        indexed=("DocNumber", "CustomerRef"),
        mailed_to="BillEmail",
    )


def _purchase(own: Fields, *required: str, plan: str = "Essentials", mailed_to: str = "", owes: bool = False) -> Kind:
    party = "VendorRef" if "VendorRef" in own else "EntityRef"
    return Kind(
        own,
        "purchase",
        "transaction",
        required=(*required, "Line"),
        filterable=_NUMBERED | {"VendorRef", "APAccountRef", "EntityRef", "AccountRef", "PaymentType", "POStatus"},
        plan=plan,
        details=_PURCHASE_DETAILS,
        party=party,
        owes=owes,
        deletable=True,
        sparse=not owes,
        indexed=("DocNumber", party),
        mailed_to=mailed_to,
    )


def _settlement(own: Fields, *required: str, settles: dict[str, int], plan: str = PLANS[0]) -> Kind:
    party = required[0]
    return Kind(
        own,
        "settlement",
        "transaction",
        required=required,
        filterable=_DATED | {party, *({"DocNumber"} & own.keys())},
        plan=plan,
        party=party,
        settles=settles,
        void_by="update",
        deletable=True,
        indexed=(*({"DocNumber"} & own.keys()), party),
    )


def _movement(own: Fields, *required: str) -> Kind:
    return Kind(
        own,
        "transfer",
        "transaction",
        required=(*required, "Amount"),
        filterable=frozenset({"TxnDate", "Amount", *required}),
        deletable=True,
    )


def _listed(own: Fields, *, parent_flag: str = "", plan: str = PLANS[0], kind: str, captured: bool = True) -> Kind:
    parent: dict[str, Rule] = {parent_flag: flag, "ParentRef": reference(kind)} if parent_flag else {}
    return Kind(
        {**listed.LISTED, **own, **parent},
        "name",
        kind,
        required=("Name",),
        filterable=_NAMED | (own.keys() & _OWN_FILTERS),
        plan=plan,
        indexed=("Name",),
        parent_flag=parent_flag,
        captured=captured,
    )


_OWN_FILTERS: Final = {"Type", "Sku", "AccountType", "AccountSubType", "Classification", "CurrencyRef", "Taxable"}


def _party(own: Fields) -> Kind:
    return Kind({**listed.PARTY, **own}, "name", "party", filterable=_PERSON, indexed=("DisplayName",))


def _record(own: Fields, kind: str, *required: str, filters: str = "", captured: bool = False) -> Kind:
    deletable = kind == "TimeActivity"
    filterable = frozenset(filters.split())
    return Kind(own, "record", kind, required, filterable, deletable=deletable, captured=captured)


def _shown(own: Fields, kind: str, filters: str = "", *, captured: bool = True) -> Kind:
    """Return the row of a kind that calls may only read."""
    fields = {**READ, "Name": text(100), "Active": flag, **own}
    filterable = frozenset({"Name", "Active", *filters.split()})
    return Kind(fields, "record", kind, filterable=filterable, writable=False, captured=captured)


KINDS: Final[dict[str, Kind]] = {
    "Preferences": Kind(READ, "single", "Preferences", captured=False),
    "CompanyInfo": Kind(READ, "single", "CompanyInfo", captured=False),
    "Account": _listed(listed.ACCOUNT, parent_flag="SubAccount", kind="Account"),
    "Term": _listed(listed.TERM, kind="Term"),
    "PaymentMethod": _listed({"Type": one_of("CREDIT_CARD", "NON_CREDIT_CARD")}, kind="PaymentMethod"),
    "Class": _listed({}, parent_flag="SubClass", plan="Plus", kind="Class"),
    "Department": _listed({"Address": anything}, parent_flag="SubDepartment", plan="Plus", kind="Department"),
    "Item": _listed(listed.ITEM, parent_flag="SubItem", kind="Item"),
    "JournalCode": _listed(
        {"Type": text(30), "Description": text(100), "CustomField": anything}, kind="JournalCode", captured=False
    ),
    "Customer": _party(listed.CUSTOMER),
    "Vendor": _party(listed.VENDOR),
    "Employee": _party(listed.EMPLOYEE),
    "Invoice": _sale(document.INVOICE, "CustomerRef", void_by="operation", owes=True),
    "CreditMemo": _sale(document.CREDIT_MEMO, "CustomerRef", void_by="operation", owes=True),
    "Estimate": _sale(document.ESTIMATE, "CustomerRef"),
    "SalesReceipt": _sale(document.RECEIPT, void_by="update"),
    "RefundReceipt": _sale(document.RECEIPT, "DepositToAccountRef"),
    "Bill": _purchase(document.BILL, "VendorRef", owes=True),
    "VendorCredit": _purchase(document.BILL, "VendorRef", owes=True),
    "Purchase": _purchase(document.EXPENSE, "AccountRef", "PaymentType", plan=PLANS[0]),
    "PurchaseOrder": _purchase(document.PURCHASE_ORDER, "VendorRef", plan="Plus", mailed_to="POEmail"),
    "Payment": _settlement(
        document.PAYMENT,
        "CustomerRef",
        "TotalAmt",
        settles={"Invoice": 1, "CreditMemo": -1, "JournalEntry": 0, "Purchase": 0, "Deposit": 0},
    ),
    "BillPayment": _settlement(
        document.BILL_PAYMENT,
        "VendorRef",
        "TotalAmt",
        "PayType",
        "Line",
        settles={"Bill": 1, "VendorCredit": -1, "JournalEntry": 0, "Purchase": 0, "Deposit": 0},
        plan="Essentials",
    ),
    "JournalEntry": Kind(
        document.JOURNAL_ENTRY,
        "journal",
        "transaction",
        required=("Line",),
        filterable=_DATED | {"DocNumber"},
        details=frozenset({"JournalEntryLineDetail", "DescriptionOnly"}),
        deletable=True,
        sparse=False,
        indexed=("DocNumber",),
    ),
    "Deposit": Kind(
        document.DEPOSIT,
        "deposit",
        "transaction",
        required=("DepositToAccountRef", "Line"),
        filterable=_DATED | {"DepositToAccountRef"},
        details=frozenset({"DepositLineDetail"}),
        deletable=True,
    ),
    "Transfer": _movement(document.TRANSFER, "FromAccountRef", "ToAccountRef"),
    "CreditCardPaymentTxn": _movement(document.CARD_PAYMENT, "BankAccountRef", "CreditCardAccountRef"),
    "TimeActivity": _record(
        document.TIME_ACTIVITY,
        "TimeActivity",
        "NameOf",
        filters="TxnDate CustomerRef EmployeeRef VendorRef BillableStatus",
    ),
    "Attachable": Kind(
        document.ATTACHABLE,
        "attachment",
        "Attachable",
        filterable=frozenset(
            {"FileName", "Note", "AttachableRef.EntityRef", "AttachableRef.EntityRef.Type", "Category", "ContentType"},
        ),
        deletable=True,
    ),
    "RecurringTransaction": Kind(
        READ, "template", "transaction", filterable=frozenset({"Type"}), plan="Essentials", deletable=True
    ),
    "TaxAgency": _record(listed.TAX_AGENCY, "TaxAgency", "DisplayName", filters="DisplayName"),
    "TaxCode": _shown(listed.TAX_CODE, "TaxCode", "Taxable", captured=False),
    "TaxRate": _shown(listed.TAX_RATE, "TaxRate", captured=False),
    "CompanyCurrency": _record(
        listed.COMPANY_CURRENCY, "CompanyCurrency", "Code", filters="Code Name Active", captured=True
    ),
    "ExchangeRate": _record(
        listed.EXCHANGE_RATE,
        "ExchangeRate",
        "SourceCurrencyCode",
        "Rate",
        filters="SourceCurrencyCode TargetCurrencyCode AsOfDate",
    ),
    "CustomerType": _shown({}, "CustomerType"),
    "Budget": _shown(listed.BUDGET, "Budget", "BudgetType StartDate EndDate"),
    "ReimburseCharge": _shown(listed.REIMBURSE_CHARGE, "ReimburseCharge", "CustomerRef TxnDate HasBeenInvoiced"),
}

PATHS: Final = {kind.lower(): kind for kind in KINDS} | {"creditcardpayment": "CreditCardPaymentTxn"}
"""The name in a path or a statement, in lower case, to the kind."""

REFERENCES: Final[dict[str, str]] = {
    "CustomerRef": "Customer",
    "VendorRef": "Vendor",
    "EmployeeRef": "Employee",
    "ItemRef": "Item",
    "ClassRef": "Class",
    "DepartmentRef": "Department",
    "SalesTermRef": "Term",
    "TermRef": "Term",
    "PaymentMethodRef": "PaymentMethod",
    "CustomerTypeRef": "CustomerType",
    "TaxRateRef": "TaxRate",
    "AgencyRef": "TaxAgency",
    "CurrencyRef": "CompanyCurrency",
    **dict.fromkeys(
        (
            "AccountRef",
            "ItemAccountRef",
            "DiscountAccountRef",
            "APAccountRef",
            "ARAccountRef",
            "BankAccountRef",
            "CCAccountRef",
            "CreditCardAccountRef",
            "DepositToAccountRef",
            "FromAccountRef",
            "ToAccountRef",
            "IncomeAccountRef",
            "ExpenseAccountRef",
            "AssetAccountRef",
        ),
        "Account",
    ),
}
"""Properties that refer to another object, wherever they stand."""
