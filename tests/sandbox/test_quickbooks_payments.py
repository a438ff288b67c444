from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from adapters.sandbox.quickbooks import Company, Fault, hands
from adapters.sandbox.quickbooks.entries import postings
from adapters.sandbox.quickbooks.ledger import Ledger


def code_of(attempt: Callable[[], object]) -> str:
    with pytest.raises(Fault) as refused:
        attempt()
    return refused.value.code


def test_part_payment_lowers_the_balance_and_links_both_ways(desk: Any, clock: Any) -> None:
    invoice = desk.invoice()
    clock.move(hours=1)
    payment = hands.pay_invoice(desk.company, invoice["Id"], "800.00", method="ACH", reference="5512")
    paid = desk.held("Invoice", invoice["Id"])
    assert (paid["Balance"], paid["TotalAmt"]) == (Decimal("1000.00"), Decimal("1800.00"))
    assert paid["LinkedTxn"] == [{"TxnId": payment["Id"], "TxnType": "Payment"}]
    assert paid["SyncToken"] == "1"
    assert paid["MetaData"]["LastUpdatedTime"] == payment["MetaData"]["CreateTime"] == "2026-03-02T11:11:12-08:00"
    assert payment["Line"][0]["LinkedTxn"] == [{"TxnId": invoice["Id"], "TxnType": "Invoice"}]
    assert payment["PaymentMethodRef"]["name"] == "ACH"
    assert payment["DepositToAccountRef"]["name"] == "Undeposited Funds"


def test_overpayment_stays_unapplied(desk: Any) -> None:
    payment = hands.pay_invoice(desk.company, desk.invoice()["Id"], 2000)
    assert payment["UnappliedAmt"] == Decimal("200.00")
    assert desk.held("Customer", desk.customer["Id"])["Balance"] == Decimal("-200.00")


@pytest.mark.parametrize("action", [hands.void_payment, hands.delete_payment])
def test_payment_taken_back_opens_the_invoice_again(desk: Any, action: Callable[[Company, str], Any]) -> None:
    invoice = desk.invoice()
    payment = hands.pay_invoice(desk.company, invoice["Id"], "1800.00")
    action(desk.company, payment["Id"])
    opened = desk.held("Invoice", invoice["Id"])
    assert (opened["Balance"], opened["LinkedTxn"], opened["SyncToken"]) == (Decimal("1800.00"), [], "2")


@pytest.mark.parametrize("action", [hands.void_bill_payment, hands.delete_bill_payment])
def test_bill_payment_taken_back_opens_the_bill_again(desk: Any, action: Callable[[Company, str], Any]) -> None:
    bill = desk.bill()
    payment = hands.pay_bill(desk.company, bill["Id"], "1500.00", reference="1001")
    assert desk.held("Bill", bill["Id"])["LinkedTxn"] == [{"TxnId": payment["Id"], "TxnType": "BillPaymentCheck"}]
    assert desk.held("Bill", bill["Id"])["Balance"] == 0
    action(desk.company, payment["Id"])
    assert desk.held("Bill", bill["Id"])["Balance"] == Decimal("1500.00")


def test_voided_payment_keeps_its_id_and_nothing_else(desk: Any) -> None:
    payment = hands.pay_invoice(desk.company, desk.invoice()["Id"], "1800.00")
    voided = hands.void_payment(desk.company, payment["Id"])
    assert (voided["TotalAmt"], voided["UnappliedAmt"], voided["Line"], voided["PrivateNote"]) == (0, 0, [], "Voided")


@pytest.mark.parametrize("position", ["BillPaymentCheck", "BillPaymentCreditCard"])
def test_card_payment_is_named_on_the_bill_as_switched(desk_with: Any, position: str) -> None:
    desk = desk_with(card_payment_link=position)
    bill = desk.bill()
    body = {
        "VendorRef": bill["VendorRef"],
        "TotalAmt": 1500,
        "PayType": "CreditCard",
        "CreditCardPayment": {"CCAccountRef": desk.ref("Account", "Company Card")},
        "Line": [{"Amount": 1500, "LinkedTxn": [{"TxnId": bill["Id"], "TxnType": "Bill"}]}],
    }
    payment = desk.company.create("BillPayment", body)
    assert desk.held("Bill", bill["Id"])["LinkedTxn"] == [{"TxnId": payment["Id"], "TxnType": position}]


