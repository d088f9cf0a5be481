"""What an evaluation shows to Prometheus: alert states, transitions, and the sentiment of what is watched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from monitor.domain import Alert, AlertState, Counts, SeriesKey, Transition
from monitor.metrics import AlertMetrics

MICRO = 1e6
NOTHING = Counts()


class Gauges:
    """Sets the metrics of the alert stage; entities come from the watchlist, topics from the model."""

    def __init__(
        self, metrics: AlertMetrics, *, rules: Iterable[str], tickers: Iterable[str], topics: Iterable[str]
    ) -> None:
        self._metrics = metrics
        self._rules = tuple(rules)
        #: An entity over all topics, or a topic over all entities: a closed set.
        self.shown = [SeriesKey(entity=ticker) for ticker in tickers] + [SeriesKey(topic=topic) for topic in topics]
        for rule in self._rules:
            metrics.start_rule(rule)
            self.show_expected(rule, {})
        self.show_sentiment({})

    def show_sentiment(self, counts: Mapping[SeriesKey, Counts]) -> None:
        """Show the stories of the last window: of each entity over all topics, of each topic over all entities."""
        for key in self.shown:
            count = counts.get(key, NOTHING)
            balance = (count.positive_micro - count.negative_micro) / MICRO
            self._metrics.sentiment.labels(entity=key.entity, topic=key.topic).set(balance / max(count.stories, 1))
            for name in ("negative", "neutral", "positive"):
                stories = self._metrics.stories.labels(entity=key.entity, topic=key.topic, sentiment=name)
                stories.set(getattr(count, name))

    def show_alerts(self, alerts: Iterable[Alert]) -> None:
        """Show how many alerts of each rule are in each state."""
        states = Counter((alert.rule, alert.state) for alert in alerts)
        for rule in self._rules:
            for state in AlertState:
                self._metrics.alerts.labels(rule=rule, state=state.value).set(states[rule, state])

    def show_transitions(self, transitions: Sequence[Transition], *, evaluated_at: datetime) -> None:
        """Count what has just changed."""
        for transition in transitions:
            if transition.rule in self._rules:  # the label comes from the configuration of today
                self._metrics.transitions.labels(rule=transition.rule, state=transition.after.value).inc()
                self._show_latency(transition, evaluated_at)

    def show_expected(self, rule: str, readings: Mapping[SeriesKey, tuple[float, float]]) -> None:
        """Show what a rule saw and expected: (negative stories seen, expected) by series; those left out are 0."""
        for key in self.shown:
            seen, expected = readings.get(key, (0.0, 0.0))
            self._metrics.negative.labels(rule=rule, entity=key.entity, topic=key.topic).set(seen)
            self._metrics.expected.labels(rule=rule, entity=key.entity, topic=key.topic).set(expected)

    def _show_latency(self, transition: Transition, evaluated_at: datetime) -> None:
        documents = transition.evidence.documents if transition.evidence else ()
        if transition.after is AlertState.FIRING and documents:
            waited = evaluated_at - max(document.published_at for document in documents)
            self._metrics.latency_seconds.observe(max(0.0, waited.total_seconds()))
