"""Pages and sitemaps to plain values, in a process of its own: `python -m pipelines.sources.article_parser`.

In: a body with its content type and address. Out: a page's text, title, date, author (by trafilatura), or a sitemap's
entries. What finds an article among navigation and advertisements needs minutes for hostile pages; so this process has
limits and a parent that kills it (`frames.py`).
"""

from __future__ import annotations

import codecs
import re

import msgspec
import trafilatura
from trafilatura.settings import Document

from pipelines.sources.article_requests import PageRequest, ParsedArticle, ParsedSitemap
from pipelines.sources.frames import run_parser
from pipelines.sources.page_head import PageHead, read_head
from pipelines.sources.sitemap_parser import parse_sitemap

MAX_TITLE_CHARS = 1000
MAX_TEXT_CHARS = 200_000
MAX_AUTHOR_CHARS = 200

_CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{2,40})", re.IGNORECASE)
_HEAD_BYTES = 4096
#: No guesses at odd dates in 200 languages: to load those takes a new process seconds whenever a page has one.
_DATES = {"original_date": True, "extensive_search": False}
#: Pages that say the smaller set use the larger one.
_WIDER = {"gb2312": "gb18030", "gbk": "gb18030", "iso8859-1": "cp1252", "ascii": "cp1252", "big5": "big5hkscs"}
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def parse_article(body: bytes, *, content_type: str, url: str) -> ParsedArticle:
    """The article of a page; empty where there is none."""
    page = decode_page(body, content_type)
    head = read_head(page)
    found = trafilatura.bare_extraction(
        page, url=url, include_comments=False, with_metadata=True, date_extraction_params=_DATES
    )
    if not isinstance(found, Document):
        return ParsedArticle(title=head.title, published_at=head.published_at, lang=head.lang, free=head.free)
    return _article(found, head)


def _article(found: Document, head: PageHead) -> ParsedArticle:
    title = _plain(found.title, MAX_TITLE_CHARS) or head.title
    return ParsedArticle(
        title=title,
        text=_without_title(_plain(found.text, MAX_TEXT_CHARS), title),
        published_at=head.published_at or found.date or None,
        author=_plain(found.author, MAX_AUTHOR_CHARS) or None,
        lang=head.lang,
        free=head.free,
    )


def _without_title(text: str, title: str) -> str:
    """The heading stands in most texts once more."""
    return text.removeprefix(title).lstrip() if title else text


def _plain(value: object, limit: int) -> str:
    return value[:limit].encode("utf-8", "replace").decode("utf-8").strip() if isinstance(value, str) else ""


def decode_page(body: bytes, content_type: str) -> str:
    """The text of a page: by its byte order mark, the server's word, its own word, else as UTF-8 or Windows-1252."""
    for mark, name in _BOMS:
        if body.startswith(mark):
            return body.decode(name, "replace")
    for said in (content_type.encode("utf-8", "replace"), body[:_HEAD_BYTES]):
        if codec := _codec(said):
            return body.decode(codec, "replace")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body.decode("cp1252", "replace")


def _codec(said: bytes) -> str | None:
    match = _CHARSET.search(said)
    try:
        name = codecs.lookup(match[1].decode("ascii")).name if match else None
        "".encode(name or "ascii")  # Codecs such as hex are known, but are none of text.
    except (LookupError, UnicodeError):
        return None
    return _WIDER.get(name, name) if name else None


def answer(request: PageRequest, body: bytes) -> ParsedArticle | ParsedSitemap:
    """Parse; whatever goes wrong in a parser is a body that cannot be read."""
    try:
        if request.what == "sitemap":
            return parse_sitemap(body, max_items=request.max_items)
        return parse_article(body, content_type=request.content_type, url=request.url)
    except Exception as err:  # noqa: BLE001 - the libraries let through whatever hostile input provokes
        problem = f"{type(err).__name__}: {err}"[:300]
        return ParsedSitemap(problem=problem) if request.what == "sitemap" else ParsedArticle(problem=problem)


def reply(head: bytes, body: bytes) -> bytes:
    """The answer to one request, as they cross the pipes."""
    return msgspec.json.encode(answer(msgspec.json.decode(head, type=PageRequest), body))


if __name__ == "__main__":
    run_parser(reply)
