from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import msgspec
import pytest

from adapters.sandbox import serve
from adapters.sandbox.quickbooks import Company, Fault, Limits, QuickBooksSandbox, hands, seed_sample_company
from adapters.sandbox.quickbooks.audit import discrepancies
from adapters.sandbox.quickbooks.changes import changes
from adapters.sandbox.quickbooks.kinds import KINDS
from adapters.sandbox.quickbooks.operations import write
from adapters.sandbox.quickbooks.query import run

REALM = "9130350000000001"
encode = msgspec.json.Encoder(decimal_format="number").encode


def code_of(attempt: Callable[[], object]) -> str:
    with pytest.raises(Fault) as refused:
        attempt()
    return refused.value.code


@pytest.fixture
def sample(clock: Any) -> Company:
    company = Company(clock=clock)
    seed_sample_company(company)
    return company


def everything(company: Company, kind: str) -> list[Any]:
    rows: list[Any] = run(f"select * from {kind} maxresults 1000", company).get(kind, [])
    return rows


NOT_IN_THE_SAMPLE = {
    *("Class", "JournalCode", "Attachable", "RecurringTransaction", "Budget", "ReimburseCharge"),
    *("CompanyCurrency", "ExchangeRate"),
}
KEPT = [kind for kind, row in KINDS.items() if row.writable and row.role != "single" and kind not in NOT_IN_THE_SAMPLE]


@pytest.mark.parametrize("kind", KEPT)
def test_what_is_read_can_be_written_back(sample: Company, kind: str) -> None:
    for row in everything(sample, kind):
        if any(link["TxnType"] == "Deposit" for link in row.get("LinkedTxn", ())):
            continue
        updated = sample.update(kind, row)
        assert updated["SyncToken"] == str(int(row["SyncToken"]) + 1)
        assert {**updated, "SyncToken": row["SyncToken"]} == row
    assert list(discrepancies(sample)) == []


def test_sample_company_has_open_paid_and_part_paid_documents(sample: Company) -> None:
    assert list(discrepancies(sample)) == []
    for kind in ("Invoice", "Bill"):
        states = {held["Balance"].compare(0) + 2 * (held["Balance"] < held["TotalAmt"]) for held in sample.all(kind)}
        assert states == {Decimal(1), Decimal(2), Decimal(3)}
    due = {held["DueDate"] < "2026-03-02" for held in sample.all("Invoice") if held["Balance"]}
    assert due == {True, False}
    for kind in KINDS:
        assert (sample.books.count(kind) == 0) is (kind in NOT_IN_THE_SAMPLE), kind


def test_sample_company_has_the_ids_that_client_libraries_count_on(sample: Company) -> None:
    names = {number: sample.find("Account", number) for number in ("33", "35", "42", "84", "86")}
    found = {number: held["Name"] for number, held in names.items() if held}
    assert found == {
        "33": "Accounts Payable (A/P)",
        "35": "Checking",
        "42": "Visa",
        "84": "Accounts Receivable (A/R)",
        "86": "Discounts given",
    }
    assert (sample.find("Item", "10") or {})["Name"] == "Pest Control"
    assert [held["Id"] for held in sample.all("TaxCode")] == ["TAX", "NON", "2", "3"]


def test_new_company_has_its_two_line_codes_and_nothing_else(clock: Any) -> None:
    company = Company(clock=clock)
    assert {kind for kind in KINDS if company.books.count(kind)} == {"Preferences", "CompanyInfo", "TaxCode"}


@pytest.mark.parametrize(
    "kind", ["JournalCode", "TimeActivity", "TaxAgency", "TaxCode", "TaxRate", "Preferences", "CompanyInfo"]
)
def test_change_data_leaves_out_the_kinds_the_vendor_leaves_out(sample: Company, kind: str) -> None:
    assert code_of(lambda: changes(kind, "2026-03-01T00:00:00Z", sample, 30)) == "2000"


def test_change_data_covers_the_further_kinds(sample: Company) -> None:
    groups = changes("Deposit,JournalEntry,Attachable", "2026-03-01T00:00:00Z", sample, 30)["QueryResponse"]
    assert [list(group)[:1] for group in groups] == [["Deposit"], ["JournalEntry"], []]


