"""Servers that misbehave, and the clear outcome that each gets."""

from __future__ import annotations

import gzip
import socket
import struct
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler

import pytest
from prometheus_client import CollectorRegistry

from monitor.errors import PermanentError, TransientError
from monitor.metrics import IngestMetrics
from monitor.net import HttpClient
from monitor.net.address import is_public
from monitor.settings import FeedSource as FeedSettings
from pipelines.sources.feed import FeedSource
from pipelines.sources.fetcher import Fetcher
from pipelines.sources.parser_process import FeedParser
from pipelines.sources.politeness import HostPoliteness
from pipelines.sources.worker import SourceWorker
from tests.fixtures.feed_server import Answer, send, serving
from tests.fixtures.memory_sources import MemorySourceStore, keeping

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
TIMEOUT_S = 0.6
BODY = b"<rss version='2.0'><channel><item><guid>urn:x:1</guid><title>Acme falls</title></item></channel></rss>"


def client(*, allow_private: bool = True, max_redirects: int = 3) -> HttpClient:
    """A client with little patience."""
    return HttpClient(
        user_agent="test",
        timeout_s=TIMEOUT_S,
        max_bytes=100_000,
        max_redirects=max_redirects,
        allow_private=allow_private,
    )


def fetch_seconds(answer: Answer) -> float:
    """Seconds until the fetch was given up for slowness."""
    with serving(answer) as at:
        started_s = time.monotonic()
        with pytest.raises(TransientError, match=r"within|imeout|timed out"):
            client().request("GET", at)
        return time.monotonic() - started_s


def drip_headers(request: BaseHTTPRequestHandler) -> None:
    """One header every tenth of a second, for ever."""
    request.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(100):
        request.wfile.write(b"X-%d: y\r\n" % number)
        time.sleep(0.1)


def drip_body(request: BaseHTTPRequestHandler) -> None:
    """One byte every tenth of a second, for ever."""
    request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(100):
        request.wfile.write(b"x")
        time.sleep(0.1)


def say_nothing(request: BaseHTTPRequestHandler) -> None:
    """Take the request and never answer."""
    time.sleep(2 * TIMEOUT_S)


def endless_informational(request: BaseHTTPRequestHandler) -> None:
    """Interim answers without end."""
    for _ in range(100):
        request.wfile.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        time.sleep(0.05)


@pytest.mark.parametrize("answer", [drip_headers, drip_body, say_nothing, endless_informational])
def test_a_slow_answer_ends_at_the_deadline_however_it_drips(answer: Answer) -> None:
    """A time-out that starts over with each byte would hold a thread for ever."""
    assert fetch_seconds(answer) < 3 * TIMEOUT_S


def reset(request: BaseHTTPRequestHandler) -> None:
    """Cut the connection in the middle of the body."""
    request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
    request.wfile.flush()
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.connection.close()


def short(request: BaseHTTPRequestHandler) -> None:
    """Promise more than comes."""
    request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
    request.close_connection = True


def cut_gzip(request: BaseHTTPRequestHandler) -> None:
    """A compressed body without its end, complete by its own length."""
    send(request, gzip.compress(BODY)[:-10], Content_Encoding="gzip")


def not_http(request: BaseHTTPRequestHandler) -> None:
    """Another protocol."""
    request.wfile.write(b"220 mail.example ESMTP\r\n")


def nothing(request: BaseHTTPRequestHandler) -> None:
    """Close at once."""
    request.close_connection = True


@pytest.mark.parametrize("answer", [reset, short, cut_gzip, not_http, nothing])
def test_a_broken_answer_may_be_better_later(answer: Answer) -> None:
    """Half a feed must not pass for the whole one."""
    with serving(answer) as at, pytest.raises(TransientError):
        client().request("GET", at)


def huge(request: BaseHTTPRequestHandler) -> None:
    """More bytes than any feed has."""
    request.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(1000):
        request.wfile.write(bytes(10_000))


def bomb(request: BaseHTTPRequestHandler) -> None:
    """Fifty megabytes in fifty kilobytes."""
    send(request, gzip.compress(bytes(50_000_000), 9), Content_Encoding="gzip")


@pytest.mark.parametrize("answer", [huge, bomb])
def test_a_body_over_the_cap_is_refused(answer: Answer) -> None:
    """On the wire and unpacked."""
    with serving(answer) as at, pytest.raises(PermanentError, match="larger than"):
        client().request("GET", at)


def test_an_unreachable_host_is_a_transient_error() -> None:
    """Nobody listens there any more."""
    with serving(send) as at:
        pass
    with pytest.raises(TransientError, match="cannot connect"):
        client().request("GET", at)


