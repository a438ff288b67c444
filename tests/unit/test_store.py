import sqlite3
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from state import moves
from state.commit import Work
from state.lifecycle import Effect, IllegalMove, State, Trigger
from state.memory import Told
from state.moves import Cause, Recorded, StaleTransaction, UnknownTransaction
from state.outbox import Delivered, Receipt, Tellings
from state.problem import problem
from state.store import NotForceable
from state.transaction import Document, Kind, Money, Sourced, TransactionId

if TYPE_CHECKING:
    from tests.unit.conftest import Desk, OpenDesk

NOBODY = TransactionId(404)


# -- intake ---------------------------------------------------------------------------------------------------------


async def test_new_record_is_pending_and_wishes_its_export(desk: "Desk") -> None:
    recorded = await desk.new("100.00")

    assert recorded.state is State.PENDING
    assert (recorded.version, recorded.generation, recorded.revision) == (1, 1, 1)
    assert (recorded.total, recorded.paid, recorded.document, recorded.problem) == (
        Money(10_000),
        Money(0),
        None,
        None,
    )
    assert recorded.created_at == recorded.updated_at == desk.clock.now
    assert await desk.standing(recorded) == ["export waiting"]
    assert await desk.told(recorded) == ["recorded: None -> pending"]


async def test_same_source_id_of_another_kind_is_another_transaction(desk: "Desk") -> None:
    first, second = await desk.new(), await desk.new(kind=Kind.CARRIER_BILL)

    assert first.id != second.id


async def test_unreadable_record_is_kept_with_its_problem(desk: "Desk") -> None:
    unreadable = await desk.new(content=None, problem=problem("shape_unknown", "Total is text"))

    assert (unreadable.content, unreadable.total, unreadable.paid) == (None, None, None)
    assert unreadable.problem == problem("shape_unknown", "Total is text")


async def test_problem_of_an_unreadable_record_outlives_other_moves(desk: "Desk") -> None:
    unreadable = await desk.new(content=None, problem=problem("shape_unknown", "Total is text"))
    await desk.finish(await desk.claim(), desk.no("shape_unknown"))

    retried = await desk.store.retry(unreadable.id, desk.cause)

    assert retried.state is State.PENDING
    assert retried.problem == problem("shape_unknown", "as seen")


async def test_unreadable_record_that_becomes_readable_loses_its_problem(desk: "Desk") -> None:
    unreadable = await desk.new(content=None, problem=problem("shape_unknown"))

    assert await desk.record("100.00") is Recorded.CHANGED

    readable = await desk.again(unreadable)
    assert (readable.problem, readable.total, readable.paid) == (None, Money(10_000), Money(0))


async def test_unchanged_record_leaves_no_trace(desk: "Desk") -> None:
    before = await desk.new()
    desk.clock.forward(hours=1)

    assert await desk.record() is Recorded.UNCHANGED
    assert await desk.again(before) == before
    assert len(await desk.told(before)) == 1


async def test_newer_revision_replaces_the_one_that_waits(desk: "Desk") -> None:
    before = await desk.new("100.00")
    desk.clock.forward(hours=1)

    assert await desk.record("120.00") is Recorded.CHANGED

    after = await desk.again(before)
    assert (after.state, after.revision, after.version, after.total) == (State.PENDING, 2, 2, Money(12_000))
    assert (after.created_at, after.updated_at) == (before.created_at, desk.clock.now)
    assert await desk.standing(after) == ["export waiting"]
    assert (await desk.claim()).message.revision == 2


async def test_record_changed_after_export_is_exported_again_with_its_document(desk: "Desk") -> None:
    exported = await desk.exported("100.00")

    assert await desk.record("120.00") is Recorded.CHANGED

    pending = await desk.again(exported)
    assert (pending.state, pending.document, pending.generation) == (State.PENDING, exported.document, 1)
    assert await desk.standing(pending) == ["export waiting"]


async def test_change_at_the_source_keeps_what_accounting_says_is_paid(desk: "Desk") -> None:
    exported = await desk.exported("100.00")
    await desk.apply(exported, Trigger.PAYMENT_RECORDED, paid=Money(4_000))

    await desk.record("120.00")

    assert (await desk.again(exported)).paid == Money(4_000)