JUNK: list[object] = [
    None, True, 0, -1, 10**30, Decimal("1E+400"), "", "0", "x", "NaN", "n" * 5000, "2026-13-01", [], [5], {}, [{}],
    {"value": None}, {"value": {}, "type": []}, {"value": "999"}, {"value": "1"}, {"value": "33"}, {"value": "84"},
    {"value": "1", "type": "Customer"}, {"value": "TAX"}, {"value": "EUR"}, {"x": [{}]},
]  # fmt: skip


def spoiled(body: Any, random: Random) -> Any:
    """Return a body with one of its values, at any depth, replaced by junk."""
    if isinstance(body, dict) and body and random.random() < 0.8:
        key = random.choice(list(body))
        return {**body, key: spoiled(body[key], random)}
    if isinstance(body, list) and body and random.random() < 0.8:
        place = random.randrange(len(body))
        return [*body[:place], spoiled(body[place], random), *body[place + 1 :]]
    return random.choice(JUNK)


@pytest.mark.parametrize("currencies", [(), ("CAD", "EUR")])
def test_any_junk_is_refused_or_taken_and_the_books_still_agree(clock: Any, currencies: tuple[str, ...]) -> None:
    company = Company(clock=clock)
    seed_sample_company(company, currencies=currencies)
    random, refused = Random(1), 0
    for kind in (kind for kind in KINDS if company.books.count(kind)):
        ids = [held["Id"] for held in company.all(kind)]
        for _ in range(60):
            held = company.get(kind, random.choice(ids)) or {}
            key = random.choice(list(held))
            whole = random.random() < 0.7
            body = held if whole else {"Id": held["Id"], "SyncToken": held["SyncToken"], "sparse": True}
            try:
                write(kind, "", frozenset(), body | {key: spoiled(held[key], random)}, company)
            except Fault:
                refused += 1
    assert refused > 200
    assert list(discrepancies(company)) == []


def test_sample_company_survives_a_kill(tmp_path: Path, clock: Any) -> None:
    first = QuickBooksSandbox(clock=clock, directory=tmp_path).company
    seed_sample_company(first, currencies=("EUR",))
    second = QuickBooksSandbox(clock=clock, directory=tmp_path).company
    assert {kind: second.all(kind) for kind in KINDS} == {kind: first.all(kind) for kind in KINDS}
    assert second.books.ledger.trial_balance() == first.books.ledger.trial_balance()
    assert list(discrepancies(second)) == []


def test_hours_name_who_worked_them(sample: Company) -> None:
    employee = sample.all("Employee")[0]
    body = {"NameOf": "Employee", "EmployeeRef": {"value": employee["Id"]}, "Hours": 2, "TxnDate": ""}
    made = sample.create("TimeActivity", body)
    assert (made["EmployeeRef"]["name"], made["TxnDate"]) == ("Emma Lindt", "2026-03-02")
    assert code_of(lambda: sample.create("TimeActivity", body | {"NameOf": "Vendor"})) == "2020"
    assert code_of(lambda: sample.create("TimeActivity", {**body, "Hours": None})) == "2020"
    sample.delete("TimeActivity", made["Id"])


def test_tax_agency_brings_the_account_for_what_it_is_owed(desk: Any) -> None:
    desk.company.create("TaxAgency", {"DisplayName": "State"})
    assert desk.ref("Account", "State Payable")
    assert code_of(lambda: desk.company.create("TaxAgency", {"DisplayName": "STATE"})) == "6240"


