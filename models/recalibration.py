"""Fit the calibration of an adapter anew on labelled rows, and write it as a new version of the adapter.

Only the heads and the manifest differ from the old folder. The new one is put together beside its final place, checked
as every adapter is, and renamed: whoever looks for adapters sees all of it or nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.abstention import CERTAINTY, RiskCoverage, Threshold, finance_threshold, risk_coverage, threshold_for
from models.artifacts import Adapter
from models.calibration import MIN_ROWS, WAYS, Scaling, fit, held_out, log_probabilities, nll
from models.digests import sha256_of
from models.evaluation.cases import Cases, Task, read_cases
from models.evaluation.measures import score
from models.evaluation.run import OnOverlap, probabilities_of, settle_overlap
from models.judging import Engine, Judged, answers_of
from models.manifest import Calibration, Manifest, Reference
from models.refolding import refuse_taken, write_refolded
from models.training.card import CALIBRATED
from models.training.rows import NO_LABEL
from monitor.errors import ConfigurationError

Array = NDArray[np.float64]
Labels = NDArray[np.int64]
Flags = NDArray[np.bool_]

HIGHEST_FINANCE = 0.5  #: Threshold; a text that is rather about finance than not is never off topic.
FINANCE = "finance"  #: The fourth head.
MIN_CLASSES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What the new scaling does to one head, each row judged by the scaling that the other rows gave."""

    head: str
    rows: int
    method: str  #: none, temperature or vector.
    before: Mapping[str, float]  #: accuracy, ece, brier, nll.
    after: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalibrated:
    """What was found and written."""

    model: str  #: Of the new adapter.
    folder: Path
    changes: tuple[Change, ...]
    calibration: Calibration
    curve: RiskCoverage | None  #: Of the sentiment answers; None where none are labelled.
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refit:
    """One head refitted."""

    scaling: Scaling
    change: Change
    answers: Labels  #: After, each row by the scaling of the others; so are the next two.
    confidences: Array
    right: Flags


