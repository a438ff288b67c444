"""The command line.

Exit codes: 0 done, 1 refused or failed, 2 the configuration or the command is wrong, 3 the store needs a person.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any, Final, Generic, NamedTuple, TypeVar, cast

import anyio
import click
import msgspec
from rich.console import Console

from adapters.ports import Finding, Place, Standing
from engine import app, config, logs, screen
from engine.client import Admin, Refused
from engine.demo import Demo, DemoFailed
from engine.web.auth import Role, new_token
from state.backup import BackupFailed, back_up_stopped
from state.lifecycle import Effect, State, diagram
from state.transaction import Kind
from state.trouble import StoreBusy, StoreDamaged, StoreError, StoreFailed, StoreMismatch

_USAGE = 2
_GLANCE = 0.5  # seconds between two looks at how far an estimate has come
_STORE_LOST = 3  # trying again is of no use, and may do harm
_LOST = (StoreFailed, StoreDamaged, StoreMismatch)
_STATES = [str(state) for state in State]

Function = TypeVar("Function", bound=Callable[..., Any])
Found = TypeVar("Found")


class Look(NamedTuple, Generic[Found]):
    """A look at the vendors: how it is taken here, and where the daemon's answer holds what it found."""

    here: Callable[[config.Config], Coroutine[Any, Any, Any]]
    path: str
    member: str
    shape: type[Found]


_CHECK: Final = Look(app.check, "check", "findings", list[Finding])
_MAPPING: Final = Look(app.mapping, "mapping", "places", list[Place])
_STARTING: Final = Look(app.starting_mapping, "mapping/start", "toml", str)


@click.group()
@click.version_option(package_name="loadledger")
def main() -> None:
    """Keep a trucking TMS and QuickBooks Online in agreement: invoices and bills out, payment status back."""


@main.command()
@click.option("--config", "path", type=click.Path(path_type=Path), help="TOML file of the legal entity.")
@click.option("--die-with-parent", is_flag=True, help="Die at the end of standard input, with the parent.")
@click.option("--announce", is_flag=True, help="Print one line of JSON with the address once it listens.")
def run(path: Path | None, *, die_with_parent: bool, announce: bool) -> None:
    """Run the daemon of one legal entity until it is told to stop."""
    settings = _configured(path)
    logs.configure(settings.log_level, settings.secrets())
    work = partial(app.run, settings, die_with_parent=die_with_parent, started=_announce if announce else _quiet)
    _guarded(work)


@main.command()
@click.option("--config", "path", type=click.Path(path_type=Path), help="TOML file of the legal entity.")
@click.option("--url", envvar="LOADLEDGER_URL", help="Let the daemon there do the looking.")
@click.option("--token", envvar="LOADLEDGER_TOKEN", help="Your token for it.")
@click.option("--mapping", is_flag=True, help="Show where each charge is booked, and which have no place, instead.")
@click.option("--write", "file", type=click.Path(path_type=Path), help="With --mapping: write one to begin with.")
def check(path: Path | None, url: str | None, token: str | None, *, mapping: bool, file: Path | None) -> None:
    """Say line by line whether connections, plan, preferences, accounts and mapping are fit, and what to do if not."""
    if file is not None:
        if not mapping:
            raise click.UsageError("--write goes with --mapping")
        return _begin_mapping(file, path, url, token)
    if mapping:
        places = _looked(_MAPPING, path, url, token)
        screen.show_places(screen.console(), places)
        sys.exit(any(place.standing is Standing.FAIL for place in places))
    findings = _looked(_CHECK, path, url, token)
    screen.show_findings(screen.console(), findings)
    sys.exit(any(finding.standing is Standing.FAIL for finding in findings))


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--config", "path", type=click.Path(path_type=Path), help="TOML file of the legal entity.")
@click.option("--url", envvar="LOADLEDGER_URL", help="Let the daemon there make the copy, on its machine.")
@click.option("--token", envvar="LOADLEDGER_TOKEN", help="Your token for it.")
def backup(file: Path, path: Path | None, url: str | None, token: str | None) -> None:
    """Copy the database to the new FILE: complete, checked and private, or not at all. The daemon may run."""
    to = file.absolute()
    size = _backed_up_by_daemon(url, token, to) if url else _backed_up_here(path, token, to)
    click.echo(f"{to}: {size:,} bytes, checked")


@main.command()
def lifecycle() -> None:
    """Print the lifecycle of a transaction as a Mermaid state diagram."""
    click.echo(diagram())


@main.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def sandbox(arguments: tuple[str, ...]) -> None:
    """Serve both vendors' sandboxes on loopback (`loadledger sandbox --help` lists the options)."""
    sys.exit(subprocess.call([sys.executable, "-m", "adapters.sandbox", *arguments]))  # noqa: S603 - our own module


