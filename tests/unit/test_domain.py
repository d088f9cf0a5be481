"""The floor refuses nonsense when a value is built, so that no stage has to check again."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain import (
    COUNT_FIELDS,
    REJECT_REASONS,
    Alert,
    AlertState,
    Counts,
    Document,
    Notification,
    Probabilities,
    Sentiment,
    SeriesKey,
    SourceClass,
)
from monitor.errors import InvalidRecordError

AT = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
PLAIN = Document(
    id="a", source="wire", source_class=SourceClass.NEWS, published_at=AT, seen_at=AT, text="Profit falls."
)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"published_at": AT.replace(tzinfo=None)}, "bad_date"),
        ({"published_at": AT.astimezone(timezone(timedelta(hours=2)))}, "bad_date"),
        ({"seen_at": AT.replace(tzinfo=None)}, "bad_date"),
        ({"id": ""}, "schema"),
        ({"id": "x" * 201}, "schema"),
        ({"text": " \n"}, "empty_text"),
    ],
)
def test_impossible_document_is_refused_with_a_reason_from_the_closed_set(change: dict, reason: str) -> None:
    """The reason labels a metric: it must be one of those that the metric knows."""
    with pytest.raises(InvalidRecordError) as caught:
        replace(PLAIN, **change)
    assert caught.value.reason == reason
    assert reason in REJECT_REASONS


def test_title_alone_is_enough() -> None:
    """Many feeds carry no body."""
    assert replace(PLAIN, text="", title="Profit falls").content == "Profit falls"


@pytest.mark.parametrize(
    ("title", "text", "content"),
    [
        ("Profit falls", "Sales too.", "Profit falls\nSales too."),
        ("Profit falls", "Profit falls on weak demand.", "Profit falls on weak demand."),
        ("", "just a post", "just a post"),
    ],
)
def test_model_reads_title_and_text_without_repeating_one(title: str, text: str, content: str) -> None:
    """Feeds often begin the body with the title."""
    assert replace(PLAIN, title=title, text=text).content == content


def test_values_do_not_change_once_built() -> None:
    """They travel between threads."""
    with pytest.raises(FrozenInstanceError):
        PLAIN.text = "other"


@pytest.mark.parametrize("parts", [(0.5, 0.5, 0.5), (-0.1, 0.6, 0.5), (1.1, 0.0, -0.1), (float("nan"), 0.5, 0.5)])
def test_probabilities_must_be_a_distribution(parts: tuple[float, float, float]) -> None:
    """A broken head must not be counted."""
    with pytest.raises(InvalidRecordError, match="not a distribution"):
        Probabilities(negative=parts[0], neutral=parts[1], positive=parts[2])


def test_top_of_a_tie_is_the_first_in_order() -> None:
    """The same answer on every machine."""
    assert Probabilities(negative=0.5, neutral=0.5, positive=0.0).top is Sentiment.NEGATIVE
    assert Probabilities(negative=0.2, neutral=0.4, positive=0.4).top is Sentiment.NEUTRAL


counts = st.builds(Counts, **{name: st.integers(0, 10**12) for name in COUNT_FIELDS})


@given(counts, counts, counts)
def test_counts_add_up_in_any_order(a: Counts, b: Counts, c: Counts) -> None:
    """Any number of workers may add to a bucket, in any order."""
    assert (a + b) + c == c + (b + a)
    assert a + Counts() == a


def test_count_fields_name_every_field() -> None:
    """Addition and the store go by this list."""
    assert tuple(Counts.__dataclass_fields__) == COUNT_FIELDS


@pytest.mark.parametrize(
    ("states", "status"),
    [
        ((AlertState.FIRING, AlertState.RESOLVED), "firing"),
        ((AlertState.RECOVERING,), "firing"),
        ((AlertState.RESOLVED,), "resolved"),
    ],
)
def test_notification_fires_while_any_alert_in_it_does(states: tuple[AlertState, ...], status: str) -> None:
    """A recovering alert has not been resolved yet."""
    alerts = tuple(
        Alert(fingerprint=str(n), rule="R", series=SeriesKey(), labels={}, state=state, since_at=AT)
        for n, state in enumerate(states)
    )
    notification = Notification(
        id="n", receiver="r", group_key="g", group_labels={}, alerts=alerts, reason="first", created_at=AT
    )
    assert notification.status == status
