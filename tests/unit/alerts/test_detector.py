"""The detector: what it learns in whatever steps, what it fires on, and what it says of it."""

import json
from functools import cache
from typing import Any

import numpy as np
import pytest

from alerts.detector import Detector
from alerts.grid import CountGrid
from monitor.domain import EPOCH, Measure, SeriesKey
from monitor.settings import Rule
from tests.fixtures.count_streams import BUCKET, PER_HOUR, Stream, ruled, scanned, stream, taught
from tests.unit.alerts.build import DAY, HOUR, T0

START = T0 - T0.hour * HOUR
A_DAY = (40.0, 40.0, 10.0, 10.0, 2.0, 0.5)
WEEKS = 6
HIT = (WEEKS - 1) * 168 + 38  # the hour of a burst, on a Tuesday
AT = START + HIT * HOUR
MARKS = ["spike", "negative-binomial", "share"]


@cache
def told(burst: float = 0.0, row: int = 0) -> Stream:
    """Six weeks of six series; a burst in one of them, if asked for."""
    rng = np.random.default_rng(7)
    return stream(rng, start=START, weeks=WEEKS, a_day=A_DAY, clumped=0.5, burst=(row, HIT, burst) if burst else None)


@pytest.mark.parametrize("method", MARKS)
def test_a_burst_fires_in_its_series_alone(method: str) -> None:
    """Forty times the usual within an hour; everything else stays as it was."""
    made = told(40.0)
    scan = scanned(taught(ruled(method=method), made, AT), made, AT)
    assert {scan.keys[column].entity for column in scan.fires.any(axis=0).nonzero()[0]} == {"E0000"}
    assert scan.holds[scan.fires].all()
    reading = scan.reading(PER_HOUR - 1, made.keys[0])
    assert reading.seen > 3 * reading.expected
    assert reading.false_alarms is not None
    assert reading.false_alarms < 1.0
    assert reading.q_value is not None
    assert all(gate.passed for gate in reading.gates.values())


@pytest.mark.parametrize("method", [*MARKS, "drop", "drift"])
def test_an_ordinary_day_is_calm(method: str) -> None:
    """No hour of it fires."""
    made = told()
    detector = taught(ruled(method=method), made, AT)
    for hour in range(24):
        assert not scanned(detector, made, AT + hour * HOUR).fires.any()


def test_many_ticks_at_once_are_one_tick_at_a_time() -> None:
    """To the last bit."""
    made = told(40.0)
    detector = taught(ruled(), made, AT)
    whole = scanned(detector, made, AT)
    for tick, end in enumerate(whole.ends):
        one = detector.scan(made.grid(AT - detector.lookback, AT + HOUR), [end])
        assert np.array_equal(one.fires[0], whole.fires[tick])
        assert np.array_equal(one.holds[0], whole.holds[tick])
        for key in made.keys[:3]:
            assert one.reading(0, key) == whole.reading(tick, key)


def test_levels_of_a_calm_series_are_shown_as_those_of_one_that_stands_out() -> None:
    """A chart of seen against expected says nothing where a quiet series expects 0."""
    made = told(40.0)
    detector, end = taught(ruled(), made, AT), AT + HOUR
    grid = made.grid(AT - detector.lookback, end)
    calm, foreign = made.keys[5], SeriesKey(entity="OTHER")
    levels = detector.levels(grid, [calm, foreign, made.keys[0]], end)
    scan = detector.scan(grid, [end])
    assert (scan.near[0][0], scan.near[0][5]) == (True, False)
    assert levels.keys() == {calm, made.keys[0]}
    for key, (seen, expected) in levels.items():
        window_s = detector.rule.window.total_seconds()
        horizon = next(one for one in scan.reading(0, key).horizons if one.window_s == window_s)
        assert (seen, expected) == (horizon.seen, horizon.expected)
        assert expected > 0