@pytest.fixture
def only_first_is_public(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let 127.0.0.1 stand for a public server; every other address is judged as always."""
    monkeypatch.setattr("monitor.net.connect.is_public", lambda text: text == "127.0.0.1" or is_public(text))


@pytest.mark.usefixtures("only_first_is_public")
@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.2/", "http://localhost.localdomain@127.0.0.3/", "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/", "http://[::ffff:127.0.0.2]/", "http://2130706434/", "//0.0.0.0/", "file:///etc/passwd",
        "ftp://127.0.0.1/", "gopher://127.0.0.1/", "http://[", "http://10.0.0.1:22/",
    ],
)  # fmt: skip
def test_a_redirect_into_the_inside_is_refused(location: str) -> None:
    """The first address was checked; so is every next one."""
    with serving(lambda request: send(request, status=302, Location=location)) as at:
        started_s = time.monotonic()
        with pytest.raises(PermanentError):
            client(allow_private=False).request("GET", at)
        assert time.monotonic() - started_s < TIMEOUT_S


def circle(request: BaseHTTPRequestHandler) -> None:
    """Redirect to itself."""
    send(request, status=301, Location=request.path)


def spiral(request: BaseHTTPRequestHandler) -> None:
    """Redirect ever deeper."""
    send(request, status=307, Location=request.path + "x")


@pytest.mark.parametrize("answer", [circle, spiral])
def test_endless_redirects_are_refused(answer: Answer) -> None:
    """After the limit, or as soon as the circle closes."""
    with serving(answer) as at, pytest.raises(PermanentError, match="redirected"):
        client().request("GET", f"{at}/a")


def test_credentials_stay_with_the_server_they_are_for() -> None:
    """A redirect must not carry a token to somebody else; the rest of the request goes along."""
    got: list[tuple[str | None, str | None]] = []

    def note(request: BaseHTTPRequestHandler) -> None:
        got.append((request.headers["Authorization"], request.headers["X-Kept"]))
        send(request, BODY)

    with serving(note) as other, serving(lambda request: send(request, status=302, Location=f"{other}/x")) as at:
        answer = client().request("GET", at, headers={"Authorization": "Bearer secret", "X-Kept": "yes"})
    assert got == [(None, "yes")]
    assert (answer.url, answer.body) == (f"{other}/x", BODY)


def test_a_redirect_is_an_answer_where_none_are_followed() -> None:
    """A webhook that moved must be told to the operator, not followed with the alert in hand."""
    with serving(lambda request: send(request, status=302, Location="http://127.0.0.1:9/")) as at:
        assert client(max_redirects=0).request("GET", at).status == 302


def test_no_proxy_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy would resolve names itself, past every check."""
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with serving(lambda request: send(request, BODY)) as at:
        assert client().request("GET", at).body == BODY


@pytest.fixture(scope="module")
def parser() -> Iterator[FeedParser]:
    """Real parser processes with little patience."""
    made = FeedParser(timeout_s=2, max_items=100)
    yield made
    made.close()


Poll = Callable[[Answer], tuple[str, MemorySourceStore]]


@pytest.fixture
def poll(parser: FeedParser) -> Poll:
    """Polls a server once; gives the outcome as counted and the store."""

    def once(answer: Answer) -> tuple[str, MemorySourceStore]:
        registry, store = CollectorRegistry(), MemorySourceStore()
        worker = SourceWorker(
            store=store,
            submit=keeping([]),
            owner="test",
            lease=timedelta(minutes=2),
            max_backoff=timedelta(hours=1),
            metrics=IngestMetrics(registry),
        )
        with serving(answer) as at:
            settings = FeedSettings.model_validate({"name": "wire", "url": at})
            fetcher = Fetcher(client(), HostPoliteness(0))
            worker.poll_once(FeedSource(settings, fetcher=fetcher, parser=parser), NOW)
        [polls] = [metric for metric in registry.collect() if metric.name == "tapewatch_ingest_polls"]
        [outcome] = [sample.labels["outcome"] for sample in polls.samples if sample.name.endswith("_total")]
        return outcome, store

    return once


@pytest.mark.parametrize(
    ("answer", "outcome", "wait_s"),
    [
        (lambda r: send(r, BODY, Content_Type="image/png"), "changed", 0),
        (lambda r: send(r, b"<html>Log in</html>", Content_Type="text/html"), "invalid", 15),
        (lambda r: send(r, status=429, Retry_After="600"), "transient", 600),
        (lambda r: send(r, status=503, Retry_After="Tue, 24 Nov 2026 12:10:00 GMT"), "transient", 600),
        (lambda r: send(r, status=500), "transient", 15),
        (lambda r: send(r, status=410), "refused", 3600),
        (reset, "transient", 15),
        (bomb, "refused", 3600),
    ],
)
def test_each_answer_has_one_outcome_and_one_wait(answer: Answer, outcome: str, wait_s: int, poll: Poll) -> None:
    """What the operator sees in the metric, and when the source is asked again."""
    counted, store = poll(answer)
    assert counted == outcome
    assert store.source_state("wire").next_poll_at == NOW + timedelta(seconds=wait_s)


def test_a_feed_that_keeps_the_parser_busy_is_given_up_and_the_next_is_read(parser: FeedParser, poll: Poll) -> None:
    """Deeply nested tags take feedparser seconds for each hundred kilobytes."""
    nested = b"<rss version='2.0'><channel><item><description>" + b"<a>" * 1_000_000
    started_s = time.monotonic()
    with pytest.raises(TransientError, match="to parse"):
        parser.parse(nested, content_type="", url="http://wire.example/")
    assert time.monotonic() - started_s < 5
    assert poll(lambda request: send(request, BODY))[0] == "changed"
