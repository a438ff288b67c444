from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from state.lifecycle import Effect, State, Trigger
from state.memory import Told
from state.moves import Recorded, StaleTransaction
from state.outbox import Phase
from state.problem import problem
from state.transaction import Document, Money
from state.trouble import StoreBusy

if TYPE_CHECKING:
    from state.outbox import Claim
    from tests.unit.conftest import Desk, OpenDesk

BOTH = ("accounting", "tms")


async def report_payment(desk: "Desk", load: str, *references: str) -> None:
    """Leave one report per reference for a transaction of `load` that accounting holds."""
    transaction = await desk.exported(load=load)
    for reference in references:
        report = desk.payment(note=reference)
        transaction = await desk.apply(transaction, Trigger.PAYMENT_RECORDED, report=report, paid=Money(1))


# -- claim ----------------------------------------------------------------------------------------------------------


async def test_longest_due_is_claimed_first_and_no_more_than_wanted(desk: "Desk") -> None:
    for load in ("1001", "1002", "1003"):
        await desk.new(load=load)
        desk.clock.forward(seconds=1)
    [first] = await desk.store.claim(["accounting"], 1)
    await desk.finish(first, desk.later(minutes=1))
    desk.clock.forward(minutes=2)

    claims = await desk.store.claim(["accounting"], 2)

    assert [claim.transaction.label for claim in claims] == ["1002", "1003"]
    assert [claim.transaction.label for claim in await desk.store.claim(["accounting"], 9)] == ["1002", "1003", "1001"]


async def test_message_is_claimed_only_when_it_is_due(desk: "Desk") -> None:
    await desk.new()
    await desk.finish(await desk.claim(), desk.later(seconds=30))

    desk.clock.forward(seconds=30, microseconds=-1)
    assert await desk.store.claim(BOTH, 10) == []
    desk.clock.forward(microseconds=1)
    assert len(await desk.store.claim(BOTH, 10)) == 1


async def test_only_the_lanes_asked_for_are_claimed(desk: "Desk") -> None:
    await report_payment(desk, "1001", "payment-1")
    await desk.new(load="1002")

    lanes = {lane: await desk.store.claim(lane, 10) for lane in [("accounting",), ("tms",), (), BOTH]}

    assert [claim.message.effect for claim in lanes[("accounting",)]] == [Effect.EXPORT]
    assert [claim.message.effect for claim in lanes[("tms",)]] == [Effect.REPORT_PAYMENT]
    assert lanes[()] == []
    assert {claim.message.effect for claim in lanes[BOTH]} == {Effect.EXPORT, Effect.REPORT_PAYMENT}


async def test_reports_of_one_transaction_leave_one_after_the_other(desk: "Desk") -> None:
    await report_payment(desk, "1001", "payment-1", "payment-2")
    await report_payment(desk, "1002", "payment-3")

    assert [claim.message.report for claim in await desk.store.claim(BOTH, 10)] == [
        desk.payment(note="payment-1"),
        desk.payment(note="payment-3"),
    ]


async def test_nothing_more_of_a_transaction_is_claimed_while_one_is_in_flight(desk: "Desk") -> None:
    await report_payment(desk, "1001", "payment-1", "payment-2")
    sent = await desk.announced("tms")

    assert await desk.store.claim(BOTH, 10) == []
    await desk.finish(sent, desk.yes(None))
    assert (await desk.claim("tms")).message.report == desk.payment(note="payment-2")


async def test_postponed_report_keeps_the_later_ones_waiting(desk: "Desk") -> None:
    await report_payment(desk, "1001", "payment-1", "payment-2")
    await desk.finish(await desk.claim("tms"), desk.later(seconds=30))

    assert await desk.store.claim(BOTH, 10) == []


async def test_revived_report_waits_for_the_later_one_in_flight(desk: "Desk") -> None:
    await report_payment(desk, "1001", "payment-1", "payment-2")
    refused = await desk.announced("tms", request="first")
    await desk.finish(refused, desk.no())
    sent = await desk.announced("tms", request="second")
    await desk.store.retry(sent.transaction.id, desk.cause)

    assert await desk.store.claim(BOTH, 10) == []

    doubtful = desk.unknown(seconds=0)
    await desk.finish(sent, doubtful)
    assert (await desk.claim("tms")).message.request_id == "second"
    await desk.finish(await desk.claim("tms"), desk.yes(None))
    assert (await desk.claim("tms")).message.report == desk.payment(note="payment-1")


