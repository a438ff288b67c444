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


def side(desk: Any, posting: str, account: str, amount: str, **entity: object) -> dict[str, Any]:
    detail = {"PostingType": posting, "AccountRef": desk.ref("Account", account)} | (
        {"Entity": entity} if entity else {}
    )
    return {"DetailType": "JournalEntryLineDetail", "Amount": Decimal(amount), "JournalEntryLineDetail": detail}


def about(kind: str, party: dict[str, Any]) -> dict[str, Any]:
    return {"Type": kind, "EntityRef": {"value": party["Id"]}}


def charge(desk: Any, amount: str = "250.00", posting: str = "Debit") -> dict[str, Any]:
    """Return the body of an entry that charges the customer, or credits it."""
    other = "Credit" if posting == "Debit" else "Debit"
    owed = side(desk, posting, "Accounts Receivable (A/R)", amount, **about("Customer", desk.customer))
    return {"Line": [owed, side(desk, other, "Linehaul Income", amount)]}


def balance(desk: Any, account: str) -> Decimal:
    found: Decimal = desk.company.books.ledger.balance(desk.ref("Account", account)["value"])
    return found


def agrees(desk: Any) -> bool:
    assert list(discrepancies(desk.company)) == []
    return True


def test_journal_entry_posts_its_lines(desk: Any) -> None:
    lines = [side(desk, "Debit", "Fuel", "80.00"), side(desk, "Credit", "Operating Checking", "80.00")]
    made = desk.company.create("JournalEntry", {"Line": lines, "Adjustment": True})
    assert (made["TotalAmt"], made["Adjustment"], "DocNumber" in made) == (Decimal("80.00"), True, False)
    assert (balance(desk, "Fuel"), balance(desk, "Operating Checking")) == (Decimal("80.00"), Decimal("-80.00"))
    desk.company.delete("JournalEntry", made["Id"])
    assert balance(desk, "Fuel") == 0


@pytest.mark.parametrize(
    ("code", "spoil"),
    [
        ("2300", lambda desk: {"Line": [*charge(desk)["Line"][:1], side(desk, "Credit", "Fuel", "249.99")]}),
        ("6000", lambda desk: {"Line": charge(desk)["Line"][:1]}),
        ("2260", lambda desk: {"Line": [_without(charge(desk)["Line"][0], "PostingType"), *charge(desk)["Line"]]}),
        ("6440", lambda desk: {"Line": [_without(charge(desk)["Line"][0], "AccountRef"), *charge(desk)["Line"]]}),
        ("6000", lambda desk: {"Line": [_without(charge(desk)["Line"][0], "Entity"), charge(desk)["Line"][1]]}),
        ("2290", lambda desk: {"Line": [charge(desk, "-1.00")["Line"][0], charge(desk, "-1.00")["Line"][1]]}),
    ],
)
def test_bad_journal_entry_is_refused_with_its_code(desk: Any, code: str, spoil: Callable[[Any], Any]) -> None:
    assert code_of(lambda: desk.company.create("JournalEntry", spoil(desk))) == code
    assert desk.company.all("JournalEntry") == []


def _without(line: dict[str, Any], key: str) -> dict[str, Any]:
    detail = {name: held for name, held in line["JournalEntryLineDetail"].items() if name != key}
    return {**line, "JournalEntryLineDetail": detail}


def test_entry_on_receivables_names_a_customer_and_on_payables_a_vendor(desk: Any) -> None:
    owed = side(desk, "Debit", "Accounts Payable (A/P)", "10.00", **about("Customer", desk.customer))
    body = {"Line": [owed, side(desk, "Credit", "Fuel", "10.00")]}
    assert code_of(lambda: desk.company.create("JournalEntry", body)) == "6000"
    body["Line"][0] = side(desk, "Debit", "Accounts Payable (A/P)", "10.00", **about("Vendor", desk.vendor))
    desk.company.create("JournalEntry", body)
    assert desk.held("Vendor", desk.vendor["Id"])["Balance"] == Decimal("-10.00")
    assert agrees(desk)


