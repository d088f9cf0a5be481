"""The folder of a replay: one at a time works in it, and nothing that is not ours is deleted."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from monitor.app.replay_folder import KEPT, State, history_key, read_state, replay_folder, write_state
from monitor.errors import ConfigurationError
from monitor.settings import Settings

NOW = datetime(2026, 3, 2, tzinfo=UTC)
VERSIONS = {"en": "m-1"}


def state(key: str = "key") -> State:
    """A replay that has begun."""
    return State(key=key, now=NOW, tickers=("ACME",), total=9)


def test_the_state_is_found_again(tmp_path: Path) -> None:
    """With the present as the first start took it."""
    write_state(tmp_path, msgspec.structs.replace(state(), documents=4, refused=1))

    found = read_state(tmp_path)
    assert found is not None
    assert (found.now, found.place.documents, found.place.refused, found.counted) == (NOW, 4, 1, False)
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


def test_a_folder_is_one_replays_at_a_time(tmp_path: Path) -> None:
    """The second would count into the first's database."""
    with (
        replay_folder(tmp_path, "key", fresh=False),
        pytest.raises(ConfigurationError, match="another replay works"),
        replay_folder(tmp_path, "key", fresh=False),
    ):
        pass
    with replay_folder(tmp_path, "key", fresh=False):
        """It is free again."""


@pytest.mark.parametrize("fresh", [True, False])
def test_a_folder_of_another_replay_is_refused_and_kept(tmp_path: Path, fresh: bool) -> None:
    """Hours of counting must not be lost by a slip."""
    write_state(tmp_path, state("other"))

    with pytest.raises(ConfigurationError, match="another input"), replay_folder(tmp_path, "key", fresh=fresh):
        pass
    assert read_state(tmp_path) is not None


def test_fresh_deletes_what_a_replay_left_and_nothing_else(tmp_path: Path) -> None:
    """Notes beside it stay."""
    write_state(tmp_path, state())
    (tmp_path / "replay.db").write_text("counts")
    (tmp_path / "notes.txt").write_text("mine")

    with replay_folder(tmp_path, "key", fresh=True) as folder:
        assert sorted(path.name for path in folder.iterdir()) == ["lock", "notes.txt"]


def test_the_latest_folders_of_the_cache_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that others work in are not taken away, nor is a folder that the user named."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    own = tmp_path / "own"
    with replay_folder(own, "mine", fresh=False):
        write_state(own, state("mine"))
    for number in range(KEPT + 2):
        with replay_folder(None, f"{number}" * 16, fresh=False) as folder:
            write_state(folder, state(f"{number}" * 16))

    assert len(list((tmp_path / "tapewatch" / "replays").iterdir())) == KEPT
    assert read_state(own) is not None


def test_a_damaged_state_says_to_delete_the_folder(tmp_path: Path) -> None:
    """Not a traceback."""
    (tmp_path / "state.json").write_text("{")

    with pytest.raises(ConfigurationError, match="delete the folder"), replay_folder(tmp_path, "key", fresh=False):
        pass


def test_the_key_stands_for_all_that_is_counted_and_not_for_rules(tmp_path: Path) -> None:
    """Other rules find the same counts; other documents, words, caps or models do not."""
    source, other = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    source.write_text("one")
    other.write_text("two")
    plain = Settings()
    key = history_key(source, plain, VERSIONS)

    rules = {"alerting": {"rules": [{"name": "other"}], "evaluate_every": "5m"}, "web": {"port": 1}}
    assert history_key(source, Settings.model_validate(rules), VERSIONS) == key
    changed = [
        history_key(other, plain, VERSIONS),
        history_key(source, plain, {"en": "m-2"}),
        *(
            history_key(source, Settings.model_validate(raw), VERSIONS)
            for raw in (
                {"watchlist": {"entities": [{"ticker": "ACME", "name": "Acme"}]}},
                {"aggregate": {"guard": {"author_stories": 1}}},
                {"aggregate": {"bucket": "5m"}},
                {"stories": {"window": "96h"}},
                {"ingest": {"documents": {"max_text_chars": 100}}},
            )
        ),
    ]
    assert key not in changed
    assert len(set(changed)) == len(changed)
