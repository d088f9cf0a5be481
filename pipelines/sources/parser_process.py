"""The parent's side of the feed parser: processes that are started when needed and killed when they take too long."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

import msgspec
import structlog

from monitor.errors import TransientError
from pipelines.sources.feed_parser import ParsedFeed, ParseRequest, read_frame, write_frame

log = structlog.get_logger(__name__)

Exchange = Callable[[], bytes | None]

START_TIMEOUT_S = 30.0
ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-P", "-m", "pipelines.sources.feed_parser")


class ParserProcess:
    """One parser process. For one thread at a time; `kill` may come from any."""

    def __init__(self, command: tuple[str, ...] = COMMAND) -> None:
        # A fresh environment: what parses hostile input gets no secrets.
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"},
            cwd="/",
        )
        self._pipes: tuple[IO[bytes], IO[bytes]] = self._pipes_of(self._process)
        if self._within(START_TIMEOUT_S, lambda: read_frame(self._pipes[1])) is None:
            self.kill()
            raise TransientError("the feed parser did not start")

    @staticmethod
    def _pipes_of(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
        if process.stdin is None or process.stdout is None:
            raise TransientError("the feed parser has no pipes")
        return process.stdin, process.stdout

    @property
    def alive(self) -> bool:
        """False once the process has ended."""
        return self._process.poll() is None

    def parse(self, body: bytes, request: ParseRequest, *, timeout_s: float) -> ParsedFeed | None:
        """The parsed feed; None when the process ended or was killed over it, and is of no more use."""

        def exchange() -> bytes | None:
            requests, answers = self._pipes
            write_frame(requests, msgspec.json.encode(request))
            write_frame(requests, body)
            requests.flush()
            return read_frame(answers)

        reply = self._within(timeout_s, exchange)
        return None if reply is None else msgspec.json.decode(reply, type=ParsedFeed)

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()
        self._process.wait()
        for pipe in self._pipes:
            try:
                pipe.close()
            except OSError:  # What was buffered for a process that is gone.
                continue

    def _within(self, timeout_s: float, exchange: Exchange) -> bytes | None:
        """Run `exchange`; after `timeout_s` the process is killed, which ends any wait on its pipes."""
        watchdog = threading.Timer(timeout_s, self._process.kill)
        watchdog.daemon = True
        watchdog.start()
        try:
            return exchange()
        except OSError:
            return None
        finally:
            watchdog.cancel()


class FeedParser:
    """Parses feeds for any number of threads with at most `processes` parser processes."""

    def __init__(
        self, *, timeout_s: float, max_items: int, processes: int = 2, command: tuple[str, ...] = COMMAND
    ) -> None:
        self._timeout_s = timeout_s
        self._max_items = max_items
        self._command = command
        self._slots = threading.BoundedSemaphore(processes)
        self._lock = threading.Lock()
        self._idle: list[ParserProcess] = []

    def parse(self, body: bytes, *, content_type: str, url: str) -> ParsedFeed:
        """Parse `body`. Raises `TransientError` when the parser had to be given up."""
        request = ParseRequest(
            content_type=content_type,
            url=url,
            max_items=self._max_items,
            alarm_s=math.ceil(self._timeout_s) + 1,
        )
        with self._slots:
            process = self._take()
            parsed = process.parse(body, request, timeout_s=self._timeout_s)
            if parsed is None:
                process.kill()
                log.warning("feed_parser_killed", url=url, bytes=len(body), timeout_s=self._timeout_s)
                raise TransientError(f"the feed took longer than {self._timeout_s:g} s to parse, or too much memory")
            with self._lock:
                self._idle.append(process)
            return parsed

    def _take(self) -> ParserProcess:
        while True:
            with self._lock:
                process = self._idle.pop() if self._idle else None
            if process is None:
                return ParserProcess(self._command)
            if process.alive:
                return process
            process.kill()

    def close(self) -> None:
        """End the idle processes; one that is busy ends with its parse."""
        with self._lock:
            idle, self._idle = self._idle, []
        for process in idle:
            process.kill()
