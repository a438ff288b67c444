"""What the books hold of ours and the store knows nothing of: taken over, so that nothing is made twice."""

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from state.lifecycle import State
from state.outbox import Observation
from state.transaction import Document, Kind, Money

if TYPE_CHECKING:
    from tests.unit.conftest import Desk

HELD = Document("145", "renumbered", "3")
SEEN = Observation(Kind.CUSTOMER_INVOICE, HELD, Money(10_000), Money(10_000), ours=True, source_id="id of 1001")


async def test_waiting_transaction_takes_over_the_document_that_bears_its_marker(desk: "Desk") -> None:
    waiting = await desk.new()

    [adopted] = await desk.store.adopt([SEEN])

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
        replace(SEEN, ours=False),
        replace(SEEN, source_id=None),
        replace(SEEN, source_id="id of another"),
        replace(SEEN, kind=Kind.CARRIER_BILL),
    ],
)
async def test_document_of_nobody_we_know_is_left_alone(desk: "Desk", seen: Observation) -> None:
    await desk.store.memory.observe([seen], "payments", desk.clock.now)
    waiting = await desk.new()

    assert await desk.store.adopt([seen]) == []
    assert await desk.again(waiting) == waiting
    assert waiting.document is None


async def test_document_that_is_known_already_is_not_taken_over_again(desk: "Desk") -> None:
    exported = await desk.exported()
    assert exported.document is not None
    known = replace(SEEN, document=exported.document)

    assert await desk.store.adopt([known]) == []
    assert await desk.again(exported) == exported


@pytest.mark.parametrize("doubt", [False, True])
async def test_document_of_a_request_under_way_is_left_to_the_outbox(desk: "Desk", doubt: bool) -> None:  # noqa: FBT001 - a column of the table
    waiting = await desk.new()
    sent = await desk.announced()
    if doubt:
        await desk.finish(sent, desk.unknown())

    assert await desk.store.adopt([SEEN]) == []
    assert (await desk.again(waiting)).document is None


async def test_transaction_that_is_done_or_refused_takes_over_nothing(desk: "Desk") -> None:
    refused = await desk.new()
    await desk.finish(await desk.announced(), desk.no())
    reverted = await desk.new(load="1002")
    await desk.withdraw("1002")

    assert (
        await desk.store.adopt([SEEN, replace(SEEN, source_id="id of 1002", document=Document("146", None, "0"))]) == []
    )
    assert ((await desk.again(refused)).state, (await desk.again(reverted)).state) == (State.ERROR, State.REVERTED)


async def test_which_of_two_documents_with_one_marker_is_ours_is_left_to_a_person(desk: "Desk") -> None:
    copied = replace(SEEN, document=Document("146", "copy", "0"))
    await desk.store.memory.observe([SEEN, copied], "payments", desk.clock.now)
    waiting = await desk.new()

    assert await desk.store.adopt([SEEN, copied]) == []
    assert (await desk.again(waiting)).document is None

    await desk.store.memory.observe([replace(copied, gone=True)], "payments", desk.clock.now)
    [adopted] = await desk.store.adopt([SEEN])
    assert adopted.document == HELD
