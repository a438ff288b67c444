"""One creation per name at a time: documents that need the same new thing wait for the first that needs it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from weakref import WeakValueDictionary

import anyio

from adapters.ports import OutcomeUnknown

# A document waits so many seconds for another that is creating what it needs, then lets others go first.
_PATIENCE: Final = 5.0


class Flights:
    """The names of one list that are being looked for or created right now; `what` they name, for a person."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._locks: WeakValueDictionary[str, anyio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def alone(self, name: str) -> AsyncIterator[None]:
        """Be the only one who looks for a name and creates it; raise OutcomeUnknown if another takes long over it."""
        lock = self._locks.setdefault(name, anyio.Lock())
        with anyio.move_on_after(_PATIENCE) as waiting:
            await lock.acquire()
        if waiting.cancelled_caught:
            raise OutcomeUnknown(f"another document is creating the {self._what}", _PATIENCE)
        try:
            yield
        finally:
            lock.release()
