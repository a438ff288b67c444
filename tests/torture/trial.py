"""One world under torture: lives of the daemon, each ended on purpose, and the judgement at the end."""

import asyncio
import shutil
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import NamedTuple

import aiohttp
import msgspec

from tests.integration.stage import Stage, child, first_line
from tests.integration.twins import Json, Vendor, World
from tests.torture.archive import Archive
from tests.torture.figures import Figures
from tests.torture.gate import Call, Gate, Moment, Trap, gate
from tests.torture.judge import finish, finish_behind, judge_instant
from tests.torture.life import Console, Herald, Life, executed, forked
from tests.torture.people import People
from tests.torture.plan import Plan
from tests.torture.weather import calm, settle_climate, storm

# Seconds from ready until the awaited request comes, or the daemon dies without; and its start's time once more.
_PATIENCE = 0.4
_EXECUTED = 0.1  # the share of lives that begin with exec although a warm process is there
_STOPPED = 1.2  # seconds a stopped daemon sleeps: longer than it waits for an answer
_MANY = frozenset({Call.CREATE, Call.UPDATE, Call.READ, None})  # calls that come several at a time
# How often the torturers wait for which request; None is whatever comes.
_CALLS: dict[Call | None, int] = {
    Call.CREATE: 24,
    Call.UPDATE: 18,
    Call.BATCH: 12,
    Call.VOID: 14,
    Call.REPORT: 14,
    Call.TOKEN: 8,
    Call.PARTY: 2,
    Call.READ: 6,
    None: 6,
}
_DECIDED = {"RELAY_ROUNDS": "4"}  # an id used for something else before the copy was brought back leads nowhere
_KEPT = 0.15  # before so many lives a backup is made
_RESTORED = 0.15  # before so many lives the last backup is brought back
# Doubts are settled within one life, where it lasts; a late request travels for less than the quiet period.
_SPEED = {
    "ALVYS_OVERLAP": "2",
    "ALVYS_POLL_INTERVAL": "0.2",
    "QUICKBOOKS_BATCHES_PER_MINUTE": "10000",
    "QUICKBOOKS_OVERLAP": "2",
    "QUICKBOOKS_POLL_INTERVAL": "0.2",
    "RELAY_GATHER": "0",
    "RELAY_QUIET_PERIOD": "0.2",
    "RELAY_READ_PAUSE": "0.02",
    "RELAY_RETRY_BASE": "0.05",
    "RELAY_RETRY_CAP": "0.2",
    "RELAY_ROUNDS": "1000",
}
_IMPATIENT = {"ALVYS_TIMEOUT": "0.8", "QUICKBOOKS_TIMEOUT": "0.8"}
_LONGEST = 1.5  # seconds until a life ends that ends at random


