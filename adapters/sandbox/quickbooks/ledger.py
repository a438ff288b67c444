"""Double entry: the balances that follow from what the documents post."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Final, NamedTuple

from adapters.sandbox.quickbooks.rules import ZERO

RECEIVABLE: Final = "Accounts Receivable"
PAYABLE: Final = "Accounts Payable"


class Posting(NamedTuple):
    """One side of an entry in the home currency: a debit is positive, a credit negative.

    On receivables and payables `party` is set, and `own` is the amount in the party's currency.
    """

    account: str
    amount: Decimal
    party: str = ""
    own: Decimal = ZERO


class Ledger:
    """The running balances of every account and of every party's receivables and payables."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], tuple[Posting, ...]] = {}
        self._accounts: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
        self._parties: defaultdict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)

    def post(self, kind: str, identity: str, entry: tuple[Posting, ...]) -> None:
        """Replace what one document posts; an empty entry takes it back."""
        for posting in self._entries.pop((kind, identity), ()):
            self._add(posting, -1)
        if entry:
            self._entries[kind, identity] = entry
            for posting in entry:
                self._add(posting, 1)

    def _add(self, posting: Posting, sign: int) -> None:
        self._accounts[posting.account] += sign * posting.amount
        if posting.party:
            self._parties[posting.account, posting.party] += sign * posting.own

    def entries(self) -> Iterator[tuple[tuple[str, str], tuple[Posting, ...]]]:
        """Yield each document, by kind and id, with what it posts."""
        yield from self._entries.items()

    def balance(self, account: str) -> Decimal:
        """Return an account's balance in the home currency: debits less credits."""
        return self._accounts.get(account, ZERO)

    def party_balance(self, account: str, party: str) -> Decimal:
        """Return one party's share of a receivable or payable account, in the party's currency."""
        return self._parties.get((account, party), ZERO)

    def trial_balance(self) -> dict[str, Decimal]:
        """Return every account that has been posted to, with its balance; the sum is zero."""
        return dict(self._accounts)
