"""Recalibration: the rate of episodes is that which was counted, and its tail goes on."""

from datetime import timedelta

import numpy as np
import pytest

from alerts.recalibration import NONE, Recalibration, keep_of

SERIES, DAYS = 40, 7 * 50
CLASSES = np.zeros(SERIES, dtype=np.int64)
ALL = np.arange(SERIES)


def past(peaks: np.ndarray[tuple[int], np.dtype[np.float64]], *, keep: float = 1.0, years: int = 1) -> Recalibration:
    """Years of fifty weeks of forty series of one class, with these peaks of episodes."""
    made = Recalibration(series=SERIES, keep=keep)
    for n, peak in enumerate(peaks):
        row = np.array([n % SERIES])
        made.note(row, np.array([peak]))
        made.close(row, CLASSES)
    for _ in range(years * DAYS):
        made.pass_day(CLASSES)
    return made


def rate(made: Recalibration, score: float, size: int = 0) -> float:
    """Episodes a series-week."""
    return float(made.rate(np.array([score]), np.array([size]))[0])


def test_rate_is_that_of_the_episodes_counted() -> None:
    """Two thousand peaks in two thousand series-weeks: one a week, and half of them above the median."""
    made = past(np.random.default_rng(1).exponential(2.0, 2000))
    assert rate(made, 0.0) == pytest.approx(1.0, rel=0.1)
    assert rate(made, 2.0 * np.log(2.0)) == pytest.approx(0.5, rel=0.15)


def test_tail_goes_on_as_the_exponential_that_it_is() -> None:
    """Far beyond the highest peak ever seen, the rate is right within a factor of two or so."""
    made = past(np.random.default_rng(2).exponential(2.0, 2000))
    for score in (15.0, 20.0):
        assert 0.4 < rate(made, score) / np.exp(-score / 2.0) < 2.5
    assert 0.0 < rate(made, 200.0) < rate(made, 100.0) < 1e-12


def test_real_events_do_not_make_the_tail_heavy() -> None:
    """Ten thousand ordinary peaks and four disasters: a disaster stays rarer by far than it was."""
    ordinary = np.random.default_rng(3).exponential(1.0, 10_000)
    hit = past(np.concatenate([ordinary, [40.0, 45.0, 50.0, 55.0]]), years=10)
    assert rate(hit, 30.0) < 4 / (SERIES * 500) / 20
    assert rate(hit, 2.0) == pytest.approx(rate(past(ordinary, years=10), 2.0), rel=0.05)


def test_before_anything_is_known_there_is_a_prior() -> None:
    """High scores are rare, higher ones rarer, and nothing is impossible."""
    made = Recalibration(series=SERIES, keep=1.0)
    rates = [rate(made, score) for score in (0.0, 3.0, 6.0, 12.0, 30.0)]
    assert rates == sorted(rates, reverse=True)
    assert 0.5 < rates[0] < 2.0
    assert 0.0 < rates[-1] < 1e-3


def test_rates_fall_with_the_score_in_every_class() -> None:
    """A score that is higher is never commoner, however the peaks lie."""
    made = past(np.concatenate([np.random.default_rng(4).exponential(3.0, 50), np.full(30, 7.1)]))
    scores = np.linspace(0.0, 70.0, 400)
    for size in range(8):
        assert (np.diff(made.rate(scores, np.full(400, size))) <= 1e-15).all()


def test_noisy_classes_are_held_to_their_own_noise() -> None:
    """A class without a peak borrows from all others, but in time believes itself."""
    made = Recalibration(series=2, keep=1.0)
    classes = np.array([0, 5])
    for n in range(800):
        made.note(np.array([1]), np.array([5.0 + n % 3]))
        made.close(np.array([1]), classes)
    for _ in range(7 * 1600):
        made.pass_day(classes)
    assert rate(made, 5.0, 5) > 3 * rate(made, 5.0, 0)
    assert rate(made, 5.0, 5) == pytest.approx(0.5, rel=0.2)


def test_an_episode_counts_once_with_its_peak() -> None:
    """However often it is looked at; what was not a score is none."""
    made = Recalibration(series=SERIES, keep=1.0)
    for score in (3.0, 8.1, 5.0, -np.inf, np.nan):
        made.note(np.array([7]), np.array([score]))
    made.note(np.array([9]), np.array([-np.inf]))
    assert made.open.tolist() == [7]
    made.close(made.open, CLASSES)
    assert made.arrays["peaks"].sum() == 1.0
    assert made.arrays["peaks"][0, 32] == 1.0
    assert (made.arrays["open"] == NONE).all()


def test_what_is_long_ago_is_forgotten() -> None:
    """By its half-life, peaks and weeks alike, so that the rate stays what it was."""
    peaks = np.random.default_rng(5).exponential(2.0, 2000)
    made = past(peaks, keep=keep_of(timedelta(weeks=1000)))
    assert made.arrays["peaks"].sum() < 2000
    assert rate(made, 2.0) == pytest.approx(rate(past(peaks), 2.0), rel=0.1)