def test_stock_is_kept_only_where_the_company_tracks_it(desk: Any) -> None:
    item = {
        "Name": "Pallet",
        "Type": "Inventory",
        "QtyOnHand": 4,
        "InvStartDate": "2026-01-01",
        "IncomeAccountRef": desk.ref("Account", "Linehaul Income"),
        "ExpenseAccountRef": desk.ref("Account", "Purchased Transportation"),
        "AssetAccountRef": desk.ref("Account", "Prepaid Expenses"),
    }
    assert code_of(lambda: desk.company.create("Item", item)) == "6000"
    desk.company.set_preferences({"ProductAndServicesPrefs": {"QuantityOnHand": True}})
    made = desk.company.create("Item", item)
    assert (made["TrackQtyOnHand"], made["QtyOnHand"]) == (True, 4)
    assert code_of(lambda: desk.company.create("Item", item | {"Name": "B", "QtyOnHand": None})) == "6520"
    assert code_of(lambda: desk.company.create("Item", item | {"Name": "C", "AssetAccountRef": None})) == "2020"
    line = {"ItemRef": {"value": made["Id"]}}
    detail = {"DetailType": "ItemBasedExpenseLineDetail", "Amount": 5, "ItemBasedExpenseLineDetail": line}
    desk.bill(Line=[detail])
    assert desk.held("Account", item["AssetAccountRef"]["value"])["CurrentBalance"] == 5


@pytest.mark.parametrize("position", ["refused", "allowed"])
def test_not_equal_follows_the_switch(desk_with: Any, position: str) -> None:
    desk = desk_with(not_equal=position)
    statement = "select * from Term where Name != 'Net 30'"
    if position == "refused":
        assert code_of(lambda: run(statement, desk.company)) == "4000"
    else:
        assert len(run(statement, desk.company)["Term"]) == 5


def test_purchase_orders_need_plus(desk: Any) -> None:
    hands.set_plan(desk.company, "Essentials")
    assert code_of(lambda: desk.company.create("PurchaseOrder", desk.bill_body())) == "5020"


class App:
    """An app connected to the sample company."""

    def __init__(self, sandbox: QuickBooksSandbox, session: aiohttp.ClientSession) -> None:
        self.company, self.session = sandbox.company, session

    async def call(self, method: str, target: str, body: object = None, **query: str) -> Any:
        url, data = f"/v3/company/{REALM}/{target}", encode(body) if body is not None else None
        async with self.session.request(method, url, data=data, params=query) as answer:
            return msgspec.json.Decoder(float_hook=Decimal).decode(await answer.read())


@pytest.fixture
async def app(clock: Any) -> AsyncIterator[App]:
    sandbox = QuickBooksSandbox(limits=Limits(None, None, None), clock=clock)
    seed_sample_company(sandbox.company, currencies=("CAD", "EUR"))
    token = sandbox.tokens.refresh("sandbox-refresh", tell_hard_expiry=False)["access_token"]
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    async with serve(sandbox.app()) as base, aiohttp.ClientSession(base, headers=headers) as session:
        yield App(sandbox, session)


def code_in(answer: Any) -> str:
    return str(answer["Fault"]["Error"][0]["code"])


async def test_tax_service_answers_without_an_envelope(app: App) -> None:
    detail = {"TaxRateName": "County", "RateValue": "10", "TaxAgencyId": 1, "TaxApplicableOn": "Sales"}
    made = await app.call("POST", "taxservice/taxcode", {"TaxCode": "County", "TaxRateDetails": [detail]})
    assert (made["TaxCode"], made["TaxCodeId"]) == ("County", "4")
    assert made["TaxRateDetails"] == [{**detail, "RateValue": 10, "TaxAgencyId": "1", "TaxRateId": "4"}]
    held = await app.call("GET", "taxcode/4")
    assert held["TaxCode"]["SalesTaxRateList"]["TaxRateDetail"][0]["TaxRateRef"] == {"value": "4", "name": "County"}
    assert (await app.call("GET", "taxcode/NON"))["TaxCode"]["Taxable"] is False