@main.command()
@click.argument("name")
@click.option("--role", type=click.Choice([str(role) for role in Role]), default="viewer", show_default=True)
def token(name: str, role: str) -> None:
    """Make a bearer token for NAME: the secret to hand over, and the line that lets it in."""
    secret, digest = new_token()
    click.echo(f"Secret, shown once, for {name}:\n\n    {secret}\n\nLine for the TOML file:\n")
    click.echo(f'    [[http.tokens]]\n    name = "{name}"\n    role = "{role}"\n    hash = "{digest}"')


@main.command()
@click.option("--directory", type=click.Path(path_type=Path), help="Where the demo keeps its books between two runs.")
@click.option("--loads", default=60, show_default=True, type=click.IntRange(min=4), help="Loads in the month.")
@click.option("--seed", default=1, show_default=True, help="The same seed makes the same month.")
@click.option("--keep", is_flag=True, help="Leave everything running at the end, and say where.")
def demo(directory: Path | None, loads: int, seed: int, *, keep: bool) -> None:
    """Run a month of a freight broker through both sandboxes, and compare the books at the end."""
    console = screen.console()
    try:
        sound = anyio.run(Demo(console, directory, loads=loads, seed=seed, keep=keep).run)
    except DemoFailed as error:
        raise click.ClickException(str(error)) from error
    sys.exit(not sound)


# -- transactions, through the running daemon -------------------------------------------------------------------


@main.group()
@click.option("--url", envvar="LOADLEDGER_URL", default="http://127.0.0.1:8321", show_default=True, help="The daemon.")
@click.option("--token", envvar="LOADLEDGER_TOKEN", help="Your token.")
@click.pass_context
def transactions(context: click.Context, url: str, token: str | None) -> None:
    """Look at transactions, and act on them."""
    context.obj = (url, token)


