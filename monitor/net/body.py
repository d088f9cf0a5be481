"""Bodies: decompressed while they come, never larger than the cap on the wire or unpacked."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from monitor.errors import PermanentError, TransientError

ACCEPT_ENCODING = "gzip, deflate"
_PIECE = 65_536
_MAGIC_BYTES = 2
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
        self._decoder: zlib._Decompress | None = None  #: None before the first two bytes.
        self._held = b""  #: A single byte that waits for the next: two tell what begins.
        self._padding = False
        self._pieces: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> None:
        """Unpack the next bytes from the wire."""
        data, self._held = self._held + data, b""
        while data and not self._padding:
            decoder = self._decoder
            if decoder is None or decoder.eof:
                if len(data) < _MAGIC_BYTES:
                    self._held = data
                    return
                self._begin(data)
                continue
            self._keep(decoder.decompress(data, _PIECE))
            data = _rest(decoder)

    def _begin(self, data: bytes) -> None:
        """Choose how to unpack what begins here: the body, or the next member of a gzip body."""
        if self._decoder is None:
            wbits = _GZIP if self._gzip else zlib.MAX_WBITS if _has_zlib_header(data) else _RAW_DEFLATE
            self._decoder = zlib.decompressobj(wbits)
        elif self._gzip and data.startswith(b"\x1f\x8b"):
            self._decoder = zlib.decompressobj(_GZIP)
        else:
            self._padding = True  # Some servers send it after the end.

    def whole(self) -> bytes:
        """Everything, once the wire is done."""
        ended = not self._held if self._decoder is None else self._finish(self._decoder)
        if not ended:
            raise TransientError("compressed body ends too early")
        return b"".join(self._pieces)

    def _finish(self, decoder: zlib._Decompress) -> bool:
        if not decoder.eof:
            self._keep(decoder.flush())
        return decoder.eof

    def _keep(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._max_bytes:
            raise _too_large(self._max_bytes)
        self._pieces.append(piece)


def _rest(decoder: zlib._Decompress) -> bytes:
    return decoder.unused_data if decoder.eof else decoder.unconsumed_tail


def _has_zlib_header(data: bytes) -> bool:
    """False for the bare deflate that many servers send under this name."""
    return data[0] & 0x0F == zlib.DEFLATED and int.from_bytes(data[:_MAGIC_BYTES], "big") % 31 == 0
