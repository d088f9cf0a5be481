"""Read an item of a JSON API: any JSON value in, one raw item out; one that cannot be read carries its refusal.

Nothing that JSON can hold raises. A field that has to be there and is not, or that holds a list or an object where a
word is needed, refuses the item, by the name of the setting and its path.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import msgspec

from monitor.errors import InvalidRecordError
from monitor.json_path import JsonPath, parse_path
from monitor.settings import JsonSource
from pipelines.sources.base import RawItem
from pipelines.sources.json_dates import read_date

_TOO_DEEP = b"(nested too deeply to be written down)"

Finish = Callable[[object, RawItem], RawItem | None]
"""Completes what paths cannot say, from the item as it came; None: the item is none of ours."""


def unchanged(_: object, raw: RawItem) -> RawItem:
    """Complete nothing."""
    return raw


class ItemReader:
    """Reads the items of one source."""

    def __init__(self, settings: JsonSource, *, ids: str, finish: Finish = unchanged) -> None:
        self._settings = settings
        self._ids = ids
        self._finish = finish
        given = settings.fields.model_dump(exclude={"published_at_format"}, exclude_none=True)
        self._paths: Mapping[str, JsonPath] = {name: parse_path(text) for name, text in given.items()}

    def read(self, item: object) -> RawItem | None:
        """The raw item, refused where it has to be; None where it is none of ours."""
        try:
            return self._finish(item, self._read(item))
        except InvalidRecordError as err:
            return RawItem(
                source=self._settings.name,
                source_class=self._settings.source_class,
                raw=as_bytes(item),
                refusal=str(err),
                refusal_reason=err.reason,
            )

    def _read(self, item: object) -> RawItem:
        id_ = self._needed(item, "id") if "id" in self._paths else None
        return RawItem(
            source=self._settings.name,
            source_class=self._settings.source_class,
            raw=as_bytes(item),
            id=f"{self._ids}:{id_}" if id_ else None,
            published_at=read_date(self._needed(item, "published_at"), self._settings.fields.published_at_format),
            title=self._word(item, "title") or "",
            text=self._word(item, "text") or "",
            url=self._word(item, "url"),
            author=self._word(item, "author"),
            lang=self._word(item, "lang") or self._settings.lang,
            entities=self._entities(item),
            html=self._settings.html,
        )

    def _needed(self, item: object, name: str) -> str:
        word = self._word(item, name)
        if not word:
            raise InvalidRecordError(f"fields.{name}: nothing at {self._paths[name].text!r}", reason="schema")
        return word

    def _word(self, item: object, name: str) -> str | None:
        path = self._paths.get(name)
        value = path.first(item) if path else None
        if path is None or value is None:
            return None
        word = as_word(value)
        if word is None:
            raise InvalidRecordError(f"fields.{name}: {path.text!r} holds {kind_of(value)}, not text", reason="schema")
        return word

    def _entities(self, item: object) -> tuple[str, ...]:
        path = self._paths.get("entities")
        tickers: list[str] = []
        for found in path.find(item) if path else ():
            for value in found if isinstance(found, list) else (found,):
                if value is not None and not isinstance(value, str):
                    detail = f"fields.entities: {path.text if path else ''!r} holds {kind_of(value)}, not tickers"
                    raise InvalidRecordError(detail, reason="schema")
                tickers += [_sound(part.strip()) for part in (value or "").split(",") if part.strip()]
        return tuple(dict.fromkeys(tickers))


def as_word(value: object) -> str | None:
    """Text or a number as text; None for anything else."""
    if isinstance(value, str):
        return _sound(value).strip()
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def as_bytes(item: object) -> bytes:
    """The item as JSON, for the dead letters."""
    try:
        return msgspec.json.encode(item)
    except UnicodeEncodeError:  # half of a surrogate pair
        return json.dumps(item).encode("ascii")
    except RecursionError:
        return _TOO_DEEP


def kind_of(value: object) -> str:
    """What a JSON value is, in words."""
    kinds = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")


def _sound(text: str) -> str:
    # Half of a surrogate pair can be written in JSON, and nowhere else.
    return text.encode("utf-8", "replace").decode("utf-8")
