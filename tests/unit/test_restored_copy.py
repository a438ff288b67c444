"""A copy of the store is made at some moment, life goes on, and the copy is put back: nothing is made twice."""

import shutil
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typing_extensions import override

from adapters.ports import Absent, Conflict, OutcomeUnknown, Present, Rejected, Verdict
from engine.payments import Payments
from state.lifecycle import Effect, State, Trigger
from state.outbox import Observation, Receipt
from state.problem import problem
from state.store import Filter
from state.transaction import DocumentType, Kind, Money, Origin
from tests.unit.fakes import NUMBER_TAKEN, Bench, Books, Held, Request, spared

if TYPE_CHECKING:
    from state.transaction import Transaction
    from tests.unit.conftest import Desk, OpenDesk

SOURCE = "id of 1001"
OVERLAP = timedelta(minutes=5)


@pytest.fixture(autouse=True)
def spare(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with spared(monkeypatch):
        yield


class ByNumber(Books):
    """Books that forget request ids, and in which a new document is looked for by its number only."""

    @override
    def verdict(self, request: Request) -> Verdict:
        if request.effect is Effect.VOID or request.document is not None:
            return super().verdict(request)
        self.settle()
        found = [held for held in self.documents if held.number == request.number and not held.gone]
        mine = [held for held in found if held.source == request.source]
        if mine:
            return Present(Receipt(mine[0].document))
        return Conflict(NUMBER_TAKEN.seen(request.number)) if found else Absent()


class World:
    """One store and the books it tells, the only thing that survives when the store is set back."""

    def __init__(self, desk: "Desk", path: Path, folder: Path) -> None:
        self.path = path
        self.folder = folder
        self.books = ByNumber(desk.clock, replays=False)
        self.goes_on_with(desk)

    def goes_on_with(self, desk: "Desk") -> None:
        self.desk = desk
        self.bench = Bench(desk)
        for sender in (self.bench.exports, self.bench.voids):
            sender.books = self.books
        self.payments = Payments(
            desk.store,
            self.bench.accounting,
            first=desk.clock.now,
            overlap=OVERLAP,
            clock=desk.clock,
            reported=frozenset({Kind.CUSTOMER_INVOICE}),
            moved=self.bench.moved.append,
            wake=lambda: None,
        )

    def copy(self) -> None:
        """Copy the file as it is, log and all."""
        for suffix in ("", "-wal"):
            shutil.copy(f"{self.path}{suffix}", self.folder / f"copy{suffix}")

    async def put_back(self, open_desk: "OpenDesk") -> None:
        """End as a killed process does and begin again with the copy, a day later."""
        await self.desk.crash()
        for suffix in ("", "-wal"):
            shutil.copy(self.folder / f"copy{suffix}", f"{self.path}{suffix}")
        self.desk.clock.forward(days=1)
        self.goes_on_with(await open_desk())

    async def read_books(self) -> None:
        """Let the reader of the books see all there is, as it does first after a start."""
        self.books.settle()
        self.bench.accounting.seen = [standing(held) for held in self.books.documents]
        self.bench.accounting.standing = {held.id for held in self.books.documents if not held.gone}
        await self.payments.run_once()

    async def settled(self) -> "Transaction":
        """Let everybody do what they do until nothing is open, and a person try again what was refused."""
        await self.desk.record()
        await self.bench.drain()
        [found] = await self.desk.store.page(Filter())
        if found.state is State.ERROR:
            await self.desk.store.retry(found.id, self.desk.cause)
            await self.bench.drain()
        return await self.desk.again(found)


def standing(held: Held) -> Observation:
    money = Money(held.minor)
    origin = Origin(Kind.CUSTOMER_INVOICE, held.source)
    return Observation(DocumentType.INVOICE, held.document, money, money, held.gone, origin)


@pytest.fixture
def world(desk: "Desk", path: Path, tmp_path: Path) -> World:
    return World(desk, path, tmp_path)


# -- the moments a copy is made at ------------------------------------------------------------------------------------


async def before_it_is_known(world: World) -> None:
    world.copy()


async def while_it_waits(world: World) -> None:
    await world.desk.record()
    world.copy()


async def while_it_is_under_way(world: World) -> None:
    async def copy(_: object) -> None:
        world.copy()

    await world.desk.record()
    world.bench.exports.before_send = copy
    await world.bench.relay.run_once()


async def while_it_is_in_doubt(world: World) -> None:
    await world.desk.record()
    world.bench.exports.lose_answer(OutcomeUnknown("cut"))
    await world.bench.relay.run_once()
    world.copy()


async def while_it_is_in_doubt_and_did_not_arrive(world: World) -> None:
    await world.desk.record()
    world.bench.exports.fail("send", OutcomeUnknown("cut"))
    await world.bench.relay.run_once()
    world.copy()


async def while_it_is_refused(world: World) -> None:
    await world.desk.record()
    world.bench.exports.fail("prepare", Rejected(problem("party_missing")))
    await world.bench.relay.run_once()
    world.copy()


async def once_it_is_exported(world: World) -> None:
    await world.desk.record()
    await world.bench.drain()
    world.copy()


async def while_a_correction_waits(world: World) -> None:
    await world.desk.record("90.00")
    await world.bench.drain()
    await world.desk.record()
    world.copy()


async def after_a_person_reverted_it(world: World) -> None:
    await world.desk.record()
    await world.bench.drain()
    [found] = await world.desk.store.page(Filter())
    await world.desk.apply(found, Trigger.REVERT_REQUESTED)
    await world.bench.drain()
    world.copy()
    await world.desk.apply(await world.desk.again(found), Trigger.REEXPORT_REQUESTED)


MOMENTS = [
    before_it_is_known,
    while_it_waits,
    while_it_is_under_way,
    while_it_is_in_doubt,
    while_it_is_in_doubt_and_did_not_arrive,
    while_it_is_refused,
    once_it_is_exported,
    while_a_correction_waits,
    after_a_person_reverted_it,
]


@pytest.mark.parametrize("renumbered", [False, True])
@pytest.mark.parametrize("made", MOMENTS, ids=lambda moment: str(moment.__name__))
async def test_copy_that_is_put_back_makes_nothing_twice(
    world: World, open_desk: "OpenDesk", made: Callable[[World], Awaitable[None]], *, renumbered: bool
) -> None:
    await made(world)
    await world.settled()
    [held] = world.books.live(SOURCE)
    held.number = "a number of a person's choice" if renumbered else held.number

    await world.put_back(open_desk)
    await world.read_books()
    found = await world.settled()

    assert [each.id for each in world.books.live(SOURCE)] == [held.id]
    assert (found.state, found.document and found.document.id) == (State.EXPORTED, held.id)
