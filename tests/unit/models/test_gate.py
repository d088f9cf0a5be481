"""The gate: what a candidate may lose, and what refuses it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.artifacts import check_adapter
from models.gate import Margins, Measured, development_sets, frozen_sets, judge, measure, objections, with_reasons
from models.judging import Judged
from models.overlap import write_keys
from models.registry import Verdict
from models.training.rows import Example
from monitor.errors import ConfigurationError
from tests.fixtures.registry import make_adapter

MARGINS = Margins()
PLAIN = Measured(
    rows=1000,
    accuracy=89.0,
    macro_f1=86.0,
    calibration_error=2.0,
    f1={"negative": 80.0, "neutral": 92.0, "positive": 86.0},
    support={"negative": 200, "neutral": 600, "positive": 200},
)


def verdict(after: Measured, before: Measured = PLAIN) -> Verdict:
    """The verdict on one set."""
    return judge({"tweets.sentiment": after}, {"tweets.sentiment": before}, MARGINS)


def test_an_equal_or_better_candidate_passes() -> None:
    """And so does one that is worse within the margins."""
    assert verdict(PLAIN).passed
    assert verdict(replace(PLAIN, accuracy=91.0, macro_f1=88.0)).passed
    slightly = replace(PLAIN, accuracy=88.6, macro_f1=85.6, f1={**PLAIN.f1, "negative": 78.1})
    assert verdict(slightly).passed


@pytest.mark.parametrize(
    ("worse", "reason"),
    [
        ({"accuracy": 88.4}, "tweets.sentiment: accuracy falls from 89.0 to 88.4, allowed are 0.5 points"),
        ({"macro_f1": 85.0}, "tweets.sentiment: macro-F1 falls from 86.0 to 85.0, allowed are 0.5 points"),
        (
            {"f1": {"negative": 77.0, "neutral": 93.5, "positive": 87.5}},
            "tweets.sentiment: F1 of negative falls from 80.0 to 77.0, allowed are 2.0 points",
        ),
        ({"calibration_error": 5.1}, "tweets.sentiment: the calibration error is 5.1 points, allowed are 5.0"),
        (
            {"f1": {"negative": 80.0, "neutral": 92.0}},
            "tweets.sentiment: F1 of positive falls from 86.0 to 0.0, allowed are 2.0 points",
        ),
    ],
)
def test_a_worse_candidate_is_refused_with_the_figures(worse: dict[str, object], reason: str) -> None:
    """A mean that rises may hide a class that is lost."""
    found = verdict(replace(PLAIN, **worse))  # type: ignore[arg-type]  # one field each
    assert (found.passed, list(found.reasons)) == (False, [reason])


def test_a_class_of_few_rows_may_lose_what_two_rows_make_of_it() -> None:
    """With ten rows one answer more or less moves F1 by more than any margin."""
    rare = replace(PLAIN, support={**PLAIN.support, "negative": 10})
    assert verdict(replace(rare, f1={**PLAIN.f1, "negative": 61.0}), rare).passed
    assert not verdict(replace(rare, f1={**PLAIN.f1, "negative": 59.0}), rare).passed


def test_a_first_model_is_held_to_the_limit_alone() -> None:
    """There is nothing to fall from."""
    assert judge({"tweets.sentiment": PLAIN}, {}, MARGINS).passed
    assert not judge({"tweets.sentiment": replace(PLAIN, calibration_error=9.0)}, {}, MARGINS).passed


def test_the_verdict_keeps_what_was_measured() -> None:
    """The history must tell later why one was promoted."""
    found = verdict(PLAIN).found
    assert found["margins"] == {"overall": 0.5, "of_class": 2.0, "calibration_error": 5.0}
    assert found["candidate"]["tweets.sentiment"]["accuracy"] == 89.0  # type: ignore[index]  # plain JSON
    assert found["active"]["tweets.sentiment"]["rows"] == 1000  # type: ignore[index]


def test_answers_are_measured_on_every_head_that_a_set_labels(tmp_path: Path) -> None:
    """By hand: three of four sentiments right, both entities wrong, no topic labelled."""
    manifest = check_adapter(make_adapter(tmp_path / "a")).manifest
    examples = [
        Example(text="a", source="t", sentiment=0, entities=(("A", 0), ("B", 2))),
        *(Example(text=text, source="t", sentiment=label) for text, label in (("b", 1), ("c", 2), ("d", 2))),
    ]
    sure = np.eye(3)
    judged = Judged(topics=np.ones((4, 1)), sentiments=sure[[0, 1, 2, 1]], finance=np.ones(4), entities=sure[[2, 0]])
    found = measure({"t": judged}, {"t": examples}, manifest)
    assert set(found) == {"t.sentiment", "t.entity"}
    assert (found["t.sentiment"].rows, found["t.sentiment"].accuracy) == (4, 75.0)
    assert found["t.sentiment"].f1 == {"negative": 100.0, "neutral": 66.667, "positive": 66.667}
    assert (found["t.entity"].accuracy, found["t.entity"].calibration_error) == (0.0, 100.0)


def test_a_candidate_that_was_trained_on_the_test_rows_is_refused(tmp_path: Path) -> None:
    """Its score there is memory."""
    folder = make_adapter(tmp_path / "a")
    rows = [Example(text=f"words number {n}", source="t", sentiment=0) for n in range(4)]
    write_keys(folder / "training_rows.keys", [row.text for row in rows[:3]])
    adapter = check_adapter(folder)
    files = {**adapter.manifest.files, "training_rows.keys": "0" * 64}
    known = replace(adapter, manifest=adapter.manifest.model_copy(update={"files": files}))

    assert list(objections(known, None, {"t": rows})) == ["t: 3 of 4 rows trained it, so its score there is memory"]
    assert list(objections(adapter, None, {"t": rows})) == []


def test_a_candidate_that_reads_fewer_languages_is_refused(tmp_path: Path) -> None:
    """Its documents would no longer be scored, which no test set shows."""
    adapter = check_adapter(make_adapter(tmp_path / "a"))
    active = adapter.manifest.model_copy(update={"languages": ("en", "zh")})
    (reason,) = objections(adapter, active, {})
    assert reason == "it does not read zh, as the active model does"
    joined = with_reasons(Verdict(passed=True), [reason])
    assert (joined.passed, joined.reasons) == (False, (reason,))


def test_another_language_is_held_to_its_development_rows(tmp_path: Path) -> None:
    """They chose the stop of what was trained here: no memory and no limit, but a fall is a fall."""
    sets = development_sets(("Macro",), ("zh",))
    assert set(sets) == {"invented_zh_dev"}
    assert {row.lang for row in sets["invented_zh_dev"]} == {"zh"}
    assert development_sets(("Macro",), ()) == {}
    name, worse = "invented_zh_dev.sentiment", replace(PLAIN, accuracy=80.0, calibration_error=9.0)
    found = judge({name: worse}, {name: PLAIN}, MARGINS)
    assert list(found.reasons) == [f"{name}: accuracy falls from 89.0 to 80.0, allowed are 0.5 points"]
    folder = make_adapter(tmp_path / "a")
    write_keys(folder / "training_rows.keys", [row.text for row in sets["invented_zh_dev"]])
    adapter = check_adapter(folder)
    known = {**adapter.manifest.files, "training_rows.keys": "0" * 64}
    knowing = replace(adapter, manifest=adapter.manifest.model_copy(update={"files": known}))
    assert list(objections(knowing, None, sets)) == []


def test_test_sets_of_other_classes_are_refused(tmp_path: Path) -> None:
    """Label 3 of one list is not label 3 of another."""
    from tests.fixtures.tiny_model import make_data

    make_data(tmp_path / "data")
    manifest = check_adapter(make_adapter(tmp_path / "a")).manifest
    with pytest.raises(ConfigurationError, match=r"classes\.txt: other classes"):
        frozen_sets(tmp_path / "data", manifest)