async def test_record_refused_and_then_corrected_at_the_source_is_tried_again(desk: "Desk") -> None:
    await desk.new("100.00")
    failed = await desk.finish(await desk.announced(), desk.no())

    assert await desk.record("120.00") is Recorded.CHANGED

    pending = await desk.again(failed)
    assert (pending.state, pending.problem) == (State.PENDING, None)
    assert await desk.standing(pending) == ["export waiting"]


def reached_by(email: str, sourced: Sourced) -> Sourced:
    """Return the record with another way to reach its party."""
    assert sourced.content is not None
    party = replace(sourced.content.party, email=email)
    return replace(sourced, content=replace(sourced.content, party=party))


async def test_party_mended_in_the_tms_is_tried_again_after_a_refusal(desk: "Desk") -> None:
    recorded = await desk.new()
    await desk.finish(await desk.announced(), desk.no())

    mended = reached_by("new@acme.example", desk.sourced())
    assert await desk.store.record(mended, desk.cause) is Recorded.CHANGED
    assert (await desk.again(recorded)).state is State.PENDING


async def test_party_described_anew_is_no_change_of_a_document_in_the_books(desk: "Desk") -> None:
    await desk.exported()

    assert await desk.store.record(reached_by("new@acme.example", desk.sourced()), desk.cause) is Recorded.UNCHANGED


async def test_record_withdrawn_before_anyone_knew_it_is_nothing(desk: "Desk") -> None:
    assert await desk.withdraw() is Recorded.UNCHANGED
    assert await desk.store.counts() == []


async def test_record_withdrawn_before_it_left_is_reverted_and_its_wish_withdrawn(desk: "Desk") -> None:
    recorded = await desk.new()

    assert await desk.withdraw() is Recorded.WITHDRAWN
    assert (await desk.again(recorded)).state is State.REVERTED
    assert await desk.standing(recorded) == []
    assert await desk.withdraw() is Recorded.UNCHANGED


async def test_record_withdrawn_after_export_waits_for_its_void(desk: "Desk") -> None:
    exported = await desk.exported()

    assert await desk.withdraw() is Recorded.WITHDRAWN
    assert (await desk.again(exported)).state is State.EXPORTED
    assert await desk.standing(exported) == ["void waiting"]
    assert await desk.withdraw() is Recorded.UNCHANGED
    assert await desk.standing(exported) == ["void waiting"]


async def test_record_wanted_again_before_its_void_left_is_not_voided(desk: "Desk") -> None:
    exported = await desk.exported("100.00")
    await desk.withdraw()

    assert await desk.record("120.00") is Recorded.CHANGED
    assert await desk.standing(exported) == ["export waiting"]


async def test_record_back_in_the_tms_is_exported_anew(desk: "Desk") -> None:
    recorded = await desk.new()
    await desk.withdraw()

    assert await desk.record() is Recorded.CHANGED
    back = await desk.again(recorded)
    assert (back.state, back.generation, back.revision) == (State.PENDING, 2, 2)
    assert await desk.standing(recorded) == ["export waiting"]


async def test_record_back_before_its_void_left_is_not_voided(desk: "Desk") -> None:
    exported = await desk.exported()
    await desk.withdraw()

    assert await desk.record() is Recorded.CHANGED
    assert await desk.standing(exported) == ["export waiting"]


async def test_record_a_person_reverted_stays_reverted_while_the_tms_shows_it(desk: "Desk") -> None:
    recorded = await desk.new()
    await desk.apply(recorded, Trigger.REVERT_REQUESTED)

    assert await desk.record() is Recorded.UNCHANGED
    assert await desk.record("120.00") is Recorded.HELD
    assert (await desk.again(recorded)).state is State.REVERTED


@pytest.mark.parametrize("withdrawn", [False, True])
async def test_change_of_a_paid_record_is_held_for_a_person(desk: "Desk", withdrawn: bool) -> None:  # noqa: FBT001 - both ways a record changes
    paid = await desk.apply(await desk.exported(), Trigger.PAYMENT_COMPLETED, paid=Money(10_000))

    assert await desk.record("120.00", withdrawn=withdrawn) is Recorded.HELD
    held = await desk.again(paid)
    assert held == replace(paid, held=held.held)
    assert held.held is not None
    assert await desk.standing(paid) == []


async def test_held_change_is_made_once_the_payment_is_taken_back(desk: "Desk") -> None:
    paid = await desk.apply(await desk.exported(), Trigger.PAYMENT_COMPLETED, paid=Money(10_000))
    await desk.record("120.00")

    after = await desk.apply(await desk.again(paid), Trigger.PAYMENT_REVERSED, paid=Money(0))
    assert (after.state, after.revision, after.total, after.held) == (State.PENDING, 2, Money(12_000), None)
    assert await desk.standing(paid) == ["export waiting"]


