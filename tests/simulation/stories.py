"""What happens in scripted worlds: late and lost answers, deaths, edits, second daemons, each at its worst moment."""

import asyncio
from decimal import Decimal

from adapters.sandbox import alvys
from adapters.sandbox.quickbooks import hands
from state.trouble import StoreBusy
from tests.simulation.facts import Json, Subject
from tests.simulation.plan import QUIET
from tests.simulation.script import Script, Story

_SOON = 30.0  # seconds in which what is sent has arrived
_DYING = 40  # steps after a write, in which it arrives


def answer_lost(how: str, *, match: str = "Invoice", **rule: float) -> Story:
    """Return the story of one load whose invoice is booked in that way, with no answer."""

    async def story(world: Script) -> None:
        world.spoil(how, match, **rule)
        world.bill(world.loads[0])
        await asyncio.sleep(rule.get("delay", 0) + QUIET + 60)

    return story


async def changed_in_doubt(world: Script) -> None:
    """The TMS changes what is in doubt, and the document of before lands after that."""
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
    world.spoil("late_commit", delay=90)
    world.fatal = _DYING
    world.bill(world.loads[0])
    await world.until(lambda: not world.daemon.alive)
    world.fatal = None
    world.restart()
    await asyncio.sleep(QUIET + 60)


async def sent_long_after_its_intent(world: Script) -> None:
    """A request waits for new access long after it was announced; then the daemon dies, and the books come late."""
    world.spoil("xml_401")
    world.bill(world.loads[0])
    await world.until(lambda: world.standing("sent"))
    world.spoil("slow", "token", delay=110)
    world.spoil("late_commit", delay=150)
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
    await asyncio.sleep(_SOON)


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
            world.spoil("throttle_429", "*", count=None)
            world.bill(world.loads[0])
            await world.until(lambda: world.standing("waiting"))
        world.daemon.copy(copy)
        world.calm()
        world.bill(world.loads[0])
        await world.settled()
        with world.judge.books.hand():
            held = world.document() or {}
            hands.edit(world.accounting.company, "Invoice", held["Id"], {"DocNumber": "X-1", "TxnDate": "2026-10-28"})
        await asyncio.sleep(QUIET)
        world.daemon.kill()
        await asyncio.sleep(QUIET)
        world.daemon.restore(copy)
        world.judge.facts.everywhere.add("restored")
        world.restart()
        await asyncio.sleep(QUIET)

    return story


async def started_twice(world: Script) -> None:
    """Somebody starts a second daemon on the same store."""
    second = world.daemon.second()
    await asyncio.sleep(1)
    second.start()
    await asyncio.sleep(60)
    if not second.ended or not isinstance(second.ended[0], StoreBusy):
        world.judge.facts.breach("P9", f"a second daemon was let in: {second.ended}")
    second.kill()
    world.bill(world.loads[0])
    await world.settled()


async def two_at_work(world: Script) -> None:
    """Two daemons work on one store, both from the beginning."""
    second = world.daemon.second()
    second.start()
    world.bill(*world.loads[:3])
    await asyncio.sleep(2 * _SOON)
    second.kill()


async def access_ends(world: Script) -> None:
    """Access ends again and again while there is work."""
    for number in world.loads[:5]:
        world.bill(number)
        await asyncio.sleep(70)
        world.accounting.expire_access_tokens()


async def access_rotates(world: Script) -> None:
    """The first refresh gives the refresh token a new value; then the daemon dies."""
    world.bill(world.loads[0])
    await world.settled()
    world.daemon.kill()
    world.restart()
    world.bill(world.loads[1])
    await asyncio.sleep(_SOON)


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
    world.spoil("throttle_item", "*", count=4)
    world.bill(*world.loads)
    await world.settled()


def _edit(world: Script, **line: object) -> None:
    held = world.document() or {}
    with world.judge.books.hand():
        hands.edit(world.accounting.company, "Invoice", held["Id"], {"Line": [held["Line"][0] | line]})
