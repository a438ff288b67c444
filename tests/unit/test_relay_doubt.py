from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from adapters.ports import OutcomeUnknown, Rejected, Unavailable
from engine.routes import request_id
from state.lifecycle import State
from state.problem import problem
from tests.unit.fakes import Bench, spared

if TYPE_CHECKING:
    from state.transaction import Transaction
    from tests.unit.conftest import Desk, OpenDesk

LOST = OutcomeUnknown("the answer was cut")
QUIET, PAUSE = 180, 5


@pytest.fixture(autouse=True)
def spare(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with spared(monkeypatch):
        yield


@pytest.fixture
def bench(desk: "Desk") -> Bench:
    """A relay whose vendor remembers no request id: nothing but the relay's own rules prevents a duplicate."""
    return Bench(desk, replays=False)


async def in_doubt(bench: Bench, *, travel: float | None = None) -> "Transaction":
    """Leave an export of which nobody knows the outcome; it arrives after `travel` seconds, or never."""
    recorded = await bench.desk.new()
    if travel is None:
        bench.exports.fail("send", LOST)
    else:
        bench.exports.lose_answer(LOST, travel=travel)
    await bench.relay.run_once()
    assert await bench.desk.standing(recorded) == ["export in_doubt"]
    bench.exports.asked.clear()
    return recorded


async def after(bench: Bench, seconds: float) -> None:
    bench.desk.clock.forward(seconds=seconds)
    await bench.relay.run_once()


# -- quiet, look twice, send the same again ---------------------------------------------------------------------------


async def test_nobody_is_asked_during_the_quiet_period(bench: Bench) -> None:
    await in_doubt(bench)

    await after(bench, QUIET - 0.001)
    assert bench.exports.asked == []
    await after(bench, 0.001)
    assert bench.exports.asked == [["1001"]]


async def test_request_is_sent_again_only_after_two_agreeing_looks_and_is_the_same(bench: Bench) -> None:
    recorded = await in_doubt(bench)

    await after(bench, QUIET)
    await after(bench, PAUSE - 0.001)
    assert (len(bench.exports.asked), len(bench.exports.sent)) == (1, 1)
    await after(bench, 0.001)

    assert (len(bench.exports.asked), len(bench.exports.sent)) == (2, 2)
    first, second = bench.exports.sent
    assert (first.request_id, first.body) == (second.request_id, second.body)
    assert bench.exports.prepared == ["1001"]  # what was sent once is never made anew
    assert (await bench.desk.again(recorded)).state is State.EXPORTED
    assert await bench.desk.outcomes(recorded) == ["in_doubt", "delivered"]


@pytest.mark.parametrize(("travel", "looks"), [(0, 1), (179, 1), (182, 2)])
async def test_document_that_landed_late_is_adopted_and_never_sent_again(
    bench: Bench, travel: float, looks: int
) -> None:
    recorded = await in_doubt(bench, travel=travel)

    await bench.drain()

    [held] = bench.books.live("id of 1001")
    found = await bench.desk.again(recorded)
    assert (found.state, found.document) == (State.EXPORTED, held.document)
    assert (len(bench.exports.sent), len(bench.exports.asked)) == (1, looks)


async def test_look_that_fails_neither_counts_nor_undoes_the_one_before(bench: Bench) -> None:
    await in_doubt(bench)
    await after(bench, QUIET)
    bench.exports.fail("look_up", Unavailable("busy", 1))
    await after(bench, PAUSE)
    assert len(bench.exports.sent) == 1

    await after(bench, 1)

    assert len(bench.exports.sent) == 2


async def test_two_looks_have_to_agree_anew_after_each_send(bench: Bench) -> None:
    await in_doubt(bench)
    bench.exports.fail("send", LOST)
    await after(bench, QUIET)
    await after(bench, PAUSE)
    assert len(bench.exports.sent) == 2

    await after(bench, QUIET)
    assert len(bench.exports.sent) == 2
    await after(bench, PAUSE)
    assert len(bench.exports.sent) == 3


async def test_after_so_many_rounds_a_person_decides_with_the_evidence(bench: Bench) -> None:
    recorded = await in_doubt(bench)
    bench.exports.fail("send", LOST, times=10)

    await bench.drain()

    given_up = await bench.desk.again(recorded)
    assert (given_up.state, given_up.problem) == (State.ERROR, problem("outcome_undecided", "3 tries"))
    assert len({(order.request_id, order.body) for order in bench.exports.sent}) == 1
    assert len(bench.exports.sent) == 3
    assert await bench.desk.outcomes(recorded) == ["in_doubt"] * 3


async def test_what_stands_in_the_way_ends_the_doubt(bench: Bench) -> None:
    recorded = await in_doubt(bench)
    bench.books.by_hand("N1001")

    await after(bench, QUIET)

    refused = await bench.desk.again(recorded)
    assert (refused.state, refused.problem and refused.problem.code) == (State.ERROR, "number_taken")
    assert len(bench.exports.sent) == 1


@pytest.mark.parametrize("error", [Rejected(problem("shape_unknown")), RuntimeError("oops"), OutcomeUnknown("cut")])
async def test_look_that_is_refused_does_not_pass_for_a_refused_document(bench: Bench, error: Exception) -> None:
    recorded = await in_doubt(bench, travel=0)
    bench.exports.fail("look_up", error)

    await after(bench, QUIET)

    assert await bench.desk.standing(recorded) == ["export in_doubt"]
    await bench.drain()
    assert (await bench.desk.again(recorded)).state is State.EXPORTED
    assert len(bench.exports.sent) == 1


async def test_other_transactions_do_not_wait_for_the_one_in_doubt(bench: Bench) -> None:
    await in_doubt(bench)
    other = await bench.desk.new(load="2")

    await bench.relay.run_once()

    assert (await bench.desk.again(other)).state is State.EXPORTED


async def test_new_revision_waits_until_the_doubt_about_the_old_has_ended(bench: Bench) -> None:
    recorded = await in_doubt(bench, travel=100)
    await bench.desk.record("120.00")

    await bench.relay.run_once()
    assert len(bench.exports.sent) == 1
    await bench.drain()

    [held] = bench.books.documents
    assert (held.minor, (await bench.desk.again(recorded)).state) == (12_000, State.EXPORTED)


async def test_doubt_is_decided_with_the_frozen_request_though_a_new_revision_waits(bench: Bench) -> None:
    await in_doubt(bench)
    await bench.desk.record("120.00")

    await bench.drain()

    old, again, update = bench.exports.sent
    assert (old.request_id, old.body) == (again.request_id, again.body)
    assert update.request_id != old.request_id
    assert [held.minor for held in bench.books.documents] == [12_000]


# -- restarts ---------------------------------------------------------------------------------------------------------


async def stop_in_flight(bench: Bench, *, cleanly: bool) -> "Transaction":
    """Announce an export and end before it has left."""
    recorded = await bench.desk.new()
    await bench.desk.announced(request="the request", body=b"frozen")
    bench.desk.clock.forward(seconds=100)
    await (bench.desk.store.close() if cleanly else bench.desk.crash())
    bench.desk.clock.forward(seconds=20)
    return recorded


@pytest.mark.parametrize(("cleanly", "left"), [(True, QUIET - 120), (False, QUIET)])
async def test_quiet_counts_from_the_send_after_a_clean_stop_and_from_the_start_after_any_other(
    bench: Bench, open_desk: "OpenDesk", *, cleanly: bool, left: float
) -> None:
    recorded = await stop_in_flight(bench, cleanly=cleanly)

    bench.restart(await open_desk())

    [standing] = await bench.desk.store.standings(recorded.id)
    assert standing.due_at - bench.desk.clock.now == timedelta(seconds=left)
    await after(bench, left - 0.001)
    assert bench.exports.asked == []
    await after(bench, 0.001)
    assert bench.exports.asked == [["1001"]]


async def test_restarted_relay_names_the_same_intent_the_same(bench: Bench, open_desk: "OpenDesk") -> None:
    await in_doubt(bench)
    for _ in range(2):
        await bench.desk.crash()
        bench.restart(await open_desk())
    await bench.drain()

    first, second = bench.exports.sent
    assert (first.request_id, first.body) == (second.request_id, second.body)


async def test_restart_that_lost_a_prepared_request_derives_its_id_again(bench: Bench, open_desk: "OpenDesk") -> None:
    await bench.desk.new()
    intended = request_id("Acme LLC", await bench.desk.claim())
    bench.exports.before_look_up = bench.desk.crash
    with pytest.raises(BaseExceptionGroup):
        await bench.relay.run_once()
    bench.exports.before_look_up = None
    bench.restart(await open_desk())

    await bench.relay.run_once()

    assert [order.request_id for order in bench.exports.sent] == [intended]


# -- the id of the next request ---------------------------------------------------------------------------------------


async def ids(bench: Bench) -> tuple[str, str]:
    """Run to the end and return the ids of the first and the last request."""
    await bench.drain()
    return bench.exports.sent[0].request_id, bench.exports.sent[-1].request_id


async def test_try_after_a_definite_no_is_a_new_request(bench: Bench) -> None:
    await bench.desk.new()
    bench.exports.fail("send", Unavailable("busy"))

    first, last = await ids(bench)

    assert first != last


async def test_retry_after_a_rejection_is_a_new_request(bench: Bench) -> None:
    recorded = await bench.desk.new()
    bench.exports.fail("send", Rejected(problem("party_missing")))
    await bench.drain()
    await bench.desk.store.retry(recorded.id, bench.desk.cause)

    first, last = await ids(bench)

    assert first != last


async def test_retry_of_what_stayed_undecided_is_the_same_request(bench: Bench) -> None:
    recorded = await in_doubt(bench)
    bench.exports.fail("send", LOST, times=2)
    await bench.drain()
    assert (await bench.desk.again(recorded)).state is State.ERROR
    await bench.desk.store.retry(recorded.id, bench.desk.cause)

    first, last = await ids(bench)

    assert (first, (await bench.desk.again(recorded)).state) == (last, State.EXPORTED)


async def test_vendor_that_remembers_ids_makes_one_document_of_a_request_that_is_later_than_every_look(
    desk: "Desk",
) -> None:
    bench = Bench(desk, replays=True)
    await in_doubt(bench, travel=10_000)
    await bench.drain()

    desk.clock.forward(seconds=10_000)

    assert len(bench.books.live("id of 1001")) == 1


async def test_new_revision_is_a_new_request(bench: Bench) -> None:
    await bench.desk.new()
    await bench.drain()
    await bench.desk.record("120.00")

    first, last = await ids(bench)

    assert first != last


async def test_new_generation_is_a_new_request(bench: Bench) -> None:
    recorded = await bench.desk.new()
    await bench.drain()
    await bench.desk.withdraw()
    await bench.drain()
    assert (await bench.desk.again(recorded)).state is State.REVERTED
    await bench.desk.store.force(recorded.id, State.REVERTED, State.PENDING, bench.desk.cause)

    first, last = await ids(bench)

    assert first != last
    assert len(bench.books.live("id of 1001")) == 1
