"""Random work on a company's books: what its people and its apps could do in any order, one operation at a time."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Final

from adapters.sandbox.quickbooks import hands
from adapters.sandbox.quickbooks.chance import RATES, Work
from adapters.sandbox.quickbooks.faults import Fault
from adapters.sandbox.quickbooks.kinds import KINDS
from adapters.sandbox.quickbooks.openitems import open_item
from adapters.sandbox.quickbooks.rules import ZERO, Object

_TRANSACTIONS: Final = tuple(kind for kind, row in KINDS.items() if row.sequence == "transaction" and row.deletable)
_VOIDABLE: Final = tuple(kind for kind, row in KINDS.items() if row.void_by)
_MAILED: Final = tuple(kind for kind, row in KINDS.items() if row.mailed_to)
_SWITCHED: Final = (
    ("SalesFormsPrefs", "AutoApplyCredit"),
    ("SalesFormsPrefs", "AutoApplyPayments"),
    ("VendorAndPurchasesPrefs", "AutomaticBillPayment"),
)


def _sales_lines(work: Work) -> list[Object]:
    lines: list[Object] = [
        {
            "DetailType": "SalesItemLineDetail",
            "Amount": work.amount(),
            "SalesItemLineDetail": {
                "ItemRef": {"value": work.random.choice(("1", "2", "3"))},
                "TaxCodeRef": {"value": work.random.choice(("TAX", "NON"))},
            },
        }
        for _ in range(work.random.randrange(1, 4))
    ]
    if work.chance(0.1):
        detail = {"PercentBased": True, "DiscountPercent": 7, "DiscountAccountRef": work.account("Income")}
        lines.append({"DetailType": "DiscountLineDetail", "DiscountLineDetail": detail})
    return lines


def _purchase_lines(work: Work) -> list[Object]:
    return [
        {
            "DetailType": "AccountBasedExpenseLineDetail",
            "Amount": work.amount(),
            "AccountBasedExpenseLineDetail": {"AccountRef": work.account("Expense", "Cost of Goods Sold")},
        }
        for _ in range(work.random.randrange(1, 4))
    ]


def sell(work: Work) -> None:
    """Write an invoice, credit memo or estimate."""
    customer = work.party("Customer")
    kind = work.random.choice(("Invoice", "Invoice", "Invoice", "CreditMemo", "Estimate"))
    body = {"CustomerRef": {"value": customer["Id"]}, "Line": _sales_lines(work), **work.header(customer)}
    code = work.pick("TaxCode")
    if code and work.chance(0.5):
        body["TxnTaxDetail"] = {"TxnTaxCodeRef": {"value": code[1]["Id"]}}
    work.create(kind, body)


def sell_at_once(work: Work) -> None:
    """Write a sales receipt or a refund receipt."""
    kind = work.random.choice(("SalesReceipt", "SalesReceipt", "RefundReceipt"))
    customer = work.party("Customer")
    body = {"CustomerRef": {"value": customer["Id"]}, "Line": _sales_lines(work), **work.header(customer)}
    work.create(kind, body | ({"DepositToAccountRef": work.account("Bank")} if kind == "RefundReceipt" else {}))


def buy(work: Work) -> None:
    """Enter a bill, vendor credit or purchase order."""
    vendor = work.party("Vendor")
    kind = work.random.choice(("Bill", "Bill", "Bill", "VendorCredit", "PurchaseOrder"))
    work.create(kind, {"VendorRef": {"value": vendor["Id"]}, "Line": _purchase_lines(work), **work.header(vendor)})


def spend(work: Work) -> None:
    """Enter an expense; a few give a customer or vendor their money back."""
    kind = work.random.choice(("Customer", "Vendor"))
    party = work.party(kind)
    lines = _purchase_lines(work)
    if party["CurrencyRef"]["value"] == "USD" and work.chance(0.3):
        owed = "Accounts Receivable" if kind == "Customer" else "Accounts Payable"
        lines[0]["AccountBasedExpenseLineDetail"]["AccountRef"] = work.account(owed)
    means, account = work.random.choice((("Check", "Bank"), ("CreditCard", "Credit Card"), ("Cash", "Bank")))
    body = {
        "PaymentType": means,
        "AccountRef": work.account(account),
        "EntityRef": {"value": party["Id"], "type": kind},
        "Credit": means == "CreditCard" and work.chance(0.2),
        "Line": lines,
    }
    work.create("Purchase", body | work.header())


def journal(work: Work) -> None:
    """Write a journal entry; most charge or credit a customer or vendor."""
    kind, owed = work.random.choice((("Customer", "Accounts Receivable"), ("Vendor", "Accounts Payable")))
    party, amount = work.party(kind), work.amount()
    account = work.company.books.account(owed, currency=party["CurrencyRef"]["value"])
    entity: Object = {"Entity": {"Type": kind, "EntityRef": {"value": party["Id"]}}}
    if account is None or work.chance(0.2):
        account, entity = work.account("Other Current Asset")["value"], {}
    sides = work.random.sample(("Debit", "Credit"), 2)
    details = (
        {"PostingType": sides[0], "AccountRef": {"value": account}, **entity},
        {"PostingType": sides[1], "AccountRef": work.account("Expense", "Income", "Equity")},
    )
    lines = [
        {"DetailType": "JournalEntryLineDetail", "Amount": amount, "JournalEntryLineDetail": detail}
        for detail in details
    ]
    work.create("JournalEntry", {"Line": lines, **work.header(party)})


def _open_for(work: Work, kind: str, party: Object) -> Iterator[tuple[str, Object, Decimal]]:
    """Yield a few of a party's open documents that a kind of payment settles, with what is open."""
    for target in KINDS[kind].settles or ():
        if KINDS[target].owes:
            held = work.company.books.by(target, KINDS[target].party, party["Id"])
            found = work.random.sample(held, min(2, len(held)))
        else:
            picked = work.pick(target)
            found = [picked[1]] if picked else []
        for document in found:
            item = open_item(target, document, party["Id"])
            if item.balance and document["CurrencyRef"] == party["CurrencyRef"]:
                yield target, document, item.balance


