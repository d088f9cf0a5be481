"""Sites that misbehave, with real servers, real parsers and the worker: the clear outcome that each gets."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler

import pytest
from prometheus_client import CollectorRegistry

from monitor.errors import TransientError
from monitor.metrics import IngestMetrics
from monitor.net import HttpClient
from monitor.net.address import is_public
from monitor.settings import SitemapSource as SitemapSettings
from pipelines.ingest import IngestResult
from pipelines.sources.base import RawItem
from pipelines.sources.fetcher import Fetcher
from pipelines.sources.parser_process import ArticleParser, GivenUpError
from pipelines.sources.politeness import HostPoliteness
from pipelines.sources.robots import Robots
from pipelines.sources.sitemap import SitemapSource
from pipelines.sources.sitemap_list import SitemapList
from pipelines.sources.sitemap_pages import PageReader
from pipelines.sources.worker import SourceWorker
from tests.fixtures.feed_server import send, serving
from tests.fixtures.memory_sources import MemorySourceStore

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
TIMEOUT_S = 2.0
PARSE_TIMEOUT_S = 3.0
TEXT = "".join(f"<p>Paragraph {n} tells how Acme lost money in the quarter, and who left for it.</p>" for n in range(4))
PAGE = f"<html lang='en'><body><article><h1>Acme</h1>{TEXT}</article></body></html>".encode()
SLOW_PAGE = b"<html><body>" + b"<p>word word word</p>" * 150_000
BOMB = "<!DOCTYPE urlset [<!ENTITY a0 'ha'>" + "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 12))
GZIP_BOMB = gzip.compress(bytes(50_000_000), 1)

Answer = Callable[[BaseHTTPRequestHandler], None]


@pytest.fixture(scope="module")
def parser() -> Iterator[ArticleParser]:
    """Real parser processes with little patience."""
    made = ArticleParser(timeout_s=PARSE_TIMEOUT_S, max_items=1000)
    yield made
    made.close()


class Site:
    """A server whose paths are answers; `{at}` in bodies is its address."""

    def __init__(self, answers: Mapping[str, bytes | Answer]) -> None:
        self.answers = dict(answers)
        self.asked: list[str] = []

    def __call__(self, request: BaseHTTPRequestHandler) -> None:
        self.asked.append(request.path)
        found = self.answers.get(request.path)
        if found is None:
            send(request, status=404)
        elif callable(found):
            found(request)
        else:
            at = f"http://{request.headers['Host']}".encode()
            kind = "text/html" if b"<html" in found[:200] else "application/xml"
            send(request, found.replace(b"{at}", at), Content_Type=kind)


def listed(*paths: str) -> bytes:
    """A news sitemap of pages, an hour old."""
    fields = "<n:news xmlns:n='urn:n'><n:publication_date>2026-11-24T11:00:00Z</n:publication_date>"
    entries = [
        f"<url><loc>{{at}}{path}</loc>{fields}<n:title>Title of {path}</n:title></n:news></url>" for path in paths
    ]
    return f"<urlset>{''.join(entries)}</urlset>".encode()


class Desk:
    """A worker over a store; each poll is by a source that has just been made."""

    def __init__(self, parser: ArticleParser, *, allow_private: bool = True) -> None:
        self.parser = parser
        self.allow_private = allow_private
        self.store = MemorySourceStore()
        self.items: list[RawItem] = []

    def poll(self, at: str, *, now: datetime = NOW) -> str:
        """Poll once; gives the outcome as counted."""
        registry = CollectorRegistry()
        worker = SourceWorker(
            store=self.store, submit=self._take, owner="test", lease=timedelta(minutes=2),
            max_backoff=timedelta(hours=1), metrics=IngestMetrics(registry),
        )  # fmt: skip
        worker.poll_once(self._source(at), now)
        [polls] = [metric for metric in registry.collect() if metric.name == "tapewatch_ingest_polls"]
        [outcome] = [sample.labels["outcome"] for sample in polls.samples if sample.name.endswith("_total")]
        return outcome

    def _source(self, at: str) -> SitemapSource:
        chosen = {"type": "sitemap", "name": "site", "url": f"{at}/sitemap.xml"}
        settings = SitemapSettings.model_validate(chosen)
        client = HttpClient(
            user_agent="tapewatch/0.1", timeout_s=TIMEOUT_S, max_bytes=4_000_000, max_redirects=3,
            allow_private=self.allow_private,
        )  # fmt: skip
        fetcher = Fetcher(client, HostPoliteness(0))
        return SitemapSource(
            settings,
            listing=SitemapList(settings, fetcher=fetcher, parser=self.parser, max_bytes=4_000_000),
            pages=PageReader(
                settings, fetcher=fetcher, parser=self.parser, robots=Robots(fetcher, user_agent="tapewatch/0.1")
            ),
        )

    def _take(self, items: Sequence[RawItem], now: datetime) -> IngestResult:
        self.items.extend(items)
        return IngestResult(published=len(items), repeated=0, rejected=())


def drip(request: BaseHTTPRequestHandler) -> None:
    """One byte every tenth of a second, for ever."""
    request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(100):
        request.wfile.write(b"x")
        time.sleep(0.1)


def test_pages_are_read_over_http_and_once_over_restarts(parser: ArticleParser) -> None:
    """The whole way: robots.txt, list, page, parser process, store."""
    site, desk = Site({"/sitemap.xml": listed("/a", "/b"), "/a": PAGE, "/b": PAGE}), Desk(parser)
    with serving(site) as at:
        assert [desk.poll(at), desk.poll(at, now=NOW + timedelta(minutes=10))] == ["changed", "unchanged"]
    assert [item.title for item in desk.items] == ["Title of /a", "Title of /b"]
    assert all(item.text.startswith("Paragraph 0 tells") for item in desk.items)
    assert [site.asked.count(path) for path in ("/robots.txt", "/a", "/b")] == [1, 1, 1]


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (b"<html><body>Log in</body></html>", "invalid"),
        (b"", "invalid"),
        (f"{BOMB}]><urlset><url><loc>&a11;</loc></url></urlset>".encode(), "invalid"),
        (b"<!DOCTYPE urlset SYSTEM 'http://127.0.0.1:9/x.dtd'><urlset/>", "invalid"),
        (b"<urlset>" + b"<a>" * 1_000_000, "unchanged"),
        (GZIP_BOMB, "refused"),
        (gzip.compress(listed("/a"))[:-10], "transient"),
        (lambda request: send(request, GZIP_BOMB, Content_Encoding="gzip"), "refused"),
        (lambda request: send(request, b"x" * 5_000_000), "refused"),
        (lambda request: send(request, status=410), "refused"),
        (lambda request: send(request, status=503), "transient"),
        (drip, "transient"),
    ],
)
def test_each_list_has_one_outcome(body: bytes | Answer, outcome: str, parser: ArticleParser) -> None:
    """In bounded time, and with nothing taken."""
    desk = Desk(parser)
    started_s = time.monotonic()
    with serving(Site({"/sitemap.xml": body})) as at:
        assert desk.poll(at) == outcome
    assert time.monotonic() - started_s < TIMEOUT_S + PARSE_TIMEOUT_S + 5
    assert desk.items == []


def test_a_page_that_keeps_the_parser_busy_is_killed_and_the_next_is_read(parser: ArticleParser) -> None:
    """150,000 paragraphs take trafilatura a minute; the title alone is left of them, and the source goes on."""
    site, desk = Site({"/sitemap.xml": listed("/a", "/b"), "/a": SLOW_PAGE, "/b": PAGE}), Desk(parser)
    with serving(site) as at:
        assert desk.poll(at) == "changed"
    assert [(item.title, bool(item.text)) for item in desk.items] == [("Title of /a", False), ("Title of /b", True)]


def test_the_parser_itself_is_given_up_within_its_time(parser: ArticleParser) -> None:
    """And a new process takes its place."""
    started_s = time.monotonic()
    with pytest.raises(GivenUpError, match="to parse"):
        parser.article(SLOW_PAGE, content_type="text/html", url="http://w.example/")
    assert time.monotonic() - started_s < PARSE_TIMEOUT_S + 2
    assert parser.article(PAGE, content_type="text/html", url="http://w.example/").text


def test_a_parser_that_takes_too_much_memory_answers_or_ends() -> None:
    """The limit is the process's; the parent only ever sees an answer or an error."""
    parser = ArticleParser(timeout_s=20, max_items=10)
    try:
        body = b"<html><body>" + b"<a b=c>" * 3_000_000
        found = parser.article(body, content_type="text/html", url="http://w.example/")
        assert found.text == ""
    except TransientError:
        pass
    finally:
        parser.close()