@transactions.command("list")
@click.option("--state", type=click.Choice(_STATES))
@click.option("--kind", type=click.Choice([str(kind) for kind in Kind]))
@click.option("--problem", help="Error code, such as period_closed.")
@click.option("--search", help="Part of a load number, document number or party.")
@click.option("--unreleased", is_flag=True, default=None, help="Only what waits for its release.")
@click.option(
    "--unbooked-until",
    metavar="DATE",
    help="Only what is dated up to then and not in the books: what a closing on that day would miss.",
)
@click.option("--before", type=int, help="Only ids below this one: the next page.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 200))
@click.option("--json", "as_json", is_flag=True, help="The API's answer as it is.")
@click.pass_obj
def list_(daemon: tuple[str, str | None], /, *, as_json: bool, **query: str | int | None) -> None:
    """List transactions, newest first."""
    page = _asked(*daemon, lambda admin: admin.get("transactions", **query))
    if as_json:
        click.echo(msgspec.json.encode(page))
    else:
        screen.show_page(screen.console(), page)


@transactions.command()
@click.argument("transaction_id", type=int)
@click.option("--json", "as_json", is_flag=True, help="The API's answer as it is.")
@click.pass_obj
def show(daemon: tuple[str, str | None], transaction_id: int, *, as_json: bool) -> None:
    """Show one transaction with its history and every request made for it."""
    found = _asked(*daemon, lambda admin: admin.get(f"transactions/{transaction_id}"))
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        screen.show_detail(screen.console(), found)


@transactions.command()
@click.argument("transaction_id", type=int)
@click.option("--reason", required=True, help="Why, for the history.")
@click.pass_obj
def retry(daemon: tuple[str, str | None], transaction_id: int, reason: str) -> None:
    """Try again what was refused."""
    _act(daemon, transaction_id, "retry", {"reason": reason})


@transactions.command()
@click.argument("transaction_id", type=int)
@click.option("--reason", required=True, help="Why, for the history.")
@click.pass_obj
def revert(daemon: tuple[str, str | None], transaction_id: int, reason: str) -> None:
    """Take the document back out of accounting."""
    _act(daemon, transaction_id, "revert", {"reason": reason})


@transactions.command()
@click.argument("transaction_id", type=int)
@click.option("--reason", required=True, help="Why, for the history.")
@click.pass_obj
def reexport(daemon: tuple[str, str | None], transaction_id: int, reason: str) -> None:
    """Send a reverted transaction again, as a new document."""
    _act(daemon, transaction_id, "reexport", {"reason": reason})


@transactions.command()
@click.argument("transaction_id", type=int, required=False)
@click.option("--all", "every", is_flag=True, help="All that wait for it.")
@click.option("--kind", type=click.Choice([str(kind) for kind in Kind]), help="With --all: only of this kind.")
@click.option("--dated-until", metavar="DATE", help="With --all: only what is dated up to then.")
@click.option("--reason", required=True, help="Why, for the history.")
@click.pass_obj
def release(  # noqa: PLR0913 - one for each option
    daemon: tuple[str, str | None],
    transaction_id: int | None,
    *,
    every: bool,
    kind: str | None,
    dated_until: str | None,
    reason: str,
) -> None:
    """Let a new document go that waits for it, or all of them."""
    if (transaction_id is None) is not every:
        raise click.UsageError("Name a transaction, or say --all.")
    if transaction_id is not None:
        _act(daemon, transaction_id, "release", {"reason": reason})
        return
    asked = {"reason": reason, "kind": kind, "dated_until": dated_until}
    released = _asked(*daemon, lambda admin: admin.post("release", asked))["released"]
    click.echo(f"{len(released):,} released")


@transactions.command()
@click.argument("transaction_id", type=int)
@click.option("--expected", required=True, type=click.Choice(_STATES), help="The state you saw it in.")
@click.option("--to", "destination", required=True, type=click.Choice(_STATES), help="The state to force.")
@click.option("--document", "document_id", help="Id of the document in accounting that is this one.")
@click.option("--reason", required=True, help="Why, for the history.")
@click.pass_obj
def force(  # noqa: PLR0913 - one for each option
    daemon: tuple[str, str | None],
    transaction_id: int,
    *,
    expected: str,
    destination: str,
    document_id: str | None,
    reason: str,
) -> None:
    """Put a transaction into another state because you know better; your name and reason are kept."""
    asked = {"expected": expected, "destination": destination, "document_id": document_id, "reason": reason}
    _act(daemon, transaction_id, "force", asked)


# -- backfill -------------------------------------------------------------------------------------------------------


@main.command()
@click.argument("first", metavar="FIRST")
@click.argument("last", metavar="LAST")
@click.option("--estimate", "only", is_flag=True, help="Say what it would bring, and end.")
@click.option("--yes", is_flag=True, help="Begin without asking again.")
@click.option("--reason", default="", help="Why, for the record; asked for if it begins.")
@click.option("--url", envvar="LOADLEDGER_URL", default="http://127.0.0.1:8321", show_default=True, help="The daemon.")
@click.option("--token", envvar="LOADLEDGER_TOKEN", help="Your token.")
def backfill(  # noqa: PLR0913 - one for each option
    first: str, last: str, *, only: bool, yes: bool, reason: str, url: str, token: str | None
) -> None:
    """Take in what is dated from FIRST to LAST, days before the first date, after an estimate of what it brings."""
    days = {"first": first, "last": last}
    _asked(url, token, lambda admin: admin.post("backfill/estimate", days))
    estimate = _asked(url, token, partial(_estimated, screen.console()))
    screen.show_estimate(screen.console(), estimate)
    if only or estimate["failed"]:
        sys.exit(bool(estimate["failed"]))
    if not yes:
        click.confirm("Begin?", abort=True)
    asked = days | {"reason": reason or click.prompt("Why")}
    _asked(url, token, lambda admin: admin.post("backfill", asked))
    click.echo("It has begun, and goes on by itself. `loadledger transactions list` shows what comes in.")


async def _estimated(console: Console, admin: Admin) -> dict[str, Any]:
    """Wait until an estimate is whole, showing how far it has come."""
    with console.status("reading the TMS") as status:
        while not (estimate := (await admin.get("backfill"))["estimate"])["done"]:
            found = sum(each["documents"] for each in estimate["found"])
            status.update(f"reading the TMS: {found:,} new documents so far")
            await anyio.sleep(_GLANCE)
    return dict(estimate)


# -- what may leave ------------------------------------------------------------------------------------------------


@main.command()
@click.option("--url", envvar="LOADLEDGER_URL", default="http://127.0.0.1:8321", show_default=True, help="The daemon.")
@click.option("--token", envvar="LOADLEDGER_TOKEN", help="Your token.")
def pauses(url: str, token: str | None) -> None:
    """Show what is paused, since when, by whom and why."""
    screen.show_pauses(screen.console(), _asked(url, token, lambda admin: admin.get("pauses")))


@main.command()
@click.argument("effects", nargs=-1, type=click.Choice([str(effect) for effect in Effect]))
@click.option("--reason", required=True, help="Why, for whoever finds it paused.")
@click.option("--url", envvar="LOADLEDGER_URL", default="http://127.0.0.1:8321", show_default=True, help="The daemon.")
@click.option("--token", envvar="LOADLEDGER_TOKEN", help="Your token.")
def pause(effects: tuple[str, ...], reason: str, url: str, token: str | None) -> None:
    """Let nothing of these EFFECTS leave, or nothing at all if none is named; nothing is lost meanwhile."""
    _stop_or_go(url, token, "pause", effects, reason)


@main.command()
@click.argument("effects", nargs=-1, type=click.Choice([str(effect) for effect in Effect]))
@click.option("--reason", required=True, help="Why, for the record.")
@click.option("--url", envvar="LOADLEDGER_URL", default="http://127.0.0.1:8321", show_default=True, help="The daemon.")
@click.option("--token", envvar="LOADLEDGER_TOKEN", help="Your token.")
def resume(effects: tuple[str, ...], reason: str, url: str, token: str | None) -> None:
    """Let these EFFECTS leave again, all if none is named."""
    _stop_or_go(url, token, "resume", effects, reason)


# -- the way through ------------------------------------------------------------------------------------------


def _configured(path: Path | None) -> config.Config:
    """Return the configuration, or tell every problem of it and end with exit code 2."""
    try:
        return config.load(path)
    except config.ConfigError as error:
        screen.show_config_problems(screen.console(stderr=True), error.problems)
        sys.exit(_USAGE)


def _guarded(work: Callable[[], Coroutine[Any, Any, Any]], *, pass_on: type[Exception] | None = None) -> Any:  # noqa: ANN401
    """Run the event loop; what stops it is said in a sentence, never as a traceback."""
    try:
        return anyio.run(work)
    except BaseExceptionGroup as group:
        error = _first(group)
    except (StoreError, OSError, KeyboardInterrupt) as single:
        error = single
    if pass_on and isinstance(error, pass_on):
        raise error
    if isinstance(error, StoreError | OSError):
        click.echo(f"loadledger: {error}", err=True)
        sys.exit(_STORE_LOST if isinstance(error, _LOST) else 1)
    if isinstance(error, KeyboardInterrupt):
        sys.exit(130)
    raise error


def _looked(look: Look[Found], path: Path | None, url: str | None, token: str | None) -> Found:
    """Return what a look at the vendors finds, taken by the daemon if one is named, or runs."""
    if url:
        return _looked_by_daemon(look, url, token)
    settings = _configured(path)
    logs.configure("error", settings.secrets())
    try:
        return cast("Found", _guarded(partial(look.here, settings), pass_on=StoreBusy))
    except StoreBusy:
        # The daemon owns the store and with it the one refresh token: it must do the looking.
        return _looked_by_daemon(look, f"http://{settings.http.listen}", token)


def _looked_by_daemon(look: Look[Found], url: str, token: str | None) -> Found:
    return msgspec.convert(_asked(url, token, lambda admin: admin.get(look.path))[look.member], look.shape)


def _begin_mapping(file: Path, path: Path | None, url: str | None, token: str | None) -> None:
    """Write a mapping to begin with to a new file."""
    try:
        with file.open("x", encoding="utf-8") as new:
            new.write(_looked(_STARTING, path, url, token))
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror}") from error
    click.echo(f"{file}: go through it line by line, then put it into the configuration")


