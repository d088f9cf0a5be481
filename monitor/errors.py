"""The error family: each class answers one question, what to do next.

Adapters translate a library's errors into these with ``raise ... from err``; nothing above an adapter
catches a library's own exception.
"""

from __future__ import annotations


class MonitorError(Exception):
    """Base of every error that tapewatch raises on purpose."""


class TransientError(MonitorError):
    """Retry unchanged, later: broker or database away, time-out, HTTP 429 or 5xx.

    `retry_after_s` is the wait that the other side asked for, in seconds, where it asked for one.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class PermanentError(MonitorError):
    """Do not retry: the other side refused for good (HTTP 404, SMTP 550, an address that is not allowed)."""


class InvalidRecordError(MonitorError):
    """Never retry: dead-letter the record with `reason` and go on.

    `reason` is one of `monitor.domain.REJECT_REASONS`, so that it can label a metric; the message is for people.
    """

    def __init__(self, message: str, *, reason: str = "invalid") -> None:
        super().__init__(message)
        self.reason = reason


class FencedError(MonitorError):
    """Another worker owns this partition now: drop the batch, uncommitted; it comes again there."""


class ConfigurationError(MonitorError):
    """Refuse to start: the command line prints this and exits with status 2."""


class ArtifactError(ConfigurationError):
    """A model folder is missing, incomplete, tampered with or not safe to load."""
