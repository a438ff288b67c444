"""Every place one transaction can come to, and everything that can happen to it there, on the real store.

The places are found by doing everything everywhere until nothing new comes up. Each is kept as a copy of the store, so
that every case begins exactly there.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, product
from pathlib import Path
from typing import Any, NamedTuple

from state.lifecycle import IllegalMove, State, Trigger
from state.moves import StaleTransaction
from state.outbox import Claim, Observation
from state.store import NotForceable
from state.transaction import Document, DocumentType, Kind, Money, Origin, TransactionId
from tests.unit.conftest import Clock, Desk
from tests.unit.rules import TABLE, TAKEN_AWAY, WITHDRAWN, Place, Wish, cells

ONE = TransactionId(1)
STATES = [str(state) for state in State]
# What a reader of the books or a person says outright; the rest comes from intake and from the outbox.
TOLD = [
    "revert_requested",
    "reexport_requested",
    "payment_recorded",
    "payment_completed",
    "payment_reversed",
    "document_lost",
]
ALL_FACTS = sorted({fact for fact, *_ in cells(TABLE)} - {"document_found"})
TABLES = ("transactions", "messages", "attempts", "history", "settlements")
REFUSALS = (IllegalMove, NotForceable, StaleTransaction)
OUTCOMES = ["yes", "no", "lost", "later", "unknown"]

# What must never be seen in the file, whatever happened.
NEVER = {
    "a version without its one line of history": """
        SELECT 1 FROM transactions t WHERE version <> (SELECT count(*) FROM history WHERE transaction_id = t.id)
        UNION SELECT 1 FROM transactions t JOIN history h ON h.transaction_id = t.id AND h.version = t.version
        WHERE h.to_state <> t.state""",
    "a line of history that does not begin where the one before ended": """
        SELECT 1 FROM history h LEFT JOIN history b ON b.transaction_id = h.transaction_id AND b.version = h.version - 1
        WHERE h.from_state IS NOT b.to_state""",
    "two in flight, or two that wait": """
        SELECT 1 FROM messages WHERE effect <> 'report_payment'
        GROUP BY transaction_id, phase IN ('sent', 'in_doubt'), phase = 'dead' HAVING count(*) > 1""",
    "a wish for a document of what is reverted": """
        SELECT 1 FROM transactions t JOIN messages m ON m.transaction_id = t.id AND m.effect <> 'report_payment'
        WHERE t.state = 'reverted'""",
    "an export of what is paid": """
        SELECT 1 FROM transactions t JOIN messages m ON m.transaction_id = t.id AND m.effect = 'export'
        WHERE t.state = 'paid'""",
    "an error without a problem, or a problem of what is well": """
        SELECT 1 FROM transactions WHERE (state = 'error') <> (problem IS NOT NULL)""",
    "a pending transaction that waits for nothing, unless a person was told of a refused void": """
        SELECT 1 FROM transactions t WHERE state = 'pending' AND NOT EXISTS (
            SELECT 1 FROM messages m WHERE m.transaction_id = t.id AND m.effect <> 'report_payment'
            AND m.phase IN ('waiting', 'sent', 'in_doubt', iif(m.effect = 'void', 'dead', 'waiting')))""",
    "a request under way that nobody announced": """
        SELECT 1 FROM messages m WHERE phase IN ('sent', 'in_doubt')
        AND attempts <> (SELECT count(*) FROM attempts a WHERE a.message_id = m.id)""",
    "a generation without a document that is gone": """
        SELECT 1 FROM transactions t WHERE generation <> 1 + (
            SELECT count(*) FROM history h WHERE h.transaction_id = t.id AND (
                h.trigger IN ('document_lost', 'void_overtaken', 'reexport_requested', 'source_restored')
                OR (h.trigger = 'export_rejected' AND h.reason = 'document_lost')
                OR (h.trigger = 'forced' AND h.from_state = 'reverted' AND h.to_state = 'pending')))""",
}


class Spot(NamedTuple):
    """A place, a copy of the store in which the transaction stands there, and the request under way, if it was sent."""

    place: Place
    copy: sqlite3.Connection
    sent: Claim | None = None


class Happening(NamedTuple):
    """Something that can happen: how it is done, and where it leads by the rules; None where they refuse it."""

    name: str
    done: Callable[[], Awaitable[object]]
    leads: Place | None


class Look(NamedTuple):
    """What the file shows: where the transaction stands, and what must never be seen."""

    place: Place
    never: list[str]


def key(place: Place) -> object:
    """Return what makes a place different from others: not how often something happened, but what stands now."""
    held = None if place.held is None else {WITHDRAWN: "withdrawn", place.amount: "the same"}.get(place.held, "changed")
    wishes = tuple((wish.effect, wish.phase, place.overtaken(wish)) for wish in place.wishes)
    return (place.state, place.document, place.gone_there, place.stands, held, wishes)


# -- what can happen --------------------------------------------------------------------------------------------------


class Stage:
    """One store with one transaction, which can be set back to any spot and made to do anything there."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._file = desk.store._database._connection

    async def copy(self) -> sqlite3.Connection:
        copy = sqlite3.connect(":memory:", check_same_thread=False)
        await self._file.call(lambda held: held.backup(copy))
        return copy

    async def set_back(self, spot: Spot) -> None:
        await self._file.call(spot.copy.backup)
        self.desk.clock.forward(hours=1)  # whatever waits is due

    async def look(self) -> Look:
        return await self._file.call(looked)

    async def rows(self) -> list[list[tuple[Any, ...]]]:
        """Return every row there is: what is left behind, if anything is."""
        return await self._file.call(everything)

    async def refuses(self, happening: Happening, spot: Spot) -> list[str]:
        """Let it happen and return what is wrong if nobody refuses it."""
        try:
            await happening.done()
        except REFUSALS:
            return []
        return [f"{happening.name} at {spot.place} was not refused"]

    async def happenings(self, spot: Spot) -> list[Happening]:
        """Return everything that can happen to the transaction, whether the rules allow it here or not."""
        place, desk, store = spot.place, self.desk, self.desk.store
        transaction = await store.find(ONE)
        same, other, withdrawn = (
            leads for leads, _ in (place.seen(place.amount), place.seen(place.amount + 1), place.withdrawn())
        )
        happenings = [
            Happening("shown unchanged", lambda: desk.record(str(place.amount)), same),
            Happening("shown changed", lambda: desk.record(str(place.amount + 1)), other),
            Happening("withdrawn", desk.withdraw, withdrawn),
            Happening("found", self._found, place.found()),
            Happening("retried", lambda: store.retry(ONE, desk.cause), place.retried()),
        ]
        for fact in ALL_FACTS:
            leads = place.fact(fact)
            if fact in TOLD or leads is None:  # the rest come true in other ways
                report = desk.payment() if fact in {"payment_recorded", "payment_completed"} else None
                does = partial(desk.apply, transaction, Trigger(fact), report=report)
                happenings.append(Happening(f"told {fact}", does, leads))
        for expected, dest, document in product(STATES, STATES, (None, "made by hand")):
            if expected == place.state or (dest, document) == (place.state, None):
                leads = place.forced(dest, named=document is not None) if expected == place.state else None
                does = partial(store.force, ONE, State(expected), State(dest), desk.cause, document_id=document)
                happenings.append(Happening(f"forced from {expected} to {dest}, document {document}", does, leads))
        return [*happenings, *self._endings(spot)]

    def _endings(self, spot: Spot) -> Iterator[Happening]:
        """Yield how what is under way, or may be taken up, can go on."""
        place, wish = spot.place, spot.place.next
        if wish is not None:
            yield Happening("sent", self.desk.announced, place.becomes(wish, "sent"))
        wish = wish or place.in_flight
        if wish is None:
            return
        # What was never held can't be lost, and what never left is never in doubt.
        senseless = {("lost", "void"), ("lost", "export") if not place.document else None, ("unknown", "waiting")}
        for outcome in OUTCOMES:
            if not senseless & {(outcome, wish.effect), (outcome, wish.phase)}:
                does = partial(self._ended, spot, wish, outcome)
                yield Happening(f"ended with {outcome}", does, place.ended(wish, outcome))

    async def _found(self) -> None:
        """Let the reader of the books find a document that carries the transaction's marker, and surely stands."""
        origin = Origin(Kind.CUSTOMER_INVOICE, "id of 1001")
        seen = Observation(DocumentType.INVOICE, Document("found", "N1", "0"), Money(1), Money(1), origin=origin)
        if not await self.desk.store.adopt([seen], self.desk.clock.now, certain=True):
            raise IllegalMove(None, Trigger.DOCUMENT_FOUND)

    async def _ended(self, spot: Spot, wish: Wish, outcome: str) -> None:
        """End a message as the relay would."""
        claim = spot.sent or await self.desk.claim()
        answers: dict[str, Callable[[], Any]] = {
            "yes": lambda: self.desk.yes("document of 1001" if wish.effect == "export" else None),
            "no": self.desk.no,
            "lost": lambda: self.desk.no("document_lost"),
            "later": self.desk.later,
            "unknown": self.desk.unknown,
        }
        await self.desk.finish(claim, answers[outcome]())


