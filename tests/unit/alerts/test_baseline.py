"""The baseline: level, profile, share, dispersion, and what it must not learn."""

import json
from collections.abc import Callable, Sequence
from datetime import timedelta

import numpy as np
import pytest
from scipy.stats import nbinom

from alerts.baseline import (
    HOUR,
    LEAST_RATE,
    NEGATIVE,
    STORIES,
    WEIGHT,
    Baselines,
    Floats,
    hour_number,
    upper_quantile,
)
from tests.unit.alerts.build import DAY, T0

MONDAY = hour_number(T0 - 12 * HOUR)  # T0 is a Monday noon
ACME, QUIET = 0, 1
Rate = Callable[[int, int], int]
"""Stories by day and hour of the day, counted from a Monday on."""


def baselines(window: timedelta = HOUR, half_life: timedelta = 14 * DAY, series: int = 2) -> Baselines:
    """Baselines from a Monday on."""
    return Baselines(series=series, half_life=half_life, window=window, since_h=MONDAY)


def steady(stories: int) -> Rate:
    """So many in every hour."""
    return lambda day, hour: stories


def learn(
    book: Baselines, days: int, rate: Rate, *, negative: float = 1.0, learned: Sequence[bool] = (True, True)
) -> None:
    """Learn so many days more; ACME tells stories, of which a part is negative, and QUIET does not."""
    for hour in range(book.until_h, book.until_h + days * 24):
        day, of_day = divmod(hour - MONDAY, 24)
        seen = np.zeros((3, 2))
        seen[:, ACME] = np.array([negative, negative, 1.0]) * rate(day, of_day)
        book.learn(hour, seen, np.array(learned))


def expected(book: Baselines, day: int, hour: float = 0.0, *, length: timedelta = HOUR, row: int = ACME) -> Floats:
    """What is expected in a window that begins then: negative stories, weight, stories."""
    end = np.array([MONDAY + day * 24.0 + hour + length / HOUR])
    return book.expected(np.array([row]), end, length)[:, 0]


def test_level_is_the_mean_of_a_steady_series() -> None:
    """Three an hour, for four weeks, is three an hour."""
    book = baselines()
    learn(book, 28, steady(3))
    assert expected(book, 28)[STORIES] == pytest.approx(3.0, rel=0.05)


def test_level_follows_a_change_with_the_half_life() -> None:
    """One half-life after the rate fell from 8 to 0, half of it is left."""
    book = baselines(half_life=7 * DAY)
    learn(book, 35, lambda day, hour: 8 if day < 28 else 0)
    assert expected(book, 35)[STORIES] == pytest.approx(4.0, rel=0.1)


def test_silence_is_not_believed() -> None:
    """A few weeks without a story do not say that one in two days would be a wonder."""
    book = baselines()
    learn(book, 28, steady(3))
    assert expected(book, 28, row=QUIET)[STORIES] == pytest.approx(LEAST_RATE)


def test_profile_knows_day_and_night() -> None:
    """A series that sleeps at night is not judged by its mean."""
    book = baselines()
    learn(book, 28, lambda day, hour: 10 if 13 <= hour < 21 else 1)
    assert expected(book, 28, 14)[STORIES] == pytest.approx(10, rel=0.15)
    assert expected(book, 28, 3)[STORIES] == pytest.approx(1, rel=0.5)


def test_weekend_has_hours_of_its_own() -> None:
    """Saturday noon is not Friday noon."""
    book = baselines()
    learn(book, 42, lambda day, hour: 6 if day % 7 < 5 else 1)
    assert expected(book, 42, 12)[STORIES] > 3 * expected(book, 47, 12)[STORIES]


def test_each_hour_of_the_week_counts_after_eight_weeks() -> None:
    """Thursday's release at 14 h is known from eight weeks on, and not before."""
    young, old = baselines(), baselines()
    for book, days in ((young, 49), (old, 70)):
        learn(book, days, lambda day, hour: 20 if day % 7 == 3 and hour == 14 else 2)
    assert expected(young, 49 + 2, 14)[STORIES] == pytest.approx(expected(young, 49 + 3, 14)[STORIES])
    assert expected(old, 70 + 3, 14)[STORIES] > 2 * expected(old, 70 + 2, 14)[STORIES]


