"""A candidate beside the model in use: compared, never heard, and free to fail."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from prometheus_client import CollectorRegistry

from models.shadow import Sample, Shadow, is_sampled
from monitor.domain import Mention, Prediction, Probabilities
from monitor.errors import ArtifactError
from monitor.metrics import ModelMetrics
from tests.fixtures.registry import LaterExecutor


class Fixed:
    """Gives one answer to everything, or raises."""

    version = "candidate-1"

    def __init__(self, answer: Prediction | Exception, *, raises: Exception | None = None) -> None:
        self._answer = answer
        self._raises = raises

    def classify(
        self, texts: Sequence[str], mentions: Sequence[Sequence[Mention]] | None = None
    ) -> Sequence[Prediction | Exception]:
        if self._raises:
            raise self._raises
        return [self._answer] * len(texts)


def prediction(negative: float, *, topic: str = "Macro") -> Prediction:
    """An answer without positives."""
    probabilities = Probabilities(negative=negative, neutral=1 - negative, positive=0.0)
    return Prediction(topic=topic, topic_probability=0.9, probabilities=probabilities, model="m")


def samples(count: int, answer: Prediction | None = None) -> list[Sample]:
    """Documents that were answered: by default surely negative."""
    return [Sample(id=f"d{n}", text="bad", mentions=(), answer=answer or prediction(0.9)) for n in range(count)]


def made(
    load: Callable[[], Fixed], *, share: float = 1.0
) -> tuple[Shadow, LaterExecutor, Callable[[str, str], float | None]]:
    """A shadow, its thread, and how to read a metric by its label."""
    registry, executor = CollectorRegistry(), LaterExecutor()
    shadow = Shadow(load, share=share, executor=executor, metrics=ModelMetrics(registry))
    labels = {"documents": "outcome", "disagreements": "task", "confidence": "side"}

    def value(name: str, label: str) -> float | None:
        return registry.get_sample_value(f"tapewatch_shadow_{name}_total", {labels[name]: label})

    return shadow, executor, value


def test_disagreement_and_confidence_are_counted() -> None:
    """What an operator promotes by."""
    shadow, executor, value = made(lambda: Fixed(prediction(0.3, topic="Earnings")))

    shadow.offer(samples(4))
    executor.run()

    assert value("documents", "compared") == 4
    assert (value("disagreements", "sentiment"), value("disagreements", "topic")) == (4, 4)
    assert value("confidence", "active") == pytest.approx(3.6)
    assert value("confidence", "candidate") == pytest.approx(2.8)


def test_a_candidate_that_agrees_disagrees_on_nothing() -> None:
    """The counters are there from the start, at zero."""
    shadow, executor, value = made(lambda: Fixed(prediction(0.8)))
    shadow.offer(samples(3))
    executor.run()
    assert (value("disagreements", "sentiment"), value("disagreements", "topic")) == (0, 0)


def test_what_comes_while_it_is_busy_is_skipped_and_counted() -> None:
    """A slow candidate must not pile up work."""
    shadow, executor, value = made(lambda: Fixed(prediction(0.9)))
    for _ in range(3):
        shadow.offer(samples(5))
    assert executor.run() == 1
    assert (value("documents", "compared"), value("documents", "skipped")) == (5, 10)
    shadow.offer(samples(5))
    executor.run()
    assert value("documents", "compared") == 10


@pytest.mark.parametrize(
    "candidate",
    [Fixed(prediction(0.9), raises=RuntimeError("CUDA error")), Fixed(ValueError("one text"))],
    ids=["the whole batch", "each text"],
)
def test_a_failing_candidate_is_counted_and_raises_nothing(candidate: Fixed) -> None:
    """The stream goes on."""
    shadow, executor, value = made(lambda: candidate)
    shadow.offer(samples(4))
    executor.run()
    assert (value("documents", "failed"), value("documents", "compared")) == (4, 0)


def test_a_candidate_that_cannot_be_loaded_is_tried_once() -> None:
    """Loading takes seconds of both cores each time."""
    tries = []

    def load() -> Fixed:
        tries.append(1)
        raise ArtifactError("heads.safetensors: SHA-256 is ...")

    shadow, executor, value = made(load)
    for _ in range(3):
        shadow.offer(samples(2))
        executor.run()
    assert len(tries) == 1
    assert value("documents", "failed") == 2


def test_it_is_loaded_once() -> None:
    """And not before there is something to compare."""
    loads = []

    def load() -> Fixed:
        loads.append(1)
        return Fixed(prediction(0.9))

    shadow, executor, _ = made(load)
    assert not loads
    for _ in range(3):
        shadow.offer(samples(1))
        executor.run()
    assert len(loads) == 1


def test_the_share_is_kept_and_is_the_same_documents_everywhere() -> None:
    """Several workers and a replay must compare the same ones."""
    ids = [f"document-{n}" for n in range(10_000)]
    chosen = [is_sampled(name, 0.1) for name in ids]
    assert 0.09 < sum(chosen) / len(ids) < 0.11
    assert chosen == [is_sampled(name, 0.1) for name in ids]
    assert all(is_sampled(name, 1.0) for name in ids)