def recalibrate(
    adapter: Adapter,
    load: Callable[[], Engine],
    data: Sequence[Path],
    out: Path,
    *,
    risk: float,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Recalibrated:
    """Refit every head that `data` have labels for, choose the thresholds, write the new adapter to `out`."""
    refuse_taken(out)
    sets = cases_by_task(data, adapter.manifest.topics)
    notes = tuple(note for cases in sets.values() for note in _overlap_notes(adapter, cases))
    engine = load()
    judged = {task: answers_of(engine, cases.cases) for task, cases in sets.items()}
    found = {task.value: _refit(task.value, probabilities_of(judged[task], task), cases.labels)
             for task, cases in sets.items()}  # fmt: skip
    labels, finance = _finance(sets, judged)
    if _is_enough(labels):
        found[FINANCE] = _refit(FINANCE, finance, labels)
    calibration, curve = _calibration(adapter, found, finance[labels == 1], risk)
    changes = tuple(refit.change for refit in found.values())
    changed = {
        **_provenance(adapter.manifest, data, changes, now()),
        "calibration": calibration,
        "reference": _reference(adapter.manifest, found, judged.get(Task.SENTIMENT)),
    }
    made = write_refolded(adapter, out, {head: refit.scaling for head, refit in found.items()}, changed)
    return Recalibrated(
        model=made.model, folder=out, changes=changes, calibration=calibration, curve=curve, notes=notes
    )


def cases_by_task(paths: Sequence[Path], topics: Sequence[str]) -> dict[Task, Cases]:
    """The cases of every file, those of one task together; one class alone is refused."""
    found: dict[Task, Cases] = {}
    for path in paths:
        read = read_cases([path], topics=topics)
        before = found[read.task].cases if read.task in found else ()
        found[read.task] = Cases(task=read.task, classes=read.classes, cases=(*before, *read.cases))
    for cases in found.values():
        cases.refuse_one_class()
    return found


def _overlap_notes(adapter: Adapter, cases: Cases) -> list[str]:
    repeated, found = settle_overlap(adapter, cases, OnOverlap.ALLOW)
    if not repeated:
        return []
    return [f"{len(repeated)} of {len(cases.cases)} texts trained the model, which is surer of them than of others: "
            f"calibrate on other rows; first {'; '.join(found.first)}"]  # fmt: skip


def _refit(head: str, probabilities: Array, labels: Labels) -> _Refit:
    logits = log_probabilities(probabilities)
    scaling = fit(logits, labels)
    after = np.exp(held_out(WAYS[scaling.method], logits, labels))
    change = Change(head=head, rows=len(labels), method=scaling.method, before=_figures(np.exp(logits), labels),
                    after=_figures(after, labels))  # fmt: skip
    answers = after.argmax(axis=1)
    return _Refit(
        scaling=scaling, change=change, answers=answers, confidences=after.max(axis=1), right=answers == labels
    )


def _figures(probabilities: Array, labels: Labels) -> dict[str, float]:
    found = score(probabilities, labels)
    return {"accuracy": found.accuracy, "ece": found.calibration_error, "brier": found.brier,
            "nll": nll(log_probabilities(probabilities), labels)}  # fmt: skip


def _finance(sets: Mapping[Task, Cases], judged: Mapping[Task, Judged]) -> tuple[Labels, Array]:
    """Whether about finance, and the probability of it, for the texts that say so."""
    labels = np.array([case.finance for cases in sets.values() for case in cases.cases], dtype=np.int64)
    rows = labels != NO_LABEL
    return labels[rows], np.concatenate([judged[task].finance for task in sets])[rows]


def _is_enough(labels: Labels) -> bool:
    return len(labels) >= MIN_ROWS and len(np.unique(labels)) == MIN_CLASSES


def _calibration(
    adapter: Adapter, found: Mapping[str, _Refit], finance: Array, risk: float
) -> tuple[Calibration, RiskCoverage | None]:
    values: dict[str, object] = {
        "method": "; ".join(f"{head}: {refit.scaling.method}" for head, refit in found.items())
    }
    curve = None
    sentiment = [refit for head, refit in found.items() if head in {Task.SENTIMENT, Task.ENTITY}]
    if sentiment:
        confidences = np.concatenate([refit.confidences for refit in sentiment])
        right = np.concatenate([refit.right for refit in sentiment])
        chosen, curve = _threshold(confidences, right, risk), risk_coverage(confidences, right)
        values |= {name: round(getattr(chosen, name), 6) for name in ("confidence", "risk", "coverage")}
    if FINANCE in found:
        scaled = np.exp(found[FINANCE].scaling.apply(log_probabilities(finance)))[:, 1]
        values["finance"] = round(min(finance_threshold(scaled), HIGHEST_FINANCE), 6)
    return adapter.manifest.calibration.model_copy(update=values), curve


def _threshold(confidences: Array, right: Flags, risk: float) -> Threshold:
    chosen = threshold_for(confidences, right, risk)
    if chosen is None:
        raise ConfigurationError(
            f"no threshold keeps the risk below {risk:g} with a certainty of {CERTAINTY:.0%}: {len(right)} rows, "
            f"{1 - right.mean():.3f} of the answers wrong; give more rows, or a larger --risk"
        )
    return chosen


def _reference(old: Manifest, found: Mapping[str, _Refit], judged: Judged | None) -> Reference:
    """The yardstick of drift, on the rows at hand; without sentiments among them, the old one."""
    if judged is None:
        return old.reference
    refit = found[Task.SENTIMENT]
    topics = judged.topics
    if Task.TOPIC in found:
        topics = found[Task.TOPIC].scaling.apply(log_probabilities(topics))
    return old.reference.model_copy(
        update={
            "rows": len(refit.answers),
            "sentiments": _shares(refit.answers, old.sentiments),
            "topics": _shares(topics.argmax(axis=1), old.topics),
            "confidence": round(float(refit.confidences.mean()), 4),
        }
    )


def _shares(answers: Labels, names: Sequence[str]) -> dict[str, float]:
    counts = np.bincount(answers, minlength=len(names)) / len(answers)
    return {name: round(float(share), 4) for name, share in zip(names, counts, strict=True)}


def _provenance(old: Manifest, data: Sequence[Path], changes: Sequence[Change], at: datetime) -> dict[str, object]:
    """What the manifest says of how the new version came about."""
    found = {f"{CALIBRATED}{change.head}.{name}": round(value, 4)
             for change in changes for name, value in change.after.items()}  # fmt: skip
    return {
        "version": old.version + 1,
        "parent": old.model,
        "data": {**old.data, **{path.name: sha256_of(path) for path in data}},
        "metrics": {**old.metrics, **found},
        "code_version": version("tapewatch"),
        "created_at": at.isoformat(timespec="seconds"),
    }
