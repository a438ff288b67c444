from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from adapters.sandbox.quickbooks import Fault, hands
from adapters.sandbox.quickbooks.audit import discrepancies

EUR = {"CurrencyRef": {"value": "EUR"}}


def code_of(attempt: Callable[[], object]) -> str:
    with pytest.raises(Fault) as refused:
        attempt()
    return refused.value.code


def abroad(desk: Any) -> Any:
    """Let a company deal in euros, with a customer and a vendor there."""
    desk.company.set_preferences({"CurrencyPrefs": {"MultiCurrencyEnabled": True}})
    desk.company.create("CompanyCurrency", {"Code": "eur"})
    rate = {"SourceCurrencyCode": "EUR", "Rate": Decimal("1.10"), "AsOfDate": "2026-01-01"}
    desk.company.create("ExchangeRate", rate)
    desk.customer = desk.company.create("Customer", {"DisplayName": "Fleurs SARL", **EUR})
    desk.vendor = desk.company.create("Vendor", {"DisplayName": "Camions SA", **EUR})
    return desk


def gain_or_loss(desk: Any) -> Decimal:
    account = desk.company.books.account("Other Expense", "ExchangeGainOrLoss")
    found: Decimal = desk.company.books.ledger.balance(account)
    return found


def test_transaction_names_its_currency(desk: Any) -> None:
    abroad(desk)
    assert code_of(desk.invoice) == "2020"
    invoice = desk.invoice("100.00", **EUR, ExchangeRate=Decimal("1.2"))
    assert invoice["CurrencyRef"] == {"value": "EUR", "name": "Euro"}
    assert (invoice["TotalAmt"], invoice["HomeTotalAmt"]) == (Decimal("100.00"), Decimal("120.00"))
    assert (invoice["Balance"], invoice["HomeBalance"]) == (Decimal("100.00"), Decimal("120.00"))
    assert desk.held("Customer", desk.customer["Id"])["Balance"] == Decimal("100.00")
    assert list(discrepancies(desk.company)) == []


@pytest.mark.parametrize("code", ["6000", "2220"])
def test_currency_must_be_the_partys_own(desk_with: Any, code: str) -> None:
    desk = abroad(desk_with(currency_mismatch_code=code))
    assert code_of(lambda: desk.invoice(CurrencyRef={"value": "USD"})) == code
    payable = desk.ref("Account", "Accounts Payable (A/P)")
    assert code_of(lambda: desk.bill(**EUR, APAccountRef=payable)) == code
    assert code_of(lambda: desk.invoice(CurrencyRef={"value": "GBP"})) == "2220"


def test_receivables_and_payables_have_an_account_for_each_currency(desk: Any) -> None:
    abroad(desk)
    desk.invoice("100.00", **EUR)
    bill = desk.bill("100.00", **EUR)
    assert bill["APAccountRef"]["name"] == "Accounts Payable - EUR"
    receivable = desk.company.books.account("Accounts Receivable", currency="EUR")
    assert desk.held("Account", receivable)["CurrentBalance"] == Decimal("110.00")
    assert desk.held("Account", desk.ref("Account", "Accounts Receivable (A/R)")["value"])["CurrentBalance"] == 0


@pytest.mark.parametrize(("position", "home"), [("kept_rate", "110.00"), ("one", "100.00")])
def test_missing_exchange_rate_follows_the_switch(desk_with: Any, position: str, home: str) -> None:
    desk = abroad(desk_with(missing_exchange_rate=position))
    assert desk.invoice("100.00", **EUR)["HomeTotalAmt"] == Decimal(home)


def test_kept_rate_is_the_last_one_up_to_the_documents_day(desk: Any) -> None:
    abroad(desk)
    later = {"SourceCurrencyCode": "EUR", "Rate": Decimal("1.30"), "AsOfDate": "2026-02-10"}
    desk.company.create("ExchangeRate", later)
    assert desk.invoice("100.00", **EUR, TxnDate="2026-02-09")["HomeTotalAmt"] == Decimal("110.00")
    assert desk.invoice("100.00", **EUR, TxnDate="2026-02-10")["HomeTotalAmt"] == Decimal("130.00")


def test_home_total_is_the_sum_of_lines_rounded_one_by_one(desk: Any) -> None:
    abroad(desk)
    invoice = desk.invoice("0.05", "0.05", "0.05", **EUR, ExchangeRate=Decimal("1.1"))
    assert invoice["HomeTotalAmt"] == Decimal("0.18")


