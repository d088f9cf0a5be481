"""Known labels: a text is read once by a model, the model is loaded for what is new alone, failures are not kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.domain import Mention, Prediction, Probabilities
from monitor.errors import ConfigurationError
from pipelines.known_labels import KnownModels
from pipelines.label_store import LabelStore
from pipelines.routing import OneModel

NOW = datetime(2026, 3, 2, tzinfo=UTC)
ACME = Mention(entity="ACME", surfaces=("Acme",))


class Reader:
    """Counts what it reads; fails on `bad`."""

    def __init__(self, version: str = "m-1") -> None:
        self.version = version
        self.read: list[str] = []
        self.asked: list[Sequence[Sequence[Mention]] | None] = []

    def classify(
        self, texts: Sequence[str], mentions: Sequence[Sequence[Mention]] | None = None
    ) -> Sequence[Prediction | Exception]:
        self.read += texts
        self.asked.append(mentions)
        return [ValueError("bad") if text == "bad" else self._answer(text) for text in texts]

    def _answer(self, text: str) -> Prediction:
        even = Probabilities(negative=0.5, neutral=0.3, positive=0.2)
        return Prediction(topic=text, topic_probability=0.5, probabilities=even, model=self.version)


def models(folder: Path, reader: Reader, *, version: str = "m-1") -> KnownModels:
    """Models over the labels in `folder`; `reader` is what would be loaded."""
    return KnownModels({"en": version, "de": version}, LabelStore(folder), lambda: OneModel(reader, ("en", "de")))


def ask(known: KnownModels, *texts: str, mentions: Sequence[Sequence[Mention]] | None = None) -> list[str]:
    """The answers' topics, which are the texts; of a failure its name."""
    answers = known.routes(NOW)["en"].classify(texts, mentions)
    return [each.topic if isinstance(each, Prediction) else type(each).__name__ for each in answers]


def test_a_second_run_does_not_load_the_model(tmp_path: Path) -> None:
    """The second rule on a history costs no model time."""
    first = models(tmp_path, Reader())
    assert ask(first, "a", "b", "a") == ["a", "b", "a"]
    first.close()

    def refuse() -> OneModel:
        raise AssertionError("loaded")

    second = KnownModels({"en": "m-1"}, LabelStore(tmp_path), refuse)
    assert ask(second, "b", "a") == ["b", "a"]
    assert second.asked == 0


def test_only_what_is_new_is_read_each_text_once(tmp_path: Path) -> None:
    """In one call too."""
    reader = Reader()
    known = models(tmp_path, reader)
    ask(known, "a")

    assert ask(known, "b", "a", "b", "c") == ["b", "a", "b", "c"]
    assert sorted(reader.read) == ["a", "b", "c"]
    assert known.asked == 3


def test_another_model_reads_for_itself(tmp_path: Path) -> None:
    """Labels are known by the version of the model."""
    ask(models(tmp_path, Reader()), "a")
    other = Reader("m-2")

    ask(models(tmp_path, other, version="m-2"), "a")

    assert other.read == ["a"]


def test_another_entity_is_another_question(tmp_path: Path) -> None:
    """And it reaches the model with its words."""
    reader = Reader()
    known = models(tmp_path, reader)

    ask(known, "a")
    ask(known, "a", mentions=[[ACME]])

    assert reader.asked == [None, [[ACME]]]


def test_a_failure_is_answered_but_not_kept(tmp_path: Path) -> None:
    """The next run tries again."""
    reader = Reader()
    known = models(tmp_path, reader)

    assert ask(known, "bad", "a") == ["ValueError", "a"]
    ask(known, "bad")
    assert reader.read.count("bad") == 2


def test_a_model_that_was_promoted_in_between_is_refused(tmp_path: Path) -> None:
    """Labels of two models would be counted as if they were of one."""
    with pytest.raises(ConfigurationError, match="start again"):
        ask(models(tmp_path, Reader("m-2")), "a")


def test_languages_of_one_model_share_it(tmp_path: Path) -> None:
    """So that a batch stays full."""
    routes = models(tmp_path, Reader()).routes(NOW)

    assert routes["en"] is routes["de"]
