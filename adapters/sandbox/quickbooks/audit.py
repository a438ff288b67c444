"""The audit: whether a company's ledger, its open documents and its links say the same."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from adapters.sandbox.quickbooks.company import Company
from adapters.sandbox.quickbooks.entries import at_home, is_open_item, postings, rate_of
from adapters.sandbox.quickbooks.kinds import KINDS
from adapters.sandbox.quickbooks.ledger import PAYABLE, RECEIVABLE
from adapters.sandbox.quickbooks.openitems import open_item
from adapters.sandbox.quickbooks.payments import deposit_of
from adapters.sandbox.quickbooks.rules import ZERO, Object
from adapters.sandbox.quickbooks.settlement import account_of, applied

_SIDE: Final = {RECEIVABLE: 1, PAYABLE: -1}
"""How what is open shows in the ledger: a charge to a customer is a debit, one by a vendor a credit."""


def discrepancies(company: Company) -> Iterator[str]:
    """Yield in words everything that does not agree; nothing comes of books that do."""
    yield from _unbalanced(company)
    yield from _unlike_open_items(company)
    yield from _unlike_payments(company)
    yield from _unlike_deposits(company)


def _unbalanced(company: Company) -> Iterator[str]:
    total = sum(company.books.ledger.trial_balance().values(), ZERO)
    if total:
        yield f"the trial balance comes to {total}"
    for (kind, identity), entry in company.books.ledger.entries():
        if sum((posting.amount for posting in entry), ZERO):
            yield f"{kind} {identity} posts an entry that does not balance: {entry}"
        stored = company.books.find(kind, identity)
        if stored is None or postings(kind, stored, company.books) != entry:
            yield f"{kind} {identity} posts something else than it says: {entry}"


def _open_items(company: Company) -> Iterator[tuple[str, str, Decimal, Decimal]]:
    """Yield every open item: its account, its party, and what is open in the party's currency and at home."""
    for kind, row in KINDS.items():
        for stored in company.books.live(kind):
            if row.owes:
                party = stored[row.party]["value"]
                item = open_item(kind, stored, party)
                account = item.account or account_of("Payment", stored, company.books)
                yield (
                    account,
                    party,
                    _side(account, company) * item.balance,
                    _side(account, company) * item.home_balance,
                )
            elif row.settles is not None:
                account, party = account_of(kind, stored, company.books), stored[row.party]["value"]
                unapplied, side = stored["_unapplied"], -_side(account, company)
                yield account, party, side * unapplied, side * at_home(unapplied, rate_of(stored, company.books))
            elif "_items" in stored:
                yield from _line_items(stored, company)


def _line_items(stored: Object, company: Company) -> Iterator[tuple[str, str, Decimal, Decimal]]:
    for party, item in stored["_items"].items():
        account = item["AccountRef"]["value"]
        side = _side(account, company)
        yield account, party, side * item["Balance"], side * item["HomeBalance"]


def _side(account: str, company: Company) -> int:
    return _SIDE[(company.books.find("Account", account) or {})["AccountType"]]


def _unlike_open_items(company: Company) -> Iterator[str]:
    by_account: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
    by_party: defaultdict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
    for account, party, own, at_home_too in _open_items(company):
        by_account[account] += at_home_too
        by_party[account, party] += own
    ledger = company.books.ledger
    for held in company.books.live("Account"):
        account = held["Id"]
        if is_open_item(held) and ledger.balance(account) != by_account.pop(account, ZERO):
            yield f"{held['Name']} stands at {ledger.balance(account)}, not at what its documents leave open"
    yield from (f"documents leave {left} open on account {account!r}" for account, left in by_account.items() if left)
    for (account, party), own in by_party.items():
        if ledger.party_balance(account, party) != own:
            yield f"party {party} stands at {ledger.party_balance(account, party)}, its documents leave {own} open"


def _unlike_payments(company: Company) -> Iterator[str]:
    settled: defaultdict[tuple[str, str, str], Decimal] = defaultdict(lambda: ZERO)
    for kind, row in KINDS.items():
        if row.settles is not None:
            for stored in company.books.live(kind):
                for (target, identity), amount in applied(stored).items():
                    settled[target, identity, stored[row.party]["value"]] += amount
    for kind, row in KINDS.items():
        for stored in company.books.live(kind):
            parties = [stored[row.party]["value"]] if row.owes else list(stored.get("_items", ()))
            for party in parties:
                item = open_item(kind, stored, party)
                paid = abs(item.amount - item.balance)
                if paid != settled.pop((kind, stored["Id"], party), ZERO) or item.amount * item.balance < 0:
                    yield f"{kind} {stored['Id']} is settled by {paid}, which its payments do not say"
    yield from (f"a payment settles {target}, which is not there" for target, amount in settled.items() if amount)


def _unlike_deposits(company: Company) -> Iterator[str]:
    banked = {
        (link["TxnType"], link["TxnId"]): deposit["Id"]
        for deposit in company.books.live("Deposit")
        for line in deposit["Line"]
        for link in line.get("LinkedTxn", ())
    }
    for kind in ("Payment", "SalesReceipt"):
        for stored in company.books.live(kind):
            if deposit_of(stored) != banked.pop((kind, stored["Id"]), None):
                yield f"{kind} {stored['Id']} and its deposit do not name each other"
    yield from (f"a deposit banks {received}, which is not there" for received in banked)