def pay(work: Work) -> None:
    """Receive or make a payment that settles some of what is open, by money, by credits or by both."""
    kind, party_kind = work.random.choice((("Payment", "Customer"), ("BillPayment", "Vendor")))
    party = work.party(party_kind)
    lines, net = [], ZERO
    for target, document, balance in _open_for(work, kind, party):
        share = work.part_of(abs(balance))
        if balance < 0 and share > net:
            share = net if net > 0 else ZERO
        lines.append({"Amount": share, "LinkedTxn": [{"TxnId": document["Id"], "TxnType": target}]})
        net += share if balance > 0 else -share
    over = work.amount() if work.chance(0.2) else ZERO
    body: Object = {
        f"{party_kind}Ref": {"value": party["Id"]},
        "TotalAmt": net + over,
        "Line": lines,
        **work.header(party),
    }
    if kind == "BillPayment":
        means = ("Check", "CheckPayment", "BankAccountRef", "Bank")
        if work.chance(0.3):
            means = ("CreditCard", "CreditCardPayment", "CCAccountRef", "Credit Card")
        body |= {"PayType": means[0], means[1]: {means[2]: work.account(means[3])}}
    elif work.chance(0.3):
        body["DepositToAccountRef"] = work.account("Bank")
    work.create(kind, body)


def bank(work: Work) -> None:
    """Deposit payments that wait, at times with other money and some cash kept back."""
    lines: list[Object] = []
    currency = "USD"
    for _ in range(work.random.randrange(1, 4)):
        if found := work.pick("Payment", "SalesReceipt"):
            kind, held = found
            currency = held["CurrencyRef"]["value"]
            lines.append({"Amount": held["TotalAmt"], "LinkedTxn": [{"TxnId": held["Id"], "TxnType": kind}]})
    if work.chance(0.4) or not lines:
        detail: Object = {"AccountRef": work.account("Income", "Other Current Asset")}
        customer = work.party("Customer")
        if customer["CurrencyRef"]["value"] == currency == "USD" and work.chance(0.3):
            detail = {
                "AccountRef": work.account("Accounts Receivable"),
                "Entity": {"value": customer["Id"], "type": "Customer"},
            }
        lines.append({"DetailType": "DepositLineDetail", "Amount": work.amount(), "DepositLineDetail": detail})
    body: Object = {"DepositToAccountRef": work.account("Bank"), "Line": lines}
    if work.chance(0.1):
        body["CashBack"] = {"AccountRef": work.account("Equity"), "Amount": Decimal("0.50")}
    work.create("Deposit", body | work.header({"CurrencyRef": {"value": currency}}))


