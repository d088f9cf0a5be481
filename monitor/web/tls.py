"""TLS of the server: a certificate and its key from files, read again when they change.

Certificates live for weeks and the process for a year: each handshake looks, at most once a minute, whether the files
have changed. Files that cannot be read leave the certificate that is in use.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from monitor.errors import ConfigurationError

LOOK_EVERY_S = 60.0
Stamp = tuple[int, int]
log = structlog.get_logger(__name__)


def make_context(cert: Path, key: Path) -> ssl.SSLContext:
    """A context of TLS 1.2 and later; raises `ConfigurationError` that names the file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    for name, path in (("tls_cert_file", cert), ("tls_key_file", key)):
        if not path.is_file():
            raise ConfigurationError(f"web.{name}: {path}: there is no such file")
    try:
        # The empty passphrase keeps OpenSSL from asking for one on the terminal.
        context.load_cert_chain(cert, key, password="")
    except (OSError, ssl.SSLError, ValueError) as err:
        remedy = "give a PEM certificate and its key, without a passphrase"
        raise ConfigurationError(f"web.tls_cert_file {cert}, web.tls_key_file {key}: {err}; {remedy}") from err
    return context


class Certificates:
    """The certificate in use."""

    def __init__(self, cert: Path, key: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._files = (cert, key)
        self._clock = clock
        self._stamps = self._read_stamps()
        self._looked_s = clock()
        self._current = make_context(cert, key)

    def context(self) -> ssl.SSLContext:
        """The context to listen with; it hands each handshake to the certificate in use."""
        listening = make_context(*self._files)
        listening.sni_callback = self._choose
        return listening

    def _choose(self, connection: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _context: ssl.SSLContext) -> None:
        now_s = self._clock()
        if now_s - self._looked_s >= LOOK_EVERY_S:
            self._looked_s = now_s
            self._look()
        connection.context = self._current

    def _look(self) -> None:
        stamps = self._read_stamps()
        if stamps == self._stamps:
            return
        try:
            self._current = make_context(*self._files)
        except ConfigurationError as err:
            log.error("certificate_not_replaced", error=str(err))
            return
        self._stamps = stamps
        log.info("certificate_replaced", file=str(self._files[0]))

    def _read_stamps(self) -> tuple[Stamp, ...]:
        try:
            found = [path.stat() for path in self._files]
        except OSError:
            return ()
        return tuple((each.st_mtime_ns, each.st_size) for each in found)