async def test_held_withdrawal_is_made_once_the_payment_is_taken_back(desk: "Desk") -> None:
    paid = await desk.apply(await desk.exported(), Trigger.PAYMENT_COMPLETED, paid=Money(10_000))
    await desk.withdraw()

    after = await desk.apply(await desk.again(paid), Trigger.PAYMENT_REVERSED, paid=Money(0))
    assert (after.state, after.held) == (State.EXPORTED, None)
    assert await desk.standing(paid) == ["void waiting"]


async def test_held_change_is_sent_when_a_person_exports_again(desk: "Desk") -> None:
    recorded = await desk.new()
    await desk.apply(recorded, Trigger.REVERT_REQUESTED)
    await desk.record("120.00")

    after = await desk.apply(await desk.again(recorded), Trigger.REEXPORT_REQUESTED)
    assert (after.state, after.total, after.held) == (State.PENDING, Money(12_000), None)


async def test_change_the_tms_takes_back_is_held_no_more(desk: "Desk") -> None:
    paid = await desk.apply(await desk.exported(), Trigger.PAYMENT_COMPLETED, paid=Money(10_000))
    await desk.record("120.00")

    assert await desk.record("100.00") is Recorded.UNCHANGED
    assert await desk.again(paid) == paid


async def test_person_who_forces_a_state_sends_nothing_that_is_held(desk: "Desk") -> None:
    paid = await desk.apply(await desk.exported(), Trigger.PAYMENT_COMPLETED, paid=Money(10_000))
    await desk.record("120.00")

    forced = await desk.store.force(paid.id, State.PAID, State.EXPORTED, desk.cause)
    assert (forced.state, forced.held is not None) == (State.EXPORTED, True)
    assert await desk.standing(paid) == []


# -- facts ----------------------------------------------------------------------------------------------------------


async def test_history_tells_who_moved_what_why_and_when(desk: "Desk") -> None:
    exported = await desk.exported()
    at = desk.clock.forward(minutes=5)
    await desk.store.apply(exported, Trigger.REVERT_REQUESTED, Cause("maria", "billed twice"))

    first, second, third = await desk.store.history(exported.id)
    assert (first.actor, second.actor, second.reason) == ("tester", "relay", "accounting said yes")
    assert (third.at, third.trigger, third.actor, third.reason) == (at, "revert_requested", "maria", "billed twice")
    assert (third.source, third.dest, third.version) == ("exported", "exported", 3)


async def test_fact_about_an_older_version_is_stale(desk: "Desk") -> None:
    before = await desk.exported()
    after = await desk.apply(before, Trigger.PAYMENT_RECORDED, paid=Money(1))

    with pytest.raises(StaleTransaction, match=rf"transaction {before.id} is at version 3, not 2"):
        await desk.apply(before, Trigger.PAYMENT_COMPLETED, paid=Money(10_000))
    assert await desk.again(before) == after


@pytest.mark.parametrize("field", [{"version": 99}, {"state": State.PAID}])
async def test_row_that_is_not_as_it_was_seen_is_never_moved(desk: "Desk", field: dict[str, Any]) -> None:
    exported = await desk.exported()

    def moves_blindly(work: Work) -> None:
        moves.make(work, replace(exported, **field), moves.Step("guess", State.PENDING, Effect.EXPORT), desk.cause)

    with pytest.raises(StaleTransaction, match="changed while it was moved"):
        await desk.store._database.run(moves_blindly)
    assert await desk.again(exported) == exported
    assert await desk.standing(exported) == []


async def test_illegal_move_leaves_no_trace(desk: "Desk") -> None:
    before = await desk.new()
    told = Told("payment-1", 100, 100)

    with pytest.raises(IllegalMove, match="payment_completed does not apply to a transaction that is pending"):
        await desk.apply(before, Trigger.PAYMENT_COMPLETED, told=told, report=desk.payment(), paid=Money(10_000))

    assert await desk.again(before) == before
    assert await desk.told(before) == ["recorded: None -> pending"]
    assert await desk.standing(before) == ["export waiting"]
    assert await desk.store.memory.settlements(before.id) == {}


