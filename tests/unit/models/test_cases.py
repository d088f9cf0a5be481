"""Labelled data are read whole or refused with file, row and remedy."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from models.evaluation.cases import Task, read_cases
from monitor.errors import ConfigurationError

TOPICS = ("Company", "Macro", "Energy", "Gold", "Politics", "Stock Movement", "IPO")


def table(path: Path, columns: str, rows: list[tuple[object, ...]]) -> Path:
    """Write a small table, CSV or Parquet by its name."""
    frame = pd.DataFrame(rows, columns=columns.split(","))
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False)
    return path


def test_words_and_the_numbers_of_the_tweets_are_one_label(tmp_path: Path) -> None:
    """0 bearish, 1 bullish, 2 neutral in the files; negative, neutral, positive in the head."""
    rows: list[tuple[object, ...]] = [
        ("a", "Negative"), ("b", "neutral"), ("c", "bullish"), ("d", "0"), ("e", "1"), ("f", 2),
    ]  # fmt: skip
    found = read_cases([table(tmp_path / "t.csv", "text,label", rows)], topics=TOPICS)
    assert found.task is Task.SENTIMENT
    assert found.labels.tolist() == [0, 1, 2, 0, 2, 1]


def test_numbers_in_parquet_are_read_too(tmp_path: Path) -> None:
    """A column with a hole is one of fractions to pandas: 2.0 is still the label 2."""
    path = table(tmp_path / "t.parquet", "text,label", [("a", 0.0), ("b", 2.0)])
    assert read_cases([path], topics=TOPICS).labels.tolist() == [0, 1]


def test_topics_are_recognised_by_name_or_by_their_many_numbers(tmp_path: Path) -> None:
    """Seven labels are no sentiments; three numbers may be, and --task says what they are."""
    names = table(tmp_path / "n.csv", "text,label", [("a", "gold"), ("b", "Macro")])
    assert read_cases([names], topics=TOPICS).labels.tolist() == [3, 1]
    many = table(tmp_path / "m.csv", "text,label", [(str(n), n) for n in range(7)])
    assert read_cases([many], topics=TOPICS).task is Task.TOPIC
    few = table(tmp_path / "f.csv", "text,label", [(str(n), n) for n in range(3)])
    assert read_cases([few], topics=TOPICS).task is Task.SENTIMENT
    assert read_cases([few], topics=TOPICS, task=Task.TOPIC).labels.tolist() == [0, 1, 2]


def test_entity_rows_of_one_text_are_one_case(tmp_path: Path) -> None:
    """The model reads the text once, and a resample takes its entities together."""
    rows: list[tuple[object, ...]] = [
        ("Acme sues Globex", "negative", "Globex"), ("Initech rises", "positive", "Initech"),
        ("Acme sues Globex", "positive", "Acme"),
    ]  # fmt: skip
    found = read_cases([table(tmp_path / "t.csv", "text,label,entity", rows)], topics=TOPICS)
    assert found.task is Task.ENTITY
    assert [case.entities for case in found.cases] == [(("Globex", 0), ("Acme", 2)), (("Initech", 2),)]
    assert found.labels.tolist() == [0, 2, 2]
    assert found.owners.tolist() == [0, 0, 1]
    assert [case.is_mixed for case in found.cases] == [True, False]


def test_headlines_with_decisions_ask_about_entities_or_the_text(tmp_path: Path) -> None:
    """Names with an apostrophe are no Python literal; a text has one sentiment only where its entities agree."""
    rows: list[tuple[object, ...]] = [
        ("Moody's cuts Acme", "{'Moody's': 'neutral', 'Acme': 'negative'}"), ("Gold rises", "{'Gold': 'positive'}"),
    ]  # fmt: skip
    path = table(tmp_path / "t.csv", "Title,Decisions", rows)
    assert read_cases([path], topics=TOPICS).labels.tolist() == [1, 0, 2]
    whole = read_cases([path], topics=TOPICS, task=Task.SENTIMENT)
    assert [(case.text, case.label) for case in whole.cases] == [("Gold rises", 2)]


def test_a_text_that_reads_na_is_a_text(tmp_path: Path) -> None:
    """Pandas takes it for a missing value unless told not to."""
    path = table(tmp_path / "t.csv", "text,label,source_class,lang", [("NA", 0, "news", "EN"), ("null", 1, "", "")])
    found = read_cases([path], topics=TOPICS)
    assert [(case.text, case.source_class, case.lang) for case in found.cases] == [
        ("NA", "news", "en"),
        ("null", "", ""),
    ]


@pytest.mark.parametrize(
    ("columns", "rows", "task", "match"),
    [
        ("text,label", [("good", 1), ("odd", 7)], None, r"t\.csv: row 3: unknown label '7'; allowed are negative"),
        ("text,label", [("a", "sad")], Task.TOPIC, r"t\.csv: row 2: unknown label 'sad'; allowed are 0 to 6"),
        ("text,label", [("good", 1), ("  ", 1)], None, r"t\.csv: row 3: the text is empty; fill it in"),
        ("texts,label", [("good", 1)], None, r"t\.csv: no column text; wanted are text,label .* has texts, label"),
        ("text,label", [], None, r"t\.csv: no row below the header"),
        ("text,label", [("a", 1)], Task.ENTITY, r"t\.csv: no column entity"),
        ("text,label,entity", [("a", 1, "")], None, r"t\.csv: row 2: the entity is empty; name it"),
        ("text,label,entity", [("a", "sad", "A")], None, r"t\.csv: row 2: unknown label 'sad'"),
        ("Title,Decisions", [("a", "nonsense")], None, r"t\.csv: row 2: Decisions names no entity"),
        ("text,label,finance", [("a", 1, "yes")], None, r"t\.csv: row 2: finance is 'yes'; write 1, 0 or nothing"),
    ],
)
def test_a_row_that_cannot_be_right_is_named(
    tmp_path: Path, columns: str, rows: list[tuple[object, ...]], task: Task | None, match: str
) -> None:
    """Whoever has to mend the file must find the place, and know what to write there."""
    with pytest.raises(ConfigurationError, match=match):
        read_cases([table(tmp_path / "t.csv", columns, rows)], topics=TOPICS, task=task)


def test_a_file_that_is_no_table_is_named(tmp_path: Path) -> None:
    """Absent, of another kind, not text, not Parquet."""
    (tmp_path / "t.csv").write_bytes(b"text,label\n\xff\xfe,1\n")
    (tmp_path / "t.parquet").write_bytes(b"PAR1")
    (tmp_path / "t.json").write_text("[]")
    for name, match in (("absent.csv", "cannot read"), ("t.csv", "cannot read"), ("t.parquet", "cannot read"),
                        ("t.json", "is no .csv or .parquet")):  # fmt: skip
        with pytest.raises(ConfigurationError, match=match):
            read_cases([tmp_path / name], topics=TOPICS)


def test_files_that_ask_different_things_are_not_mixed(tmp_path: Path) -> None:
    """One figure over both would mean nothing."""
    one = table(tmp_path / "a.csv", "text,label", [("a", 1)])
    other = table(tmp_path / "b.csv", "text,label,entity", [("a", 1, "A")])
    with pytest.raises(ConfigurationError, match=r"a\.csv is sentiment, .*b\.csv is entity"):
        read_cases([one, other], topics=TOPICS)


def test_a_set_of_one_class_is_refused(tmp_path: Path) -> None:
    """Whatever answers always the same would be perfect on it."""
    found = read_cases([table(tmp_path / "t.csv", "text,label", [("a", 1), ("b", 1)])], topics=TOPICS)
    with pytest.raises(ConfigurationError, match=r"t\.csv: all 2 labels are 'positive'"):
        found.refuse_one_class()
    with pytest.raises(ConfigurationError, match="no label is left"):
        found.without([0, 1]).refuse_one_class()
