"""What if: the number of stories that it would have taken is right to one, and what is drawn of it too."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.charts.chart_data import chart_of, shown_span
from alerts.charts.what_if import stories_missing, stories_needed, with_stories
from alerts.detector import Detector
from alerts.grid import CountGrid
from monitor.domain import Counts, Evidence, Measure, SeriesKey
from tests.unit.alerts.build import DAY, HOUR, MINUTE, T0, rule

ACME, BETA = SeriesKey(entity="ACME"), SeriesKey(entity="BETA")
KEYS = (ACME, BETA)
START = T0 - 30 * DAY
GATES = {"min_count": 3, "min_ratio": 1.0}


def grid(*acme: datetime) -> CountGrid:
    """A month in which ACME has a negative story every eight hours, and those at the instants given."""
    quiet = [START + 8 * HOUR * place for place in range(3 * 30)]
    slots: dict[datetime, Counts] = {}
    for at in (*quiet, *acme):
        slots[at] = slots.get(at, Counts()) + Counts(stories=1, negative=1)
    return CountGrid.from_slots({ACME: slots}, keys=KEYS, start=START, end=T0, bucket=MINUTE)


def detector(counts: CountGrid, **asked: object) -> Detector:
    """A detector that has learned what it may at T0."""
    values = {"window": "1h", "method": "negative-binomial", "max_p_value": 1e-4, "gates": GATES, **asked}
    made = Detector(rule(**values), KEYS, bucket=MINUTE, since=START)
    made.learn(counts, until=T0 - made.lookback)
    return made


def fires(by: Detector, counts: CountGrid, key: SeriesKey = ACME) -> bool:
    """Whether the rule fires at T0."""
    scan = by.scan(counts, [T0])
    return bool(scan.fires[0, scan.keys.index(key)])


@settings(max_examples=10, deadline=None)
@given(there=st.integers(0, 5))
def test_the_number_that_is_missing_is_right_to_one(there: int) -> None:
    """With it the rule fires, with one less it does not."""
    counts = grid(*(T0 - MINUTE * (place + 1) for place in range(there)))
    by = detector(counts)
    missing = stories_missing(by, counts, ACME, T0)
    assert missing is not None
    assert fires(by, with_stories(counts, ACME, [T0] * missing))
    if missing:
        assert not fires(by, with_stories(counts, ACME, [T0] * (missing - 1)))
    else:
        assert fires(by, counts)


def test_nothing_is_missing_where_the_rule_fires() -> None:
    """Ten in an hour where one in eight is usual."""
    counts = grid(*(T0 - MINUTE * (place + 1) for place in range(10)))
    assert stories_missing(detector(counts), counts, ACME, T0) == 0


def test_no_number_helps_where_history_is_missing() -> None:
    """The answer must not be a number that would not have helped."""
    counts = grid()
    by = detector(counts, baseline={"min_history": "90d"})
    assert stories_missing(by, counts, ACME, T0) is stories_needed(by, counts, ACME, T0, HOUR) is None


def test_the_height_of_the_bar_does_not_depend_on_what_came() -> None:
    """What is missing does."""
    calm, loud = grid(), grid(*(T0 - MINUTE * (place + 1) for place in range(10)))
    by = detector(calm)
    needed = stories_needed(by, calm, ACME, T0, HOUR)
    assert needed is not None
    assert needed == stories_needed(by, loud, ACME, T0, HOUR)
    assert needed >= 3
    assert fires(by, with_stories(calm, ACME, [T0 - MINUTE * place for place in range(needed)]))


def test_what_is_thought_of_leaves_the_counts_alone() -> None:
    """And the other series."""
    counts = grid()
    more = with_stories(counts, ACME, [T0, T0, T0 - HOUR])
    assert counts.sums("negative", [T0], HOUR).tolist() == [[0.0, 0.0]]
    assert more.sums("negative", [T0], HOUR).tolist() == [[2.0, 0.0]]
    assert more.sums("stories", [T0], 2 * HOUR).tolist() == [[3.0, 0.0]]


def seen(counts: CountGrid, by: Detector, *, measure: Measure = Measure.VOLUME, window: timedelta = HOUR) -> Evidence:
    """What an evaluation at T0 saw."""
    reading = by.scan(counts, [T0]).reading(0, ACME)
    return Evidence(
        window_start_at=T0 - window, window_end_at=T0, seen=reading.seen, expected=reading.expected,
        dispersion=reading.dispersion, p_value=reading.p_value, ratio=reading.ratio, sources=1,
        stories=reading.stories, measure=measure,
    )  # fmt: skip


def test_a_chart_follows_the_window_that_spoke() -> None:
    """Its last point is what the alert says; the limit there is the number that fires."""
    counts = grid(*(T0 - MINUTE * (place + 1) for place in range(10)))
    by = detector(counts)
    evidence = seen(counts, by)
    chart = chart_of(by, counts, ACME, evidence, name="Acme", fired=((T0 - HOUR, T0),))
    assert (chart.ends[-1], chart.seen[-1]) == (T0, 10.0)
    assert chart.expected[-1] == pytest.approx(evidence.expected)
    assert chart.hourly[-1] == 10.0
    assert chart.fires_from[-1] == stories_needed(by, counts, ACME, T0, HOUR)
    assert chart.counted == "negative stories in 1h"
    for low, expected, high in zip(chart.low, chart.expected, chart.high, strict=True):
        assert low <= expected <= high
    assert all(limit >= 3 for limit in chart.fires_from)
    assert chart.ends[-1] - chart.ends[0] <= shown_span(HOUR)
    assert sum(chart.hourly) == counts.sums("negative", [T0], T0 - chart.ends[0])[0, 0]


def test_a_chart_ends_within_an_hour_too() -> None:
    """The last point is the minute of the alert, the ones before are whole hours."""
    end = T0 - 17 * MINUTE
    counts = grid()
    by = detector(counts)
    evidence = Evidence(
        window_start_at=end - HOUR, window_end_at=end, seen=0, expected=0.1, dispersion=1.0, p_value=1.0, ratio=0.0,
        sources=0, stories=0,
    )  # fmt: skip
    chart = chart_of(by, counts, ACME, evidence, name="Acme")
    assert chart.ends[-2:] == (T0 - HOUR, end)
    assert all(at.minute == 0 for at in chart.ends[:-1])


def test_a_drop_out_is_drawn_in_all_stories_without_a_limit_above() -> None:
    """It fires at few, not at many."""
    counts = grid(T0 - MINUTE)
    by = detector(counts)
    chart = chart_of(by, counts, ACME, seen(counts, by, measure=Measure.DROP), name="Acme")
    assert (chart.counted, chart.fires_from) == ("stories in 1h", ())


def test_the_limit_follows_what_is_expected_without_steps() -> None:
    """At an hour at which more is expected it lies higher, and at the end it is the number that fires."""
    evenings = [START + DAY * day + HOUR * hour for day in range(30) for hour in (9, 10, 11)]  # from nine to midnight
    days = [at + 7 * MINUTE * n for at in evenings for n in range(4)]
    counts = grid(*days)
    by = detector(counts)
    chart = chart_of(by, counts, ACME, seen(counts, by), name="Acme")
    limits = dict(zip(chart.ends, chart.fires_from, strict=True))
    assert limits[T0 - 36 * HOUR] > 2 * limits[T0 - 26 * HOUR], "midnight, and ten in the morning"
    assert limits[T0 - 24 * HOUR] == pytest.approx(limits[T0 - 48 * HOUR])
