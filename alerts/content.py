"""The view model of a notification: everything a message says, as safe values, before any channel's own form.

Comes in: a `Notification` as the outbox keeps it. Goes out: `Content`, in which strangers' text is one clean line and
every link is http(s). Channels only lay it out; they never reach back for the raw text.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerts.annotations import AnnotationTemplate, annotation_templates
from alerts.plain import plain, safe_url
from alerts.words import (
    expected_words,
    held_back_words,
    novelty_words,
    odds_words,
    ratio_words,
    relevance_words,
    span_words,
    stories_words,
)
from monitor.domain import ALL, Alert, AlertState, Evidence, EvidenceDocument, Notification, SeriesKey
from monitor.settings import AlertingSettings, Rule

TITLE_CHARS = 240
WORD_CHARS = 80  #: Source, author, topic, label.
ANNOTATION_CHARS = 1000
NAMED_IN_SUBJECT = 3  #: Entities that a subject over several alerts names.
SILENCE_FOR = "2h"
FIRING = (AlertState.FIRING, AlertState.RECOVERING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """One evidence document as shown."""

    published_at: datetime  #: UTC.
    source: str
    title: str
    url: str | None  #: http(s), or None.
    author: str
    topic: str
    negative: float  #: p(negative), in [0, 1].
    reach: int  #: Documents that tell this story, at least 1.
    relevance: float  #: In [0, 1].
    novelty: tuple[int, ...]  #: In [0, 100], one each of `LOOK_BACKS`; empty where it is not known.

    @property
    def standing(self) -> str:
        """In words: new or an echo, and how relevant, as far as that needs saying."""
        return ", ".join(filter(None, (novelty_words(self.novelty), relevance_words(self.relevance))))


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertContent:
    """One alert as shown."""

    alert: Alert
    status: str  #: firing | resolved
    about: str  #: For example `Acme Corp (ACME)`, with topic and source class where the series has them.
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    evidence: Evidence | None
    expected: str  #: In words, as are the next two; empty without evidence.
    ratio: str
    odds: str
    since_at: datetime  #: UTC; when this episode began to fire.
    ended_at: datetime | None  #: UTC; None while firing.
    window: str  #: Length, for example `1h`.
    held_back: str  #: What the caps kept out, in words; empty where that is nothing.
    headlines: tuple[Headline, ...]
    silence: str  #: Command line that silences it.
    link: str  #: Where people look it up.

    @property
    def summary(self) -> str:
        """The annotation of that name, where the rule has one."""
        return self.annotations.get("summary", "")

    @property
    def severity(self) -> str:
        """The label of that name, where the alert has one."""
        return self.labels.get("severity", "")

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
        self._names = dict(names or {})

    def build(self, notification: Notification) -> Content:
        """Everything that a message about `notification` says."""
        alerts = tuple(self._alert(alert) for alert in notification.alerts)
        return Content(
            notification=notification,
            status=notification.status,
            subject=plain(_subject(notification.status, alerts), TITLE_CHARS),
            alerts=alerts,
            external_url=self._external_url,
        )

    def _alert(self, alert: Alert) -> AlertContent:
        evidence, firing = alert.evidence, alert.state in FIRING
        about = self._about(alert.series)
        return AlertContent(
            alert=alert,
            status="firing" if firing else "resolved",
            about=about,
            labels={plain(k, WORD_CHARS): plain(v, TITLE_CHARS) for k, v in alert.labels.items()},
            annotations=self._annotations(alert),
            evidence=evidence,
            expected=expected_words(evidence.expected) if evidence else "",
            ratio=ratio_words(evidence.ratio) if evidence else "",
            odds=odds_words(evidence.p_value) if evidence else "",
            since_at=alert.fired_at or alert.active_at or alert.since_at,
            ended_at=None if firing else alert.since_at,
            window=span_words(self._window(alert)),
            held_back=held_back_words(evidence.held_back) if evidence else "",
            headlines=tuple(_headline(document) for document in (evidence.documents if evidence else ())),
            silence=_silence(alert),
            link=f"{self._external_url}/#{plain(alert.fingerprint, WORD_CHARS)}",
        )

    def _window(self, alert: Alert) -> timedelta:
        if rule := self._rules.get(alert.rule):
            return rule.window
        if alert.evidence:  # the rule is gone from the configuration
            return alert.evidence.window_end_at - alert.evidence.window_start_at
        return timedelta(0)

    def _name(self, series: SeriesKey) -> str:
        return "all watched entities" if series.entity == ALL else self._names.get(series.entity, series.entity)

    def _about(self, series: SeriesKey) -> str:
        name = self._name(series)
        about = f"{name} ({series.entity})" if series.entity not in (name, ALL) else name
        kinds = [part for part in (series.topic, series.source_class) if part != ALL]
        return plain(f"{about}, {', '.join(kinds)}" if kinds else about, TITLE_CHARS)

    def _annotations(self, alert: Alert) -> Mapping[str, str]:
        templates = self._templates.get(alert.rule)
        if not templates:
            return {}
        values = self._values(alert)
        return {name: plain(template.fill(values), ANNOTATION_CHARS) for name, template in templates.items()}

    def _values(self, alert: Alert) -> dict[str, str]:
        evidence, series = alert.evidence, alert.series
        return {
            "entity": series.entity,
            "name": self._name(series),
            "topic": series.topic,
            "source_class": series.source_class,
            "rule": alert.rule,
            "severity": alert.labels.get("severity", ""),
            "status": "firing" if alert.state in FIRING else "resolved",
            "seen": str(evidence.seen) if evidence else "?",
            "expected": expected_words(evidence.expected) if evidence else "?",
            "ratio": f"{evidence.ratio:.1f}" if evidence else "?",
            "p_value": f"{evidence.p_value:.2g}" if evidence else "?",
            "sources": str(evidence.sources) if evidence else "?",
            "stories": str(evidence.stories) if evidence else "?",
            "window": span_words(self._window(alert)),
        }


def _headline(document: EvidenceDocument) -> Headline:
    return Headline(
        published_at=document.published_at,
        source=plain(document.source, WORD_CHARS),
        title=plain(document.title, TITLE_CHARS) or "(no title)",
        url=safe_url(document.url),
        author=plain(document.author or "", WORD_CHARS),
        topic=plain(document.topic, WORD_CHARS),
        negative=document.negative,
        reach=document.reach,
        relevance=document.relevance,
        novelty=document.novelty,
    )


def _subject(status: str, alerts: tuple[AlertContent, ...]) -> str:
    firing = [alert for alert in alerts if alert.status == "firing"]
    shown = firing or list(alerts)
    over = f"; {len(alerts) - len(firing)} resolved" if firing and len(firing) < len(alerts) else ""
    if len(shown) == 1:
        return f"[{status.upper()}] Negative spike: {shown[0].about}: {_outcome(shown[0])}{over}"
    named = ", ".join(alert.about for alert in shown[:NAMED_IN_SUBJECT])
    more = f" and {len(shown) - NAMED_IN_SUBJECT} more" if len(shown) > NAMED_IN_SUBJECT else ""
    return f"[{status.upper()}:{len(shown)}] Negative spikes: {named}{more}{over}"


def _outcome(alert: AlertContent) -> str:
    if alert.ended_at is not None:
        return f"over after {span_words(alert.ended_at - alert.since_at)}"
    if alert.evidence is None:
        return "firing"
    return f"{stories_words(alert.evidence.seen, 'negative')}, {alert.expected} expected"


def _silence(alert: Alert) -> str:
    """Match what makes this alert this one; a part that is `all` needs no matcher."""
    parts = [("alertname", alert.rule), ("entity", alert.series.entity), ("topic", alert.series.topic)]
    parts.append(("source_class", alert.series.source_class))
    matchers = [f"{name}={plain(value, TITLE_CHARS)}" for name, value in parts if value != ALL]
    return shlex.join(["tapewatch", "alerts", "silence", *matchers, "--for", SILENCE_FOR, "--comment", "why"])
