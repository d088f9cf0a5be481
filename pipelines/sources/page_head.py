"""What a page says of itself in its head: title, language, instant of publication, whether it is free to read."""

from __future__ import annotations

import re
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser

MAX_TITLE_CHARS = 1000
_DATES = (
    'meta[property="article:published_time"]', 'meta[property="og:article:published_time"]',
    'meta[itemprop="datePublished"]', 'meta[name="parsely-pub-date"]', 'meta[name="pubdate"]', 'meta[name="date"]',
)  # fmt: skip
_JSON_DATE = re.compile(r'"datePublished"\s*:\s*"([^"]{4,40})"')
_NOT_FREE = re.compile(r'"isAccessibleForFree"\s*:\s*"?false\b', re.IGNORECASE)
_LANG = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8}){0,3}")
_MAX_SCRIPT_CHARS = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PageHead:
    """What a page says of itself."""

    title: str = ""
    lang: str | None = None
    published_at: str | None = None  #: As it stands there.
    free: bool = True  #: False: the page says that the whole is for subscribers.


def read_head(page: str) -> PageHead:
    """Read the tags and the JSON-LD that search engines read."""
    tree = LexborHTMLParser(page)
    data = "\n".join((node.text() or "") for node in tree.css('script[type="application/ld+json"]'))[:_MAX_SCRIPT_CHARS]
    return PageHead(
        title=_content(tree, 'meta[property="og:title"]') or _text(tree, "title"),
        lang=_lang(tree),
        published_at=_date(tree, data),
        free=not _NOT_FREE.search(data),
    )


def _date(tree: LexborHTMLParser, data: str) -> str | None:
    for selector in _DATES:
        if said := _content(tree, selector):
            return said[:40]
    match = _JSON_DATE.search(data)
    return match[1] if match else None


def _lang(tree: LexborHTMLParser) -> str | None:
    root = tree.root
    said = (root.attributes.get("lang") or "") if root is not None else ""
    return said if _LANG.fullmatch(said) else None


def _content(tree: LexborHTMLParser, selector: str) -> str:
    node = tree.css_first(selector)
    return ((node.attributes.get("content") or "") if node is not None else "").strip()[:MAX_TITLE_CHARS]


def _text(tree: LexborHTMLParser, selector: str) -> str:
    node = tree.css_first(selector)
    return (node.text() or "").strip()[:MAX_TITLE_CHARS] if node is not None else ""
