"""Silences and matchers: which alerts are kept from being notified. Pure; the semantics are Alertmanager's.

A matcher compares one label, and a label that is absent counts as empty; a regular expression must match all of the
value; every matcher of a list must hold (Alertmanager documentation, "Configuration", matcher).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache

from monitor.domain import Matcher, Silence


@lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.DOTALL)


def matches(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    """Whether `labels` meet every one of `matchers`; none is always met."""
    return all(_meets(matcher, labels.get(matcher.name, "")) for matcher in matchers)


def _meets(matcher: Matcher, value: str) -> bool:
    if matcher.is_regex:
        return (_pattern(matcher.value).fullmatch(value) is not None) == matcher.is_equal
    return (value == matcher.value) == matcher.is_equal


def is_silenced(labels: Mapping[str, str], silences: Iterable[Silence], *, at: datetime) -> bool:
    """Whether a silence in force at `at` covers an alert with `labels`."""
    return any(s.starts_at <= at < s.ends_at and matches(s.matchers, labels) for s in silences)
