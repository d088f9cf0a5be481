"""What a method says of cells, and how it is asked. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import numpy as np
import numpy.typing as npt

from alerts.baseline import Rows
from alerts.cells import Cells
from alerts.detection import Floats
from monitor.domain import Measure

Flags = npt.NDArray[np.bool_]
NO_SCORE = -np.inf
"""Where the gates of no window are passed."""


@dataclass(frozen=True, slots=True)
class Gate:
    """A condition on counts, over cells."""

    passed: Flags
    value: Floats
    limit: Floats

    @classmethod
    def least(cls, value: Floats, limit: Floats | float) -> Gate:
        """Passed from `limit` on."""
        limits = np.broadcast_to(np.asarray(limit, dtype=np.float64), value.shape)
        return cls(value >= limits, value, limits)


@dataclass(frozen=True, slots=True)
class Look:
    """One measure in one window, over cells."""

    window: timedelta
    measure: Measure
    seen: Floats
    expected: Floats
    dispersion: Floats
    p_value: Floats  #: Nominal.


@dataclass(frozen=True, slots=True)
class Judged:
    """A method's answer over cells; the window that speaks is the strongest of those whose gates are passed."""

    score: Floats  #: In nats, or in the method's own unit; `NO_SCORE` where the gates are not passed.
    p_value: Floats  #: Nominal, of the window that speaks.
    goes_on: Flags  #: Whether what fires already goes on.
    speaks: Rows  #: Place in `windows` of the one that speaks.
    windows: tuple[timedelta, ...]
    looks: tuple[Look, ...]  #: Every measure in every window.
    gates: Mapping[str, Gate]  #: Of the window that speaks, by name.


class Method(Protocol):
    """One way to judge counts."""

    rises_with_stories: bool
    """Whether a score can only rise when a story comes; otherwise it is looked at hour by hour."""

    reach: timedelta
    """How far before a tick it looks."""

    def judge(self, cells: Cells) -> Judged:
        """The scores of `cells`."""

    def pass_day(self, cells: Cells) -> None:
        """A day is over; `cells` are all series at its end."""

    def state(self) -> Mapping[str, Floats]:
        """What it keeps between days, to be stored and filled again."""


class KeepsNothing:
    """The part of a method that keeps nothing between days."""

    def pass_day(self, cells: Cells) -> None:
        """Nothing is kept."""

    def state(self) -> dict[str, Floats]:
        """Nothing is kept."""
        return {}


def picked(tables: Sequence[Floats], speaks: Rows) -> Floats:
    """For every cell the value of the window that speaks."""
    return np.asarray(np.stack(tables)[speaks, np.arange(len(speaks))])


def strongest(scores: Sequence[Floats], gates: Sequence[Mapping[str, Gate]]) -> tuple[Floats, Rows, dict[str, Gate]]:
    """The highest score among windows whose gates are all passed, which it is, and its gates.

    Where no window passes, there is no score, and the highest at all speaks.
    """
    table = np.stack(scores)
    passed = np.stack([np.logical_and.reduce([gate.passed for gate in each.values()]) for each in gates])
    gated = np.where(passed, table, NO_SCORE)
    best = np.asarray(gated.max(axis=0))
    speaks = np.asarray(np.where(np.isfinite(best), gated.argmax(axis=0), table.argmax(axis=0)))
    return best, speaks, {name: _spoken([each[name] for each in gates], speaks) for name in gates[0]}


def _spoken(gates: Sequence[Gate], speaks: Rows) -> Gate:
    value, limit = (picked([getattr(gate, name) for gate in gates], speaks) for name in ("value", "limit"))
    return Gate.least(value, limit)
