"""The webhook: Alertmanager's body, the standard's signature, what an answer means."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from alerts.messages.content import ContentBuilder
from alerts.notifiers.body import webhook_body
from alerts.notifiers.build import build_notifiers
from alerts.notifiers.posting import retry_after_s
from alerts.notifiers.signature import Signer
from alerts.notifiers.webhook import WebhookNotifier
from monitor.domain import AlertState, GateReading, HorizonReading, Measure, Notification
from monitor.errors import ConfigurationError, PermanentError, TransientError
from monitor.net import HttpClient, Response
from monitor.settings import AlertingSettings
from tests.unit.alerts.notices import HOUR, T0, alert, evidence, headline, notification

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
OTHER = "whsec_" + base64.b64encode(b"o" * 32).decode()


def body(sent: Notification, *, max_alerts: int = 0, **annotations: str) -> dict[str, Any]:
    """The body, decoded."""
    rules = [{"name": "negative-spike", "annotations": annotations}]
    content = ContentBuilder(AlertingSettings.model_validate({"rules": rules})).build(sent)
    decoded: dict[str, Any] = json.loads(webhook_body(content, max_alerts=max_alerts))
    return decoded


def test_body_has_every_key_of_alertmanagers_version_4() -> None:
    """Whatever reads Alertmanager's webhooks must read ours."""
    sent = body(notification())
    assert set(sent) >= {
        "version", "groupKey", "truncatedAlerts", "status", "receiver", "groupLabels", "commonLabels",
        "commonAnnotations", "externalURL", "alerts",
    }  # fmt: skip
    assert (sent["version"], sent["status"], sent["receiver"]) == ("4", "firing", "desk")
    assert sent["groupLabels"] == {"alertname": "negative-spike"}
    one = sent["alerts"][0]
    assert set(one) >= {"status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint"}
    assert (one["startsAt"], one["endsAt"]) == ("2026-03-02T14:05:00Z", "0001-01-01T00:00:00Z")
    assert (one["fingerprint"], one["labels"]["entity"]) == ("fACME", "ACME")


def test_labels_and_annotations_are_strings() -> None:
    """Alertmanager's readers decode them into maps of strings."""
    one = body(notification())["alerts"][0]
    assert all(isinstance(v, str) for part in ("labels", "annotations") for v in one[part].values())


def test_evidence_travels_as_text_and_as_numbers() -> None:
    """Templates that exist show annotations; programs read the evidence."""
    one = body(notification(), summary="{entity}!")["alerts"][0]
    assert one["annotations"]["seen"] == "23"
    assert one["annotations"]["p_value"] == "3e-06"
    assert one["annotations"]["summary"] == "ACME!"
    assert "Acme recalls all rockets (wire, 2026-03-02 13:45 UTC)" in one["annotations"]["headlines"]
    assert (one["evidence"]["seen"], one["evidence"]["expected"], one["evidence"]["pValue"]) == (23, 2.1, 3e-6)
    assert one["evidence"]["documents"][0]["url"] == "https://news.example/acme"


def test_novelty_relevance_and_what_was_held_back_travel() -> None:
    """A program that trades on an alert must tell news from echoes."""
    told = evidence(headline(novelty=(100, 75, 56, 42), relevance=0.4), held_back=12)
    sent = body(notification(alert(evidence=told)))["alerts"][0]["evidence"]
    document = sent["documents"][0]
    assert sent["heldBack"] == 12
    assert (document["novelty"], document["relevance"]) == ([100, 75, 56, 42], 0.4)
    assert document["standing"] == "echo, novelty 56 of 100 in 24 h, relevance 40 %"