async def test_claim_tells_of_the_transaction_as_it_is(desk: "Desk") -> None:
    recorded = await desk.new()

    assert (await desk.claim()).transaction == recorded
    await desk.finish(await desk.announced(), desk.unknown(seconds=0))
    assert (await desk.claim()).transaction == await desk.again(recorded)
    assert (await desk.again(recorded)).in_flight


async def test_message_in_doubt_keeps_what_was_sent(desk: "Desk") -> None:
    await desk.new()
    await desk.finish(
        await desk.announced(request="r-1", body=b'{"Line":[]}'), desk.unknown(reads=1, tries=2, seconds=0)
    )

    message = (await desk.claim()).message

    assert (message.phase, message.request_id, message.body) == (Phase.IN_DOUBT, "r-1", b'{"Line":[]}')
    assert (message.attempts, message.reads, message.tries) == (1, 1, 2)


async def test_next_due_is_that_of_the_earliest_open_message(desk: "Desk") -> None:
    assert await desk.store.next_due(["accounting"]) is None
    await desk.new()
    assert await desk.store.next_due(["accounting"]) == desk.clock.now

    sent = await desk.announced()
    assert await desk.store.next_due(["accounting"]) is None
    await desk.finish(sent, desk.unknown(seconds=180))
    assert await desk.store.next_due(["accounting"]) == desk.clock.now + timedelta(seconds=180)


async def test_message_that_is_held_up_is_not_due(desk: "Desk") -> None:
    await desk.new("100.00")
    await desk.announced()
    await desk.record("120.00")

    assert await desk.store.next_due(["accounting"]) is None


async def test_message_of_a_closed_lane_is_not_due(desk: "Desk") -> None:
    await desk.new()

    assert await desk.store.next_due(["tms"]) is None


# -- announce -------------------------------------------------------------------------------------------------------


async def test_request_is_written_down_before_it_leaves(desk: "Desk") -> None:
    recorded = await desk.new()

    sent = await desk.announced(request="r-1", body=b"frozen")

    assert (sent.message.phase, sent.message.attempts) == (Phase.SENT, 1)
    assert (sent.message.request_id, sent.message.body) == ("r-1", b"frozen")
    assert await desk.standing(recorded) == ["export sent"]
    [attempt] = await desk.store.attempts(recorded.id)
    assert (attempt.effect, attempt.number, attempt.request_id) == (Effect.EXPORT, 1, "r-1")
    assert (attempt.started_at, attempt.ended_at, attempt.outcome) == (desk.clock.now, None, None)
    [kept] = await desk.execute("SELECT body, sent_at, (SELECT body_digest FROM attempts) AS digest FROM messages")
    assert (kept["body"], kept["digest"]) == (b"frozen", sha256(b"frozen").hexdigest())


async def test_message_replaced_since_it_was_claimed_never_leaves(desk: "Desk") -> None:
    recorded = await desk.new("100.00")
    claim = await desk.claim()
    await desk.record("120.00")

    with pytest.raises(StaleTransaction, match="replaced before it left"):
        await desk.announce(claim, "r-1", b"")
    assert await desk.standing(recorded) == ["export waiting"]
    assert await desk.store.attempts(recorded.id) == []


async def test_message_leaves_once_however_often_it_was_claimed(desk: "Desk") -> None:
    await desk.new()
    first, second = await desk.claim(), await desk.claim()
    await desk.announce(first, "r-1", b"")

    with pytest.raises(StaleTransaction):
        await desk.announce(second, "r-2", b"")
    assert [attempt.request_id for attempt in await desk.store.attempts(first.transaction.id)] == ["r-1"]


async def test_message_claimed_before_its_own_postponement_never_leaves(desk: "Desk") -> None:
    await desk.new()
    early = await desk.claim()
    await desk.finish(await desk.announced(), desk.later(seconds=0))

    with pytest.raises(StaleTransaction):
        await desk.announce(early, "r-2", b"")