async def test_unknown_transaction_is_said_to_be_unknown(desk: "Desk") -> None:
    ghost = replace(await desk.new(), id=NOBODY)

    with pytest.raises(UnknownTransaction, match="there is no transaction 404"):
        await desk.store.find(NOBODY)
    with pytest.raises(UnknownTransaction):
        await desk.apply(ghost, Trigger.EXPORT_CONFIRMED)
    with pytest.raises(UnknownTransaction):
        await desk.store.force(NOBODY, State.PENDING, State.ERROR, desk.cause)
    with pytest.raises(UnknownTransaction):
        await desk.store.retry(NOBODY, desk.cause)


async def test_payment_is_told_to_the_tms_and_remembered_in_one_commit(desk: "Desk") -> None:
    exported = await desk.exported()
    told = Told("payment-1", 4_000, 4_000)

    part = await desk.apply(
        exported, Trigger.PAYMENT_RECORDED, told=told, report=desk.payment("40.00"), paid=Money(4_000)
    )

    assert (part.state, part.paid) == (State.EXPORTED, Money(4_000))
    assert await desk.store.memory.settlements(part.id) == {"payment-1": told}
    assert (await desk.claim("tms")).message.report == desk.payment("40.00")


async def test_report_is_due_what_was_to_be_told_before_and_with_it_but_not_after(desk: "Desk") -> None:
    exported = await desk.exported()
    for number, amount in enumerate((4_000, 1_000, 2_000)):
        told, report = Told(f"payment-{number}", amount, amount), desk.payment(f"{amount / 100:.2f}")
        exported = await desk.apply(exported, Trigger.PAYMENT_RECORDED, told=told, report=report)

    first = await desk.claim("tms")
    assert (first.told, first.due) == (Tellings(), 4_000)
    await desk.finish(await desk.announced("tms"), Delivered(Receipt(told=Tellings(1, 4_000))))

    second = await desk.claim("tms")
    assert (second.told, second.due) == (Tellings(1, 4_000), 5_000)
    await desk.finish(await desk.announced("tms"), desk.no())

    third = await desk.announced("tms")
    assert (third.told, third.due) == (Tellings(1, 4_000), 6_000)  # the second was refused and is not told yet
    await desk.finish(third, Delivered(Receipt(told=Tellings(5, 3_000))))  # never less than was known

    await desk.store.retry(exported.id, desk.cause)
    again = await desk.claim("tms")
    assert (again.told, again.due) == (Tellings(5, 4_000), 7_000)


async def test_payment_the_tms_need_not_hear_of_leaves_no_message(desk: "Desk") -> None:
    paid = await desk.apply(await desk.exported(), Trigger.PAYMENT_COMPLETED, paid=Money(10_000))

    assert paid.state is State.PAID
    assert await desk.standing(paid) == []


async def test_payment_taken_back_replaces_what_was_remembered(desk: "Desk") -> None:
    exported = await desk.exported()
    paid = await desk.apply(exported, Trigger.PAYMENT_COMPLETED, told=Told("p", 10_000, 10_000), paid=Money(10_000))

    back = await desk.apply(paid, Trigger.PAYMENT_REVERSED, told=Told("p", 0, 10_000), paid=Money(0))

    assert (back.state, back.paid) == (State.EXPORTED, Money(0))
    assert await desk.store.memory.settlements(back.id) == {"p": Told("p", 0, 10_000)}


async def test_lost_document_is_forgotten_and_what_was_applied_to_it_with_it(desk: "Desk") -> None:
    exported = await desk.exported()
    other = await desk.exported(load="1002")
    for each in (exported, other):
        await desk.apply(each, Trigger.PAYMENT_RECORDED, told=Told("p", 4_000, 4_000), paid=Money(4_000))

    lost = await desk.apply(await desk.again(exported), Trigger.DOCUMENT_LOST)

    assert (lost.state, lost.document, lost.paid, lost.generation) == (State.ERROR, None, Money(0), 2)
    assert lost.problem == problem("document_lost")
    assert await desk.store.memory.settlements(lost.id) == {"p": Told("p", 0, 4_000)}
    assert await desk.store.memory.settlements(other.id) == {"p": Told("p", 4_000, 4_000)}


async def test_reverted_transaction_is_exported_again_as_a_new_document(desk: "Desk") -> None:
    recorded = await desk.new()
    await desk.withdraw()

    pending = await desk.apply(await desk.again(recorded), Trigger.REEXPORT_REQUESTED)

    assert (pending.state, pending.generation) == (State.PENDING, 2)
    assert (await desk.claim()).message.generation == 2


