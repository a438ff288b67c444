"""Whatever happens to several transactions in whatever order, the store goes by the rules and forgets nothing."""

import asyncio
import shutil
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from typing_extensions import override

from state.lifecycle import Effect, IllegalMove, State, Trigger
from state.messages import Ended, Ending
from state.moves import StaleTransaction
from state.outbox import Claim, Observation
from state.store import Filter, NotForceable
from state.transaction import Document, DocumentType, Kind, Money, Origin, Transaction
from tests.unit.conftest import FACTS
from tests.unit.rules import Place, Wish

if TYPE_CHECKING:
    from tests.unit.conftest import Desk, OpenAt

Result = TypeVar("Result")

LOADS = ("1001", "1002", "1003")
# What readers and people bring; the rest comes from intake and from the outbox.
TOLD = [
    "revert_requested",
    "reexport_requested",
    "payment_recorded",
    "payment_completed",
    "payment_reversed",
    "document_lost",
]


class Copy(NamedTuple):
    """A copy of the file, and where every transaction stood when it was made."""

    folder: Path
    places: dict[str, Place]


loads = st.sampled_from(LOADS)
several = st.sets(loads, min_size=1)
outcomes = st.sampled_from(["yes", "no", "later", "unknown"])


class Life(RuleBasedStateMachine):
    """Three transactions in one store, and everything that can happen to them."""

    def __init__(self, open_at: "OpenAt") -> None:
        super().__init__()
        self.open_at = open_at
        self.folder = tempfile.TemporaryDirectory()
        self.runner = asyncio.Runner()
        self.desk: Desk = self.runs(open_at(self.path))
        self.places = dict.fromkeys(LOADS, Place())
        self.sent: dict[str, Claim] = {}
        self.stale: list[Claim] = []
        self.copies: list[Copy] = []
        self.documents = 0

    @property
    def path(self) -> Path:
        return Path(self.folder.name) / "life.db"

    @property
    def known(self) -> dict[str, Place]:
        return {load: place for load, place in self.places.items() if place.history}

    def runs(self, work: Awaitable[Result]) -> Result:
        async def awaited() -> Result:
            return await work

        return self.runner.run(awaited())

    def seen(self, load: str) -> Transaction:
        return self.runs(self.desk.store.page(Filter(search=load)))[0]

    def tries(self, load: str, work: Awaitable[object], leads: Place | None) -> None:
        """Do what the rules allow, or see it refused."""
        try:
            self.runs(work)
        except (IllegalMove, NotForceable):
            assert leads is None, load
        else:
            assert leads is not None, load
            self.places[load] = leads

    @override
    def teardown(self) -> None:
        self.runs(self.desk.store.close())
        self.runner.close()
        self.folder.cleanup()

    # -- intake, readers and people ---------------------------------------------------------------------------

    @initialize(some=several)
    def begin(self, some: set[str]) -> None:
        for load in some:
            self.is_seen_in_the_tms(load, 1)

    @rule(load=loads, more=st.integers(0, 1))
    def is_seen_in_the_tms(self, load: str, more: int) -> None:
        place = self.places[load]
        amount = max(1, place.amount + more)
        self.places[load], expected = place.seen(amount)

        assert self.runs(self.desk.record(str(amount), load=load)) == expected

    @rule(load=loads)
    def is_withdrawn_in_the_tms(self, load: str) -> None:
        self.places[load], expected = self.places[load].withdrawn()

        assert self.runs(self.desk.withdraw(load)) == expected

    @precondition(lambda self: self.known)
    @rule(data=st.data(), fact=st.sampled_from(TOLD))
    def is_told(self, data: st.DataObject, fact: str) -> None:
        load = data.draw(st.sampled_from(sorted(self.known)))
        self.tries(load, self.desk.apply(self.seen(load), Trigger(fact)), self.places[load].fact(fact))

    @precondition(lambda self: self.known)
    @rule(data=st.data(), dest=st.sampled_from(State), named=st.booleans())
    def is_forced(self, data: st.DataObject, dest: State, *, named: bool) -> None:
        load = data.draw(st.sampled_from(sorted(self.known)))
        seen, document = self.seen(load), f"made by hand for {load}" if named else None
        work = self.desk.store.force(seen.id, seen.state, dest, self.desk.cause, document_id=document)
        self.tries(load, work, self.places[load].forced(dest, named=named))

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def is_retried(self, data: st.DataObject) -> None:
        load = data.draw(st.sampled_from(sorted(self.known)))
        self.tries(load, self.desk.store.retry(self.seen(load).id, self.desk.cause), self.places[load].retried())

    @precondition(lambda self: self.known)
    @rule(some=several, certain=st.booleans())
    def are_found_in_the_books(self, some: set[str], *, certain: bool) -> None:
        found = {load: self.places[load] for load in some & self.known.keys()}
        takers = {load: place for load, place in found.items() if certain or place.state != "reverted"}
        leads = {load: after for load, place in takers.items() if (after := place.found()) is not None}
        seen = [self.observation(load) for load in sorted(some)]
        adopted = self.runs(self.desk.store.adopt(seen, self.desk.clock.now, certain=certain))

        assert {each.label for each in adopted} == leads.keys()
        self.places |= leads

    def observation(self, load: str) -> Observation:
        self.documents += 1
        document, money = Document(f"found {self.documents}", "N1", "0"), Money(1)
        origin = Origin(Kind.CUSTOMER_INVOICE, f"id of {load}")
        return Observation(DocumentType.INVOICE, document, money, money, origin=origin)

    # -- the relay --------------------------------------------------------------------------------------------

    def claims(self) -> dict[str, Claim]:
        self.desk.clock.forward(hours=1)
        claims = self.runs(self.desk.store.claim(["accounting"], 10))
        due = {load: (wish.effect, wish.phase) for load, place in self.places.items() if (wish := place.next)}
        assert {claim.transaction.label: (claim.message.effect, claim.message.phase) for claim in claims} == due
        return {claim.transaction.label: claim for claim in claims}

    @rule(some=several)
    def are_sent_together(self, some: set[str]) -> None:
        taken = {load: claim for load, claim in self.claims().items() if load in some}
        stale = self.stale[-1:]
        requests = [(claim, "request", b"{}") for claim in [*stale, *taken.values()]]
        results = self.runs(self.desk.store.announce_all(requests))

        assert all(isinstance(result, StaleTransaction) for result in results[: len(stale)])
        for load, result in zip(taken, results[len(stale) :], strict=True):
            assert isinstance(result, Claim)
            wish = self.places[load].next
            assert wish is not None
            self.sent[load] = result
            self.places[load] = self.places[load].becomes(wish, "sent")

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def are_answered_together(self, data: st.DataObject) -> None:
        some = data.draw(st.sets(st.sampled_from(sorted(self.sent)), min_size=1))
        wishes = {load: self.places[load].in_flight for load in some}
        self.end([(self.sent.pop(load), wish, data.draw(outcomes)) for load, wish in wishes.items() if wish])

    @rule(data=st.data(), some=several)
    def are_looked_up_together(self, data: st.DataObject, some: set[str]) -> None:
        taken = [(claim, self.places[load].next) for load, claim in self.claims().items() if load in some]
        ends = [(claim, wish, data.draw(outcomes)) for claim, wish in taken if wish]
        self.end([each for each in ends if (each[2], each[1].phase) != ("unknown", "waiting")])

    def end(self, ends: Sequence[tuple[Claim, Wish, str]]) -> None:
        """Conclude several messages in one commit, among them one that was concluded before."""
        stale = [Ending(claim, self.desk.no(), *FACTS[claim.message.effect]) for claim in self.stale[-1:]]
        endings = [
            Ending(claim, self.answer(claim, outcome), *FACTS[claim.message.effect]) for claim, _, outcome in ends
        ]
        results = self.runs(self.desk.store.finish_all([*stale, *endings]))

        assert all(isinstance(result, StaleTransaction) for result in results[: len(stale)])
        for (claim, wish, outcome), result in zip(ends, results[len(stale) :], strict=True):
            load = claim.transaction.label
            self.places[load] = self.places[load].ended(wish, outcome)
            assert isinstance(result, Ended)
            assert result.transaction == self.seen(load)
            if outcome == "yes":
                self.stale.append(claim)

    def answer(self, claim: Claim, outcome: str) -> Any:
        document = f"document of {claim.transaction.label}" if claim.message.effect is Effect.EXPORT else None
        answers: dict[str, Callable[[], Any]] = {
            "yes": lambda: self.desk.yes(document),
            "no": self.desk.no,
            "later": self.desk.later,
            "unknown": self.desk.unknown,
        }
        return answers[outcome]()

    # -- owners and copies ------------------------------------------------------------------------------------

    @rule(clean=st.booleans())
    def is_restarted(self, *, clean: bool) -> None:
        self.runs(self.desk.store.close() if clean else self.desk.crash())
        self.begins_again()

    @rule()
    def is_copied(self) -> None:
        folder = Path(self.folder.name) / f"copy {len(self.copies)}"
        folder.mkdir()
        for file in self.path.parent.glob("life.db*"):
            shutil.copy(file, folder)
        self.copies.append(Copy(folder, dict(self.places)))

    @precondition(lambda self: self.copies)
    @rule(data=st.data())
    def is_set_back_to_a_copy(self, data: st.DataObject) -> None:
        copy = data.draw(st.sampled_from(self.copies))
        self.runs(self.desk.crash())
        for file in copy.folder.iterdir():
            shutil.copy(file, self.path.parent)
        self.places = dict(copy.places)
        self.begins_again()

    def begins_again(self) -> None:
        self.desk = self.runs(self.open_at(self.path))
        self.sent.clear()
        self.stale.clear()
        self.places = {load: place.restarted() for load, place in self.places.items()}

    # -- what always holds ------------------------------------------------------------------------------------

    @invariant()
    def everything_is_where_the_rules_say(self) -> None:
        for load, place in self.known.items():
            seen = self.seen(load)
            assert (seen.state, seen.generation, seen.revision) == (place.state, place.generation, place.revision)
            assert (seen.document is not None, seen.in_flight) == (place.document, place.in_flight is not None)
            assert (seen.held is not None) == (place.held is not None)
            assert (seen.problem is not None) == (seen.state is State.ERROR)

    @invariant()
    def every_version_has_its_line_of_history(self) -> None:
        for load, place in self.known.items():
            seen = self.seen(load)
            assert self.runs(self.desk.told(seen)) == list(place.history)
            assert seen.version == len(place.history)

    @invariant()
    def one_message_is_in_flight_and_one_waits_at_most_and_nothing_is_forgotten(self) -> None:
        for load, place in self.known.items():
            standings = self.runs(self.desk.store.standings(self.seen(load).id))
            wishes = [(str(each.effect), str(each.phase)) for each in standings]
            phases = Counter("in flight" if phase in {"sent", "in_doubt"} else phase for _, phase in wishes)
            assert wishes == list(place.phases)
            assert max(phases.values(), default=0) <= 1
            assert place.state != "pending" or wishes


def test_life_goes_by_the_rules_whatever_happens(open_at: "OpenAt") -> None:
    class LifeHere(Life):
        def __init__(self) -> None:
            super().__init__(open_at)

    few = settings(max_examples=8, stateful_step_count=25, deadline=None)  # more find more, and take longer
    run_state_machine_as_test(LifeHere, settings=few)
