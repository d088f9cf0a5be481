"""Tell which records hold a document or an author that is to be erased: bytes of the bus in, yes or no out. Pure.

Documents and labels are ours and read exactly. What was refused may have any shape: a text in it that is the id or the
author, whole, under whatever key, makes it one. Of what is not even JSON a quoted text is enough.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from monitor.domain import Record
from pipelines.letters import HeldLetter

MAX_DEPTH = 50  #: Deeper, a refused text is searched as it is written.

_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """A document by its id, or an author; exactly one of them."""

    id: str | None = None
    author: str | None = None

    def document_in(self, record: Record) -> str | None:
        """The id of the document in a record of the documents or labels topic, where it is sought."""
        held = _object(record.value)
        held = held.get("document", held)
        id_, author = (held.get(name) for name in ("id", "author")) if isinstance(held, dict) else (None, None)
        if not isinstance(id_, str):
            return None
        mine = id_ == self.id if self.author is None else isinstance(author, str) and folded(author) == self._author
        return id_ if mine else None

    def is_in_letter(self, held: HeldLetter) -> bool:
        """Whether a refused record holds it."""
        value, source = held.letter.value, held.letter.source
        try:
            texts = list(_texts(_decode(value), MAX_DEPTH))
        except (msgspec.DecodeError, RecursionError, ValueError):
            return self._is_quoted(value)
        if self.author is not None:
            return any(folded(text) == self._author for text in texts)
        # A feed's own id stands behind its name in ours.
        return any(text == self.id or (source and f"{source}:{text}" == self.id) for text in texts)

    @property
    def _author(self) -> str:
        return folded(self.author or "")

    def _is_quoted(self, value: bytes) -> bool:
        text = value.decode("utf-8", "replace").casefold()
        wanted = folded(self.id if self.author is None and self.id else self.author or "")
        written = msgspec.json.encode(wanted).decode()
        return f'"{wanted}"' in text or written in text


def folded(name: str) -> str:
    """An author as caps tell him from others: capitals and outer blanks do not matter."""
    return name.strip().casefold()


def _object(value: bytes) -> dict[str, Any]:
    try:
        held = _decode(value)
    except (msgspec.DecodeError, RecursionError, ValueError):
        return {}
    return held if isinstance(held, dict) else {}


def _texts(held: object, depth: int) -> Iterator[str]:
    """Every text in a JSON value, keys apart; raises `ValueError` where it is nested too deeply."""
    if depth == 0:
        raise ValueError("nested too deeply")
    if isinstance(held, str):
        yield held
    elif isinstance(held, (list, dict)):
        for inner in held.values() if isinstance(held, dict) else held:
            yield from _texts(inner, depth - 1)
