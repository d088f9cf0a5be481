"""Profile: how the hours of a week differ, for many series at once. Pure.

Learned from all stories, which are many, and not from the negative ones, which are few. An hour's factor is shrunk
twice: that of all series together towards flat, that of one series towards all together. Until eight weeks are known
there are 24 hours x weekday or weekend, afterwards each of the 168 hours may differ.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from alerts.detection import Floats

WEEK_H = 168
WEEKEND_SLOT = 120  #: Saturday, 0 to 1 UTC; slot 0 is Monday, 0 to 1 UTC.
EPOCH_SLOT = 72  #: The epoch was a Thursday.
OWN_HOURS_FROM = 8 * WEEK_H  #: Hours known before each hour of the week gets a factor of its own.
PSEUDO_COUNT = 10.0  #: Expected stories at which an hour's own factor weighs as much as what it is shrunk towards.

GROUPS = np.array([slot % 24 if slot < WEEKEND_SLOT else 24 + slot % 24 for slot in range(WEEK_H)])
"""Hour of the day by hour of the week, weekends from 24 on."""


def slot_of(hour: int) -> int:
    """The hour of the week of an hour since 1970."""
    return (hour + EPOCH_SLOT) % WEEK_H


def factors(stories: Floats, hours: Floats, known_h: int) -> Floats:
    """Factors on the level [series, 168], of mean 1 each, from weighted stories and hours by hour of the week."""
    rates = stories.sum(axis=1, keepdims=True) / np.maximum(hours.sum(axis=1, keepdims=True), 1.0)
    even = hours * rates  # stories if all hours were alike
    together = _shrunk(
        stories.sum(axis=0, keepdims=True), even.sum(axis=0, keepdims=True), np.ones((1, WEEK_H)), known_h
    )
    return _of_mean_one(_shrunk(stories, even, together, known_h))


def running(profile: Floats) -> Floats:
    """Sums of the factors from the week's beginning [series, 169], to be read at any fraction of an hour."""
    start = np.zeros((len(profile), 1))
    return np.concatenate([start, np.cumsum(profile, axis=1)], axis=1)


def spans(sums: Floats, columns: npt.NDArray[np.int64], ends_h: Floats, length_h: float) -> Floats:
    """Factors summed over `[end - length, end)`, for pairs of series and end (hours since 1970, with fractions)."""
    whole, rest = divmod(length_h, float(WEEK_H))
    begins_h = ends_h - rest
    part = _read(sums, columns, ends_h) - _read(sums, columns, begins_h)
    turned = np.floor((ends_h + EPOCH_SLOT) / WEEK_H) - np.floor((begins_h + EPOCH_SLOT) / WEEK_H)
    return np.asarray(part + (whole + turned) * sums[columns, -1])


def _shrunk(stories: Floats, even: Floats, towards: Floats, known_h: int) -> Floats:
    """By hour of the day first; from `OWN_HOURS_FROM` on, by hour of the week on top of that."""
    expected = even * towards
    daily = (_grouped(stories) + PSEUDO_COUNT) / (_grouped(expected) + PSEUDO_COUNT)
    factor = towards * daily[:, GROUPS]
    if known_h < OWN_HOURS_FROM:
        return factor
    return np.asarray(factor * (stories + PSEUDO_COUNT) / (even * factor + PSEUDO_COUNT))


def _grouped(values: Floats) -> Floats:
    days, ends = values[:, :WEEKEND_SLOT], values[:, WEEKEND_SLOT:]
    rows = len(values)
    return np.concatenate([days.reshape(rows, 5, 24).sum(axis=1), ends.reshape(rows, 2, 24).sum(axis=1)], axis=1)


def _of_mean_one(profile: Floats) -> Floats:
    return np.asarray(profile / profile.mean(axis=1, keepdims=True))


def _read(sums: Floats, columns: npt.NDArray[np.int64], at_h: Floats) -> Floats:
    place = (at_h + EPOCH_SLOT) % WEEK_H
    whole = np.minimum(place.astype(np.int64), WEEK_H - 1)
    low = sums[columns, whole]
    return np.asarray(low + (place - whole) * (sums[columns, whole + 1] - low))