async def test_owner_that_was_succeeded_sends_nothing(desk: "Desk") -> None:
    recorded = await desk.new()
    claim = await desk.claim()
    await desk.execute("INSERT INTO runs (started_at) VALUES (0)")

    with pytest.raises(StoreBusy, match="another daemon has taken this store over"):
        await desk.announce(claim, "r-1", b"")
    assert await desk.store.attempts(recorded.id) == []


async def test_message_in_doubt_is_sent_again_as_another_attempt(desk: "Desk") -> None:
    await desk.new()
    await desk.finish(await desk.announced(request="r-1"), desk.unknown(reads=1, tries=1, seconds=0))

    again = await desk.announced(request="r-1")
    await desk.finish(again, desk.unknown(reads=0, tries=2, seconds=0))

    message = (await desk.claim()).message
    assert (message.attempts, message.reads, message.tries, message.round) == (2, 0, 2, 0)
    attempts = await desk.store.attempts(again.transaction.id)
    assert [(attempt.number, attempt.outcome) for attempt in attempts] == [(1, "in_doubt"), (2, "in_doubt")]


async def test_round_counts_definite_answers_and_not_doubts(desk: "Desk") -> None:
    recorded = await desk.new()
    assert (await desk.claim()).message.round == 0
    await desk.finish(await desk.announced(), desk.unknown(seconds=0))
    assert (await desk.claim()).message.round == 0
    await desk.finish(await desk.announced(), desk.later(seconds=0))
    assert (await desk.claim()).message.round == 1
    await desk.finish(await desk.announced(), desk.no())
    await desk.store.retry(recorded.id, desk.cause)
    assert (await desk.claim()).message.round == 2


async def test_undecided_export_is_retried_under_the_name_it_was_sent_with(desk: "Desk") -> None:
    recorded = await desk.new()
    await desk.finish(await desk.announced(), desk.unknown(seconds=0))
    await desk.finish(await desk.claim(), desk.no("outcome_undecided"))
    await desk.store.retry(recorded.id, desk.cause)

    assert (await desk.claim()).message.round == 0


# -- finish ---------------------------------------------------------------------------------------------------------


async def test_confirmed_export_holds_its_document(desk: "Desk") -> None:
    exported = await desk.exported()

    assert (exported.state, exported.in_flight) == (State.EXPORTED, False)
    assert exported.document == Document("document of 1001", "N1001", "0")
    assert await desk.again(exported) == exported
    assert await desk.standing(exported) == []
    [attempt] = await desk.store.attempts(exported.id)
    assert (attempt.outcome, attempt.detail, attempt.trace) == ("delivered", "accounting said yes", "tid-1")
    assert attempt.ended_at == desk.clock.now


async def test_document_found_in_accounting_is_adopted_without_an_attempt(desk: "Desk") -> None:
    await desk.new()

    adopted = await desk.finish(await desk.claim(), desk.yes("145", adopted=True))

    assert (adopted.state, adopted.document) == (State.EXPORTED, Document("145", "N1001", "0"))
    assert (await desk.store.history(adopted.id))[-1].reason == "found in accounting"
    assert await desk.store.attempts(adopted.id) == []


async def test_document_found_while_in_doubt_is_adopted(desk: "Desk") -> None:
    await desk.new()
    await desk.finish(await desk.announced(), desk.unknown(seconds=0))

    adopted = await desk.finish(await desk.claim(), desk.yes("145", adopted=True))

    assert (adopted.state, adopted.in_flight) == (State.EXPORTED, False)
    assert await desk.outcomes(adopted) == ["in_doubt"]


@pytest.mark.parametrize("phase", [Phase.WAITING, Phase.SENT, Phase.IN_DOUBT])
async def test_rejected_export_waits_for_a_person(desk: "Desk", phase: Phase) -> None:
    await desk.new()
    claim = await desk.claim() if phase is Phase.WAITING else await desk.announced()
    if phase is Phase.IN_DOUBT:
        await desk.finish(claim, desk.unknown(seconds=0))
        claim = await desk.claim()

    failed = await desk.finish(claim, desk.no("number_missing"))

    assert (failed.state, failed.in_flight) == (State.ERROR, False)
    assert failed.problem == problem("number_missing", "as seen")
    assert await desk.standing(failed) == ["export dead"]
    assert (await desk.store.standings(failed.id))[0].note == "number_missing"
    assert await desk.store.claim(BOTH, 10) == []
    expected = {Phase.WAITING: [], Phase.SENT: ["refused"], Phase.IN_DOUBT: ["in_doubt"]}
    assert await desk.outcomes(failed) == expected[phase]


