"""Evidence in words: every number that led to an alert, as a person says it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from alerts.messages.evidence_words import (
    frequency_words,
    gate_lines,
    horizon_lines,
    outcome_words,
    strength_words,
    title_words,
)
from alerts.messages.headlines import decisive_words, headline_of
from alerts.messages.words import percent_words
from monitor.domain import GateReading, HorizonReading, Measure
from tests.unit.alerts.notices import HOUR, T0, evidence, headline

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S


def horizon(measure: Measure = Measure.VOLUME, *, seen: float = 9, expected: float = 1.3) -> HorizonReading:
    """One window of an hour."""
    return HorizonReading(
        window_s=HOUR_S, measure=measure, seen=seen, expected=expected, dispersion=1.84, p_value=2.96e-6
    )


@pytest.mark.parametrize(
    ("measure", "title", "outcome"),
    [
        (Measure.VOLUME, "Negative spike", "23 negative stories, 2.1 expected"),
        (Measure.SHARE, "Unusual share of negative", "23 of 41 stories negative, 2.1 expected"),
        (Measure.DRIFT, "Slow erosion", "23 negative stories, 2.1 expected"),
        (Measure.DROP, "Drop-out", "23 stories, 2.1 expected"),
    ],
)
def test_each_measure_says_what_was_counted(measure: Measure, title: str, outcome: str) -> None:
    """Few stories in all and many bad ones are different things to wake up for."""
    seen = evidence(measure=measure)
    assert (title_words(seen), outcome_words(seen)) == (title, outcome)


@pytest.mark.parametrize(
    ("a_week", "words"),
    [
        (20.0, "about 20 times a week"),
        (1.6, "about 2 times a week"),
        (1.0, "about once a week"),
        (0.5, "about once in 2 weeks"),
        (0.02, "about once in 50 weeks"),
        (0.001, "less than once in ten years"),
        (0.0, "less than once in ten years"),
    ],
)
def test_a_rate_is_said_as_people_say_it(a_week: float, words: str) -> None:
    """A desk asks for so many false alerts a week; the strength of each is said in the same words."""
    assert frequency_words(a_week) == words


def test_strength_is_a_rate_where_one_is_known() -> None:
    """Else the odds of one window, as before."""
    assert strength_words(evidence(false_alarms=0.5)).startswith(
        "as strong as this comes about once in 2 weeks by chance"
    )
    assert strength_words(evidence()) == "by chance about once in 330,000 such windows"


def test_every_window_is_shown_and_the_one_that_spoke_first() -> None:
    """A share is a percentage, a count is none."""
    lines = horizon_lines(evidence(horizons=(horizon(), horizon(Measure.SHARE, seen=0.561, expected=0.2))))
    assert [(line.window, line.measure, line.seen, line.expected, line.spoke) for line in lines] == [
        ("1h", "negative stories", "9", "1.3", True),
        ("1h", "share of negative", "56 %", "20 %", False),
    ]
    assert (lines[0].dispersion, lines[0].p_value) == ("1.8", "3e-06")


def test_evidence_of_an_older_version_has_its_one_window() -> None:
    """Notifications that wait outlive an upgrade."""
    [line] = horizon_lines(evidence())
    assert (line.window, line.seen, line.expected, line.spoke) == ("1h", "23", "2.1", True)


def test_gates_show_value_and_limit_those_that_failed_first() -> None:
    """Each in the unit in which a rule asks for it."""
    lines = gate_lines(
        {
            "min_count": GateReading(passed=True, value=9, limit=3),
            "min_history": GateReading(passed=False, value=DAY_S, limit=2 * DAY_S),
            "max_story_share": GateReading(passed=True, value=0.62, limit=0.8),
            "min_coverage": GateReading(passed=True, value=None, limit=0.5),
            "of_tomorrow": GateReading(passed=True, value=0.12345),
        }
    )
    assert [(line.name, line.words, line.passed) for line in lines] == [
        ("min_history", "1d of history to compare with (at least 2d)", False),
        ("min_count", "9 stories seen (at least 3)", True),
        ("max_story_share", "62 % of the excess by the largest story (at most 80 %)", True),
        ("min_coverage", "not known (at least 50 %)", True),
        ("of_tomorrow", "0.123", True),
    ]


def test_a_share_is_not_rounded_to_nothing_or_all() -> None:
    """99.7 % of the excess leaves something over."""
    assert [percent_words(share) for share in (0, 0.001, 0.5, 0.997, 1)] == [
        "0 %",
        "under 1 %",
        "50 %",
        "99 %",
        "100 %",
    ]


def test_what_an_alert_hangs_on_is_said() -> None:
    """The first question of whoever gets up."""
    recall, lawsuit = headline("Recall", decisive=True), headline("Lawsuit", decisive=True)
    one = [headline_of(document) for document in (recall, headline("Other"))]
    assert decisive_words(one, single_story=False) == "Without “Recall”, this would not have fired."
    both = [headline_of(document) for document in (recall, lawsuit)]
    assert "Without any one of these: “Recall”, “Lawsuit”" in decisive_words(both, single_story=False)
    many = [headline_of(headline(f"S{n}", decisive=True)) for n in range(5)]
    assert "“S2” or one of 2 more" in decisive_words(many, single_story=False)
    assert decisive_words([headline_of(headline())], single_story=False) == ""
    assert decisive_words([], single_story=True) == "One story makes most of the excess: a single-story alert."


def test_a_story_says_how_it_spread() -> None:
    """Since when, how often and by how many; nothing where there is nothing to say."""
    told = headline_of(headline(told=12, sources=5, first_at=T0 - 5 * HOUR, share=0.62))
    assert told.spread == "told 12 times by 5, story since 2026-03-02 09:05 UTC"
    assert told.part == "62 % of the excess"
    fresh = headline_of(headline(reach=1, first_at=T0 - timedelta(minutes=20)))
    assert (fresh.spread, fresh.part) == ("", "")
