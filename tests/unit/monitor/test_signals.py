"""Signals that come by the hundred, in the midst of each other: none is a lock that nobody opens."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
PROGRAM = """
import threading
from monitor.app.daemon import leave_on_signals, reload_on_signal
stop, asked = threading.Event(), threading.Event()
leave_on_signals(stop)
reload_on_signal(asked)
print("ready", flush=True)
while not stop.wait(0.0001):
    asked.wait(0.0001)
    asked.clear()
"""


def test_a_storm_of_signals_holds_nobody() -> None:
    """Reloads in a storm, then two orders to leave at once."""
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        for _ in range(3000):
            process.send_signal(signal.SIGHUP)
        for _ in range(2):
            process.send_signal(signal.SIGTERM)
        try:
            # The second may come when the interpreter has done with handlers, on its way out after the first.
            assert process.wait(30) in {0, -signal.SIGTERM}
        finally:
            process.kill()