@pytest.mark.parametrize("position", ["one", "many"])
def test_lines_on_receivables_in_one_entry_follow_the_switch(desk_with: Any, position: str) -> None:
    desk = desk_with(journal_party_lines=position)
    other = desk.company.create("Customer", {"DisplayName": "Other"})
    lines = [
        side(desk, "Debit", "Accounts Receivable (A/R)", "10.00", **about("Customer", desk.customer)),
        side(desk, "Credit", "Accounts Receivable (A/R)", "10.00", **about("Customer", other)),
    ]
    if position == "one":
        assert code_of(lambda: desk.company.create("JournalEntry", {"Line": lines})) == "6000"
    else:
        desk.company.create("JournalEntry", {"Line": lines})
        assert desk.held("Customer", other["Id"])["Balance"] == Decimal("-10.00")
        assert agrees(desk)


def test_journal_entry_is_numbered_only_when_asked_and_checked_only_when_the_company_warns(desk: Any) -> None:
    first = desk.company.create("JournalEntry", {**charge(desk), "DocNumber": "7"})
    assert desk.company.create("JournalEntry", {**charge(desk), "DocNumber": "7"})["DocNumber"] == "7"
    numbered = desk.company.create("JournalEntry", charge(desk), options=frozenset({"allowautodocnum"}))
    assert numbered["DocNumber"] == "8"
    warn = {"OtherPrefs": {"NameValue": [{"Name": "WarnDuplicateJournalNumber", "Value": "true"}]}}
    desk.company.set_preferences(warn)
    with pytest.raises(Fault, match=rf"DocNumber=7 is assigned to TxnType=Journal Entry with TxnId={first['Id']}"):
        desk.company.create("JournalEntry", {**charge(desk), "DocNumber": "7"})


def settle(desk: Any, *lines: tuple[str, str, str], total: str = "0.00") -> dict[str, Any]:
    """Create a payment of the customer with lines of kind, id and amount."""
    linked = [
        {"Amount": Decimal(amount), "LinkedTxn": [{"TxnId": identity, "TxnType": kind}]}
        for kind, identity, amount in lines
    ]
    body = {"CustomerRef": {"value": desk.customer["Id"]}, "TotalAmt": Decimal(total), "Line": linked}
    made: dict[str, Any] = desk.company.create("Payment", body)
    return made


def test_invoice_is_settled_by_a_journal_entry_through_a_payment_of_nothing(desk: Any) -> None:
    invoice = desk.invoice("1000.00")
    entry = desk.company.create("JournalEntry", charge(desk, "1000.00", "Credit"))
    payment = settle(desk, ("Invoice", invoice["Id"], "1000.00"), ("JournalEntry", entry["Id"], "1000.00"))
    assert desk.held("Invoice", invoice["Id"])["Balance"] == 0
    assert payment["UnappliedAmt"] == 0
    assert balance(desk, "Accounts Receivable (A/R)") == 0
    assert agrees(desk)
    assert code_of(lambda: settle(desk, ("JournalEntry", entry["Id"], "0.01"))) == "6000"
    assert code_of(lambda: desk.company.delete("JournalEntry", entry["Id"])) == "6000"
    hands.void_payment(desk.company, payment["Id"])
    assert desk.held("Invoice", invoice["Id"])["Balance"] == Decimal("1000.00")
    desk.company.delete("JournalEntry", entry["Id"])
    assert agrees(desk)


def test_entry_that_charges_a_customer_is_paid_like_an_invoice(desk: Any) -> None:
    entry = desk.company.create("JournalEntry", charge(desk, "250.00"))
    assert settle(desk, ("JournalEntry", entry["Id"], "100.00"), total="150.00")["UnappliedAmt"] == Decimal("50.00")
    lowered = charge(desk, "99.99") | {"Id": entry["Id"], "SyncToken": "1"}
    assert code_of(lambda: desk.company.update("JournalEntry", lowered)) == "6000"
    desk.company.update("JournalEntry", charge(desk, "120.00") | {"Id": entry["Id"], "SyncToken": "1"})
    assert code_of(lambda: settle(desk, ("JournalEntry", entry["Id"], "20.01"), total="20.01")) == "6000"
    settle(desk, ("JournalEntry", entry["Id"], "20.00"), total="20.00")
    assert agrees(desk)


def test_entry_of_another_customer_cannot_be_linked(desk: Any) -> None:
    entry = desk.company.create("JournalEntry", charge(desk, "250.00", "Credit"))
    desk.customer = desk.company.create("Customer", {"DisplayName": "Other"})
    invoice = desk.invoice("250.00")
    lines = ("Invoice", invoice["Id"], "250.00"), ("JournalEntry", entry["Id"], "250.00")
    assert code_of(lambda: settle(desk, *lines)) == "620"


