"""TMS -> transactions: what changed there since the cursor is in the store before the cursor moves."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import anyio
import structlog

from adapters.ports import Tms
from state.database import StoreError
from state.moves import Cause, Recorded
from state.problem import problem
from state.store import Store
from state.transaction import Sourced

log = structlog.get_logger()

CURSOR = "intake"


class Intake:
    """Reads the TMS. `overlap` is read again each time: late commits and unequal clocks hide in it."""

    def __init__(  # noqa: PLR0913 - the parts of one reader
        self,
        store: Store,
        tms: Tms,
        *,
        first: datetime,
        overlap: timedelta,
        clock: Callable[[], datetime],
        recorded: Callable[[Recorded], None],
        wake: Callable[[], None],
    ) -> None:
        self._store = store
        self._tms = tms
        self._first = first
        self._overlap = overlap
        self._clock = clock
        self._recorded = recorded
        self._wake = wake

    async def run_once(self) -> None:
        """Take in everything that changed; the cursor moves only when all of it is durably recorded."""
        until = self._clock()
        cursor = await self._store.memory.cursor(CURSOR)
        since = self._first if cursor is None else max(self._first, cursor - self._overlap)
        async for chunk in self._tms.changes(since, until):
            async with anyio.create_task_group() as tasks:
                for sourced in chunk:
                    tasks.start_soon(self._take, sourced)
        await self._store.memory.advance(CURSOR, until)

    async def _take(self, sourced: Sourced) -> None:
        cause = Cause("intake", _reason(sourced))
        try:
            result = await self._store.record(sourced, cause)
        except StoreError:
            raise
        except Exception as error:
            log.exception("source.broke", kind=sourced.kind, label=sourced.label)
            # It stays visible, as a problem of its own, and neither its neighbours nor the cursor wait for it.
            sourced = replace(sourced, content=None, problem=problem("shape_unknown", type(error).__name__))
            result = await self._store.record(sourced, cause)
        self._recorded(result)
        if result is Recorded.UNCHANGED:
            return
        log.info("source.recorded", result=result, kind=sourced.kind, label=sourced.label, problem=_code(sourced))
        self._wake()


def _reason(sourced: Sourced) -> str:
    return "withdrawn in the TMS" if sourced.withdrawn else "seen in the TMS"


def _code(sourced: Sourced) -> str | None:
    return sourced.problem.code if sourced.problem else None
