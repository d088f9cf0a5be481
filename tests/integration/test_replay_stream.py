"""Eight weeks of real tweets through the real stages: every tweet is counted, what is found is scored, twice the same.

The labels come from a handful of words in place of the model, so nothing is claimed here about how good the rules are.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from monitor.app.replay_history import model_versions
from monitor.cli import main
from monitor.domain import EntitySentiment, Mention, Prediction, Probabilities
from monitor.settings import ClassifierSettings
from pipelines.routing import OneModel
from tests.fixtures.recorded_tweets import tweet_documents, write_config, write_documents, write_events

pytestmark = [pytest.mark.shared_data, pytest.mark.timeout(300)]

UNTIL = "2014-02-28"
BAD = (
    "miss",
    "below",
    "cut",
    "loss",
    "drop",
    "fall",
    "down",
    "plunge",
    "weak",
    "disappoint",
    "fear",
    "probe",
    "lawsuit",
)


class WordReader:
    """Stands in for the model: bad where one of the words stands, towards whoever is named."""

    version = model_versions(ClassifierSettings())["en"]

    def __init__(self) -> None:
        self.read = 0

    def classify(
        self, texts: Sequence[str], mentions: Sequence[Sequence[Mention]] | None = None
    ) -> Sequence[Prediction | Exception]:
        self.read += len(texts)
        return [self._answer(text, named) for text, named in zip(texts, mentions or [()] * len(texts), strict=True)]

    def _answer(self, text: str, named: Sequence[Mention]) -> Prediction:
        bad = 0.9 if any(word in text.lower() for word in BAD) else 0.05
        probabilities = Probabilities(negative=bad, neutral=0.95 - bad, positive=0.05)
        towards = tuple(EntitySentiment(entity=each.entity, probabilities=probabilities) for each in named)
        return Prediction(
            topic="Markets", topic_probability=0.9, probabilities=probabilities, model=self.version, entities=towards
        )


def test_weeks_of_tweets_are_counted_and_scored_the_same_each_time(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Documents in = documents counted; two replays from scratch make the same transitions, the model reads for one."""
    reader = WordReader()
    monkeypatch.setattr("monitor.app.replay_history.open_models", lambda *_: OneModel(reader))
    found = [each for each in tweet_documents(shared_data) if str(each["published_at"]) < UNTIL]
    documents, config = (
        write_documents(found, tmp_path / "tweets.jsonl"),
        write_config(shared_data, tmp_path / "c.yaml"),
    )
    arguments = [
        "--input", str(documents), "--config", str(config), "--labels-cache", str(tmp_path / "labels"),
        "--labels", str(write_events(shared_data, tmp_path / "events.csv")), "--since", "2014-01-15",
    ]  # fmt: skip
    written, read = [], []
    for name in ("one", "two"):
        out = tmp_path / f"{name}.jsonl"
        with pytest.raises(SystemExit) as left:
            main(["replay", *arguments, "--state", str(tmp_path / name), "--out", str(out)])
        assert not left.value.code
        written.append(out.read_text())
        read.append(reader.read)

    assert written[0] == written[1]
    assert 0 < read[0] == read[1] <= len(found)
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    score = rows[-1]
    assert json.loads((tmp_path / "one" / "state.json").read_text())["documents"] == len(found) > 6_000
    assert (score["events"], score["true"] + score["false"]) == (5, score["alerts"])
    assert score["found"] >= 1
    assert score["alerts"] == sum(row["kind"] == "alert" for row in rows) / 2
