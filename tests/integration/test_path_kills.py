"""Killed at any moment and started again, the daemon leaves the same books."""

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest

from tests.integration.twins import until

if TYPE_CHECKING:
    from tests.integration.stage import Daemon, Stage
    from tests.integration.twins import World

KILLS = int(os.environ.get("LOADLEDGER_TEST_KILLS", "4"))  # more of them on demand
SEED = int(os.environ.get("LOADLEDGER_TEST_SEED", "1"))


async def finished(stage: "Stage", world: "World") -> None:
    """Start the daemon a last time, let it finish, and judge."""
    async with stage.daemon(world) as daemon:
        everything = await daemon.settled((await world.owed()).total() + len(world.planted))
        await world.judge()
        assert {each["label"] for each in everything if each["state"] == "error"} == set(world.planted.values())


async def requests(world: "World") -> int:
    """Return how many requests QuickBooks has seen."""
    return sum((await world.quickbooks.requests())["by_call"].values())


WRITES = ("commit_then_drop", "drop_before_commit", "commit_then_500", "error_10000", "late_commit", "cut_json")
READS = ("html_502", "cut_json", "drop_before_commit")
SEARCHES = ("html_502", "cut_json", "drop", "error_500")


async def storm(world: "World") -> None:
    """Let requests of all kinds go wrong by chance, until it is over."""
    common = {"count": None, "seed": SEED}
    each = {**common, "probability": 0.08}
    await world.quickbooks.spoil(
        *({**each, "action": action, "method": "POST", "delay": 0.3} for action in WRITES),
        *({**each, "action": action, "method": "GET"} for action in READS),
    )
    await world.alvys.spoil(
        *({**each, "action": action, "path": "*/search", "probability": 0.05} for action in SEARCHES)
    )


@pytest.mark.parametrize(("weather", "kills"), [("calm", KILLS), ("storm", (KILLS + 1) // 2)])
async def test_daemon_killed_again_and_again_leaves_the_same_books(stage: "Stage", weather: str, kills: int) -> None:
    chance = random.Random(SEED)
    async with stage.world("--seed", str(SEED)) as world:
        if weather == "storm":
            await storm(world)
        for _ in range(kills):
            async with stage.daemon(world, RELAY_ROUNDS="50") as daemon:
                wanted = await requests(world) + chance.randint(1, 14)

                async def asked(wanted: int = wanted) -> bool:
                    return await requests(world) >= wanted

                await until(asked, f"{wanted} requests")
                assert await daemon.end(signal.SIGKILL) == -signal.SIGKILL
        await world.quickbooks.mend()
        await world.alvys.mend()
        await finished(stage, world)


async def in_flight(daemon: "Daemon") -> bool:
    return any(each["in_flight"] for each in await daemon.everything())


@pytest.mark.parametrize(
    ("action", "kind", "delay"),
    [
        pytest.param("slow", "Invoice", 0.5, id="invoice_under_way"),
        pytest.param("late_commit", "Bill", 0.5, id="bill_commits_after_the_kill"),
        pytest.param("commit_then_drop", "Invoice", 0, id="invoice_in_doubt"),
    ],
)
async def test_daemon_killed_while_a_request_is_under_way_finds_it(
    stage: "Stage", action: str, kind: str, delay: float
) -> None:
    rule = {"action": action, "match": kind, "method": "POST", "count": 2, "delay": delay}
    async with stage.world() as world:
        await world.quickbooks.spoil(rule)
        async with stage.daemon(world) as daemon:
            await until(lambda: in_flight(daemon), "a request under way")
            await daemon.end(signal.SIGKILL)
        await finished(stage, world)


async def test_daemon_stopped_in_order_lets_what_is_under_way_end(stage: "Stage") -> None:
    rule = {"action": "slow", "match": "Invoice", "method": "POST", "count": 2, "delay": 0.6}
    async with stage.world() as world:
        await world.quickbooks.spoil(rule)
        async with stage.daemon(world) as daemon:
            await until(lambda: in_flight(daemon), "a request under way")
            assert await daemon.end(signal.SIGTERM) == 0
        assert await world.quickbooks.documents()
        assert '"outcome":"indoubt"' not in daemon.log.read_text()
        await finished(stage, world)


async def test_daemon_dies_with_its_parent_when_asked_to(stage: "Stage") -> None:
    async with stage.world() as world, stage.daemon(world) as daemon:
        assert daemon.process.stdin
        daemon.process.stdin.close()
        async with asyncio.timeout(10):
            assert await daemon.process.wait() == -signal.SIGKILL


async def while_telling(stage: "Stage", world: "World", moment: Callable[["Daemon"], Awaitable[bool]]) -> None:
    """Kill the daemon at a moment of telling the TMS what was paid, and let the next one go on."""
    async with stage.daemon(world) as daemon:
        await until(lambda: moment(daemon), "a payment under way")
        await daemon.end(signal.SIGKILL)


async def test_payment_is_told_once_though_the_daemon_was_killed_while_telling(stage: "Stage") -> None:
    async with stage.world() as world:
        await finished(stage, world)
        paths = ("invoices/customer-payments", "invoices/carrier-payments")
        await world.alvys.spoil(*({"action": "slow", "path": path, "seconds": 0.4, "count": 3} for path in paths))
        documents = await world.quickbooks.documents()
        for each in documents:
            kind = each["kind"]
            await world.quickbooks.act(f"pay_{kind}", **{f"{kind}_id": each["id"]}, amount=each["total"])

        async def telling(daemon: "Daemon") -> bool:
            return any(each["phase"] == "sent" for each in (await daemon.get("summary"))["messages"])

        await while_telling(stage, world, telling)
        async with stage.daemon(world) as daemon:
            await daemon.settled((await world.owed()).total() + len(world.planted), "paid")
        told = await world.told()
        assert sum(told.values()) == sum(each["total"] for each in documents)
        assert len(told) == len(documents)
