"""Verdicts and corrections: said through a link or the command line, shown as metrics, out again as training data."""

from __future__ import annotations

import csv
import json
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from alerts.messages.verdict_links import VerdictLinks
from alerts.replays.events import read_events
from models.evaluation.cases import read_cases
from monitor.app.verdicts import Desk
from monitor.cli import main
from monitor.domain import TOPICS, Alert, AlertState, SeriesKey, Transition, VerdictKind
from monitor.errors import PermanentError
from monitor.metrics import VerdictMetrics
from monitor.ports import Tick
from monitor.store import Store
from tests.fixtures.stores import T0, add, label, opened_store
from tests.unit.alerts.notices import evidence, headline

HOUR = timedelta(hours=1)
LINKS = VerdictLinks("a secret of some length", external_url="https://tape.example", valid_for=24 * HOUR)
FIRST, LAST = T0, T0 + 50 * HOUR  # two episodes


def alert() -> Alert:
    """An alert in its second episode."""
    return Alert(
        fingerprint="f1", rule="spike", series=SeriesKey(entity="ACME"), labels={}, state=AlertState.FIRING,
        since_at=LAST, fired_at=LAST,
    )  # fmt: skip


def fill(store: Store) -> None:
    """Two episodes of one alert, and two documents."""
    seen = evidence(headline(first_at=FIRST - 2 * HOUR))
    firings = [
        Transition(fingerprint="f1", rule="spike", series=SeriesKey(entity="ACME"), before=AlertState.NORMAL,
                   after=AlertState.FIRING, at=at, evidence=seen)
        for at in (FIRST, LAST)
    ]  # fmt: skip
    store.store_tick(Tick(at=LAST, alerts=[alert()], transitions=firings, groups=[], notifications=[], baselines=[]))
    add(store, [label("d1", title="Acme Corp wins a case"), label("d2", title="Nothing of theirs here")], first=0)


@pytest.fixture
def config(tmp_path: Path) -> str:
    """A configuration with a watchlist, over a filled database."""
    url = f"sqlite:///{tmp_path / 'tapewatch.db'}"
    store = opened_store(url)
    fill(store)
    store.close()
    path = tmp_path / "tapewatch.yaml"
    watched = "watchlist: {entities: [{ticker: ACME, name: Acme Corp}]}\n"
    path.write_text(f"database: {{url: '{url}'}}\n{watched}")
    return str(path)


def run(config: str, *arguments: str) -> int:
    """The exit status of one call."""
    with pytest.raises(SystemExit) as left:
        main(["alerts", *arguments, "--config", config])
    return int(left.value.code or 0)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    """What was printed, decoded."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_verdict_is_on_the_last_episode_unless_told_otherwise(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The alert that woke somebody up is the one that they speak of."""
    assert run(config, "verdict", "f1", "useful", "--by", "Ann") == 0
    assert run(config, "verdict", "f", "false", "--at", "2026-03-02T20:00Z", "--note", "a bot") == 0
    last, first = lines(capsys)
    assert (last["fired_at"], last["verdict"], last["by"]) == (LAST.isoformat(), "useful", "Ann")
    assert (first["fired_at"], first["verdict"], first["note"]) == (FIRST.isoformat(), "false", "a bot")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("verdict", "zz", "useful"), 1, "0 alerts begin with 'zz'"),
        (("verdict", "f1", "useful", "--at", "2020-01-01"), 1, "has not fired by 2020-01-01 00:00 UTC"),
        (("verdict", "f1", "useful", "--at", "noon"), 2, "not an instant: 'noon'"),
        (("verdict", "f1", "great"), 2, "'great' is not one of"),
        (("correct", "d1"), 2, "--sentiment, --topic or both"),
        (("correct", "d9", "--sentiment", "positive"), 1, "no document 'd9' is kept"),
        (("correct", "d1", "--entity", "BETA", "--sentiment", "positive"), 1, "not about BETA; it names: ACME"),
        (("correct", "d1", "--topic", "Weather"), 2, "no topic 'Weather'; there are: "),
    ],
)
def test_what_cannot_be_said_is_refused_with_the_remedy(
    config: str, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], status: int, said: str
) -> None:
    """Nothing is recorded of it."""
    assert run(config, *arguments) == status
    assert said in capsys.readouterr().err


