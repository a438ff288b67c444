"""Loads, trips and invoices brought together by load number, with as few searches as that takes."""

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Final

from adapters.alvys.client import Client
from adapters.alvys.directory import chunks
from adapters.alvys.hauls import Hauls, ids
from adapters.alvys.record import glimpse
from adapters.alvys.selection.invoices import may_be_invoiced
from adapters.alvys.settings import Settings

_LOADS_AT_ONCE: Final = 150


class Gathering:
    """Reads what belongs to some loads, or to the loads of some trips."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self._client = client
        self._settings = settings

    async def around_loads(self, loads: Sequence[object], trips: Sequence[object] = ()) -> AsyncIterator[Hauls]:
        """Yield loads that can be invoiced with their trips and invoices, chunk by chunk of load numbers.

        What is known of their trips already goes with them, where a search does not find it anew.
        """
        numbered = _by_number([load for load in loads if may_be_invoiced(load)])
        if nameless := numbered.pop("", []):
            yield Hauls(nameless)
        known = _by_number(trips)
        for numbers in chunks(list(numbered), self._settings.invoice_chunk):
            mine = [load for number in numbers for load in numbered[number]]
            read = [trip for number in numbers for trip in known.get(number, ())]
            yield await self._around(numbers, mine, read)

    async def around_trips(self, trips: Sequence[object]) -> AsyncIterator[Hauls]:
        """Yield trips with their loads, and all that goes with those of them that can be invoiced."""
        numbered = _by_number(trips)
        if nameless := numbered.pop("", []):
            yield Hauls(trips=nameless)
        for numbers in chunks(list(numbered), _LOADS_AT_ONCE):
            loads = await self._loads(numbers)
            billed = {glimpse(load, "LoadNumber") for load in loads if may_be_invoiced(load)}
            async for hauls in self.around_loads(
                loads, [trip for number in billed for trip in numbered.get(number, ())]
            ):
                yield hauls
            if others := [trip for number in numbers if number not in billed for trip in numbered[number]]:
                yield Hauls(trips=others, others=loads)

    async def _around(self, numbers: Sequence[str], loads: Sequence[object], trips: Sequence[object]) -> Hauls:
        """Return loads with their trips and invoices, and the further loads that those speak of."""
        invoices: Sequence[object] = ()
        if self._settings.rules.revenue:
            invoices = await self._client.search("invoices/search", {"LoadNumbers": numbers})
        found = await self._trips(numbers)
        hauling = [*found, *(trip for trip in trips if glimpse(trip, "Id") not in ids(found))]
        # One company has no two loads of a number.
        hauls = Hauls(loads, hauling, invoices, whole=self._settings.subsidiary is None)
        missing = hauls.missing()
        others = [load for chunk in chunks(missing, _LOADS_AT_ONCE) for load in await self._loads(chunk)]
        further = sorted({glimpse(load, "LoadNumber") for load in others} - {"", *numbers})
        for chunk in chunks(further, self._settings.invoice_chunk):
            hauling += await self._trips(chunk)
        return Hauls(loads, hauling, invoices, others) if missing else hauls

    async def _loads(self, numbers: Collection[str]) -> list[object]:
        return await self._client.search("loads/search", {"LoadNumbers": list(numbers), "IncludeDeleted": True})

    async def _trips(self, numbers: Collection[str]) -> list[object]:
        return await self._client.search("trips/search", {"LoadNumbers": list(numbers), "IncludeDeleted": True})


def _by_number(records: Sequence[object]) -> dict[str, list[object]]:
    """Return records by their load number, those without one under the blank one."""
    found: defaultdict[str, list[object]] = defaultdict(list)
    for record in records:
        found[glimpse(record, "LoadNumber")].append(record)
    return dict(found)
