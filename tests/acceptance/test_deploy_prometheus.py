"""The alerts are valid, fire when they should, and watch metrics that the daemon has."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from engine.metrics import Metrics

FOLDER = Path(__file__).parents[2] / "deploy" / "prometheus"
RULES = (FOLDER / "alerts.yml").read_text(encoding="utf-8")
TESTS = (FOLDER / "alerts_test.yml").read_text(encoding="utf-8")
BLOCKS = dict(zip(re.findall(r"- alert: (\w+)", RULES), re.split(r"- alert: \w+", RULES)[1:], strict=True))

PROMTOOL = shutil.which("promtool") or ""
promtool = pytest.mark.skipif(not PROMTOOL, reason="promtool (Debian's package prometheus) is not installed")


def run(*arguments: str) -> None:
    done = subprocess.run([PROMTOOL, *arguments], cwd=FOLDER, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@promtool
def test_promtool_accepts_the_rules() -> None:
    run("check", "rules", "--lint-fatal", "alerts.yml")


@promtool
def test_each_alert_fires_when_it_should_and_not_before() -> None:
    run("test", "rules", "alerts_test.yml")


@pytest.mark.parametrize("alert", BLOCKS)
def test_each_alert_is_seen_firing_and_seen_quiet(alert: str) -> None:
    assert re.search(rf"alertname: {alert}\n +eval_time: \S+\n +exp_alerts:\n +- exp_labels", TESTS)
    assert re.search(rf"alertname: {alert}, eval_time: \S+, exp_alerts: \[\]", TESTS)


@pytest.mark.parametrize("alert", BLOCKS)
def test_each_alert_says_how_urgent_it_is_and_where_to_read_on(alert: str) -> None:
    block = BLOCKS[alert]
    assert re.search(r"severity: (critical|warning)\n", block)
    assert re.search(r"summary: .+\.\"?\n", block)
    assert f"runbook: RUNBOOK.md#{alert.lower()}\n" in block


def test_each_metric_watched_is_one_the_daemon_has() -> None:
    metrics = Metrics()
    metrics.observe_call("quickbooks")
    metrics.watch_loop("relay")
    exposed = set(re.findall(r"^([a-z]\w+)(?:[{ ])", metrics.text().decode(), re.MULTILINE))
    watched = set(re.findall(r"\b(?:loadledger|process)_\w+", "".join(re.findall(r"expr: (.+)", RULES))))
    assert watched
    assert watched <= exposed
