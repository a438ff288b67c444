"""Sales tax: what the taxable lines of a sale add to it, by the rates of one tax code."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from adapters.sandbox.quickbooks.faults import Fault, business
from adapters.sandbox.quickbooks.rules import CENT, ZERO, Facts, Object

_NO_TAX: Final[Object] = {"TotalTax": ZERO}
_MOST_TAXED_LINES: Final = 750
_HUNDRED: Final = Decimal(100)


def complete_tax(draft: Object, facts: Facts) -> None:
    """Work out a sale's tax from its lines and its tax code; a company that charges none ignores what was sent.

    Under automated sales tax the company's own code stands in for a missing one.
    """
    sent = draft.get("TxnTaxDetail", _NO_TAX)
    draft["TxnTaxDetail"] = _NO_TAX
    if facts.preference("TaxPrefs", "UsingSalesTax") is not True:
        return
    automated = facts.preference("TaxPrefs", "PartnerTaxEnabled") is True
    code_ref = sent.get("TxnTaxCodeRef") or (facts.preference("TaxPrefs", "TaxGroupCodeRef") if automated else None)
    code = facts.find("TaxCode", str(code_ref.get("value"))) if isinstance(code_ref, dict) else None
    taxable = _taxable(draft)
    if code is None or not taxable:
        return
    if len(draft["Line"]) > _MOST_TAXED_LINES:
        raise business(f"A taxed transaction takes at most {_MOST_TAXED_LINES} lines.")
    tax_lines = [_tax_line(rate, taxable) for rate in _rates(code, facts)]
    if not tax_lines and code["Id"] in {"TAX", "NON"}:
        raise Fault("6100", "Invalid Line TaxCode : a transaction takes a tax group.", element="TxnTaxCodeRef")
    worked_out = sum((line["Amount"] for line in tax_lines), ZERO)
    wanted = sent.get("TotalTax", worked_out)
    if wanted != worked_out and tax_lines and not automated and facts.switches.sent_total_tax == "kept":
        tax_lines[0]["Amount"] += wanted - worked_out
        worked_out = wanted
    draft["TxnTaxDetail"] = {"TxnTaxCodeRef": {"value": code["Id"]}, "TotalTax": worked_out, "TaxLine": tax_lines}


def _taxable(draft: Object) -> Decimal:
    """Return what is taxed: the taxable lines, less their share of a discount where tax comes after it."""
    sales = [line for line in draft["Line"] if line["DetailType"] == "SalesItemLineDetail"]
    taxable = sum((line["Amount"] for line in sales if _is_taxed(line)), ZERO)
    if not draft.get("ApplyTaxAfterDiscount"):
        return taxable
    everything = sum((line["Amount"] for line in sales), ZERO)
    discount = sum((line["Amount"] for line in draft["Line"] if line["DetailType"] == "DiscountLineDetail"), ZERO)
    return taxable - discount * taxable / everything if everything else ZERO


def _is_taxed(line: Object) -> bool:
    return bool(line["SalesItemLineDetail"]["TaxCodeRef"]["value"] == "TAX")


def _rates(code: Object, facts: Facts) -> list[Object]:
    listed = code.get("SalesTaxRateList", {}).get("TaxRateDetail", [])
    held = (facts.find("TaxRate", detail["TaxRateRef"]["value"]) for detail in listed)
    return [rate for rate in held if rate is not None]


def _tax_line(rate: Object, taxable: Decimal) -> Object:
    return {
        "Amount": (taxable * rate["RateValue"] / _HUNDRED).quantize(CENT, ROUND_HALF_UP),
        "DetailType": "TaxLineDetail",
        "TaxLineDetail": {
            "TaxRateRef": {"value": rate["Id"]},
            "PercentBased": True,
            "TaxPercent": rate["RateValue"],
            "NetAmountTaxable": taxable.quantize(CENT, ROUND_HALF_UP),
        },
    }
