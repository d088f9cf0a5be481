"""Explain: why a rule fired for a series at some minute, or why it did not. Reads the store and changes nothing there.

The same detector, gates and evidence as in an evaluation. For an instant before what was learned, a detector learns
anew from the counts up to then: what is stored knows too much. Hours in which the alert fired are left out of that only
for the last episode, so that its numbers can differ a little from those of the day itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerts.baseline import HOUR
from alerts.charts.chart import Chart
from alerts.charts.chart_data import Spans, chart_of, shown_span
from alerts.charts.what_if import stories_missing
from alerts.counted import Counted
from alerts.detector import Detector
from alerts.evidence import CoverageOf, Look, Witness
from alerts.explanation import Explanation
from alerts.grid import CountGrid
from alerts.headway import behind
from alerts.learning import Grid, Learning
from alerts.lifecycle import FIRING
from alerts.readings import Reading
from alerts.replays.kept_states import KeptStates
from alerts.rules import alert_labels, fingerprint, followed
from alerts.silences import is_silenced
from monitor.domain import Alert, AlertState, Evidence, SeriesKey, Transition, floor_to
from monitor.errors import MonitorError
from monitor.ports import AlertStore
from monitor.settings import AlertingSettings, Rule

LOOK_BACK = timedelta(days=60)  #: So far back a state may have begun.
MANY = 100_000  #: Transitions read at most.
CLOSE = timedelta(days=1)  #: What was learned a day too far serves a picture.
QUICK = timedelta(days=45)  #: Longest span of counts read for the picture of a mail.

Alerts = Mapping[tuple[str, SeriesKey], Alert]


@dataclass(frozen=True, slots=True)
class _Sight:
    """One rule as it was at one instant."""

    rule: Rule
    end: datetime
    detector: Detector
    grid: CountGrid


class Explainer:
    """Answers for the rules of the configuration, over what they follow."""

    def __init__(
        self,
        store: AlertStore,
        settings: AlertingSettings,
        *,
        tickers: Collection[str],
        topics: Collection[str],
        bucket: timedelta,
        coverage: CoverageOf | None = None,
    ) -> None:
        self._store = store
        self._settings = settings
        self._rules = {rule.name: rule for rule in settings.rules}
        self._followed = {rule.name: followed(rule, tickers=tickers, topics=topics) for rule in settings.rules}
        self._bucket = bucket
        self._coverage = coverage

    def rules_of(self, key: SeriesKey, *, name: str | None = None) -> Sequence[Rule]:
        """The rules that follow `key`, or the one of that name; raises `MonitorError` where there is none."""
        if name is not None and name not in self._rules:
            raise MonitorError(f"no rule {name!r}; there are: {', '.join(self._rules) or 'none'}")
        asked = [rule for rule in self._settings.rules if name in (None, rule.name)]
        found = [rule for rule in asked if key in self._followed[rule.name]]
        if not found:
            who = f"rule {name} does not follow" if name else "no rule follows"
            parts = f"entity {key.entity}, topic {key.topic}, source class {key.source_class}"
            raise MonitorError(f"{who} {parts}; it must be in the watchlist and in `series` of alerting.rules")
        return found

    def explain(self, rule: Rule, key: SeriesKey, at: datetime) -> Explanation:
        """What `rule` saw of `key` at `at`, and what came of it; raises `MonitorError` before anything was counted."""
        sight = self._sight(rule, at)
        scan = sight.detector.scan(sight.grid, [sight.end])
        evidence = self._evidence(sight, key, scan.reading(0, key), self._settings.evidence_documents)
        history = self._history(rule, key, until=at)
        state = history[-1] if history else None
        suffices = scan.fires_for(0, key)
        missing = None if suffices else stories_missing(sight.detector, sight.grid, key, sight.end)
        return Explanation(
            rule=rule.name, series=key, at=at, evidence=evidence, missing=missing,
            counts_suffice=suffices,
            state=state.after if state else AlertState.NORMAL, since_at=state.at if state else None,
            reason=state.reason if state else "", hold=rule.hold, fired=_spans(history, at),
            silenced=is_silenced(alert_labels(rule, key), self._store.silences(active_at=at), at=at),
            uncounted_since=behind(self._store, at, tolerated=self._settings.tolerated_backlog),
        )  # fmt: skip

    def chart(self, rule: Rule, key: SeriesKey, at: datetime, *, name: str) -> Chart:
        """The picture of what `rule` saw of `key` at `at`."""
        sight = self._sight(rule, at)
        evidence = self._evidence(sight, key, sight.detector.scan(sight.grid, [sight.end]).reading(0, key), 0)
        return self._chart(sight, key, evidence, name=name)

    def chart_of_alert(self, alert: Alert, *, name: str) -> Chart | None:
        """The picture of an alert as its evidence has it; None where its rule is gone or it has none."""
        rule, evidence = self._rules.get(alert.rule), alert.evidence
        if rule is None or evidence is None or alert.series not in self._followed[alert.rule]:
            return None
        sight = self._sight(rule, evidence.window_end_at, quick=True)
        return self._chart(sight, alert.series, evidence, name=name)

    def _chart(self, sight: _Sight, key: SeriesKey, evidence: Evidence, *, name: str) -> Chart:
        fired = _spans(self._history(sight.rule, key, until=evidence.window_end_at), evidence.window_end_at)
        return chart_of(sight.detector, sight.grid, key, evidence, name=name, fired=fired)

    def _sight(self, rule: Rule, at: datetime, *, quick: bool = False) -> _Sight:
        end = floor_to(at, self._bucket)
        detector = self._detector(rule, end, quick=quick)
        if detector is None:
            raise MonitorError(f"nothing was counted before {end:%Y-%m-%d %H:%M} UTC; see: tapewatch sources")
        start = end - max(detector.lookback + HOUR, shown_span(rule.window) + rule.window + HOUR)
        return _Sight(rule, end, detector, self._grid(rule)(start, end))

    def _detector(self, rule: Rule, end: datetime, *, quick: bool) -> Detector | None:
        """As stored, learned on in memory; learned anew where what is stored is further than `end`.

        `quick`: what was learned a little too far will do, and what is not nearly learned is an error.
        """
        alerts = {(alert.rule, alert.series): alert for alert in self._store.alerts()}
        found = self._learned(self._store, rule, end, alerts, most=QUICK if quick else None)
        hour, close = floor_to(end, HOUR), CLOSE if quick else timedelta(0)
        if found is None or found.learned_until <= hour - found.lookback + close:
            return found
        past = {key: alert for key, alert in alerts.items() if alert.fired_at and alert.fired_at <= end}
        return self._learned(KeptStates(self._store), rule, end, past, most=QUICK if quick else None)

    def _learned(
        self, store: AlertStore, rule: Rule, end: datetime, alerts: Alerts, *, most: timedelta | None
    ) -> Detector | None:
        series = {rule.name: self._followed[rule.name]}
        learning = Learning(store, series, [rule], bucket=self._bucket)
        return learning.detector(rule, end, grid=self._grid(rule, most=most), alerts=alerts)

    def _grid(self, rule: Rule, *, most: timedelta | None = None) -> Grid:
        keys = sorted(self._followed[rule.name])

        def read(start: datetime, end: datetime) -> CountGrid:
            if most is not None and end - start > most:
                raise MonitorError(f"rule {rule.name} has not learned so far; a mail must not wait for that")
            counts = self._store.slot_counts(start, end, series=keys)
            return CountGrid.from_slots(counts, keys=keys, start=start, end=end, bucket=self._bucket)

        return read

    def _evidence(self, sight: _Sight, key: SeriesKey, reading: Reading, limit: int) -> Evidence:
        counted = Counted(self._store, [key], bucket=self._bucket)
        counted.refresh(sight.end - max(sight.rule.windows), sight.end)
        witness = Witness(store=self._store, counted=counted, limit=limit, coverage=self._coverage)
        look = Look(sight.rule, key, sight.end, reading, sight.detector, sight.grid)
        return witness.take(look, coverage=witness.covered(sight.rule, key, sight.end), full=limit > 0)

    def _history(self, rule: Rule, key: SeriesKey, *, until: datetime) -> list[Transition]:
        """What became of the alert up to then, the earliest first."""
        mine = fingerprint(rule.name, key)
        found = self._store.transitions(since=until - LOOK_BACK, limit=MANY)
        return [each for each in reversed(found) if each.fingerprint == mine and each.at <= until]


def _spans(history: Sequence[Transition], until: datetime) -> Spans:
    """When the alert fired."""
    spans: list[tuple[datetime, datetime]] = []
    began: datetime | None = None
    for each in history:
        if each.after in FIRING:
            began = began or each.at
        elif began is not None and each.after is not AlertState.UNCERTAIN:
            spans.append((began, each.at))
            began = None
    return tuple(spans) if began is None else (*spans, (began, until))
