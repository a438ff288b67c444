"""The tenant's trucks, remembered between reads: their fuel cards tell whose pay a purchase is taken off."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from adapters.alvys.client import Client
from adapters.alvys.record import glimpse
from adapters.alvys.settings import Settings


class Trucks:
    """All trucks, in use or not, as they were at most `reference_refresh` ago."""

    def __init__(self, client: Client, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._client = client
        self._clock = clock
        self._patience = timedelta(seconds=settings.reference_refresh)
        self._trucks: Mapping[str, object] = {}
        self._read_at: datetime | None = None

    async def by_id(self) -> Mapping[str, object]:
        """Return the trucks by id; vendor errors pass. They can't be searched by id, so all are read."""
        now = self._clock()
        if self._read_at is None or now - self._read_at >= self._patience:
            found = [
                truck
                for active in (True, False)
                for truck in await self._client.search("trucks/search", {"IsActive": active})
            ]
            self._trucks = {key: truck for truck in found if (key := glimpse(truck, "Id"))}
            self._read_at = now
        return self._trucks