async def test_exchange_rate_is_read_and_set_by_currency_and_day(app: App) -> None:
    asked = {"sourcecurrencycode": "EUR", "asofdate": "2026-02-01"}
    rate = (await app.call("GET", "exchangerate", **asked))["ExchangeRate"]
    assert (rate["Rate"], rate["TargetCurrencyCode"], "Id" in rate) == (Decimal("1.12"), "USD", False)
    body = {"SourceCurrencyCode": "EUR", "AsOfDate": "2026-02-01", "Rate": Decimal("1.25")}
    first = (await app.call("POST", "exchangerate", body))["ExchangeRate"]
    second = await app.call("POST", "exchangerate", body | {"Rate": Decimal("1.26"), "SyncToken": first["SyncToken"]})
    assert second["ExchangeRate"]["SyncToken"] == "1"
    assert (await app.call("GET", "exchangerate", **asked))["ExchangeRate"]["Rate"] == Decimal("1.26")
    assert code_in(await app.call("GET", "exchangerate", sourcecurrencycode="GBP")) == "2220"
    statement = "select * from ExchangeRate where SourceCurrencyCode = 'EUR'"
    found = (await app.call("GET", "query", query=statement))["QueryResponse"]["ExchangeRate"]
    assert [held["AsOfDate"] for held in found][:1] == ["2026-02-01"]


async def test_recurring_transaction_is_kept_under_the_name_of_its_kind(app: App) -> None:
    vendor = app.company.all("Vendor")[0]
    line = {
        "DetailType": "AccountBasedExpenseLineDetail",
        "Amount": 500,
        "AccountBasedExpenseLineDetail": {"AccountRef": {"value": "17"}},
    }
    info = {"Name": "Rent", "RecurType": "Automated", "Active": True, "ScheduleInfo": {"IntervalType": "Monthly"}}
    body = {"Bill": {"VendorRef": {"value": vendor["Id"]}, "Line": [line], "RecurringInfo": info}}
    bills = app.company.books.count("Bill")
    made = (await app.call("POST", "recurringtransaction", body))["RecurringTransaction"]["Bill"]
    assert made["RecurringInfo"] == info
    assert code_in(await app.call("POST", "recurringtransaction", body)) == "6240"
    statement = "select * from RecurringTransaction where Type = 'Bill'"
    found = (await app.call("GET", "query", query=statement))["QueryResponse"]["RecurringTransaction"]
    assert found == [{"Bill": made}]
    made["RecurringInfo"]["ScheduleInfo"]["DayOfMonth"] = 15
    changed = (await app.call("POST", "recurringtransaction", {"Bill": made}))["RecurringTransaction"]["Bill"]
    assert (changed["RecurringInfo"]["ScheduleInfo"]["DayOfMonth"], changed["SyncToken"]) == (15, "1")
    await app.call("POST", "recurringtransaction", {"Bill": changed}, operation="delete")
    assert code_in(await app.call("GET", f"recurringtransaction/{made['Id']}")) == "610"
    assert app.company.books.count("Bill") == bills
    assert code_in(await app.call("POST", "recurringtransaction", {"Spaceship": {}})) == "2020"


async def test_card_payment_has_one_name_in_the_path_and_another_in_the_answer(app: App) -> None:
    ends = {"BankAccountRef": {"value": "35"}, "CreditCardAccountRef": {"value": "41"}}
    body = {**ends, "Amount": 5, "CurrencyRef": {"value": "USD"}}
    made = (await app.call("POST", "creditcardpayment", body))["CreditCardPaymentTxn"]
    assert (await app.call("GET", f"creditcardpayment/{made['Id']}"))["CreditCardPaymentTxn"] == made
    found = await app.call("GET", "query", query="select * from CreditCardPayment")
    assert len(found["QueryResponse"]["CreditCardPaymentTxn"]) == 2


async def test_receipt_is_voided_by_an_update_that_includes_it(app: App) -> None:
    receipt = app.company.all("SalesReceipt")[0]
    body = {"Id": receipt["Id"], "SyncToken": receipt["SyncToken"], "sparse": True}
    voided = await app.call("POST", "salesreceipt", body, operation="update", include="void")
    assert voided["SalesReceipt"]["TotalAmt"] == 0
    estimate = app.company.all("Estimate")[0]
    body = {"Id": estimate["Id"], "SyncToken": "0", "sparse": True}
    assert code_in(await app.call("POST", "estimate", body, operation="update", include="void")) == "500"


