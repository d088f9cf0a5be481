"""The schema: migrations make what the code declares, once, whoever starts first; a newer one is refused."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from pydantic import SecretStr
from sqlalchemy import text

from monitor.domain import SeriesKey
from monitor.errors import ConfigurationError, TransientError
from monitor.ports import AlertStore, BucketStore, OutboxStore, SourceStore
from monitor.settings import DatabaseSettings
from monitor.store import Store, open_store
from monitor.store.schema import metadata
from monitor.store.upgrade import MIGRATIONS


def test_migrations_make_the_declared_schema(store: Store) -> None:
    """A table changed in code without a migration would work in tests and fail at the user's."""
    with store._database.read() as tx:
        context = MigrationContext.configure(tx, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_processes_that_start_at_once_upgrade_once(database_url: str) -> None:
    """Every stage of the daemon upgrades when it starts."""
    stores = [open_store(DatabaseSettings(url=SecretStr(database_url))) for _ in range(4)]
    raised: list[Exception] = []

    def upgrade(store: Store) -> None:
        try:
            store.upgrade()
            store.ping()
        except Exception as err:  # noqa: BLE001 - whatever it is, the test shows it
            raised.append(err)

    threads = [threading.Thread(target=upgrade, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for store in stores:
        store.close()

    assert raised == []


def test_mentions_of_an_older_version_take_over_the_sentiment_of_their_document(database_url: str) -> None:
    """Evidence that was there before the upgrade must still be found by its entity."""
    store = open_store(DatabaseSettings(url=SecretStr(database_url)))
    with store._database.write() as tx:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = tx
        command.upgrade(config, "0001")
        tx.execute(text("INSERT INTO mentions (entity, published_at, document_id) VALUES ('ACME', 1000000, 'd')"))
        tx.execute(
            text(
                "INSERT INTO evidence (document_id, published_at, source, source_class, title, topic, sentiment,"
                " negative, neutral, positive, story_id, model, labeled_at)"
                " VALUES ('d', 1000000, 's', 'news', 't', 'p', 'negative', 0.8, 0.1, 0.1, 'y', 'm', 1000000)"
            )
        )
    store.upgrade()
    at = datetime.fromtimestamp(1, tz=UTC)
    [found] = store.negative_documents(SeriesKey(entity="ACME"), at, at + timedelta(seconds=1), limit=1)
    store.close()
    assert (found.id, found.negative) == ("d", 0.8)


def test_evidence_of_an_older_version_keeps_telling_what_it_told(database_url: str) -> None:
    """A story counted with its first document alone; after the upgrade a copy of it must not count as a second."""
    store = open_store(DatabaseSettings(url=SecretStr(database_url)))
    with store._database.write() as tx:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = tx
        command.upgrade(config, "0002")
        tx.execute(text("INSERT INTO stories VALUES ('y', 'first', 1000000, 1000000, 1000000, 2)"))
        for id_ in ("first", "copy"):
            tx.execute(text(f"INSERT INTO mentions VALUES ('ACME', 1000000, '{id_}', 'negative', 0.8)"))
            tx.execute(
                text(
                    f"INSERT INTO evidence VALUES ('{id_}', 1000000, 's', 'news', 't', NULL, NULL, 'p', 'negative',"
                    " 0.8, 0.1, 0.1, 'y', 'm', 1000000)"
                )
            )
    store.upgrade()
    at = datetime.fromtimestamp(1, tz=UTC)
    for series in (SeriesKey(), SeriesKey(entity="ACME"), SeriesKey(entity="ACME", topic="p", source_class="news")):
        found = store.negative_documents(series, at, at + timedelta(seconds=1), limit=9)
        assert [document.id for document in found] == ["first"]
    store.close()


def test_newer_schema_is_refused(store: Store) -> None:
    """An old program on a new database would write what the new one cannot read."""
    with store._database.write() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(ConfigurationError, match="newer than this program"):
        store.upgrade()


def test_missing_schema_is_said_so(database_url: str) -> None:
    """A database that nobody upgraded is a mistake in the set-up, not an outage."""
    store = open_store(DatabaseSettings(url=SecretStr(database_url)))

    with pytest.raises(ConfigurationError, match="up to date"):
        store.ping()
    store.close()


def test_store_meets_every_port(store: Store) -> None:
    """Checked by mypy; here so that the assignment is not thought idle."""
    sources: SourceStore = store
    buckets: BucketStore = store
    alerts: AlertStore = store
    outbox: OutboxStore = store

    assert sources is buckets is alerts is outbox


@pytest.mark.postgres
def test_server_that_is_away_is_transient_and_comes_back(postgres_server_alone: object) -> None:
    """A database that restarts costs retries, not the daemon; no pooled connection stays dead."""
    from monitor.demo.postgres_server import PostgresServer

    assert isinstance(postgres_server_alone, PostgresServer)
    store = open_store(DatabaseSettings(url=SecretStr(postgres_server_alone.create_database("away"))))
    store.upgrade()
    postgres_server_alone.stop()

    with pytest.raises(TransientError, match="database: ") as caught:
        store.ping()
    postgres_server_alone.start()

    assert "postgresql+psycopg" not in str(caught.value)
    store.ping()
    store.close()