async def test_document_found_lost_when_it_is_updated_is_made_anew_by_a_retry(desk: "Desk") -> None:
    exported = await desk.exported("100.00")
    await desk.apply(exported, Trigger.PAYMENT_RECORDED, told=Told("p", 4_000, 4_000), paid=Money(4_000))
    await desk.record("120.00")

    failed = await desk.finish(await desk.announced(), desk.no("document_lost"))

    assert (failed.state, failed.document, failed.paid, failed.generation) == (State.ERROR, None, Money(0), 2)
    assert failed.problem == problem("document_lost", "as seen")
    assert await desk.store.memory.settlements(failed.id) == {"p": Told("p", 0, 4_000)}
    await desk.store.retry(failed.id, desk.cause)
    assert (await desk.claim()).message.generation == 2


async def test_delays_of_a_message_are_counted(desk: "Desk") -> None:
    await desk.new()
    await desk.finish(await desk.claim(), desk.later(seconds=0))
    await desk.finish(await desk.announced(), desk.unknown(seconds=0))
    await desk.finish(await desk.claim(), desk.later(seconds=0))

    assert (await desk.claim()).message.delays == 2


async def test_refused_attempt_tells_why(desk: "Desk") -> None:
    await desk.new()
    failed = await desk.finish(await desk.announced(), desk.no("number_missing"))

    [attempt] = await desk.store.attempts(failed.id)
    assert (attempt.detail, attempt.trace) == ("number_missing: as seen", "tid-2")


@pytest.mark.parametrize("phase", [Phase.WAITING, Phase.SENT])
async def test_postponed_message_waits_and_is_frozen_anew(desk: "Desk", phase: Phase) -> None:
    recorded = await desk.new()
    claim = await desk.claim() if phase is Phase.WAITING else await desk.announced()

    after = await desk.finish(claim, desk.later(seconds=30))

    assert after == recorded
    [standing] = await desk.store.standings(recorded.id)
    assert (standing.phase, standing.note) == (Phase.WAITING, "busy")
    assert standing.due_at == desk.clock.now + timedelta(seconds=30)
    desk.clock.forward(seconds=30)
    message = (await desk.claim()).message
    assert (message.request_id, message.body) == (None, None)
    assert await desk.outcomes(recorded) == ([] if phase is Phase.WAITING else ["postponed"])


async def test_postponed_look_up_keeps_what_left_frozen(desk: "Desk") -> None:
    await desk.new()
    await desk.finish(await desk.announced(request="r-1", body=b"frozen"), desk.unknown(reads=1, tries=1, seconds=0))

    after = await desk.finish(await desk.claim(), desk.later(seconds=30))

    assert after.in_flight
    assert await desk.store.claim(BOTH, 10) == []
    desk.clock.forward(seconds=30)
    message = (await desk.claim()).message
    assert (message.phase, message.request_id, message.body) == (Phase.IN_DOUBT, "r-1", b"frozen")
    assert (message.reads, message.tries) == (1, 1)


async def test_unknown_outcome_is_in_flight_until_it_is_decided(desk: "Desk") -> None:
    recorded = await desk.new()

    doubtful = await desk.finish(await desk.announced(), desk.unknown(seconds=180))

    assert (doubtful.state, doubtful.version, doubtful.in_flight) == (State.PENDING, recorded.version, True)
    [standing] = await desk.store.standings(recorded.id)
    assert (standing.phase, standing.note) == (Phase.IN_DOUBT, "no answer")
    assert standing.due_at == desk.clock.now + timedelta(seconds=180)
    assert await desk.outcomes(recorded) == ["in_doubt"]


