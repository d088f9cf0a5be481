"""Sign the links by which a reader says what an alert was worth: an episode in, an address out, and back.

A link names one episode of one alert and until when it may be used; HMAC-SHA256 over both keeps anybody from making
one. Who holds a link needs no other permission, so it stands only in messages to the receivers. Following it records
nothing: programs that check mail follow every link (RFC 8058, section 1, tells of them), so a person must press a
button, which posts.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.domain import EPOCH, Alert, VerdictKind
from monitor.errors import ConfigurationError, PermanentError

PATH = "/verdicts"
LEAST_CHARS = 16  #: Of the secret.
MAC_BYTES = 16  #: Half of the digest: 128 bits are out of reach.
_PURPOSE = b"tapewatch verdict link 1"  # one secret, another key for every use and form
_MICROSECOND = timedelta(microseconds=1)
_PAYLOAD = re.compile(r"([A-Za-z0-9_-]{1,80})\.(\d{1,20})\.(\d{1,20})")


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeClaim:
    """What a link stands for."""

    fingerprint: str
    fired_at: datetime  #: UTC.


class VerdictLinks:
    """Makes and reads links under one secret."""

    def __init__(self, secret: str, *, external_url: str, valid_for: timedelta) -> None:
        if len(secret) < LEAST_CHARS:
            raise ConfigurationError(
                f"alerting.verdicts.secret: {len(secret)} characters are too few, {LEAST_CHARS} is the least; "
                "make one with: openssl rand -base64 32"
            )
        self._key = hmac.digest(secret.encode(), _PURPOSE, hashlib.sha256)
        self._base = f"{external_url.rstrip('/')}{PATH}"
        self._valid_for = valid_for

    def links(self, alert: Alert, *, at: datetime) -> Mapping[str, str]:
        """An address for each verdict on the episode that `alert` is in, made at `at`; none before it fired."""
        if alert.fired_at is None:
            return {}
        token = self.token(alert.fingerprint, alert.fired_at, expires_at=at + self._valid_for)
        return {kind.value: f"{self._base}/{token}/{kind.value}" for kind in VerdictKind}

    def token(self, fingerprint: str, fired_at: datetime, *, expires_at: datetime) -> str:
        """The signed part of an address."""
        payload = f"{fingerprint}.{(fired_at - EPOCH) // _MICROSECOND}.{int(expires_at.timestamp())}"
        return f"{payload}.{self._mac(payload)}"

    def read(self, token: str, *, at: datetime) -> EpisodeClaim:
        """What `token` stands for; raises `PermanentError` when it is not ours, or no longer valid at `at`."""
        payload, _, mac = token.rpartition(".")
        found = _PAYLOAD.fullmatch(payload)
        # Compared in constant time, so that the time tells nothing of the right one.
        if found is None or not hmac.compare_digest(mac.encode(), self._mac(payload).encode()):
            raise PermanentError("this link was not made here, or is cut short: copy all of it from the message")
        fingerprint, fired_at, expires_s = found[1], int(found[2]), int(found[3])
        if at.timestamp() > expires_s:
            raise PermanentError(
                f"this link is too old; say it on the command line: tapewatch alerts verdict {fingerprint} ..."
            )
        return EpisodeClaim(fingerprint=fingerprint, fired_at=EPOCH + fired_at * _MICROSECOND)

    def _mac(self, payload: str) -> str:
        digest = hmac.digest(self._key, payload.encode(), hashlib.sha256)[:MAC_BYTES]
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
