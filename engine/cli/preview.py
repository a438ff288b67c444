"""What would be sent, through the running daemon."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from adapters.http import encode
from adapters.ports import Finding
from engine import screen
from engine.cli.way import answered
from engine.client import Admin
from state.transaction import Kind

Json = dict[str, Any]

_PAGE: Final = 100  # documents of one request


@click.command()
@click.argument("ids", nargs=-1, type=int)
@click.option("--kind", type=click.Choice([str(kind) for kind in Kind]), help="Only of this kind.")
@click.option("--dated-until", metavar="DATE", help="Only what is dated up to then.")
@click.option("--unreleased", is_flag=True, help="Only what waits for its release.")
@click.option("--before", type=int, help="Only ids below this one: the next page.")
@click.option("--limit", default=_PAGE, show_default=True, type=click.IntRange(1), help="So many documents at most.")
@click.option("--full", is_flag=True, help="Each document whole, as one alone is shown.")
@click.option("--json", "as_json", is_flag=True, help="As the API answers; release takes it as --previews.")
@click.option("--url", envvar="LOADLEDGER_URL", default="http://127.0.0.1:8321", show_default=True, help="The daemon.")
@click.option("--token", envvar="LOADLEDGER_TOKEN", help="Your token.")
def preview(  # noqa: PLR0913 - one for each option
    ids: tuple[int, ...],
    *,
    before: int | None,
    limit: int,
    full: bool,
    as_json: bool,
    url: str,
    token: str | None,
    **wanted: str | bool | None,
) -> None:
    """Show the exact documents that would be sent for these transactions, or for all that wait; nothing is sent."""
    if ids and (before or any(wanted.values())):
        raise click.UsageError("Name transactions, or say which of those that wait are meant.")

    async def asked(admin: Admin) -> Json:
        if ids:
            parts = [{"ids": ids[start : start + _PAGE]} for start in range(0, len(ids), _PAGE)]
            return _joined([await admin.post("preview", part) for part in parts])
        pages: list[Json] = []
        left, after = limit, before
        while left > 0:
            page = await admin.post("preview", wanted | {"before": after, "limit": min(left, _PAGE)})
            pages.append(page)
            left, after = left - len(page["documents"]), page["next"]
            if after is None:
                break
        return _joined(pages)

    found = answered(url, token, asked)
    if as_json:
        click.echo(encode(found))
        return
    console = screen.console()
    if full or len(found["documents"]) == 1:
        for document in found["documents"]:
            _show_whole(console, document)
    else:
        _show_list(console, found["documents"])
    _show_cost(console, found)


def _joined(pages: list[Json]) -> Json:
    """Return several pages as one; what two of them need is created once."""
    reads: Counter[str] = Counter()
    for page in pages:
        reads.update(page["cost"]["reads"])
    sums = {name: sum(page["cost"][name] for page in pages) for name in ("creations", "documents", "batches")}
    documents = [each for page in pages for each in page["documents"]]
    return {"documents": documents, "cost": {"reads": reads} | sums, "next": pages[-1]["next"]}


def _show_list(console: Console, documents: Iterable[Json]) -> None:
    """Print a line for each document, then what all of them do to the accounts and what would be created."""
    table = Table(box=None, pad_edge=False)
    for heading in ("id", "kind", "number", "party", "total", "would be", "hash"):
        table.add_column(heading, overflow="fold", justify="right" if heading == "total" else "left")
    sums: defaultdict[str, tuple[Decimal, Decimal]] = defaultdict(lambda: (Decimal(0), Decimal(0)))
    needs: dict[tuple[str, str], None] = {}
    for each in documents:
        verdict, style = _verdict(each)
        told = (str(each["id"]), each["kind"], each["number"] or each["label"], each["party"] or "")
        row = (*told, _amount(each["total"]))
        table.add_row(*map(Text, row), Text(verdict, style=style), Text(each["hash"]))
        if each["problem"] or each["nothing"]:
            continue
        for account, more, less in _postings(each):
            debit, credit = sums[account]
            sums[account] = (debit + more, credit + less)
        needs |= {(need["what"], need["name"]): None for need in each["needs"] if not need["ours"]}
    console.print(table)
    _show_postings(console, [(account, *sides) for account, sides in sums.items()])
    for what, name in needs:
        console.print(Text(f"to be created: {what} {name}"), soft_wrap=True)


def _show_whole(console: Console, each: Json) -> None:
    """Print one document with all that is known of it."""
    verdict, style = _verdict(each)
    head = f"{each['kind']} {each['number'] or each['label']}  {each['party'] or ''}  {_amount(each['total'])}"
    console.print(Text(head, style="bold"), Text(verdict, style=style), soft_wrap=True)
    if each["hash"]:
        console.print(f"hash {each['hash']}", highlight=False)
    if each["body"] is not None:
        console.print(Text(msgspec.json.format(encode(each["body"]), indent=2).decode()), soft_wrap=True)
    _show_postings(console, _postings(each))
    for need in each["needs"]:
        first = "to be sent first" if need["ours"] else "to be created"
        console.print(Text(f"{first}: {need['what']} {need['name']}"), soft_wrap=True)
    screen.show_findings(console, msgspec.convert(each["checks"], list[Finding]))
    if each["problem"]:
        screen.show_problem(console, each["problem"])


def _verdict(each: Json) -> tuple[str, str]:
    """Return in a few words what would become of a document, and the style of that."""
    if each["problem"]:
        return f"refused: {each['problem']['code']}", "red"
    if each["nothing"]:
        return each["nothing"], "dim"
    change = f"an update of {each['changes']}" if each["changes"] else "new"
    return (f"{change}, but {each['waits']}", "yellow") if each["waits"] else (change, "green")


def _show_postings(console: Console, rows: Iterable[tuple[str, Decimal, Decimal]]) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("account", "debit", "credit"):
        table.add_column(heading, justify="left" if heading == "account" else "right")
    for account, *sides in rows:
        table.add_row(Text(account), *(Text(f"{side:,}" if side else "") for side in sides))
    if table.row_count:
        console.print(table)


def _show_cost(console: Console, found: Json) -> None:
    cost = found["cost"]
    reads = ", ".join(f"{count} {purpose}" for purpose, count in sorted(cost["reads"].items()))
    writes = f"{cost['creations']} creations, {cost['documents']} documents alone or in {cost['batches']} batches"
    console.print(Text(f"It would cost: {writes}; metered reads as just now: {reads or 'none'}"), soft_wrap=True)
    if found["next"] is not None:
        console.print(f"There are more: --before {found['next']}", highlight=False)


def _postings(each: Json) -> list[tuple[str, Decimal, Decimal]]:
    """Return what a document does to each account: debit, credit."""
    amounts = (
        (posting["account"], *(Decimal(posting[side]["amount"]) for side in ("debit", "credit")))
        for posting in each["postings"]
    )
    return [(account, debit, credit) for account, debit, credit in amounts]


def _amount(money: Json | None) -> str:
    return f"{Decimal(money['amount']):,}" if money else ""


COMMANDS: Final = (preview,)
