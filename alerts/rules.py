"""Rules: which series a rule follows, what its alerts are called, when it is another rule. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from itertools import product

from monitor.domain import ALL, AlertState, SeriesKey, SourceClass
from monitor.errors import ConfigurationError
from monitor.settings import Rule
from monitor.settings.alert_rules import Part

SINGLE_STORY = "single_story"
"""The label of an alert that one story makes."""

WORDING = frozenset({"name", "series", "labels", "annotations", "no_data_after"})
"""Settings that change no judgement: an alert outlives a change of them."""


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


def check_rules(rules: Sequence[Rule], *, tickers: Collection[str], topics: Collection[str]) -> None:
    """Raise `ConfigurationError` where a rule selects what is never counted: it would be silent for ever."""
    for rule in rules:
        for name, part, known, where in (
            ("entity", rule.series.entity, tickers, "watchlist"),
            ("topic", rule.series.topic, topics, "topics of the model"),
        ):
            place = f"alerting.rules: rule {rule.name}: series.{name}"
            if part == "each" and not known:
                raise ConfigurationError(f"{place}: each matches nothing, the {where} is empty; fill it, or say all")
            strange = [] if isinstance(part, str) else sorted(set(part) - set(known) - {ALL})
            if strange:
                raise ConfigurationError(f"{place}: {', '.join(strange)} not in the {where}, so nothing would match")


def fingerprint(rule: str, series: SeriesKey) -> str:
    """The identity of an alert: a digest of its rule's name and its series."""
    return _digest(rule, series.entity, series.topic, series.source_class)


def rule_fingerprint(rule: str, state: AlertState) -> str:
    """The identity of the alert that says that a rule as a whole is in `state`."""
    return _digest(rule, "", state.value)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def rule_version(rule: Rule) -> str:
    """A digest of what a rule judges by: where it differs, the alerts of the old rule say nothing of the new one."""
    judged_by = rule.model_dump(mode="json", exclude=set(WORDING))
    return _digest(json.dumps(judged_by, sort_keys=True))


def alert_labels(rule: Rule, series: SeriesKey, *, single_story: bool = False) -> Mapping[str, str]:
    """The rule's own labels, and over them those that say what the alert is about."""
    return {
        **rule.labels,
        **({SINGLE_STORY: "true"} if single_story else {}),
        "alertname": rule.name,
        "entity": series.entity,
        "topic": series.topic,
        "source_class": series.source_class,
    }
