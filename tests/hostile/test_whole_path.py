"""Hostile documents through the whole monitor, over real sockets: from request and feed to mail and webhook.

One process with every stage, the embedded log and database, a stub model that calls all bad. What could be taken was
counted and told of; what could not is in the dead letters; nothing broke, and nothing broke out of its place.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest

from tests.fuzz.properties import JOINERS, is_clean_line
from tests.hostile.material import EVIL_HOST, RAW_BODIES, SOUND_URL, TITLES, WATCHED
from tests.hostile.whole_run import Outcome, run_monitor


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """One run over all of it."""
    return run_monitor(tmp_path_factory.mktemp("whole"))


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
