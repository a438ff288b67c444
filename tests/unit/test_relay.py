import shutil
import sqlite3
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import pytest
from msgspec.structs import replace

from adapters.ports import Order, OutcomeUnknown, Rejected
from engine.routes import Route, request_id, routes
from state.lifecycle import Effect, State, Trigger
from state.problem import problem
from state.store import Filter
from state.transaction import Document, Kind, Line, Money
from tests.unit.fakes import Bench, spared

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from state.transaction import Transaction
    from tests.unit.conftest import Desk


@pytest.fixture(autouse=True)
def spare(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with spared(monkeypatch):
        yield


@pytest.fixture
def bench(desk: "Desk") -> Bench:
    return Bench(desk)


async def paid_in_part(bench: Bench, reference: str = "payment-1") -> "Transaction":
    """Leave one report about a transaction that accounting holds."""
    transaction = await bench.desk.exported()
    report = bench.desk.payment(note=reference)
    return await bench.desk.apply(transaction, Trigger.PAYMENT_RECORDED, report=report, paid=report.amount)


# -- the table --------------------------------------------------------------------------------------------------------


def test_routes_lead_each_effect_to_its_vendor_and_back_as_a_fact(bench: Bench) -> None:
    assert routes(bench.tms, bench.accounting, bench.files) == {
        Effect.EXPORT: Route("accounting", bench.exports, Trigger.EXPORT_CONFIRMED, Trigger.EXPORT_REJECTED),
        Effect.VOID: Route("accounting", bench.voids, Trigger.VOID_CONFIRMED, None),
        Effect.REPORT_PAYMENT: Route("tms", bench.reports, None, None),
        Effect.ATTACH: Route("attachments", bench.files, None, None),
    }
    assert set(routes(bench.tms, bench.accounting, bench.files)) == set(Effect)


async def test_each_effect_waits_in_the_lane_of_its_route(bench: Bench) -> None:
    async def void() -> None:
        await bench.desk.exported(load="2")
        await bench.desk.withdraw("2")

    wishes: dict[Effect, Callable[[], Awaitable[Any]]] = {
        Effect.REPORT_PAYMENT: lambda: paid_in_part(bench),
        Effect.VOID: void,
        Effect.EXPORT: lambda: bench.desk.new(load="3"),
    }
    table = routes(bench.tms, bench.accounting, bench.files)
    for effect, wish in wishes.items():
        await wish()
        assert effect in {claim.message.effect for claim in await bench.desk.store.claim([table[effect].lane], 9)}


async def test_relay_tells_each_fact_that_moved_a_transaction(bench: Bench) -> None:
    await bench.desk.new(load="1")
    await bench.relay.run_once()
    await bench.desk.withdraw("1")
    await bench.relay.run_once()

    assert bench.moved == [Trigger.EXPORT_CONFIRMED, Trigger.VOID_CONFIRMED]


# -- the order of a pass ----------------------------------------------------------------------------------------------


async def test_nothing_is_sent_before_the_file_announces_it(bench: Bench, path: Path, tmp_path: Path) -> None:
    seen: list[tuple[Any, ...]] = []

    async def read_the_file(order: Order) -> None:
        for suffix in ("", "-wal"):
            shutil.copy(f"{path}{suffix}", tmp_path / f"copy.db{suffix}")
        copy = sqlite3.connect(tmp_path / "copy.db")
        seen.extend(
            copy.execute(
                "SELECT m.phase, m.request_id, m.body, a.request_id, a.body_digest, a.ended_at"
                " FROM messages m JOIN attempts a ON a.message_id = m.id"
            )
        )
        copy.close()

    bench.exports.before_send = read_the_file
    await bench.desk.new()

    await bench.relay.run_once()

    [order] = bench.exports.sent
    digest = sha256(order.body).hexdigest()
    assert seen == [("sent", order.request_id, order.body, order.request_id, digest, None)]


async def test_everything_due_is_prepared_and_looked_up_in_one_question_before_any_is_sent(bench: Bench) -> None:
    moments: list[tuple[str, int, int]] = []

    async def at_look_up() -> None:
        moments.append(("look up", len(bench.exports.prepared), len(bench.exports.sent)))

    bench.exports.before_look_up = at_look_up
    loads = ["1", "2", "3", "4", "5"]
    for load in loads:
        await bench.desk.new(load=load)

    await bench.relay.run_once()

    assert moments == [("look up", 5, 0)]
    assert [sorted(asked) for asked in bench.exports.asked] == [loads]
    assert sorted(order.claim.transaction.label for order in bench.exports.sent) == loads


async def test_no_more_requests_are_under_way_than_the_pace_allows(desk: "Desk") -> None:
    bench, under_way, most, full = Bench(desk, concurrency=2), 0, 0, anyio.Event()

    async def count(order: Order) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        if under_way == bench.pace.concurrency:
            full.set()
        with anyio.move_on_after(5):
            await full.wait()
        for _ in range(5):
            await anyio.lowlevel.checkpoint()
        under_way -= 1

    bench.exports.before_send = count
    for load in range(6):
        await desk.new(load=str(load))

    await bench.relay.run_once()

    assert (most, len(bench.exports.sent)) == (2, 6)


# -- what was found ---------------------------------------------------------------------------------------------------


async def test_absent_document_is_made_once_and_linked(bench: Bench) -> None:
    recorded = await bench.desk.new("100.00")

    await bench.relay.run_once()
    await bench.relay.run_once()

    [held] = bench.books.documents
    after = await bench.desk.again(recorded)
    assert (held.minor, held.number, after.state, after.document) == (10_000, "N1001", State.EXPORTED, held.document)
    [attempt] = await bench.desk.store.attempts(recorded.id)
    assert (attempt.outcome, attempt.trace) == ("delivered", "tid 1")
    assert bench.ended == [(Effect.EXPORT, "Delivered")]


async def test_document_that_is_there_already_is_adopted_and_never_sent(bench: Bench) -> None:
    held = bench.books.by_hand("N1001", source="id of 1001", minor=10_000)
    recorded = await bench.desk.new()

    await bench.relay.run_once()

    after = await bench.desk.again(recorded)
    assert (after.state, after.document) == (State.EXPORTED, held.document)
    assert (bench.exports.sent, await bench.desk.outcomes(recorded)) == ([], [])
    assert (await bench.desk.store.history(recorded.id))[-1].reason == "found in accounting"


async def test_foreign_document_in_its_place_is_a_problem_for_a_person(bench: Bench) -> None:
    bench.books.by_hand("N1001")
    recorded = await bench.desk.new()

    await bench.relay.run_once()

    after = await bench.desk.again(recorded)
    assert (after.state, after.problem and after.problem.code) == (State.ERROR, "number_taken")
    assert (bench.exports.sent, await bench.desk.standing(recorded)) == ([], ["export dead"])


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"content": None, "problem": problem("date_missing")}, "date_missing"),
        ({"content": None}, "shape_unknown"),
        ({"amount": "-5.00"}, "total_negative"),
        ({"currency": "CAD"}, "currency_foreign"),
    ],
)
async def test_content_that_must_not_be_sent_ends_in_its_own_error(
    bench: Bench, fields: dict[str, Any], code: str
) -> None:
    recorded = await bench.desk.new(**fields)

    await bench.relay.run_once()

    after = await bench.desk.again(recorded)
    assert (after.state, after.problem and after.problem.code) == (State.ERROR, code)
    assert (bench.exports.prepared, bench.exports.asked, bench.exports.sent) == ([], [], [])


