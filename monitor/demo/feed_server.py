"""The demonstration's feeds: RSS and Atom over HTTP on loopback, with ETag, 304 and gzip as real ones have."""

from __future__ import annotations

import gzip
import hashlib
import threading
from collections import deque
from collections.abc import Collection, Mapping
from datetime import datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from xml.sax.saxutils import escape

KEPT_ITEMS = 60  #: Items in a feed; older ones fall out.

Item = Mapping[str, Any]


def render_rss(name: str, items: Collection[Item]) -> bytes:
    """An RSS 2.0 feed of documents."""
    entries = "".join(
        f"<item><guid isPermaLink='false'>{escape(item['id'])}</guid><title>{escape(_title(item))}</title>"
        f"<link>{escape(item['url'])}</link><description>{escape(item['text'])}</description>"
        f"<pubDate>{format_datetime(datetime.fromisoformat(item['published_at']))}</pubDate></item>\n"
        for item in items
    )
    return (
        "<?xml version='1.0' encoding='utf-8'?>\n<rss version='2.0'><channel>"
        f"<title>{escape(name)}</title><link>https://{escape(name)}.example/</link>"
        f"<description>Invented news</description><language>en</language>\n{entries}</channel></rss>\n"
    ).encode()


def render_atom(name: str, items: Collection[Item]) -> bytes:
    """An Atom feed of documents."""
    entries = "".join(
        f"<entry><id>urn:demo:{escape(item['id'])}</id><title>{escape(_title(item))}</title>"
        f"<link href='{escape(item['url'])}'/><updated>{item['published_at']}</updated>"
        f"<published>{item['published_at']}</published><summary>{escape(item['text'])}</summary></entry>\n"
        for item in items
    )
    updated = max((item["published_at"] for item in items), default="1970-01-01T00:00:00+00:00")
    return (
        "<?xml version='1.0' encoding='utf-8'?>\n<feed xmlns='http://www.w3.org/2005/Atom' xml:lang='en'>"
        f"<id>urn:demo:{escape(name)}</id><title>{escape(name)}</title><updated>{updated}</updated>\n{entries}</feed>\n"
    ).encode()


class FeedServer:
    """Serves `/<source>.rss` and `/<source>.atom`; items are published while it runs."""

    def __init__(self, feeds: Mapping[str, str]) -> None:
        self._feeds = dict(feeds)  # source -> rss | atom
        self._items: dict[str, deque[Item]] = {name: deque(maxlen=KEPT_ITEMS) for name in feeds}
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="demo-feeds", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def url(self, source: str) -> str:
        """Address of the feed of `source`."""
        return f"http://127.0.0.1:{self._server.server_port}/{source}.{self._feeds[source]}"

    def publish(self, document: Item) -> None:
        """Put `document` on top of its source's feed."""
        with self._lock:
            self._items[document["source"]].appendleft(document)

    def body(self, path: str) -> bytes | None:
        """The feed at `path`; None: there is none."""
        name, _, kind = path.strip("/").rpartition(".")
        if self._feeds.get(name) != kind:
            return None
        with self._lock:
            items = list(self._items[name])
        return (render_rss if kind == "rss" else render_atom)(name, items)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            """Answers GET."""

            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                """Serve a feed, whole or as unchanged."""
                _answer(self, server.body(self.path))

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's signature
                """Say nothing: the terminal shows the demonstration."""

        return Handler


def _answer(request: BaseHTTPRequestHandler, body: bytes | None) -> None:
    if body is None:
        _send(request, 404, b"no such feed\n", {"Content-Type": "text/plain"})
        return
    tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
    if request.headers.get("If-None-Match") == tag:
        _send(request, 304, b"", {"ETag": tag})
        return
    headers = {"Content-Type": "application/xml; charset=utf-8", "ETag": tag, "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        body, headers["Content-Encoding"] = gzip.compress(body, mtime=0), "gzip"
    _send(request, 200, body, headers)


def _send(request: BaseHTTPRequestHandler, status: int, body: bytes, headers: Mapping[str, str]) -> None:
    request.send_response(status)
    for name, value in {**headers, "Content-Length": str(len(body))}.items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(body)


def _title(item: Item) -> str:
    return str(item.get("title") or item["text"][:120])
