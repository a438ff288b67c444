"""The tax service: a tax code and its rates made in one call, the only way calls can make either."""

from decimal import Decimal
from typing import Final

from adapters.sandbox.quickbooks.company import Company
from adapters.sandbox.quickbooks.faults import Fault, duplicate_name, invalid_reference, missing, unsupported_property
from adapters.sandbox.quickbooks.rules import Object, number, require

_APPLICABLE: Final = {"Sales": "SalesTaxRateList", "Purchase": "PurchaseTaxRateList"}


def make_tax_code(body: object, company: Company) -> Object:
    """Create a tax code with the rates it lists, new ones or old, and return the service's answer. Raises Fault."""
    if not isinstance(body, dict):
        raise unsupported_property("TaxService")
    require(("TaxCode", "TaxRateDetails"), body)
    name, details = str(body["TaxCode"]), body["TaxRateDetails"]
    if any(held["Name"].casefold() == name.casefold() for held in company.books.live("TaxCode")):
        raise duplicate_name("tax code")
    if not isinstance(details, list) or not all(isinstance(detail, dict) for detail in details):
        raise unsupported_property("TaxRateDetails")
    checked = [_checked(detail, company) for detail in details]
    rates = [(detail, detail.get("TaxRateId") or _new_rate(detail, company)) for detail in checked]
    lists: Object = {held: {"TaxRateDetail": []} for held in _APPLICABLE.values()}
    for order, (detail, rate) in enumerate(rates):
        listed = lists[_APPLICABLE[detail["TaxApplicableOn"]]]["TaxRateDetail"]
        listed.append({"TaxRateRef": {"value": rate}, "TaxTypeApplicable": "TaxOnAmount", "TaxOrder": order})
    code = company.enter("TaxCode", {"Name": name, "Description": name, "Taxable": True, "TaxGroup": True, **lists})
    return {
        "TaxCode": name,
        "TaxCodeId": code["Id"],
        "TaxRateDetails": [{**detail, "TaxRateId": rate} for detail, rate in rates],
    }


def _checked(detail: Object, company: Company) -> Object:
    """Return one rate as it was asked for: an old one by its id, or a name, a value and an agency."""
    kept = {"TaxApplicableOn": "Sales", **{key: held for key, held in detail.items() if held is not None}}
    if kept["TaxApplicableOn"] not in _APPLICABLE:
        raise Fault("2170", f"Invalid Enumeration : {kept['TaxApplicableOn']}", element="TaxApplicableOn")
    if "TaxRateId" in kept:
        kept["TaxRateId"] = str(kept["TaxRateId"])
        if company.find("TaxRate", kept["TaxRateId"]) is None:
            raise invalid_reference("TaxRateId")
        return kept
    for needed in ("TaxRateName", "RateValue", "TaxAgencyId"):
        if needed not in kept:
            raise missing(needed)
    kept["RateValue"] = number(kept["RateValue"], "RateValue", company)
    kept["TaxAgencyId"] = str(kept["TaxAgencyId"])
    if not Decimal(0) <= kept["RateValue"] <= Decimal(100):
        raise Fault("2150", f"Invalid Percent : {kept['RateValue']}", element="RateValue")
    if company.find("TaxAgency", kept["TaxAgencyId"]) is None:
        raise invalid_reference("TaxAgencyId")
    if any(held["Name"] == kept["TaxRateName"] for held in company.books.live("TaxRate")):
        raise duplicate_name("tax rate")
    return kept


def _new_rate(detail: Object, company: Company) -> str:
    body = {
        "Name": detail["TaxRateName"],
        "Description": detail["TaxRateName"],
        "RateValue": detail["RateValue"],
        "AgencyRef": {"value": detail["TaxAgencyId"]},
        "SpecialTaxType": "NONE",
        "DisplayType": "ReadOnly",
    }
    return str(company.enter("TaxRate", body)["Id"])