async def test_lines_that_do_not_sum_to_the_total_are_never_sent(bench: Bench) -> None:
    sourced = bench.desk.sourced("100.00")
    assert sourced.content is not None
    odd = replace(sourced.content, lines=(Line("linehaul", "Linehaul", Money(9_999)),))
    recorded = await bench.desk.new(content=odd)

    await bench.relay.run_once()

    after = await bench.desk.again(recorded)
    assert (after.state, after.problem and after.problem.code) == (State.ERROR, "lines_unequal_total")
    assert bench.exports.sent == []


# -- voids and reports ------------------------------------------------------------------------------------------------


async def test_withdrawn_document_leaves_the_books(bench: Bench) -> None:
    recorded = await bench.desk.new()
    await bench.relay.run_once()
    await bench.desk.withdraw()

    await bench.relay.run_once()

    after = await bench.desk.again(recorded)
    assert (after.state, after.document, bench.books.live("id of 1001")) == (State.REVERTED, None, [])


async def test_void_with_nothing_to_void_asks_nobody(bench: Bench) -> None:
    recorded = await bench.desk.new()
    bench.exports.fail("send", OutcomeUnknown("cut"))
    await bench.relay.run_once()
    await bench.desk.withdraw()
    assert await bench.desk.standing(recorded) == ["export in_doubt", "void waiting"]

    bench.exports.fail("send", Rejected(problem("party_missing")))
    await bench.drain()

    after = await bench.desk.again(recorded)
    assert (after.state, bench.voids.prepared, bench.books.documents) == (State.REVERTED, [], [])


