"""Make the notifiers of the configuration. Whatever is wrong with one shows here, before anything runs."""

from __future__ import annotations

from collections.abc import Mapping

from alerts.content import ContentBuilder
from alerts.notifiers.compose import Charts
from alerts.notifiers.email import EmailNotifier
from alerts.notifiers.webhook import WebhookNotifier
from monitor.ports import Clock, Notifier
from monitor.settings.alerting import AlertingSettings, EmailReceiver


def build_notifiers(
    settings: AlertingSettings,
    *,
    clock: Clock,
    names: Mapping[str, str] | None = None,
    charts: Charts | None = None,
) -> Mapping[str, Notifier]:
    """One notifier a receiver, by name.

    `names` gives tickers the names that people know; `charts` draws the pictures of mails.
    Raises `ConfigurationError` for what cannot work: an unknown place in an annotation, a malformed secret, an
    unreadable CA file, mail in the clear beyond loopback.
    """
    content = ContentBuilder(settings, names=names)
    return {
        receiver.name: EmailNotifier(receiver, content, charts=charts)
        if isinstance(receiver, EmailReceiver)
        else WebhookNotifier(receiver, content, clock=clock)
        for receiver in settings.receivers
    }
