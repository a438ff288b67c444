"""How the vendors behave: for good in one world, and while requests go wrong by chance."""

from random import Random

from tests.integration.twins import World

# What accounting makes of a request id it knows; it takes a number twice, so that nothing of it keeps duplicates out.
_REPEATS = ("replay", "ignore", "ignore", "fault600")
_SPOILED = 0.03  # of the requests of a stormy world, by each kind of fault
_LATE = 0.05  # seconds after its answer was dropped that a late commit comes
_WRITES = ("commit_then_drop", "drop_before_commit", "commit_then_500", "error_10000", "late_commit", "cut_json")
_READS = ("html_502", "cut_json", "drop_before_commit")
_TMS_READS = ("html_502", "cut_json", "drop", "error_500")
_TMS_WRITES = (*_TMS_READS, "commit_then_drop", "commit_then_500")


async def settle_climate(world: World, chance: Random) -> None:
    """Choose what nobody has confirmed of accounting, for as long as this world lasts."""
    await world.quickbooks.switch(
        voided_number="free", duplicate_invoice_number="stored", request_id=chance.choice(_REPEATS)
    )


async def storm(world: World, chance: Random) -> None:
    """Let requests of all kinds go wrong by chance."""
    each = {"count": None, "probability": _SPOILED, "seed": chance.randrange(1000)}
    await world.quickbooks.spoil(
        *({**each, "action": action, "method": "POST", "delay": _LATE} for action in _WRITES),
        *({**each, "action": action, "method": "GET"} for action in _READS),
    )
    await world.alvys.spoil(
        *({**each, "action": action, "path": "*/search"} for action in _TMS_READS),
        *({**each, "action": action, "path": "*-payments"} for action in _TMS_WRITES),
    )


async def calm(world: World) -> None:
    """Let nothing go wrong any more."""
    await world.quickbooks.mend()
    await world.alvys.mend()
