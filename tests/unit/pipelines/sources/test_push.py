"""A request body becomes documents, each refused for itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from monitor.errors import InvalidRecordError, TransientError
from monitor.settings import PushSettings
from pipelines.ingest import IngestResult, Rejection
from pipelines.sources.base import RawItem
from pipelines.sources.push import Push, parse_body
from tests.fixtures.memory_sources import MemorySourceStore

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
JSON, LINES = "application/json", "application/x-ndjson"
GOOD = b'{"source": "desk", "published_at": "2026-03-02T11:00:00Z", "text": "a"}'


def read(body: bytes, content_type: str = JSON) -> list[tuple[int | None, str | None]]:
    """Line and reason of each document."""
    pushed = parse_body(body, content_type, max_documents=3)
    return [(one.line, one.item.refusal_reason if one.item.refusal else None) for one in pushed]


@pytest.mark.parametrize(
    ("body", "content_type", "found"),
    [
        (GOOD, JSON, [(1, None)]),
        (b" [" + GOOD + b", {}]", JSON, [(None, None), (None, "schema")]),
        (b"\xef", JSON, [(1, "malformed_json")]),
        (GOOD + b"\r\n\n" + b"nonsense\n" + GOOD, LINES, [(1, None), (3, "malformed_json"), (4, None)]),
        (GOOD + b"\n" + GOOD, JSON, [(1, "malformed_json")]),
        (GOOD[:-1] + b', "titel": "x"}', JSON, [(1, "schema")]),
        (b'{"published_at": "2026-03-02T11:00:00Z", "text": "a"}', JSON, [(1, "schema")]),
        (b"[" * 100_000, LINES, [(1, "schema")]),
    ],
)
def test_each_document_is_read_for_itself(
    body: bytes, content_type: str, found: list[tuple[int | None, str | None]]
) -> None:
    """The sender learns which line was wrong, and the others are not held up by it."""
    assert read(body, content_type) == found


@pytest.mark.parametrize(
    ("body", "content_type", "reason"),
    [
        (b" \n", LINES, "schema"),
        (b"", JSON, "schema"),
        (b"[]", JSON, "schema"),
        (b"[1,", JSON, "malformed_json"),
        (b"[" * 100_000, JSON, "malformed_json"),
        ((GOOD + b"\n") * 4, LINES, "too_large"),
        (b"[1,2,3,4]", JSON, "too_large"),
        (GOOD, "text/plain", "schema"),
    ],
)
def test_a_body_that_cannot_be_taken_is_refused_whole(body: bytes, content_type: str, reason: str) -> None:
    """Before any of it is taken in, so that a sender may split it and send again."""
    with pytest.raises(InvalidRecordError) as raised:
        read(body, content_type)
    assert raised.value.reason == reason


def test_the_answer_names_the_line_of_each_refusal() -> None:
    """Ingest knows positions; the sender wants lines."""

    def submit(items: Sequence[RawItem], now: datetime) -> IngestResult:
        assert now == NOW
        assert {item.origin for item in items} == {"push"}
        return IngestResult(published=1, repeated=0, rejected=(Rejection(index=1, reason="schema", detail="x"),))

    store = MemorySourceStore()
    door = Push(PushSettings(), submit=submit, store=store, clock=lambda: NOW)
    outcome = door(GOOD + b"\n\n{}\n", LINES)
    assert outcome.published == 1
    assert [(r.index, r.line, r.reason) for r in outcome.rejected] == [(1, 3, "schema")]
    assert store.covered == [("push", NOW, 1, 0, 1)]


@pytest.mark.parametrize(("body", "error"), [(GOOD, TransientError), (b"", InvalidRecordError)])
def test_a_request_of_which_nothing_was_taken_counts_as_a_failure(body: bytes, error: type[Exception]) -> None:
    """Whoever looks at a quiet hour sees that somebody knocked."""

    def away(items: Sequence[RawItem], now: datetime) -> IngestResult:
        raise TransientError("bus away")

    store = MemorySourceStore()
    with pytest.raises(error):
        Push(PushSettings(), submit=away, store=store, clock=lambda: NOW)(body, JSON)
    assert store.covered == [("push", NOW, 1, 1, 0)]


def test_a_request_is_taken_though_its_coverage_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """The documents are on the bus: an error would make the sender send them again."""

    def away(*_: object, **__: object) -> None:
        raise TransientError("database away")

    store = MemorySourceStore()
    monkeypatch.setattr(store, "add_coverage", away)
    taken = IngestResult(published=1, repeated=0, rejected=())
    door = Push(PushSettings(), submit=lambda items, now: taken, store=store, clock=lambda: NOW)
    assert door(GOOD, JSON).published == 1
