"""Answer from labels that are kept, and ask the model only what is new: the models of a replay.

What a model answered once it is not asked again, in this run or a later one, whatever rules are replayed. The model
itself is loaded when the first text comes that is not known; its version is known before, from its manifest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial

import structlog

from monitor.domain import Mention, Prediction
from monitor.errors import ConfigurationError
from monitor.ports import Classifier
from pipelines.label_store import LabelStore, label_key
from pipelines.routing import Answered, Models, Routes

log = structlog.get_logger(__name__)


class KnownLabels:
    """The port `Classifier`, over a store of labels and the model behind it."""

    def __init__(self, version: str, store: LabelStore, load: Callable[[], Classifier]) -> None:
        self._version = version
        self._store = store
        self._load = load
        self.asked = 0  #: Texts that the model itself had to read.

    @property
    def version(self) -> str:
        """That of the model."""
        return self._version

    def classify(
        self, texts: Sequence[str], mentions: Sequence[Sequence[Mention]] | None = None
    ) -> Sequence[Prediction | Exception]:
        """One answer a text, in order; a failure is not kept."""
        asked = [()] * len(texts) if mentions is None else mentions
        keys = [label_key(self._version, text, named) for text, named in zip(texts, asked, strict=True)]
        answers: dict[bytes, Prediction | Exception] = {**self._store.find(keys)}
        new = {key: number for number, key in enumerate(keys) if key not in answers}
        if new:
            answers |= self._ask(new, texts, asked)
        return [answers[key] for key in keys]

    def _ask(
        self, new: Mapping[bytes, int], texts: Sequence[str], mentions: Sequence[Sequence[Mention]]
    ) -> dict[bytes, Prediction | Exception]:
        model = self._load()
        if model.version != self._version:
            raise ConfigurationError(f"the model became {model.version} while {self._version} was in use; start again")
        numbers = list(new.values())
        self.asked += len(numbers)
        named = [mentions[number] for number in numbers]
        found = model.classify([texts[number] for number in numbers], named if any(named) else None)
        answers = dict(zip(new, found, strict=True))
        self._store.keep({key: answer for key, answer in answers.items() if isinstance(answer, Prediction)})
        return answers


class KnownModels:
    """The port `Models` of the classify stage; `versions` has the model of each language, by its primary tag."""

    def __init__(self, versions: Mapping[str, str], store: LabelStore, load: Callable[[], Models]) -> None:
        self._load = load
        self._models: Models | None = None
        self._store = store
        self._now: datetime | None = None
        by_version = {
            version: KnownLabels(version, store, partial(self._model, language))
            for language, version in versions.items()
        }
        self._classifiers = tuple(by_version.values())
        self._routes = {language: by_version[version] for language, version in versions.items()}

    @property
    def asked(self) -> int:
        """Texts that a model had to read."""
        return sum(classifier.asked for classifier in self._classifiers)

    def routes(self, now: datetime) -> Routes:
        """The same at all times: a replay stands on one model a language."""
        self._now = now
        return self._routes

    def saw(self, answered: Sequence[Answered]) -> None:
        """Nothing is noted: drift is for what runs live."""

    def close(self) -> None:
        """Release the models, where they were loaded, and the store."""
        if self._models is not None:
            self._models.close()
        self._store.close()

    def _model(self, language: str) -> Classifier:
        if self._models is None:
            log.info("model_loaded_for_replay", language=language)
            self._models = self._load()
        assert self._now is not None  # noqa: S101 - a stage asks for its routes before it asks a classifier
        return self._models.routes(self._now)[language]