async def test_agreeing_empty_look_ups_are_counted(desk: "Desk") -> None:
    await desk.new()
    await desk.finish(await desk.announced(), desk.unknown(seconds=0))
    await desk.finish(await desk.claim(), desk.unknown(reads=1, tries=1, seconds=0))

    assert (await desk.claim()).message.reads == 1
    assert (await desk.announced()).message.phase is Phase.SENT
    assert (await desk.execute("SELECT reads FROM messages"))[0]["reads"] == 0


async def test_delivered_report_concludes_nothing_about_the_transaction(desk: "Desk") -> None:
    await report_payment(desk, "1001", "payment-1")
    claim = await desk.announced("tms")
    before = await desk.again(claim.transaction)

    assert await desk.finish(claim, desk.yes(None)) == before
    assert await desk.standing(before) == []


async def test_refused_report_leaves_the_transaction_where_it_is(desk: "Desk") -> None:
    await report_payment(desk, "1001", "payment-1", "payment-2")
    claim = await desk.announced("tms")

    after = await desk.finish(claim, desk.no())

    assert after.state is State.EXPORTED
    assert await desk.standing(after) == ["report_payment dead", "report_payment waiting"]
    assert (await desk.claim("tms")).message.report == desk.payment(note="payment-2")


@pytest.mark.parametrize("outcome", ["no", "later"])
async def test_report_outlives_a_newer_revision_of_its_transaction(desk: "Desk", outcome: str) -> None:
    await report_payment(desk, "1001", "payment-1")
    sent = await desk.announced("tms")
    await desk.record("120.00", load="1001")

    await desk.finish(sent, getattr(desk, outcome)())

    phase = {"no": "dead", "later": "waiting"}[outcome]
    assert await desk.standing(sent.transaction) == [f"report_payment {phase}", "export waiting"]


async def test_refused_void_leaves_the_document_where_it_is(desk: "Desk") -> None:
    exported = await desk.exported()
    await desk.withdraw()

    after = await desk.finish(await desk.announced(), desk.no())

    assert (after.state, after.document) == (State.EXPORTED, exported.document)
    assert await desk.standing(after) == ["void dead"]
    assert await desk.withdraw() is Recorded.UNCHANGED


async def test_confirmed_void_forgets_the_document(desk: "Desk") -> None:
    exported = await desk.exported()
    await desk.apply(exported, Trigger.PAYMENT_RECORDED, paid=Money(4_000))
    await desk.withdraw()

    gone = await desk.finish(await desk.announced(), desk.yes(None))

    assert (gone.state, gone.document, gone.paid, gone.in_flight) == (State.REVERTED, None, Money(0), False)


@pytest.mark.parametrize("outcome", ["yes", "no", "later", "unknown"])
async def test_outcome_of_a_replaced_message_concludes_nothing(desk: "Desk", outcome: str) -> None:
    recorded = await desk.new("100.00")
    claim = await desk.claim()
    await desk.record("120.00")
    before = await desk.again(recorded)

    with pytest.raises(StaleTransaction, match="replaced since it was claimed"):
        await desk.finish(claim, getattr(desk, outcome)())
    assert await desk.again(recorded) == before
    assert await desk.standing(recorded) == ["export waiting"]


async def test_outcome_is_recorded_once(desk: "Desk") -> None:
    exported = await desk.exported()
    [attempt] = await desk.store.attempts(exported.id)
    await desk.store.force(exported.id, State.EXPORTED, State.PENDING, desk.cause)
    sent = await desk.announced()
    await desk.finish(sent, desk.yes())

    with pytest.raises(StaleTransaction):
        await desk.finish(sent, desk.no())
    assert (await desk.store.attempts(exported.id))[0] == attempt
    assert (await desk.again(exported)).state is State.EXPORTED


async def test_message_that_takes_anothers_place_is_never_taken_for_it(desk: "Desk") -> None:
    await desk.new()
    refused = await desk.announced()
    failed = await desk.finish(refused, desk.no())
    await desk.store.retry(failed.id, desk.cause)
    sent = await desk.announced()

    with pytest.raises(StaleTransaction):
        await desk.finish(refused, desk.yes())
    assert (await desk.finish(sent, desk.yes())).state is State.EXPORTED


