"""Items of an API: whatever JSON can hold becomes a raw item or a refusal, and a document or a dead letter."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain import REJECT_REASONS
from monitor.errors import InvalidRecordError
from monitor.json_path import parse_path
from pipelines.sources.json_fields import ItemReader, as_bytes
from tests.fixtures.canned_api import CannedApi, settings, source
from tests.unit.pipelines.sources.test_json_api import poll

NAMES = ("id", "at", "title", "text", "a", "b")
PATHS = ("id", "at", "a.b", "a[0]", "title | text", "a[-1].b | id", '["b"]')
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["2026-11-24T11:00:00Z", "\ud83d"])
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES) | st.text(), inner, max_size=6),
    max_leaves=20,
)


@given(
    value=VALUES,
    paths=st.fixed_dictionaries({name: st.sampled_from(PATHS) for name in ("published_at", "title", "text", "url")}),
    entities=st.sampled_from([*PATHS, "a[*].b", "a[*]"]),
    notation=st.sampled_from(["rfc3339", "epoch_s", "epoch_ms", "%Y-%m-%d"]),
    with_id=st.booleans(),
)
def test_any_json_value_becomes_an_item_or_a_refusal(
    value: Any, paths: dict[str, str], entities: str, notation: str, with_id: bool
) -> None:
    """An exception would stop the page, and every page after it."""
    fields = {**paths, "entities": entities, "published_at_format": notation, **({"id": "id"} if with_id else {})}
    raw = ItemReader(settings(fields=fields), ids="api").read(value)
    assert raw is not None
    assert raw.refusal is None or raw.refusal_reason in REJECT_REASONS
    assert (raw.refusal is not None) or raw.published_at is not None
    (raw.title + raw.text + (raw.refusal or "") + (raw.url or "") + "".join(raw.entities)).encode()
    assert raw.raw


@given(value=VALUES)
def test_any_json_value_as_an_answer_is_a_page_or_one_clear_error(value: Any) -> None:
    """Whatever a server takes it into its head to send."""
    body, chunks = json.dumps(value).encode(), []
    made = source(CannedApi(lambda _: body), items="a", paging={"next": "b", "since": "id", "max_pages": 3})
    with contextlib.suppress(InvalidRecordError):
        chunks = poll(made)[0]
    assert all(raw.raw for chunk in chunks for raw in chunk.items)


@given(value=VALUES, path=st.sampled_from([*PATHS, "a[*].b", "a[*][*]", "", "$", "[*]"]))
def test_a_path_finds_something_or_nothing_in_anything(value: Any, path: str) -> None:
    """It has no third way."""
    found = parse_path(path).find(value)
    assert isinstance(found, list)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a", [1]), ("$.a", [1]), ("b[0].c", ["x"]), ("b[-1].c", ["y"]), ("b[*].c", ["x", "y"]), ("b[9].c", []),
        ('["d.e"]', [2]), ("['d.e']", [2]), ("nothing | f | a", [1]), ("f", [None]), ("a.b", []), ("b.c", []),
        ("a[0]", []), ("g[*]", []), ("名", [3]),
    ],
)  # fmt: skip
def test_a_path_leads_where_it_says(path: str, found: list[object]) -> None:
    """Null counts as found only when there is nothing better."""
    value = {"a": 1, "b": [{"c": "x"}, {"c": "y"}], "d.e": 2, "f": None, "g": [], "名": 3}
    assert parse_path(path).find(value) == found


@pytest.mark.parametrize("text", ["a..b", ".a", "a[", "a[x]", "a]", "a b.c[", 'a["b]', "a[1", "a[*", "a.$b", "a|.b"])
def test_a_path_that_is_none_is_refused_with_an_example(text: str) -> None:
    """A path that never finds anything is a source that stays silent."""
    with pytest.raises(ValueError, match="write for example"):
        parse_path(text)


def test_an_item_goes_to_the_dead_letters_as_json() -> None:
    """Whoever repairs the settings reads it there."""
    assert json.loads(as_bytes({"a": "\ud83d", "b": [1.5, None]})) == {"a": "\ud83d", "b": [1.5, None]}
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert b"too deeply" in as_bytes(deep)
    while deep:  # taken apart by hand: dropping it at once is deep as well
        deep = deep[0]
