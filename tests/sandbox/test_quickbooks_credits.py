from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from adapters.sandbox.quickbooks import Fault, hands
from adapters.sandbox.quickbooks.audit import discrepancies


def code_of(attempt: Callable[[], object]) -> str:
    with pytest.raises(Fault) as refused:
        attempt()
    return refused.value.code


def memo(desk: Any, amount: str = "500.00", **header: object) -> dict[str, Any]:
    made: dict[str, Any] = desk.company.create("CreditMemo", desk.invoice_body(amount, **header))
    return made


def vendor_credit(desk: Any, amount: str = "500.00", **header: object) -> dict[str, Any]:
    made: dict[str, Any] = desk.company.create("VendorCredit", desk.bill_body(amount, **header))
    return made


def line(kind: str, document: dict[str, Any], amount: str) -> dict[str, Any]:
    return {"Amount": Decimal(amount), "LinkedTxn": [{"TxnId": document["Id"], "TxnType": kind}]}


def apply_memo(desk: Any, invoice: dict[str, Any], credit: dict[str, Any], amount: str, total: str = "0.00") -> Any:
    lines = [line("Invoice", invoice, amount), line("CreditMemo", credit, amount)]
    body = {"CustomerRef": {"value": desk.customer["Id"]}, "TotalAmt": Decimal(total), "Line": lines}
    return desk.company.create("Payment", body)


def prefer(desk: Any, section: str, *names: str) -> None:
    desk.company.set_preferences({section: dict.fromkeys(names, True)})


def test_credit_memo_is_applied_through_a_payment_of_nothing(desk: Any) -> None:
    invoice, credit = desk.invoice("800.00"), memo(desk)
    assert credit["RemainingCredit"] == credit["Balance"] == Decimal("500.00")
    assert desk.held("Customer", desk.customer["Id"])["Balance"] == Decimal("300.00")
    payment = apply_memo(desk, invoice, credit, "400.00")
    assert desk.held("Invoice", invoice["Id"])["Balance"] == Decimal("400.00")
    held = desk.held("CreditMemo", credit["Id"])
    assert (held["RemainingCredit"], held["LinkedTxn"]) == (
        Decimal("100.00"),
        [{"TxnId": payment["Id"], "TxnType": "Payment"}],
    )
    assert list(discrepancies(desk.company)) == []
    assert code_of(lambda: apply_memo(desk, invoice, credit, "100.01")) == "6000"
    desk.company.delete("Payment", payment["Id"])
    assert desk.held("CreditMemo", credit["Id"])["RemainingCredit"] == Decimal("500.00")


def test_credit_cannot_pay_more_than_it_is_applied_to(desk: Any) -> None:
    invoice, credit = desk.invoice("800.00"), memo(desk)
    lines = [line("Invoice", invoice, "100.00"), line("CreditMemo", credit, "99.99")]
    body = {"CustomerRef": {"value": desk.customer["Id"]}, "TotalAmt": 0, "Line": lines}
    assert code_of(lambda: desk.company.create("Payment", body)) == "6000"


def test_vendor_credit_is_applied_through_a_bill_payment_of_nothing(desk: Any) -> None:
    bill, credit = desk.bill("800.00"), vendor_credit(desk)
    assert desk.held("Vendor", desk.vendor["Id"])["Balance"] == Decimal("300.00")
    body = {
        "VendorRef": {"value": desk.vendor["Id"]},
        "TotalAmt": 0,
        "PayType": "Check",
        "CheckPayment": {"BankAccountRef": desk.ref("Account", "Operating Checking")},
        "Line": [line("Bill", bill, "500.00"), line("VendorCredit", credit, "500.00")],
    }
    desk.company.create("BillPayment", body)
    assert desk.held("Bill", bill["Id"])["Balance"] == Decimal("300.00")
    assert desk.held("VendorCredit", credit["Id"])["Balance"] == 0
    assert list(discrepancies(desk.company)) == []


def test_invoice_taken_away_by_a_person_leaves_the_used_credit_on_the_payment(desk: Any) -> None:
    invoice, credit = desk.invoice("800.00"), memo(desk)
    payment = apply_memo(desk, invoice, credit, "500.00")
    hands.delete(desk.company, "Invoice", invoice["Id"])
    assert desk.held("Payment", payment["Id"])["UnappliedAmt"] == Decimal("500.00")
    assert list(discrepancies(desk.company)) == []


