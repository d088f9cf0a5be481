"""Every recorded feed through the real parser processes, as a server would send it: none crashes it, none is slow.

The manifest says what feedparser alone makes of each file. The tables below explain every difference, and every entry
that becomes no document.
"""

from __future__ import annotations

import csv
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.domain import SourceClass
from monitor.errors import InvalidRecordError
from monitor.settings import DocumentLimits, FetchSettings
from pipelines import wire
from pipelines.documents import build_document
from pipelines.entities import EntityLinker
from pipelines.sources.base import RawItem
from pipelines.sources.feed_parser import FeedItem, ParsedFeed
from pipelines.sources.parser_process import FeedParser
from tests.fuzz.properties import check_document

pytestmark = pytest.mark.shared_data

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
URL = "https://feeds.example/feed.xml"
LIMITS = DocumentLimits()
LINKER = EntityLinker([])
FEEDS, ENTRIES, MAX_S = 2176, 1901, 5.0

#: How servers label feeds, and how many files differ from the manifest then: entries, version, well-formedness.
DIFFERENCES = {
    # As the manifest was made, but that it had no type: nothing differs.
    "application/rss+xml": (0, 0, 0),
    # No charset under text/ means ASCII by the old rule: "declared as us-ascii, but parsed as" what they are.
    "text/xml": (0, 0, 41),
    # The server's charset is wrong for the files in other encodings, and right where the file's own word was wrong.
    "text/xml; charset=utf-8": (0, 0, 15),
    # Not an XML type: said of every file that is otherwise sound, and read all the same.
    "application/octet-stream": (0, 0, 1854),
}
#: What becomes of the entries; none is lost without a reason.
OUTCOMES = {
    "document": 1185,
    "neither title nor text": 311,  # feedparser's own tests of one other field: an author, a link, a licence
    "markup without a word": 405,  # an image with a handler, a drawing, an empty element: its tests of sanitising
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """A line of the manifest."""

    path: str
    entries: int
    version: str
    malformed: bool


@pytest.fixture(scope="module")
def manifest(shared_data: Path) -> list[Expected]:
    """What feedparser makes of each file."""
    with (shared_data / "feeds" / "manifest.csv").open(encoding="utf-8", newline="") as file:
        return [
            Expected(
                path=row["path"], entries=int(row["entries"]), version=row["version"], malformed=row["bozo"] == "1"
            )
            for row in csv.DictReader(file)
        ]


@pytest.fixture(scope="module")
def parser() -> Iterator[FeedParser]:
    """The parser under the limits that are in force when nothing is configured."""
    fetch = FetchSettings()
    made = FeedParser(timeout_s=fetch.parse_timeout.total_seconds(), max_items=fetch.max_items)
    yield made
    made.close()


@pytest.mark.parametrize("content_type", DIFFERENCES)
def test_every_recorded_feed_is_read_as_the_manifest_says(
    content_type: str, shared_data: Path, manifest: list[Expected], parser: FeedParser
) -> None:
    """No parser process dies or is killed over one, whatever the server calls it."""
    assert (len(manifest), sum(each.entries for each in manifest)) == (FEEDS, ENTRIES)
    differing, slowest_s = Counter[str](), 0.0
    for each in manifest:
        body = (shared_data / "feeds" / each.path).read_bytes()
        started_s = time.monotonic()
        found = parser.parse(body, content_type=content_type, url=URL)  # raises when the process had to be killed
        slowest_s = max(slowest_s, time.monotonic() - started_s)
        differing += _differing(found, each)
        assert len(found.items) == found.entries
    assert tuple(differing[what] for what in ("entries", "version", "malformed")) == DIFFERENCES[content_type]
    assert slowest_s < MAX_S


def _differing(found: ParsedFeed, expected: Expected) -> Counter[str]:
    return Counter(
        {
            "entries": found.entries != expected.entries,
            "version": found.version != expected.version,
            "malformed": (found.problem is not None) != expected.malformed,
        }
    )


def test_every_entry_becomes_a_clean_document_or_has_a_reason_not_to(
    shared_data: Path, manifest: list[Expected], parser: FeedParser
) -> None:
    """And every document crosses the bus unchanged."""
    outcomes = Counter[str]()
    for each in manifest:
        body = (shared_data / "feeds" / each.path).read_bytes()
        found = parser.parse(body, content_type="application/rss+xml", url=URL)
        outcomes.update(_outcome(item) for item in found.items)
    assert dict(outcomes) == OUTCOMES


def _outcome(item: FeedItem) -> str:
    try:
        built = build_document(_raw(item), seen_at=NOW, limits=LIMITS, linker=LINKER)
    except InvalidRecordError as err:
        reason = err.reason
    else:
        check_document(built.document)
        assert wire.decode_document(wire.encode_document(built.document)) == built.document
        return "document"
    assert reason == "empty_text"
    return "markup without a word" if item.title or item.text else "neither title nor text"


def _raw(item: FeedItem) -> RawItem:
    return RawItem(
        source="wire", source_class=SourceClass.NEWS, raw=b"", id=item.id, title=item.title, text=item.text,
        url=item.url, author=item.author, lang=item.lang, published_at=item.published_at, html=True, lenient_date=True,
    )  # fmt: skip
