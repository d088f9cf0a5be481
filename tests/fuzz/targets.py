"""The targets: bytes in, nothing out. Whatever the bytes are, a target returns; any other outcome is a finding.

A target refuses as the program does (the error family), and asserts what the program promises of what it takes.
`split` gives a target several texts from its bytes, lone surrogates among them, without need of a fuzzer.
"""

from __future__ import annotations

import json
import re
import tempfile
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from email.headerregistry import Address
from pathlib import Path

import msgspec

from alerts.messages.content import ContentBuilder
from alerts.messages.plain import plain, safe_url
from alerts.notifiers.body import webhook_body
from alerts.notifiers.compose import MailComposer
from monitor.domain import REJECT_REASONS, SourceClass
from monitor.errors import ConfigurationError, InvalidRecordError, PermanentError, TransientError
from monitor.net.body import read_body
from monitor.net.target import read_target
from monitor.settings import AlertingSettings, DocumentLimits, JsonSource
from monitor.settings.load import load_settings
from pipelines import wire
from pipelines.cleaning import clean
from pipelines.documents import build_document
from pipelines.entities import EntityLinker
from pipelines.sources.article_parser import decode_page, parse_article
from pipelines.sources.base import RawItem
from pipelines.sources.feed_parser import parse_feed
from pipelines.sources.json_fields import ItemReader
from pipelines.sources.page_head import read_head
from pipelines.sources.push import parse_body
from pipelines.sources.robots import parse_robots
from pipelines.sources.sitemap_parser import parse_sitemap
from pipelines.sources.w3c_dates import read_w3c_date
from pipelines.watchlist import read_watchlist
from tests.fuzz.parts import split
from tests.fuzz.properties import check_document, check_link, check_mail, is_clean_line
from tests.fuzz.request import fuzz_request
from tests.unit.alerts.notices import alert, evidence, headline, notification

Target = Callable[[bytes], None]

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
URL = "https://wire.example/feed"
LIMITS = DocumentLimits()
LINKER = EntityLinker([])
_TICKER = re.compile(r"[A-Z0-9][A-Z0-9.\-]{0,14}")
ITEMS = 50
MAX_BYTES = 100_000
CONTENT = ContentBuilder(AlertingSettings())
COMPOSER = MailComposer(CONTENT, sender=Address("", addr_spec="a@b.example"), to=[Address("", addr_spec="c@d.example")])


def fuzz_wire(data: bytes) -> None:
    """What is on the bus or in the dead letters: read whole and written back, or refused with a known reason."""
    _there_and_back(data, wire.decode_document, wire.encode_document)
    _there_and_back(data, wire.decode_label, wire.encode_label)
    for decode in (wire.decode_submission, wire.decode_dead_letter):
        _refused(lambda decode=decode: decode(data))  # type: ignore[misc]


def _there_and_back(data: bytes, decode: Callable[[bytes], object], encode: Callable[..., bytes]) -> None:
    def run() -> None:
        first = encode(decode(data))
        assert encode(decode(first)) == first

    _refused(run)


def _refused(run: Callable[[], object]) -> None:
    reason = "schema"
    try:
        run()
    except InvalidRecordError as err:
        reason = err.reason
        str(err).encode()
    assert reason in REJECT_REASONS


def fuzz_push(data: bytes) -> None:
    """A request body: JSON or JSON lines."""
    for content_type in ("application/json", "application/jsonl"):
        try:
            pushed = parse_body(data, content_type, max_documents=ITEMS)
        except InvalidRecordError as err:
            str(err).encode()
            continue
        for one in pushed:
            _publish(one.item)


def _publish(item: RawItem) -> None:
    try:
        built = build_document(item, seen_at=NOW, limits=LIMITS, linker=LINKER)
    except InvalidRecordError as err:
        wire.encode_refusal(item.raw, err, source="push", at=NOW)
        return
    check_document(built.document)
    assert wire.decode_document(wire.encode_document(built.document)) == built.document


def fuzz_item(data: bytes) -> None:
    """The fields of an item as a source hands them on, in any characters at all."""
    id_, title, text, url, author, lang, date, source, tickers = split(data, 9)
    for html in (False, True):
        _publish(
            RawItem(
                source=source or "wire", source_class=SourceClass.NEWS, raw=data, id=id_ or None, title=title,
                text=text, url=url or None, author=author or None, lang=lang or None, published_at=date or NOW,
                entities=tuple(tickers.split(",")) if tickers else (), lenient_date=html, html=html,
            )
        )  # fmt: skip


def fuzz_clean(data: bytes) -> None:
    """The cleaner: clean, within its limit, and the same again when cleaned once more."""
    text = data.decode("utf-8", "surrogateescape")
    for html in (False, True):
        for limit in (1, 40, 2000):
            found = clean(text, limit=limit, html=html)
            assert len(found.text) <= limit
            assert is_clean_line(found.text), ascii(found.text[:200])
            assert clean(found.text, limit=limit).text == found.text


