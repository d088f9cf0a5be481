"""Leaving: whoever asked for it gets it in time, whatever a part is stuck in."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PROGRAM = """
import atexit, sys, threading
from pathlib import Path
from monitor.app import daemon
from monitor.app.monitor import Monitor
from monitor.settings import Settings

daemon.LEAVE_S = 0.5
monitor = Monitor(Settings.model_validate({"web": {"port": 0}}), stop=threading.Event())
daemon.leave_on_signals(monitor.stop)
monitor.prepare(["web"])
answer = threading.Event()  # never comes
if "stuck" in sys.argv:
    monitor._supervisor.start("stuck", lambda stop: answer.wait())
    atexit.register(answer.wait)  # as Kafka's client does
print("made", flush=True)
sys.exit(daemon.run_monitor(monitor, ["web"]))
"""


@pytest.mark.parametrize(("how", "status"), [("free", 0), ("stuck", 1)])
def test_sigterm_is_obeyed_in_time(how: str, status: int, tmp_path: Path) -> None:
    """A part that does not finish costs the exit status, not the exit."""
    command = [sys.executable, "-c", PROGRAM, how]
    environment = {"PYTHONPATH": str(ROOT), "PATH": ""}
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=tmp_path, env=environment) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"made\n"
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == status
        finally:
            process.kill()
