"""Make strangers' text and links safe to show: one line, no control or direction characters, http(s) links only.

Comes in: anything a feed, a post or a server wrote. Goes out: a short line that cannot start a mail header, turn the
reading direction of what follows, or carry invisible characters; and a link that a reader may click.
"""

from __future__ import annotations

import unicodedata
from urllib.parse import urlsplit

MAX_URL_CHARS = 2000
READ_AHEAD = 4  #: Characters looked at for each one shown: enough for runs of blanks, and a bound on the work.
_JOINERS = {"\u200c", "\u200d"}  # invisible, but words in Persian and Hindi and emoji need them


def plain(text: str, max_chars: int) -> str:
    """Return `text` as one line of at most `max_chars` characters, cut with an ellipsis."""
    ahead = text[: max_chars * READ_AHEAD]
    line = " ".join("".join(_shown(c) for c in unicodedata.normalize("NFC", ahead)).split())
    cut = len(line) > max_chars or (len(ahead) < len(text) and bool(line))
    return line[: max_chars - 1].rstrip() + "…" if cut else line


def _shown(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Cc":
        return " "  # a line break between two words must not glue them together
    return "" if category[0] == "C" and char not in _JOINERS else char


def safe_url(url: str | None) -> str | None:
    """Return `url` when it is an http(s) link with a host and without user name, control character or blank."""
    if url is None or len(url) > MAX_URL_CHARS or not url.isprintable() or any(c in url for c in " \"'<>\\`"):
        return None
    try:
        parts = urlsplit(url)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        return None
    is_web = parts.scheme in ("http", "https") and bool(parts.hostname)
    return url if is_web and port_is_fine and "@" not in parts.netloc else None
