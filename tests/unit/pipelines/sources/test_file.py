"""A file is read once, goes on where it ended, and a bad line costs only itself."""

from __future__ import annotations

import gzip
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from monitor.domain import SourceClass
from monitor.errors import TransientError
from monitor.ports import SourceState
from monitor.settings import FileSource as FileSettings
from pipelines.sources import reading
from pipelines.sources.base import RawItem
from pipelines.sources.file import FileSource, read_documents, read_stream

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def line(id_: str, **changes: Any) -> str:
    """One document as JSON."""
    facts = {"id": id_, "source": "desk", "published_at": "2026-03-02T11:00:00Z", "text": f"text {id_}"}
    return json.dumps({key: value for key, value in (facts | changes).items() if value is not None})


class Reader:
    """Polls a file as the worker does, remembering the state."""

    def __init__(self, path: Path) -> None:
        self.source = FileSource(FileSettings(type="file", name="inbox", path=path, source_class=SourceClass.FILING))
        self.state = SourceState(source="inbox")
        self.changed = False

    def poll(self) -> list[RawItem]:
        items: list[RawItem] = []
        self.changed = False
        for chunk in self.source.poll(self.state, now=NOW):
            assert len(chunk.items) <= 500
            items += chunk.items
            self.state = chunk.state
            self.changed |= chunk.changed
        return items

    def ids(self) -> list[str | None]:
        return [item.id for item in self.poll()]


def test_appended_lines_are_read_once(tmp_path: Path) -> None:
    """The state goes on from the last byte, also over a restart."""
    path = tmp_path / "in.jsonl"
    path.write_text(line("1") + "\n" + line("2") + "\n")
    reader = Reader(path)
    assert (reader.ids(), reader.changed) == (["1", "2"], True)
    assert (reader.ids(), reader.changed) == ([], False)
    with path.open("a") as file:
        file.write(line("3") + "\n")
    assert reader.ids() == ["3"]


def test_a_half_written_line_waits_for_its_end(tmp_path: Path) -> None:
    """A writer's buffer ends anywhere."""
    path = tmp_path / "in.jsonl"
    whole = line("2")
    path.write_text(line("1") + "\n" + whole[:20])
    reader = Reader(path)
    assert reader.ids() == ["1"]
    assert reader.ids() == []
    with path.open("a") as file:
        file.write(whole[20:])
    assert reader.ids() == ["2"]  # whole without its line end: no beginning of an object is an object
    with path.open("a") as file:
        file.write("\n" + line("3") + "\n")
    assert reader.ids() == ["3"]


@pytest.mark.parametrize("how", ["truncated", "replaced", "rewritten"])
def test_another_file_of_the_same_name_is_read_from_its_start(tmp_path: Path, how: str) -> None:
    """Logs are rotated in all three ways."""
    path = tmp_path / "in.jsonl"
    path.write_text("".join(line(str(n)) + "\n" for n in range(5)))
    reader = Reader(path)
    assert len(reader.ids()) == 5
    if how == "truncated":
        path.write_text(line("0") + "\n")
    elif how == "replaced":
        (tmp_path / "new").write_text("".join(line(str(n)) + "\n" for n in range(6)))
        (tmp_path / "new").rename(path)
    else:
        path.write_text("".join(line(str(n)) + "\n" for n in range(10, 17)))
    assert len(reader.ids()) == {"truncated": 1, "replaced": 6, "rewritten": 7}[how]


def test_chunks_are_bounded_and_each_can_be_resumed(tmp_path: Path) -> None:
    """A worker that dies after the first chunk goes on with the second."""
    path = tmp_path / "in.jsonl"
    path.write_text("".join(line(str(n)) + "\n" for n in range(1200)))
    reader = Reader(path)
    first = next(iter(reader.source.poll(reader.state, now=NOW)))
    reader.state = first.state
    assert len(first.items) == 500
    assert reader.ids()[0] == "500"


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("{not json", "malformed_json"),
        ('{"source": "a"}', "schema"),
        (line("x", titel="misspelt"), "schema"),
        (line("x", text=5), "schema"),
        (line("x", entities="AAPL"), "schema"),
        (line("x", source_class="blog"), "schema"),
        ("[1]", "schema"),
        ('{"text": "\ud800"}', "malformed_json"),
    ],
)
def test_a_bad_line_is_refused_with_file_and_line(tmp_path: Path, bad: str, reason: str) -> None:
    """Unknown keys, wrong types and broken JSON each get their reason; the lines around them are read."""
    path = tmp_path / "in.jsonl"
    path.write_bytes("\n".join([line("1"), "", bad, line("2"), ""]).encode("utf-8", "surrogatepass"))
    one, refused, two = Reader(path).poll()
    assert (one.id, two.id) == ("1", "2")
    assert refused.refusal is not None
    assert refused.refusal.startswith("in.jsonl, line 3: ")
    assert refused.refusal_reason == reason
    assert refused.raw == bad.encode("utf-8", "surrogatepass")