def test_verdicts_come_out_with_their_evidence(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """As it was when the alert fired, which is what was judged."""
    run(config, "verdict", "f1", "false", "--by", "Ann")
    capsys.readouterr()
    assert run(config, "export-verdicts") == 0
    [row] = lines(capsys)
    assert (row["verdict"], row["rule"], row["fired_at"]) == ("false", "spike", LAST.isoformat())
    assert row["series"] == {"entity": "ACME", "topic": "all", "source_class": "all"}
    assert row["evidence"]["seen"] == 23  # type: ignore[index]


def test_verdicts_come_out_as_events_that_a_replay_reads(
    config: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """What people said is what the next rule is scored by; a duplicate says nothing of the kind."""
    run(config, "verdict", "f1", "useful", "--note", "a recall")
    run(config, "verdict", "f1", "false", "--at", FIRST.isoformat())
    capsys.readouterr()
    assert run(config, "export-verdicts", "--events") == 0
    (tmp_path / "events.csv").write_text(capsys.readouterr().out)
    quiet, event = read_events(tmp_path / "events.csv")
    assert (event.entity, event.start, event.description, event.is_quiet) == (
        "ACME",
        LAST - 23 * HOUR,
        "a recall",
        False,
    )
    assert (quiet.start, quiet.is_quiet) == (FIRST - 2 * HOUR, True), "since the first story was told"
    assert quiet.until > FIRST, "the alert that was wrong lies within"
    run(config, "verdict", "f1", "duplicate")
    capsys.readouterr()
    run(config, "export-verdicts", "--events")
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_corrections_come_out_as_rows_that_training_reads(
    config: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Towards an entity by the name that the text has, of the text, and its topic; each in a table of its own."""
    run(config, "correct", "d1", "--entity", "acme", "--sentiment", "positive")
    run(config, "correct", "d1", "--sentiment", "neutral", "--topic", TOPICS[3].lower())
    run(config, "correct", "d2", "--entity", "ACME", "--sentiment", "neutral")
    capsys.readouterr()
    assert run(config, "export-labels", "--out", str(tmp_path / "rows")) == 0
    shown = capsys.readouterr()
    assert "1 left out: their texts do not name the entity" in shown.err
    assert {Path(json.loads(line)["file"]).name: json.loads(line)["rows"] for line in shown.out.splitlines()} == {
        "entities.csv": 1, "sentiments.csv": 1, "topics.csv": 1,
    }  # fmt: skip
    [case] = read_cases([tmp_path / "rows" / "entities.csv"], topics=TOPICS).cases
    assert (case.text, case.entities) == ("Acme Corp wins a case", (("Acme Corp", 2),))
    with (tmp_path / "rows" / "topics.csv").open() as file:
        assert [row["label"] for row in csv.DictReader(file)] == [TOPICS[3]]


def test_a_link_says_what_it_is_about_and_records(tmp_path: Path) -> None:
    """Of the episode that it was made for, also when the alert has fired again since."""
    store = opened_store(f"sqlite:///{tmp_path / 'tapewatch.db'}")
    fill(store)
    desk = Desk(lambda: store, lambda: LINKS, names={"ACME": "Acme Corp"}, clock=lambda: LAST)
    token = LINKS.token("f1", FIRST, expires_at=LAST + HOUR)

    shown = desk.episode(token)
    assert (shown.about, shown.fired_at, shown.verdict) == ("Acme Corp (ACME)", FIRST, None)
    assert shown.summary == "23 negative stories, 2.1 expected"
    assert store.verdicts() == []
    assert desk.record(token, VerdictKind.FALSE, by=" Ann ", note="").verdict is VerdictKind.FALSE
    [kept] = store.verdicts()
    assert (kept.fired_at, kept.rule, kept.by, kept.at) == (FIRST, "spike", "Ann", LAST)
    with pytest.raises(PermanentError, match="forgotten"):
        desk.episode(LINKS.token("gone", FIRST, expires_at=LAST + HOUR))
    with pytest.raises(PermanentError, match="too old"):
        desk.record(LINKS.token("f1", FIRST, expires_at=LAST - HOUR), VerdictKind.FALSE, by="", note="")
    with pytest.raises(PermanentError, match="no secret"):
        Desk(lambda: store, lambda: None, names={}, clock=lambda: LAST).episode(token)
    store.close()


def test_precision_is_a_metric() -> None:
    """Useful among useful and false; a duplicate is neither, and nothing is claimed before the first."""
    registry = CollectorRegistry()
    metrics = VerdictMetrics(registry)
    counts = {
        ("spike", VerdictKind.USEFUL): 3, ("spike", VerdictKind.FALSE): 1, ("spike", VerdictKind.DUPLICATE): 5,
        ("gone", VerdictKind.FALSE): 1,
    }  # fmt: skip
    metrics.show(["spike", "new"], counts)
    shown = generate_latest(registry).decode()
    assert 'tapewatch_rule_verdicts{rule="spike",verdict="duplicate"} 5.0' in shown
    assert 'tapewatch_rule_verdicts{rule="new",verdict="useful"} 0.0' in shown
    assert 'tapewatch_rule_precision{rule="spike"} 0.75' in shown
    assert 'tapewatch_rule_precision{rule="new"}' not in shown
    assert "gone" not in shown
