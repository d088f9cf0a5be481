"""`tapewatch explain`: what a rule saw, which gate stood in the way and how far, whatever was learned since."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from alerts.evaluate import Evaluator
from monitor.app.explaining import alert_charts
from monitor.cli import main
from monitor.domain import TOPICS, AlertState, Label, Matcher, SeriesKey, Silence, Transition
from monitor.errors import MonitorError
from monitor.metrics import AlertMetrics
from monitor.ports import Tick
from monitor.settings import AlertingSettings
from monitor.settings.load import load_settings
from monitor.store import Store
from pipelines.entities import EntityLinker
from tests.fixtures.stores import add, label, opened_store
from tests.unit.alerts.build import DAY, HOUR, MINUTE, T0

RULE = {
    "name": "spike", "window": "1h", "method": "negative-binomial", "max_p_value": 1e-3, "resolve_p_value": 0.05,
    "gates": {"min_count": 4, "min_ratio": 2.0, "min_sources": 2}, "baseline": {"min_history": "2d"},
}  # fmt: skip
BURST = T0 - 12 * HOUR
LONE = T0 - 30 * HOUR  # as loud, from one source


def stories() -> list[Label]:
    """Ten days with one bad story in eight hours, an hour of twenty, and one of ten that a single source tells."""
    calm = [label(f"c{n}", at=T0 - 10 * DAY + 8 * HOUR * n, source=f"s{n % 3}") for n in range(30)]
    burst = [label(f"b{n}", at=BURST - MINUTE * (n + 1), source=f"s{n % 3}", title=f"Recall {n}") for n in range(20)]
    lone = [label(f"l{n}", at=LONE - MINUTE * (n + 1), source="bot") for n in range(10)]
    return [*calm, *burst, *lone]


def database(folder: Path) -> str:
    """The address of the database."""
    return f"sqlite:///{folder / 'tapewatch.db'}"


@pytest.fixture
def config(tmp_path: Path) -> str:
    """A configuration with one rule, over ten days of counts."""
    store = opened_store(database(tmp_path))
    add(store, stories(), first=0, now=T0)
    store.close()
    path = tmp_path / "tapewatch.yaml"
    values = {
        "database": {"url": database(tmp_path)},
        "watchlist": {"entities": [{"ticker": "ACME", "name": "Acme Corp"}, {"ticker": "BETA", "name": "Beta"}]},
        "alerting": {"rules": [RULE]},
    }
    path.write_text(json.dumps(values))
    return str(path)


def run(config: str, *arguments: str) -> int:
    """The exit status of one call."""
    with pytest.raises(SystemExit) as left:
        main(["explain", "--config", config, *arguments])
    return int(left.value.code or 0)


def explained(capsys: pytest.CaptureFixture[str], config: str, at: datetime, *more: str) -> dict[str, object]:
    """What was said of ACME at `at`."""
    capsys.readouterr()
    assert run(config, "--entity", "acme", "--at", at.isoformat(), "--json", *more) == 0
    [line] = capsys.readouterr().out.splitlines()
    found: dict[str, object] = json.loads(line)
    return found


def test_a_calm_minute_says_what_was_missing(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Which gates, and how many stories more it would have taken."""
    found = explained(capsys, config, T0 - 5 * HOUR)
    assert (found["met"], found["state"]) == (False, "normal")
    assert "min_count" in found["failed"]  # type: ignore[operator]
    assert 4 <= found["missing"] <= 30  # type: ignore[operator]
    assert "There was no alert. Not met: " in str(found["why"])
    assert "min_count, 0 stories seen (at least 4)" in str(found["why"])
    assert f"{found['missing']} more negative stories at this minute" in str(found["why"])