@pytest.fixture
def only_first_is_public(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let 127.0.0.1 stand for a public server; every other address is judged as always."""
    monkeypatch.setattr("monitor.net.connect.is_public", lambda text: text == "127.0.0.1" or is_public(text))


@pytest.mark.usefixtures("only_first_is_public")
@pytest.mark.parametrize("location", ["http://127.0.0.2/", "http://169.254.169.254/latest/", "file:///etc/passwd"])
def test_a_page_that_redirects_into_the_inside_is_refused(location: str, parser: ArticleParser) -> None:
    """Its title is left; nothing of the inside is."""
    site = Site({"/sitemap.xml": listed("/a"), "/a": lambda request: send(request, status=302, Location=location)})
    desk = Desk(parser, allow_private=False)
    with serving(site) as at:
        assert desk.poll(at) == "changed"
    assert [(item.title, item.text) for item in desk.items] == [("Title of /a", "")]


def test_a_redirect_to_another_site_gives_no_text(parser: ArticleParser) -> None:
    """A log-in server, an advertisement: not what the sitemap lists."""
    with serving(lambda request: send(request, PAGE, Content_Type="text/html")) as other:
        site = Site({"/sitemap.xml": listed("/a"), "/a": lambda r: send(r, status=302, Location=f"{other}/x")})
        desk = Desk(parser)
        with serving(site) as at:
            desk.poll(at)
    assert [(item.title, item.text) for item in desk.items] == [("Title of /a", "")]