async def test_refused_void_changes_no_state_and_waits_for_a_person(bench: Bench) -> None:
    recorded = await bench.desk.new()
    await bench.relay.run_once()
    await bench.desk.withdraw()
    bench.voids.fail("send", Rejected(problem("document_lost")))

    await bench.relay.run_once()
    await bench.relay.run_once()

    assert (await bench.desk.again(recorded)).state is State.EXPORTED
    assert await bench.desk.standing(recorded) == ["void dead"]

    await bench.desk.store.retry(recorded.id, bench.desk.cause)
    await bench.relay.run_once()

    assert (await bench.desk.again(recorded)).state is State.REVERTED
    first, second = bench.voids.sent
    assert first.request_id != second.request_id


async def test_payment_is_told_to_the_tms_once(bench: Bench) -> None:
    transaction = await paid_in_part(bench, "payment-7")

    await bench.relay.run_once()
    await bench.relay.run_once()

    assert [(told.source, told.minor) for told in bench.told.documents] == [("payment-7", 4_000)]
    assert (await bench.desk.again(transaction)).state is State.EXPORTED
    assert await bench.desk.standing(transaction) == []


async def test_refused_report_leaves_the_transaction_as_it_is(bench: Bench) -> None:
    transaction = await paid_in_part(bench)
    bench.reports.fail("send", Rejected(problem("shape_unknown")))

    await bench.relay.run_once()

    assert (await bench.desk.again(transaction)).version == transaction.version
    assert await bench.desk.standing(transaction) == ["report_payment dead"]


# -- overtaken --------------------------------------------------------------------------------------------------------


async def test_revision_that_arrives_before_the_announcement_is_sent_in_place_of_the_old(bench: Bench) -> None:
    recorded = await bench.desk.new("100.00")
    bench.exports.before_look_up = lambda: bench.desk.record("120.00")

    await bench.relay.run_once()
    assert bench.exports.sent == []
    await bench.relay.run_once()

    after = await bench.desk.again(recorded)
    assert [held.minor for held in bench.books.documents] == [12_000]
    assert (after.state, after.revision, len(bench.exports.sent)) == (State.EXPORTED, 2, 1)


async def test_transaction_forced_before_the_announcement_is_not_sent(bench: Bench) -> None:
    recorded = await bench.desk.new()
    bench.exports.before_look_up = lambda: bench.desk.store.force(
        recorded.id, State.PENDING, State.ERROR, bench.desk.cause
    )

    await bench.relay.run_once()
    await bench.relay.run_once()

    assert (await bench.desk.again(recorded)).state is State.ERROR
    assert (bench.exports.sent, bench.books.documents, bench.ended) == ([], [], [])


async def test_transaction_withdrawn_before_the_announcement_is_not_sent(bench: Bench) -> None:
    recorded = await bench.desk.new()
    bench.exports.before_look_up = bench.desk.withdraw

    await bench.relay.run_once()
    await bench.relay.run_once()

    assert (await bench.desk.again(recorded)).state is State.REVERTED
    assert bench.exports.sent == []


async def test_outcome_of_a_message_that_was_replaced_is_not_recorded(bench: Bench) -> None:
    held = bench.books.by_hand("N1001")  # the old revision would end in a conflict
    recorded = await bench.desk.new("100.00")

    async def corrected() -> None:
        bench.exports.before_look_up = None
        await bench.desk.record("120.00")

    bench.exports.before_look_up = corrected
    await bench.relay.run_once()

    assert (await bench.desk.again(recorded)).state is State.PENDING
    assert bench.ended == []
    held.gone = True
    await bench.relay.run_once()
    assert (await bench.desk.again(recorded)).state is State.EXPORTED


async def test_revision_that_arrives_while_the_old_is_in_flight_updates_the_same_document(bench: Bench) -> None:
    recorded = await bench.desk.new("100.00")

    async def corrected(order: Order) -> None:
        bench.exports.before_send = None
        await bench.desk.record("120.00")

    bench.exports.before_send = corrected
    await bench.relay.run_once()
    assert (await bench.desk.again(recorded)).state is State.PENDING
    await bench.relay.run_once()

    after = await bench.desk.again(recorded)
    [held] = bench.books.documents
    assert (held.minor, held.version) == (12_000, 1)
    assert (after.state, after.document) == (State.EXPORTED, held.document)
    assert await bench.desk.told(recorded) == [
        "recorded: None -> pending",
        "source_changed: pending -> pending",
        "export_overtaken: pending -> pending",
        "export_confirmed: pending -> exported",
    ]