# -- a newer revision waits while an older one is in flight ----------------------------------------------------------


async def overtaken(desk: "Desk", *, doubt: bool = False) -> "Claim":
    """Have a newer revision wait behind an older one in flight."""
    await desk.new("100.00")
    sent = await desk.announced()
    if doubt:
        await desk.finish(sent, desk.unknown(seconds=0))
    assert await desk.record("120.00") is Recorded.CHANGED
    assert await desk.standing(sent.transaction) == [f"export {'in_doubt' if doubt else 'sent'}", "export waiting"]
    return await desk.claim() if doubt else sent


async def test_newer_revision_is_not_claimed_before_the_older_one_has_ended(desk: "Desk") -> None:
    await overtaken(desk)

    assert await desk.store.claim(BOTH, 10) == []


@pytest.mark.parametrize("doubt", [False, True])
async def test_older_revision_that_landed_is_updated_by_the_newer(desk: "Desk", doubt: bool) -> None:  # noqa: FBT001 - both ways to be in flight
    older = await overtaken(desk, doubt=doubt)

    landed = await desk.finish(older, desk.yes("145"))

    assert (landed.state, landed.document, landed.revision) == (State.PENDING, Document("145", "N1001", "0"), 2)
    assert (await desk.told(landed))[-1] == "export_overtaken: pending -> pending"
    assert await desk.standing(landed) == ["export waiting"]
    done = await desk.finish(await desk.announced(), desk.yes("145"))
    assert (done.state, done.total) == (State.EXPORTED, Money(12_000))


@pytest.mark.parametrize("doubt", [False, True])
async def test_refusal_of_an_older_revision_is_no_longer_anyones_business(desk: "Desk", doubt: bool) -> None:  # noqa: FBT001 - both ways to be in flight
    older = await overtaken(desk, doubt=doubt)

    after = await desk.finish(older, desk.no())

    assert (after.state, after.problem, after.in_flight) == (State.PENDING, None, False)
    assert await desk.standing(after) == ["export waiting"]
    failed = await desk.finish(await desk.announced(), desk.no("number_missing"))
    assert (await desk.store.retry(failed.id, desk.cause)).state is State.PENDING
    assert await desk.standing(after) == ["export waiting"]


async def test_older_revision_that_was_postponed_gives_way_to_the_newer(desk: "Desk") -> None:
    older = await overtaken(desk)

    after = await desk.finish(older, desk.later())

    assert await desk.standing(after) == ["export waiting"]
    assert (await desk.claim()).message.revision == 2


async def test_older_revision_in_doubt_keeps_the_newer_waiting(desk: "Desk") -> None:
    older = await overtaken(desk)

    await desk.finish(older, desk.unknown(seconds=0))

    claim = await desk.claim()
    assert (claim.message.phase, claim.message.revision) == (Phase.IN_DOUBT, 1)
    await desk.finish(claim, desk.later(seconds=30))
    assert await desk.standing(claim.transaction) == ["export in_doubt", "export waiting"]
    assert await desk.store.claim(BOTH, 10) == []


# -- a void waits behind an export in flight -------------------------------------------------------------------------


async def withdrawn_in_flight(desk: "Desk") -> "Claim":
    await desk.new()
    sent = await desk.announced()
    assert await desk.withdraw() is Recorded.WITHDRAWN
    assert await desk.standing(sent.transaction) == ["export sent", "void waiting"]
    assert await desk.store.claim(BOTH, 10) == []
    return sent


async def test_export_withdrawn_in_flight_is_voided_once_it_landed(desk: "Desk") -> None:
    sent = await withdrawn_in_flight(desk)

    landed = await desk.finish(sent, desk.yes("145"))
    assert landed.state is State.EXPORTED
    claim = await desk.announced()
    assert (claim.message.effect, claim.transaction.document) == (Effect.VOID, Document("145", "N1001", "0"))
    assert (await desk.finish(claim, desk.yes(None))).state is State.REVERTED


async def test_export_withdrawn_in_flight_and_refused_is_reverted_by_its_void(desk: "Desk") -> None:
    sent = await withdrawn_in_flight(desk)

    failed = await desk.finish(sent, desk.no())
    assert failed.state is State.ERROR
    gone = await desk.finish(await desk.claim(), desk.yes(None, adopted=True))
    assert gone.state is State.REVERTED
    assert await desk.standing(gone) == []


