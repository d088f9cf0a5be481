"""Pages and sitemaps: what is read out of them, and what hostile ones get."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from pipelines.sources.article_parser import answer, decode_page, parse_article, reply
from pipelines.sources.article_requests import PageRequest, ParsedArticle, ParsedSitemap
from pipelines.sources.sitemap_parser import parse_sitemap
from pipelines.sources.w3c_dates import read_w3c_date

URL = "https://wire.example/a"
PARAGRAPHS = "".join(
    f"<p>Paragraph {n} tells how Acme lost money in the quarter that ended in September, and who left.</p>"
    for n in range(6)
)
PAGE = """<html lang="en-GB"><head><title>Acme falls | Wire</title>{head}</head><body><nav>Home Markets</nav>
<article><h1>Acme falls after a warning</h1>{text}</article><footer>Imprint and terms</footer></body></html>"""
SITEMAP = '<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" {more}>{urls}</urlset>'
NEWS = (
    '<url><loc>https://w.example/a?x=1&amp;y=2</loc><n:news xmlns:n="http://www.google.com/schemas/sitemap-news/0.9">'
    "<n:publication><n:name>Wire</n:name><n:language>en</n:language></n:publication>"
    "<n:publication_date>2026-11-24T10:00:00+01:00</n:publication_date><n:title>Acme &amp; Co fall</n:title></n:news>"
    "<lastmod>2026-11-25</lastmod></url>"
)


def page(*, head: str = "", text: str = PARAGRAPHS) -> ParsedArticle:
    """The article of a page made so."""
    return parse_article(PAGE.format(head=head, text=text).encode(), content_type="text/html", url=URL)


def sitemap(body: str | bytes, *, max_items: int = 100) -> ParsedSitemap:
    """The entries of a body."""
    return parse_sitemap(body.encode() if isinstance(body, str) else body, max_items=max_items)


def test_an_article_is_found_in_its_page() -> None:
    """Without navigation, imprint and the heading once more."""
    published = '<meta property="article:published_time" content="2026-11-24T10:00:00+01:00">'
    found = page(head=published + '<meta name="author" content="Ann Lee">')
    assert (found.title, found.author, found.lang) == ("Acme falls after a warning", "Ann Lee", "en-GB")
    assert found.published_at == "2026-11-24T10:00:00+01:00"
    assert found.text.startswith("Paragraph 0 tells")
    assert found.text.count("Paragraph") == 6
    assert "Imprint" not in found.text


@pytest.mark.parametrize(
    "head",
    [
        '<meta itemprop="datePublished" content="2026-11-24T09:00:00Z">',
        '<script type="application/ld+json">{"@type": "NewsArticle", "datePublished": "2026-11-24T09:00:00Z"}</script>',
    ],
)
def test_the_instant_of_publication_is_read_with_its_time(head: str) -> None:
    """A date alone would put the article at midnight."""
    assert page(head=head).published_at == "2026-11-24T09:00:00Z"


@pytest.mark.parametrize("value", ["false", '"False"'])
def test_a_page_for_subscribers_says_so(value: str) -> None:
    """Its text is a teaser; publishers mark it for search engines."""
    head = f'<script type="application/ld+json">{{"isAccessibleForFree": {value}}}</script>'
    assert not page(head=head).free
    assert page().free


@pytest.mark.parametrize("body", [b"", b"\x00" * 1000, b"{}", b"<html><body></body></html>", b"\xff\xfe\x00"])
def test_a_page_without_an_article_has_no_text(body: bytes) -> None:
    """And raises nothing."""
    assert parse_article(body, content_type="", url=URL).text == ""


@pytest.mark.parametrize(
    ("encoding", "content_type", "declared"),
    [
        ("utf-8", "text/html", ""),
        ("gb18030", "text/html; charset=gb2312", ""),
        ("gb18030", "text/html", '<meta charset="gbk">'),
        ("utf-16", "text/html", ""),
        ("utf-8", "text/html; charset=hex", ""),
        ("utf-8", "text/html; charset=nonsense", '<meta charset="UTF-8">'),
    ],
)
def test_the_encoding_is_found_from_header_page_and_bytes(encoding: str, content_type: str, declared: str) -> None:
    """A wrong guess turns names into rubbish."""
    text = f"<html><head>{declared}</head><body>中国银行 镕基 Société</body></html>"
    assert "中国银行 镕基 Société" in decode_page(text.encode(encoding), content_type)


def test_a_news_sitemap_is_read_whole() -> None:
    """Address, title, language, and the date of publication before that of change."""
    found = sitemap(SITEMAP.format(more="", urls=NEWS))
    [entry] = found.entries
    assert (found.kind, entry.url, entry.title, entry.lang) == (
        "urlset", "https://w.example/a?x=1&y=2", "Acme & Co fall", "en",
    )  # fmt: skip
    assert entry.at == datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
    assert entry.modified_at == datetime(2026, 11, 25, tzinfo=UTC)


def test_an_index_of_sitemaps_is_told_from_a_sitemap() -> None:
    """Its entries are not pages."""
    found = sitemap("<sitemapindex><sitemap><loc>https://w.example/1.xml</loc></sitemap></sitemapindex>")
    assert (found.kind, [one.url for one in found.entries]) == ("sitemapindex", ["https://w.example/1.xml"])


def test_ampersands_that_should_be_escaped_are_read_as_they_are_meant() -> None:
    """The most common mistake in sitemaps; without this the address would be another one."""
    found = sitemap(SITEMAP.format(more="", urls="<url><loc>https://w.example/?a=1&b=2&amp;c=3</loc></url>"))
    assert [one.url for one in found.entries] == ["https://w.example/?a=1&b=2&c=3"]


def test_a_sitemap_in_another_encoding_is_read() -> None:
    """UTF-16 is allowed; its ampersands are not one byte."""
    found = sitemap(SITEMAP.format(more="", urls=NEWS).encode("utf-16"))
    assert [one.url for one in found.entries] == ["https://w.example/a?x=1&y=2"]


def test_entries_and_fields_are_capped_and_the_rest_counted() -> None:
    """A sitemap cannot fill the memory of those who read it."""
    found = sitemap(SITEMAP.format(more="", urls="<url><loc>https://w.example/1</loc></url>" * 30), max_items=10)
    assert (len(found.entries), found.found) == (10, 30)
    long = f"<url><loc>https://w.example/{'a' * 5000}</loc></url>"
    assert sitemap(SITEMAP.format(more="", urls=long)).entries == []


def test_a_sitemap_cut_in_the_middle_gives_what_came_before() -> None:
    """Half a list is half the news."""
    found = sitemap(SITEMAP.format(more="", urls=NEWS + NEWS)[:-180])
    assert len(found.entries) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<html><body>Log in</body></html>", b"{}", b"\x00\xff", b"<a>" * 200_000,
        b"<rss><channel><url><loc>https://w.example/1</loc></url></channel></rss>",
    ],
)  # fmt: skip
def test_what_is_no_sitemap_is_not_taken_for_an_empty_one(body: bytes) -> None:
    """A log-in page must count as a failure, not as a quiet day."""
    assert sitemap(body).kind == ""


def declared(entities: str) -> str:
    """A sitemap with a document type."""
    return f"<!DOCTYPE urlset [{entities}]><urlset><url><loc>https://w.example/&x;</loc></url></urlset>"


BOMB = "<!ENTITY a0 'ha'>" + "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 12))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("entities", ["", BOMB + "<!ENTITY x '&a11;'>", "<!ENTITY x SYSTEM 'http://127.0.0.1:9/'>"])
def test_a_document_type_is_refused_before_any_entity(entities: str, encoding: str) -> None:
    """Bombs and references to files and networks need one; sitemaps do not."""
    found = sitemap(declared(entities).encode(encoding))
    assert (found.kind, found.entries) == ("", [])
    assert "DOCTYPE" in (found.problem or "")


def test_an_external_entity_is_not_opened(tmp_path: Path) -> None:
    """A sitemap must not read the operator's files."""
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    found = sitemap(declared(f"<!ENTITY x SYSTEM 'file://{secret}'>"))
    assert "hunter2" not in msgspec.json.encode(found).decode()


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-24T10:00:00+01:00", datetime(2026, 11, 24, 9, 0, tzinfo=UTC)),
        ("2026-11-24T10:00Z", datetime(2026, 11, 24, 10, 0, tzinfo=UTC)),
        ("2026-11-24T10:00:00.123", datetime(2026, 11, 24, 10, 0, 0, 123000, tzinfo=UTC)),
        (" 2026-11-24 ", datetime(2026, 11, 24, tzinfo=UTC)),
        ("2026-11", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026", datetime(2026, 1, 1, tzinfo=UTC)),
        ("yesterday", None), ("", None), ("9999-12-31T23:59:59-12:00", None), ("2026-13-01", None),
    ],
)  # fmt: skip
def test_dates_of_any_precision_are_read(text: str, at: datetime | None) -> None:
    """The standard allows a year alone; sites write anything."""
    assert read_w3c_date(text) == at


def test_what_a_library_raises_becomes_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """One hostile page costs itself, not the process."""

    def explode(*_: object, **__: object) -> None:
        raise RecursionError("too deep")

    monkeypatch.setattr("trafilatura.bare_extraction", explode)
    request = PageRequest(what="article", content_type="", url=URL, max_items=1, alarm_s=1)
    assert answer(request, b"<p>x</p>") == ParsedArticle(problem="RecursionError: too deep")


def test_the_answer_crosses_the_pipes_as_it_is() -> None:
    """Dates and all."""
    head = msgspec.json.encode(PageRequest(what="sitemap", content_type="", url=URL, max_items=9, alarm_s=60))
    body = SITEMAP.format(more="", urls=NEWS).encode()
    assert msgspec.json.decode(reply(head, body), type=ParsedSitemap) == sitemap(body)
