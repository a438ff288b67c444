"""What each kind of document posts, as a table; every entry sums to zero."""

from collections.abc import Callable, Iterable, Iterator
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, Protocol

from adapters.sandbox.quickbooks.ledger import PAYABLE, RECEIVABLE, Posting
from adapters.sandbox.quickbooks.rules import CENT, ZERO, Object

EXCHANGE_DIFFERENCE: Final = ("Other Expense", "ExchangeGainOrLoss")
"""Type and sub type of the account that takes what differs between two rates."""
UNIT: Final = Decimal(1)


class Chart(Protocol):
    """What an entry needs of the books: their accounts, and the objects a document names."""

    home: str

    def find(self, kind: str, identity: str) -> Object | None:
        """Return the live object as stored, or None."""

    def account(self, account_type: str, subtype: str | None = None, currency: str = "") -> str | None:
        """Return the id of the first account of a type in a currency, by default the home currency."""


Entry = Iterator[Posting]


def rate_of(document: Object, chart: Chart) -> Decimal:
    """Return what one unit of a document's currency is worth at home."""
    currency = document.get("CurrencyRef")
    if currency is None or currency["value"] == chart.home:
        return UNIT
    return Decimal(document["ExchangeRate"])


def at_home(amount: Decimal, rate: Decimal) -> Decimal:
    """Return an amount in the home currency, in cents."""
    return amount if rate == UNIT else (amount * rate).quantize(CENT, ROUND_HALF_UP)


def postings(kind: str, document: Object, chart: Chart) -> tuple[Posting, ...]:
    """Return what a document posts; its sum is zero, and kinds that move no money post nothing."""
    write = _ENTRIES.get(kind)
    return () if write is None else tuple(posting for posting in write(document, chart) if posting.amount)


def is_open_item(account: Object) -> bool:
    """Say whether an account is one whose postings belong to a party and are settled one by one."""
    return account["AccountType"] in {RECEIVABLE, PAYABLE}


def _lines(document: Object, chart: Chart, sign: int) -> Entry:
    """Post a document's lines and its tax: `sign` is 1 where they are debits."""
    rate = rate_of(document, chart)
    for line in document["Line"]:
        detail = line.get(line["DetailType"])
        amount = line.get("Amount")
        if not detail or not amount:
            continue
        if discount := detail.get("DiscountAccountRef"):
            yield Posting(discount["value"], at_home(-sign * amount, rate))
        elif account := detail.get("ItemAccountRef") or detail.get("AccountRef"):
            side = -sign if detail.get("PostingType") == "Credit" else sign
            yield _line_posting(account["value"], side * amount, rate, document, detail, chart)
    for tax in document.get("TxnTaxDetail", {}).get("TaxLine", ()):
        payable = _tax_payable(tax["TaxLineDetail"]["TaxRateRef"]["value"], chart)
        yield Posting(payable, at_home(sign * tax["Amount"], rate))


def _line_posting(  # noqa: PLR0913, PLR0917 - a line, and what it stands in
    account: str, amount: Decimal, rate: Decimal, document: Object, detail: Object, chart: Chart
) -> Posting:
    party = party_of(document, detail)
    held = chart.find("Account", account) if party else None
    if held is None or not is_open_item(held):
        return Posting(account, at_home(amount, rate))
    return Posting(account, at_home(amount, rate), party, amount)


def party_of(document: Object, detail: Object) -> str:
    """Return the customer or vendor a line of a journal entry, deposit or expense is about, or an empty string."""
    entity: Object = detail.get("Entity") or document.get("EntityRef") or {}
    named: Object = entity.get("EntityRef", entity)
    return str(named.get("value", ""))


def _tax_payable(rate: str, chart: Chart) -> str:
    agency = (chart.find("TaxRate", rate) or {})["AgencyRef"]["value"]
    return str((chart.find("TaxAgency", agency) or {})["_payable"]["value"])


def _against(account: str, entry: Iterable[Posting], *, party: str = "", own: Decimal = ZERO) -> Entry:
    """Post an entry and, on an account, what balances it."""
    balance = ZERO
    for posting in entry:
        balance += posting.amount
        yield posting
    yield Posting(account, -balance, party, own)


def _on_account(sign: int) -> Callable[[Object, Chart], Entry]:
    """Return how a sale on credit posts: 1 for an invoice, -1 for a credit memo."""

    def write(document: Object, chart: Chart) -> Entry:
        receivable = chart.account(RECEIVABLE, currency=document["CurrencyRef"]["value"]) or ""
        lines = _lines(document, chart, -sign)
        return _against(receivable, lines, party=document["CustomerRef"]["value"], own=sign * document["TotalAmt"])

    return write


