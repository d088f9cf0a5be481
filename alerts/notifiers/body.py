"""The body of a webhook: Alertmanager's version 4, so that whatever reads Alertmanager's webhooks reads ours.

What we know beyond that stands in annotations (as text, for templates that exist) and in an additional key
`evidence` of each alert (as numbers, for programs).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from alerts.messages.content import AlertContent, Content
from alerts.messages.headlines import Headline
from alerts.messages.words import instant_words
from monitor.domain import Evidence, HorizonReading

NOT_ENDED = "0001-01-01T00:00:00Z"  #: Go's zero time: how Alertmanager writes that an alert still fires.
HEADLINES_IN_ANNOTATION = 3


def webhook_body(content: Content, *, max_alerts: int = 0) -> bytes:
    """The JSON of `content`; alerts beyond `max_alerts` (0: no limit) are counted in `truncatedAlerts`."""
    shown = content.alerts[:max_alerts] if max_alerts else content.alerts
    alerts = [_alert(alert) for alert in shown]
    body = {
        "version": "4",
        "groupKey": content.notification.group_key,
        "truncatedAlerts": len(content.alerts) - len(shown),
        "status": content.status,
        "receiver": content.notification.receiver,
        "groupLabels": dict(content.notification.group_labels),
        "commonLabels": _common([alert["labels"] for alert in alerts]),
        "commonAnnotations": _common([alert["annotations"] for alert in alerts]),
        "externalURL": content.external_url,
        "alerts": alerts,
        "subject": content.subject,
        "reason": content.notification.reason,
    }
    return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _alert(alert: AlertContent) -> dict[str, Any]:
    evidence = alert.evidence
    return {
        "status": alert.status,
        "labels": dict(alert.labels),
        "annotations": alert_annotations(alert),
        "startsAt": rfc3339(alert.since_at),
        "endsAt": rfc3339(alert.ended_at) if alert.ended_at else NOT_ENDED,
        "generatorURL": alert.link,
        "fingerprint": alert.alert.fingerprint,
        "state": alert.state,
        "reason": alert.reason,
        "evidence": _evidence(evidence, alert) if evidence else None,
        "verdicts": dict(alert.verdicts),
    }


def alert_annotations(alert: AlertContent) -> dict[str, str]:
    """Ours first, the rule's own over them."""
    evidence = alert.evidence
    if evidence is None:
        return {**({"reason": alert.reason} if alert.reason else {}), **alert.annotations}
    ours = {
        "seen": str(evidence.seen),
        "expected": alert.expected,
        "ratio": f"{evidence.ratio:.3g}",
        "p_value": f"{evidence.p_value:.3g}",
        "odds": alert.odds,
        "headlines": "\n".join(_line(headline) for headline in alert.headlines[:HEADLINES_IN_ANNOTATION]),
        "hangs_on": alert.hangs_on,
        "reason": alert.reason,
        **{f"verdict_{name}": address for name, address in alert.verdicts.items()},
    }
    return {name: text for name, text in ours.items() if text} | dict(alert.annotations)


def _line(headline: Headline) -> str:
    link = f" {headline.url}" if headline.url else ""
    return f"{headline.title} ({headline.source}, {instant_words(headline.published_at)}){link}"


def _evidence(evidence: Evidence, alert: AlertContent) -> dict[str, Any]:
    return {
        "windowStart": rfc3339(evidence.window_start_at),
        "windowEnd": rfc3339(evidence.window_end_at),
        "seen": evidence.seen,
        "expected": evidence.expected,
        "dispersion": evidence.dispersion,
        "pValue": evidence.p_value,
        "ratio": evidence.ratio,
        "sources": evidence.sources,
        "stories": evidence.stories,
        "gates": {name: gate.passed for name, gate in evidence.gates.items()},
        "gateReadings": {name: asdict(gate) for name, gate in evidence.gates.items()},
        "horizons": [_horizon(horizon) for horizon in evidence.horizons],
        "method": evidence.method,
        "measure": evidence.measure.value,
        "qValue": evidence.q_value,
        "falseAlarmsPerWeek": evidence.false_alarms,
        "coverage": evidence.coverage,
        "singleStory": evidence.single_story,
        "historySeconds": evidence.history_s,
        "heldBack": evidence.held_back,
        "documents": [_document(headline) for headline in alert.headlines],
    }


def _document(headline: Headline) -> dict[str, Any]:
    return {
        "publishedAt": rfc3339(headline.published_at),
        "source": headline.source,
        "title": headline.title,
        "url": headline.url,
        "author": headline.author or None,
        "topic": headline.topic,
        "negative": headline.negative,
        "reach": headline.reach,
        "relevance": headline.relevance,
        "novelty": list(headline.novelty),
        "standing": headline.standing,
        "firstAt": rfc3339(headline.first_at) if headline.first_at else None,
        "told": headline.told,
        "sources": headline.sources,
        "share": headline.share,
        "decisive": headline.decisive,
    }


def _horizon(horizon: HorizonReading) -> dict[str, Any]:
    return {
        "windowSeconds": horizon.window_s,
        "measure": horizon.measure.value,
        "seen": horizon.seen,
        "expected": horizon.expected,
        "dispersion": horizon.dispersion,
        "pValue": horizon.p_value,
    }


def _common(sets: list[Mapping[str, str]]) -> dict[str, str]:
    """The pairs that every one of `sets` has."""
    if not sets:
        return {}
    return {k: v for k, v in sets[0].items() if all(other.get(k) == v for other in sets[1:])}


def rfc3339(at: datetime) -> str:
    """`at` as Go and JavaScript read it."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