async def test_export_withdrawn_in_flight_and_postponed_gives_way_to_its_void(desk: "Desk") -> None:
    sent = await withdrawn_in_flight(desk)

    after = await desk.finish(sent, desk.later())

    assert await desk.standing(after) == ["void waiting"]
    assert (await desk.finish(await desk.claim(), desk.yes(None, adopted=True))).state is State.REVERTED


async def test_export_withdrawn_in_flight_after_a_change_is_voided_all_the_same(desk: "Desk") -> None:
    older = await overtaken(desk)
    await desk.withdraw()

    landed = await desk.finish(older, desk.yes("145"))

    assert (landed.state, landed.document) == (State.PENDING, Document("145", "N1001", "0"))
    assert await desk.standing(landed) == ["void waiting"]
    assert (await desk.finish(await desk.announced(), desk.yes(None))).state is State.REVERTED


# -- a void is overtaken ---------------------------------------------------------------------------------------------


async def wanted_again(desk: "Desk") -> "Claim":
    """Have the TMS change its mind while the void is in flight."""
    exported = await desk.exported("100.00")
    await desk.apply(exported, Trigger.PAYMENT_RECORDED, told=Told("p", 4_000, 4_000), paid=Money(4_000))
    await desk.withdraw()
    void = await desk.announced()
    assert await desk.record("120.00") is Recorded.CHANGED
    assert await desk.standing(exported) == ["void sent", "export waiting"]
    return void


async def test_record_wanted_again_while_its_void_is_in_flight_gets_a_new_document(desk: "Desk") -> None:
    void = await wanted_again(desk)

    gone = await desk.finish(void, desk.yes(None))

    assert (gone.state, gone.document, gone.paid, gone.generation) == (State.PENDING, None, Money(0), 2)
    assert await desk.store.memory.settlements(gone.id) == {"p": Told("p", 0, 4_000)}
    assert await desk.standing(gone) == ["export waiting"]
    again = await desk.finish(await desk.announced(), desk.yes("146"))
    assert (again.state, again.document) == (State.EXPORTED, Document("146", "N1001", "0"))


async def test_record_wanted_again_keeps_its_document_if_the_void_is_refused(desk: "Desk") -> None:
    void = await wanted_again(desk)

    kept = await desk.finish(void, desk.no())

    assert (kept.state, kept.generation) == (State.PENDING, 1)
    assert kept.document is not None
    assert await desk.standing(kept) == ["export waiting"]


async def test_record_withdrawn_once_more_is_gone_with_the_void_in_flight(desk: "Desk") -> None:
    void = await wanted_again(desk)
    assert await desk.withdraw() is Recorded.WITHDRAWN
    assert await desk.standing(void.transaction) == ["void sent", "void waiting"]

    gone = await desk.finish(void, desk.yes(None))

    assert gone.state is State.REVERTED
    assert await desk.standing(gone) == []


async def test_payment_that_completes_while_the_void_waits_does_not_stop_it(desk: "Desk") -> None:
    exported = await desk.exported()
    await desk.withdraw()
    paid = await desk.apply(await desk.again(exported), Trigger.PAYMENT_COMPLETED, paid=Money(10_000))
    assert paid.state is State.PAID

    gone = await desk.finish(await desk.announced(), desk.yes(None))

    assert (gone.state, gone.paid, gone.document) == (State.REVERTED, Money(0), None)


async def test_document_lost_while_its_void_is_in_flight_is_reverted_by_the_void(desk: "Desk") -> None:
    exported = await desk.exported()
    await desk.withdraw()
    void = await desk.announced()
    lost = await desk.apply(await desk.again(exported), Trigger.DOCUMENT_LOST)
    assert lost.state is State.ERROR

    gone = await desk.finish(void, desk.yes(None))

    assert (gone.state, gone.problem) == (State.REVERTED, None)


# -- another owner ---------------------------------------------------------------------------------------------------


