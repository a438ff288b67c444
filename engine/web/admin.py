"""The admin API: see what stands where and why, and act on it with a name and a reason."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from adapters.ports import Finding, Place
from engine.web.auth import CALLER
from engine.web.inputs import Copied, Effects, Forced, Listing, Looked, Reasoned, Released, body, query
from engine.web.problems import ILLEGAL, NOT_FORCEABLE, Refused
from engine.web.shapes import (
    Allowed,
    Backup,
    Detail,
    Findings,
    Page,
    Paused,
    Places,
    Releases,
    Row,
    Starting,
    Summary,
    answer,
)
from state.lifecycle import IllegalMove, Trigger
from state.moves import FORCED, RELEASED, Cause, StaleTransaction
from state.store import NotForceable, NotHeld, Store
from state.transaction import Charge, Transaction, TransactionId

log = structlog.get_logger(__name__)

Input = TypeVar("Input", bound=Reasoned)

NEWEST: Final = 5000  # transactions whose charges the mapping is held against


class Inspector(Protocol):
    """Whoever can look at both vendors."""

    async def check(self) -> Sequence[Finding]:
        """Say line by line whether both are fit."""

    async def mapping(self, used: Collection[Charge]) -> Sequence[Place]:
        """Return the mapping of charges line by line, then the gaps."""

    async def starting_mapping(self, used: Collection[Charge]) -> str:
        """Return a mapping to begin with, as text for the configuration file."""


class Action(NamedTuple, Generic[Input]):
    """Something a person may do with one transaction: what it needs, how it is done, and the fact it makes."""

    name: str
    needs: type[Input]
    act: Callable[[Store, TransactionId, Input, Cause], Awaitable[Transaction]]
    fact: str


async def _retry(store: Store, wanted: TransactionId, looked: Looked, cause: Cause) -> Transaction:
    return await store.retry(wanted, cause, preview=looked.preview or "")


async def _revert(store: Store, wanted: TransactionId, _: Reasoned, cause: Cause) -> Transaction:
    return await store.apply(await store.find(wanted), Trigger.REVERT_REQUESTED, cause)


async def _reexport(store: Store, wanted: TransactionId, _: Reasoned, cause: Cause) -> Transaction:
    return await store.apply(await store.find(wanted), Trigger.REEXPORT_REQUESTED, cause)


async def _force(store: Store, wanted: TransactionId, forced: Forced, cause: Cause) -> Transaction:
    return await store.force(wanted, forced.expected, forced.destination, cause, document_id=forced.document_id)


async def _release(store: Store, wanted: TransactionId, looked: Looked, cause: Cause) -> Transaction:
    return await store.release(wanted, cause, preview=looked.preview or "")


RETRY: Final = Action("retry", Looked, _retry, Trigger.RETRY_REQUESTED)
REVERT: Final = Action("revert", Reasoned, _revert, Trigger.REVERT_REQUESTED)
REEXPORT: Final = Action("reexport", Reasoned, _reexport, Trigger.REEXPORT_REQUESTED)
RELEASE: Final = Action("release", Looked, _release, RELEASED)
FORCE: Final = Action("force", Forced, _force, FORCED)

_ONE: Final = "/v1/transactions/{id:[1-9][0-9]{0,17}}"  # as many digits as the store's integers surely hold


class Admin:
    """The admin API of one store.

    After an accepted action `moved` is told the fact, and `wake` is called. `inspector` looks at both vendors.
    """

    def __init__(
        self, store: Store, moved: Callable[[str], None], wake: Callable[[], None], inspector: Inspector
    ) -> None:
        self._store = store
        self._inspector = inspector
        self._moved = moved
        self._wake = wake

    def routes(self) -> list[web.RouteDef]:
        """Return the table of paths."""
        # fmt: off
        return [
            web.get("/v1/summary",         self.summary),
            web.get("/v1/check",           self.check),
            web.get("/v1/mapping",         self.mapping),
            web.get("/v1/mapping/start",   self.starting_mapping),
            web.get("/v1/transactions",    self.page),
            web.get(_ONE,                  self.detail),
            web.get("/v1/pauses",          self.pauses),
            web.post("/v1/pause",          self.pause),
            web.post("/v1/resume",         self.resume),
            web.post("/v1/backup",         self.back_up),
            web.post(f"{_ONE}/retry",      self._acting(RETRY)),
            web.post(f"{_ONE}/revert",     self._acting(REVERT)),
            web.post(f"{_ONE}/reexport",   self._acting(REEXPORT)),
            web.post("/v1/release",        self.release),
            web.post(f"{_ONE}/release",    self._acting(RELEASE)),
            web.post(f"{_ONE}/force",      self._acting(FORCE)),
        ]
        # fmt: on

    async def summary(self, _: web.Request) -> web.Response:
        """Answer counts and money by kind, state and problem, and what waits in the outbox."""
        return answer(Summary.of(await self._store.counts(), await self._store.backlog()))

    async def check(self, _: web.Request) -> web.Response:
        """Answer, line by line, whether both vendors and what we read there are fit; it costs a few reads."""
        return answer(Findings(list(await self._inspector.check())))

    async def mapping(self, _: web.Request) -> web.Response:
        """Answer the mapping of charges line by line, then the gaps; it costs a few reads."""
        return answer(Places(list(await self._inspector.mapping(await self._store.charges(NEWEST)))))

    async def starting_mapping(self, _: web.Request) -> web.Response:
        """Answer a mapping to begin with, as text for the configuration file; it costs a few reads."""
        return answer(Starting(await self._inspector.starting_mapping(await self._store.charges(NEWEST))))

    async def page(self, request: web.Request) -> web.Response:
        """Answer some transactions, newest first."""
        wanted = query(request, Listing)
        # One more than asked for tells whether there is a next page.
        found = await self._store.page(wanted.filter, before=wanted.before, limit=wanted.limit + 1)
        shown = found[: wanted.limit]
        return answer(Page([Row.of(each) for each in shown], shown[-1].id if len(found) > len(shown) else None))

    async def detail(self, request: web.Request) -> web.Response:
        """Answer one transaction with its history, what was sent for it and what waits."""
        wanted = _wanted(request)
        transaction = await self._store.find(wanted)
        history, attempts = await self._store.history(wanted), await self._store.attempts(wanted)
        return answer(Detail.of(transaction, history, attempts, await self._store.standings(wanted)))

    async def pauses(self, _: web.Request) -> web.Response:
        """Answer what is paused, by whom and why."""
        return answer(Paused(await self._store.pauses.standing()))

    async def pause(self, request: web.Request) -> web.Response:
        """Let nothing of some effects leave, and answer what is paused then."""
        wanted, actor = await body(request, Effects), request[CALLER].name
        await self._store.pauses.begin(wanted.effects, Cause(actor, wanted.reason))
        log.warning("admin.acted", actor=actor, action="pause", effects=sorted(map(str, wanted.effects)))
        return await self.pauses(request)

    async def resume(self, request: web.Request) -> web.Response:
        """Let some effects leave again, and answer what is paused still."""
        wanted, actor = await body(request, Effects), request[CALLER].name
        await self._store.pauses.end(wanted.effects, Cause(actor, wanted.reason))
        log.warning("admin.acted", actor=actor, action="resume", effects=sorted(map(str, wanted.effects)))
        self._wake()
        return await self.pauses(request)

    async def release(self, request: web.Request) -> web.Response:
        """Let the new documents go that wait for it, and answer which; one that no longer waits hinders no other."""
        wanted, actor = await body(request, Released), request[CALLER].name
        released: list[int] = []
        seen = wanted.previews
        for each in await self._store.unreleased(kind=wanted.kind, dated_until=wanted.dated_until):
            if seen is not None and each not in seen:
                continue
            with suppress(NotHeld, StaleTransaction):
                preview = (seen or {}).get(each, "")
                released.append((await self._store.release(each, Cause(actor, wanted.reason), preview=preview)).id)
                self._moved(RELEASED)
        log.info("admin.acted", actor=actor, action="release", transactions=len(released))
        self._wake()
        return answer(Releases(released))

    async def back_up(self, request: web.Request) -> web.Response:
        """Copy the store to a new file on the daemon's machine; a client that leaves does not end it."""
        wanted, actor = await body(request, Copied), request[CALLER].name
        size = await self._store.back_up(Path(wanted.file))
        log.info("admin.acted", actor=actor, action="backup", file=wanted.file, bytes=size)
        return answer(Backup(wanted.file, size))

    def _acting(self, action: Action[Input]) -> Handler:
        async def acting(request: web.Request) -> web.Response:
            wanted, asked, actor = _wanted(request), await body(request, action.needs), request[CALLER].name
            try:
                after = await action.act(self._store, wanted, asked, Cause(actor, asked.reason))
            except IllegalMove as error:
                raise Refused(ILLEGAL, str(error), allowed=await self._allowed(wanted)) from error
            except NotForceable as error:
                raise Refused(NOT_FORCEABLE, str(error), allowed=await self._allowed(wanted)) from error
            log.info("admin.acted", actor=actor, action=action.name, transaction=wanted, state=after.state)
            self._moved(action.fact)
            self._wake()
            return answer(Row.of(after))

        return acting

    async def _allowed(self, wanted: TransactionId) -> Allowed:
        return Allowed.of(await self._store.find(wanted), await self._store.standings(wanted))


def _wanted(request: web.Request) -> TransactionId:
    return TransactionId(int(request.match_info["id"]))
