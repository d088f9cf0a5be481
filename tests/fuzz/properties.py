"""What must hold of whatever leaves a door; shared by the fuzzing targets and the tests of hostile input."""

from __future__ import annotations

import unicodedata
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from urllib.parse import urlsplit

from monitor.domain import Document

LINE_BREAKS = "\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
JOINERS = "\u200c\u200d"  #: Invisible, but words in Persian and Hindi and emoji need them.
KNOWN_HEADERS = {
    "from", "to", "subject", "date", "message-id", "in-reply-to", "references", "auto-submitted",
    "x-auto-response-suppress", "mime-version", "content-type",
}  # fmt: skip


def is_clean_line(text: str) -> bool:
    """One line that can be written in UTF-8, without controls, direction or invisible formatting characters."""
    hidden = (c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs") and c not in JOINERS)
    return not any(_is_harmful(c) for c in hidden) and not any(c in LINE_BREAKS for c in text)


def _is_harmful(char: str) -> bool:
    """True for what breaks a line or encoding, turns the direction or hides text; Arabic signs and the like do not."""
    if unicodedata.category(char) in ("Cc", "Cs"):
        return True
    return char in "\u00ad\u061c\u180e\ufeff" or "\u200b" <= char <= "\u206f" or "\U000e0000" <= char <= "\U000e007f"


def check_document(document: Document) -> None:
    """Assert what every document on the bus promises."""
    for text in (document.text, document.title, document.source, document.author or "", document.id):
        assert is_clean_line(text), ascii(text[:200])
        assert text == text.strip()
    assert document.text or document.title
    assert document.published_at.utcoffset() is not None
    if document.url is not None:
        check_link(document.url)


def check_link(url: str) -> None:
    """Assert that `url` is one that a reader may click: http(s), with a host, nothing that ends an attribute."""
    parts = urlsplit(url)
    assert parts.scheme.lower() in ("http", "https"), url
    assert parts.hostname
    assert not any(c in url for c in ' "<>\\`'), url
    url.encode()


def check_mail(message: EmailMessage) -> EmailMessage:
    """Assert that the mail as sent has our headers alone, each one line, and two parts; gives it as read back."""
    sent = message.as_bytes()
    read = BytesParser(policy=policy.default).parsebytes(sent)
    assert isinstance(read, EmailMessage)
    assert {name.lower() for name in read} <= KNOWN_HEADERS, sorted(read.keys())
    assert not read.defects
    assert len(read.get_all("subject", [])) == 1
    assert is_clean_line(str(read["subject"]))
    kinds = [part.get_content_type() for part in read.walk()]
    assert kinds == ["multipart/alternative", "text/plain", "text/html"], kinds
    return read
