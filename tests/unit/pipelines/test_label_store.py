"""Labels in a file: found again as they were, by model, text and what was asked; a damaged file says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain import Abstention, EntitySentiment, Mention, Prediction, Probabilities
from monitor.errors import ConfigurationError
from pipelines.label_store import LabelStore, label_key

ACME = Mention(entity="ACME", surfaces=("Acme", "$ACME"))
TEXT = "Acme halts its plant"
ONE = Prediction(
    topic="Macro",
    topic_probability=0.1234567890123,
    probabilities=Probabilities(negative=0.7, neutral=0.2, positive=0.1),
    model="m-1",
    entities=(EntitySentiment(entity="ACME", probabilities=Probabilities(negative=1.0, neutral=0.0, positive=0.0)),),
    finance=0.3,
    abstained=Abstention.OFF_TOPIC,
)


def test_a_label_is_found_again_unrounded_by_another_process(tmp_path: Path) -> None:
    """A replay from the cache has to give what the first one gave."""
    key = label_key("m-1", TEXT, [ACME])
    store = LabelStore(tmp_path / "new" / "folder")
    store.keep({key: ONE})
    store.close()

    assert LabelStore(tmp_path / "new" / "folder").find([key, b"unknown"]) == {key: ONE}


def test_many_labels_are_found_at_once(tmp_path: Path) -> None:
    """More than a question takes."""
    store = LabelStore(tmp_path)
    keys = [label_key("m-1", str(number), ()) for number in range(1_700)]
    store.keep(dict.fromkeys(keys, ONE))

    assert store.find(keys).keys() == set(keys)


@given(st.tuples(st.text(), st.text()), st.tuples(st.text(), st.text()))
def test_a_key_tells_models_and_texts_apart(one: tuple[str, str], other: tuple[str, str]) -> None:
    """`ab` + `c` is not `a` + `bc`."""
    assert (label_key(*one, ()) == label_key(*other, ())) == (one == other)


@pytest.mark.parametrize("asked", [[], [Mention(entity="ACME", surfaces=("Acme",))], [ACME, ACME]])
def test_a_key_depends_on_what_is_asked_about_whom(asked: list[Mention]) -> None:
    """The model pools the words that name an entity."""
    assert label_key("m-1", TEXT, asked) != label_key("m-1", TEXT, [ACME])


def test_a_damaged_file_says_to_delete_it(tmp_path: Path) -> None:
    """Nothing is lost but time."""
    store = LabelStore(tmp_path)
    # One that is left open is closed when the collector comes to it, and then writes the good file over the damage.
    store.close()
    store.path.write_bytes(b"no database at all, but long enough to be looked at as if it were one" * 20)

    with pytest.raises(ConfigurationError, match="delete it"):
        LabelStore(tmp_path)


def test_a_label_of_another_layout_says_to_delete_the_file(tmp_path: Path) -> None:
    """Not a traceback in the middle of a replay."""
    store = LabelStore(tmp_path)
    store._connection.execute("INSERT INTO labels VALUES (?, ?)", (b"key", b"\x80"))

    with pytest.raises(ConfigurationError, match="delete it"):
        store.find([b"key"])


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    """A file stands in its place."""
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigurationError, match="name another folder"):
        LabelStore(tmp_path / "file" / "folder")
