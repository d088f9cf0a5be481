"""Copies from the door to the counts: any number of them are one story, reach as many, and cost the model one text."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from monitor.app.parts import Parts
from monitor.app.workshop import Workshop
from monitor.domain import Prediction, Probabilities, SeriesKey, SourceClass
from monitor.settings import Settings
from pipelines.replay import Line
from pipelines.routing import OneModel
from pipelines.sources.base import RawItem
from pipelines.stage import next_offsets
from tests.fixtures.told import OUTLOOK, STRIKE, T0, invented

NOW = T0 + timedelta(hours=3)
COPIES = 60


class Reading:
    """Finds everything negative, and remembers what it read."""

    version = "reading-1"

    def __init__(self) -> None:
        self.texts: list[str] = []

    def classify(self, texts: list[str], mentions: object = None) -> list[Prediction]:
        self.texts += texts
        bad = Probabilities(negative=0.9, neutral=0.1, positive=0.0)
        return [Prediction(topic="Earnings", topic_probability=0.9, probabilities=bad, model=self.version)] * len(texts)


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    """A monitor on files of its own, with a model that reads everything as bad news."""
    made = workshop_at(tmp_path)
    yield made
    made.close()


def workshop_at(folder: Path) -> Workshop:
    """A process over the files in `folder`."""
    settings = Settings.model_validate(
        {
            "database": {"url": f"sqlite:///{folder}/t.db"},
            "local_log": {"path": f"{folder}/log.db"},
            "stream": {"partitions": 3},
            "watchlist": {"entities": [{"ticker": "NORD", "name": "Nordwind Airlines", "aliases": ["Nordwind"]}]},
        }
    )
    made = Workshop(settings, clock=lambda: datetime.now(UTC), registry=CollectorRegistry(), worker="test")
    made.models = OneModel(Reading())  # type: ignore[arg-type]
    return made


def item(id_: str, text: str, *, minutes: int = 0, source: str = "wire") -> RawItem:
    """An item as a source brings it."""
    return RawItem(
        source=source, source_class=SourceClass.NEWS, raw=b"", id=id_, text=text,
        published_at=T0 + timedelta(minutes=minutes),
    )  # fmt: skip


def count(workshop: Workshop, items: list[RawItem], *, at_once: int) -> None:
    """Take `items` in, label and count them."""
    parts = Parts(workshop)
    with workshop.ingest() as ingest, parts.classify_line() as classify, parts.aggregate_line() as aggregate:
        for start in range(0, len(items), at_once):
            ingest.submit(items[start : start + at_once], NOW)
        for line in (classify, aggregate):
            drain(line)


def drain(line: Line) -> None:
    """Handle what waits."""
    while batch := line.consumer.poll(0.5):
        line.stage.handle(batch, NOW)
        line.consumer.commit(next_offsets(batch))


@pytest.mark.parametrize("at_once", [1, 7, COPIES])
def test_copies_are_one_story_however_they_come(workshop: Workshop, at_once: int) -> None:
    """One document of sixty reaches the model, one story the counts, and all sixty its reach."""
    copies = [
        item(f"c{n}", (OUTLOOK, OUTLOOK.upper(), f"RT @tape: {OUTLOOK}")[n % 3], source=f"s{n}") for n in range(COPIES)
    ]
    count(workshop, [*copies, item("other", STRIKE)], at_once=at_once)

    sums = workshop.store.window_counts(T0, T0 + timedelta(hours=1))
    assert (sums[SeriesKey()].documents, sums[SeriesKey()].stories) == (COPIES + 1, 2)
    assert sums[SeriesKey(entity="NORD")].documents == COPIES
    assert (sums[SeriesKey(entity="NORD")].stories, sums[SeriesKey(entity="NORD")].negative) == (1, 1)
    found = workshop.store.negative_documents(SeriesKey(entity="NORD"), T0, T0 + timedelta(hours=1), limit=5)
    assert [document.reach for document in found] == [COPIES]
    assert workshop.registry.get_sample_value("tapewatch_classify_reused_total") == COPIES - 1
    assert workshop.registry.get_sample_value("tapewatch_story_texts") == 2


def test_a_copy_after_a_restart_adds_reach_and_no_story(tmp_path: Path) -> None:
    """What is one story must not depend on how long the process has been running."""
    first = workshop_at(tmp_path)
    count(first, [item("a", OUTLOOK), *(item(f"x{n}", invented(n)) for n in range(20))], at_once=100)
    first.close()
    second = workshop_at(tmp_path)
    count(second, [item("b", OUTLOOK.lower(), minutes=30), item("a", OUTLOOK)], at_once=100)

    sums = second.store.window_counts(T0, T0 + timedelta(hours=1))
    assert (sums[SeriesKey(entity="NORD")].documents, sums[SeriesKey(entity="NORD")].stories) == (2, 1)
    assert sums[SeriesKey()].stories == 21
    second.close()
