"""The parent's side of the parsers: processes that are started when needed and killed when they take too long."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Literal

import msgspec
import structlog

from monitor.errors import TransientError
from pipelines.sources.article_requests import PageRequest, ParsedArticle, ParsedSitemap
from pipelines.sources.feed_parser import ParsedFeed, ParseRequest
from pipelines.sources.frames import read_frame, write_frame

log = structlog.get_logger(__name__)

Exchange = Callable[[], bytes | None]
Command = tuple[str, ...]

START_TIMEOUT_S = 30.0
ROOT = Path(__file__).resolve().parents[2]
FEED_COMMAND: Command = (sys.executable, "-P", "-m", "pipelines.sources.feed_parser")
ARTICLE_COMMAND: Command = (sys.executable, "-P", "-m", "pipelines.sources.article_parser")


class GivenUpError(TransientError):
    """The parser had to be killed over this body, or died of it."""


class ParserProcess:
    """One parser process. For one thread at a time; `kill` may come from any."""

    def __init__(self, command: Command) -> None:
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
            raise TransientError("the parser did not start")

    @staticmethod
    def _pipes_of(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
        if process.stdin is None or process.stdout is None:
            raise TransientError("the parser has no pipes")
        return process.stdin, process.stdout

    @property
    def alive(self) -> bool:
        """False once the process has ended."""
        return self._process.poll() is None

    def ask(self, head: bytes, body: bytes, *, timeout_s: float) -> bytes | None:
        """The answer; None when the process ended or was killed over it, and is of no more use."""

        def exchange() -> bytes | None:
            requests, answers = self._pipes
            write_frame(requests, head)
            write_frame(requests, body)
            requests.flush()
            return read_frame(answers)

        return self._within(timeout_s, exchange)

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


class ParserPool:
    """Asks parsers for any number of threads, with at most `processes` processes."""

    def __init__(self, *, timeout_s: float, max_items: int, command: Command, processes: int = 2) -> None:
        self._timeout_s = timeout_s
        self._max_items = max_items
        self._command = command
        self._slots = threading.BoundedSemaphore(processes)
        self._lock = threading.Lock()
        self._idle: list[ParserProcess] = []

    @property
    def _alarm_s(self) -> int:
        return math.ceil(self._timeout_s) + 1

    def _ask(self, request: msgspec.Struct, body: bytes, *, what: str, url: str) -> bytes:
        """The answer to `request` about `body`. Raises `GivenUpError` when the parser had to be given up."""
        with self._slots:
            process = self._take()
            reply = process.ask(msgspec.json.encode(request), body, timeout_s=self._timeout_s)
            if reply is None:
                process.kill()
                log.warning("parser_killed", what=what, url=url, bytes=len(body), timeout_s=self._timeout_s)
                raise GivenUpError(f"the {what} took longer than {self._timeout_s:g} s to parse, or too much memory")
            with self._lock:
                self._idle.append(process)
            return reply

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


class FeedParser(ParserPool):
    """Parses feeds."""

    def __init__(
        self, *, timeout_s: float, max_items: int, processes: int = 2, command: Command = FEED_COMMAND
    ) -> None:
        super().__init__(timeout_s=timeout_s, max_items=max_items, processes=processes, command=command)

    def parse(self, body: bytes, *, content_type: str, url: str) -> ParsedFeed:
        """Parse `body`. Raises `TransientError` when the parser had to be given up."""
        request = ParseRequest(content_type=content_type, url=url, max_items=self._max_items, alarm_s=self._alarm_s)
        return msgspec.json.decode(self._ask(request, body, what="feed", url=url), type=ParsedFeed)


class ArticleParser(ParserPool):
    """Parses pages and sitemaps."""

    def __init__(
        self, *, timeout_s: float, max_items: int, processes: int = 2, command: Command = ARTICLE_COMMAND
    ) -> None:
        super().__init__(timeout_s=timeout_s, max_items=max_items, processes=processes, command=command)

    def article(self, body: bytes, *, content_type: str, url: str) -> ParsedArticle:
        """The article of a page. Raises `TransientError` when the parser had to be given up."""
        reply = self._ask(self._request("article", content_type, url), body, what="page", url=url)
        return msgspec.json.decode(reply, type=ParsedArticle)

    def sitemap(self, body: bytes, *, url: str) -> ParsedSitemap:
        """The entries of a sitemap. Raises `TransientError` when the parser had to be given up."""
        reply = self._ask(self._request("sitemap", "", url), body, what="sitemap", url=url)
        return msgspec.json.decode(reply, type=ParsedSitemap)

    def _request(self, what: Literal["article", "sitemap"], content_type: str, url: str) -> PageRequest:
        return PageRequest(
            what=what, content_type=content_type, url=url, max_items=self._max_items, alarm_s=self._alarm_s
        )