def _owed(sign: int) -> Callable[[Object, Chart], Entry]:
    """Return how a purchase on credit posts: 1 for a bill, -1 for a vendor's credit."""

    def write(document: Object, chart: Chart) -> Entry:
        payable = document["APAccountRef"]["value"]
        lines = _lines(document, chart, sign)
        return _against(payable, lines, party=document["VendorRef"]["value"], own=-sign * document["TotalAmt"])

    return write


def _at_once(account: str, sign: int) -> Callable[[Object, Chart], Entry]:
    """Return how a document posts whose other side is the account it names; `sign` is 1 where its lines are debits."""

    def write(document: Object, chart: Chart) -> Entry:
        side = -sign if document.get("Credit") else sign
        return _against(document[account]["value"], _lines(document, chart, side))

    return write


def _receipt(document: Object, chart: Chart) -> Entry:
    account = document["DepositToAccountRef"]["value"]
    receivable = chart.account(RECEIVABLE, currency=document["CurrencyRef"]["value"]) or ""
    return _settling(document, chart, account, receivable, document["CustomerRef"]["value"], 1)


def _disbursement(document: Object, chart: Chart) -> Entry:
    paid_from = document.get("CheckPayment", {}).get("BankAccountRef") or document["CreditCardPayment"]["CCAccountRef"]
    payable = document["APAccountRef"]["value"]
    return _settling(document, chart, paid_from["value"], payable, document["VendorRef"]["value"], -1)


def _settling(  # noqa: PLR0913, PLR0917 - the two sides of a payment
    document: Object, chart: Chart, money: str, owed: str, party: str, sign: int
) -> Entry:
    """Post a payment: what it relieves was posted at the rates of the documents, the money is worth today's."""
    rate, total = rate_of(document, chart), document["TotalAmt"]
    relieved = (
        sum(document["_relieved"].values(), at_home(document["_unapplied"], rate)) if "_relieved" in document else total
    )
    yield from _with_difference(
        [Posting(money, sign * at_home(total, rate)), Posting(owed, -sign * relieved, party, -sign * total)], chart
    )


def _with_difference(entry: list[Posting], chart: Chart) -> Entry:
    yield from entry
    difference = sum((posting.amount for posting in entry), ZERO)
    if difference:
        yield Posting(chart.account(*EXCHANGE_DIFFERENCE) or "", -difference)


def _journal(document: Object, chart: Chart) -> Entry:
    return _with_difference(list(_lines(document, chart, 1)), chart)


def _deposit(document: Object, chart: Chart) -> Entry:
    rate = rate_of(document, chart)
    entry = [Posting(document["DepositToAccountRef"]["value"], at_home(document["TotalAmt"], rate))]
    if cash := document.get("CashBack"):
        entry.append(Posting(cash["AccountRef"]["value"], at_home(cash["Amount"], rate)))
    entry.extend(_lines({**document, "Line": [line for line in document["Line"] if not links(line)]}, chart, -1))
    for line in document["Line"]:
        for link in links(line):
            received = chart.find(link["TxnType"], link["TxnId"]) or {}
            worth = at_home(line["Amount"], rate_of(received, chart))
            entry.append(Posting(received["DepositToAccountRef"]["value"], -worth))
    return _with_difference(entry, chart)


def links(line: Object) -> list[Object]:
    """Return what a line is linked to."""
    held: list[Object] = line.get("LinkedTxn") or []
    return held


def _movement(credited: str, debited: str) -> Callable[[Object, Chart], Entry]:
    def write(document: Object, chart: Chart) -> Entry:
        amount = at_home(document["Amount"], rate_of(document, chart))
        yield Posting(document[debited]["value"], amount)
        yield Posting(document[credited]["value"], -amount)

    return write


_ENTRIES: Final[dict[str, Callable[[Object, Chart], Entry]]] = {
    "Invoice": _on_account(1),
    "CreditMemo": _on_account(-1),
    "SalesReceipt": _at_once("DepositToAccountRef", -1),
    "RefundReceipt": _at_once("DepositToAccountRef", 1),
    "Bill": _owed(1),
    "VendorCredit": _owed(-1),
    "Purchase": _at_once("AccountRef", 1),
    "Payment": _receipt,
    "BillPayment": _disbursement,
    "JournalEntry": _journal,
    "Deposit": _deposit,
    "Transfer": _movement("FromAccountRef", "ToAccountRef"),
    "CreditCardPaymentTxn": _movement("BankAccountRef", "CreditCardAccountRef"),
}
