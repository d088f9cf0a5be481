"""A database of every older version, with data in it, goes on under the newest: nothing is lost, all of it is read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from monitor.domain import AlertState, GateReading, SeriesKey
from monitor.settings import DatabaseSettings
from monitor.store import Store, open_store
from monitor.store.tellings import StoryState, load_state
from tests.fixtures.old_database import counts, make_old, reflected, revisions

HOUR = timedelta(hours=1)
T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
OLDER = revisions()[:-1]


@pytest.fixture
def unmade(database_url: str) -> Iterator[Store]:
    """A store on a database without a table."""
    store = open_store(DatabaseSettings(url=SecretStr(database_url)))
    yield store
    store.close()


def test_every_version_but_the_newest_is_older() -> None:
    """Otherwise the tests below would test nothing."""
    assert OLDER[:4] == ["0001", "0002", "0003", "0004"]


@pytest.mark.parametrize("revision", OLDER)
def test_no_row_is_lost(unmade: Store, revision: str) -> None:
    """Whatever stood in a table stands there after the upgrade, and a second upgrade changes nothing."""
    before = make_old(unmade, revision)
    assert all(before.values())
    unmade.upgrade()
    unmade.upgrade()
    with unmade._database.read() as tx:
        after = counts(tx, reflected(tx))
    assert {name: after[name] for name in before} == before
    assert unmade.schema_version().held == unmade.schema_version().wanted == revisions()[-1]


@pytest.mark.parametrize("revision", OLDER)
def test_counts_and_evidence_are_read(unmade: Store, revision: str) -> None:
    """The rules see what was counted, and the documents behind it."""
    make_old(unmade, revision)
    unmade.upgrade()
    counted = unmade.window_counts(T0 - HOUR, T0 + HOUR)
    [found] = unmade.negative_documents(SeriesKey(entity="ACME"), T0, T0 + HOUR, limit=9)
    [told] = unmade.stories(since=T0)
    assert counted[SeriesKey(entity="ACME", topic="p", source_class="news")].negative == 1
    assert (found.id, found.author, found.negative) == ("d", "Ann", 0.8)
    assert [document.id for document in unmade.story_documents(told.story_id)] == ["d"]


@pytest.mark.parametrize("revision", OLDER)
def test_alerts_go_on(unmade: Store, revision: str) -> None:
    """States, history, silences, baselines and what waits to be delivered: as if nothing had happened."""
    make_old(unmade, revision)
    unmade.upgrade()
    [alert], [transition], [item] = (
        unmade.alerts(), unmade.transitions(), unmade.claim_due(now=T0, owner="o", hold=HOUR, limit=9)
    )  # fmt: skip
    for evidence in (alert.evidence, transition.evidence, item.notification.alerts[0].evidence):
        assert evidence is not None
        assert evidence.gates == {"p_value": GateReading(passed=True), "min_count": GateReading(passed=False)}
        assert evidence.documents[0].id == "d"
    assert (alert.state, item.attempts) == (AlertState.FIRING, 2)
    assert [silence.id for silence in unmade.silences(active_at=T0)] == ["s"]
    assert [group.firing for group in unmade.groups()] == [("f",)]
    assert [state.rule for state in unmade.baselines()] == ["r"]


@pytest.mark.parametrize("revision", OLDER)
def test_what_was_seen_is_not_taken_again(unmade: Store, revision: str) -> None:
    """Ids, source states and stories keep their memory."""
    make_old(unmade, revision)
    unmade.upgrade()
    assert unmade.unseen(["d", "new"]) == {"new"}
    assert [state.failures for state in unmade.source_states()] == [1]
    with unmade._database.read() as tx:
        told = tx.exec_driver_sql("SELECT told FROM stories").scalar_one()
    is_known = revision >= "0003"
    assert load_state(told) == (StoryState(told=[("all", "p", "news")]) if is_known else StoryState(everywhere=True))


def test_looking_at_the_version_changes_nothing(unmade: Store) -> None:
    """An operator looks before he upgrades."""
    assert unmade.schema_version().held is None
    make_old(unmade, "0002")
    assert unmade.schema_version().held == "0002"
