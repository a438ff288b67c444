"""What may leave: pauses and their ends, through the running daemon."""

from typing import Final

import click

from engine import screen
from engine.cli.way import answered
from state.lifecycle import Effect


@click.command()
@click.option("--url", envvar="LOADLEDGER_URL", default="http://127.0.0.1:8321", show_default=True, help="The daemon.")
@click.option("--token", envvar="LOADLEDGER_TOKEN", help="Your token.")
def pauses(url: str, token: str | None) -> None:
    """Show what is paused, since when, by whom and why."""
    screen.show_pauses(screen.console(), answered(url, token, lambda admin: admin.get("pauses")))


@click.command()
@click.argument("effects", nargs=-1, type=click.Choice([str(effect) for effect in Effect]))
@click.option("--reason", required=True, help="Why, for whoever finds it paused.")
@click.option("--url", envvar="LOADLEDGER_URL", default="http://127.0.0.1:8321", show_default=True, help="The daemon.")
@click.option("--token", envvar="LOADLEDGER_TOKEN", help="Your token.")
def pause(effects: tuple[str, ...], reason: str, url: str, token: str | None) -> None:
    """Let nothing of these EFFECTS leave, or nothing at all if none is named; nothing is lost meanwhile."""
    _stop_or_go(url, token, "pause", effects, reason)


@click.command()
@click.argument("effects", nargs=-1, type=click.Choice([str(effect) for effect in Effect]))
@click.option("--reason", required=True, help="Why, for the record.")
@click.option("--url", envvar="LOADLEDGER_URL", default="http://127.0.0.1:8321", show_default=True, help="The daemon.")
@click.option("--token", envvar="LOADLEDGER_TOKEN", help="Your token.")
def resume(effects: tuple[str, ...], reason: str, url: str, token: str | None) -> None:
    """Let these EFFECTS leave again, all if none is named."""
    _stop_or_go(url, token, "resume", effects, reason)


def _stop_or_go(url: str, token: str | None, action: str, effects: tuple[str, ...], reason: str) -> None:
    asked = {"reason": reason} | ({"effects": effects} if effects else {})
    screen.show_pauses(screen.console(), answered(url, token, lambda admin: admin.post(action, asked)))


COMMANDS: Final = (pauses, pause, resume)
