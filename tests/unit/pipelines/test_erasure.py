"""Which records hold what is to be erased."""

from __future__ import annotations

import json

import pytest

from monitor.domain import Record, SourceClass
from monitor.errors import InvalidRecordError
from pipelines import wire
from pipelines.dead_letters import split
from pipelines.erasure import Sought
from pipelines.letters import HeldLetter, read_letters
from tests.fixtures.stores import T0, label

ANN = Sought(author="Ann Lee")
POST = label("d1", author="ann lee ", source_class=SourceClass.SOCIAL)


def record(value: bytes) -> Record:
    """On any topic."""
    return Record(topic="t", partition=0, offset=1, key=b"k", value=value)


def letter(value: bytes, source: str = "push") -> HeldLetter:
    """What a source gave and ingest refused."""
    written = wire.encode_refusal(value, InvalidRecordError("why"), source=source, at=T0)
    return next(read_letters([record(written)]))


def test_documents_and_labels_are_read() -> None:
    """By id or by author; capitals and outer blanks do not matter."""
    for value in (wire.encode_document(POST.document), wire.encode_label(POST)):
        assert ANN.document_in(record(value)) == "d1"
        assert Sought(id="d1").document_in(record(value)) == "d1"
        assert Sought(id="d2").document_in(record(value)) is None
        assert Sought(author="Ann").document_in(record(value)) is None


@pytest.mark.parametrize(
    "value", [b"", b"{", b"[]", b"null", b'{"author": "Ann Lee"}', b'{"document": 3}', b"[" * 200_000]
)
def test_what_is_no_document_holds_none(value: bytes) -> None:
    """Whatever stands on the bus, nothing raises."""
    assert ANN.document_in(record(value)) is None


@pytest.mark.parametrize(
    "held",
    [
        {"author": "Ann Lee", "text": 3},
        {"user": {"name": "ANN LEE"}},
        [[{"by": ["x", " ann lee"]}]],
    ],
)
def test_a_refused_record_is_searched_whole(held: object) -> None:
    """It was refused for its shape, so its shape says nothing."""
    assert ANN.is_in_letter(letter(json.dumps(held).encode()))


@pytest.mark.parametrize("held", [{"author": "Ann"}, {"Ann Lee": 1}, {"text": "said Ann Lee"}, 7])
def test_only_a_whole_text_is_meant(held: object) -> None:
    """A text that speaks of her is not by her; a short name must not erase half the letters."""
    assert not ANN.is_in_letter(letter(json.dumps(held).encode()))


@pytest.mark.parametrize(
    ("value", "is_hers"),
    [
        (b'{"author": "Ann Lee", "text": ', True),
        (b'\xff {"author": "ANN LEE"', True),
        (b'{"text": "said Ann Lee"', False),
        (b'{"a":' * 100 + b'"Ann Lee"', True),
        (b'{"a":' * 100 + b'"Ann Lee"' + b"}" * 100, True),
    ],
)
def test_what_is_not_json_is_searched_as_it_is_written(value: bytes, is_hers: bool) -> None:
    """As a quoted text; what is nested beyond reason too."""
    assert ANN.is_in_letter(letter(value)) is is_hers


def test_a_feeds_own_id_stands_behind_its_name() -> None:
    """In our ids, not in what the feed gave."""
    wanted = Sought(id="wire:item-7")
    assert wanted.is_in_letter(letter(b'{"id": "item-7"}', source="wire"))
    assert not wanted.is_in_letter(letter(b'{"id": "item-7"}', source="other"))
    assert Sought(id="item-7").is_in_letter(letter(b'{"id": "item-7"}'))


def test_an_emptied_record_is_passed_over() -> None:
    """It was erased; it is neither good nor refused."""
    good, refused = split([record(b""), record(wire.encode_label(POST))], wire.decode_label)
    assert (len(good), refused) == (1, [])
