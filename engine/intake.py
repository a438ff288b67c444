"""TMS -> transactions: what changed there since the cursor is in the store before the cursor moves."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import anyio
import structlog

from adapters.ports import Tms
from state.moves import Cause, Recorded
from state.problem import problem
from state.store import Store
from state.transaction import Sourced
from state.trouble import StoreError

log = structlog.get_logger(__name__)

CURSOR = "intake"
# How far one look moves the cursor at most, so that an interrupted reading of a long past goes on where it was.
SLICE: Final = timedelta(days=7)


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
        """Take in everything that changed, slice by slice; the cursor moves once all of one is durably recorded."""
        until = self._clock()
        reached = max(self._first, await self._store.memory.cursor(CURSOR) or self._first)
        since = max(self._first, reached - self._overlap)
        while since < until:
            reached = min(reached + SLICE, until)
            await self._read(since, reached)
            await self._store.memory.advance(CURSOR, reached)
            since = reached

    async def _read(self, since: datetime, until: datetime) -> None:
        async for chunk in self._tms.changes(since, until):
            async with anyio.create_task_group() as tasks:
                for sourced in chunk:
                    tasks.start_soon(self._take, sourced)

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
