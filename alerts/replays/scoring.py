"""Score: alerts held against labelled events, rule by rule. Pure.

An alert is true when its entity is that of an event and it began to fire between `before` the event's start and
`after` it, or the event's end where that is later. An event is found when at least one alert is true of it; more
alerts of the same event are true as well, and cost no precision. Intervals are Wilson's, 95 % (E. B. Wilson, "Probable
inference, the law of succession, and statistical inference", JASA 22, 1927).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import nan, sqrt
from statistics import median

from alerts.replays.events import Event
from monitor.domain import Alert

WEEK = timedelta(weeks=1)
NORMAL_95 = 1.959964  #: Quantile of the normal distribution that leaves 2.5 % above.


@dataclass(frozen=True, slots=True, kw_only=True)
class Margins:
    """How far from an event's start an alert may lie."""

    before: timedelta = timedelta(hours=1)
    after: timedelta = timedelta(hours=24)

    def holds(self, event: Event, at: datetime) -> bool:
        """Whether an alert at `at` is about `event`; for a quiet one, whether it disturbs it."""
        if event.is_quiet:
            return event.start <= at < event.until
        return event.start - self.before <= at <= max(event.start + self.after, event.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share with its 95 % interval; all three are not a number where there is nothing to take a share of."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One alert, as it began to fire, and what it was about."""

    alert: Alert
    fired_at: datetime
    event: Event | None  #: None: false.
    quiet: Event | None = None  #: The quiet time that it disturbs.


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What one rule did over a span."""

    rule: str
    alerts: int
    true: int
    false: int
    on_quiet: int  #: False ones that disturb a quiet time.
    events: int  #: That there was to be found.
    found: int
    missed: tuple[Event, ...]
    precision: Share
    recall: Share
    lead: timedelta | None  #: Median over found events, from the first alert to the start; negative: after the start.
    behind: timedelta | None  #: Median over found events, from the first document that was shown to the first alert.
    false_a_week: float
    judged: tuple[Judged, ...]  #: By time.


def wilson(successes: int, trials: int) -> Share:
    """The share of `successes` in `trials`."""
    if not trials:
        return Share(value=nan, low=nan, high=nan)
    share, squared = successes / trials, NORMAL_95**2
    centre = (share + squared / (2 * trials)) / (1 + squared / trials)
    half = NORMAL_95 / (1 + squared / trials) * sqrt(share * (1 - share) / trials + squared / (4 * trials**2))
    return Share(value=share, low=max(0.0, centre - half), high=min(1.0, centre + half))


def scores(
    fired: Iterable[Alert],
    events: Sequence[Event],
    *,
    rules: Sequence[str],
    since: datetime,
    until: datetime,
    margins: Margins | None = None,
) -> list[Score]:
    """The score of each of `rules` over `[since, until)`; an episode of an alert is one alert, at its `fired_at`."""
    by_rule: dict[str, list[tuple[datetime, Alert]]] = {rule: [] for rule in rules}
    for alert in fired:
        if alert.fired_at is not None and since <= alert.fired_at < until:
            by_rule.setdefault(alert.rule, []).append((alert.fired_at, alert))
    within = [event for event in events if since <= event.start < until]
    weeks = (until - since) / WEEK
    return [_score(rule, found, within, weeks, margins or Margins()) for rule, found in by_rule.items()]


def _score(
    rule: str, fired: Sequence[tuple[datetime, Alert]], events: Sequence[Event], weeks: float, margins: Margins
) -> Score:
    judged = [_judge(alert, at, events, margins) for at, alert in sorted(fired, key=lambda pair: pair[0])]
    first: dict[int, Judged] = {}
    for each in judged:
        if each.event is not None:
            first.setdefault(id(each.event), each)
    wanted = [event for event in events if not event.is_quiet]
    true = sum(each.event is not None for each in judged)
    return Score(
        rule=rule,
        alerts=len(judged),
        true=true,
        false=len(judged) - true,
        on_quiet=sum(each.quiet is not None for each in judged),
        events=len(wanted),
        found=len(first),
        missed=tuple(event for event in wanted if id(event) not in first),
        precision=wilson(true, len(judged)),
        recall=wilson(len(first), len(wanted)),
        lead=_median([event.start - each.fired_at for each in first.values() if (event := each.event)]),
        behind=_median([lag for each in first.values() if (lag := _behind(each, margins)) is not None]),
        false_a_week=(len(judged) - true) / weeks if weeks > 0 else nan,
        judged=tuple(judged),
    )


def _judge(alert: Alert, at: datetime, events: Sequence[Event], margins: Margins) -> Judged:
    about = [event for event in events if event.entity == alert.series.entity and margins.holds(event, at)]
    real = [event for event in about if not event.is_quiet]
    if real:
        return Judged(alert=alert, fired_at=at, event=min(real, key=lambda event: abs(event.start - at)))
    return Judged(alert=alert, fired_at=at, event=None, quiet=about[0] if about else None)


def _behind(judged: Judged, margins: Margins) -> timedelta | None:
    """How long after the first document of the event that it shows an alert came."""
    evidence, event = judged.alert.evidence, judged.event
    if evidence is None or event is None:
        return None
    told = [document.first_at or document.published_at for document in evidence.documents]
    about = [at for at in told if event.start - margins.before <= at <= judged.fired_at]
    return judged.fired_at - min(about) if about else None


def _median(spans: Sequence[timedelta]) -> timedelta | None:
    return timedelta(seconds=median(span.total_seconds() for span in spans)) if spans else None


def outside(events: Iterable[Event], *, since: datetime, until: datetime) -> list[Event]:
    """Those of `events` that start outside of `[since, until)`, which no alert could be about."""
    return [event for event in events if not since <= event.start < until]


def unfollowed(events: Iterable[Event], entities: Iterable[str]) -> list[str]:
    """Entities of `events` that are none of `entities`, sorted."""
    return sorted({event.entity for event in events} - set(entities))
