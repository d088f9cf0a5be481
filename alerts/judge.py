"""Judge: one rule over some ticks of one hour; its scan and what is known of its alerts in, changed alerts out.

What the counts say is computed for all ticks at once. Tick by tick only those series are looked at that are not at
rest or whose counts would let the rule fire, so that a calm tick costs next to nothing, and many ticks at once give
what they give one by one. Between changes of state the evidence of what fires is taken anew once an hour.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from alerts import lifecycle
from alerts.baseline import hour_number
from alerts.detector import Detector
from alerts.evidence import Look, Witness
from alerts.grid import CountGrid
from alerts.lifecycle import ACTIVE, AT_REST, FIRING, Condition, held
from alerts.rules import SINGLE_STORY, alert_labels, fingerprint, rule_version
from alerts.scan import Scan
from alerts.states import States
from monitor.domain import Alert, AlertState, Evidence, SeriesKey, Transition
from monitor.settings import Rule


@dataclass(slots=True)
class Changes:
    """What one tick changed."""

    at: datetime  #: UTC; event time.
    alerts: list[Alert] = field(default_factory=list)
    transitions: list[Transition] = field(default_factory=list)

    def add(self, before: Alert, steps: Sequence[Alert], evidence: Evidence | None) -> None:
        """`before` went through `steps`, one after the other."""
        for after in steps:
            self.transitions.append(lifecycle.transition(before, after, evidence))
            before = after


@dataclass(frozen=True, slots=True)
class Sight:
    """What a rule sees at some ticks."""

    detector: Detector
    grid: CountGrid
    scan: Scan
    is_firing: Sequence[bool]  #: By tick: some series.

    @classmethod
    def of(cls, detector: Detector, grid: CountGrid, scan: Scan) -> Sight:
        """The sight with its `scan` of `grid`."""
        return cls(detector, grid, scan, [bool(row.any()) for row in scan.fires])


@dataclass(frozen=True, slots=True)
class Docket:
    """One rule with all that it judges by over some ticks."""

    rule: Rule
    states: States
    witness: Witness
    ends: Sequence[datetime]  #: Of every window, one a tick.
    sight: Sight | None = None  #: None before anything was counted, and in error.
    fault: str = ""  #: Why the rule is in error.

    def step(self, row: int, changes: Changes, *, doubt: str) -> None:
        """Judge the tick at `row`; `doubt` says why the rule as a whole cannot be relied on, empty where it can."""
        active = self.states.active(self.rule.name)
        if not active and not (self.sight is not None and self.sight.is_firing[row]):
            return
        for key in sorted(active | set(self._firing(row))):
            _Case(self, key, row).judge(changes, doubt)

    def is_near(self) -> bool:
        """Whether at the last tick a series stands at the count gate."""
        return self.sight is not None and bool(self.sight.scan.near[-1].any())

    def levels(self, keys: Iterable[SeriesKey]) -> dict[SeriesKey, tuple[float, float]]:
        """Negative stories seen and expected at the last tick, of those of `keys` that the rule follows."""
        return {} if self.sight is None else self.sight.detector.levels(self.sight.grid, keys, self.ends[-1])

    def _firing(self, row: int) -> Iterator[SeriesKey]:
        if self.sight is not None and self.sight.is_firing[row]:
            yield from (self.sight.scan.keys[column] for column in self.sight.scan.fires[row].nonzero()[0])


class _Case:
    """One series at one tick."""

    def __init__(self, docket: Docket, key: SeriesKey, row: int) -> None:
        self._docket = docket
        self._rule = docket.rule
        self._key = key
        self._row = row
        self._end = docket.ends[row]
        self._column = None if docket.sight is None else docket.sight.scan.columns.get(key)

    def judge(self, changes: Changes, doubt: str) -> None:
        """Move the alert of the series to its next state, and note what changed."""
        before = self._docket.states.get(self._rule.name, self._key) or self._new(changes.at)
        met = self._holds() if held(before) in FIRING else self._fires() and self._passes()
        if not met and before.state in AT_REST:
            return
        coverage = self._docket.witness.covered(self._rule, self._key, self._end)
        doubt = doubt or self._uncovered(coverage)
        is_open = bool(doubt) and (met or held(before) in ACTIVE)
        condition = Condition.UNKNOWN if is_open else Condition.MET if met else Condition.UNMET
        steps = lifecycle.advance(before, self._rule, condition, at=changes.at, reason=doubt)
        if steps or (condition is Condition.MET and self._is_stale(before)):
            evidence = self._evidence(coverage, full=met, before=before if not steps else None)
            self._take(before, steps, evidence, changes, met=met)

    def _take(
        self, before: Alert, steps: Sequence[Alert], evidence: Evidence | None, changes: Changes, *, met: bool
    ) -> None:
        after = steps[-1] if steps else before
        changes.add(before, steps, evidence)
        single = self._is_single(before, evidence) if met else SINGLE_STORY in before.labels
        after = replace(
            after,
            evidence=evidence if met else after.evidence or evidence,
            labels=alert_labels(self._rule, self._key, single_story=single),
            rule_version=rule_version(self._rule),
        )
        self._docket.states.put(after)
        changes.alerts.append(after)

    def _is_stale(self, alert: Alert) -> bool:
        """Whether what is shown of a firing alert is of an hour ago, or no more the single story that it was."""
        if alert.state is not AlertState.FIRING:
            return False
        if alert.evidence is None or hour_number(alert.evidence.window_end_at) != hour_number(self._end):
            return True
        return SINGLE_STORY in alert.labels and not self._docket.witness.is_single_story(self._look)

    def _is_single(self, before: Alert, evidence: Evidence | None) -> bool:
        """An alert that others have been told of as more than one story does not shrink to one."""
        if evidence is None or not evidence.single_story:
            return False
        return not lifecycle.is_told(before) or SINGLE_STORY in before.labels

    def _evidence(self, coverage: float | None, *, full: bool, before: Alert | None) -> Evidence | None:
        """What is seen now; of an alert that fires as `before`, what made it fire is known."""
        if self._docket.sight is None or self._column is None:
            return None
        shown = before.evidence.documents if before and before.evidence else ()
        known = {each.story_id for each in shown if each.decisive} if before else None
        return self._docket.witness.take(self._look, coverage=coverage, full=full, known=known)

    def _passes(self) -> bool:
        return all(gate.passed for gate in self._docket.witness.gates(self._look).values())

    @cached_property
    def _look(self) -> Look:
        sight = self._docket.sight
        if sight is None:
            raise ValueError(f"rule {self._rule.name} sees nothing of {self._key}")
        reading = sight.scan.reading(self._row, self._key)
        return Look(self._rule, self._key, self._end, reading, sight.detector, sight.grid)

    def _holds(self) -> bool:
        sight, column = self._docket.sight, self._column
        return sight is not None and column is not None and bool(sight.scan.holds[self._row, column])

    def _fires(self) -> bool:
        sight, column = self._docket.sight, self._column
        return sight is not None and column is not None and bool(sight.scan.fires[self._row, column])

    def _new(self, at: datetime) -> Alert:
        name, key = self._rule.name, self._key
        labels = alert_labels(self._rule, key)
        return lifecycle.new_alert(fingerprint(name, key), rule=name, series=key, labels=labels, at=at)

    def _uncovered(self, coverage: float | None) -> str:
        least = self._rule.gates.min_coverage
        if coverage is None or coverage >= least:
            return ""
        return f"only {coverage:.0%} of the sources were looked at lately, the rule wants {least:.0%}"
