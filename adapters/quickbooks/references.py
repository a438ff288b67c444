"""The company's preferences and lists, cached: reads are metered, and lists change slowly."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import date, datetime
from typing import Any, Final, TypeVar

from adapters.quickbooks.client import Client
from adapters.quickbooks.forms import Raw
from adapters.quickbooks.plans import Plan, plan_by, plan_of
from adapters.quickbooks.problems import rejected
from adapters.quickbooks.rolls import FRESH, Cached, Roll
from adapters.quickbooks.settings import Settings
from adapters.quickbooks.shapes import (
    Account,
    Company,
    Item,
    Listed,
    PaymentMethod,
    Preferences,
    Segment,
    Term,
    readable,
)

Row = TypeVar("Row", bound=Listed)

# Plans change a few times in a company's life; a refusal that hangs on one is checked first.
_PLAN_REFRESH: Final = 86400.0  # seconds

# What people call them.
_SEGMENTS: Final = {"Class": "class", "Department": "location"}

PAYABLE: Final = "Accounts Payable"
_MONEY: Final = frozenset({"Bank", "Other Current Asset"})


class References:
    """What documents point at, found by what the configuration calls it."""

    def __init__(self, client: Client, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._client = client
        self._preferences = Cached(client.preferences, settings.preferences_refresh, clock)
        self._company = Cached(client.company, _PLAN_REFRESH, clock, min(FRESH, settings.reference_refresh))

        def listed(entity: str, shape: type[Row]) -> Cached[Roll[Row]]:
            return Cached(lambda: self._roll(entity, shape), settings.reference_refresh, clock)

        self._accounts = listed("Account", Account)
        self._items = listed("Item", Item)
        self._terms = listed("Term", Term)
        self._segments = {entity: listed(entity, Segment) for entity in _SEGMENTS}
        self._methods = listed("PaymentMethod", PaymentMethod)
        self._watched: Final[dict[str, tuple[Cached[Roll[Any]], type[Listed]]]] = {
            "Account": (self._accounts, Account),
            "Item": (self._items, Item),
            "Term": (self._terms, Term),
        }

    @property
    def watched(self) -> tuple[str, ...]:
        """The lists to be read with everything else that changed."""
        return tuple(self._watched)

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

    async def company(self) -> Company:
        """Return who the company is, as of the last seconds."""
        return await self._company.get(fresh=True)

    async def plan(self, *, fresh: bool = False) -> Plan:
        """Return the company's plan; plans seldom change, so it is read once a day unless it has to be `fresh`."""
        company = await self._company.get(fresh=fresh)
        return plan_of(company) or plan_by(await self.preferences(fresh=fresh), company)

    async def accounts(self) -> Sequence[Account]:
        """Return the chart of accounts, inactive ones too."""
        return (await self._accounts.get()).rows

    async def items(self) -> Sequence[Item]:
        """Return every item, inactive ones too."""
        return (await self._items.get()).rows

    async def account(self, wanted: str) -> Account:
        """Return the account called so; raise Rejected if it is missing, ambiguous or inactive."""

        async def named(*, fresh: bool) -> Sequence[Account]:
            return (await self._accounts.get(fresh=fresh)).called(wanted)

        return await _one(named, f'account "{wanted}"')

    async def account_of(self, item: Item) -> Account:
        """Return the income account of an item; raise Rejected if it is missing or inactive."""
        held = item.income_account_ref.value if item.income_account_ref else ""
        for fresh in (False, True):
            account = (await self._accounts.get(fresh=fresh)).by_id.get(held)
            if account is not None and account.active:
                return account
        raise rejected("reference_inactive", f'income account of item "{item.shown}"')

    async def item(self, item_id: str) -> Item | None:
        """Return an item by its id, inactive ones too, or None."""
        for fresh in (False, True):
            if found := (await self._items.get(fresh=fresh)).by_id.get(item_id):
                return found
        return None

    async def item_or_account(self, wanted: str) -> Item | Account:
        """Return the item called so, or else the account; raise Rejected as for either.

        An item and an account may well have one id between them, so an account is not known by its id here. Its number
        may still be some item's id: that is ambiguous, never a guess.
        """

        async def named(*, fresh: bool) -> Sequence[Item | Account]:
            items = (await self._items.get(fresh=fresh)).called(wanted)
            active = [each for each in items if each.active]
            if active and all(each.id != wanted.strip() for each in active):
                return active
            accounts = (await self._accounts.get(fresh=fresh)).called(wanted)
            known = [each for each in accounts if each.id != wanted.strip() or each.acct_num == wanted.strip()]
            return [*active, *known] or items

        return await _one(named, f'item or account "{wanted}"')

    async def payable_account(self, wanted: str | None) -> Account:
        """Return the account bills are owed on: the configured one, or the only one there is."""
        if wanted is not None:
            return admitted(await self.account(wanted), {PAYABLE}, "bills are owed on")
        payables = [row for row in (await self._accounts.get()).rows if row.account_type == PAYABLE and row.active]
        if len(payables) != 1:
            found = ", ".join(account.name for account in payables) or "none"
            raise rejected("payable_account_unclear", f"Accounts payable accounts: {found}")
        return payables[0]

    async def deposit_account(self, wanted: str | None) -> Account:
        """Return the account customers' payments go to; raise Rejected if there is none or it holds no money."""
        if wanted is None:
            raise rejected("mapping_missing", "the account that payments go to: set mapping.deposit_account")
        return admitted(await self.account(wanted), _MONEY, "payments go to")

    async def segment(self, entity: str, wanted: str) -> Segment:
        """Return the class or department of this name; raise Rejected if it is missing, inactive or ambiguous."""

        async def named(*, fresh: bool) -> Sequence[Segment]:
            return (await self._segments[entity].get(fresh=fresh)).called(wanted)

        return await _one(named, f'{_SEGMENTS[entity]} "{wanted}"')

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
        """Read the accounts, items, classes, locations and the plan anew: QuickBooks just refused one of them."""
        for each in (self._accounts, self._items, self._company):
            each.forget()
        for segment in self._segments.values():
            segment.forget()

    def take_in(self, entity: str, changed: Sequence[Raw]) -> bool:
        """Bring a list up to what changed in it, without reading it; return whether anything that counts did.

        One that was never read stays unread.
        """
        cached, shape = self._watched[entity]
        held = cached.held
        if held is None:
            return bool(changed)
        rows = dict(held.by_id)
        for raw in changed:
            if raw.get("status") == "Deleted":
                rows.pop(str(raw["Id"]), None)
            elif row := readable(raw, shape):
                rows[row.id] = row
        if rows == held.by_id:
            return False
        cached.put(Roll(rows.values()))
        return True

    def learn(self, item: Item) -> None:
        """Take in an item that was just made or seen."""
        if held := self._items.held:
            self._items.put(Roll((held.by_id | {item.id: item}).values()), whole=False)


def admitted(account: Account, types: Collection[str], place: str) -> Account:
    """Return the account; raise Rejected if one of its type may not stand in the place."""
    if account.account_type not in types:
        fit = " or ".join(sorted(types))
        raise rejected(
            "account_type_wrong", f'account "{account.shown}" is of type {account.account_type}; {place} {fit}'
        )
    return account


async def _one(named: Callable[..., Awaitable[Sequence[Row]]], told: str) -> Row:
    """Return the one active row of what `named` finds, looking again in a fresh list before refusing."""
    found = await named(fresh=False)
    active = [row for row in found if row.active]
    if not active:
        found = await named(fresh=True)
        active = [row for row in found if row.active]
    if len(active) == 1:
        return active[0]
    code = "reference_ambiguous" if active else "reference_inactive" if found else "reference_missing"
    raise rejected(code, told)
