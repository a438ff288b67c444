"""What happens in scripted worlds: late and lost answers, deaths, edits, second daemons, each at its worst moment."""

import asyncio
from decimal import Decimal
from pathlib import Path

from adapters.sandbox import alvys
from adapters.sandbox.quickbooks import hands
from state.trouble import StoreBusy, StoreError
from tests.simulation.facts import Json, Subject
from tests.simulation.plan import QUIET
from tests.simulation.script import Script, Story

_DYING = 10  # steps after a write, in which it arrives
_LANDED = 2.0  # seconds in which a second daemon is up


def answer_lost(how: str, *, match: str = "Invoice", **rule: float) -> Story:
    """Return the story of one load whose invoice is booked in that way, with no answer."""

    async def story(world: Script) -> None:
        world.spoil(how, match, **rule)
        world.bill(world.loads[0])
        await asyncio.sleep(rule.get("delay", 0) + QUIET + 60)

    return story


async def changed_in_doubt(world: Script) -> None:
    """The TMS changes what is in doubt, and the document of before lands after that; the schema lets both go out."""
    world.daemon.look("DROP INDEX one_in_flight")
    world.spoil("late_commit", delay=150)
    world.bill(world.loads[0])
    await world.until(lambda: world.standing("in_doubt"))
    world.change("edit_line", world.loads[0], "Linehaul", "1234.56")
    await asyncio.sleep(QUIET + 60)


async def changed_under_way(world: Script) -> None:
    """The TMS changes what is under way."""
    world.spoil("slow", delay=100)
    world.bill(world.loads[0])
    await world.until(lambda: world.standing("sent"))
    world.change("edit_line", world.loads[0], "Linehaul", "1234.56")
    await asyncio.sleep(QUIET)


async def died_after_sending(world: Script) -> None:
    """The daemon dies when a document has left, and the vendor takes a while to book it."""
    world.spoil("slow", delay=90)
    world.fatal = _DYING
    world.bill(world.loads[0])
    await world.until(lambda: not world.daemon.alive)
    world.fatal = None
    world.restart()
    await asyncio.sleep(QUIET + 60)


async def sent_long_after_its_intent(world: Script) -> None:
    """A request waits for new access long after it was announced; then the daemon dies, and the books come late."""
    world.spoil("xml_401")
    world.spoil("slow", "token", delay=110)
    world.spoil("slow", delay=150)
    world.bill(world.loads[0])
    await world.until(lambda: world.judge.wire.writes)
    world.fatal = _DYING
    await world.until(lambda: not world.daemon.alive)
    world.fatal = None
    world.restart()
    await asyncio.sleep(2 * QUIET + 60)


async def typed_in_before(world: Script) -> None:
    """An accountant has entered the very same invoice by hand."""
    number = world.loads[0]
    invoice = world.invoice(number)
    company = world.accounting.company
    names = company.books.by("Customer", "DisplayName", invoice["Customer"]["Name"])
    customer = names[0] if names else company.create("Customer", {"DisplayName": invoice["Customer"]["Name"]})
    item = next(item for item in company.all("Item") if item["Name"] == "Linehaul")
    line: Json = {
        "Amount": Decimal(invoice["Total"]["Amount"]),
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": {"ItemRef": {"value": item["Id"]}},
    }
    day = invoice["InvoicedDate"][:10]
    ref = {"value": customer["Id"]}
    company.create("Invoice", {"CustomerRef": ref, "DocNumber": number, "TxnDate": day, "Line": [line]})
    world.judge.facts.records[Subject("customer_invoice", invoice["Loads"][0]["Id"])].deeds.add("planted")
    world.bill(number)
    await asyncio.sleep(QUIET)


async def edited_in_doubt(world: Script) -> None:
    """An accountant corrects the amount of a document whose answer was lost."""
    world.spoil("commit_then_drop")
    world.bill(world.loads[0])
    await world.until(world.document)
    _edit(world, Amount=Decimal("4321.00"))
    await asyncio.sleep(QUIET + 60)


async def edited_and_changed(world: Script) -> None:
    """An accountant corrects the amount of a document, then the TMS changes it too."""
    world.bill(world.loads[0])
    await world.settled()
    _edit(world, Amount=Decimal("4321.00"))
    await asyncio.sleep(QUIET)
    world.change("edit_line", world.loads[0], "Linehaul", "1234.56")
    await asyncio.sleep(QUIET)


