"""Every entity the library knows, through everything the library does with it."""

import inspect
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any, NamedTuple

import pytest
from quickbooks import batch, cdc, exceptions, mixins, objects
from quickbooks.objects import companycurrency, creditcardpayment_entity, customertype, exchangerate
from quickbooks.objects import detailline as lines
from quickbooks.objects import recurringtransaction as recurring

from adapters.sandbox.quickbooks.kinds import KINDS

NUMBERS = count(1)


class Chart:
    """What a company has to refer to, found by the library itself."""

    def __init__(self, qb: Any) -> None:
        self.qb = qb
        self._accounts = {account.Name: account.to_ref() for account in objects.Account.all(max_results=1000, qb=qb)}
        self.customer = self._party(objects.Customer, "Client Foods")
        self.vendor = self._party(objects.Vendor, "Client Carrier")
        self.employee = self._party(objects.Employee, "Client Driver")
        self.item = objects.Item.filter(Name="Linehaul", qb=qb)[0]

    def _party(self, cls: Any, name: str) -> Any:
        party = cls()
        party.DisplayName = name
        party.GivenName, party.FamilyName = name.split()
        return party.save(qb=self.qb)

    def account(self, name: str) -> Any:
        return self._accounts[name]

    def sale_line(self, amount: int = 100) -> Any:
        line = lines.SalesItemLine()
        line.Amount = amount
        line.SalesItemLineDetail = lines.SalesItemLineDetail()
        line.SalesItemLineDetail.ItemRef = self.item.to_ref()
        line.SalesItemLineDetail.Qty, line.SalesItemLineDetail.UnitPrice = 1, amount
        return line

    def expense_line(self, amount: int = 100) -> Any:
        line = lines.AccountBasedExpenseLine()
        line.Amount = amount
        line.AccountBasedExpenseLineDetail = lines.AccountBasedExpenseLineDetail()
        line.AccountBasedExpenseLineDetail.AccountRef = self.account("Purchased Transportation")
        line.AccountBasedExpenseLineDetail.BillableStatus = "NotBillable"
        return line

    def item_line(self, amount: int = 100) -> Any:
        line = lines.ItemBasedExpenseLine()
        line.Amount = amount
        line.ItemBasedExpenseLineDetail = lines.ItemBasedExpenseLineDetail()
        line.ItemBasedExpenseLineDetail.ItemRef = self.item.to_ref()
        line.ItemBasedExpenseLineDetail.Qty, line.ItemBasedExpenseLineDetail.UnitPrice = 1, amount
        return line


Fill = Callable[[Any, Chart, str], None]


def named(made: Any, _chart: Chart, name: str) -> None:
    made.Name = name


def called(made: Any, _chart: Chart, name: str) -> None:
    made.DisplayName = name


def account(made: Any, _chart: Chart, name: str) -> None:
    made.Name, made.AccountType, made.AccountSubType = name, "Expense", "Travel"
    made.AcctNum = name.rpartition(" ")[2]


def term(made: Any, _chart: Chart, name: str) -> None:
    made.Name, made.DueDays = name, 10


def item(made: Any, chart: Chart, name: str) -> None:
    made.Name, made.Type, made.Sku = name, "Service", name
    made.IncomeAccountRef = chart.account("Linehaul Income")
    made.ExpenseAccountRef = chart.account("Purchased Transportation")


def sale(made: Any, chart: Chart, _name: str) -> None:
    made.CustomerRef = chart.customer.to_ref()
    made.Line.append(chart.sale_line())


def till(made: Any, chart: Chart, name: str) -> None:
    sale(made, chart, name)
    made.DepositToAccountRef = chart.account("Operating Checking")


def purchase(made: Any, chart: Chart, _name: str) -> None:
    made.VendorRef = chart.vendor.to_ref()
    made.Line.append(chart.expense_line())


def order(made: Any, chart: Chart, _name: str) -> None:
    made.VendorRef = chart.vendor.to_ref()
    made.APAccountRef = chart.account("Accounts Payable (A/P)")
    made.Line.append(chart.item_line())


def expense(made: Any, chart: Chart, _name: str) -> None:
    made.PaymentType = "Cash"
    made.AccountRef = chart.account("Operating Checking")
    made.EntityRef = chart.vendor.to_ref()
    made.Line.append(chart.expense_line())


def receipt(made: Any, chart: Chart, name: str) -> None:
    invoice = build(objects.Invoice, sale, chart, name).save(qb=chart.qb)
    made.CustomerRef = chart.customer.to_ref()
    made.TotalAmt = 100
    line = objects.PaymentLine()
    line.Amount = 100
    line.LinkedTxn.append(invoice.to_linked_txn())
    made.Line.append(line)


