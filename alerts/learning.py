"""Learning: keep the detector of every rule up to the closed hour, and store what it has learned.

An hour is learned once the windows have passed over it, so that a baseline never rests on what it has to judge, and
not at all while its alert fires or for the hours in which it did. An alert that fires longer than the rule's half-life
is learned again: then it is no spike but how things are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from alerts.baseline import HOUR, Skip
from alerts.baseline_state import NEVER_SEEN
from alerts.detector import Detector, lookback_of
from alerts.grid import CountGrid
from alerts.lifecycle import FIRING, held
from monitor.domain import EPOCH, Alert, SeriesKey, floor_to
from monitor.ports import AlertStore, BaselineState
from monitor.settings import Rule

log = structlog.get_logger(__name__)

LONGEST_HISTORY = timedelta(days=400)  #: Older hours weigh nothing any more, and one stray date must not cost minutes.

Grid = Callable[[datetime, datetime], CountGrid]
"""The counts of every series that any rule follows, over a span."""


class Learning:
    """The detectors of every rule; read from the store once, then kept in memory."""

    def __init__(
        self,
        store: AlertStore,
        followed: Mapping[str, frozenset[SeriesKey]],
        rules: Sequence[Rule],
        *,
        bucket: timedelta,
    ) -> None:
        self._store = store
        self._rules = rules
        self._bucket = bucket
        self._series = {name: sorted(keys) for name, keys in followed.items()}
        self._recipes = {rule.name: _recipe(rule, self._series[rule.name]) for rule in rules}
        self._detectors = self._load()
        self._changed: set[str] = set()  # learned since the last dump

    @property
    def lookback(self) -> timedelta:
        """How far behind the hour that is judged anything is read, where nothing is left to catch up with."""
        return max(map(lookback_of, self._rules), default=timedelta(0)) + HOUR

    def detector(
        self, rule: Rule, end: datetime, *, grid: Grid, alerts: Mapping[tuple[str, SeriesKey], Alert]
    ) -> Detector | None:
        """The detector of `rule` for windows that end at `end`, all hours learned; None before any was counted."""
        hour = floor_to(end, HOUR)
        found = self._detectors.get(rule.name) or self._begin(rule, hour)
        if found is None:
            return None
        until = hour - found.lookback
        if found.learned_until < until:
            counts = grid(found.learned_until, until + found.lookback)
            found.learn(counts, until=until, skip=_skip(rule, alerts, end))
            self._changed.add(rule.name)
            log.debug("baseline_learned", rule=rule.name, until=until.isoformat())
        return found

    def dump(self) -> list[BaselineState]:
        """What was learned since the last time, to be stored."""
        names, self._changed = sorted(self._changed), set()
        return [state for name in names if name in self._detectors for state in self._dump(name)]

    def forget(self, rule: str) -> None:
        """Begin anew from what is stored: the detector of `rule` failed, nobody knows half way through what."""
        self._detectors.pop(rule, None)
        self._changed.discard(rule)
        if found := self._load().get(rule):
            self._detectors[rule] = found

    def _load(self) -> dict[str, Detector]:
        stored: dict[str, dict[SeriesKey, Mapping[str, object]]] = {}
        for state in self._store.baselines():
            stored.setdefault(state.rule, {})[state.series] = state.state
        return {rule.name: found for rule in self._rules if (found := self._restored(rule, stored.get(rule.name, {})))}

    def _restored(self, rule: Rule, states: Mapping[SeriesKey, Mapping[str, object]]) -> Detector | None:
        """What was learned under the same recipe; another one is learned anew from the history."""
        if states.get(NEVER_SEEN, {}).get("recipe") != self._recipes[rule.name]:
            return None
        found = self._blank(rule, EPOCH)
        try:
            found.load(states)
        except ValueError as err:
            log.warning("baseline_discarded", rule=rule.name, reason=str(err))
            return None
        return found

    def _begin(self, rule: Rule, hour: datetime) -> Detector | None:
        first = self._store.first_bucket_at()
        if first is None or first >= hour + HOUR:
            return None
        until = hour - lookback_of(rule)
        self._detectors[rule.name] = self._blank(rule, max(first, until - LONGEST_HISTORY))
        return self._detectors[rule.name]

    def _blank(self, rule: Rule, since: datetime) -> Detector:
        return Detector(rule, self._series[rule.name], bucket=self._bucket, since=since)

    def _dump(self, rule: str) -> list[BaselineState]:
        recipe = {"recipe": self._recipes[rule]}
        return [
            BaselineState(
                rule=rule, series=key, learned_until=until, state={**state, **(recipe if key == NEVER_SEEN else {})}
            )
            for key, (until, state) in self._detectors[rule].dump().items()
        ]


def _recipe(rule: Rule, series: Sequence[SeriesKey]) -> str:
    """A digest of what a detector depends on beside the counts: gates too, they say which peaks would have fired."""
    parts = [(key.entity, key.topic, key.source_class) for key in series]
    gates = (rule.gates.min_count, rule.gates.min_ratio, rule.gates.min_share_ratio, rule.resolve_p_value)
    asked = (rule.method, rule.windows, rule.baseline, gates, parts)
    return hashlib.sha256(repr(asked).encode()).hexdigest()[:16]


def _skip(rule: Rule, alerts: Mapping[tuple[str, SeriesKey], Alert], at: datetime) -> Skip:
    longest = rule.baseline.half_life

    def skip(key: SeriesKey, hour_at: datetime) -> bool:
        alert = alerts.get((rule.name, key))
        if alert is None or alert.fired_at is None or hour_at >= alert.fired_at + longest:
            return False
        if held(alert) in FIRING and at < alert.fired_at + longest:
            return True
        began_at, ended_at = alert.active_at or alert.fired_at, alert.last_true_at or alert.fired_at
        return hour_at <= ended_at and hour_at + HOUR > began_at

    return skip
