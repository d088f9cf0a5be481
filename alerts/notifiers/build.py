"""Make the notifiers of the configuration. Whatever is wrong with one shows here, before anything runs."""

from __future__ import annotations

from collections.abc import Mapping

from alerts.messages.content import ContentBuilder
from alerts.notifiers.alertmanager import AlertmanagerNotifier
from alerts.notifiers.compose import Charts
from alerts.notifiers.email import EmailNotifier
from alerts.notifiers.webhook import WebhookNotifier
from alerts.routing import Route, build_route
from monitor.errors import ConfigurationError
from monitor.ports import Clock, Notifier
from monitor.settings.alerting import AlertingSettings, AlertmanagerReceiver, EmailReceiver, Receiver


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
    unreadable CA file, mail in the clear beyond loopback, an Alertmanager that would hear of an alert too seldom.
    """
    content = ContentBuilder(settings, names=names)
    root = build_route(settings.route)

    def build(receiver: Receiver) -> Notifier:
        if isinstance(receiver, EmailReceiver):
            return EmailNotifier(receiver, content, charts=charts)
        if isinstance(receiver, AlertmanagerReceiver):
            _check_repeats(receiver, root)
            return AlertmanagerNotifier(receiver, content, clock=clock)
        return WebhookNotifier(receiver, content, clock=clock)

    return {receiver.name: build(receiver) for receiver in settings.receivers}


def _check_repeats(receiver: AlertmanagerReceiver, route: Route) -> None:
    """Refuse a route that repeats so seldom that the alert would end at the Alertmanager in between."""
    if route.receiver == receiver.name and route.repeat_interval >= receiver.resolve_after:
        raise ConfigurationError(
            f"receiver {receiver.name}: resolve_after ({receiver.resolve_after}) must be longer than the "
            f"repeat_interval of its routes ({route.repeat_interval}), or a firing alert would end there; raise it"
        )
    for child in route.routes:
        _check_repeats(receiver, child)
