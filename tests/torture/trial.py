"""One world under torture: lives of the daemon, each ended on purpose, and the judgement at the end."""

import asyncio
import shutil
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from random import Random

import aiohttp
import msgspec

from tests.integration.stage import Daemon, Stage, child, first_line
from tests.integration.twins import Vendor, World, until
from tests.torture.figures import Figures
from tests.torture.gate import Call, Gate, Moment, Trap, gate
from tests.torture.life import Console, Herald, Life, executed, forked
from tests.torture.people import People, marked

LOADS = 24  # in a world: few, so that each look at the books is quick
_PATIENCE = 0.5  # seconds from ready until the awaited request comes, or the daemon dies without
_EXECUTED = 0.1  # the share of lives that begin with exec although a warm process is there
_STOPPED = 1.2  # seconds a stopped daemon sleeps: longer than it waits for an answer
_MANY = frozenset({Call.CREATE, Call.UPDATE, Call.READ, None})  # calls that come several at a time
# How often the torturers wait for which request; None is whatever comes.
_CALLS: tuple[tuple[Call | None, int], ...] = (
    (Call.CREATE, 28),
    (Call.UPDATE, 22),
    (Call.VOID, 14),
    (Call.REPORT, 14),
    (Call.TOKEN, 8),
    (Call.PARTY, 2),
    (Call.READ, 6),
    (None, 6),
)
# How often they do what to the daemon.
_ENDS = (("at a moment", 82), ("at random", 10), ("told to stop", 4), ("stopped and woken", 3), ("rivalled", 1))
_REPEATS = ("replay", "ignore", "fault600")  # what accounting makes of a request id it knows
# Doubts are settled within one life, where it lasts; a late request travels for less than the quiet period.
_SPEED = {
    "ALVYS_OVERLAP": "2",
    "ALVYS_POLL_INTERVAL": "0.2",
    "QUICKBOOKS_OVERLAP": "2",
    "QUICKBOOKS_POLL_INTERVAL": "0.2",
    "RELAY_QUIET_PERIOD": "0.15",
    "RELAY_READ_PAUSE": "0.02",
    "RELAY_RETRY_BASE": "0.05",
    "RELAY_RETRY_CAP": "0.2",
    "RELAY_ROUNDS": "1000",
}
_IMPATIENT = {"ALVYS_TIMEOUT": "0.8", "QUICKBOOKS_TIMEOUT": "0.8"}


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
    warm: asyncio.subprocess.Process | None

    async def torture(self, lives: int) -> None:
        """End so many lives, then let the daemon finish, and judge."""
        await self.world.quickbooks.switch(voided_number="free", request_id=self.chance.choice(_REPEATS))
        await self.people.divide()
        for number in range(lives):
            await self._live(number)
        await self._finish()

    async def _live(self, number: int) -> None:
        [end] = self.chance.choices([end for end, _ in _ENDS], [share for _, share in _ENDS])
        [call] = self.chance.choices([call for call, _ in _CALLS], [share for _, share in _CALLS])
        skip = self.chance.choice((0, 0, 1, 3)) if call in _MANY else 0
        trap = Trap(self.chance.choice(list(Moment)), call, skip)
        await self.people.work(call)
        log = self.place / f"life-{number}.log"
        environment = self.stage.environment(self.world, **self.settings, **_IMPATIENT if "woken" in end else {})
        async with self._born(environment, log) as alive:
            if end == "at random":
                await asyncio.sleep(self.chance.uniform(0.0, 1.5))
                await self._kill(alive, end, None)
            else:
                await self._until_caught(alive, trap)
                await self._ends[end](self, alive, trap)
        await self._look_back(alive)
        log.unlink()

    def _born(self, environment: dict[str, str], log: Path) -> AbstractAsyncContextManager[Life]:
        if self.warm is None or self.chance.random() < _EXECUTED:
            return executed(environment, self.herald, log)
        return forked(self.warm, environment, self.herald, log)

    async def _until_caught(self, alive: Life, trap: Trap) -> None:
        """Wait until the trap holds something, or nothing came of it in time."""
        self._set(trap)
        took = await alive.ready()
        if alive.executed:
            self.figures.starts.append(took)
        try:
            async with asyncio.timeout(_PATIENCE), self._console() as session:
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

    async def _kill_at_moment(self, alive: Life, trap: Trap) -> None:
        caught = trap.caught.is_set()
        await self._kill(alive, "at a moment" if caught else "at leisure", trap)
        if caught:
            self.figures.held[trap.held, trap.moment] += 1

    async def _tell_to_stop(self, alive: Life, trap: Trap) -> None:
        """What is under way ends, and nothing of it is left in doubt."""
        alive.send(signal.SIGTERM)
        await asyncio.sleep(self.chance.uniform(0.0, 0.1))
        trap.let_go(alive=True)
        assert await alive.ended() == 0
        doubts = [line for line in alive.said('"outcome":"indoubt"') if "not found once" not in line]
        assert doubts == []  # but for those of earlier lives
        self.figures.ends["told to stop"] += 1

    async def _stop_and_wake(self, alive: Life, trap: Trap) -> None:
        """It sleeps while its requests run out of time, wakes, goes on for a while, and is killed."""
        alive.send(signal.SIGSTOP)
        await asyncio.sleep(_STOPPED)
        trap.let_go(alive=True)
        alive.send(signal.SIGCONT)
        await asyncio.sleep(self.chance.uniform(0.0, 1.0))
        await self._kill(alive, "after a sleep", None)

    async def _rival(self, alive: Life, trap: Trap) -> None:
        """A second daemon on the store refuses to start, and the first one does not notice."""
        code, said = await self.stage.refused(self.world, **self.settings)
        assert code == 1
        assert "owned by" in said
        await self._kill(alive, "after a rival", trap)

    _ends = {
        "at a moment": _kill_at_moment,
        "told to stop": _tell_to_stop,
        "stopped and woken": _stop_and_wake,
        "rivalled": _rival,
    }

    # -- judgement ----------------------------------------------------------------------------------------------

    async def _look_back(self, alive: Life) -> None:
        """Judge after each life what must hold at every instant; connect the company again if its tokens are lost."""
        self._set(None)
        assert alive.complaints() == []
        await self._judge_singles()
        if alive.said("vendor.refused_us"):
            token = await self.world.quickbooks.act("connect")
            self.settings["QUICKBOOKS_REFRESH_TOKEN"] = token
            self.figures.reconnected += 1

    async def _judge_singles(self) -> None:
        """Nothing of the TMS has two living documents."""
        living = Counter(marked(each["note"]) for each in await self.world.quickbooks.documents())
        assert [source for source, count in living.items() if count > 1] == []

    async def _finish(self) -> None:
        """Let one daemon come to rest and judge everything."""
        async with self.stage.daemon(self.world, **self.settings) as daemon:
            await self._rest(daemon)
            await self.people.tidy(daemon)
            await self._rest(daemon)
            while await self.people.pay_all():
                await self._rest(daemon)
            everything = await daemon.everything()
        planted = set(self.world.planted.values())
        unexplained = [each for each in everything if each["state"] == "error" and each["label"] not in planted]
        assert unexplained == []
        await self.world.judge()
        await self._judge_singles()
        assert await self.people.told_wrongly() == []
        self.figures.documents += len(await self.world.quickbooks.documents())
        self.figures.answered += self.accounting.passed + self.tms.passed

    async def _rest(self, daemon: Daemon) -> None:
        """Wait until the daemon has seen everything and nothing waits."""
        for loop in ("intake", "payments", "relay"):
            await daemon.passed(loop)

        async def idle() -> bool:
            return all(each["phase"] == "dead" for each in (await daemon.get("summary"))["messages"])

        await until(idle, "an outbox that holds nothing")

    async def evidence(self) -> None:
        """Write down both twins' books, for whoever looks into a failure."""
        for name, vendor in (("quickbooks", self.world.quickbooks), ("alvys", self.world.alvys)):
            content = msgspec.json.encode(await vendor.books())
            (self.place / f"{name}.json").write_bytes(msgspec.json.format(content))


