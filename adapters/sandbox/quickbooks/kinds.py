"""The table of what a company's books hold: one row per kind of object, one rule per property."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from adapters.sandbox.quickbooks.rules import (
    Rule,
    anything,
    currency,
    day,
    flag,
    money,
    name,
    nested,
    number,
    one_of,
    read_only,
    reference,
    tax_code,
    text,
    tracked,
)

Role = Literal["sale", "purchase", "settlement", "name", "single"]
Fields = Mapping[str, Rule]

PLANS: Final = ("Simple Start", "Essentials", "Plus", "Advanced")
"""The plans, from the smallest; each has what the ones before it have."""

_READ: Final[dict[str, Rule]] = dict.fromkeys(
    ("Id", "SyncToken", "MetaData", "domain", "sparse", "status"),
    read_only,
)
_ADDRESS: Final = anything
_EMAIL: Final = nested({"Address": text(100)})
_PHONE: Final = nested({"FreeFormNumber": text(30)})
_DEPARTMENT: Final = tracked("Department", "AccountingInfoPrefs", "TrackDepartments")
_LINE_CLASS: Final = tracked("Class", "AccountingInfoPrefs", "ClassTrackingPerTxnLine")
_BILLABLE: Final = one_of("Billable", "NotBillable", "HasBeenBilled")

DETAILS: Final[dict[str, tuple[str, Fields]]] = {
    "SalesItemLineDetail": (
        "SalesItemLineDetail",
        {
            "ItemRef": reference("Item"),
            "Qty": number,
            "UnitPrice": number,
            "TaxCodeRef": tax_code,
            "ClassRef": _LINE_CLASS,
            "ServiceDate": day,
            "DiscountRate": number,
            "DiscountAmt": money,
            "ItemAccountRef": read_only,
        },
    ),
    "AccountBasedExpenseLineDetail": (
        "AccountBasedExpenseLineDetail",
        {
            "AccountRef": reference("Account"),
            "ClassRef": _LINE_CLASS,
            "CustomerRef": reference("Customer"),
            "BillableStatus": _BILLABLE,
            "TaxCodeRef": tax_code,
            "TaxAmount": money,
            "MarkupInfo": anything,
        },
    ),
    "ItemBasedExpenseLineDetail": (
        "ItemBasedExpenseLineDetail",
        {
            "ItemRef": reference("Item"),
            "Qty": number,
            "UnitPrice": number,
            "ClassRef": _LINE_CLASS,
            "CustomerRef": reference("Customer"),
            "BillableStatus": _BILLABLE,
            "TaxCodeRef": tax_code,
            "ItemAccountRef": read_only,
        },
    ),
    "DiscountLineDetail": (
        "DiscountLineDetail",
        {"PercentBased": flag, "DiscountPercent": number, "DiscountAccountRef": reference("Account")},
    ),
    "DescriptionOnly": ("DescriptionLineDetail", {"ServiceDate": day, "TaxCodeRef": tax_code}),
    "SubTotalLineDetail": ("SubTotalLineDetail", {"ItemRef": read_only}),
}
"""Line detail types: the property that holds the detail, and its fields."""

LINE: Final[Fields] = {
    "Id": text(20),
    "LineNum": number,
    "Description": text(4000),
    "Amount": money,
    "DetailType": one_of(*DETAILS),
    "LinkedTxn": anything,
    "CustomField": anything,
    **{holder: nested(fields) for holder, fields in DETAILS.values()},
}

_TRANSACTION: Final[dict[str, Rule]] = {
    **_READ,
    "TxnDate": day,
    "PrivateNote": text(4000),
    "CurrencyRef": currency,
    "ExchangeRate": number,
    "TotalAmt": read_only,
    "HomeTotalAmt": read_only,
    "Line": anything,
    "DepartmentRef": _DEPARTMENT,
    "LinkedTxn": read_only,
    "RecurDataRef": read_only,
    "TxnSource": anything,
    "TxnStatus": read_only,
}
_NUMBERED: Final[dict[str, Rule]] = {
    **_TRANSACTION,
    "DocNumber": text(21),
    "Balance": read_only,
    "HomeBalance": read_only,
    "TxnTaxDetail": anything,
    "GlobalTaxCalculation": one_of("TaxExcluded", "TaxInclusive", "NotApplicable"),
    "SalesTermRef": reference("Term"),
    "DueDate": day,
}
_SALE: Final[dict[str, Rule]] = {
    **_NUMBERED,
    "AutoDocNumber": flag,
    "CustomerRef": reference("Customer"),
    "CustomerMemo": nested({"value": text(1000)}),
    "ClassRef": tracked("Class", "AccountingInfoPrefs", "ClassTrackingPerTxn"),
    "BillEmail": _EMAIL,
    "BillEmailCc": _EMAIL,
    "BillEmailBcc": _EMAIL,
    "EmailStatus": one_of("NotSet", "NeedToSend", "EmailSent"),
    "PrintStatus": one_of("NotSet", "NeedToPrint", "PrintComplete"),
    "BillAddr": _ADDRESS,
    "ShipAddr": _ADDRESS,
    "ShipFromAddr": _ADDRESS,
    "FreeFormAddress": flag,
    "CustomField": anything,
    "ApplyTaxAfterDiscount": flag,
    "PaymentMethodRef": reference("PaymentMethod"),
    "PaymentRefNum": text(21),
    "DepositToAccountRef": reference("Account"),
    "FreeFormNumber": text(30),
}
_INVOICE: Final[dict[str, Rule]] = {
    **_SALE,
    "TrackingNum": text(31),
    "ShipDate": day,
    "ShipMethodRef": anything,
    "FOB": text(15),
    "PONumber": text(15),
    "Deposit": money,
    "AllowIPNPayment": flag,
    "AllowOnlinePayment": flag,
    "AllowOnlineCreditCardPayment": flag,
    "AllowOnlineACHPayment": flag,
    "InvoiceLink": read_only,
    "DeliveryInfo": read_only,
    "EInvoiceStatus": read_only,
    "invoiceStatus": read_only,
}
_PURCHASE: Final[dict[str, Rule]] = {
    **_NUMBERED,
    "VendorRef": reference("Vendor"),
    "VendorAddr": read_only,
    "APAccountRef": reference("Account"),
}
_SETTLEMENT: Final[dict[str, Rule]] = {
    **_TRANSACTION,
    "TotalAmt": money,
    "UnappliedAmt": read_only,
    "ProcessPayment": flag,
}
_PARTY: Final[dict[str, Rule]] = {
    **_READ,
    "DisplayName": name(500),
    "Title": text(16),
    "GivenName": text(100),
    "MiddleName": text(100),
    "FamilyName": text(100),
    "Suffix": text(16),
    "CompanyName": text(100),
    "PrintOnCheckName": text(110),
    "Active": flag,
    "PrimaryEmailAddr": _EMAIL,
    "PrimaryPhone": _PHONE,
    "AlternatePhone": _PHONE,
    "Mobile": _PHONE,
    "Fax": _PHONE,
    "WebAddr": nested({"URI": text(1000)}),
    "BillAddr": _ADDRESS,
    "CurrencyRef": currency,
    "Balance": read_only,
    "V4IDPseudonym": read_only,
    "OpenBalanceDate": day,
}
_LISTED: Final[dict[str, Rule]] = {
    **_READ,
    "Name": name(100),
    "FullyQualifiedName": read_only,
    "Active": flag,
    "Level": read_only,
}

_DATED: Final = frozenset({"TxnDate", "TotalAmt"})
_FILTERED_NUMBERED: Final = _DATED | {"DocNumber", "DueDate", "Balance", "SalesTermRef"}
_FILTERED_PARTY: Final = frozenset(
    {"DisplayName", "GivenName", "FamilyName", "CompanyName", "PrintOnCheckName", "Active", "Balance"},
)
_FILTERED_LISTED: Final = frozenset({"Name", "FullyQualifiedName", "Active", "ParentRef"})


@dataclass(frozen=True, slots=True)
class Kind:
    """One row: the properties of a kind of object and the rules that differ from its neighbours'."""

    fields: Fields
    role: Role
    sequence: str
    """Ids count up per sequence: names share one, transactions share one."""
    required: tuple[str, ...] = ()
    filterable: frozenset[str] = frozenset()
    plan: str = PLANS[0]
    """The smallest plan that has it."""
    details: frozenset[str] = frozenset()
    """Line detail types it takes."""
    party: str = ""
    """The property that names its customer or vendor."""
    settles: Mapping[str, int] | None = None
    """For a payment: what its lines may link to; +1 pays a document, -1 uses a credit."""
    voidable: bool = False
    sparse: bool = True
    """Whether the vendor documents sparse updates for it."""
    deletable: bool = False
    indexed: tuple[str, ...] = ()
    parent_flag: str = ""
    """The property that says it has a parent."""


