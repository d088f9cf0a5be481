"""What a raw item becomes, and why some become nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain import EntityScores, SourceClass
from monitor.errors import InvalidRecordError
from monitor.settings import DocumentLimits, WatchedEntity
from pipelines import wire
from pipelines.documents import Built, build_document, parse_rfc3339
from pipelines.entities import EntityLinker
from pipelines.sources.base import RawItem

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
LINKER = EntityLinker([WatchedEntity(ticker="NWA", name="Nordwind")])
FEED = {"lenient_date": True, "html": True, "source": "wire"}


def item(**changes: Any) -> RawItem:
    """A good item."""
    facts: dict[str, Any] = {
        "source": "desk",
        "source_class": SourceClass.NEWS,
        "raw": b"{}",
        "published_at": "2026-03-02T11:00:00Z",
        "text": "Nordwind cuts its outlook",
    }
    return RawItem(**(facts | changes))


def build(raw: RawItem) -> Built:
    """Build with the usual limits."""
    return build_document(raw, seen_at=NOW, limits=DocumentLimits(), linker=LINKER)


def reason(raw: RawItem) -> str:
    """Why `raw` is refused."""
    with pytest.raises(InvalidRecordError) as raised:
        build(raw)
    return raised.value.reason


def test_a_document_is_clean_dated_identified_and_linked() -> None:
    """Everything later stages rely on is there."""
    document = build(
        item(id="7", title="<b>Nordwind</b> falls", html=True, entities=("$zz",), lang="en_US", author=" Ann\n ")
    ).document
    assert (document.id, document.title, document.lang, document.author) == ("7", "Nordwind falls", "en-US", "Ann")
    assert document.entities == ("NWA", "ZZ")
    assert document.published_at == datetime(2026, 3, 2, 11, tzinfo=UTC)
    assert document.seen_at == NOW
    assert len(document.story_id) == 32


def test_each_entity_has_its_relevance() -> None:
    """The sender knows what a text does not say; where the text speaks of an entity, it tells how much."""
    document = build(item(text="Nordwind cuts its outlook; $ZZ gains", entities=("ZZ", "YY"))).document
    assert {score.entity: score.relevance for score in document.scores} == {"NWA": 0.7071, "YY": 1.0, "ZZ": 0.7071}
    assert all(score.novelty == EntityScores(entity="X").novelty for score in document.scores)


def test_ids_are_stable_and_keep_sources_apart() -> None:
    """An item pulled twice is one document; two feeds that count from 1 are not one feed."""
    assert build(item(id="7", **FEED)).document.id == "wire:7"
    assert build(item()).document.id == build(item()).document.id
    assert build(item()).document.id != build(item(text="Nordwind falls")).document.id
    assert (
        build(item(url="https://x.example/1")).document.id
        == build(item(url="https://x.example/1", text="b")).document.id
    )
    assert (
        build(item(url="https://x.example/1")).document.id
        != build(item(url="https://x.example/1", source="b")).document.id
    )
    assert build(item(id="x" * 201)).document.id.startswith("sha256-")
    assert build(item(id=" \x00")).document.id.startswith("sha256-")


def test_a_cut_text_is_reported() -> None:
    """A 1 MB text is taken, cut and counted as cut."""
    built = build(item(text="word " * 200_000))
    assert built.cut
    assert len(built.document.text) <= 20_000
    assert not build(item()).cut


@pytest.mark.parametrize("date", [None, "yesterday", NOW + timedelta(hours=1), datetime(2026, 3, 2)])  # noqa: DTZ001
def test_a_feed_without_a_usable_date_is_dated_when_seen(date: object) -> None:
    """Feeds often have none, and it is no fault of the news."""
    built = build(item(published_at=date, **FEED))
    assert built.redated
    assert built.document.published_at == NOW


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"text": " \u200b\n", "title": ""}, "empty_text"),
        ({"text": "<p> </p>", "html": True}, "empty_text"),
        ({"published_at": None}, "bad_date"),
        ({"published_at": "2026-03-02"}, "bad_date"),
        ({"published_at": "2026-03-02T11:00:00"}, "bad_date"),
        ({"published_at": "2026-02-30T11:00:00Z"}, "bad_date"),
        ({"published_at": "0001-01-01T00:00:00+14:00"}, "bad_date"),
        ({"published_at": datetime(2026, 3, 2)}, "bad_date"),  # noqa: DTZ001
        ({"published_at": "2026-03-02T12:10:01Z"}, "future_date"),
        ({"source": " "}, "schema"),
        ({"entities": ("not a ticker",)}, "schema"),
        ({"entities": tuple(f"A{i}" for i in range(101))}, "schema"),
        ({"refusal": "f.jsonl, line 3: not JSON", "refusal_reason": "malformed_json"}, "malformed_json"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_reason(changes: dict[str, Any], expected: str) -> None:
    """The reason is what the sender and the metric see."""
    assert reason(item(**changes)) == expected


def test_the_tolerance_for_clocks_that_run_ahead_is_kept() -> None:
    """Ten minutes ahead is a clock, not an error."""
    assert build(item(published_at="2026-03-02T12:10:00Z")).document.published_at == NOW + timedelta(minutes=10)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-03-02T12:00:00Z", NOW),
        ("2026-03-02t13:00:00.000000001+01:00", NOW),
        ("2026-03-02 07:00:00-05:00", NOW),
        ("2026-03-02T11:59:60Z", NOW - timedelta(seconds=1)),
    ],
)
def test_every_form_of_rfc3339_is_read_to_utc(text: str, at: datetime) -> None:
    """Senders write all of them."""
    assert parse_rfc3339(text) == at


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "ftp://x.example/", "https://", "http://[", "https://x.example/ a", "/rel", "https://x/\n"],
)
def test_only_web_links_are_kept(url: str) -> None:
    """A link is shown in messages: it must not run or break anything. The document itself is good."""
    kept = build(item(url=url)).document.url
    assert kept is None or kept == url.strip() == "https://x/"


@given(st.builds(item, text=st.text(st.characters()), title=st.text(), source=st.text(), id=st.none() | st.text(),
                 url=st.text(), author=st.text(), lang=st.text(), html=st.booleans()))  # fmt: skip
def test_any_item_becomes_a_document_that_travels_or_a_refusal(raw: RawItem) -> None:
    """Nothing a source writes may stop the stream or fail to be read again."""
    try:
        document = build(raw).document
    except InvalidRecordError:
        return
    assert wire.decode_document(wire.encode_document(document)) == document
