"""A running monitor, once over the embedded defaults and once over Kafka and PostgreSQL."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from monitor.app.monitor import Monitor
from monitor.ports import Classifier
from monitor.settings import Settings
from pipelines.routing import OneModel
from tests.integration.stub import StubClassifier


@pytest.fixture(params=["embedded", pytest.param("servers", marks=[pytest.mark.kafka, pytest.mark.postgres])])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """The two ways to run."""
    sections: dict[str, object] = {
        "stream": {"partitions": 2, "topic_prefix": f"t-{uuid.uuid4().hex[:8]}"},
        "web": {"port": 0},
    }
    if request.param == "servers":
        sections["kafka"] = {"bootstrap_servers": [request.getfixturevalue("kafka").bootstrap]}
        sections["database"] = {"url": request.getfixturevalue("postgres")}
    else:
        sections["local_log"] = {"path": str(tmp_path / "log.db")}
        sections["database"] = {"url": f"sqlite:///{tmp_path}/t.db"}
    return Settings.model_validate(sections)


@pytest.fixture
def model() -> Classifier:
    """The model of `monitor`; a test module may have another."""
    return StubClassifier()


@pytest.fixture
def monitor(settings: Settings, model: Classifier) -> Iterator[Monitor]:
    """A running monitor."""
    stop = threading.Event()
    made = Monitor(settings, stop=stop, registry=CollectorRegistry())
    made.workshop.models = OneModel(model)
    made.start(["classify", "aggregate", "web"])
    yield made
    stop.set()
    made.leave(timeout_s=60)
