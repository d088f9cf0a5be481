"""Numbers and spans in words a tired reader understands at once. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from alerts.messages.plain import plain
from monitor.domain import ALL, LOOK_BACKS, NEW, SeriesKey
from monitor.durations import format_duration

COMMON_P = 0.3  #: From here on nothing unusual was seen.
RARE_P = 1e-9  #: Below this the number says more about the model than about the world.
ALMOST_NONE = 0.05  #: An expectation below this is shown as a bound.
LARGE_RATIO = 100  #: From here on a ratio is not worth its digits.
SERIES_CHARS = 240
A_DAY = LOOK_BACKS.index(timedelta(hours=24))  #: The look-back that a reader thinks in.


def expected_words(expected: float) -> str:
    """The expected count: one decimal, whole from 100 on."""
    if expected < ALMOST_NONE:
        return "under 0.05"
    return f"{expected:,.0f}" if expected >= LARGE_RATIO else f"{expected:.1f}"


def ratio_words(ratio: float) -> str:
    """How many times the expected."""
    if ratio >= LARGE_RATIO:
        return "over 100 times the expected"
    return f"{ratio:.1f} times the expected"


def odds_words(p_value: float) -> str:
    """The p-value as odds over windows like this one."""
    if p_value >= COMMON_P:
        return "nothing unusual"
    if p_value < RARE_P:
        return "by chance less than once in a billion such windows"
    return f"by chance about once in {_two_digits(1 / p_value):,} such windows"


def _two_digits(value: float) -> int:
    return int(float(f"{value:.1e}"))


def instant_words(at: datetime) -> str:
    """UTC to the minute."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def span_words(span: timedelta) -> str:
    """A duration to the minute, to the second below one."""
    unit = timedelta(minutes=1) if span >= timedelta(minutes=1) else timedelta(seconds=1)
    return format_duration(max(round(span / unit), 0) * unit)


def stories_words(count: int, kind: str) -> str:
    """`1 negative story`, `2 negative stories`; without a kind `2 stories`."""
    return " ".join(filter(None, (f"{count:,}", kind, "story" if count == 1 else "stories")))


def percent_words(share: float) -> str:
    """A share as whole percent; what is not quite nothing or everything is not said to be."""
    percent = round(share * 100)
    if share > 0 and percent == 0:
        return "under 1 %"
    return f"{99 if share < 1 and percent == 100 else percent} %"  # noqa: PLR2004


def series_words(series: SeriesKey, names: Mapping[str, str]) -> str:
    """What a series is about: `Acme Corp (ACME), Earnings, news`; one clean line."""
    name = entity_words(series, names)
    about = f"{name} ({series.entity})" if series.entity not in (name, ALL) else name
    kinds = [part for part in (series.topic, series.source_class) if part != ALL]
    return plain(f"{about}, {', '.join(kinds)}" if kinds else about, SERIES_CHARS)


def entity_words(series: SeriesKey, names: Mapping[str, str]) -> str:
    """The name of the entity of a series, as people know it."""
    return "all watched entities" if series.entity == ALL else names.get(series.entity, series.entity)


def novelty_words(novelty: Sequence[int]) -> str:
    """Whether a document is the first to tell its story of an entity; empty where it is not known.

    An echo is measured over a day, or over the shortest look-back that finds what it repeats.
    """
    if len(novelty) != len(LOOK_BACKS):
        return ""
    if min(novelty) >= NEW:
        return "first told here"
    index = A_DAY if novelty[A_DAY] < NEW else next(i for i, value in enumerate(novelty) if value < NEW)
    return f"echo, novelty {novelty[index]} of {NEW} in {LOOK_BACKS[index] // timedelta(hours=1)} h"


def relevance_words(relevance: float) -> str:
    """How much a document is about the entity; empty where it is about nothing else."""
    return f"relevance {relevance:.0%}".replace("%", " %") if round(relevance, 2) < 1 else ""


def held_back_words(stories: int) -> str:
    """What the caps kept out; empty where that is nothing."""
    return f"{stories_words(stories, 'more')} held back by caps on authors and domains" if stories else ""
