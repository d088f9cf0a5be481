"""StockTwits: messages about symbols, a stream a symbol, through its public API.

Each message names its symbols; those that are no tickers here (indices, futures) are left out of its entities.
"""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import quote

from monitor.settings import FieldPaths, JsonSource, PagingSettings, StockTwitsSource
from pipelines.sources.base import RawItem
from pipelines.sources.bearer import bearer
from pipelines.sources.fetcher import Fetcher
from pipelines.sources.json_api import JsonApi, JsonApiSource

SITE = "https://stocktwits.com"
MAX_SYMBOLS = 50
_TICKER = re.compile(r"[A-Za-z0-9][A-Za-z0-9.\-]{0,14}")


def stocktwits_source(settings: StockTwitsSource, *, fetcher: Fetcher, max_items: int) -> JsonApiSource:
    """The source of `settings`."""
    streams = {
        symbol: JsonApi(_api(settings, symbol), fetcher=fetcher, max_items=max_items, ids="stocktwits", finish=_finish)
        for symbol in settings.symbols
    }
    return JsonApiSource(settings.name, streams)


def _api(settings: StockTwitsSource, symbol: str) -> JsonSource:
    base = str(settings.base_url).rstrip("/")
    return JsonSource(
        type="json",
        name=settings.name,
        url=f"{base}/api/2/streams/symbol/{symbol}.json?since={{since}}&max={{cursor}}",
        headers=bearer(settings.token),
        items="messages",
        fields=FieldPaths(
            id="id",
            published_at="created_at",
            text="body",
            url="id",
            author="user.username",
            entities="symbols[*].symbol",
        ),
        paging=PagingSettings(next="cursor.max", more="cursor.more", since="id", max_pages=settings.max_pages),
        source_class=settings.source_class,
    )


def _finish(_: object, raw: RawItem) -> RawItem:
    tickers = [symbol for symbol in raw.entities if _TICKER.fullmatch(symbol)][:MAX_SYMBOLS]
    url = f"{SITE}/{quote(raw.author or 'message', safe='')}/message/{quote(raw.url or '', safe='')}"
    return replace(raw, entities=tuple(tickers), url=url)
