"""The command line as a person types it."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from engine.cli import main

ROOT = Path(__file__).parents[2]
PROGRAM = Path(sys.executable).with_name("loadledger")


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield every command there is, groups too, as the words that call it."""
    yield path
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


def typed(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LOADLEDGER_")}
    return subprocess.run(
        [PROGRAM, *words], env=kept | environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


def test_every_command_the_daemon_promises_is_there() -> None:
    known = {" ".join(path) for path in commands(main)}
    promised = {"demo", "run", "check", "lifecycle", "sandbox"}
    promised |= {f"transactions {action}" for action in ("list", "show", "retry", "force")}
    assert promised <= known


@pytest.mark.parametrize("path", [path for path in commands(main) if path != ("sandbox",)], ids=" ".join)
def test_help_says_what_a_command_is_for(path: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(main, [*path, "--help"])
    assert shown.exit_code == 0
    assert shown.output.startswith("Usage: ")
    said = shown.output.split("\n\n")[1].strip()
    assert said
    assert said.endswith((".", "."))
    # An option shows the values it takes as one types them, not as the program calls them.
    assert re.search(r"\b(State|Kind|Role)\.", shown.output) is None


def test_installed_program_answers_and_hands_the_sandboxs_help_on() -> None:
    version = typed("--version")
    assert (version.returncode, version.stderr) == (0, "")
    assert re.search(r"\d+\.\d+\.\d+", version.stdout)
    sandbox = typed("sandbox", "--help")
    assert (sandbox.returncode, sandbox.stderr) == (0, "")
    assert "--quickbooks-port" in sandbox.stdout


def test_lifecycle_prints_the_diagram_that_readme_shows() -> None:
    printed = typed("lifecycle")
    assert (printed.returncode, printed.stderr) == (0, "")
    fenced = re.findall(r"^```mermaid\n(.*?)^```$", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    assert printed.stdout in fenced


@pytest.mark.parametrize(
    "words",
    [["transactions", "list"], ["transactions", "retry", "1", "--reason", "why not"]],
    ids=" ".join,
)
def test_command_without_a_daemon_says_so_and_fails(words: list[str]) -> None:
    said = typed(*words, LOADLEDGER_URL="http://127.0.0.1:1")
    assert said.returncode == 1
    assert "no daemon answers" in said.stderr
    assert "Traceback" not in said.stderr


@pytest.mark.parametrize("command", ["run", "check"])
def test_command_without_a_configuration_lists_what_is_missing_and_ends_with_2(command: str) -> None:
    said = typed(command)
    assert said.returncode == 2
    assert "LOADLEDGER_ENTITY" in said.stderr
    assert "LOADLEDGER_QUICKBOOKS_CLIENT_SECRET" in said.stderr
    assert "Traceback" not in said.stderr
