"""What the books hold of ours and the store knows nothing of: taken over, so that nothing is made twice."""

from functools import partial
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from state.lifecycle import State, Trigger
from state.moves import Recorded
from state.outbox import Observation
from state.problem import problem
from state.transaction import Document, DocumentType, Kind, Money, Origin

if TYPE_CHECKING:
    from state.transaction import Transaction
    from tests.unit.conftest import Desk

HELD = Document("145", "renumbered", "3")
ORIGIN = Origin(Kind.CUSTOMER_INVOICE, "id of 1001")
SEEN = Observation(DocumentType.INVOICE, HELD, Money(10_000), Money(10_000), origin=ORIGIN)


async def test_waiting_transaction_takes_over_the_document_that_bears_its_marker(desk: "Desk") -> None:
    waiting = await desk.new()

    [adopted] = await desk.store.adopt([SEEN], desk.clock.now)

    assert (adopted.state, adopted.document) == (State.PENDING, HELD)
    assert await desk.told(waiting) == ["recorded: None -> pending", "document_found: pending -> pending"]
    assert await desk.standing(waiting) == ["export waiting"]  # to be compared, and brought to the latest revision
    assert (await desk.claim()).transaction.document == HELD


async def test_record_taken_in_later_takes_it_over_at_once(desk: "Desk") -> None:
    await desk.store.memory.observe([SEEN], "payments", desk.clock.now)

    recorded = await desk.new()

    assert recorded.document == HELD
    assert await desk.told(recorded) == ["recorded: None -> pending", "document_found: pending -> pending"]


@pytest.mark.parametrize(
    "seen",
    [
        replace(SEEN, gone=True),
        replace(SEEN, origin=None),
        replace(SEEN, origin=replace(ORIGIN, source_id="id of another")),
        replace(SEEN, origin=replace(ORIGIN, kind=Kind.CARRIER_BILL)),
    ],
)
async def test_document_of_nobody_we_know_is_left_alone(desk: "Desk", seen: Observation) -> None:
    await desk.store.memory.observe([seen], "payments", desk.clock.now)
    waiting = await desk.new()

    assert await desk.store.adopt([seen], desk.clock.now) == []
    assert await desk.again(waiting) == waiting
    assert waiting.document is None


async def test_document_that_is_known_already_is_not_taken_over_again(desk: "Desk") -> None:
    exported = await desk.exported()
    assert exported.document is not None
    known = replace(SEEN, document=exported.document)

    assert await desk.store.adopt([known], desk.clock.now) == []
    assert await desk.again(exported) == exported


async def test_document_of_a_request_under_way_is_left_to_its_answer(desk: "Desk") -> None:
    waiting = await desk.new()
    await desk.announced()

    assert await desk.store.adopt([SEEN], desk.clock.now) == []
    assert (await desk.again(waiting)).document is None
    assert await desk.standing(waiting) == ["export sent"]


async def test_document_of_a_request_in_doubt_ends_the_doubt(desk: "Desk") -> None:
    await desk.new()
    await desk.finish(await desk.announced(), desk.unknown())

    [adopted] = await desk.store.adopt([SEEN], desk.clock.now)

    assert (adopted.state, adopted.document, adopted.in_flight) == (State.PENDING, HELD, False)
    assert await desk.standing(adopted) == ["export waiting"]
    claim = await desk.claim()
    assert (claim.message.request_id, claim.message.body, claim.transaction.document) == (None, None, HELD)


async def test_document_in_doubt_that_is_wanted_no_more_is_found_for_its_void(desk: "Desk") -> None:
    await desk.new()
    await desk.finish(await desk.announced(), desk.unknown())
    await desk.withdraw()

    [adopted] = await desk.store.adopt([SEEN], desk.clock.now)

    assert await desk.standing(adopted) == ["void waiting"]
    assert (await desk.claim()).transaction.document == HELD


async def test_void_in_doubt_is_not_decided_by_what_stands(desk: "Desk") -> None:
    exported = await desk.exported()
    await desk.record("120.00")
    await desk.withdraw()
    await desk.finish(await desk.announced(), desk.unknown())
    other = replace(SEEN, document=Document("other", None, "0"))

    assert await desk.store.adopt([other], desk.clock.now) == []
    assert await desk.standing(exported) == ["void in_doubt"]


