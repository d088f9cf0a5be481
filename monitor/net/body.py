"""Bodies: decompressed while they come, never larger than the cap on the wire or unpacked."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from monitor.errors import PermanentError, TransientError

ACCEPT_ENCODING = "gzip, deflate"
_PIECE = 65_536
_GZIP = zlib.MAX_WBITS | 16
_RAW_DEFLATE = -zlib.MAX_WBITS


def read_body(chunks: Iterable[bytes], encoding: str, *, max_bytes: int) -> bytes:
    """Join `chunks`, undoing `encoding` (the Content-Encoding header).

    Raises `PermanentError` when it is too large or the encoding is unknown, `TransientError` when it is cut or broken.
    """
    names = [name.strip() for name in encoding.lower().split(",") if name.strip() not in ("", "identity")]
    capped = _cap(chunks, max_bytes)
    if not names:
        return b"".join(capped)
    if len(names) > 1 or names[0] not in ("gzip", "x-gzip", "deflate"):
        raise PermanentError(f"content encoding {encoding[:40]!r} was not asked for")
    unpacked = _Unpacked(gzip=names[0] != "deflate", max_bytes=max_bytes)
    try:
        for chunk in capped:
            unpacked.feed(chunk)
    except zlib.error as err:
        raise TransientError(f"broken {names[0]} body: {err}") from err
    return unpacked.whole()


def _too_large(max_bytes: int) -> PermanentError:
    return PermanentError(f"body larger than {max_bytes} bytes")


def _cap(chunks: Iterable[bytes], max_bytes: int) -> Iterable[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > max_bytes:
            raise _too_large(max_bytes)
        yield chunk


class _Unpacked:
    """A body under decompression, in pieces small enough that a bomb is noticed before it goes off."""

    def __init__(self, *, gzip: bool, max_bytes: int) -> None:
        self._gzip = gzip
        self._max_bytes = max_bytes
        self._decoder = zlib.decompressobj(_GZIP if gzip else zlib.MAX_WBITS)
        self._pieces: list[bytes] = []
        self._size = 0
        self._fed = False

    def feed(self, data: bytes) -> None:
        """Unpack the next bytes from the wire."""
        if not self._fed and data and not self._gzip and not _has_zlib_header(data):
            self._decoder = zlib.decompressobj(_RAW_DEFLATE)  # Many servers mean this by "deflate".
        self._fed = self._fed or bool(data)
        while data:
            if self._decoder.eof:
                if not (self._gzip and data.startswith(b"\x1f\x8b")):
                    return  # Padding after the end, as some servers send.
                self._decoder = zlib.decompressobj(_GZIP)  # The next member of the same body.
            self._keep(self._decoder.decompress(data, _PIECE))
            data = self._decoder.unused_data if self._decoder.eof else self._decoder.unconsumed_tail

    def whole(self) -> bytes:
        """Everything, once the wire is done."""
        if self._fed and not self._decoder.eof:
            self._keep(self._decoder.flush(_PIECE))
            if not self._decoder.eof:
                raise TransientError("compressed body ends too early")
        return b"".join(self._pieces)

    def _keep(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._max_bytes:
            raise _too_large(self._max_bytes)
        self._pieces.append(piece)


def _has_zlib_header(data: bytes) -> bool:
    return data[0] & 0x0F == zlib.DEFLATED and (len(data) < 2 or int.from_bytes(data[:2], "big") % 31 == 0)  # noqa: PLR2004
