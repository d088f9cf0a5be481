"""Reddit: new posts of subreddits, through the public listing.

The listing is walked down from its newest page: `before` a post that was removed since would answer nothing, for ever.
Posts turn up late where moderators let them in, so each walk goes a little further than what is known.
"""

from __future__ import annotations

from dataclasses import replace

from monitor.settings import FieldPaths, JsonSource, PagingSettings, RedditSource
from pipelines.sources.base import RawItem
from pipelines.sources.bearer import bearer
from pipelines.sources.fetcher import Fetcher
from pipelines.sources.json_api import JsonApi, JsonApiSource

SITE = "https://www.reddit.com"
LATE_S = 600
_GONE = frozenset({"[deleted]", "[removed]"})


def reddit_source(settings: RedditSource, *, fetcher: Fetcher, max_items: int) -> JsonApiSource:
    """The source of `settings`."""
    base = str(settings.base_url).rstrip("/")
    api = JsonSource(
        type="json",
        name=settings.name,
        # raw_json: without it, text comes with &amp; for &.
        url=f"{base}/r/{'+'.join(settings.subreddits)}/new.json?limit=100&raw_json=1&after={{cursor}}",
        headers=bearer(settings.token),
        items="data.children[*].data",
        fields=FieldPaths(
            id="name",
            published_at="created_utc",
            published_at_format="epoch_s",
            title="title",
            text="selftext",
            url="permalink",
            author="author",
        ),
        paging=PagingSettings(next="data.after", since="created_utc", overlap=LATE_S, max_pages=settings.max_pages),
        source_class=settings.source_class,
    )
    stream = JsonApi(api, fetcher=fetcher, max_items=max_items, ids="reddit", finish=_finish)
    return JsonApiSource(settings.name, {"new": stream})


def _finish(_: object, raw: RawItem) -> RawItem:
    return replace(
        raw,
        text="" if raw.text in _GONE else raw.text,
        author=None if raw.author in _GONE else raw.author,
        url=f"{SITE}{raw.url}" if raw.url and raw.url.startswith("/") else raw.url,
    )