async def test_preferences_and_particulars_are_updated_and_keep_what_was_not_sent(app: App) -> None:
    held = (await app.call("GET", "preferences"))["Preferences"]
    held["EmailMessagesPrefs"]["EstimateMessage"]["Subject"] = "Your estimate"
    updated = (await app.call("POST", "preferences", held))["Preferences"]
    assert updated["EmailMessagesPrefs"]["EstimateMessage"]["Subject"] == "Your estimate"
    assert code_in(await app.call("POST", "preferences", held)) == "5010"
    body = {"Id": "1", "SyncToken": updated["SyncToken"], "SalesFormsPrefs": "none"}
    assert code_in(await app.call("POST", "preferences", body)) == "2010"
    info = (await app.call("GET", f"companyinfo/{REALM}"))["CompanyInfo"]
    body = {"Id": REALM, "SyncToken": info["SyncToken"], "sparse": True, "LegalName": "Cedar Creek Inc"}
    renamed = (await app.call("POST", "companyinfo", body))["CompanyInfo"]
    assert (renamed["LegalName"], renamed["NameValue"]) == ("Cedar Creek Inc", info["NameValue"])


async def test_items_of_a_batch_do_not_see_what_their_neighbours_made(app: App) -> None:
    last = max(int(held["Id"]) for held in app.company.all("Customer") + app.company.all("Vendor"))
    items = [{"bId": str(place), "operation": "create", "Customer": {"DisplayName": f"B{place}"}} for place in range(9)]
    items.append({"bId": "query", "Query": "select * from Customer where DisplayName like 'B%' maxresults 1000"})
    job = {"DisplayName": "Job", "ParentRef": {"value": str(last + 4)}, "Job": True}
    items.append({"bId": "child", "operation": "create", "Customer": job})
    answered = {
        item["bId"]: item
        for item in (await app.call("POST", "batch", {"BatchItemRequest": items}))["BatchItemResponse"]
    }
    found = answered["query"]["QueryResponse"].get("Customer", [])
    assert [held["DisplayName"] for held in found] == ["Birchwood Nursery School"]
    assert code_in(answered["child"]) == "2500"
    assert len(run("select * from Customer where DisplayName like 'B_' ", app.company)) == 0
    later = await app.call("GET", "query", query="select * from Customer where DisplayName like 'B%'")
    assert len(later["QueryResponse"]["Customer"]) == 10


async def test_batch_item_says_in_its_options_what_a_call_says_in_its_address(app: App) -> None:
    payment = next(held for held in app.company.all("Payment") if not held["LinkedTxn"])
    entry = {"Line": app.company.all("JournalEntry")[0]["Line"], "CurrencyRef": {"value": "USD"}}
    items = [
        {
            "bId": "void",
            "operation": "update",
            "optionsData": "void",
            "Payment": {"Id": payment["Id"], "SyncToken": payment["SyncToken"], "sparse": True},
        },
        {"bId": "number", "operation": "create", "optionsData": "allowautodocnum", "JournalEntry": entry},
    ]
    answered = {
        item["bId"]: item
        for item in (await app.call("POST", "batch", {"BatchItemRequest": items}))["BatchItemResponse"]
    }
    assert answered["void"]["Payment"]["PrivateNote"] == "Voided"
    assert answered["number"]["JournalEntry"]["DocNumber"] == "2"


async def test_newer_custom_fields_show_over_http_only_when_asked_for(app: App) -> None:
    number = hands.define_custom_field(app.company, "Lane", ["Invoice"])
    customer = app.company.all("Customer")[0]
    line = {"DetailType": "SalesItemLineDetail", "Amount": 5, "SalesItemLineDetail": {"ItemRef": {"value": "1"}}}
    field = {"DefinitionId": number, "Type": "StringType", "StringValue": "DAL"}
    body = {
        "CustomerRef": {"value": customer["Id"]},
        "CurrencyRef": {"value": "USD"},
        "Line": [line],
        "CustomField": [field],
    }
    asked = {"include": "enhancedAllCustomFields"}
    made = (await app.call("POST", "invoice", body, **asked))["Invoice"]
    plain = (await app.call("GET", f"invoice/{made['Id']}"))["Invoice"]
    whole = (await app.call("GET", f"invoice/{made['Id']}", **asked))["Invoice"]
    assert [held["Name"] for held in plain["CustomField"]] == ["Crew #"]
    assert [held["Name"] for held in whole["CustomField"]] == ["Crew #", "Lane"]
