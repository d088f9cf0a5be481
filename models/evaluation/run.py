"""Evaluate one adapter on labelled files: files in, a report out.

Test rows that trained the model are refused before anything is loaded, unless the caller takes them, and then the
report says so, or leaves them out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.abstention import risk_coverage
from models.artifacts import Adapter
from models.digests import sha256_of
from models.evaluation.baselines import simple_answers
from models.evaluation.cases import Case, Cases, Task, read_cases
from models.evaluation.intervals import RESAMPLES
from models.evaluation.measures import Answered, answered
from models.evaluation.report import (
    Abstained,
    Baseline,
    Overlap,
    Report,
    baseline_of,
    curve_rows,
    found_of,
    mixed_of,
    slices_of,
)
from models.judging import Engine, Judged, answers_of
from models.mentions import places
from models.overlap import TRAINING_KEYS, keys_of, overlap
from models.training.data import read_corpus
from models.training.rows import NO_LABEL, Example
from monitor.errors import ConfigurationError

SHOWN = 5  #: Overlapping rows that a message names.
COVERAGES = tuple(step / 20 for step in range(1, 21))

Array = NDArray[np.float64]


class OnOverlap(StrEnum):
    """What becomes of test rows that trained the model."""

    REFUSE = "refuse"
    ALLOW = "allow"
    SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to evaluate, and how."""

    data: tuple[Path, ...]
    task: Task | None = None  #: None: what the data say.
    train: tuple[Path, ...] = ()  #: Teaches the TF-IDF baseline: files like `data`, or a training folder.
    on_overlap: OnOverlap = OnOverlap.REFUSE
    baselines: bool = True
    resamples: int = RESAMPLES


def evaluate(adapter: Adapter, load: Callable[[], Engine], request: Request) -> Report:
    """Read, check, ask the model that `load` gives, and measure."""
    every = read_cases(request.data, topics=adapter.manifest.topics, task=request.task)
    train = _train_of(request.train, every, adapter) if request.baselines and request.train else None
    repeated, found = settle_overlap(adapter, every, request.on_overlap)
    cases = every.without(repeated) if found.left_out else every
    cases.refuse_one_class()
    judged = answers_of(load(), cases.cases)
    return _report(adapter, cases, judged, request, found, _baselines(cases, train, request))


def settle_overlap(adapter: Adapter, cases: Cases, on_overlap: OnOverlap) -> tuple[list[int], Overlap]:
    """Positions of cases that trained the model, and what the report says of them; raises where they are refused."""
    if TRAINING_KEYS not in adapter.manifest.files:
        return [], Overlap(known=False)
    found = overlap(adapter.folder / TRAINING_KEYS, [case.text for case in cases.cases])
    first = tuple(cases.cases[position].place for position in found[:SHOWN])
    if found and on_overlap is OnOverlap.REFUSE:
        raise ConfigurationError(
            f"{len(found)} of {len(cases.cases)} texts trained {adapter.manifest.name} (words alike, links apart), "
            f"first {'; '.join(first)}: such a score is memory. Give other data, or --skip-overlap to leave them out, "
            "or --allow-overlap to count them and have the report say so"
        )
    return found, Overlap(known=True, rows=len(found), first=first, left_out=on_overlap is OnOverlap.SKIP)


def probabilities_of(judged: Judged, task: Task) -> Array:
    """The answers to the labels of a task, in their order."""
    return {Task.SENTIMENT: judged.sentiments, Task.TOPIC: judged.topics, Task.ENTITY: judged.entities}[task]


def cases_of_folder(folder: Path, task: Task, adapter: Adapter) -> Cases:
    """The rows that train from a training folder, as cases of one task."""
    rows = read_corpus(folder, languages=adapter.manifest.languages).rows
    cases = tuple(case for row in rows for case in _asked(row, task, folder))
    classes = adapter.manifest.topics if task is Task.TOPIC else adapter.manifest.sentiments
    return Cases(task=task, classes=classes, cases=cases)


