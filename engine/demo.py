"""The demo: a month of freight through both sandboxes and the real daemon, and the books compared at the end.

Three processes, as in life: the sandbox plays both vendors, the daemon is the one that ships, and this one plays the
accountant who pays, watches, and compares. A demo that was killed goes on where it stopped.
"""

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, Self

import aiohttp
import anyio
import msgspec
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream
from rich.console import Console

from engine import screen
from engine.client import Admin
from engine.web.auth import new_token

_PATIENCE = 80.0  # seconds until a demo that makes no progress gives up
_FAREWELL = 25.0  # seconds a child has to end in order
_GLANCE = 0.5  # seconds between two looks
_PLANTED = {
    "number_taken": "number_taken",
    "period_closed": "period_closed",
    "mapping_missing": "mapping_missing",
    "name_taken": "party_name_taken",
}
_DECIMALS = msgspec.json.Decoder(float_hook=Decimal)

# How the demo's charges are booked; accessorials have no default, so one that is not named is refused.
_MAPPING = """
[mapping.revenue]
linehaul = "Linehaul"
fuel_surcharge = "Fuel Surcharge"
Detention = "Detention"
Lumper = "Lumper"
Layover = "Layover"
TONU = "TONU"
"Stop-Off" = "Stop-Off"
Tarp = "Tarp"

[mapping.expense]
linehaul = "Purchased Transportation"
fuel_surcharge = "Fuel Surcharge Paid"
accessorial = "Accessorials Paid"
echeck = "Carrier Advances"
"""


class DemoFailed(Exception):  # noqa: N818 - named for what happened
    """The demo could not be run; the message says why."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Our store beside the sandbox's own books."""

    ours: int
    theirs: int
    missing: tuple[str, ...]  # exported or paid with us, not in the books
    doubled: tuple[str, ...]  # more than one document in the books
    unequal: tuple[str, ...]  # amount or open balance differs
    unplanted: tuple[str, ...]  # a planted problem that was not found as such

    @property
    def sound(self) -> bool:
        """Whether both sides agree and every planted problem was named."""
        return not (self.missing or self.doubled or self.unequal or self.unplanted)


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
        with _workplace(self._directory) as (place, resumed):
            self._console.print(_greeting(place, resumed=resumed))
            async with self._sandbox(place) as vendors, self._daemon(place, vendors) as daemon:
                sound = await self._story(vendors, *daemon)
            (place / "finished").touch()
        return sound

    async def _story(self, vendors: dict[str, Any], admin: Admin, url: str, token: str) -> bool:
        """Let the month be exported, pay some of it, wait until that is known, and compare."""
        books = Books(vendors)
        async with books:
            with screen.progress(self._console) as show:
                await admin.ready(_PATIENCE)
                await self._until(admin, show, _exported, "exporting the month")
                paid = await Accountant(books).pay()
                await self._until(admin, show, lambda now: _settled(now, paid), "waiting for payments to be seen")
            mine = await _everything(admin)
            comparison = compare(mine, await books.documents(), vendors["planted"])
            screen.show_summary(self._console, await admin.get("summary"), mine, comparison)
            if self._keep:
                screen.show_addresses(self._console, url, token, vendors)
                with contextlib.suppress(KeyboardInterrupt):
                    await anyio.sleep_forever()
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

    # -- the other two processes ------------------------------------------------------------------------------

    @asynccontextmanager
    async def _sandbox(self, place: Path) -> AsyncIterator[dict[str, Any]]:
        """Run both vendors' sandboxes; their books outlive a killed demo."""
        arguments = ["--month", f"{_month():%Y-%m}", "--seed", str(self._seed), "--loads", str(self._loads)]
        arguments += ["--directory", str(place / "sandbox"), "--alvys-rate", "240", "--until-stdin-closes"]
        with (place / "sandbox.log").open("ab") as log:
            command = [sys.executable, "-m", "adapters.sandbox", *arguments]
            async with _child(command, log, {}) as child:
                yield await _announcement(child, "the sandbox")

    @asynccontextmanager
    async def _daemon(self, place: Path, vendors: dict[str, Any]) -> AsyncIterator[tuple[Admin, str, str]]:
        """Run the daemon against the sandboxes, as a person would who has an operator's token."""
        token, digest = new_token()
        settings = place / "loadledger.toml"
        settings.write_text(_settings(place, vendors, digest))
        secrets = {
            "LOADLEDGER_CONFIG": str(settings),
            "LOADLEDGER_ALVYS_CLIENT_SECRET": vendors["alvys"]["client_secret"],
            "LOADLEDGER_QUICKBOOKS_CLIENT_SECRET": vendors["quickbooks"]["client_secret"],
            "LOADLEDGER_QUICKBOOKS_REFRESH_TOKEN": vendors["quickbooks"]["refresh_token"],
        }
        with (place / "daemon.log").open("ab") as log:
            command = [sys.executable, "-m", "engine.cli", "run", "--die-with-parent", "--announce"]
            async with _child(command, log, secrets) as child:
                url = (await _announcement(child, "the daemon"))["url"]
                async with Admin(url, token) as admin:
                    yield admin, url, token


