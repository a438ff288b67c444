"""Files hang on documents once: the accounting port's promises, kept by the QuickBooks adapter against its twin."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from adapters.ports import File, FileSort, OutcomeUnknown, Present, Rejected, Unavailable
from adapters.sandbox.quickbooks import Limits, Switches
from adapters.sandbox.quickbooks.attachments import content_of
from state.transaction import DocumentType, Kind
from tests.conformance.world import BILL, CREDIT, INVOICE, World, line, order_kind, transaction

if TYPE_CHECKING:
    from state.transaction import Transaction

POD = File("8d0c/2f 1", FileSort.PROOF_OF_DELIVERY, "POD-1001.pdf", 13)
SCAN = b"%PDF\r\n--\r\n\x00\xff1"
OpenWorld = Callable[..., Awaitable[World]]


async def booked(world: World, kind: Kind = INVOICE) -> tuple[DocumentType, str]:
    exported = await world.exported(transaction(kind))
    assert exported.document is not None
    return kind.document_type, exported.document.id


async def attach(world: World, on: tuple[DocumentType, str], file: File = POD, content: bytes = SCAN) -> str:
    return await world.quickbooks.attach(*on, file, content, "upload-1")


def spoil(world: World, action: str, **more: Any) -> None:
    world.twin.disruptions.arm([{"action": action, "match": "*/upload", **more}])


@pytest.mark.parametrize("kind", [INVOICE, BILL, CREDIT])
async def test_attached_file_hangs_on_its_document_whole_and_is_found_there(world: World, kind: Kind) -> None:
    on = await booked(world, kind)
    assert await world.quickbooks.attached(*on, [POD]) == {}
    identity = await attach(world, on)

    assert await world.quickbooks.attached(*on, [POD]) == {POD.id: identity}
    [held] = world.held("Attachable")
    assert (held["FileName"], held["ContentType"], held["Size"]) == ("POD-1001.pdf", "application/pdf", len(SCAN))
    [link] = held["AttachableRef"]
    assert (link["EntityRef"]["type"], link["EntityRef"]["value"]) == (order_kind(kind), on[1])
    assert link["IncludeOnSend"] is False
    assert held["Note"] == "Proof of delivery [loadledger acme file 8d0c%2F2f%201]"
    assert content_of(world.twin.company.find("Attachable", identity) or {}) == SCAN


async def test_file_is_known_whatever_it_is_renamed_to_and_of_no_other_document(world: World) -> None:
    first, second = await booked(world), (await booked(world, BILL))
    identity = await attach(world, first)
    [held] = world.held("Attachable")
    world.twin.company.update("Attachable", held | {"FileName": "proof.pdf"})

    assert await world.quickbooks.attached(*first, [POD]) == {POD.id: identity}
    assert await world.quickbooks.attached(*second, [POD]) == {}


@pytest.mark.parametrize(
    ("name", "size", "there"), [("pod-1001.PDF", 13, True), ("POD-1001.pdf", None, True), ("POD-1001.pdf", 14, False)]
)
async def test_file_a_person_attached_is_known_by_name_and_size(
    world: World, name: str, size: int | None, *, there: bool
) -> None:
    on = await booked(world)
    said = {"AttachableRef": [{"EntityRef": {"type": "Invoice", "value": on[1]}}], "FileName": "POD-1001.pdf"}
    made = world.twin.company.attach(said | {"Size": 13, "_content": "", "Note": "scanned by Kim"})
    file = File("another", FileSort.PROOF_OF_DELIVERY, name, size)

    assert await world.quickbooks.attached(*on, [file]) == ({"another": made["Id"]} if there else {})


async def test_two_files_of_one_name_and_size_are_told_apart(world: World) -> None:
    on = await booked(world)
    await attach(world, on)
    other = File("another", FileSort.PROOF_OF_DELIVERY, POD.name, POD.size)

    assert other.id not in await world.quickbooks.attached(*on, [POD, other])


async def test_odd_name_becomes_one_that_a_form_can_carry(world: World) -> None:
    on = await booked(world)
    file = File("f", FileSort.RATE_CONFIRMATION, 'Tarifa "ñ"\r\nX: 1;' + "x" * 300 + ".JPEG", 13)
    await attach(world, on, file)

    [held] = world.held("Attachable")
    assert held["FileName"].startswith("Tarifa _X_ 1_x")
    assert held["FileName"].endswith("x.JPEG")
    assert (len(held["FileName"]), held["ContentType"]) == (105, "image/jpeg")
    world.twin.company.update("Attachable", held | {"Note": "-"})
    assert await world.quickbooks.attached(*on, [file]) == {"f": held["Id"]}


@pytest.mark.parametrize("action", ["commit_then_drop", "commit_then_500", "cut_json", "drop_before_commit"])
async def test_answer_that_is_lost_leaves_doubt_and_the_books_tell(world: World, action: str) -> None:
    on = await booked(world)
    spoil(world, action)
    with pytest.raises(OutcomeUnknown):
        await attach(world, on)

    arrived = action != "drop_before_commit"
    assert (POD.id in await world.quickbooks.attached(*on, [POD])) is arrived


@pytest.mark.parametrize("request_id", ["replay", "ignore", "fault600"])
async def test_repeated_request_is_as_the_switch_says(open_world: OpenWorld, request_id: str) -> None:
    world = await open_world(Switches(request_id=request_id))  # type: ignore[arg-type]
    on = await booked(world)
    first = await attach(world, on)
    if request_id == "replay":
        assert await attach(world, on) == first
    elif request_id == "ignore":
        assert await attach(world, on) != first
    else:
        with pytest.raises(OutcomeUnknown):
            await attach(world, on)


async def test_throttled_upload_is_none(world: World) -> None:
    on = await booked(world)
    spoil(world, "throttle_429")
    with pytest.raises(Unavailable):
        await attach(world, on)
    assert world.held("Attachable") == []


@pytest.mark.parametrize(
    ("code", "problem"), [("6040", "file_refused"), ("6030", "file_too_large"), ("6041", "file_refused")]
)
async def test_refused_upload_names_the_file_and_what_to_do(world: World, code: str, problem: str) -> None:
    on = await booked(world)
    spoil(world, "fault_in_200", code=code)
    with pytest.raises(Rejected) as refused:
        await attach(world, on)
    assert (refused.value.problem.code, refused.value.document) == (problem, None)
    assert refused.value.problem.detail.startswith("POD-1001.pdf: ")
    assert refused.value.problem.fix


async def test_file_too_large_is_refused_and_the_document_untouched(open_world: OpenWorld) -> None:
    world = await open_world(limits=Limits(None, None, None, upload_bytes=5000))
    on = await booked(world)
    [before] = world.held("Invoice")
    with pytest.raises(Rejected, match=r"^file_too_large: POD-1001.pdf: 6030 Upload size exceeds"):
        await attach(world, on, content=b"x" * 6000)
    assert world.held("Invoice") == [before]


async def test_file_that_is_no_scan_is_refused_before_anything_is_sent(world: World) -> None:
    on = await booked(world)
    calls = len(world.calls)
    with pytest.raises(Rejected, match=r"^file_type_refused: notes.zip$"):
        await attach(world, on, File("f", FileSort.CARRIER_INVOICE, "notes.zip"))
    assert len(world.calls) == calls


async def test_document_that_is_gone_takes_no_file(world: World) -> None:
    on = await booked(world, BILL)
    world.twin.company.delete("Bill", on[1])
    with pytest.raises(Rejected, match=r"^document_lost: "):
        await attach(world, on)


@pytest.mark.parametrize("bumps", [True, False])
@pytest.mark.parametrize("kind", [INVOICE, BILL])
async def test_document_with_a_file_is_changed_and_voided_as_any_other(
    open_world: OpenWorld, kind: Kind, *, bumps: bool
) -> None:
    world = await open_world(Switches(attachment_bumps_document=bumps))
    exported = await world.exported(transaction(kind))
    assert exported.document is not None
    await attach(world, (kind.document_type, exported.document.id))

    changed: Transaction = transaction(kind, "inv-1", line("2000.00"), document=exported.document)
    updated = await world.exported(changed)
    assert [held["TotalAmt"] for held in world.held(order_kind(kind))] == [Decimal(2000)]
    order, _ = await world.voiding(updated)
    await world.quickbooks.voids.send(order)
    _, gone = await world.voiding(updated)
    assert isinstance(gone, Present)