_SALE_DETAILS: Final = frozenset(
    {"SalesItemLineDetail", "DescriptionOnly", "DiscountLineDetail", "SubTotalLineDetail"},
)
_PURCHASE_DETAILS: Final = frozenset(
    {"AccountBasedExpenseLineDetail", "ItemBasedExpenseLineDetail", "DescriptionOnly"},
)


def _sale(fields: Fields, *, voidable: bool) -> Kind:
    return Kind(
        fields,
        "sale",
        "transaction",
        required=("CustomerRef", "Line"),
        filterable=_FILTERED_NUMBERED | {"CustomerRef"},
        details=_SALE_DETAILS,
        party="CustomerRef",
        deletable=True,
        voidable=voidable,
        indexed=("DocNumber",),
    )


def _purchase() -> Kind:
    return Kind(
        _PURCHASE,
        "purchase",
        "transaction",
        required=("VendorRef", "Line"),
        filterable=_FILTERED_NUMBERED | {"VendorRef", "APAccountRef"},
        plan="Essentials",
        details=_PURCHASE_DETAILS,
        party="VendorRef",
        deletable=True,
        sparse=False,
        indexed=("DocNumber",),
    )


def _listed(fields: Fields, *, parent_flag: str = "", plan: str = PLANS[0], kind: str) -> Kind:
    parent: dict[str, Rule] = {parent_flag: flag, "ParentRef": reference(kind)} if parent_flag else {}
    return Kind(
        {**_LISTED, **fields, **parent},
        "name",
        kind,
        required=("Name",),
        filterable=_FILTERED_LISTED | {key for key in ("Type", "Sku") if key in fields},
        plan=plan,
        indexed=("Name",),
        parent_flag=parent_flag,
    )


