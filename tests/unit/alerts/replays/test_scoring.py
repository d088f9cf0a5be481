"""Scoring: which alerts are true, what was missed, and intervals that tell how little few events prove."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import isnan

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from alerts.replays.events import Event
from alerts.replays.scoring import Margins, Score, outside, scores, unfollowed, wilson
from monitor.domain import Alert, AlertState, Evidence, EvidenceDocument, Sentiment, SeriesKey

T0 = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
WEEK = timedelta(weeks=1)


def alert(at: datetime, *, entity: str = "ACME", rule: str = "r", first_at: datetime | None = None) -> Alert:
    """An alert as it begins to fire; with `first_at` it shows a story first told then."""
    shown = EvidenceDocument(
        id="d", published_at=first_at or at, source="w", title="t", url=None, author=None, topic="Other",
        sentiment=Sentiment.NEGATIVE, negative=0.9, story_id="s", reach=1, first_at=first_at,
    )  # fmt: skip
    evidence = Evidence(
        window_start_at=at - HOUR, window_end_at=at, seen=9, expected=1.0, dispersion=1.0, p_value=1e-6, ratio=9.0,
        sources=3, stories=9, documents=(shown,) if first_at else (),
    )  # fmt: skip
    return Alert(
        fingerprint=f"{rule}{entity}", rule=rule, series=SeriesKey(entity=entity), labels={},
        state=AlertState.FIRING, since_at=at, fired_at=at, evidence=evidence,
    )  # fmt: skip


def score(*alerts: Alert, events: tuple[Event, ...], margins: Margins | None = None, weeks: int = 2) -> Score:
    """The score of the one rule `r` over so many weeks around T0."""
    (found,) = scores(alerts, events, rules=["r"], since=T0 - WEEK, until=T0 + (weeks - 1) * WEEK, margins=margins)
    return found


def event(at: datetime = T0, *, entity: str = "ACME", end: datetime | None = None, quiet: bool = False) -> Event:
    """An event that starts at `at`."""
    return Event(entity=entity, start=at, end=end, description="it broke", is_quiet=quiet)


@pytest.mark.parametrize(("hours", "is_true"), [(-1.01, False), (-1, True), (0, True), (24, True), (24.01, False)])
def test_an_alert_is_true_from_an_hour_before_the_start_until_a_day_after(hours: float, is_true: bool) -> None:
    """Both ends count as within."""
    found = score(alert(T0 + hours * HOUR), events=(event(),))

    assert (found.true, found.false) == (int(is_true), int(not is_true))
    assert found.missed == (() if is_true else (event(),))


def test_an_event_that_goes_on_for_long_can_be_found_until_its_end() -> None:
    """A strike of a week is not over after a day."""
    found = score(alert(T0 + 72 * HOUR), events=(event(end=T0 + 96 * HOUR),))

    assert found.true == 1


def test_margins_are_the_users() -> None:
    """A trader wants minutes, a risk officer days."""
    narrow = Margins(before=timedelta(0), after=HOUR)

    assert score(alert(T0 + 2 * HOUR), events=(event(),), margins=narrow).true == 0


def test_the_right_time_for_the_wrong_entity_is_false() -> None:
    """Words about a competitor are no news about us."""
    found = score(alert(T0, entity="RIVAL"), events=(event(),))

    assert (found.true, found.false, found.found) == (0, 1, 0)


def test_two_alerts_of_one_event_are_both_true_and_find_it_once() -> None:
    """Recall counts events, precision alerts."""
    found = score(alert(T0), alert(T0 + 6 * HOUR), events=(event(), event(T0 + 90 * HOUR)))

    assert (found.alerts, found.true, found.found, found.events) == (2, 2, 1, 2)
    assert found.recall.value == 0.5
    assert found.precision.value == 1.0


def test_an_alert_between_two_events_is_about_the_nearer() -> None:
    """Results and the outlook a day later are two events."""
    first, second = event(T0), event(T0 + 20 * HOUR)

    assert [each.event for each in score(alert(T0 + 19 * HOUR), events=(first, second)).judged] == [second]


def test_a_quiet_time_makes_no_event_and_marks_what_disturbs_it() -> None:
    """A loud day without bad news has to stay without alerts; a day where no end is given."""
    found = score(alert(T0 + 23 * HOUR), alert(T0 + 25 * HOUR), events=(event(quiet=True),))

    assert (found.false, found.on_quiet, found.events) == (2, 1, 0)
    assert isnan(found.recall.value)


def test_lead_is_the_first_alerts_and_negative_after_the_start() -> None:
    """Median over the events that were found."""
    events = (event(T0), event(T0 + 48 * HOUR), event(T0 + 96 * HOUR))
    fired = [alert(T0 - HOUR / 2), alert(T0 + 3 * HOUR), alert(T0 + 50 * HOUR), alert(T0 + 97 * HOUR)]

    assert score(*fired, events=events).lead == -HOUR


def test_behind_is_counted_from_the_first_document_of_the_event() -> None:
    """A story of last week that is shown as well does not count as its first document."""
    about = score(alert(T0 + 2 * HOUR, first_at=T0 + HOUR), events=(event(),))
    older = score(alert(T0 + 2 * HOUR, first_at=T0 - 90 * HOUR), events=(event(),))

    assert about.behind == HOUR
    assert older.behind is None


def test_false_alerts_are_counted_by_the_week_of_the_span() -> None:
    """What lies outside of the span is not counted at all."""
    fired = [alert(T0 - 3 * HOUR), alert(T0 + 2 * HOUR), alert(T0 + 3 * WEEK), alert(T0 - 2 * WEEK)]

    assert score(*fired, events=(), weeks=4).false_a_week == pytest.approx(2 / 4)


def test_a_rule_that_never_fired_has_a_score_too() -> None:
    """Silence is a result."""
    found = score(events=(event(),))

    assert (found.alerts, found.recall.value, found.lead) == (0, 0.0, None)
    assert isnan(found.precision.value)


@given(st.integers(0, 400), st.integers(1, 400))
def test_intervals_are_wilsons(successes: int, trials: int) -> None:
    """As scipy has them, also with none or all."""
    successes = min(successes, trials)
    found, reference = wilson(successes, trials), binomtest(successes, trials).proportion_ci(method="wilson")

    assert found.value == successes / trials
    assert (found.low, found.high) == pytest.approx((reference.low, reference.high), abs=1e-6)


def test_events_that_no_alert_could_be_about_are_named() -> None:
    """A recall over events outside of the data would be a lie."""
    early, late = event(T0 - HOUR), event(T0 + HOUR, entity="RIVAL")

    assert outside((early, late), since=T0, until=T0 + HOUR) == [early, late]
    assert unfollowed((early, late), ["ACME"]) == ["RIVAL"]