@pytest.mark.parametrize("method", ["spike", "drift", "drop", "ewma"])
def test_learning_in_any_steps_and_over_a_restart_is_the_same(method: str) -> None:
    """A pause, a replay or a restart from the database ends in the same numbers."""
    made, until = told(40.0), AT + 30 * HOUR
    asked = ruled(method=method, **({"sensitivity": 3} if method == "ewma" else {}))
    at_once = taught(asked, made, until)
    by_steps = taught(asked, made, AT - 20 * HOUR)
    for step in (1, 7, 24, 50):
        again = Detector(asked, made.keys, bucket=BUCKET, since=T0)
        states = {key: json.loads(json.dumps(state)) for key, (_, state) in by_steps.dump().items()}
        again.load(states)
        to = min(AT + (step - 20) * HOUR, until)
        again.learn(made.grid(again.learned_until, to), until=to - again.lookback)
        by_steps = again
    assert by_steps.dump() == at_once.dump()


def test_state_of_another_rule_is_refused() -> None:
    """It is learned anew instead."""
    made = told()
    states = {key: state for key, (_, state) in taught(ruled(), made, AT).dump().items()}
    fresh = Detector(ruled(), made.keys[:3], bucket=BUCKET, since=START)
    with pytest.raises(ValueError, match="not the baseline state of this rule"):
        fresh.load(states)
    with pytest.raises(ValueError, match="not the state"):
        fresh.load({})


def test_hours_of_a_firing_alert_are_not_learned() -> None:
    """But the series that do not fire go on learning."""
    made, until = told(200.0), AT + 48 * HOUR
    held, free = taught(ruled(), made, AT), taught(ruled(), made, AT)
    for detector, skip in ((held, lambda key, at: key == made.keys[0] and AT <= at < AT + HOUR), (free, None)):
        detector.learn(made.grid(detector.learned_until, until), until=until - detector.lookback, skip=skip)
    readings = [scanned(one, made, until).reading(0, made.keys[0]) for one in (held, free)]
    assert readings[0].expected < readings[1].expected
    others = [scanned(one, made, until).reading(0, made.keys[1]).dispersion for one in (held, free)]
    assert others[0] == pytest.approx(others[1], rel=0.2)


def test_a_young_history_does_not_fire() -> None:
    """`min_history`."""
    made = told(40.0)
    scan = scanned(taught(ruled(baseline={"min_history": "8w"}), made, AT), made, AT)
    assert not scan.fires.any()
    gate = scan.reading(PER_HOUR - 1, made.keys[0]).gates["min_history"]
    assert (gate.passed, gate.limit) == (False, 8 * 7 * 86400)


@pytest.mark.parametrize(
    ("gates", "name"), [({"min_count": 900}, "min_count"), ({"min_ratio": 900}, "min_ratio")], ids=["count", "ratio"]
)
def test_a_gate_that_fails_keeps_it_from_firing_and_says_so(gates: dict[str, Any], name: str) -> None:
    """Each alone is enough; what was read and what is asked for is shown."""
    made = told(40.0)
    scan = scanned(taught(ruled(gates=gates), made, AT), made, AT)
    assert not scan.fires.any()
    gate = scan.reading(PER_HOUR - 1, made.keys[0]).gates[name]
    assert (gate.passed, gate.limit) == (False, 900)
    assert gate.value is not None
    assert 0 < gate.value < 900


def test_much_talk_that_is_no_worse_than_usual_does_not_fire() -> None:
    """Thirty times the stories, the usual share of them negative: an event, not bad news."""
    made, rows = told(), []
    grid = made.grid(AT - 2 * DAY, AT + HOUR)
    first = (AT - EPOCH) // BUCKET
    rows = [(first + n % PER_HOUR, 0, int(n % 10 == 0), 850_000 if n % 10 == 0 else 60_000, 1, 0) for n in range(60)]
    table = np.array(rows, dtype=np.int64)
    slots = np.concatenate([grid.slots, table[:, 0]])
    order = np.argsort(slots, kind="stable")
    columns = np.concatenate([grid.columns, table[:, 1]])[order]
    values = np.concatenate([grid.values, table[:, 2:].T], axis=1)[:, order]
    loud = CountGrid(grid.keys, grid.start, grid.end, BUCKET, slots[order], columns, values)
    ends = [AT + HOUR]
    asked = {"method": "spike", "at_most": "50 per week", "max_q_value": 1}
    scan = taught(ruled(**asked), made, AT).scan(loud, ends)
    reading = scan.reading(0, made.keys[0])
    assert not scan.fires[0, 0]
    assert not reading.gates["min_share_ratio"].passed
    plain = taught(ruled(**{**asked, "method": "negative-binomial"}), made, AT).scan(loud, ends)
    assert plain.fires[0, 0]


