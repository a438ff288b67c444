"""The paths that a daemon may die on: what came before each, what sets it off, and how it must end."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from adapters.sandbox.quickbooks import hands
from tests.simulation.facts import Json
from tests.simulation.plan import Plan
from tests.simulation.script import Script, Story, scripted

_PAST: Final = 170.0  # seconds in which the past is read


@dataclass(frozen=True)
class Path:
    """One thing that the daemon does. `wrong` says what is not as it must be in the end, None if nothing."""

    name: str
    before: Story
    begin: Callable[[Script], None]
    wrong: Callable[[Script], object]
    plan: Plan = field(default_factory=scripted)


def _load(world: Script, *, known: bool) -> str:
    """Return a load without a carrier, of a customer whom accounting knows or does not."""
    there = {each["DisplayName"] for each in world.accounting.company.books.live("Customer")}
    hauled = {trip["LoadNumber"] for trip in world.month.trips if trip["Carrier"]}
    for load in world.month.loads:
        number = load["LoadNumber"]
        if number in world.loads and number not in hauled and (load["CustomerName"] in there) is known:
            return str(number)
    raise LookupError("the month has no such load")


async def _at_rest(_: Script) -> None:
    """Wait until the daemon has read all of the past: it may ask the TMS a few times a minute only."""
    await asyncio.sleep(_PAST)


async def _exported(world: Script) -> None:
    await _at_rest(world)
    world.bill(_load(world, known=True))
    await world.settled()


def _live(world: Script) -> list[Json]:
    return [each for each in world.judge.books.documents.values() if each["TotalAmt"]]


def _documents(count: int) -> Callable[[Script], object]:
    """Return what says whether so many documents stand for all that the TMS bills, each with its amount."""

    def wrong(world: Script) -> object:
        held = sorted(each["TotalAmt"] for each in _live(world))
        billed = sorted(known.now.total for known in world.judge.facts.records.values() if known.now)
        states = world.daemon.look("SELECT state FROM transactions")
        return None if held == billed and states == [("exported",)] * count else (held, billed, states)

    return wrong


def _withdrawn(world: Script) -> object:
    live, states = _live(world), world.daemon.look("SELECT state FROM transactions")
    return (live, states) if live or states != [("reverted",)] else None


def _pay(world: Script) -> None:
    document = world.document() or {}
    with world.judge.books.hand():
        hands.pay_invoice(world.accounting.company, document["Id"], document["TotalAmt"])


def _told(world: Script) -> object:
    states = world.daemon.look("SELECT state FROM transactions")
    told = [(known.told, known.most_paid) for known in world.judge.facts.records.values()]
    return None if states == [("paid",)] and all(all_of_it == paid for all_of_it, paid in told) else (states, told)


def _access_ends(world: Script) -> None:
    world.accounting.expire_access_tokens()
    world.bill(_load(world, known=False))


def _changed(world: Script) -> None:
    world.change("edit_line", _load(world, known=True), "Linehaul", "1234.56")


def _deleted(world: Script) -> None:
    world.change("delete_load", _load(world, known=True))


# fmt: off
PATHS: Final = (
    Path("export",  _at_rest,  lambda world: world.bill(_load(world, known=True)),  _documents(1)),
    Path("update",  _exported, _changed,                                            _documents(1)),
    Path("void",    _exported, _deleted,                                            _withdrawn),
    Path("payment", _exported, _pay,                                                _told),
    Path("party",   _at_rest,  lambda world: world.bill(_load(world, known=False)), _documents(1)),
    Path("token",   _exported, _access_ends, _documents(2), scripted(life=(3600, 0))),
)
# fmt: on
