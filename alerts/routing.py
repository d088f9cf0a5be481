"""Routing: which receivers get an alert, and in which group. Pure.

The words, defaults and semantics are Alertmanager's (Alertmanager documentation, "Configuration", route): an alert
enters at the root, which matches everything, and goes down to the deepest routes that match; of the children of one
route the first match ends the search unless it says `continue`; a child inherits what it does not set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from alerts.silences import matches
from monitor.domain import Matcher
from monitor.settings import MatcherSettings, RouteSettings

EVERY_LABEL = "..."
"""In `group_by`: every combination of labels is a group of its own, so nothing is grouped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A route with nothing left to inherit."""

    key: str  #: Path of matchers from the root; the first part of a group's key.
    receiver: str | None
    matchers: tuple[Matcher, ...] = ()
    group_by: tuple[str, ...] = ("alertname", "entity")
    group_wait: timedelta = timedelta(seconds=30)
    group_interval: timedelta = timedelta(minutes=5)
    repeat_interval: timedelta = timedelta(hours=4)
    goes_on: bool = False  #: `continue`.
    routes: tuple[Route, ...] = ()

    def find(self, labels: Mapping[str, str]) -> tuple[Route, ...]:
        """The routes that take an alert with `labels`; empty when this one does not match."""
        if not matches(self.matchers, labels):
            return ()
        found: list[Route] = []
        for child in self.routes:
            taken = child.find(labels)
            found.extend(taken)
            if taken and not child.goes_on:
                break
        return tuple(found) or (self,)

    def group_labels(self, labels: Mapping[str, str]) -> dict[str, str]:
        """The labels that make the group of an alert with `labels`."""
        names = sorted(labels) if EVERY_LABEL in self.group_by else self.group_by
        return {name: labels.get(name, "") for name in names}

    def group_key(self, labels: Mapping[str, str]) -> str:
        """The key of the group of an alert with `labels`, as Alertmanager writes it."""
        parts = (f'{name}="{value}"' for name, value in sorted(self.group_labels(labels).items()))
        return f"{self.key}:{{{', '.join(parts)}}}"


def build_route(settings: RouteSettings) -> Route:
    """The tree of the configuration with everything inherited."""
    root = settings.model_copy(update={"matchers": ()})  # the root matches everything
    return _build(root, Route(key="", receiver=None), index=None)


def _build(settings: RouteSettings, parent: Route, *, index: int | None) -> Route:
    own = tuple(_matcher(m) for m in settings.matchers)
    names = ("receiver", "group_by", "group_wait", "group_interval", "repeat_interval")
    given = {name: value for name in names if (value := getattr(settings, name)) is not None}
    here = replace(parent, **given, key=_key(parent.key, own, index), matchers=own, goes_on=settings.continue_)
    children = tuple(_build(child, here, index=i) for i, child in enumerate(settings.routes))
    return replace(here, routes=children)


def _key(parent: str, matchers: tuple[Matcher, ...], index: int | None) -> str:
    text = ",".join(f"{m.name}{_operator(m)}{m.value!r}" for m in matchers)
    # Two children may have the same matchers; their place tells their groups apart.
    return f"{{{text}}}" if index is None else f"{parent}/{{{text}}}/{index}"


def _operator(matcher: Matcher) -> str:
    return ("=" if matcher.is_equal else "!") + ("~" if matcher.is_regex else "" if matcher.is_equal else "=")


def _matcher(settings: MatcherSettings) -> Matcher:
    return Matcher(name=settings.name, value=settings.value, is_regex=settings.is_regex, is_equal=settings.is_equal)