def _asked(row: Example, task: Task, folder: Path) -> list[Case]:
    if task is Task.ENTITY:
        return [Case(text=row.text, entities=row.entities, path=folder, row=0, lang=row.lang)] if row.entities else []
    label = row.topic if task is Task.TOPIC else row.sentiment
    return [] if label == NO_LABEL else [Case(text=row.text, label=label, path=folder, row=0, lang=row.lang)]


def _train_of(paths: Sequence[Path], cases: Cases, adapter: Adapter) -> Cases:
    folders = [cases_of_folder(path, cases.task, adapter) for path in paths if path.is_dir()]
    files = [path for path in paths if not path.is_dir()]
    read = [read_cases(files, topics=adapter.manifest.topics, task=cases.task)] if files else []
    joined = tuple(case for part in (*folders, *read) for case in part.cases)
    return Cases(task=cases.task, classes=cases.classes, cases=joined)


def _baselines(cases: Cases, train: Cases | None, request: Request) -> tuple[Baseline, ...]:
    if not request.baselines:
        return ()
    return tuple(baseline_of(simple.name, simple.note, simple.answers, cases, resamples=request.resamples)
                 for simple in simple_answers(cases, train))  # fmt: skip


def _report(adapter: Adapter, cases: Cases, judged: Judged, request: Request, found: Overlap,
            baselines: tuple[Baseline, ...]) -> Report:  # fmt: skip
    answers = answered(probabilities_of(judged, cases.task), cases.labels)
    sure, right = _confidence(answers)
    curve = risk_coverage(sure, right)
    return Report(
        model=adapter.manifest.model,
        task=cases.task.value,
        texts=len(cases.cases),
        files=_digests(request.data),
        classes=cases.classes,
        overlap=found,
        found=found_of(answers, cases, resamples=request.resamples),
        slices=slices_of(answers, cases, resamples=request.resamples),
        mixed=mixed_of(answers, cases, resamples=request.resamples),
        abstained=_abstained(adapter, cases, judged, answers),
        risk_coverage=curve_rows(curve, COVERAGES),
        aurc=curve.area,
        baselines=baselines,
        notes=tuple(_notes(adapter, cases, found)),
        curve=curve,
    )


def _digests(paths: Sequence[Path]) -> dict[str, str]:
    names = [path.name for path in paths]
    return {name if names.count(name) == 1 else str(path): sha256_of(path)
            for name, path in zip(names, paths, strict=True)}  # fmt: skip


def _confidence(answers: Answered) -> tuple[Array, NDArray[np.bool_]]:
    if answers.probabilities is None:
        raise ValueError("a model has probabilities")
    return answers.probabilities.max(axis=1), answers.predicted == answers.labels


def _abstained(adapter: Adapter, cases: Cases, judged: Judged, answers: Answered) -> Abstained:
    calibration = adapter.manifest.calibration
    threshold = 0.0 if cases.task is Task.TOPIC else calibration.confidence  # a topic is never left open
    sure, right = _confidence(answers)
    kept = sure >= threshold
    return Abstained(
        confidence=threshold,
        coverage=float(kept.mean()),
        risk=float((~right[kept]).mean()) if kept.any() else 0.0,
        off_topic=float((judged.finance < calibration.finance).mean()),
    )


def _notes(adapter: Adapter, cases: Cases, found: Overlap) -> list[str]:
    notes = []
    if not found.known:
        notes.append(f"{adapter.manifest.name} holds no list of its training rows: overlap was not checked")
    elif found.rows:
        what = "were left out" if found.left_out else "ARE COUNTED HERE: the figures flatter the model"
        notes.append(f"{found.rows} texts trained the model and {what}; first {'; '.join(found.first)}")
    repeats = len(cases.cases) - len(np.unique(keys_of([case.text for case in cases.cases])))
    if repeats:
        notes.append(f"{repeats} texts repeat another of the set apart from the link")
    if unread := {case.lang for case in cases.cases if case.lang} - set(adapter.manifest.languages):
        notes.append(f"{adapter.manifest.name} was not made for {', '.join(sorted(unread))}")
    absent = sum(not any(places(case.text, name)) for case in cases.cases for name, _ in case.entities)
    if absent:
        notes.append(f"{absent} entities are not named in their text by these words; they got the answer on the text")
    return notes
