"""The properties of transactions, with the rule of each."""

from typing import Final

from adapters.sandbox.quickbooks.fields import (
    ADDRESS,
    BILLABLE,
    DEPARTMENT,
    EMAIL,
    LINE_CLASS,
    PARTIES,
    READ,
    Fields,
)
from adapters.sandbox.quickbooks.rules import (
    Rule,
    anything,
    currency,
    day,
    entity,
    flag,
    money,
    nested,
    number,
    one_of,
    read_only,
    reference,
    rows,
    text,
    tracked,
)

_TRANSACTION: Final[dict[str, Rule]] = {
    **READ,
    "TxnDate": day,
    "PrivateNote": text(4000),
    "CurrencyRef": currency,
    "ExchangeRate": number,
    "TotalAmt": read_only,
    "HomeTotalAmt": read_only,
    "Line": anything,
    "DepartmentRef": DEPARTMENT,
    "LinkedTxn": read_only,
    "RecurDataRef": read_only,
    "TxnSource": anything,
    "TxnStatus": read_only,
    "AttachableRef": anything,
}
_NUMBERED: Final[dict[str, Rule]] = {
    **_TRANSACTION,
    "DocNumber": text(21),
    "Balance": read_only,
    "HomeBalance": read_only,
    "TxnTaxDetail": nested(
        {
            "TxnTaxCodeRef": reference("TaxCode"),
            "TotalTax": money,
            "TaxLine": read_only,
            "UseAutomatedSalesTax": anything,
        }
    ),
    "GlobalTaxCalculation": one_of("TaxExcluded", "TaxInclusive", "NotApplicable"),
    "SalesTermRef": reference("Term"),
    "DueDate": day,
}
CUSTOM_FIELDS: Final = rows(
    nested(
        {
            "DefinitionId": text(20),
            "Name": text(30),
            "Type": one_of("StringType", "NumberType", "DateType"),
            "StringValue": text(1000),
            "NumberValue": number,
            "DateValue": day,
        }
    )
)
_SHIPMENT: Final[Fields] = {
    "TrackingNum": text(31),
    "ShipDate": day,
    "ShipMethodRef": anything,
}
SALE: Final[dict[str, Rule]] = {
    **_NUMBERED,
    "AutoDocNumber": flag,
    "CustomerRef": reference("Customer"),
    "CustomerMemo": nested({"value": text(1000)}),
    "ClassRef": tracked("Class", "AccountingInfoPrefs", "ClassTrackingPerTxn"),
    "BillEmail": EMAIL,
    "BillEmailCc": EMAIL,
    "BillEmailBcc": EMAIL,
    "EmailStatus": one_of("NotSet", "NeedToSend", "EmailSent"),
    "PrintStatus": one_of("NotSet", "NeedToPrint", "PrintComplete"),
    "BillAddr": ADDRESS,
    "ShipAddr": ADDRESS,
    "ShipFromAddr": ADDRESS,
    "FreeFormAddress": flag,
    "CustomField": CUSTOM_FIELDS,
    "ApplyTaxAfterDiscount": flag,
    "PaymentMethodRef": reference("PaymentMethod"),
    "PaymentRefNum": text(21),
    "DepositToAccountRef": reference("Account"),
    "FreeFormNumber": text(30),
    "DeliveryInfo": read_only,
    "ProjectRef": anything,
}
INVOICE: Final[dict[str, Rule]] = {
    **SALE,
    **_SHIPMENT,
    "FOB": text(15),
    "PONumber": text(15),
    "Deposit": money,
    "AllowIPNPayment": flag,
    "AllowOnlinePayment": flag,
    "AllowOnlineCreditCardPayment": flag,
    "AllowOnlineACHPayment": flag,
    "InvoiceLink": read_only,
    "EInvoiceStatus": read_only,
    "invoiceStatus": read_only,
}
CREDIT_MEMO: Final[Fields] = {**SALE, "RemainingCredit": read_only, "InvoiceRef": anything}
ESTIMATE: Final[Fields] = {
    **SALE,
    **_SHIPMENT,
    "TxnStatus": one_of("Pending", "Accepted", "Closed", "Rejected"),
    "ExpirationDate": day,
    "AcceptedBy": text(100),
    "AcceptedDate": day,
}
_CHEQUE: Final = nested(
    {
        "CheckNum": text(21),
        "Status": text(30),
        "NameOnAcct": text(100),
        "AcctNum": text(30),
        "BankName": text(100),
    }
)
RECEIPT: Final[Fields] = {
    **SALE,
    **_SHIPMENT,
    "PaymentType": one_of("Cash", "Check", "CreditCard", "Other"),
    "CheckPayment": _CHEQUE,
    "CreditCardPayment": anything,
}
BILL: Final[dict[str, Rule]] = {
    **_NUMBERED,
    "VendorRef": reference("Vendor"),
    "VendorAddr": read_only,
    "APAccountRef": reference("Account"),
}
EXPENSE: Final[Fields] = {
    **_NUMBERED,
    "AccountRef": reference("Account"),
    "PaymentType": one_of("Cash", "Check", "CreditCard"),
    "EntityRef": entity(*PARTIES),
    "Credit": flag,
    "PaymentMethodRef": reference("PaymentMethod"),
    "PaymentRefNum": text(21),
    "PrintStatus": one_of("NotSet", "NeedToPrint", "PrintComplete"),
    "RemitToAddr": ADDRESS,
    "PurchaseEx": read_only,
}
PURCHASE_ORDER: Final[Fields] = {
    **BILL,
    "POStatus": one_of("Open", "Closed"),
    "POEmail": EMAIL,
    "EmailStatus": one_of("NotSet", "NeedToSend", "EmailSent"),
    "Memo": text(4000),
    "ShipAddr": ADDRESS,
    "ShipTo": reference("Customer"),
    "ShipMethodRef": anything,
    "ClassRef": LINE_CLASS,
    "CustomField": CUSTOM_FIELDS,
    "TaxCodeRef": anything,
    "DeliveryInfo": read_only,
}
JOURNAL_ENTRY: Final[Fields] = {
    **_TRANSACTION,
    "DocNumber": text(21),
    "Adjustment": flag,
    "TxnTaxDetail": anything,
    "GlobalTaxCalculation": read_only,
}
DEPOSIT: Final[Fields] = {
    **_TRANSACTION,
    "DocNumber": text(21),
    "DepositToAccountRef": reference("Account"),
    "CashBack": nested({"AccountRef": reference("Account"), "Amount": money, "Memo": text(4000)}),
    "GlobalTaxCalculation": read_only,
}
_MOVEMENT: Final[Fields] = {
    **{name: rule for name, rule in _TRANSACTION.items() if name != "Line"},
    "Amount": money,
}
TRANSFER: Final[Fields] = {
    **_MOVEMENT,
    "FromAccountRef": reference("Account"),
    "ToAccountRef": reference("Account"),
}
CARD_PAYMENT: Final[Fields] = {
    **_MOVEMENT,
    "BankAccountRef": reference("Account"),
    "CreditCardAccountRef": reference("Account"),
    "VendorRef": reference("Vendor"),
    "PrintStatus": one_of("NotSet", "NeedToPrint", "PrintComplete"),
    "CheckNum": text(21),
    "Memo": text(4000),
}
_SETTLEMENT: Final[dict[str, Rule]] = {
    **_TRANSACTION,
    "TotalAmt": money,
    "UnappliedAmt": read_only,
    "ProcessPayment": flag,
    "TxnTaxDetail": anything,
}
PAYMENT: Final[Fields] = {
    **_SETTLEMENT,
    "CustomerRef": reference("Customer"),
    "PaymentMethodRef": reference("PaymentMethod"),
    "PaymentRefNum": text(21),
    "DepositToAccountRef": reference("Account"),
    "ARAccountRef": reference("Account"),
    "CreditCardPayment": anything,
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
TIME_ACTIVITY: Final[Fields] = {
    **READ,
    "NameOf": one_of("Vendor", "Employee"),
    "VendorRef": reference("Vendor"),
    "EmployeeRef": reference("Employee"),
    "CustomerRef": reference("Customer"),
    "ItemRef": reference("Item"),
    "ClassRef": LINE_CLASS,
    "DepartmentRef": DEPARTMENT,
    "PayrollItemRef": anything,
    "ProjectRef": anything,
    "AttachableRef": anything,
    "TxnDate": day,
    "BillableStatus": BILLABLE,
    "Taxable": flag,
    "HourlyRate": number,
    "CostRate": number,
    "Hours": number,
    "Minutes": number,
    "BreakHours": number,
    "BreakMinutes": number,
    "StartTime": text(40),
    "EndTime": text(40),
    "Description": text(4000),
}
ATTACHABLE: Final[Fields] = {
    **READ,
    "AttachableRef": rows(
        nested(
            {
                "EntityRef": anything,
                "IncludeOnSend": flag,
                "LineInfo": text(20),
                "NoRefOnly": flag,
                "Inactive": flag,
                "CustomField": anything,
            }
        )
    ),
    "FileName": text(1000),
    "Note": text(2000),
    "Category": text(50),
    "ContentType": text(100),
    "PlaceName": text(2000),
    "Tag": text(2000),
    "Lat": text(100),
    "Long": text(100),
    **dict.fromkeys(
        ("Size", "FileAccessUri", "TempDownloadUri", "ThumbnailFileAccessUri", "ThumbnailTempDownloadUri"), read_only
    ),
}
