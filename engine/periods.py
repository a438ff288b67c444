"""Closed books: what they refused goes again by itself once they are open there."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time

import structlog

from adapters.ports import Accounting
from state.lifecycle import IllegalMove, Trigger
from state.moves import Cause, StaleTransaction
from state.store import Store

log = structlog.get_logger(__name__)

CURSOR = "books closed until"
CLOSED = "period_closed"
_NEVER = date(1970, 1, 1)  # books that are not closed are closed until then


class Periods:
    """Watches the closing date, as long as anything waits for it to move, and lets go what it no longer holds up.

    The date of a document is never changed: either the period is opened, or the TMS dates the document anew.
    """

    def __init__(
        self, store: Store, accounting: Accounting, *, moved: Callable[[Trigger], None], wake: Callable[[], None]
    ) -> None:
        self._store = store
        self._accounting = accounting
        self._moved = moved
        self._wake = wake

    async def run_once(self) -> None:
        """Try again what was refused for a period that is open by now.

        Once for each move of the closing date: what is refused all the same is not tried again and again.
        """
        if not await self._store.refused(CLOSED):
            return
        closed = await self._accounting.closed_until() or _NEVER
        known = await self._store.memory.cursor(CURSOR)
        if known is None or closed < known.date():
            await self._let_go(closed)
        if known is None or closed != known.date():
            await self._store.memory.advance(CURSOR, datetime.combine(closed, time.min, UTC))

    async def _let_go(self, closed: date) -> None:
        cause = Cause(
            "periods", f"the books are closed up to {closed} only" if closed > _NEVER else "the books are open"
        )
        for transaction_id in await self._store.refused(CLOSED, after=closed):
            try:
                await self._store.retry(transaction_id, cause)
            except (IllegalMove, StaleTransaction):
                continue  # somebody saw to it meanwhile
            self._moved(Trigger.RETRY_REQUESTED)
            log.info("period.opened", transaction=transaction_id, closed_until=closed.isoformat())
            self._wake()
