"""New customers and vendors: created once, whatever becomes of the answers, the process and the vendor's memory."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from typing_extensions import override

from adapters.http import Call
from adapters.ports import Order, OutcomeUnknown, Rejected, Unauthorized, Unavailable
from adapters.quickbooks import QuickBooks
from adapters.sandbox.quickbooks import Switches, hands
from state.creation import Creation
from state.outbox import Phase
from state.transaction import Kind, Party, Transaction
from tests.conformance.world import BILL, INVOICE, Memory, World, transaction

Open = Callable[..., Awaitable[World]]

QUIET, PAUSE, ROUNDS = 180, 5, 3  # seconds, seconds and tries, as the settings say unless told otherwise
ENTITY = {INVOICE: "Customer", BILL: "Vendor"}
ARRIVES = ("commit_then_drop", "commit_then_500", "cut_json")
GETS_LOST = ("error_10000", "drop_before_commit")
GLOBEX = Party("p-1", "Globex Freight")


class Killed(BaseException):
    """The process ended here."""


def wanted(kind: Kind = INVOICE, number: str = "LD-1", party: Party = GLOBEX) -> Transaction:
    return transaction(kind, f"source of {number}", number=number, party=party)


async def prepare(world: World, document: Transaction, quickbooks: QuickBooks | None = None) -> Order:
    claim = world.claim(document)
    return await (quickbooks or world.quickbooks).exports.prepare(claim, f"request-{claim.message.id}")


async def waits(world: World, document: Transaction, quickbooks: QuickBooks | None = None) -> float:
    """Return for how many seconds a document has to wait for its party."""
    with pytest.raises(OutcomeUnknown) as raised:
        await prepare(world, document, quickbooks)
    assert raised.value.retry_after is not None
    return raised.value.retry_after


async def refused(world: World, document: Transaction) -> Rejected:
    with pytest.raises(Rejected) as raised:
        await prepare(world, document)
    return raised.value


def spoil(world: World, action: str, kind: Kind = INVOICE, **more: Any) -> None:
    world.twin.disruptions.arm([{"action": action, "method": "POST", "match": ENTITY[kind], **more}])


def named(world: World, kind: Kind = INVOICE) -> list[str]:
    return [held["Id"] for held in world.held(ENTITY[kind]) if held["DisplayName"] == GLOBEX.name]


def sends(world: World, kind: Kind = INVOICE) -> list[str]:
    """Return the request ids of the creations that the vendor carried out, refused or repeated."""
    return [str(write["requestid"]) for write in world.twin.log.writes if write["kind"] == ENTITY[kind]]


@pytest.mark.parametrize("mode", ["replay", "ignore", "fault600"])
@pytest.mark.parametrize(
    "action", ["commit_then_drop", "commit_then_500", "cut_json", "error_10000", "drop_before_commit"]
)
@pytest.mark.parametrize("kind", [INVOICE, BILL])
async def test_party_whose_creation_had_no_clear_answer_is_created_once(
    open_world: Open, kind: Kind, action: str, mode: Any
) -> None:
    world = await open_world(Switches(request_id=mode))
    spoil(world, action, kind)
    assert await waits(world, wanted(kind)) == QUIET
    world.clock.pass_time(seconds=QUIET)
    if action in GETS_LOST:
        assert named(world, kind) == []
        assert await waits(world, wanted(kind)) == PAUSE
        world.clock.pass_time(seconds=PAUSE)
    await prepare(world, wanted(kind))
    assert [world.memory.links[ENTITY[kind].lower(), "p-1"]] == named(world, kind)
    assert len(sends(world, kind)) == 1


async def test_creation_in_doubt_is_sent_again_as_it_was(open_world: Open) -> None:
    world = await open_world(Switches(request_id_mismatch="fault600"))
    told: list[bytes] = []

    @dataclass
    class Noting(Memory):
        @override
        async def record(self, kind: str, name: str, creation: Creation) -> None:
            await super().record(kind, name, creation)
            if creation.phase is Phase.SENT:
                told.append(creation.body + creation.request_id.encode())

    daemon = world.another(memory=Noting())
    spoil(world, "drop_before_commit")
    await waits(world, wanted(), daemon)
    changed = Party("p-1", "Globex Freight", email="new@globex.test")  # the TMS has learned something meanwhile
    world.clock.pass_time(seconds=QUIET)
    await waits(world, wanted(party=changed), daemon)
    world.clock.pass_time(seconds=PAUSE)
    await prepare(world, wanted(party=changed), daemon)
    assert len(told) == 2
    assert told[0] == told[1]


async def test_only_what_needs_a_party_in_doubt_waits_and_it_asks_nobody(world: World) -> None:
    spoil(world, "commit_then_drop")
    await waits(world, wanted())
    before = len(world.calls)
    assert [await waits(world, wanted(number=f"LD-{n}")) for n in range(3)] == pytest.approx([QUIET] * 3, abs=1)
    assert len(world.calls) == before
    await prepare(world, wanted(number="LD-9", party=Party("p-9", "Acme Foods")))
    await prepare(world, wanted(BILL, party=Party("p-9", "Roadrunner")))


async def test_party_of_another_record_with_the_same_name_waits_too(world: World) -> None:
    spoil(world, "commit_then_drop")
    await waits(world, wanted())
    other = wanted(number="LD-2", party=Party("p-2", "globex  FREIGHT"))
    await waits(world, other)
    world.clock.pass_time(seconds=QUIET)
    await prepare(world, other)
    await prepare(world, wanted())
    assert set(world.memory.links.values()) == set(named(world))
    assert len(sends(world)) == 1


async def test_creation_that_lands_after_it_was_found_absent_twice_is_taken_over(world: World) -> None:
    spoil(world, "drop_before_commit")
    await waits(world, wanted())
    world.clock.pass_time(seconds=QUIET)
    await waits(world, wanted())
    world.clock.pass_time(seconds=PAUSE)

    def land(call: Call) -> None:
        if call.purpose == "party" and not named(world):
            hands.create(world.twin.company, "Customer", {"DisplayName": GLOBEX.name})

    world.watchers.append(land)
    await prepare(world, wanted())
    assert [world.memory.links["customer", "p-1"]] == named(world)


@dataclass
class Mortal(Memory):
    """What is kept by a process that ends as soon as it has announced a creation."""

    @override
    async def record(self, kind: str, name: str, creation: Creation) -> None:
        await super().record(kind, name, creation)
        raise Killed


@pytest.mark.parametrize("arrived", [True, False])
async def test_process_that_ends_between_announcement_and_answer_leaves_doubt_for_a_while_after_the_next_start(
    world: World,
    arrived: bool,  # noqa: FBT001 - both cases
) -> None:
    memory = Mortal()
    with pytest.raises(Killed):
        await prepare(world, wanted(), world.another(memory=memory))
    [(key, creation)] = memory.creations.items()
    if arrived:
        body = {"DisplayName": GLOBEX.name}
        hands.create(world.twin.company, "Customer", body)
    world.clock.pass_time(hours=1)
    survivor = Memory(creations={key: creation})
    daemon = world.another(memory=survivor)
    world.clock.pass_time(seconds=60)
    assert await waits(world, wanted(), daemon) == pytest.approx(QUIET - 60, abs=1)
    world.clock.pass_time(seconds=QUIET)
    if not arrived:
        await waits(world, wanted(), daemon)
        world.clock.pass_time(seconds=PAUSE)
    await prepare(world, wanted(), daemon)
    assert [survivor.links["customer", "p-1"]] == named(world)
    assert sends(world) == ([] if arrived else [creation.request_id])


async def test_process_that_ends_before_it_hears_the_answer_creates_nothing_twice(world: World) -> None:
    def end(call: Call) -> None:
        if call.endpoint == "customer":
            raise Killed

    world.watchers.append(end)
    with pytest.raises(Killed):
        await prepare(world, wanted())
    world.watchers.clear()
    daemon = world.another()
    await waits(world, wanted(), daemon)
    world.clock.pass_time(seconds=QUIET)
    await prepare(world, wanted(), daemon)
    assert len(sends(world)) == len(named(world)) == 1


async def given_up(world: World) -> None:
    """Let the creation fail without an answer as often as is allowed."""
    spoil(world, "drop_before_commit", count=ROUNDS)
    assert await waits(world, wanted()) == QUIET
    for _ in range(ROUNDS - 1):
        world.clock.pass_time(seconds=QUIET)
        assert await waits(world, wanted()) == PAUSE
        world.clock.pass_time(seconds=PAUSE)
        assert await waits(world, wanted()) == QUIET
    world.clock.pass_time(seconds=QUIET)
    assert await waits(world, wanted()) == PAUSE
    world.clock.pass_time(seconds=PAUSE)


async def test_all_that_wait_for_a_party_tried_in_vain_are_refused_and_it_is_not_tried_again(world: World) -> None:
    await given_up(world)
    writes = len([call for call in world.calls if call.writes])
    for number in ("LD-1", "LD-2", "LD-1"):
        refusal = await refused(world, wanted(number=number))
        assert refusal.problem.code == "party_undecided"
        assert "customer" in refusal.problem.detail
    assert len([call for call in world.calls if call.writes]) == writes


async def test_party_tried_in_vain_is_taken_from_the_books_once_a_person_has_added_it(world: World) -> None:
    await given_up(world)
    await refused(world, wanted())
    hands.create(world.twin.company, "Customer", {"DisplayName": "globex freight"})
    await prepare(world, wanted())
    assert sends(world) == []


async def test_party_tried_in_vain_is_tried_anew_after_a_rest(world: World) -> None:
    await given_up(world)
    await refused(world, wanted())
    world.clock.pass_time(seconds=ROUNDS * QUIET)
    await prepare(world, wanted())
    [request_id] = sends(world)
    assert request_id.endswith("-1")
    assert len(named(world)) == 1


async def test_refused_creation_is_a_new_request_after_a_restart_too(open_world: Open) -> None:
    world = await open_world(Switches(request_id_after_fault="replay"))
    hands.set_subscription(world.twin.company, "SUSPENDED")
    with pytest.raises(Unauthorized):
        await prepare(world, wanted())
    hands.set_subscription(world.twin.company, "PAID")
    await prepare(world, wanted(), world.another())
    assert len(named(world)) == 1


async def test_name_that_was_freed_is_not_given_the_old_party_back(world: World) -> None:
    await prepare(world, wanted())
    [old] = named(world)
    hands.edit(world.twin.company, "Customer", old, {"DisplayName": "Globex (closed)"})
    world.clock.pass_time(seconds=6)
    world.memory.links.clear()
    await prepare(world, wanted())
    assert [world.memory.links["customer", "p-1"]] == named(world) != [old]


async def test_throttled_creation_leaves_no_doubt(world: World) -> None:
    spoil(world, "throttle_429")
    with pytest.raises(Unavailable):
        await prepare(world, wanted())
    await prepare(world, wanted())
    assert len(named(world)) == 1


async def test_restored_copy_that_never_heard_of_a_creation_finds_the_party(world: World) -> None:
    copy = Memory()
    await prepare(world, wanted())
    await prepare(world, wanted(), world.another(memory=copy))
    assert copy.links == world.memory.links
    assert len(sends(world)) == 1


@dataclass
class Telling(Memory):
    """Tells when a creation has been announced."""

    announced: asyncio.Event = field(default_factory=asyncio.Event)

    @override
    async def record(self, kind: str, name: str, creation: Creation) -> None:
        await super().record(kind, name, creation)
        self.announced.set()


async def test_slow_creation_does_not_hold_up_others_for_long(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.quickbooks.flights._PATIENCE", 0.02)
    memory = Telling()
    daemon, known = world.another(memory=memory), Party("p-0", "Acme Foods")
    hands.create(world.twin.company, "Customer", {"DisplayName": known.name})
    await prepare(world, wanted(number="LD-0", party=known), daemon)  # lists and preferences are known from now on
    spoil(world, "slow", delay=0.3)
    creating = asyncio.create_task(prepare(world, wanted(), daemon))
    await memory.announced.wait()
    assert await waits(world, wanted(number="LD-2"), daemon) == 0.02
    await prepare(world, wanted(number="LD-3", party=known), daemon)
    assert not creating.done()
    await creating
    await prepare(world, wanted(number="LD-2"), daemon)
    assert len(sends(world)) == 1
