"""What must hold of the books, whatever was done to the daemon."""

from collections import Counter

from tests.integration.stage import Daemon
from tests.integration.twins import Json, World, until
from tests.torture.people import People, marked


async def judge_instant(world: World) -> None:
    """Fail if a record of the TMS has two living documents, which must not be at any instant."""
    living = Counter(marked(each["note"]) for each in await world.quickbooks.documents())
    assert [record for record, count in living.items() if count > 1] == []


async def finish(daemon: Daemon, world: World, people: People) -> None:
    """Let a daemon come to rest, with nothing half done and every bill paid, and judge everything."""
    await _rest(daemon)
    await people.tidy(daemon)
    await _rest(daemon)
    while await people.pay_all():
        await _rest(daemon)
    await judge_instant(world)
    await world.judge()
    assert await people.told_wrongly() == []
    everything = await daemon.everything()
    assert _unexplained(everything, world, people) == []
    waiting = Counter({each["effect"]: each["messages"] for each in (await daemon.get("summary"))["messages"]})
    assert waiting == Counter(export=sum(each["state"] == "error" for each in everything))


async def finish_behind(daemon: Daemon, world: World, people: People) -> None:
    """Judge what a daemon makes of a store that was set back: what it cannot put right, it shows to a person."""
    await _rest(daemon)
    await people.tidy(daemon)
    await _rest(daemon)
    await judge_instant(world)
    booked, owed = await world.booked(), await world.owed()
    wrong = {number for _, number, _ in (booked - owed) + (owed - booked)}
    shown = {each["label"] for each in await daemon.everything() if each["state"] == "error"}
    assert wrong <= shown
    assert await people.told_too_much() == []


async def _rest(daemon: Daemon) -> None:
    """Wait until the daemon has seen everything and nothing waits."""
    for loop in ("intake.freight", "relay.accounting", "payments", "relay.tms"):
        await daemon.passed(loop)

    async def idle() -> bool:
        return all(each["phase"] == "dead" for each in (await daemon.get("summary"))["messages"])

    await until(idle, "an outbox that holds nothing")


def _unexplained(everything: list[Json], world: World, people: People) -> list[Json]:
    """Return the transactions that are not where they have to be."""
    planted = set(world.planted.values())
    return [
        each
        for each in everything
        if (each["state"] == "error" and each["label"] not in planted)
        or (each["source_id"] in people.paid_for and each["state"] != "paid")
        or (each["source_id"] not in people.paid_for and each["state"] == "paid")
        or each["held"]
    ]
