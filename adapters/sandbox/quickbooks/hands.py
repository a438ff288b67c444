"""What a person does in QuickBooks Online, not through the API: pay, void, delete, edit, rename, close the books.

Each function takes the company first and returns the object as it stands afterwards. What a person may not do raises
the same Fault as the API.
"""

from decimal import Decimal
from typing import Final

from adapters.sandbox.quickbooks.company import Company
from adapters.sandbox.quickbooks.completion import live_or_fault
from adapters.sandbox.quickbooks.customfields import legacy_definitions
from adapters.sandbox.quickbooks.kinds import PARTIES
from adapters.sandbox.quickbooks.rules import Object

Amount = Decimal | int | str


def _held(company: Company, kind: str, identity: str) -> Object:
    return live_or_fault(company.get(kind, str(identity)))


def _given(**properties: object) -> Object:
    return {key: value for key, value in properties.items() if value is not None}


def create(company: Company, kind: str, body: Object) -> Object:
    """Enter an object by hand, even of a kind that calls may only read."""
    return company.enter(kind, body)


def pay_invoice(  # noqa: PLR0913 - the fields of the vendor's Receive payment form
    company: Company,
    invoice_id: str,
    amount: Amount,
    *,
    date: str | None = None,
    reference: str | None = None,
    method: str | None = None,
) -> Object:
    """Receive a payment of an invoice; what exceeds its balance stays unapplied. `method` is a name, as `ACH`."""
    invoice = _held(company, "Invoice", invoice_id)
    received = Decimal(str(amount))
    methods = {held["Name"]: held["Id"] for held in company.books.live("PaymentMethod")}
    body = _given(
        CustomerRef=invoice["CustomerRef"],
        CurrencyRef=invoice["CurrencyRef"],
        TotalAmt=received,
        TxnDate=date,
        PaymentRefNum=reference,
        PaymentMethodRef={"value": methods[method]} if method else None,
        Line=[_line(min(received, invoice["Balance"]), "Invoice", invoice_id)],
    )
    return company.create("Payment", body)


def pay_bill(
    company: Company,
    bill_id: str,
    amount: Amount,
    *,
    date: str | None = None,
    reference: str | None = None,
) -> Object:
    """Pay a bill by cheque from the first bank account; `reference` is the cheque's number."""
    bill = _held(company, "Bill", bill_id)
    paid = Decimal(str(amount))
    body = _given(
        VendorRef=bill["VendorRef"],
        CurrencyRef=bill["CurrencyRef"],
        TotalAmt=paid,
        PayType="Check",
        CheckPayment={"BankAccountRef": {"value": company.standard_account("Bank", "Checking")}},
        TxnDate=date,
        DocNumber=reference,
        Line=[_line(min(paid, bill["Balance"]), "Bill", bill_id)],
    )
    return company.create("BillPayment", body)


def _line(amount: Decimal, kind: str, identity: str) -> Object:
    return {"Amount": amount, "LinkedTxn": [{"TxnId": str(identity), "TxnType": kind}]}


def void_payment(company: Company, payment_id: str) -> Object:
    """Void a customer's payment; what it paid is open again."""
    return company.void("Payment", str(payment_id))


def delete_payment(company: Company, payment_id: str) -> Object:
    """Delete a customer's payment; what it paid is open again."""
    return delete(company, "Payment", payment_id)


def void_bill_payment(company: Company, bill_payment_id: str) -> Object:
    """Void a payment to a vendor; what it paid is open again."""
    return company.void("BillPayment", str(bill_payment_id))


def delete_bill_payment(company: Company, bill_payment_id: str) -> Object:
    """Delete a payment to a vendor; what it paid is open again."""
    return delete(company, "BillPayment", bill_payment_id)


def void_invoice(company: Company, invoice_id: str) -> Object:
    """Void an invoice; a person may do so even when it is paid, and the payment becomes unapplied."""
    return company.void("Invoice", str(invoice_id), unlink=True)


def delete(company: Company, kind: str, id: str) -> Object:  # noqa: A002 - the vendor's word
    """Delete a transaction; a person may do so even when it is paid, and the payment becomes unapplied."""
    company.delete(kind, str(id), unlink=True)
    return {"status": "Deleted", "Id": str(id)}


def edit(company: Company, kind: str, id: str, changes: Object) -> Object:  # noqa: A002 - the vendor's word
    """Change some properties of an object and keep the rest, whatever its kind."""
    held = _held(company, kind, id)
    return company.update(kind, {**held, **changes})


def rename(company: Company, kind: str, id: str, name: str) -> Object:  # noqa: A002 - the vendor's word
    """Give a customer, vendor, item, account or other list entry another name."""
    return edit(company, kind, id, {"DisplayName" if kind in PARTIES else "Name": name})


def merge(company: Company, kind: str, into: str, id: str) -> Object:  # noqa: A002 - the vendor's word
    """Merge a duplicate into another entry of its list; its transactions become the other's."""
    return company.merge(kind, str(into), str(id))


def deposit(company: Company, payments: list[str], account: str | None = None) -> Object:
    """Bank payments that wait in Undeposited Funds, by default in the first bank account."""
    held = [_held(company, "Payment", payment) for payment in payments]
    lines = [
        {"Amount": payment["TotalAmt"], "LinkedTxn": [{"TxnId": payment["Id"], "TxnType": "Payment"}]}
        for payment in held
    ]
    bank = account or company.standard_account("Bank", "Checking")
    currency = held[0]["CurrencyRef"] if held else None
    return company.create("Deposit", _given(DepositToAccountRef={"value": bank}, Line=lines, CurrencyRef=currency))


def name_custom_fields(company: Company, labels: list[str]) -> Object:
    """Switch on the old custom fields of sales forms, up to three, under these labels."""
    return set_preferences(company, {"SalesFormsPrefs": {"CustomField": legacy_definitions(*labels)}})


def define_custom_field(company: Company, label: str, kinds: list[str], type: str = "StringType") -> str:  # noqa: A002 - the vendor's word
    """Add one of the newer custom fields to some kinds, and return its definition id."""
    return company.define_custom_field(label, type, tuple(kinds))


def inactivate(company: Company, kind: str, id: str) -> Object:  # noqa: A002 - the vendor's word
    """Make a list entry inactive."""
    return edit(company, kind, id, {"Active": False})


def close_books(company: Company, date: str | None, password: bool = False) -> Object:  # noqa: FBT001, FBT002 - a tick box
    """Close the books up to and including a day, with or without a password; None opens them."""
    company.close_books(date, password=password)
    return _held(company, "Preferences", "1")


def set_preferences(company: Company, patch: Object) -> Object:
    """Change preferences in Account and settings."""
    company.set_preferences(patch)
    return _held(company, "Preferences", "1")


def set_plan(company: Company, name: str) -> Object:
    """Change the company's plan, such as `Simple Start`."""
    company.set_plan(name)
    return _held(company, "CompanyInfo", "1")


def set_subscription(company: Company, status: str) -> Object:
    """Let the subscription lapse (`SUSPENDED`) or pay it again (`PAID`)."""
    company.set_subscription(status)
    return _held(company, "CompanyInfo", "1")


ACTIONS: Final = {
    action.__name__: action
    for action in (
        create,
        pay_invoice,
        pay_bill,
        void_payment,
        delete_payment,
        void_bill_payment,
        delete_bill_payment,
        void_invoice,
        delete,
        edit,
        rename,
        merge,
        deposit,
        name_custom_fields,
        define_custom_field,
        inactivate,
        close_books,
        set_preferences,
        set_plan,
        set_subscription,
    )
}
"""Every action by name."""
