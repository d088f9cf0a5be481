"""`tapewatch demo`: what a newcomer sees first has to work, on the embedded defaults and on the real servers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from monitor.demo.kafka_server import KafkaServer


def run_demo(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    """Run the demonstration; its events."""
    command = [sys.executable, "-m", "monitor", "demo", "--json", "--keep", str(folder / "demo"), *arguments]
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=280, check=False)
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def check(events: list[dict[str, Any]]) -> None:
    """The story was told: the alert, both receivers, the end, in under two minutes of playing."""
    texts = [event["event"] for event in events]
    assert all(events[-1]["steps"].values())
    assert events[-1]["took_s"] < 240
    fired = [text for text in texts if text.endswith("-> firing")]
    assert fired == ["negative-spike on KRVNE: normal -> firing"]
    assert any("FIRING" in text for text in texts if text.startswith("e-mail received"))


@pytest.mark.model
def test_the_demo_tells_its_story_with_nothing_but_python(tmp_path: Path) -> None:
    """One alert, on the right company, delivered both ways, and resolved."""
    check(run_demo(tmp_path))


@pytest.mark.model
@pytest.mark.kafka
@pytest.mark.postgres
def test_the_demo_tells_the_same_story_on_kafka_and_postgresql(
    tmp_path: Path, kafka: KafkaServer, postgres: str
) -> None:
    """It starts and stops servers of its own; the fixtures only tell whether they can be had."""
    check(run_demo(tmp_path, "--kafka", "--speed", "360"))