@pytest.mark.parametrize(("position", "left"), [("at_once", "300.00"), ("never", "800.00")])
def test_open_credit_is_applied_to_a_new_invoice_as_switched(desk_with: Any, position: str, left: str) -> None:
    desk = desk_with(automatic_application=position)
    prefer(desk, "SalesFormsPrefs", "AutoApplyCredit")
    memo(desk)
    invoice = desk.invoice("800.00")
    assert invoice["Balance"] == Decimal(left)
    assert invoice["SyncToken"] == ("1" if position == "at_once" else "0")
    assert list(discrepancies(desk.company)) == []


def test_nothing_is_applied_while_the_preferences_are_off(desk: Any) -> None:
    memo(desk)
    assert desk.invoice("800.00")["Balance"] == Decimal("800.00")
    assert desk.company.all("Payment") == []


def test_new_credit_pays_the_oldest_invoices_first(desk: Any) -> None:
    prefer(desk, "SalesFormsPrefs", "AutoApplyCredit")
    young = desk.invoice("400.00", TxnDate="2026-02-20")
    old = desk.invoice("300.00", TxnDate="2026-01-20")
    other = desk.company.create("Customer", {"DisplayName": "Other"})
    theirs = desk.invoice("300.00", CustomerRef={"value": other["Id"]})
    assert memo(desk)["RemainingCredit"] == 0
    assert desk.held("Invoice", old["Id"])["Balance"] == 0
    assert desk.held("Invoice", young["Id"])["Balance"] == Decimal("200.00")
    assert desk.held("Invoice", theirs["Id"])["Balance"] == Decimal("300.00")


def test_payment_without_lines_is_spread_over_the_oldest_invoices(desk: Any) -> None:
    prefer(desk, "SalesFormsPrefs", "AutoApplyPayments")
    first, second = desk.invoice("100.00", TxnDate="2026-01-01"), desk.invoice("100.00", TxnDate="2026-01-02")
    body = {"CustomerRef": {"value": desk.customer["Id"]}, "TotalAmt": Decimal("150.00")}
    payment = desk.company.create("Payment", body)
    assert (payment["UnappliedAmt"], len(payment["Line"])) == (0, 2)
    balances = [desk.held("Invoice", held["Id"])["Balance"] for held in (first, second)]
    assert balances == [0, Decimal("50.00")]
    assert list(discrepancies(desk.company)) == []


def test_what_was_overpaid_pays_the_next_invoice(desk: Any) -> None:
    hands.pay_invoice(desk.company, desk.invoice("100.00")["Id"], "130.00")
    prefer(desk, "SalesFormsPrefs", "AutoApplyPayments")
    assert desk.invoice("100.00")["Balance"] == Decimal("70.00")
    assert desk.company.all("Payment")[0]["UnappliedAmt"] == 0


def test_overpayment_that_was_banked_pays_nothing_by_itself(desk: Any) -> None:
    payment = hands.pay_invoice(desk.company, desk.invoice("100.00")["Id"], "130.00")
    hands.deposit(desk.company, [payment["Id"]])
    prefer(desk, "SalesFormsPrefs", "AutoApplyPayments")
    assert desk.invoice("100.00")["Balance"] == Decimal("100.00")


@pytest.mark.parametrize("first", ["Bill", "VendorCredit"])
def test_bill_and_vendor_credit_meet_by_themselves_whichever_comes_first(desk: Any, first: str) -> None:
    prefer(desk, "VendorAndPurchasesPrefs", "AutomaticBillPayment")
    if first == "Bill":
        bill, credit = desk.bill("800.00"), vendor_credit(desk)
    else:
        credit, bill = vendor_credit(desk), desk.bill("800.00")
    assert desk.held("Bill", bill["Id"])["Balance"] == Decimal("300.00")
    assert desk.held("VendorCredit", credit["Id"])["Balance"] == 0
    assert list(discrepancies(desk.company)) == []


def test_payment_lines_repeat_what_they_settle(desk: Any) -> None:
    invoice = desk.invoice(DocNumber="LD-1")
    payment = hands.pay_invoice(desk.company, invoice["Id"], "800.00")
    told = {held["value"]["Name"]: held["value"]["Value"] for held in payment["Line"][0]["LineEx"]["any"]}
    assert told == {"txnId": invoice["Id"], "txnOpenBalance": "1800.00", "txnReferenceNumber": "LD-1"}
    again = desk.company.update("Payment", payment)
    assert again["Line"] == payment["Line"]


