"""The network door: bodies are unpacked, and never beyond the cap."""

from __future__ import annotations

import gzip
import zlib

import pytest

from monitor.errors import PermanentError, TransientError
from monitor.net.body import read_body

TEXT = b"<rss>" + b"calm " * 1000 + b"</rss>"


def pieces(data: bytes, size: int = 7) -> list[bytes]:
    """`data` as a network would bring it."""
    return [data[at : at + size] for at in range(0, len(data), size)]


def raw_deflate(data: bytes) -> bytes:
    """What many servers call deflate."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("", TEXT), ("identity", TEXT), ("gzip", gzip.compress(TEXT)), ("X-GZIP", gzip.compress(TEXT)),
        ("gzip", gzip.compress(TEXT[:100]) + gzip.compress(TEXT[100:])), ("gzip", gzip.compress(TEXT) + b"\0" * 20),
        ("deflate", zlib.compress(TEXT)), ("deflate", raw_deflate(TEXT)),
    ],
)  # fmt: skip
def test_a_body_is_unpacked_however_it_was_cut_into_pieces(encoding: str, packed: bytes) -> None:
    """Several members, padding and header-less deflate all occur in the wild."""
    for size in (1, 7, 100_000):
        assert read_body(pieces(packed, size), encoding, max_bytes=len(TEXT)) == TEXT


def test_an_empty_body_stays_empty_whatever_its_encoding_says() -> None:
    """A 304 often carries the encoding of the body that it does not have."""
    assert read_body([], "gzip", max_bytes=10) == b""


@pytest.mark.parametrize("encoding", ["gzip", ""])
def test_a_body_over_the_cap_is_refused(encoding: str) -> None:
    """The cap counts unpacked bytes: a bomb of 10 MB comes in 10 kB."""
    body = bytes(10_000_000)
    with pytest.raises(PermanentError, match="larger than 1000000"):
        read_body([gzip.compress(body)] if encoding else pieces(body, 65_536), encoding, max_bytes=1_000_000)


def test_reading_stops_when_the_cap_is_reached() -> None:
    """An endless body must not be read to its end."""
    taken = []

    def endless() -> object:
        while True:
            taken.append(1)
            yield bytes(1000)

    with pytest.raises(PermanentError):
        read_body(endless(), "", max_bytes=5000)  # type: ignore[arg-type]
    assert len(taken) == 6


@pytest.mark.parametrize("broken", [gzip.compress(TEXT)[:-9], gzip.compress(TEXT)[:20], b"not gzip at all"])
def test_a_cut_or_broken_compressed_body_may_be_better_later(broken: bytes) -> None:
    """Half a feed must not pass for the whole one."""
    with pytest.raises(TransientError):
        read_body(pieces(broken), "gzip", max_bytes=1_000_000)


def test_an_encoding_that_was_not_asked_for_is_refused() -> None:
    """Bytes that cannot be unpacked would be parsed as nonsense."""
    with pytest.raises(PermanentError, match="br"):
        read_body([b"x"], "br", max_bytes=10)
