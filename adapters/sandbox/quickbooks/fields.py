"""Lines and what every kind has in common: properties, with the rule of each."""

from collections.abc import Mapping
from typing import Final

from adapters.sandbox.quickbooks.rules import (
    Rule,
    anything,
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
    tax_code,
    text,
    tracked,
)

Fields = Mapping[str, Rule]

PARTIES: Final = ("Customer", "Vendor", "Employee")
"""The kinds whose names must be unique together."""

READ: Final[dict[str, Rule]] = dict.fromkeys(
    ("Id", "SyncToken", "MetaData", "domain", "sparse", "status"),
    read_only,
)
ADDRESS: Final = anything
EMAIL: Final = nested({"Address": text(100)})
PHONE: Final = nested({"FreeFormNumber": text(30)})
DEPARTMENT: Final = tracked("Department", "AccountingInfoPrefs", "TrackDepartments")
LINE_CLASS: Final = tracked("Class", "AccountingInfoPrefs", "ClassTrackingPerTxnLine")
BILLABLE: Final = one_of("Billable", "NotBillable", "HasBeenBilled")

DETAILS: Final[dict[str, tuple[str, Fields]]] = {
    "SalesItemLineDetail": (
        "SalesItemLineDetail",
        {
            "ItemRef": reference("Item"),
            "Qty": number,
            "UnitPrice": number,
            "TaxCodeRef": tax_code,
            "ClassRef": LINE_CLASS,
            "ServiceDate": day,
            "DiscountRate": number,
            "DiscountAmt": money,
            "TaxInclusiveAmt": money,
            "MarkupInfo": anything,
            "PriceLevelRef": anything,
            "ItemAccountRef": read_only,
        },
    ),
    "AccountBasedExpenseLineDetail": (
        "AccountBasedExpenseLineDetail",
        {
            "AccountRef": reference("Account"),
            "ClassRef": LINE_CLASS,
            "CustomerRef": reference("Customer"),
            "BillableStatus": BILLABLE,
            "TaxCodeRef": tax_code,
            "TaxAmount": money,
            "TaxInclusiveAmt": money,
            "MarkupInfo": anything,
        },
    ),
    "ItemBasedExpenseLineDetail": (
        "ItemBasedExpenseLineDetail",
        {
            "ItemRef": reference("Item"),
            "Qty": number,
            "UnitPrice": number,
            "ClassRef": LINE_CLASS,
            "CustomerRef": reference("Customer"),
            "BillableStatus": BILLABLE,
            "TaxCodeRef": tax_code,
            "TaxInclusiveAmt": money,
            "MarkupInfo": anything,
            "PriceLevelRef": anything,
            "ItemAccountRef": read_only,
        },
    ),
    "DiscountLineDetail": (
        "DiscountLineDetail",
        {
            "PercentBased": flag,
            "DiscountPercent": number,
            "DiscountAccountRef": reference("Account"),
            "ClassRef": LINE_CLASS,
            "TaxCodeRef": tax_code,
        },
    ),
    "JournalEntryLineDetail": (
        "JournalEntryLineDetail",
        {
            "PostingType": one_of("Debit", "Credit"),
            "AccountRef": reference("Account"),
            "Entity": nested({"Type": one_of("Customer", "Vendor", "Employee"), "EntityRef": entity(*PARTIES)}),
            "ClassRef": LINE_CLASS,
            "DepartmentRef": DEPARTMENT,
            "TaxCodeRef": tax_code,
            "TaxApplicableOn": one_of("Sales", "Purchase"),
            "TaxAmount": money,
            "BillableStatus": BILLABLE,
        },
    ),
    "DepositLineDetail": (
        "DepositLineDetail",
        {
            "AccountRef": reference("Account"),
            "Entity": entity(*PARTIES),
            "ClassRef": LINE_CLASS,
            "PaymentMethodRef": reference("PaymentMethod"),
            "CheckNum": text(21),
            "TxnType": text(30),
            "TaxCodeRef": tax_code,
        },
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
    "LinkedTxn": rows(anything),
    "LineEx": read_only,
    "CustomField": anything,
    **{holder: nested(fields) for holder, fields in DETAILS.values()},
}
