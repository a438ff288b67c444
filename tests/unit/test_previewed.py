from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from state.lifecycle import Effect, IllegalMove, State, Trigger
from state.moves import Cause, UnknownTransaction
from state.outbox import Phase
from state.store import Filter, NotHeld
from state.transaction import Kind, Origin, Transaction, TransactionId
from tests.unit.conftest import OpenDesk

if TYPE_CHECKING:
    from tests.unit.conftest import Desk

OLGA = Cause("olga", "looked at it")


async def seen(desk: "Desk", transaction: Transaction) -> str | None:
    [claim] = await desk.store.foreseen([transaction.id])
    return claim.message.preview


async def refused(desk: "Desk") -> Transaction:
    await desk.new()
    return await desk.finish(await desk.claim(), desk.no())


async def test_release_binds_the_document_to_what_was_seen(open_desk: OpenDesk) -> None:
    desk = await open_desk(auto=False)
    waiting = await desk.new()
    await desk.store.release(waiting.id, OLGA, preview="abc")
    assert (await desk.claim()).message.preview == "abc"


async def test_release_without_a_look_binds_nothing(open_desk: OpenDesk) -> None:
    desk = await open_desk(auto=False)
    waiting = await desk.new()
    await desk.store.release(waiting.id, OLGA)
    assert (await desk.claim()).message.preview is None


async def test_retry_binds_the_document_to_what_was_seen_now(desk: "Desk") -> None:
    failed = await refused(desk)
    await desk.store.retry(failed.id, OLGA, preview="abc")
    await desk.finish(await desk.claim(), desk.no())
    await desk.store.retry(failed.id, OLGA, preview="def")
    assert (await desk.claim()).message.preview == "def"


async def test_retry_that_says_nothing_of_it_leaves_it_at_what_was_seen(desk: "Desk") -> None:
    failed = await refused(desk)
    await desk.store.retry(failed.id, OLGA, preview="abc")
    await desk.finish(await desk.claim(), desk.no())
    await desk.store.retry(failed.id, Cause("periods", "the books are open"))
    assert (await desk.claim()).message.preview == "abc"


async def test_retry_without_a_look_lets_go_whatever_it_is(desk: "Desk") -> None:
    failed = await refused(desk)
    await desk.store.retry(failed.id, OLGA, preview="abc")
    await desk.finish(await desk.claim(), desk.no())
    await desk.store.retry(failed.id, OLGA, preview="")
    assert (await desk.claim()).message.preview is None


async def test_what_the_tms_says_after_the_look_is_held_against_it_too(desk: "Desk") -> None:
    failed = await refused(desk)
    await desk.store.retry(failed.id, OLGA, preview="abc")
    await desk.record("120.00")
    assert (await desk.claim()).message.preview == "abc"


async def test_document_that_left_binds_no_later_one(desk: "Desk") -> None:
    failed = await refused(desk)
    await desk.store.retry(failed.id, OLGA, preview="abc")
    await desk.finish(await desk.announced(), desk.yes())
    await desk.record("120.00")
    assert (await desk.claim()).message.preview is None


async def test_retry_of_a_void_has_no_document_to_hold_against_a_preview(desk: "Desk") -> None:
    exported = await desk.exported()
    await desk.apply(exported, Trigger.REVERT_REQUESTED)
    await desk.finish(await desk.claim(), desk.no())
    with pytest.raises(NotHeld):
        await desk.store.retry(exported.id, OLGA, preview="abc")
    await desk.store.retry(exported.id, OLGA, preview="")
    assert (await desk.claim()).message.effect is Effect.VOID


async def test_retry_of_what_was_not_refused_stays_illegal(desk: "Desk") -> None:
    waiting = await desk.new()
    with pytest.raises(IllegalMove):
        await desk.store.retry(waiting.id, OLGA, preview="")


async def test_what_waits_is_foreseen_as_it_would_be_claimed(desk: "Desk") -> None:
    waiting = await desk.new()
    [foreseen] = await desk.store.foreseen([waiting.id])
    assert foreseen == await desk.claim()


async def test_what_nobody_wants_sent_is_foreseen_as_if_somebody_did(desk: "Desk") -> None:
    exported, other = await desk.exported(), await desk.exported(load="1002")
    claims = await desk.store.foreseen([exported.id, other.id])
    assert [(each.message.effect, each.message.phase, each.transaction.id) for each in claims] == [
        (Effect.EXPORT, Phase.WAITING, exported.id),
        (Effect.EXPORT, Phase.WAITING, other.id),
    ]
    assert len({each.message.id for each in claims}) == 2


async def test_void_that_waits_is_foreseen_and_one_that_was_refused_is_not_in_the_way(desk: "Desk") -> None:
    exported = await desk.exported()
    await desk.apply(exported, Trigger.REVERT_REQUESTED)
    assert [each.message.effect for each in await desk.store.foreseen([exported.id])] == [Effect.VOID]
    await desk.finish(await desk.claim(), desk.no())
    assert [each.message.effect for each in await desk.store.foreseen([exported.id])] == [Effect.EXPORT]


async def test_payment_is_foreseen_with_what_it_pays_though_that_is_not_there_yet(desk: "Desk") -> None:
    invoice = await desk.new(load="1001")
    assert invoice.content is not None
    content = replace(invoice.content, settles=Origin(invoice.kind, invoice.source_id))
    paid = await desk.new(load="p", kind=Kind.CUSTOMER_PAYMENT, content=content)
    [foreseen] = await desk.store.foreseen([paid.id])
    assert foreseen.settled == invoice


async def test_nothing_unknown_is_foreseen(desk: "Desk") -> None:
    with pytest.raises(UnknownTransaction):
        await desk.store.foreseen([TransactionId(77)])


async def test_what_is_not_in_the_books_can_be_asked_for(desk: "Desk") -> None:
    failed = await refused(desk)
    await desk.exported(load="1002")
    waiting = await desk.new(load="1003")
    found = await desk.store.page(Filter(unbooked=True))
    assert [(each.id, each.state) for each in found] == [(waiting.id, State.PENDING), (failed.id, State.ERROR)]
