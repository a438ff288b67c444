"""The properties each kind of object has, with the rule of each."""

from collections.abc import Mapping
from typing import Final

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

Fields = Mapping[str, Rule]

READ: Final[dict[str, Rule]] = dict.fromkeys(
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
    **READ,
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
SALE: Final[dict[str, Rule]] = {
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
INVOICE: Final[dict[str, Rule]] = {
    **SALE,
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
PURCHASE: Final[dict[str, Rule]] = {
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
PARTY: Final[dict[str, Rule]] = {
    **READ,
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
LISTED: Final[dict[str, Rule]] = {
    **READ,
    "Name": name(100),
    "FullyQualifiedName": read_only,
    "Active": flag,
    "Level": read_only,
}
CUSTOMER: Final[dict[str, Rule]] = {
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
VENDOR: Final[dict[str, Rule]] = {
    "AcctNum": text(100),
    "TermRef": reference("Term"),
    "Vendor1099": flag,
    "TaxIdentifier": text(20),
    "BillRate": number,
    "T4AEligible": flag,
    "T5018Eligible": flag,
}
ITEM: Final[dict[str, Rule]] = {
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
ACCOUNT: Final[dict[str, Rule]] = {
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
TERM: Final[dict[str, Rule]] = {
    "Name": name(31),
    "Type": one_of("STANDARD", "DATE_DRIVEN"),
    "DueDays": number,
    "DiscountDays": number,
    "DiscountPercent": number,
    "DayOfMonthDue": number,
    "DueNextMonthDays": number,
    "DiscountDayOfMonth": number,
}
PAYMENT: Final[Fields] = {
    **_SETTLEMENT,
    "CustomerRef": reference("Customer"),
    "PaymentMethodRef": reference("PaymentMethod"),
    "PaymentRefNum": text(21),
    "DepositToAccountRef": reference("Account"),
    "ARAccountRef": reference("Account"),
}
BILL_PAYMENT: Final[Fields] = {
    **_SETTLEMENT,
    "DocNumber": text(21),
    "VendorRef": reference("Vendor"),
    "PayType": one_of("Check", "CreditCard"),
    "CheckPayment": nested({"BankAccountRef": reference("Account"), "PrintStatus": text(20)}),
    "CreditCardPayment": nested({"CCAccountRef": reference("Account")}),
    "APAccountRef": reference("Account"),
    "ProcessBillPayment": flag,
}
