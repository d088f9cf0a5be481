"""Sections for routing and receivers, and the rules with them; the words and defaults are Alertmanager's."""

from __future__ import annotations

from datetime import timedelta
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, AnyHttpUrl, Field, NonNegativeInt, PositiveInt, SecretStr, model_validator

from monitor.settings.alert_rules import Rule
from monitor.settings.base import Duration, DurationOrZero, Name, Port, Section


def _mailbox(value: str) -> str:
    if "@" not in parseaddr(value)[1] or any(c in value for c in "\r\n"):
        raise ValueError("not a mail address; write name@example.org or Name <name@example.org>")
    return value


Mailbox = Annotated[str, AfterValidator(_mailbox)]


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


class AlertmanagerReceiver(Section):
    """An Alertmanager, through its v2 API; for a cluster one receiver a member."""

    type: Literal["alertmanager"]
    """Alertmanager."""

    name: Name
    """Name of the receiver."""

    url: AnyHttpUrl
    """Address, with the path under which it is served; `/api/v2/alerts` is added."""

    token: SecretStr | None = None
    """Bearer token, where a proxy in front wants one; better from the environment or `token_file`."""

    token_file: Path | None = None
    """A file that holds the token."""

    send_resolved: bool = True
    """Send when an alert is resolved."""

    timeout: Duration = timedelta(seconds=10)
    """For one attempt."""

    resolve_after: Duration = timedelta(hours=12)
    """An alert that is not heard of for so long ends there; longer than the `repeat_interval` of its routes."""


Receiver = Annotated[EmailReceiver | WebhookReceiver | AlertmanagerReceiver, Field(discriminator="type")]


class VerdictSettings(Section):
    """Signed one-click links in messages: useful, false, duplicate."""

    secret: SecretStr | None = None
    """Signs the links; without one messages carry none. Better from the environment or `secret_file`."""

    secret_file: Path | None = None
    """A file that holds the secret."""

    valid_for: Duration = timedelta(days=30)
    """A link is refused after this."""


class AlertingSettings(Section):
    """Rules, routing, receivers."""

    evaluate_every: Duration = timedelta(minutes=1)
    """Time between two evaluations."""

    allowed_lateness: DurationOrZero = timedelta(0)
    """Evaluate so long after the event: what came within it counts as if it had come in order."""

    tolerated_backlog: Duration = timedelta(seconds=30)
    """Evaluate nothing before what came onto the bus has been counted, up to so shortly before now."""

    evidence_documents: PositiveInt = 5
    """Headlines shown in an alert."""

    verdicts: VerdictSettings = VerdictSettings()
    """Links by which readers say whether an alert was useful."""

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