def _party(fields: Fields) -> Kind:
    return Kind({**_PARTY, **fields}, "name", "party", filterable=_FILTERED_PARTY, indexed=("DisplayName",))


_CUSTOMER: Final[dict[str, Rule]] = {
    "FullyQualifiedName": read_only,
    "Level": read_only,
    "IsProject": read_only,
    "ClientEntityId": read_only,
    "BalanceWithJobs": read_only,
    "Job": flag,
    "ParentRef": reference("Customer"),
    "BillWithParent": flag,
    "Taxable": flag,
    "TaxExemptionReasonId": anything,
    "DefaultTaxCodeRef": anything,
    "SalesTermRef": reference("Term"),
    "PaymentMethodRef": reference("PaymentMethod"),
    "ShipAddr": _ADDRESS,
    "Notes": text(2000),
    "PreferredDeliveryMethod": text(30),
    "ResaleNum": text(16),
    "CustomerTypeRef": anything,
}
_VENDOR: Final[dict[str, Rule]] = {
    "AcctNum": text(100),
    "TermRef": reference("Term"),
    "Vendor1099": flag,
    "TaxIdentifier": text(20),
    "BillRate": number,
    "T4AEligible": flag,
    "T5018Eligible": flag,
}
_ITEM: Final[dict[str, Rule]] = {
    "Sku": text(100),
    "Description": text(4000),
    "PurchaseDesc": text(1000),
    "Type": one_of("Service", "NonInventory", "Inventory", "Group", "Category"),
    "IncomeAccountRef": reference("Account"),
    "ExpenseAccountRef": reference("Account"),
    "AssetAccountRef": reference("Account"),
    "UnitPrice": number,
    "PurchaseCost": number,
    "Taxable": flag,
    "SalesTaxCodeRef": anything,
    "ClassRef": _LINE_CLASS,
    "TrackQtyOnHand": flag,
    "QtyOnHand": number,
    "InvStartDate": day,
    "ItemCategoryType": read_only,
}
_ACCOUNT: Final[dict[str, Rule]] = {
    "Name": name(100, ':"\t\n\r'),
    "AcctNum": text(7, forbidden=":"),
    "AccountType": text(50),
    "AccountSubType": text(50),
    "Classification": one_of("Asset", "Equity", "Expense", "Liability", "Revenue"),
    "CurrencyRef": currency,
    "CurrentBalance": read_only,
    "CurrentBalanceWithSubAccounts": read_only,
    "Description": text(100),
    "TaxCodeRef": anything,
}
_TERM: Final[dict[str, Rule]] = {
    "Name": name(31),
    "Type": one_of("STANDARD", "DATE_DRIVEN"),
    "DueDays": number,
    "DiscountDays": number,
    "DiscountPercent": number,
    "DayOfMonthDue": number,
    "DueNextMonthDays": number,
    "DiscountDayOfMonth": number,
}

