"""Builders: alerts, evidence, rules and silences with one word where the rest does not matter."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from monitor.domain import Alert, AlertState, Evidence, GateReading, Matcher, SeriesKey, Silence
from monitor.settings import Rule

T0 = datetime(2024, 3, 4, 12, 0, tzinfo=UTC)  # a Monday noon
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def rule(**settings: object) -> Rule:
    """A rule as the configuration writes it: one window of an hour, and five stories, whatever the defaults are."""
    fixed = {"name": "NegativeSpike", "window": "1h", "gates": {"min_count": 5}}
    return Rule.model_validate({**fixed, **settings})


def evidence(*, seen: int = 10, p_value: float = 1e-6, passed: bool = True) -> Evidence:
    """What an evaluation saw; `passed` sets every gate."""
    return Evidence(
        window_start_at=T0 - HOUR, window_end_at=T0, seen=seen, expected=1.0, dispersion=1.5, p_value=p_value,
        ratio=float(seen), sources=3, stories=seen,
        gates=dict.fromkeys(("p_value", "min_count"), GateReading(passed=passed)),
    )  # fmt: skip


def alert(entity: str = "ACME", state: AlertState = AlertState.FIRING, *, at: datetime = T0, **labels: str) -> Alert:
    """An alert of NegativeSpike on `entity`, in `state` since `at`."""
    fired_at = None if state in (AlertState.NORMAL, AlertState.PENDING) else at
    series = SeriesKey(entity=entity, topic=labels.get("topic", "all"))
    return Alert(
        fingerprint=f"{entity}-{series.topic}",
        rule="NegativeSpike",
        series=series,
        labels={"alertname": "NegativeSpike", "entity": entity, "topic": series.topic, **labels},
        state=state,
        since_at=at,
        active_at=at,
        fired_at=fired_at,
        last_true_at=at,
    )


def silence(*matchers: Matcher, start: datetime = T0, length: timedelta = HOUR) -> Silence:
    """A silence from `start` on."""
    return Silence(
        id="s1", matchers=matchers, starts_at=start, ends_at=start + length, created_by="op", comment="known"
    )
