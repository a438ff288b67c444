"""What people have stopped for a while: nothing of a paused effect leaves, and nothing of it is lost."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from state.commit import Work
from state.database import Database
from state.instants import from_micros
from state.lifecycle import Effect
from state.moves import Cause


@dataclass(frozen=True, slots=True)
class Pause:
    """One effect that is paused: since when, by whom and why."""

    effect: Effect
    since: datetime
    actor: str
    reason: str


class Pauses:
    """The pauses of one store. Each stays on record after its end, with who ended it and why."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def standing(self) -> list[Pause]:
        """Return what is paused now, the oldest first."""
        rows = await self._database.run(lambda work: work.rows("pauses"))
        return [Pause(Effect(row["effect"]), from_micros(row["began_at"]), *row[2:]) for row in rows]

    async def begin(self, effects: Collection[Effect], cause: Cause) -> None:
        """Let nothing of these effects leave from now on; what has left already still ends."""

        def unit(work: Work) -> None:
            for effect in sorted(effects):
                work.run("pause", effect=effect, now=work.micros, actor=cause.actor, reason=cause.reason)

        await self._database.run(unit)

    async def end(self, effects: Collection[Effect], cause: Cause) -> None:
        """Let these effects leave again."""

        def unit(work: Work) -> None:
            for effect in sorted(effects):
                work.run("resume", effect=effect, now=work.micros, actor=cause.actor, reason=cause.reason)

        await self._database.run(unit)


def unpaused(work: Work) -> list[Effect]:
    """Return the effects that may leave."""
    paused = {row["effect"] for row in work.rows("pauses")}
    return [effect for effect in Effect if effect not in paused]
