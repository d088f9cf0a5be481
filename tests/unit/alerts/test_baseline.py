"""The baseline: level, profile, dispersion, and what it must not learn."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from alerts.baseline import HOUR, PRIOR_DISPERSION, Baselines, upper_quantile
from monitor.domain import SeriesKey

T0 = datetime(2024, 1, 1, tzinfo=UTC)  # a Monday
ACME = SeriesKey(entity="ACME")
QUIET = SeriesKey(entity="QUIET")
DAY = timedelta(days=1)


def baselines(window: timedelta = HOUR, half_life: timedelta = 14 * DAY) -> Baselines:
    """Baselines of one rule, from T0 on."""
    return Baselines(half_life=half_life, window=window, since=T0)


def hourly(days: int, rate: Callable[[datetime], int]) -> dict[SeriesKey, dict[datetime, int]]:
    """Counts of ACME from T0 on, hour by hour."""
    hours = [T0 + i * HOUR for i in range(days * 24)]
    return {ACME: {at: rate(at) for at in hours}}


def expected(book: Baselines, at: datetime, length: timedelta = HOUR, key: SeriesKey = ACME) -> float:
    """What is expected of one series in one window."""
    return float(book.expected([key], at, at + length)[0])


def test_level_is_the_mean_of_a_steady_series() -> None:
    """Three an hour, for four weeks, is three an hour."""
    book = baselines()
    book.learn(hourly(28, lambda _: 3), until=T0 + 28 * DAY)
    assert expected(book, T0 + 28 * DAY) == pytest.approx(3.0, rel=0.05)


def test_level_follows_a_change_with_the_half_life() -> None:
    """One half-life after the rate fell from 8 to 0, half of it is left."""
    book = baselines(half_life=7 * DAY)
    book.learn(hourly(35, lambda at: 8 if at < T0 + 28 * DAY else 0), until=T0 + 35 * DAY)
    assert expected(book, T0 + 35 * DAY) == pytest.approx(4.0, rel=0.1)


def test_empty_hours_count_as_zero() -> None:
    """Absent buckets are hours in which nothing bad was told."""
    book = baselines()
    book.learn({ACME: {T0: 1}}, until=T0 + 10 * DAY)
    assert expected(book, T0 + 10 * DAY) < 0.02


def test_profile_knows_day_and_night() -> None:
    """A series that sleeps at night is not judged by its mean."""
    book = baselines()
    book.learn(hourly(28, lambda at: 10 if 13 <= at.hour < 21 else 1), until=T0 + 28 * DAY)
    noon, night = T0 + 28 * DAY + 14 * HOUR, T0 + 28 * DAY + 3 * HOUR
    assert expected(book, noon) == pytest.approx(10, rel=0.15)
    assert expected(book, night) == pytest.approx(1, rel=0.5)


def test_weekend_has_hours_of_its_own() -> None:
    """Saturday noon is not Friday noon."""
    book = baselines()
    book.learn(hourly(42, lambda at: 6 if at.weekday() < 5 else 1), until=T0 + 42 * DAY)
    assert expected(book, T0 + 42 * DAY + 12 * HOUR) > 3 * expected(book, T0 + 47 * DAY + 12 * HOUR)


def test_each_hour_of_the_week_counts_after_eight_weeks() -> None:
    """Thursday's release at 14 h is known from eight weeks on, and not before."""

    def release(at: datetime) -> int:
        return 20 if at.weekday() == 3 and at.hour == 14 else 2

    young, old = baselines(), baselines()
    young.learn(hourly(49, release), until=T0 + 49 * DAY)
    old.learn(hourly(70, release), until=T0 + 70 * DAY)
    wednesday, thursday = 2 * DAY + 14 * HOUR, 3 * DAY + 14 * HOUR
    assert expected(young, T0 + 49 * DAY + wednesday) == expected(young, T0 + 49 * DAY + thursday)
    assert expected(old, T0 + 70 * DAY + thursday) > 2 * expected(old, T0 + 70 * DAY + wednesday)


def test_little_data_keeps_the_profile_near_flat() -> None:
    """One story at 3 h in the night does not make the night the busiest hour."""
    book = baselines()
    book.learn({ACME: {T0 + 27 * HOUR: 1}}, until=T0 + 7 * DAY)
    end = T0 + 7 * DAY
    assert expected(book, end + 3 * HOUR) < 1.5 * expected(book, end + 4 * HOUR)


def test_expectation_adds_parts_of_hours() -> None:
    """A window of 15 minutes expects a quarter, and windows that touch add up."""
    book = baselines()
    book.learn(hourly(28, lambda at: 1 + at.hour % 3), until=T0 + 28 * DAY)
    at = T0 + 28 * DAY + timedelta(minutes=45)
    whole = expected(book, at, timedelta(minutes=30))
    parts = expected(book, at, HOUR / 4) + expected(book, at + HOUR / 4, HOUR / 4)
    assert whole == pytest.approx(parts)
    assert expected(book, T0 + 28 * DAY, HOUR / 4) == pytest.approx(expected(book, T0 + 28 * DAY) / 4)


def test_spike_teaches_no_more_than_the_99_percent_quantile() -> None:
    """A baseline that learns from the spike goes blind to it."""
    calm, spiked = baselines(), baselines()
    counts = hourly(28, lambda _: 2)
    calm.learn(counts, until=T0 + 28 * DAY)
    for hour in range(6):
        counts[ACME][T0 + 27 * DAY + hour * HOUR] = 500
    spiked.learn(counts, until=T0 + 28 * DAY)
    assert expected(spiked, T0 + 28 * DAY + 12 * HOUR) < 1.5 * expected(calm, T0 + 28 * DAY + 12 * HOUR)


