"""The rights of docs/security.md are enough for each stage, and no more: a real broker with an authorizer and users."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from kafka.admin import ACL, ACLOperation, ACLPermissionType, KafkaAdminClient, ResourcePattern, ResourceType
from kafka.admin import ACLResourcePatternType as Pattern

from monitor.demo.kafka_server import KafkaServer
from monitor.domain import Message
from monitor.errors import ConfigurationError, MonitorError
from monitor.settings import KafkaSettings, StreamSettings
from pipelines.backlog import Backlog
from pipelines.brokers.kafka import KafkaBroker
from pipelines.stage import next_offsets
from pipelines.topics import Topics

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(240)]

PREFIX = "tw"
TOPICS = Topics(prefix=PREFIX)
STREAM = StreamSettings(topic_prefix=PREFIX, partitions=1)
ADMIN = "admin"
T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
#: As the table of docs/security.md has it: topics written, topics read.
STAGES = {
    "ingest": (("documents", "dead-letters"), ()),
    "classify": (("labels", "dead-letters"), ("documents",)),
    "aggregate": (("dead-letters",), ("labels",)),
}


class GuardedKafka(KafkaServer):
    """A broker that knows users, and allows each what was said and nothing else."""

    def _properties(self) -> str:
        users = " ".join(f'user_{name}="{name}-secret"' for name in (ADMIN, *STAGES))
        login = f"org.apache.kafka.common.security.plain.PlainLoginModule required {users};"
        changed = super()._properties().replace("PLAINTEXT://127", "SASL_PLAINTEXT://127")
        changed = changed.replace("PLAINTEXT:PLAINTEXT,", "SASL_PLAINTEXT:SASL_PLAINTEXT,")
        return changed + "".join(
            f"{key}={value}\n"
            for key, value in {
                "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                "super.users": f"User:{ADMIN};User:ANONYMOUS",  # the controller speaks to itself without a name
                "inter.broker.listener.name": "SASL_PLAINTEXT",
                "sasl.enabled.mechanisms": "PLAIN",
                "sasl.mechanism.inter.broker.protocol": "PLAIN",
                "listener.name.sasl_plaintext.plain.sasl.jaas.config":
                    f'{login[:-1]} username="{ADMIN}" password="{ADMIN}-secret";',
            }.items()
        )  # fmt: skip


def settings(server: KafkaServer, user: str) -> KafkaSettings:
    """How `user` signs in."""
    return KafkaSettings.model_validate(
        {
            "bootstrap_servers": [server.bootstrap], "security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "PLAIN",
            "sasl_username": user, "sasl_password": f"{user}-secret", "delivery_timeout": "10s",
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def guarded(kafka: KafkaServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """A broker of our own with topics and rights; the shared one only tells whether one can be had."""
    del kafka
    with GuardedKafka(tmp_path_factory.mktemp("guarded")) as server:
        with closing(KafkaBroker(settings(server, ADMIN), STREAM)) as broker:
            broker.ensure_topics(TOPICS.every)
        admin = KafkaAdminClient(
            bootstrap_servers=server.bootstrap, security_protocol="SASL_PLAINTEXT", sasl_mechanism="PLAIN",
            sasl_plain_username=ADMIN, sasl_plain_password=f"{ADMIN}-secret",
        )  # fmt: skip
        with closing(admin):
            admin.create_acls(rights())
        yield server


def rights() -> list[ACL]:
    """The list of docs/security.md."""
    given = []
    for user, (written, read) in STAGES.items():
        given.append(allow(user, ACLOperation.DESCRIBE, ResourceType.TOPIC, f"{PREFIX}.", Pattern.PREFIXED))
        given += [allow(user, ACLOperation.WRITE, ResourceType.TOPIC, f"{PREFIX}.{topic}") for topic in written]
        given += [allow(user, ACLOperation.READ, ResourceType.TOPIC, f"{PREFIX}.{topic}") for topic in read]
        if read:
            given.append(allow(user, ACLOperation.READ, ResourceType.GROUP, TOPICS.group(user)))
    given.append(allow("aggregate", ACLOperation.DESCRIBE, ResourceType.GROUP, TOPICS.group("classify")))
    return given


def allow(user: str, operation: object, kind: object, name: str, pattern: object = Pattern.LITERAL) -> ACL:
    """One line of it."""
    return ACL(f"User:{user}", "*", operation, ACLPermissionType.ALLOW, ResourcePattern(kind, name, pattern))


def write(server: KafkaServer, user: str, topic: str) -> None:
    """Send one record, and have it acknowledged."""
    with closing(KafkaBroker(settings(server, user), STREAM)) as broker, closing(broker.producer()) as producer:
        producer.send([Message(topic=f"{PREFIX}.{topic}", key=b"k", value=user.encode())])


def read(server: KafkaServer, user: str, topic: str, group: str) -> list[bytes]:
    """Join, read one batch, commit, ask for the lag."""
    with (
        closing(KafkaBroker(settings(server, user), STREAM)) as broker,
        closing(broker.consumer(group=group, topics=[f"{PREFIX}.{topic}"])) as consumer,
    ):
        for _ in range(60):
            if batch := consumer.poll(0.5):
                consumer.commit(next_offsets(batch))
                assert set(consumer.lag().values()) == {0}
                return [record.value for record in batch]
    return []


@pytest.mark.parametrize("user", STAGES)
def test_each_stage_can_do_its_work(user: str, guarded: KafkaServer) -> None:
    """Look for the topics at the start, write, read, commit, see its lag."""
    written, taken = STAGES[user]
    with closing(KafkaBroker(settings(guarded, user), STREAM)) as broker:
        broker.ensure_topics(TOPICS.every)
        assert broker.end_offsets(TOPICS.every)
    for topic in written:
        write(guarded, user, topic)
    for topic in taken:
        write(guarded, ADMIN, topic)
        assert read(guarded, user, topic, TOPICS.group(user))


@pytest.mark.parametrize(("user", "topic"), [("ingest", "labels"), ("classify", "documents"), ("aggregate", "labels")])
def test_no_stage_can_write_what_is_not_its_own(user: str, topic: str, guarded: KafkaServer) -> None:
    """What stands in the labels is counted: the door for documents must not be able to write there."""
    with pytest.raises(MonitorError, match=r"(?i)authori"):
        write(guarded, user, topic)


def test_no_stage_can_read_what_is_not_its_own(guarded: KafkaServer) -> None:
    """Nor join another's group."""
    with pytest.raises(MonitorError, match=r"(?i)authori"):
        read(guarded, "ingest", "documents", TOPICS.group("classify"))
    with pytest.raises(MonitorError, match=r"(?i)authori"):
        read(guarded, "classify", "documents", TOPICS.group("aggregate"))


def test_the_aggregate_stage_sees_what_waits_and_nobody_else_does(guarded: KafkaServer) -> None:
    """It notes up to when all is counted; a stage that may not ask ends with the reason, instead of never knowing."""
    write(guarded, ADMIN, "documents")
    assert read(guarded, "classify", "documents", TOPICS.group("classify"))
    with closing(KafkaBroker(settings(guarded, "aggregate"), STREAM)) as broker:
        backlog = Backlog(broker, lambda partitions: dict.fromkeys(partitions, 1_000), topics=TOPICS)
        assert backlog.look(T0) == T0
    with (
        closing(KafkaBroker(settings(guarded, "ingest"), STREAM)) as broker,
        pytest.raises(ConfigurationError, match=r"(?i)authori"),
    ):
        broker.committed_offsets(TOPICS.group("classify"), [TOPICS.documents])


def test_the_documentation_names_these_rights() -> None:
    """The list that was tried is the one that is written down."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "security.md").read_text(encoding="utf-8")
    for user, (written, taken) in STAGES.items():
        (row,) = [line for line in page.splitlines() if line.startswith(f"| {user}")]
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert cells[1:3] == [", ".join(written), ", ".join(taken)]
