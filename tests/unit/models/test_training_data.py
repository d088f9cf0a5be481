"""Training data is read whole or refused with file and row."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from models.mentions import places
from models.training.data import (
    NO_LABEL,
    Example,
    parse_decisions,
    read_corpus,
    read_headlines,
    read_sentiments,
    repeat_key,
    without_repeats,
)
from models.training.invented import read_invented
from monitor.errors import ConfigurationError
from tests.fixtures.tiny_model import make_data


def table(path: Path, rows: list[tuple[object, object]], columns: tuple[str, str] = ("text", "label")) -> Path:
    """Write a small CSV file."""
    pd.DataFrame(rows, columns=list(columns)).to_csv(path, index=False)
    return path


def test_tweet_labels_are_mapped_to_the_head(tmp_path: Path) -> None:
    """The file says 0 bearish, 1 bullish, 2 neutral; the head says negative, neutral, positive."""
    path = table(tmp_path / "t.csv", [("falls", 0), ("rises", 1), ("is", 2)])
    examples = list(read_sentiments(path))
    assert [(e.text, e.sentiment, e.topic) for e in examples] == [
        ("falls", 0, NO_LABEL), ("rises", 2, NO_LABEL), ("is", 1, NO_LABEL),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "match"),
    [([("good", 1), ("odd", 7)], r"row 3: unknown label '7'"), ([("good", 1), ("  ", 1)], r"row 3: the text is empty")],
)
def test_a_bad_row_is_named(tmp_path: Path, rows: list[tuple[object, object]], match: str) -> None:
    """Whoever has to mend the file must find the row; rows count from 1, the header is the first."""
    with pytest.raises(ConfigurationError, match=match):
        list(read_sentiments(table(tmp_path / "t.csv", rows)))


def test_a_text_that_looks_like_a_gap_is_a_text(tmp_path: Path) -> None:
    """`NA` and `null` are what somebody wrote; a table reader would make nothing of them."""
    path = table(tmp_path / "t.csv", [("NA", 0), ("null", 1)])
    assert [example.text for example in read_sentiments(path)] == ["NA", "null"]


def test_a_missing_column_or_file_is_named(tmp_path: Path) -> None:
    """The message must tell what is there."""
    path = table(tmp_path / "t.csv", [("a", 1)], ("texts", "label"))
    with pytest.raises(ConfigurationError, match="no column text; wanted are text,label, the file has texts, label"):
        list(read_sentiments(path))
    with pytest.raises(ConfigurationError, match="cannot read the table"):
        list(read_sentiments(tmp_path / "absent.csv"))


def test_names_with_apostrophes_do_not_hide_a_sentiment() -> None:
    """Thirteen rows of the real file are no Python literal."""
    assert parse_decisions("{'Moody's': 'neutral', 'Acme': 'negative'}") == {"Moody's": "neutral", "Acme": "negative"}
    assert parse_decisions("{'Acme': 'positive'}") == {"Acme": "positive"}
    assert parse_decisions("nonsense") == {}


def test_a_name_that_a_replacement_struck_is_mended_by_the_headline() -> None:
    """The entity must be found in the text, or its label trains the wrong head."""
    title = "London Stock Exchange to buy Frank Russell Company"
    assert parse_decisions("{'Frank Rusnegative Company': 'neutral'}", title) == {"Frank Russell Company": "neutral"}
    assert parse_decisions("{'IIFL neutralings': 'positive'}", "IIFL Holdings surges") == {"IIFL Holdings": "positive"}


def test_headlines_of_two_minds_train_their_entities_alone(tmp_path: Path) -> None:
    """Good for one and bad for another says nothing about the text as a whole."""
    rows: list[tuple[object, object]] = [
        ("Acme buys Globex", "{'Acme': 'negative', 'Globex': 'positive'}"),
        ("Initech falls", "{'Initech': 'negative'}"),
    ]
    examples = list(read_headlines(table(tmp_path / "h.csv", rows, ("Title", "Decisions"))))
    assert [(e.text, e.sentiment, e.entities) for e in examples] == [
        ("Acme buys Globex", NO_LABEL, (("Acme", 0), ("Globex", 2))),
        ("Initech falls", 0, (("Initech", 0),)),
    ]


def test_no_score_is_earned_by_memory() -> None:
    """A row that repeats a held-out one, but for its link and its case, must not train."""
    rows = [
        Example(text="Acme falls!", source="tweets", sentiment=0),
        Example(text="acme FALLS", source="tweets", sentiment=1),
        Example(text="acme falls", source="topics", topic=0),
        Example(text="Globex rises", source="tweets", sentiment=2),
        Example(text="", source="tweets", sentiment=2),
    ]
    held_out = [Example(text="globex rises", source="tweets", sentiment=2)]
    kept = list(without_repeats(rows, held_out=held_out))
    assert [(e.text, e.source) for e in kept] == [("Acme falls!", "tweets"), ("acme falls", "topics")]


def test_a_folder_gives_every_set(tmp_path: Path) -> None:
    """One call reads what a run needs, and knows the files for their hashes."""
    make_data(tmp_path / "data")
    corpus = read_corpus(tmp_path / "data", languages=())
    assert {e.source for e in corpus.rows} == {"tweets", "headlines", "topics"}
    assert {name: len(rows) for name, rows in corpus.tests.items() if name != "headlines_test"} == {
        "tweets_valid": 10, "topics_valid": 10,
    }  # fmt: skip
    assert all(path.is_file() for path in corpus.files)


def test_a_headline_is_kept_out_with_all_of_its_entities(tmp_path: Path) -> None:
    """One entity in training and the other in the test would teach the test."""
    make_data(tmp_path / "data")
    corpus = read_corpus(tmp_path / "data", languages=())
    tested = {repeat_key(example.text) for example in corpus.tests["headlines_test"]}
    assert tested
    assert not tested & {repeat_key(example.text) for example in corpus.rows}


def test_the_invented_rows_are_sound() -> None:
    """They ship and train what users get: every entity must stand in its text, every text once."""
    topics = [f"topic {n}" for n in range(20)]
    rows = list(read_invented(topics, languages=("en", "zh")))
    assert len({repeat_key(row.text) for row in rows}) == len(rows)
    for row in rows:
        assert all(list(places(row.text, name)) for name, _ in row.entities), row.text
    assert {row.lang for row in rows} == {"en", "zh"}


def test_a_broken_invented_row_is_named(tmp_path: Path) -> None:
    """Whoever mends the file must find the row."""
    head = "text,lang,kind,sentiment,entities,topic,finance,english\n"
    (tmp_path / "en.csv").write_text(head + "Acme falls,en,headline,bad,,,1,\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"en\.csv: row 2: 'bad'"):
        list(read_invented([], languages=("en",), folder=tmp_path))
