"""The classifier: texts in, one prediction or one exception a text out, in order.

A batch that fails is tried again text by text, so that one bad text costs the others nothing; a batch that does not
fit into the device's memory is cut smaller, and so are those after it. While a device has one batch in hand the next
is started, and where it pays the texts after those are tokenised. This module does not import torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import structlog

from models.ahead import made_ahead
from models.artifacts import Adapter, read_adapter
from models.backend import Answers, DeviceMemoryError, Landing, OverlappingBackend, Tokens
from models.batching import plan
from models.text import prepare
from models.verdicts import Verdicts, failed
from monitor.domain import Mention, Prediction
from monitor.ports import Classifier
from monitor.settings import ClassifierSettings

log = structlog.get_logger(__name__)

MIN_BUDGET = 64  #: Padded tokens; a device without room for that cannot serve.

WARM_UP = "Shares rose after the company raised its outlook for the year. "
CHARS_A_TOKEN = 5  #: Of that text.

_Answers = dict[int, Prediction | Exception]  #: By number of the text in the call; likewise the next.
_Rows = dict[int, Tokens]
_Mentions = Sequence[Sequence[Mention]]


class TextClassifier:
    """The port `Classifier` over a backend."""

    def __init__(
        self,
        backend: OverlappingBackend,
        verdicts: Verdicts,
        *,
        max_batch_tokens: int,
        max_text_chars: int,
        unknown: int | None = None,
    ) -> None:
        self._backend = backend
        self._verdicts = verdicts
        self._budget = max_batch_tokens
        self._max_text_chars = max_text_chars
        self._unknown = unknown  #: Id of the token for what the vocabulary lacks.
        self._counted = (0, 0)

    @property
    def token_counts(self) -> tuple[int, int]:
        """Tokens of all texts so far, and those of them that the vocabulary lacks."""
        return self._counted

    @property
    def version(self) -> str:
        """Adapter name, version and digest."""
        return self._verdicts.model

    @property
    def topics(self) -> tuple[str, ...]:
        """The topic classes, in label order."""
        return self._verdicts.topics

    @property
    def budget(self) -> int:
        """Padded tokens a batch may have; falls when the device runs out of memory."""
        return self._budget

    def classify(self, texts: Sequence[str], mentions: _Mentions | None = None) -> Sequence[Prediction | Exception]:
        """One answer a text, in order; a text that alone fails gives its exception."""
        asked: _Mentions = [()] * len(texts) if mentions is None else mentions
        if len(asked) != len(texts):
            raise ValueError(f"{len(texts)} texts, but mentions for {len(asked)}")
        answers: _Answers = {}
        size = self._backend.window
        windows = (range(start, min(start + size, len(texts))) for start in range(0, len(texts), size))
        tokenised = made_ahead(lambda window: self._tokenise(window, texts, asked), windows, depth=self._backend.ahead)
        for rows, failures in tokenised:
            answers.update(failures)
            while rows:
                rows = self._run(rows, asked, answers)  # noqa: PLW2901 - what is left of them
        return [answers[index] for index in range(len(texts))]

    def warm_up(self, lengths: Sequence[int]) -> None:
        """Run a full batch of about each length, so that the first live one finds everything in place."""
        for length in lengths:
            text = (WARM_UP * length)[: length * CHARS_A_TOKEN]
            self.classify([text] * max(1, self._budget // length))

    def _tokenise(self, window: range, texts: Sequence[str], asked: _Mentions) -> tuple[_Rows, _Answers]:
        """Tokens of the texts in `window`, and the exceptions of those that have none."""
        try:
            return dict(zip(window, self._tokens(window, texts, asked), strict=True)), {}
        except Exception as err:  # noqa: BLE001 - whatever one text did, the others are still to be answered
            log.warning("tokeniser_failed", texts=len(window), error=type(err).__name__)
        rows: _Rows = {}
        failures: _Answers = {}
        for index in window:
            try:
                rows[index] = self._tokens([index], texts, asked)[0]
            except Exception as err:  # noqa: BLE001 - the answer to this text is its exception
                failures[index] = failed(err)
        return rows, failures

    def _tokens(self, indexes: Sequence[int], texts: Sequence[str], asked: _Mentions) -> Sequence[Tokens]:
        prepared = [prepare(texts[index], max_chars=self._max_text_chars) for index in indexes]
        rows = self._backend.tokenise(prepared, [[_surfaces(m.surfaces) for m in asked[index]] for index in indexes])
        if self._unknown is not None:
            tokens, unknown = self._counted
            tokens += sum(len(row.ids) for row in rows)
            self._counted = (tokens, unknown + sum(row.ids.count(self._unknown) for row in rows))
        return rows

    def _run(self, rows: _Rows, asked: _Mentions, answers: _Answers) -> _Rows:
        """Answer `rows`; returns those that have to be cut into smaller batches."""
        for indexes, landing in self._started(rows):
            try:
                found = self._verdicts.of(landing(), [asked[index] for index in indexes])
            except DeviceMemoryError as err:
                if len(indexes) > 1 and self._budget > MIN_BUDGET:
                    self._halve()
                    break
                log.warning("smallest_batch_too_large", texts=len(indexes), error=str(err))
                found = [self._alone(rows[index], asked[index]) for index in indexes]
            except Exception as err:  # noqa: BLE001 - tried again one by one
                log.warning("batch_failed", texts=len(indexes), error=type(err).__name__)
                found = [self._alone(rows[index], asked[index]) for index in indexes]
            answers.update(zip(indexes, found, strict=True))
        return {index: row for index, row in rows.items() if index not in answers}

    def _started(self, rows: _Rows) -> Iterator[tuple[list[int], Landing]]:
        """Batches in work; the next one is started before the last is given out to be waited for."""
        order = list(rows)
        before: tuple[list[int], Landing] | None = None
        lengths = [len(rows[index].ids) for index in order]
        for batch in plan(lengths, budget=self._budget, fill=self._backend.fills):
            indexes = [order[position] for position in batch]
            after = indexes, self._start([rows[index] for index in indexes])
            if before:
                yield before
            before = after
        if before:
            yield before

    def _start(self, rows: Sequence[Tokens]) -> Landing:
        try:
            return self._backend.start(rows)
        except Exception as err:  # noqa: BLE001 - it is met where the batch lands
            return _raiser(err)

    def _halve(self) -> None:
        self._budget = max(MIN_BUDGET, self._budget // 2)
        log.warning("batch_budget_halved", max_batch_tokens=self._budget)

    def _alone(self, row: Tokens, mentions: Sequence[Mention]) -> Prediction | Exception:
        try:
            return self._verdicts.of(self._backend.run([row]), [mentions])[0]
        except Exception as err:  # noqa: BLE001 - the answer to this text is its exception
            return failed(err)


def load_classifier(settings: ClassifierSettings) -> Classifier:
    """Check the adapter, fetch the encoder where it is not here yet, load both, and warm up.

    Raises `ArtifactError` when a model folder is missing, incomplete, changed or unsafe.
    """
    return classifier_of(read_adapter(settings.adapter, registry=settings.registry), settings)


def classifier_of(adapter: Adapter, settings: ClassifierSettings) -> TextClassifier:
    """The classifier of an adapter that was checked."""
    from models.engine import load_engine  # noqa: PLC0415 - torch takes seconds; only those pay who classify

    engine = load_engine(adapter, settings)
    manifest = adapter.manifest
    classifier = TextClassifier(
        engine,
        Verdicts(model=manifest.model, topics=manifest.topics, calibration=manifest.calibration),
        max_batch_tokens=settings.max_batch_tokens or engine.default_budget,
        max_text_chars=settings.max_text_chars,
        unknown=engine.unknown,
    )
    classifier.warm_up(engine.warm_up_lengths)
    log.info("classifier_loaded", model=classifier.version, device=engine.device, precision=engine.precision)
    return classifier


@lru_cache(maxsize=8192)
def _surfaces(written: tuple[str, ...]) -> tuple[str, ...]:
    """Surfaces as they stand in a prepared text."""
    return tuple(prepare(surface, max_chars=len(surface)) for surface in written)


def _raiser(err: Exception) -> Landing:
    def land() -> Answers:
        raise err

    return land
