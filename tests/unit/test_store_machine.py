"""Whatever happens in whatever order, the store is where the table says, and remembers every step."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Awaitable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from typing_extensions import override

from state.lifecycle import Effect, IllegalMove, State, Trigger, forceable, move
from state.moves import Recorded
from state.outbox import Claim, Phase
from state.store import Filter, NotForceable
from state.transaction import Transaction

if TYPE_CHECKING:
    from tests.unit.conftest import Desk, OpenAt

Result = TypeVar("Result")

IN_FLIGHT = {Phase.SENT, Phase.IN_DOUBT}
NEW_GENERATION = {Trigger.DOCUMENT_LOST, Trigger.VOID_OVERTAKEN, Trigger.REEXPORT_REQUESTED, Trigger.SOURCE_RESTORED}
NEW_REVISION = {Trigger.SOURCE_CHANGED, Trigger.SOURCE_RESTORED}
GONE = {Trigger.DOCUMENT_LOST, Trigger.VOID_OVERTAKEN, Trigger.VOID_CONFIRMED}
# What readers and people bring; the rest comes from intake and from the outbox.
TOLD = [
    Trigger.REVERT_REQUESTED,
    Trigger.PAYMENT_RECORDED,
    Trigger.PAYMENT_COMPLETED,
    Trigger.PAYMENT_REVERSED,
    Trigger.DOCUMENT_LOST,
    Trigger.REEXPORT_REQUESTED,
]


@dataclass
class Wish:
    """What the model knows of a message to accounting."""

    effect: Effect
    made_for: tuple[int, int]  # generation and revision
    phase: Phase = Phase.WAITING


@dataclass
class Model:
    """One transaction as the table of facts alone would have it."""

    state: State | None = None
    version: int = 0
    generation: int = 1
    revision: int = 1
    amount: int = 0
    document: bool = False
    wishes: list[Wish] = field(default_factory=list)
    taken_away_by: Trigger | None = None
    held: int | None = None  # the amount the TMS says while nothing may change; 0: that it is withdrawn

    @property
    def gone_there(self) -> bool:
        """Whether the TMS, not a person, took it away last, and it is gone or going."""
        going = bool(self.wishes) and self.wishes[-1].effect is Effect.VOID
        return self.taken_away_by is Trigger.SOURCE_WITHDRAWN and (self.state is State.REVERTED or going)

    @property
    def in_flight(self) -> bool:
        return any(wish.phase in IN_FLIGHT for wish in self.wishes)

    @property
    def next(self) -> Wish | None:
        """What the relay may take up: what is in doubt, or what waits while nothing is in flight."""
        ready = [wish for wish in self.wishes if wish.phase in {Phase.WAITING, *IN_FLIGHT}]
        ready.sort(key=lambda wish: wish.phase is Phase.WAITING)
        return ready[0] if ready and ready[0].phase is not Phase.SENT else None

    def happens(self, trigger: Trigger) -> bool:
        """Follow the table, if it has a row, and say whether it had."""
        try:
            row = move(self.state, trigger, document=self.document or self.in_flight)
        except IllegalMove:
            return False
        self.document &= trigger not in GONE
        self.generation += trigger in NEW_GENERATION
        self.revision += trigger in NEW_REVISION
        if trigger in {Trigger.SOURCE_WITHDRAWN, Trigger.REVERT_REQUESTED}:
            self.taken_away_by = trigger
        self.goes(row.dest, row.effect)
        return True

    def goes(self, dest: State, effect: Effect | None, *, forced: bool = False) -> None:
        self.state, self.version = dest, self.version + 1
        wanted = [effect] if effect in {Effect.EXPORT, Effect.VOID} else []
        if wanted or forced or dest is State.REVERTED:
            self.wishes = [wish for wish in self.wishes if wish.phase in IN_FLIGHT]
        self.wishes += [Wish(each, (self.generation, self.revision)) for each in wanted if each]
        if self.held is not None and (dest is State.PENDING or (dest is State.EXPORTED and not forced)):
            self.withdrawn() if self.held == 0 else self.seen(self.held)

    def seen(self, amount: int) -> Recorded:
        """Take in what the TMS shows."""
        if self.state is None:
            self.amount = amount
            self.happens(Trigger.RECORDED)
            return Recorded.NEW
        gone = self.gone_there
        if amount == self.amount and not gone:
            self.held = None
            return Recorded.UNCHANGED
        fact = Trigger.SOURCE_RESTORED if gone and self.state is State.REVERTED else Trigger.SOURCE_CHANGED
        return self.changes(fact, amount, Recorded.CHANGED)

    def withdrawn(self) -> Recorded:
        """Take in that the TMS withdrew it."""
        voided = self.wishes and self.wishes[-1].effect is Effect.VOID
        if self.state in {None, State.REVERTED} or voided:
            self.held = None
            return Recorded.UNCHANGED
        return self.changes(Trigger.SOURCE_WITHDRAWN, 0, Recorded.WITHDRAWN)

    def changes(self, fact: Trigger, amount: int, result: Recorded) -> Recorded:
        self.held = None
        if not self.happens(fact):
            self.held = amount
            return Recorded.HELD
        self.amount = amount or self.amount
        return result

    def ends(self, wish: Wish, outcome: str) -> None:
        """Conclude a message as the relay would."""
        overtaken = wish.made_for != (self.generation, self.revision)
        replaced = overtaken or any(other.phase is Phase.WAITING for other in self.wishes if other is not wish)
        match outcome:
            case "yes":
                self.wishes.remove(wish)
                self.document |= wish.effect is Effect.EXPORT
                assert self.happens(self.fact(wish.effect, overtaken=overtaken))
            case "no":
                wish.phase = Phase.DEAD
                if replaced:
                    self.wishes.remove(wish)
                if wish.effect is Effect.EXPORT and not overtaken:
                    assert self.happens(Trigger.EXPORT_REJECTED)
            case "later" if wish.phase is not Phase.IN_DOUBT:
                wish.phase = Phase.WAITING
                if replaced:
                    self.wishes.remove(wish)
            case "unknown":
                wish.phase = Phase.IN_DOUBT

    def fact(self, effect: Effect, *, overtaken: bool) -> Trigger:
        if effect is Effect.EXPORT:
            return Trigger.EXPORT_OVERTAKEN if overtaken else Trigger.EXPORT_CONFIRMED
        again = self.state is State.PENDING and self.wishes and self.wishes[-1].effect is Effect.EXPORT
        return Trigger.VOID_OVERTAKEN if again else Trigger.VOID_CONFIRMED


loads = st.sampled_from(["1001", "1002"])
outcomes = st.sampled_from(["yes", "no", "later", "unknown"])


class Life(RuleBasedStateMachine):
    """Two transactions in one store, and everything that can happen to them."""

    def __init__(self, open_at: "OpenAt") -> None:
        super().__init__()
        self.open_at = open_at
        self.folder = tempfile.TemporaryDirectory()
        self.runner = asyncio.Runner()
        self.desk: Desk = self.runs(open_at(self.path))
        self.models = {"1001": Model(), "1002": Model()}
        self.sent: dict[str, Claim] = {}

    @property
    def path(self) -> Path:
        return Path(self.folder.name) / "life.db"

    def runs(self, work: Awaitable[Result]) -> Result:
        async def awaited() -> Result:
            return await work

        return self.runner.run(awaited())

    def seen(self, load: str) -> Transaction:
        return self.runs(self.desk.store.page(Filter(search=load)))[0]

    @override
    def teardown(self) -> None:
        self.runs(self.desk.store.close())
        self.runner.close()
        self.folder.cleanup()

    # -- what happens -----------------------------------------------------------------------------------------

    @rule(load=loads, more=st.integers(0, 1))
    def is_seen_in_the_tms(self, load: str, more: int) -> None:
        model = self.models[load]
        amount = max(1, model.amount + more)
        expected = model.seen(amount)

        assert self.runs(self.desk.record(str(amount), load=load)) is expected

    @rule(load=loads)
    def is_withdrawn_in_the_tms(self, load: str) -> None:
        expected = self.models[load].withdrawn()

        assert self.runs(self.desk.withdraw(load)) is expected

    @precondition(lambda self: any(model.state for model in self.models.values()))
    @rule(load=loads, trigger=st.sampled_from(TOLD))
    def is_told(self, load: str, trigger: Trigger) -> None:
        model = self.models[load]
        if model.state is None:
            return
        before = self.seen(load)
        try:
            self.runs(self.desk.apply(before, trigger))
        except IllegalMove:
            assert not model.happens(trigger)
        else:
            assert model.happens(trigger)

    @rule(load=loads, dest=st.sampled_from(State))
    def is_forced(self, load: str, dest: State) -> None:
        model = self.models[load]
        if model.state is None:
            return
        allowed = forceable(model.state, dest)
        try:
            self.runs(self.desk.store.force(self.seen(load).id, model.state, dest, self.desk.cause))
        except NotForceable:
            assert allowed is None or model.in_flight
        else:
            assert allowed is not None
            assert not model.in_flight
            model.generation += (model.state, dest) == (State.REVERTED, State.PENDING)
            model.taken_away_by = None
            model.goes(dest, allowed.effect, forced=True)

    @rule(load=loads)
    def is_retried(self, load: str) -> None:
        model = self.models[load]
        if model.state is None:
            return
        dead = [wish for wish in model.wishes if wish.phase is Phase.DEAD]
        try:
            self.runs(self.desk.store.retry(self.seen(load).id, self.desk.cause))
        except IllegalMove:
            assert model.state is not State.ERROR
            assert not dead
        else:
            if not model.happens(Trigger.RETRY_REQUESTED):
                model.goes(model.state, None)
                for wish in dead:
                    wish.phase = Phase.WAITING
                assert dead

    # -- the relay --------------------------------------------------------------------------------------------

    def claims(self) -> dict[str, Claim]:
        self.desk.clock.forward(hours=1)
        claims = self.runs(self.desk.store.claim(["accounting"], 10))
        due = {load: (wish.effect, wish.phase) for load, model in self.models.items() if (wish := model.next)}
        assert {claim.transaction.label: (claim.message.effect, claim.message.phase) for claim in claims} == due
        return {claim.transaction.label: claim for claim in claims}

    @rule(load=loads)
    def is_sent(self, load: str) -> None:
        claim, wish = self.claims().get(load), self.models[load].next
        if claim is not None and wish is not None:
            self.sent[load] = self.runs(self.desk.announce(claim, "request", b"{}"))
            wish.phase = Phase.SENT

    @precondition(lambda self: self.sent)
    @rule(data=st.data(), outcome=outcomes)
    def is_answered(self, data: st.DataObject, outcome: str) -> None:
        load = data.draw(st.sampled_from(sorted(self.sent)))
        [wish] = [wish for wish in self.models[load].wishes if wish.phase is Phase.SENT]
        self.concludes(load, self.sent.pop(load), wish, outcome)

    @rule(load=loads, outcome=outcomes)
    def is_looked_up(self, load: str, outcome: str) -> None:
        claim, wish = self.claims().get(load), self.models[load].next
        if claim is not None and wish is not None and (outcome, wish.phase) != ("unknown", Phase.WAITING):
            self.concludes(load, claim, wish, outcome)

    def concludes(self, load: str, claim: Claim, wish: Wish, outcome: str) -> None:
        document = f"document of {load}" if wish.effect is Effect.EXPORT else None
        answers: dict[str, Any] = {
            "yes": lambda: self.desk.yes(document),
            "no": self.desk.no,
            "later": self.desk.later,
            "unknown": self.desk.unknown,
        }
        after = self.runs(self.desk.finish(claim, answers[outcome]()))
        self.models[load].ends(wish, outcome)
        assert after == self.seen(load)

    @rule(clean=st.booleans())
    def is_restarted(self, clean: bool) -> None:  # noqa: FBT001 - drawn by name
        self.runs(self.desk.store.close() if clean else self.desk.crash())
        self.desk = self.runs(self.open_at(self.path))
        self.sent.clear()
        for wish in (wish for model in self.models.values() for wish in model.wishes if wish.phase is Phase.SENT):
            wish.phase = Phase.IN_DOUBT

    # -- what always holds ------------------------------------------------------------------------------------

    @invariant()
    def everything_is_where_the_table_says(self) -> None:
        for load, model in self.models.items():
            if model.state is None:
                continue
            seen = self.seen(load)
            assert (seen.state, seen.version, seen.generation, seen.revision) == (
                model.state,
                model.version,
                model.generation,
                model.revision,
            )
            assert (seen.document is not None, seen.in_flight) == (model.document, model.in_flight)
            assert (seen.held is not None) == (model.held is not None)
            assert (seen.problem is not None) == (seen.state is State.ERROR)

    @invariant()
    def every_version_has_its_line_of_history(self) -> None:
        for load, model in self.models.items():
            if model.state is None:
                continue
            history = self.runs(self.desk.store.history(self.seen(load).id))
            assert [change.version for change in history] == list(range(1, model.version + 1))
            assert [change.source for change in history] == [None, *(change.dest for change in history[:-1])]
            assert history[-1].dest == model.state

    @invariant()
    def one_message_is_in_flight_and_one_waits_at_most(self) -> None:
        for load, model in self.models.items():
            if model.state is None:
                continue
            standings = [(each.effect, each.phase) for each in self.runs(self.desk.store.standings(self.seen(load).id))]
            phases = Counter("in flight" if phase in IN_FLIGHT else str(phase) for _, phase in standings)
            assert max(phases.values(), default=0) <= 1
            assert standings == [(wish.effect, wish.phase) for wish in model.wishes]
            assert model.state is not State.PENDING or standings  # nothing pending is forgotten


def test_life_follows_the_table_whatever_happens(open_at: "OpenAt") -> None:
    class LifeHere(Life):
        def __init__(self) -> None:
            super().__init__(open_at)

    few = settings(max_examples=8, stateful_step_count=25, deadline=None)  # more find more, and take longer
    run_state_machine_as_test(LifeHere, settings=few)
