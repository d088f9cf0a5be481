"""Mastodon: public posts with a hashtag, as one server knows them.

Only what its author made public is taken. A post has the same id on every server, so that two servers that both know
it bring it once.
"""

from __future__ import annotations

import html
from dataclasses import replace

from monitor.json_path import parse_path
from monitor.settings import FieldPaths, JsonSource, MastodonSource, PagingSettings
from pipelines.sources.base import RawItem
from pipelines.sources.bearer import bearer
from pipelines.sources.fetcher import Fetcher
from pipelines.sources.json_api import JsonApi, JsonApiSource
from pipelines.sources.json_fields import Finish

_VISIBILITY = parse_path("visibility")
_PUBLIC = frozenset({"public", "unlisted"})


def mastodon_source(settings: MastodonSource, *, fetcher: Fetcher, max_items: int) -> JsonApiSource:
    """The source of `settings`."""
    stream = JsonApi(
        _api(settings), fetcher=fetcher, max_items=max_items, ids="mastodon", finish=_finish(settings.instance.lower())
    )
    return JsonApiSource(settings.name, {"tags": stream})


def _api(settings: MastodonSource) -> JsonSource:
    base = str(settings.base_url or f"https://{settings.instance}").rstrip("/")
    first, *others = settings.tags
    any_of = "".join(f"&any[]={tag}" for tag in others)
    return JsonSource(
        type="json",
        name=settings.name,
        url=f"{base}/api/v1/timelines/tag/{first}?limit=40{any_of}&min_id={{since}}",
        headers=bearer(settings.token),
        items="",
        fields=FieldPaths(
            id="uri",
            published_at="created_at",
            title="spoiler_text",
            text="content",
            url="url | uri",
            author="account.acct",
            lang="language",
        ),
        paging=PagingSettings(since="id", order="oldest_first", max_pages=settings.max_pages),
        html=True,
        source_class=settings.source_class,
    )


def _finish(instance: str) -> Finish:
    def finish(item: object, raw: RawItem) -> RawItem | None:
        if _VISIBILITY.first(item) not in _PUBLIC:
            return None
        author = raw.author if not raw.author or "@" in raw.author else f"{raw.author}@{instance}"
        # The content is HTML, the warning before it is not.
        return replace(raw, author=author, title=html.escape(raw.title, quote=False))

    return finish