def test_skipped_hours_teach_nothing() -> None:
    """While an alert fires its series learns nothing at all, but time goes on."""
    book, until = baselines(), T0 + 28 * DAY
    book.learn(hourly(28, lambda _: 2), until=until)
    before = {key: state for key, (_, state) in book.dump().items()}[ACME]
    book.learn({ACME: {until: 99}}, until=until + HOUR, skip=lambda key, at: key == ACME)
    after = {key: state for key, (_, state) in book.dump().items()}[ACME]
    moved = {name for name in before if before[name] != after[name]}
    assert moved <= {"until", "residuals"}
    assert book.learned_until == until + HOUR


def test_independent_counts_have_dispersion_one() -> None:
    """A Poisson series stays a Poisson series, also over windows of a day."""
    rng = np.random.default_rng(1)
    counts = {ACME: {T0 + i * HOUR: int(n) for i, n in enumerate(rng.poisson(2.0, 24 * 120))}}
    book = baselines(window=DAY)
    book.learn(counts, until=T0 + 120 * DAY)
    assert float(book.dispersion([ACME])[0]) < 1.5


def test_bursts_raise_the_dispersion() -> None:
    """Where stories come in bursts of several hours, a window's count varies more than Poisson."""
    rng = np.random.default_rng(2)
    rates = np.repeat(rng.gamma(0.5, 4.0, 24 * 120 // 6), 6)
    counts = {ACME: {T0 + i * HOUR: int(n) for i, n in enumerate(rng.poisson(rates))}}
    book = baselines(window=DAY)
    book.learn(counts, until=T0 + 120 * DAY)
    assert float(book.dispersion([ACME])[0]) > 5.0


def test_dispersion_is_never_below_poisson() -> None:
    """A series more regular than chance is luck, not knowledge."""
    book = baselines()
    book.learn(hourly(28, lambda _: 3), until=T0 + 28 * DAY)
    assert float(book.dispersion([ACME])[0]) == 1.0
    assert float(baselines().dispersion([ACME])[0]) == PRIOR_DISPERSION


def test_new_series_knows_its_empty_past() -> None:
    """A series first met today had nothing to tell in all the history, and is not treated as unknown."""
    late, early = baselines(), baselines()
    early.add([QUIET])
    for book in (late, early):
        book.learn(hourly(28, lambda _: 2), until=T0 + 28 * DAY)
    late.add([QUIET])
    assert late.dump()[QUIET] == early.dump()[QUIET]
    assert late.history([QUIET]) == [28 * DAY]


def test_learning_hour_by_hour_equals_learning_at_once() -> None:
    """A restart, a pause or a replay ends in the same state."""
    counts = hourly(20, lambda at: at.hour % 5)
    at_once, by_hour = baselines(window=DAY), baselines(window=DAY)
    at_once.learn(counts, until=T0 + 20 * DAY)
    for i in range(1, 20 * 24 + 1):
        by_hour.learn(counts, until=T0 + i * HOUR)
    assert at_once.dump() == by_hour.dump()


def test_state_survives_json_exactly() -> None:
    """What is stored and read again expects the same and learns on the same."""
    counts = hourly(20, lambda at: at.hour % 7)
    book, again = baselines(window=DAY), baselines(window=DAY)
    book.learn(counts, until=T0 + 20 * DAY)
    again.load({key: json.loads(json.dumps(state)) for key, (_, state) in book.dump().items()})
    assert again.dump() == book.dump()
    more = {ACME: {T0 + 20 * DAY: 4}}
    for one in (book, again):
        assert one.learn(more, until=T0 + 21 * DAY)
    assert again.dump() == book.dump()


def test_state_of_another_window_is_refused() -> None:
    """Its dispersion would be that of other sums."""
    book = baselines(window=DAY)
    with pytest.raises(ValueError, match="24 values"):
        baselines(window=HOUR).load({key: state for key, (_, state) in book.dump().items()})


@pytest.mark.parametrize("state", [{}, {"version": 99}, {"version": 1, "since": "x"}])
def test_damaged_state_is_refused(state: dict[str, object]) -> None:
    """It is learned anew instead."""
    good = baselines().dump()
    with pytest.raises(ValueError, match="state"):
        baselines().load(dict.fromkeys(good, state) | {ACME: state})


def test_nothing_to_learn_changes_nothing() -> None:
    """Within the hour there is nothing to store."""
    book = baselines()
    assert book.learn({}, until=T0 + HOUR) is True
    assert book.learn({}, until=T0 + HOUR) is False


@pytest.mark.parametrize(("mean", "dispersion"), [(0.01, 1.0), (1.0, 1.0), (5.0, 2.0), (40.0, 3.0)])
def test_quantile_is_near_the_exact_one(mean: float, dispersion: float) -> None:
    """The cap is an approximation; it may be off by a story or two, not more."""
    from scipy.stats import nbinom

    close = dispersion + 1e-9
    exact = (
        nbinom.ppf(0.99, mean / (close - 1), 1 / close) if dispersion > 1 else nbinom.ppf(0.99, mean * 1e9, 1 - 1e-9)
    )
    got = float(upper_quantile(np.array([mean]), np.array([dispersion]), 2.326)[0])
    assert abs(got - exact) <= 2
