"""Double entry: what each document posts, and the balances that follow."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Final, NamedTuple

from adapters.sandbox.quickbooks.rules import ZERO, Object

RECEIVABLE: Final = "Accounts Receivable"
PAYABLE: Final = "Accounts Payable"


class Posting(NamedTuple):
    """One side of an entry: a debit is positive, a credit negative; `party` is set on receivables and payables."""

    account: str
    amount: Decimal
    party: str = ""


Finder = Callable[[str, str], Object | None]


def _line_postings(document: Object, sign: int) -> Iterator[Posting]:
    for line in document["Line"]:
        detail = line.get(line["DetailType"])
        if detail is None or "Amount" not in line:
            continue
        account = detail.get("ItemAccountRef") or detail.get("AccountRef") or detail.get("DiscountAccountRef")
        amount = line["Amount"]
        if account is not None and amount:
            yield Posting(account["value"], -sign * amount if "DiscountAccountRef" in detail else sign * amount)


def _sale(document: Object, receivable: str, sign: int) -> Iterator[Posting]:
    yield Posting(receivable, sign * document["TotalAmt"], document["CustomerRef"]["value"])
    yield from _line_postings(document, -sign)


def _purchase(document: Object, sign: int) -> Iterator[Posting]:
    payable = document["APAccountRef"]["value"]
    yield Posting(payable, -sign * document["TotalAmt"], document["VendorRef"]["value"])
    yield from _line_postings(document, sign)


def _receipt(document: Object, receivable: str) -> Iterator[Posting]:
    yield Posting(document["DepositToAccountRef"]["value"], document["TotalAmt"])
    yield Posting(receivable, -document["TotalAmt"], document["CustomerRef"]["value"])


def _disbursement(document: Object) -> Iterator[Posting]:
    paid_from = document.get("CheckPayment", {}).get("BankAccountRef") or document["CreditCardPayment"]["CCAccountRef"]
    yield Posting(document["APAccountRef"]["value"], document["TotalAmt"], document["VendorRef"]["value"])
    yield Posting(paid_from["value"], -document["TotalAmt"])


def postings(kind: str, document: Object, receivable: str) -> tuple[Posting, ...]:
    """Return what a document posts; its sum is zero. `receivable` is the company's A/R account."""
    match kind:
        case "Invoice":
            entry = _sale(document, receivable, 1)
        case "CreditMemo":
            entry = _sale(document, receivable, -1)
        case "Bill":
            entry = _purchase(document, 1)
        case "VendorCredit":
            entry = _purchase(document, -1)
        case "Payment":
            entry = _receipt(document, receivable)
        case "BillPayment":
            entry = _disbursement(document)
        case _:
            return ()
    return tuple(posting for posting in entry if posting.amount)


class Ledger:
    """The running balances of every account and of every party's receivables and payables."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], tuple[Posting, ...]] = {}
        self._accounts: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
        self._parties: defaultdict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)

    def post(self, kind: str, identity: str, entry: tuple[Posting, ...]) -> None:
        """Replace what one document posts; an empty entry takes it back."""
        for posting in self._entries.pop((kind, identity), ()):
            self._add(posting, -posting.amount)
        if entry:
            self._entries[kind, identity] = entry
            for posting in entry:
                self._add(posting, posting.amount)

    def _add(self, posting: Posting, amount: Decimal) -> None:
        self._accounts[posting.account] += amount
        if posting.party:
            self._parties[posting.account, posting.party] += amount

    def balance(self, account: str) -> Decimal:
        """Return an account's balance: debits less credits."""
        return self._accounts.get(account, ZERO)

    def party_balance(self, account: str, party: str) -> Decimal:
        """Return one party's share of a receivable or payable account."""
        return self._parties.get((account, party), ZERO)

    def trial_balance(self) -> dict[str, Decimal]:
        """Return every account that has been posted to, with its balance; the sum is zero."""
        return dict(self._accounts)
