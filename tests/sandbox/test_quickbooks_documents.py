from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from adapters.sandbox.quickbooks import Fault, hands
from adapters.sandbox.quickbooks.changes import changes
from adapters.sandbox.quickbooks.query import run


def code_of(attempt: Callable[[], object]) -> str:
    with pytest.raises(Fault) as refused:
        attempt()
    return refused.value.code


def test_created_invoice_echoes_what_the_server_works_out(desk: Any) -> None:
    invoice = desk.invoice(
        "1800.00", "100.10", DocNumber="LD-1", TxnDate="2026-03-02", SalesTermRef=desk.ref("Term", "Net 30")
    )
    assert (invoice["TotalAmt"], invoice["Balance"]) == (Decimal("1900.10"), Decimal("1900.10"))
    assert invoice["DueDate"] == "2026-04-01"
    assert invoice["SyncToken"] == "0"
    assert invoice["MetaData"]["CreateTime"] == "2026-03-02T10:11:12-08:00"
    assert invoice["CustomerRef"] == {"value": desk.customer["Id"], "name": "Acme Foods"}
    assert [line.get("Id") for line in invoice["Line"]] == ["1", "2", None]
    assert invoice["Line"][-1] == {
        "Amount": Decimal("1900.10"),
        "DetailType": "SubTotalLineDetail",
        "SubTotalLineDetail": {},
    }
    assert invoice["Line"][0]["SalesItemLineDetail"]["ItemAccountRef"]["name"] == "Linehaul Income"


def test_an_answer_is_the_callers_own_copy(desk: Any) -> None:
    invoice = desk.invoice()
    invoice["Line"][0]["Amount"] = Decimal(1)
    assert desk.held("Invoice", invoice["Id"])["Line"][0]["Amount"] == Decimal("1800.00")


def test_full_update_drops_what_is_left_out(desk: Any) -> None:
    invoice = desk.invoice(DocNumber="LD-1", PrivateNote="kept by nobody")
    body = desk.invoice_body("10.00", Id=invoice["Id"], SyncToken="0", DocNumber="LD-1")
    updated = desk.company.update("Invoice", body)
    assert "PrivateNote" not in updated
    assert (updated["TotalAmt"], updated["SyncToken"]) == (Decimal("10.00"), "1")


def test_sparse_update_keeps_what_is_left_out(desk: Any) -> None:
    invoice = desk.invoice(DocNumber="LD-1", PrivateNote="kept")
    updated = desk.company.update("Invoice", {"Id": invoice["Id"], "SyncToken": "0", "DueDate": "2026-05-01"}, True)
    assert (updated["PrivateNote"], updated["DueDate"]) == ("kept", "2026-05-01")
    assert updated["TotalAmt"] == Decimal("1800.00")


def test_known_lines_keep_their_id_and_missing_ones_go(desk: Any) -> None:
    invoice = desk.invoice("1.00", "2.00")
    lines = [invoice["Line"][1], {**invoice["Line"][0], "Id": None}]
    updated = desk.company.update("Invoice", desk.invoice_body(Id=invoice["Id"], SyncToken="0") | {"Line": lines})
    assert [(line["Id"], line["Amount"]) for line in updated["Line"][:2]] == [
        ("2", Decimal("2.00")),
        ("3", Decimal("1.00")),
    ]


@pytest.mark.parametrize(("position", "note"), [("full", None), ("honoured", "kept")])
def test_sparse_bill_is_a_full_update_unless_switched(desk_with: Any, position: str, note: str | None) -> None:
    desk = desk_with(bill_sparse=position)
    bill = desk.bill(PrivateNote="kept")
    updated = desk.company.update("Bill", desk.bill_body(Id=bill["Id"], SyncToken="0"), sparse=True)
    assert updated.get("PrivateNote") == note


def test_stale_sync_token_is_refused_and_changes_nothing(desk: Any) -> None:
    invoice = desk.invoice()
    body = desk.invoice_body("1.00", Id=invoice["Id"], SyncToken="7")
    assert code_of(lambda: desk.company.update("Invoice", body)) == "5010"
    assert desk.held("Invoice", invoice["Id"]) == invoice