async def test_request_under_way_at_a_clean_stop_is_in_doubt_from_its_send(desk: "Desk", open_desk: "OpenDesk") -> None:
    recorded = await desk.new()
    await desk.announced(request="r-1", body=b"frozen")
    sent_at = desk.clock.now
    desk.clock.forward(seconds=100)
    await desk.store.close()

    again = await open_desk()

    [standing] = await again.store.standings(recorded.id)
    assert (standing.phase, standing.due_at) == (Phase.IN_DOUBT, sent_at + timedelta(seconds=180))
    assert standing.note == "the process ended while it was under way"
    [attempt] = await again.store.attempts(recorded.id)
    assert (attempt.outcome, attempt.ended_at) == ("in_doubt", desk.clock.now)
    desk.clock.forward(seconds=80)
    message = (await again.claim()).message
    assert (message.request_id, message.body, message.reads, message.tries) == ("r-1", b"frozen", 0, 1)


async def test_request_under_way_at_a_crash_is_in_doubt_from_the_next_start(
    desk: "Desk", open_desk: "OpenDesk"
) -> None:
    recorded = await desk.new()
    await desk.announced()
    desk.clock.forward(seconds=100)
    await desk.crash()

    again = await open_desk()

    assert (await again.store.standings(recorded.id))[0].due_at == desk.clock.now + timedelta(seconds=180)


async def test_restart_leaves_alone_what_was_not_under_way(desk: "Desk", open_desk: "OpenDesk") -> None:
    waiting = await desk.new(load="1001")
    await desk.finish(await desk.claim(), desk.later(hours=1))
    doubtful = await desk.new(load="1002")
    await desk.finish(await desk.announced(), desk.unknown(reads=1, tries=3, seconds=60))
    before = [await desk.store.standings(each.id) for each in (waiting, doubtful)]
    attempts = await desk.store.attempts(doubtful.id)
    await desk.crash()

    again = await open_desk()

    assert [await again.store.standings(each.id) for each in (waiting, doubtful)] == before
    assert await again.store.attempts(doubtful.id) == attempts


async def test_only_the_last_owners_end_counts_as_clean_or_not(desk: "Desk", open_desk: "OpenDesk") -> None:
    await desk.crash()
    second = await open_desk()
    recorded = await second.new()
    await second.announced()
    sent_at = second.clock.now
    desk.clock.forward(seconds=100)
    await second.store.close()

    third = await open_desk()

    assert (desk.store.epoch, second.store.epoch, third.store.epoch) == (1, 2, 3)
    assert (await third.store.standings(recorded.id))[0].due_at == sent_at + timedelta(seconds=180)


async def test_claim_of_an_owner_that_ended_is_worth_nothing_to_the_next(desk: "Desk", open_desk: "OpenDesk") -> None:
    await desk.new()
    sent = await desk.announced()
    await desk.crash()
    again = await open_desk()

    with pytest.raises(StaleTransaction):
        await again.finish(sent, desk.yes())
    assert (await again.again(sent.transaction)).in_flight


async def test_report_in_doubt_after_a_crash_does_not_hold_the_transaction(desk: "Desk", open_desk: "OpenDesk") -> None:
    await report_payment(desk, "1001", "payment-1")
    sent = await desk.announced("tms")
    await desk.crash()

    again = await open_desk()

    assert not (await again.again(sent.transaction)).in_flight
    assert await again.standing(sent.transaction) == ["report_payment in_doubt"]


async def test_refusal_that_tells_of_our_own_document_lets_it_be_taken_back(desk: "Desk") -> None:
    recorded = await desk.new()
    standing = Document("145", "N1001", "3")

    refused = await desk.finish(await desk.announced(), replace(desk.no(), document=standing))
    assert (refused.state, refused.document) == (State.ERROR, standing)

    await desk.apply(refused, Trigger.REVERT_REQUESTED)
    assert await desk.standing(recorded) == ["void waiting"]


async def test_refusal_that_tells_of_another_transactions_document_takes_nothing_over(desk: "Desk") -> None:
    other = await desk.exported(load="1002")
    await desk.new()

    refused = await desk.finish(await desk.announced(), replace(desk.no(), document=other.document))

    assert (refused.state, refused.document) == (State.ERROR, None)