def disbursement(made: Any, chart: Chart, name: str) -> None:
    bill = build(objects.Bill, purchase, chart, name).save(qb=chart.qb)
    made.VendorRef = chart.vendor.to_ref()
    made.TotalAmt, made.PayType = 100, "Check"
    made.CheckPayment = objects.CheckPayment()
    made.CheckPayment.BankAccountRef = chart.account("Operating Checking")
    line = objects.BillPaymentLine()
    line.Amount = 100
    line.LinkedTxn.append(bill.to_linked_txn())
    made.Line.append(line)


def journal(made: Any, chart: Chart, _name: str) -> None:
    for side, name in (("Debit", "Insurance"), ("Credit", "Operating Checking")):
        line = objects.JournalEntryLine()
        line.Amount = 100
        line.JournalEntryLineDetail = objects.JournalEntryLineDetail()
        line.JournalEntryLineDetail.PostingType = side
        line.JournalEntryLineDetail.AccountRef = chart.account(name)
        made.Line.append(line)


def deposit(made: Any, chart: Chart, _name: str) -> None:
    made.DepositToAccountRef = chart.account("Operating Checking")
    line = objects.DepositLine()
    line.Amount = 100
    line.DepositLineDetail = objects.DepositLineDetail()
    line.DepositLineDetail.AccountRef = chart.account("Undeposited Funds")
    made.Line.append(line)


def transfer(made: Any, chart: Chart, _name: str) -> None:
    made.Amount = 100
    made.FromAccountRef = chart.account("Undeposited Funds")
    made.ToAccountRef = chart.account("Operating Checking")


def card_payment(made: Any, chart: Chart, _name: str) -> None:
    made.Amount = 100
    made.BankAccountRef = chart.account("Operating Checking")
    made.CreditCardAccountRef = chart.account("Company Card")


def hours(made: Any, chart: Chart, _name: str) -> None:
    made.NameOf, made.TxnDate, made.Hours, made.Minutes = "Employee", "2026-03-02", 1, 30
    made.EmployeeRef = chart.employee.to_ref()


def note(made: Any, _chart: Chart, name: str) -> None:
    made.Note = name


class Form(NamedTuple):
    """How one entity is filled in, and which property of it can change afterwards."""

    cls: Any
    fill: Fill
    changes: str = "PrivateNote"


FORMS = {
    form.cls.qbo_object_name: form
    for form in (
        Form(objects.Account, account, "Description"),
        Form(objects.Attachable, note, "Note"),
        Form(objects.Bill, purchase),
        Form(objects.BillPayment, disbursement),
        Form(objects.Class, named, "Name"),
        Form(creditcardpayment_entity.CreditCardPayment, card_payment),
        Form(objects.CreditMemo, sale),
        Form(objects.Customer, called, "CompanyName"),
        Form(objects.Department, named, "Name"),
        Form(objects.Deposit, deposit),
        Form(objects.Employee, called, "PrintOnCheckName"),
        Form(objects.Estimate, sale),
        Form(objects.Invoice, sale),
        Form(objects.Item, item, "Description"),
        Form(objects.JournalEntry, journal),
        Form(objects.Payment, receipt),
        Form(objects.PaymentMethod, named, "Name"),
        Form(objects.Purchase, expense),
        Form(objects.PurchaseOrder, order),
        Form(objects.RefundReceipt, till),
        Form(objects.SalesReceipt, till),
        Form(objects.TaxAgency, called, "TaxRegistrationNumber"),
        Form(objects.Term, term, "Name"),
        Form(objects.TimeActivity, hours, "Description"),
        Form(objects.Transfer, transfer),
        Form(objects.Vendor, called, "CompanyName"),
        Form(objects.VendorCredit, purchase),
    )
}
LISTED = {
    cls.qbo_object_name: cls
    for cls in (
        objects.Budget,
        customertype.CustomerType,
        objects.CompanyInfo,
        objects.TaxCode,
        objects.TaxRate,
        companycurrency.CompanyCurrency,
        exchangerate.ExchangeRate,
        recurring.RecurringTransaction,
    )
}
"""What is only read here; tests of their own write some of them."""
KINDS_OF = {"CreditCardPayment": "CreditCardPaymentTxn"}


def has(mixin: Any) -> list[str]:
    return [name for name, form in FORMS.items() if issubclass(form.cls, mixin)]


def build(cls: Any, fill: Fill, chart: Chart, name: str = "") -> Any:
    made = cls()
    fill(made, chart, name or f"{cls.qbo_object_name} {next(NUMBERS)}")
    return made


def save(form: Form, chart: Chart) -> Any:
    return build(form.cls, form.fill, chart).save(qb=chart.qb)


