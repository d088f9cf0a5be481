"""Paths into JSON, as settings name them: `data.items[0].title`, `symbols[*].symbol`, `title | story_title`.

In: text, once. Out: a path that finds values in anything JSON can hold, and never raises. Names are separated by dots;
one with other characters is quoted, `["a.b"]`; `[0]` counts from the start, `[-1]` from the end; `[*]` is every
element; `$` or nothing is the whole. Of alternatives, separated by `|`, the first that finds more than null counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

_STEP = re.compile(r"""\.?([^\s.\[\]|"'$]+)|\[(-?\d{1,9})\]|\[(\*)\]|\["([^"]+)"\]|\['([^']+)'\]""")
_EACH = None  #: The step to every element of a list.

Step = str | int | None
"""A name, a position, or every element."""


@dataclass(frozen=True, slots=True)
class JsonPath:
    """Where values are."""

    text: str  #: As it was written.
    ways: tuple[tuple[Step, ...], ...]  #: Alternatives, best first.

    @property
    def many(self) -> bool:
        """True when it may find more than one value."""
        return any(_EACH in way for way in self.ways)

    def find(self, value: object) -> list[object]:
        """What is there; null is a value. Empty: the path leads nowhere."""
        found: list[object] = []
        for way in self.ways:
            found = _walk(value, way)
            if any(one is not None for one in found):
                break
        return found

    def first(self, value: object) -> object:
        """The first value that is not null, or None."""
        return next((one for one in self.find(value) if one is not None), None)

    def split(self) -> tuple[JsonPath, JsonPath]:
        """The path to the first list whose elements are meant, and the rest, for each element."""
        way = self.ways[0]
        at = way.index(_EACH) if _EACH in way else len(way)
        return replace(self, ways=(way[:at],)), replace(self, ways=(way[at + 1 :],))


def parse_path(text: str) -> JsonPath:
    """Read a path; raises `ValueError` with what is allowed."""
    return JsonPath(text, tuple(_way(part.strip(), text) for part in text.split("|")))


def _way(part: str, text: str) -> tuple[Step, ...]:
    steps: list[Step] = []
    at = 1 if part.startswith("$") else 0
    while at < len(part):
        match = _STEP.match(part, at)
        if match is None or (not steps and part[at] == "." and at == 0):
            raise ValueError(f"not a path: {text[:60]!r}; write for example data.items[0].title or symbols[*].name")
        name, position, each, *quoted = match.groups()
        steps.append(int(position) if position else _EACH if each else name or quoted[0] or quoted[1])
        at = match.end()
    return tuple(steps)


def _walk(value: object, way: tuple[Step, ...]) -> list[object]:
    found = [value]
    for step in way:
        found = [inner for one in found for inner in _down(one, step)]
    return found


def _down(value: object, step: Step) -> list[object]:
    if isinstance(value, dict):
        return [value[step]] if step in value and isinstance(step, str) else []
    if isinstance(value, list):
        if step is _EACH:
            return value
        return [value[step]] if isinstance(step, int) and -len(value) <= step < len(value) else []
    return []
