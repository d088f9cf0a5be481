"""Readings: what a rule saw of one series at one evaluation, with every number that led to the answer. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from monitor.domain import GateReading, HorizonReading, Measure

MAX_RATIO = 1e6
TINY_EXPECTED = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One series at one evaluation: the window and measure that spoke, and all the others."""

    seen: int  #: Negative stories in `window`; of a drop: all stories.
    stories: int  #: All stories in `window`.
    expected: float  #: What the baseline expected in place of `seen`.
    dispersion: float  #: Variance over mean; 1 is Poisson.
    p_value: float  #: Of the window and measure that spoke, nominal.
    q_value: float | None = None  #: After Benjamini and Hochberg over the series of this evaluation.
    false_alarms: float | None = None  #: Episodes as strong as this a week, by chance, over all series of the rule.
    window: timedelta  #: That spoke.
    measure: Measure = Measure.VOLUME  #: That spoke.
    horizons: tuple[HorizonReading, ...] = ()  #: Every window and measure; the first is the one that spoke.
    history: timedelta  #: What the baseline rests on.
    held_back: int = 0  #: Stories that a cap kept out.
    gates: Mapping[str, GateReading] = field(default_factory=dict)  #: The gates that counts decide, by name.

    @property
    def ratio(self) -> float:
        """Seen over expected, at most 1e6."""
        return min(self.seen / max(self.expected, TINY_EXPECTED), MAX_RATIO)
