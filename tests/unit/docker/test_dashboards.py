"""Grafana's dashboards: what is checked in is what the code makes, and every panel asks for something that exists."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.monitor.test_alert_rules import FILES, exposed, rules

ROOT = Path(__file__).resolve().parents[3]
GRAFANA = ROOT / "docker/grafana"
BOARDS = sorted((GRAFANA / "dashboards").glob("*.json"))
NAMED = re.compile(r"(?<![\w:])[a-z][a-z0-9_]*:tapewatch_[a-z0-9_]+:[a-z0-9_]+|(?<![\w:])(?:tapewatch|process)_[a-z_]+")

each_board = pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.name)


def board(path: Path) -> dict[str, Any]:
    """One dashboard."""
    made: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return made


def panels(path: Path) -> list[dict[str, Any]]:
    """Its panels, without the headings."""
    return [panel for panel in board(path)["panels"] if panel["type"] != "row"]


def expressions(path: Path) -> list[str]:
    """Every Prometheus expression of panels and annotations."""
    asked = [target["expr"] for panel in panels(path) for target in panel["targets"] if "expr" in target]
    return asked + [mark["expr"] for mark in board(path)["annotations"].get("list", ()) if "expr" in mark]


def known() -> set[str]:
    """Names of series that exist: those of the monitor, of its process, and the recorded ones."""
    recorded = {rule["record"] for path in FILES for rule in rules(path) if "record" in rule}
    of_process = {f"process_{name}" for name in ("resident_memory_bytes", "cpu_seconds_total", "open_fds", "max_fds",
                                                 "start_time_seconds")}  # fmt: skip
    return exposed() | recorded | of_process


def test_what_is_checked_in_is_what_the_code_makes() -> None:
    """A change by hand would be lost with the next one by code."""
    pytest.importorskip("grafana_foundation_sdk", reason="grafana-foundation-sdk is not installed")
    from scripts.dashboards.__main__ import differing

    assert differing() == [], "run python -m scripts.dashboards"


@each_board
def test_every_series_that_a_panel_asks_for_exists(path: Path) -> None:
    """A panel on a name that nobody sets stays empty, and nobody notices."""
    asked = {name for expression in expressions(path) for name in NAMED.findall(expression)}
    assert asked
    assert asked - known() == set()


@each_board
def test_every_panel_says_what_it_shows_and_asks_a_provisioned_source(path: Path) -> None:
    """Titles are unique within a dashboard; the notes are what a reader gets who has never seen it."""
    provisioned = yaml.safe_load((GRAFANA / "provisioning/datasources/tapewatch.yaml").read_text(encoding="utf-8"))
    sources = {source["uid"]: source["type"] for source in provisioned["datasources"]}
    titles = [panel["title"] for panel in panels(path)]
    assert sorted(titles) == sorted(set(titles))
    for panel in panels(path):
        assert panel["description"].endswith("."), panel["title"]
        assert panel["targets"], panel["title"]
        for target in panel["targets"]:
            asked = target["datasource"]
            assert sources[asked["uid"]] == asked["type"], panel["title"]


@each_board
def test_panels_have_their_own_ids_and_lie_beside_one_another(path: Path) -> None:
    """Two with one id, or one upon the other, and Grafana shows only one of them."""
    made = board(path)["panels"]
    assert len({panel["id"] for panel in made}) == len(made)
    for one, other in combinations((panel["gridPos"] for panel in made), 2):
        apart = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert apart or above, (one, other)


def test_variables_that_are_used_are_there() -> None:
    """An unknown one is sent to Prometheus as it stands."""
    for path in BOARDS:
        made = board(path)
        defined = {variable["name"] for variable in made["templating"].get("list", ())}
        text = "\n".join([*expressions(path), *(t.get("rawSql", "") for p in panels(path) for t in p["targets"])])
        used = set(re.findall(r"\$\{?([a-z]+)", text)) - {"__"}
        assert used <= defined, path.name


def test_the_dashboards_that_were_promised_are_there() -> None:
    """Sentiment, pipeline, model; the alert timeline as annotations; evidence as a table."""
    assert [path.stem for path in BOARDS] == ["model", "pipeline", "sentiment"]
    titles = {panel["title"] for panel in panels(GRAFANA / "dashboards/sentiment.json")}
    wanted = {"Sentiment by entity", "Sentiment by topic", "Negative stories against expected", "Evidence"}
    assert wanted <= titles
    marks = {mark["name"] for mark in board(GRAFANA / "dashboards/sentiment.json")["annotations"]["list"]}
    assert "Alert timeline" in marks
