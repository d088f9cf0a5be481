"""Alerts: states, evidence, transitions, notifications, silences.

The words are Prometheus's and Alertmanager's. All instants are UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from monitor.domain.documents import Sentiment, SeriesKey


class AlertState(StrEnum):
    """Where an alert is in its life."""

    NORMAL = "normal"
    PENDING = "pending"
    FIRING = "firing"
    RECOVERING = "recovering"
    RESOLVED = "resolved"
    UNCERTAIN = "uncertain"  #: Too little was looked at to say: neither fires nor resolves.
    NO_DATA = "no-data"  #: Nothing was counted for long: silence is not calm.
    ERROR = "error"  #: The rule could not be evaluated.


class Measure(StrEnum):
    """What of a series a method looks at."""

    VOLUME = "volume"  #: Negative stories.
    WEIGHT = "weight"  #: The probabilities of being negative, summed over all stories.
    SHARE = "share"  #: Negative stories among all.
    DRIFT = "drift"  #: Negative stories, day by day, summed up.
    DROP = "drop"  #: All stories, too few of them.


class VerdictKind(StrEnum):
    """What a person says of an alert."""

    USEFUL = "useful"
    FALSE = "false"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceDocument:
    """One labelled document as shown in an alert."""

    id: str
    published_at: datetime  #: UTC.
    source: str
    title: str  #: Title, or the beginning of the text; at most 300 characters.
    url: str | None
    author: str | None
    topic: str
    sentiment: Sentiment
    negative: float  #: p(negative), in [0, 1].
    story_id: str
    reach: int  #: Documents that tell this story so far, at least 1.
    relevance: float = 1.0  #: How much it is about the entity of the series, in [0, 1].
    novelty: tuple[int, ...] = ()  #: One each of `LOOK_BACKS`, in [0, 100]; empty where it is not known.
    first_at: datetime | None = None  #: UTC; when its story was first published.
    told: int = 1  #: Documents that tell its story within the window, itself included.
    sources: int = 1  #: Distinct sources, or authors where they are posts, of those documents.
    share: float = 0.0  #: Its story's share of the excess over what was expected, in [0, 1].
    decisive: bool = False  #: Without its story the alert would not have fired.


@dataclass(frozen=True, slots=True, kw_only=True)
class GateReading:
    """One gate at one evaluation."""

    passed: bool
    value: float | None = None  #: What was read; None where nothing could be.
    limit: float | None = None  #: What the rule asks for, in the same unit.


@dataclass(frozen=True, slots=True, kw_only=True)
class HorizonReading:
    """One window of a rule at one evaluation."""

    window_s: float  #: Length in seconds.
    measure: Measure
    seen: float  #: What was measured: stories, or a share in [0, 1].
    expected: float  #: In the same unit.
    dispersion: float  #: Variance over that of the plain model (Poisson, binomial); 1 is none over it.
    p_value: float  #: Nominal: before it was recalibrated.


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Why an alert is in its state: what was seen, what was expected, and which documents say so."""

    window_start_at: datetime  #: UTC, inclusive.
    window_end_at: datetime  #: UTC, exclusive.
    seen: int  #: Negative stories in the window.
    expected: float  #: Negative stories that the baseline expected in the window.
    dispersion: float  #: Variance divided by mean in the baseline; 1 is Poisson.
    p_value: float  #: P(count >= seen) under the baseline.
    ratio: float  #: seen / max(expected, tiny), capped at 1e6.
    sources: int  #: Distinct sources of the negative stories.
    stories: int  #: All stories in the window.
    gates: Mapping[str, GateReading] = field(default_factory=dict)  #: By name.
    documents: tuple[EvidenceDocument, ...] = ()  #: One a story, the worst first; at most the configured number.
    history_s: float = 0.0  #: Seconds of history that the baseline rests on.
    held_back: int = 0  #: Stories in the window that a cap on their author or domain kept out.
    method: str = ""  #: Name of the method, as rules write it.
    measure: Measure = Measure.VOLUME  #: What spoke.
    horizons: tuple[HorizonReading, ...] = ()  #: Every window looked at; the first is the one that spoke.
    q_value: float | None = None  #: After Benjamini and Hochberg over all series of the rule at this evaluation.
    false_alarms: float | None = None  #: Episodes as strong as this a week, by chance, over all series of the rule.
    coverage: float | None = None  #: Share of the sources that were looked at, in [0, 1]; None where none is known.
    single_story: bool = False  #: One story makes most of the excess.


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One instance of a rule with its state, as stored."""

    fingerprint: str  #: Hex digest of rule and series; the alert's identity.
    rule: str
    series: SeriesKey
    labels: Mapping[str, str]  #: alertname, entity, topic, source_class, severity and the rule's own.
    state: AlertState
    since_at: datetime  #: UTC; when the state was entered.
    active_at: datetime | None = None  #: UTC; when the condition first held in this episode.
    fired_at: datetime | None = None  #: UTC; when this episode began to fire.
    last_true_at: datetime | None = None  #: UTC; when the condition last held.
    evidence: Evidence | None = None  #: From the last evaluation that held, or the last at all.
    rule_version: str = ""  #: Digest of the rule that made it; another rule under the name starts anew.
    held_state: AlertState | None = None  #: While uncertain: the state that it was in, and goes back to.
    reason: str = ""  #: Why it is uncertain, without data or in error; empty otherwise.


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One change of an alert's state."""

    fingerprint: str
    rule: str
    series: SeriesKey
    before: AlertState
    after: AlertState
    at: datetime  #: UTC; event time of the evaluation.
    evidence: Evidence | None = None
    reason: str = ""  #: Where the counts alone do not say why.


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a person said of one episode of an alert; the last word counts."""

    fingerprint: str
    fired_at: datetime  #: UTC; names the episode.
    rule: str
    verdict: VerdictKind
    by: str  #: Who said so; empty where nobody gave a name.
    at: datetime  #: UTC.
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """A label that a person put right."""

    document_id: str
    entity: str  #: Ticker, or `ALL` for the text as a whole.
    text: str  #: What of the document was kept.
    sentiment: Sentiment | None  #: None: as the model said.
    topic: str | None  #: None: as the model said.
    by: str
    at: datetime  #: UTC.


@dataclass(frozen=True, slots=True, kw_only=True)
class Matcher:
    """One condition on a label, in Alertmanager's words; `is_regex` anchors at both ends."""

    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Alerts whose labels meet every matcher are not notified between the two instants."""

    id: str
    matchers: tuple[Matcher, ...]
    starts_at: datetime  #: UTC, inclusive.
    ends_at: datetime  #: UTC, exclusive.
    created_by: str
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupState:
    """What one receiver was last told about one group of alerts: Alertmanager's notification log entry."""

    receiver: str
    group_key: str
    first_seen_at: datetime  #: UTC; `group_wait` runs from here.
    notified_at: datetime | None = None  #: UTC; of the last notification put in the outbox.
    firing: tuple[str, ...] = ()  #: Fingerprints that were firing in it, sorted.
    resolved: tuple[str, ...] = ()  #: Fingerprints that were resolved in it, sorted.


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """What a receiver gets: one group of alerts at one instant."""

    id: str  #: Message id; stable over retries, so that a receiver can drop a repeat.
    receiver: str
    group_key: str
    group_labels: Mapping[str, str]
    alerts: tuple[Alert, ...]  #: Firing first, then resolved.
    reason: str  #: first | changed | repeat | resolved
    created_at: datetime  #: UTC.

    @property
    def status(self) -> str:
        """`firing` when any alert in it fires, else `resolved`."""
        firing = (AlertState.FIRING, AlertState.RECOVERING)
        return "firing" if any(a.state in firing for a in self.alerts) else "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxItem:
    """A notification that waits to be delivered."""

    notification: Notification
    attempts: int  #: Attempts made so far.


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryAttempt:
    """One attempt to deliver, as the delivery log keeps it."""

    notification_id: str
    receiver: str
    attempt: int  #: From 1.
    at: datetime  #: UTC.
    outcome: str  #: delivered | retry | refused | superseded
    detail: str  #: What the other side said; no secrets; at most 500 characters.
    took_s: float
