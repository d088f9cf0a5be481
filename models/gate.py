"""The gate before a promotion: the candidate against the active model on frozen test sets; answers in, a verdict out.

Each head is judged on every set that labels it. The candidate is refused where accuracy or macro-F1 falls by more than
a margin, any class's F1 by more than another, the calibration error is above a limit, it was trained on rows of the
sets, or it no longer reads a language. A class of few rows may lose what two rows make of it: below that is chance.

The frozen sets are English. For another language the invented development rows stand in: they chose the stop of what
was trained here, so that a rise there proves little, but a fall is a fall. They are held to no limit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.artifacts import Adapter
from models.evaluation.measures import answered, confusion_of, overall, per_class, sums
from models.judging import Engine, Judged, answers_of
from models.manifest import Manifest
from models.overlap import TRAINING_KEYS, overlap
from models.registry import Verdict
from models.training.data import read_corpus
from models.training.invented import DEV, read_invented
from models.training.rows import NO_LABEL, Example
from monitor.domain import Sentiment
from monitor.errors import ConfigurationError

HEADS: Mapping[str, str] = {"topic": "topics", "sentiment": "sentiments", "entity": "entities"}
ROWS_FORGIVEN = 2
POINTS = 100.0  #: In a whole: margins are in points, as people say them.

Array = NDArray[np.float64]
Labels = NDArray[np.int64]
Sets = Mapping[str, Sequence[Example]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Margins:
    """How much worse a candidate may be, in points of a hundred."""

    overall: float = 0.5  #: Accuracy and macro-F1 of each set and head.
    of_class: float = 2.0  #: F1 of each class.
    calibration_error: float = 5.0  #: Of each set and head; a limit, whatever the active model has.


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One model on one set and head, in points."""

    rows: int
    accuracy: float
    macro_f1: float
    calibration_error: float
    f1: Mapping[str, float]  #: By class; those without rows left out.
    support: Mapping[str, int]


Measures = Mapping[str, Measured]  #: By `set.head`.


def frozen_sets(folder: Path, manifest: Manifest) -> Sets:
    """The test sets of a data folder (docs/models.md); its topics must be those of the candidate."""
    corpus = read_corpus(folder, languages=())
    if corpus.topics != manifest.topics:
        raise ConfigurationError(
            f"{folder / 'topic/classes.txt'}: other classes than those of {manifest.model}, or in another order; "
            "give the test sets that belong to it"
        )
    return corpus.tests


def development_sets(topics: Sequence[str], languages: Iterable[str]) -> Sets:
    """The invented development rows about finance in each of `languages`, where there are some."""
    found: dict[str, list[Example]] = {}
    for example in read_invented(topics, languages=tuple(languages)):
        if is_development(example.source) and example.finance:
            found.setdefault(example.source, []).append(example)
    return found


def is_development(name: str) -> bool:
    """True for a set, or a set and head, of development rows."""
    return name.partition(".")[0].endswith(DEV)


def measure_adapter(engine: Engine, sets: Sets, manifest: Manifest) -> dict[str, Measured]:
    """Ask the engine of an adapter about every set, and measure."""
    return measure({name: answers_of(engine, examples) for name, examples in sets.items()}, sets, manifest)


def measure(judged: Mapping[str, Judged], sets: Sets, manifest: Manifest) -> dict[str, Measured]:
    """Measure the answers to each set on every head that it labels with two classes or more."""
    found = {}
    for name, examples in sets.items():
        for head, part in HEADS.items():
            labels = _labels(examples, head)
            rows = labels != NO_LABEL
            if len(np.unique(labels[rows])) > 1:
                classes = manifest.topics if head == "topic" else tuple(Sentiment)
                found[f"{name}.{head}"] = _measured(getattr(judged[name], part)[rows], labels[rows], classes)
    return found


def judge(candidate: Measures, active: Measures, margins: Margins) -> Verdict:
    """Whether `candidate` may take the place of `active`; where nothing is active it is held to the limit alone."""
    frozen = {name: after for name, after in candidate.items() if not is_development(name)}
    reasons = [reason for name, after in frozen.items() for reason in _limit(name, after, margins)]
    for name, after in candidate.items():
        if name in active:
            reasons += _falls(name, active[name], after, margins)
    found = {"margins": asdict(margins), "candidate": _written(candidate), "active": _written(active)}
    return Verdict(passed=not reasons, reasons=tuple(reasons), found=found)


def with_reasons(verdict: Verdict, more: Iterable[str]) -> Verdict:
    """`verdict` with what else speaks against the candidate."""
    reasons = (*more, *verdict.reasons)
    return replace(verdict, passed=not reasons, reasons=reasons)


def objections(candidate: Adapter, active: Manifest | None, sets: Sets) -> Iterator[str]:
    """What speaks against a candidate whatever it answers."""
    lost = sorted(set(active.languages) - set(candidate.manifest.languages)) if active else []
    if lost:
        yield f"it does not read {', '.join(lost)}, as the active model does"
    if TRAINING_KEYS not in candidate.manifest.files:
        return
    for name, examples in sets.items():
        if is_development(name):
            continue
        if rows := len(overlap(candidate.folder / TRAINING_KEYS, [example.text for example in examples])):
            yield f"{name}: {rows} of {len(examples)} rows trained it, so its score there is memory"


def _limit(name: str, after: Measured, margins: Margins) -> Iterator[str]:
    if after.calibration_error > margins.calibration_error:
        yield (
            f"{name}: the calibration error is {after.calibration_error:.1f} points, "
            f"allowed are {margins.calibration_error:.1f}"
        )


def _falls(name: str, before: Measured, after: Measured, margins: Margins) -> Iterator[str]:
    for word, then, now in (
        ("accuracy", before.accuracy, after.accuracy),
        ("macro-F1", before.macro_f1, after.macro_f1),
    ):
        if then - now > margins.overall:
            yield f"{name}: {word} falls from {then:.1f} to {now:.1f}, allowed are {margins.overall:.1f} points"
    for label, then in before.f1.items():
        allowed = max(margins.of_class, ROWS_FORGIVEN * POINTS / before.support[label])
        now = after.f1.get(label, 0.0)
        if then - now > allowed:
            yield f"{name}: F1 of {label} falls from {then:.1f} to {now:.1f}, allowed are {allowed:.1f} points"


def _measured(probabilities: Array, labels: Labels, classes: Sequence[str]) -> Measured:
    found = answered(probabilities, labels)
    totals = np.asarray(sums(found).sum(axis=0))
    values = overall(totals, classes=len(classes))
    of = per_class(confusion_of(totals, classes=len(classes)))
    there = [index for index in range(len(classes)) if of["support"][index]]
    return Measured(
        rows=len(labels),
        accuracy=_points(values["accuracy"]),
        macro_f1=_points(values["macro_f1"]),
        calibration_error=_points(values["ece"]),
        f1={str(classes[index]): _points(of["f1"][index]) for index in there},
        support={str(classes[index]): int(of["support"][index]) for index in there},
    )


def _labels(examples: Sequence[Example], head: str) -> Labels:
    if head == "entity":
        return np.asarray([label for example in examples for _, label in example.entities], dtype=np.int64)
    return np.asarray([getattr(example, head) for example in examples], dtype=np.int64)


def _points(share: Array) -> float:
    return round(float(share) * POINTS, 3)


def _written(measures: Measures) -> dict[str, object]:
    return {name: asdict(measured) for name, measured in measures.items()}
