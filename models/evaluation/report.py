"""What an evaluation found, as values, and how they are made from answers. Pure numpy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.abstention import RiskCoverage
from models.evaluation.cases import Cases
from models.evaluation.intervals import RESAMPLES, Estimate, estimates
from models.evaluation.measures import BINS, PARTS, Answered, bins_of, confusion_of, overall, per_class, sums

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

NOT_GIVEN = "(not given)"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassFound:
    """One class: each share with its 95 % interval."""

    name: str
    precision: Estimate
    recall: Estimate
    f1: Estimate
    support: int  #: Rows that are of the class.


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Answers of about the same confidence."""

    low: float
    high: float
    rows: int
    confidence: float  #: Mean.
    accuracy: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One answerer on one set of rows."""

    rows: int  #: Answers: texts, or entities in texts.
    overall: Mapping[str, Estimate]  #: accuracy, micro_f1, macro_precision, ..., ece, brier.
    classes: tuple[ClassFound, ...]
    confusion: tuple[tuple[int, ...], ...]  #: Label by answer.
    reliability: tuple[Bin, ...] = ()  #: Bins that hold rows.


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """The rows that share one value of a column."""

    column: str  #: source_class, lang or file.
    value: str
    rows: int
    overall: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixed:
    """Headlines whose entities carry different sentiments."""

    headlines: int
    entities: int
    accuracy: Estimate  #: Per entity.
    ceiling: float  #: The best accuracy of any one answer a headline.


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """A simple answerer on the same rows."""

    name: str
    note: str  #: What it is, and what it learned from.
    overall: Mapping[str, Estimate]
    mixed: Estimate | None = None  #: Accuracy per entity of mixed headlines.


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Test rows that the model was trained on."""

    known: bool  #: False: the adapter holds no list of its training rows.
    rows: int = 0
    first: tuple[str, ...] = ()  #: Where the first ones stand.
    left_out: bool = False  #: True: they were not evaluated.


@dataclass(frozen=True, slots=True, kw_only=True)
class Abstained:
    """What the model leaves open by its own thresholds."""

    confidence: float  #: Threshold.
    coverage: float  #: Share that it answers.
    risk: float  #: Share of wrong answers among them.
    off_topic: float  #: Share of texts that it takes for not about finance.


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything about one model on one task."""

    model: str
    task: str
    texts: int
    files: Mapping[str, str]  #: Name and SHA-256 of each.
    classes: tuple[str, ...]
    overlap: Overlap
    found: Found
    slices: tuple[Slice, ...]
    mixed: Mixed | None
    abstained: Abstained
    risk_coverage: tuple[Mapping[str, float], ...]
    aurc: float
    baselines: tuple[Baseline, ...]
    notes: tuple[str, ...]
    curve: RiskCoverage  #: In full, for the picture.


def found_of(answers: Answered, cases: Cases, *, rows: Flags | None = None, resamples: int = RESAMPLES) -> Found:
    """Measure `answers` on the labels of `cases`, or on the `rows` of them alone."""
    names = cases.classes
    chosen = _chosen(answers, rows)
    owners = cases.owners if rows is None else cases.owners[rows]
    added = sums(chosen)
    totals = np.asarray(added.sum(axis=0))
    confusion = confusion_of(totals, classes=len(names))
    groups = owners if len(np.unique(owners)) < len(owners) else None
    spans = estimates(added, lambda t: _every(t, len(names)), groups=groups, resamples=resamples)
    return Found(
        rows=len(chosen.labels),
        overall={name: span for name, span in spans.items() if "/" not in name},
        classes=tuple(_class(index, name, spans, confusion) for index, name in enumerate(names)),
        confusion=tuple(tuple(int(count) for count in line) for line in confusion),
        reliability=_bins(totals, len(names)) if chosen.probabilities is not None else (),
    )


def slices_of(answers: Answered, cases: Cases, *, resamples: int = RESAMPLES) -> tuple[Slice, ...]:
    """The same measures for each source class, language and file, where the data tell them apart."""
    columns = {
        "source_class": [case.source_class for case in cases.cases],
        "lang": [case.lang for case in cases.cases],
        "file": [case.path.name for case in cases.cases],
    }
    found = []
    for column, values in columns.items():
        if not any(values) or (column == "file" and len(set(values)) == 1):
            continue
        owned = np.array(values)[cases.owners]
        for value in sorted(set(values)):
            part = found_of(answers, cases, rows=owned == value, resamples=resamples)
            found.append(Slice(column=column, value=value or NOT_GIVEN, rows=part.rows, overall=part.overall))
    return tuple(found)


def mixed_rows(cases: Cases) -> Flags:
    """Which labels belong to a headline whose entities carry different sentiments."""
    return np.array([case.is_mixed for case in cases.cases], dtype=bool)[cases.owners]


def mixed_of(answers: Answered, cases: Cases, *, resamples: int = RESAMPLES) -> Mixed | None:
    """Per entity, the headlines that no one answer fits; None where there is no such headline."""
    rows = mixed_rows(cases)
    if not rows.any():
        return None
    mixed = [case for case in cases.cases if case.is_mixed]
    most = sum(max(np.bincount([label for _, label in case.entities])) for case in mixed)
    accuracy = found_of(answers, cases, rows=rows, resamples=resamples).overall["accuracy"]
    return Mixed(headlines=len(mixed), entities=int(rows.sum()), accuracy=accuracy, ceiling=float(most / rows.sum()))


def baseline_of(name: str, note: str, answers: Answered, cases: Cases, *, resamples: int = RESAMPLES) -> Baseline:
    """Measure a simple answerer."""
    mixed = mixed_of(answers, cases, resamples=resamples)
    overall = found_of(answers, cases, resamples=resamples).overall
    return Baseline(name=name, note=note, overall=overall, mixed=mixed.accuracy if mixed else None)


def curve_rows(curve: RiskCoverage, coverages: Sequence[float]) -> tuple[Mapping[str, float], ...]:
    """The curve at some coverages: threshold, and share of wrong answers above it."""
    last = len(curve.coverage) - 1
    at = [min(int(np.searchsorted(curve.coverage, coverage - 1e-12)), last) for coverage in coverages]
    return tuple({"coverage": float(curve.coverage[index]), "confidence": float(curve.confidence[index]),
                  "risk": float(curve.risk[index])} for index in at)  # fmt: skip


def _every(totals: Array, classes: int) -> Mapping[str, Array]:
    shares = per_class(confusion_of(totals, classes=classes))
    of = {f"{part}/{index}": shares[part][..., index] for part in PARTS for index in range(classes)}
    return overall(totals, classes=classes) | of


def _chosen(answers: Answered, rows: Flags | None) -> Answered:
    if rows is None:
        return answers
    probabilities = None if answers.probabilities is None else answers.probabilities[rows]
    return replace(answers, labels=answers.labels[rows], predicted=answers.predicted[rows], probabilities=probabilities)


def _class(index: int, name: str, spans: Mapping[str, Estimate], confusion: Array) -> ClassFound:
    parts = {part: spans[f"{part}/{index}"] for part in PARTS}
    return ClassFound(name=name, support=int(confusion[index].sum()), **parts)


def _bins(totals: Array, classes: int) -> tuple[Bin, ...]:
    return tuple(
        Bin(low=index / BINS, high=(index + 1) / BINS, rows=int(rows), confidence=float(sure / rows),
            accuracy=float(right / rows))
        for index, (rows, sure, right) in enumerate(bins_of(totals, classes=classes)) if rows
    )  # fmt: skip
