"""TMS -> transactions: what changed there since the cursor is in the store before the cursor moves."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

import anyio
import structlog
from msgspec.structs import replace

from adapters.ports import Census, Roster, Source
from state.moves import Cause, Recorded
from state.problem import problem
from state.store import Store
from state.transaction import Origin, Sourced
from state.trouble import StoreError

log = structlog.get_logger(__name__)

# How far one look moves the cursor at most, so that an interrupted reading of a long past goes on where it was.
SLICE: Final = timedelta(days=7)


def standing(source: Source) -> str:
    """Return the name of a source's loop and of the cursor that says how far it has been read."""
    return f"intake.{source.name}"


class Intake:
    """Reads one source of the TMS, as far as `cursor` says it has not been read yet.

    What the source's `overlap` holds is read again each time: late commits hide there. `seen` hears of each record, and
    what came of it.
    """

    def __init__(  # noqa: PLR0913 - the parts of one reader
        self,
        store: Store,
        source: Source,
        *,
        first: datetime,
        clock: Callable[[], datetime],
        recorded: Callable[[Recorded], None],
        wake: Callable[[], None],
        cursor: str,
        seen: Callable[[Sourced, Recorded], Awaitable[object]] | None = None,
    ) -> None:
        self._store = store
        self._source = source
        self._cursor = cursor
        self._first = first
        self._clock = clock
        self._recorded = recorded
        self._wake = wake
        self._seen = seen
        self._missed: set[Origin] = set()

    async def run_once(self) -> None:
        """Take in everything that changed, slice by slice; the cursor moves once all of one is durably recorded."""
        until = self._clock()
        reached = max(self._first, await self._store.memory.cursor(self._cursor) or self._first)
        since = max(self._first, reached - self._source.overlap)
        missing: set[Origin] = set()
        while since < until:
            reached = min(reached + SLICE, until)
            missing |= await self._read(since, reached)
            await self._store.memory.advance(self._cursor, reached)
            since = reached
        self._missed = missing

    async def _read(self, since: datetime, until: datetime) -> set[Origin]:
        """Take in one window and return what the TMS lists no longer."""
        missing: set[Origin] = set()
        async for found in self._source.changes(since, until):
            match found:
                case Census():
                    missing |= await self._count(found)
                case Roster():
                    await self._call(found)
                case _:
                    async with anyio.create_task_group() as tasks:
                        for sourced in found:
                            tasks.start_soon(self._take, sourced)
        return missing

    async def _call(self, roster: Roster) -> None:
        """Withdraw what belonged to a record and does no longer."""
        gone = await self._store.belonging(roster.kinds, roster.record, besides=roster.listed)
        for origin, label in gone.items():
            await self._take(Sourced(origin.kind, origin.source_id, label, withdrawn=True))

    async def _count(self, census: Census) -> set[Origin]:
        """Return what the TMS does not list though we know it; what it did not list the last time either is withdrawn.

        One look may have met a page between two others.
        """
        unlisted = await self._store.unlisted(census.kinds, census.first, census.last, census.listed)
        for gone in unlisted:
            if gone in self._missed:
                label = unlisted[gone]
                await self._take(Sourced(gone.kind, gone.source_id, label, withdrawn=True))
        return set(unlisted)

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
        if self._seen is not None:
            await self._seen(sourced, result)
        if result is Recorded.UNCHANGED:
            return
        log.info("source.recorded", result=result, kind=sourced.kind, label=sourced.label, problem=_code(sourced))
        self._wake()


def _reason(sourced: Sourced) -> str:
    return "withdrawn in the TMS" if sourced.withdrawn else "seen in the TMS"


def _code(sourced: Sourced) -> str | None:
    return sourced.problem.code if sourced.problem else None
