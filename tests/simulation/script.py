"""A small world in which a script says what happens: a few loads, a few faults, and nothing by chance but the order."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from typing_extensions import override

from adapters.sandbox import alvys
from adapters.sandbox.quickbooks.faults import Fault
from tests.simulation.daemon import ACCOUNTING
from tests.simulation.disk import Connection
from tests.simulation.facts import Json
from tests.simulation.network import Address, Weather
from tests.simulation.plan import Plan
from tests.simulation.world import World

_LOADS: Final = 40  # of the month, of which some are neither planted problems nor otherwise unusual
_TAKEN_IN: Final = 90.0  # seconds until some loads are in the store
_REST: Final = 1800.0  # seconds in which all comes to rest
_LOOK: Final = 0.5  # seconds between two looks at whether something has come about

# A vendor that keeps no duplicate out by itself.
CARELESS: Final = {"request_id": "ignore", "duplicate_invoice_number": "stored"}

Story = Callable[["Script"], Awaitable[None]]


def scripted(*, life: tuple[int, int] = (3600, 86_400), read_every: int = 60, **switches: object) -> Plan:
    """Return the plan of a world in which nobody acts unless told; changes of the books are read every so often."""
    polls = {"alvys__poll_interval": 60, "quickbooks__poll_interval": read_every}
    budget = {"quickbooks__requests_per_second": 4}  # so that there is room for two daemons
    settings = {**polls, **budget, "relay__interval": 60, "relay__gather": 0}
    return Plan(loads=_LOADS, span=0.0, switches=CARELESS | switches, life=life, settings=settings)


class Script(World):
    """A world in which `story` is all that happens. `fatal` is how many steps the daemon lives on after a write."""

    def __init__(self, seed: int, plan: Plan, place: Path, *, story: Story) -> None:
        super().__init__(seed, plan, place)
        self.place = place
        self.patience = _REST
        self.fatal: int | None = None
        self._story = story
        unusual = {*self.month.planted.values(), *self.month.notable.values()}
        self.loads = [load["LoadNumber"] for load in self.month.loads if load["LoadNumber"] not in unusual]
        """The numbers of the ordinary loads."""

    @override
    async def happen(self) -> None:
        await asyncio.sleep(1)  # the daemon has a file by then
        await self._story(self)

    @override
    async def _mend(self) -> None:
        """End all faults and wait until nothing moves any more."""
        self.calm()
        await self.daemon.spare()
        if not self.daemon.alive:
            self.restart()
        await self._rest()

    # -- what a story can tell -----------------------------------------------------------------------------------

    def invoice(self, number: str) -> Json:
        """Return the invoice that will be written for a load."""
        return next(each for each in self.month.invoices if each["Number"] == number)

    def bill(self, *numbers: str) -> None:
        """Let loads and what they bill appear in the TMS."""
        for load in self.month.loads:
            if load["LoadNumber"] in numbers:
                self._billers.appear(load)

    async def backlog(self, loads: int) -> None:
        """Bill so many loads while accounting can't be reached and knows all their parties, until all of it waits."""
        self.daemon.kill()
        self.bad[ACCOUNTING] = Weather(refused=1.0)
        self.restart()
        for kind, parties in (("Customer", self.month.customers), ("Vendor", self.month.carriers)):
            for party in parties:
                with suppress(Fault):  # one that is there
                    self.accounting.company.create(kind, {"DisplayName": party.get("ExternalName") or party["Name"]})
        self.bill(*self.loads[:loads])
        await asyncio.sleep(_TAKEN_IN)

    def change(self, action: str, *arguments: str) -> None:
        """Let a biller do something in the TMS."""
        alvys.hands.ACTIONS[action](self.tms.books, *arguments)

    def spoil(self, action: str, match: str = "Invoice", **rule: Any) -> None:
        """Let a request to accounting go wrong: by default the next one that writes."""
        self.accounting.disruptions.arm([{"action": action, "match": match, "method": "POST", **rule}])

    def calm(self) -> None:
        """End all faults."""
        self.bad.clear()
        self.accounting.disruptions.clear()
        self.tms.faults.disarm()
        self.fatal = None

    def document(self, kind: str = "Invoice") -> Json | None:
        """Return the first live document of ours of a kind, or None."""
        documents = self.judge.books.documents.items()
        return next((each for (held, _), each in documents if held == kind and each["TotalAmt"]), None)

    def standing(self, phase: str) -> bool:
        """Whether some message stands in a phase."""
        return bool(self.daemon.look("SELECT 1 FROM messages WHERE phase = ?", phase))

    async def until(self, condition: Callable[[], object], seconds: float = 1200) -> None:
        """Wait until something has come about, or so many seconds."""
        end = self.loop.time() + seconds
        while not condition() and self.loop.time() < end:  # noqa: ASYNC110 - virtual time costs nothing
            await asyncio.sleep(_LOOK)

    async def settled(self) -> None:
        """Wait until something was sent, and nothing is on its way."""
        await self.until(lambda: self.judge.books.documents and not self.judge.waiting())

    def restart(self) -> None:
        """Start the daemon again, perhaps on another file."""
        self.judge.store.reset()
        self.daemon.start()

    @override
    def _committed(self, connection: Connection) -> None:
        self.judge.store.heard(connection.look)  # whoever's it is: two daemons make one history

    @override
    def _asked(self, address: Address, connection: int, data: bytes) -> None:
        before = self.judge.wire.writes
        super()._asked(address, connection, data)
        if self.fatal is not None and self.judge.wire.writes > before and self.daemon.life is not None:
            self.daemon.life.die_after(self.fatal)
