"""Refused, listed, mended, brought back, counted once: on Kafka with PostgreSQL and on the embedded defaults."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from monitor.app.dead_letters import find_letter, list_letters, replay_letters
from monitor.app.monitor import Monitor
from monitor.domain import Mention, Prediction, SeriesKey
from monitor.settings import Settings
from pipelines.letter_replay import Fate
from pipelines.letters import LetterFilter
from tests.integration.stub import StubClassifier
from tests.integration.waiting import wait_for

NOW = datetime.now(UTC)
ALL = LetterFilter()
pytestmark = pytest.mark.timeout(240)


class FailsOnPoison(StubClassifier):
    """A model with a bug in one kind of text, until it is mended."""

    def __init__(self) -> None:
        self.is_broken = True

    def classify(
        self, texts: Sequence[str], mentions: Sequence[Sequence[Mention]] | None = None
    ) -> Sequence[Prediction | Exception]:
        answers = super().classify(texts, mentions)
        bad = [self.is_broken and "poison" in text for text in texts]
        return [ValueError("no") if fails else answer for fails, answer in zip(bad, answers, strict=True)]


@pytest.fixture
def model() -> FailsOnPoison:
    """The model of the monitor."""
    return FailsOnPoison()


def push(monitor: Monitor, *documents: dict[str, object]) -> None:
    """What senders push; refused ones are answered, not raised."""
    body = "\n".join(json.dumps(document) for document in documents).encode()
    monitor.workshop.push_door(body, "application/jsonl")


def document(number: int, text: str, *, ahead: timedelta = -timedelta(minutes=5)) -> dict[str, object]:
    """As a sender writes it."""
    return {
        "id": f"d{number}",
        "source": "test",
        "published_at": (NOW + ahead).isoformat(),
        "text": f"{text} number {number}",
    }


def counted(monitor: Monitor) -> int:
    """Documents in the buckets."""
    sums = monitor.workshop.store.window_counts(NOW - timedelta(days=1), NOW + timedelta(days=3))
    return sums[SeriesKey()].documents if SeriesKey() in sums else 0


def test_what_was_refused_comes_back_once_the_cause_is_gone(
    settings: Settings, monitor: Monitor, model: FailsOnPoison
) -> None:
    """Exactly what was refused is listed; it is counted once after the cause is gone, however often it is replayed."""
    good = [document(n, "Acme reports") for n in range(20)]
    poisoned = [document(n, "poison") for n in range(20, 27)]
    ahead = [document(30, "Acme from the future", ahead=timedelta(days=2))]
    push(monitor, *good, *poisoned, *ahead, {"id": "x", "source": "test"})
    wait_for(lambda: counted(monitor) == 20, seconds=60)
    wait_for(lambda: len(list_letters(settings, ALL)) == 9, seconds=60)

    reasons = [row["reason"] for row in list_letters(settings, ALL)]
    assert sorted(map(str, reasons)) == ["future_date"] + ["model_failed"] * 7 + ["schema"]
    model.is_broken = False
    first = replay_letters(settings, ALL)
    assert (first[Fate.BROUGHT_BACK], first[Fate.STILL_REFUSED]) == (7, 2)
    wait_for(lambda: counted(monitor) == 27, seconds=60)

    patient = {"documents": {"future_tolerance": "5d"}}
    ahead_of_time = Settings.model_validate({**settings.model_dump(by_alias=True), "ingest": patient})
    assert replay_letters(ahead_of_time, LetterFilter(reason="future_date"))[Fate.BROUGHT_BACK] == 1
    wait_for(lambda: counted(monitor) == 28, seconds=60)
    again = replay_letters(ahead_of_time, ALL)
    assert (again[Fate.BROUGHT_BACK], again[Fate.DONE_BEFORE], again[Fate.STILL_REFUSED]) == (0, 8, 1)
    push(monitor, document(40, "Acme goes on"))
    wait_for(lambda: counted(monitor) == 29, seconds=60)
    assert len(list_letters(settings, ALL)) == 9


def test_one_letter_is_shown_whole(settings: Settings, monitor: Monitor) -> None:
    """As it was sent, with what steers a terminal written out."""
    push(monitor, {"id": "x", "source": "test", "text": "\u202eevil"})
    [row] = list_letters(settings, ALL)
    shown = find_letter(settings, str(row["place"]))
    assert shown is not None
    assert json.loads(str(shown["text"])) == {"id": "x", "source": "test", "text": "\u202eevil"}
    assert "published_at" in str(shown["detail"])
    assert find_letter(settings, "9/9") is None
