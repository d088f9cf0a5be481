"""The classifier: texts in, one prediction or one exception a text out, in order.

A batch that fails is tried again text by text, so that one bad text costs the others nothing; a batch that does not
fit into the device's memory is cut smaller, and so are those after it. This module does not import torch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import structlog

from models.artifacts import Adapter, read_adapter
from models.backend import Answers, Backend, DeviceMemoryError
from models.batching import plan
from models.text import prepare
from monitor.domain import Prediction, Probabilities
from monitor.errors import InvalidRecordError
from monitor.ports import Classifier
from monitor.settings import ClassifierSettings

log = structlog.get_logger(__name__)

MIN_BUDGET = 64  #: Padded tokens; a device without room for that cannot serve.
WARM_UP = ("Shares fell.", "Shares rose after the company raised its outlook for the year. " * 4)

_Rows = dict[int, Sequence[int]]


class TextClassifier:
    """The port `Classifier` over a backend."""

    def __init__(
        self, backend: Backend, *, version: str, topics: tuple[str, ...], max_batch_tokens: int, max_text_chars: int
    ) -> None:
        self._backend = backend
        self._version = version
        self._topics = topics
        self._budget = max_batch_tokens
        self._max_text_chars = max_text_chars

    @property
    def version(self) -> str:
        """Adapter name, version and digest."""
        return self._version

    @property
    def topics(self) -> tuple[str, ...]:
        """The topic classes, in label order."""
        return self._topics

    @property
    def budget(self) -> int:
        """Padded tokens a batch may have; falls when the device runs out of memory."""
        return self._budget

    def classify(self, texts: Sequence[str]) -> Sequence[Prediction | Exception]:
        """One answer a text, in order; a text that alone fails gives its exception."""
        answers: dict[int, Prediction | Exception] = {}
        rows = self._tokenise(texts, answers)
        while rows:
            rows = self._run(rows, answers)
        return [answers[index] for index in range(len(texts))]

    def _tokenise(self, texts: Sequence[str], answers: dict[int, Prediction | Exception]) -> _Rows:
        try:
            return dict(enumerate(self._tokens(texts)))
        except Exception as err:  # noqa: BLE001 - whatever one text did, the others are still to be answered
            log.warning("tokeniser_failed", texts=len(texts), error=type(err).__name__)
        rows: _Rows = {}
        for index, text in enumerate(texts):
            try:
                rows[index] = self._tokens([text])[0]
            except Exception as err:  # noqa: BLE001 - the answer to this text is its exception
                answers[index] = _failed(err)
        return rows

    def _tokens(self, texts: Sequence[str]) -> Sequence[Sequence[int]]:
        return self._backend.tokenise([prepare(text, max_chars=self._max_text_chars) for text in texts])

    def _run(self, rows: _Rows, answers: dict[int, Prediction | Exception]) -> _Rows:
        """Answer `rows`; returns those that have to be cut into smaller batches."""
        order = list(rows)
        lengths = [len(rows[index]) for index in order]
        for batch in plan(lengths, budget=self._budget):
            indexes = [order[position] for position in batch]
            try:
                found = self._backend.run([rows[index] for index in indexes])
            except DeviceMemoryError as err:
                if len(indexes) > 1 and self._budget > MIN_BUDGET:
                    self._halve()
                    break
                log.warning("smallest_batch_too_large", texts=len(indexes), error=str(err))
                answers.update({index: self._alone(rows[index]) for index in indexes})
            except Exception as err:  # noqa: BLE001 - tried again one by one
                log.warning("batch_failed", texts=len(indexes), error=type(err).__name__)
                answers.update({index: self._alone(rows[index]) for index in indexes})
            else:
                answers.update(zip(indexes, self._predictions(found), strict=True))
        return {index: ids for index, ids in rows.items() if index not in answers}

    def _halve(self) -> None:
        self._budget = max(MIN_BUDGET, self._budget // 2)
        log.warning("batch_budget_halved", max_batch_tokens=self._budget)

    def _alone(self, ids: Sequence[int]) -> Prediction | Exception:
        try:
            return self._predictions(self._backend.run([ids]))[0]
        except Exception as err:  # noqa: BLE001 - the answer to this text is its exception
            return _failed(err)

    def _predictions(self, answers: Answers) -> list[Prediction | Exception]:
        finite = np.isfinite(answers.topics.sum(axis=1) + answers.sentiments.sum(axis=1)).tolist()
        tops = answers.topics.argmax(axis=1).tolist()
        best = answers.topics.max(axis=1).tolist()
        return [
            self._prediction(tops[row], best[row], sentiment) if finite[row] else _failed(ValueError("not a number"))
            for row, sentiment in enumerate(answers.sentiments.tolist())
        ]

    def _prediction(self, topic: int, probability: float, sentiment: Sequence[float]) -> Prediction:
        return Prediction(
            topic=self._topics[topic],
            topic_probability=probability,
            probabilities=Probabilities(negative=sentiment[0], neutral=sentiment[1], positive=sentiment[2]),
            model=self._version,
        )


def load_classifier(settings: ClassifierSettings) -> Classifier:
    """Check the adapter, fetch the encoder where it is not here yet, load both, and warm up.

    Raises `ArtifactError` when a model folder is missing, incomplete, changed or unsafe.
    """
    return classifier_of(read_adapter(settings.adapter), settings)


def classifier_of(adapter: Adapter, settings: ClassifierSettings) -> TextClassifier:
    """The classifier of an adapter that was checked."""
    from models.engine import load_engine  # noqa: PLC0415 - torch takes seconds; only those pay who classify

    engine = load_engine(adapter, settings)
    classifier = TextClassifier(
        engine,
        version=adapter.manifest.model,
        topics=adapter.manifest.topics,
        max_batch_tokens=settings.max_batch_tokens or engine.default_budget,
        max_text_chars=settings.max_text_chars,
    )
    classifier.classify(WARM_UP)
    log.info("classifier_loaded", model=classifier.version, device=engine.device, precision=engine.precision)
    return classifier


def _failed(err: Exception) -> InvalidRecordError:
    reason = InvalidRecordError(f"the model failed on this text: {type(err).__name__}: {err}", reason="model_failed")
    reason.__cause__ = err
    return reason
