"""A sitemap as a source: which pages are taken, what becomes of each, what a restart finds."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
import structlog

from monitor.errors import InvalidRecordError, MonitorError, PermanentError, TransientError
from monitor.net import HttpClient, Response
from monitor.ports import SourceState
from monitor.settings import SitemapSource as SitemapSettings
from pipelines.sources.article_parser import parse_article
from pipelines.sources.base import RawItem
from pipelines.sources.fetcher import Fetcher
from pipelines.sources.parser_process import ArticleParser, GivenUpError
from pipelines.sources.politeness import HostPoliteness
from pipelines.sources.robots import Robots
from pipelines.sources.sitemap import SitemapSource
from pipelines.sources.sitemap_list import SitemapList
from pipelines.sources.sitemap_pages import PageReader
from pipelines.sources.sitemap_parser import parse_sitemap

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SITE = "https://w.example"
SITEMAP = f"{SITE}/sitemap.xml"
TEXT = "".join(f"<p>Paragraph {n} tells how Acme lost money in the quarter, and who left for it.</p>" for n in range(4))

Answer = bytes | Response | MonitorError


def entry(path: str, *, ago_h: float = 1, title: str = "", day_only: bool = False) -> str:
    """A page in a sitemap; with a title, by the news fields."""
    at = NOW - timedelta(hours=ago_h)
    stamp = at.date().isoformat() if day_only else at.isoformat()
    if not title:
        return f"<url><loc>{SITE}{path}</loc><lastmod>{stamp}</lastmod></url>"
    fields = f"<n:publication_date>{stamp}</n:publication_date><n:title>{title}</n:title>"
    return f'<url><loc>{SITE}{path}</loc><n:news xmlns:n="urn:news">{fields}</n:news></url>'


def urlset(*entries: str) -> bytes:
    """A sitemap of pages."""
    return f"<urlset>{''.join(entries)}</urlset>".encode()


def page(title: str = "Acme falls", *, text: str = TEXT, head: str = "") -> bytes:
    """A page with an article."""
    body = f"<article><h1>{title}</h1>{text}</article>"
    return f"<html lang='en'><head><title>{title}</title>{head}</head><body>{body}</body></html>".encode()


class Site:
    """Answers by address; everything else is 404."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self.answers = dict(answers)
        self.asked: list[str] = []

    def request(self, method: str, url: str, *, headers: Mapping[str, str], confined: Collection[str]) -> Response:
        self.asked.append(url)
        found = self.answers.get(url.removeprefix(SITE))
        if isinstance(found, MonitorError):
            raise found
        if isinstance(found, Response):
            return found
        kind = {"content-type": "text/html" if b"<html" in (found or b"") else "application/xml"}
        return Response(status=404 if found is None else 200, headers=kind, body=found or b"", url=url)

    def pages_asked(self) -> list[str]:
        """Addresses of pages, since the last call."""
        asked, self.asked = self.asked, []
        return [one.removeprefix(SITE) for one in asked if not one.endswith((".xml", ".gz", ".txt"))]


class InlineParser:
    """The real parsers, in this process; pages that hold GIVE UP are too much for them."""

    def article(self, body: bytes, *, content_type: str, url: str) -> object:
        if b"GIVE UP" in body:
            raise GivenUpError("the page took longer than 5 s to parse, or too much memory")
        return parse_article(body, content_type=content_type, url=url)

    def sitemap(self, body: bytes, *, url: str) -> object:
        return parse_sitemap(body, max_items=1000)


class Desk:
    """A source and what is remembered between its polls, each by a process that has just started."""

    def __init__(self, answers: Mapping[str, Answer], **settings: object) -> None:
        self.site = Site(answers)
        self.state = SourceState(source="site")
        chosen = {"type": "sitemap", "name": "site", "url": SITEMAP, **settings}
        self.settings = SitemapSettings.model_validate(chosen)

    def source(self) -> SitemapSource:
        """A fresh one."""
        fetcher = Fetcher(cast(HttpClient, self.site), HostPoliteness(0, sleep=lambda _: None))
        parser = cast(ArticleParser, InlineParser())
        return SitemapSource(
            self.settings,
            listing=SitemapList(self.settings, fetcher=fetcher, parser=parser, max_bytes=100_000),
            pages=PageReader(
                self.settings, fetcher=fetcher, parser=parser, robots=Robots(fetcher, user_agent="tapewatch/0.1")
            ),
        )

    def poll(self, *, now: datetime = NOW) -> list[RawItem]:
        """The items of one poll."""
        items: list[RawItem] = []
        for chunk in self.source().poll(self.state, now=now):
            items += chunk.items
            self.state = chunk.state
        return items

    def outcomes(self) -> Mapping[str, int]:
        """One poll, and how many pages had which outcome by the log."""
        with structlog.testing.capture_logs() as logs:
            self.poll()
        [line] = [one for one in logs if one["event"] == "sitemap_pages_read"]
        return {key: value for key, value in line.items() if isinstance(value, int)}