def test_every_number_that_led_to_an_alert_travels() -> None:
    """A program may weigh them in another way than the rule did."""
    horizon = HorizonReading(
        window_s=3600.0, measure=Measure.SHARE, seen=0.5, expected=0.2, dispersion=1.5, p_value=1e-7
    )
    told = evidence(
        headline(told=12, sources=5, first_at=T0 - HOUR, share=0.6, decisive=True),
        horizons=(horizon,), q_value=0.01, false_alarms=0.25, coverage=0.9, single_story=True, measure=Measure.SHARE,
        gates={"min_count": GateReading(passed=True, value=23, limit=3)},
    )  # fmt: skip
    one = body(notification(alert(evidence=told)))["alerts"][0]
    sent = one["evidence"]
    assert sent["horizons"] == [
        {"windowSeconds": 3600.0, "measure": "share", "seen": 0.5, "expected": 0.2, "dispersion": 1.5, "pValue": 1e-7}
    ]
    assert (sent["qValue"], sent["falseAlarmsPerWeek"], sent["coverage"]) == (0.01, 0.25, 0.9)
    assert (sent["measure"], sent["singleStory"], sent["dispersion"]) == ("share", True, 1.8)
    assert sent["gates"] == {"min_count": True}, "as it was before there were values"
    assert sent["gateReadings"] == {"min_count": {"passed": True, "value": 23, "limit": 3}}
    story = sent["documents"][0]
    assert (story["told"], story["sources"], story["share"], story["decisive"]) == (12, 5, 0.6, True)
    assert story["firstAt"] == "2026-03-02T13:05:00Z"
    assert "Without “Acme recalls all rockets”" in one["annotations"]["hangs_on"]
    assert "about once in 4 weeks by chance" in one["annotations"]["odds"]


def test_what_could_not_be_judged_travels_with_its_reason() -> None:
    """Alertmanager's readers know two states; ours stands beside them."""
    one = body(notification(alert(state=AlertState.NO_DATA, evidence=None, reason="nothing since 09:00")))["alerts"][0]
    assert (one["status"], one["state"], one["reason"]) == ("firing", "no data", "nothing since 09:00")
    assert one["annotations"]["reason"] == "nothing since 09:00"


def test_verdict_links_travel() -> None:
    """So that a chat can show three buttons."""
    settings = {"rules": [{"name": "negative-spike"}], "verdicts": {"secret": "a secret of some length"}}
    content = ContentBuilder(AlertingSettings.model_validate(settings)).build(notification())
    one = json.loads(webhook_body(content))["alerts"][0]
    assert set(one["verdicts"]) == {"useful", "false", "duplicate"}
    assert one["annotations"]["verdict_false"] == one["verdicts"]["false"]


def test_common_parts_are_those_of_every_alert() -> None:
    """As Alertmanager computes them."""
    sent = body(notification(alert(), alert("BETA", AlertState.RESOLVED, since_at=T0 + HOUR)))
    assert sent["commonLabels"] == {"alertname": "negative-spike", "topic": "all", "severity": "page"}
    assert sent["alerts"][1]["endsAt"] == "2026-03-02T15:05:00Z"
    assert sent["status"] == "firing"


def test_alerts_beyond_the_limit_are_counted() -> None:
    """A chat bridge has a size limit; it must know that something is missing."""
    sent = body(notification(*(alert(f"T{n}") for n in range(5))), max_alerts=2)
    assert (len(sent["alerts"]), sent["truncatedAlerts"]) == (2, 3)


def test_links_to_scripts_do_not_travel() -> None:
    """The page that shows the body may be careless."""
    bad = alert(evidence=evidence(headline(url="javascript:alert(1)")))
    assert body(notification(bad))["alerts"][0]["evidence"]["documents"][0]["url"] is None


def test_signature_is_what_the_standards_own_library_expects() -> None:
    """Checked by code that is not ours."""
    raw = '{"text":"Käse"}'.encode()
    headers = Signer(SECRET, where="here").headers("n-1", raw, at=T0)
    expected = Webhook(SECRET).sign("n-1", T0, raw.decode())
    assert headers["webhook-signature"] == expected
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("n-1", str(int(T0.timestamp())))


def test_two_secrets_sign_twice() -> None:
    """A secret can be changed without a message that nobody can check."""
    both = Signer(f"{SECRET} {OTHER}", where="here").headers("n-1", b"{}", at=T0)["webhook-signature"]
    assert both.split() == [Webhook(s).sign("n-1", T0, "{}") for s in (SECRET, OTHER)]


@pytest.mark.parametrize("secret", ["", "   ", "hunter2-hunter2", "whsec_", "whsec_!!!", "whsec_YWFhYWFh", SECRET[6:]])
def test_malformed_secrets_are_refused_without_being_shown(secret: str) -> None:
    """A short secret can be guessed; and a message about it must not hold it."""
    with pytest.raises(ConfigurationError, match="receiver hook: secret") as caught:
        Signer(secret, where="receiver hook")
    shown = secret.strip().removeprefix("whsec_")
    assert not shown or shown not in str(caught.value)


