"""Sections for alert rules: which series, how they are judged, what else must hold, how long."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from monitor.domain import ALL, TOPICS, SourceClass
from monitor.durations import format_duration
from monitor.settings.base import Duration, DurationOrZero, Name, Rate, Section

Part = Literal["all", "each"] | tuple[str, ...]
DAY = timedelta(days=1)
COMPARISONS = frozenset({"mean-sigma", "ewma", "ratio", "threshold"})
"""Methods without a known false-alarm rate, kept for comparison: they fire at a sensitivity."""

MethodName = Literal["spike", "negative-binomial", "share", "drift", "drop", "mean-sigma", "ewma", "ratio", "threshold"]


class SeriesSelector(Section):
    """Which series a rule follows; each part is `all` (summed), `each` (one alert for each) or a list."""

    entity: Part = "each"
    """`each`: every watched entity; or a list of tickers."""

    topic: Part = "all"
    """`each`, or a list of topics."""

    source_class: Part = "all"
    """`each`, or a list of news, social, filing."""

    @model_validator(mode="after")
    def _matches_something(self) -> Self:
        for name, known in (("entity", None), ("topic", TOPICS), ("source_class", tuple(SourceClass))):
            part = getattr(self, name)
            if part == ():
                raise ValueError(f"{name}: an empty list matches nothing; write all, each or some")
            strange = [] if isinstance(part, str) or known is None else sorted({*part} - {*known, ALL})
            if strange:
                raise ValueError(f"{name}: {', '.join(strange)} matches nothing; known: {', '.join(known or ())}")
        return self


class GateSettings(Section):
    """Conditions beside the statistical one; all must hold."""

    min_count: PositiveInt = 3
    """Least negative stories in the window."""

    min_ratio: Annotated[float, Field(ge=1)] = 3.0
    """Least negative stories as a multiple of the expected."""

    min_share_ratio: Annotated[float, Field(ge=1)] = 1.5
    """Least mean p(negative) of the stories as a multiple of the usual (`spike`, `share`): much talk is not yet bad."""

    min_sources: PositiveInt = 2
    """Least distinct sources among them, or authors where they are posts."""

    max_story_share: Annotated[float, Field(gt=0, le=1)] = 0.8
    """One story that makes more of the excess than this makes the alert a single-story alert."""

    single_story: Literal["mark", "block"] = "mark"
    """What becomes of a single-story alert: `mark` gives it the label `single_story`, to route it apart."""

    min_coverage: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Where less of the sources was looked at, an alert neither fires nor resolves: it is uncertain. 0: do not ask."""


class BaselineSettings(Section):
    """What is expected: level x hour-of-week profile."""

    half_life: Duration = timedelta(days=14)
    """An hour so long ago weighs half."""

    guard: DurationOrZero = timedelta(0)
    """So much before a window is not learned yet when the window is judged: what grows slowly must not hide itself."""

    min_history: DurationOrZero = timedelta(days=2)
    """A rule does not fire before there is so much history."""


class Rule(Section):
    """One alert rule."""

    name: Name
    """Name of the rule: label `alertname`."""

    series: SeriesSelector = SeriesSelector()
    """Series to follow."""

    windows: tuple[Duration, ...] = Field(default=(timedelta(minutes=15), timedelta(hours=1), DAY), min_length=1)
    """Sliding windows, looked at together; whole numbers of buckets. `window: 1h` stands for one."""

    method: MethodName = "spike"
    """How counts are judged: `spike` looks at volume and share in every window. The others look at one thing alone."""

    at_most: Rate | None = None
    """False alerts that you accept over all series of the rule; left out, and no `max_p_value`: `1 per week`."""

    max_p_value: Annotated[float, Field(gt=0, lt=0.5)] | None = None
    """In place of `at_most`: fire where counts this high are expected no more often than this."""

    max_q_value: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Among the series that stand out at one evaluation, the share that may do so by chance (Benjamini-Hochberg).

    Every alert shows its own. 1: `at_most` alone decides; 0.2 is as strict as 1.4 a week where a window is a day.
    """

    sensitivity: Annotated[float, Field(gt=0)] | None = None
    """For `mean-sigma` and `ewma` the standard deviations, for `ratio` the multiple, for `threshold` the stories."""

    resolve_p_value: Annotated[float, Field(gt=0, le=1)] = 0.05
    """While firing, the condition holds until the p-value rises above this (hysteresis)."""

    hold: DurationOrZero = Field(default=timedelta(0), alias="for")
    """`for`: the condition must hold so long before the alert fires."""

    keep_firing_for: DurationOrZero = timedelta(minutes=15)
    """The alert keeps firing so long after the condition last held."""

    no_data_after: DurationOrZero = timedelta(hours=6)
    """Where nothing at all was counted for so long, the rule's state is no-data. 0: never."""

    gates: GateSettings = GateSettings()
    """Further conditions."""

    baseline: BaselineSettings = BaselineSettings()
    """What is expected."""

    labels: dict[str, str] = {}
    """Labels of the alert, for example `severity: page`."""

    annotations: dict[str, str] = {}
    """Texts of the alert, for example `summary`; `{entity}`, `{seen}` and `{expected}` are filled in."""

    @property
    def window(self) -> timedelta:
        """The longest window."""
        return max(self.windows)

    @model_validator(mode="before")
    @classmethod
    def _one_window(cls, raw: object) -> object:
        if isinstance(raw, Mapping) and "window" in raw and "windows" not in raw:
            return {**{key: value for key, value in raw.items() if key != "window"}, "windows": [raw["window"]]}
        return raw

    @model_validator(mode="after")
    def _conditions_fit(self) -> Self:
        if self.at_most is not None and self.max_p_value is not None:
            raise ValueError("at_most and max_p_value exclude each other; leave one out")
        if len(set(self.windows)) < len(self.windows):
            raise ValueError("windows: each once")
        needs = self.method in COMPARISONS
        if needs and self.sensitivity is None:
            raise ValueError(f"method {self.method} needs sensitivity")
        if not needs and self.sensitivity is not None:
            raise ValueError(f"sensitivity is for {', '.join(sorted(COMPARISONS))}; method {self.method} takes at_most")
        return self


def window_fault(rule: Rule, *, bucket: timedelta, retention: timedelta, every: timedelta) -> str:
    """Why the windows of `rule` cannot be looked at; empty where they can."""
    for window in rule.windows:
        shown = f"rule {rule.name}: window {format_duration(window)}"
        if window % bucket:
            return f"{shown} must be a whole number of buckets ({format_duration(bucket)})"
        if window > retention:
            return f"{shown} is longer than counts are kept (aggregate.bucket_retention {format_duration(retention)})"
        if window < every:
            return (
                f"{shown} is shorter than alerting.evaluate_every ({format_duration(every)}): "
                "what comes and goes between two evaluations would never be seen"
            )
    return ""
