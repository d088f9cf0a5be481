"""The door for documents over HTTP: opens the way to the bus when the first one comes."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

from monitor.ports import PushOutcome
from pipelines.sources.push import Push

if TYPE_CHECKING:
    from monitor.app.workshop import Workshop


class LazyPush:
    """A `monitor.ports.PushDoor` that answers with `TransientError` while bus or database are away at the start."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop
        self._opened = ExitStack()
        self._opening = threading.Lock()
        self._push: Push | None = None

    def __call__(self, body: bytes, content_type: str) -> PushOutcome:
        """Publish the documents of `body`; returns once the bus has acknowledged them."""
        with self._opening:
            if self._push is None:
                self._push = self._open()
        return self._push(body, content_type)

    def close(self) -> None:
        """Release the producer."""
        self._opened.close()

    def _open(self) -> Push:
        workshop = self._workshop
        ingest = self._opened.enter_context(workshop.ingest())
        return Push(workshop.settings.ingest.push, submit=ingest.submit, store=workshop.store, clock=workshop.clock)