def _backed_up_here(path: Path | None, token: str | None, to: Path) -> int:
    settings = _configured(path)
    owner = {"pid": os.getpid(), "host": socket.gethostname(), "for": "a backup"}
    try:
        return back_up_stopped(settings.database, to, owner)
    except StoreBusy:
        return _backed_up_by_daemon(f"http://{settings.http.listen}", token, to)
    except (BackupFailed, OSError) as error:
        raise click.ClickException(str(error)) from error


def _backed_up_by_daemon(url: str, token: str | None, to: Path) -> int:
    return int(_asked(url, token, lambda admin: admin.post("backup", {"file": str(to)}))["bytes"])


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first real error inside nested groups."""
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner


def _asked(url: str, token: str | None, question: Callable[[Admin], Coroutine[Any, Any, Any]]) -> Any:  # noqa: ANN401
    """Return the daemon's answer, or say why there is none and end with exit code 1."""

    async def ask() -> Any:  # noqa: ANN401
        async with Admin(url, token) as admin:
            return await question(admin)

    try:
        return anyio.run(ask)
    except Refused as error:
        raise click.ClickException(str(error)) from error


def _act(daemon: tuple[str, str | None], transaction_id: int, action: str, body: dict[str, Any]) -> None:
    after = _asked(*daemon, lambda admin: admin.post(f"transactions/{transaction_id}/{action}", body))
    screen.show_transaction(screen.console(), after)


def _stop_or_go(url: str, token: str | None, action: str, effects: tuple[str, ...], reason: str) -> None:
    asked = {"reason": reason} | ({"effects": effects} if effects else {})
    screen.show_pauses(screen.console(), _asked(url, token, lambda admin: admin.post(action, asked)))


def _announce(url: str) -> None:
    click.echo(msgspec.json.encode({"url": url}))


def _quiet(_url: str) -> None:
    """Say nothing: the log has it."""


if __name__ == "__main__":
    main()
