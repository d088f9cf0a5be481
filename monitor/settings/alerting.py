"""Sections for rules, routing and receivers; the words and defaults are Alertmanager's."""

from __future__ import annotations

from datetime import timedelta
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, AnyHttpUrl, Field, NonNegativeInt, PositiveInt, SecretStr, model_validator

from monitor.settings.base import Duration, DurationOrZero, Name, Port, Section

Part = Literal["all", "each"] | tuple[str, ...]


def _mailbox(value: str) -> str:
    if "@" not in parseaddr(value)[1] or any(c in value for c in "\r\n"):
        raise ValueError("not a mail address; write name@example.org or Name <name@example.org>")
    return value


Mailbox = Annotated[str, AfterValidator(_mailbox)]


class SeriesSelector(Section):
    """Which series a rule follows; each part is `all` (summed), `each` (one alert for each) or a list."""

    entity: Part = "each"
    """`each`: every watched entity; or a list of tickers."""

    topic: Part = "all"
    """`each`, or a list of topics."""

    source_class: Part = "all"
    """`each`, or a list of news, social, filing."""


class GateSettings(Section):
    """Conditions beside the statistical one; all must hold."""

    min_count: PositiveInt = 5
    """Least negative stories in the window."""

    min_ratio: Annotated[float, Field(ge=1)] = 3.0
    """Least negative stories as a multiple of the expected."""

    min_sources: PositiveInt = 2
    """Least distinct sources among them."""


class BaselineSettings(Section):
    """What is expected: level x hour-of-week profile."""

    half_life: Duration = timedelta(days=14)
    """An hour so long ago weighs half."""

    min_history: DurationOrZero = timedelta(days=2)
    """A rule does not fire before there is so much history."""


class Rule(Section):
    """One alert rule."""

    name: Name
    """Name of the rule: label `alertname`."""

    series: SeriesSelector = SeriesSelector()
    """Series to follow."""

    window: Duration = timedelta(hours=1)
    """Length of the sliding window; a whole number of buckets."""

    method: Literal["negative-binomial"] = "negative-binomial"
    """How a count is judged."""

    max_p_value: Annotated[float, Field(gt=0, lt=0.5)] = 1e-4
    """Condition: a count this high or higher is expected no more often than this."""

    resolve_p_value: Annotated[float, Field(gt=0, le=1)] = 0.05
    """While firing, the condition holds until the p-value rises above this (hysteresis)."""

    hold: DurationOrZero = Field(default=timedelta(0), alias="for")
    """`for`: the condition must hold so long before the alert fires."""

    keep_firing_for: DurationOrZero = timedelta(minutes=15)
    """The alert keeps firing so long after the condition last held."""

    gates: GateSettings = GateSettings()
    """Further conditions."""

    baseline: BaselineSettings = BaselineSettings()
    """What is expected."""

    labels: dict[str, str] = {}
    """Labels of the alert, for example `severity: page`."""

    annotations: dict[str, str] = {}
    """Texts of the alert, for example `summary`; `{entity}`, `{seen}` and `{expected}` are filled in."""


class MatcherSettings(Section):
    """One condition on a label."""

    name: str
    """Label."""

    value: str
    """Value or, with `is_regex`, a pattern for all of it."""

    is_regex: bool = False
    """Take `value` as a regular expression."""

    is_equal: bool = True
    """False: the label must not match."""


class RouteSettings(Section):
    """Which receivers get which alerts. Alertmanager's words and defaults."""

    receiver: Name | None = None
    """Receiver; a child without one inherits its parent's."""

    matchers: tuple[MatcherSettings, ...] = ()
    """All must match; the root matches everything."""

    group_by: tuple[str, ...] | None = None
    """Labels whose values make a group; default alertname and entity. Children inherit, as with the next three."""

    group_wait: DurationOrZero | None = None
    """How long a new group waits for company; default 30s."""

    group_interval: Duration | None = None
    """Least time between notifications of a changed group; default 5m."""

    repeat_interval: Duration | None = None
    """How soon an unchanged group is notified again; default 4h."""

    continue_: bool = Field(default=False, alias="continue")
    """`continue`: look at the following routes too."""

    routes: tuple[RouteSettings, ...] = ()
    """Children, first match wins."""


class EmailReceiver(Section):
    """Mail over SMTP."""

    type: Literal["email"]
    """Mail."""

    name: Name
    """Name of the receiver."""

    to: tuple[Mailbox, ...] = Field(min_length=1)
    """Addressees."""

    sender: Mailbox = Field(alias="from")
    """`from`: the sender's address."""

    host: str
    """SMTP server."""

    port: Port = 587
    """Port of the server."""

    tls: Literal["starttls", "tls", "none"] = "starttls"
    """`none` only for a server on loopback."""

    username: str | None = None
    """User, where the server wants one."""

    password: SecretStr | None = None
    """Password; better from the environment or `password_file`."""

    password_file: Path | None = None
    """A file that holds the password."""

    ca_file: Path | None = None
    """Certificates to trust beside the system's."""

    send_resolved: bool = True
    """Send when an alert is resolved."""

    timeout: Duration = timedelta(seconds=30)
    """For one attempt."""


class WebhookReceiver(Section):
    """HTTP POST with Alertmanager's version 4 body and Standard Webhooks signature headers."""

    type: Literal["webhook"]
    """Webhook."""

    name: Name
    """Name of the receiver."""

    url: AnyHttpUrl
    """Where to post. Any address is allowed here: the operator wrote it."""

    secret: SecretStr | None = None
    """Signing secret, `whsec_` and base64; better from the environment or `secret_file`."""

    secret_file: Path | None = None
    """A file that holds the secret."""

    send_resolved: bool = True
    """Send when an alert is resolved."""

    timeout: Duration = timedelta(seconds=10)
    """For one attempt."""

    max_alerts: NonNegativeInt = 0
    """Most alerts in one message; 0 is no limit."""


Receiver = Annotated[EmailReceiver | WebhookReceiver, Field(discriminator="type")]


class AlertingSettings(Section):
    """Rules, routing, receivers."""

    evaluate_every: Duration = timedelta(minutes=1)
    """Time between two evaluations."""

    evidence_documents: PositiveInt = 5
    """Headlines shown in an alert."""

    external_url: AnyHttpUrl = AnyHttpUrl("http://localhost:8080")
    """Address of this monitor as people reach it; put into messages."""

    rules: tuple[Rule, ...] = (Rule(name="negative-spike"),)
    """Alert rules; left out: one rule, `negative-spike`, with the defaults of a rule."""

    route: RouteSettings = RouteSettings()
    """The root route."""

    receivers: tuple[Receiver, ...] = ()
    """Who is told, and how."""

    max_retry_wait: Duration = timedelta(minutes=10)
    """Longest wait between two attempts to deliver."""

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        for kind, names in (("rules", self.rules), ("receivers", self.receivers)):
            seen = [item.name for item in names]
            if twice := sorted({n for n in seen if seen.count(n) > 1}):
                raise ValueError(f"{kind}: names must be unique, twice: {', '.join(twice)}")
        self._check_route(self.route, {r.name for r in self.receivers})
        return self

    def _check_route(self, route: RouteSettings, known: set[str]) -> None:
        if route.receiver is not None and route.receiver not in known:
            raise ValueError(f"route: unknown receiver {route.receiver!r}; known: {', '.join(sorted(known)) or 'none'}")
        for child in route.routes:
            self._check_route(child, known)
