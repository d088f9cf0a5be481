"""Feed bytes to items, in a process of its own: `python -m pipelines.sources.feed_parser`.

In: a body with its content type and address. Out: items as plain values, capped in number and length. feedparser takes
hostile input apart, and some of it for minutes or in gigabytes; so this process has a memory limit, an alarm, no
secrets in its environment, and a parent that kills it (`frames.py`).
"""

from __future__ import annotations

import calendar
import hashlib
import html
import io
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import feedparser
import msgspec

from pipelines.sources.frames import run_parser

MAX_ID_CHARS = 180
MAX_URL_CHARS = 2000
MAX_TITLE_CHARS = 5000
MAX_TEXT_CHARS = 200_000  #: Of HTML, before it is cleaned.
MAX_AUTHOR_CHARS = 200

_LANG = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8}){0,3}")
_CHARREF = re.compile(rb"&#(?:[xX]([0-9a-fA-F]+)|([0-9]+));?")
_CHARREF_DIGITS = 7  #: Of the largest character, in decimal.
_SURROGATES = (0xD800, 0xDFFF)
_WIDE_BYTES = 4  #: Of `<` in any encoding of more than a byte a letter, its mark before it included.
_GLOBAL_ID = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:.")


class ParseRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What precedes a body."""

    content_type: str  #: As the server sent it; decides the encoding together with the body.
    url: str  #: Where the body came from; relative links start there.
    max_items: int
    alarm_s: int  #: The process ends itself after so long, should the parent be gone.


class FeedItem(msgspec.Struct, frozen=True, kw_only=True):
    """One entry; title and text are HTML."""

    id: str
    title: str
    text: str
    url: str | None
    published_at: str | None  #: RFC 3339, UTC; None where the feed gives no date that can be read.
    author: str | None
    lang: str | None


class ParsedFeed(msgspec.Struct, frozen=True, kw_only=True):
    """What could be got out of a body."""

    items: list[FeedItem] = []
    entries: int = 0  #: Entries in the feed; more than `items` when there were too many or empty ones.
    version: str = ""  #: As feedparser names it, for example rss20; empty: not recognised.
    problem: str | None = None  #: Why the feed is not well-formed, where it is not.

    @property
    def recognised(self) -> bool:
        """False when this is no feed at all."""
        return bool(self.version or self.entries)


def parse_feed(body: bytes, *, content_type: str, url: str, max_items: int) -> ParsedFeed:
    """Parse `body`, well-formed or not."""
    headers = {"content-location": url}
    if b"\0" in body[:_WIDE_BYTES]:
        content_type = "application/xml"  # UTF-16 or -32, whatever the server says of it: the XML parser knows which
    if content_type:
        headers["content-type"] = content_type
    # A stream, never text: feedparser would fetch an address or open a file. Neither option is needed for plain text.
    found = feedparser.parse(
        io.BytesIO(_CHARREF.sub(_sound_charref, body)),
        response_headers=headers,
        sanitize_html=False,
        resolve_relative_uris=False,
    )
    lang = _lang(found.feed.get("language"))
    items = [_item(entry, host=urlsplit(url).hostname or "", lang=lang) for entry in found.entries[:max_items]]
    problem = str(found.get("bozo_exception") or "malformed")[:300] if found.bozo else None
    return ParsedFeed(items=items, entries=len(found.entries), version=found.get("version") or "", problem=problem)


def _sound_charref(match: re.Match[bytes]) -> bytes:
    """Replace references that name no character (halves of surrogate pairs, say): feedparser would give up the feed."""
    digits = (match[1] or match[2]).lstrip(b"0") or b"0"
    code = int(digits, 16 if match[1] else 10) if len(digits) <= _CHARREF_DIGITS else sys.maxunicode + 1
    return b"&#xFFFD;" if code > sys.maxunicode or _SURROGATES[0] <= code <= _SURROGATES[1] else match[0]


def _item(entry: dict[str, Any], *, host: str, lang: str | None) -> FeedItem:
    title_detail = entry.get("title_detail") or {}
    text_detail = _text_detail(entry)
    title, text = _html(title_detail, MAX_TITLE_CHARS), _html(text_detail, MAX_TEXT_CHARS)
    link = _plain(entry.get("link"), MAX_URL_CHARS)
    return FeedItem(
        id=_id(_plain(entry.get("id"), MAX_URL_CHARS), link, title, text, host=host),
        title=title,
        text=text,
        url=link if link.lower().startswith(("http://", "https://")) else None,
        published_at=_instant(entry),
        author=_plain(entry.get("author"), MAX_AUTHOR_CHARS) or None,
        lang=_lang(title_detail.get("language")) or _lang(text_detail.get("language")) or lang,
    )


def _text_detail(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """The full content where there is one, else the summary."""
    for detail in (*entry.get("content", ()), entry.get("summary_detail") or {}):
        if detail.get("value") and not str(detail.get("type", "")).startswith(("image/", "audio/", "video/")):
            return detail  # type: ignore[no-any-return]
    return {}


def _html(detail: Mapping[str, Any], limit: int) -> str:
    text = _plain(detail.get("value"), limit)
    return html.escape(text, quote=False) if detail.get("type") == "text/plain" else text


def _plain(value: object, limit: int) -> str:
    # Feeds hold halves of surrogate pairs, which no encoder accepts.
    return value[:limit].encode("utf-8", "replace").decode("utf-8").strip() if isinstance(value, str) else ""


def _id(given: str, link: str, title: str, text: str, *, host: str) -> str:
    """The same for the same item, whatever the source is called here; a bare number only counts within its host."""
    if given and _GLOBAL_ID.match(given):
        identity = given
    else:
        identity = f"{host}#{given}" if given else link or f"{host}#{title}\n{text}"
    if len(identity) <= MAX_ID_CHARS and identity.isprintable():
        return identity
    return "sha256:" + hashlib.sha256(identity.encode()).hexdigest()


def _instant(entry: dict[str, Any]) -> str | None:
    for key in ("published_parsed", "updated_parsed", "created_parsed"):
        # As a plain dictionary, because feedparser answers for one date with another, and warns.
        if parsed := dict.get(entry, key):
            try:
                return datetime.fromtimestamp(calendar.timegm(parsed), UTC).isoformat()
            except (ValueError, OverflowError, OSError):
                continue
    return None


def _lang(value: object) -> str | None:
    return value if isinstance(value, str) and _LANG.fullmatch(value) else None


def answer(request: ParseRequest, body: bytes) -> ParsedFeed:
    """Parse; whatever goes wrong in the parser is a feed that cannot be read."""
    try:
        return parse_feed(body, content_type=request.content_type, url=request.url, max_items=request.max_items)
    except Exception as err:  # noqa: BLE001 - feedparser lets through whatever hostile input provokes
        return ParsedFeed(problem=f"{type(err).__name__}: {err}"[:300])


def reply(head: bytes, body: bytes) -> bytes:
    """The answer to one request, as they cross the pipes."""
    return msgspec.json.encode(answer(msgspec.json.decode(head, type=ParseRequest), body))


if __name__ == "__main__":
    run_parser(reply)
