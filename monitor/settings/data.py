"""Sections for what moves and keeps data: database, bus, classifier, aggregator, logs."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, PositiveInt, SecretStr, model_validator

from monitor.settings.base import Duration, DurationOrZero, Section
from monitor.settings.guard import GuardSettings

ACTIVE = "active"  #: As an adapter's name: the promoted one.

Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]  #: Primary tag of BCP 47.


class DatabaseSettings(Section):
    """Where counts, evidence and alert states are kept."""

    url: SecretStr = SecretStr("sqlite:///tapewatch.db")
    """`sqlite:///FILE` or `postgresql+psycopg://USER:PASSWORD@HOST/NAME`."""

    url_file: Path | None = None
    """A file that holds the URL, for a URL with a password in it."""


class KafkaSettings(Section):
    """The bus. Without `bootstrap_servers` the embedded log of section `local_log` takes its place."""

    bootstrap_servers: tuple[str, ...] = ()
    """`host:port`, one or more."""

    client_id: str = "tapewatch"
    """Name of this client in the broker's logs."""

    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """How to talk to the brokers."""

    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    """With SASL_PLAINTEXT or SASL_SSL."""

    sasl_username: str | None = None
    """User for SASL."""

    sasl_password: SecretStr | None = None
    """Password for SASL; better from the environment or `sasl_password_file`."""

    sasl_password_file: Path | None = None
    """A file that holds the password."""

    ssl_cafile: Path | None = None
    """Certificates of the authorities to trust; the system's when left out."""

    ssl_certfile: Path | None = None
    """Certificate of this client, for mutual TLS."""

    ssl_keyfile: Path | None = None
    """Key of this client, for mutual TLS."""

    session_timeout: Duration = timedelta(seconds=45)
    """A worker silent for so long is put out of its group."""

    max_poll_interval: Duration = timedelta(minutes=5)
    """A worker that takes longer over one batch is put out of its group."""

    delivery_timeout: Duration = timedelta(seconds=120)
    """A send that is not acknowledged for so long is started over with a new producer."""

    compression: Literal["none", "zstd", "lz4"] = "zstd"
    """Compression of what is written."""

    @model_validator(mode="after")
    def _sasl_is_whole(self) -> Self:
        if self.security_protocol.startswith("SASL") and not (self.sasl_mechanism and self.sasl_username):
            raise ValueError("security_protocol SASL_* needs sasl_mechanism and sasl_username")
        return self


class LocalLogSettings(Section):
    """The embedded durable log, for one machine without Kafka."""

    path: Path = Path("tapewatch-log.db")
    """The SQLite file."""

    retention: Duration = timedelta(days=7)
    """Records that every group has read are deleted after so long."""

    lease: Duration = timedelta(seconds=10)
    """A worker silent for so long loses its partitions."""


class StreamSettings(Section):
    """Topics and consumer groups, on Kafka and on the embedded log alike."""

    topic_prefix: str = Field(default="tapewatch", pattern=r"^[A-Za-z0-9._-]{1,100}$")
    """Topics are `<prefix>.documents`, `<prefix>.labels`, `<prefix>.dead-letters`; groups `<prefix>-classify` etc."""

    partitions: PositiveInt = 6
    """Partitions of a topic that has to be created: the most workers a stage can use."""

    replication_factor: PositiveInt = 1
    """Replicas of a topic that has to be created; 3 in production."""

    max_poll_records: PositiveInt = Field(default=500, le=10_000)
    """Most records a stage takes in hand at once."""


class ClassifierSettings(Section):
    """The model."""

    adapter: str = "small"
    """Name of a shipped adapter or of one in `registry`, a folder, or `active`: whichever is promoted in `registry`."""

    registry: Path | None = None
    """Folder of adapters, as `tapewatch models promote` keeps it; a daemon on `active` follows it while it runs."""

    languages: dict[Language, str] = Field(default_factory=dict)
    """Adapters for other languages, by primary tag; beside them `adapter` reads the languages of its manifest."""

    default_language: Language = "en"
    """Of a text whose language cannot be told."""

    confidence: Annotated[float, Field(ge=0, le=1)] | None = None
    """Least probability of a verdict; left out: what keeps the adapter's stated risk. 0.5: likelier than not."""

    shadow: str | None = None
    """A candidate that labels a share of the same stream, for comparison alone."""

    shadow_share: float = Field(default=0.1, gt=0, le=1)
    """Share of the documents that the candidate labels too."""

    drift_window: PositiveInt = 5000
    """Latest documents whose labels are held against those of the training reference."""

    encoder: Path | None = None
    """Folder of the base encoder; left out: fetched once by pinned revision and kept in the cache."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """`auto` takes CUDA where there is one."""

    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """`auto` takes bf16 where the hardware has it."""

    max_batch_tokens: PositiveInt | None = None
    """Tokens a batch, on a GPU padding too; left out: 1,536 on a CPU, 32,768 on a GPU."""

    threads: PositiveInt = 1
    """CPU threads of the model in one worker; on shared cores 1 is fastest, add workers instead."""

    max_text_chars: PositiveInt = 4000
    """Characters of a text that the tokeniser sees."""

    @model_validator(mode="after")
    def _active_is_somewhere(self) -> Self:
        if self.adapter == ACTIVE and self.registry is None:
            raise ValueError(f"adapter {ACTIVE} needs registry")
        return self


class AggregateSettings(Section):
    """Buckets and evidence."""

    bucket: Duration = timedelta(minutes=1)
    """Length of a bucket; a whole number of them must make an hour. Fixed once there is data."""

    allowed_lateness: DurationOrZero = timedelta(minutes=10)
    """A document further behind the watermark is counted in its bucket and as late."""

    evidence_retention: Duration = timedelta(days=30)
    """How long labelled documents are kept."""

    bucket_retention: Duration = timedelta(days=400)
    """How long buckets are kept; the hour-of-week profile wants at least eight weeks."""

    id_retention: Duration = timedelta(days=30)
    """How long ids are remembered, so that a repeated document is not counted again."""

    guard: GuardSettings = GuardSettings()
    """Caps on how much one author or one domain can move the counts."""

    @model_validator(mode="after")
    def _bucket_divides_an_hour(self) -> Self:
        if timedelta(hours=1) % self.bucket:
            raise ValueError("bucket: a whole number of buckets must make an hour, for example 1m or 5m")
        return self


class LoggingSettings(Section):
    """Logs go to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Least level written."""

    format: Literal["auto", "console", "json"] = "auto"
    """`auto`: console on a terminal, JSON lines otherwise."""
