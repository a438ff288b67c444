from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from adapters.sandbox.quickbooks import Fault
from adapters.sandbox.quickbooks.audit import discrepancies
from adapters.sandbox.quickbooks.taxservice import make_tax_code


def code_of(attempt: Callable[[], object]) -> str:
    with pytest.raises(Fault) as refused:
        attempt()
    return refused.value.code


def charge_tax(desk: Any, **preferences: object) -> str:
    """Let a company charge 7.1 % to the state and 2 % to the city, and return the id of the code for both."""
    agency = desk.company.create("TaxAgency", {"DisplayName": "State"})["Id"]
    rates = [("State", "7.1", agency), ("City", 2, agency)]
    details = [{"TaxRateName": name, "RateValue": value, "TaxAgencyId": held} for name, value, held in rates]
    made = make_tax_code({"TaxCode": "Tucson", "TaxRateDetails": details}, desk.company)
    desk.company.set_preferences({"TaxPrefs": {"UsingSalesTax": True, **preferences}})
    return str(made["TaxCodeId"])


def sale(desk: Any, code: str | None, *amounts: tuple[str, str], **header: object) -> dict[str, Any]:
    """Create an invoice with lines of an amount and a line code."""
    body = desk.invoice_body(*(amount for amount, _ in amounts), **header)
    for line, (_, line_code) in zip(body["Line"], amounts, strict=True):
        line["SalesItemLineDetail"]["TaxCodeRef"] = {"value": line_code}
    if code is not None:
        body.setdefault("TxnTaxDetail", {})["TxnTaxCodeRef"] = {"value": code}
    made: dict[str, Any] = desk.company.create("Invoice", body)
    return made


def test_taxable_lines_are_taxed_at_every_rate_of_the_code(desk: Any) -> None:
    invoice = sale(desk, charge_tax(desk), ("100.05", "TAX"), ("50.00", "NON"))
    assert invoice["TxnTaxDetail"]["TotalTax"] == Decimal("9.10")
    assert [line["Amount"] for line in invoice["TxnTaxDetail"]["TaxLine"]] == [Decimal("7.10"), Decimal("2.00")]
    assert invoice["TxnTaxDetail"]["TaxLine"][0]["TaxLineDetail"]["NetAmountTaxable"] == Decimal("100.05")
    assert (invoice["TotalAmt"], invoice["Balance"]) == (Decimal("159.15"), Decimal("159.15"))
    payable = desk.ref("Account", "State Payable")["value"]
    assert desk.held("Account", payable)["CurrentBalance"] == Decimal("9.10")
    assert list(discrepancies(desk.company)) == []


def test_company_that_charges_no_tax_ignores_what_was_sent(desk: Any) -> None:
    code = charge_tax(desk)
    desk.company.set_preferences({"TaxPrefs": {"UsingSalesTax": False}})
    invoice = sale(desk, code, ("100.00", "TAX"), TxnTaxDetail={"TotalTax": Decimal("9.00")})
    assert (invoice["TxnTaxDetail"], invoice["TotalAmt"]) == ({"TotalTax": 0}, Decimal("100.00"))


def test_automated_tax_stands_in_for_a_missing_code(desk: Any) -> None:
    code = charge_tax(desk)
    assert sale(desk, None, ("100.00", "TAX"))["TotalAmt"] == Decimal("100.00")
    desk.company.set_preferences({"TaxPrefs": {"PartnerTaxEnabled": True, "TaxGroupCodeRef": {"value": code}}})
    assert sale(desk, None, ("100.00", "TAX"))["TotalAmt"] == Decimal("109.10")


@pytest.mark.parametrize(("position", "tax"), [("overwritten", "9.10"), ("kept", "9.00")])
def test_sent_tax_follows_the_switch(desk_with: Any, position: str, tax: str) -> None:
    desk = desk_with(sent_total_tax=position)
    sent = {"TotalTax": Decimal("9.00")}
    invoice = sale(desk, charge_tax(desk), ("100.00", "TAX"), TxnTaxDetail=sent)
    assert invoice["TxnTaxDetail"]["TotalTax"] == Decimal(tax)
    assert list(discrepancies(desk.company)) == []


