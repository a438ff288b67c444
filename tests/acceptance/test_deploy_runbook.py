"""The runbook answers for every alert and every error code, with commands that exist."""

import re
import shlex
from pathlib import Path

import click
import pytest

from adapters.alvys import faults
from adapters.quickbooks import CATALOGUE as ACCOUNTING
from engine.cli import main
from state.problem import CATALOGUE as COMMON
from state.problem import Problem

DEPLOY = Path(__file__).parents[2] / "deploy"
RUNBOOK = (DEPLOY / "RUNBOOK.md").read_text(encoding="utf-8")
ALERTS = re.findall(r"- alert: (\w+)", (DEPLOY / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))
CODES = {*COMMON, *ACCOUNTING, *(each.code for each in vars(faults).values() if isinstance(each, Problem))}
TABLE = RUNBOOK.partition("## Error codes")[2].partition("\n## ")[0]


def commands() -> list[str]:
    """Return every `loadledger …` of the runbook, in fences and in running text, as one would type it."""
    text = re.sub(r"\\\n\s*", " ", RUNBOOK)
    fenced = [line for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    spoken = re.findall(r"`([^`\n]+(?:\n[^`\n]+)?)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    typed = re.compile(r"(?:^|.*\s/\S+/bin/)(loadledger [a-z].*)", re.DOTALL)
    return sorted({" ".join(found[1].split()) for each in [*fenced, *spoken] if (found := typed.fullmatch(each))})


def headings(text: str) -> list[str]:
    return re.findall(r"^#+ (.+)$", text, re.MULTILINE)


def anchor(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def parse(command: click.Command, words: list[str]) -> None:
    """Let click read the words as it would, without doing anything; UsageError if it does not understand them."""
    context = command.make_context(command.name, words)
    if isinstance(command, click.Group):
        _, inner, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        assert inner is not None
        parse(inner, rest)


@pytest.mark.parametrize("alert", ALERTS)
def test_each_alert_has_a_section_that_says_where_to_look_and_what_to_do(alert: str) -> None:
    section = re.search(rf"^### {alert}$(.*?)(?=^##)", RUNBOOK, re.MULTILINE | re.DOTALL)
    assert section
    assert "- **Look:** " in section[1]
    assert "- **Do:** " in section[1]


def test_each_section_on_an_alert_is_about_one_that_exists() -> None:
    assert [heading for heading in headings(RUNBOOK) if heading.startswith("Loadledger")] == ALERTS


@pytest.mark.parametrize("code", sorted(CODES))
def test_each_error_code_has_its_place(code: str) -> None:
    assert TABLE.count(f"`{code}`") == 1


def test_each_code_in_the_table_exists() -> None:
    listed = {
        code for row in TABLE.splitlines() if row.startswith("| ") for code in re.findall(r"`(\w+)`", row.split("|")[2])
    }
    assert listed == CODES


def test_each_reference_leads_somewhere() -> None:
    anchors = {anchor(heading) for heading in headings(RUNBOOK)}
    assert set(re.findall(r"\]\(#([\w-]+)\)", RUNBOOK)) <= anchors


@pytest.mark.parametrize("line", commands())
def test_each_command_is_one_the_command_line_understands(line: str) -> None:
    parse(main, shlex.split(line)[1:])


def test_commands_of_every_kind_were_found() -> None:
    kinds = {tuple(shlex.split(line)[1:3]) if " transactions " in line else shlex.split(line)[1] for line in commands()}
    assert {
        "check",
        "token",
        "lifecycle",
        *(("transactions", verb) for verb in ("list", "show", "retry", "revert", "reexport", "force")),
    } <= kinds
