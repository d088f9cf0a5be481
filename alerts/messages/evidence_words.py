"""Evidence in words: what was seen against what was expected, how rare that is, and which gates stand where. Pure.

Comes in: numbers of the domain. Goes out: short phrases without strangers' text, the same in mail, webhook and
`tapewatch explain`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from alerts.messages.words import expected_words, odds_words, percent_words, span_words, stories_words
from monitor.domain import AlertState, Evidence, GateReading, HorizonReading, Measure

TITLES: Mapping[str, str] = {
    Measure.VOLUME: "Negative spike",
    Measure.SHARE: "Unusual share of negative",
    Measure.DRIFT: "Slow erosion",
    Measure.DROP: "Drop-out",
}
MEASURES: Mapping[str, str] = {
    Measure.VOLUME: "negative stories",
    "weight": "p(negative), summed over stories",
    Measure.SHARE: "share of negative",
    Measure.DRIFT: "negative stories, day by day",
    Measure.DROP: "all stories",
}
RULE_TITLES: Mapping[str, str] = {AlertState.NO_DATA: "Rule without data", AlertState.ERROR: "Rule in error"}
STATES: Mapping[AlertState, str] = {AlertState.NO_DATA: "no data", AlertState.RECOVERING: "firing"}

#: How the value and the limit of a gate are written, by the name that rules give it; others are plain numbers.
GATE_FORMS: Mapping[str, Callable[[float], str]] = {
    "p_value": lambda value: f"{value:.2g}",
    "min_history": lambda value: span_words(timedelta(seconds=value)),
    "max_story_share": percent_words,
    "min_coverage": percent_words,
    "q_value": percent_words,
}
GATE_MEANINGS: Mapping[str, str] = {
    "p_value": "by chance in one window",
    "false_alarms": "times a week as strong by chance, over all series of the rule",
    "q_value": "of what stands out as far at once does so by chance",
    "sensitivity": "as the method counts",
    "min_count": "stories seen",
    "min_ratio": "times the expected",
    "min_share_ratio": "times the expected share",
    "min_sources": "distinct sources, or authors of posts",
    "min_history": "of history to compare with",
    "max_story_share": "of the excess by the largest story",
    "min_coverage": "of the sources were looked at",
}
LIMITS_FROM_BELOW = ("min_", "sensitivity")  #: Gates whose value must reach the limit; the others must not pass it.


@dataclass(frozen=True, slots=True, kw_only=True)
class HorizonLine:
    """One window and measure of a rule, in words."""

    window: str
    measure: str
    seen: str
    expected: str
    dispersion: str
    p_value: str
    spoke: bool  #: This one decided.


@dataclass(frozen=True, slots=True, kw_only=True)
class GateLine:
    """One gate, in words."""

    name: str  #: As rules write it.
    passed: bool
    value: str  #: With its meaning.
    limit: str  #: With `at least` or `at most`; empty where there is none.

    @property
    def words(self) -> str:
        """In one line, without the name."""
        return f"{self.value} ({self.limit})" if self.limit else self.value


def title_words(evidence: Evidence | None, *, rule_state: str = "") -> str:
    """What kind of thing was noticed; `rule_state` is that of an alert on a rule as a whole."""
    if rule_state:
        return RULE_TITLES.get(rule_state, "Rule")
    return TITLES.get(evidence.measure, TITLES[Measure.VOLUME]) if evidence else "Alert"


def state_words(state: AlertState) -> str:
    """As readers see a state: what recovers still fires."""
    return STATES.get(state, state.value)


def outcome_words(evidence: Evidence) -> str:
    """Seen against expected, in a few words: the second half of a subject."""
    expected = f"{expected_words(evidence.expected)} expected"
    if evidence.measure is Measure.SHARE:
        return f"{evidence.seen:,} of {stories_words(evidence.stories, '')} negative, {expected}"
    kind = "" if evidence.measure is Measure.DROP else "negative"
    return f"{stories_words(evidence.seen, kind)}, {expected}"


def strength_words(evidence: Evidence) -> str:
    """How often something as strong comes by chance: in a week over all series where that is known, else in windows."""
    if evidence.false_alarms is None:
        return odds_words(evidence.p_value)
    return f"as strong as this comes {frequency_words(evidence.false_alarms)} by chance, over all series of the rule"


def frequency_words(a_week: float) -> str:
    """A rate as people say it: `about 3 times a week`, `about once in 12 weeks`, `less than once in ten years`."""
    if a_week >= 1.5:  # noqa: PLR2004 - from here on it rounds to two
        return f"about {a_week:,.0f} times a week"
    weeks = 1.0 / max(a_week, 1e-9)
    if weeks < 1.5:  # noqa: PLR2004
        return "about once a week"
    if weeks >= 520:  # noqa: PLR2004 - weeks in ten years
        return "less than once in ten years"
    return f"about once in {weeks:,.0f} weeks"


def horizon_lines(evidence: Evidence) -> tuple[HorizonLine, ...]:
    """Every window that was looked at, the one that spoke first; evidence of an older version has that one alone."""
    horizons = evidence.horizons or (_only(evidence),)
    return tuple(_horizon(horizon, spoke=place == 0) for place, horizon in enumerate(horizons))


def gate_lines(gates: Mapping[str, GateReading]) -> tuple[GateLine, ...]:
    """Every gate, those that did not pass first."""
    ordered = sorted(gates.items(), key=lambda item: item[1].passed)
    return tuple(_gate(name, gate) for name, gate in ordered)


def _only(evidence: Evidence) -> HorizonReading:
    return HorizonReading(
        window_s=(evidence.window_end_at - evidence.window_start_at).total_seconds(),
        measure=evidence.measure,
        seen=evidence.seen,
        expected=evidence.expected,
        dispersion=evidence.dispersion,
        p_value=evidence.p_value,
    )


def _horizon(horizon: HorizonReading, *, spoke: bool) -> HorizonLine:
    is_share = horizon.measure is Measure.SHARE
    return HorizonLine(
        window=span_words(timedelta(seconds=horizon.window_s)),
        measure=MEASURES.get(horizon.measure, horizon.measure.value),
        seen=percent_words(horizon.seen) if is_share else _counted(horizon.seen),
        expected=percent_words(horizon.expected) if is_share else expected_words(horizon.expected),
        dispersion=f"{horizon.dispersion:.1f}",
        p_value=f"{horizon.p_value:.2g}",
        spoke=spoke,
    )


def _gate(name: str, gate: GateReading) -> GateLine:
    form = GATE_FORMS.get(name, _plain)
    meaning = GATE_MEANINGS.get(name, "")
    value = "not known" if gate.value is None else f"{form(gate.value)} {meaning}".strip()
    side = "at least" if name.startswith(LIMITS_FROM_BELOW) else "at most"
    limit = "" if gate.limit is None else f"{side} {form(gate.limit)}"
    return GateLine(name=name, passed=gate.passed, value=value, limit=limit)


def _counted(value: float) -> str:
    """Whole where it is a count; sums of probabilities are not."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def _plain(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() and abs(value) < 1e15 else f"{value:.3g}"  # noqa: PLR2004