def payment_body(desk: Any, invoice: dict[str, Any], amount: str, **header: object) -> dict[str, Any]:
    line = {"Amount": Decimal(amount), "LinkedTxn": [{"TxnId": invoice["Id"], "TxnType": "Invoice"}]}
    return {"CustomerRef": {"value": desk.customer["Id"]}, "TotalAmt": Decimal(amount), "Line": [line]} | header


@pytest.mark.parametrize("code", ["6000", "620"])
def test_payment_above_the_open_balance_is_refused(desk_with: Any, code: str) -> None:
    desk = desk_with(over_link_code=code)
    invoice = desk.invoice()
    assert code_of(lambda: desk.company.create("Payment", payment_body(desk, invoice, "1800.01"))) == code
    assert desk.held("Invoice", invoice["Id"]) == invoice


def test_payment_of_another_customers_invoice_is_refused(desk: Any) -> None:
    other = desk.company.create("Customer", {"DisplayName": "Other"})
    body = payment_body(desk, desk.invoice(), "1.00", CustomerRef={"value": other["Id"]})
    assert code_of(lambda: desk.company.create("Payment", body)) == "620"


def test_lines_cannot_apply_more_than_was_paid(desk: Any) -> None:
    body = payment_body(desk, desk.invoice(), "100.00") | {"TotalAmt": Decimal("99.99")}
    assert code_of(lambda: desk.company.create("Payment", body)) == "6000"


def test_updated_payment_moves_from_one_invoice_to_another(desk: Any) -> None:
    first, second = desk.invoice(), desk.invoice()
    payment = desk.company.create("Payment", payment_body(desk, first, "500.00"))
    body = payment_body(desk, second, "500.00", Id=payment["Id"], SyncToken="0")
    desk.company.update("Payment", body)
    assert desk.held("Invoice", first["Id"])["Balance"] == Decimal("1800.00")
    assert desk.held("Invoice", second["Id"])["Balance"] == Decimal("1300.00")


def test_credit_memo_pays_an_invoice_without_money(desk: Any) -> None:
    invoice = desk.invoice()
    memo = desk.company.create("CreditMemo", desk.invoice_body("300.00"))
    lines = [
        {"Amount": 300, "LinkedTxn": [{"TxnId": held["Id"], "TxnType": kind}]}
        for kind, held in (("Invoice", invoice), ("CreditMemo", memo))
    ]
    desk.company.create("Payment", {"CustomerRef": invoice["CustomerRef"], "TotalAmt": 0, "Line": lines})
    assert desk.held("Invoice", invoice["Id"])["Balance"] == Decimal("1500.00")
    assert desk.held("CreditMemo", memo["Id"])["RemainingCredit"] == 0
    assert desk.held("Customer", desk.customer["Id"])["Balance"] == Decimal("1500.00")


@pytest.mark.parametrize("remove", ["delete", "void"])
def test_paid_invoice_is_not_removed_by_an_api_call_unless_switched(desk_with: Any, remove: str) -> None:
    desk = desk_with()
    invoice = desk.invoice()
    hands.pay_invoice(desk.company, invoice["Id"], "1800.00")
    assert code_of(lambda: getattr(desk.company, remove)("Invoice", invoice["Id"])) == "6000"
    desk = desk_with(paid_document_removal="unlinked")
    invoice = desk.invoice()
    payment = hands.pay_invoice(desk.company, invoice["Id"], "1800.00")
    getattr(desk.company, remove)("Invoice", invoice["Id"])
    assert desk.held("Payment", payment["Id"])["UnappliedAmt"] == Decimal("1800.00")


def test_person_may_void_a_paid_invoice_and_the_money_becomes_credit(desk: Any) -> None:
    invoice = desk.invoice()
    payment = hands.pay_invoice(desk.company, invoice["Id"], "1800.00")
    voided = hands.void_invoice(desk.company, invoice["Id"])
    assert (voided["TotalAmt"], voided["LinkedTxn"]) == (0, [])
    assert desk.held("Payment", payment["Id"])["Line"] == []