REFUSED: list[tuple[str, str, Callable[[Any], dict[str, Any]]]] = [
    ("2020", "Invoice", lambda desk: {"CustomerRef": desk.ref("Customer", "Acme Foods")}),
    ("2020", "Invoice", lambda desk: desk.invoice_body() | {"CustomerRef": None}),
    ("2050", "Invoice", lambda desk: desk.invoice_body(DocNumber="N" * 22)),
    ("2500", "Invoice", lambda desk: desk.invoice_body(CustomerRef={"value": "999"})),
    ("2010", "Invoice", lambda desk: desk.invoice_body(Colour="red")),
    ("2070", "Invoice", lambda desk: desk.invoice_body(TxnDate="yesterday")),
    ("2170", "Invoice", lambda desk: desk.invoice_body(EmailStatus="Lost")),
    ("2220", "Invoice", lambda desk: desk.invoice_body(CurrencyRef={"value": "EUR"})),
    ("6000", "Invoice", lambda desk: desk.invoice_body("-5.00")),
    ("6420", "Invoice", lambda desk: desk.invoice_body(EmailStatus="NeedToSend")),
    ("6430", "Bill", lambda desk: desk.bill_body(APAccountRef=desk.ref("Account", "Operating Checking"))),
    ("6000", "Bill", lambda desk: desk.bill_body("-5.00")),
]


@pytest.mark.parametrize(("code", "kind", "body"), REFUSED)
def test_bad_document_is_refused_with_its_code(desk: Any, code: str, kind: str, body: Callable[[Any], Any]) -> None:
    assert code_of(lambda: desk.company.create(kind, body(desk))) == code
    assert desk.company.all(kind) == []


def line_with(desk: Any, **detail: object) -> dict[str, Any]:
    body: dict[str, Any] = desk.invoice_body("10.00")
    body["Line"][0]["SalesItemLineDetail"] |= detail
    return body


def test_amount_must_be_price_times_quantity(desk: Any) -> None:
    assert code_of(lambda: desk.company.create("Invoice", line_with(desk, Qty=3, UnitPrice=Decimal("3.33")))) == "6070"
    assert desk.company.create("Invoice", line_with(desk, Qty=4, UnitPrice=Decimal("2.50")))


def test_only_two_line_tax_codes_exist(desk: Any) -> None:
    assert code_of(lambda: desk.company.create("Invoice", line_with(desk, TaxCodeRef={"value": "5"}))) == "6100"


@pytest.mark.parametrize("account", ["Accounts Payable (A/P)", "Accounts Receivable (A/R)"])
def test_bill_line_takes_no_receivable_or_payable_account(desk: Any, account: str) -> None:
    body = desk.bill_body()
    body["Line"][0]["AccountBasedExpenseLineDetail"]["AccountRef"] = desk.ref("Account", account)
    assert code_of(lambda: desk.company.create("Bill", body)) == "6430"


def test_bill_line_without_an_account_is_refused(desk: Any) -> None:
    body = desk.bill_body()
    del body["Line"][0]["AccountBasedExpenseLineDetail"]
    assert code_of(lambda: desk.company.create("Bill", body)) == "6440"


def test_length_fault_counts_with_thousands_commas(desk: Any) -> None:
    with pytest.raises(Fault, match=r"Max:4,000 supported\. Supplied length:4,001"):
        desk.invoice(PrivateNote="n" * 4001)


def test_taken_number_names_the_document_that_holds_it(desk: Any) -> None:
    first = desk.invoice(DocNumber="LD-1")
    with pytest.raises(Fault, match=rf"DocNumber=LD-1 is assigned to TxnType=Invoice with TxnId={first['Id']}"):
        desk.invoice(DocNumber="LD-1")
    assert desk.company.create(
        "Invoice", desk.invoice_body(DocNumber="LD-1"), options=frozenset({"allowduplicatedocnum"})
    )


def test_number_stays_null_when_people_give_numbers_and_none_is_sent(desk: Any) -> None:
    assert "DocNumber" not in desk.invoice()


@pytest.mark.parametrize(("position", "kept"), [("stored", "LD-7"), ("replaced", "LD-8")])
def test_number_sent_while_the_server_numbers_follows_the_switch(desk_with: Any, position: str, kept: str) -> None:
    desk = desk_with(custom_numbers_off=position)
    desk.invoice(DocNumber="LD-7")
    desk.company.set_preferences({"SalesFormsPrefs": {"CustomTxnNumbers": False}})
    assert desk.invoice(DocNumber="LD-7")["DocNumber"] == kept
    assert desk.invoice()["DocNumber"] == ("LD-8" if position == "stored" else "LD-9")


