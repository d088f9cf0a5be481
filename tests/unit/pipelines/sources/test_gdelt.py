"""GDELT: how its answers are read, and that no article is lost or met twice."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest

from monitor.errors import InvalidRecordError, TransientError
from monitor.net import HttpClient, Response
from monitor.ports import SourceState
from monitor.settings import GdeltSource as GdeltSettings
from pipelines.sources.base import RawItem
from pipelines.sources.fetcher import Fetcher
from pipelines.sources.gdelt import GdeltSource
from pipelines.sources.politeness import HostPoliteness

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
MOMENT = "%Y%m%d%H%M%S"


def article(number: int, at: datetime, **more: object) -> dict[str, object]:
    """An article as GDELT writes it."""
    return {
        "url": f"https://w.example/{number}", "url_mobile": "", "title": f"Acme {number} falls",
        "seendate": at.strftime("%Y%m%dT%H%M%SZ"), "socialimage": "", "domain": "w.example", "language": "English",
        "sourcecountry": "United States", **more,
    }  # fmt: skip


class Gdelt:
    """A server that searches its articles by time, oldest first, 250 at most."""

    def __init__(self, articles: list[dict[str, Any]]) -> None:
        self.articles = articles
        self.asked: list[Mapping[str, list[str]]] = []

    def request(self, method: str, url: str, *, headers: Mapping[str, str], confined: Collection[str]) -> Response:
        given = parse_qs(urlsplit(url).query)
        self.asked.append(given)
        start, end = given["startdatetime"][0], given["enddatetime"][0]
        found = [one for one in self.articles if start <= one["seendate"].translate({84: None, 90: None}) <= end]
        found.sort(key=lambda one: one["seendate"])
        return answer(json.dumps({"articles": found[: int(given["maxrecords"][0])]} if found else {}).encode())


def answer(body: bytes) -> Response:
    """An answer with status 200."""
    return Response(status=200, headers={}, body=body, url="https://api.gdeltproject.org/")


class Says:
    """A server that always says the same."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def request(self, method: str, url: str, *, headers: Mapping[str, str], confined: Collection[str]) -> Response:
        return answer(self.body)


class Desk:
    """A source and what is remembered between its polls."""

    def __init__(self, server: object) -> None:
        self.server = server
        self.state = SourceState(source="gdelt")

    def poll(self, *, now: datetime = NOW) -> list[RawItem]:
        """The items of one poll of a process that has just started."""
        settings = GdeltSettings.model_validate({"type": "gdelt", "name": "gdelt", "query": '"Acme Corp"'})
        fetcher = Fetcher(cast(HttpClient, self.server), HostPoliteness(0, sleep=lambda _: None))
        items: list[RawItem] = []
        for chunk in GdeltSource(settings, fetcher=fetcher).poll(self.state, now=now):
            items += chunk.items
            self.state = chunk.state
        return items


def test_an_article_becomes_a_document() -> None:
    """By its title: GDELT has no more; dated when GDELT saw it."""
    at = NOW - timedelta(hours=1)
    [item] = Desk(Gdelt([article(1, at, language="Chinese")])).poll()
    assert (item.title, item.url, item.published_at) == ("Acme 1 falls", "https://w.example/1", at)
    assert (item.source_class, item.lang) == ("news", "zh")


def test_the_query_is_sent_as_it_was_written() -> None:
    """Quotes and brackets are GDELT's own notation."""
    server = Gdelt([])
    assert Desk(server).poll() == []
    assert server.asked[0]["query"] == ['"Acme Corp"']
    assert server.asked[0]["startdatetime"] == [(NOW - timedelta(days=1)).strftime(MOMENT)]


def test_every_article_comes_once_over_polls_and_restarts() -> None:
    """Also those that GDELT finds late, and those of the same instant as the newest one."""
    slots = [NOW - timedelta(minutes=15 * back) for back in range(8, 0, -1)]
    server = Gdelt([article(number, at) for number, at in enumerate(slots)])
    desk = Desk(server)
    urls = [item.url for item in desk.poll()]
    server.articles += [article(100, slots[-1]), article(101, slots[-2]), article(102, NOW)]
    urls += [item.url for item in desk.poll(now=NOW + timedelta(minutes=15))]
    urls += [item.url for item in desk.poll(now=NOW + timedelta(minutes=30))]
    assert sorted(urls) == sorted(one["url"] for one in server.articles)


