"""Signals that come by the hundred, in the midst of each other: none is a lock that nobody opens."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
PROGRAM = """
import sys
import threading
from monitor.app.daemon import leave_on_signals, reload_on_signal
stop, asked = threading.Event(), threading.Event()
leave_on_signals(stop)
reload_on_signal(asked)
print("ready", flush=True)
while not stop.wait(0.0001):
    asked.wait(0.0001)
    asked.clear()
sys.stdin.read()
"""


def test_a_storm_of_signals_holds_nobody() -> None:
    """Reloads in a storm, then two orders to leave at once."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        for _ in range(3000):
            process.send_signal(signal.SIGHUP)
        for _ in range(2):
            process.send_signal(signal.SIGTERM)
        try:
            # Only now may it leave: an interpreter on its way out has no handlers any more.
            process.stdin.close()
            assert process.wait(30) == 0
        finally:
            process.kill()
