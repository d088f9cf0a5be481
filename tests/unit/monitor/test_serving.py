"""The models in use: routes change between batches, drift and the candidate see what was answered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry

from models.manifest import SCHEMA, BaseEncoder, Manifest, Reference
from models.shadow import Shadow
from monitor.app.serving import Loaded, ModelsInUse
from monitor.domain import Mention, Prediction, Probabilities, Sentiment
from monitor.metrics import ModelMetrics
from pipelines.routing import Question, ask
from tests.fixtures.registry import LaterExecutor

T0 = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
REFERENCE = Reference(
    rows=100,
    sentiments={"negative": 0.5, "neutral": 0.5, "positive": 0.0},
    topics={"Macro": 1.0},
    confidence=0.9,
    unknown_tokens=0.02,
)


class Counting:
    """Negative at every second text; counts ten tokens a text, one of them unknown."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.token_counts = (0, 0)
        self.texts = 0

    def classify(
        self, texts: Sequence[str], mentions: Sequence[Sequence[Mention]] | None = None
    ) -> Sequence[Prediction | Exception]:
        self.texts += len(texts)
        self.token_counts = (10 * self.texts, self.texts)
        return [self._answer(0.9 if at % 2 else 0.1) for at in range(len(texts))]

    def _answer(self, negative: float) -> Prediction:
        probabilities = Probabilities(negative=negative, neutral=1 - negative, positive=0.0)
        return Prediction(topic="Macro", topic_probability=0.9, probabilities=probabilities, model=self.version)


def loaded(version: str, *languages: str, name: str = "small") -> Loaded:
    """A model that reads `languages`."""
    manifest = Manifest(
        schema_version=SCHEMA, name=name, version=1, base=BaseEncoder(name="b", revision="1", files={}),
        topics=("Macro",), sentiments=tuple(Sentiment), languages=languages, max_tokens=64, files={}, data={},
        training={}, metrics={}, reference=REFERENCE, code_version="0", created_at="2026-01-01T00:00:00Z",
    )  # fmt: skip
    return Loaded(name=name, classifier=Counting(version), manifest=manifest)


class World:
    """One model at first; the test may put another in its place."""

    def __init__(
        self, first: Loaded, others: dict[str, Loaded] | None = None, candidate: Counting | None = None
    ) -> None:
        self.current = first
        self.registry, self.thread = CollectorRegistry(), LaterExecutor()
        metrics = ModelMetrics(self.registry)
        shadow = None
        if candidate:
            shadow = Shadow(lambda: candidate, share=1.0, executor=self.thread, metrics=metrics)
        self.models = ModelsInUse(
            lambda _: self.current, others or {}, shadow=shadow, drift_window=1000, metrics=metrics
        )

    def batch(self, count: int, language: str = "en") -> None:
        """Ask about so many texts, as the stage does."""
        questions = [Question(id=f"d{n}", text="text", language=language) for n in range(count)]
        _, answered = ask(self.models.routes(T0), questions)
        self.models.saw(answered)

    def value(self, name: str, **labels: str) -> float | None:
        """A metric."""
        return self.registry.get_sample_value(f"tapewatch_{name}", labels)


def test_each_language_has_its_model_and_configuration_goes_before_the_manifest() -> None:
    """The default model may read Chinese too; the one that the operator named reads it."""
    first, other = loaded("small-1", "en", "zh"), loaded("multi-1", "en", "zh", name="multilingual")
    world = World(first, {"zh": other})
    routes = world.models.routes(T0)
    assert {language: found.version for language, found in routes.items()} == {"en": "small-1", "zh": "multi-1"}


def test_a_model_that_takes_over_changes_routes_and_the_version_shown() -> None:
    """Dashboards join on the version in use; the old one must be gone."""
    world = World(loaded("small-1", "en"))
    world.batch(1)
    world.current = loaded("small-2", "en", "de")
    assert set(world.models.routes(T0)) == {"en", "de"}
    assert world.value("model_info", version="small-2") == 1
    assert world.value("model_info", version="small-1") is None


def test_drift_of_each_model_is_shown_under_its_name() -> None:
    """The mix is that of the reference, the vocabulary knows less."""
    world = World(loaded("small-1", "en"), {"zh": loaded("multi-1", "zh", name="multilingual")})
    world.batch(400)
    world.batch(300, "zh")
    assert world.value("model_drift_documents", adapter="small") == 400
    assert world.value("model_drift_documents", adapter="multilingual") == 300
    assert world.value("model_drift_label_mix", adapter="small", task="sentiment") == pytest.approx(0, abs=0.01)
    assert world.value("model_drift_confidence_shift", adapter="small") == pytest.approx(0)
    assert world.value("model_drift_unknown_tokens_ratio", adapter="small") == pytest.approx(0.1)
    assert world.value("model_reference_unknown_tokens_ratio", adapter="small") == pytest.approx(0.02)


def test_a_model_that_takes_over_starts_its_drift_anew() -> None:
    """Answers of the old model say nothing of the new one."""
    world = World(loaded("small-1", "en"))
    world.batch(400)
    world.current = loaded("small-2", "en")
    world.batch(250)
    assert world.value("model_drift_documents", adapter="small") == 250


def test_the_candidate_sees_what_the_default_model_answered_alone() -> None:
    """It is to replace that one; a text in another language would be noise in the comparison."""
    candidate = Counting("candidate")
    world = World(loaded("small-1", "en"), {"zh": loaded("multi-1", "zh", name="multilingual")}, candidate)
    world.batch(6)
    world.batch(5, "zh")
    world.thread.run()
    assert candidate.texts == 6
    assert world.value("shadow_documents_total", outcome="compared") == 6


def test_what_goes_wrong_beside_the_stream_stays_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A metric or a candidate must never hold labels up."""
    world = World(loaded("small-1", "en"))

    def broken(*_: object) -> None:
        raise RuntimeError("executor has been shut down")

    monkeypatch.setattr(world.models, "_note", broken)
    world.batch(3)
    assert set(world.models.routes(T0)) == {"en"}