def test_every_window_and_measure_is_shown_the_loudest_first() -> None:
    """Three windows by three measures, each with its own numbers."""
    made = told(40.0)
    reading = scanned(taught(ruled(), made, AT), made, AT).reading(PER_HOUR - 1, made.keys[0])
    looks = {(horizon.window_s, horizon.measure) for horizon in reading.horizons}
    assert len(looks) == len(reading.horizons) == 9
    assert reading.horizons[0].measure is reading.measure
    assert reading.horizons[0].window_s == reading.window.total_seconds()
    assert {measure for _, measure in looks} == {Measure.VOLUME, Measure.WEIGHT, Measure.SHARE}


def test_without_the_stories_of_the_burst_it_would_not_have_fired() -> None:
    """What the evidence says is asked of the detector itself."""
    made = told(40.0)
    detector = taught(ruled(), made, AT)
    grid = made.grid(AT - detector.lookback, AT + HOUR)
    bare = grid
    for slot, count in zip(grid.slots.tolist(), grid.values[0].tolist(), strict=True):
        for _ in range(count if EPOCH + slot * BUCKET >= AT else 0):
            bare = bare.without(made.keys[0], EPOCH + slot * BUCKET, negative=0.9)
    assert detector.scan(grid, [AT + HOUR]).fires[0, 0]
    assert not detector.scan(bare, [AT + HOUR]).fires[0, 0]


def test_a_reading_of_what_is_calm_says_why_there_is_no_alert() -> None:
    """Any series at any minute, though nothing was told of it."""
    made = told()
    reading = scanned(taught(ruled(), made, AT), made, AT).reading(0, made.keys[5])
    assert reading.gates["min_count"].passed is False
    assert reading.gates["min_history"].passed is True
    assert (reading.seen, reading.false_alarms) == (0, None)


def test_a_rule_that_follows_what_was_never_told_is_calm() -> None:
    """And does not divide by nothing."""
    keys = (SeriesKey(entity="NONE"),)
    detector = Detector(ruled(), keys, bucket=BUCKET, since=START)
    empty = CountGrid.from_slots({}, keys=keys, start=START, end=AT, bucket=BUCKET)
    with np.errstate(all="raise", under="ignore"):
        assert detector.learn(empty, until=AT - detector.lookback)
        assert not detector.learn(empty, until=AT - detector.lookback)
        scan = detector.scan(empty.select(keys), [AT])
    assert not scan.fires.any()
    assert scan.reading(0, keys[0]).expected > 0.0


def test_no_series_at_all_is_no_error() -> None:
    """A rule may follow topics that the model does not have yet."""
    detector = Detector(ruled(), (), bucket=BUCKET, since=START)
    empty = CountGrid.from_slots({}, keys=(), start=START, end=AT, bucket=BUCKET)
    detector.learn(empty, until=AT - detector.lookback)
    assert detector.scan(empty, [AT, AT + BUCKET]).fires.shape == (2, 0)


def test_a_p_value_may_be_asked_for_in_place_of_a_rate() -> None:
    """`max_p_value` is nominal: the gate carries its name."""
    made = told(40.0)
    scan = scanned(taught(ruled(max_p_value=1e-6), made, AT), made, AT)
    assert scan.fires[:, 0].any()
    reading = scan.reading(PER_HOUR - 1, made.keys[0])
    assert reading.gates["p_value"].limit == 1e-6
    assert "false_alarms" not in reading.gates


