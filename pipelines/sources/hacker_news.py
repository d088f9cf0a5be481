"""Hacker News: stories and comments that hold given words, through its public search.

The search indexes late and out of order, so each poll asks again for the last ten minutes of what it knows.
"""

from __future__ import annotations

import html
from dataclasses import replace
from urllib.parse import quote

from monitor.settings import FieldPaths, HackerNewsSource, JsonSource, PagingSettings
from pipelines.sources.base import RawItem
from pipelines.sources.fetcher import Fetcher
from pipelines.sources.json_api import JsonApi, JsonApiSource

ITEM = "https://news.ycombinator.com/item?id="
LATE_S = 600


def hacker_news_source(settings: HackerNewsSource, *, fetcher: Fetcher, max_items: int) -> JsonApiSource:
    """The source of `settings`."""
    base = str(settings.base_url).rstrip("/")
    words, tags = quote(settings.query, safe=""), quote(settings.tags, safe="(),")
    api = JsonSource(
        type="json",
        name=settings.name,
        url=f"{base}/api/v1/search_by_date?query={words}&tags={tags}&hitsPerPage=100"
        "&numericFilters=created_at_i%3E%3D{since}&page={page}",
        items="hits",
        fields=FieldPaths(
            id="objectID",
            published_at="created_at_i",
            published_at_format="epoch_s",
            title="title",
            text="story_text | comment_text",
            url="objectID",
            author="author",
        ),
        paging=PagingSettings(
            pages="nbPages", since="created_at_i", overlap=LATE_S, first_page=0, max_pages=settings.max_pages
        ),
        html=True,
        source_class=settings.source_class,
    )
    stream = JsonApi(api, fetcher=fetcher, max_items=max_items, ids="hackernews", finish=_finish)
    return JsonApiSource(settings.name, {"search": stream})


def _finish(_: object, raw: RawItem) -> RawItem:
    # Texts are HTML, titles are not: "R&D < 3 %".
    return replace(raw, title=html.escape(raw.title, quote=False), url=ITEM + quote(raw.url or "", safe=""))