def test_a_new_page_becomes_a_document() -> None:
    """Title, text, date, address, language."""
    desk = Desk({"/sitemap.xml": urlset(entry("/a", title="Acme &amp; Co fall")), "/a": page("Another heading")})
    [item] = desk.poll()
    assert (item.title, item.url, item.id, item.lang) == ("Acme & Co fall", f"{SITE}/a", f"{SITE}/a", "en")
    assert item.text.startswith("Paragraph 0 tells")
    assert item.published_at == NOW - timedelta(hours=1)


def test_only_what_is_new_is_fetched_after_a_restart() -> None:
    """A news sitemap holds two days; each page is fetched once."""
    desk = Desk({"/sitemap.xml": urlset(entry("/a"), entry("/b")), "/a": page(), "/b": page(), "/c": page()})
    assert len(desk.poll()) == 2
    desk.site.answers["/sitemap.xml"] = urlset(entry("/c", ago_h=5), entry("/a"), entry("/b"))
    desk.site.pages_asked()
    assert [item.url for item in desk.poll()] == [f"{SITE}/c"]
    assert desk.site.pages_asked() == ["/c"]
    assert desk.poll() == []


def test_a_poll_takes_a_few_pages_oldest_first_and_the_next_goes_on() -> None:
    """A site with a thousand new pages must not hold the worker for an hour."""
    paths = [f"/{number}" for number in range(7)]
    listed = [entry(path, ago_h=number + 1) for number, path in enumerate(paths)]
    desk = Desk({"/sitemap.xml": urlset(*listed), **dict.fromkeys(paths, page())}, max_pages=3)
    urls = [[(item.url or "").removeprefix(SITE) for item in desk.poll()] for _ in range(4)]
    assert urls == [["/6", "/5", "/4"], ["/3", "/2", "/1"], ["/0"], []]


def test_a_page_that_was_made_safe_is_not_fetched_again_when_the_next_one_ends_the_process() -> None:
    """Each page is a chunk with the state to go on from."""
    desk = Desk({"/sitemap.xml": urlset(entry("/a", ago_h=2), entry("/b")), "/a": page(), "/b": page()})
    chunks = desk.source().poll(desk.state, now=NOW)
    desk.state = next(chunks).state
    chunks.close()
    desk.site.pages_asked()
    assert [item.url for item in desk.poll()] == [f"{SITE}/b"]


def test_pages_older_than_is_wanted_are_left_alone() -> None:
    """The archive, at the first poll; a page that was only touched; a page from the future, which waits."""
    old = '<meta property="article:published_time" content="2019-01-01T00:00:00Z">'
    listed = urlset(entry("/archive", ago_h=30), entry("/touched"), entry("/future", ago_h=-5))
    desk = Desk({"/sitemap.xml": listed, "/touched": page(head=old), "/archive": page(), "/future": page()})
    assert desk.poll() == []
    assert desk.site.pages_asked() == ["/touched"]
    assert [item.url for item in desk.poll(now=NOW + timedelta(hours=5))] == [f"{SITE}/future"]


def test_entries_without_a_date_are_counted_and_left() -> None:
    """Nothing tells whether they are new."""
    desk = Desk({"/sitemap.xml": urlset(f"<url><loc>{SITE}/a</loc></url>"), "/a": page()})
    with structlog.testing.capture_logs() as logs:
        assert desk.poll() == []
    assert logs[-1]["undated"] == 1


def test_patterns_choose_pages_by_their_address() -> None:
    """A news site has sport, too."""
    listed = urlset(entry("/markets/a"), entry("/markets/live/b"), entry("/sport/c"))
    desk = Desk({"/sitemap.xml": listed}, include=["/markets/"], exclude=["/live/"])
    desk.poll()
    assert desk.site.pages_asked() == ["/markets/a"]


