"""The broker of tests and demonstration starts every time."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from monitor.demo.kafka_server import KafkaServer

pytestmark = pytest.mark.kafka


def test_a_cluster_id_that_begins_with_a_hyphen_is_no_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kafka: KafkaServer
) -> None:
    """One random id in 64 begins so; the start must not depend on luck."""
    monkeypatch.setattr("monitor.demo.kafka_server.uuid.uuid4", lambda: uuid.UUID(bytes=b"\xfb" * 16))

    with KafkaServer(tmp_path / "kafka") as server:
        assert server.bootstrap != kafka.bootstrap