def test_tax_comes_before_or_after_the_discount(desk: Any) -> None:
    code = charge_tax(desk)
    detail = {"PercentBased": True, "DiscountPercent": 10, "DiscountAccountRef": desk.ref("Account", "Discounts Given")}
    body = desk.invoice_body("100.00", "100.00")
    for line, line_code in zip(body["Line"], ("TAX", "NON"), strict=True):
        line["SalesItemLineDetail"]["TaxCodeRef"] = {"value": line_code}
    body["Line"].append({"DetailType": "DiscountLineDetail", "DiscountLineDetail": detail})
    body["TxnTaxDetail"] = {"TxnTaxCodeRef": {"value": code}}
    assert desk.company.create("Invoice", body)["TxnTaxDetail"]["TotalTax"] == Decimal("9.10")
    after = desk.company.create("Invoice", body | {"ApplyTaxAfterDiscount": True})
    assert (after["TxnTaxDetail"]["TotalTax"], after["TotalAmt"]) == (Decimal("8.19"), Decimal("188.19"))


def test_voided_invoice_owes_no_tax(desk: Any) -> None:
    invoice = sale(desk, charge_tax(desk), ("100.00", "TAX"))
    assert desk.company.void("Invoice", invoice["Id"])["TxnTaxDetail"] == {"TotalTax": 0}
    assert list(discrepancies(desk.company)) == []


def test_lines_without_a_code_go_by_their_item(desk: Any) -> None:
    charge_tax(desk)
    item = desk.held("Item", "1")
    desk.company.update("Item", item | {"Taxable": True})
    assert desk.invoice()["Line"][0]["SalesItemLineDetail"]["TaxCodeRef"]["value"] == "TAX"


def test_line_codes_are_no_codes_of_a_transaction(desk: Any) -> None:
    charge_tax(desk)
    assert code_of(lambda: sale(desk, "TAX", ("100.00", "TAX"))) == "6100"
    assert code_of(lambda: sale(desk, "99", ("100.00", "TAX"))) == "2500"


def test_taxed_invoice_takes_fewer_lines(desk: Any) -> None:
    code = charge_tax(desk)
    lines = [("1.00", "TAX")] * 751
    assert code_of(lambda: sale(desk, code, *lines)) == "6000"
    assert sale(desk, code, *lines[:750])
    assert sale(desk, code, *[("1.00", "NON")] * 751)


@pytest.mark.parametrize(
    ("code", "spoil"),
    [
        ("2020", {"TaxCode": ""}),
        ("2020", {"TaxRateDetails": []}),
        ("2020", {"TaxRateDetails": [{"TaxRateName": "A"}]}),
        ("2500", {"TaxRateDetails": [{"TaxRateName": "A", "RateValue": 1, "TaxAgencyId": "99"}]}),
        ("2500", {"TaxRateDetails": [{"TaxRateId": "99"}]}),
        ("2150", {"TaxRateDetails": [{"TaxRateName": "A", "RateValue": 101, "TaxAgencyId": "1"}]}),
        ("2170", {"TaxRateDetails": [{"TaxRateId": "1", "TaxApplicableOn": "Gifts"}]}),
        ("6240", {"TaxCode": "tucson"}),
        ("6240", {"TaxRateDetails": [{"TaxRateName": "State", "RateValue": 1, "TaxAgencyId": "1"}]}),
    ],
)
def test_bad_tax_code_is_refused_and_leaves_nothing(desk: Any, code: str, spoil: dict[str, object]) -> None:
    charge_tax(desk)
    good = {"TaxCode": "New", "TaxRateDetails": [{"TaxRateId": "1"}]}
    assert code_of(lambda: make_tax_code(good | spoil, desk.company)) == code
    assert len(desk.company.all("TaxRate")) == 2
    assert [held["Name"] for held in desk.company.all("TaxCode")] == ["TAX", "NON", "Tucson"]


def test_old_rates_can_be_used_again(desk: Any) -> None:
    charge_tax(desk)
    made = make_tax_code({"TaxCode": "State only", "TaxRateDetails": [{"TaxRateId": 1}]}, desk.company)
    assert sale(desk, made["TaxCodeId"], ("100.00", "TAX"))["TotalAmt"] == Decimal("107.10")


@pytest.mark.parametrize("kind", ["TaxCode", "TaxRate", "CustomerType", "Budget", "ReimburseCharge"])
def test_calls_may_only_read_some_kinds(desk: Any, kind: str) -> None:
    assert code_of(lambda: desk.company.create(kind, {"Name": "X"})) == "500"
