"""Which job runs when; the only file that knows APScheduler.

Jobs live in memory: what has to survive a restart is in the source states, not here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler

log = structlog.get_logger(__name__)


class Schedule:
    """Runs jobs at intervals on a pool of threads. A job never overlaps itself; missed runs become one."""

    def __init__(self, *, threads: int) -> None:
        self._stopping = threading.Event()
        self._scheduler = BackgroundScheduler(
            jobstores={"default": MemoryJobStore()},
            executors={"default": ThreadPoolExecutor(max_workers=threads)},
            # A late run is still wanted: with many sources on few threads lateness is normal.
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone=UTC,
            daemon=True,
        )

    def every(
        self, interval: timedelta, job: Callable[[], object], *, name: str, jitter_s: float, first_now: bool = True
    ) -> None:
        """Run `job` every `interval`, spread by `jitter_s` either way; first at once or after one interval."""
        options = {"next_run_time": datetime.now(UTC)} if first_now else {}
        self._scheduler.add_job(
            self._guarded(job, name),
            "interval",
            id=name,
            seconds=interval.total_seconds(),
            jitter=jitter_s or None,
            **options,
        )

    def start(self) -> None:
        """Begin; jobs may be added before and after."""
        self._scheduler.start()

    def shutdown(self, *, wait: bool = True) -> None:
        """Start no more runs; with `wait` return once those in hand are finished. May be called twice."""
        self._stopping.set()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=wait)

    def _guarded(self, job: Callable[[], object], name: str) -> Callable[[], None]:
        def run() -> None:
            if self._stopping.is_set():  # Queued behind others when the end came.
                return
            try:
                job()
            except Exception:
                log.exception("scheduled_job_failed", job=name)

        return run