class Books:
    """The sandbox's own accounting books, read and written the way its people do: past every API."""

    def __init__(self, vendors: dict[str, Any]) -> None:
        self._url = vendors["quickbooks"]["api_url"]

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._session.close()

    async def documents(self) -> list[dict[str, Any]]:
        """Return every invoice and bill: kind, id, number, total, balance, note and whether payments touch it."""
        async with self._session.get(f"{self._url}/_sandbox/documents") as response:
            documents: list[dict[str, Any]] = _DECIMALS.decode(await response.read())
            return documents

    async def act(self, action: str, **arguments: object) -> None:
        """Do what a person can do in accounting; raise DemoFailed if the books refuse."""
        body = msgspec.json.encode(arguments)
        async with self._session.post(f"{self._url}/_sandbox/hands/{action}", data=body) as response:
            if not response.ok:
                raise DemoFailed(f"the sandbox's books refused {action}: {(await response.text())[:200]}")


class Accountant:
    """Pays some invoices and bills in full and one of each in part; the same ones every time."""

    def __init__(self, books: Books) -> None:
        self._books = books

    async def pay(self) -> dict[str, int]:
        """Pay, and return how many documents are then paid in full, by kind, and how many in part."""
        ours = [each for each in await self._books.documents() if _ours(each)]
        outcome = {"full": 0, "part": 0}
        for kind in ("invoice", "bill"):
            payable = sorted((each for each in ours if each["kind"] == kind and each["total"] > 0), key=_number)
            for position, document in enumerate(payable[::4]):
                part = position == 0
                outcome["part" if part else "full"] += 1
                if document["balance"] == document["total"]:
                    await self._pay(kind, document, part=part)
        return outcome

    async def _pay(self, kind: str, document: dict[str, Any], *, part: bool) -> None:
        amount = (document["total"] / 3).quantize(Decimal("0.01")) if part else document["total"]
        key = "invoice_id" if kind == "invoice" else "bill_id"
        reference = f"ACH {document['number']}"[:21]
        await self._books.act(f"pay_{kind}", **{key: document["id"]}, amount=str(amount), reference=reference)


def compare(mine: list[dict[str, Any]], documents: list[dict[str, Any]], planted: dict[str, str]) -> Comparison:
    """Hold every transaction against the books, and every document with our marker against the transactions."""
    held = {(_FORM[each["kind"]], each["document"]["id"]): each for each in mine if each["document"]}
    marked = {(each["kind"], each["id"]): each for each in documents if _ours(each) and each["total"]}
    unbooked = [each for each in mine if each["state"] in {"exported", "paid"} and not each["document"]]
    return Comparison(
        ours=len(held) + len(unbooked),
        theirs=len(marked),
        missing=_names([*unbooked, *(held[key] for key in held.keys() - marked.keys())]),
        doubled=_names(marked[key] for key in marked.keys() - held.keys()),
        unequal=_names(held[key] for key in held.keys() & marked.keys() if _differs(held[key], marked[key])),
        unplanted=tuple(sorted(name for name, load in planted.items() if not _found(name, load, mine))),
    )


_FORM = {"customer_invoice": "invoice", "carrier_bill": "bill"}


