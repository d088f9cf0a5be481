"""A feed: what is asked, what is made of each answer, what is remembered."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

import pytest

from monitor.errors import InvalidRecordError, PermanentError, TransientError
from monitor.net import HttpClient, Response
from monitor.ports import SourceState
from monitor.settings import FeedSource as FeedSettings
from pipelines.sources.base import Chunk
from pipelines.sources.feed import FeedSource
from pipelines.sources.feed_parser import parse_feed
from pipelines.sources.fetcher import Fetcher
from pipelines.sources.parser_process import FeedParser
from pipelines.sources.politeness import HostPoliteness
from pipelines.sources.rate_limits import read_retry_after

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
URL = "https://wire.example/rss"
BODY = b"<rss version='2.0'><channel><item><guid>urn:x:1</guid><title>Acme falls</title></item></channel></rss>"
FRESH = SourceState(source="wire")


class CannedClient:
    """Answers with what it was given, and remembers what it was asked."""

    def __init__(self, *answers: Response) -> None:
        self._answers = list(answers)
        self.asked: list[Mapping[str, str]] = []

    def request(self, method: str, url: str, *, headers: Mapping[str, str], confined: Collection[str]) -> Response:
        self.asked.append(headers)
        return self._answers.pop(0)


class InlineParser:
    """The real parser, in this process."""

    def parse(self, body: bytes, *, content_type: str, url: str) -> object:
        return parse_feed(body, content_type=content_type, url=url, max_items=100)


def response(status: int = 200, body: bytes = BODY, **headers: str) -> Response:
    """An answer; underscores in header names stand for dashes."""
    return Response(status=status, headers={k.replace("_", "-"): v for k, v in headers.items()}, body=body, url=URL)


def source(client: CannedClient, **settings: str) -> FeedSource:
    """A feed behind `client`."""
    return FeedSource(
        FeedSettings.model_validate({"name": "wire", "url": URL, **settings}),
        fetcher=Fetcher(cast(HttpClient, client), HostPoliteness(0)),
        parser=cast(FeedParser, InlineParser()),
    )


def poll(answer: Response, state: SourceState = FRESH, **settings: str) -> Sequence[Chunk]:
    """The chunks of one poll."""
    return list(source(CannedClient(answer), **settings).poll(state, now=NOW))


def test_an_item_becomes_a_raw_item_of_the_source() -> None:
    """HTML and lenient dates, because feeds are as they are."""
    [chunk] = poll(response(), lang="en", source_class="filing")
    [item] = chunk.items
    assert (item.source, item.source_class, item.id, item.title) == ("wire", "filing", "urn:x:1", "Acme falls")
    assert (item.html, item.lenient_date, item.lang) == (True, True, "en")
    assert b"Acme falls" in item.raw


def test_the_second_poll_asks_conditionally() -> None:
    """A publisher who sees that nothing is fetched twice lets us ask more often."""
    client = CannedClient(
        response(etag='W/"1"', last_modified="Tue, 24 Nov 2026 10:00:00 GMT"), response(304, b"", etag='W/"1"')
    )
    feed = source(client)
    [first] = feed.poll(FRESH, now=NOW)
    [second] = feed.poll(first.state, now=NOW)
    assert client.asked[1]["if-none-match"] == 'W/"1"'
    assert client.asked[1]["if-modified-since"] == "Tue, 24 Nov 2026 10:00:00 GMT"
    assert (second.items, second.changed, second.state) == ((), False, first.state)


def test_the_same_bytes_again_are_nothing_new() -> None:
    """Many servers know no conditions; parsing and looking up every id again would be waste."""
    [first] = poll(response())
    [second] = poll(response(), first.state)
    assert (list(second.items), second.changed) == ([], False)


def test_a_validator_that_cannot_be_sent_back_is_forgotten() -> None:
    """Else every later request would fail."""
    [chunk] = poll(response(etag="x\r\nhost: evil", last_modified="y" * 5000))
    assert (chunk.state.etag, chunk.state.last_modified) == (None, None)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451, 301, 206])
def test_a_source_that_refuses_is_a_permanent_error(status: int) -> None:
    """Asking again soon changes nothing."""
    with pytest.raises(PermanentError, match=str(status)):
        poll(response(status))


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_a_source_in_trouble_is_a_transient_error_with_its_wish(status: int) -> None:
    """Retry-After is a wish to be respected, whatever the status."""
    with pytest.raises(TransientError) as caught:
        poll(response(status, b"", retry_after="120"))
    assert caught.value.retry_after_s == 120


def test_a_page_in_place_of_the_feed_is_an_invalid_answer() -> None:
    """It is counted as such: a log-in page would otherwise be silence for ever."""
    with pytest.raises(InvalidRecordError, match="not a feed"):
        poll(response(body=b"<html><body>Please log in</body></html>", content_type="text/html"))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0), (" 7 ", 7.0), ("0", 0.0), ("Tue, 24 Nov 2026 12:05:00 GMT", 300.0),
        ("Tue, 24 Nov 2026 11:00:00 GMT", 0.0), ("99999999999999999999", 86_400.0),
        ("Fri, 31 Dec 2099 23:59:59 GMT", 86_400.0),
        ("soon", None), ("", None), (None, None), ("-5", None), ("²", None),
    ],
)  # fmt: skip
def test_retry_after_is_read_as_seconds_or_date_and_at_most_a_day(text: str | None, seconds: float | None) -> None:
    """A publisher's mistake must not silence a source for a century."""
    assert read_retry_after(text, now=NOW) == seconds
