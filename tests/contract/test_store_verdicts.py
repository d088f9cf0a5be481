"""What people say of alerts and labels is kept, once an episode and document, and the last word counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from monitor.domain import (
    ALL,
    AlertState,
    Correction,
    Sentiment,
    SeriesKey,
    Transition,
    Verdict,
    VerdictKind,
)
from monitor.ports import KeptText, Tick, VerdictStore
from monitor.store import Store
from tests.fixtures.stores import T0, add, label

HOUR = timedelta(hours=1)
MICROSECOND = timedelta(microseconds=1)


def verdict(kind: VerdictKind = VerdictKind.USEFUL, *, alert: str = "f1", fired: datetime = T0) -> Verdict:
    """A verdict on an episode of `alert`, said an hour after it fired."""
    return Verdict(
        fingerprint=alert, fired_at=fired, rule="spike", verdict=kind, by="Ann", at=fired + HOUR, note="a recall"
    )


def correction(entity: str = "ACME", sentiment: Sentiment | None = Sentiment.POSITIVE) -> Correction:
    """A correction of document `d1`."""
    return Correction(
        document_id="d1", entity=entity, text="Acme", sentiment=sentiment, topic=None, by="Ann", at=T0 + MICROSECOND
    )


def moved(before: AlertState, after: AlertState, *, at: datetime = T0, alert: str = "f1") -> Transition:
    """A transition."""
    return Transition(
        fingerprint=alert, rule="spike", series=SeriesKey(entity="ACME"), before=before, after=after, at=at
    )


def test_the_last_word_on_an_episode_counts(store: Store) -> None:
    """Two people may click; one alert is counted once."""
    kept: VerdictStore = store
    kept.save_verdict(verdict())
    kept.save_verdict(verdict(VerdictKind.DUPLICATE, fired=T0 + 5 * HOUR))
    kept.save_verdict(replace(verdict(VerdictKind.FALSE), at=T0 + 2 * HOUR, note="a bot \0"))

    later, first = kept.verdicts()
    assert later == verdict(VerdictKind.DUPLICATE, fired=T0 + 5 * HOUR)
    assert (first.verdict, first.note, first.fired_at, first.at) == (VerdictKind.FALSE, "a bot �", T0, T0 + 2 * HOUR)


def test_verdicts_are_counted_by_rule(store: Store) -> None:
    """What the metric shows."""
    assert store.verdict_counts() == {}
    store.save_verdict(verdict())
    store.save_verdict(verdict(alert="f2"))
    store.save_verdict(verdict(VerdictKind.FALSE, fired=T0 + MICROSECOND))
    store.save_verdict(replace(verdict(alert="f3"), rule="other"))
    assert store.verdict_counts() == {
        ("spike", VerdictKind.USEFUL): 2, ("spike", VerdictKind.FALSE): 1, ("other", VerdictKind.USEFUL): 1,
    }  # fmt: skip


def test_episodes_are_found_by_what_began_them(store: Store) -> None:
    """Coming back from recovering or uncertain is the same episode."""
    began = moved(AlertState.PENDING, AlertState.FIRING)
    again = moved(AlertState.RESOLVED, AlertState.FIRING, at=T0 + 9 * HOUR)
    other = moved(AlertState.NORMAL, AlertState.FIRING, at=T0 + HOUR, alert="f2")
    rest = [
        moved(AlertState.FIRING, AlertState.RECOVERING, at=T0 + HOUR),
        moved(AlertState.RECOVERING, AlertState.FIRING, at=T0 + 2 * HOUR),
        moved(AlertState.UNCERTAIN, AlertState.FIRING, at=T0 + 3 * HOUR),
        moved(AlertState.FIRING, AlertState.RESOLVED, at=T0 + 4 * HOUR),
    ]
    store.store_tick(
        Tick(at=T0, alerts=[], transitions=[began, *rest, other, again], groups=[], notifications=[], baselines=[])
    )
    assert store.firings(fingerprint="f1") == [again, began]
    assert store.firings() == [again, other, began]
    assert store.firings(fingerprint="f") == []


def test_the_text_of_a_document_is_found_with_its_entities(store: Store) -> None:
    """What a correction is about."""
    add(store, [label("d1", entities=("BETA", "ACME"), title="Acme buys Beta"), label("d2", entities=())], first=0)
    assert store.kept_text("d1") == KeptText(text="Acme buys Beta", entities=("ACME", "BETA"))
    assert store.kept_text("d2") == KeptText(text="A headline", entities=())
    assert store.kept_text("d3") is store.kept_text("\0") is None


def test_the_last_correction_of_a_label_counts(store: Store) -> None:
    """One a document and entity, whatever is forgotten of the document."""
    store.save_correction(correction())
    store.save_correction(correction(ALL, Sentiment.NEUTRAL))
    again = replace(correction(sentiment=None), topic="earnings", by="Bob")
    store.save_correction(again)
    assert store.corrections() == [again, correction(ALL, Sentiment.NEUTRAL)]