@pytest.fixture(scope="module")
def chart(qb: Any) -> Chart:
    return Chart(qb)


def test_every_entity_the_library_knows_is_tried() -> None:
    modules = (objects, companycurrency, creditcardpayment_entity, customertype, exchangerate, recurring)
    classes: list[Any] = [cls for module in modules for _, cls in inspect.getmembers(module, inspect.isclass)]
    managed = (mixins.ListMixin, mixins.UpdateMixin)
    known = {cls.qbo_object_name for cls in classes if issubclass(cls, managed) and cls.qbo_object_name}
    assert known - {"TaxService/Taxcode"} == FORMS.keys() | LISTED.keys()


@pytest.mark.parametrize("name", FORMS)
def test_entity_is_created_read_found_and_counted(chart: Chart, name: str) -> None:
    form = FORMS[name]
    before = form.cls.count(qb=chart.qb)
    made = save(form, chart)
    assert int(made.Id) > 0
    assert form.cls.get(made.Id, qb=chart.qb).to_dict() == made.to_dict()
    [found] = form.cls.filter(Id=made.Id, qb=chart.qb)
    assert found.Id == made.Id
    assert [each.Id for each in form.cls.choose([made.Id], qb=chart.qb)] == [made.Id]
    assert made.Id in {each.Id for each in form.cls.all(max_results=1000, qb=chart.qb)}
    assert form.cls.count(qb=chart.qb) == before + 1


@pytest.mark.parametrize("name", FORMS)
def test_entity_that_was_read_is_saved_again_whole(chart: Chart, name: str) -> None:
    form = FORMS[name]
    made = form.cls.get(save(form, chart).Id, qb=chart.qb)
    stale = form.cls.get(made.Id, qb=chart.qb)
    value = f"Changed {next(NUMBERS)}"
    setattr(made, form.changes, value)
    saved = made.save(qb=chart.qb)
    assert (saved.Id, getattr(saved, form.changes)) == (made.Id, value)
    assert int(saved.SyncToken) > int(stale.SyncToken)
    with pytest.raises(exceptions.QuickbooksException) as refused:
        stale.save(qb=chart.qb)
    assert refused.value.error_code == 5010


@pytest.mark.parametrize("name", [name for name in FORMS if name in KINDS and KINDS[name].sparse])
def test_sparse_update_leaves_the_rest_alone(chart: Chart, name: str) -> None:
    form = FORMS[name]
    made = save(form, chart)
    before = form.cls.get(made.Id, qb=chart.qb).to_dict()
    value = f"Sparse {next(NUMBERS)}"
    body = {"Id": made.Id, "SyncToken": before["SyncToken"], "sparse": True, form.changes: value}
    chart.qb.update_object(name, json.dumps(body))
    after = form.cls.get(made.Id, qb=chart.qb).to_dict()
    moving = {form.changes, "SyncToken", "MetaData", "FullyQualifiedName"}
    assert after[form.changes] == value
    assert {key: held for key, held in after.items() if key not in moving} == {
        key: held for key, held in before.items() if key not in moving
    }


@pytest.mark.parametrize("name", has(mixins.DeleteMixin))
def test_deleted_entity_is_gone(chart: Chart, name: str) -> None:
    form = FORMS[name]
    made = save(form, chart)
    answer = made.delete(qb=chart.qb)
    assert answer[KINDS_OF.get(name, name)]["status"] == "Deleted"
    with pytest.raises(exceptions.ObjectNotFoundException):
        form.cls.get(made.Id, qb=chart.qb)


@pytest.mark.parametrize("name", has(mixins.VoidMixin))
def test_voided_entity_is_worth_nothing(chart: Chart, name: str) -> None:
    form = FORMS[name]
    made = save(form, chart)
    made.void(qb=chart.qb)
    left = form.cls.get(made.Id, qb=chart.qb)
    assert left.TotalAmt == 0
    assert left.PrivateNote.startswith("Voided")


@pytest.mark.parametrize("name", [name for name, form in FORMS.items() if hasattr(form.cls(), "Active")])
def test_list_entry_is_not_deleted_but_made_inactive(chart: Chart, name: str) -> None:
    form = FORMS[name]
    made = save(form, chart)
    made.Active = False
    made.save(qb=chart.qb)
    assert form.cls.filter(Id=made.Id, qb=chart.qb) == []
    assert [each.Id for each in form.cls.filter(Id=made.Id, Active=False, qb=chart.qb)] == [made.Id]


