"""The company's preferences and lists, cached: reads are metered, and lists change slowly."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime
from typing import Final, Generic, TypeVar

import anyio

from adapters.quickbooks.client import Client
from adapters.quickbooks.problems import rejected
from adapters.quickbooks.settings import Settings
from adapters.quickbooks.shapes import Account, Item, Listed, PaymentMethod, Preferences, Term, readable

Value = TypeVar("Value")
Row = TypeVar("Row", bound=Listed)

# Before a document is refused for what a list says, the list is read again unless it is younger than this.
_FRESH: Final = 5.0  # seconds

_PAYABLE: Final = "Accounts Payable"
_RECEIVABLE: Final = "Accounts Receivable"
_MONEY: Final = frozenset({"Bank", "Other Current Asset"})


class Cached(Generic[Value]):
    """One value read from the vendor at most every `refresh` seconds, by one reader at a time."""

    def __init__(self, read: Callable[[], Awaitable[Value]], refresh: float, clock: Callable[[], datetime]) -> None:
        self._read = read
        self._refresh = refresh
        self._clock = clock
        self._lock = anyio.Lock()
        self._held: tuple[Value, datetime] | None = None

    async def get(self, *, fresh: bool = False) -> Value:
        """Return the value; with `fresh`, one read within the last seconds."""
        oldest = min(_FRESH, self._refresh) if fresh else self._refresh
        if self._held is not None and self._age(self._held) < oldest:
            return self._held[0]
        async with self._lock:
            if self._held is None or self._age(self._held) >= oldest:
                asked = self._clock()
                self._held = (await self._read(), asked)
            return self._held[0]

    def _age(self, held: tuple[Value, datetime]) -> float:
        return (self._clock() - held[1]).total_seconds()

    def forget(self) -> None:
        """Read anew at the next call."""
        self._held = None


class Roll(Generic[Row]):
    """One of the company's lists, by what people may call its rows."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        self._rungs: tuple[dict[str, list[Row]], ...] = ({}, {}, {})
        for row in rows:
            for rung, handles in zip(self._rungs, row.handles, strict=True):
                for key in {_key(handle) for handle in handles}:
                    rung.setdefault(key, []).append(row)

    def called(self, wanted: str) -> Sequence[Row]:
        """Return the rows on the first rung of handles that `wanted` names, case aside."""
        key = _key(wanted)
        return next((rung[key] for rung in self._rungs if key in rung), ())


class References:
    """What documents point at, found by what the configuration calls it."""

    def __init__(self, client: Client, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._client = client
        self._preferences = Cached(client.preferences, settings.preferences_refresh, clock)

        def listed(entity: str, shape: type[Row]) -> Cached[Roll[Row]]:
            return Cached(lambda: self._roll(entity, shape), settings.reference_refresh, clock)

        self._accounts = listed("Account", Account)
        self._items = listed("Item", Item)
        self._terms = listed("Term", Term)
        self._methods = listed("PaymentMethod", PaymentMethod)

    async def _roll(self, entity: str, shape: type[Row]) -> Roll[Row]:
        """Read a whole list, inactive rows too, which the query language leaves out unless asked."""
        rows = await self._client.select(entity, "Active in (true, false)", purpose="reference")
        return Roll([row for row in (readable(raw, shape) for raw in rows) if row is not None])

    async def preferences(self, *, fresh: bool = False) -> Preferences:
        """Return the company's preferences."""
        return await self._preferences.get(fresh=fresh)

    async def refuse_closed(self, day: date) -> None:
        """Raise Rejected if the books are closed on that day, by preferences not older than a minute."""
        closed_until = (await self.preferences()).closed_until
        if closed_until is not None and day <= closed_until:
            closed_until = (await self.preferences(fresh=True)).closed_until
        if closed_until is not None and day <= closed_until:
            raise rejected("period_closed", f"dated {day}, books closed up to {closed_until}")

    async def item(self, wanted: str) -> Item:
        """Return the item to bill a charge on; raise Rejected if it is missing, inactive or not for sale."""
        item = await self._found(self._items, wanted, "item")
        if not item.sellable:
            raise rejected("item_not_sellable", f"item {item.fully_qualified_name or item.name}")
        return item

    async def expense_account(self, wanted: str) -> Account:
        """Return the account to book a cost on; raise Rejected if it is missing, inactive or of the wrong type."""
        account = await self._found(self._accounts, wanted, "account")
        if account.account_type in {_PAYABLE, _RECEIVABLE}:
            raise rejected("account_type_wrong", f"account {account.name} is of type {account.account_type}")
        return account

    async def payable_account(self, wanted: str | None) -> Account:
        """Return the account bills are owed on: the configured one, or the only one there is."""
        if wanted is not None:
            account = await self._found(self._accounts, wanted, "account")
            if account.account_type != _PAYABLE:
                raise rejected("account_type_wrong", f"account {account.name} is of type {account.account_type}")
            return account
        payables = [row for row in (await self._accounts.get()).rows if row.account_type == _PAYABLE and row.active]
        if len(payables) != 1:
            found = ", ".join(account.name for account in payables) or "none"
            raise rejected("payable_account_unclear", f"Accounts payable accounts: {found}")
        return payables[0]

    async def deposit_account(self, wanted: str | None) -> Account:
        """Return the account customers' payments go to; raise Rejected if there is none or it holds no money."""
        if wanted is None:
            raise rejected("mapping_missing", "the account that payments go to: set mapping.deposit_account")
        account = await self._found(self._accounts, wanted, "account")
        if account.account_type not in _MONEY:
            raise rejected("account_type_wrong", f"account {account.name} is of type {account.account_type}")
        return account

    async def term(self, days: int) -> str | None:
        """Return the id of the terms of exactly `days` days, or None."""
        terms = (await self._terms.get()).rows
        return next((term.id for term in terms if term.active and term.due_days == days), None)

    async def payment_method(self, method_id: str) -> str | None:
        """Return the name of a payment method, or None."""
        methods = (await self._methods.get()).rows
        return next((method.name for method in methods if method.id == method_id), None)

    async def method_called(self, wanted: str) -> str | None:
        """Return the id of the active payment method of this name, or None."""
        found = (await self._methods.get()).called(wanted) if wanted else ()
        return next((method.id for method in found if method.active), None)

    def forget(self) -> None:
        """Read the accounts and items anew: QuickBooks just refused one of them."""
        self._accounts.forget()
        self._items.forget()

    async def _found(self, listed: Cached[Roll[Row]], wanted: str, what: str) -> Row:
        """Return the one active row called `wanted`, looking again in a fresh list before refusing."""
        found = (await listed.get()).called(wanted)
        if not any(row.active for row in found):
            found = (await listed.get(fresh=True)).called(wanted)
        active = [row for row in found if row.active]
        if len(active) == 1:
            return active[0]
        code = "reference_ambiguous" if active else "reference_inactive" if found else "reference_missing"
        raise rejected(code, f'{what} "{wanted}"')


def _key(text: str) -> str:
    return " ".join(text.split()).casefold()
