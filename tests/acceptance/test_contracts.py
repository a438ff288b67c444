"""The import contracts hold, and each of them breaks when somebody forgets it."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINTER = Path(sys.executable).with_name("lint-imports")
PACKAGES = ("engine", "adapters", "state")

# The contract, and an import that is against it: where, and what.
SABOTAGE = [
    ("One arrow: engine -> adapters -> state", "adapters/http.py", "import engine.limits"),
    ("One arrow: engine -> adapters -> state", "state/outbox.py", "import adapters.ports"),
    ("Only engine.app names a vendor", "engine/relay.py", "import adapters.quickbooks.forms"),
    ("Only engine.app names a vendor", "engine/cli/way.py", "import adapters.sandbox"),
    ("Adapters do not know each other", "adapters/alvys/client.py", "import adapters.quickbooks.forms"),
    ("Adapters speak the state's vocabulary, never its store", "adapters/http.py", "import state.store"),
    ("The judge shares nothing with the product", "adapters/sandbox/scenario.py", "import adapters.ports"),
    ("The judge shares nothing with the product", "adapters/sandbox/alvys/wire.py", "import state.problem"),
    ("Truth does no I/O", "state/lifecycle.py", "import asyncio"),
]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Copy what is linted."""
    for name in PACKAGES:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def linted(tree: Path) -> tuple[int, str]:
    done = subprocess.run(
        [LINTER, "--no-cache"],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_every_contract_holds(tree: Path) -> None:
    code, said = linted(tree)
    assert code == 0, said
    assert "0 broken" in said


def test_every_contract_is_tried() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    assert {each["name"] for each in contracts} == {contract for contract, _, _ in SABOTAGE}


@pytest.mark.parametrize(("contract", "where", "forbidden"), SABOTAGE)
def test_contract_breaks_when_somebody_forgets_it(tree: Path, contract: str, where: str, forbidden: str) -> None:
    with (tree / where).open("a") as module:
        module.write(f"\n\ndef sabotage() -> None:\n    {forbidden}\n")
    code, said = linted(tree)
    assert code == 1
    assert f"{contract} BROKEN" in said
