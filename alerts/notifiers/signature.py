"""Sign webhooks as standardwebhooks.com says: HMAC-SHA256 over id, timestamp and body.

Two secrets, separated by a blank, sign twice: the receiver can change from one to the other without losing a message.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import datetime

from monitor.errors import ConfigurationError

PREFIX = "whsec_"
KEY_BYTES = range(24, 65)  #: What the standard allows.


class Signer:
    """Signs bodies with one or more secrets."""

    def __init__(self, secret: str, *, where: str) -> None:
        self._keys = [_key(part, where) for part in secret.split()]
        if not self._keys:
            raise ConfigurationError(f"{where}: secret is empty")

    def headers(self, message_id: str, body: bytes, *, at: datetime) -> dict[str, str]:
        """The three headers of the standard."""
        timestamp = str(int(at.timestamp()))
        signed = b".".join((message_id.encode(), timestamp.encode(), body))
        return {
            "webhook-id": message_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": " ".join(f"v1,{_mac(key, signed)}" for key in self._keys),
        }


def _mac(key: bytes, signed: bytes) -> str:
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def _key(secret: str, where: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError) as err:
        raise ConfigurationError(f"{where}: secret must be {PREFIX} and base64") from err
    if not secret.startswith(PREFIX) or len(key) not in KEY_BYTES:
        raise ConfigurationError(f"{where}: secret must be {PREFIX} and base64 of 24 to 64 bytes, got {len(key)}")
    return key
