"""What a person sees in a terminal: tables where there is one, plain lines where there is none."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from time import monotonic
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from adapters.ports import Finding, Place, Standing
from state.lifecycle import State

if TYPE_CHECKING:
    from engine.config import ConfigProblem
    from engine.demo.books import Comparison

_STYLE = {
    State.PENDING: "yellow",
    State.EXPORTED: "cyan",
    State.PAID: "green",
    State.ERROR: "red",
    State.REVERTED: "dim",
}
_WIDE = 200  # columns
_BATCH = 30  # documents that one request can carry
_STANDING = {Standing.PASS: "green", Standing.WARN: "yellow", Standing.FAIL: "red"}


def console(*, stderr: bool = False) -> Console:
    """Return the terminal, or plain text wide enough for one line a row where there is none."""
    terminal = Console(stderr=stderr)
    return terminal if terminal.is_terminal else Console(stderr=stderr, width=_WIDE)


# -- check and configuration ----------------------------------------------------------------------------------


def show_findings(console: Console, findings: Iterable[Finding]) -> None:
    """Print one line per finding, and under a bad one what to do."""
    for finding in findings:
        mark = Text(f"{finding.standing:<5}", style=_STANDING[finding.standing])
        console.print(mark, Text(finding.subject, style="bold"), Text(finding.detail), soft_wrap=True)
        if finding.fix and finding.standing is not Standing.PASS:
            console.print(Text(f"      {finding.fix}"), soft_wrap=True)


def show_places(console: Console, places: Sequence[Place]) -> None:
    """Print the mapping as a table, then what to do about each line that is not fit."""
    table = Table(box=None, pad_edge=False)
    for heading in ("slot", "charge", "load type", "target", "type", "state", "gap"):
        table.add_column(heading, overflow="fold")
    for place in places:
        told = (place.slot, place.charge, place.load_type, place.target, place.type)
        state = Text(place.state, style=_STANDING[place.standing])
        table.add_row(*(Text(each) for each in told), state, Text(place.gap))
    console.print(table)
    for place in places:
        if place.fix and place.standing is not Standing.PASS:
            console.print(Text(f"{place.slot} {place.charge}: {place.fix}"), soft_wrap=True)


def show_config_problems(console: Console, problems: "Sequence[ConfigProblem]") -> None:
    """Print every problem of the configuration: the key, what is wrong, the fix."""
    console.print(Text(f"The configuration has {len(problems)} problem(s):", style="red"))
    for problem in problems:
        console.print(Text(f"  {problem.key}: {problem.what}"), soft_wrap=True)
        console.print(Text(f"      {problem.fix}"), soft_wrap=True)


# -- transactions ---------------------------------------------------------------------------------------------


def show_page(console: Console, page: dict[str, Any]) -> None:
    """Print a page of transactions, and how to get the next."""
    table = Table(box=None, pad_edge=False)
    for heading in ("id", "kind", "number", "party", "state", "total", "paid", "problem"):
        table.add_column(heading, justify="right" if heading in {"id", "total", "paid"} else "left", overflow="fold")
    for each in page["transactions"]:
        table.add_row(
            str(each["id"]),
            _words(each["kind"]),
            _number(each),
            _blank(each["party"]),
            _state(each["state"]),
            _money(each["total"]),
            _money(each["paid"]),
            each["problem"]["code"] if each["problem"] else "held" if each["held"] else "",
        )
    console.print(table)
    if page["next"]:
        console.print(f"More: --before {page['next']}")


def show_transaction(console: Console, found: dict[str, Any]) -> None:
    """Print one transaction: where it stands, why, and what fixes it."""
    console.print(
        Text(f"{found['id']}  {_words(found['kind'])} {found['number'] or found['label']}  {_blank(found['party'])}")
    )
    console.print("state", _state(found["state"]), f"total {_money(found['total'])}, paid {_money(found['paid'])}")
    if found["document"]:
        console.print(Text(f"in accounting: id {found['document']['id']}, number {found['document']['number']}"))
        if found["renumbered"]:
            console.print(Text(f"renumbered: in the TMS it is {found['number']}", style="yellow"))
    if found["held"]:
        console.print(Text("held: the TMS says something newer, and a transaction in this state can't change"))
    if found["problem"]:
        show_problem(console, found["problem"])


def show_detail(console: Console, detail: dict[str, Any]) -> None:
    """Print one transaction and everything that happened to it."""
    show_transaction(console, detail["transaction"])
    _show_rows(console, "History", detail["history"], ("at", "trigger", "source", "dest", "actor", "reason"))
    _show_rows(console, "Requests", detail["attempts"], ("started_at", "effect", "outcome", "detail", "trace"))
    _show_rows(console, "Outbox", detail["standings"], ("effect", "phase", "attempts", "due_at", "note"))
    allowed = detail["allowed"]
    console.print(
        Text(f"You may: {', '.join([*allowed['actions'], *(f'force to {to}' for to in allowed['force'])]) or '-'}")
    )


def show_problem(console: Console, problem: dict[str, Any]) -> None:
    """Print what is wrong, what fixes it and what was seen."""
    console.print(Text(f"{problem['code']}: {problem['cause']}", style="red"), soft_wrap=True)
    console.print(Text(f"  fix:  {problem['fix']}"), soft_wrap=True)
    if problem["detail"]:
        console.print(Text(f"  seen: {problem['detail']}"), soft_wrap=True)


def _show_rows(console: Console, title: str, rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> None:
    if not rows:
        return
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(str(row[column] if row[column] is not None else "")) for column in columns))
    console.print(table)


def show_estimate(console: Console, estimate: dict[str, Any]) -> None:
    """Print what a backfill would bring, kind by kind, and what it costs."""
    table = Table(title=f"{estimate['first']} to {estimate['last']}", title_justify="left", box=None, pad_edge=False)
    for heading in ("kind", "new documents", "total"):
        table.add_column(heading, justify="left" if heading == "kind" else "right")
    for each in estimate["found"]:
        table.add_row(_words(each["kind"]), f"{each['documents']:,}", _money(each["total"]))
    console.print(table)
    new = sum(each["documents"] for each in estimate["found"])
    console.print(
        f"{new:,} new documents, {estimate['unreadable']:,} of them would wait for a person; {estimate['known']:,} are "
        "known already."
    )
    console.print(
        f"In accounting: about {-(-new // _BATCH):,} batches of up to {_BATCH}, or as many requests as documents."
    )
    if estimate["failed"]:
        console.print(Text(f"The estimate is not whole: {estimate['failed']}", style="red"), soft_wrap=True)


def show_pauses(console: Console, paused: dict[str, Any]) -> None:
    """Print what is paused, since when, by whom and why."""
    if paused["pauses"]:
        _show_rows(console, "Paused", paused["pauses"], ("effect", "since", "actor", "reason"))
    else:
        console.print("Nothing is paused.")


# -- the demo -------------------------------------------------------------------------------------------------


@contextmanager
def progress(console: Console) -> Iterator[Callable[[dict[str, Any], str], None]]:
    """Yield a function that shows how the states fill up: live in a terminal, else a line whenever they change."""
    started = monotonic()
    if console.is_terminal:
        with Live(console=console, transient=True, refresh_per_second=4) as live:
            yield lambda now, doing: live.update(_filling(now, doing, monotonic() - started))
        return
    last = ""

    def line(now: dict[str, Any], doing: str) -> None:
        nonlocal last
        counts = "  ".join(f"{state} {_count(now, state):>3}" for state in State)
        if counts != last:
            last = counts
            console.print(f"{monotonic() - started:6.1f} s  {counts}  {doing}", highlight=False, soft_wrap=True)

    yield line


def _filling(now: dict[str, Any], doing: str, seconds: float) -> Group:
    whole = max(1, sum(row["transactions"] for row in now["transactions"]))
    table = Table.grid(padding=(0, 2))
    for state in State:
        count = _count(now, state)
        bar = ProgressBar(whole, count, width=50, complete_style=_STYLE[state], finished_style=_STYLE[state])
        table.add_row(_state(state), bar, str(count))
    return Group(table, Text(f"{seconds:5.1f} s  {doing}", style="dim"))


def show_summary(
    console: Console, summary: dict[str, Any], mine: Sequence[dict[str, Any]], comparison: "Comparison"
) -> None:
    """Print counts and money by state, each error with cause and fix, and our store beside the books."""
    table = Table(title="Where everything stands", title_justify="left")
    for heading in ("kind", "state", "transactions", "total", "paid", "open"):
        table.add_column(heading, justify="left" if heading in {"kind", "state"} else "right")
    for (kind, state), (count, total, paid) in sorted(_added(summary).items()):
        table.add_row(_words(kind), _state(state), str(count), f"{total:,.2f}", f"{paid:,.2f}", f"{total - paid:,.2f}")
    console.print(table)
    for each in mine:
        if each["state"] == State.ERROR:
            console.print(
                Text(
                    f"\n{_words(each['kind'])} {each['number'] or each['label']}  {_blank(each['party'])}", style="bold"
                )
            )
            show_problem(console, each["problem"])
    console.print(
        Panel(_verdict(comparison), title="Our store and the sandbox's own books", title_align="left", expand=False)
    )


def _verdict(comparison: "Comparison") -> Text:
    lines = [f"{comparison.ours} documents here, {comparison.theirs} of ours in the books"]
    for names, meaning in (
        (comparison.missing, "missing in the books"),
        (comparison.doubled, "doubled in the books"),
        (comparison.unequal, "with another amount or balance"),
        (comparison.unplanted, "planted problems not found"),
    ):
        lines.append(f"{len(names)} {meaning}{': ' + ', '.join(names) if names else ''}")
    lines.append("The books agree." if comparison.sound else "The books do NOT agree.")
    return Text("\n".join(lines), style="green" if comparison.sound else "red")


def show_addresses(console: Console, url: str, token: str, vendors: dict[str, Any]) -> None:
    """Print where everything runs, for a person who wants to look around."""
    console.print(Text(f"\nDaemon      {url}  (/healthz, /readyz, /metrics, /admin/v1/transactions)"))
    console.print(Text(f"Alvys       {vendors['alvys']['api_url']}"))
    console.print(Text(f"QuickBooks  {vendors['quickbooks']['api_url']}"))
    console.print(Text(f"Token       {token}"), soft_wrap=True)
    console.print(Text(f"\n  export LOADLEDGER_URL={url} LOADLEDGER_TOKEN={token}"), soft_wrap=True)
    console.print(Text("  loadledger transactions list --state error\n\nCtrl-C ends everything."))


# -- pieces ---------------------------------------------------------------------------------------------------


def _words(name: str) -> str:
    return name.replace("_", " ")


def _count(now: dict[str, Any], state: str) -> int:
    return sum(row["transactions"] for row in now["transactions"] if row["state"] == state)


def _added(summary: dict[str, Any]) -> dict[tuple[str, str], tuple[int, Decimal, Decimal]]:
    """Return count, total and paid by kind and state."""
    added: dict[tuple[str, str], tuple[int, Decimal, Decimal]] = {}
    for row in summary["transactions"]:
        count, total, paid = added.get((row["kind"], row["state"]), (0, Decimal(0), Decimal(0)))
        amounts = [Decimal(row[name]["amount"]) if row[name] else Decimal(0) for name in ("total", "paid")]
        added[row["kind"], row["state"]] = (count + row["transactions"], total + amounts[0], paid + amounts[1])
    return added


def _state(state: str) -> Text:
    return Text(state, style=_STYLE[State(state)])


def _number(row: dict[str, Any]) -> str:
    """Return our number, and beside it accounting's own if that differs."""
    ours = row["number"] or row["label"]
    return f"{ours} ({row['document']['number']} in accounting)" if row["renumbered"] else ours


def _blank(text: str | None) -> str:
    return text or ""


def _money(money: dict[str, str] | None) -> str:
    return f"{Decimal(money['amount']):,}" if money else ""
