"""Alvys as the engine's TMS: what it bills in, from each of its sources; payments told back."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime

from adapters.alvys.client import Client
from adapters.alvys.directory import Directory
from adapters.alvys.files import FILED, Files
from adapters.alvys.freight import Freight
from adapters.alvys.health import examine
from adapters.alvys.payments import PATHS, Payments
from adapters.alvys.purchases import Fuel, Tolls
from adapters.alvys.selection.common import Skip
from adapters.alvys.settings import Settings
from adapters.alvys.settlements import CarrierStatements, DriverStatements
from adapters.alvys.summaries import Summaries
from adapters.alvys.trucks import Trucks
from adapters.http import Http
from adapters.ports import File, FileSort, Finding, Sender, Source
from state.transaction import Transaction


class Alvys:
    """One tenant of Alvys, seen from one legal entity.

    `skipped` counts, by `Skip`, the records that were read and left alone; one read twice counts twice.
    """

    reported = frozenset(PATHS)
    filed = FILED

    def __init__(self, settings: Settings, http: Http, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._clock = clock
        self._client = Client(settings, http, clock)
        self.payments: Sender = Payments(self._client, settings)
        self._files = Files(self._client, settings, clock)
        self.skipped: Counter[Skip] = Counter(dict.fromkeys(Skip, 0))
        self.sources: Sequence[Source] = tuple(self._sources(settings, self.skipped))

    async def files(self, transaction: Transaction, sorts: Collection[FileSort]) -> Sequence[File]:
        """Return the files of a load or trip that are of some sorts, each once."""
        return await self._files.of(transaction, sorts)

    async def content(self, transaction: Transaction, file: File) -> bytes:
        """Return what is in a file; Rejected if it can't be had."""
        return await self._files.content(transaction, file)

    async def check(self) -> Sequence[Finding]:
        """Say line by line whether credentials, searches and the subsidiary are fit."""
        return await examine(self._client, self._settings, self._clock)

    def take_in(self, first: date, last: date) -> None:
        """Bill what is dated within these days too from now on."""
        self._settings.earlier.add(first, last)

    def within(self, first: date, last: date) -> Sequence[Source]:
        """Return sources of their own that bill what is dated within these days too; they count no skips."""
        settings = replace(self._settings, earlier=self._settings.earlier.also(first, last))
        return tuple(self._sources(settings, Counter()))

    def _sources(self, settings: Settings, skipped: Counter[Skip]) -> Iterator[Source]:
        """Yield the sources of what is billed."""
        client = self._client
        directory = Directory(client, settings, self._clock)
        trucks = Trucks(client, settings, self._clock)
        yield Freight(client, directory, settings, skipped)
        if settings.rules.revenue:
            yield Summaries(client, settings)
        if settings.rules.settles_carriers:
            yield CarrierStatements(client, directory, settings, skipped)
        if settings.rules.settles_drivers:
            yield DriverStatements(client, settings, skipped)
        if settings.rules.buys_fuel:
            yield Fuel(client, trucks, settings, skipped)
        if settings.rules.pays_tolls:
            yield Tolls(client, trucks, settings, skipped)
