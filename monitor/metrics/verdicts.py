"""What people say of alerts, by rule: how many, and the share that was worth telling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from prometheus_client import CollectorRegistry, Gauge

from monitor.domain import VerdictKind


class VerdictMetrics:
    """Gauges read from the database, so that every process shows the same; rules come from the configuration."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.verdicts = Gauge(
            "tapewatch_rule_verdicts", "Episodes by what people said of them: useful, false, duplicate.",
            ["rule", "verdict"], registry=registry,
        )  # fmt: skip
        self.precision = Gauge(
            "tapewatch_rule_precision",
            "Useful episodes among those that people called useful or false; no series before the first.",
            ["rule"],
            registry=registry,
        )

    def show(self, rules: Sequence[str], counts: Mapping[tuple[str, VerdictKind], int]) -> None:
        """Show `counts`; rules that are configured no more are left out."""
        for rule in rules:
            for kind in VerdictKind:
                self.verdicts.labels(rule=rule, verdict=kind.value).set(counts.get((rule, kind), 0))
            useful, false = (counts.get((rule, kind), 0) for kind in (VerdictKind.USEFUL, VerdictKind.FALSE))
            if useful + false:
                self.precision.labels(rule=rule).set(useful / (useful + false))