class FakeClient:
    """Answers with what it is given; keeps what was asked."""

    def __init__(self, answer: Response | Exception) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []

    def request(self, method: str, url: str, *, headers: dict[str, str], body: bytes) -> Response:
        self.asked.append((method, url, headers, body))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def notifier(
    monkeypatch: pytest.MonkeyPatch, answer: Response | Exception, **changes: Any
) -> tuple[WebhookNotifier, FakeClient]:
    """A webhook receiver over a client that answers with `answer`."""
    client = FakeClient(answer)
    monkeypatch.setattr(HttpClient, "request", lambda _self, *args, **kwargs: client.request(*args, **kwargs))
    receiver = {"type": "webhook", "name": "desk", "url": "https://hooks.example/T0K3N", "secret": SECRET, **changes}
    made = build_notifiers(AlertingSettings.model_validate({"receivers": [receiver]}), clock=lambda: T0)["desk"]
    assert isinstance(made, WebhookNotifier)
    return made, client


def answer(status: int, body: bytes = b"", **headers: str) -> Response:
    """An answer of the other side."""
    return Response(status=status, headers=headers, body=body, url="https://hooks.example/T0K3N")


def test_any_2xx_is_delivered_and_the_answer_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The delivery log says what the other side said, on one line."""
    made, client = notifier(monkeypatch, answer(202, b"queued\r\n\x00as 7"))
    assert made.send(notification()) == "202 queued as 7"
    method, url, headers, raw = client.asked[0]
    assert (method, url, headers["content-type"]) == ("POST", "https://hooks.example/T0K3N", "application/json")
    assert headers["webhook-signature"] == Webhook(SECRET).sign("n-1", T0, raw.decode())


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_answers_worth_another_try(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    """The other side is busy or broken, not unwilling."""
    made, _ = notifier(monkeypatch, answer(status, b"no", **{"retry-after": "7"}))
    with pytest.raises(TransientError, match=f"{status} no") as caught:
        made.send(notification())
    assert caught.value.retry_after_s == 7.0


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 403, 404, 410, 413])
def test_answers_that_are_final(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    """Asking again brings the same; a redirect would take the signed body to somebody else."""
    made, _ = notifier(monkeypatch, answer(status, location="https://evil.example/"))
    with pytest.raises(PermanentError, match=str(status)):
        made.send(notification())


@pytest.mark.parametrize("kind", [TransientError, PermanentError])
def test_errors_do_not_tell_the_address(monkeypatch: pytest.MonkeyPatch, kind: type[Exception]) -> None:
    """The path of a chat hook is a password; the delivery log is not the place for it."""
    made, _ = notifier(monkeypatch, kind("https://hooks.example/T0K3N: no route"))
    with pytest.raises(kind, match=r"^hooks\.example: no route$"):
        made.send(notification())


def test_login_in_the_address_becomes_a_header(monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses appear in logs; headers do not."""
    made, client = notifier(monkeypatch, answer(200), url="https://user:p%40ss@hooks.example/x")
    made.send(notification())
    _, url, headers, _ = client.asked[0]
    assert url == "https://hooks.example/x"
    assert base64.b64decode(headers["authorization"].removeprefix("Basic ")) == b"user:p@ss"


def test_without_a_secret_the_id_still_travels(monkeypatch: pytest.MonkeyPatch) -> None:
    """A receiver drops repeats by it."""
    made, client = notifier(monkeypatch, answer(200), secret=None)
    made.send(notification())
    assert client.asked[0][2]["webhook-id"] == "n-1"
    assert "webhook-signature" not in client.asked[0][2]


def test_a_changed_body_is_noticed() -> None:
    """What the signature is for."""
    now = Webhook(SECRET)
    headers = Signer(SECRET, where="here").headers("n-1", b"{}", at=T0)
    with pytest.raises(WebhookVerificationError):
        now.verify(b'{"a":1}', headers)


@pytest.mark.parametrize(
    ("value", "wait_s"),
    [
        (None, None), ("", None), ("soon", None), ("120", 120.0), (" 5 ", 5.0), ("-5", None), ("1e9", None),
        ("Mon, 02 Mar 2026 14:06:00 GMT", 60.0), ("Mon, 02 Mar 2026 13:00:00 GMT", 0.0), ("9" * 400, 999999999.0),
    ],
)  # fmt: skip
def test_retry_after_is_read_in_both_forms(value: str | None, wait_s: float | None) -> None:
    """Seconds or a date; nonsense is as good as nothing."""
    assert retry_after_s(value, now=T0) == wait_s
    assert timedelta(seconds=wait_s or 0) >= timedelta(0)