@dataclass
class Trial:
    """A world, its people, and the daemon between gates."""

    place: Path
    stage: Stage
    world: World
    people: People
    accounting: Gate
    tms: Gate
    herald: Herald
    chance: Random
    figures: Figures
    settings: dict[str, str]
    plan: Plan
    warm: asyncio.subprocess.Process | None

    async def torture(self, lives: int) -> None:
        """End so many lives, then let the daemon finish, and judge."""
        await settle_climate(self.world, self.chance)
        await self.people.divide()
        if self.plan.stormy:
            await storm(self.world, self.chance)
        archive = Archive(self.place / "ledger.db")
        for number in range(lives):
            if self.plan.set_back:
                self._file(archive)
            await self._live(number)
        await calm(self.world)
        await self._connect()  # the last one may have died with the tokens, and nobody was told yet
        async with self.stage.daemon(self.world, **self.settings) as daemon:
            await (finish_behind if self.plan.set_back else finish)(daemon, self.world, self.people)
        self.figures.documents += len(await self.world.quickbooks.documents())
        self.figures.answered += self.accounting.passed + self.tms.passed

    def _file(self, archive: Archive) -> None:
        """At times bring the last backup of the store back, at times make another one."""
        if self.chance.random() < _RESTORED and archive.bring_back():
            self.figures.ends["set back"] += 1
        if self.chance.random() < _KEPT:
            archive.keep()

    async def _live(self, number: int) -> None:
        [end] = self.chance.choices(_ENDS, [each.share for each in _ENDS])
        [call] = self.chance.choices(list(_CALLS), list(_CALLS.values()))
        skip = self.chance.choice((0, 0, 1, 3)) if call in _MANY else 0
        trap = Trap(self.chance.choice(list(Moment)), call, skip)
        await self.people.work(call)
        log = self.place / f"life-{number}.log"
        environment = self.stage.environment(self.world, **{**self.settings, **end.settings})
        async with self._born(environment, log) as alive:
            await end.act(self, alive, trap)
        await self._look_back(alive)
        log.unlink()

    def _born(self, environment: dict[str, str], log: Path) -> AbstractAsyncContextManager[Life]:
        if self.warm is None or self.chance.random() < _EXECUTED:
            return executed(environment, self.herald, log)
        return forked(self.warm, environment, self.herald, log)

    async def _until_caught(self, alive: Life, trap: Trap) -> None:
        """Wait until the trap holds something, or nothing came of it in time."""
        self._set(trap)
        if start := await alive.ready():
            self.figures.starts.append(start)
        try:
            async with asyncio.timeout(_PATIENCE + alive.took), self._console() as session:
                await self.people.ask(Console(session, alive.url), trap.call)
                await trap.caught.wait()
        except TimeoutError:
            return

    def _console(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(headers={"Authorization": f"Bearer {self.stage.settings['token']}"})

    def _set(self, trap: Trap | None) -> None:
        self.tms.trap = self.accounting.trap = None
        if trap is not None and trap.call is Call.REPORT:
            self.tms.trap = trap
        else:
            self.accounting.trap = trap

    # -- ends ---------------------------------------------------------------------------------------------------

    async def _kill(self, alive: Life, end: str, trap: Trap | None) -> None:
        assert await alive.end(signal.SIGKILL) == -signal.SIGKILL
        if trap is not None:
            trap.let_go(alive=False)
        self.figures.ends[f"killed {end}"] += 1

    async def kill_at_random(self, alive: Life, _trap: Trap) -> None:
        """Kill at any time, be it before it is ready."""
        await asyncio.sleep(self.chance.uniform(0.0, _LONGEST))
        await self._kill(alive, "at random", None)

    async def kill_at_moment(self, alive: Life, trap: Trap) -> None:
        """Kill when the trap holds a request."""
        await self._until_caught(alive, trap)
        caught = trap.caught.is_set()
        await self._kill(alive, "at a moment" if caught else "at leisure", trap)
        if caught:
            self.figures.held[trap.held, trap.moment] += 1

    async def tell_to_stop(self, alive: Life, trap: Trap) -> None:
        """What is under way ends, and nothing of it is left in doubt."""
        await self._until_caught(alive, trap)
        alive.send(signal.SIGTERM)
        await asyncio.sleep(self.chance.uniform(0.0, 0.1))
        trap.let_go(alive=True)
        assert await alive.ended() == 0
        doubts = [line for line in alive.said('"outcome":"indoubt"') if "not found once" not in line]
        assert self.plan.stormy or self.plan.set_back or doubts == []  # but for those of earlier lives
        self.figures.ends["told to stop"] += 1

    async def stop_and_wake(self, alive: Life, trap: Trap) -> None:
        """It sleeps while its requests run out of time, wakes, goes on for a while, and is killed."""
        await self._until_caught(alive, trap)
        alive.send(signal.SIGSTOP)
        await asyncio.sleep(_STOPPED)
        trap.let_go(alive=True)
        alive.send(signal.SIGCONT)
        await asyncio.sleep(self.chance.uniform(0.0, 1.0))
        await self._kill(alive, "after a sleep", None)

    async def rival(self, alive: Life, trap: Trap) -> None:
        """A second daemon on the store refuses to start, and the first one does not notice."""
        await self._until_caught(alive, trap)
        code, said = await self.stage.refused(self.world, **self.settings)
        assert code == 1
        assert "owned by" in said
        await self._kill(alive, "after a rival", trap)

    # -- afterwards ---------------------------------------------------------------------------------------------

    async def _look_back(self, alive: Life) -> None:
        """Judge a life that is over; connect the company again if the tokens were lost with it."""
        self._set(None)
        assert alive.complaints() == []
        await judge_instant(self.world)
        if alive.said("vendor.refused_us"):
            await self._connect()

    async def _connect(self) -> None:
        """Connect the company again, as a person does who was told that access has ended."""
        self.settings["QUICKBOOKS_REFRESH_TOKEN"] = await self.world.quickbooks.act("connect")
        self.figures.reconnected += 1

    async def evidence(self) -> None:
        """Write down both twins' books, for whoever looks into a failure."""
        for name, vendor in (("quickbooks", self.world.quickbooks), ("alvys", self.world.alvys)):
            content = msgspec.json.encode(await vendor.books())
            (self.place / f"{name}.json").write_bytes(msgspec.json.format(content))


class _End(NamedTuple):
    """A way a life ends: how often of a hundred, and with which settings of the daemon."""

    act: Callable[[Trial, Life, Trap], Awaitable[None]]
    share: int
    settings: Mapping[str, str] = {}


_ENDS = (
    _End(Trial.kill_at_moment, 82),
    _End(Trial.kill_at_random, 10),
    _End(Trial.tell_to_stop, 4),
    _End(Trial.stop_and_wake, 3, _IMPATIENT),
    _End(Trial.rival, 1),
)


@asynccontextmanager
async def trial(place: Path, plan: Plan, figures: Figures, *, warm: bool) -> AsyncIterator[Trial]:
    """Make a world and everything a torture needs; what is left of one that failed stays in `place`."""
    await asyncio.to_thread(_clear, place)
    stage, chance = Stage(place), Random(plan.seed)
    plot = ["--month", f"{stage.month:%Y-%m}", "--seed", str(plan.seed), "--loads", str(plan.loads)]
    async with AsyncExitStack() as open_:
        process = await open_.enter_async_context(child(["tests.torture.sandbox", *plot], {}, place / "sandbox.log"))
        facts = await first_line(process)
        session = await open_.enter_async_context(aiohttp.ClientSession())
        world = World(
            Vendor(session, facts["quickbooks"]),
            Vendor(session, facts["alvys"]),
            facts["planted"],
            facts["subsidiary"],
            facts["subsidiary_id"],
        )
        accounting = await open_.enter_async_context(gate(facts["quickbooks"]["api_url"]))
        tms = await open_.enter_async_context(gate(facts["alvys"]["api_url"]))
        through = _through("QUICKBOOKS", facts["quickbooks"], accounting) | _through("ALVYS", facts["alvys"], tms)
        herald = open_.enter_context(Herald())
        people = People(world, chance, stage.month)
        nursery = child(["tests.torture.warm"], {}, place / "warm.log") if warm else nullcontext()
        born_by = await open_.enter_async_context(nursery)
        held = Trial(
            place,
            stage,
            world,
            people,
            accounting,
            tms,
            herald,
            chance,
            figures,
            _SPEED | through | {"RELAY_CONCURRENCY": str(plan.workers)} | (_DECIDED if plan.set_back else {}),
            plan,
            born_by,
        )
        try:
            yield held
        except BaseException:
            await held.evidence()
            raise
    shutil.rmtree(place)


def _clear(place: Path) -> None:
    """Make a directory, or make it empty."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)


def _through(section: str, facts: Json, gate_: Gate) -> dict[str, str]:
    """Return the settings that send the daemon through a gate."""
    return {
        f"{section}_{name}".upper(): facts[name].replace(facts["api_url"], gate_.url)
        for name in ("api_url", "token_url")
    }
