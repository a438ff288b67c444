"""One company of the tenant's for a month: both twins and its daemon in one loop of virtual time."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
from aiohttp import web

from adapters.sandbox import alvys, quickbooks
from tests.month import company
from tests.month.booking import Lists, Outcome, booked, closed_until
from tests.month.books import FORMS, Books, key_of
from tests.month.choices import FIRST_DAY, SINCE, Choices
from tests.month.comparison import differences
from tests.month.expense import expense, lasts
from tests.month.figures import Key
from tests.month.purchases import purchases
from tests.month.revenue import revenue
from tests.month.statements import statements
from tests.month.tenant import Tenant
from tests.simulation.daemon import ACCOUNTING, ADMIN, PASSWORD, TMS, Daemon, configured, epoch_after
from tests.simulation.disk import Disk
from tests.simulation.loop import Loop
from tests.simulation.network import Address, Network
from tests.simulation.watch_wire import Request, parsed

_LOOK: Final = 900.0  # seconds between two looks whether anything still moves
_CALM: Final = 5  # looks without any change, longer than the slowest of the daemon's own
_PATIENCE: Final = 48 * 3600.0
_PACE: Final = {
    "alvys__poll_interval": 600,
    "alvys__statement_interval": 600,
    "alvys__purchase_interval": 600,
    "quickbooks__poll_interval": 600,
    "relay__interval": 120,
}
_ROUTES: Final = (revenue, expense, statements, purchases)
_DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)
_BUGS: Final = ("loop.broke", "message.broke", "source.broke", "http.failed")


def decoded(body: bytes) -> Any:
    """Return JSON with its numbers exact."""
    return _DECODER.decode(body)


class Office:
    """A legal entity: its daemon, its company file, and the TMS. `place` holds the daemon's database."""

    def __init__(  # what there is before it opens
        self,
        month: alvys.Month,
        choices: Choices,
        place: Path,
        *,
        seed: int = 1,
        prepare: Callable[[quickbooks.Company], None] = lambda _: None,
        switches: alvys.Switches = alvys.Switches(),  # noqa: B008 - frozen
    ) -> None:
        self.choices = choices
        self.loop = Loop(seed)
        self._network = Network(self.loop)
        self._network.asked = self._asked
        self._wire: dict[int, bytes] = {}
        self.sent: dict[Key, list[bytes]] = {}
        """The documents that were sent, byte for byte: what a preview has to equal."""
        self._epoch = epoch_after(FIRST_DAY)
        self._place = place
        self.accounting = quickbooks.QuickBooksSandbox(clock=self._now, seed=seed)
        self.tms = alvys.AlvysSandbox(clock=self._now, month=month, switches=switches)
        company.seed(self.accounting.company, month)
        prepare(self.accounting.company)
        self.daemon = Daemon(self.loop, self._network, Disk(self.loop, lambda _: None), self._configured(), self._epoch)
        self.complaints: list[str] = []
        self._before = Lists.of(self.accounting.company)
        self._last: dict[Key, Outcome] = {}

    # --- what happens --------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Let the daemon work inside."""
        with self.daemon.installed():
            for app, address in ((self.accounting.app(), ACCOUNTING), (self.tms.app(), TMS)):
                runner = web.AppRunner(app, access_log=None)
                await runner.setup()
                self._network.listen(address, runner.server)  # type: ignore[arg-type]
            self.daemon.start()
            yield
            await self.daemon.stop()
        self.complaints += [f"the daemon ended: {error!r}" for error in self.daemon.ended]

    async def rest(self) -> None:
        """Wait until nothing moves any more; raises TimeoutError if that never comes."""
        async with asyncio.timeout(_PATIENCE):
            seen, calm = self._moved(), 0
            while calm < _CALM:
                await asyncio.sleep(_LOOK)
                now = self._moved()
                calm, seen = (calm + 1 if now == seen else 0), now

    async def ask(self, method: str, path: str, body: object = None) -> Any:
        """Ask the daemon as a person does."""
        headers = {"Authorization": f"Bearer {PASSWORD}"}
        url = f"http://{ADMIN[0]}:{ADMIN[1]}/admin/v1/{path}"
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.request(method, url, json=body) as answer,
        ):
            answer.raise_for_status()
            return decoded(await answer.read())

    async def hold(self) -> None:
        """Let nothing leave, from as soon as the daemon answers."""
        while True:
            try:
                await self.ask("POST", "pause", {"reason": "to look at what would be sent"})
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(1)
            else:
                return

    def heard(self, event: dict[str, Any]) -> None:
        """Hear a line of the daemon's log."""
        if event["event"] in _BUGS:
            self.complaints.append(f"{event!r}")

    # --- what came of it -----------------------------------------------------------------------------------------

    def wanted(self) -> dict[Key, Outcome]:
        """Compute what the books must hold, from what the TMS shows now and what was billed at the look before."""
        tenant, choices = Tenant(self.tms), self.choices
        drafts = (draft for route in _ROUTES for draft in route(tenant, choices))
        now = booked(drafts, choices, replace(self._before, closed=closed_until(self.accounting.company)))
        self._last = {key: each for key, each in self._last.items() if lasts(key, tenant, now)} | now
        return self._last

    def books(self) -> Books:
        """Read what the books hold."""
        return Books(self.accounting.company)

    def refused(self) -> dict[Key, str]:
        """Return what the daemon's store holds without a document, and why."""
        rows = self.daemon.look(
            "SELECT kind, source_id, state, problem_code FROM transactions WHERE state IN ('error', 'pending')"
        )
        return {Key(kind, source): code if state == "error" else "waits" for kind, source, state, code in rows}

    def differences(self) -> list[str]:
        """Compare all of it, and say what differs."""
        return [*self.complaints, *differences(self.wanted(), self.books(), self.refused())]

    # --- how it hangs together -----------------------------------------------------------------------------------

    def _now(self) -> datetime:
        return self._epoch + timedelta(seconds=self.loop.time())

    def _asked(self, address: Address, connection: int, data: bytes) -> None:
        """Hear what the daemon writes to accounting, and keep the documents of it."""
        data = self._wire.pop(connection, b"") + data
        request = parsed(data) if address == ACCOUNTING else None
        if request is None:
            self._wire[connection] = data if address == ACCOUNTING else b""
        elif request.method == "POST":
            for body in _written(request):
                if key := key_of(msgspec.json.decode(body)):
                    self.sent.setdefault(key, []).append(body)

    def _moved(self) -> tuple[Any, ...]:
        (moves,) = self.daemon.look("SELECT count(*) FROM history") or [(0,)]
        phases = Counter(self.daemon.look("SELECT effect, phase FROM messages"))
        return (moves, phases)

    def _configured(self) -> Any:
        tms, accounting = (f"http://{host}:{port}" for host, port in (TMS, ACCOUNTING))
        vendors = {
            "alvys": {
                "api_url": tms,
                "token_url": f"{tms}{alvys.TOKEN_PATH}",
                "client_id": self.tms.client_id,
                "client_secret": self.tms.client_secret,
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
        return configured(self._place, SINCE, vendors, **_PACE, **self.choices.configuration())


def _written(request: Request) -> Iterator[bytes]:
    """Yield the documents of a request as they stand in it."""
    path = request.path.rpartition("/")[2]
    if path in {form.lower() for form in FORMS}:
        yield request.body
    elif path == "batch":
        items = msgspec.json.decode(request.body, type=dict[str, list[dict[str, msgspec.Raw]]])
        for item in items["BatchItemRequest"]:
            yield from (bytes(item[form]) for form in FORMS if form in item)
