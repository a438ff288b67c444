"""The paths that a daemon may die on: what came before each, what sets it off, and how it must end."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from adapters.sandbox.quickbooks import hands
from tests.simulation.facts import Json
from tests.simulation.plan import Plan
from tests.simulation.script import Script, Story, scripted


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


async def _nothing(_: Script) -> None:
    """Nothing came before."""


async def _exported(world: Script) -> None:
    world.bill(_load(world, known=True))
    await world.settled()


def _live(world: Script) -> list[Json]:
    return [each for each in world.judge.books.documents.values() if each["TotalAmt"]]


def _one_document(total: Decimal | None = None) -> Callable[[Script], object]:
    def wrong(world: Script) -> object:
        live = _live(world)
        states = world.daemon.look("SELECT state FROM transactions")
        as_wanted = len(live) == 1 and total in {None, live[0]["TotalAmt"]}
        return None if as_wanted and states == [("exported",)] else (live, states)

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


def _two_documents(world: Script) -> object:
    states = world.daemon.look("SELECT state FROM transactions")
    return None if len(_live(world)) == len(states) == 2 and set(states) == {("exported",)} else states


def _changed(world: Script) -> None:
    world.change("edit_line", _load(world, known=True), "Linehaul", "1234.56")


def _deleted(world: Script) -> None:
    world.change("delete_load", _load(world, known=True))


# fmt: off
PATHS: Final = (
    Path("export",  _nothing,  lambda world: world.bill(_load(world, known=True)),  _one_document()),
    Path("update",  _exported, _changed,                                            _one_document()),
    Path("void",    _exported, _deleted,                                            _withdrawn),
    Path("payment", _exported, _pay,                                                _told),
    Path("party",   _nothing,  lambda world: world.bill(_load(world, known=False)), _one_document()),
    Path("token",   _exported, _access_ends, _two_documents, scripted(life=(3600, 0))),
)
# fmt: on
