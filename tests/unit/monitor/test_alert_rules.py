"""The rules for Prometheus: every metric they name exists, they fire when they should, people know what to do."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from monitor import metrics

ROOT = Path(__file__).resolve().parents[3]
RULES = ROOT / "docker/prometheus/rules"
NAMED = re.compile(r"\btapewatch_[a-z_]+")
FILES = sorted(path for path in RULES.glob("*.yaml") if not path.name.endswith("_test.yaml"))


def exposed() -> set[str]:
    """Names of the series that the monitor may show."""
    registry = CollectorRegistry()
    for made in vars(metrics).values():
        if isinstance(made, type) and made.__name__.endswith("Metrics"):
            made(registry)
    # Names with the suffixes that the kinds of metric put behind them.
    return set(registry._names_to_collectors)


def rules(path: Path) -> list[dict[str, Any]]:
    """Every rule of a file."""
    groups = yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def expressions(path: Path) -> dict[str, str]:
    """By alert or recorded name, what it asks."""
    return {rule.get("alert") or rule["record"]: rule["expr"] for rule in rules(path)}


def every_alert() -> list[str]:
    """Names of the alerts of all files."""
    return [rule["alert"] for path in FILES for rule in rules(path) if "alert" in rule]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_metric_in_a_rule_exists(path: Path) -> None:
    """An alert on a name that nobody sets never fires, and nobody notices."""
    asked = {name for expression in expressions(path).values() for name in NAMED.findall(expression)}
    assert asked
    assert asked - exposed() == set()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_rule_has_a_case(path: Path) -> None:
    """A rule without one was never seen to fire, or to record."""
    cases = yaml.safe_load((RULES / f"{path.stem}_test.yaml").read_text(encoding="utf-8"))["tests"]
    fired = {rule["alertname"] for case in cases for rule in case.get("alert_rule_test", ()) if rule.get("exp_alerts")}
    shown = {asked["expr"] for case in cases for asked in case.get("promql_expr_test", ()) if asked.get("exp_samples")}
    assert fired | shown == set(expressions(path))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_promtool_agrees(path: Path) -> None:
    """Prometheus' own reading of the rules, over series that move as in life."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: apt install prometheus)")
    done = subprocess.run(
        [promtool, "test", "rules", f"{path.stem}_test.yaml"], cwd=RULES, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_reads_every_file_of_rules_and_no_test() -> None:
    """A file that is not named is never evaluated, and a glob would take the tests for rules."""
    settings = yaml.safe_load((RULES.parent / "prometheus.yaml").read_text(encoding="utf-8"))
    assert sorted(settings["rule_files"]) == sorted(f"rules/{path.name}" for path in FILES)


def test_names_of_alerts_are_unique() -> None:
    """The runbook and silences go by the name."""
    names = every_alert()
    assert sorted(names) == sorted(set(names))


def test_the_runbook_says_of_every_alert_what_to_do_and_of_no_other() -> None:
    """Whoever is woken looks it up by its name."""
    text = (ROOT / "docs/runbook.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^### (\w+)$", text, re.MULTILINE)) == sorted(every_alert())
