"""Files of loads and trips hang on their documents, each once, whatever is lost or killed on the way."""

import signal
from collections import Counter
from typing import TYPE_CHECKING

from tests.integration.twins import Json, until

if TYPE_CHECKING:
    from tests.integration.stage import Daemon, Stage
    from tests.integration.twins import World

SETTINGS = {
    "ATTACHMENTS_PROOF_OF_DELIVERY": "true",
    "ATTACHMENTS_RATE_CONFIRMATION": "true",
    "ATTACHMENTS_CARRIER_INVOICE": "true",
    "RELAY_ROUNDS": "50",
}
LOST = ("commit_then_drop", "commit_then_500", "cut_json", "drop_before_commit", "late_commit")


async def file_all(world: "World") -> Counter[tuple[str, str, str]]:
    """File a scan or two with each trip that is billed, and return what is to hang where."""
    books, wanted = await world.alvys.books(), Counter[tuple[str, str, str]]()
    owed = {(kind, number) for kind, number, _ in await world.owed()}
    for trip in books["trips"]:
        number = trip["LoadNumber"]
        if ("bill", number) not in owed:
            continue
        for document_type in ("Proof of Delivery", "Carrier Rate Confirmation"):
            filed = {"kind": "trips", "number": trip["TripNumber"], "document_type": document_type}
            await world.alvys.act("file_document", **filed)
            wanted[("Bill", number, document_type.rpartition("arrier ")[2].lower())] += 1
        if ("invoice", number) in owed:
            wanted[("Invoice", number, "proof of delivery")] += 1
    return wanted


async def hanging(world: "World") -> Counter[tuple[str, str, str]]:
    """Return what hangs on living documents: of which type, under which number, and what it is."""
    books = await world.quickbooks.books()
    numbers = {(kind, each["Id"]): each["DocNumber"] for kind in ("Invoice", "Bill") for each in books[kind]}
    return Counter(
        (ref["type"], numbers[ref["type"], ref["value"]], each["Note"].partition(" [")[0].lower())
        for each in books["Attachable"]
        for ref in (link["EntityRef"] for link in each["AttachableRef"])
        if (ref["type"], ref["value"]) in numbers
    )


async def settled(daemon: "Daemon", world: "World") -> list[Json]:
    return await daemon.settled((await world.owed()).total() + len(world.planted))


async def test_files_are_attached_once_over_kills_and_lost_answers(stage: "Stage") -> None:
    async with stage.world() as world:
        wanted = await file_all(world)
        assert wanted
        rules = [{"action": action, "match": "*/upload", "method": "POST", "delay": 0.2} for action in LOST]
        await world.quickbooks.spoil(*rules, {"action": "slow", "match": "*/upload", "count": 3, "delay": 0.3})
        await world.alvys.spoil(
            {"action": "error_500", "path": "files/{id}", "count": 2},
            {"action": "cut_json", "path": "trips/{tripId}/documents", "count": 1},
        )
        for uploads in (2, 8):
            async with stage.daemon(world, **SETTINGS) as daemon:

                async def reached(uploads: int = uploads) -> bool:
                    calls = (await world.quickbooks.requests())["by_call"]
                    return int(calls.get("POST upload", 0)) >= uploads

                await until(reached, f"{uploads} uploads")
                await daemon.end(signal.SIGKILL)
        async with stage.daemon(world, **SETTINGS) as daemon:
            await settled(daemon, world)
            assert await hanging(world) == wanted
            await world.judge()


async def test_file_that_comes_later_and_one_on_a_new_document_are_attached_too(stage: "Stage") -> None:
    async with stage.world() as world, stage.daemon(world, **SETTINGS) as daemon:
        everything = await settled(daemon, world)
        bills = Counter(each["label"] for each in everything if each["kind"] == "carrier_bill")
        alone = [each for each in everything if each["kind"] == "carrier_bill" and bills[each["label"]] == 1]
        bill = next(each for each in alone if each["state"] == "exported")
        trips = (await world.alvys.books())["trips"]
        trip = next(each for each in trips if each["Id"] == bill["source_id"])
        assert not await hanging(world)

        await world.alvys.act("upload_carrier_invoice", trip_number=trip["TripNumber"], number="K-77")
        once = Counter({("Bill", bill["number"], "carrier invoice"): 1})

        async def hangs() -> bool:
            return await hanging(world) == once

        await until(hangs, "the carrier's invoice on its bill")
        await daemon.act("revert", bill)
        await daemon.in_state(bill["label"], "reverted", "carrier_bill")
        await daemon.act("reexport", bill)
        await daemon.in_state(bill["label"], "exported", "carrier_bill")
        await until(hangs, "the carrier's invoice on the new bill")


async def test_file_that_is_refused_leaves_its_document_as_it_is(stage: "Stage") -> None:
    async with stage.world() as world:
        books = await world.alvys.books()
        owed = {number for kind, number, _ in await world.owed() if kind == "invoice"}
        load = next(each for each in books["loads"] if each["LoadNumber"] in owed)["LoadNumber"]
        proof = {"kind": "loads", "number": load, "document_type": "Proof of Delivery"}
        await world.alvys.act("file_document", **proof, name="proof.heic", media="image/heic")
        async with stage.daemon(world, **SETTINGS) as daemon:
            await settled(daemon, world)
            invoice = await daemon.in_state(load, "exported")
            [dead] = (await daemon.get(f"transactions/{invoice['id']}"))["standings"]
            assert (dead["effect"], dead["phase"], dead["note"]) == ("attach", "dead", "file_type_refused")
            await world.judge()