def test_little_data_keeps_the_profile_near_flat() -> None:
    """One story at 3 h in the night does not make the night the busiest hour."""
    book = baselines()
    learn(book, 7, lambda day, hour: int(day == 1 and hour == 3))
    assert expected(book, 7, 3)[STORIES] < 1.5 * expected(book, 7, 4)[STORIES]


def test_expectation_adds_parts_of_hours_over_the_end_of_a_week() -> None:
    """A window of 15 minutes expects a quarter, windows that touch add up, and a week is the sum of its hours."""
    book = baselines()
    learn(book, 28, lambda day, hour: 1 + hour % 3)
    half, quarter = timedelta(minutes=30), timedelta(minutes=15)
    whole = expected(book, 27, 23.75, length=half)
    parts = expected(book, 27, 23.75, length=quarter) + expected(book, 28, 0.0, length=quarter)
    assert whole == pytest.approx(parts)
    hours = sum(expected(book, 28 + n // 24, n % 24) for n in range(168))
    assert expected(book, 28, length=7 * DAY) == pytest.approx(hours)
    assert expected(book, 28, length=21 * DAY) == pytest.approx(3 * hours)


def test_share_of_a_series_comes_from_its_stories_and_from_its_size_class() -> None:
    """What is known of many stories stands; of few it is what the others of their size have."""
    book = Baselines(series=3, half_life=14 * DAY, window=HOUR, since_h=MONDAY)
    stories, negative = np.array([10.0, 10.0, 0.0]), np.array([5.0, 1.0, 0.0])
    for hour in range(MONDAY, MONDAY + 28 * 24):
        book.learn(hour, np.stack([negative, negative, stories]), np.ones(3, dtype=np.bool_))
    share = book.rates[NEGATIVE] / book.rates[STORIES]
    assert share[:2] == pytest.approx([0.5, 0.1], rel=0.05)
    assert 0.1 < share[2] < 0.5


def test_more_than_all_stories_cannot_be_negative() -> None:
    """Where each is, the share stays a probability below one."""
    book = baselines()
    learn(book, 14, steady(4))
    assert expected(book, 14)[NEGATIVE] < expected(book, 14)[STORIES]
    assert expected(book, 14)[WEIGHT] > 0.9 * expected(book, 14)[STORIES]


def test_spike_teaches_no_more_than_the_99_percent_quantile() -> None:
    """A baseline that learns from the spike goes blind to it."""
    calm, spiked = baselines(), baselines()
    learn(calm, 28, steady(2))
    learn(spiked, 28, lambda day, hour: 500 if day == 27 and hour < 6 else 2)
    assert expected(spiked, 28, 12)[NEGATIVE] < 1.5 * expected(calm, 28, 12)[NEGATIVE]


def test_hours_that_are_not_learned_teach_nothing_but_let_time_pass() -> None:
    """While an alert fires."""
    book = baselines()
    learn(book, 28, steady(2))
    before = book.rates[:, ACME].copy()
    learn(book, 1, steady(3), learned=(False, True))
    assert book.rates[NEGATIVE, ACME] == pytest.approx(before[NEGATIVE], rel=1e-3)
    assert (book.until_h, book.history()) == (MONDAY + 29 * 24, 29 * DAY)


def test_independent_counts_have_dispersion_one() -> None:
    """A Poisson series stays a Poisson series, also over windows of a day."""
    rng = np.random.default_rng(1)
    counts = rng.poisson(2.0, (120, 24))
    book = baselines(window=DAY)
    learn(book, 120, lambda day, hour: int(counts[day, hour]))
    assert float(book.dispersion(DAY)[STORIES, ACME]) < 1.5


def test_bursts_raise_the_dispersion_of_long_windows_most() -> None:
    """Where stories come in bursts of several hours, a day's count varies more than an hour's."""
    rng = np.random.default_rng(2)
    counts = rng.poisson(np.repeat(rng.gamma(0.5, 4.0, 120 * 4), 6)).reshape(120, 24)
    book = baselines(window=DAY)
    learn(book, 120, lambda day, hour: int(counts[day, hour]))
    short, part, long = (float(book.dispersion(w)[STORIES, ACME]) for w in (HOUR, 5 * HOUR, DAY))
    assert 1.0 < short < part < long
    assert long > 5.0


def test_dispersion_is_never_below_poisson() -> None:
    """A series more regular than chance is luck, not knowledge."""
    book = baselines()
    learn(book, 28, steady(3))
    assert float(book.dispersion(HOUR)[STORIES, ACME]) == 1.0


def test_days_of_one_mood_are_seen_to_agree() -> None:
    """Where whole days are bad, ten negative stories of ten are no proof; where each is for itself, they are."""
    rng = np.random.default_rng(3)
    moody, independent = baselines(), baselines()
    for _ in range(200):
        mood = rng.beta(1.0, 9.0)
        for book, share in ((moody, mood), (independent, 0.1)):
            learn(book, 1, steady(5), negative=float(rng.binomial(120, share)) / 120)
    assert moody.correlation > 0.03
    assert independent.correlation < 0.01


def test_size_classes_grow_by_stories() -> None:
    """From one in two days on, each four times as large."""
    book = baselines()
    learn(book, 28, steady(3))
    large, small = book.classes()
    assert (large, small) == (4, 0)  # 72 a day lie between 32 and 128
    assert book.active() == 1


def test_what_is_dumped_goes_on_exactly() -> None:
    """Over JSON, in the middle of a day, in whatever steps."""
    book, again = baselines(window=DAY), baselines(window=DAY)
    rate: Rate = lambda day, hour: (day + hour) % 7  # noqa: E731 - one line says it
    learn(book, 20, rate, negative=0.5)
    for hour in range(5):
        book.learn(book.until_h, np.full((3, 2), float(hour)), np.ones(2, dtype=np.bool_))
    again.load(json.loads(json.dumps(book.dump())))
    assert again.dump() == book.dump()
    for one in (book, again):
        for hour in range(40):
            one.learn(one.until_h, np.full((3, 2), float(hour % 4)), np.ones(2, dtype=np.bool_))
    assert again.dump() == book.dump()


def test_state_of_another_rule_or_form_is_refused() -> None:
    """It is learned anew instead."""
    state = baselines(window=DAY).dump()
    for wrong in (baselines(window=HOUR), baselines(window=DAY, series=3)):
        with pytest.raises(ValueError, match="not the baseline state of this rule"):
            wrong.load(state)
    with pytest.raises(ValueError, match="version 1"):
        baselines().load({**state, "version": 1})
    with pytest.raises(ValueError, match="not a baseline state"):
        baselines(window=DAY).load({**state, "sums": "nonsense"})


def test_hours_are_learned_in_their_order() -> None:
    """A hole would shift everything after it."""
    with pytest.raises(ValueError, match="is next"):
        baselines().learn(MONDAY + 1, np.zeros((3, 2)), np.ones(2, dtype=np.bool_))


@pytest.mark.parametrize(("mean", "dispersion"), [(0.01, 1.0), (1.0, 1.0), (5.0, 2.0), (40.0, 3.0)])
def test_quantile_is_near_the_exact_one(mean: float, dispersion: float) -> None:
    """The cap is an approximation; it may be off by a story or two, not more."""
    close = dispersion + 1e-9
    exact = (
        nbinom.ppf(0.99, mean / (close - 1), 1 / close) if dispersion > 1 else nbinom.ppf(0.99, mean * 1e9, 1 - 1e-9)
    )
    got = float(upper_quantile(np.array([mean]), np.array([dispersion]), 2.326)[0])
    assert abs(got - exact) <= 2