KINDS: Final[dict[str, Kind]] = {
    "Preferences": Kind(_READ, "single", "Preferences"),
    "CompanyInfo": Kind(_READ, "single", "CompanyInfo"),
    "Account": _listed(_ACCOUNT, parent_flag="SubAccount", kind="Account"),
    "Term": _listed(_TERM, kind="Term"),
    "PaymentMethod": _listed({"Type": one_of("CREDIT_CARD", "NON_CREDIT_CARD")}, kind="PaymentMethod"),
    "Class": _listed({}, parent_flag="SubClass", plan="Plus", kind="Class"),
    "Department": _listed({"Address": _ADDRESS}, parent_flag="SubDepartment", plan="Plus", kind="Department"),
    "Item": _listed(_ITEM, parent_flag="SubItem", kind="Item"),
    "Customer": _party(_CUSTOMER),
    "Vendor": _party(_VENDOR),
    "Employee": _party({"EmployeeNumber": text(100), "HiredDate": day, "BillableTime": flag}),
    "Invoice": _sale(_INVOICE, voidable=True),
    "CreditMemo": _sale({**_SALE, "RemainingCredit": read_only}, voidable=True),
    "Bill": _purchase(),
    "VendorCredit": _purchase(),
    "Payment": Kind(
        {
            **_SETTLEMENT,
            "CustomerRef": reference("Customer"),
            "PaymentMethodRef": reference("PaymentMethod"),
            "PaymentRefNum": text(21),
            "DepositToAccountRef": reference("Account"),
            "ARAccountRef": reference("Account"),
        },
        "settlement",
        "transaction",
        required=("CustomerRef", "TotalAmt"),
        filterable=_DATED | {"CustomerRef"},
        party="CustomerRef",
        settles={"Invoice": 1, "CreditMemo": -1},
        voidable=True,
        deletable=True,
    ),
    "BillPayment": Kind(
        {
            **_SETTLEMENT,
            "DocNumber": text(21),
            "VendorRef": reference("Vendor"),
            "PayType": one_of("Check", "CreditCard"),
            "CheckPayment": nested({"BankAccountRef": reference("Account"), "PrintStatus": text(20)}),
            "CreditCardPayment": nested({"CCAccountRef": reference("Account")}),
            "APAccountRef": reference("Account"),
            "ProcessBillPayment": flag,
        },
        "settlement",
        "transaction",
        required=("VendorRef", "TotalAmt", "PayType", "Line"),
        filterable=_DATED | {"VendorRef", "DocNumber"},
        plan="Essentials",
        party="VendorRef",
        settles={"Bill": 1, "VendorCredit": -1},
        voidable=True,
        deletable=True,
        indexed=("DocNumber",),
    ),
}

PATHS: Final = {kind.lower(): kind for kind in KINDS}
"""The name in a path, in lower case, to the kind."""

PARTIES: Final = ("Customer", "Vendor", "Employee")
"""The kinds whose names must be unique together."""

REFERENCES: Final[dict[str, str]] = {
    "CustomerRef": "Customer",
    "VendorRef": "Vendor",
    "ItemRef": "Item",
    "ClassRef": "Class",
    "DepartmentRef": "Department",
    "SalesTermRef": "Term",
    "TermRef": "Term",
    "PaymentMethodRef": "PaymentMethod",
    **dict.fromkeys(
        (
            "AccountRef",
            "ItemAccountRef",
            "DiscountAccountRef",
            "APAccountRef",
            "ARAccountRef",
            "BankAccountRef",
            "CCAccountRef",
            "DepositToAccountRef",
            "IncomeAccountRef",
            "ExpenseAccountRef",
            "AssetAccountRef",
        ),
        "Account",
    ),
}
"""Properties that refer to another object, wherever they stand."""
