"""`tapewatch run` under a service manager: what a unit of type notify hears from start to end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.timeout(120)


def test_a_daemon_says_that_it_is_ready_alive_and_leaving(tmp_path: Path) -> None:
    """The unit counts as started when the daemon is, and the watchdog is patted for as long as it runs."""
    config = tmp_path / "tapewatch.yaml"
    config.write_text(yaml.safe_dump({
        "database": {"url": f"sqlite:///{tmp_path}/t.db"}, "local_log": {"path": str(tmp_path / "log.db")},
        "web": {"port": 0},
    }))  # fmt: skip
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.settimeout(60)
        environment = {**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "120000000"}
        command = [sys.executable, "-m", "monitor", "run", "--config", str(config), "--stage", "web"]
        with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
            try:
                assert ear.recv(4096) == b"READY=1"
                assert ear.recv(4096) == b"STATUS=every part runs\nWATCHDOG=1"
                assert ear.recv(4096) == b"WATCHDOG=1"
                process.send_signal(signal.SIGTERM)
                rest = [ear.recv(4096) for _ in range(1)]
                while not rest[-1].startswith(b"STOPPING=1"):
                    rest.append(ear.recv(4096))
                assert process.wait(60) == 0
            finally:
                process.kill()
