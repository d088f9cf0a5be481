"""`tapewatch classify`: the model without the stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

import click
import msgspec
from prometheus_client import CollectorRegistry

from monitor.app.clock import utc_now
from monitor.app.loading import open_models
from monitor.domain import Mention, Prediction, Probabilities, Sentiment
from monitor.logs import configure_logging
from monitor.metrics import ModelMetrics
from monitor.settings import ClassifierSettings, LoggingSettings
from pipelines.languages import detect
from pipelines.routing import Question, Routes, ask

BATCH = 256  #: Lines in hand at once: enough to sort by length, few enough to stream.


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A document as `tapewatch classify` reads it: that of the push API, with only the text required."""

    text: str
    id: str | int | None = None
    title: str | None = None
    source: str | None = None
    source_class: str | None = None
    published_at: str | None = None
    url: str | None = None
    lang: str | None = None
    author: str | None = None
    entities: tuple[str, ...] = ()

    @property
    def content(self) -> str:
        """Title and text as the model reads them."""
        return f"{self.title}\n{self.text}" if self.title else self.text

    @property
    def mentions(self) -> tuple[Mention, ...]:
        """The entities whose sentiment is asked for: each by its name as given, or as a cashtag."""
        return tuple(Mention(entity=name, surfaces=(name, f"${name.lstrip('$')}")) for name in self.entities)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A line that cannot be labelled."""

    number: int  #: From 1.
    detail: str


def label_stream(settings: ClassifierSettings, lines: BinaryIO, out: BinaryIO) -> int:
    """Label JSON lines in input order; returns 1 when any line was refused, else 0.

    A refused line gives no label; standard error names its number and what is wrong.
    """
    # Before anything is logged: standard output is for labels alone.
    configure_logging(LoggingSettings(level="warning"))
    with closing(open_models(settings, ModelMetrics(CollectorRegistry()))) as models:
        return _label(models.routes(utc_now()), settings.default_language, lines, out)


def _label(routes: Routes, default_language: str, lines: BinaryIO, out: BinaryIO) -> int:
    refused = 0
    for batch in _batches(enumerate(lines, start=1)):
        for answer in _answers(routes, default_language, batch):
            if isinstance(answer, Refusal):
                refused += 1
                click.echo(f"line {answer.number}: {answer.detail}", err=True)
            else:
                out.write(answer + b"\n")
        out.flush()
    return 1 if refused else 0


def _batches(lines: Iterable[tuple[int, bytes]]) -> Iterator[list[tuple[int, bytes]]]:
    rest = iter(lines)
    while batch := list(islice(rest, BATCH)):
        yield [(number, line) for number, line in batch if line.strip()]


def _answers(routes: Routes, default_language: str, batch: list[tuple[int, bytes]]) -> Iterator[bytes | Refusal]:
    """Labels as JSON, or refusals, in the order of `batch`; each text is sent to the model of its language."""
    read = [_read(number, line) for number, line in batch]
    questions = [
        Question(id=str(line.id), text=line.content, mentions=line.mentions,
                 language=detect(line.content, line.lang, default=default_language))
        for line in read if isinstance(line, Line)
    ]  # fmt: skip
    predictions = iter(ask(routes, questions)[0])
    for (number, _), entry in zip(batch, read, strict=True):
        if isinstance(entry, Refusal):
            yield entry
            continue
        prediction = next(predictions)
        if isinstance(prediction, Prediction):
            yield _written(entry, number, prediction)
        else:
            yield Refusal(number, str(prediction))


def _read(number: int, line: bytes) -> Line | Refusal:
    try:
        entry = msgspec.json.decode(line, type=Line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        return Refusal(number, str(err))
    return entry if entry.content.strip() else Refusal(number, "text is empty")


def _written(entry: Line, number: int, prediction: Prediction) -> bytes:
    return msgspec.json.encode(
        {
            "id": number if entry.id is None else entry.id,
            "topic": prediction.topic,
            "topic_probability": round(prediction.topic_probability, 4),
            "sentiment": prediction.sentiment.value,
            "probabilities": _rounded(prediction.probabilities),
            "entities": [
                {
                    "entity": answer.entity,
                    "sentiment": answer.probabilities.top.value,
                    "probabilities": _rounded(answer.probabilities),
                    "uncertain": answer.uncertain,
                }
                for answer in prediction.entities
            ],
            "finance": round(prediction.finance, 4),
            "abstained": prediction.abstained and prediction.abstained.value,
            "model": prediction.model,
        }
    )


def _rounded(probabilities: Probabilities) -> dict[str, float]:
    return {sentiment.value: round(getattr(probabilities, sentiment.value), 4) for sentiment in Sentiment}
