"""What a document does to the accounts: debit and credit, as its type books it."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Final

from adapters.ports import Posting
from adapters.quickbooks.forms import Form, Raw
from adapters.quickbooks.lines import ChargeLines, value
from adapters.quickbooks.marker import total
from adapters.quickbooks.references import References
from adapters.quickbooks.shapes import Account
from state.transaction import DocumentType, Money

_RECEIVABLE: Final = "Accounts Receivable"

# How the total stands on its own account, and each charge on the other side: 1 is a debit, -1 a credit.
_SIDE: Final[Mapping[DocumentType, int]] = {
    DocumentType.INVOICE: 1,
    DocumentType.BILL: -1,
    DocumentType.VENDOR_CREDIT: 1,
    DocumentType.PAYMENT: -1,
}


class Chart:
    """The accounts behind what documents point at; `made` are those of items that are still to be made."""

    def __init__(
        self, accounts: Mapping[str, Account], incomes: Mapping[str, str], made: Mapping[str, Account]
    ) -> None:
        self._accounts = accounts
        self._incomes = incomes
        self._made = made

    @classmethod
    async def of(cls, references: References, made: Mapping[str, Account]) -> "Chart":
        """Return the company's chart, as it is remembered."""
        items = await references.items()
        incomes = {item.id: item.income_account_ref.value for item in items if item.income_account_ref}
        return cls({account.id: account for account in await references.accounts()}, incomes, made)

    @property
    def receivable(self) -> str:
        """The account that QuickBooks chooses for what customers owe, by its type if there are several."""
        found = [each for each in self._accounts.values() if each.account_type == _RECEIVABLE and each.active]
        return found[0].shown if len(found) == 1 else _RECEIVABLE

    def account(self, identity: str) -> str:
        """Return an account as a person knows it."""
        found = self._accounts.get(identity)
        return found.shown if found else f"account {identity}"

    def income(self, item: str) -> str:
        """Return the account that an item books on."""
        return self._made[item].shown if item in self._made else self.account(self._incomes.get(item, ""))


def postings(body: Raw, form: Form, chart: Chart, currency: str) -> tuple[Posting, ...]:
    """Return what a document to be sent does to each account, that of its total first, then by its lines.

    Lines that people added count too, as far as they charge an item or an account.
    """
    amounts: defaultdict[str, Decimal] = defaultdict(Decimal)
    side = _SIDE[form.type]
    charged = list(_charged(body, form, chart))
    amounts[_owed(body, form, chart)] += side * sum((amount for _, amount in charged), Decimal(0))
    for account, amount in charged:
        amounts[account] -= side * amount
    return tuple(_posting(account, Money.of(amount, currency)) for account, amount in amounts.items())


def _owed(body: Raw, form: Form, chart: Chart) -> str:
    """Return the account of the total: what is owed to us, or by us."""
    return chart.account(value(body.get("APAccountRef"))) if form.bought else chart.receivable


def _charged(body: Raw, form: Form, chart: Chart) -> Iterator[tuple[str, Decimal]]:
    """Yield the accounts of the lines with their amounts; of a payment, where its money goes."""
    if not isinstance(form.lines, ChargeLines):
        yield chart.account(value(body.get("DepositToAccountRef"))), total(body, form)
        return
    named: Callable[[str], str] = chart.account if form.bought else chart.income
    for line in form.lines.ours(body):
        yield named(form.lines.target(line)), Decimal(line["Amount"])


def _posting(account: str, debit: Money) -> Posting:
    nothing = Money(0, debit.currency)
    return (
        Posting(account, debit, nothing)
        if debit.minor >= 0
        else Posting(account, nothing, Money(-debit.minor, debit.currency))
    )
