"""The process ends at each point of a refresh: what is left is a token that works, or a clear word for a person."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from typing_extensions import override

from adapters.ports import Absent, Unauthorized, Unavailable
from adapters.sandbox.quickbooks import Limits, Switches
from state.outbox import Receipt
from tests.conformance.world import START, Memory, World, transaction

Open = Callable[..., Awaitable[World]]

ROTATES = Limits(requests_per_minute=None, requests_per_second=None, refresh_rotation_seconds=0)
STAYS = replace(ROTATES, refresh_rotation_seconds=86_400)
LIVES = "the token works"
ENDS = "a person reconnects"

# fmt: off
CRASHES = [
    # where it ends     rotation  what is left
    ("before asking",   ROTATES,  LIVES),  # nothing happened
    ("before keeping",  STAYS,    LIVES),  # the same value again
    ("before keeping",  ROTATES,  ENDS),   # the new value died with the process
    ("after keeping",   STAYS,    LIVES),
    ("after keeping",   ROTATES,  LIVES),  # kept before it was used
    ("before hearing",  STAYS,    LIVES),
    ("before hearing",  ROTATES,  ENDS),
]
# fmt: on


class Killed(BaseException):
    """The process ended here."""


@dataclass
class Mortal(Memory):
    """A vault that the process does not outlive, just before or just after it kept a token."""

    dies: str = ""

    @override
    async def keep(self, name: str, value: str) -> None:
        if self.dies == "before":
            raise Killed
        await super().keep(name, value)
        if self.dies == "after":
            raise Killed


def asked(world: World) -> int:
    return [call.endpoint for call in world.calls].count("token")


async def left(world: World, memory: Memory) -> str:
    """Return how another process fares with what the last one kept; one that is not let in asks only once."""
    before = asked(world)
    later = world.another(memory=memory)
    try:
        await later.changes(START)
    except Unauthorized:
        with pytest.raises(Unauthorized, match="Reconnect QuickBooks"):
            await later.changes(START)
        return ENDS if asked(world) - before == 1 else "asks again and again"
    return LIVES


@pytest.mark.parametrize(("crash", "limits", "outcome"), CRASHES)
@pytest.mark.parametrize("refreshes", [0, 1, 3])
async def test_crash_in_a_refresh_leaves_a_token_that_works_or_a_clear_word(
    open_world: Open, crash: str, limits: Limits, outcome: str, refreshes: int
) -> None:
    world = await open_world(limits=limits)
    memory = Mortal()
    daemon = world.another(memory=memory)
    for _ in range(refreshes):
        await daemon.changes(START)
        world.clock.pass_time(hours=2)
    if crash == "before hearing":
        world.twin.disruptions.arm([{"action": "commit_then_drop", "match": "token"}])
        with pytest.raises(Unavailable):
            await daemon.changes(START)
    elif crash != "before asking":
        memory.dies = crash.removesuffix(" keeping")
        with pytest.raises(Killed):
            await daemon.changes(START)
    survivor = Memory(secrets=dict(memory.secrets))
    world.clock.pass_time(minutes=1)
    assert await left(world, survivor) == outcome


async def test_token_lost_in_a_crash_holds_exports_up_until_a_person_reconnects(open_world: Open) -> None:
    world = await open_world(limits=ROTATES)
    memory = Mortal(dies="before")
    with pytest.raises(Killed):
        await world.another(memory=memory).changes(START)
    ended = world.another(memory=memory)
    claim = world.claim(transaction())
    with pytest.raises(Unauthorized):
        await ended.exports.prepare(claim, "request-1")
    memory.dies = ""
    reconnected = world.another(memory=memory, refresh_token=world.twin.connect())
    order = await reconnected.exports.prepare(claim, "request-1")
    assert (await reconnected.exports.look_up([order]))[claim.message.id] == Absent()
    assert isinstance(await reconnected.exports.send(order), Receipt)


async def test_restored_copy_with_a_replaced_token_says_so_and_spoils_no_one_elses(open_world: Open) -> None:
    world = await open_world(limits=ROTATES)
    copy = Memory()
    for _ in range(3):
        await world.quickbooks.changes(START)
        copy.secrets = copy.secrets or dict(world.memory.secrets)
        world.clock.pass_time(hours=2)
    assert await left(world, copy) == ENDS
    await world.quickbooks.changes(START)  # whoever holds the newest token goes on


async def test_process_that_lost_an_answer_goes_on_with_the_same_token(open_world: Open) -> None:
    world = await open_world(Switches(refresh_overlap="strict"), STAYS)
    world.twin.disruptions.arm([{"action": "commit_then_drop", "match": "token"}])
    with pytest.raises(Unavailable) as lost:
        await world.quickbooks.changes(START)
    world.clock.now += timedelta(seconds=lost.value.retry_after or 0)
    await world.quickbooks.changes(START)


async def test_access_refused_in_the_middle_is_renewed_by_one_refresh_however_many_wait(open_world: Open) -> None:
    world = await open_world(Switches(refresh_overlap="strict"), ROTATES)
    await world.quickbooks.changes(START)
    world.twin.expire_access_tokens()
    before: Any = asked(world)
    await world.quickbooks.changes(START)
    await world.quickbooks.changes(START)
    assert asked(world) - before == 1