def test_what_two_rates_differ_by_is_an_exchange_gain(desk: Any) -> None:
    abroad(desk)
    invoice = desk.invoice("100.00", **EUR, ExchangeRate=Decimal("1.2"))
    line = {"Amount": Decimal("50.00"), "LinkedTxn": [{"TxnId": invoice["Id"], "TxnType": "Invoice"}]}
    body = {"CustomerRef": {"value": desk.customer["Id"]}, "TotalAmt": Decimal("60.00"), "Line": [line], **EUR}
    payment = desk.company.create("Payment", body | {"ExchangeRate": Decimal("1.5")})
    assert gain_or_loss(desk) == Decimal("-15.00")
    held = desk.held("Invoice", invoice["Id"])
    assert (held["Balance"], held["HomeBalance"]) == (Decimal("50.00"), Decimal("60.00"))
    assert list(discrepancies(desk.company)) == []
    hands.void_payment(desk.company, payment["Id"])
    assert gain_or_loss(desk) == 0
    assert desk.held("Invoice", invoice["Id"])["HomeBalance"] == Decimal("120.00")
    assert list(discrepancies(desk.company)) == []


def test_last_part_of_a_foreign_bill_leaves_no_cent_at_home(desk: Any) -> None:
    abroad(desk)
    bill = desk.bill("100.00", **EUR, ExchangeRate=Decimal("1.23457"))
    for amount in ("33.33", "33.33", "33.34"):
        hands.pay_bill(desk.company, bill["Id"], amount)
    assert desk.held("Bill", bill["Id"])["HomeBalance"] == 0
    assert list(discrepancies(desk.company)) == []


def test_credit_and_invoice_of_two_rates_leave_their_difference(desk: Any) -> None:
    abroad(desk)
    invoice = desk.invoice("100.00", **EUR, ExchangeRate=Decimal("1.2"))
    credit = desk.company.create("CreditMemo", desk.invoice_body("100.00", **EUR, ExchangeRate=Decimal("1.0")))
    links = (("Invoice", invoice), ("CreditMemo", credit))
    lines = [{"Amount": 100, "LinkedTxn": [{"TxnId": held["Id"], "TxnType": kind}]} for kind, held in links]
    body = {"CustomerRef": {"value": desk.customer["Id"]}, "TotalAmt": 0, "Line": lines, **EUR}
    desk.company.create("Payment", body)
    assert gain_or_loss(desk) == Decimal("20.00")
    assert list(discrepancies(desk.company)) == []


def test_currency_and_rate_stay_while_a_payment_is_applied(desk: Any) -> None:
    abroad(desk)
    invoice = desk.invoice("100.00", **EUR, ExchangeRate=Decimal("1.2"))
    hands.pay_invoice(desk.company, invoice["Id"], "10.00")
    changes = {"ExchangeRate": Decimal("1.3")}
    assert code_of(lambda: hands.edit(desk.company, "Invoice", invoice["Id"], changes)) == "6000"


def test_currency_of_a_name_never_changes(desk: Any) -> None:
    abroad(desk)
    changes = {"CurrencyRef": {"value": "USD"}}
    assert code_of(lambda: hands.edit(desk.company, "Customer", desk.customer["Id"], changes)) == "6000"


def test_multicurrency_is_not_turned_off_and_needs_its_plan(desk: Any) -> None:
    wanted = {"CurrencyPrefs": {"MultiCurrencyEnabled": True}}
    prefs = desk.held("Preferences", "1")
    hands.set_plan(desk.company, "Simple Start")
    token = {"Id": "1", "SyncToken": desk.held("Preferences", "1")["SyncToken"]}
    assert code_of(lambda: desk.company.update("Preferences", wanted | token)) == "5020"
    hands.set_plan(desk.company, "Essentials")
    token["SyncToken"] = desk.held("Preferences", "1")["SyncToken"]
    updated = desk.company.update("Preferences", wanted | token)
    assert updated["CurrencyPrefs"]["MultiCurrencyEnabled"] is True
    assert updated["SalesFormsPrefs"] == prefs["SalesFormsPrefs"]
    off = {"CurrencyPrefs": {"MultiCurrencyEnabled": False}, "Id": "1", "SyncToken": updated["SyncToken"]}
    assert code_of(lambda: desk.company.update("Preferences", off)) == "6000"


def test_currencies_and_rates_need_multicurrency(desk: Any) -> None:
    assert code_of(lambda: desk.company.create("CompanyCurrency", {"Code": "EUR"})) == "5030"
    rate = {"SourceCurrencyCode": "EUR", "Rate": Decimal("1.1")}
    assert code_of(lambda: desk.company.create("ExchangeRate", rate)) == "5030"
    abroad(desk)
    assert code_of(lambda: desk.company.create("CompanyCurrency", {"Code": "EUR"})) == "6240"
    assert code_of(lambda: desk.company.create("ExchangeRate", rate | {"SourceCurrencyCode": "GBP"})) == "2220"


def test_company_of_one_currency_keeps_no_rate(desk: Any) -> None:
    invoice = desk.invoice(ExchangeRate=2)
    assert invoice["CurrencyRef"] == {"value": "USD", "name": "United States Dollar"}
    assert not {"ExchangeRate", "HomeTotalAmt", "HomeBalance"} & invoice.keys()
