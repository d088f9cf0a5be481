"""Follow the pointer of a registry: the promoted model is loaded beside the one in use, and takes over when it is warm.

Loading happens in a thread of its own, one at a time; meanwhile the old model answers. An adapter that fails its checks
is logged and counted once, and the old one stays; it is tried again when it is promoted again or its manifest changes.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from datetime import datetime, timedelta
from pathlib import Path
from typing import Generic, TypeVar

import structlog

from models.registry import POINTER, active_folder
from monitor.errors import ArtifactError
from monitor.metrics import ModelMetrics

log = structlog.get_logger(__name__)

T = TypeVar("T")

CHECK_EVERY = timedelta(seconds=3)

_State = tuple[int, str, int, int]  #: When the pointer was made, where it points, and what its manifest looks like.


class Swap(Generic[T]):
    """What a registry's pointer stands for, loaded."""

    def __init__(self, registry: Path, load: Callable[[Path], T], *, executor: Executor, metrics: ModelMetrics) -> None:
        """Load what the pointer stands for now; raises `ArtifactError` where that cannot be."""
        self._registry = registry
        self._load = load
        self._executor = executor
        self._metrics = metrics
        self._tried = _state(registry)
        self._in_use = self._tried and self._tried[1:]  #: What the one in use was loaded from.
        self._loading: Future[T] | None = None
        self._checked_at: datetime | None = None
        self._current = load(active_folder(registry).resolve())
        metrics.swap_failed.set(0)

    @property
    def loaded(self) -> T:
        """What is in use, without a look at the pointer."""
        return self._current

    def current(self, now: datetime) -> T:
        """What is in use from now on; looks at the pointer every few seconds."""
        if self._loading is not None:
            self._take_over(self._loading)
        elif self._checked_at is None or abs(now - self._checked_at) >= CHECK_EVERY:
            self._checked_at = now
            self._look()
        return self._current

    def _look(self) -> None:
        state = _state(self._registry)
        if state == self._tried:
            return
        self._tried = state
        if state is not None and state[1:] == self._in_use:
            self._metrics.swap_failed.set(0)
            return
        try:
            folder = active_folder(self._registry).resolve()
        except ArtifactError as err:
            self._failed(err)
            return
        log.info("model_loading", folder=str(folder))
        self._loading = self._executor.submit(self._load, folder)

    def _take_over(self, loading: Future[T]) -> None:
        if not loading.done():
            return
        self._loading = None
        if err := loading.exception():
            self._failed(err)
            return
        self._current, self._in_use = loading.result(), self._tried and self._tried[1:]
        self._metrics.swaps.labels(outcome="swapped").inc()
        self._metrics.swap_failed.set(0)

    def _failed(self, err: BaseException) -> None:
        self._metrics.swaps.labels(outcome="failed").inc()
        self._metrics.swap_failed.set(1)
        log.error("model_swap_failed", error=f"{type(err).__name__}: {err}", remedy="tapewatch models rollback")


def _state(registry: Path) -> _State | None:
    """What tells one promotion from another; None where there is no pointer or what it points to is not whole."""
    pointer = registry / POINTER
    try:
        link, manifest = pointer.lstat(), (pointer / "manifest.json").stat()
        return (link.st_mtime_ns, str(pointer.readlink()), manifest.st_mtime_ns, manifest.st_size)
    except OSError:
        return None
