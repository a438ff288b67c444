"""The items of charges that are mapped to an income account: one for each charge, found or made, exactly once.

An invoice line names an item, never an account (documented), so a charge that has an account needs an item between.
"""

import hashlib
import re
import unicodedata
from collections.abc import Collection
from typing import Final, NamedTuple

from adapters.http import encode
from adapters.ports import Links
from adapters.quickbooks.client import Client, quoted
from adapters.quickbooks.creations import Creations
from adapters.quickbooks.faults import Refused
from adapters.quickbooks.flights import Flights
from adapters.quickbooks.forms import Raw
from adapters.quickbooks.problems import rejected
from adapters.quickbooks.references import References
from adapters.quickbooks.rolls import fold
from adapters.quickbooks.shapes import Account, Item, Ref, readable

_LONGEST_NAME: Final = 100
_LONGEST_DESCRIPTION: Final = 4000
_DIGITS: Final = 6  # of what tells two names apart that would be the same once they are cleaned
_UNFIT = re.compile(r"[:\x00-\x1f\x7f-\x9f]+")
_BEYOND_LATIN1 = re.compile(r"[^\x00-\xff]+")
_SERVICE: Final = "Service"
PLAIN: Final = frozenset({_SERVICE, "NonInventory"})

# Faults that say the name is there already: look again rather than refuse.
_EXISTS: Final = frozenset({"6240", "630"})


class Found(NamedTuple):
    """The item of a charge: its id, blank if it is to be made, its name, and what its creation is known by."""

    id: str
    name: str
    known_as: str


class Items:
    """Items of ours. Each is known by the charge and its income account; the link is kept before the id is used."""

    def __init__(self, client: Client, links: Links, creations: Creations, references: References) -> None:
        self._client = client
        self._links = links
        self._creations = creations
        self._references = references
        self._flights = Flights("item")

    async def linked(self, charge: str, account: Account) -> str | None:
        """Return the remembered id if that item still books on the account."""
        linked = await self._links.linked("item", _key(charge, account))
        item = await self._references.item(linked) if linked else None
        return item.id if item is not None and _fits(item, account) else None

    async def resolve(self, charge: str, account: Account) -> str:
        """Return the id of the item that books `charge` on `account`, making it if there is none.

        Raises Rejected if its item is inactive or its names are in use, and OutcomeUnknown while nobody knows what came
        of its creation.
        """
        async with self._flights.alone(fold(item_name(charge))):
            if linked := await self.linked(charge, account):
                return linked  # another document has seen to it meanwhile
            found = await self._found_or_made(charge, account)
            await self._links.link("item", _key(charge, account), found.id, name=found.known_as)
            return found.id

    async def find(self, charge: str, account: Account, taken: Collection[str] = ()) -> Found:
        """Return the item that `resolve` would find, or make; nothing is made here, and nothing remembered.

        The charge's own name comes first. It may be in use: by an item of another account, as where loads of two types
        are booked apart, or by one that QuickBooks does not show, as those `taken`; then the account stands in the name
        too.
        """
        holders: list[Item] = []
        for name in (item_name(charge), item_name(f"{charge} ({account.name})")):
            found = Found("", name, f"{fold(name)} {account.id}")
            await self._creations.held("Item", found.known_as)
            rows = await self._named(name)
            if fitting := next((row.id for row in rows if _fits(row, account)), None):
                return found._replace(id=fitting)
            await self._refuse_inactive(_key(charge, account))
            if not rows and name not in taken:
                return found
            holders += rows
        listed = ", ".join(f'item {row.id} "{row.shown}"' for row in holders)
        raise rejected("item_name_taken", f'charge "{charge}", income account "{account.shown}": {listed}')

    async def _found_or_made(self, charge: str, account: Account) -> Found:
        """Return the item as it was found, else a new one, or the one that turns out to have its name."""
        taken: set[str] = set()
        while True:
            found = await self.find(charge, account, taken)
            if found.id:
                return found
            held = await self._creations.held("Item", found.known_as)
            body = encode(card(charge, found.name, account))
            creation = await self._creations.next("Item", found.known_as, held, body, _key(charge, account))
            try:
                made = await self._creations.send("Item", found.known_as, creation)
            except Refused as refusal:
                if refusal.fault.code not in _EXISTS:
                    raise
                taken.add(found.name)
            else:
                self._references.learn(_made(made, found.name, account))
                return found._replace(id=made)

    async def _named(self, name: str) -> list[Item]:
        """Return the rows that hold a name, inactive ones too; one with a parent leaves the name free."""
        where = f"Name = {quoted(name)} and Active in (true, false)"
        rows = await self._client.select("Item", where, purpose="reference")
        items = [item for item in (readable(raw, Item) for raw in rows) if item is not None]
        for item in items:
            self._references.learn(item)
        return [item for item in items if item.top]

    async def _refuse_inactive(self, key: str) -> None:
        """Raise Rejected if a person made the item of this charge inactive: another one would go behind their back."""
        linked = await self._links.linked("item", key)
        item = await self._references.item(linked) if linked else None
        if item is not None and not item.active:
            raise rejected("item_inactive", f'item {item.id} "{item.shown}"')


def item_name(charge: str) -> str:
    """Return a name QuickBooks accepts: no colon or control character, at most 100, nothing beyond Latin-1.

    Where that takes something away, a few digits keep two charges apart that only differ there.
    """
    whole = " ".join(unicodedata.normalize("NFC", charge).split())
    kept = " ".join(_BEYOND_LATIN1.sub(" ", _UNFIT.sub(" ", whole)).split())
    if kept == whole and len(kept) <= _LONGEST_NAME:
        return kept
    digest = hashlib.sha256(fold(charge).encode("utf-8", "replace")).hexdigest()[:_DIGITS]
    return f"{kept[: _LONGEST_NAME - _DIGITS - 1]} {digest}".strip()


def card(charge: str, name: str, account: Account) -> Raw:
    """Return the new item; its description has the TMS's own spelling where the name could not."""
    description = " ".join(_UNFIT.sub(" ", charge).split())[:_LONGEST_DESCRIPTION]
    spelled = {"Description": description} if description != name and not _BEYOND_LATIN1.search(description) else {}
    return {"Name": name, "Type": _SERVICE, "IncomeAccountRef": {"value": account.id}} | spelled


def _key(charge: str, account: Account) -> str:
    return f"{account.id} {fold(charge)}"


def _made(identity: str, name: str, account: Account) -> Item:
    return Item(id=identity, name=name, fully_qualified_name=name, type=_SERVICE, income_account_ref=Ref(account.id))


def _fits(item: Item, account: Account) -> bool:
    """Whether an item books on the account, now, and without counting a stock."""
    income = item.income_account_ref
    return item.active and item.type in PLAIN and income is not None and income.value == account.id