async def test_refused_export_that_is_tried_again_takes_over_what_the_books_showed(desk: "Desk") -> None:
    refused = await desk.new()
    await desk.finish(await desk.announced(), desk.no())
    await desk.store.memory.observe([SEEN], "payments", desk.clock.now)

    retried = await desk.store.retry(refused.id, desk.cause)

    assert (retried.state, retried.document) == (State.PENDING, HELD)
    assert await desk.standing(refused) == ["export waiting"]


async def test_document_we_took_away_is_not_taken_for_the_one_to_come(desk: "Desk") -> None:
    exported = await desk.exported()
    await desk.record("120.00")  # so that what is seen waits for the update
    assert exported.document is not None
    await desk.store.memory.observe([replace(SEEN, document=exported.document)], "payments", desk.clock.now)
    await desk.withdraw()
    await desk.finish(await desk.announced(), desk.yes(None))

    await desk.record("130.00")

    again = await desk.again(exported)
    assert (again.state, again.document, again.generation) == (State.PENDING, None, 2)


async def test_transaction_that_is_done_takes_over_nothing(desk: "Desk") -> None:
    reverted = await desk.new()
    await desk.withdraw()

    assert await desk.store.adopt([SEEN], desk.clock.now) == []
    assert (await desk.again(reverted)).state is State.REVERTED


async def test_refused_transaction_takes_the_document_over_and_keeps_its_problem(desk: "Desk") -> None:
    await desk.new()
    refused = await desk.finish(await desk.announced(), desk.no())

    [adopted] = await desk.store.adopt([SEEN], desk.clock.now)

    assert (adopted.state, adopted.document, adopted.problem) == (State.ERROR, HELD, refused.problem)


async def test_document_that_took_the_place_of_a_lost_one_is_taken_over_with_the_loss(desk: "Desk") -> None:
    exported = await desk.exported()
    await desk.store.memory.observe([SEEN], "payments", desk.clock.now)

    lost = await desk.apply(exported, Trigger.DOCUMENT_LOST)

    assert (lost.state, lost.document) == (State.ERROR, HELD)
    assert lost.problem is not None
    assert (await desk.told(lost))[-2:] == ["document_lost: exported -> error", "document_found: error -> error"]


async def test_transaction_that_moved_after_the_books_were_asked_waits_for_the_next_look(desk: "Desk") -> None:
    asked_at = desk.clock.now
    desk.clock.forward(seconds=1)
    await desk.new()

    assert await desk.store.adopt([SEEN], asked_at) == []
    assert len(await desk.store.adopt([SEEN], desk.clock.now)) == 1


async def test_which_of_two_documents_with_one_marker_is_ours_is_left_to_a_person(desk: "Desk") -> None:
    copied = replace(SEEN, document=Document("146", "copy", "0"))
    await desk.store.memory.observe([SEEN, copied], "payments", desk.clock.now)
    waiting = await desk.new()

    assert await desk.store.adopt([SEEN, copied], desk.clock.now) == []
    assert (await desk.again(waiting)).document is None

    await desk.store.memory.observe([replace(copied, gone=True)], "payments", desk.clock.now)
    [adopted] = await desk.store.adopt([SEEN], desk.clock.now)
    assert adopted.document == HELD


# -- what is reverted -------------------------------------------------------------------------------------------------


async def test_document_that_surely_stands_though_it_is_reverted_is_shown_as_an_error(desk: "Desk") -> None:
    reverted = await reverted_by_a_person(desk)

    [found] = await desk.store.adopt([SEEN], desk.clock.now, certain=True)

    assert (found.state, found.document, found.problem) == (State.ERROR, HELD, problem("document_stands"))
    assert (await desk.told(reverted))[-1] == "document_found: reverted -> error"
    assert await desk.standing(reverted) == []


async def test_person_keeps_the_document_that_stands_with_a_retry(desk: "Desk") -> None:
    await reverted_by_a_person(desk)
    [found] = await desk.store.adopt([SEEN], desk.clock.now, certain=True)

    kept = await desk.store.retry(found.id, desk.cause)

    assert (kept.state, kept.document, await desk.standing(found)) == (State.PENDING, HELD, ["export waiting"])


async def test_person_takes_the_document_that_stands_away_with_a_revert(desk: "Desk") -> None:
    await reverted_by_a_person(desk)
    [found] = await desk.store.adopt([SEEN], desk.clock.now, certain=True)

    going = await desk.apply(found, Trigger.REVERT_REQUESTED)

    assert (going.document, await desk.standing(found)) == (HELD, ["void waiting"])


