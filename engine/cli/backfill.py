"""Backfills, through the running daemon."""

import sys
from functools import partial
from typing import Any, Final

import anyio
import click
from rich.console import Console

from engine import screen
from engine.cli.way import answered
from engine.client import Admin

_GLANCE: Final = 0.5  # seconds between two looks at how far an estimate has come


@click.command()
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
    answered(url, token, lambda admin: admin.post("backfill/estimate", days))
    estimate = answered(url, token, partial(_estimated, screen.console()))
    screen.show_estimate(screen.console(), estimate)
    if only or estimate["failed"]:
        sys.exit(bool(estimate["failed"]))
    if not yes:
        click.confirm("Begin?", abort=True)
    asked = days | {"reason": reason or click.prompt("Why")}
    answered(url, token, lambda admin: admin.post("backfill", asked))
    click.echo("It has begun, and goes on by itself. `loadledger transactions list` shows what comes in.")


async def _estimated(console: Console, admin: Admin) -> dict[str, Any]:
    """Wait until an estimate is whole, showing how far it has come."""
    with console.status("reading the TMS") as status:
        while not (estimate := (await admin.get("backfill"))["estimate"])["done"]:
            found = sum(each["documents"] for each in estimate["found"])
            status.update(f"reading the TMS: {found:,} new documents so far")
            await anyio.sleep(_GLANCE)
    return dict(estimate)


COMMANDS: Final = (backfill,)
