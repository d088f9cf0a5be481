"""`python -m tests.faults.worker CONFIG STAGE [--model]`: `tapewatch run` for one stage, with stub labels.

Its clock is off by as many seconds as the file `clock` beside the configuration says.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from monitor.app import daemon
from monitor.app.clock import utc_now
from monitor.app.monitor import Monitor
from monitor.domain import Mention, Prediction, Probabilities
from monitor.logs import configure_logging
from monitor.settings.load import load_settings
from pipelines.routing import OneModel
from tests.faults.material import CLASSES


class StubModel:
    """Answers with the class that the last word of a text names."""

    version = "last-word-1"

    def classify(
        self, texts: Sequence[str], mentions: Sequence[Sequence[Mention]] | None = None
    ) -> Sequence[Prediction | Exception]:
        """One answer a text."""
        return [self._answer(text.rsplit(" ", 1)[-1]) for text in texts]

    def _answer(self, word: str) -> Prediction:
        parts = [0.8 if name == word else 0.1 for name in CLASSES]
        probabilities = Probabilities(negative=parts[0], neutral=parts[1], positive=parts[2])
        return Prediction(topic="Markets", topic_probability=0.5, probabilities=probabilities, model=self.version)


class SteppingClock:
    """The wall's clock, and what the file says on top."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self) -> datetime:
        """The present, as this process believes it."""
        return utc_now() + timedelta(seconds=float(self._path.read_text()) if self._path.exists() else 0.0)


def main(config: Path, stage: str, *, with_model: bool) -> int:
    """Run until a signal."""
    settings = load_settings(config, os.environ)
    configure_logging(settings.logging)
    stop = threading.Event()
    daemon.leave_on_signals(stop)
    monitor = Monitor(settings, stop=stop, clock=SteppingClock(config.parent / "clock"))
    if not with_model:
        monitor.workshop.models = OneModel(StubModel())
    monitor.prepare([stage])
    return daemon.run_monitor(monitor, [stage])


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], with_model="--model" in sys.argv))
