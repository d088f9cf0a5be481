"""Text for a terminal: what a stranger wrote must not move its cursor, turn its direction or name its window. Pure."""

from __future__ import annotations

import re

#: Controls but line feed and tab, direction marks, lone surrogates.
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    """`text` with whatever a terminal would obey written out as an escape."""
    return _OBEYED.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)
