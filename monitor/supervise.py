"""Keep the parts of one process running: each in a thread, started over with back-off after an error.

A part is a function of its `stop` event. A `TransientError` never ends the process: the part waits and starts over for
as long as it takes. Any other error is a bug or a broken machine: after `MAX_CRASHES` in a row the process stops with
an error, so that what watches over it (systemd, a container runtime) sees it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from monitor.errors import TransientError
from monitor.metrics import StageMetrics
from monitor.retry import Backoff

log = structlog.get_logger(__name__)

MAX_CRASHES = 5
HEALTHY_S = 60.0  #: A part that ran so long counts as recovered.
WAIT = Backoff(first_s=1.0, cap_s=30.0)

Part = Callable[[threading.Event], None]


@dataclass(slots=True)
class PartHealth:
    """What readiness shows of one part."""

    running: bool = False
    problem: str | None = None  #: The last error, while the part waits to start over.
    crashes: int = 0  #: In a row, not counting transient errors.
    failures: int = 0  #: In a row, of any kind.


class Supervisor:
    """Runs parts until `stop` is set or one of them fails for good."""

    def __init__(self, *, stop: threading.Event, metrics: StageMetrics) -> None:
        self._stop = stop
        self._metrics = metrics
        self._threads: dict[str, threading.Thread] = {}
        self._health: dict[str, PartHealth] = {}
        self.failed: str | None = None  #: Name of the part that failed for good.

    def start(self, name: str, part: Part) -> None:
        """Run `part` in a thread of its own."""
        self._metrics.start(name)
        self._health[name] = PartHealth()
        thread = threading.Thread(target=self._keep, args=(name, part), name=name, daemon=True)
        self._threads[name] = thread
        thread.start()

    def problems(self) -> Mapping[str, str]:
        """Parts that are not running well, with the reason; empty is healthy."""
        found = {}
        for name, health in self._health.items():
            if health.problem is not None:
                found[name] = health.problem
            elif not health.running:
                found[name] = "not started"
        return found

    def lost(self) -> list[str]:
        """Parts whose thread ended though nobody told it to: nothing starts them over."""
        return [name for name, thread in self._threads.items() if not thread.is_alive() and not self._stop.is_set()]

    def join(self, timeout_s: float) -> list[str]:
        """Wait for every part to finish its batch; returns the names of those that did not."""
        deadline = time.monotonic() + timeout_s
        for thread in self._threads.values():
            thread.join(max(0.0, deadline - time.monotonic()))
        return [name for name, thread in self._threads.items() if thread.is_alive()]

    def _keep(self, name: str, part: Part) -> None:
        health = self._health[name]
        while not self._stop.is_set():
            started_s = time.monotonic()
            try:
                health.running = True
                self._run_once(name, part, health)
            except TransientError as err:
                self._note(health, err, ran_s=time.monotonic() - started_s)
                log.warning("part_interrupted", part=name, error=str(err))
            except Exception as err:
                self._note(health, err, ran_s=time.monotonic() - started_s)
                health.crashes += 1
                log.exception("part_crashed", part=name, crashes=health.crashes)
                if health.crashes >= MAX_CRASHES:
                    self._give_up(name)
            if health.problem is not None:
                self._stop.wait(WAIT.wait_s(health.failures))
        health.running = False

    def _run_once(self, name: str, part: Part, health: PartHealth) -> None:
        if health.failures:
            self._metrics.restarts.labels(stage=name).inc()
        health.problem = None
        part(self._stop)

    def _note(self, health: PartHealth, err: Exception, *, ran_s: float) -> None:
        if ran_s > HEALTHY_S:
            health.failures = health.crashes = 0
        health.failures += 1
        health.running = False
        health.problem = f"{type(err).__name__}: {err}"[:300]

    def _give_up(self, name: str) -> None:
        self.failed = self.failed or name
        log.error("part_gave_up", part=name, crashes=MAX_CRASHES)
        self._stop.set()
