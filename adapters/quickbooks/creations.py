"""New customers, vendors and items: the exactly-once protocol of documents, for what documents need.

A creation is announced durably before it leaves. While its outcome is unknown it is looked for by its name, and only
the documents that need it wait.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from adapters.ports import Links, OutcomeUnknown, VendorError
from adapters.quickbooks.client import Change, Client
from adapters.quickbooks.problems import rejected
from adapters.quickbooks.settings import Settings
from adapters.quickbooks.shapes import Named
from state.creation import Creation
from state.outbox import Phase

_AGREEING_READS: Final = 2  # as for documents: one empty answer is not proof
_DIGITS: Final = 32
_UNDECIDED: Final = {"Item": "item_undecided"}  # a code, where the one of parties does not fit


class Creations:
    """The creations of one company, each known by the entity and the name."""

    def __init__(self, client: Client, links: Links, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._client = client
        self._links = links
        self._settings = settings
        self._clock = clock
        self._started = clock()

    async def held(self, entity: str, name: str) -> Creation | None:
        """Return how far a creation has come, None if there never was one.

        Raises OutcomeUnknown while it is in doubt and too early to look for it.
        """
        held = await self._links.creation(entity.lower(), name)
        if held is not None and held.phase is Phase.SENT:
            # Nobody hears its answer any more. It may be under way until a while after it left, or after we began.
            due = max(held.due_at, self._started + timedelta(seconds=self._settings.quiet_period))
            held = replace(held, phase=Phase.IN_DOUBT, due_at=due, reads=0, tries=held.tries + 1)
        if held is not None and held.phase is Phase.IN_DOUBT and (rest := self._rest(held)) > 0:
            raise OutcomeUnknown(f"nobody knows yet whether the {entity.lower()} was created", rest)
        return held

    async def next(self, entity: str, name: str, held: Creation | None, body: bytes, source_id: str) -> Creation:
        """Return the creation to send, now that nothing goes by the name: a new one, or the one in doubt once more.

        Raises OutcomeUnknown if another look has to agree, and Rejected if it was tried in vain often enough.
        """
        if held is not None and held.phase is Phase.IN_DOUBT:
            await self._settle(entity, name, held)
            return held
        if held is not None and held.phase is Phase.DEAD and self._rest(held) > 0:
            raise self._undecided(entity, held)
        turn = 0 if held is None else held.round + (held.phase is Phase.DEAD)
        identity = f"{self._settings.entity} {entity} {source_id} "
        digest = hashlib.sha256(identity.encode() + body).hexdigest()[:_DIGITS]
        return Creation(Phase.WAITING, f"{digest}-{turn}", body, self._clock(), round=turn)

    async def _settle(self, entity: str, name: str, held: Creation) -> None:
        """Return if a creation in doubt is proven absent and may be sent again."""
        if held.reads + 1 < _AGREEING_READS:
            pause = self._settings.read_pause
            await self._record(entity, name, replace(held, reads=held.reads + 1), pause)
            raise OutcomeUnknown(f"the new {entity.lower()} was not found once", pause)
        if held.tries >= self._settings.rounds:
            rest = self._settings.rounds * self._settings.quiet_period
            dead = await self._record(entity, name, replace(held, phase=Phase.DEAD, reads=0, tries=0), rest)
            raise self._undecided(entity, dead)

    async def send(self, entity: str, name: str, creation: Creation) -> str:
        """Announce a creation and send it once; return the id of what was created.

        Raises OutcomeUnknown if nobody knows what came of it, and any other vendor error as a definite no.
        """
        quiet, change = self._settings.quiet_period, Change(entity, "create", creation.body)
        sent = await self._record(entity, name, replace(creation, phase=Phase.SENT, reads=0), quiet)
        try:
            reply = await self._client.write(change, sent.request_id)
            return reply.shaped(entity, Named).id
        except OutcomeUnknown as error:
            doubt = replace(sent, phase=Phase.IN_DOUBT, tries=sent.tries + 1)
            await self._record(entity, name, doubt, quiet)
            raise OutcomeUnknown(f"creating a {entity.lower()}: {error}", quiet) from error
        except VendorError:
            # The next try is a new request: a repeated id could bring the same answer back from memory.
            await self._record(entity, name, replace(sent, phase=Phase.WAITING, round=sent.round + 1, tries=0), 0)
            raise

    async def _record(self, entity: str, name: str, creation: Creation, seconds: float) -> Creation:
        creation = replace(creation, due_at=self._clock() + timedelta(seconds=seconds))
        await self._links.record(entity.lower(), name, creation)
        return creation

    def _rest(self, creation: Creation) -> float:
        return (creation.due_at - self._clock()).total_seconds()

    def _undecided(self, entity: str, dead: Creation) -> VendorError:
        again = dead.due_at.isoformat(timespec="minutes")
        return rejected(
            _UNDECIDED.get(entity, "party_undecided"), f"a new {entity.lower()}; not tried again before {again}"
        )
