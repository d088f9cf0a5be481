"""A test row that trained the model is found, whatever link or punctuation it carries now."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from models.overlap import keys_of, overlap, read_keys, write_keys
from monitor.errors import ArtifactError

TEXTS = ("$ACME falls 5% https://t.co/abc", "Globex rises", "远岚科技涉嫌信披违法违规", "🚀🚀 https://t.co/x")


def test_a_repeat_is_found_apart_from_link_case_and_punctuation(tmp_path: Path) -> None:
    """The original topic set leaked 16.8 % of its validation rows under other links."""
    write_keys(tmp_path / "k", TEXTS)
    asked = ["Initech merges", "acme FALLS 5 %! https://t.co/other", "globex, rises.", "远岚科技涉嫌信披违法违规 "]
    assert overlap(tmp_path / "k", asked) == [1, 2, 3]


def test_a_text_without_words_repeats_nothing(tmp_path: Path) -> None:
    """Rows of emoji or a bare link would otherwise all be one another's repeat."""
    write_keys(tmp_path / "k", TEXTS)
    assert overlap(tmp_path / "k", ["🚀", "https://t.co/y", "..."]) == []


def test_the_file_is_sorted_unique_prefixes(tmp_path: Path) -> None:
    """Others must be able to read it: eight bytes a row, big-endian, in order; the same rows give the same bytes."""
    write_keys(tmp_path / "k", [*TEXTS, "GLOBEX rises"])
    stored = (tmp_path / "k").read_bytes()
    parts = [stored[at : at + 8] for at in range(0, len(stored), 8)]
    assert parts == sorted(parts)
    assert len(parts) == 3
    assert hashlib.sha256(b"globex rises").digest()[:8] in parts
    write_keys(tmp_path / "again", reversed(TEXTS))
    assert (tmp_path / "again").read_bytes() == stored


def test_what_trained_the_parent_counts_too(tmp_path: Path) -> None:
    """A model adapted from another knows the other's rows as well."""
    write_keys(tmp_path / "parent", TEXTS[:1])
    write_keys(tmp_path / "child", TEXTS[1:2], known=read_keys(tmp_path / "parent"))
    assert overlap(tmp_path / "child", TEXTS[:3]) == [0, 1]


def test_an_empty_list_finds_nothing(tmp_path: Path) -> None:
    """A model without training rows overlaps nothing; no crash."""
    write_keys(tmp_path / "k", [])
    assert overlap(tmp_path / "k", TEXTS) == []
    assert keys_of([]).shape == (0,)


@pytest.mark.parametrize(
    ("stored", "match"),
    [
        (b"\0" * 12, "12 bytes are no list"),
        (b"\0" * 7 + b"\2" + b"\0" * 7 + b"\1", "not in order"),
        (None, "cannot be read"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, stored: bytes | None, match: str) -> None:
    """A cut or shuffled list would let rows through in silence."""
    if stored is not None:
        (tmp_path / "k").write_bytes(stored)
    with pytest.raises(ArtifactError, match=match):
        read_keys(tmp_path / "k")
