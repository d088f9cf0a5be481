"""A JSON API: pages in their order, a cursor that only moves on with what was handed over, clear refusals."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count

import pytest

from monitor.errors import InvalidRecordError, MonitorError, PermanentError, TransientError
from monitor.ports import SourceState
from pipelines.sources.base import Chunk
from pipelines.sources.json_api import JsonApi, JsonApiSource, fill
from pipelines.sources.json_cursor import read_cursors
from tests.fixtures.canned_api import NOW, CannedApi, item, query, reply, settings, source

FRESH = SourceState(source="api")
WALK = {
    "url": "https://api.example/news?limit=2&after={cursor}",
    "paging": {"next": "next", "since": "id", "max_pages": 2},
}
STREAM = {"url": "https://api.example/news?min_id={since}", "paging": {"since": "id", "order": "oldest_first"}}


def ids(chunks: list[Chunk]) -> list[str | None]:
    """Ids of all items, in order."""
    return [raw.id for chunk in chunks for raw in chunk.items]


def poll(made: JsonApiSource, state: SourceState = FRESH) -> tuple[list[Chunk], SourceState]:
    """One poll: its chunks, and what is remembered after it."""
    chunks = list(made.poll(state, now=NOW))
    return chunks, chunks[-1].state


def since(state: SourceState) -> str | None:
    """What is known."""
    return read_cursors(state.cursor).at["items"].since


def failed(made: JsonApiSource, state: SourceState, error: type[MonitorError]) -> SourceState:
    """One poll that ends in `error`: what it had saved by then."""
    chunks = made.poll(state, now=NOW)
    while True:
        try:
            state = next(chunks).state
        except error:
            return state


class Numbered:
    """An API over items 1 to `newest`, two a page, newest first: the page `after` an id holds the older ones."""

    def __init__(self, newest: int) -> None:
        self.newest = newest

    def __call__(self, url: str) -> object:
        top = int(query(url).get("after", self.newest + 1)) - 1
        numbers = [number for number in (top, top - 1) if number > 0]
        return {"items": [item(number) for number in numbers], "next": numbers[-1] if top > 2 else None}


def test_an_item_becomes_a_raw_item_by_its_paths() -> None:
    """Ids carry the source, since two APIs both count from one."""
    fields = {
        "id": "id", "published_at": "at", "title": "title | headline", "text": "body.plain", "url": "links[0].href",
        "author": "by['full name']", "lang": "lang", "entities": "symbols[*].s",
    }  # fmt: skip
    entry = {
        "id": 7, "at": 1795519800.5, "headline": " Acme falls ", "body": {"plain": "Again."},
        "links": [{"href": "https://x.example/7"}], "by": {"full name": "Ada"},
        "symbols": [{"s": "ACME"}, {"s": "B,C"}],
    }  # fmt: skip
    api = CannedApi(lambda _: {"items": [entry]})
    made = source(api, fields={**fields, "published_at_format": "epoch_s"}, html=True, lang="en", source_class="social")
    [raw] = poll(made)[0][0].items
    assert (raw.source, raw.source_class, raw.id) == ("api", "social", "api:7")
    assert raw.published_at == datetime(2026, 11, 24, 11, 30, 0, 500_000, tzinfo=UTC)
    assert (raw.title, raw.text, raw.url) == ("Acme falls", "Again.", "https://x.example/7")
    assert (raw.author, raw.lang, raw.entities, raw.html) == ("Ada", "en", ("ACME", "B", "C"), True)


@pytest.mark.parametrize(
    ("items", "body"),
    [
        ("", [item(1)]), ("$", [item(1)]), ("data.list", {"data": {"list": [item(1)]}}),
        ("data.children[*].data", {"data": {"children": [{"data": item(1)}]}}), ("[0].rows", [{"rows": [item(1)]}]),
    ],
)  # fmt: skip
def test_the_list_is_found_where_the_settings_say(items: str, body: object) -> None:
    """Every API puts it somewhere else."""
    assert ids(poll(source(CannedApi(lambda _: body), items=items))[0]) == ["api:1"]


def test_a_list_that_is_null_is_an_empty_one() -> None:
    """That is how many servers write it."""
    chunks, _ = poll(source(CannedApi(lambda _: {"items": None})))
    assert ids(chunks) == []


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"<html>Log in</html>", "not JSON"), (b"", "not JSON"), (b"{", "not JSON"), (b"[" * 100_000, "not JSON"),
        (b'{"items":' * 100_000, "not JSON"), (b"\xff\xfe\x00", "not JSON"),
        ([item(1)], "the answer is a list"), ({"error": "limit"}, "an object with 'error'"),
        ({"items": {"1": item(1)}}, "an object at items"), ({"items": "none"}, "text at items"), (7, "a number"),
    ],
)  # fmt: skip
def test_an_answer_of_another_kind_is_refused_with_source_path_and_remedy(body: object, says: str) -> None:
    """A log-in page or a changed format must not look like silence."""
    with pytest.raises(InvalidRecordError, match=says) as caught:
        poll(source(CannedApi(lambda _: body)))
    assert str(caught.value).startswith("api: ")
    assert "items" in str(caught.value) or "look at url" in str(caught.value)


def test_what_json_cannot_hold_spoils_one_value_only() -> None:
    """Half an emoji where a text was cut, NaN, a number without end: the page goes on."""
    half = rb'{"id":1,"at":"2026-11-24T11:00:00Z","title":"cut \ud83d"}'
    wild = b'{"id":2,"at":"2026-11-24T11:00:00Z","title":"x","y":[NaN,1e999,' + b"9" * 10_000 + b"]}"
    body = b'\xef\xbb\xbf{"items":[' + half + b"," + wild + b"]}"
    chunks, _ = poll(source(CannedApi(lambda _: body)))
    assert ids(chunks) == ["api:1", "api:2"]
    assert chunks[0].items[0].title == "cut ?"


def test_an_item_that_lacks_a_field_is_refused_alone_by_the_name_of_its_path() -> None:
    """The others are news."""
    bad = [{"id": 2, "title": "x"}, item(3, id={}), item(4, title=["x"]), item(5, title=True), None, "x", []]
    chunks, _ = poll(source(CannedApi(lambda _: {"items": [item(1), *bad]})))
    assert ids(chunks)[0] == "api:1"
    refusals = [raw.refusal or "" for raw in chunks[0].items[1:]]
    assert refusals[:4] == [
        "fields.published_at: nothing at 'at'",
        "fields.id: 'id' holds an object, not text",
        "fields.title: 'title' holds a list, not text",
        "fields.title: 'title' holds true or false, not text",
    ]
    assert all(refusal.startswith("fields.id: nothing") for refusal in refusals[4:])
    assert chunks[0].items[1].raw == b'{"id":2,"title":"x"}'


@pytest.mark.parametrize("value", ["NaN", "inf", 1e18, -1e18, 253402300800, "soon", "10000-01-01", "9" * 400])
@pytest.mark.parametrize("notation", ["epoch_s", "epoch_ms", "%Y-%m-%d"])
def test_a_date_that_is_none_is_refused(value: object, notation: str) -> None:
    """Year 10000 and NaN come from real servers."""
    if notation == "epoch_ms" and value == 253402300800:
        value = 253402300800_000
    fields = {"id": "id", "published_at": "at", "published_at_format": notation, "title": "title"}
    chunks, _ = poll(source(CannedApi(lambda _: {"items": [item(1, at=value)]}), fields=fields))
    [raw] = chunks[0].items
    assert raw.refusal_reason == "bad_date"
    assert "fields.published_at" in (raw.refusal or "")


@pytest.mark.parametrize(
    ("notation", "value"),
    [("epoch_s", "1795519800"), ("epoch_ms", 1795519800000), ("%d.%m.%Y %H:%M", "24.11.2026 11:30"),
     ("%Y-%m-%dT%H:%M:%S%z", "2026-11-24T12:30:00+0100")],
)  # fmt: skip
def test_dates_are_read_in_the_notation_of_the_settings(notation: str, value: object) -> None:
    """Numbers as text too; without a zone it is UTC."""
    fields = {"id": "id", "published_at": "at", "published_at_format": notation, "title": "title"}
    chunks, _ = poll(source(CannedApi(lambda _: {"items": [item(1, at=value)]}), fields=fields))
    assert chunks[0].items[0].published_at == datetime(2026, 11, 24, 11, 30, tzinfo=UTC)


def test_items_beyond_the_cap_are_left() -> None:
    """Five megabytes hold millions of empty items."""
    chunks, _ = poll(source(CannedApi(lambda _: {"items": [0] * 50}), max_items=10))
    assert len(chunks[0].items) == 10


def test_the_same_page_again_is_nothing_new() -> None:
    """Its refusals went to the dead letters already."""
    made = source(CannedApi(lambda _: {"items": [item(1), {}], "took_ms": next(ticks)}))
    ticks = count()
    _, state = poll(made)
    chunks, _ = poll(made, state)
    assert (ids(chunks), any(chunk.changed for chunk in chunks)) == ([], False)


def test_a_walk_ends_where_it_meets_what_is_known() -> None:
    """And the next poll asks from the top again."""
    server = Numbered(3)
    api = CannedApi(server)
    made = source(api, **WALK)
    chunks, state = poll(made)
    assert (ids(chunks), since(state)) == (["api:3", "api:2", "api:1"], "3")
    server.newest = 5
    chunks, state = poll(made, state)
    assert ids(chunks) == ["api:5", "api:4", "api:3", "api:2"]
    assert (since(state), query(api.urls[-1])) == ("5", {"limit": "2", "after": "4"})


def test_a_walk_longer_than_a_poll_goes_on_and_nothing_is_left_out() -> None:
    """Only at its end is its newest item what is known: before, a restart would lose the middle."""
    server = Numbered(2)
    made = source(CannedApi(server), **WALK)
    _, state = poll(made)
    server.newest = 11
    chunks, state = poll(made, state)
    assert (ids(chunks), since(state)) == (["api:11", "api:10", "api:9", "api:8"], "2")
    server.newest = 12
    chunks, state = poll(made, state)
    assert (ids(chunks), since(state)) == (["api:7", "api:6", "api:5", "api:4"], "2")
    chunks, state = poll(made, state)
    assert (ids(chunks), since(state)) == (["api:3", "api:2"], "11")
    assert ids(poll(made, state)[0])[0] == "api:12"


def test_the_first_poll_reads_no_more_than_its_pages() -> None:
    """Years of history are not news."""
    chunks, state = poll(source(CannedApi(Numbered(1000)), **WALK))
    assert (len(ids(chunks)), since(state)) == (4, "1000")


@pytest.mark.parametrize("following", ["x", 7])
def test_a_cursor_that_stands_still_ends_the_walk(following: object) -> None:
    """Else the source would ask for one page for ever."""
    numbers = count(1)
    api = CannedApi(lambda _: {"items": [item(next(numbers))], "next": following})
    made = source(api, url=WALK["url"], paging={"next": "next", "since": "id", "max_pages": 50})
    _, state = poll(made)
    assert len(api.urls) == 2
    poll(made, state)
    assert len(api.urls) <= 4


def test_a_circle_of_pages_ends_over_many_polls() -> None:
    """A server that leads from page to page without end must not hide its newest page for ever."""
    numbers = count(1000, -1)
    api = CannedApi(lambda _: {"items": [item(next(numbers))], "next": str(next(numbers))})
    made = source(api, **WALK)
    state = SourceState(source="api", cursor='{"at":{"items":{"since":"-"}}}')
    for _ in range(25):
        _, state = poll(made, state)
    assert any("after=" not in url for url in api.urls[1:])


def test_a_page_that_is_gone_sends_the_walk_back_to_the_top() -> None:
    """Servers forget their cursors; a source must not wait for one for ever."""
    server = Numbered(2)
    made = source(CannedApi(server), **WALK)
    _, state = poll(made)
    server.newest = 20
    _, state = poll(made, state)
    gone = source(CannedApi(lambda url: reply({}, 410) if "after" in query(url) else server(url)), **WALK)
    state = failed(gone, state, PermanentError)
    chunks, _ = poll(source(CannedApi(server), **WALK), state)
    assert ids(chunks)[0] == "api:20"


@pytest.mark.parametrize(("status", "next_is_kept"), [(410, False), (400, False), (403, True), (401, True)])
def test_a_stream_begins_anew_only_where_its_place_is_unknown(status: int, next_is_kept: bool) -> None:
    """A token that ran out is no reason to read everything again."""
    changes = {"url": WALK["url"], "paging": {"next": "next", "order": "oldest_first", "max_pages": 1}}
    _, state = poll(source(CannedApi(lambda _: {"items": [item(1)], "next": "c1"}), **changes))
    state = failed(source(CannedApi(lambda _: reply({}, status)), **changes), state, PermanentError)
    assert read_cursors(state.cursor).at["items"].next == ("c1" if next_is_kept else None)


def test_oldest_first_each_page_is_remembered_at_once() -> None:
    """Ids of different lengths are numbers, not words: 9 comes before 10."""

    def answer(url: str) -> object:
        known = int(query(url).get("min_id", 7))
        return {"items": [item(number) for number in range(min(known + 2, 11), known, -1)]}

    api = CannedApi(answer)
    chunks, state = poll(source(api, **STREAM))
    assert ids(chunks) == ["api:9", "api:8", "api:11", "api:10"]
    assert [read_cursors(chunk.state.cursor).at["items"].since for chunk in chunks[:2]] == ["9", "11"]
    assert (since(state), api.urls[0]) == ("11", "https://api.example/news")


def test_a_server_that_ignores_what_is_known_is_asked_once_a_poll() -> None:
    """It gives the same page whatever is asked."""
    api = CannedApi(lambda _: {"items": [item(1), item(2)]})
    made = source(api, **STREAM)
    _, state = poll(made)
    asked = len(api.urls)
    poll(made, state)
    assert asked <= 2
    assert len(api.urls) == asked + 1


def test_an_item_from_the_future_does_not_hide_those_before_it() -> None:
    """One wrong clock would silence the source until then."""
    fields = {"id": "id", "published_at": "at", "published_at_format": "epoch_s", "title": "title"}
    entries = [item(2, at=4102444800), item(1, at=1795519800)]
    changes = {
        "url": "https://api.example/news?from={since}",
        "fields": fields,
        "paging": {"since": "at", "overlap": 60},
    }
    api = CannedApi(lambda _: {"items": entries})
    made = source(api, **changes)
    _, state = poll(made)
    entries.append(item(3, at=1795519801))
    poll(made, state)
    assert query(api.urls[-1]) == {"from": "1795519740"}


def test_pages_by_number_are_asked_up_to_the_last() -> None:
    """As many APIs have them."""
    api = CannedApi(lambda url: {"items": [item(int(query(url)["page"]))], "pages": 3})
    paging = {"pages": "pages", "first_page": 0, "max_pages": 9}
    chunks, _ = poll(source(api, url="https://api.example/news?page={page}", paging=paging))
    assert ids(chunks) == ["api:0", "api:1", "api:2"]


def test_the_address_of_the_next_page_is_followed_on_the_same_server_only() -> None:
    """Secrets go with the request."""
    pages = {"/news": "/news/2?x=1", "/news/2?x=1": "https://evil.example/3"}
    api = CannedApi(lambda url: {"items": [item(len(url))], "next": pages[url.removeprefix("https://api.example")]})
    with pytest.raises(InvalidRecordError, match="another server"):
        poll(source(api, paging={"next": "next"}))
    assert api.urls == ["https://api.example/news", "https://api.example/news/2?x=1"]


@pytest.mark.parametrize("cursor", ["", "{}", "null", "[]", '{"at":7}', "sha256 of a feed", '{"at":{"items":{"x":1}}}'])
def test_a_cursor_of_another_kind_starts_over(cursor: str) -> None:
    """The type of a source may be changed under its name."""
    chunks, _ = poll(source(CannedApi(Numbered(2)), **WALK), SourceState(source="api", cursor=cursor))
    assert ids(chunks) == ["api:2", "api:1"]


@pytest.mark.parametrize(
    ("template", "values", "url"),
    [
        ("https://a.example/x?q=1&s={since}", {}, "https://a.example/x?q=1"),
        ("https://a.example/x?s={since}", {}, "https://a.example/x"),
        ("https://a.example/x?f=at>{since},at<{cursor}&n=2", {"since": "1"}, "https://a.example/x?n=2"),
        ("https://a.example/{page}?s={since}", {"page": "2", "since": "a b&c=d/é"},
         "https://a.example/2?s=a%20b%26c%3Dd%2F%C3%A9"),
    ],
)  # fmt: skip
def test_placeholders_are_filled_in_and_empty_parameters_left_out(template: str, values: dict, url: str) -> None:
    """A value can only be a value, whatever the server says."""
    assert fill(template, values) == url


def test_paging_stops_when_the_limit_is_used_up_and_goes_on_afterwards() -> None:
    """Before the time that the server named nothing is asked at all."""
    server = Numbered(9)
    api = CannedApi(lambda url: reply(server(url), x_ratelimit_remaining="0", x_ratelimit_reset="90"))
    made = source(api, **WALK)
    chunks, state = poll(made)
    assert (ids(chunks), len(api.urls)) == (["api:9", "api:8"], 1)
    with pytest.raises(TransientError) as caught:
        poll(made, state)
    assert (caught.value.retry_after_s, len(api.urls)) == (90, 1)
    chunks = list(made.poll(state, now=datetime(2026, 11, 24, 12, 2, tzinfo=UTC)))
    assert ids(chunks)[:2] == ["api:7", "api:6"]


def several(answer) -> tuple[JsonApiSource, CannedApi]:
    """A source of three streams."""
    api = CannedApi(answer)
    streams = {
        name: JsonApi(settings(url=f"https://api.example/{name}"), fetcher=api.fetcher(), max_items=10)
        for name in ("a", "b", "c")
    }
    return JsonApiSource("api", streams), api


def test_a_stream_that_is_refused_does_not_hold_up_the_others() -> None:
    """A symbol that was delisted is no reason to hear nothing of the rest; none at all is a failure."""
    made, _ = several(lambda url: reply({}, 404) if url.endswith("b") else {"items": [item(ord(url[-1]))]})
    assert ids(poll(made)[0]) == ["api:97", "api:99"]
    with pytest.raises(PermanentError):
        poll(several(lambda _: reply({}, 404))[0])


def test_a_rate_limit_does_not_starve_the_last_streams() -> None:
    """The next poll begins where this one was stopped."""
    answers = iter([{"items": [item(1)]}, reply({}, 429)])
    made, _ = several(lambda _: next(answers))
    state = failed(made, FRESH, TransientError)
    made, api = several(lambda _: {"items": []})
    poll(made, state)
    assert [url[-1] for url in api.urls] == ["b", "c", "a"]


def test_secret_headers_are_sent_and_named_as_bound_to_their_server() -> None:
    """The network door drops those on a redirect elsewhere."""
    headers = [
        {"name": "Accept", "value": "application/vnd.x+json"},
        {"name": "X-Api-Key", "value": "Key ", "secret": "s3cret"},
    ]
    api = CannedApi(lambda _: {"items": []})
    poll(source(api, headers=headers))
    assert api.headers[0] == {"accept": "application/vnd.x+json", "x-api-key": "Key s3cret"}
    assert api.confined == ["X-Api-Key"]
