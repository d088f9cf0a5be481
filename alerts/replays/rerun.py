"""Rerun: every tick of a span of the past, evaluated by the code that runs live; ticks in, what they changed out.

It goes on after the span until what fires has ended, as a live monitor would, but no longer than `LONGEST_TAIL`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from monitor.domain import Alert, AlertState, Transition
from monitor.ports import Tick

AT_ONCE = timedelta(days=1)  #: Of event time; progress shows after each.
LONGEST_TAIL = timedelta(days=7)  #: How long after the span alerts are followed to their end.

UNENDED = frozenset({AlertState.PENDING, AlertState.FIRING, AlertState.RECOVERING, AlertState.UNCERTAIN})
SILENT = frozenset({AlertState.NO_DATA, AlertState.UNCERTAIN})
"""States that after the last document say only that the recording is over."""


class Evaluates(Protocol):
    """Evaluates the rules."""

    def evaluate(self, ticks: Sequence[datetime]) -> Iterator[Tick]:
        """What changed at each of `ticks`, those left out at which nothing did."""


def _ignore(_: object) -> None:
    """Where nobody listens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Who is told while it goes on."""

    on_progress: Callable[[datetime], None] = _ignore  #: Of the last tick of each piece.
    on_fired: Callable[[Alert], None] = _ignore  #: Of each alert as it begins to fire, before any later tick.


@dataclass(slots=True)
class Rerun:
    """What the rules did."""

    ticks: int = 0
    transitions: list[Transition] = field(default_factory=list)
    fired: list[Alert] = field(default_factory=list)  #: One entry an episode, as it began to fire.
    unended: set[str] = field(default_factory=set)  #: Fingerprints of alerts that have not ended.

    def take(self, tick: Tick, listener: Listener) -> None:
        """Note what `tick` changed."""
        self.transitions.extend(tick.transitions)
        began = [alert for alert in tick.alerts if _began(alert, tick)]
        self.fired.extend(began)
        for transition in tick.transitions:
            keep = self.unended.add if transition.after in UNENDED else self.unended.discard
            keep(transition.fingerprint)
        for alert in began:
            listener.on_fired(alert)


def rerun(
    evaluator: Evaluates,
    *,
    start: datetime,
    end: datetime,
    every: timedelta,
    listener: Listener | None = None,
    follow: bool = True,
) -> Rerun:
    """Evaluate every tick in `[start, end]` and, to `follow`, what fires then to its end; `start` is the first tick."""
    found, told = Rerun(), listener or Listener()
    for ticks in _pieces(start, end, every):
        found.ticks += len(ticks)
        for tick in evaluator.evaluate(ticks):
            found.take(tick, told)
        told.on_progress(ticks[-1])
    last = start + (end - start) // every * every
    for ticks in _pieces(last + every, last + LONGEST_TAIL, every):
        if not (follow and found.unended):
            break
        found.ticks += len(ticks)
        for tick in evaluator.evaluate(ticks):
            found.take(_without_silence(tick), told)
    return found


def _pieces(start: datetime, end: datetime, every: timedelta) -> Iterator[list[datetime]]:
    """The ticks in `[start, end]`, cut where a piece of time ends."""
    while start <= end:
        until = min(end, start + AT_ONCE - every)
        count = (until - start) // every + 1
        yield [start + n * every for n in range(max(1, count))]
        start += max(1, count) * every


def _began(alert: Alert, tick: Tick) -> bool:
    return alert.fired_at == tick.at and any(
        transition.fingerprint == alert.fingerprint and transition.after is AlertState.FIRING
        for transition in tick.transitions
    )


def _without_silence(tick: Tick) -> Tick:
    """`tick` without what it says for want of documents: there are none any more."""
    kept = [transition for transition in tick.transitions if transition.after not in SILENT]
    if len(kept) == len(tick.transitions):
        return tick
    names = {transition.fingerprint for transition in kept}
    alerts = [alert for alert in tick.alerts if alert.fingerprint in names]
    return Tick(
        at=tick.at, alerts=alerts, transitions=kept, groups=tick.groups, notifications=tick.notifications,
        baselines=tick.baselines,
    )  # fmt: skip
