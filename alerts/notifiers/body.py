"""The body of a webhook: Alertmanager's version 4, so that whatever reads Alertmanager's webhooks reads ours.

What we know beyond that stands in annotations (as text, for templates that exist) and in an additional key
`evidence` of each alert (as numbers, for programs).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from alerts.content import AlertContent, Content, Headline
from alerts.words import instant_words
from monitor.domain import Evidence

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
        "annotations": _annotations(alert),
        "startsAt": _rfc3339(alert.since_at),
        "endsAt": _rfc3339(alert.ended_at) if alert.ended_at else NOT_ENDED,
        "generatorURL": alert.link,
        "fingerprint": alert.alert.fingerprint,
        "evidence": _evidence(evidence, alert) if evidence else None,
    }


def _annotations(alert: AlertContent) -> dict[str, str]:
    """Ours first, the rule's own over them."""
    evidence = alert.evidence
    if evidence is None:
        return dict(alert.annotations)
    ours = {
        "seen": str(evidence.seen),
        "expected": alert.expected,
        "ratio": f"{evidence.ratio:.3g}",
        "p_value": f"{evidence.p_value:.3g}",
        "odds": alert.odds,
        "headlines": "\n".join(_line(headline) for headline in alert.headlines[:HEADLINES_IN_ANNOTATION]),
    }
    return ours | dict(alert.annotations)


def _line(headline: Headline) -> str:
    link = f" {headline.url}" if headline.url else ""
    return f"{headline.title} ({headline.source}, {instant_words(headline.published_at)}){link}"


def _evidence(evidence: Evidence, alert: AlertContent) -> dict[str, Any]:
    return {
        "windowStart": _rfc3339(evidence.window_start_at),
        "windowEnd": _rfc3339(evidence.window_end_at),
        "seen": evidence.seen,
        "expected": evidence.expected,
        "dispersion": evidence.dispersion,
        "pValue": evidence.p_value,
        "ratio": evidence.ratio,
        "sources": evidence.sources,
        "stories": evidence.stories,
        "gates": {name: gate.passed for name, gate in evidence.gates.items()},
        "historySeconds": evidence.history_s,
        "heldBack": evidence.held_back,
        "documents": [_document(headline) for headline in alert.headlines],
    }


def _document(headline: Headline) -> dict[str, Any]:
    return {
        "publishedAt": _rfc3339(headline.published_at),
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
    }


def _common(sets: list[Mapping[str, str]]) -> dict[str, str]:
    """The pairs that every one of `sets` has."""
    if not sets:
        return {}
    return {k: v for k, v in sets[0].items() if all(other.get(k) == v for other in sets[1:])}


def _rfc3339(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
