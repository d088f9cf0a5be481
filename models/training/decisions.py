"""Read the `Decisions` of the headline set: which entity got which sentiment. Pure.

Names with an apostrophe break the Python literal that the column is; and in some names a replacement that was meant for
the labels has struck (`Frank Rusnegative` for `Frank Russell`): those are mended by the words of the headline.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_DECISION = re.compile(r"""['"](?P<name>.+?)['"]\s*:\s*['"](?P<word>[A-Za-z]+)['"]""")
_STRUCK = {"negative": "sell", "neutral": "hold", "neutraling": "holding", "positive": "buy"}


def parse_decisions(decisions: str, title: str = "") -> Mapping[str, str]:
    """Entity, as the headline writes it where it does, to the sentiment word in lower case."""
    found = {match["name"]: match["word"].lower() for match in _DECISION.finditer(decisions)}
    return {_mended(name, title): word for name, word in found.items()}


def _mended(name: str, title: str) -> str:
    name = " ".join(name.split())
    lowered = title.lower()
    if name.lower() in lowered:
        return name
    for wrong, right in _STRUCK.items():
        candidate = re.sub(wrong, right, name, flags=re.IGNORECASE)
        if candidate.lower() in lowered:
            at = lowered.index(candidate.lower())
            return title[at : at + len(candidate)]
    return name