async def test_document_that_stands_is_kept_if_the_tms_took_it_away_and_shows_it_again(desk: "Desk") -> None:
    await desk.new()
    await desk.withdraw()
    [found] = await desk.store.adopt([SEEN], desk.clock.now, certain=True)

    assert await desk.record() is Recorded.CHANGED

    kept = await desk.again(found)
    assert (kept.state, kept.document, await desk.standing(found)) == (State.PENDING, HELD, ["export waiting"])


async def test_document_that_stands_though_a_person_reverted_it_waits_for_a_person(desk: "Desk") -> None:
    await reverted_by_a_person(desk)
    [found] = await desk.store.adopt([SEEN], desk.clock.now, certain=True)

    assert await desk.record() is Recorded.UNCHANGED
    assert (await desk.again(found)).state is State.ERROR


async def test_document_that_stands_goes_if_the_tms_says_that_it_is_withdrawn(desk: "Desk") -> None:
    await reverted_by_a_person(desk)
    [found] = await desk.store.adopt([SEEN], desk.clock.now, certain=True)

    assert await desk.withdraw() is Recorded.WITHDRAWN
    assert await desk.standing(found) == ["void waiting"]


async def test_only_what_was_seen_to_stand_of_the_reverted_is_stray(desk: "Desk") -> None:
    observe = partial(desk.store.memory.observe, cursor="payments", to=desk.clock.now)
    await desk.new()
    await desk.new(load="1002")
    other = replace(SEEN, document=Document("other", None, "0"), origin=Origin(Kind.CUSTOMER_INVOICE, "id of 1002"))
    await observe([SEEN, other])
    assert await desk.store.stray() == []

    await desk.withdraw()
    assert await desk.store.stray() == [SEEN]

    await observe([replace(SEEN, gone=True)])
    assert await desk.store.stray() == []


# -- what nobody knows of ---------------------------------------------------------------------------------------------


async def test_only_what_was_seen_to_stand_and_no_transaction_has_is_unclaimed(desk: "Desk") -> None:
    observe = partial(desk.store.memory.observe, cursor="payments", to=desk.clock.now)
    exported = await desk.exported(load="1002")
    assert exported.document is not None
    copied = replace(SEEN, document=exported.document, origin=Origin(Kind.CUSTOMER_INVOICE, "id of another"))
    await observe([SEEN, copied])
    assert await desk.store.unclaimed() == [SEEN]

    await observe([replace(SEEN, gone=True)])
    assert await desk.store.unclaimed() == []

    await observe([SEEN])
    await desk.new()
    assert await desk.store.unclaimed() == []


async def test_unclaimed_document_is_shown_until_a_person_takes_it_away(desk: "Desk") -> None:
    await desk.store.memory.observe([SEEN], "payments", desk.clock.now)

    shown = await desk.store.show(SEEN)

    assert shown is not None
    assert (shown.label, shown.document, shown.problem) == ("renumbered", HELD, problem("document_unclaimed"))
    assert await desk.told(shown) == ["recorded: None -> pending", "document_found: pending -> pending"]
    await desk.finish(await desk.claim(), desk.no("document_unclaimed"))

    going = await desk.apply(await desk.again(shown), Trigger.REVERT_REQUESTED)
    assert (going.state, going.document, await desk.standing(shown)) == (State.ERROR, HELD, ["void waiting"])


async def test_unclaimed_document_is_claimed_by_the_record_once_the_tms_shows_it_again(desk: "Desk") -> None:
    await desk.store.memory.observe([SEEN], "payments", desk.clock.now)
    shown = await desk.store.show(SEEN)
    assert shown is not None

    assert await desk.record() is Recorded.CHANGED

    claimed = await desk.again(shown)
    assert (claimed.state, claimed.document, claimed.problem) == (State.PENDING, HELD, None)


async def test_document_that_was_claimed_meanwhile_is_not_shown_as_unclaimed(desk: "Desk") -> None:
    known = await desk.new()

    assert await desk.store.show(SEEN) is None
    assert await desk.store.show(replace(SEEN, origin=None)) is None
    assert await desk.again(known) == known


async def reverted_by_a_person(desk: "Desk") -> "Transaction":
    return await desk.apply(await desk.new(), Trigger.REVERT_REQUESTED)
