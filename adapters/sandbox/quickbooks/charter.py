"""What a company is before anyone works in it: its preferences, its plan, its particulars."""

from typing import Any, Final

from adapters.sandbox.quickbooks.kinds import PLANS
from adapters.sandbox.quickbooks.rules import Object

_OFFERING: Final = "QuickBooks Online "


TAX_CODES: Final[tuple[Object, ...]] = tuple(
    {"Name": name, "Description": name, "Active": True, "Taxable": name == "TAX", "TaxGroup": False, "Hidden": False}
    for name in ("TAX", "NON")
)
"""The two line codes that every United States company has; their ids are their names."""


def preferences() -> Object:
    """Return a new company's preferences, with the defaults of the vendor's samples."""
    return {
        "AccountingInfoPrefs": {
            "FirstMonthOfFiscalYear": "January",
            "UseAccountNumbers": True,
            "TaxYearMonth": "January",
            "TrackDepartments": True,
            "DepartmentTerminology": "Location",
            "ClassTrackingPerTxn": False,
            "ClassTrackingPerTxnLine": True,
            "CustomerTerminology": "Customers",
        },
        "ProductAndServicesPrefs": {
            "ForSales": True,
            "ForPurchase": True,
            "QuantityWithPriceAndRate": True,
            "QuantityOnHand": False,
        },
        "SalesFormsPrefs": {
            "CustomTxnNumbers": True,
            "AllowDeposit": False,
            "AllowDiscount": True,
            "AllowServiceDate": False,
            "AllowShipping": False,
            "AutoApplyCredit": False,
            "AutoApplyPayments": False,
        },
        "VendorAndPurchasesPrefs": {
            "EnableBills": True,
            "TrackingByCustomer": False,
            "BillableExpenseTracking": False,
            "AutomaticBillPayment": False,
        },
        "TaxPrefs": {"UsingSalesTax": False},
        "CurrencyPrefs": {"MultiCurrencyEnabled": False, "HomeCurrency": {"value": "USD"}},
        "ReportPrefs": {"ReportBasis": "Accrual"},
        "TimeTrackingPrefs": {"UseServices": True, "BillCustomers": False, "WorkWeekStartDate": "Monday"},
        "EmailMessagesPrefs": {
            kind: {"Subject": f"{name} from us", "Message": "Thank you for your business."}
            for kind, name in (
                ("InvoiceMessage", "Invoice"),
                ("EstimateMessage", "Estimate"),
                ("SalesReceiptMessage", "Receipt"),
                ("StatementMessage", "Statement"),
            )
        },
        "OtherPrefs": {
            "NameValue": [
                {"Name": "SalesFormsPrefs.DefaultCustomerMessage", "Value": "Thank you for your business."},
                {"Name": "WarnDuplicateBillNumber", "Value": "false"},
                {"Name": "WarnDuplicateCheckNumber", "Value": "true"},
                {"Name": "WarnDuplicateJournalNumber", "Value": "false"},
                {"Name": "VendorAndPurchasesPrefs.UseCustomTxnNumbers", "Value": "false"},
            ],
        },
    }


def company_info() -> Object:
    """Return a new company's particulars; it is on the plan `Plus`."""
    return {
        "CompanyName": "Blue Mesa Logistics LLC",
        "LegalName": "Blue Mesa Logistics LLC",
        "Country": "US",
        "CompanyStartDate": "2020-01-01",
        "FiscalYearStartMonth": "January",
        "DefaultTimeZone": "America/Los_Angeles",
        "SupportedLanguages": "en",
        "CompanyAddr": {
            "Id": "1",
            "Line1": "100 Depot Road",
            "City": "Durango",
            "CountrySubDivisionCode": "CO",
            "PostalCode": "81301",
            "Country": "USA",
        },
        "NameValue": [
            {"Name": "OfferingSku", "Value": f"{_OFFERING}Plus"},
            {"Name": "SubscriptionStatus", "Value": "PAID"},
            {"Name": "IndustryType", "Value": "Freight Transportation Arrangement"},
            {"Name": "CompanyType", "Value": "Limited Liability"},
        ],
    }


def plan_of(info: Object) -> str:
    """Return the plan that a company's particulars name."""
    return _named_value(info, "OfferingSku").removeprefix(_OFFERING)


def subscription_of(info: Object) -> str:
    """Return the subscription's status, such as `PAID`."""
    return _named_value(info, "SubscriptionStatus")


def _named_value(info: Object, name: str) -> str:
    return next(str(pair["Value"]) for pair in info["NameValue"] if pair["Name"] == name)


def subscription(status: str) -> Object:
    """Return the patch to a company's particulars that sets its subscription, such as `PAID` or `SUSPENDED`."""
    return {"NameValue": [{"Name": "SubscriptionStatus", "Value": status}]}


def offering(plan: str) -> Object:
    """Return the patch to a company's particulars that moves it to a plan. Raises ValueError for an unknown one."""
    if plan not in PLANS:
        raise ValueError(f"no such plan: {plan}; plans are {', '.join(PLANS)}")
    return {"NameValue": [{"Name": "OfferingSku", "Value": f"{_OFFERING}{plan}"}]}


def plan_preferences(plan: str) -> Object:
    """Return the patch to the preferences that follows from a plan."""
    rank = PLANS.index(plan)
    tracking = rank >= PLANS.index("Plus")
    return {
        "AccountingInfoPrefs": {"TrackDepartments": tracking, "ClassTrackingPerTxnLine": tracking},
        "VendorAndPurchasesPrefs": {"EnableBills": rank >= PLANS.index("Essentials")},
    }


def merge(old: Object, patch: Object) -> Object:
    """Return `old` with a patch merged in: objects merge, None removes, pairs of name and value merge by name."""
    merged = dict(old)
    for key, value in patch.items():
        held = merged.get(key)
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(held, dict):
            merged[key] = merge(held, value)
        elif key == "NameValue" and isinstance(held, list):
            merged[key] = _merge_pairs(held, value)
        else:
            merged[key] = value
    return merged


def _merge_pairs(old: list[Any], patch: list[Any]) -> list[Object]:
    values = {pair["Name"]: pair["Value"] for pair in (*old, *patch)}
    return [{"Name": name, "Value": value} for name, value in values.items()]