async def test_refusal_of_an_old_revision_says_nothing_about_the_new(bench: Bench) -> None:
    recorded = await bench.desk.new("100.00")
    bench.exports.before_send = lambda order: bench.desk.record("120.00")
    bench.exports.fail("send", Rejected(problem("party_missing")))

    await bench.relay.run_once()
    assert (await bench.desk.again(recorded)).state is State.PENDING
    await bench.relay.run_once()

    assert [held.minor for held in bench.books.documents] == [12_000]
    assert (await bench.desk.again(recorded)).state is State.EXPORTED


# -- the name of a request --------------------------------------------------------------------------------------------


async def test_request_id_is_derived_from_the_intent_and_nothing_else(bench: Bench) -> None:
    transaction = await paid_in_part(bench)
    [claim] = await bench.desk.store.claim(["tms"], 1)
    message, report = claim.message, claim.message.report
    assert report is not None
    same = [
        replace(claim, message=replace(message, id=99, attempts=7, reads=1, tries=2, due_at=bench.desk.clock.now)),
        replace(claim, transaction=replace(transaction, label="x", version=9, state=State.PAID)),
        replace(claim, message=replace(message, report=replace(report, amount=Money(1)))),
    ]
    other = [
        replace(claim, transaction=replace(transaction, kind=Kind.CARRIER_BILL)),
        replace(claim, transaction=replace(transaction, source_id="another")),
        replace(claim, transaction=replace(transaction, document=None)),
        replace(claim, message=replace(message, effect=Effect.VOID)),
        replace(claim, message=replace(message, generation=2)),
        replace(claim, message=replace(message, revision=2)),
        replace(claim, message=replace(message, round=message.round + 1)),
        replace(claim, due=claim.due + 1),
    ]

    name = request_id("Acme LLC", claim)

    assert len(name) == 32
    assert int(name, 16) >= 0
    assert {request_id("Acme LLC", each) for each in same} == {name}
    ids = {name, request_id("Other LLC", claim), *(request_id("Acme LLC", each) for each in other)}
    assert len(ids) == len(other) + 2


# -- when to come back ------------------------------------------------------------------------------------------------


async def test_idle_relay_rests_for_the_interval(bench: Bench) -> None:
    assert await bench.relay.run_once() == 30


async def test_backlog_is_sent_in_one_pass_group_by_group(desk: "Desk") -> None:
    bench = Bench(desk, claim=2)
    for load in ("1", "2", "3", "4", "5"):
        await desk.new(load=load)

    rest = await bench.relay.run_once()

    assert (rest, len(bench.books.documents)) == (30, 5)
    assert bench.exports.asked == [["1", "2"], ["3", "4"], ["5"]]


async def test_backlog_shows_group_by_group_that_it_goes_on(desk: "Desk") -> None:
    beats: list[int] = []
    bench = Bench(desk, claim=2)
    relay = bench.relay.lanes["accounting"]
    relay._beat = lambda: beats.append(len(bench.exports.asked))
    for load in ("1", "2", "3"):
        await desk.new(load=load)

    await relay.run_once()

    assert beats == [1, 2]


async def test_relay_told_to_stop_lets_what_has_left_end_and_takes_up_nothing_more(desk: "Desk") -> None:
    bench = Bench(desk, claim=2, concurrency=1)
    for load in ("1", "2", "3", "4"):
        await desk.new(load=load)

    async def stop(order: Order) -> None:
        bench.relay.lanes["accounting"].stop()

    bench.exports.before_send = stop
    await bench.relay.run_once()

    assert (len(bench.books.documents), len(bench.exports.sent)) == (1, 1)
    assert [each.state for each in await desk.store.page(Filter(state=State.EXPORTED))] == [State.EXPORTED]
    assert await desk.store.claim(["accounting"], 9) != []


async def test_relay_rests_until_the_next_message_is_due(bench: Bench) -> None:
    await bench.desk.new()
    claim = await bench.desk.claim()
    await bench.desk.finish(claim, bench.desk.later(seconds=12))

    assert await bench.relay.run_once() == 12


async def test_update_of_a_document_is_another_request_than_its_creation(bench: Bench) -> None:
    await bench.desk.new()
    creation = await bench.desk.claim()
    held = replace(creation.transaction, document=Document("145", None, "0"))

    assert request_id("acme", creation) != request_id("acme", replace(creation, transaction=held))
