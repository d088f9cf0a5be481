"""Loading what the configuration names: real folders of random weights, real engine."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from models.registry import Verdict, promote
from monitor.app.loading import followed_registry, open_models
from monitor.app.serving import ModelsInUse
from monitor.errors import ArtifactError, ConfigurationError
from monitor.metrics import ModelMetrics
from monitor.settings import ClassifierSettings
from tests.fixtures.random_model import make_model

T0 = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder, a registry with random-1 (active) and random-2, and an encoder that fits neither."""
    root = tmp_path_factory.mktemp("models")
    made = make_model(root / "made", "bert")
    for version in (1, 2):
        folder = Path(shutil.copytree(made.adapter, root / f"registry/random-{version}"))
        edit(folder, version=version)
    make_model(root / "other", "mpnet")
    promote(root / "registry", "random-1", now=T0, verdict=Verdict(passed=True))
    return root


def edit(folder: Path, **values: object) -> None:
    """Change keys of the manifest."""
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **values}), encoding="utf-8")


def settings(folders: Path, **changes: object) -> ClassifierSettings:
    """On the registry and its encoder."""
    values = {"adapter": "active", "registry": folders / "registry", "encoder": folders / "made/encoder"}
    return ClassifierSettings.model_validate({**values, "device": "cpu", "precision": "fp32", **changes})


@contextmanager
def opened(chosen: ClassifierSettings) -> Iterator[ModelsInUse]:
    """The models of a configuration."""
    with closing(open_models(chosen, ModelMetrics(CollectorRegistry()))) as models:
        yield models


def test_a_promoted_adapter_takes_over_in_a_running_process(folders: Path) -> None:
    """Threads, files and engine as in the daemon; the old one answers until then."""
    with opened(settings(folders)) as models:
        before = models.routes(T0)["en"]
        assert before.version.startswith("random-1+")
        promote(folders / "registry", "random-2", now=T0, verdict=Verdict(passed=True))
        now, patience = T0, time.monotonic() + 60
        while models.routes(now)["en"] is before and time.monotonic() < patience:
            assert len(before.classify(["shares fall after fraud"])) == 1
            now += timedelta(seconds=5)
            time.sleep(0.01)
        assert models.routes(now)["en"].version.startswith("random-2+")
    promote(folders / "registry", "random-1", now=T0, verdict=Verdict(passed=True))


def test_a_name_is_looked_for_in_the_registry_too(folders: Path) -> None:
    """An operator may pin one without promoting it."""
    with opened(settings(folders, adapter="random-2")) as models:
        assert models.routes(T0)["en"].version.startswith("random-2+")


def test_an_encoder_of_another_kind_refuses_the_start(folders: Path) -> None:
    """The adapter fits no other; it would answer nonsense without a word."""
    with pytest.raises(ArtifactError, match="SHA-256 is"):
        open_models(settings(folders, encoder=folders / "other/encoder"), ModelMetrics(CollectorRegistry()))


def test_a_language_goes_only_to_an_adapter_that_reads_it(folders: Path) -> None:
    """A typing error would score Chinese with an English model."""
    with pytest.raises(ConfigurationError, match=r"classifier\.languages\.zh: random-2 reads en"):
        open_models(settings(folders, languages={"zh": "random-2"}), ModelMetrics(CollectorRegistry()))
    with pytest.raises(ConfigurationError, match=r"default_language: no adapter reads de; name one of en"):
        open_models(settings(folders, default_language="de"), ModelMetrics(CollectorRegistry()))


def test_an_adapter_for_another_language_is_loaded_beside(folders: Path, tmp_path: Path) -> None:
    """Each document then goes to its own."""
    chinese = Path(shutil.copytree(folders / "registry/random-2", tmp_path / "chinese"))
    edit(chinese, languages=["zh"], name="chinese")
    with opened(settings(folders, languages={"zh": str(chinese)})) as models:
        routes = models.routes(T0)
        assert {tag: found.version.partition("-")[0] for tag, found in routes.items()} == {
            "en": "random", "zh": "chinese",
        }  # fmt: skip


def test_the_pointer_may_be_named_by_its_path(folders: Path) -> None:
    """Whoever writes the path means the same: whatever is promoted."""
    registry = folders / "registry"
    for adapter in ("active", str(registry), str(registry / "active")):
        assert followed_registry(settings(folders, adapter=adapter)) == registry
    for adapter in ("small", "random-1", str(registry / "random-1")):
        assert followed_registry(settings(folders, adapter=adapter)) is None


def test_active_without_a_registry_is_refused() -> None:
    """Before anything starts."""
    with pytest.raises(ValueError, match="adapter active needs registry"):
        ClassifierSettings(adapter="active")
