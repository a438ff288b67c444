"""The daemon as it ships and the sandbox, each a process of its own, and what a person can see and do of both."""

import asyncio
import os
import secrets
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from engine.web.auth import new_token
from tests.integration.twins import PATIENCE, Json, Vendor, World, decode, until

ROOT = Path(__file__).parents[2]
LOADS = 12
# Compiled once for all: a tree without compiled files makes each start of a process twice as slow.
BYTECODE = {"PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir()) / f"loadledger-bytecode-{os.getuid()}")}
_REVENUE = {name: name for name in ("Detention", "Lumper", "Layover", "TONU", "Stop-Off", "Tarp")}
REVENUE = {"linehaul": "Linehaul", "fuel_surcharge": "Fuel Surcharge", **_REVENUE}
EXPENSE = {
    "linehaul": "Purchased Transportation",
    "fuel_surcharge": "Fuel Surcharge Paid",
    "accessorial": "Accessorials Paid",
    "echeck": "Carrier Advances",
}
HASTE = {
    "ALVYS_POLL_INTERVAL": "0.25",
    "ALVYS_REQUESTS_PER_MINUTE": "100000",
    "ALVYS_TIMEOUT": "8",
    "QUICKBOOKS_POLL_INTERVAL": "0.25",
    "QUICKBOOKS_REQUESTS_PER_MINUTE": "100000",
    "QUICKBOOKS_REQUESTS_PER_SECOND": "2000",
    "QUICKBOOKS_PREFERENCES_REFRESH": "0.5",
    "QUICKBOOKS_REFERENCE_REFRESH": "0.5",
    "QUICKBOOKS_TIMEOUT": "8",
    "RELAY_GATHER": "0",
    "RELAY_INTERVAL": "0.25",
    "RELAY_QUIET_PERIOD": "0.6",
    "RELAY_READ_PAUSE": "0.1",
    "RELAY_RETRY_BASE": "0.2",
    "RELAY_RETRY_CAP": "0.5",
}


def last_month(today: date) -> date:
    """Return the first day of the month before."""
    return (today.replace(day=1) - timedelta(days=1)).replace(day=1)


@dataclass
class Daemon:
    """One run of the daemon, seen through its admin API."""

    process: asyncio.subprocess.Process
    session: aiohttp.ClientSession
    url: str
    log: Path

    async def ask(self, method: str, path: str, body: Json | None = None) -> tuple[int, Any]:
        async with self.session.request(method, f"{self.url}/admin/v1/{path}", json=body) as answer:
            return answer.status, decode(await answer.read())

    async def get(self, path: str) -> Any:
        status, found = await self.ask("GET", path)
        assert status == 200, found
        return found

    async def act(self, action: str, transaction: Json, **more: str) -> Json:
        path = f"transactions/{transaction['id']}/{action}"
        status, found = await self.ask("POST", path, {"reason": "a test asked for it", **more})
        assert status == 200, found
        return dict(found)

    async def everything(self) -> list[Json]:
        page = await self.get("transactions?limit=200")
        assert page["next"] is None
        return list(page["transactions"])

    async def known(self, label: str, kind: str = "customer_invoice") -> Json | None:
        """Return the only transaction of a kind and load number, or None if there is none."""
        found = [each for each in await self.everything() if (each["label"], each["kind"]) == (label, kind)]
        assert len(found) <= 1
        return found[0] if found else None

    async def one(self, label: str, kind: str = "customer_invoice") -> Json:
        """Return the only transaction of a kind and load number."""
        found = await self.known(label, kind)
        assert found is not None
        return found

    async def history(self, transaction: Json) -> list[str]:
        return [each["trigger"] for each in (await self.get(f"transactions/{transaction['id']}"))["history"]]

    async def in_state(self, label: str, state: str, kind: str = "customer_invoice", **fields: object) -> Json:
        """Return a transaction once it is in a state, and its fields as given."""

        async def looks() -> Json | None:
            if not (found := await self.known(label, kind)):
                return None
            fits = all(found[name] == value for name, value in fields.items())
            return found if found["state"] == state and fits else None

        found = await until(looks, f"{kind} {label} {state} {fields}")
        assert found is not None
        return found

    async def in_error(self, label: str, code: str, kind: str = "customer_invoice") -> Json:
        """Return a transaction once it stands in error with this code; a fix must be told."""

        async def looks() -> Json | None:
            if not (found := await self.known(label, kind)):
                return None
            return found if found["state"] == "error" and found["problem"]["code"] == code else None

        found = await until(looks, f"{kind} {label} in error with {code}")
        assert found is not None
        assert found["problem"]["cause"]
        assert found["problem"]["fix"]
        return found

    async def settled(self, transactions: int, state: str = "exported") -> list[Json]:
        """Return every transaction once there are so many, each in a state or in error, and no message waits."""

        async def rests() -> list[Json] | None:
            found = await self.everything()
            waiting = [each for each in (await self.get("summary"))["messages"] if each["phase"] != "dead"]
            done = all(each["state"] in {state, "error"} for each in found)
            return found if len(found) >= transactions and done and not waiting else None

        found = await until(rests, f"{transactions} transactions settled")
        assert found is not None
        assert len(found) == transactions
        return found

    async def passed(self, loop: str = "intake.freight", passes: int = 2) -> None:
        """Wait until a loop has run whole passes after now."""

        async def count() -> float:
            async with self.session.get(f"{self.url}/metrics") as answer:
                text = await answer.text()
            name = f'loadledger_loop_last_success_timestamp_seconds{{loop="{loop}"}} '
            return next(float(line[len(name) :]) for line in text.splitlines() if line.startswith(name))

        for _ in range(passes):
            before = await count()

            async def moved(before: float = before) -> bool:
                return await count() > before

            await until(moved, f"a pass of {loop}")

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        async with asyncio.timeout(PATIENCE):
            await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode

    def troubles(self) -> list[str]:
        """Return what the log holds of vendors that did not do what was asked."""
        signs = ("vendor.failed", "vendor.refused_us", '"outcome":"indoubt"', '"outcome":"postponed"')
        return [line for line in self.log.read_text().splitlines() if any(sign in line for sign in signs)]

    def complaints(self) -> list[str]:
        """Return what the log holds of bugs: a traceback, or a part that broke."""
        signs = ("Traceback", ".broke", "http.failed", "was never retrieved", "Unclosed", "ResourceWarning")
        return [line for line in self.log.read_text().splitlines() if any(sign in line for sign in signs)]


@dataclass
class Stage:
    """Where a test starts sandboxes and daemons; all of them are gone at its end."""

    place: Path
    settings: dict[str, str] = field(default_factory=dict)
    month: date = field(default_factory=lambda: last_month(datetime.now(UTC).date()))

    @asynccontextmanager
    async def world(self, *options: str, loads: int = LOADS) -> AsyncIterator[World]:
        """Start a sandbox without limits; later options win."""
        plot = ["--month", f"{self.month:%Y-%m}", "--loads", str(loads), "--alvys-rate", "0", "--quickbooks-rate", "0"]
        command = ["adapters.sandbox", *plot, "--until-stdin-closes", *options]
        async with child(command, {}, self.place / "sandbox.log") as process, aiohttp.ClientSession() as session:
            facts = await first_line(process)
            quickbooks, alvys = Vendor(session, facts["quickbooks"]), Vendor(session, facts["alvys"])
            yield World(quickbooks, alvys, facts["planted"], facts["subsidiary"], facts["subsidiary_id"])

    def environment(self, world: World, **settings: str) -> dict[str, str]:
        """Return the configuration of a hasty daemon for this world."""
        token, digest = new_token()
        self.settings["token"] = token
        tms, accounting = world.alvys.facts, world.quickbooks.facts
        keys = {
            "ENTITY": "blue-mesa",
            "DATABASE": str(self.place / "ledger.db"),
            "FIRST_DATE": str(self.month - timedelta(days=40)),
            "HTTP_LISTEN": "127.0.0.1:0",
            "HTTP_TOKENS": msgspec.json.encode([{"name": "olga", "role": "operator", "hash": digest}]).decode(),
            "ALVYS_SUBSIDIARY": world.subsidiary,
            "ALVYS_SUBSIDIARY_ID": world.subsidiary_id,
            "EXPORT_CARRIER_BILL_ON": "release",
            "MAPPING_REVENUE": msgspec.json.encode(REVENUE).decode(),
            "MAPPING_EXPENSE": msgspec.json.encode(EXPENSE).decode(),
            **{f"ALVYS_{name}".upper(): value for name, value in tms.items()},
            **{f"QUICKBOOKS_{name}".upper(): value for name, value in accounting.items()},
            **HASTE,
            **settings,
        }
        return {f"LOADLEDGER_{name}": value for name, value in keys.items()}

    @asynccontextmanager
    async def daemon(self, world: World, **settings: str) -> AsyncIterator[Daemon]:
        """Start the daemon; at the end it must not have complained, however it ended."""
        command = ["engine.cli", "run", "--announce", "--die-with-parent"]
        environment, log = self.environment(world, **settings), self.place / f"daemon-{secrets.token_hex(4)}.log"
        async with child(command, environment, log) as process:
            url = (await first_line(process))["url"]
            headers = {"Authorization": f"Bearer {self.settings['token']}"}
            async with aiohttp.ClientSession(headers=headers) as session:
                daemon = Daemon(process, session, url, log)
                yield daemon
                await daemon.end()
        assert daemon.complaints() == []

    async def refused(self, world: World, **settings: str) -> tuple[int, str]:
        """Run a daemon that ends by itself, and return its exit code and what it said."""
        log = self.place / f"refused-{secrets.token_hex(4)}.log"
        async with child(["engine.cli", "run"], self.environment(world, **settings), log) as process:
            async with asyncio.timeout(PATIENCE):
                await process.communicate()
        assert process.returncode is not None
        return process.returncode, log.read_text()


@asynccontextmanager
async def child(
    command: Sequence[str], environment: dict[str, str], log: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a module as a process with nothing else of ours in its environment; killed at the end if it still runs."""
    pipe = asyncio.subprocess.PIPE
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LOADLEDGER_", "PYTHON"))}
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *command,
            stdin=pipe,
            stdout=pipe,
            stderr=errors,
            cwd=ROOT,
            env=kept | BYTECODE | environment,
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def first_line(process: asyncio.subprocess.Process) -> Json:
    """Return the line of JSON a child prints once it is ready."""
    assert process.stdout
    async with asyncio.timeout(PATIENCE):
        line = await process.stdout.readline()
    assert line, "the child ended before it was ready"
    return dict(decode(line))


@dataclass
class Office:
    """A world with its daemon that the tests of one module share, each with documents of its own."""

    stage: Stage
    world: World
    daemon: Daemon
