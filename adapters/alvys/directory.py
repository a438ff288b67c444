"""The customers, carriers and drivers that invoices and trips name, remembered between reads."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Final, NamedTuple, TypeVar

from adapters.alvys.client import Client
from adapters.alvys.settings import Settings

Each = TypeVar("Each")

_IDS_AT_ONCE = 50
CUSTOMER_STATUSES: Final = ("Active", "Inactive")


def chunks(items: Sequence[Each], size: int) -> Iterator[list[Each]]:
    """Yield the items in lists of at most `size`."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


class _Entry(NamedTuple):
    """What was read and when; no record if the vendor has none by this id."""

    record: object
    read_at: datetime


class Directory:
    """Customers, carriers and drivers by id.

    A customer is read once and then kept: the invoice itself carries the name, so the customer's record only adds
    terms and contacts. A carrier or driver is read again after `reference_refresh`, since a trip carries no name
    of either.
    """

    def __init__(self, client: Client, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._client = client
        self._clock = clock
        self._patience = timedelta(seconds=settings.reference_refresh)
        self._customers: dict[str, _Entry] = {}
        self._carriers: dict[str, _Entry] = {}
        self._drivers: dict[str, _Entry] = {}

    async def customers(self, ids: Collection[str]) -> Mapping[str, object]:
        """Return the customers by id, None for one the vendor does not have; vendor errors pass.

        Customers can't be searched by id, so one unknown id reads them all again.
        """
        unknown = [each for each in ids if self._stale(self._customers.get(each), keep_found=True)]
        if unknown:
            found = await self._client.search("customers/search", {"Statuses": CUSTOMER_STATUSES})
            self._remember(self._customers, unknown, found)
        return {each: self._customers[each].record for each in ids}

    async def carriers(self, ids: Collection[str]) -> Mapping[str, object]:
        """Return the carriers by id, None for one the vendor does not have; vendor errors pass."""
        unknown = [each for each in sorted(ids) if self._stale(self._carriers.get(each), keep_found=False)]
        for chunk in chunks(unknown, _IDS_AT_ONCE):
            found = await self._client.search("carriers/search", {"Ids": chunk})
            self._remember(self._carriers, chunk, found)
        return {each: self._carriers[each].record for each in ids}

    async def drivers(self, ids: Collection[str]) -> Mapping[str, object]:
        """Return the drivers by id, None for one the vendor does not have; vendor errors pass.

        Drivers can't be searched by id, so one unknown id reads the active ones again, and then perhaps the others.
        """
        unknown = [each for each in ids if self._stale(self._drivers.get(each), keep_found=False)]
        for active in (True, False):
            if unknown:
                found = await self._client.search("drivers/search", {"IsActive": active})
                self._remember(self._drivers, unknown, found)
                unknown = [each for each in unknown if self._drivers[each].record is None]
        return {each: self._drivers[each].record for each in ids}

    def _stale(self, entry: _Entry | None, *, keep_found: bool) -> bool:
        if entry is None:
            return True
        return not (keep_found and entry.record) and self._clock() - entry.read_at >= self._patience

    def _remember(self, shelf: dict[str, _Entry], asked: Collection[str], found: Sequence[object]) -> None:
        now = self._clock()
        shelf.update((each, _Entry(None, now)) for each in asked)
        shelf.update((each["Id"], _Entry(each, now)) for each in found if isinstance(each, dict) and _named(each))


def _named(record: Mapping[str, object]) -> bool:
    return isinstance(record.get("Id"), str)