def test_a_loud_minute_has_its_evidence(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The numbers, the gates and the stories of an alert, also where no evaluation has run."""
    found = explained(capsys, config, BURST)
    assert (found["met"], found["failed"], found["missing"]) == (True, [], None)
    assert "no evaluation has acted on it" in str(found["why"])
    evidence = found["evidence"]
    assert isinstance(evidence, dict)
    assert evidence["seen"] == 20
    assert evidence["gates"]["min_sources"] == {"passed": True, "value": 3, "limit": 2}
    assert len(evidence["documents"]) == 5


def test_a_minute_that_is_not_counted_yet_says_so(
    config: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Nothing seen is no calm while documents wait on the bus."""
    store = opened_store(database(tmp_path))
    store.raise_counted_until("g", T0 - HOUR)
    store.close()
    waits = "What came onto the bus since 2024-03-04 11:00 UTC is not counted yet"
    assert explained(capsys, config, T0 - HOUR)["uncounted_since"] is None
    found = explained(capsys, config, T0)
    assert waits in str(found["why"])
    assert found["uncounted_since"] == (T0 - HOUR).isoformat()


def test_the_gate_that_stood_in_the_way_is_named(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One bot is loud; the counts alone would have let the rule fire."""
    found = explained(capsys, config, LONE)
    assert found["failed"] == ["min_sources"]
    assert found["missing"] is None
    assert "Not met: min_sources, 1 distinct sources, or authors of posts (at least 2)." in str(found["why"])


def test_text_for_people_has_all_of_it(
    config: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert run(config, "--entity", "ACME", "--at", BURST.isoformat()) == 0
    shown = capsys.readouterr().out
    for fact in (
        "Acme Corp (ACME), rule spike, 2024-03-04 00:00 UTC", "In 1h: 20 negative stories", "Windows",
        "1h, negative stories: 20 seen", "(spoke)", "passed  min_sources: 3 distinct sources", "Top stories", "Recall ",
        "of history",
    ):  # fmt: skip
        assert fact in shown, fact


def store_transitions(folder: Path, found: Sequence[Transition], *silences: Silence) -> None:
    """Remember what became of the alert."""
    store = opened_store(database(folder))
    store.store_tick(Tick(at=T0, alerts=[], transitions=found, groups=[], notifications=[], baselines=[]))
    for silence in silences:
        store.save_silence(silence)
    store.close()


def moved(before: AlertState, after: AlertState, at: datetime, reason: str = "") -> Transition:
    """A transition of the alert on ACME."""
    from alerts.rules import fingerprint

    key = SeriesKey(entity="ACME")
    return Transition(
        fingerprint=fingerprint("spike", key), rule="spike", series=key, before=before, after=after, at=at,
        reason=reason,
    )  # fmt: skip


def test_the_state_is_that_of_the_minute(config: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Not that of today."""
    fired, over = BURST - 20 * MINUTE, BURST + 40 * MINUTE
    silence = Silence(
        id="s", matchers=(Matcher(name="entity", value="ACME"),), starts_at=BURST, ends_at=BURST + HOUR,
        created_by="op", comment="known",
    )  # fmt: skip
    states = [
        moved(AlertState.NORMAL, AlertState.FIRING, fired),
        moved(AlertState.FIRING, AlertState.UNCERTAIN, BURST + 20 * MINUTE, "2 of 3 sources were not looked at"),
        moved(AlertState.UNCERTAIN, AlertState.RESOLVED, over),
    ]
    store_transitions(tmp_path, states, silence)
    why = str(explained(capsys, config, BURST)["why"])
    assert "The alert was firing since 2024-03-03 23:40 UTC, but a silence kept it from being notified." in why
    assert explained(capsys, config, fired - MINUTE)["state"] == "normal"
    unsure = explained(capsys, config, BURST + 30 * MINUTE)
    assert "The alert was uncertain since 2024-03-04 00:20 UTC: 2 of 3 sources were not looked at." in str(
        unsure["why"]
    )
    after = explained(capsys, config, T0 - HOUR)
    assert after["fired"] == [{"from": fired.isoformat(), "to": over.isoformat()}]


def evaluate(store: Store, until: datetime) -> None:
    """Let the rule run, so that it learns and stores what it learned."""
    settings = AlertingSettings.model_validate({"rules": [RULE]})
    evaluator = Evaluator(
        store, settings, tickers=["ACME", "BETA"], topics=TOPICS, bucket=MINUTE, owner="test",
        metrics=AlertMetrics(CollectorRegistry()),
    )  # fmt: skip
    list(evaluator.evaluate([until]))


def test_what_was_learned_since_changes_no_answer(
    config: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Whoever asks tomorrow hears what whoever asked at once did."""
    at_once = explained(capsys, config, T0 - 2 * DAY)
    store = opened_store(database(tmp_path))
    evaluate(store, T0 + 6 * HOUR)
    learned = {state.learned_until for state in store.baselines()}
    store.close()
    assert min(learned) > T0 - 2 * DAY
    assert explained(capsys, config, T0 - 2 * DAY) == at_once
    assert explained(capsys, config, T0 + 6 * HOUR + 30 * MINUTE)["state"] == "normal", "from what is stored"


def test_a_mail_gets_the_picture_of_its_alert(config: str, tmp_path: Path) -> None:
    """From what the rule has learned already: a mail does not wait for months of counts to be learned."""
    store, settings = opened_store(database(tmp_path)), load_settings(Path(config), {})
    linker = EntityLinker.from_settings(settings.watchlist)
    draw = alert_charts(lambda: settings, lambda: store, lambda: linker)
    evaluate(store, BURST)
    [alert] = store.alerts()
    assert alert.state is AlertState.FIRING
    drawn = draw(alert)
    assert drawn is not None
    assert drawn.startswith(b"\x89PNG")
    assert draw(replace(alert, rule="gone")) is draw(replace(alert, evidence=None)) is None
    assert draw(replace(alert, series=SeriesKey(entity="GAMMA"))) is None
    store.close()


def test_a_mail_does_not_wait_for_a_rule_that_has_learned_nothing(config: str, tmp_path: Path) -> None:
    """It goes without its picture."""
    store, settings = opened_store(database(tmp_path)), load_settings(Path(config), {})
    old = [label("o", at=T0 - 90 * DAY)]
    add(store, old, first=100, now=T0)
    evaluate(store, BURST)
    [alert] = store.alerts()
    renamed = settings.alerting.rules[0].model_copy(update={"name": "another"})
    changed = settings.model_copy(update={"alerting": settings.alerting.model_copy(update={"rules": (renamed,)})})
    linker = EntityLinker.from_settings(settings.watchlist)
    draw = alert_charts(lambda: changed, lambda: store, lambda: linker)
    with pytest.raises(MonitorError, match="rule another has not learned so far"):
        draw(replace(alert, rule="another"))
    store.close()


def test_a_picture_is_written(config: str, tmp_path: Path) -> None:
    """Of one rule."""
    path = tmp_path / "acme.png"
    assert run(config, "--entity", "ACME", "--at", BURST.isoformat(), "--chart", str(path)) == 0
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("--entity", "GAMMA"), 1, "no rule follows entity GAMMA"),
        (("--entity", "ACME", "--topic", "earnings"), 1, "must be in the watchlist and in `series`"),
        (("--entity", "ACME", "--rule", "drop"), 1, "no rule 'drop'; there are: spike"),
        (("--entity", "ACME", "--at", "2020-01-01T00:00Z"), 1, "nothing was counted before 2020-01-01 00:00 UTC"),
        (("--entity", "ACME", "--at", "noon"), 2, "not an instant: 'noon'"),
        (
            ("--entity", "ACME", "--at", "2024-03-04T12:00Z", "--chart", "/nowhere/at/all.png"),
            1,
            "cannot write the chart",
        ),
    ],
)
def test_what_cannot_be_explained_says_why(
    config: str, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], status: int, said: str
) -> None:
    """With the remedy."""
    assert run(config, *arguments) == status
    assert said in capsys.readouterr().err
