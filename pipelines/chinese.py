"""Chinese for matching: traditional characters become simplified ones, one for one, so that positions stay.

For comparing and finding alone: what a reader sees is never changed. Characters are mapped by OpenCC's tables without
its phrases, so that a text folds the same wherever it is cut.
"""

from __future__ import annotations

from functools import cache

from opencc import OpenCC

_FIRST, _LAST = 0x3400, 0x9FFF  #: The ideographs of the basic plane.


def simplified(text: str) -> str:
    """`text` with simplified characters; of the same length, and the same when folded again."""
    return text if text.isascii() else text.translate(_table())


@cache
def _table() -> dict[int, int]:
    converter = OpenCC("t2s")
    pairs = ((code, converter.convert(chr(code))) for code in range(_FIRST, _LAST + 1))
    found = {code: ord(to) for code, to in pairs if len(to) == 1 and ord(to) != code}
    # A few lead to a character that itself leads on: follow to the end.
    return {code: found.get(to, to) for code, to in found.items()}
