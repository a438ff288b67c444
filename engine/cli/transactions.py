"""Transactions, through the running daemon."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from engine import screen
from engine.cli.way import STATES, answered
from engine.client import Admin
from state.transaction import Kind

_AT_ONCE: Final = 1000  # transactions that one request releases


class _Seen(msgspec.Struct):
    id: int
    hash: str


class _Previews(msgspec.Struct):
    documents: list[_Seen]


@click.group()
@click.option("--url", envvar="LOADLEDGER_URL", default="http://127.0.0.1:8321", show_default=True, help="The daemon.")
@click.option("--token", envvar="LOADLEDGER_TOKEN", help="Your token.")
@click.pass_context
def transactions(context: click.Context, url: str, token: str | None) -> None:
    """Look at transactions, and act on them."""
    context.obj = (url, token)


@transactions.command("list")
@click.option("--state", type=click.Choice(STATES))
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
    page = answered(*daemon, lambda admin: admin.get("transactions", **query))
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
    found = answered(*daemon, lambda admin: admin.get(f"transactions/{transaction_id}"))
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        screen.show_detail(screen.console(), found)


@transactions.command()
@click.argument("transaction_id", type=int)
@click.option("--preview", metavar="HASH", help="Only if the document is still what `loadledger preview` showed.")
@click.option("--reason", required=True, help="Why, for the history.")
@click.pass_obj
def retry(daemon: tuple[str, str | None], transaction_id: int, preview: str | None, reason: str) -> None:
    """Try again what was refused."""
    _act(daemon, transaction_id, "retry", {"reason": reason, "preview": preview})


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
@click.option("--preview", metavar="HASH", help="Only if the document is still what `loadledger preview` showed.")
@click.option("--previews", type=click.Path(path_type=Path), help="With --all: what `loadledger preview --json` wrote.")
@click.option("--reason", required=True, help="Why, for the history.")
@click.pass_obj
def release(  # noqa: PLR0913 - one for each option
    daemon: tuple[str, str | None],
    transaction_id: int | None,
    *,
    every: bool,
    kind: str | None,
    dated_until: str | None,
    preview: str | None,
    previews: Path | None,
    reason: str,
) -> None:
    """Let a new document go that waits for it, or all of them."""
    if (transaction_id is None) is not every:
        raise click.UsageError("Name a transaction, or say --all.")
    if (preview and every) or (previews and not every):
        raise click.UsageError("--preview goes with one transaction, --previews with --all")
    if transaction_id is not None:
        _act(daemon, transaction_id, "release", {"reason": reason, "preview": preview})
        return
    asked = {"reason": reason, "kind": kind, "dated_until": dated_until}
    parts = [asked | {"previews": dict(part)} for part in _parts(_seen(previews))] if previews else [asked]
    released = 0
    for part in parts:
        released += len(answered(*daemon, partial(_released, part)))
    click.echo(f"{released:,} released")


@transactions.command()
@click.argument("transaction_id", type=int)
@click.option("--expected", required=True, type=click.Choice(STATES), help="The state you saw it in.")
@click.option("--to", "destination", required=True, type=click.Choice(STATES), help="The state to force.")
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


async def _released(asked: dict[str, Any], admin: Admin) -> list[int]:
    return list((await admin.post("release", asked))["released"])


def _seen(file: Path) -> list[tuple[str, str]]:
    """Return the ids and hashes of the documents in what `loadledger preview --json` wrote."""
    try:
        found = msgspec.json.decode(file.read_bytes(), type=_Previews)
    except msgspec.DecodeError as error:
        raise click.UsageError(f"{file} is not what `loadledger preview --json` writes: {error}") from error
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror}") from error
    return [(str(each.id), each.hash) for each in found.documents if each.hash]


def _parts(seen: list[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    """Yield as many at a time as one request holds."""
    for start in range(0, len(seen), _AT_ONCE):
        yield seen[start : start + _AT_ONCE]


def _act(daemon: tuple[str, str | None], transaction_id: int, action: str, body: dict[str, Any]) -> None:
    after = answered(*daemon, lambda admin: admin.post(f"transactions/{transaction_id}/{action}", body))
    screen.show_transaction(screen.console(), after)


COMMANDS: Final = (transactions,)
