"""Whatever the vendors' answers are like, in the end the books are the same.

Each case has a sandbox and a daemon of its own. Some cases run at the same time: most of a case is waiting.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from tests.integration.stage import Daemon, Stage
from tests.integration.twins import World

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.asyncio(loop_scope="module")

AT_ONCE = 3
Rule = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """What goes wrong, and in which position of what nobody has confirmed about QuickBooks."""

    quickbooks: tuple[Rule, ...] = ()
    alvys: tuple[Rule, ...] = ()
    payments: tuple[Rule, ...] = ()
    switches: dict[str, object] = field(default_factory=dict)
    numbers: bool = True  # custom transaction numbers are on
    options: tuple[str, ...] = ()
    timeout: str = "8"  # seconds; below what a slow answer takes


def everywhere(action: str, **more: object) -> Case:
    """Spoil requests of every kind: creations of documents and of parties, queries, preferences and changes."""
    rule = {"action": action, **more}
    documents = [{**rule, "method": "POST", "match": kind, "count": 2} for kind in ("Invoice", "Bill")]
    parties = [{**rule, "method": "POST", "match": kind} for kind in ("Customer", "Vendor")]
    reads = [{**rule, "method": "GET", "match": f"*/{path}"} for path in ("query", "preferences", "cdc")]
    return Case((*documents, *parties, *reads), timeout="1" if action == "slow" else "8")


def lost_answers(**case: Any) -> Case:
    """Lose the answers of some creations that were carried out."""
    rules = (
        {"action": "commit_then_drop", "method": "POST", "match": kind, "count": 3} for kind in ("Invoice", "Bill")
    )
    return Case(tuple(rules), **case)


def misread(**actions: str) -> Case:
    """Spoil the first request of some of Alvys' endpoints, each in its way."""
    paths = {name: "oauth/token" if name == "token" else f"{name}/search" for name in actions}
    rules = ({"action": action, "path": paths[name], "count": 1, "seconds": 1} for name, action in actions.items())
    return Case(alvys=tuple(rules), timeout="0.8" if "slow" in actions.values() else "8")


# No more in a row than there are payments: one that meets doubt again and again is left to a person.
REPORTS = tuple(
    {"action": action, "path": path, "count": 1, "seconds": 1}
    for path, actions in {
        "invoices/customer-payments": ("commit_then_drop", "commit_then_500", "error_500", "throttle_429"),
        "invoices/carrier-payments": ("commit_then_drop", "cut_json", "drop", "html_502", "throttle_429"),
    }.items()
    for action in actions
)

CASES = {
    "commit_then_drop": everywhere("commit_then_drop"),
    "drop_before_commit": everywhere("drop_before_commit"),
    "late_commit": everywhere("late_commit", delay=0.3),
    "commit_then_500": everywhere("commit_then_500"),
    "error_10000": everywhere("error_10000"),
    "html_502": everywhere("html_502"),
    "xml_401": everywhere("xml_401"),
    "cut_json": everywhere("cut_json"),
    "fault_in_200": everywhere("fault_in_200"),
    "slow": everywhere("slow", delay=1.3),
    "throttled": Case(switches={"retry_after": 1}, options=("--quickbooks-rate", "1000")),
    "request_id_ignored": lost_answers(switches={"request_id": "ignore"}),
    "request_id_refused": lost_answers(switches={"request_id": "fault600"}),
    "numbers_off_stored": lost_answers(numbers=False, switches={"custom_numbers_off": "stored"}),
    "numbers_off_replaced": lost_answers(numbers=False, switches={"custom_numbers_off": "replaced"}),
    "alvys_garbled": misread(loads="html_502", invoices="cut_json", trips="error_500"),
    "alvys_throttled": misread(trips="throttle_429", customers="cut_json"),
    "alvys_silent": misread(token="drop", loads="slow", carriers="drop"),
    "alvys_payments": Case(payments=REPORTS),
}


async def perform(stage: Stage, case: Case) -> None:
    """Let the month be booked while things go wrong, then paid, and judge both."""
    async with stage.world(*case.options) as world:
        await world.quickbooks.act("set_preferences", patch={"SalesFormsPrefs": {"CustomTxnNumbers": case.numbers}})
        await world.quickbooks.switch(**case.switches)
        await world.quickbooks.spoil(*case.quickbooks)
        await world.alvys.spoil(*case.alvys)
        async with stage.daemon(world, ALVYS_TIMEOUT=case.timeout, QUICKBOOKS_TIMEOUT=case.timeout) as daemon:
            await booked(daemon, world, case)
            if case.payments:
                await world.alvys.spoil(*case.payments)
                await paid(daemon, world)
            assert "401" in (statuses := (await world.quickbooks.requests())["by_status"]) or daemon.troubles()
            assert not case.options or "429" in statuses


async def booked(daemon: Daemon, world: World, case: Case) -> None:
    everything = await daemon.settled((await world.owed()).total() + len(world.planted))
    refused = {each["label"] for each in everything if each["state"] == "error"}
    if case.numbers:
        await world.judge()
        assert refused == set(world.planted.values())
    else:  # QuickBooks numbers the invoices itself, so the number someone used by hand is in nobody's way
        assert refused == set(world.planted.values()) - {world.planted["number_taken"]}
        ours = [each for each in everything if each["state"] == "exported"]
        totals = Counter(Decimal(each["total"]["amount"]) for each in ours)
        assert Counter(each["total"] for each in await world.quickbooks.documents()) == totals
        assert {each["document"]["number"] for each in ours} == {number for _, number, _ in await world.booked()}


async def paid(daemon: Daemon, world: World) -> None:
    documents = await world.quickbooks.documents()
    for each in documents:
        kind = each["kind"]
        await world.quickbooks.act(f"pay_{kind}", **{f"{kind}_id": each["id"]}, amount=each["total"])
    await daemon.settled((await world.owed()).total() + len(world.planted), "paid")
    told = await world.told()
    assert sum(told.values()) == sum(each["total"] for each in documents)
    assert len(told) == len(documents)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def runs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[dict[str, asyncio.Task[None]]]:
    """Perform the cases that were asked for, a few at a time; each test waits for its own."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(name: str, place: "Path") -> None:
        async with slots, asyncio.timeout(90):
            await perform(Stage(place), CASES[name])

    asked = [item.callspec.params["name"] for item in request.session.items if item.path == request.path]  # type: ignore[attr-defined]
    tasks = {name: asyncio.create_task(one(name, tmp_path_factory.mktemp(name))) for name in asked}
    yield tasks
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)


@pytest.mark.parametrize("name", CASES)
async def test_books_are_the_same_after(name: str, runs: dict[str, asyncio.Task[None]]) -> None:
    await runs[name]