def test_only_hosts_that_are_allowed_are_fetched_from() -> None:
    """A sitemap must not send us anywhere else: not to other sites, not to other ports."""
    others = ["https://evil.example/a", "https://w.example:8443/a", "http://169.254.169.254/x", "file:///etc/passwd"]
    others += ["https://w.example@evil.example/", "https://w.example.evil.example/", "https://[", "//w.example/a", "/a"]
    listed = [entry("/good")] + [
        f"<url><loc>{one}</loc><lastmod>{NOW.isoformat()}</lastmod></url>"
        for one in [*others, "https://news.example/b"]
    ]
    desk = Desk({"/sitemap.xml": urlset(*listed), "/good": page()}, hosts=["news.example"])
    desk.poll()
    assert [one for one in desk.site.asked if "robots" not in one] == [
        SITEMAP, f"{SITE}/good", "https://news.example/b",
    ]  # fmt: skip


def test_robots_txt_is_obeyed() -> None:
    """The title that the site itself lists is all that is taken."""
    listed = urlset(entry("/paid/a", title="Acme falls"), entry("/paid/b"), entry("/free", title="Beta rises"))
    robots = Response(status=200, headers={}, body=b"User-agent: *\nDisallow: /paid/", url=f"{SITE}/robots.txt")
    desk = Desk({"/sitemap.xml": listed, "/robots.txt": robots, "/free": page(), "/paid/a": page()})
    items = desk.poll()
    assert desk.site.pages_asked() == ["/free"]
    assert sorted((item.title, bool(item.text)) for item in items) == [("Acme falls", False), ("Beta rises", True)]


NOT_FREE = '<script type="application/ld+json">{"isAccessibleForFree": false}</script>'


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (page(head=NOT_FREE), "paywalled"),
        (page(text="<p>Log in to read.</p>"), "empty"),
        (b"<html></html>", "empty"),
        (b"<html>GIVE UP</html>", "unreadable"),
        (b"%PDF-1.7", "no_page"),
        (PermanentError("body larger than 5000000 bytes"), "refused"),
        (PermanentError("address not allowed"), "refused"),
        (Response(status=403, headers={}, body=b"", url=f"{SITE}/a"), "refused"),
        (Response(status=200, headers={}, body=page(), url="https://login.example/"), "elsewhere"),
    ],
)
def test_a_page_without_a_text_of_use_leaves_its_title_and_is_counted(answer: Answer, outcome: str) -> None:
    """The news is that there is news; it is not fetched again."""
    desk = Desk({"/sitemap.xml": urlset(entry("/a", title="Acme falls")), "/a": answer})
    [item] = desk.poll()
    assert (item.title, item.text) == ("Acme falls", "")
    assert desk.poll() == []
    again = Desk({"/sitemap.xml": urlset(entry("/a")), "/a": answer})
    assert again.outcomes() == {outcome: 1}


def test_a_page_in_trouble_is_tried_again_and_given_up_in_time() -> None:
    """A page that never loads must not be asked for ever, nor hold up the others."""
    listed = urlset(entry("/slow", ago_h=2, title="Slow"), entry("/good", title="Good"))
    desk = Desk({"/sitemap.xml": listed, "/slow": TransientError("too slow"), "/good": page()})
    assert [[item.title for item in desk.poll()] for _ in range(4)] == [["Good"], [], ["Slow"], []]


def test_a_server_in_trouble_is_left_alone_after_a_few_pages() -> None:
    """The back-off of the source is for that; what was read before stays read."""
    paths = [f"/{number}" for number in range(9)]
    listed = [entry(path, ago_h=9 - number) for number, path in enumerate(paths)]
    desk = Desk({"/sitemap.xml": urlset(*listed), "/0": page(), **dict.fromkeys(paths[1:], TransientError("down"))})
    with pytest.raises(TransientError, match="down"):
        desk.poll()
    assert desk.site.pages_asked() == ["/0", "/1", "/2", "/3"]
    desk.site.answers.update(dict.fromkeys(paths, page()))
    assert [item.url for item in desk.poll()] == [f"{SITE}{path}" for path in paths[1:]]


