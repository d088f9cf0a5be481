"""Prometheus on a live monitor over Kafka and PostgreSQL: every panel and every rule has something to show.

The monitor reads a wave of bad news about one company; then every expression of the dashboards, every recording rule,
every series that an alert rule asks for and every query on the database must return data. What does not is listed.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import yaml

from monitor.demo.kafka_server import KafkaServer
from monitor.demo.postgres_server import PostgresServer
from tests.fixtures.prometheus import alertmanager, prometheus
from tests.integration.live_stack import BAD, COMPANIES, DOCKER, GOOD, Live, document, live_monitor, prometheus_config
from tests.integration.waiting import wait_for
from tests.unit.docker.test_dashboards import BOARDS, NAMED, board, panels
from tests.unit.monitor.test_alert_rules import FILES, rules

pytestmark = [
    pytest.mark.prometheus, pytest.mark.kafka, pytest.mark.postgres, pytest.mark.model, pytest.mark.timeout(420),
]  # fmt: skip

DOCUMENTS = 220  #: Enough for the model to say how far the stream has drifted.
FOR_TEST = {"$__rate_interval": "1m", "$__interval": "5s", "$entity": ".*", "$topic": ".*", "$rule": ".*"}


class Asked:
    """A Prometheus that scrapes the monitor."""

    def __init__(self, address: str, live: Live, alerts_at: str) -> None:
        self.address = address
        self.live = live
        self.alerts_at = alerts_at

    def get(self, path: str, **arguments: str) -> Any:
        """The data of an answer; an error of Prometheus fails the test."""
        url = f"{self.address}/api/v1/{path}?{urllib.parse.urlencode(arguments)}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.loads(answer.read())["data"]

    def series(self, expression: str) -> list[Any]:
        """What an expression returned in the last minutes, a list of series."""
        now = time.time()
        for name, value in FOR_TEST.items():
            expression = expression.replace(name, value)
        found = self.get("query_range", query=expression, start=str(now - 180), end=str(now), step="5")["result"]
        assert isinstance(found, list)
        return [one for one in found if any(value != "NaN" for _, value in one["values"])]


@pytest.fixture(scope="module")
def asked(
    programs: dict[str, str],
    kafka: KafkaServer,
    postgres_server: PostgresServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Asked]:
    """The whole of it, after a wave of bad news about ACME that has fired and been delivered."""
    folder = tmp_path_factory.mktemp("live")
    database = postgres_server.create_database("live")
    (folder / "am.yaml").write_text("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
    with (
        alertmanager(programs, folder, folder / "am.yaml") as alerts_at,
        live_monitor(folder, kafka=kafka.bootstrap, database=database, alertmanager=alerts_at) as live,
    ):
        config = prometheus_config(folder, monitor=live.monitor, alertmanager=alerts_at)
        with prometheus(programs, folder, config) as address:
            made = Asked(address, live, alerts_at)
            wait_for(lambda: made.series('up{job="tapewatch"} == 1'), seconds=30)
            wave(made)
            yield made
    postgres_server.drop_database("live")


def wave(asked: Asked) -> None:
    """Calm news first, so that counters stand before they rise; then bad news, until the alert was delivered."""
    calm = [document(f"c{n}", tuple(COMPANIES)[n % 2], GOOD[n % len(GOOD)], age_s=n) for n in range(DOCUMENTS)]
    asked.live.push(calm[:100])
    asked.live.push(calm[100:])
    bad = [document(f"b{n}", "ACME", BAD[n % len(BAD)], source=f"wire-{n % 3}") for n in range(24)]
    asked.live.push(bad)
    delivered = 'tapewatch_deliveries_total{outcome="delivered"} > 0'
    wait_for(lambda: asked.series(delivered), seconds=180)
    # Sources are judged again some seconds after the start, when the first look has seen nothing polled.
    wait_for(lambda: asked.series("tapewatch_source_last_document_timestamp_seconds"), seconds=120)
    # What is recorded comes after what it is recorded from.
    wait_for(lambda: asked.series("job:tapewatch_publish_to_alert_seconds:p99_1d"), seconds=60)


def test_the_alert_is_at_the_alertmanager(asked: Asked, programs: dict[str, str]) -> None:
    """From a document at the door to amtool."""
    command = [programs["amtool"], f"--alertmanager.url={asked.alerts_at}", "alert", "query", "--output=json"]
    shown = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert {(one["labels"]["alertname"], one["labels"]["entity"]) for one in shown} >= {("negative-spike", "ACME")}


def test_prometheus_reads_our_rules_and_knows_the_alertmanager(asked: Asked) -> None:
    """Every group, without an error, and somebody to tell."""
    groups = asked.get("rules")["groups"]
    loaded = {rule["name"] for group in groups for rule in group["rules"]}
    assert loaded == {rule.get("alert") or rule["record"] for path in FILES for rule in rules(path)}
    assert [rule["name"] for group in groups for rule in group["rules"] if rule["health"] != "ok"] == []
    assert len(asked.get("alertmanagers")["activeAlertmanagers"]) == 1


def test_every_panel_and_annotation_has_data(asked: Asked) -> None:
    """A panel without data is one that nobody can trust on the day it matters."""
    empty = []
    for path in BOARDS:
        for panel in panels(path):
            wanted = [target["expr"] for target in panel["targets"] if "expr" in target]
            empty += [f"{path.stem} / {panel['title']}: {expr}" for expr in wanted if not asked.series(expr)]
        for mark in board(path)["annotations"].get("list", ()):
            expression = mark.get("expr", "").removesuffix(" > 0")
            if expression and not asked.series(expression):
                empty.append(f"{path.stem} / annotation {mark['name']}: {expression}")
    assert empty == []


def test_every_recording_rule_records_and_every_alert_rule_asks_for_what_is_there(asked: Asked) -> None:
    """An alert rule that fires never has data; what it asks for has."""
    empty = []
    for path in FILES:
        for rule in rules(path):
            if "record" in rule:
                empty += [] if asked.series(rule["record"]) else [rule["record"]]
                continue
            names = sorted(set(NAMED.findall(rule["expr"])))
            empty += [f"{rule['alert']}: {name}" for name in names if not asked.series(name)]
            empty += [f"{rule['alert']}: {text}" for text in selectors(rule["expr"]) if not asked.series(text)]
    assert empty == []


def selectors(expression: str) -> list[str]:
    """Every series that an expression selects by labels, as a query of its own."""
    return [match.group(0) for match in re.finditer(r"[a-z][a-z0-9_:]*\{[^}]*\}", expression)]


def test_queries_on_the_database_return_rows(asked: Asked) -> None:
    """The evidence, the alerts of now and the timeline, as Grafana's user with no right but to read."""
    made = board(next(path for path in BOARDS if path.stem == "sentiment"))
    targets = [target for panel in made["panels"] for target in panel.get("targets", ()) if "rawSql" in target]
    targets += [mark["target"] for mark in made["annotations"]["list"] if "target" in mark]
    assert len(targets) == 3
    with psycopg.connect(asked.live.database.replace("+psycopg", ""), autocommit=True) as connection:
        for target in targets:
            sql = target["rawSql"].replace("$__unixEpochFrom()", str(int(time.time()) - 7200))
            sql = sql.replace("$__unixEpochTo()", str(int(time.time()) + 60)).replace("${entity:sqlstring}", "'ACME'")
            assert connection.execute(sql).fetchall(), sql


def test_promtool_takes_the_configuration(programs: dict[str, str]) -> None:
    """The one of docker/ as it is: names, files of rules, discovery."""
    command = [programs["promtool"], "check", "config", "--syntax-only", str(DOCKER / "prometheus.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert yaml.safe_load((DOCKER / "prometheus.yaml").read_text(encoding="utf-8"))["rule_files"]


def test_a_scrape_takes_no_time_and_no_unbounded_number_of_series(asked: Asked) -> None:
    """Labels come from closed sets: what is there after a wave is a few thousand series at most."""
    [scraped] = asked.get("query", query='scrape_samples_scraped{job="tapewatch"}')["result"]
    assert float(scraped["value"][1]) < 5000
    labels = asked.get("label/entity/values")
    assert set(labels) == {*COMPANIES, "all"}
