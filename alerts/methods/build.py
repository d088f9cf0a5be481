"""Find a method by its name."""

from __future__ import annotations

from alerts.methods.comparison import Comparison
from alerts.methods.drift import Drift
from alerts.methods.drop import Drop
from alerts.methods.judged import Method
from alerts.methods.spike import Spike
from monitor.domain import Measure
from monitor.settings import Rule


def build_method(rule: Rule, *, series: int) -> Method:
    """The method that `rule` names, for so many series."""
    if rule.method == "spike":
        return Spike(rule, Measure.VOLUME, Measure.WEIGHT, Measure.SHARE)
    if rule.method == "negative-binomial":
        return Spike(rule, Measure.VOLUME)
    if rule.method == "share":
        return Spike(rule, Measure.SHARE)
    if rule.method == "drop":
        return Drop(rule)
    if rule.method == "drift":
        return Drift(rule, series=series)
    return Comparison(rule)