def test_a_wait_that_the_server_asks_for_ends_the_poll() -> None:
    """It is kept for the whole source, and costs no try."""
    desk = Desk({"/sitemap.xml": urlset(entry("/a"), entry("/b")), "/a": TransientError("429", retry_after_s=60)})
    for _ in range(5):
        with pytest.raises(TransientError, match="429"):
            desk.poll()
    assert desk.site.pages_asked() == ["/a"] * 5


def test_without_articles_the_titles_are_taken_and_nothing_is_fetched() -> None:
    """Enough for many, and polite."""
    desk = Desk({"/sitemap.xml": urlset(entry("/a", title="Acme falls"), entry("/b"))}, articles=False)
    assert [item.title for item in desk.poll()] == ["Acme falls"]
    assert desk.site.asked == [SITEMAP]
    assert desk.poll() == []


def index(*sitemaps: tuple[str, float | None]) -> bytes:
    """An index of sitemaps, each changed so many hours ago."""
    parts = [
        f"<sitemap><loc>{SITE}{path}</loc>"
        + (f"<lastmod>{(NOW - timedelta(hours=ago_h)).isoformat()}</lastmod>" if ago_h is not None else "")
        + "</sitemap>"
        for path, ago_h in sitemaps
    ]
    return f"<sitemapindex>{''.join(parts)}</sitemapindex>".encode()


def test_of_an_index_the_newest_sitemaps_are_read() -> None:
    """Archives of years are no news; without dates, the highest number is the newest."""
    listed = index(("/old.xml", 90), ("/n-9.xml", None), ("/n-10.xml", None), ("/new.xml", 1), ("/newer.xml", 0.5))
    desk = Desk({"/sitemap.xml": listed, "/new.xml": urlset(entry("/a")), "/a": page()}, max_sitemaps=3)
    assert [item.url for item in desk.poll()] == [f"{SITE}/a"]
    assert desk.site.asked[1:4] == [f"{SITE}/newer.xml", f"{SITE}/new.xml", f"{SITE}/n-10.xml"]


def test_a_broken_sitemap_of_an_index_costs_itself_and_all_of_them_the_poll() -> None:
    """Silence must not look like a quiet day."""
    listed = index(("/bad.xml", 1), ("/good.xml", 2))
    desk = Desk({"/sitemap.xml": listed, "/bad.xml": b"<html>", "/good.xml": urlset(entry("/a")), "/a": page()})
    assert len(desk.poll()) == 1
    desk.site.answers["/good.xml"] = b"{}"
    with pytest.raises(InvalidRecordError, match="not a sitemap"):
        desk.poll()


def test_a_gzipped_sitemap_is_read_and_a_bomb_is_not() -> None:
    """The cap holds for what is unpacked here, too."""
    desk = Desk({"/sitemap.xml": gzip.compress(urlset(entry("/a"))), "/a": page()})
    assert len(desk.poll()) == 1
    desk.site.answers["/sitemap.xml"] = gzip.compress(bytes(50_000_000))
    with pytest.raises(PermanentError, match="larger than"):
        desk.poll()


@pytest.mark.parametrize("body", [b"", b"<html>Log in</html>", b"<!DOCTYPE x [<!ENTITY a 'b'>]><urlset/>"])
def test_what_is_no_sitemap_is_an_invalid_answer(body: bytes) -> None:
    """A log-in page must count as a failure."""
    with pytest.raises(InvalidRecordError, match="not a sitemap"):
        Desk({"/sitemap.xml": Response(status=200, headers={}, body=body, url=SITEMAP)}).poll()


def published(listed: str, head: str = "") -> datetime | str | None:
    """The date of the only item."""
    [item] = Desk({"/sitemap.xml": urlset(listed), "/a": page(head=head)}).poll()
    return item.published_at


def test_the_date_is_the_most_exact_one() -> None:
    """Counted by the minute; midnight is no minute."""
    meta: Callable[[str], Any] = '<meta property="article:published_time" content="{}">'.format
    hour_ago = NOW - timedelta(hours=1)
    assert published(entry("/a", title="t"), meta("2026-11-24T08:00:00Z")) == hour_ago
    assert published(entry("/a"), meta("2026-11-24T08:00:00Z")) == datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
    assert published(entry("/a"), meta("2026-11-24")) == hour_ago
    assert published(entry("/a")) == hour_ago
