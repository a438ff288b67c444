"""What was billed before the first date and is to be taken in after all: spans of days that people chose."""

from dataclasses import dataclass
from datetime import date, datetime

from state.commit import Work
from state.database import Database
from state.instants import from_micros
from state.moves import Cause


@dataclass(frozen=True, slots=True)
class Backfill:
    """One span of days, both ends included: who wanted it and why, since when, and when all of it was taken in."""

    id: int
    first: date
    last: date
    actor: str
    reason: str
    began_at: datetime
    ended_at: datetime | None


class Backfills:
    """The backfills of one store; each is remembered for ever, since what it took in goes on being watched."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[Backfill]:
        """Return every backfill, oldest first."""
        rows = await self._database.run(lambda work: work.rows("backfills"))
        return [
            Backfill(
                row["id"],
                date.fromisoformat(row["first"]),
                date.fromisoformat(row["last"]),
                row["actor"],
                row["reason"],
                from_micros(row["began_at"]),
                from_micros(row["ended_at"]) if row["ended_at"] is not None else None,
            )
            for row in rows
        ]

    async def begin(self, first: date, last: date, cause: Cause) -> None:
        """Remember that a span is to be taken in."""
        span = {"first": first.isoformat(), "last": last.isoformat()}

        def unit(work: Work) -> None:
            work.run("begin_backfill", **span, actor=cause.actor, reason=cause.reason, now=work.micros)

        await self._database.run(unit)

    async def end(self, backfill: Backfill) -> None:
        """Remember that all of a span was taken in."""
        await self._database.run(lambda work: work.run("end_backfill", id=backfill.id, now=work.micros))