def test_bill_number_is_free_until_the_warning_is_on_and_then_per_vendor(desk: Any) -> None:
    desk.bill(DocNumber="7")
    assert desk.bill(DocNumber="7")
    warn = {"OtherPrefs": {"NameValue": [{"Name": "WarnDuplicateBillNumber", "Value": "true"}]}}
    desk.company.set_preferences(warn)
    assert code_of(lambda: desk.bill(DocNumber="7")) == "6140"
    other = desk.company.create("Vendor", {"DisplayName": "Slow Carrier"})
    assert desk.bill(DocNumber="7", VendorRef={"value": other["Id"]})
    assert {"Name": "WarnDuplicateCheckNumber", "Value": "true"} in desk.held("Preferences", "1")["OtherPrefs"][
        "NameValue"
    ]


def test_number_scope_of_bills_can_be_the_company(desk_with: Any) -> None:
    desk = desk_with(bill_number_scope="company")
    warn = {"OtherPrefs": {"NameValue": [{"Name": "WarnDuplicateBillNumber", "Value": "true"}]}}
    desk.company.set_preferences(warn)
    desk.bill(DocNumber="7")
    other = desk.company.create("Vendor", {"DisplayName": "Slow Carrier"})
    assert code_of(lambda: desk.bill(DocNumber="7", VendorRef={"value": other["Id"]})) == "6140"


def test_duplicate_invoice_number_can_be_accepted(desk_with: Any) -> None:
    desk = desk_with(duplicate_invoice_number="stored")
    assert [desk.invoice(DocNumber="LD-1")["DocNumber"] for _ in range(2)] == ["LD-1", "LD-1"]


@pytest.mark.parametrize("position", ["taken", "free"])
def test_voided_number_follows_the_switch(desk_with: Any, position: str) -> None:
    desk = desk_with(voided_number=position)
    desk.company.void("Invoice", desk.invoice(DocNumber="LD-1")["Id"])
    if position == "taken":
        assert code_of(lambda: desk.invoice(DocNumber="LD-1")) == "6140"
    else:
        assert desk.invoice(DocNumber="LD-1")


@pytest.mark.parametrize("position", ["taken", "free"])
def test_deleted_number_follows_the_switch(desk_with: Any, position: str) -> None:
    desk = desk_with(deleted_number=position)
    desk.company.delete("Invoice", desk.invoice(DocNumber="LD-1")["Id"])
    if position == "taken":
        assert code_of(lambda: desk.invoice(DocNumber="LD-1")) == "6140"
    else:
        assert desk.invoice(DocNumber="LD-1")


def test_voided_invoice_is_worth_nothing_and_says_so(desk: Any) -> None:
    invoice = desk.invoice(DocNumber="LD-1", PrivateNote="marker")
    voided = desk.company.void("Invoice", invoice["Id"], sync_token="0")
    assert (voided["TotalAmt"], voided["Balance"], voided["PrivateNote"]) == (0, 0, "Voided - marker")
    assert [line["Amount"] for line in voided["Line"]] == [0, 0]
    assert (voided["DocNumber"], voided["SyncToken"]) == ("LD-1", "1")


def test_bill_cannot_be_voided(desk: Any) -> None:
    assert code_of(lambda: desk.company.void("Bill", desk.bill()["Id"])) == "500"


def test_deleted_document_is_gone_and_its_id_is_never_used_again(desk: Any) -> None:
    bill = desk.bill()
    desk.company.delete("Bill", bill["Id"], sync_token="0")
    assert desk.company.get("Bill", bill["Id"]) is None
    assert code_of(lambda: desk.company.delete("Bill", bill["Id"])) == "610"
    assert int(desk.bill()["Id"]) > int(bill["Id"])


@pytest.mark.parametrize(("password", "code"), [(False, "6200"), (True, "6210")])
def test_closed_books_refuse_every_write_by_old_or_new_date(desk: Any, *, password: bool, code: str) -> None:
    old = desk.bill(TxnDate="2026-02-10")
    new = desk.bill(TxnDate="2026-03-10")
    hands.close_books(desk.company, "2026-02-28", password=password)
    assert code_of(lambda: desk.bill(TxnDate="2026-02-28")) == code
    assert code_of(lambda: desk.company.delete("Bill", old["Id"])) == code
    moved_in = desk.bill_body(Id=new["Id"], SyncToken="0", TxnDate="2026-02-10")
    moved_out = desk.bill_body(Id=old["Id"], SyncToken="0", TxnDate="2026-03-10")
    assert code_of(lambda: desk.company.update("Bill", moved_in)) == code
    assert code_of(lambda: desk.company.update("Bill", moved_out)) == code
    assert desk.bill(TxnDate="2026-03-01")
    assert "_locked" not in desk.held("Preferences", "1")
    hands.close_books(desk.company, None)
    assert desk.bill(TxnDate="2026-02-28")


