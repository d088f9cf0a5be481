"""Reddit, Hacker News, StockTwits and Mastodon: what is asked of each, and what is made of its answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter

from monitor.ports import SourceState
from monitor.settings import DocumentLimits, Source
from pipelines.documents import build_document
from pipelines.entities import EntityLinker
from pipelines.sources.base import RawItem
from pipelines.sources.hacker_news import hacker_news_source
from pipelines.sources.json_api import JsonApiSource
from pipelines.sources.mastodon import mastodon_source
from pipelines.sources.reddit import reddit_source
from pipelines.sources.stocktwits import stocktwits_source
from tests.fixtures.canned_api import NOW, CannedApi, query, recorded

MAKERS: dict[str, tuple[Callable[..., JsonApiSource], dict[str, Any]]] = {
    "reddit": (reddit_source, {"subreddits": ["stocks", "investing"]}),
    "hackernews": (hacker_news_source, {"query": "norvik pharma", "tags": "(story,comment)"}),
    "stocktwits": (stocktwits_source, {"symbols": ["QNDR"]}),
    "mastodon": (mastodon_source, {"instance": "Mastodon.Example", "tags": ["stocks", "börse"]}),
}
AT_1130 = datetime(2026, 11, 24, 11, 30, tzinfo=UTC)


def made(kind: str, api: CannedApi, **changes: object) -> JsonApiSource:
    """The source as the configuration would make it."""
    maker, given = MAKERS[kind]
    settings = TypeAdapter(Source).validate_python({"type": kind, "name": "here", **given, **changes})
    return maker(settings, fetcher=api.fetcher(), max_items=1000)


def once(kind: str, **changes: object) -> tuple[list[RawItem], CannedApi]:
    """The items of one poll over the recorded answer, and what was asked."""
    answers = [recorded(f"{kind}.json")]
    empty: object = [] if kind == "mastodon" else {"hits": [], "messages": [], "data": {"children": []}}
    api = CannedApi(lambda _: answers.pop() if answers else empty)
    chunks = list(made(kind, api, **changes).poll(SourceState(source="here"), now=NOW))
    return [raw for chunk in chunks for raw in chunk.items], api


def titles(items: Sequence[RawItem]) -> list[str]:
    """Titles as documents have them."""
    limits, linker = DocumentLimits(), EntityLinker([])
    return [build_document(raw, seen_at=NOW, limits=limits, linker=linker).document.title for raw in items]


@pytest.mark.parametrize("kind", sorted(MAKERS))
def test_every_recorded_item_becomes_a_document(kind: str) -> None:
    """An adapter whose items are refused is none."""
    items, _ = once(kind)
    assert len(titles(items)) >= 2
    assert all(raw.source_class == "social" and raw.source == "here" for raw in items)
    assert max(str(raw.published_at) for raw in items).replace("T", " ").startswith("2026-11-24 11:30:00")


@pytest.mark.parametrize("kind", sorted(MAKERS))
def test_a_restart_asks_only_for_what_is_new(kind: str) -> None:
    """Else every start would ask for all pages anew."""
    answer = recorded(f"{kind}.json")
    api = CannedApi(lambda _: answer)
    source = made(kind, api)
    [*_, last] = source.poll(SourceState(source="here"), now=NOW)
    first = len(api.urls)
    list(made(kind, api).poll(last.state, now=NOW))
    assert len(api.urls) - first <= 1
    if kind != "reddit":  # its listing is walked from the top
        known = {"hackernews": "created_at_i>=1795519200", "stocktwits": "650000102", "mastodon": "115600000000000102"}
        assert known[kind] in query(api.urls[-1]).values()


def test_reddit_posts_lose_their_marks_of_deletion_and_keep_their_page() -> None:
    """`[removed]` is no opinion; the link of a post is not its text."""
    items, api = once("reddit")
    assert api.urls == ["https://www.reddit.com/r/stocks+investing/new.json?limit=100&raw_json=1"]
    assert [(raw.id, raw.author, raw.url) for raw in items] == [
        (
            "reddit:t3_1pq9z3",
            "tape_reader_9",
            "https://www.reddit.com/r/stocks/comments/1pq9z3/quandro_sons_cut_guidance/",
        ),
        ("reddit:t3_1pq9x1", None, "https://www.reddit.com/r/investing/comments/1pq9x1/helvia_bank/"),
        ("reddit:t3_1pq9w0", "someone", "https://www.reddit.com/r/stocks/comments/1pq9w0/what_now/"),
    ]
    assert (items[0].published_at, items[0].html, items[2].text) == (AT_1130, False, "")
    assert titles(items)[0] == "Quandro & Sons cut guidance, shares < $10 tomorrow?"


def test_a_reddit_token_goes_to_the_server_it_is_for() -> None:
    """As a bearer token, never in the address."""
    _, api = once("reddit", base_url="https://oauth.reddit.com", token="s3cret")
    assert api.urls[0].startswith("https://oauth.reddit.com/r/stocks+investing/new.json?")
    assert api.headers[0]["authorization"] == "Bearer s3cret"


def test_hacker_news_titles_are_text_and_comments_are_html() -> None:
    """The title of the story stays with the story: a comment is no copy of it."""
    items, api = once("hackernews")
    assert api.urls[0] == (
        "https://hn.algolia.com/api/v1/search_by_date?query=norvik%20pharma&tags=(story,comment)&hitsPerPage=100&page=0"
    )
    assert titles(items) == ["Norvik R&D < 3% of sales", ""]
    assert [raw.url for raw in items] == [f"https://news.ycombinator.com/item?id={n}" for n in (46012345, 46012299)]
    assert (items[0].id, items[1].author, items[0].published_at) == ("hackernews:46012345", "latecomer", AT_1130)


def test_stocktwits_symbols_become_entities() -> None:
    """An index that is no ticker here is left out; it must not refuse the message."""
    items, api = once("stocktwits")
    assert api.urls == ["https://api.stocktwits.com/api/2/streams/symbol/QNDR.json"]
    assert [raw.entities for raw in items] == [("QNDR", "SPX.X"), ("QNDR",)]
    assert (items[0].id, items[0].url) == ("stocktwits:650000102", "https://stocktwits.com/slowhand/message/650000102")


def test_stocktwits_pages_go_down_to_what_is_known() -> None:
    """Thirty messages a page: a busy symbol has more between two polls."""
    first, second = recorded("stocktwits.json"), recorded("stocktwits.json")
    first["cursor"]["more"] = True
    api = CannedApi(lambda url: second if "max" in query(url) else first)
    source = made("stocktwits", api, symbols=["QNDR", "HLVB"])
    list(source.poll(SourceState(source="here"), now=NOW))
    assert [url.split("symbol/")[1] for url in api.urls] == [
        "QNDR.json", "QNDR.json?max=650000077", "HLVB.json", "HLVB.json?max=650000077",
    ]  # fmt: skip


def test_mastodon_posts_are_the_public_ones_under_their_own_id() -> None:
    """What was meant for followers is not taken, not even into the dead letters; other servers know the same ids."""
    items, api = once("mastodon")
    assert api.urls[0] == "https://Mastodon.Example/api/v1/timelines/tag/stocks?limit=40&any[]=börse"
    assert [(raw.id, raw.author, raw.lang) for raw in items] == [
        ("mastodon:https://mastodon.example/users/ada/statuses/115600000000000102", "ada@mastodon.example", "en"),
        ("mastodon:https://other.example/objects/77", "bo@other.example", "de"),
    ]
    assert items[1].url == "https://other.example/objects/77"
    assert titles(items) == ["Profit < 0", ""]
