"""What was wrong with the settings, one line a problem: key, what was wrong, what is allowed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from monitor.settings.environment import suggest
from monitor.settings.root import Settings
from monitor.settings.secrets import SECRET_KEYS
from monitor.settings.shape import Path, choices_of, keys_of, types_at

_WORD = re.compile(r"[A-Za-z_][\w.\-]*")
_SHOWN_CHARS = 60


def explain(error: ValidationError, raw: Mapping[str, Any]) -> dict[Path, str]:
    """The problems of `error` by path, in the words of the configuration file."""
    found: dict[Path, str] = {}
    for detail in error.errors(include_url=False):
        path = _user_path(detail["loc"], raw)
        # A union reports each of its members; they are one problem.
        found[path] = _either(path, detail) if path in found else _message(path, detail)
    return found


def _user_path(loc: tuple[int | str, ...], raw: Mapping[str, Any]) -> Path:
    """Drop what pydantic adds to a path: the tag after an index, the member of a union and what follows it."""
    path: list[int | str] = []
    at: Any = raw
    for part in loc:
        if isinstance(part, str) and not _WORD.fullmatch(part) and not (isinstance(at, dict) and part in at):
            break
        if path and isinstance(path[-1], int) and isinstance(at, dict) and part == at.get("type"):
            continue
        path.append(part)
        at = _child(at, part)
    return tuple(path)


def _child(at: Any, part: int | str) -> Any:  # noqa: ANN401 - raw YAML
    if isinstance(at, dict):
        return at.get(part)
    if isinstance(at, list) and isinstance(part, int) and part < len(at):
        return at[part]
    return None


def _message(path: Path, detail: ErrorDetails) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return suggest(str(path[-1]), keys_of(types_at(Settings, path[:-1])))
    if kind == "missing":
        return "is missing; it has no default"
    if kind == "value_error":
        return str(context["error"])
    if kind == "union_tag_not_found":
        return f"type is missing; allowed: {_tags(path)}"
    if kind == "union_tag_invalid":
        return f"type is {context['tag']!r}; allowed: {_tags(path)}"
    return _sentence(detail["msg"]) + _got(path, detail)


def _either(path: Path, detail: ErrorDetails) -> str:
    choices = ", ".join(map(str, choices_of(types_at(Settings, path))))
    return f"must be {choices} or a list{_got(path, detail)}"


def _tags(path: Path) -> str:
    return ", ".join(sorted(map(str, choices_of(types_at(Settings, (*path, "type"))))))


def _sentence(message: str) -> str:
    message = message.replace("Input should", "must").replace("a valid dictionary", "a mapping of keys to values")
    return message.replace("a valid tuple", "a list").replace("timedelta", "duration")


def _got(path: Path, detail: ErrorDetails) -> str:
    value = detail.get("input")
    if any(part in SECRET_KEYS for part in path) or isinstance(value, (dict, list, tuple)):
        return ""
    if isinstance(value, bool) and detail["type"] == "string_type":
        return f", got {str(value).lower()} (YAML reads a bare yes, no, on, off as true or false: put it in quotes)"
    return f", got {value!r:.{_SHOWN_CHARS}}" if not isinstance(value, str) else f", got {value[:_SHOWN_CHARS]!r}"