def test_bill_is_settled_by_a_journal_entry_through_a_payment_of_nothing(desk: Any) -> None:
    bill = desk.bill("300.00")
    owed = side(desk, "Debit", "Accounts Payable (A/P)", "300.00", **about("Vendor", desk.vendor))
    entry = desk.company.create("JournalEntry", {"Line": [owed, side(desk, "Credit", "Fuel", "300.00")]})
    links = [("Bill", bill["Id"]), ("JournalEntry", entry["Id"])]
    body = {
        "VendorRef": {"value": desk.vendor["Id"]},
        "TotalAmt": 0,
        "PayType": "Check",
        "CheckPayment": {"BankAccountRef": desk.ref("Account", "Operating Checking")},
        "Line": [{"Amount": 300, "LinkedTxn": [{"TxnId": held, "TxnType": kind}]} for kind, held in links],
    }
    desk.company.create("BillPayment", body)
    assert desk.held("Bill", bill["Id"])["Balance"] == 0
    assert agrees(desk)


def test_deposit_takes_payments_out_of_undeposited_funds_and_holds_them(desk: Any) -> None:
    payment = hands.pay_invoice(desk.company, desk.invoice()["Id"], "1800.00")
    receipt = desk.company.create("SalesReceipt", {"Line": desk.invoice_body("20.00")["Line"]})
    assert balance(desk, "Undeposited Funds") == Decimal("1820.00")
    lines = [
        {"Amount": held["TotalAmt"], "LinkedTxn": [{"TxnId": held["Id"], "TxnType": kind, "TxnLineId": "0"}]}
        for kind, held in (("Payment", payment), ("SalesReceipt", receipt))
    ]
    interest = {
        "DetailType": "DepositLineDetail",
        "Amount": Decimal("5.00"),
        "DepositLineDetail": {"AccountRef": desk.ref("Account", "Accessorial Income")},
    }
    bank = desk.ref("Account", "Operating Checking")
    body = {"DepositToAccountRef": bank, "Line": [*lines, interest]}
    body["CashBack"] = {"AccountRef": desk.ref("Account", "Driver Advances"), "Amount": Decimal("25.00")}
    deposit = desk.company.create("Deposit", body)
    assert deposit["TotalAmt"] == Decimal("1800.00")
    assert balance(desk, "Undeposited Funds") == 0
    assert balance(desk, "Operating Checking") == Decimal("1800.00")
    assert balance(desk, "Driver Advances") == Decimal("25.00")
    assert desk.held("Payment", payment["Id"])["LinkedTxn"] == [{"TxnId": deposit["Id"], "TxnType": "Deposit"}]
    assert agrees(desk)


def test_deposited_payment_cannot_be_changed_until_it_is_taken_off(desk: Any) -> None:
    payment = hands.pay_invoice(desk.company, desk.invoice()["Id"], "1800.00")
    deposit = hands.deposit(desk.company, [payment["Id"]])
    held = desk.held("Payment", payment["Id"])
    for attempt in (
        lambda: desk.company.void("Payment", payment["Id"]),
        lambda: desk.company.delete("Payment", payment["Id"]),
        lambda: desk.company.update("Payment", held),
    ):
        assert code_of(attempt) == "6540"
    desk.company.delete("Deposit", deposit["Id"])
    assert desk.company.void("Payment", payment["Id"])["TotalAmt"] == 0
    assert agrees(desk)


def test_payment_is_deposited_whole_and_once(desk: Any) -> None:
    payment = hands.pay_invoice(desk.company, desk.invoice()["Id"], "1800.00")
    line = {"Amount": Decimal("1800.00"), "LinkedTxn": [{"TxnId": payment["Id"], "TxnType": "Payment"}]}
    body = {"DepositToAccountRef": desk.ref("Account", "Operating Checking"), "Line": [line]}
    part = body | {"Line": [{**line, "Amount": Decimal("1.00")}]}
    assert code_of(lambda: desk.company.create("Deposit", part)) == "6000"
    assert code_of(lambda: desk.company.create("Deposit", body | {"Line": [line, line]})) == "6000"
    desk.company.create("Deposit", body)
    assert code_of(lambda: desk.company.create("Deposit", body)) == "620"
    gone = {**line, "LinkedTxn": [{"TxnId": "999", "TxnType": "Payment"}]}
    assert code_of(lambda: desk.company.create("Deposit", body | {"Line": [gone]})) == "610"