def _names(each: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(sorted(f"{_FORM.get(one['kind'], one['kind'])} {one['number']}" for one in each))


def _ours(document: dict[str, Any]) -> bool:
    return "loadledger" in document["note"]


def _differs(transaction: dict[str, Any], document: dict[str, Any]) -> bool:
    total, paid = Decimal(transaction["total"]["amount"]), Decimal(transaction["paid"]["amount"])
    return (total, total - paid) != (document["total"], document["balance"])


def _found(name: str, load: str, mine: list[dict[str, Any]]) -> bool:
    return any(
        each["label"] == load and each["state"] == "error" and each["problem"]["code"] == _PLANTED[name]
        for each in mine
    )


def _number(document: dict[str, Any]) -> str:
    return str(document["number"])


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


# -- places and processes ---------------------------------------------------------------------------------------


@contextlib.contextmanager
def _workplace(wanted: Path | None) -> Iterator[tuple[Path, bool]]:
    """Yield a directory that is ours alone, and whether an unfinished demo was found in it."""
    place = wanted or _default_place()
    place.mkdir(parents=True, exist_ok=True)
    lock = os.open(place / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise DemoFailed(f"another demo runs in {place}; use --directory for a second one") from error
        if (place / "finished").exists():
            _clear(place)
        yield place, (place / "sandbox").exists()
    finally:
        os.close(lock)


def _default_place() -> Path:
    """Return where demos of this user live; a directory that survives the process, so that a demo can go on."""
    state = os.environ.get("XDG_STATE_HOME", "")
    home = Path(state) if state else Path.home() / ".local" / "state"
    place = home / "loadledger" / "demo"
    with contextlib.suppress(OSError):
        place.mkdir(parents=True, exist_ok=True)
    return place if os.access(place, os.W_OK) else Path(tempfile.gettempdir()) / f"loadledger-demo-{os.getuid()}"


def _clear(place: Path) -> None:
    for entry in place.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        elif entry.name != "lock":
            entry.unlink()


@asynccontextmanager
async def _child(command: list[str], log: IO[bytes], environment: dict[str, str]) -> AsyncIterator[Process]:
    """Run a child that ends with us: at the end of this block, or when this process dies and its pipe closes."""
    process = await anyio.open_process(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        env=_environment(environment),
        start_new_session=True,  # Ctrl-C is for this process, which ends its children in order
    )
    try:
        yield process
    finally:
        with anyio.CancelScope(shield=True):
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            with anyio.move_on_after(_FAREWELL) as patience:
                await process.wait()
            if patience.cancelled_caught:
                process.kill()
            await process.aclose()


def _environment(ours: dict[str, str]) -> dict[str, str]:
    """Return this process's environment without what a person set up for another daemon, and with ours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LOADLEDGER_")}
    return kept | ours


async def _announcement(child: Process, who: str) -> dict[str, Any]:
    """Return the line of JSON a child prints once it is ready."""
    assert child.stdout is not None  # noqa: S101 - it was opened as a pipe
    try:
        with anyio.fail_after(_PATIENCE):
            line = await BufferedByteReceiveStream(child.stdout).receive_until(b"\n", 65536)
    except (anyio.IncompleteRead, TimeoutError) as error:
        raise DemoFailed(f"{who} did not start; see its log in the demo's directory") from error
    announced: dict[str, Any] = msgspec.json.decode(line)
    return announced


def _settings(place: Path, vendors: dict[str, Any], digest: str) -> str:
    """Return the demo's configuration: an ordinary one, with short intervals."""
    tms, accounting = vendors["alvys"], vendors["quickbooks"]
    values = {
        "": {
            "entity": "demo",
            "database": str(place / "loadledger.db"),
            "first_date": (_month() - timedelta(days=40)).isoformat(),
        },
        "http": {"listen": "127.0.0.1:0"},
        "alvys": {
            "api_url": tms["api_url"],
            "token_url": tms["token_url"],
            "client_id": tms["client_id"],
            "subsidiary": vendors["subsidiary"],
            "requests_per_minute": 240,
            "poll_interval": 5,
        },
        "quickbooks": {
            "api_url": accounting["api_url"],
            "token_url": accounting["token_url"],
            "client_id": accounting["client_id"],
            "realm_id": accounting["realm_id"],
            "poll_interval": 2,
            "overlap": 60,
        },
        "relay": {"interval": 1, "quiet_period": 3, "read_pause": 1},
    }
    sections = [
        "\n".join(([f"[{name}]"] if name else []) + [f"{key} = {_toml(value)}" for key, value in section.items()])
        for name, section in values.items()
    ]
    token = f'[[http.tokens]]\nname = "demo"\nrole = "operator"\nhash = "{digest}"'
    return "\n\n".join([*sections, token, _MAPPING.strip()]) + "\n"


def _toml(value: object) -> str:
    """Return a value as TOML; JSON strings and numbers are TOML too."""
    return msgspec.json.encode(value).decode()


def _month() -> date:
    """Return the first day of the last whole month, in the reader's calendar."""
    return (datetime.now().astimezone().date().replace(day=1) - timedelta(days=1)).replace(day=1)


def _greeting(place: Path, *, resumed: bool) -> str:
    if resumed:
        return f"Going on with the demo that was interrupted in {place}."
    return f"A month of freight, {_month():%B %Y}, in {place}."
