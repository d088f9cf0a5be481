"""The demonstration's material does what the demonstration needs."""

from __future__ import annotations

import gzip
import http.client
from collections import Counter
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import feedparser
import msgspec
import pytest

from monitor.demo.feed_server import FeedServer, render_atom, render_rss
from monitor.demo.stream import bustle_ticker, companies, history, live, outlets, wave_ticker
from pipelines.wire import decode_submission

NOW = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)


def about(document: dict[str, str], ticker: str) -> bool:
    """Whether the document names the company."""
    company = next(c for c in companies() if c.ticker == ticker)
    words = document.get("title", "") + " " + document["text"]
    return company.aliases[0] in words or f"${ticker}" in words


def test_same_seed_and_instant_give_the_same_documents() -> None:
    """A demonstration that goes wrong must go wrong again."""
    assert history(NOW) == history(NOW)
    assert live(NOW) == live(NOW)
    assert history(NOW, seed=1) != history(NOW, seed=2)


def test_every_document_is_one_that_the_push_door_takes() -> None:
    """The material goes through the same strict reader as a user's own."""
    documents = history(NOW) + [item.document for item in live(NOW)]
    for document in documents:
        assert decode_submission(msgspec.json.encode(document)).id == document["id"]
    assert len({document["id"] for document in documents}) == len(documents)
    assert not any("{" in document.get("title", "") + document["text"] for document in documents)


def test_history_is_long_calm_and_past() -> None:
    """The baseline wants days before a rule may fire, and no wave in them."""
    documents = history(NOW)
    at = [datetime.fromisoformat(document["published_at"]) for document in documents]
    assert at == sorted(at)
    assert at[-1] < NOW <= at[0] + timedelta(days=10, hours=3)
    assert 1500 < len(documents) < 3000
    hours = Counter((t.date(), t.hour) for t, d in zip(at, documents, strict=True) if about(d, wave_ticker()))
    assert max(hours.values()) <= 6


def test_wave_is_one_hour_of_many_sources_on_one_company_with_copies() -> None:
    """Copies are the same text under another id: they must be counted once."""
    wave = [item.document for item in live(NOW) if about(item.document, wave_ticker())]
    inside = [d for d in wave if timedelta(minutes=20) <= datetime.fromisoformat(d["published_at"]) - NOW]
    texts = Counter((d.get("title"), d["text"]) for d in inside)
    assert len(texts) >= 15
    assert sum(count - 1 for count in texts.values()) >= 8
    assert len({d["source"] for d in inside}) == len(outlets())


def test_another_company_is_talked_about_as_much_at_the_same_time() -> None:
    """Volume alone is no alarm; the demonstration shows it."""
    items = live(NOW)
    assert wave_ticker() != bustle_ticker()
    assert sum(about(item.document, bustle_ticker()) for item in items) >= 15


def test_live_part_is_compressed_by_the_speed_and_ends_calm() -> None:
    """Two minutes of patience for 200 minutes of news."""
    items = live(NOW, speed=120.0)
    assert [item.after_s for item in items] == sorted(item.after_s for item in items)
    assert 80 < items[-1].after_s <= 100
    late = [item for item in items if item.after_s > 45 and about(item.document, wave_ticker())]
    assert len(late) <= 8
    for item in items:
        at = datetime.fromisoformat(item.document["published_at"])
        assert abs(at - NOW - timedelta(seconds=item.after_s * 120)) < timedelta(milliseconds=1)


def test_companies_are_a_dozen_distinct_ones() -> None:
    """Tickers as the watchlist takes them."""
    found = companies()
    assert len(found) == len({c.ticker for c in found}) == 12
    assert all(c.ticker.isupper() and len(c.ticker) == 5 for c in found)


@pytest.mark.parametrize("render", [render_rss, render_atom])
def test_feed_is_read_back_by_a_real_parser(render) -> None:
    """Titles with markup characters included."""
    item = {**history(NOW)[0], "title": "A & B <i>rise</i> 'quoted' \"twice\""}
    parsed = feedparser.parse(render("northgate-wire", [item]))
    assert not parsed.bozo
    (entry,) = parsed.entries
    assert entry.link == item["url"]
    assert entry.title.startswith("A & B")
    assert entry.summary == item["text"]
    assert datetime(*entry.published_parsed[:6], tzinfo=UTC) == datetime.fromisoformat(item["published_at"]).replace(
        microsecond=0
    )


def ask(url: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    """One GET on loopback."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=5)
    try:
        connection.request("GET", parts.path, headers=headers)
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()
    finally:
        connection.close()


def test_feed_server_answers_as_real_ones_do() -> None:
    """ETag and 304, gzip on request, 404 elsewhere; a new item changes the tag."""
    first, second = [d for d in history(NOW) if d["source"] == "northgate-wire"][:2]
    with FeedServer({"northgate-wire": "rss"}) as server:
        server.publish(first)
        url = server.url("northgate-wire")
        status, headers, body = ask(url, {"Accept-Encoding": "gzip"})
        assert status == 200
        assert first["id"].encode() in gzip.decompress(body)
        assert ask(url, {"If-None-Match": headers["ETag"]})[0] == 304
        server.publish(second)
        status, _, body = ask(url, {"If-None-Match": headers["ETag"]})
        assert status == 200
        assert body.index(second["id"].encode()) < body.index(first["id"].encode())
        assert ask(url.replace("northgate", "southgate"), {})[0] == 404
