"""The tables, as the newest migration leaves them.

Instants are whole microseconds since 1970, UTC: they sort, index and round-trip exactly on every database. Values that
only this program reads are JSON. No foreign keys: rows that belong together are written in one transaction and expire
by their own dates, so a key would cost an index and buy nothing.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Index, Integer, LargeBinary, MetaData, Table, Text, UniqueConstraint

from monitor.domain import COUNT_FIELDS

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

#: Grows by itself on both databases; SQLite wants the type to be spelt INTEGER for that.
_ROW_ID = BigInteger().with_variant(Integer(), "sqlite")


def _text(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, Text, nullable=nullable)


def _number(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


def _key(name: str) -> Column[str]:
    return Column(name, Text, primary_key=True, nullable=False)


def _key_number(name: str) -> Column[int]:
    return Column(name, BigInteger, primary_key=True, autoincrement=False, nullable=False)


def _told() -> Column[int]:
    """The series of an entity in which the document tells its story: a sum of `series_bit`."""
    return Column("told", BigInteger, nullable=False, server_default="0")


# --- ingest ----------------------------------------------------------------------------------------------------

leases = Table("leases", metadata, _key("name"), _text("owner"), _number("expires_at"))

source_states = Table(
    "source_states",
    metadata,
    _key("source"),
    _text("etag", nullable=True),
    _text("last_modified", nullable=True),
    _text("cursor", nullable=True),
    _number("next_poll_at", nullable=True),
    _number("failures"),
    _number("last_success_at", nullable=True),
    _text("last_error", nullable=True),
    Column("refused", BigInteger, nullable=False, server_default="0"),  # younger than the others
)

seen_documents = Table("seen_documents", metadata, _key("id"), _number("seen_at"), Index(None, "seen_at"))

coverage = Table(
    "coverage",
    metadata,
    _key("source"),
    _key_number("slot_at"),  # start of the slot of `COVERAGE_SLOT`
    _number("polls"),
    _number("failures"),
    _number("documents"),  # published on the bus
    Index(None, "slot_at"),
)

# What stories are found by. A text is added once it differs from those of its story, or the last is a day old; what
# other workers added is whatever has a higher id than the last one read.
story_texts = Table(
    "story_texts",
    metadata,
    Column("id", _ROW_ID, primary_key=True),
    _text("story_id"),
    _text("text_key"),
    _text("text"),  # normalised, cut
    _text("facts"),  # what must agree: entities, numbers
    Column("bands", LargeBinary, nullable=False),
    _number("published_at"),
    _number("added_at"),
    Index(None, "added_at"),
)

story_documents = Table(
    "story_documents",
    metadata,
    _key("document_id"),
    _text("payload"),  # story, text key and novelty, as they were first given
    _number("added_at"),
    Index(None, "added_at"),
)

story_echoes = Table(
    "story_echoes", metadata, _key("story_id"), _text("payload"), _number("updated_at"), Index(None, "updated_at")
)

# --- aggregate -------------------------------------------------------------------------------------------------

offsets = Table(
    "offsets",
    metadata,
    _key("consumer_group"),
    _key("topic"),
    _key_number("partition_index"),
    _number("next_offset"),
    _number("watermark_at", nullable=True),  # latest published_at counted in batches that held this partition
)

progress = Table("progress", metadata, _key("name"), _number("reached_at"))

counted_documents = Table("counted_documents", metadata, _key("id"), _number("counted_at"), Index(None, "counted_at"))

stories = Table(
    "stories",
    metadata,
    _key("story_id"),
    _text("document_id"),  # the first that was counted
    _number("first_published_at"),
    _number("last_published_at"),
    _number("counted_at"),
    _number("reach"),
    _text("told", nullable=True),  # where it was told and where held back; empty: told in every series
    Index(None, "counted_at"),
)

# Stories that one author or domain told of one entity in one slot: what the caps are held against.
voices = Table(
    "voices",
    metadata,
    _key("voice"),
    _key("entity"),
    _key_number("slot_at"),
    _number("stories"),
    Index(None, "slot_at"),
)

authors = Table(
    "authors",
    metadata,
    _key("author"),  # digest
    _number("first_seen_at"),
    _number("last_seen_at"),
    _number("recent"),  # documents in the hour of `last_seen_at`
    Index(None, "last_seen_at"),
)

buckets = Table(
    "buckets",
    metadata,
    _key_number("slot_at"),
    _key("entity"),
    _key("topic"),
    _key("source_class"),
    *(_number(name) for name in COUNT_FIELDS if name != "held_back"),
    Column("held_back", BigInteger, nullable=False, server_default="0"),  # younger than the others
)

evidence = Table(
    "evidence",
    metadata,
    _key("document_id"),
    _number("published_at"),
    _text("source"),
    _text("source_class"),
    _text("title"),
    _text("url", nullable=True),
    _text("author", nullable=True),
    _text("topic"),
    _text("sentiment"),  # the verdict; empty where there is none
    Column("negative", Double, nullable=False),
    Column("neutral", Double, nullable=False),
    Column("positive", Double, nullable=False),
    _text("story_id"),
    _text("model"),
    _number("labeled_at"),
    _told(),
    Index(None, "published_at", "sentiment"),
    Index(None, "story_id"),
)

mentions = Table(
    "mentions",
    metadata,
    _key("entity"),
    _key_number("published_at"),
    _key("document_id"),
    _text("sentiment", nullable=True),  # the verdict on the entity; empty where there is none
    Column("negative", Double, nullable=True),
    Column("relevance", Double, nullable=True),
    _text("novelty", nullable=True),  # one number a look-back, separated by spaces
    _told(),
    Index(None, "published_at"),
)

# --- alerts ----------------------------------------------------------------------------------------------------

alerts = Table("alerts", metadata, _key("fingerprint"), _text("rule"), _text("state"), _text("payload"))

transitions = Table(
    "transitions",
    metadata,
    Column("id", _ROW_ID, primary_key=True),
    _text("fingerprint"),
    _number("at"),
    _text("before"),
    _text("after"),
    _text("payload"),
    UniqueConstraint("fingerprint", "at", "before", "after"),
    Index(None, "at"),
)

group_states = Table("group_states", metadata, _key("receiver"), _key("group_key"), _text("payload"))

silences = Table("silences", metadata, _key("id"), _number("starts_at"), _number("ends_at"), _text("payload"))

baselines = Table(
    "baselines",
    metadata,
    _key("rule"),
    _key("entity"),
    _key("topic"),
    _key("source_class"),
    _number("learned_until"),
    _text("state"),
)

# What people said of episodes of alerts, and of labels; the last word counts.
verdicts = Table(
    "verdicts",
    metadata,
    _key("fingerprint"),
    _key_number("fired_at"),
    _text("rule"),
    _text("verdict"),
    _text("said_by"),
    _number("said_at"),
    _text("note"),
    Index(None, "rule"),
)

corrections = Table(
    "corrections",
    metadata,
    _key("document_id"),
    _key("entity"),
    _text("text"),  # stands here too: evidence is forgotten, what people taught is not
    _text("sentiment", nullable=True),
    _text("topic", nullable=True),
    _text("said_by"),
    _number("said_at"),
)

# --- delivery --------------------------------------------------------------------------------------------------

outbox = Table(
    "outbox",
    metadata,
    _key("id"),
    _text("receiver"),
    _text("group_key"),
    _text("status"),  # waiting | done | superseded
    _number("created_at"),
    _number("due_at"),
    _number("attempts"),
    _text("claimed_by", nullable=True),
    _number("claimed_until", nullable=True),
    _text("payload"),
    Index(None, "status", "due_at"),
    Index(None, "receiver", "group_key", "status"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", _ROW_ID, primary_key=True),
    _text("notification_id"),
    _text("receiver"),
    _number("attempt"),
    _number("at"),
    _text("outcome"),
    _text("detail"),
    Column("took_s", Double, nullable=False),
    Index(None, "at"),
)