def restored(*, knowing: bool) -> Story:
    """Return the story of a store set back to before the export; `knowing` of the load, or not even that.

    Meanwhile an accountant has renumbered the document and moved it to another day.
    """

    async def story(world: Script) -> None:
        copy = world.place / "copy.db"
        if knowing:
            await world.backlog(1)
        world.daemon.copy(copy)
        world.calm()
        if not knowing:
            world.bill(world.loads[0])
        await world.settled()
        with world.judge.books.hand():
            held = world.document() or {}
            hands.edit(world.accounting.company, "Invoice", held["Id"], {"DocNumber": "X-1", "TxnDate": "2026-10-28"})
        await asyncio.sleep(QUIET)
        await _set_back(world, copy)

    return story


async def told_and_restored(world: Script) -> None:
    """A payment is told, taken back and replaced by a larger one, which is told as well; then the store is set back."""
    world.bill(world.loads[0])
    await world.settled()
    copy = world.place / "copy.db"
    world.daemon.copy(copy)
    for share in (Decimal("0.4"), Decimal("0.6")):
        held = world.document() or {}
        with world.judge.books.hand():
            for payment in world.accounting.company.all("Payment"):
                hands.delete(world.accounting.company, "Payment", payment["Id"])
            amount = (held["TotalAmt"] * share).quantize(Decimal("0.01"))
            hands.pay_invoice(world.accounting.company, held["Id"], amount)
        await asyncio.sleep(2 * QUIET)
    await _set_back(world, copy)


async def withdrawn_and_restored(world: Script) -> None:
    """A store is set back to before it knew of a load that was exported, and that the TMS bills no longer."""
    copy = world.place / "copy.db"
    world.daemon.copy(copy)
    world.bill(world.loads[0])
    await world.settled()
    world.daemon.kill()
    world.change("revert_invoice", world.loads[0])
    await _set_back(world, copy)
    await asyncio.sleep(QUIET)


async def started_twice(world: Script) -> None:
    """Somebody starts a second daemon on the same store."""
    second = world.daemon.second()
    second.start()
    await asyncio.sleep(_LANDED)
    if not second.ended or not isinstance(second.ended[0], StoreBusy):
        world.judge.facts.breach("P9", f"a second daemon was let in: {second.ended}")
    second.kill()
    world.bill(world.loads[0])
    await world.settled()


async def two_at_work(world: Script) -> None:
    """Two daemons begin at once with what one of them left on one store, and both wait long for each answer."""
    await world.backlog(6)
    world.daemon.kill()
    world.calm()
    world.spoil("slow", "query", method="GET", delay=10, count=None)
    world.spoil("slow", delay=15, count=None)
    await asyncio.sleep(QUIET)
    second = world.daemon.second()
    second.start()
    world.restart()
    await asyncio.sleep(QUIET)
    second.kill()
    world.daemon.kill()  # what the second has sent is doubted by whoever starts next
    world.daemon.ended = [error for error in world.daemon.ended if not _lost_the_store(error)]


async def access_ends(world: Script) -> None:
    """Access ends again and again while many are at work, and takes a moment to renew."""
    await world.backlog(24)
    world.calm()
    world.spoil("slow", "token", delay=0.3, count=None)
    await world.settled()


async def access_rotates(world: Script) -> None:
    """The first refresh gives the refresh token a new value; then the daemon dies."""
    world.bill(world.loads[0])
    await world.settled()
    world.daemon.kill()
    world.restart()
    world.bill(world.loads[1])
    await asyncio.sleep(QUIET)


async def tms_unreadable(world: Script) -> None:
    """A load appears in the TMS, which can't be read for longer than the intake reads back."""
    await asyncio.sleep(100)
    world.bill(world.loads[0])
    world.tms.faults.arm(alvys.Fault(action="html_502"))
    await asyncio.sleep(900)
    world.calm()
    await asyncio.sleep(QUIET)


async def batch_with_a_refusal(world: Script) -> None:
    """A backlog goes out in batches, some of whose items are throttled."""
    await world.backlog(24)
    world.calm()
    world.spoil("throttle_item", "*", count=4)
    await world.settled()


async def _set_back(world: Script, copy: Path) -> None:
    """Let the daemon go on with an older copy."""
    world.daemon.kill()
    await asyncio.sleep(QUIET)
    world.daemon.restore(copy)
    world.judge.facts.everywhere.add("restored")
    world.restart()
    await asyncio.sleep(QUIET)


def _lost_the_store(error: BaseException) -> bool:
    """Whether a daemon ended because another has taken its store over."""
    return isinstance(error, BaseExceptionGroup) and error.subgroup(StoreError) is not None


def _edit(world: Script, **line: object) -> None:
    held = world.document() or {}
    with world.judge.books.hand():
        hands.edit(world.accounting.company, "Invoice", held["Id"], {"Line": [held["Line"][0] | line]})
