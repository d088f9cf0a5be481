"""Bodies that are made to take a parser's time and memory, through the real parser processes under the usual limits."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from monitor.errors import TransientError
from monitor.settings import FetchSettings
from pipelines.sources.feed_parser import ParsedFeed
from pipelines.sources.parser_process import ArticleParser, FeedParser, GivenUpError

FETCH = FetchSettings()
TIMEOUT_S = FETCH.parse_timeout.total_seconds()
URL = "https://wire.example/feed"
SOUND = b"<rss version='2.0'><channel><item><guid>urn:x:1</guid><title>Acme falls</title></item></channel></rss>"
START = b"<?xml version='1.0'?><!DOCTYPE rss ["
END = b"]><rss version='2.0'><channel><item><guid>urn:x:1</guid><title>&z;</title></item></channel></rss>"


def laughs(levels: int, width: int) -> bytes:
    """Entities of entities: 3 GB in a kilobyte."""
    inner = b"".join(b"<!ENTITY e%d '%s'>" % (n, b"&e%d;" % (n - 1) * width) for n in range(1, levels))
    return START + b"<!ENTITY e0 'lol'>" + inner + b"<!ENTITY z '&e%d;'>" % (levels - 1) + END


def quadratic() -> bytes:
    """One long entity, referred to many times: no nesting to be seen."""
    return START + b"<!ENTITY a '" + b"x" * 50_000 + b"'><!ENTITY z '" + b"&a;" * 50_000 + b"'>" + END


BODIES = {
    "a billion laughs": laughs(10, 10),
    "laughs with parameters": START + b"<!ENTITY % a '&#37;b;&#37;b;'><!ENTITY % b 'x'>%a;<!ENTITY z 'z'>" + END,
    "quadratic": quadratic(),
    "an outer file": START + b"<!ENTITY z SYSTEM 'file:///etc/passwd'>" + END,
    "an outer address": START + b"<!ENTITY z SYSTEM 'http://127.0.0.1:9/x'>" + END,
    "an outer type": b"<!DOCTYPE rss SYSTEM 'http://127.0.0.1:9/x.dtd'>" + SOUND,
    "nested": b"<rss version='2.0'><channel><item><description>" + b"<a>" * 1_600_000,
    "nested in a text": SOUND.replace(b"Acme", b"&lt;b&gt;" * 500_000),
    "five megabytes of items": b"<rss version='2.0'><channel>" + b"<item><title>x</title></item>" * 170_000,
    "five megabytes of attributes": b"<rss version='2.0' " + b"".join(b"a%d='' " % n for n in range(500_000)) + b"/>",
    "one attribute": b"<rss version='" + b"2" * 5_000_000 + b"'/>",
    "five megabytes of nothing": b"\x00" * 5_000_000,
    "open brackets": b"<" * 5_000_000,
    "declarations": b"<!" * 2_500_000,
    "comments": b"<!--" * 1_250_000,
    "ampersands": b"<rss version='2.0'><channel><item><title>" + b"&" * 4_900_000,
    "references": b"<rss version='2.0'><channel><item><title>" + b"&#x41;" * 800_000,
    "one date": SOUND.replace(b"<title>", b"<pubDate>" + b"1 " * 2_000_000 + b"</pubDate><title>"),
    "namespaces": b"<rss " + b"".join(b"xmlns:n%d='u:%d' " % (n, n) for n in range(150_000)) + b"/>",
}  # fmt: skip


@pytest.fixture(scope="module")
def feeds() -> Iterator[FeedParser]:
    """Feeds under the limits that are in force when nothing is configured."""
    made = FeedParser(timeout_s=TIMEOUT_S, max_items=FETCH.max_items, processes=1)
    yield made
    made.close()


@pytest.fixture(scope="module")
def pages() -> Iterator[ArticleParser]:
    """Pages and sitemaps, likewise."""
    made = ArticleParser(timeout_s=TIMEOUT_S, max_items=FETCH.max_items, processes=1)
    yield made
    made.close()


@pytest.mark.parametrize("name", BODIES)
def test_a_hostile_feed_is_read_or_given_up_in_its_time_and_the_next_is_read(name: str, feeds: FeedParser) -> None:
    """Nothing of outside is opened, no more than the cap comes out, and what comes after it is none the worse."""
    started_s = time.monotonic()
    try:
        found = feeds.parse(BODIES[name][: FETCH.max_bytes], content_type="application/rss+xml", url=URL)
    except GivenUpError:
        found = None
    if found:
        assert len(found.items) <= FETCH.max_items
        assert sum(len(item.title) + len(item.text) for item in found.items) < 50_000_000
        assert not any("root:" in item.title for item in found.items)
    assert time.monotonic() - started_s < 4 * TIMEOUT_S  # its time, and that of starting a process on a busy machine
    assert [item.title for item in patiently(feeds).items] == ["Acme falls"]


def patiently(feeds: FeedParser) -> ParsedFeed:
    """The sound feed, asked for again should a busy machine take too long over it."""
    for _ in range(3):
        try:
            return feeds.parse(SOUND, content_type="", url=URL)
        except TransientError:
            continue
    return pytest.fail("the sound feed was not read")


@pytest.mark.parametrize("name", BODIES)
def test_a_hostile_page_or_sitemap_is_read_or_given_up_in_its_time(name: str, pages: ArticleParser) -> None:
    """A document type is refused outright where a sitemap is expected."""
    body = BODIES[name][: FETCH.max_bytes]
    for parse in (lambda: pages.sitemap(body, url=URL), lambda: pages.article(body, content_type="", url=URL)):
        started_s = time.monotonic()
        try:
            found = str(parse())
        except GivenUpError:
            found = ""
        assert "root:" not in found
        assert time.monotonic() - started_s < 4 * TIMEOUT_S