def test_what_a_line_leaves_out_comes_from_the_configuration(tmp_path: Path) -> None:
    """A file of one source need not name it in each line."""
    path = tmp_path / "in.jsonl"
    path.write_text(line("1", source=None) + "\n" + line("2", source_class="social") + "\n")
    one, two = Reader(path).poll()
    assert (one.source, one.source_class) == ("inbox", SourceClass.FILING)
    assert (two.source, two.source_class) == ("desk", SourceClass.SOCIAL)
    assert {one.origin, two.origin} == {"inbox"}


def test_a_line_that_is_too_long_costs_only_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file without line ends must not fill the memory."""
    monkeypatch.setattr(reading, "MAX_LINE_BYTES", 200)
    monkeypatch.setattr(reading, "KEPT_BYTES", 10)
    path = tmp_path / "in.jsonl"
    path.write_text(line("1") + "\n" + "x" * 1000 + "\n" + line("2") + "\n")
    one, refused, two = Reader(path).poll()
    assert (one.id, refused.refusal_reason, len(refused.raw), two.id) == ("1", "too_large", 10, "2")


def test_packed_lines_go_on_too(tmp_path: Path) -> None:
    """A second member appended to a gzip file is part of it."""
    path = tmp_path / "in.jsonl.gz"
    path.write_bytes(gzip.compress((line("1") + "\n" + line("2")).encode()))
    reader = Reader(path)
    assert reader.ids() == ["1", "2"]
    with path.open("ab") as file:
        file.write(gzip.compress(("\n" + line("3") + "\n").encode()))
    assert reader.ids() == ["3"]


def test_csv_rows_become_documents(tmp_path: Path) -> None:
    """Numbers stay text, an empty field is a missing one, tickers are separated by a bar."""
    path = tmp_path / "in.csv"
    head = "id,source,published_at,text,entities,lang\n"
    path.write_text(head + '007,desk,2026-03-02T11:00:00Z,"Falls, again\nand again",NWA|ZZ,\n')
    reader = Reader(path)
    (item,) = reader.poll()
    assert (item.id, item.text, item.entities, item.lang) == ("007", "Falls, again\nand again", ("NWA", "ZZ"), None)
    with path.open("a") as file:
        file.write("8,desk,2026-03-02T11:00:00Z,NA,,en\n9,short\n10,desk,2026-03-02T11:00:00Z,a,b,c,d,e\n")
    good, short, long = reader.poll()
    assert (good.id, good.text) == ("8", "NA")
    assert "published_at" in (short.refusal or "")
    assert long.refusal_reason == "schema"


def test_parquet_rows_become_documents(tmp_path: Path) -> None:
    """Types of a table are turned into those of a document; a rewritten file is read again."""
    path = tmp_path / "in.parquet"
    at = pd.Timestamp("2026-03-02T11:00:00Z")
    frame = pd.DataFrame({"id": [1, 2], "source": "desk", "published_at": at, "text": ["a", "b"], "title": [None, "t"]})
    frame.to_parquet(path)
    reader = Reader(path)
    one, two = reader.poll()
    assert (one.id, one.title, two.title) == ("1", "", "t")
    assert one.published_at == "2026-03-02T11:00:00+00:00"
    assert reader.ids() == []
    pd.concat([frame, frame.assign(id=3)]).to_parquet(path)
    assert len(reader.ids()) == 4


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("in.jsonl.gz", b"\x1f\x8b\x08broken"),
        ("in.parquet", b"PAR1 broken"),
        ("in.jsonl.gz", gzip.compress(b"x" * 99)[:-9]),
    ],
)
def test_a_broken_file_is_tried_again_later(tmp_path: Path, name: str, content: bytes) -> None:
    """It may be in the middle of being written; the source's failures show when it stays so."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TransientError, match=name):
        Reader(tmp_path / name).poll()


def test_a_missing_file_is_tried_again_later(tmp_path: Path) -> None:
    """The writer may start after the monitor."""
    with pytest.raises(TransientError, match="no such file"):
        Reader(tmp_path / "in.jsonl").poll()
    with pytest.raises(TransientError, match="no such file"):
        list(read_documents(tmp_path / "in.jsonl"))


def test_a_state_of_another_version_reads_the_file_again(tmp_path: Path) -> None:
    """Reading again is harmless, stopping is not."""
    path = tmp_path / "in.jsonl"
    path.write_text(line("1") + "\n")
    reader = Reader(path)
    reader.state = SourceState(source="inbox", cursor="12")
    assert reader.ids() == ["1"]


def test_replay_reads_a_finished_file_and_a_stream_to_the_last_byte(tmp_path: Path) -> None:
    """A recorded file need not end with a line end; its broken last line is reported, not awaited."""
    path = tmp_path / "in.jsonl"
    path.write_text(line("1", source=None) + "\n" + line("2")[:-3])
    one, broken = read_documents(path)
    assert (one.source, one.origin, broken.refusal_reason) == ("replay", "replay", "malformed_json")
    assert next(item.id for item in read_stream(io.BytesIO(path.read_bytes()))) == "1"
