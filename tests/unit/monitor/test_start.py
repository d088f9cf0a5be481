"""The start of a process: no stage waits for libraries that only another one needs."""

from __future__ import annotations

import subprocess
import sys

import pytest

#: Each takes from a tenth of a second to several seconds, and up to hundreds of megabytes.
HEAVY = frozenset({"torch", "transformers", "pandas", "pyarrow", "scipy", "kafka", "trafilatura", "jinja2", "PIL"})
CODE = """
import sys, threading, time
from pathlib import Path
from monitor.app.monitor import Monitor
from monitor.settings.load import load_settings

Path("tapewatch.yaml").write_text("watchlist: {entities: [{ticker: ACME, name: Acme}]}\\nweb: {port: 0}\\n")
monitor = Monitor(load_settings(Path("tapewatch.yaml"), {}), stop=threading.Event())
monitor.prepare(sys.argv[1:])
monitor.start(sys.argv[1:])
while monitor.problems():
    time.sleep(0.01)
monitor.stop.set()
assert monitor.leave(timeout_s=60.0) == [] and monitor.failed is None
print(*sys.modules)
"""


def libraries(stage: str, folder: object) -> set[str]:
    """Heavy libraries that a process has imported which runs one stage, from its start to its end."""
    command = [sys.executable, "-c", CODE, stage]
    done = subprocess.run(command, capture_output=True, text=True, cwd=str(folder), timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return HEAVY & {name.partition(".")[0] for name in done.stdout.split()}


@pytest.mark.parametrize(
    ("stage", "needed"),
    [("aggregate", set()), ("alert", {"scipy", "jinja2", "PIL"}), ("ingest", set()), ("web", set())],
)
def test_a_stage_imports_what_it_needs_alone(stage: str, needed: set[str], tmp_path: object) -> None:
    """On the embedded defaults, without sources; what a source or a channel needs comes with it."""
    assert libraries(stage, tmp_path) == needed