@pytest.mark.parametrize("code", ["5020", "6000", "120"])
def test_smallest_plan_has_no_bills(desk_with: Any, code: str) -> None:
    desk = desk_with(missing_plan_code=code)
    desk.company.set_plan("Simple Start")
    assert code_of(desk.bill) == code
    assert desk.company.preference("VendorAndPurchasesPrefs", "EnableBills") is False
    assert desk.invoice()


@pytest.mark.parametrize("position", ["allowed", "refused"])
def test_what_the_plan_lacks_is_read_as_switched(desk_with: Any, position: str) -> None:
    desk = desk_with(missing_plan_reads=position)
    desk.company.set_plan("Simple Start")
    reads: tuple[Callable[[], object], ...] = (
        lambda: run("select * from Bill", desk.company),
        lambda: changes("Invoice,Bill", "2026-03-01T00:00:00Z", desk.company, 3650),
    )
    for read in reads:
        if position == "refused":
            assert code_of(read) == "5020"
        else:
            assert read() is not None
    assert changes("Invoice,Payment,Item", "2026-03-01T00:00:00Z", desk.company, 3650)


def test_lapsed_subscription_refuses_writes(desk: Any) -> None:
    hands.set_subscription(desk.company, "SUSPENDED")
    assert code_of(desk.invoice) == "6190"
    hands.set_subscription(desk.company, "PAID")
    assert desk.invoice()


@pytest.mark.parametrize("position", ["dropped", "fault"])
def test_reference_to_a_feature_that_is_off_follows_the_switch(desk_with: Any, position: str) -> None:
    desk = desk_with(feature_off_reference=position)
    department = desk.ref("Department", "Dallas")
    assert desk.invoice(DepartmentRef=department)["DepartmentRef"]["name"] == "Dallas"
    desk.company.set_preferences({"AccountingInfoPrefs": {"TrackDepartments": False}})
    if position == "fault":
        assert code_of(lambda: desk.invoice(DepartmentRef=department)) == "6000"
    else:
        assert "DepartmentRef" not in desk.invoice(DepartmentRef=department)


def test_unknown_property_can_be_ignored(desk_with: Any) -> None:
    assert "Colour" not in desk_with(unknown_property="ignored").invoice(Colour="red")


def test_discount_in_percent_lowers_the_total(desk: Any) -> None:
    body = desk.invoice_body("100.00", "50.05")
    detail = {"PercentBased": True, "DiscountPercent": 10, "DiscountAccountRef": desk.ref("Account", "Discounts Given")}
    body["Line"].append({"DetailType": "DiscountLineDetail", "DiscountLineDetail": detail})
    assert desk.company.create("Invoice", body)["TotalAmt"] == Decimal("135.04")


def test_day_of_month_term_leaves_its_notice(desk: Any) -> None:
    desk.company.create("Term", {"Name": "End of month", "DayOfMonthDue": 31, "DueNextMonthDays": 5})
    term = desk.ref("Term", "End of month")
    assert desk.invoice(TxnDate="2026-02-10", SalesTermRef=term)["DueDate"] == "2026-02-28"
    assert desk.invoice(TxnDate="2026-02-26", SalesTermRef=term)["DueDate"] == "2026-03-31"


def test_text_line_is_worth_nothing(desk: Any) -> None:
    body = desk.invoice_body("10.00")
    body["Line"].append({"DetailType": "DescriptionOnly", "Description": "Thank you", "Amount": Decimal("5.00")})
    invoice = desk.company.create("Invoice", body)
    assert invoice["TotalAmt"] == Decimal("10.00")
    assert "Amount" not in invoice["Line"][1]