@pytest.mark.parametrize("name", [name for name in FORMS if name not in {"Attachable", "CreditCardPayment"}])
def test_batch_creates_changes_and_deletes(chart: Chart, name: str) -> None:
    form = FORMS[name]
    made = batch.batch_create([build(form.cls, form.fill, chart) for _ in range(3)], qb=chart.qb)
    assert (len(made.successes), made.faults) == (3, [])
    for each in made.successes:
        setattr(each, form.changes, f"Batch {next(NUMBERS)}")
    changed = batch.batch_update(made.successes, qb=chart.qb)
    assert (len(changed.successes), changed.faults) == (3, [])
    if issubclass(form.cls, mixins.DeleteMixin):
        gone = batch.batch_delete(changed.successes, qb=chart.qb)
        assert (len(gone.successes), gone.faults) == (3, [])


def test_batch_tells_the_good_from_the_bad(chart: Chart) -> None:
    good, bad = build(objects.Bill, purchase, chart), objects.Bill()
    answer = batch.batch_create([good, bad], qb=chart.qb)
    assert len(answer.successes) == 1
    [fault] = answer.faults
    assert fault.original_object is bad
    assert fault.Error[0].code == "2020"


@pytest.mark.parametrize("name", [name for name in FORMS if name in KINDS and KINDS[name].captured])
def test_change_data_holds_what_changed(chart: Chart, name: str) -> None:
    form = FORMS[name]
    made = save(form, chart)
    since = datetime.now(UTC) - timedelta(days=2)
    changed = getattr(cdc.change_data_capture([form.cls], since, qb=chart.qb), name)
    assert made.Id in {each.Id for each in changed}


@pytest.mark.parametrize("name", LISTED)
def test_entity_that_is_only_shown_can_be_listed(chart: Chart, name: str) -> None:
    cls = LISTED[name]
    assert len(cls.all(qb=chart.qb)) == cls.count(qb=chart.qb)


def test_preferences_are_read(chart: Chart) -> None:
    preferences = objects.Preferences.get(qb=chart.qb)
    assert preferences.SalesFormsPrefs.CustomTxnNumbers is True
    assert preferences.CurrencyPrefs.HomeCurrency.value == "USD"


def test_money_stays_exact_where_the_library_keeps_it_so(twin: Any, chart: Chart) -> None:
    exact = twin.quickbooks(twin.auth(refresh_token=twin.sandbox.refresh_token), use_decimal=True)
    invoice = build(objects.Invoice, sale, chart)
    invoice.Line[0].Amount = Decimal("1234567.89")
    invoice.Line[0].SalesItemLineDetail.UnitPrice = Decimal("1234567.89")
    saved = invoice.save(qb=exact)
    assert saved.TotalAmt == Decimal("1234567.89")
    assert isinstance(saved.TotalAmt, Decimal)


def test_repeated_request_makes_one_invoice(chart: Chart) -> None:
    first, second = (build(objects.Invoice, sale, chart, "same").save(qb=chart.qb, request_id="r-77") for _ in range(2))
    assert first.Id == second.Id


def test_duplicate_number_is_named_in_the_fault(chart: Chart) -> None:
    for accepted in (True, False):
        invoice = build(objects.Invoice, sale, chart)
        invoice.DocNumber = "TWICE"
        if accepted:
            invoice.save(qb=chart.qb)
            continue
        with pytest.raises(exceptions.QuickbooksException, match="TWICE") as refused:
            invoice.save(qb=chart.qb)
        assert refused.value.error_code == 6140
        invoice.save(qb=chart.qb, params={"include": "allowduplicatedocnum"})


def test_paid_invoice_shows_its_payment(chart: Chart) -> None:
    payment = build(objects.Payment, receipt, chart)
    [linked] = payment.Line[0].LinkedTxn
    payment = payment.save(qb=chart.qb)
    invoice = objects.Invoice.get(linked.TxnId, qb=chart.qb)
    assert invoice.Balance == 0
    assert [each.TxnId for each in invoice.LinkedTxn] == [payment.Id]
    assert (payment.TotalAmt, payment.UnappliedAmt) == (100, 0)


def test_words_with_quotes_are_found(chart: Chart) -> None:
    customer = objects.Customer()
    customer.DisplayName = "O'Hara & Sons"
    made = customer.save(qb=chart.qb)
    assert [each.Id for each in objects.Customer.filter(DisplayName="O'Hara & Sons", qb=chart.qb)] == [made.Id]


def test_pages_follow_one_another(chart: Chart) -> None:
    names = [term.Name for term in objects.Term.all(order_by="Name", max_results=1000, qb=chart.qb)]
    pages = [
        term.Name
        for start in range(1, len(names) + 1, 4)
        for term in objects.Term.all(order_by="Name", start_position=start, max_results=4, qb=chart.qb)
    ]
    assert pages == names