async def test_fact_without_money_leaves_the_money_of_an_unreadable_record_absent(desk: "Desk") -> None:
    unreadable = await desk.new(content=None, problem=problem("shape_unknown"))
    exported = await desk.store.force(unreadable.id, State.PENDING, State.EXPORTED, desk.cause)

    lost = await desk.apply(exported, Trigger.DOCUMENT_LOST)

    assert (lost.total, lost.paid) == (None, None)


# -- force ----------------------------------------------------------------------------------------------------------


async def test_forced_state_is_told_as_such_and_ends_every_wish(desk: "Desk") -> None:
    recorded = await desk.new()

    forced = await desk.store.force(recorded.id, State.PENDING, State.EXPORTED, Cause("maria", "booked by hand"))

    assert forced.state is State.EXPORTED
    assert await desk.standing(forced) == []
    last = (await desk.store.history(forced.id))[-1]
    assert (last.trigger, last.source, last.dest, last.actor, last.reason) == (
        "forced",
        "pending",
        "exported",
        "maria",
        "booked by hand",
    )


async def test_forced_error_says_that_a_person_forced_it(desk: "Desk") -> None:
    recorded = await desk.new()

    forced = await desk.store.force(recorded.id, State.PENDING, State.ERROR, desk.cause)

    assert forced.problem == problem("forced", "forced from pending")


async def test_forced_away_from_error_the_problem_is_gone(desk: "Desk") -> None:
    await desk.new()
    failed = await desk.finish(await desk.announced(), desk.no())

    forced = await desk.store.force(failed.id, State.ERROR, State.EXPORTED, desk.cause)

    assert forced.problem is None
    assert await desk.standing(forced) == []


async def test_forced_back_to_pending_the_same_document_is_updated(desk: "Desk") -> None:
    exported = await desk.exported()

    forced = await desk.store.force(exported.id, State.EXPORTED, State.PENDING, desk.cause)

    assert (forced.document, forced.generation) == (exported.document, 1)
    assert await desk.standing(forced) == ["export waiting"]


async def test_forced_out_of_reverted_a_new_document_is_made(desk: "Desk") -> None:
    recorded = await desk.new()
    await desk.withdraw()

    forced = await desk.store.force(recorded.id, State.REVERTED, State.PENDING, desk.cause)

    assert (forced.state, forced.generation) == (State.PENDING, 2)
    assert await desk.standing(forced) == ["export waiting"]


async def test_force_the_table_does_not_have_is_refused(desk: "Desk") -> None:
    before = await desk.new()

    with pytest.raises(NotForceable, match="a transaction that is pending can't be forced to paid"):
        await desk.store.force(before.id, State.PENDING, State.PAID, desk.cause)
    assert await desk.again(before) == before


async def test_force_names_the_document_a_person_made(desk: "Desk") -> None:
    recorded = await desk.new()

    forced = await desk.store.force(recorded.id, State.PENDING, State.EXPORTED, desk.cause, document_id="77")
    assert forced.document == Document("77", None, "")
    assert await desk.store.find_by_document(recorded.kind.document_type, "77") == forced


async def test_force_refuses_a_document_of_another_transaction(desk: "Desk") -> None:
    await desk.exported(load="1001")
    second = await desk.new(load="1002")

    with pytest.raises(NotForceable, match="document of 1001 is that of transaction 1"):
        await desk.store.force(second.id, State.PENDING, State.EXPORTED, desk.cause, document_id="document of 1001")


async def test_force_names_no_document_where_there_is_none(desk: "Desk") -> None:
    recorded = await desk.new()

    with pytest.raises(NotForceable, match="a transaction that is reverted has no document"):
        await desk.store.force(recorded.id, State.PENDING, State.REVERTED, desk.cause, document_id="77")


async def test_force_from_a_state_it_is_not_in_is_stale(desk: "Desk") -> None:
    before = await desk.new()

    with pytest.raises(StaleTransaction, match=f"transaction {before.id} is pending, not error"):
        await desk.store.force(before.id, State.ERROR, State.EXPORTED, desk.cause)
    assert await desk.again(before) == before


