"""Detector: one rule's expectations and its judgement of counts. Pure: counts in, a `Scan` out.

It learns from closed hours and scans open ones. An hour is judged by what was learned up to `lookback` before it, when
it is scanned and again when it is closed: then the peaks of its episodes tell how often the rule would fire by chance,
and the oldest hour of the lookback is learned. So the same counts give the same numbers in whatever steps they come.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np

from alerts.baseline import HOUR, MEASURED, Baselines, Rows, Skip, hour_number, hour_start, window_hours
from alerts.baseline_state import NEVER_SEEN, into, to_json
from alerts.cells import FIELD_OF, Cells
from alerts.detection import Floats
from alerts.grid import FIELDS, MICRO, CountGrid
from alerts.judgement import Judgement
from alerts.methods import build_method
from alerts.methods.judged import NO_SCORE, Flags
from alerts.recalibration import Recalibration, keep_of
from alerts.scan import Scan
from monitor.domain import EPOCH, SeriesKey
from monitor.settings import Rule

MEMORY = 26  #: Half-lives of the level after which a peak of an episode weighs half: a year where it is 14 days.
HEAVY = 0.2  #: p(negative) from which a story can make a score rise.
DAY_H = 24

State = dict[SeriesKey, tuple[datetime, dict[str, object]]]


def lookback_of(rule: Rule) -> timedelta:
    """What lies between the last hour that may be learned and the one that is judged: the windows, the guard."""
    guard_h = -(-rule.baseline.guard // HOUR)
    return (window_hours(build_method(rule, series=0).reach) + guard_h) * HOUR


class Detector:
    """What one rule knows of its series."""

    def __init__(self, rule: Rule, series: Sequence[SeriesKey], *, bucket: timedelta, since: datetime) -> None:
        self.rule = rule
        self.keys = tuple(series)
        self.bucket = bucket
        self.lookback = lookback_of(rule)
        self._columns = {key: column for column, key in enumerate(self.keys)}
        half_life = rule.baseline.half_life
        self._method = build_method(rule, series=len(self.keys))
        self._book = Baselines(
            series=len(self.keys), half_life=half_life, window=rule.window, since_h=hour_number(since)
        )
        self._past = Recalibration(series=len(self.keys), keep=keep_of(MEMORY * half_life))
        self._every = np.arange(len(self.keys))

    @property
    def learned_until(self) -> datetime:
        """Hours before this are learned."""
        return hour_start(self._book.until_h)

    def learn(self, grid: CountGrid, *, until: datetime, skip: Skip | None = None) -> bool:
        """Learn every hour before `until` that is not learned yet; returns whether there was any.

        `grid` holds every slot of `[learned_until, until + lookback)`; `skip` names hours that teach nothing.
        """
        grid, last = grid.select(self.keys), hour_number(until)
        if self._book.until_h >= last:
            return False
        ahead = self.lookback // HOUR
        for number in range(self._book.until_h, last):
            part = grid.cut(hour_start(number), hour_start(number + ahead + 1))
            self._close_hour(part, number + ahead)
            self._book.learn(number, _of_hour(part, number), self._learned(hour_start(number), skip))
        return True

    def scan(self, grid: CountGrid, ends: Sequence[datetime]) -> Scan:
        """Judge every series at each of `ends`, which lie in one hour (its end included)."""
        grid = grid.select(self.keys)
        slots = np.array([(end - EPOCH) // self.bucket for end in ends], dtype=np.int64)
        ticks, rows = self._worth(grid, slots)
        shape = (len(slots), len(self.keys))
        fires, holds, near = (np.zeros(shape, dtype=np.bool_) for _ in range(3))
        judgement = self._judge(grid, slots[ticks], rows) if len(rows) else None  # most nights nothing is worth it
        if judgement is not None:
            fires[ticks, rows] = judgement.fires(ticks)
            holds[ticks, rows] = judgement.goes_on
            near[ticks, rows] = True

        def alone(tick: int, row: int) -> Judgement:
            return self._judge(grid, slots[[tick]], np.array([row]))

        return Scan(
            keys=self.keys, columns=self._columns, ends=tuple(ends), fires=fires, holds=holds, near=near,
            judgement=judgement, ticks=ticks, alone=alone, history=self._book.history(),
        )  # fmt: skip

    def levels(self, grid: CountGrid, keys: Iterable[SeriesKey], end: datetime) -> dict[SeriesKey, tuple[float, float]]:
        """Negative stories seen and expected in the rule's window before `end`, of those of `keys` that it follows."""
        found = [key for key in keys if key in self._columns]
        rows = np.array([self._columns[key] for key in found], dtype=np.int64)
        cells = Cells(grid.select(self.keys), self._book, np.full(len(rows), (end - EPOCH) // self.bucket), rows)
        seen, expected = (of(self.rule.window)[MEASURED.index("negative")] for of in (cells.seen, cells.expected))
        return {key: (float(seen[place]), float(expected[place])) for place, key in enumerate(found)}

    def fires(self, grid: CountGrid, key: SeriesKey, end: datetime) -> bool:
        """Whether the counts of `grid` let the rule fire for `key` at `end`."""
        return self.scan(grid, [end]).fires_for(0, key)

    def history(self) -> timedelta:
        """The span that the expectations rest on."""
        return self._book.history()

    def dump(self) -> State:
        """What was learned until when, as JSON values, in one piece for all series."""
        return {NEVER_SEEN: (self.learned_until, {"book": self._book.dump(), "past": to_json(self._kept())})}

    def load(self, states: Mapping[SeriesKey, Mapping[str, object]]) -> None:
        """Go on from what `dump` gave, exactly; raises `ValueError` when it does not fit this rule."""
        state = states.get(NEVER_SEEN, {})
        book, past = state.get("book"), state.get("past")
        if not isinstance(book, Mapping) or not isinstance(past, Mapping):
            raise ValueError("not the state of a detector")  # noqa: TRY004 - of what was stored, not of a call
        into(past, self._kept())
        self._book.load(book)
        self._past.forget_table()

    def _kept(self) -> dict[str, Floats]:
        return {**self._past.arrays, **self._method.state()}

    def _worth(self, grid: CountGrid, slots: Rows) -> tuple[Rows, Rows]:
        """Ticks and series that can fire or go on at all."""
        if not self._method.rises_with_stories:
            ticks = np.repeat(np.arange(len(slots)), len(self.keys))
            return ticks, np.tile(self._every, len(slots))
        seen = grid.sums_at("negative", slots, self.rule.window)
        ticks, rows = np.nonzero(seen >= self.rule.gates.min_count)
        return ticks, rows

    def _judge(self, grid: CountGrid, ends: Rows, rows: Rows) -> Judgement:
        cells = Cells(grid, self._book, ends, rows)
        return Judgement.of(self.rule, cells, self._method.judge(cells), self._book, self._past)

    def _learned(self, at: datetime, skip: Skip | None) -> Flags:
        if skip is None:
            return np.ones(len(self.keys), dtype=np.bool_)
        return np.array([not skip(key, at) for key in self.keys], dtype=np.bool_)

    def _close_hour(self, grid: CountGrid, hour: int) -> None:
        """Judge an hour that is over, for the rate at which this rule fires by chance."""
        per_hour = HOUR // self.bucket
        first, end = hour * per_hour, (hour + 1) * per_hour
        classes = self._book.classes()
        if is_midnight := (hour + 1) % DAY_H == 0:
            self._method.pass_day(Cells(grid, self._book, np.full(len(self.keys), end), self._every))
        ends, rows = self._rising(grid, first, end)
        if len(rows):
            judged = self._method.judge(Cells(grid, self._book, ends, rows))
            self._past.note(rows, np.where(self._old_enough(), judged.score, NO_SCORE))
        running = self._past.open
        if len(running):
            going = self._method.judge(Cells(grid, self._book, np.full(len(running), end), running)).goes_on
            self._past.close(running[~going], classes)
        if is_midnight:
            self._past.pass_day(classes)

    def _old_enough(self) -> bool:
        return self.history() >= self.rule.baseline.min_history

    def _rising(self, grid: CountGrid, first: int, end: int) -> tuple[Rows, Rows]:
        """Where a score can have risen within an hour: after each story that counts, or at its end."""
        if not self._method.rises_with_stories:
            return np.full(len(self.keys), end), self._every
        low, high = np.searchsorted(grid.slots, (first, end))
        heavy = grid.values[FIELDS.index("negative_micro"), low:high] >= HEAVY * MICRO
        some = low + np.flatnonzero(heavy | (grid.values[FIELDS.index("negative"), low:high] > 0))
        ends, rows = grid.slots[some] + 1, grid.columns[some]
        if not len(some):
            return ends, rows
        unique, place = np.unique(ends, return_inverse=True)
        enough = grid.sums_at("negative", unique, self.rule.window)[place, rows] >= self.rule.gates.min_count
        return ends[enough], rows[enough]


def _of_hour(grid: CountGrid, hour: int) -> Floats:
    """What was counted in one hour: [measured, series]."""
    per_hour = HOUR // grid.bucket
    low, high = np.searchsorted(grid.slots, (hour * per_hour, (hour + 1) * per_hour))
    columns, size = grid.columns[low:high], len(grid.keys)
    fields = [(grid.values[FIELDS.index(field), low:high], unit) for field, unit in FIELD_OF.values()]
    return np.stack([np.bincount(columns, weights=values, minlength=size) / unit for values, unit in fields])