def test_silence_of_a_busy_series_is_a_drop() -> None:
    """A series of forty a day that says nothing for a day; one of two a day is often silent."""
    made = told()
    detector = taught(ruled(method="drop", windows=["12h"]), made, AT)
    grid = made.grid(AT - detector.lookback, AT + HOUR)
    quiet = grid.columns > 0
    muted = CountGrid(
        grid.keys, grid.start, grid.end, BUCKET, grid.slots[quiet], grid.columns[quiet], grid.values[:, quiet]
    )
    scan = detector.scan(muted, [AT + HOUR])
    assert scan.fires[0].tolist() == [True, False, False, False, False, False]
    reading = scan.reading(0, made.keys[0])
    assert (reading.measure, reading.seen) == (Measure.DROP, 0)
    assert reading.expected > 10.0


def test_slow_erosion_is_a_drift_and_no_spike() -> None:
    """Twice as many negative stories every day for three weeks, where no single day stands out."""
    rng, weeks = np.random.default_rng(11), 12
    calm = stream(rng, start=START, weeks=weeks, a_day=(20.0, 20.0), season=0.0)
    more = stream(rng, start=START + (weeks - 3) * 7 * DAY, weeks=3, a_day=(0.0, 2.5), share=0.98, season=0.0)
    slots = np.concatenate([calm.slots, more.slots])
    order = np.argsort(slots, kind="stable")
    both = Stream(
        calm.keys, START, slots[order], np.concatenate([calm.columns, more.columns])[order],
        np.concatenate([calm.values, more.values], axis=1)[:, order],
    )  # fmt: skip
    detector = taught(ruled(method="drift", windows=["1d"], baseline={"guard": "21d"}), both, START + weeks * 7 * DAY)
    readings = [scanned(detector, both, START + weeks * 7 * DAY).reading(0, key) for key in both.keys]
    assert readings[1].p_value < 1e-3
    assert readings[0].p_value > 1e-2


@pytest.mark.parametrize(("method", "sensitivity"), [("threshold", 8), ("ratio", 4), ("mean-sigma", 6), ("ewma", 6)])
def test_methods_for_comparison_fire_at_their_sensitivity(method: str, sensitivity: float) -> None:
    """On a burst; and never at a sensitivity out of reach."""
    made = told(40.0)
    fired = {}
    for limit in (sensitivity, 1e6):
        asked = ruled(method=method, sensitivity=limit, windows=["1h"])
        scan = scanned(taught(asked, made, AT), made, AT)
        fired[limit] = bool(scan.fires[:, 0].any())
        gate = scan.reading(PER_HOUR - 1, made.keys[0]).gates["sensitivity"]
        assert gate.limit == limit
    assert fired == {sensitivity: True, 1e6: False}


def test_what_is_asked_for_comes_true_on_quiet_streams() -> None:
    """Thirty series for ten weeks, asked for ten false alerts a week: no fewer than a third, no more than twice."""
    rng, weeks, first = np.random.default_rng(5), 14, 4
    made = stream(rng, start=START, weeks=weeks, a_day=rng.lognormal(2.0, 1.0, 30).tolist(), clumped=0.5)
    asked = ruled(at_most=10, max_q_value=1, windows=["6h"], gates={"min_ratio": 1, "min_share_ratio": 1})
    assert 10 / 3 < _episodes(asked, made, weeks=weeks, first=first) / (weeks - first) < 20


def _episodes(asked: Rule, made: Stream, *, weeks: int, first: int) -> int:
    """How often it fires, an hour at a time; what fires goes on while it holds."""
    detector = taught(asked, made, START + first * 7 * DAY)
    firing, count = np.zeros(len(made.keys), dtype=np.bool_), 0
    for hour in range(first * 168, weeks * 168):
        at = START + hour * HOUR
        detector.learn(made.grid(detector.learned_until, at), until=at - detector.lookback)
        scan = scanned(detector, made, at)
        for fires, holds in zip(scan.fires, scan.holds, strict=True):
            firing &= holds
            count += int((fires & ~firing).sum())
            firing |= fires
    return count