# -- what the file shows ----------------------------------------------------------------------------------------------


def everything(held: sqlite3.Connection) -> list[list[tuple[Any, ...]]]:
    return [[tuple(row) for row in held.execute(f"SELECT * FROM {table}")] for table in TABLES]


def looked(held: sqlite3.Connection) -> Look:
    return Look(placed(held), [name for name, sql in NEVER.items() if held.execute(sql).fetchone()])


def placed(held: sqlite3.Connection) -> Place:
    row = held.execute("SELECT * FROM transactions").fetchone()
    history = held.execute("SELECT trigger, from_state, to_state FROM history ORDER BY id").fetchall()
    taken = [TAKEN_AWAY[trigger] for trigger, *_ in history if trigger in TAKEN_AWAY]
    wishes = held.execute(
        "SELECT effect, generation, revision, phase FROM messages WHERE effect <> 'report_payment' ORDER BY id"
    )
    [kept] = held.execute("SELECT iif(held ->> 'withdrawn', 0, held ->> '$.content.total.minor') FROM transactions")
    return Place(
        state=row["state"],
        generation=row["generation"],
        revision=row["revision"],
        amount=row["total"] // 100,
        document=row["document_id"] is not None,
        wishes=tuple(Wish(*wish) for wish in wishes),
        held=None if kept[0] is None else kept[0] // 100,
        taken_by=taken[-1] if taken else None,
        stands=row["problem_code"] == "document_stands",
        history=tuple(f"{trigger}: {source} -> {dest}" for trigger, source, dest in history),
    )


