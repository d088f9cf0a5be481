"""Rules: which series a rule follows, what its alerts are called, and which conditions hold. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from itertools import product

from monitor.domain import ALL, GateReading, SeriesKey, SourceClass
from monitor.settings import Rule
from monitor.settings.alert_rules import Part

MAX_RATIO = 1e6
TINY_EXPECTED = 1e-9
DEFAULT_P_VALUE = 1e-4

STATISTICAL_GATES = ("p_value", "min_count", "min_ratio", "min_history")
"""Gates that the counts alone decide; `min_sources` needs the documents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One series in one window: what was seen and what was expected."""

    seen: int  #: Negative stories.
    stories: int  #: All stories.
    expected: float  #: Negative stories that the baseline expected.
    dispersion: float  #: Variance over mean; 1 is Poisson.
    p_value: float  #: P(count >= seen).
    history: timedelta  #: What the baseline rests on.
    held_back: int = 0  #: Stories that a cap kept out.

    @property
    def ratio(self) -> float:
        """Seen over expected, at most 1e6."""
        return min(self.seen / max(self.expected, TINY_EXPECTED), MAX_RATIO)


def followed(rule: Rule, *, tickers: Collection[str], topics: Collection[str]) -> frozenset[SeriesKey]:
    """Every series that `rule` follows; `each` stands for the watched tickers, the model's topics, the classes."""
    classes = [source_class.value for source_class in SourceClass]
    select = rule.series
    parts = product(_part(select.entity, tickers), _part(select.topic, topics), _part(select.source_class, classes))
    return frozenset(SeriesKey(entity=entity, topic=topic, source_class=cls) for entity, topic, cls in parts)


def _part(part: Part, each: Collection[str]) -> Collection[str]:
    if isinstance(part, str):
        return (ALL,) if part == "all" else each
    return part


def fingerprint(rule: str, series: SeriesKey) -> str:
    """The identity of an alert: a digest of its rule's name and its series."""
    parts = "\0".join((rule, series.entity, series.topic, series.source_class))
    return hashlib.sha256(parts.encode()).hexdigest()[:16]


def alert_labels(rule: Rule, series: SeriesKey) -> dict[str, str]:
    """The rule's own labels, and over them those that say what the alert is about."""
    return {
        **rule.labels,
        "alertname": rule.name,
        "entity": series.entity,
        "topic": series.topic,
        "source_class": series.source_class,
    }


def statistical_gates(rule: Rule, reading: Reading) -> dict[str, GateReading]:
    """The conditions that counts decide, by name."""
    gates, history = rule.gates, rule.baseline.min_history
    return {
        "p_value": GateReading(passed=reading.p_value <= nominal(rule), value=reading.p_value, limit=nominal(rule)),
        "min_count": GateReading(passed=reading.seen >= gates.min_count, value=reading.seen, limit=gates.min_count),
        "min_ratio": GateReading(
            passed=reading.seen >= gates.min_ratio * reading.expected, value=reading.ratio, limit=gates.min_ratio
        ),
        "min_history": GateReading(
            passed=reading.history >= history, value=reading.history.total_seconds(), limit=history.total_seconds()
        ),
    }


def nominal(rule: Rule) -> float:
    """The p-value at which the rule fires."""
    return DEFAULT_P_VALUE if rule.max_p_value is None else rule.max_p_value


def source_gate(rule: Rule, sources: int) -> dict[str, GateReading]:
    """The condition on distinct sources, by name."""
    least = rule.gates.min_sources
    return {"min_sources": GateReading(passed=sources >= least, value=sources, limit=least)}
