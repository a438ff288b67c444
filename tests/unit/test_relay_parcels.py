"""One request that carries many orders: what it shares with its neighbours, and what each keeps for itself."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest
from typing_extensions import override

from adapters.ports import Order, OutcomeUnknown, Rejected, Unauthorized, Unavailable, VendorError
from engine.parcels import Parcels
from engine.relay import Relay
from engine.routes import lanes, routes
from state.lifecycle import State
from state.messages import Ended
from state.outbox import Claim, Receipt
from state.problem import problem
from tests.unit.fakes import PACE, Bench, FakeSender, spared

if TYPE_CHECKING:
    from state.transaction import Transaction
    from tests.unit.conftest import Desk


@pytest.fixture(autouse=True)
def spare(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with spared(monkeypatch):
        yield


class AsManyAsWait(Parcels):
    """Lets the first order leave alone, and each request after it carry all that waits."""

    @override
    def size(self, waiting: int) -> int:
        alone, self._first = self._first, False
        return 1 if alone else waiting

    _first = True


class Depot:
    """One worker and a vendor that takes many orders at once; the first leaves alone."""

    def __init__(
        self, desk: "Desk", *, kind: type[FakeSender] = FakeSender, parcels: Parcels | None = None, **pace: Any
    ) -> None:
        self.desk = desk
        self.bench = Bench(desk, **({"concurrency": 1} | pace))
        self.books = self.bench.books
        self.sender = self.bench.exports = self.bench.accounting.exports = kind(self.books, most=30)
        self.bench.restart(desk)
        self.bench.relay.lanes["accounting"]._dispatch._parcels = parcels or AsManyAsWait(30)

    async def new(self, *loads: str) -> "dict[str, Transaction]":
        return {load: await self.desk.new(load=load) for load in loads}

    async def states(self, known: "Mapping[str, Transaction]") -> dict[str, str]:
        return {load: str((await self.desk.again(each)).state) for load, each in known.items()}

    async def standings(self, known: "Mapping[str, Transaction]") -> dict[str, str]:
        return {load: ", ".join(await self.desk.standing(each)) for load, each in known.items()}


@pytest.fixture
def depot(desk: "Desk") -> Depot:
    return Depot(desk)


SIX = ("1", "2", "3", "4", "5", "6")
REST = SIX[1:]
EXPORTED = dict.fromkeys(SIX, "exported")


# -- one commit ------------------------------------------------------------------------------------------------------


async def test_what_leaves_together_is_announced_and_recorded_in_one_commit(
    depot: Depot, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits: list[list[type]] = []
    database = depot.desk.store._database
    honest = database._commit

    async def counted(batch: list[Any]) -> None:
        await honest(batch)
        commits.append([type(result) for waiting in batch for result in waiting.done.result()])

    monkeypatch.setattr(database, "_commit", counted)
    known = await depot.new(*SIX)
    commits.clear()

    await depot.bench.relay.run_once()

    assert depot.sender.calls == [["1"], list(REST)]
    assert [kinds for kinds in commits if kinds[0] in {Claim, Ended}] == [[Claim], [Ended], [Claim] * 5, [Ended] * 5]
    assert await depot.states(known) == EXPORTED


async def test_parcel_leaves_only_after_all_of_it_is_announced(depot: Depot) -> None:
    phases: list[set[str]] = []

    async def look(order: Order) -> None:
        phases.append({phase for [phase] in await depot.desk.execute("SELECT phase FROM messages WHERE id > 1")})

    known = await depot.new(*SIX)
    depot.sender.before_send = look
    await depot.bench.relay.run_once()

    assert phases[1:] == [{"sent"}] * 5
    assert [await depot.desk.outcomes(each) for each in known.values()] == [["delivered"]] * 6


# -- one of many ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "state", "standing"),
    [
        (Rejected(problem("party_missing")), "error", ["export dead"]),
        (OutcomeUnknown("cut"), "pending", ["export in_doubt"]),
        (Unavailable("busy", 25), "pending", ["export waiting"]),
        (Unauthorized("who are you"), "pending", ["export waiting"]),
    ],
)
async def test_order_that_fails_fails_alone(depot: Depot, error: VendorError, state: str, standing: list[str]) -> None:
    known = await depot.new(*SIX)
    depot.sender.fail("send", error, "3")

    await depot.bench.relay.run_once()

    assert depot.sender.calls == [["1"], list(REST)]
    assert await depot.states(known) == EXPORTED | {"3": state}
    assert await depot.desk.standing(known["3"]) == standing


class Silent(FakeSender):
    """Answers, and leaves one order out."""

    @override
    async def send_many(self, orders: Sequence[Order]) -> Mapping[int, Receipt | VendorError]:
        answered = await super().send_many(orders)
        silent = {order.claim.message.id for order in orders if order.claim.transaction.label == "3"}
        return {message: result for message, result in answered.items() if message not in silent}


async def test_order_the_answer_does_not_speak_of_is_in_doubt_and_found_later(desk: "Desk") -> None:
    depot = Depot(desk, kind=Silent)
    known = await depot.new(*SIX)

    await depot.bench.relay.run_once()
    assert await depot.states(known) == EXPORTED | {"3": "pending"}
    assert await desk.standing(known["3"]) == ["export in_doubt"]

    await depot.bench.drain()
    assert await depot.states(known) == EXPORTED
    assert len(depot.books.documents) == 6


async def test_order_replaced_before_the_parcel_left_stays_behind(depot: Depot) -> None:
    known = await depot.new(*SIX)

    async def corrected() -> None:
        depot.sender.before_look_up = None
        await depot.desk.record("120.00", load="3")

    depot.sender.before_look_up = corrected
    await depot.bench.relay.run_once()
    assert depot.sender.calls == [["1"], ["2", "4", "5", "6"]]
    assert await depot.desk.standing(known["3"]) == ["export waiting"]

    await depot.bench.relay.run_once()
    assert await depot.states(known) == EXPORTED
    assert [held.minor for held in depot.books.live("id of 3")] == [12_000]


async def test_document_of_another_transaction_spoils_one_order_and_not_its_parcel(depot: Depot) -> None:
    await depot.desk.new(load="owner")
    await depot.desk.finish(await depot.desk.announced(), depot.desk.yes("d3"))
    known = await depot.new(*SIX)

    await depot.bench.relay.run_once()

    assert await depot.states(known) == EXPORTED | {"3": "pending"}
    assert await depot.desk.standing(known["3"]) == ["export in_doubt"]


# -- no answer --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [OutcomeUnknown("cut"), RuntimeError("oops")])
async def test_parcel_without_an_answer_leaves_doubt_that_is_decided_one_by_one(depot: Depot, error: Exception) -> None:
    known = await depot.new(*SIX)
    depot.sender.fail("send_many", error)
    await depot.bench.relay.run_once()
    assert await depot.standings(known) == {"1": "", **dict.fromkeys(REST, "export in_doubt")}

    there = [depot.books.by_hand(f"N{load}", source=f"id of {load}", minor=10_000) for load in ("2", "5")]
    await depot.bench.drain()

    assert await depot.states(known) == EXPORTED
    assert [len(depot.books.live(f"id of {load}")) for load in SIX] == [1] * 6
    adopted = [(await depot.desk.again(known[load])).document for load in ("2", "5")]
    assert adopted == [held.document for held in there]
    for load in ("3", "4", "6"):
        first, second = await depot.desk.store.attempts(known[load].id)
        assert (first.outcome, second.outcome, first.request_id) == ("in_doubt", "delivered", second.request_id)


async def test_parcel_that_landed_without_an_answer_is_adopted_and_never_sent_again(depot: Depot) -> None:
    known = await depot.new(*SIX)
    depot.sender.lose_answer(OutcomeUnknown("cut"), travel=100, step="send_many")

    await depot.bench.drain()

    assert depot.sender.calls == [["1"], [*REST]]
    assert await depot.states(known) == EXPORTED
    assert [len(depot.books.live(f"id of {load}")) for load in SIX] == [1] * 6


async def test_parcel_that_could_not_be_taken_now_goes_again_later(depot: Depot) -> None:
    known = await depot.new(*SIX)
    depot.sender.fail("send_many", Unavailable("busy", 25))

    assert await depot.bench.relay.run_once() == 25
    assert await depot.standings(known) == {"1": "", **dict.fromkeys(REST, "export waiting")}
    await depot.bench.drain()

    assert await depot.states(known) == EXPORTED
    assert len(depot.books.documents) == 6


async def test_parcel_refused_as_such_goes_one_by_one_under_the_same_names(depot: Depot) -> None:
    known = await depot.new(*SIX)
    depot.sender.fail("send_many", Rejected(problem("shape_unknown")))
    depot.sender.fail("send", Rejected(problem("party_missing")), "4")

    await depot.bench.relay.run_once()

    assert depot.sender.calls == [["1"], [*REST], *([load] for load in REST)]
    assert await depot.states(known) == EXPORTED | {"4": "error"}
    assert [len(await depot.desk.store.attempts(each.id)) for each in known.values()] == [1] * 6


async def test_rest_of_a_refused_parcel_does_not_go_through_a_lane_that_closed(depot: Depot) -> None:
    known = await depot.new(*SIX)
    depot.sender.fail("send_many", Rejected(problem("shape_unknown")))
    depot.sender.fail("send", Unavailable("busy", 25), "3")

    assert await depot.bench.relay.run_once() <= 25
    assert depot.sender.calls == [["1"], [*REST], ["2"], ["3"]]
    assert await depot.standings(known) == {"1": "", "2": "", **dict.fromkeys(REST[1:], "export waiting")}

    await depot.bench.drain()
    assert await depot.states(known) == EXPORTED
    assert len(depot.books.documents) == 6


# -- what goes together -----------------------------------------------------------------------------------------------


async def test_effects_are_never_mixed_in_one_request(depot: Depot) -> None:
    gone = await depot.new("a", "b")
    await depot.bench.relay.run_once()
    depot.sender.calls.clear()
    for load in gone:
        await depot.desk.withdraw(load)
    known = await depot.new(*SIX)
    depot.bench.voids.most = 30

    await depot.bench.relay.run_once()

    assert sorted(chain.from_iterable(depot.sender.calls)) == sorted(SIX)
    assert sorted(chain.from_iterable(depot.bench.voids.calls)) == ["a", "b"]
    assert await depot.states(known) == EXPORTED
    assert await depot.states(gone) == {"a": "reverted", "b": "reverted"}


async def test_lane_that_closes_keeps_the_queue_from_leaving(depot: Depot) -> None:
    known = await depot.new(*SIX)
    depot.sender.fail("send", Unavailable("busy", 25), "1")

    await depot.bench.relay.run_once()

    assert depot.sender.calls == [["1"]]
    assert await depot.standings(known) == dict.fromkeys(SIX, "export waiting")
    assert [len(await depot.desk.store.attempts(each.id)) for each in known.values()] == [1, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(("waiting", "largest"), [(15, 1), (120, 30)])
async def test_little_goes_one_by_one_and_a_backlog_many_at_once(desk: "Desk", waiting: int, largest: int) -> None:
    depot = Depot(desk, parcels=Parcels(30), concurrency=2, claim=200)
    for load in range(waiting):
        await desk.new(load=str(load))

    await depot.bench.relay.run_once()

    assert max(map(len, depot.sender.calls)) == largest
    assert len(depot.books.documents) == waiting


async def test_voids_get_their_turn_beside_a_backlog_of_exports(desk: "Desk") -> None:
    depot = Depot(desk, parcels=Parcels(1), claim=8)
    gone = await depot.new("a", "b", "c")
    await depot.bench.relay.run_once()
    sent: list[str] = []

    async def note(order: Order) -> None:
        sent.append(order.claim.transaction.label)

    depot.sender.before_send = depot.bench.voids.before_send = note
    await depot.new(*map(str, range(30)))
    for load in gone:
        await desk.withdraw(load)

    await depot.bench.relay.run_once()

    assert len(sent) == 33
    assert set(gone) <= set(sent[:8])


async def test_export_gets_its_turn_beside_a_backlog_of_voids(desk: "Desk") -> None:
    depot = Depot(desk, claim=8, parcels=Parcels(30))
    gone = await depot.new(*map(str, range(30)))
    await depot.bench.relay.run_once()
    for load in gone:
        await desk.withdraw(load)
    await desk.new(load="late")
    first: list[int] = []

    async def note(order: Order) -> None:
        first.append(len(depot.bench.voids.sent))

    depot.sender.before_send = note
    await depot.bench.relay.run_once()

    assert [sent < 8 for sent in first] == [True]


async def test_nothing_is_taken_up_before_the_store_has_caught_up(desk: "Desk") -> None:
    ready, bench = False, Bench(desk)
    recorded = await desk.new()
    tables = lanes(routes(bench.tms, bench.accounting, bench.files))
    relays = [
        Relay(
            desk.store,
            name,
            table,
            PACE,
            entity="Acme LLC",
            home_currency="USD",
            clock=desk.clock,
            ended=lambda effect, outcome, fact: None,
            ready=lambda: ready,
        )
        for name, table in tables.items()
    ]

    assert [await relay.run_once() for relay in relays] == [PACE.interval] * 3
    assert (bench.exports.prepared, bench.exports.asked, bench.exports.sent) == ([], [], [])
    assert await desk.standing(recorded) == ["export waiting"]

    ready = True
    for relay in relays:
        await relay.run_once()
    assert (await desk.again(recorded)).state is State.EXPORTED
