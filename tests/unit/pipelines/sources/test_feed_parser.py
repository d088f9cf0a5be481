"""The feed parser: what is read out of a feed, and what stops a feed that cannot be read."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import msgspec
import pytest

from monitor.errors import TransientError
from pipelines.sources.feed_parser import (
    FeedItem,
    ParsedFeed,
    ParseRequest,
    answer,
    parse_feed,
    reply,
)
from pipelines.sources.frames import read_frame, serve, write_frame
from pipelines.sources.parser_process import FeedParser

RSS = '<?xml version="1.0"?><rss version="2.0"><channel><title>Wire</title><language>en-gb</language>{}</channel></rss>'
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="de"><title>t</title>{}</feed>"""
URL = "https://wire.example/feeds/rss.xml"


def parse(body: str | bytes, *, content_type: str = "", max_items: int = 100) -> ParsedFeed:
    """Parse with defaults."""
    data = body.encode() if isinstance(body, str) else body
    return parse_feed(data, content_type=content_type, url=URL, max_items=max_items)


def one(item: str, *, shell: str = RSS) -> FeedItem:
    """The only item of a feed."""
    return parse(shell.format(item)).items[0]


def test_an_rss_item_is_read_whole() -> None:
    """Everything the monitor uses, in the forms it uses."""
    item = one(
        "<item><guid isPermaLink='false'>tag:wire.example,2026:1</guid><link>/news/1</link>"
        "<title>Acme &amp;amp; Co</title>"
        "<description>&lt;p&gt;Profit &lt;b&gt;falls&lt;/b&gt;&lt;/p&gt;</description><author>Ann</author>"
        "<pubDate>Tue, 24 Nov 2026 10:00:00 +0100</pubDate></item>"
    )
    assert item == FeedItem(
        id="tag:wire.example,2026:1",
        title="Acme &amp; Co",
        text="<p>Profit <b>falls</b></p>",
        url="https://wire.example/news/1",
        published_at="2026-11-24T09:00:00+00:00",
        author="Ann",
        lang="en-gb",
    )


def test_an_atom_entry_gives_its_content_before_its_summary() -> None:
    """The summary is often the first line only."""
    item = one(
        "<entry><id>urn:x:1</id><title type='html'>T</title><summary>short</summary>"
        "<content type='html'>the whole</content>"
        "<updated>2026-11-24T10:00:00Z</updated></entry>",
        shell=ATOM,
    )
    assert (item.text, item.lang, item.published_at) == ("the whole", "de", "2026-11-24T10:00:00+00:00")


def test_plain_text_is_escaped_so_that_every_text_is_html() -> None:
    """`a < b` in a plain title must survive the cleaning of HTML."""
    item = one("<entry><id>urn:x:1</id><title type='text'>EPS &lt; 3 &amp; falling</title></entry>", shell=ATOM)
    assert item.title == "EPS &lt; 3 &amp; falling"


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("<guid>https://wire.example/1</guid><link>https://wire.example/x</link>", "https://wire.example/1"),
        ("<guid isPermaLink='false'>1234</guid>", "wire.example#1234"),
        ("<link>https://wire.example/x</link>", "https://wire.example/x"),
    ],
)
def test_the_id_is_the_guid_then_the_link(item: str, expected: str) -> None:
    """A bare number is only unique with its host, else two publishers would hide each other's news."""
    assert one(f"<item>{item}<title>t</title></item>").id == expected


def test_an_item_without_guid_and_link_gets_the_same_id_every_time() -> None:
    """Else each poll would publish it again; another text is another item."""
    first, again, other = (
        one(f"<item><title>{t}</title></item>").id for t in ("Acme falls", "Acme falls", "Acme rises")
    )
    assert first == again != other
    assert len(one(f"<item><guid>https://wire.example/{'a' * 500}</guid></item>").id) <= 200


@pytest.mark.parametrize("date", ["", "<pubDate>soon</pubDate>", "<pubDate>Tue, 99 Foo 99999 99:99:99</pubDate>"])
def test_a_date_that_cannot_be_read_is_no_date(date: str) -> None:
    """The item is dated when seen, not lost."""
    assert one(f"<item><title>t</title>{date}</item>").published_at is None


def test_a_link_that_is_not_http_is_left_out() -> None:
    """It would be put into messages for people to click."""
    assert one("<item><title>t</title><link>javascript:alert(1)</link></item>").url is None


def test_items_and_fields_are_capped_and_the_rest_counted() -> None:
    """A feed cannot fill the memory of those who read it."""
    feed = parse(RSS.format("<item><title>" + "x" * 9000 + "</title></item>" * 1) * 1)
    assert len(feed.items[0].title) == 5000
    feed = parse(RSS.format("<item><title>t</title></item>" * 30), max_items=10)
    assert (len(feed.items), feed.entries) == (10, 30)


@pytest.mark.parametrize(
    ("encoding", "content_type", "declared"),
    [
        ("utf-8", "application/rss+xml", ""),
        ("iso-8859-1", "application/xml; charset=iso-8859-1", ""),
        ("windows-1252", "application/rss+xml", "windows-1252"),
        ("iso-8859-1", "application/xml", "utf-8"),  # It lies.
        ("utf-16", "application/xml", ""),
    ],
)
def test_the_encoding_is_found_from_header_declaration_and_bytes(
    encoding: str, content_type: str, declared: str
) -> None:
    """Wrong encodings are common; a wrong guess turns names into rubbish."""
    declaration = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
    body = (
        declaration + "<rss version='2.0'><channel><item><title>Société Générale</title></item></channel></rss>"
    ).encode(encoding)
    assert parse(body, content_type=content_type).items[0].title == "Société Générale"