def test_more_than_a_poll_can_take_is_read_on_by_the_next() -> None:
    """A wide query, or a day of outage: nothing may be skipped."""
    articles = [article(number, NOW - timedelta(minutes=5 + number // 3)) for number in range(2600)]
    server = Gdelt(articles)
    desk = Desk(server)
    first = [item.url for item in desk.poll()]
    assert len(first) < 1100
    for minutes in range(15, 75, 15):
        first += [item.url for item in desk.poll(now=NOW + timedelta(minutes=minutes))]
    assert len(first) == len(set(first)) == 2600


def test_a_long_outage_is_made_up_for() -> None:
    """The window begins where the last poll ended, not a quarter of an hour ago."""
    server = Gdelt([article(1, NOW - timedelta(minutes=30))])
    desk = Desk(server)
    desk.poll()
    later = NOW + timedelta(days=5)
    server.articles.append(article(2, NOW + timedelta(days=2)))
    assert [item.url for item in desk.poll(now=later)] == ["https://w.example/2"]


def test_an_instant_with_more_articles_than_can_be_had_does_not_stop_the_source() -> None:
    """They are beyond reach; what comes after is not."""
    full = NOW - timedelta(hours=2)
    server = Gdelt([*(article(n, full) for n in range(300)), article(999, NOW - timedelta(hours=1))])
    assert "https://w.example/999" in [item.url for item in Desk(server).poll()]


def test_an_article_from_the_future_does_not_hide_the_others() -> None:
    """The newest instant is how far we have come."""
    far = article(1, datetime(2036, 1, 1, tzinfo=UTC))
    desk = Desk(Says(json.dumps({"articles": [far, article(2, NOW)]}).encode()))
    assert [item.url for item in desk.poll()] == ["https://w.example/2"]
    desk.server = Gdelt([article(3, NOW + timedelta(minutes=15))])
    assert [item.url for item in desk.poll(now=NOW + timedelta(minutes=20))] == ["https://w.example/3"]


@pytest.mark.parametrize(
    "title", [rb"Acme \ Beta", rb"Acme C:\users", rb"Acme \"quoted\"", b"Acme \x07 bell\tand\nline"]
)
def test_titles_that_break_the_json_are_read_all_the_same(title: bytes) -> None:
    """GDELT copies titles as they are; one of them must not cost the page."""
    body = json.dumps({"articles": [article(1, NOW), article(2, NOW)]}).encode().replace(b"Acme 1 falls", title)
    assert len(Desk(Says(body)).poll()) == 2


@pytest.mark.parametrize(
    ("body", "error", "says"),
    [
        (b"The specified phrase is too short.\n", InvalidRecordError, "phrase is too short"),
        (b"<html>Bad gateway</html>", InvalidRecordError, "Bad gateway"),
        (b"Please limit requests to one every 5 seconds", TransientError, "limit requests"),
        (b'{"articles": "none"}', InvalidRecordError, "list of articles"),
        (b'{"articles": [' + b"[" * 100_000, InvalidRecordError, "list of articles"),
        (b'{"articles": [{"url":', InvalidRecordError, "list of articles"),
    ],
)
def test_what_gdelt_says_in_place_of_articles_is_the_error(body: bytes, error: type[Exception], says: str) -> None:
    """With status 200; the operator must see the sentence."""
    with pytest.raises(error, match=says):
        Desk(Says(body)).poll()


@pytest.mark.parametrize(
    "entry", [b"1", b"null", b'{"url":1}', b'{"url":"u","title":"t","seendate":"yesterday"}', b"{}"]
)
def test_an_entry_that_cannot_be_read_costs_itself(entry: bytes) -> None:
    """The others are news."""
    body = b'{"articles":[' + entry + b"," + json.dumps(article(1, NOW)).encode() + b"]}"
    assert [item.url for item in Desk(Says(body)).poll()] == ["https://w.example/1"]
