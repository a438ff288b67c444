"""The properties of customers, vendors, items, accounts and other lists, with the rule of each."""

from typing import Final

from adapters.sandbox.quickbooks.fields import ADDRESS, EMAIL, LINE_CLASS, PHONE, READ
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
    text,
)

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
    "PrimaryEmailAddr": EMAIL,
    "PrimaryPhone": PHONE,
    "AlternatePhone": PHONE,
    "Mobile": PHONE,
    "Fax": PHONE,
    "WebAddr": nested({"URI": text(1000)}),
    "BillAddr": ADDRESS,
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
    "DefaultTaxCodeRef": reference("TaxCode"),
    "SalesTermRef": reference("Term"),
    "PaymentMethodRef": reference("PaymentMethod"),
    "ShipAddr": ADDRESS,
    "Notes": text(2000),
    "PreferredDeliveryMethod": text(30),
    "ResaleNum": text(16),
    "CustomerTypeRef": reference("CustomerType"),
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
    "ClassRef": LINE_CLASS,
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
EMPLOYEE: Final[dict[str, Rule]] = {
    "EmployeeNumber": text(100),
    "SSN": text(100),
    "BillRate": number,
    "CostRate": number,
    "BirthDate": day,
    "Gender": text(30),
    "HiredDate": day,
    "ReleasedDate": day,
    "BillableTime": flag,
    "Organization": flag,
    "PrimaryAddr": ADDRESS,
}
TAX_AGENCY: Final[dict[str, Rule]] = {
    **READ,
    "DisplayName": name(100),
    "TaxRegistrationNumber": text(30),
    "TaxTrackedOnSales": flag,
    "TaxTrackedOnPurchases": flag,
    "LastFileDate": day,
    "TaxAgencyConfig": read_only,
}
COMPANY_CURRENCY: Final[dict[str, Rule]] = {
    **READ,
    "Code": text(3),
    "Name": text(100),
    "Active": flag,
    "CustomField": anything,
}
EXCHANGE_RATE: Final[dict[str, Rule]] = {
    **READ,
    "SourceCurrencyCode": text(3),
    "TargetCurrencyCode": text(3),
    "Rate": number,
    "AsOfDate": day,
    "CustomField": anything,
}
TAX_CODE: Final[dict[str, Rule]] = {
    "Description": text(100),
    "Taxable": flag,
    "TaxGroup": flag,
    "Hidden": flag,
    "TaxCodeConfigType": text(30),
    "SalesTaxRateList": anything,
    "PurchaseTaxRateList": anything,
}
TAX_RATE: Final[dict[str, Rule]] = {
    "Description": text(100),
    "RateValue": number,
    "AgencyRef": reference("TaxAgency"),
    "TaxReturnLineRef": anything,
    "SpecialTaxType": text(30),
    "DisplayType": text(30),
    "EffectiveTaxRate": anything,
}
BUDGET: Final[dict[str, Rule]] = {
    "StartDate": day,
    "EndDate": day,
    "BudgetType": text(30),
    "BudgetEntryType": text(30),
    "BudgetDetail": anything,
}
REIMBURSE_CHARGE: Final[dict[str, Rule]] = {
    "CustomerRef": reference("Customer"),
    "CurrencyRef": currency,
    "TxnDate": day,
    "Amount": money,
    "HasBeenInvoiced": flag,
    "Line": anything,
    "LinkedTxn": anything,
    "HomeTotalAmt": read_only,
    "PrivateNote": text(4000),
}
