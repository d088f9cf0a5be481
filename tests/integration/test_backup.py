"""Backup and restore of the embedded defaults, by the commands of docs/operation.md: nothing lost, nothing twice."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry

from monitor.app.monitor import Monitor
from monitor.domain import SeriesKey, SourceClass
from monitor.settings.load import load_settings
from pipelines.ingest import IngestResult
from pipelines.routing import OneModel
from pipelines.sources.base import RawItem
from tests.integration.stub import StubClassifier
from tests.integration.waiting import wait_for

ROOT = Path(__file__).parents[2]
T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NOW = datetime.now(UTC)
pytestmark = pytest.mark.timeout(180)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a daemon with the default names."""
    monkeypatch.chdir(tmp_path)
    forever = dict.fromkeys(("evidence_retention", "bucket_retention", "id_retention"), "36500d")
    config = {"web": {"port": 0}, "stream": {"partitions": 2}, "aggregate": forever}
    Path("tapewatch.yaml").write_text(yaml.safe_dump(config))
    return tmp_path


def run_documented(name: str) -> str:
    """Run the block of docs/operation.md whose first line is `# name`; what it said."""
    text = (ROOT / "docs" / "operation.md").read_text(encoding="utf-8")
    [block] = re.findall(rf"```sh\n# {name}\n(.*?)```", text, re.DOTALL)
    tapewatch = f'tapewatch() {{ PYTHONPATH={ROOT} {sys.executable} -m monitor "$@"; }}'
    script = f"set -e\n{tapewatch}\n{block}"
    done = subprocess.run(["bash", "-c", script], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def running(*stages: str) -> Iterator[Monitor]:
    """A monitor on the files of the folder."""
    stop = threading.Event()
    monitor = Monitor(load_settings(Path("tapewatch.yaml"), {}), stop=stop, registry=CollectorRegistry())
    monitor.workshop.models = OneModel(StubClassifier())
    monitor.start(stages)
    try:
        yield monitor
    finally:
        stop.set()
        monitor.leave(timeout_s=60)


def publish(monitor: Monitor, numbers: range) -> IngestResult:
    """As a source does, again and again."""
    items = [
        RawItem(
            source="wire", source_class=SourceClass.NEWS, raw=b"{}", id=f"d{number}",
            published_at=T0 + timedelta(seconds=number), text=f"Acme reports number {number}",
        )
        for number in numbers
    ]  # fmt: skip
    with monitor.workshop.ingest() as ingest:
        return ingest.submit(items, NOW)


def counted(monitor: Monitor) -> int:
    """Documents in the buckets."""
    sums = monitor.workshop.store.window_counts(T0 - timedelta(hours=1), T0 + timedelta(hours=1))
    return sums[SeriesKey()].documents if SeriesKey() in sums else 0


def back_up_and_go_on() -> None:
    """30 documents counted, 10 in the log alone, a backup; then 20 more, all 60 counted."""
    with running("classify", "aggregate") as monitor:
        publish(monitor, range(30))
        wait_for(lambda: counted(monitor) == 30, seconds=60)
    with running() as monitor:
        publish(monitor, range(30, 40))
        said = run_documented("backup")
        assert [line.partition(":")[0] for line in said.splitlines()] == [
            "backups/monday/tapewatch.db",
            "backups/monday/tapewatch-log.db",
        ]
    with running("classify", "aggregate") as monitor:
        publish(monitor, range(40, 60))
        wait_for(lambda: counted(monitor) == 60, seconds=60)


def ends_at_60_and_stays(monitor: Monitor, known: int) -> None:
    """What the copy knew is counted; sources give everything again, and nothing counts twice."""
    wait_for(lambda: counted(monitor) == known, seconds=60)
    publish(monitor, range(60))
    publish(monitor, range(60, 61))  # the last of all: when it is counted, all before it are
    wait_for(lambda: counted(monitor) == 61, seconds=60)
    assert monitor.problems() == {}


def test_a_backup_taken_while_running_restores_all_of_it(folder: Path) -> None:
    """Both files are damaged; what was in the log and uncounted at the backup is counted after it."""
    back_up_and_go_on()
    for name in ("tapewatch.db", "tapewatch-log.db"):
        (folder / name).write_bytes(b"damaged")
    run_documented("restore")
    with running("classify", "aggregate") as monitor:
        ends_at_60_and_stays(monitor, known=40)


def test_the_database_alone_can_be_restored(folder: Path) -> None:
    """The log has what came since: everything is there again without any source."""
    back_up_and_go_on()
    for path in folder.glob("tapewatch.db*"):
        path.unlink()
    (folder / "tapewatch.db").write_bytes((folder / "backups/monday/tapewatch.db").read_bytes())
    with running("classify", "aggregate") as monitor:
        ends_at_60_and_stays(monitor, known=60)


def test_a_lost_log_is_said_and_then_counted_anew(folder: Path) -> None:
    """The daemon does not wait in silence; then sources give again what was in the log, and nothing counts twice."""
    back_up_and_go_on()
    with running() as monitor:
        publish(monitor, range(60, 65))
    for path in folder.glob("tapewatch-log.db*"):
        path.unlink()
    with running("classify", "aggregate") as monitor:
        wait_for(lambda: "forget-offsets" in monitor.problems().get("aggregate", ""), seconds=30)
    said = run_documented("log lost")
    assert "2 partitions" in said
    assert "5 documents" in said
    with running("classify", "aggregate") as monitor:
        assert publish(monitor, range(70)).published == 10
        wait_for(lambda: counted(monitor) == 70, seconds=60)
        assert monitor.problems() == {}
