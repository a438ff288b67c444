"""Files of the TMS come to documents, each once: the wish in the store, the sender, and what makes it look again."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from adapters.ports import File, FileSort, OutcomeUnknown, Rejected, Unavailable
from engine.attachments import ATTACHED, Attachments, Revisits, attaching
from state.lifecycle import Effect, State, Trigger
from state.moves import Recorded
from state.outbox import Phase
from state.problem import Problem
from state.store import Filter
from state.transaction import Kind, Origin
from tests.unit.fakes import Bench, spared

if TYPE_CHECKING:
    from state.transaction import Transaction
    from tests.unit.conftest import Clock, Desk, OpenDesk

PROOF, RATE, INVOICE = FileSort
FILED = {Kind.CUSTOMER_INVOICE: frozenset({PROOF, RATE})}
ORIGIN = Origin(Kind.CUSTOMER_INVOICE, "id of 1001")
POD, SECOND, CONFIRMATION = File("f1", PROOF, "pod.pdf", 9), File("f2", PROOF, "back.pdf", 9), File("f3", RATE, "r.pdf")
REFUSED = Problem("file_refused", "It was refused.", "Upload another.")


@pytest.fixture(autouse=True)
def spare(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with spared(monkeypatch):
        yield


@pytest.fixture
async def filing(open_desk: "OpenDesk") -> "Desk":
    """Return a desk whose invoices get files."""
    return await open_desk(attaches=[Kind.CUSTOMER_INVOICE])


def of(desk: "Desk", *files: File) -> Bench:
    """Return a bench where the TMS has files, and proofs of delivery are wanted."""
    bench = Bench(desk)
    bench.tms.filed = FILED
    bench.tms.cabinet = dict.fromkeys(files, b"scanned")
    return wanting(bench, PROOF)


def wanting(bench: Bench, *sorts: FileSort) -> Bench:
    bench.files = Attachments(bench.tms, bench.accounting, bench.desk.store.memory, sorts)
    bench.restart(bench.desk)
    return bench


@pytest.fixture
def bench(filing: "Desk") -> Bench:
    return of(filing, POD)


async def only(desk: "Desk") -> "Transaction":
    [transaction] = await desk.store.page(Filter())
    return transaction


# -- the wish ---------------------------------------------------------------------------------------------------------


async def test_nothing_is_wished_while_no_files_are_wanted(desk: "Desk") -> None:
    exported = await desk.exported()

    assert await desk.standing(exported) == []
    assert not await desk.store.look_for_files(ORIGIN)
    assert await desk.standing(exported) == []


async def test_confirmed_export_wishes_for_files_of_the_kinds_that_get_any(filing: "Desk") -> None:
    invoice = await filing.exported()
    credit = await filing.exported(load="2", kind=Kind.CARRIER_CREDIT)

    assert await filing.standing(invoice) == ["attach waiting"]
    assert await filing.standing(credit) == []


async def test_what_is_wanted_is_chosen_at_each_start(filing: "Desk", open_desk: "OpenDesk") -> None:
    await filing.store.close()
    without = await open_desk()

    assert await without.standing(await without.exported()) == []


async def test_newer_look_replaces_one_that_has_not_begun(filing: "Desk") -> None:
    exported = await filing.exported()
    await filing.record("150.00")
    await filing.finish(await filing.announced(), filing.yes())

    assert await filing.standing(exported) == ["attach waiting"]
    assert (await filing.claim("attachments")).message.revision == 2


async def test_newer_look_waits_for_the_one_under_way(filing: "Desk") -> None:
    exported = await filing.exported()
    sent = await filing.announced("attachments")
    assert await filing.store.look_for_files(ORIGIN)

    assert await filing.standing(exported) == ["attach sent", "attach waiting"]
    assert await filing.store.claim(["attachments"], 9) == []
    await filing.finish(sent, filing.no())
    assert await filing.standing(exported) == ["attach waiting"]


async def test_refused_look_stays_until_a_person_wants_it_again(filing: "Desk") -> None:
    exported = await filing.exported()
    refused = await filing.finish(await filing.announced("attachments"), filing.no())

    assert refused.state is State.EXPORTED
    assert refused.problem is None
    assert await filing.standing(exported) == ["attach dead"]
    await filing.store.retry(exported.id, filing.cause)
    assert await filing.standing(exported) == ["attach waiting"]
    assert (await filing.told(exported))[-1] == "message_revived: exported -> exported"


async def test_refused_look_goes_with_the_next_one(filing: "Desk") -> None:
    exported = await filing.exported()
    await filing.finish(await filing.announced("attachments"), filing.no())
    await filing.store.look_for_files(ORIGIN)

    assert await filing.standing(exported) == ["attach waiting"]


async def test_refused_look_goes_with_its_document(filing: "Desk") -> None:
    exported = await filing.exported()
    await filing.finish(await filing.announced("attachments"), filing.no())
    await filing.withdraw()

    assert await filing.standing(exported) == ["void waiting"]


async def test_overtaken_look_is_not_tried_again(filing: "Desk") -> None:
    exported = await filing.exported()
    sent = await filing.announced("attachments")
    await filing.record("150.00")
    await filing.finish(sent, filing.later())

    assert await filing.standing(exported) == ["export waiting"]


@pytest.mark.parametrize("phase", [Phase.SENT, Phase.IN_DOUBT])
async def test_files_under_way_keep_nobody_from_the_document(filing: "Desk", phase: Phase) -> None:
    exported = await filing.exported()
    sent = await filing.announced("attachments")
    if phase is Phase.IN_DOUBT:
        assert not (await filing.finish(sent, filing.unknown())).in_flight

    assert not (await filing.again(exported)).in_flight
    forced = await filing.store.force(exported.id, State.EXPORTED, State.PENDING, filing.cause)
    assert await filing.standing(forced) == [f"attach {phase}", "export waiting"]


async def test_files_under_way_are_in_doubt_after_a_crash(filing: "Desk", open_desk: "OpenDesk") -> None:
    exported = await filing.exported()
    await filing.announced("attachments")
    await filing.crash()

    assert await (await open_desk()).standing(exported) == ["attach in_doubt"]


async def test_files_are_looked_for_only_where_a_document_stands(filing: "Desk") -> None:
    assert not await filing.store.look_for_files(ORIGIN)
    await filing.new()
    assert not await filing.store.look_for_files(ORIGIN)
    exported = await filing.finish(await filing.announced(), filing.yes())
    assert await filing.store.look_for_files(ORIGIN)
    paid = await filing.apply(exported, Trigger.PAYMENT_COMPLETED, paid=exported.total)
    assert await filing.store.look_for_files(ORIGIN)
    await filing.apply(paid, Trigger.DOCUMENT_LOST)
    assert not await filing.store.look_for_files(ORIGIN)


async def test_paused_files_do_not_leave(filing: "Desk") -> None:
    await filing.exported()
    await filing.store.pauses.begin([Effect.ATTACH], filing.cause)

    assert await filing.store.claim(["attachments"], 9) == []


# -- the sender -------------------------------------------------------------------------------------------------------


async def test_files_that_are_wanted_come_to_the_document(bench: Bench) -> None:
    bench.tms.cabinet |= dict.fromkeys([SECOND, CONFIRMATION], b"scanned")
    await bench.desk.new()
    await bench.drain()

    assert bench.accounting.hanging == [("d1", "f1"), ("d1", "f2")]
    assert (await only(bench.desk)).state is State.EXPORTED
    assert await bench.desk.standing(await only(bench.desk)) == []


async def test_document_without_files_costs_accounting_nothing(filing: "Desk") -> None:
    bench = of(filing)
    await filing.new()
    await bench.drain()

    assert (bench.tms.listings, bench.accounting.looks) == (1, 0)


async def test_file_that_hangs_there_is_neither_attached_nor_looked_for_again(bench: Bench) -> None:
    await bench.desk.new()
    await bench.drain()
    await bench.desk.store.look_for_files(ORIGIN)
    await bench.drain()
    assert (bench.accounting.hanging, bench.accounting.looks) == ([("d1", "f1")], 1)

    bench.tms.cabinet[SECOND] = b"scanned"
    await bench.desk.store.look_for_files(ORIGIN)
    await bench.drain()
    assert bench.accounting.hanging == [("d1", "f1"), ("d1", "f2")]


async def test_file_a_person_took_off_stays_off(bench: Bench) -> None:
    await bench.desk.new()
    await bench.drain()
    bench.accounting.hanging.clear()
    bench.tms.cabinet[SECOND] = b"scanned"
    await bench.desk.store.look_for_files(ORIGIN)
    await bench.drain()

    assert bench.accounting.hanging == [("d1", "f2")]


@pytest.mark.parametrize("arrived", [True, False])
async def test_file_of_a_lost_answer_is_looked_for_first(bench: Bench, *, arrived: bool) -> None:
    bench.tms.cabinet[SECOND] = b"scanned"
    bench.accounting.trouble["f2"] = (OutcomeUnknown(), arrived)
    await bench.desk.new()
    await bench.drain()

    assert sorted(bench.accounting.hanging) == [("d1", "f1"), ("d1", "f2")]
    first, lost, *again = bench.accounting.requests
    assert first != lost
    assert again == ([] if arrived else [lost])


async def test_file_in_doubt_that_is_remembered_is_not_sent_again(bench: Bench) -> None:
    bench.tms.cabinet[SECOND] = b"scanned"
    bench.accounting.trouble["f2"] = (OutcomeUnknown(), True)
    await bench.desk.new()
    await bench.relay.run_once()
    await bench.relay.run_once()
    bench.accounting.hanging.remove(("d1", "f1"))  # a person did
    await bench.drain()

    assert bench.accounting.hanging == [("d1", "f2")]


async def test_file_of_a_store_that_was_set_back_is_found(bench: Bench) -> None:
    await bench.desk.new()
    bench.accounting.hanging.append(("d1", "f1"))
    await bench.drain()

    assert bench.accounting.hanging == [("d1", "f1")]
    assert await bench.desk.store.memory.linked(ATTACHED, "invoice d1 f1") == "a-f1"


async def test_refused_file_keeps_no_other_off(bench: Bench) -> None:
    bench.tms.cabinet[SECOND] = b"scanned"
    bench.accounting.trouble["f1"] = (Rejected(REFUSED), False)
    await bench.desk.new()
    await bench.drain()

    transaction = await only(bench.desk)
    assert (transaction.state, transaction.problem) == (State.EXPORTED, None)
    assert [each.note for each in await bench.desk.store.standings(transaction.id)] == ["file_refused"]
    assert bench.accounting.hanging == [("d1", "f2")]

    await bench.desk.store.retry(transaction.id, bench.desk.cause)
    await bench.drain()
    assert bench.accounting.hanging == [("d1", "f2"), ("d1", "f1")]
    assert await bench.desk.standing(transaction) == []


async def test_file_that_the_tms_does_not_hand_out_now_is_fetched_later(bench: Bench) -> None:
    bench.tms.cabinet[POD] = Unavailable("busy", 30)
    await bench.desk.new()
    await bench.relay.run_once()
    await bench.relay.run_once()
    assert await bench.desk.standing(await only(bench.desk)) == ["attach waiting"]

    bench.tms.cabinet[POD] = b"scanned"
    bench.desk.clock.forward(seconds=30)
    await bench.drain()
    assert bench.accounting.hanging == [("d1", "f1")]


async def test_document_that_is_to_change_gets_its_files_after_that(bench: Bench) -> None:
    await bench.desk.exported()
    await bench.desk.record("150.00")
    await bench.relay.lanes["attachments"].run_once()
    assert await bench.desk.standing(await only(bench.desk)) == ["export waiting"]
    assert bench.tms.listings == 0


async def test_new_document_gets_the_files_anew(bench: Bench) -> None:
    await bench.desk.new()
    await bench.drain()
    await bench.desk.withdraw()
    await bench.drain()
    assert await bench.desk.record() is Recorded.CHANGED
    await bench.drain()

    assert bench.accounting.hanging == [("d1", "f1"), ("d2", "f1")]


async def test_files_in_doubt_go_with_their_document(bench: Bench) -> None:
    bench.accounting.trouble["f1"] = (OutcomeUnknown(), False)
    await bench.desk.new()
    await bench.relay.run_once()
    await bench.relay.run_once()
    await bench.desk.withdraw()
    await bench.drain()

    assert (await only(bench.desk)).state is State.REVERTED
    assert await bench.desk.standing(await only(bench.desk)) == []
    assert bench.accounting.hanging == []


async def test_what_waited_when_files_were_turned_off_ends(bench: Bench) -> None:
    await bench.desk.exported()
    wanting(bench)
    await bench.drain()

    assert await bench.desk.standing(await only(bench.desk)) == []
    assert (bench.tms.listings, bench.accounting.hanging) == (0, [])


# -- what comes later -------------------------------------------------------------------------------------------------


@pytest.fixture
def revisits(filing: "Desk") -> Revisits:
    return Revisits(filing.store, attaching(FILED, [PROOF]), lambda: None)


async def test_kinds_that_get_files_are_those_with_any_that_is_wanted() -> None:
    assert attaching(FILED, [RATE, INVOICE]) == {Kind.CUSTOMER_INVOICE}
    assert attaching(FILED, [INVOICE]) == frozenset()


async def test_record_that_changed_beside_its_content_has_its_files_looked_for_once(
    filing: "Desk", revisits: Revisits, clock: "Clock"
) -> None:
    exported = await filing.exported()
    await filing.finish(await filing.claim("attachments"), filing.yes(None, adopted=True))
    seen = replace(filing.sourced(), stamp="first")

    for stamp, wished in [("first", True), ("first", False), ("second", True)]:
        await revisits.seen(replace(seen, stamp=stamp), Recorded.UNCHANGED)
        assert await filing.standing(exported) == ["attach waiting"] * wished
        for claim in await filing.store.claim(["attachments"], 9):
            await filing.finish(claim, filing.yes(None, adopted=True))


@pytest.mark.parametrize("fields", [{"stamp": ""}, {"kind": Kind.FUEL_BILL}])
async def test_record_without_files_is_not_remembered(
    filing: "Desk", revisits: Revisits, fields: dict[str, Any]
) -> None:
    await revisits.seen(replace(filing.sourced(stamp="s"), **fields), Recorded.UNCHANGED)

    assert await filing.execute("SELECT * FROM links") == []


async def test_changed_content_is_looked_into_after_its_export(filing: "Desk", revisits: Revisits) -> None:
    exported = await filing.exported()
    await filing.finish(await filing.claim("attachments"), filing.yes(None, adopted=True))
    await revisits.seen(filing.sourced("150.00", stamp="second"), Recorded.CHANGED)

    assert await filing.standing(exported) == []
    await revisits.seen(filing.sourced("150.00", stamp="second"), Recorded.UNCHANGED)
    assert await filing.standing(exported) == []
