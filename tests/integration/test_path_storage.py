"""The daemon's file: copied while it runs and while it does not, and refused once it is damaged."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from tests.integration.stage import child

if TYPE_CHECKING:
    from tests.integration.stage import Stage
    from tests.integration.twins import World


async def back_up(stage: "Stage", world: "World", to: str, **settings: str) -> tuple[int | None, str, str]:
    """Run the command and return its exit code, what it printed and what it complained of."""
    log = stage.place / "backup.log"
    environment = stage.environment(world) | {f"LOADLEDGER_{name}": value for name, value in settings.items()}
    async with child(["engine.cli", "backup", to], environment, log) as process:
        printed, _ = await process.communicate()
        return process.returncode, printed.decode(), log.read_text()


def counted(file: Path) -> tuple[int, int]:
    """Return the transactions of a copy, and those that were exported."""
    with closing(sqlite3.connect(f"file:{file}?immutable=1", uri=True)) as books:
        found: tuple[int, int] = books.execute("SELECT count(*), sum(state = 'exported') FROM transactions").fetchone()
        return found


async def test_backup_is_made_by_the_running_daemon_and_of_a_stopped_one_and_a_damaged_file_is_refused(
    stage: "Stage",
) -> None:
    running, stopped = stage.place / "running.db", stage.place / "stopped.db"
    async with stage.world(loads=4) as world:
        async with stage.daemon(world) as daemon:
            everything = await daemon.settled((await world.owed()).total() + len(world.planted))
            token = stage.settings["token"]
            code, printed, said = await back_up(stage, world, str(running), URL=daemon.url, TOKEN=token)
            assert (code, said) == (0, "")
            assert printed == f"{running}: {running.stat().st_size:,} bytes, checked\n"
            code, _, said = await back_up(stage, world, str(running), URL=daemon.url, TOKEN=token)
            assert (code, "is there already, and is not replaced" in said) == (1, True)

        assert (await back_up(stage, world, str(stopped)))[0] == 0
        assert (await back_up(stage, world, str(stage.place / "ledger.db")))[0] == 1
        exported = len([each for each in everything if each["state"] == "exported"])
        assert counted(running) == counted(stopped) == (len(everything), exported)

        async with stage.daemon(world, DATABASE=str(running)) as daemon:
            await daemon.passed("intake.freight")
            await world.judge()

        damage(stage.place / "ledger.db")
        code, said = await stage.refused(world)
        assert (code, "Traceback" in said) == (3, False)
        assert "ledger.db: the file is damaged" in said
        assert "restore a backup" in said


def damage(file: Path) -> None:
    """Wipe everything but the first page."""
    content = file.read_bytes()
    file.write_bytes(content[:4096] + bytes(len(content) - 4096))