def test_payment_taken_off_a_deposit_waits_again(desk: Any) -> None:
    first, second = (hands.pay_invoice(desk.company, desk.invoice()["Id"], "1800.00") for _ in range(2))
    deposit = hands.deposit(desk.company, [first["Id"], second["Id"]])
    hands.edit(desk.company, "Deposit", deposit["Id"], {"Line": deposit["Line"][:1]})
    assert balance(desk, "Undeposited Funds") == Decimal("1800.00")
    assert desk.company.delete("Payment", second["Id"]) is None
    assert agrees(desk)


def test_money_moves_between_balance_sheet_accounts_alone(desk: Any) -> None:
    body = {
        "FromAccountRef": desk.ref("Account", "Operating Checking"),
        "ToAccountRef": desk.ref("Account", "Carrier Advances"),
        "Amount": Decimal("75.00"),
    }
    made = desk.company.create("Transfer", body)
    assert (made["Amount"], balance(desk, "Carrier Advances")) == (Decimal("75.00"), Decimal("75.00"))
    assert code_of(lambda: desk.company.create("Transfer", body | {"ToAccountRef": body["FromAccountRef"]})) == "6000"
    wrong = body | {"ToAccountRef": desk.ref("Account", "Fuel")}
    assert code_of(lambda: desk.company.create("Transfer", wrong)) == "6430"
    wrong = body | {"ToAccountRef": desk.ref("Account", "Accounts Receivable (A/R)")}
    assert code_of(lambda: desk.company.create("Transfer", wrong)) == "6430"
    assert code_of(lambda: desk.company.create("Transfer", body | {"Amount": 0})) == "6000"


def test_card_balance_is_paid_from_the_bank(desk: Any) -> None:
    body = {
        "BankAccountRef": desk.ref("Account", "Operating Checking"),
        "CreditCardAccountRef": desk.ref("Account", "Company Card"),
        "Amount": Decimal("40.00"),
    }
    desk.company.create("CreditCardPaymentTxn", body)
    assert balance(desk, "Company Card") == Decimal("40.00")
    swapped = body | {"CreditCardAccountRef": body["BankAccountRef"]}
    assert code_of(lambda: desk.company.create("CreditCardPaymentTxn", swapped)) == "6430"


def expense(desk: Any, means: str, account: str, **header: object) -> dict[str, Any]:
    body = {"PaymentType": means, "AccountRef": desk.ref("Account", account), "Line": desk.bill_body("60.00")["Line"]}
    return body | header


@pytest.mark.parametrize(
    ("means", "account", "wrong"),
    [("Check", "Operating Checking", "Company Card"), ("CreditCard", "Company Card", "Operating Checking")],
)
def test_expense_is_paid_from_the_account_its_means_allow(desk: Any, means: str, account: str, wrong: str) -> None:
    desk.company.create("Purchase", expense(desk, means, account))
    assert balance(desk, account) == Decimal("-60.00")
    assert balance(desk, "Purchased Transportation") == Decimal("60.00")
    assert code_of(lambda: desk.company.create("Purchase", expense(desk, means, wrong))) == "6430"


def test_card_credit_posts_the_other_way(desk: Any) -> None:
    desk.company.create("Purchase", expense(desk, "CreditCard", "Company Card", Credit=True))
    assert balance(desk, "Company Card") == Decimal("60.00")


def test_cheque_to_a_customer_uses_up_what_it_overpaid(desk: Any) -> None:
    hands.pay_invoice(desk.company, desk.invoice("100.00")["Id"], "160.00")
    body = expense(desk, "Check", "Operating Checking", EntityRef={"value": desk.customer["Id"], "type": "Customer"})
    body["Line"][0]["AccountBasedExpenseLineDetail"]["AccountRef"] = desk.ref("Account", "Accounts Receivable (A/R)")
    cheque = desk.company.create("Purchase", body)
    assert desk.held("Customer", desk.customer["Id"])["Balance"] == 0
    assert agrees(desk)
    settle(desk, ("Check", cheque["Id"], "60.00"), total="60.00")
    assert agrees(desk)
    nameless = {key: held for key, held in body.items() if key != "EntityRef"}
    assert code_of(lambda: desk.company.create("Purchase", nameless)) == "6000"


@pytest.mark.parametrize("position", ["stored", "fault"])
def test_taken_cheque_number_follows_the_switch(desk_with: Any, position: str) -> None:
    desk = desk_with(duplicate_check_number=position)
    body = expense(desk, "Check", "Operating Checking", DocNumber="501")
    desk.company.create("Purchase", body)
    if position == "fault":
        assert code_of(lambda: desk.company.create("Purchase", body)) == "6140"
        assert desk.company.create("Purchase", body, options=frozenset({"allowduplicatedocnum"}))
    else:
        assert desk.company.create("Purchase", body)


