from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import pytest
from typing_extensions import override

from adapters.ports import Order, OutcomeUnknown, Rejected, Unauthorized, Unavailable, Verdict
from engine.relay import Relay
from engine.routes import routes
from state.lifecycle import Effect, State, Trigger
from state.problem import problem
from state.transaction import Document
from state.trouble import StoreBusy, StoreError
from tests.unit.fakes import PACE, Bench, FakeSender, spared

if TYPE_CHECKING:
    from tests.unit.conftest import Desk


@pytest.fixture(autouse=True)
def spare(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with spared(monkeypatch):
        yield


@pytest.fixture
def bench(desk: "Desk") -> Bench:
    return Bench(desk)


class Case(NamedTuple):
    """A fault, and what it leads to where nothing has left, and where it has."""

    error: Exception
    before: tuple[str, float, float]  # phase, and the least and the most seconds until it is due
    after: tuple[str, float, float]
    closes: bool = False  # whether the lane rests


NOT_NOW = ("export waiting", 4, 8)  # retry_base less up to half
DOUBT = ("export in_doubt", 180, 180)
CASES = {
    "unavailable": Case(Unavailable("busy"), NOT_NOW, NOT_NOW, closes=True),
    "unavailable for a stated time": Case(
        Unavailable("busy", 77), ("export waiting", 77, 77), ("export waiting", 77, 77), closes=True
    ),
    "unauthorized": Case(Unauthorized("who are you"), NOT_NOW, NOT_NOW, closes=True),
    "outcome unknown": Case(OutcomeUnknown("cut"), NOT_NOW, DOUBT),
    "a bug": Case(RuntimeError("oops"), NOT_NOW, DOUBT),
}


@pytest.mark.parametrize("step", ["prepare", "look_up", "send"])
@pytest.mark.parametrize("name", CASES)
async def test_failure_is_classified_by_what_may_have_left(bench: Bench, step: str, name: str) -> None:
    case = CASES[name]
    recorded = await bench.desk.new()
    bench.exports.fail(step, case.error)

    await bench.relay.run_once()

    phase, least, most = case.after if step == "send" else case.before
    [standing] = await bench.desk.store.standings(recorded.id)
    wait = (standing.due_at - bench.desk.clock.now).total_seconds()
    assert (f"{standing.effect} {standing.phase}", least <= wait <= most) == (phase, True)
    assert (await bench.desk.again(recorded)).state is State.PENDING
    outcome = phase.split()[1].replace("waiting", "postponed")
    assert await bench.desk.outcomes(recorded) == ([outcome] if step == "send" else [])

    await bench.desk.new(load="next")
    await bench.relay.run_once()
    assert ("next" in bench.exports.prepared) is not case.closes

    await bench.drain()
    assert (await bench.desk.again(recorded)).state is State.EXPORTED
    assert len(bench.books.live("id of 1001")) == 1


@pytest.mark.parametrize("step", ["prepare", "look_up", "send"])
async def test_rejected_export_waits_for_a_person(bench: Bench, step: str) -> None:
    recorded = await bench.desk.new()
    bench.exports.fail(step, Rejected(problem("party_missing", "no such customer"), trace="tid-9"))

    await bench.relay.run_once()
    bench.desk.clock.forward(days=30)
    await bench.relay.run_once()

    after = await bench.desk.again(recorded)
    assert (after.state, after.problem) == (State.ERROR, problem("party_missing", "no such customer"))
    assert await bench.desk.standing(recorded) == ["export dead"]
    assert bench.exports.prepared == ["1001"]
    if step == "send":
        [attempt] = await bench.desk.store.attempts(recorded.id)
        assert (attempt.outcome, attempt.trace) == ("refused", "tid-9")

    await bench.desk.store.retry(recorded.id, bench.desk.cause)
    await bench.relay.run_once()
    assert (await bench.desk.again(recorded)).state is State.EXPORTED


async def test_message_that_fails_again_and_again_is_put_off_longer_each_time(bench: Bench) -> None:
    recorded = await bench.desk.new()
    bench.exports.fail("prepare", RuntimeError("oops"), times=9)

    for failures in range(9):
        await bench.relay.run_once()
        [standing] = await bench.desk.store.standings(recorded.id)
        full = min(8 * 2**failures, 600)
        assert full / 2 <= (standing.due_at - bench.desk.clock.now).total_seconds() <= full
        bench.desk.clock.now = standing.due_at


# -- lanes ------------------------------------------------------------------------------------------------------------


async def test_throttle_closes_its_own_lane_for_as_long_as_stated_and_no_other(bench: Bench) -> None:
    told = await bench.desk.exported(load="paid")
    bench.exports.fail("prepare", Unavailable("throttled", 25))
    await bench.desk.new(load="1")
    assert await bench.relay.run_once() == 25

    await bench.desk.new(load="2")
    report = bench.desk.payment()
    await bench.desk.apply(told, Trigger.PAYMENT_RECORDED, report=report, paid=report.amount)
    bench.desk.clock.forward(seconds=24)
    rest = await bench.relay.run_once()
    assert (rest, bench.exports.prepared, len(bench.told.documents)) == (1, ["1"], 1)

    bench.desk.clock.forward(seconds=1)
    await bench.relay.run_once()
    assert (sorted(bench.exports.prepared), len(bench.books.documents)) == (["1", "1", "2"], 2)


@pytest.mark.parametrize("step", ["prepare", "look_up", "send"])
@pytest.mark.parametrize("error", [Unavailable("busy", 25), Unauthorized("who are you")])
async def test_rest_of_a_pass_does_not_go_through_a_lane_that_was_closed(
    desk: "Desk", step: str, error: Exception
) -> None:
    bench = Bench(desk, concurrency=1)
    transactions = [await desk.new(load=str(load)) for load in range(6)]
    bench.exports.fail(step, error)

    await bench.relay.run_once()

    calls: dict[str, Sequence[object]] = {
        "prepare": bench.exports.prepared,
        "look_up": bench.exports.asked,
        "send": bench.exports.sent,
    }
    assert len(calls[step]) == 1
    assert [len(await desk.store.attempts(each.id)) for each in transactions].count(1) == (step == "send")
    await bench.drain()
    assert len(bench.books.documents) == 6


async def test_void_is_not_looked_up_through_the_lane_that_closed_at_the_export(bench: Bench) -> None:
    await bench.desk.exported(load="1")
    await bench.desk.withdraw("1")
    await bench.desk.new(load="2")
    bench.exports.fail("look_up", Unavailable("busy", 25))

    await bench.relay.run_once()

    assert (bench.exports.asked, bench.voids.asked) == ([["2"]], [])


async def test_one_outage_met_by_many_counts_as_one_failure(bench: Bench) -> None:
    for load in range(4):
        await bench.desk.new(load=str(load))
    bench.exports.fail("send", Unavailable("down"), times=4)

    assert await bench.relay.run_once() <= 8
    assert len(bench.exports.sent) == 4  # all of them were under way when the first failed


async def test_lane_stays_away_longer_with_each_failure_in_a_row_until_something_is_carried_out(desk: "Desk") -> None:
    bench = Bench(desk, interval=10_000)
    await desk.new()
    bench.exports.fail("prepare", Unavailable("down"), times=9)

    async def closed() -> float:
        """Return for how many seconds the next pass closes the lane of accounting."""
        desk.clock.forward(days=1)
        await bench.relay.run_once()
        return bench.relay.lanes["accounting"]._door.rest(desk.clock.now)

    for failures in range(9):
        full = min(8 * 2**failures, 600)
        assert full / 2 <= await closed() <= full

    await bench.drain()
    await desk.new(load="2")
    bench.exports.fail("prepare", Unavailable("down"))
    assert 4 <= await closed() <= 8


# -- poison -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["prepare", "look_up", "send"])
@pytest.mark.parametrize("error", [RuntimeError("oops"), Rejected(problem("shape_unknown"))])
async def test_poison_message_never_stops_the_others(bench: Bench, step: str, error: Exception) -> None:
    good = [await bench.desk.new(load=load) for load in ("1", "2")]
    poison = await bench.desk.new(load="poison")
    good += [await bench.desk.new(load=load) for load in ("3", "4", "5")]
    bench.exports.fail(step, error, "poison", times=100)

    await bench.relay.run_once()

    assert {(await bench.desk.again(each)).state for each in good} == {State.EXPORTED}
    assert (await bench.desk.again(poison)).state in {State.PENDING, State.ERROR}
    assert bench.books.live("id of poison") == []


async def test_group_that_meets_an_outage_is_not_asked_for_again_in_halves(bench: Bench) -> None:
    for load in ("1", "2", "3", "4"):
        await bench.desk.new(load=load)
    bench.exports.fail("look_up", OutcomeUnknown("no answer"))

    await bench.relay.run_once()

    assert len(bench.exports.asked) == 1


class Forgetful(FakeSender):
    """Says nothing of one of the orders it is asked about."""

    @override
    async def look_up(self, orders: Sequence[Order]) -> Mapping[int, Verdict]:
        verdicts = await super().look_up(orders)
        silent = {order.claim.message.id for order in orders if order.claim.transaction.label == "poison"}
        return {message: verdict for message, verdict in verdicts.items() if message not in silent}


async def test_order_without_a_verdict_is_not_sent_and_does_not_stop_the_others(bench: Bench) -> None:
    bench.exports = bench.accounting.exports = Forgetful(bench.books)
    bench.restart(bench.desk)
    poison = await bench.desk.new(load="poison")
    good = await bench.desk.new(load="1")

    await bench.relay.run_once()

    assert (await bench.desk.again(good)).state is State.EXPORTED
    assert await bench.desk.standing(poison) == ["export waiting"]
    assert bench.books.live("id of poison") == []


async def test_document_that_belongs_to_another_transaction_stops_only_its_own(bench: Bench) -> None:
    await bench.desk.new(load="owner")
    await bench.desk.finish(await bench.desk.announced(), bench.desk.yes("d1"))
    assert bench.books.by_hand("N1001", source="id of poison").id == "d1"
    poison = await bench.desk.new(load="poison")
    good = [await bench.desk.new(load=load) for load in ("1", "2", "3")]

    await bench.relay.run_once()

    assert {(await bench.desk.again(each)).state for each in good} == {State.EXPORTED}
    assert await bench.desk.standing(poison) == ["export waiting"]


async def test_answer_with_the_document_of_another_transaction_leaves_doubt(bench: Bench) -> None:
    await bench.desk.new(load="owner")
    owner = await bench.desk.finish(await bench.desk.announced(), bench.desk.yes("d1"))
    assert owner.document == Document("d1", "N1001", "0")
    mixed_up = await bench.desk.new(load="mixed up")
    await bench.relay.run_once()

    assert await bench.desk.standing(mixed_up) == ["export in_doubt"]
    assert (await bench.desk.again(owner)).document == owner.document


async def test_store_that_can_not_be_used_ends_the_pass(bench: Bench) -> None:
    await bench.desk.new()
    bench.exports.before_send = lambda order: bench.desk.crash()

    with pytest.raises(ExceptionGroup) as caught:
        await bench.relay.run_once()

    assert caught.value.subgroup(StoreError) is not None


async def test_owner_whose_store_was_taken_over_ends_and_sends_nothing(bench: Bench) -> None:
    await bench.desk.new()
    await bench.desk.store._database.run(lambda work: work.rows("begin_run", now=0))

    with pytest.raises(ExceptionGroup) as caught:
        await bench.relay.run_once()

    assert caught.value.subgroup(StoreBusy) is not None
    assert bench.exports.sent == []


async def test_store_that_fails_while_a_request_is_prepared_ends_the_pass(bench: Bench) -> None:
    await bench.desk.new()
    bench.exports.fail("prepare", StoreError("the disk is full"))

    with pytest.raises(ExceptionGroup) as caught:
        await bench.relay.run_once()

    assert caught.value.subgroup(StoreError) is not None


async def test_outcome_the_store_failed_to_keep_is_not_replaced_by_another(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*given: object, **facts: object) -> None:
        monkeypatch.undo()
        raise StoreError("the disk is full")

    recorded = await bench.desk.new()
    monkeypatch.setattr(bench.desk.store, "finish_all", full)

    with pytest.raises(ExceptionGroup):
        await bench.relay.run_once()

    assert await bench.desk.standing(recorded) == ["export sent"]


async def test_relay_knows_only_the_effects_of_its_table(bench: Bench) -> None:
    table = {
        effect: route
        for effect, route in routes(bench.tms, bench.accounting, bench.files).items()
        if route.lane == "tms"
    }
    await bench.desk.new()
    relay = Relay(
        bench.desk.store,
        "tms",
        {Effect.REPORT_PAYMENT: table[Effect.REPORT_PAYMENT]},
        PACE,
        entity="Acme LLC",
        home_currency="USD",
        clock=bench.desk.clock,
        ended=lambda effect, outcome, fact: None,
    )

    await relay.run_once()

    assert bench.exports.prepared == []
