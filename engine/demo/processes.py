"""Where a demo lives, and the two other processes it runs."""

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Any

import anyio
import msgspec
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from engine.client import Admin
from engine.demo.failure import DemoFailed
from engine.demo.settings import configuration, month
from engine.web.auth import new_token

_START = 30.0  # seconds a child has to say that it is ready
_FAREWELL = 25.0  # seconds a child has to end in order


@contextlib.contextmanager
def workplace(wanted: Path | None) -> Iterator[tuple[Path, bool]]:
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
async def sandbox(place: Path, *, loads: int, seed: int) -> AsyncIterator[dict[str, Any]]:
    """Run both vendors' sandboxes; their books outlive a killed demo."""
    arguments = ["--month", f"{month():%Y-%m}", "--seed", str(seed), "--loads", str(loads)]
    arguments += ["--directory", str(place / "sandbox"), "--alvys-rate", "240", "--until-stdin-closes"]
    with (place / "sandbox.log").open("ab") as log:
        command = [sys.executable, "-m", "adapters.sandbox", *arguments]
        async with _child(command, log, {}) as child:
            yield await _announcement(child, "the sandbox")


@asynccontextmanager
async def daemon(place: Path, vendors: dict[str, Any]) -> AsyncIterator[tuple[Admin, str, str]]:
    """Run the daemon against the sandboxes, as a person would who has an operator's token."""
    token, digest = new_token()
    settings = place / "loadledger.toml"
    settings.write_text(configuration(place, vendors, digest))
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
        with anyio.fail_after(_START):
            line = await BufferedByteReceiveStream(child.stdout).receive_until(b"\n", 65536)
    except (anyio.IncompleteRead, TimeoutError) as error:
        raise DemoFailed(f"{who} did not start; see its log in the demo's directory") from error
    announced: dict[str, Any] = msgspec.json.decode(line)
    return announced
