"""Send notifications by HTTP POST: Alertmanager's version 4 body, Standard Webhooks signature headers."""

from __future__ import annotations

from alerts.messages.content import ContentBuilder
from alerts.notifiers.body import webhook_body
from alerts.notifiers.posting import Poster
from alerts.notifiers.signature import Signer
from monitor.domain import Notification
from monitor.ports import Clock
from monitor.settings.alerting import WebhookReceiver


class WebhookNotifier:
    """One webhook receiver."""

    def __init__(self, receiver: WebhookReceiver, content: ContentBuilder, *, clock: Clock) -> None:
        self._receiver = receiver
        self._content = content
        self._clock = clock
        self._poster = Poster(str(receiver.url), timeout_s=receiver.timeout.total_seconds(), clock=clock)
        where = f"receiver {receiver.name}"
        self._signer = Signer(receiver.secret.get_secret_value(), where=where) if receiver.secret else None

    def send(self, notification: Notification) -> str:
        """Deliver; returns what the other side said. Raises `TransientError` or `PermanentError`."""
        body = webhook_body(self._content.build(notification), max_alerts=self._receiver.max_alerts)
        if self._signer is not None:
            return self._poster.post(body, self._signer.headers(notification.id, body, at=self._clock()))
        # A repeat can be told without a signature too.
        return self._poster.post(body, {"webhook-id": notification.id})
