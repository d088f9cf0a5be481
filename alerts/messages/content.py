"""The view model of a notification: everything a message says, as safe values, before any channel's own form.

Comes in: a `Notification` as the outbox keeps it. Goes out: `Content`, in which strangers' text is one clean line and
every link is http(s). Channels only lay it out; they never reach back for the raw text.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerts.messages.annotations import AnnotationTemplate, annotation_templates
from alerts.messages.evidence_words import (
    GateLine,
    HorizonLine,
    gate_lines,
    horizon_lines,
    state_words,
    strength_words,
    title_words,
)
from alerts.messages.headlines import TITLE_CHARS, WORD_CHARS, Headline, decisive_words, headline_of
from alerts.messages.plain import plain
from alerts.messages.subjects import subject_words
from alerts.messages.verdict_links import VerdictLinks
from alerts.messages.words import (
    entity_words,
    expected_words,
    held_back_words,
    percent_words,
    ratio_words,
    series_words,
    span_words,
)
from monitor.domain import ALL, Alert, AlertState, Evidence, Measure, Notification
from monitor.settings import AlertingSettings, Rule

ANNOTATION_CHARS = 1000
REASON_CHARS = 400
SILENCE_FOR = "2h"
RULE_STATE = "state"  #: Label of the alerts on a rule as a whole.
OVER = frozenset({AlertState.NORMAL, AlertState.PENDING, AlertState.RESOLVED})
"""States of which a receiver is told that it is over; in every other one something is to be looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertContent:
    """One alert as shown."""

    alert: Alert
    status: str  #: firing | resolved, as Alertmanager's readers know them.
    state: str  #: In words: firing, resolved, uncertain, no data, error.
    title: str  #: What kind of thing it is.
    reason: str  #: Why it is uncertain, without data or in error; empty otherwise.
    about: str  #: For example `Acme Corp (ACME)`, with topic and source class where the series has them.
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    evidence: Evidence | None
    expected: str  #: In words, as are the next two; empty without evidence.
    ratio: str
    odds: str  #: How rare something as strong is.
    horizons: tuple[HorizonLine, ...]  #: Every window looked at, the one that spoke first.
    gates: tuple[GateLine, ...]
    hangs_on: str  #: The story without which it would not have fired, in a sentence; empty where there is none.
    coverage: str  #: Share of the sources that were looked at; empty where it is not known.
    since_at: datetime  #: UTC; when this episode began to fire.
    ended_at: datetime | None  #: UTC; None while firing.
    window: str  #: Length, for example `1h`.
    held_back: str  #: What the caps kept out, in words; empty where that is nothing.
    headlines: tuple[Headline, ...]
    silence: str  #: Command line that silences it.
    link: str  #: Where people look it up.
    verdicts: Mapping[str, str]  #: Addresses by which readers say what it was worth; empty without a secret.

    @property
    def summary(self) -> str:
        """The annotation of that name, where the rule has one."""
        return self.annotations.get("summary", "")

    @property
    def severity(self) -> str:
        """The label of that name, where the alert has one."""
        return self.labels.get("severity", "")

    @property
    def counted(self) -> str:
        """What `seen` and `expected` count."""
        is_drop = self.evidence is not None and self.evidence.measure is Measure.DROP
        return "Stories" if is_drop else "Negative stories"

    @property
    def bars(self) -> tuple[int, int]:
        """Lengths of a seen and an expected bar, in percent; a bar that stands for something is visible."""
        if self.evidence is None:
            return 0, 0
        top = max(float(self.evidence.seen), self.evidence.expected, 1e-9)
        shares = (self.evidence.seen / top, self.evidence.expected / top)
        return (max(round(shares[0] * 100), 1), max(round(shares[1] * 100), 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """One notification as shown."""

    notification: Notification
    status: str  #: firing | resolved
    subject: str  #: One line; also the headline of a page.
    alerts: tuple[AlertContent, ...]
    external_url: str


class ContentBuilder:
    """Turns notifications into content; knows the rules and the names of what is watched."""

    def __init__(self, settings: AlertingSettings, *, names: Mapping[str, str] | None = None) -> None:
        self._rules: dict[str, Rule] = {rule.name: rule for rule in settings.rules}
        self._templates: dict[str, dict[str, AnnotationTemplate]] = {
            rule.name: annotation_templates(rule.annotations, rule=rule.name) for rule in settings.rules
        }
        self._external_url = str(settings.external_url).rstrip("/")
        self._links = verdict_links(settings)
        self._names = dict(names or {})

    def build(self, notification: Notification) -> Content:
        """Everything that a message about `notification` says."""
        alerts = tuple(self._alert(alert, notification.created_at) for alert in notification.alerts)
        status = "firing" if any(alert.status == "firing" for alert in alerts) else notification.status
        return Content(
            notification=notification,
            status=status,
            subject=plain(subject_words(status, alerts), TITLE_CHARS),
            alerts=alerts,
            external_url=self._external_url,
        )

    def _alert(self, alert: Alert, at: datetime) -> AlertContent:
        evidence, over, rule_state = alert.evidence, alert.state in OVER, alert.labels.get(RULE_STATE, "")
        headlines = tuple(headline_of(document) for document in (evidence.documents if evidence else ()))
        return AlertContent(
            alert=alert,
            status="resolved" if over else "firing",
            state="resolved" if over else state_words(alert.state),
            title=title_words(evidence, rule_state=rule_state),
            reason=plain(alert.reason, REASON_CHARS),
            about=plain(alert.rule, WORD_CHARS) if rule_state else series_words(alert.series, self._names),
            labels={plain(k, WORD_CHARS): plain(v, TITLE_CHARS) for k, v in alert.labels.items()},
            annotations=self._annotations(alert),
            evidence=evidence,
            expected=expected_words(evidence.expected) if evidence else "",
            ratio=ratio_words(evidence.ratio) if evidence else "",
            odds=strength_words(evidence) if evidence else "",
            horizons=horizon_lines(evidence) if evidence else (),
            gates=gate_lines(evidence.gates) if evidence else (),
            hangs_on=decisive_words(headlines, single_story=bool(evidence and evidence.single_story)),
            coverage=percent_words(evidence.coverage) if evidence and evidence.coverage is not None else "",
            since_at=alert.fired_at or alert.active_at or alert.since_at,
            ended_at=alert.since_at if over else None,
            window=span_words(self._window(alert)),
            held_back=held_back_words(evidence.held_back) if evidence else "",
            headlines=headlines,
            silence=_silence(alert),
            link=f"{self._external_url}/#{plain(alert.fingerprint, WORD_CHARS)}",
            verdicts=self._links.links(alert, at=at) if self._links and not rule_state else {},
        )

    def _window(self, alert: Alert) -> timedelta:
        if alert.evidence:  # the window that spoke
            return alert.evidence.window_end_at - alert.evidence.window_start_at
        rule = self._rules.get(alert.rule)
        return rule.window if rule else timedelta(0)

    def _annotations(self, alert: Alert) -> Mapping[str, str]:
        templates = self._templates.get(alert.rule)
        if not templates:
            return {}
        values = self._values(alert)
        return {
            name: plain(template.fill(values), ANNOTATION_CHARS)
            for name, template in templates.items()
            if alert.evidence or not template.is_measured
        }

    def _values(self, alert: Alert) -> dict[str, str]:
        evidence, series = alert.evidence, alert.series
        return {
            "entity": series.entity,
            "name": entity_words(series, self._names),
            "topic": series.topic,
            "source_class": series.source_class,
            "rule": alert.rule,
            "severity": alert.labels.get("severity", ""),
            "status": "resolved" if alert.state in OVER else "firing",
            "seen": str(evidence.seen) if evidence else "?",
            "expected": expected_words(evidence.expected) if evidence else "?",
            "ratio": f"{evidence.ratio:.1f}" if evidence else "?",
            "p_value": f"{evidence.p_value:.2g}" if evidence else "?",
            "sources": str(evidence.sources) if evidence else "?",
            "stories": str(evidence.stories) if evidence else "?",
            "window": span_words(self._window(alert)),
        }


def verdict_links(settings: AlertingSettings) -> VerdictLinks | None:
    """What signs the links of `settings`; None without a secret. Raises `ConfigurationError` for a short one."""
    if settings.verdicts.secret is None:
        return None
    return VerdictLinks(
        settings.verdicts.secret.get_secret_value(),
        external_url=str(settings.external_url),
        valid_for=settings.verdicts.valid_for,
    )


def _silence(alert: Alert) -> str:
    """Match what makes this alert this one; a part that is `all` needs no matcher."""
    parts = [("alertname", alert.rule), ("entity", alert.series.entity), ("topic", alert.series.topic)]
    parts.append(("source_class", alert.series.source_class))
    parts.append((RULE_STATE, alert.labels.get(RULE_STATE, ALL)))  # of a rule: not every alert that it makes
    matchers = [f"{name}={plain(value, TITLE_CHARS)}" for name, value in parts if value != ALL]
    return shlex.join(["tapewatch", "alerts", "silence", *matchers, "--for", SILENCE_FOR, "--comment", "why"])
