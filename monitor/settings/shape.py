"""The shape of the configuration: which keys exist at a path, and what type they take.

A path is the user's own spelling: `("alerting", "rules", 0, "for")`. Where a value may be one of several sections
(a source is a feed or a file), the keys of all of them exist.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from monitor.settings.base import Section

Path = tuple[str | int, ...]


def types_at(root: type[Section], path: Sequence[str | int]) -> tuple[Any, ...]:
    """The plain types that the value at `path` may have; empty: there is no such key."""
    types: tuple[Any, ...] = (root,)
    for part in path:
        types = tuple(leaf for one in types for leaf in _step(one, part))
    return types


def keys_of(types: Sequence[Any]) -> tuple[str, ...]:
    """The keys of the sections among `types`, as the user writes them."""
    keys = {
        field.alias or name
        for one in types
        if isinstance(one, type) and issubclass(one, Section)
        for name, field in one.model_fields.items()
    }
    return tuple(sorted(keys))


def is_container(annotation: Any) -> bool:  # noqa: ANN401 - a type annotation has no type of its own
    """True for a section, a list and a free mapping."""
    return get_origin(annotation) in (tuple, dict) or (isinstance(annotation, type) and issubclass(annotation, Section))


def choices_of(types: Sequence[Any]) -> tuple[Any, ...]:
    """The values that literals among `types` allow."""
    return tuple(value for one in types if get_origin(one) is Literal for value in get_args(one))


def show_path(path: Sequence[str | int]) -> str:
    """Write `path` as people do: `sources[2].url`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def _step(annotation: Any, part: str | int) -> tuple[Any, ...]:  # noqa: ANN401 - as above
    origin = get_origin(annotation)
    if origin is tuple and isinstance(part, int):
        return _leaves(get_args(annotation)[0])
    if origin is dict and isinstance(part, str):
        return _leaves(get_args(annotation)[1])
    if isinstance(annotation, type) and issubclass(annotation, Section):
        for name, field in annotation.model_fields.items():
            if part == (field.alias or name):
                return _leaves(field.annotation)
    return ()


def _leaves(annotation: Any) -> tuple[Any, ...]:  # noqa: ANN401 - as above
    origin = get_origin(annotation)
    if origin is Annotated:
        return _leaves(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return tuple(leaf for arg in get_args(annotation) for leaf in _leaves(arg))
    return (annotation,)
