"""The daemon as it ships, run inside the loop: started, stopped, killed at any step, its file copied and restored."""

import asyncio
import contextvars
import hashlib
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple
from unittest.mock import patch

import msgspec

import engine.app
from engine import config
from engine.lane import CHANCE
from tests.simulation.disk import Disk
from tests.simulation.loop import LIFE, Killed, Life, Loop
from tests.simulation.network import Network

TMS: Final = ("127.0.0.1", 7001)
ACCOUNTING: Final = ("127.0.0.1", 7002)
ADMIN: Final = ("127.0.0.1", 7003)
PASSWORD: Final = "operator of the simulation"
_CHARGES: Final = ("Detention", "Lumper", "Layover", "TONU", "Stop-Off", "Tarp")
_REVENUE: Final = {"linehaul": "Linehaul", "fuel_surcharge": "Fuel Surcharge", **{name: name for name in _CHARGES}}
_EXPENSE: Final = {
    "linehaul": "Purchased Transportation",
    "fuel_surcharge": "Fuel Surcharge Paid",
    "accessorial": "Accessorials Paid",
    "echeck": "Carrier Advances",
}
_BACKUP: Final = 1  # retries of a copy that was made while the file changed


def configured(place: Path, first_date: date, vendors: dict[str, dict[str, str]], **settings: object) -> config.Config:
    """Return the configuration of the daemon; `settings` are named as `section__key`."""
    token = {"name": "olga", "role": "operator", "hash": f"sha256:{hashlib.sha256(PASSWORD.encode()).hexdigest()}"}
    given: dict[str, object] = {
        "entity": "blue-mesa",
        "database": str(place / "ledger.db"),
        "first_date": first_date.isoformat(),
        "http__listen": f"{ADMIN[0]}:{ADMIN[1]}",
        "http__tokens": [token],
        "export__carrier_bill_on": "release",
        "mapping__revenue": _REVENUE,
        "mapping__expense": _EXPENSE,
        **{f"{section}__{key}": value for section, keys in vendors.items() for key, value in keys.items()},
        **settings,
    }
    return config.load(
        None,
        {
            f"LOADLEDGER_{name.replace('__', '_').upper()}": value
            if isinstance(value, str)
            else msgspec.json.encode(value).decode()
            for name, value in given.items()
        },
    )


class Death(NamedTuple):
    """Where a life ends: before the n-th of its steps, or of its database statements, counted from 1."""

    step: int | None = None
    statement: int | None = None


class Daemon:
    """All lives of one daemon, one after the other, over one file.

    `epoch` is the instant at which the loop began; each life dies its own of the `deaths`, as long as there are any.
    """

    def __init__(self, loop: Loop, network: Network, disk: Disk, settings: config.Config, epoch: datetime) -> None:
        self.life: Life | None = None
        self.lives = 0
        self.ended: list[BaseException] = []
        """What ended a life that nobody killed or stopped."""
        self._loop = loop
        self._network = network
        self._disk = disk
        self.settings = settings
        self._epoch = epoch
        self.deaths: list[Death] = []
        self._stop = asyncio.Event()
        self.dead = asyncio.Event()
        """Whether its last life has ended."""

    def now(self) -> datetime:
        """Return the virtual instant."""
        return self._epoch + timedelta(seconds=self._loop.time())

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Put the loop's clock, chance, network and disk in the place of the machine's."""
        with ExitStack() as patches:
            patches.enter_context(self._disk.mounted())
            patches.enter_context(patch("engine.app._stop_on_signal", self._stop_when_asked))
            patches.enter_context(patch("engine.app.settle"))  # each life leaves, and its garbage with it
            patches.enter_context(patch.object(CHANCE, "random", self._loop.chance.random))
            patches.enter_context(patch("engine.loop.random.Random", lambda: self._loop.chance))
            patches.enter_context(patch("aiohttp.connector.aiohappyeyeballs.start_connection", self._network.reach))
            patches.enter_context(patch("aiohttp.web_response.rfc822_formatted_time", lambda: "now"))
            yield

    # -- its lives -----------------------------------------------------------------------------------------------

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.life is not None and self.life.alive

    def start(self) -> Life:
        """Start it."""
        death = self.deaths[self.lives] if self.lives < len(self.deaths) else Death()
        life = Life(last=death.step, last_statement=death.statement)
        self.dead = dead = asyncio.Event()
        life.at_death(lambda: self._bury(life))
        life.at_death(dead.set)
        self.life, self.lives = life, self.lives + 1
        self._stop = asyncio.Event()
        context = contextvars.copy_context()
        context.run(LIFE.set, life)
        self._task = self._loop.create_task(self._run(life), context=context)
        return life

    def second(self) -> "Daemon":
        """Return another daemon over the same file, on a port of its own."""
        http = self.settings.http.model_copy(update={"listen": f"{ADMIN[0]}:0"})
        settings = self.settings.model_copy(update={"http": http})
        return Daemon(self._loop, self._network, self._disk, settings, self._epoch)

    async def _run(self, life: Life) -> None:
        try:
            await engine.app.run(self.settings, started=_unheard, clock=self.now)
        except Killed:
            return
        except BaseException as error:  # noqa: BLE001 - the judge hears of it
            self.ended.append(error)
        life.kill()

    async def _stop_when_asked(self, stop: Callable[[], None]) -> None:
        await self._stop.wait()
        stop()

    async def stop(self) -> None:
        """Ask it to stop, as SIGTERM does, and wait until it has."""
        life = self.life
        self._stop.set()
        if life is not None and life.alive:
            await life.ended()

    async def spare(self) -> None:
        """Let it live on, unless its death is one of the given ones; one that was asked to stop does so first."""
        if self.life is not None and self.lives > len(self.deaths):
            self.life.die_after(None)
        if self._stop.is_set():
            await self.stop()

    def kill(self) -> None:
        """Kill it where it stands."""
        if self.life is not None:
            self.life.kill()

    def _bury(self, life: Life) -> None:
        self._loop.bury(life)
        self._network.bury(life)

    # -- its file ------------------------------------------------------------------------------------------------

    def look(self, sql: str, *values: object) -> list[Any]:
        """Read the file, through its owner while there is one; nothing if its tables are not made yet."""
        try:
            if self._disk.owner is not None and self._disk.owner.open:
                return self._disk.owner.look(sql, values)
            with self._opened() as connection:
                return connection.execute(sql, values).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" not in str(error):
                raise
            return []

    def copy(self, to: Path) -> None:
        """Make a copy of the file, as a backup would."""
        to.unlink(missing_ok=True)
        backup = sqlite3.connect(to)
        try:
            if self._disk.owner is not None and self._disk.owner.open:
                self._disk.owner.backup(backup)
            else:
                with self._opened() as connection:
                    connection.backup(backup)
        finally:
            backup.close()

    def restore(self, copy: Path) -> None:
        """Put a copy in the place of the file of a daemon that does not run."""
        path = self.settings.database
        for name in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
            name.unlink(missing_ok=True)
        shutil.copy(copy, path)

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.settings.database)
        try:
            yield connection
        finally:
            connection.close()


def _unheard(_: str) -> None:
    """Hear the address: it is known."""


def epoch_after(first_day: date) -> datetime:
    """Return the morning at which a simulation begins: when the month that starts on this day is over."""
    return datetime.combine(first_day + timedelta(days=33), datetime.min.time(), UTC) + timedelta(hours=6)