def test_merged_customer_brings_its_documents_along(desk: Any) -> None:
    twin = desk.company.create("Customer", {"DisplayName": "Acme Foods Inc"})
    invoice = desk.invoice("800.00")
    theirs = desk.invoice("50.00", CustomerRef={"value": twin["Id"]})
    payment = hands.pay_invoice(desk.company, invoice["Id"], "900.00")
    kept = hands.merge(desk.company, "Customer", twin["Id"], desk.customer["Id"])
    assert kept["Balance"] == Decimal("-50.00")
    assert desk.held("Payment", payment["Id"])["CustomerRef"] == {"value": twin["Id"], "name": "Acme Foods Inc"}
    desk.customer = twin
    desk.company.update("Payment", desk.held("Payment", payment["Id"]) | {"Line": [line("Invoice", theirs, "50.00")]})
    assert list(discrepancies(desk.company)) == []


@pytest.mark.parametrize("bumps", [True, False])
def test_merged_name_is_gone_and_its_documents_follow(desk_with: Any, *, bumps: bool) -> None:
    desk = desk_with(merge_bumps_documents=bumps)
    twin = desk.company.create("Customer", {"DisplayName": "Acme Foods Inc"})
    invoice = desk.invoice()
    hands.merge(desk.company, "Customer", twin["Id"], desk.customer["Id"])
    assert desk.company.get("Customer", desk.customer["Id"]) is None
    assert desk.held("Invoice", invoice["Id"])["CustomerRef"]["value"] == twin["Id"]
    assert desk.held("Invoice", invoice["Id"])["SyncToken"] == ("1" if bumps else "0")
    assert desk.company.create("Vendor", {"DisplayName": "Acme Foods"})


def test_only_alike_names_are_merged(desk: Any) -> None:
    fuel, income = desk.ref("Account", "Fuel")["value"], desk.ref("Account", "Linehaul Income")["value"]
    assert code_of(lambda: hands.merge(desk.company, "Account", fuel, income)) == "6000"
    assert code_of(lambda: hands.merge(desk.company, "Customer", desk.customer["Id"], desk.customer["Id"])) == "6000"
    job = {"DisplayName": "Job", "ParentRef": {"value": desk.customer["Id"]}, "Job": True}
    below = desk.company.create("Customer", job)
    assert code_of(lambda: hands.merge(desk.company, "Customer", below["Id"], desk.customer["Id"])) == "6000"


def test_merged_accounts_add_up(desk: Any) -> None:
    desk.bill("70.00")
    bought, other = desk.ref("Account", "Purchased Transportation"), desk.ref("Account", "Accessorials Paid")
    hands.merge(desk.company, "Account", other["value"], bought["value"])
    assert desk.held("Account", other["value"])["CurrentBalance"] == Decimal("70.00")
    assert desk.held("Item", "1")["ExpenseAccountRef"]["value"] == other["value"]
    assert list(discrepancies(desk.company)) == []


def test_merged_account_takes_over_what_stands_on_it_unsaid(desk: Any) -> None:
    other = desk.company.create("Account", {"Name": "Receivables 2", "AccountType": "Accounts Receivable"})
    first = desk.ref("Account", "Accounts Receivable (A/R)")["value"]
    invoice = desk.invoice("70.00")
    hands.merge(desk.company, "Account", other["Id"], first)
    assert desk.held("Account", other["Id"])["CurrentBalance"] == Decimal("70.00")
    hands.pay_invoice(desk.company, invoice["Id"], "70.00")
    assert desk.held("Account", other["Id"])["CurrentBalance"] == 0
    assert list(discrepancies(desk.company)) == []


def test_bill_payment_stands_on_the_account_of_its_bills(desk: Any) -> None:
    other = desk.company.create("Account", {"Name": "Payables 2", "AccountType": "Accounts Payable"})
    first, second = desk.bill("10.00"), desk.bill("20.00", APAccountRef={"value": other["Id"]})
    paid = hands.pay_bill(desk.company, second["Id"], "5.00")
    assert paid["APAccountRef"]["name"] == "Payables 2"
    both = {"Line": [line("Bill", first, "5.00"), line("Bill", second, "5.00")]}
    assert code_of(lambda: hands.edit(desk.company, "BillPayment", paid["Id"], both)) == "6000"
    moved = {"APAccountRef": first["APAccountRef"]}
    assert code_of(lambda: hands.edit(desk.company, "Bill", second["Id"], moved)) == "6000"
    assert list(discrepancies(desk.company)) == []
