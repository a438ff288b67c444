"""One world: both twins and the daemon in one loop, people and faults around them, and the judge above them all."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

from aiohttp import web

from adapters.sandbox import alvys, quickbooks
from adapters.sandbox.scenario import meet
from engine.config import Config
from tests.simulation import plan as plans
from tests.simulation.daemon import ACCOUNTING, TMS, Daemon, configured, epoch_after
from tests.simulation.disk import Connection, Disk
from tests.simulation.judge import Judge
from tests.simulation.loop import Loop
from tests.simulation.network import FAIR, Address, Network, Weather
from tests.simulation.people import Accountants, Billers, Support, empty

_MONTH: Final = date(2026, 10, 1)
_LONGEST_LIFE: Final = 120  # steps after a write within which a death falls
_LOOK: Final = 10.0  # seconds until somebody sees that the daemon has lost its access
_REST: Final = 4 * 3600.0  # seconds in which all must come to rest once faults have ended


class World:
    """Everything there is. `place` holds the daemon's file."""

    def __init__(self, seed: int, plan: plans.Plan, place: Path) -> None:
        self.made = time.process_time()
        self.plan = plan
        self.loop = Loop(seed)
        self.chance = self.loop.chance
        self.network = Network(self.loop, self._weather)
        self._epoch = epoch_after(_MONTH)
        self.bad: dict[Address, Weather] = {}
        self._copies: list[Path] = []
        self._place = place
        self._armed = False
        self.reconnects = 0
        self.patience = _REST
        self.month = month = alvys.generate(_MONTH, seed, plan.loads)
        self.accounting = quickbooks.QuickBooksSandbox(
            clock=self._now,
            seed=seed,
            limits=replace(
                quickbooks.Limits(), access_token_seconds=plan.life[0], refresh_rotation_seconds=plan.life[1]
            ),
            switches=replace(quickbooks.Switches(), **plan.switches),
        )
        self.tms = alvys.AlvysSandbox(clock=self._now, month=empty(month))
        quickbooks.seed_company(self.accounting.company)
        meet(self.accounting.company, month)
        disk = Disk(self.loop, self._committed)
        self.daemon = Daemon(self.loop, self.network, disk, self._configured(), self._epoch)
        self.judge = Judge(
            self.accounting, self.tms, self.daemon.look, now=self._now, time=self.loop.time, quiet=plans.QUIET
        )
        self.network.asked = self._asked
        self.network.answered = self._answered
        self._billers = Billers(self.tms, month, self.judge.facts, self.chance)
        self._accountants = Accountants(self.accounting, self.judge, _MONTH, self.chance)
        self._support = Support(self.daemon, self.judge.facts, self.chance)

    # -- the story -----------------------------------------------------------------------------------------------

    async def unfold(self) -> None:
        """Let everything happen, then let it come to rest, and judge."""
        async with self.served():
            self.daemon.start()
            await self.happen()
            await self._mend()
            self.judge.conclude()
            await self.daemon.stop()
            for error in self.daemon.ended:
                self.judge.facts.breach("P8", f"the daemon ended by itself: {error!r}")

    async def happen(self) -> None:
        """Let freight appear, and people, faults and death be about meanwhile."""
        around = [asyncio.create_task(self._fate())]
        around += [asyncio.create_task(self._often(act)) for act in (self._bill, self._account, self._help)]
        around += [asyncio.create_task(self._spoil())]
        await self._billers.bill(self.plan.span)
        for task in around:
            task.cancel()
        for result in await asyncio.gather(*around, return_exceptions=True):
            if isinstance(result, Exception):
                raise result

    async def _mend(self) -> None:
        """End all faults, put right what people can, and wait until nothing moves any more."""
        self.bad.clear()
        self._armed = False
        self.accounting.disruptions.clear()
        self.tms.faults.disarm()
        await self.daemon.spare()
        if not self.daemon.alive:
            self.daemon.start()
        self._accountants.open()
        await self._rest()
        await self._support.retry_all()
        await self._rest()

    async def _rest(self) -> None:
        """Wait until nothing is on its way, and everyone has looked once more; a breach if that never comes."""
        began = self.loop.time()
        looks = 2 * max(self.plan.settings.get(f"{name}__poll_interval", 300) for name in ("alvys", "quickbooks"))
        while self.loop.time() - began < self.patience:
            quiet = not self.judge.waiting()
            await asyncio.sleep(looks)
            if not self.daemon.alive:
                self.judge.store.reset()
                self.daemon.start()
            elif self.judge.locked_out:
                await self._reconnect()
            elif quiet and not self.judge.waiting():
                return
        self.judge.facts.breach("P8", f"nothing is wrong any more, and these still wait: {self.judge.waiting()[:5]}")

    # -- what goes on around -------------------------------------------------------------------------------------

    async def _often(self, act: object) -> None:
        """Let people act again and again."""
        while self.plan.people:
            await asyncio.sleep(self.chance.expovariate(1 / self.plan.people))
            result = act()  # type: ignore[operator]
            if result is not None:
                await result

    def _bill(self) -> None:
        self._billers.act()

    def _account(self) -> None:
        self._accountants.act()

    async def _help(self) -> None:
        if self.daemon.alive:
            await self._support.act()

    async def _spoil(self) -> None:
        """Let the network and the vendors go through bad spells."""
        while self.plan.faults:
            await asyncio.sleep(self.chance.expovariate(1 / self.plan.faults))
            self.judge.facts.everywhere.add("faults")
            self.bad = {
                address: plans.weather(self.chance) for address in (TMS, ACCOUNTING) if self.chance.random() < 0.7
            }
            self.accounting.disruptions.arm(plans.accounting_faults(self.chance))
            self.tms.faults.arm(*plans.tms_faults(self.chance))
            await asyncio.sleep(self.chance.expovariate(1 / 120))
            self.bad = {}
            self.accounting.disruptions.clear()
            self.tms.faults.disarm()

    async def _fate(self) -> None:
        """Let the daemon die, stop, start again, and be restored from older copies."""
        self._armed = bool(self.plan.deaths)
        end, copy = self._next(self.plan.stops), self._next(self._copied)
        while True:
            await self._time(min(end, copy, self.loop.time() + _LOOK))
            if self.loop.time() >= copy and self.daemon.alive:
                self._copies.append(self._place / f"copy-{len(self._copies)}.db")
                self.daemon.copy(self._copies[-1])
                copy = self._next(self._copied)
            if self.loop.time() >= end:
                await self._end()
                end = self._next(self.plan.stops)
            if self.judge.locked_out:
                await self._reconnect()
            if not self.daemon.alive:
                await self._again()

    async def _time(self, when: float) -> None:
        """Wait until then, or until the daemon is dead."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(when):
                await self.daemon.dead.wait()

    @property
    def _copied(self) -> float:
        """The mean time between two copies of the file: some twenty of them to choose from."""
        return max(100.0, self.plan.span / 20) if self.plan.restores else 0.0

    async def _reconnect(self) -> None:
        """Give the daemon a new refresh token, as an administrator must once the old chain is dead."""
        self.reconnects += 1
        if self.daemon.look(
            "SELECT 1 FROM secrets WHERE instr(value, ?)", f'"value":"{self.accounting.refresh_token}"'
        ):
            self.judge.facts.breach("P7", "a daemon that holds the newest refresh token lost its access")
        await self.daemon.stop()
        self.accounting.connect()
        self.daemon.settings = self._configured()
        self.judge.locked_out = False
        self.daemon.start()

    def _next(self, mean: float) -> float:
        """Draw when something happens next, of what happens so often; 0 is never."""
        return self.loop.time() + self.chance.expovariate(1 / mean) if mean else float("inf")

    async def _end(self) -> None:
        if self.daemon.life is not None and self.chance.random() < 0.5:
            self.daemon.life.die_after(self.chance.randint(1, 2_000))
        elif self.daemon.alive:
            await self.daemon.stop()

    async def _again(self) -> None:
        """Start it again, after a while, perhaps from an older copy: putting one back takes longer than the quiet."""
        if self._copies and self.chance.random() < self.plan.restores:
            await asyncio.sleep(plans.QUIET + self.chance.uniform(0, 600))
            self.daemon.restore(self.chance.choice(self._copies))
            self.judge.facts.everywhere.add("restored")
        else:
            await asyncio.sleep(self.chance.choice((0, 0, 5, 60, 900)) * self.chance.random())
        self.judge.store.reset()
        self.daemon.start()

    # -- how it hangs together -----------------------------------------------------------------------------------

    def _now(self) -> datetime:
        return self._epoch + timedelta(seconds=self.loop.time())

    def _weather(self, address: Address) -> Weather:
        return self.bad.get(address, FAIR)

    def _committed(self, connection: Connection) -> None:
        if connection.life is self.daemon.life:
            self.judge.store.heard(connection.look)

    def _asked(self, address: Address, connection: int, data: bytes) -> None:
        if address == ACCOUNTING:
            before = self.judge.wire.writes
            self.judge.wire.asked(connection, data)
            life = self.daemon.life
            if self._armed and life and self.judge.wire.writes > before and self.chance.random() < self.plan.deaths:
                life.die_after(self.chance.randint(1, _LONGEST_LIFE))

    def _answered(self, address: Address, connection: int, data: bytes) -> None:
        if address == ACCOUNTING:
            self.judge.wire.answered(connection, data)

    def _configured(self) -> Config:
        tms, accounting = (f"http://{host}:{port}" for host, port in (TMS, ACCOUNTING))
        vendors = {
            "alvys": {
                "api_url": tms,
                "token_url": f"{tms}{alvys.TOKEN_PATH}",
                "client_id": self.tms.client_id,
                "client_secret": self.tms.client_secret,
                "subsidiary": alvys.SUBSIDIARY,
                "subsidiary_id": alvys.SUBSIDIARY_IDS[alvys.SUBSIDIARY],
            },
            "quickbooks": {
                "api_url": accounting,
                "token_url": f"{accounting}/oauth2/v1/tokens/bearer",
                "realm_id": self.accounting.realm_id,
                "client_id": self.accounting.client_id,
                "client_secret": self.accounting.client_secret,
                "refresh_token": self.accounting.refresh_token,
            },
        }
        first = _MONTH - timedelta(days=40)
        return configured(self._place, first, vendors, relay__quiet_period=plans.QUIET, **self.plan.settings)

    @asynccontextmanager
    async def served(self) -> AsyncIterator[None]:
        """Serve both twins, with the daemon's surroundings in place."""
        with self.daemon.installed():
            for app, address in ((self.accounting.app(), ACCOUNTING), (self.tms.app(), TMS)):
                runner = web.AppRunner(app, access_log=None)
                await runner.setup()
                self.network.listen(address, runner.server)  # type: ignore[arg-type]
            yield