def test_fixed_discount_needs_an_account_and_the_preference(desk: Any) -> None:
    def discounted(**detail: object) -> dict[str, Any]:
        line = {"DetailType": "DiscountLineDetail", "Amount": Decimal("2.50"), "DiscountLineDetail": detail}
        body: dict[str, Any] = desk.invoice_body("10.00")
        return body | {"Line": [*body["Line"], line]}

    account = desk.ref("Account", "Discounts Given")
    assert desk.company.create("Invoice", discounted(DiscountAccountRef=account))["TotalAmt"] == Decimal("7.50")
    assert code_of(lambda: desk.company.create("Invoice", discounted())) == "6440"
    desk.company.set_preferences({"SalesFormsPrefs": {"AllowDiscount": False}})
    assert code_of(lambda: desk.company.create("Invoice", discounted(DiscountAccountRef=account))) == "6000"


def test_bill_line_on_an_item_posts_to_its_expense_account(desk: Any) -> None:
    line = {
        "DetailType": "ItemBasedExpenseLineDetail",
        "Amount": Decimal("75.00"),
        "ItemBasedExpenseLineDetail": {"ItemRef": desk.ref("Item", "Detention"), "Qty": 3, "UnitPrice": 25},
    }
    desk.bill(Line=[line])
    paid = desk.ref("Account", "Accessorials Paid")["value"]
    assert desk.company.books.ledger.trial_balance()[paid] == Decimal("75.00")
    line["ItemBasedExpenseLineDetail"] = {}
    assert code_of(lambda: desk.bill(Line=[line])) == "6440"


def test_billable_line_needs_the_feature_and_a_customer(desk: Any) -> None:
    body = desk.bill_body()
    body["Line"][0]["AccountBasedExpenseLineDetail"]["BillableStatus"] = "Billable"
    assert code_of(lambda: desk.company.create("Bill", body)) == "6000"
    desk.company.set_preferences({"VendorAndPurchasesPrefs": {"BillableExpenseTracking": True}})
    assert code_of(lambda: desk.company.create("Bill", body)) == "2020"
    body["Line"][0]["AccountBasedExpenseLineDetail"]["CustomerRef"] = {"value": desk.customer["Id"]}
    assert desk.company.create("Bill", body)


def test_line_without_an_item_takes_the_companys_first(desk: Any) -> None:
    body = desk.invoice_body("10.00")
    del body["Line"][0]["SalesItemLineDetail"]
    assert desk.company.create("Invoice", body)["Line"][0]["SalesItemLineDetail"]["ItemRef"]["name"] == "Linehaul"


JUNK: list[object] = [
    None, True, -1, 10**30, Decimal("1E+400"), "", "x", "NaN", "2026-13-01", "n" * 5000, [], [5], {}, {"value": None},
    {"value": {}}, {"value": "999"}, [{}], {"x": [{}]},
]  # fmt: skip


def spoiled(body: Any, random: Random) -> Any:
    """Return a body with one of its values, at any depth, replaced by junk."""
    if isinstance(body, dict) and body and random.random() < 0.8:
        key = random.choice(list(body))
        return {**body, key: spoiled(body[key], random)}
    if isinstance(body, list) and body and random.random() < 0.8:
        return [spoiled(body[0], random), *body[1:]]
    return random.choice(JUNK)


@pytest.mark.parametrize("kind", ["Invoice", "Bill", "Payment", "BillPayment", "Customer", "Item", "Account", "Term"])
def test_any_junk_is_refused_with_a_fault_or_taken_and_the_books_still_balance(desk: Any, kind: str) -> None:
    invoice, bill = desk.invoice("9000000.00"), desk.bill("9000000.00")
    account = desk.ref("Account", "Operating Checking")
    payment = hands.pay_invoice(desk.company, invoice["Id"], "1.00")
    paid = hands.pay_bill(desk.company, bill["Id"], "1.00")
    whole = {
        "Invoice": invoice,
        "Bill": bill,
        "Payment": payment,
        "BillPayment": paid,
        "Customer": desk.customer,
        "Item": desk.held("Item", "1"),
        "Account": desk.held("Account", account["value"]),
        "Term": desk.held("Term", "1"),
    }[kind]
    random = Random(kind)
    refused = 0
    for _ in range(400):
        current = desk.held(kind, whole["Id"])
        key = random.choice(list(current))
        body = current | {key: spoiled(current[key], random), "Id": current["Id"], "SyncToken": current["SyncToken"]}
        try:
            desk.company.update(kind, body)
        except Fault:
            refused += 1
    assert refused
    assert sum(desk.company.books.ledger.trial_balance().values()) == 0
