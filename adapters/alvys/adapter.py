"""Alvys as the engine's TMS: what it bills in, from each of its sources; payments told back."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime

from adapters.alvys.client import Client
from adapters.alvys.directory import Directory
from adapters.alvys.freight import Freight
from adapters.alvys.health import examine
from adapters.alvys.payments import PATHS, Payments
from adapters.alvys.selection.common import Skip
from adapters.alvys.settings import Settings
from adapters.http import Http
from adapters.ports import Finding, Sender, Source


class Alvys:
    """One tenant of Alvys, seen from one legal entity.

    `skipped` counts, by `Skip`, the records that were read and left alone; one read twice counts twice.
    """

    reported = frozenset(PATHS)

    def __init__(self, settings: Settings, http: Http, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._clock = clock
        self._client = Client(settings, http, clock)
        self.payments: Sender = Payments(self._client, settings)
        self.skipped: Counter[Skip] = Counter(dict.fromkeys(Skip, 0))
        directory = Directory(self._client, settings, clock)
        self.sources: Sequence[Source] = (Freight(self._client, directory, settings, self.skipped),)

    async def check(self) -> Sequence[Finding]:
        """Say line by line whether credentials, searches and the subsidiary are fit."""
        return await examine(self._client, self._settings, self._clock)
