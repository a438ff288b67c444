"""A past that was never billed: estimated at a terminal, then taken in by the running daemon and watched."""

from datetime import timedelta
from typing import TYPE_CHECKING

from tests.integration.stage import child
from tests.integration.twins import until

if TYPE_CHECKING:
    from tests.integration.stage import Stage
    from tests.integration.twins import World

LOADS = 6


async def backfill(stage: "Stage", world: "World", *words: str, **settings: str) -> tuple[int | None, str, str]:
    """Run the command and return its exit code, what it printed and what it complained of."""
    log = stage.place / "backfill.log"
    environment = stage.environment(world) | {f"LOADLEDGER_{name}": value for name, value in settings.items()}
    async with child(["engine.cli", "backfill", *words], environment, log) as process:
        printed, _ = await process.communicate()
        return process.returncode, printed.decode(), log.read_text()


async def test_past_is_estimated_and_then_taken_in(stage: "Stage") -> None:
    span = (str(stage.month), str(stage.month + timedelta(days=31)))
    async with stage.world(loads=LOADS) as world:
        owed = (await world.owed()).total() + len(world.planted)
        async with stage.daemon(world, FIRST_DATE=str(stage.month + timedelta(days=60))) as daemon:
            await daemon.passed()
            assert await daemon.everything() == []
            told = {"URL": daemon.url, "TOKEN": stage.settings["token"]}

            code, printed, said = await backfill(stage, world, *span, "--estimate", **told)
            assert (code, said) == (0, "")
            assert "customer invoice" in printed
            assert "0 are known already" in printed
            assert await daemon.everything() == []

            code, printed, said = await backfill(
                stage, world, *span, "--yes", "--reason", "the year begins here", **told
            )
            assert (code, said) == (0, "")

            async def ended() -> bool:
                [backfill] = (await daemon.get("backfill"))["backfills"]
                return backfill["ended_at"] is not None

            await until(ended, "the end of the backfill")
            taken = await daemon.everything()
            assert 0 < len(taken) <= owed
            assert {each["kind"] for each in taken} == {"customer_invoice", "carrier_bill"}

            code, printed, _ = await backfill(stage, world, *span, "--estimate", **told)
            assert (code, f"{len(taken)} are known already" in printed) == (0, True)

        async with stage.daemon(world, FIRST_DATE=str(stage.month + timedelta(days=60))) as again:
            await again.passed()
            assert {each["label"] for each in await again.everything()} >= {each["label"] for each in taken}
