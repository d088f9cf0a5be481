"""Tell systemd how the process is: ready, what it does, alive (watchdog), leaving; as `sd_notify(3)` says.

Comes in: the environment that systemd sets (`NOTIFY_SOCKET`, `WATCHDOG_USEC`, `WATCHDOG_PID`). Goes out: datagrams on
that socket. Without one nothing is sent; a socket that is gone is logged once and never stops the daemon.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping

import structlog

log = structlog.get_logger(__name__)

STATUS_CHARS = 300


class ServiceManager:
    """The one who started this process, if it wants to be told."""

    def __init__(self, address: str | None, *, watchdog: bool = False) -> None:
        self._address = address
        self._watchdog = watchdog
        self._status: str | None = None
        self._deaf = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], *, pid: int) -> ServiceManager:
        """As systemd says; a watchdog that is meant for another process is none."""
        wanted = environment.get("WATCHDOG_USEC", "0")
        meant = environment.get("WATCHDOG_PID", str(pid)) == str(pid)
        return cls(environment.get("NOTIFY_SOCKET") or None, watchdog=wanted not in {"", "0"} and meant)

    def ready(self) -> None:
        """The parts have been started."""
        self._send("READY=1")

    def tell(self, problems: Mapping[str, str], *, alive: bool) -> None:
        """Say how the parts are when that has changed, and pat the watchdog unless a part is lost."""
        status = "; ".join(f"{part}: {problem}" for part, problem in problems.items()) or "every part runs"
        lines = [] if status == self._status else [f"STATUS={_line(status)}"]
        if self._watchdog and alive:
            lines.append("WATCHDOG=1")
        if lines:
            self._send(*lines)
        self._status = status

    def stopping(self) -> None:
        """The process finishes what it has in hand."""
        self._send("STOPPING=1", "STATUS=finishing what is in hand")

    def _send(self, *lines: str) -> None:
        if self._address is None:
            return
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as door:
                door.settimeout(1.0)
                door.sendto("\n".join(lines).encode(), address)
        except OSError as err:
            if not self._deaf:
                log.warning("service_manager_deaf", error=str(err))
            self._deaf = True


def _line(text: str) -> str:
    return " ".join(text.split())[:STATUS_CHARS]