@asynccontextmanager
async def trial(place: Path, seed: int, figures: Figures, *, warm: bool) -> AsyncIterator[Trial]:
    """Make a world and everything a torture needs; what is left of one that failed stays in `place`."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    stage, chance = Stage(place), Random(seed)
    plot = ["--month", f"{stage.month:%Y-%m}", "--seed", str(seed), "--loads", str(LOADS)]
    async with AsyncExitStack() as open_:
        process = await open_.enter_async_context(child(["tests.torture.sandbox", *plot], {}, place / "sandbox.log"))
        facts = await first_line(process)
        session = await open_.enter_async_context(aiohttp.ClientSession())
        world = World(
            Vendor(session, facts["quickbooks"]), Vendor(session, facts["alvys"]), facts["planted"], facts["subsidiary"]
        )
        accounting = await open_.enter_async_context(gate(facts["quickbooks"]["api_url"]))
        tms = await open_.enter_async_context(gate(facts["alvys"]["api_url"]))
        settings = {
            **_SPEED,
            "QUICKBOOKS_API_URL": accounting.url,
            "QUICKBOOKS_TOKEN_URL": facts["quickbooks"]["token_url"].replace(
                facts["quickbooks"]["api_url"], accounting.url
            ),
            "ALVYS_API_URL": tms.url,
            "ALVYS_TOKEN_URL": facts["alvys"]["token_url"].replace(facts["alvys"]["api_url"], tms.url),
        }
        herald = open_.enter_context(Herald())
        people = People(world, chance, stage.month)
        nursery = child(["tests.torture.warm"], {}, place / "warm.log") if warm else nullcontext()
        born_by = await open_.enter_async_context(nursery)
        held = Trial(place, stage, world, people, accounting, tms, herald, chance, figures, settings, born_by)
        try:
            yield held
        except BaseException:
            await held.evidence()
            raise
    shutil.rmtree(place)
