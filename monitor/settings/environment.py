"""Settings from the environment: `TAPEWATCH_` and the path of the key joined by `__`.

`TAPEWATCH_WEB__PORT=9000`, `TAPEWATCH_KAFKA__BOOTSTRAP_SERVERS=a:9092,b:9092`,
`TAPEWATCH_ALERTING__RECEIVERS__0__PASSWORD=...`. A list is written as JSON or separated by commas, a section as JSON;
an empty value stands for "none" where the key allows that. The environment wins over the file.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import NoneType
from typing import Any, get_origin

from monitor.settings.root import Settings
from monitor.settings.shape import Path, choices_of, is_container, keys_of, types_at

PREFIX = "TAPEWATCH_"

#: Variables of this prefix that are no settings.
RESERVED = frozenset({
    "TAPEWATCH_CONFIG",  # the configuration file, for the command line
    "TAPEWATCH_REQUIRE_SERVERS",  # tests: a server that cannot be started is a failure
    "TAPEWATCH_SHARED",  # tests: the development data
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """What the environment says."""

    values: Mapping[Path, object] = field(default_factory=dict)  #: Shortest paths first.
    variables: Mapping[Path, str] = field(default_factory=dict)  #: The variable that each came from.
    problems: Sequence[str] = ()  #: Variables that could not be read, one line each.


def read_environment(environ: Mapping[str, str]) -> Overlay:
    """Collect the variables that are settings; unknown ones and broken JSON become problems."""
    values: dict[Path, object] = {}
    variables: dict[Path, str] = {}
    problems: list[str] = []
    for name in sorted(environ, key=lambda n: (n.count("__"), n)):
        if not name.startswith(PREFIX) or name in RESERVED:
            continue
        path = _path_of(name)
        types = types_at(Settings, path)
        if not types:
            problems.append(f"{name}: {_unknown(path)}")
            continue
        try:
            values[path] = _value_of(environ[name], types)
            variables[path] = name
        except ValueError as err:
            problems.append(f"{name}: not JSON: {err}")
    return Overlay(values=values, variables=variables, problems=problems)


def apply_overlay(raw: dict[str, Any], overlay: Overlay) -> list[str]:
    """Write the overlay into `raw`; returns what did not fit."""
    return [
        f"{overlay.variables[path]}: {problem}"
        for path, value in overlay.values.items()
        if (problem := _put(raw, path, value))
    ]


def suggest(key: str, known: Sequence[str]) -> str:
    """Say that `key` is unknown, and which one was probably meant."""
    if close := difflib.get_close_matches(key, known, n=1, cutoff=0.7):
        return f"unknown key; did you mean {close[0]}?"
    return f"unknown key; allowed: {', '.join(known) or 'nothing below this'}"


def _path_of(name: str) -> Path:
    parts = name.removeprefix(PREFIX).lower().split("__")
    return tuple(int(part) if part.isdecimal() else part for part in parts)


def _unknown(path: Path) -> str:
    for end in range(len(path)):
        types = types_at(Settings, path[:end])
        if not types_at(Settings, path[: end + 1]):
            return suggest(str(path[end]), keys_of(types))
    return "unknown key"


def _value_of(text: str, types: Sequence[Any]) -> object:
    text = text.strip()
    if not text and NoneType in types:
        return None
    if text[:1] in ("{", "[") and any(is_container(one) for one in types):
        return json.loads(text)
    if any(get_origin(one) is tuple for one in types) and text not in choices_of(types):
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def _put(raw: dict[str, Any], path: Path, value: object) -> str | None:
    at: Any = raw
    for part, following in zip(path, (*path[1:], None), strict=True):
        new = value if following is None else ([] if isinstance(following, int) else {})
        if isinstance(at, list) and isinstance(part, int):
            if part > len(at):
                return f"there are only {len(at)} items before this one; the next index is {len(at)}"
            at[part : part + 1] = [new if following is None or part == len(at) else (at[part] or new)]
        elif isinstance(at, dict):
            at[part] = new if following is None or at.get(part) is None else at[part]
        else:
            return None  # the file holds something else here; validation says so
        at = at[part]
    return None
