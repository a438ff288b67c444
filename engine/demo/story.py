"""The demo's story: export a month, pay some of it, wait until that is known, compare."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
from rich.console import Console

from engine import screen
from engine.client import Admin, Refused
from engine.demo.books import Accountant, Books, compare
from engine.demo.failure import DemoFailed
from engine.demo.processes import daemon, sandbox, workplace
from engine.demo.settings import month

_PATIENCE = 80.0  # seconds until a demo that makes no progress gives up
_GLANCE = 0.5  # seconds between two looks


class Demo:
    """One run of the demo."""

    def __init__(self, console: Console, directory: Path | None, *, loads: int, seed: int, keep: bool) -> None:
        self._console = console
        self._directory = directory
        self._loads = loads
        self._seed = seed
        self._keep = keep

    async def run(self) -> bool:
        """Run to the end and return whether the books agree; raise DemoFailed."""
        with workplace(self._directory) as (place, resumed):
            self._console.print(_greeting(place, resumed=resumed))
            try:
                async with (
                    sandbox(place, loads=self._loads, seed=self._seed) as vendors,
                    daemon(place, vendors) as (admin, url, token),
                ):
                    sound = await self._story(vendors, admin)
                    if self._keep:
                        screen.show_addresses(self._console, url, token, vendors)
                        await _told_to_stop()
            except Refused as error:
                raise DemoFailed(str(error)) from error
            (place / "finished").touch()
        return sound

    async def _story(self, vendors: dict[str, Any], admin: Admin) -> bool:
        """Let the month be exported, pay some of it, wait until that is known, and compare."""
        async with Books(vendors) as books:
            with screen.progress(self._console) as show:
                await admin.ready(_PATIENCE)
                await self._until(admin, show, _exported, "exporting the month")
                paid = await Accountant(books).pay()
                await self._until(admin, show, lambda now: _settled(now, paid), "waiting for payments to be seen")
            mine = await _everything(admin)
            comparison = compare(mine, await books.documents(), vendors["planted"])
        screen.show_summary(self._console, await admin.get("summary"), mine, comparison)
        return comparison.sound

    async def _until(
        self,
        admin: Admin,
        show: Callable[[dict[str, Any], str], None],
        done: Callable[[dict[str, Any]], bool],
        doing: str,
    ) -> None:
        """Show the states filling up until `done`, or give up."""
        with anyio.move_on_after(_PATIENCE) as patience:
            while True:
                now = await admin.get("summary")
                show(now, doing)
                if done(now):
                    return
                await anyio.sleep(_GLANCE)
        if patience.cancelled_caught:
            raise DemoFailed(
                f"nothing came of {doing} within {_PATIENCE:.0f} s; see the daemon's log in the demo's directory"
            )


def _exported(now: dict[str, Any]) -> bool:
    """Whether nothing of the month waits any more."""
    return bool(now["transactions"]) and not _open(now)


def _settled(now: dict[str, Any], paid: dict[str, int]) -> bool:
    """Whether every payment the accountant made is known to us, and told to the TMS."""
    known = sum(row["transactions"] for row in now["transactions"] if row["state"] == "paid")
    partly = sum(row["partly_paid"] for row in now["transactions"])
    return known >= paid["full"] and partly >= paid["part"] and not _open(now)


def _open(now: dict[str, Any]) -> bool:
    return any(queue["phase"] != "dead" for queue in now["messages"])


async def _everything(admin: Admin) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    before = None
    while True:
        page = await admin.get("transactions", limit=200, before=before)
        found += page["transactions"]
        before = page["next"]
        if before is None:
            return found


async def _told_to_stop() -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            return


def _greeting(place: Path, *, resumed: bool) -> str:
    if resumed:
        return f"Going on with the demo that was interrupted in {place}."
    return f"A month of freight, {month():%B %Y}, in {place}."
