"""The alert rules for Prometheus: every metric that they name exists, and they fire when they should."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry

from monitor import metrics

RULES = Path(__file__).resolve().parents[3] / "docker/prometheus/rules"
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


def expressions(path: Path) -> dict[str, str]:
    """By alert, what it asks."""
    groups = yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
    return {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_metric_in_a_rule_exists(path: Path) -> None:
    """An alert on a name that nobody sets never fires, and nobody notices."""
    asked = {name for expression in expressions(path).values() for name in NAMED.findall(expression)}
    assert asked
    assert asked - exposed() == set()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_alert_has_a_case(path: Path) -> None:
    """A rule without one was never seen to fire."""
    cases = yaml.safe_load((RULES / f"{path.stem}_test.yaml").read_text(encoding="utf-8"))["tests"]
    fired = {rule["alertname"] for case in cases for rule in case["alert_rule_test"] if rule.get("exp_alerts")}
    assert fired == set(expressions(path))


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
