"""The worker processes of one fault test: started, killed, frozen, woken, sent home, and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random

ROOT = Path(__file__).parents[2]
LEAVE_S = 90.0
Feed = Callable[[int, int], None]
"""Adds the so-manyeth of so many parts of the input."""


class Worker:
    """One process of one stage; `start` replaces the one before."""

    def __init__(self, stage: str, number: int, config: Path, *options: str) -> None:
        self.stage = stage
        self.log = config.parent / f"{stage}-{number}.log"
        self._command = [sys.executable, "-m", "tests.faults.worker", str(config), stage, *options]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the process that runs."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """It runs, or is frozen."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it; what the environment says to the tests is not for it."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith("TAPEWATCH_")}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=ROOT, env=environ
            )

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, where it still runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, whatever it is doing."""
        self.signal(signal.SIGKILL)
        self.wait()

    def wait(self) -> int:
        """Wait until it has left."""
        assert self._process is not None
        return self._process.wait(LEAVE_S)

    def leave(self) -> None:
        """SIGTERM, and SIGKILL for one that does not go."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            self.wait()
        except subprocess.TimeoutExpired:
            self.kill()
            raise


class Crew:
    """All workers of a test."""

    def __init__(self, workers: Sequence[Worker]) -> None:
        self.workers = list(workers)

    def of(self, stage: str) -> list[Worker]:
        """The workers of one stage."""
        return [worker for worker in self.workers if worker.stage == stage]

    @property
    def dead(self) -> list[str]:
        """Logs of those that have left."""
        return [str(worker.log) for worker in self.workers if not worker.is_alive]

    def storm(self, kills: int, random: Random, *, pause_s: tuple[float, float], feed: Feed) -> list[str]:
        """Kill random workers so often, each at a random instant after `feed`, and start each again; their stages."""
        victims = []
        for number in range(kills):
            feed(number, kills)
            time.sleep(random.uniform(*pause_s))
            victim = random.choice(self.workers)
            victim.kill()
            victim.start()
            victims.append(victim.stage)
        return victims


@contextmanager
def crew(config: Path, stages: Sequence[str], *options: str) -> Iterator[Crew]:
    """One process for each stage named, ended at the end; what they logged stays beside `config`."""
    made = Crew([Worker(stage, number, config, *options) for number, stage in enumerate(stages)])
    try:
        for worker in made.workers:
            worker.start()
        yield made
    finally:
        for worker in made.workers:
            worker.signal(signal.SIGCONT)
            worker.signal(signal.SIGTERM)
        for worker in made.workers:
            worker.leave()
