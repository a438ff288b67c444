from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from state.lifecycle import Effect, State, Trigger
from state.moves import Cause, StaleTransaction
from state.outbox import Phase
from state.pauses import Pause
from tests.unit.conftest import OpenDesk
from tests.unit.fakes import Bench, spared

if TYPE_CHECKING:
    from tests.unit.conftest import Desk

OLGA, BEN = Cause("olga", "the auditors are here"), Cause("ben", "they are gone")


@pytest.fixture(autouse=True)
def spare(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with spared(monkeypatch):
        yield


async def test_nothing_of_a_paused_effect_leaves_and_nothing_is_lost(desk: "Desk") -> None:
    bench, waiting = Bench(desk), await desk.new()
    await desk.store.pauses.begin([Effect.EXPORT], OLGA)
    await bench.relay.run_once()
    assert (await desk.again(waiting)).state is State.PENDING
    assert await desk.store.next_due(["accounting"]) is None
    await desk.store.pauses.end([Effect.EXPORT], BEN)
    await bench.drain()
    assert (await desk.again(waiting)).state is State.EXPORTED


async def test_another_effect_goes_on(desk: "Desk") -> None:
    bench, exported, waiting = Bench(desk), await desk.exported(load="1001"), await desk.new(load="1002")
    await desk.apply(exported, Trigger.REVERT_REQUESTED)
    await desk.store.pauses.begin([Effect.EXPORT], OLGA)
    await bench.drain()
    assert [(await desk.again(each)).state for each in (exported, waiting)] == [State.REVERTED, State.PENDING]


async def test_what_was_taken_up_before_the_pause_does_not_leave(desk: "Desk") -> None:
    await desk.new()
    claim = await desk.claim()
    await desk.store.pauses.begin(list(Effect), OLGA)
    with pytest.raises(StaleTransaction):
        await desk.announce(claim, "request", b"{}")


async def test_what_has_left_still_ends(desk: "Desk") -> None:
    await desk.new()
    claim = await desk.announced()
    await desk.store.pauses.begin(list(Effect), OLGA)
    assert (await desk.finish(claim, desk.yes())).state is State.EXPORTED


async def test_doubt_is_kept_over_a_pause(desk: "Desk") -> None:
    doubted = await desk.new()
    await desk.finish(await desk.announced(), desk.unknown())
    await desk.store.pauses.begin([Effect.EXPORT], OLGA)
    desk.clock.forward(hours=1)
    assert await desk.store.claim(["accounting"], 10) == []
    assert [each.phase for each in await desk.store.standings(doubted.id)] == [Phase.IN_DOUBT]


async def test_whoever_paused_first_is_told_and_a_pause_outlives_its_daemon(open_desk: OpenDesk) -> None:
    desk = await open_desk()
    began = desk.clock.now
    await desk.store.pauses.begin([Effect.VOID, Effect.EXPORT], OLGA)
    desk.clock.forward(hours=1)
    await desk.store.pauses.begin([Effect.VOID], BEN)
    await desk.store.pauses.end([Effect.EXPORT], BEN)
    await desk.crash()
    again = await open_desk()
    assert await again.store.pauses.standing() == [Pause(Effect.VOID, began, "olga", "the auditors are here")]


async def test_ended_pause_stays_on_record(desk: "Desk") -> None:
    for _ in range(2):
        await desk.store.pauses.begin([Effect.EXPORT], OLGA)
        await desk.store.pauses.end([Effect.EXPORT], BEN)
    kept = await desk.execute("SELECT effect, actor, ended_by, ended_reason FROM pauses")
    assert [tuple(row) for row in kept] == [("export", "olga", "ben", "they are gone")] * 2
