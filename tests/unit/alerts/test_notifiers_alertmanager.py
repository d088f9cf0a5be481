"""The Alertmanager receiver: what is posted, until when it holds, and what is refused at the start."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from alerts.notifiers.alertmanager import AlertmanagerNotifier
from alerts.notifiers.build import build_notifiers
from monitor.domain import AlertState, Notification
from monitor.errors import ConfigurationError, PermanentError, TransientError
from monitor.net import HttpClient, Response
from monitor.settings import AlertingSettings
from tests.unit.alerts.notices import HOUR, T0, alert, notification
from tests.unit.alerts.test_notifiers_webhook import FakeClient

URL = "http://user:p%40ss@alerts.example:9093/am/"


def notifier(monkeypatch: pytest.MonkeyPatch, status: int = 200, **changes: Any) -> tuple[Any, FakeClient]:
    """A receiver over a client that answers with `status`."""
    client = FakeClient(Response(status=status, headers={}, body=b"", url=""))
    monkeypatch.setattr(HttpClient, "request", lambda _self, *args, **kwargs: client.request(*args, **kwargs))
    receiver = {"type": "alertmanager", "name": "desk", "url": URL, **changes}
    settings = AlertingSettings.model_validate({"receivers": [receiver], "route": {"receiver": "desk"}})
    made = build_notifiers(settings, clock=lambda: T0)["desk"]
    assert isinstance(made, AlertmanagerNotifier)
    return made, client


def posted(monkeypatch: pytest.MonkeyPatch, sent: Notification, **changes: Any) -> list[dict[str, Any]]:
    """What the server gets."""
    made, client = notifier(monkeypatch, **changes)
    made.send(sent)
    body: list[dict[str, Any]] = json.loads(client.asked[0][3])
    return body


def test_alerts_go_to_the_v2_api_below_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it is served under a path; the login becomes a header."""
    made, client = notifier(monkeypatch)
    assert made.send(notification()) == "200"
    method, url, headers, _ = client.asked[0]
    assert (method, url) == ("POST", "http://alerts.example:9093/am/api/v2/alerts")
    assert headers["authorization"].startswith("Basic ")
    assert headers["content-type"] == "application/json"


def test_a_token_is_sent_and_never_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """The delivery log holds the answer alone."""
    made, client = notifier(monkeypatch, 401, url="http://alerts.example:9093", token="s3cret")
    with pytest.raises(PermanentError) as caught:
        made.send(notification())
    assert client.asked[0][2]["authorization"] == "Bearer s3cret"
    assert "s3cret" not in str(caught.value)


def test_an_alert_that_fires_holds_until_well_after_the_next_repeat(monkeypatch: pytest.MonkeyPatch) -> None:
    """Alertmanager ends what it does not hear of, after five minutes where nothing is said."""
    [one] = posted(monkeypatch, notification(created_at=T0 + HOUR), resolve_after="10h")
    assert (one["startsAt"], one["endsAt"]) == ("2026-03-02T14:05:00Z", "2026-03-03T01:05:00Z")
    assert one["labels"]["entity"] == "ACME"
    assert one["annotations"]["seen"] == "23"
    assert one["generatorURL"].startswith("http://localhost:8080/")


def test_an_alert_that_is_over_ends_when_it_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """The end lies before the sending, which is how the API is told."""
    over = alert(state=AlertState.RESOLVED, since_at=T0 + HOUR)
    [one] = posted(monkeypatch, notification(over, created_at=T0 + 2 * HOUR))
    assert (one["startsAt"], one["endsAt"]) == ("2026-03-02T14:05:00Z", "2026-03-02T15:05:00Z")


def test_label_names_are_made_to_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """One name that the server refuses would lose the whole alert for good."""
    odd = alert(labels={"alertname": "a", "entity": "ACME", "team-name": "x", "1st": "y", "größe": "z"})
    [one] = posted(monkeypatch, notification(odd))
    assert set(one["labels"]) == {"alertname", "entity", "team_name", "_1st", "gr__e"}


@pytest.mark.parametrize(("status", "kind"), [(503, TransientError), (429, TransientError), (400, PermanentError)])
def test_answers_mean_what_they_mean_for_webhooks(
    monkeypatch: pytest.MonkeyPatch, status: int, kind: type[Exception]
) -> None:
    """Away is tried again, refused is refused."""
    made, _ = notifier(monkeypatch, status)
    with pytest.raises(kind):
        made.send(notification())


def test_a_route_that_repeats_too_seldom_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the alert would end at the Alertmanager while it fires here."""
    with pytest.raises(ConfigurationError, match="resolve_after"):
        notifier(monkeypatch, resolve_after=timedelta(hours=4))