@pytest.mark.parametrize("doubt", [False, True])
async def test_force_waits_until_the_last_request_has_an_outcome(desk: "Desk", doubt: bool) -> None:  # noqa: FBT001 - both ways to be in flight
    before = await desk.new()
    sent = await desk.announced()
    if doubt:
        await desk.finish(sent, desk.unknown())

    with pytest.raises(NotForceable, match="no known outcome yet"):
        await desk.store.force(before.id, State.PENDING, State.EXPORTED, desk.cause)
    assert (await desk.again(before)).version == before.version


async def test_report_under_way_does_not_stop_a_force(desk: "Desk") -> None:
    exported = await desk.exported()
    await desk.apply(exported, Trigger.PAYMENT_RECORDED, report=desk.payment(), paid=Money(4_000))
    await desk.announced("tms")

    forced = await desk.store.force(exported.id, State.EXPORTED, State.ERROR, desk.cause)

    assert not forced.in_flight
    assert await desk.standing(forced) == ["report_payment sent"]


# -- retry ----------------------------------------------------------------------------------------------------------


async def test_refused_export_is_retried_as_a_new_message(desk: "Desk") -> None:
    await desk.new()
    refused = await desk.announced()
    failed = await desk.finish(refused, desk.no())

    retried = await desk.store.retry(failed.id, desk.cause)

    assert (retried.state, retried.problem) == (State.PENDING, None)
    assert await desk.standing(retried) == ["export waiting"]
    again = await desk.announced()
    assert again.message.id != refused.message.id
    assert await desk.outcomes(retried) == ["refused", None]


async def test_refused_void_is_retried_without_a_change_of_state(desk: "Desk") -> None:
    exported = await desk.exported()
    await desk.withdraw()
    await desk.finish(await desk.announced(), desk.no())
    assert await desk.standing(exported) == ["void dead"]
    now = desk.clock.forward(hours=1)

    retried = await desk.store.retry(exported.id, desk.cause)

    assert retried.state is State.EXPORTED
    assert await desk.told(retried) == [
        "recorded: None -> pending",
        "export_confirmed: pending -> exported",
        "source_withdrawn: exported -> exported",
        "message_revived: exported -> exported",
    ]
    claim = await desk.claim()
    assert (claim.message.effect, claim.message.phase, claim.message.due_at) == (Effect.VOID, "waiting", now)
    assert (claim.message.request_id, claim.message.body) == (None, None)


async def test_refused_report_is_retried_with_the_export_of_a_failed_transaction(desk: "Desk") -> None:
    exported = await desk.exported()
    await desk.apply(exported, Trigger.PAYMENT_RECORDED, report=desk.payment(), paid=Money(4_000))
    await desk.finish(await desk.announced("tms"), desk.no())
    await desk.apply(await desk.again(exported), Trigger.DOCUMENT_LOST)

    await desk.store.retry(exported.id, desk.cause)

    assert sorted(await desk.standing(exported)) == ["export waiting", "report_payment waiting"]


async def test_retry_of_what_was_not_refused_is_illegal_and_leaves_no_trace(desk: "Desk") -> None:
    before = await desk.exported()

    with pytest.raises(IllegalMove, match="retry_requested does not apply to a transaction that is exported"):
        await desk.store.retry(before.id, desk.cause)
    assert await desk.again(before) == before


async def test_refused_void_is_dropped_while_a_person_wants_the_export(desk: "Desk") -> None:
    exported = await desk.exported()
    await desk.store.force(exported.id, State.EXPORTED, State.ERROR, desk.cause)
    await desk.apply(await desk.again(exported), Trigger.REVERT_REQUESTED)
    void = await desk.announced()
    await desk.store.retry(exported.id, desk.cause)
    assert await desk.standing(exported) == ["void sent", "export waiting"]

    after = await desk.finish(void, desk.no())

    assert after.state is State.PENDING
    assert await desk.standing(exported) == ["export waiting"]


# -- history --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rewriting", ["UPDATE history SET actor = 'nobody'", "DELETE FROM history"])
async def test_history_can_not_be_rewritten(desk: "Desk", rewriting: str) -> None:
    recorded = await desk.new()
    before = await desk.store.history(recorded.id)

    with pytest.raises(sqlite3.IntegrityError, match="history is append-only"):
        await desk.execute(rewriting)
    assert await desk.store.history(recorded.id) == before


async def test_state_survives_the_owner(desk: "Desk", open_desk: "OpenDesk") -> None:
    exported = await desk.exported()
    history = await desk.store.history(exported.id)
    await desk.store.close()

    again = await open_desk()

    assert await again.again(exported) == exported
    assert await again.store.history(exported.id) == history
