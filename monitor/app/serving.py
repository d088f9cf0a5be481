"""The models in use: which reads which language, what is known of their drift, and the candidate beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime

import structlog

from models.drift import Drift, DriftWindow
from models.manifest import Manifest
from models.shadow import Sample, Shadow
from monitor.domain import Prediction
from monitor.metrics import ModelMetrics
from monitor.ports import Classifier
from pipelines.routing import Answered, Routes

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A classifier that is warm, and what its adapter says of itself."""

    name: str  #: As in the configuration; labels metrics.
    classifier: Classifier
    manifest: Manifest


class ModelsInUse:
    """The port `Models` of the classify stage."""

    def __init__(
        self,
        default: Callable[[datetime], Loaded],
        others: Mapping[str, Loaded],
        *,
        shadow: Shadow | None,
        drift_window: int,
        metrics: ModelMetrics,
        threads: Sequence[Executor] = (),
    ) -> None:
        self._default = default
        self._threads = threads
        self._others = others
        self._shadow = shadow
        self._metrics = metrics
        self._drift_window = drift_window
        self._current: Loaded | None = None
        self._routes: Routes = {}
        self._watched: dict[int, _Watch] = {}  #: By identity of the classifier.

    def routes(self, now: datetime) -> Routes:
        """The classifier of each language; a promoted model takes over here, between two batches."""
        current = self._default(now)
        if current is not self._current:
            self._take(current)
        return self._routes

    def saw(self, answered: Sequence[Answered]) -> None:
        """Update what is known of drift, and let the candidate have its share."""
        for group in answered:
            try:
                self._note(group)
            except Exception:
                log.exception("answers_not_noted", documents=len(group.questions))

    def close(self) -> None:
        """End the threads that load and compare, without waiting: what they have in hand is of no use any more."""
        for thread in self._threads:
            thread.shutdown(wait=False, cancel_futures=True)

    def _take(self, current: Loaded) -> None:
        others = {language: loaded.classifier for language, loaded in self._others.items()}
        self._routes = {**dict.fromkeys(current.manifest.languages, current.classifier), **others}
        in_use = (current, *self._others.values())
        self._watched = {
            id(loaded.classifier): self._watched.get(id(loaded.classifier)) or _Watch(loaded, self._drift_window)
            for loaded in in_use
        }
        self._metrics.info.clear()
        for loaded in in_use:
            self._metrics.info.labels(version=loaded.classifier.version).set(1)
        log.info("model_in_use", model=current.classifier.version, languages=sorted(self._routes))
        self._current = current

    def _note(self, group: Answered) -> None:
        if watch := self._watched.get(id(group.classifier)):
            watch.note(group, self._metrics)
        if self._shadow and self._current and group.classifier is self._current.classifier:
            self._shadow.offer(_samples(group))


class _Watch:
    """The drift of one model."""

    def __init__(self, loaded: Loaded, size: int) -> None:
        self._loaded = loaded
        self._window = DriftWindow(loaded.manifest.reference, size=size)
        self._counted = _token_counts(loaded.classifier)

    def note(self, group: Answered, metrics: ModelMetrics) -> None:
        """Take in a batch and show where things stand."""
        before, self._counted = self._counted, _token_counts(group.classifier)
        tokens, unknown = (now - then for now, then in zip(self._counted, before, strict=True))
        predictions = [answer for answer in group.answers if isinstance(answer, Prediction)]
        self._window.add(predictions, tokens=tokens, unknown=unknown)
        if drift := self._window.drift():
            self._show(drift, metrics)

    def _show(self, drift: Drift, metrics: ModelMetrics) -> None:
        name = self._loaded.name
        metrics.drift_documents.labels(adapter=name).set(drift.documents)
        metrics.drift_label_mix.labels(adapter=name, task="sentiment").set(drift.sentiment_mix)
        metrics.drift_label_mix.labels(adapter=name, task="topic").set(drift.topic_mix)
        metrics.drift_confidence.labels(adapter=name).set(drift.confidence_shift)
        if drift.unknown_tokens is not None:
            metrics.drift_unknown.labels(adapter=name).set(drift.unknown_tokens)
            metrics.drift_unknown_reference.labels(adapter=name).set(self._window.reference.unknown_tokens)


def _samples(group: Answered) -> list[Sample]:
    return [
        Sample(id=question.id, text=question.text, mentions=question.mentions, answer=answer)
        for question, answer in zip(group.questions, group.answers, strict=True)
        if isinstance(answer, Prediction)
    ]


def _token_counts(classifier: Classifier) -> tuple[int, int]:
    """Tokens so far, and those of them that the vocabulary lacks; zeros where a classifier does not count."""
    counted: tuple[int, int] = getattr(classifier, "token_counts", (0, 0))
    return counted