def test_a_feed_cut_in_the_middle_gives_what_came_before() -> None:
    """Malformed feeds are a tenth of all feeds."""
    feed = parse(RSS.format("<item><title>one</title></item><item><title>two</title></item>")[:-40])
    assert feed.problem
    assert feed.items[0].title == "one"


@pytest.mark.parametrize("body", [b"", b"<!doctype html><html><body>Log in</body></html>", b"\x00\xff\xfe", b"{}"])
def test_what_is_no_feed_is_not_taken_for_an_empty_one(body: bytes) -> None:
    """A log-in page must count as a failure, not as a quiet day."""
    assert not parse(body).recognised
    assert parse(RSS.format("")).recognised


def test_an_external_entity_is_not_opened(tmp_path: Path) -> None:
    """A feed must not read the operator's files."""
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    feed = parse(
        f'<!DOCTYPE r [<!ENTITY x SYSTEM "file://{secret}">]>' + RSS[21:].format("<item><title>a &x; b</title></item>")
    )
    assert "hunter2" not in msgspec.json.encode(feed).decode()


@pytest.mark.parametrize("reference", ["&#xD83D;", "&#55357;", "&#x110000;", "&#99999999999;", "&#x0000DE00;"])
def test_a_reference_to_no_character_costs_that_character_alone(reference: str) -> None:
    """Halves of surrogate pairs occur in real feeds; feedparser gives up the whole feed over one."""
    feed = parse(RSS.format(f"<item><title>a {reference} b &#8364; &#xe9;</title></item>"))
    assert feed.items[0].title == "a \ufffd b \u20ac \xe9"
    assert msgspec.json.decode(msgspec.json.encode(feed), type=ParsedFeed) == feed


def test_what_the_parser_library_raises_becomes_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """One hostile feed costs itself, not the process."""

    def explode(*_: object, **__: object) -> None:
        raise RecursionError("too deep")

    monkeypatch.setattr("feedparser.parse", explode)
    feed = answer(ParseRequest(content_type="", url=URL, max_items=1, alarm_s=1), b"<rss/>")
    assert not feed.recognised
    assert feed.problem == "RecursionError: too deep"


def test_the_process_answers_each_request_until_its_input_ends() -> None:
    """The protocol, without a process."""
    requests, answers = io.BytesIO(), io.BytesIO()
    for title in ("one", "two"):
        write_frame(requests, msgspec.json.encode(ParseRequest(content_type="", url=URL, max_items=5, alarm_s=60)))
        write_frame(requests, RSS.format(f"<item><title>{title}</title></item>").encode())
    requests.seek(0)
    serve(requests, answers, reply)
    answers.seek(0)
    assert read_frame(answers) == b""
    titles = [msgspec.json.decode(read_frame(answers) or b"", type=ParsedFeed).items[0].title for _ in range(2)]
    assert titles == ["one", "two"]
    assert read_frame(answers) is None


def test_a_real_parser_process_is_used_again_and_ended() -> None:
    """Starting one costs a quarter of a second; a feed costs a millisecond."""
    parser = FeedParser(timeout_s=30, max_items=5)
    try:
        for title in ("one", "two"):
            body = RSS.format(f"<item><title>{title}</title></item>").encode()
            assert parser.parse(body, content_type="", url=URL).items[0].title == title
        assert len(parser._idle) == 1
    finally:
        parser.close()
    assert parser._idle == []


HANGS = "import sys,time; sys.stdout.buffer.write(bytes(4)); sys.stdout.buffer.flush(); time.sleep(60)"
DIES = "import sys; sys.stdout.buffer.write(bytes(4)); sys.stdout.buffer.flush(); sys.stdin.buffer.read(8)"


@pytest.mark.parametrize("program", [HANGS, DIES])
def test_a_parser_that_hangs_or_dies_is_given_up_and_replaced(program: str) -> None:
    """A body larger than a pipe's buffer too: the parent must not hang writing to it."""
    parser = FeedParser(timeout_s=0.2, max_items=5, command=(sys.executable, "-c", program))
    for _ in range(2):
        with pytest.raises(TransientError, match="to parse"):
            parser.parse(bytes(3_000_000), content_type="", url=URL)
    assert parser._idle == []


def test_a_parser_that_cannot_start_is_a_transient_error() -> None:
    """A machine out of memory comes back."""
    parser = FeedParser(timeout_s=5, max_items=5, command=(sys.executable, "-c", "raise SystemExit(1)"))
    with pytest.raises(TransientError, match="did not start"):
        parser.parse(b"<rss/>", content_type="", url=URL)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16", "utf-32"])
@pytest.mark.parametrize("content_type", ["text/xml; charset=utf-8", "text/xml", ""])
def test_a_feed_in_wide_letters_is_read_whatever_the_server_calls_it(encoding: str, content_type: str) -> None:
    """Servers label every file alike; two bytes a letter can be seen."""
    feed = RSS.format("<item><guid>urn:x:1</guid><title>Übung</title></item>").replace(
        "?>", f" encoding='{encoding}'?>"
    )
    assert [item.title for item in parse(feed.encode(encoding), content_type=content_type).items] == ["Übung"]