def test_paid_invoice_keeps_its_customer_and_at_least_what_was_paid(desk: Any) -> None:
    invoice = desk.invoice()
    hands.pay_invoice(desk.company, invoice["Id"], "1000.00")
    lowered = desk.invoice_body("999.99", Id=invoice["Id"], SyncToken="1")
    assert code_of(lambda: desk.company.update("Invoice", lowered)) == "6000"
    other = desk.company.create("Customer", {"DisplayName": "Other"})
    moved = desk.invoice_body(Id=invoice["Id"], SyncToken="1", CustomerRef={"value": other["Id"]})
    assert code_of(lambda: desk.company.update("Invoice", moved)) == "6000"
    raised = desk.invoice_body("2000.00", Id=invoice["Id"], SyncToken="1")
    assert desk.company.update("Invoice", raised)["Balance"] == Decimal("1000.00")


@pytest.mark.parametrize("position", ["allowed", "refused"])
def test_payment_of_a_document_in_a_closed_period_follows_the_switch(desk_with: Any, position: str) -> None:
    desk = desk_with(payment_on_closed_document=position)
    invoice = desk.invoice(TxnDate="2026-01-15")
    hands.close_books(desk.company, "2026-01-31")
    if position == "refused":
        assert code_of(lambda: hands.pay_invoice(desk.company, invoice["Id"], 1)) == "6200"
    else:
        assert hands.pay_invoice(desk.company, invoice["Id"], 1)


def recomputed(company: Company) -> dict[str, Decimal]:
    ledger = Ledger()
    for kind in ("Invoice", "CreditMemo", "Bill", "VendorCredit", "Payment", "BillPayment"):
        for document in company.books.live(kind):
            ledger.post(kind, document["Id"], postings(kind, document, company.books))
    return ledger.trial_balance()


def act_at_random(desk: Any, random: Random) -> None:
    company = desk.company
    amount = f"{random.randrange(0, 500000) / 100:.2f}"
    documents = [(kind, held) for kind in ("Invoice", "Bill") for held in company.all(kind)]
    payments = [(kind, held) for kind in ("Payment", "BillPayment") for held in company.all(kind)]
    kind, document = random.choice(documents) if documents else ("Invoice", desk.invoice())
    part = Decimal(amount).min(document["Balance"])
    choice = random.randrange(8)
    if choice == 0:
        desk.invoice(amount, amount)
    elif choice == 1:
        desk.bill(amount)
    elif choice in {2, 3}:
        (hands.pay_invoice if kind == "Invoice" else hands.pay_bill)(company, document["Id"], part)
    elif choice == 4 and payments:
        payment_kind, payment = random.choice(payments)
        company.void(payment_kind, payment["Id"])
    elif choice == 5 and payments:
        payment_kind, payment = random.choice(payments)
        company.delete(payment_kind, payment["Id"])
    elif choice == 6:
        hands.delete(company, kind, document["Id"])
    elif kind == "Invoice":
        hands.void_invoice(company, document["Id"])


@pytest.mark.parametrize("seed", range(3))
def test_trial_balance_stays_zero_and_agrees_with_the_open_documents(desk: Any, seed: int) -> None:
    random = Random(seed)
    company = desk.company
    for _ in range(250):
        act_at_random(desk, random)
    balances = company.books.ledger.trial_balance()
    assert sum(balances.values()) == 0
    assert {key: held for key, held in balances.items() if held} == {
        key: held for key, held in recomputed(company).items() if held
    }
    open_invoices = sum(held["Balance"] for held in company.all("Invoice"))
    unapplied = sum(held["UnappliedAmt"] for held in company.all("Payment"))
    assert balances[company.books.account("Accounts Receivable")] == open_invoices - unapplied
    open_bills = sum(held["Balance"] for held in company.all("Bill"))
    advance = sum(
        held["TotalAmt"] - sum(line["Amount"] for line in held["Line"]) for held in company.all("BillPayment")
    )
    assert -balances[company.books.account("Accounts Payable")] == open_bills - advance
    assert desk.held("Vendor", desk.vendor["Id"])["Balance"] == open_bills - advance