def fuzz_feed(data: bytes) -> None:
    """A feed, as the parser process sees it; feedparser's own failures are caught there, ours are not."""
    try:
        found = parse_feed(data, content_type="", url=URL, max_items=ITEMS)
    except (AssertionError, NameError):
        raise
    except Exception:  # noqa: BLE001 -- `answer` turns what feedparser lets through into a feed that cannot be read
        return
    msgspec.json.encode(found)
    for item in found.items:
        assert len(item.id) <= 200
        _publish(_feed_raw(item.id, item.title, item.text, item.url, item.author))


def _feed_raw(id_: str, title: str, text: str, url: str | None, author: str | None) -> RawItem:
    return RawItem(
        source="wire", source_class=SourceClass.NEWS, raw=b"", id=id_, title=title, text=text, url=url, author=author,
        html=True, lenient_date=True,
    )  # fmt: skip


def fuzz_sitemap(data: bytes) -> None:
    """A sitemap."""
    found = parse_sitemap(data, max_items=ITEMS)
    msgspec.json.encode(found)
    assert len(found.entries) <= ITEMS


def fuzz_page(data: bytes) -> None:
    """A page: its encoding, its head, its article."""
    content_type, *_ = split(data[:60], 1)
    page = decode_page(data, content_type)
    read_head(page).title.encode("utf-8", "replace")
    try:
        found = parse_article(data, content_type="", url=URL)
    except Exception:  # noqa: BLE001 -- `answer` turns what trafilatura lets through into a page that cannot be read
        return
    msgspec.json.encode(found)


def fuzz_json_item(data: bytes) -> None:
    """An item of a JSON API, whatever stands where the paths lead."""
    try:
        item = json.loads(data)
    except (ValueError, RecursionError):
        return
    if raw := _READER.read(item):
        _publish(raw)


_READER = ItemReader(
    JsonSource.model_validate(
        {
            "type": "json", "name": "api", "url": "https://api.example/items", "items": "$",
            "fields": {
                "id": "id", "title": "a | b.c", "text": "a[0].b", "url": "u", "published_at": "d", "author": "w",
                "entities": "t[*].s",
            },
        }
    ),
    ids="api",
)  # fmt: skip


def fuzz_small(data: bytes) -> None:
    """Readers of one line or file: robots.txt, dates, URLs."""
    text, path = split(data, 2)
    parse_robots(text, user_agent="tapewatch/1").allows(path)
    read_w3c_date(text[:60])
    base = read_target(URL)
    for given in (None, base):
        try:
            target = read_target(path, base=given)
        except PermanentError:
            continue
        assert read_target(target.url) == target
        assert re.fullmatch(r"[!-~]+", target.url)


def fuzz_body(data: bytes) -> None:
    """A compressed body, cut into pieces anyhow: never more than the cap, never an error of the library's."""
    step = max(1, data[0] if data else 1)
    for encoding in ("gzip", "deflate", ""):
        try:
            body = read_body((data[at : at + step] for at in range(0, len(data), step)), encoding, max_bytes=MAX_BYTES)
        except (PermanentError, TransientError):
            continue
        assert len(body) <= MAX_BYTES
    packed = zlib.compress(data[:MAX_BYTES])
    assert read_body([packed[:step], packed[step:]], "deflate", max_bytes=2 * MAX_BYTES) == data[:MAX_BYTES]


def fuzz_settings(data: bytes) -> None:
    """A configuration file: settings, or one error that names the file."""
    with tempfile.NamedTemporaryFile(suffix=".yaml") as file:
        Path(file.name).write_bytes(data)
        _names(file.name, lambda: load_settings(Path(file.name), {}))


def fuzz_watchlist(data: bytes) -> None:
    """A watchlist: entities, or an error that names the file."""
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        Path(file.name).write_bytes(data)
        _names(file.name, lambda: _linker_of(Path(file.name)).find("t", "x", set()))


def _linker_of(path: Path) -> EntityLinker:
    """A ticker that is listed twice may stand in the configuration too, so the refusal of it names no file."""
    return EntityLinker(list({entity.ticker: entity for entity in read_watchlist(path)[:ITEMS]}.values()))


def _names(file: str, run: Callable[[], object]) -> None:
    """Run; where it refuses, the message names the file."""
    said = file
    try:
        run()
    except ConfigurationError as err:
        said = str(err)
    assert file in said


def fuzz_notice(data: bytes) -> None:
    """Evidence in any characters, to the mail and the webhook: our headers alone, clean lines, links that are links."""
    title, source, author, url, topic, entity, label = split(data, 7)
    line = plain(title, 80)
    assert len(line) <= 80
    assert is_clean_line(line), ascii(line)
    if link := safe_url(url):
        check_link(link)
    shown = headline(title, source=source, author=author, url=url, topic=topic)
    # Tickers and labels come from the configuration, or were held to their form at the door.
    entity = entity if _TICKER.fullmatch(entity) else "ACME"
    labels = {"alertname": label.encode("utf-8", "replace").decode()}
    told = notification(alert(entity, evidence=evidence(shown), labels=labels))
    read = check_mail(COMPOSER.compose(told))
    html = read.get_body(("html",))
    assert html is not None
    assert "<script" not in html.get_content().lower()
    json.loads(webhook_body(CONTENT.build(told)))


TARGETS: dict[str, Target] = {
    name.removeprefix("fuzz_"): value for name, value in list(globals().items()) if name.startswith("fuzz_")
} | {"request": fuzz_request}
