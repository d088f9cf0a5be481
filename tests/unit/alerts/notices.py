"""Builders of alerts and notifications for the tests of delivery."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from monitor.domain import (
    Alert,
    AlertState,
    Evidence,
    EvidenceDocument,
    GateReading,
    Notification,
    Sentiment,
    SeriesKey,
)

T0 = datetime(2026, 3, 2, 14, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)


def headline(title: str = "Acme recalls all rockets", **changes: Any) -> EvidenceDocument:
    """One evidence document."""
    values: dict[str, Any] = {
        "id": "d1", "published_at": T0 - timedelta(minutes=20), "source": "wire", "title": title,
        "url": "https://news.example/acme", "author": None, "topic": "Legal | Regulation",
        "sentiment": Sentiment.NEGATIVE, "negative": 0.97, "story_id": "s1", "reach": 3,
    }  # fmt: skip
    return EvidenceDocument(**{**values, **changes})


def evidence(*documents: EvidenceDocument, **changes: Any) -> Evidence:
    """What an evaluation saw."""
    values: dict[str, Any] = {
        "window_start_at": T0 - HOUR, "window_end_at": T0, "seen": 23, "expected": 2.1, "dispersion": 1.8,
        "p_value": 3e-6, "ratio": 10.95, "sources": 7, "stories": 41, "gates": {"min_count": GateReading(passed=True)},
        "documents": documents or (headline(),), "history_s": 864000.0,
    }  # fmt: skip
    return Evidence(**{**values, **changes})


def alert(entity: str = "ACME", state: AlertState = AlertState.FIRING, **changes: Any) -> Alert:
    """An alert that fires, unless told otherwise."""
    values: dict[str, Any] = {
        "fingerprint": f"f{entity}", "rule": "negative-spike", "series": SeriesKey(entity=entity),
        "labels": {"alertname": "negative-spike", "entity": entity, "topic": "all", "severity": "page"},
        "state": state, "since_at": T0, "active_at": T0, "fired_at": T0, "evidence": evidence(),
    }  # fmt: skip
    return Alert(**{**values, **changes})


def notification(*alerts: Alert, **changes: Any) -> Notification:
    """A first notification about one alert, unless told otherwise."""
    values: dict[str, Any] = {
        "id": "n-1", "receiver": "desk", "group_key": '{}:{alertname="negative-spike"}',
        "group_labels": {"alertname": "negative-spike"}, "alerts": alerts or (alert(),), "reason": "first",
        "created_at": T0,
    }  # fmt: skip
    return Notification(**{**values, **changes})
