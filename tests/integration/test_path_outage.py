"""Vendors that are away, shut us out or sell less: the daemon says so, waits, and goes on."""

from contextlib import AsyncExitStack
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from tests.integration.twins import until

if TYPE_CHECKING:
    from tests.integration.stage import Daemon, Stage


async def logged(daemon: "Daemon", sign: str) -> None:
    """Wait for a line of the log."""

    async def there() -> bool:
        return sign in daemon.log.read_text()

    await until(there, f"{sign!r} in the log")


async def ready(daemon: "Daemon") -> bool:
    async with daemon.session.get(f"{daemon.url}/readyz") as answer:
        return answer.status == 200


async def test_both_vendors_may_go_away_and_come_back(stage: "Stage") -> None:
    kept = ("--directory", str(stage.place / "sandbox"))
    async with AsyncExitStack() as stack:
        async with stage.world(*kept) as world:
            ports = [twin.facts["api_url"].rpartition(":")[2] for twin in (world.quickbooks, world.alvys)]
            daemon = await stack.enter_async_context(stage.daemon(world))
            await until(world.quickbooks.documents, "a first document")
            await until(partial(ready, daemon), "readiness, for which each loop has to pass once")
        await logged(daemon, "ClientConnectorError")
        async with daemon.session.get(f"{daemon.url}/readyz") as answer:
            assert answer.status == 200, await answer.text()
        assert all(each["state"] != "error" or each["problem"] for each in await daemon.everything())
        async with stage.world(*kept, "--quickbooks-port", ports[0], "--alvys-port", ports[1]) as world:
            await daemon.settled((await world.owed()).total() + len(world.planted))
            await world.judge()
            label = await first(daemon)
            await world.alvys.act("add_accessorial", load_number=label, name="Tarp", amount="9.99")
            await daemon.in_state(label, "exported", revision=2)
            await world.judge()


async def first(daemon: "Daemon") -> str:
    """Return the load number of the first invoice that was booked."""
    everything = [each for each in await daemon.everything() if each["kind"] == "customer_invoice"]
    return str(min(each["label"] for each in everything if each["state"] == "exported"))


async def test_disconnected_company_keeps_everything_waiting_until_it_is_connected_again(stage: "Stage") -> None:
    async with stage.world() as world:
        await world.quickbooks.act("disconnect")
        async with stage.daemon(world) as daemon:
            await daemon.passed("intake.freight")
            await logged(daemon, "vendor.refused_us")
            everything = await daemon.everything()
            assert {each["state"] for each in everything} == {"pending"}
            assert await world.quickbooks.documents() == []
            assert "Reconnect QuickBooks" in daemon.log.read_text()
        token = await world.quickbooks.act("connect")
        async with stage.daemon(world, QUICKBOOKS_REFRESH_TOKEN=token) as daemon:
            await daemon.settled((await world.owed()).total() + len(world.planted))
            await world.judge()
            # The access token ends while we work: nobody has to do anything.
            await world.quickbooks.act("expire_access_tokens")
            await daemon.passed("payments")


async def test_wiped_company_stops_the_writing_and_says_what_to_do(stage: "Stage") -> None:
    async with stage.world() as world, stage.daemon(world) as daemon:
        before = await daemon.settled((await world.owed()).total() + len(world.planted))
        await world.quickbooks.act("reset_company")
        await logged(daemon, "wiped")
        await world.alvys.act("add_accessorial", load_number=await first(daemon), name="Tarp", amount="9.99")
        await logged(daemon, '"outcome":"postponed"')
        after = await daemon.everything()
        assert {each["id"]: each["generation"] for each in after} == {each["id"]: each["generation"] for each in before}
        assert not [each for each in after if each["problem"] and each["problem"]["code"] == "document_lost"]


async def test_plan_without_bills_refuses_each_bill_and_an_upgrade_lets_them_through(stage: "Stage") -> None:
    async with stage.world() as world, AsyncExitStack() as stack:
        await world.quickbooks.act("set_plan", name="Simple Start")
        daemon = await stack.enter_async_context(stage.daemon(world))
        everything = await daemon.settled((await world.owed()).total() + len(world.planted))
        bills = [each for each in everything if each["kind"] == "carrier_bill"]
        assert {each["problem"]["code"] for each in bills} == {"plan_lacks_feature"}
        invoices = [each for each in everything if each["kind"] == "customer_invoice" and each["state"] == "exported"]
        assert sum(Decimal(each["total"]["amount"]) for each in invoices) > 0
        await world.quickbooks.act("set_plan", name="Essentials")
        await until(partial(_let_through, daemon), "the bills, once the plan was looked at again")
        await daemon.settled(len(everything))
        await world.judge()


async def _let_through(daemon: "Daemon") -> bool:
    """Retry what the plan refused, as a person would, who may be told twice what the plan was some seconds ago."""
    everything = await daemon.everything()
    for each in everything:
        if each["problem"] and each["problem"]["code"] == "plan_lacks_feature":
            await daemon.act("retry", each)
    bills = [each for each in everything if each["kind"] == "carrier_bill"]
    return all(each["state"] == "exported" for each in bills)
