"""What a run tells: a progress bar on a terminal, and one JSON line an event in `training.jsonl`."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

log = structlog.get_logger(__name__)

LOGBOOK = "training.jsonl"
EVERY = 50  #: Steps between two lines about the loss.


class Logbook:
    """Takes the events of a run; a context manager."""

    def __init__(self, path: Path) -> None:
        self._started_s = time.monotonic()
        self._file = path.open("a", encoding="utf-8")  # a run that was killed goes on in it
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
        self._progress = Progress(
            *columns, TimeRemainingColumn(), console=console, transient=True, disable=not console.is_terminal
        )
        self._bar = self._progress.add_task("training")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, err: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()
        self._file.close()

    @property
    def seconds(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self._started_s

    def tell(self, event: str, facts: Mapping[str, object]) -> None:
        """Write one event; of the steps, every fiftieth."""
        if event == "step_finished":
            step, steps = int(str(facts["step"])), int(str(facts["steps"]))
            self._progress.update(self._bar, completed=step, total=steps, description=f"epoch {facts['epoch']}")
            if step % EVERY:
                return
        else:
            log.info(event, **facts)
        line = {"event": event, "seconds": round(self.seconds, 1), **facts}
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
