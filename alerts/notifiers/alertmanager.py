"""Send alerts to an Alertmanager: `POST /api/v2/alerts`, so that on-call tools that stand behind one get ours too.

Alertmanager tells alerts apart by their labels and takes one that it does not hear of again for resolved, so each that
fires says until when it holds: until the next repeat and well beyond, `resolve_after`. Its own grouping, silences and
inhibition come after ours. Sending the same again changes nothing there, which makes a repeat harmless.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from alerts.messages.content import AlertContent, ContentBuilder
from alerts.notifiers.body import alert_annotations, rfc3339
from alerts.notifiers.posting import Poster
from monitor.domain import Notification
from monitor.ports import Clock
from monitor.settings.alerting import AlertmanagerReceiver

PATH = "/api/v2/alerts"
_UNFIT = re.compile(r"[^A-Za-z0-9_]")


class AlertmanagerNotifier:
    """One Alertmanager."""

    def __init__(self, receiver: AlertmanagerReceiver, content: ContentBuilder, *, clock: Clock) -> None:
        self._receiver = receiver
        self._content = content
        url = str(receiver.url).rstrip("/") + PATH
        self._poster = Poster(url, timeout_s=receiver.timeout.total_seconds(), clock=clock)
        token = receiver.token.get_secret_value() if receiver.token else None
        self._headers = {"authorization": f"Bearer {token}"} if token else {}

    def send(self, notification: Notification) -> str:
        """Deliver; returns what the other side said. Raises `TransientError` or `PermanentError`."""
        content = self._content.build(notification)
        until = notification.created_at + self._receiver.resolve_after
        alerts = [_posted(alert, until) for alert in content.alerts]
        body = json.dumps(alerts, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
        return self._poster.post(body, self._headers)


def _posted(alert: AlertContent, until: datetime) -> dict[str, Any]:
    """One alert as the API wants it; one that fires ends at `until` unless it is heard of again."""
    return {
        "labels": _labels(alert.labels),
        "annotations": _labels(alert_annotations(alert)),
        "startsAt": rfc3339(alert.since_at),
        "endsAt": rfc3339(alert.ended_at or until),
        "generatorURL": alert.link,
    }


def _labels(pairs: Mapping[str, str]) -> dict[str, str]:
    """With names that Alertmanager takes: letters, digits, underscores, no digit first."""
    return {_name(name): value for name, value in pairs.items()}


def _name(name: str) -> str:
    fit = _UNFIT.sub("_", name) or "_"
    return f"_{fit}" if fit[0].isdigit() else fit