# -- the journey ------------------------------------------------------------------------------------------------------


@dataclass
class Atlas:
    """All spots, every move that was made, and what did not go by the rules on the way."""

    spots: dict[object, Spot] = field(default_factory=dict)
    cases: int = 0
    wrong: list[str] = field(default_factory=list)
    moves: set[str] = field(default_factory=set)

    @classmethod
    async def of(cls, path: Path) -> "Atlas":
        """Do everything everywhere, until nothing new comes up."""
        atlas, desk = cls(), await Desk.open(path, Clock())
        await desk.record("1")
        stage = Stage(desk)
        new = [Spot(Place().seen(1)[0], await stage.copy())]
        atlas.spots[key(new[0].place)] = new[0]
        while new and not atlas.wrong:  # what breaks the rules once may lead on for ever
            spot = new.pop()
            await stage.set_back(spot)
            happenings = await stage.happenings(spot)
            before = await stage.rows()
            refused = [stage.refuses(each, spot) for each in happenings if each.leads is None]
            atlas.wrong += chain.from_iterable(await asyncio.gather(*refused))
            if await stage.rows() != before:
                atlas.wrong.append(f"one of the refusals left a trace at {spot.place}")
            for each in (each for each in happenings if each.leads is not None):
                await stage.set_back(spot)
                new += await atlas.led(stage, spot, each)
            atlas.cases += len(happenings)
        await desk.store.close()
        return atlas

    async def led(self, stage: Stage, spot: Spot, happening: Happening) -> list[Spot]:
        """Let it happen and compare where it led to with the rules; return the spot if nobody was there before."""
        try:
            result = await happening.done()
        except REFUSALS as refusal:
            result = refusal
        look = await stage.look()
        place, known = look.place, key(look.place) in self.spots
        if place != happening.leads or look.never:
            self.wrong.append(f"{happening.name} at {spot.place} led to {place}, {look.never}, {result}")
        self.moves |= set(place.history[len(spot.place.history) :])
        if known:
            return []
        under_way = place.in_flight is not None and place.in_flight.phase == "sent"
        sent = result if isinstance(result, Claim) else spot.sent
        self.spots[key(place)] = Spot(place, await stage.copy(), sent if under_way else None)
        return [self.spots[key(place)]]
