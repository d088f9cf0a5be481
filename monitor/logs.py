"""Structured logs on standard error: console on a terminal, JSON lines otherwise.

Libraries log through the standard library and come out in the same form. What looks like a secret is masked, whoever
wrote it; a client that repeats one message in a loop is held to one line in ten seconds.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Protocol, TextIO

import structlog
from structlog.typing import EventDict, Processor

from monitor.terminal import visible

MASK = "***"
REPEAT_S = 10.0  #: A library's message is written once in so long.
_MAX_REMEMBERED = 1000
_NOISY = (
    "kafka",
    "uvicorn",
    "apscheduler",
    "sqlalchemy",
    "alembic",
    "httpcore2",
    "asyncio",
    "transformers",
    "mail.log",
)
_SECRET_KEY = re.compile(r"password|passwd|secret|token|authorization|cookie|credential|api_?key", re.IGNORECASE)
_SECRET_TEXT = (
    (re.compile(r"(\w://[^/\s:@]*:)[^/\s@]+(?=@)"), rf"\g<1>{MASK}"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=\-]{4,}"), rf"\g<1> {MASK}"),
    (re.compile(r"whsec_[\w+/=\-]+"), f"whsec_{MASK}"),
)


class LogSettings(Protocol):
    """What is read of `monitor.settings.LoggingSettings`; logs stand beside settings and do not import them."""

    @property
    def level(self) -> str:
        """Least level written: debug, info, warning, error."""

    @property
    def format(self) -> str:
        """`auto`, `console` or `json`."""


def configure_logging(settings: LogSettings, *, stream: TextIO | None = None) -> None:
    """Send all logs to `stream`, standard error when left out. May be called again; the last call holds."""
    out = stream or sys.stderr
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    as_json = settings.format == "json" or (settings.format == "auto" and not out.isatty())
    structlog.configure(
        processors=[*_shared(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,  # a test or a later call may configure again
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(_formatter(as_json=as_json, colors=out.isatty()))
    handler.addFilter(_Repeats())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    # It warns of every run that is passed over because the one before still goes on: here that is how it should be.
    logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)
    logging.captureWarnings(capture=True)


def mask_secrets(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Mask values under telling keys, and credentials inside texts."""
    masked: EventDict = _masked(event)
    return masked


def show_controls(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Write out what a terminal would obey; JSON does so by itself."""
    return {key: visible(value) if isinstance(value, str) else value for key, value in event.items()}


def _masked(value: Any) -> Any:  # noqa: ANN401 -- log values are of any type
    if isinstance(value, str):
        for pattern, replacement in _SECRET_TEXT:
            value = pattern.sub(replacement, value)
        return value
    if isinstance(value, Mapping):
        return {key: _masked_under(str(key), inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_masked(inner) for inner in value]
    return value


def _masked_under(key: str, value: Any) -> Any:  # noqa: ANN401 -- log values are of any type
    # A number under such a key is a count (`tokens=51`), not a secret.
    secret = _SECRET_KEY.search(key) and not isinstance(value, (int, float)) and value is not None
    return MASK if secret else _masked(value)


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _formatter(*, as_json: bool, colors: bool) -> logging.Formatter:
    renderer: Processor = structlog.processors.JSONRenderer(default=str)
    if not as_json:
        renderer = structlog.dev.ConsoleRenderer(
            colors=colors, exception_formatter=structlog.dev.plain_traceback, pad_event_to=0
        )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*_shared(), structlog.stdlib.ExtraAdder()],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            # Before masking, so that a traceback is masked too.
            structlog.processors.format_exc_info,
            mask_secrets,
            *([] if as_json else [show_controls]),
            renderer,
        ],
    )


class _Repeats(logging.Filter):
    """Lets a library's message through once in `REPEAT_S`; our own events always."""

    def __init__(self) -> None:
        super().__init__()
        self._last: MutableMapping[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.msg, dict):
            return True
        key = (record.name, str(record.msg))  # the pattern, before its arguments are filled in
        last, held_back = self._last.get(key, (-REPEAT_S, 0))
        if record.created - last < REPEAT_S:
            self._last[key] = (last, held_back + 1)
            return False
        if len(self._last) >= _MAX_REMEMBERED:
            self._last.clear()
        self._last[key] = (record.created, 0)
        if held_back:
            record.repeated = held_back
        return True
