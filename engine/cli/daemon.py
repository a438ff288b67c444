"""The daemon itself, what can be looked at before it runs, and what there is to try."""

import os
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Final

import anyio
import click
import msgspec

from adapters.ports import Finding, Place, Standing
from engine import app, logs, screen
from engine.cli.way import Look, answered, configured, guarded, looked
from engine.demo import Demo, DemoFailed
from engine.web.auth import Role, new_token
from state.backup import BackupFailed, back_up_stopped
from state.lifecycle import diagram
from state.trouble import StoreBusy

_CHECK: Final = Look(app.check, "check", "findings", list[Finding])
_MAPPING: Final = Look(app.mapping, "mapping", "places", list[Place])
_STARTING: Final = Look(app.starting_mapping, "mapping/start", "toml", str)


@click.command()
@click.option("--config", "path", type=click.Path(path_type=Path), help="TOML file of the legal entity.")
@click.option("--die-with-parent", is_flag=True, help="Die at the end of standard input, with the parent.")
@click.option("--announce", is_flag=True, help="Print one line of JSON with the address once it listens.")
def run(path: Path | None, *, die_with_parent: bool, announce: bool) -> None:
    """Run the daemon of one legal entity until it is told to stop."""
    settings = configured(path)
    logs.configure(settings.log_level, settings.secrets())
    work = partial(app.run, settings, die_with_parent=die_with_parent, started=_announce if announce else _quiet)
    guarded(work)


@click.command()
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
        places = looked(_MAPPING, path, url, token)
        screen.show_places(screen.console(), places)
        sys.exit(any(place.standing is Standing.FAIL for place in places))
    findings = looked(_CHECK, path, url, token)
    screen.show_findings(screen.console(), findings)
    sys.exit(any(finding.standing is Standing.FAIL for finding in findings))


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--config", "path", type=click.Path(path_type=Path), help="TOML file of the legal entity.")
@click.option("--url", envvar="LOADLEDGER_URL", help="Let the daemon there make the copy, on its machine.")
@click.option("--token", envvar="LOADLEDGER_TOKEN", help="Your token for it.")
def backup(file: Path, path: Path | None, url: str | None, token: str | None) -> None:
    """Copy the database to the new FILE: complete, checked and private, or not at all. The daemon may run."""
    to = file.absolute()
    size = _backed_up_by_daemon(url, token, to) if url else _backed_up_here(path, token, to)
    click.echo(f"{to}: {size:,} bytes, checked")


@click.command()
def lifecycle() -> None:
    """Print the lifecycle of a transaction as a Mermaid state diagram."""
    click.echo(diagram())


@click.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def sandbox(arguments: tuple[str, ...]) -> None:
    """Serve both vendors' sandboxes on loopback (`loadledger sandbox --help` lists the options)."""
    sys.exit(subprocess.call([sys.executable, "-m", "adapters.sandbox", *arguments]))  # noqa: S603 - our own module


@click.command()
@click.argument("name")
@click.option("--role", type=click.Choice([str(role) for role in Role]), default="viewer", show_default=True)
def token(name: str, role: str) -> None:
    """Make a bearer token for NAME: the secret to hand over, and the line that lets it in."""
    secret, digest = new_token()
    click.echo(f"Secret, shown once, for {name}:\n\n    {secret}\n\nLine for the TOML file:\n")
    click.echo(f'    [[http.tokens]]\n    name = "{name}"\n    role = "{role}"\n    hash = "{digest}"')


@click.command()
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


def _begin_mapping(file: Path, path: Path | None, url: str | None, token: str | None) -> None:
    """Write a mapping to begin with to a new file."""
    try:
        with file.open("x", encoding="utf-8") as new:
            new.write(looked(_STARTING, path, url, token))
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror}") from error
    click.echo(f"{file}: go through it line by line, then put it into the configuration")


def _backed_up_here(path: Path | None, token: str | None, to: Path) -> int:
    settings = configured(path)
    owner = {"pid": os.getpid(), "host": socket.gethostname(), "for": "a backup"}
    try:
        return back_up_stopped(settings.database, to, owner)
    except StoreBusy:
        return _backed_up_by_daemon(f"http://{settings.http.listen}", token, to)
    except (BackupFailed, OSError) as error:
        raise click.ClickException(str(error)) from error


def _backed_up_by_daemon(url: str, token: str | None, to: Path) -> int:
    return int(answered(url, token, lambda admin: admin.post("backup", {"file": str(to)}))["bytes"])


def _announce(url: str) -> None:
    click.echo(msgspec.json.encode({"url": url}))


def _quiet(_url: str) -> None:
    """Say nothing: the log has it."""


COMMANDS: Final = (run, check, backup, lifecycle, sandbox, token, demo)
