"""The mapping at a terminal: shown with its gaps by the running daemon, and begun without one, never over a file."""

import tomllib
from typing import TYPE_CHECKING

from tests.integration.stage import child

if TYPE_CHECKING:
    from tests.integration.stage import Stage
    from tests.integration.twins import World


async def check(stage: "Stage", world: "World", *words: str, **settings: str) -> tuple[int | None, str, str]:
    """Run the command and return its exit code, what it printed and what it complained of."""
    log = stage.place / "check.log"
    environment = stage.environment(world) | {f"LOADLEDGER_{name}": value for name, value in settings.items()}
    async with child(["engine.cli", "check", "--mapping", *words], environment, log) as process:
        printed, _ = await process.communicate()
        return process.returncode, printed.decode(), log.read_text()


async def test_mapping_is_shown_with_what_transactions_met_and_begun_in_a_new_file(stage: "Stage") -> None:
    begun = stage.place / "mapping.toml"
    async with stage.world(loads=4) as world:
        async with stage.daemon(world) as daemon:
            await daemon.settled((await world.owed()).total() + len(world.planted))
            told = {"URL": daemon.url, "TOKEN": stage.settings["token"]}
            code, printed, said = await check(stage, world, **told)
            rows = [line.split() for line in printed.splitlines()]
            assert ["slot", "charge", "load", "type", "target", "type", "state", "gap"] in rows
            assert any(row[:2] == ["expense", "echeck"] and "active" in row for row in rows)
            assert any(row[:2] == ["liability", "escrow"] and "gap" in row for row in rows)
            unmapped = [each for each in await daemon.everything() if each["problem"]]
            unmapped = [each for each in unmapped if each["problem"]["code"] == "mapping_missing"]
            assert (code, said) == (1 if unmapped else 0, "")

        code, _, said = await check(stage, world, "--write", str(begun))
        assert (code, said) == (0, "")
        mapping = tomllib.loads(begun.read_text())["mapping"]
        assert mapping["revenue"]["linehaul"] == "Linehaul"
        assert mapping["expense"]["linehaul"] == "Purchased Transportation"

        begun.write_text("mine")
        code, _, said = await check(stage, world, "--write", str(begun))
        assert (code, begun.read_text()) == (1, "mine")
        assert "File exists" in said