def test_receipts_post_to_the_account_the_money_goes_to(desk: Any) -> None:
    lines = desk.invoice_body("90.00")["Line"]
    desk.company.create("SalesReceipt", {"Line": lines})
    assert (balance(desk, "Undeposited Funds"), balance(desk, "Linehaul Income")) == (
        Decimal("90.00"),
        Decimal("-90.00"),
    )
    assert code_of(lambda: desk.company.create("RefundReceipt", {"Line": lines})) == "2020"
    bank = desk.ref("Account", "Operating Checking")
    desk.company.create("RefundReceipt", {"Line": lines, "DepositToAccountRef": bank})
    assert balance(desk, "Operating Checking") == Decimal("-90.00")
    assert balance(desk, "Linehaul Income") == 0


def test_receipt_is_voided_like_a_payment(desk: Any) -> None:
    receipt = desk.company.create("SalesReceipt", {"Line": desk.invoice_body("90.00")["Line"]})
    voided = desk.company.void("SalesReceipt", receipt["Id"])
    assert (voided["TotalAmt"], voided["PrivateNote"]) == (0, "Voided")
    assert balance(desk, "Undeposited Funds") == 0


@pytest.mark.parametrize("kind", ["Estimate", "PurchaseOrder"])
def test_what_is_only_planned_posts_nothing(desk: Any, kind: str) -> None:
    made = desk.company.create(kind, desk.invoice_body() if kind == "Estimate" else desk.bill_body())
    assert "Balance" not in made
    assert desk.company.books.ledger.trial_balance() == {}


def test_sales_forms_share_their_numbers_and_estimates_have_their_own(desk: Any) -> None:
    desk.company.set_preferences({"SalesFormsPrefs": {"CustomTxnNumbers": False}})
    line = {"Line": desk.invoice_body("5.00")["Line"]}
    numbers = [desk.invoice()["DocNumber"], desk.company.create("SalesReceipt", line)["DocNumber"]]
    assert numbers == ["1001", "1002"]
    assert desk.company.create("Estimate", desk.invoice_body())["DocNumber"] == "1001"
    assert desk.company.create("PurchaseOrder", desk.bill_body())["DocNumber"] == "1001"


@pytest.mark.parametrize("kind", ["SalesReceipt", "Payment", "Deposit", "CashBack", "Item", "Discount"])
def test_nothing_posts_to_receivables_without_saying_whose(desk: Any, kind: str) -> None:
    owed = desk.ref("Account", "Accounts Receivable (A/R)")
    lines = desk.invoice_body("5.00")["Line"]
    money = {
        "DetailType": "DepositLineDetail",
        "Amount": 5,
        "DepositLineDetail": {"AccountRef": desk.ref("Account", "Fuel")},
    }
    discount = {"DetailType": "DiscountLineDetail", "Amount": 1, "DiscountLineDetail": {"DiscountAccountRef": owed}}
    bank = desk.ref("Account", "Operating Checking")
    bodies: dict[str, tuple[str, dict[str, Any]]] = {
        "SalesReceipt": ("SalesReceipt", {"Line": lines, "DepositToAccountRef": owed}),
        "Payment": ("Payment", {"CustomerRef": {"value": "1"}, "TotalAmt": 1, "DepositToAccountRef": owed}),
        "Deposit": ("Deposit", {"Line": [money], "DepositToAccountRef": owed}),
        "CashBack": (
            "Deposit",
            {"Line": [money], "DepositToAccountRef": bank, "CashBack": {"AccountRef": owed, "Amount": 1}},
        ),
        "Item": ("Item", {"Name": "Debt", "Type": "Service", "IncomeAccountRef": owed}),
        "Discount": ("Invoice", desk.invoice_body("5.00") | {"Line": [*lines, discount]}),
    }
    assert code_of(lambda: desk.company.create(*bodies[kind])) == "6430"


def test_account_does_not_become_receivables_later(desk: Any) -> None:
    fuel = desk.ref("Account", "Fuel")["value"]
    changes = {"AccountType": "Accounts Receivable", "AccountSubType": "AccountsReceivable"}
    assert code_of(lambda: hands.edit(desk.company, "Account", fuel, changes)) == "6000"
