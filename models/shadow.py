"""A candidate beside the model in use: it labels a share of the same documents, and only the comparison is kept.

It runs in a thread of its own. Documents that come while it is busy are skipped; whatever it does wrong, also when it
cannot be loaded, is counted and costs the stream nothing.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass

import structlog

from models.drift import confidence_of
from monitor.domain import Mention, Prediction
from monitor.metrics import ModelMetrics
from monitor.ports import Classifier

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A document that the model in use has answered."""

    id: str
    text: str
    mentions: tuple[Mention, ...]
    answer: Prediction


class Shadow:
    """The candidate, loaded when it is first asked."""

    def __init__(
        self, load: Callable[[], Classifier], *, share: float, executor: Executor, metrics: ModelMetrics
    ) -> None:
        self._load = load
        self._share = share
        self._executor = executor
        self._metrics = metrics
        self._candidate: Classifier | None = None
        self._is_broken = False
        self._work: Future[None] | None = None

    def offer(self, samples: Sequence[Sample]) -> None:
        """Compare a share of `samples`, later and elsewhere; returns at once."""
        chosen = [sample for sample in samples if is_sampled(sample.id, self._share)]
        if not chosen or self._is_broken:
            return
        if self._work is not None and not self._work.done():
            self._metrics.shadow_documents.labels(outcome="skipped").inc(len(chosen))
            return
        self._work = self._executor.submit(self._compare, chosen)

    def _compare(self, samples: Sequence[Sample]) -> None:
        try:
            candidate = self._candidate or self._loaded()
            answers = candidate.classify([s.text for s in samples], [s.mentions for s in samples])
            for sample, answer in zip(samples, answers, strict=True):
                self._note(sample.answer, answer)
        except Exception as err:  # noqa: BLE001 - a candidate may do anything; the stream goes on
            self._metrics.shadow_documents.labels(outcome="failed").inc(len(samples))
            log.warning("shadow_failed", documents=len(samples), error=f"{type(err).__name__}: {err}")

    def _loaded(self) -> Classifier:
        try:
            self._candidate = self._load()
        except Exception:
            # Tried once: it would fail again, and load for seconds each time.
            self._is_broken = True
            raise
        log.info("shadow_loaded", model=self._candidate.version)
        return self._candidate

    def _note(self, active: Prediction, candidate: Prediction | Exception) -> None:
        metrics = self._metrics
        if not isinstance(candidate, Prediction):
            metrics.shadow_documents.labels(outcome="failed").inc()
            return
        metrics.shadow_documents.labels(outcome="compared").inc()
        if candidate.sentiment is not active.sentiment:
            metrics.shadow_disagreements.labels(task="sentiment").inc()
        if candidate.topic != active.topic:
            metrics.shadow_disagreements.labels(task="topic").inc()
        metrics.shadow_confidence.labels(side="active").inc(confidence_of(active))
        metrics.shadow_confidence.labels(side="candidate").inc(confidence_of(candidate))


def is_sampled(document_id: str, share: float) -> bool:
    """Whether a document is among the `share` that is chosen; the same ones in every process and on every replay."""
    return zlib.crc32(document_id.encode("utf-8", "replace")) < share * 2**32