def move(work: Work) -> None:
    """Transfer money between accounts, or pay a card."""
    if work.chance(0.5):
        ends = {"FromAccountRef": work.account("Bank"), "ToAccountRef": work.account("Bank", "Equity", "Credit Card")}
        work.create("Transfer", {**ends, "Amount": work.amount(), **work.header()})
    else:
        ends = {"BankAccountRef": work.account("Bank"), "CreditCardAccountRef": work.account("Credit Card")}
        work.create("CreditCardPaymentTxn", {**ends, "Amount": work.amount(), **work.header()})


def edit(work: Work) -> None:
    """Change a transaction: its day, its rate, an amount on it."""
    found = work.pick(*_TRANSACTIONS)
    if found is None or found[0] == "RecurringTransaction":
        return
    kind, held = found
    body = work.company.get(kind, held["Id"]) or {}
    body["TxnDate"] = work.header()["TxnDate"]
    if body.get("ExchangeRate", 1) != 1 and work.chance(0.5):
        body["ExchangeRate"] = Decimal(work.random.choice(RATES[body["CurrencyRef"]["value"]]))
    if "Amount" in body:
        body["Amount"] = work.amount()
    elif body["Line"] and work.chance(0.7):
        amount = work.part_of(body["Line"][0].get("Amount", ZERO))
        for line in body["Line"][: 2 if kind == "JournalEntry" else 1]:
            line["Amount"] = amount
    work.company.update(kind, body)


def void(work: Work) -> None:
    """Void a transaction."""
    if found := work.pick(*_VOIDABLE):
        work.company.void(found[0], found[1]["Id"], unlink=work.chance(0.5))


def delete(work: Work) -> None:
    """Delete a transaction, as a call may or as a person may."""
    if found := work.pick(*_TRANSACTIONS, "TimeActivity", "Attachable"):
        work.company.delete(found[0], found[1]["Id"], unlink=work.chance(0.5))


def note(work: Work) -> None:
    """Attach a note to something, note down hours, keep a template, or mail a document."""
    choice = work.random.choice(("note", "hours", "template", "mail"))
    found = work.pick(*_MAILED)
    if choice == "note" and found:
        link = {"EntityRef": {"type": found[0], "value": found[1]["Id"]}}
        work.create("Attachable", {"Note": "seen", "AttachableRef": [link]})
    elif choice == "hours":
        worker = {"value": work.party("Vendor")["Id"]}
        work.create("TimeActivity", {"NameOf": "Vendor", "VendorRef": worker, "Hours": work.random.randrange(9)})
    elif choice == "template":
        body = {"VendorRef": {"value": work.party("Vendor")["Id"]}, "Line": _purchase_lines(work)}
        info = {"Name": f"Template {work.random.random()}", "RecurType": "Automated"}
        work.create("RecurringTransaction", {**body, "RecurringInfo": info, "Type": "Bill"})
    elif found:
        work.company.send(found[0], found[1]["Id"], "books@example.com")


def settle_in(work: Work) -> None:
    """Flip a preference that applies credits by itself; most of the time they stay off."""
    section, name = work.random.choice(_SWITCHED)
    work.company.set_preferences({section: {name: work.chance(0.2)}})


def tidy(work: Work) -> None:
    """Rename a customer or vendor, or merge it with a duplicate that was just made."""
    kind = work.random.choice(("Customer", "Vendor"))
    party = work.party(kind)
    if work.chance(0.97):
        hands.rename(work.company, kind, party["Id"], f"{kind} {work.random.random()}")
        return
    twin = work.create(kind, {"DisplayName": f"{kind} {work.random.random()}", "CurrencyRef": party["CurrencyRef"]})
    work.company.merge(kind, twin["Id"], party["Id"])


_WORK: Final[dict[Callable[[Work], None], int]] = {
    sell: 22,
    sell_at_once: 6,
    buy: 16,
    spend: 5,
    journal: 8,
    pay: 20,
    bank: 6,
    move: 3,
    edit: 8,
    void: 3,
    delete: 6,
    note: 3,
    settle_in: 1,
    tidy: 1,
}
_OPERATIONS: Final = tuple(_WORK)
_WEIGHTS: Final = tuple(_WORK.values())


def work_once(work: Work) -> None:
    """Carry out one operation; what the books refuse is counted and changes nothing."""
    (operation,) = work.random.choices(_OPERATIONS, _WEIGHTS)
    work.done[operation.__name__] += 1
    try:
        operation(work)
    except Fault as fault:
        work.refused[fault.code] += 1
