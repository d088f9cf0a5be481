"""`tapewatch run`: start what was asked for, keep it running, leave when told to."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from types import FrameType

import structlog

from monitor.app.monitor import Monitor
from monitor.app.service_manager import ServiceManager
from monitor.logs import configure_logging
from monitor.settings import Settings

log = structlog.get_logger(__name__)

LEAVE_S = 60.0  #: How long a batch in hand may take at the end.


def run_daemon(settings: Settings, *, stages: Sequence[str], read: Callable[[], Settings] | None = None) -> int:
    """Run `stages` until SIGTERM or SIGINT; returns the exit status. SIGHUP takes what `read` gives.

    Raises `ConfigurationError` before anything has started.
    """
    configure_logging(settings.logging)
    stop = threading.Event()
    leave_on_signals(stop)
    monitor = Monitor(settings, stop=stop, read=read)
    reload_on_signal(monitor.reload_asked)
    monitor.prepare(stages)
    return run_monitor(monitor, stages)


def run_monitor(monitor: Monitor, stages: Sequence[str]) -> int:
    """Run a prepared monitor until its stop event is set; returns the exit status."""
    manager = ServiceManager.from_environment(os.environ, pid=os.getpid())
    monitor.start(stages)
    manager.ready()
    log.info("monitor_started", stages=list(stages), address=monitor.address)
    # A wait with a time-out, because a bare wait would hold signals back on some platforms.
    while not monitor.stop.wait(1.0):
        monitor.reload_if_asked()
        manager.tell(monitor.problems(), alive=monitor.alive)
    manager.stopping()
    unfinished = monitor.leave(timeout_s=LEAVE_S)
    failed = monitor.failed
    log.info("monitor_left", unfinished=unfinished, failed=failed)
    if unfinished:
        _leave_hard()
    return 1 if failed else 0


def _leave_hard() -> None:
    """End now, as after kill -9, which costs nothing: what was not committed is done again.

    Otherwise what a part is stuck in, such as Kafka's client that waits for a broker which is gone, holds up the exit
    past the patience of whoever asked for it.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)


def leave_on_signals(stop: threading.Event) -> None:
    """Set `stop` on SIGTERM and SIGINT."""

    def leave(number: int) -> None:
        log.info("signal_received", signal=signal.Signals(number).name)
        stop.set()

    _on_signals(leave, signal.SIGTERM, signal.SIGINT)


def reload_on_signal(asked: threading.Event) -> None:
    """Set `asked` on SIGHUP, which would end the process otherwise."""
    _on_signals(lambda _number: asked.set(), signal.SIGHUP)


def _on_signals(react: Callable[[int], None], *numbers: signal.Signals) -> None:
    """Call `react` for each signal, on a thread of its own.

    A handler interrupts the main thread anywhere, also while it holds the lock of an event or of a log, and a second
    signal interrupts the first handler. Only `SimpleQueue.put` may be called there: it is made to be re-entered.
    """
    arrived: SimpleQueue[int] = SimpleQueue()

    def note(number: int, frame: FrameType | None) -> None:
        del frame
        arrived.put(number)

    def watch() -> None:
        while True:
            react(arrived.get())

    threading.Thread(target=watch, daemon=True, name="signals").start()
    for number in numbers:
        signal.signal(number, note)
