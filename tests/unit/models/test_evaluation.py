"""An evaluation says what the answers were worth, and refuses to call memory a score."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.evaluation.cases import Task
from models.evaluation.run import OnOverlap, Request, evaluate
from models.evaluation.words import as_json, as_markdown
from models.evaluation.writing import prepare_folder, write_report
from models.manifest import Calibration
from monitor.errors import ConfigurationError, PermanentError
from tests.fixtures.judged_model import WrittenEngine, make_judged_adapter

NEGATIVE, NEUTRAL, POSITIVE = (0.8, 0.1, 0.1), (0.1, 0.8, 0.1), (0.1, 0.1, 0.8)
TEXTS = {
    "Acme falls on fraud": NEGATIVE, "Globex rises": POSITIVE, "Initech is": NEUTRAL, "Hooli loses a suit": NEUTRAL,
    "Umbrella wins an award": POSITIVE, "Vandelay meets": NEUTRAL,
}  # fmt: skip
LABELS = ("negative", "positive", "neutral", "negative", "positive", "neutral")
QUICK = 50  #: Resamples; what is asked here does not hang on their number.


def tweets(folder: Path) -> Path:
    """Six labelled texts; the engine of `engine` is wrong on the fourth."""
    rows = [
        (text, label, source, lang)
        for text, label, source, lang in zip(
            TEXTS, LABELS, ["news", "news", "social"] * 2, ["en", "zh"] * 3, strict=True
        )
    ]
    pd.DataFrame(rows, columns=["text", "label", "source_class", "lang"]).to_csv(folder / "tweets.csv", index=False)
    return folder / "tweets.csv"


def headlines(folder: Path) -> Path:
    """Two headlines of two minds and one of one."""
    rows = [
        ("Acme sues Globex", "{'Acme': 'positive', 'Globex': 'negative'}"),
        ("Initech beats Hooli", "{'Initech': 'positive', 'Hooli': 'negative'}"),
        ("Umbrella rises", "{'Umbrella Corp': 'positive'}"),
    ]
    pd.DataFrame(rows, columns=["Title", "Decisions"]).to_csv(folder / "headlines.csv", index=False)
    return folder / "headlines.csv"


def engine() -> WrittenEngine:
    """Right on five of six texts, and on three of four entities of two minds."""
    entities = {("Acme sues Globex", "Acme"): POSITIVE, ("Acme sues Globex", "Globex"): NEGATIVE,
                ("Initech beats Hooli", "Initech"): POSITIVE, ("Initech beats Hooli", "Hooli"): POSITIVE,
                ("Umbrella rises", "Umbrella Corp"): POSITIVE}  # fmt: skip
    return WrittenEngine(TEXTS, entities, finance={"Vandelay meets": 0.2})


def test_the_report_holds_the_figures_and_their_slices(tmp_path: Path) -> None:
    """One wrong of six, in the news slice, in the second language."""
    calibration = Calibration(confidence=0.9, finance=0.5)
    adapter = make_judged_adapter(tmp_path / "a", trained=[], calibration=calibration)
    request = Request(data=(tweets(tmp_path),), baselines=False, resamples=QUICK)
    report = evaluate(adapter, engine, request)
    assert report.found.overall["accuracy"].value == pytest.approx(5 / 6)
    assert report.found.confusion == ((1, 1, 0), (0, 2, 0), (0, 0, 2))
    slices = {(part.column, part.value): (part.rows, part.overall["accuracy"].value) for part in report.slices}
    assert slices == {("source_class", "news"): (4, 0.75), ("source_class", "social"): (2, 1.0),
                      ("lang", "en"): (3, 1.0), ("lang", "zh"): (3, pytest.approx(2 / 3))}  # fmt: skip
    assert (report.abstained.coverage, report.abstained.off_topic) == (0.0, pytest.approx(1 / 6))
    assert report.risk_coverage[-1]["risk"] == pytest.approx(1 / 6)
    assert any("was not made for zh" in note for note in report.notes)


def test_entities_beside_one_of_another_sentiment_are_counted_alone(tmp_path: Path) -> None:
    """A model that reads only the text cannot be right on both sides; the ceiling says how far it can get."""
    adapter = make_judged_adapter(tmp_path / "a", trained=[])
    request = Request(data=(headlines(tmp_path),), baselines=False, resamples=QUICK)
    report = evaluate(adapter, engine, request)
    assert report.task == "entity"
    assert report.mixed is not None
    assert (report.mixed.headlines, report.mixed.entities, report.mixed.ceiling) == (2, 4, 0.5)
    assert report.mixed.accuracy.value == pytest.approx(3 / 4)
    assert report.found.overall["accuracy"].value == pytest.approx(4 / 5)
    assert any("1 entities are not named" in note for note in report.notes)


def test_rows_that_trained_the_model_are_refused_before_it_is_loaded(tmp_path: Path) -> None:
    """The message must name how many, where, and the ways out; loading takes long and could not help."""

    def never() -> WrittenEngine:
        raise AssertionError("loaded")

    adapter = make_judged_adapter(tmp_path / "a", trained=["GLOBEX rises!", "vandelay meets https://t.co/x"])
    request = Request(data=(tweets(tmp_path),), baselines=False, resamples=QUICK)
    with pytest.raises(
        ConfigurationError, match=r"2 of 6 texts trained judged .*row 3; .*row 7: .*--skip-overlap.*--allow"
    ):
        evaluate(adapter, never, request)


def test_an_allowed_overlap_stands_in_the_report(tmp_path: Path) -> None:
    """Who reads the figures later must know."""
    adapter = make_judged_adapter(tmp_path / "a", trained=["GLOBEX rises!"])
    request = Request(data=(tweets(tmp_path),), baselines=False, resamples=QUICK, on_overlap=OnOverlap.ALLOW)
    report = evaluate(adapter, engine, request)
    assert (report.overlap.rows, report.overlap.left_out, report.texts) == (1, False, 6)
    assert "1 texts trained the model and ARE COUNTED HERE" in as_markdown(report)


def test_a_skipped_overlap_is_not_counted(tmp_path: Path) -> None:
    """The rest of a file of which the model has seen a part is a fair test."""
    adapter = make_judged_adapter(tmp_path / "a", trained=["hooli loses a suit"])
    request = Request(data=(tweets(tmp_path),), baselines=False, resamples=QUICK, on_overlap=OnOverlap.SKIP)
    report = evaluate(adapter, engine, request)
    assert (report.overlap.rows, report.overlap.left_out, report.texts) == (1, True, 5)
    assert report.found.overall["accuracy"].value == 1
    assert any("were left out" in note for note in report.notes)


def test_a_model_that_does_not_tell_its_training_rows_is_not_called_clean(tmp_path: Path) -> None:
    """Not checked is not the same as no overlap."""
    adapter = make_judged_adapter(tmp_path / "a")
    report = evaluate(adapter, engine, Request(data=(tweets(tmp_path),), baselines=False, resamples=QUICK))
    assert report.overlap.known is False
    assert any("overlap was not checked" in note for note in report.notes)


def test_the_baselines_answer_the_same_rows(tmp_path: Path) -> None:
    """A figure means something only beside what costs nothing."""
    taught = [("fraud and falls", "negative"), ("rises and wins", "positive"), ("meets and is", "neutral")] * 3
    pd.DataFrame([*taught, ("Globex rises", "negative")], columns=["text", "label"]).to_csv(
        tmp_path / "train.csv", index=False
    )
    adapter = make_judged_adapter(tmp_path / "a", trained=[])
    request = Request(data=(tweets(tmp_path),), train=(tmp_path / "train.csv",), resamples=QUICK)
    found = {each.name: each for each in evaluate(adapter, engine, request).baselines}
    assert list(found) == ["majority", "VADER", "Loughran-McDonald", "TF-IDF + logistic regression"]
    assert found["majority"].overall["accuracy"].value == pytest.approx(1 / 3)
    # VADER: fraud, loses; wins an award; the rest neutral, so `Globex rises` alone is missed.
    assert found["VADER"].overall["accuracy"].value == pytest.approx(5 / 6)
    # Loughran-McDonald: fraud and loses are negative there, wins is positive, rises is in no list.
    assert found["Loughran-McDonald"].overall["accuracy"].value == pytest.approx(5 / 6)
    assert "ece" not in found["VADER"].overall
    tfidf = found["TF-IDF + logistic regression"]
    assert "taught by 9 rows" in tfidf.note  # the row that stands in the test set taught nothing
    assert tfidf.overall["accuracy"].value >= 4 / 6


def test_topics_have_no_word_lists(tmp_path: Path) -> None:
    """A sentiment word list says nothing of topics."""
    pd.DataFrame([("oil falls", "Energy"), ("Acme", "Company")], columns=["text", "label"]).to_csv(
        tmp_path / "t.csv", index=False
    )
    adapter = make_judged_adapter(tmp_path / "a", trained=[])
    asked = WrittenEngine({}, topics={"oil falls": (0.1, 0.2, 0.7), "Acme": (0.9, 0.05, 0.05)})
    report = evaluate(adapter, lambda: asked, Request(data=(tmp_path / "t.csv",), resamples=QUICK))
    assert (report.task, report.classes) == ("topic", ("Company", "Macro", "Energy"))
    assert [each.name for each in report.baselines] == ["majority"]
    assert report.found.overall["macro_f1"].value == 1


def test_a_written_report_can_be_read_again(tmp_path: Path) -> None:
    """JSON for programs, Markdown for people, pictures for the card."""
    adapter = make_judged_adapter(tmp_path / "a", trained=[])
    report = evaluate(adapter, engine, Request(data=(headlines(tmp_path),), resamples=QUICK))
    prepare_folder(tmp_path / "out")
    written = write_report(report, tmp_path / "out")
    assert [path.name for path in written] == [
        "report.json", "report.md", "confusion.png", "reliability.png", "risk_coverage.png",
    ]  # fmt: skip
    stored = json.loads(written[0].read_text(encoding="utf-8"))
    assert stored == json.loads(json.dumps(as_json(report)))
    assert stored["found"]["overall"]["accuracy"]["value"] == pytest.approx(0.8)
    assert "curve" not in stored
    assert "| negative |" in written[1].read_text(encoding="utf-8")
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in written[2:])


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file in its place is known before the work; a disk that fills up, after it, is a failure with the way out."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be made"):
        prepare_folder(tmp_path / "file" / "out")
    adapter = make_judged_adapter(tmp_path / "a", trained=[])
    report = evaluate(adapter, engine, Request(data=(tweets(tmp_path),), baselines=False, resamples=QUICK))

    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(PermanentError, match="No space left on device; make room"):
        write_report(report, tmp_path)


def test_a_task_that_the_data_do_not_have_is_refused(tmp_path: Path) -> None:
    """Asked for topics, sentiments are unknown labels."""
    adapter = make_judged_adapter(tmp_path / "a", trained=[])
    with pytest.raises(ConfigurationError, match="unknown label 'negative'"):
        evaluate(adapter, engine, Request(data=(tweets(tmp_path),), task=Task.TOPIC))


def test_every_probability_is_one_the_engine_gave(tmp_path: Path) -> None:
    """The calibration error over 0.8 and five of six right is known on paper."""
    adapter = make_judged_adapter(tmp_path / "a", trained=[])
    report = evaluate(adapter, engine, Request(data=(tweets(tmp_path),), baselines=False, resamples=QUICK))
    assert report.found.overall["ece"].value == pytest.approx(abs(0.8 - 5 / 6), abs=1e-6)
    brier = (5 * 0.06 + (0.64 + 0.81 + 0.01)) / 6
    assert report.found.overall["brier"].value == pytest.approx(brier, abs=1e-6)
    assert np.isfinite(report.aurc)
