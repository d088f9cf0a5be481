"""Play the live part of the demonstration: a clock that runs fast, and the items published at their time."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import httpcore2

from monitor.demo.feed_server import FeedServer
from monitor.demo.stream import DocumentJson, LiveItem


class DemoClock:
    """Stands still until `start`, then runs `speed` times as fast as the wall."""

    def __init__(self, *, speed: float) -> None:
        self.speed = speed
        self.began_at = datetime.now(UTC).replace(microsecond=0)
        self._started_s: float | None = None

    def start(self) -> None:
        """Let time run."""
        self._started_s = time.monotonic()

    def __call__(self) -> datetime:
        """The present of the demonstration."""
        if self._started_s is None:
            return self.began_at
        return self.began_at + timedelta(seconds=(time.monotonic() - self._started_s) * self.speed)


class Player:
    """Publishes live items through the door that each came with: a feed, or HTTP push."""

    def __init__(self, items: Sequence[LiveItem], *, feeds: FeedServer, address: str) -> None:
        self._items = items
        self._feeds = feeds
        self._address = address
        self._thread = threading.Thread(target=self._play, name="demo-player", daemon=True)
        self._stop = threading.Event()
        self.published = 0  #: Items so far.
        self.problem: str | None = None

    def start(self) -> None:
        """Begin; the first item comes at its time from now."""
        self._thread.start()

    def stop(self) -> None:
        """End early, or after the last item."""
        self._stop.set()
        self._thread.join()

    @property
    def done(self) -> bool:
        """True after the last item."""
        return self.published == len(self._items)

    def _play(self) -> None:
        started_s = time.monotonic()
        with httpcore2.ConnectionPool() as pool:
            for item in self._items:
                if self._stop.wait(max(0.0, started_s + item.after_s - time.monotonic())):
                    return
                if item.door == "push":
                    self._push(pool, item.document)
                else:
                    self._feeds.publish(item.document)
                self.published += 1

    def _push(self, pool: httpcore2.ConnectionPool, document: DocumentJson) -> None:
        answer = pool.request(
            "POST",
            f"{self._address}/api/v1/documents",
            headers={"content-type": "application/json"},
            content=json.dumps(document).encode(),
        )
        if answer.status != HTTPStatus.ACCEPTED:
            self.problem = f"push answered {answer.status}: {answer.content[:200]!r}"
