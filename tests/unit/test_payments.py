import asyncio
from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from adapters.ports import Unavailable
from engine.payments import CURSOR, Payments
from state.lifecycle import Effect, State, Trigger
from state.outbox import Observation, Phase, Settlement
from state.problem import problem
from state.store import Filter
from state.transaction import Document, DocumentType, Kind, Money, Origin
from tests.unit.fakes import Bench, Window, spared

if TYPE_CHECKING:
    from state.transaction import Transaction
    from tests.unit.conftest import Desk

OVERLAP = timedelta(minutes=5)
OURS = Origin(Kind.CUSTOMER_INVOICE, "id of 1001")


@pytest.fixture(autouse=True)
def spare(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with spared(monkeypatch):
        yield


def seen(document: Document | None, total: int, balance: int, *payments: tuple[str, int], **fields: Any) -> Observation:
    """Return the standing of an invoice, in cents, settled by payments on one day after the other."""
    assert document is not None
    settlements = tuple(
        Settlement(name, Money(amount), date(2026, 10, 1 + day), "Check", f"no. {name}")
        for day, (name, amount) in enumerate(payments)
    )
    given: dict[str, Any] = {"origin": Origin(Kind.CUSTOMER_INVOICE, "another"), "settlements": settlements}
    return Observation(DocumentType.INVOICE, document, Money(total), Money(balance), **given | fields)


class Reader:
    """The reader of payments between a store and fake accounting, with what it told others."""

    def __init__(self, desk: "Desk") -> None:
        self.desk = desk
        self.bench = Bench(desk)
        self.accounting = self.bench.accounting
        self.first = desk.clock.now - timedelta(days=7)
        self.moved: list[Trigger] = []
        self.rung = 0
        self.payments = Payments(
            desk.store,
            self.accounting,
            first=self.first,
            overlap=OVERLAP,
            clock=desk.clock,
            reported=frozenset({Kind.CUSTOMER_INVOICE}),
            moved=self.moved.append,
            wake=self._ring,
        )

    def _ring(self) -> None:
        self.rung += 1

    async def see(self, *observations: Observation) -> None:
        self.accounting.seen = observations
        await self.payments.run_once()

    async def kept(self) -> int:
        return len(await self.desk.store.memory.observations())

    async def told(self) -> list[tuple[str, int]]:
        """Deliver the reports and return all that the TMS holds."""
        await self.bench.drain()
        return [(held.source, held.minor) for held in self.bench.told.documents]


@pytest.fixture
def reader(desk: "Desk") -> Reader:
    return Reader(desk)


@pytest.fixture
async def invoice(desk: "Desk") -> "Transaction":
    return await desk.exported("100.00")


# -- windows and the cursor -------------------------------------------------------------------------------------------


async def test_first_look_begins_at_the_first_date_and_later_ones_an_overlap_before_the_last(reader: Reader) -> None:
    await reader.see()
    ended = reader.desk.clock.now
    reader.desk.clock.forward(hours=1)
    await reader.see()

    assert reader.accounting.windows == [Window(reader.first), Window(ended - OVERLAP)]
    assert await reader.desk.store.memory.cursor(CURSOR) == reader.desk.clock.now


async def test_look_that_fails_leaves_the_cursor(reader: Reader) -> None:
    reader.accounting.seen = Unavailable("busy")

    with pytest.raises(Unavailable):
        await reader.payments.run_once()

    assert await reader.desk.store.memory.cursor(CURSOR) is None


async def test_books_are_caught_up_with_once_what_they_show_is_taken_over(reader: Reader) -> None:
    told: list[tuple[State, Document | None]] = []
    recorded, held = await reader.desk.new("100.00"), Document("renumbered", "X", "3")

    async def note() -> None:
        seen = await reader.desk.again(recorded)
        told.append((seen.state, seen.document))

    def caught_up(behind: bool) -> None:  # noqa: FBT001 - called back with what was seen
        lags.append(behind)
        notes.append(asyncio.ensure_future(note()))

    lags: list[bool] = []
    notes: list[asyncio.Future[None]] = []
    reader.payments._caught_up = caught_up
    reader.accounting.seen = Unavailable("busy")
    with pytest.raises(Unavailable):
        await reader.payments.run_once()
    assert notes == []

    await reader.see(seen(held, 10_000, 10_000, origin=OURS))
    await asyncio.gather(*notes)

    await reader.payments.run_once()  # the same again: there is nothing left to take over

    assert told[:1] == [(State.PENDING, held)]
    assert lags == [True, False]
    assert reader.moved == [Trigger.DOCUMENT_FOUND]


async def test_document_that_stands_though_it_is_reverted_is_asked_for_and_shown(reader: Reader) -> None:
    reverted = await reader.desk.new("100.00")
    await reader.desk.withdraw()
    reader.accounting.standing = {"d9"}

    await reader.see(seen(Document("d9", "N1001", "3"), 10_000, 10_000, origin=OURS))
    await reader.see()

    shown = await reader.desk.again(reverted)
    assert (shown.state, shown.document) == (State.ERROR, Document("d9", "N1001", "3"))
    assert reader.accounting.asked == [(DocumentType.INVOICE, "d9")]
    assert reader.moved == [Trigger.DOCUMENT_FOUND]


async def test_document_that_nobody_knows_of_is_shown_once_the_tms_was_read(reader: Reader) -> None:
    unknown = Document("d9", "N1001", "3")
    reader.accounting.standing = {"d9"}
    await reader.see(seen(unknown, 10_000, 10_000, origin=OURS))
    assert await reader.desk.store.page(Filter()) == []

    reader.payments._taken_in = lambda: True
    await reader.see()
    await reader.see()

    [shown] = await reader.desk.store.page(Filter())
    assert (shown.state, shown.document, shown.problem) == (State.PENDING, unknown, problem("document_unclaimed"))
    assert (len(reader.accounting.asked), reader.rung) == (1, 1)
    await reader.bench.drain()
    assert (await reader.desk.again(shown)).state is State.ERROR


async def test_document_that_nobody_knows_of_and_that_is_gone_is_forgotten(reader: Reader) -> None:
    reader.payments._taken_in = lambda: True
    await reader.see(seen(Document("d9", "N1001", "3"), 10_000, 10_000, origin=OURS))

    assert (await reader.desk.store.page(Filter()), await reader.kept()) == ([], 0)


async def test_older_look_at_a_document_that_we_took_away_is_forgotten(reader: Reader, invoice: "Transaction") -> None:
    await reader.desk.withdraw()
    await reader.desk.finish(await reader.desk.announced(), reader.desk.yes(None))

    await reader.see(seen(invoice.document, 10_000, 10_000, origin=OURS))
    await reader.see()

    assert ((await reader.desk.again(invoice)).state, await reader.kept()) == (State.REVERTED, 0)
    assert (len(reader.accounting.asked), reader.moved) == (1, [])


# -- payments ---------------------------------------------------------------------------------------------------------


async def test_part_payment_is_shown_and_told(reader: Reader, invoice: "Transaction") -> None:
    await reader.see(seen(invoice.document, 10_000, 6_000, ("7", 4_000)))

    after = await reader.desk.again(invoice)
    assert (after.state, after.paid) == (State.EXPORTED, Money(4_000))
    assert (reader.moved, reader.rung) == ([Trigger.PAYMENT_RECORDED], 1)
    assert await reader.told() == [("no. 7", 4_000)]


async def test_full_payment_moves_to_paid(reader: Reader, invoice: "Transaction") -> None:
    await reader.see(seen(invoice.document, 10_000, 0, ("7", 4_000), ("8", 6_000)))

    after = await reader.desk.again(invoice)
    assert (after.state, after.paid) == (State.PAID, Money(10_000))
    assert reader.moved == [Trigger.PAYMENT_RECORDED, Trigger.PAYMENT_COMPLETED]
    assert await reader.told() == [("no. 7", 4_000), ("no. 8", 6_000)]


async def test_report_says_what_accounting_says_of_the_payment(reader: Reader, invoice: "Transaction") -> None:
    await reader.see(seen(invoice.document, 10_000, 6_000, ("7", 4_000)))

    [claim] = await reader.desk.store.claim(["tms"], 1)
    report = claim.message.report
    assert report is not None
    assert (report.paid_on, report.method, report.note) == (date(2026, 10, 1), "Check", "no. 7")


async def test_same_standing_seen_again_moves_nothing(reader: Reader, invoice: "Transaction") -> None:
    standing = seen(invoice.document, 10_000, 6_000, ("7", 4_000))
    await reader.see(standing)
    await reader.see(standing, standing)

    assert (reader.moved, await reader.kept()) == ([Trigger.PAYMENT_RECORDED], 0)
    assert await reader.told() == [("no. 7", 4_000)]


async def test_payment_taken_back_moves_back_and_its_successor_is_not_told_again(
    reader: Reader, invoice: "Transaction"
) -> None:
    await reader.see(seen(invoice.document, 10_000, 0, ("7", 10_000)))
    await reader.see(seen(invoice.document, 10_000, 10_000))
    back = await reader.desk.again(invoice)
    assert (back.state, back.paid) == (State.EXPORTED, Money(0))

    await reader.see(seen(invoice.document, 10_000, 0, ("8", 10_000)))

    assert (await reader.desk.again(invoice)).state is State.PAID
    assert await reader.told() == [("no. 7", 10_000)]


async def test_document_edited_in_accounting_after_it_was_paid_is_paid_no_more(
    reader: Reader, invoice: "Transaction"
) -> None:
    await reader.see(seen(invoice.document, 10_000, 0, ("7", 10_000)))
    await reader.see(seen(invoice.document, 12_000, 2_000, ("7", 10_000)))
    after = await reader.desk.again(invoice)
    assert (after.state, after.paid) == (State.EXPORTED, Money(10_000))

    await reader.see(seen(invoice.document, 12_000, 0, ("7", 10_000), ("8", 2_000)))

    after = await reader.desk.again(invoice)
    assert (after.state, after.paid) == (State.EXPORTED, Money(12_000))
    assert await reader.told() == [("no. 7", 10_000), ("no. 8", 2_000)]


async def test_document_version_seen_with_a_payment_is_remembered(reader: Reader, invoice: "Transaction") -> None:
    assert invoice.document is not None
    newer = Document(invoice.document.id, "N1001", "9")
    await reader.see(seen(newer, 10_000, 6_000, ("7", 4_000)))

    assert (await reader.desk.again(invoice)).document == newer


# -- observations that wait -------------------------------------------------------------------------------------------


async def test_payment_of_a_document_not_yet_linked_waits_for_its_export(reader: Reader) -> None:
    recorded = await reader.desk.new("100.00")
    held = Document("d1", "N1001", "0")
    await reader.see(seen(held, 10_000, 0, ("7", 10_000)))
    assert (reader.moved, await reader.kept()) == ([], 1)

    await reader.bench.drain()
    await reader.see()

    assert ((await reader.desk.again(recorded)).state, await reader.kept()) == (State.PAID, 0)


async def test_document_that_is_not_ours_is_not_kept(reader: Reader) -> None:
    await reader.see(seen(Document("x", "N1", "0"), 100, 0, origin=None))

    assert await reader.kept() == 0


async def test_document_of_ours_that_is_gone_and_linked_to_nothing_is_forgotten(reader: Reader) -> None:
    await reader.see(seen(Document("x", "N1", "0"), 0, 0, gone=True))

    assert (await reader.kept(), reader.moved) == (0, [])


async def test_payment_waits_while_a_new_revision_is_under_way(reader: Reader, invoice: "Transaction") -> None:
    await reader.desk.record("120.00")
    await reader.see(seen(invoice.document, 10_000, 6_000, ("7", 4_000)))
    assert (reader.moved, await reader.kept()) == ([], 1)

    await reader.desk.finish(await reader.desk.announced(), reader.desk.yes("document of 1001"))
    await reader.see()

    after = await reader.desk.again(invoice)
    assert (after.state, after.paid, await reader.kept()) == (State.EXPORTED, Money(4_000), 1)  # of the amount before
    await reader.see(seen(invoice.document, 12_000, 8_000, ("7", 4_000)))
    assert await reader.kept() == 0


async def test_document_paid_in_full_before_the_store_knew_its_amount_is_paid_once_both_agree(
    reader: Reader, invoice: "Transaction"
) -> None:
    await reader.see(seen(invoice.document, 8_000, 0, ("7", 8_000)))
    assert (await reader.desk.again(invoice)).state is State.EXPORTED

    await reader.desk.record("80.00")
    await reader.desk.finish(await reader.desk.announced(), reader.desk.yes("document of 1001"))
    await reader.see()

    after = await reader.desk.again(invoice)
    assert (after.state, after.paid, await reader.kept()) == (State.PAID, Money(8_000), 0)


async def test_document_of_another_amount_is_told_once_and_kept(reader: Reader, invoice: "Transaction") -> None:
    with capture_logs() as logged:
        await reader.see(seen(invoice.document, 8_000, 8_000))
        await reader.see()

    assert [line["event"] for line in logged] == ["document.differs"]
    assert await reader.kept() == 1


async def test_transaction_that_moved_meanwhile_keeps_the_observation(
    reader: Reader, invoice: "Transaction", monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = reader.desk.store.memory
    honest = memory.settlements

    async def overtaken(transaction_id: Any) -> Any:
        monkeypatch.undo()
        await reader.desk.record("120.00")
        return await honest(transaction_id)

    monkeypatch.setattr(memory, "settlements", overtaken)
    await reader.see(seen(invoice.document, 10_000, 6_000, ("7", 4_000)))

    assert (reader.moved, await reader.kept()) == ([], 1)
    assert (await reader.desk.again(invoice)).state is State.PENDING


async def test_observation_that_breaks_is_kept_and_its_neighbours_go_on(
    reader: Reader, invoice: "Transaction", monkeypatch: pytest.MonkeyPatch
) -> None:
    poison = await reader.desk.exported("50.00", load="poison")
    other = await reader.desk.exported("70.00", load="z")
    memory = reader.desk.store.memory
    honest = memory.settlements

    async def broken(transaction_id: Any) -> Any:
        if transaction_id == poison.id:
            raise RuntimeError("oops")
        return await honest(transaction_id)

    monkeypatch.setattr(memory, "settlements", broken)
    standings = [
        seen(invoice.document, 10_000, 0, ("7", 10_000)),
        seen(poison.document, 5_000, 0, ("8", 5_000)),
        seen(other.document, 7_000, 0, ("9", 7_000)),
    ]
    with pytest.raises(ExceptionGroup):
        await reader.see(*standings)

    assert [(await reader.desk.again(each)).state for each in (invoice, other)] == [State.PAID] * 2
    assert await reader.kept() == 1
    monkeypatch.setattr(memory, "settlements", honest)
    await reader.see()
    assert ((await reader.desk.again(poison)).state, await reader.kept()) == (State.PAID, 0)


async def test_newer_standing_that_arrives_while_the_older_is_acted_on_is_not_forgotten(
    reader: Reader, invoice: "Transaction"
) -> None:
    older = seen(invoice.document, 10_000, 6_000, ("7", 4_000))
    newer = seen(invoice.document, 10_000, 0, ("7", 10_000))
    memory = reader.desk.store.memory
    await memory.observe([older], CURSOR, reader.desk.clock.now)
    await memory.observe([newer], CURSOR, reader.desk.clock.now)

    await memory.forget(older)

    assert await memory.observations() == [newer]


# -- documents that are gone ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("paid", [False, True])
async def test_document_taken_away_by_a_person_is_an_error_and_a_retry_makes_another(
    reader: Reader, invoice: "Transaction", *, paid: bool
) -> None:
    if paid:
        await reader.see(seen(invoice.document, 10_000, 0, ("7", 10_000)))
    await reader.see(seen(invoice.document, 0, 0, gone=True))

    lost = await reader.desk.again(invoice)
    assert (lost.state, lost.document, lost.paid, lost.generation) == (State.ERROR, None, Money(0), 2)
    assert lost.problem == problem("document_lost")
    assert reader.moved[-1] is Trigger.DOCUMENT_LOST

    await reader.desk.store.retry(invoice.id, reader.desk.cause)
    await reader.bench.drain()
    again = await reader.desk.again(invoice)
    assert again.state is State.EXPORTED

    await reader.see(seen(again.document, 10_000, 0, ("9", 10_000)))
    assert (await reader.desk.again(invoice)).state is State.PAID
    assert sum(minor for _, minor in await reader.told()) == 10_000


async def test_our_own_void_is_not_a_loss(reader: Reader, invoice: "Transaction") -> None:
    await reader.desk.withdraw()
    await reader.see(seen(invoice.document, 0, 0, gone=True))
    assert (await reader.desk.again(invoice)).state is State.EXPORTED

    claim = await reader.desk.announced()
    await reader.see(seen(invoice.document, 0, 0, gone=True))
    assert (await reader.desk.again(invoice)).state is State.EXPORTED
    await reader.desk.finish(claim, reader.desk.yes(None))
    await reader.see(seen(invoice.document, 0, 0, gone=True))

    assert (await reader.desk.again(invoice)).state is State.REVERTED
    assert (reader.moved, await reader.kept()) == ([], 0)


async def test_document_that_a_person_removed_after_our_void_was_refused_is_lost(
    reader: Reader, invoice: "Transaction"
) -> None:
    await reader.desk.withdraw()
    await reader.desk.finish(await reader.desk.announced(), reader.desk.no())
    [standing] = await reader.desk.store.standings(invoice.id)
    assert (standing.effect, standing.phase) == (Effect.VOID, Phase.DEAD)

    await reader.see(seen(invoice.document, 0, 0, gone=True))

    assert (await reader.desk.again(invoice)).state is State.ERROR


# -- forced states ----------------------------------------------------------------------------------------------------


async def test_forced_paid_is_compared_with_accounting_and_taken_back_if_it_is_not_so(
    reader: Reader, invoice: "Transaction"
) -> None:
    await reader.desk.store.force(invoice.id, State.EXPORTED, State.PAID, reader.desk.cause)
    await reader.see(seen(invoice.document, 10_000, 6_000, ("7", 4_000)))

    after = await reader.desk.again(invoice)
    assert (after.state, after.paid) == (State.EXPORTED, Money(4_000))
    assert await reader.told() == [("no. 7", 4_000)]


async def test_forced_paid_that_comes_true_is_told_to_the_tms(reader: Reader, invoice: "Transaction") -> None:
    await reader.desk.store.force(invoice.id, State.EXPORTED, State.PAID, reader.desk.cause)
    await reader.see(seen(invoice.document, 10_000, 0, ("7", 10_000)))

    after = await reader.desk.again(invoice)
    assert (after.state, after.paid) == (State.PAID, Money(10_000))
    assert await reader.told() == [("no. 7", 10_000)]


async def test_forced_error_keeps_the_payment_until_it_is_resolved(reader: Reader, invoice: "Transaction") -> None:
    await reader.desk.store.force(invoice.id, State.EXPORTED, State.ERROR, reader.desk.cause)
    await reader.see(seen(invoice.document, 10_000, 0, ("7", 10_000)))
    assert ((await reader.desk.again(invoice)).state, await reader.kept()) == (State.ERROR, 1)

    await reader.desk.store.force(invoice.id, State.ERROR, State.EXPORTED, reader.desk.cause)
    await reader.see()

    assert ((await reader.desk.again(invoice)).state, await reader.kept()) == (State.PAID, 0)
