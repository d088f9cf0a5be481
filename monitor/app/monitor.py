"""One process of the monitor: what it is made of, which parts run, how it leaves."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from monitor.app.clock import utc_now
from monitor.app.parts import Parts
from monitor.app.reloading import Reloader
from monitor.app.workshop import Workshop
from monitor.errors import MonitorError
from monitor.ports import Clock
from monitor.settings import Settings
from monitor.supervise import Supervisor
from monitor.web import WebServer


def worker_name() -> str:
    """Names this process among all that share the work: host, process id."""
    return f"{socket.gethostname()}-{os.getpid()}"


def process_registry() -> CollectorRegistry:
    """A registry with the figures of the process itself (memory, file handles, CPU)."""
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    return registry


class Monitor:
    """The parts of one process, joined."""

    def __init__(
        self,
        settings: Settings,
        *,
        stop: threading.Event,
        clock: Clock = utc_now,
        registry: CollectorRegistry | None = None,
        read: Callable[[], Settings] | None = None,
    ) -> None:
        """With `read`, which gives the configuration as it stands now, it can be reloaded."""
        self.stop = stop
        self.reload_asked = threading.Event()  #: By somebody who does not wait for it, as a signal.
        self.registry = registry or process_registry()
        self.workshop = Workshop(settings, clock=clock, registry=self.registry, worker=worker_name())
        self._settings = settings
        self._supervisor = Supervisor(stop=stop, metrics=self.workshop.stage_metrics)
        self._web: WebServer | None = None
        self._reloader = Reloader(self.workshop, read=read) if read else None
        self._stages: Sequence[str] = ()

    def prepare(self, stages: Sequence[str]) -> None:
        """Make everything that may prove the configuration wrong; raises `ConfigurationError`."""
        workshop = self.workshop
        workshop.check(stages)

    def start(self, stages: Sequence[str]) -> None:
        """Start `stages`, health and metrics."""
        self._stages = stages
        parts = Parts(self.workshop)
        chosen = parts.of(stages)
        reload = self.reload if self._reloader else None
        self._web = self.workshop.web_server(ready=self.problems, push="web" in stages, reload=reload)
        self._web.start()
        for name, part in chosen.items():
            self._supervisor.start(name, part)

    def reload(self) -> Mapping[str, object]:
        """Take the configuration again, and tell what is in force; raises `ConfigurationError`, changing nothing."""
        return asdict(self._reloader.reload(self._stages)) if self._reloader else {}

    def reload_if_asked(self) -> None:
        """As `reload`, where it was asked for; what is wrong is in the log and in a metric."""
        if self.reload_asked.is_set():
            self.reload_asked.clear()
            with suppress(MonitorError):
                self.reload()

    @property
    def address(self) -> str:
        """Where health and metrics are served."""
        return self._web.url if self._web else ""

    @property
    def alive(self) -> bool:
        """False when a thread is gone that nobody told to end: only a new start helps."""
        return not self._supervisor.lost() and (self._web is None or self._web.alive)

    @property
    def failed(self) -> str | None:
        """The part that failed for good, if any."""
        return self._supervisor.failed

    def problems(self) -> Mapping[str, str]:
        """What keeps this process from being ready, by part; empty is ready."""
        return self._supervisor.problems()

    def finish(self, *, timeout_s: float) -> list[str]:
        """Wait until every part has finished its batch in hand; returns the parts that did not."""
        return self._supervisor.join(timeout_s)

    def leave(self, *, timeout_s: float) -> list[str]:
        """Finish batches in hand, commit, release everything; returns the parts that did not finish."""
        unfinished = self.finish(timeout_s=timeout_s)
        if self._web:
            self._web.stop()
        self.workshop.close()
        return unfinished
