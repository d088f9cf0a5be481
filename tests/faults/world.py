"""Where a fault test happens: a configuration over Kafka and PostgreSQL, or over the embedded defaults."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from pydantic import SecretStr

from monitor.app.clock import utc_now
from monitor.ports import Broker
from monitor.settings import Settings
from monitor.store import Store, open_store
from pipelines.brokers.kafka import KafkaBroker
from pipelines.brokers.local import LocalBroker
from pipelines.topics import Topics
from tests.faults.material import ENTITIES

YEARS = "3650d"
SESSION_S = 6.0  #: A worker silent for so long is put out of its group.
STAGES = ("ingest", "classify", "classify", "aggregate", "aggregate")


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One installation."""

    folder: Path
    bootstrap: str | None  #: None: the embedded log.
    database: str
    prefix: str
    more: Mapping[str, object] = field(default_factory=dict)  #: Sections that stand in for those below.

    @property
    def config(self) -> Path:
        """The file that the workers read."""
        return self.folder / "tapewatch.yaml"

    @property
    def input(self) -> Path:
        """The file that ingest follows."""
        return self.folder / "input.jsonl"

    @property
    def topics(self) -> Topics:
        """Names on the bus."""
        return Topics(prefix=self.prefix)

    @property
    def settings(self) -> Settings:
        """As the workers have them."""
        return Settings.model_validate(self._values())

    def write_config(self) -> None:
        """Write the file."""
        self.config.write_text(yaml.safe_dump(self._values()))

    @property
    def is_counting(self) -> bool:
        """Every stage up to the counts has its topics and tables."""
        with self.broker() as broker, self.store():
            return bool(broker.end_offsets([self.topics.labels]))

    @contextmanager
    def broker(self) -> Iterator[Broker]:
        """A connection to the bus."""
        settings = self.settings
        made: Broker
        if self.bootstrap:
            made = KafkaBroker(settings.kafka, settings.stream)
        else:
            made = LocalBroker(settings.local_log, settings.stream, clock=utc_now)
        with closing(made):
            made.ensure_topics(self.topics.every)
            yield made

    @contextmanager
    def store(self) -> Iterator[Store]:
        """A connection to the database."""
        with closing(open_store(self.settings.database.model_copy(update={"url": SecretStr(self.database)}))) as made:
            made.upgrade()
            yield made

    def _values(self) -> dict[str, object]:
        kafka = (
            {"kafka": {"bootstrap_servers": [self.bootstrap], "session_timeout": f"{SESSION_S:.0f}s"}}
            if self.bootstrap
            else {}
        )
        return {
            **kafka,
            "database": {"url": self.database},
            "local_log": {"path": str(self.folder / "log.db")},
            "stream": {"topic_prefix": self.prefix, "partitions": 4, "max_poll_records": 500},
            "sources": [{"type": "file", "name": "wire", "path": str(self.input), "every": "1s"}],
            "watchlist": {"entities": [{"ticker": name, "name": f"{name.title()} Holdings"} for name in ENTITIES]},
            # No caps: every document of the material has one source and would meet them.
            "aggregate": {
                "evidence_retention": YEARS, "bucket_retention": YEARS, "id_retention": YEARS,
                "guard": {"domain_stories": 0},
            },
            "ingest": {"lease": "10s"},
            "web": {"port": 0},
            **self.more,
        }  # fmt: skip


def make_world(folder: Path, *, bootstrap: str | None, database: str | None) -> World:
    """A world in `folder`; without a database it has SQLite."""
    world = World(
        folder=folder,
        bootstrap=bootstrap,
        database=database or f"sqlite:///{folder}/tapewatch.db",
        prefix=f"faults-{uuid.uuid4().hex[:8]}",
    )
    world.write_config()
    return world
