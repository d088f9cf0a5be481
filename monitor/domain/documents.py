"""Documents, labels, series, counts and bus records.

A value that breaks its field notes raises `InvalidRecordError` when it is built, so no stage has to check again.
All instants are UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from monitor.errors import InvalidRecordError

MAX_ID_CHARS = 200
SUM_TOLERANCE = 1e-3  #: Probabilities are rounded on the wire.

ALL = "all"  #: The part of a series that stands for every entity, topic or source class.

#: The classes of the topic head, in the order of its outputs.
TOPICS = (
    "Analyst Update",
    "Fed | Central Banks",
    "Company | Product News",
    "Treasuries | Corporate Debt",
    "Dividend",
    "Earnings",
    "Energy | Oil",
    "Financials",
    "Currencies",
    "General News | Opinion",
    "Gold | Metals | Materials",
    "IPO",
    "Legal | Regulation",
    "M&A | Investments",
    "Macro",
    "Markets",
    "Politics",
    "Personnel Change",
    "Stock Commentary",
    "Stock Movement",
)

#: Why a record may be refused; the closed set that labels the dead-letter metric.
REJECT_REASONS = (
    "malformed_json",  # the bytes are not JSON
    "schema",  # JSON, but a key is missing, unknown or of the wrong type
    "unsupported_version",  # a wire version that this program does not read
    "empty_text",  # nothing left after cleaning
    "bad_date",  # published_at missing or not RFC 3339
    "future_date",  # published_at further ahead than the tolerance
    "too_large",  # larger than the cap
    "model_failed",  # the classifier raised on this document alone
    "invalid",  # anything else; the detail says what
)


class SourceClass(StrEnum):
    """What kind of source a document came from."""

    NEWS = "news"
    SOCIAL = "social"
    FILING = "filing"


class Sentiment(StrEnum):
    """The three classes of the sentiment head."""

    NEGATIVE = "negative"
    NEUTRAL = "neutral"
    POSITIVE = "positive"


class Abstention(StrEnum):
    """Why an answer carries no verdict: it is counted as a document and a story, never as negative or positive."""

    LOW_CONFIDENCE = "low_confidence"  #: The most probable sentiment is below the model's threshold.
    OFF_TOPIC = "off_topic"  #: The text is not about finance.
    LANGUAGE = "language"  #: No adapter reads the language; the text was not scored.


def require_utc(at: datetime, name: str) -> None:
    """Raise `InvalidRecordError` unless `at` is timezone-aware and UTC."""
    if at.utcoffset() != timedelta(0):
        raise InvalidRecordError(f"{name} must be UTC, got {at.isoformat()}", reason="bad_date")


LOOK_BACKS = (timedelta(hours=1), timedelta(hours=6), timedelta(hours=24), timedelta(hours=72))
"""How far back novelty looks, the shortest first."""

NEW = 100  #: The novelty of what was not told before.


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityScores:
    """How much a document is about one of its entities, and how new what it says is."""

    entity: str  #: Ticker.
    relevance: float = 1.0  #: In [0, 1]; 1 where the title is about it.
    novelty: tuple[int, ...] = (NEW,) * len(LOOK_BACKS)
    """One each of `LOOK_BACKS`, in [0, 100]; 100: no earlier document told this story of the entity in that span."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One news item or post as pulled from a source, cleaned."""

    id: str  #: Stable: the same item pulled twice has the same id. At most 200 characters.
    source: str  #: Name of the source in the configuration, or the sender's own for HTTP push.
    source_class: SourceClass
    published_at: datetime  #: UTC; when the source says it appeared.
    seen_at: datetime  #: UTC; when it was pulled.
    text: str  #: Plain text, NFC, no control characters; may be empty only when the title is not.
    title: str = ""  #: Plain text; empty for posts.
    url: str | None = None  #: http(s) link to the item.
    lang: str | None = None  #: BCP 47 tag, where known.
    author: str | None = None
    entities: tuple[str, ...] = ()  #: Tickers, upper case, sorted, unique.
    story_id: str = ""  #: Key of the story: near-duplicates share it.
    text_key: str = ""  #: Documents with one key read alike: one of them is labelled, the others take its label.
    scores: tuple[EntityScores, ...] = ()  #: One for each of `entities` that ingest linked; may be empty.

    def __post_init__(self) -> None:
        require_utc(self.published_at, "published_at")
        require_utc(self.seen_at, "seen_at")
        if not self.id or len(self.id) > MAX_ID_CHARS:
            raise InvalidRecordError("id must have 1 to 200 characters", reason="schema")
        if not (self.text.strip() or self.title.strip()):
            raise InvalidRecordError(f"document {self.id}: no text", reason="empty_text")

    @property
    def content(self) -> str:
        """Title and text as the model reads them."""
        if not self.title or self.text.startswith(self.title):
            return self.text or self.title
        return f"{self.title}\n{self.text}" if self.text else self.title


@dataclass(frozen=True, slots=True, kw_only=True)
class Probabilities:
    """Sentiment probabilities; each in [0, 1], together 1 within 1e-3."""

    negative: float
    neutral: float
    positive: float

    def __post_init__(self) -> None:
        parts = (self.negative, self.neutral, self.positive)
        if not all(0.0 <= p <= 1.0 for p in parts) or abs(sum(parts) - 1.0) > SUM_TOLERANCE:
            raise InvalidRecordError(f"not a distribution: {parts}", reason="schema")

    @property
    def top(self) -> Sentiment:
        """The most probable class; ties go to the first of negative, neutral, positive."""
        pairs = (
            (self.negative, Sentiment.NEGATIVE),
            (self.neutral, Sentiment.NEUTRAL),
            (self.positive, Sentiment.POSITIVE),
        )
        return max(pairs, key=lambda pair: pair[0])[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """A watched entity, and the words by which a text names it."""

    entity: str  #: Ticker.
    surfaces: tuple[str, ...]  #: As written in the text: `Apple`, `$AAPL`.


@dataclass(frozen=True, slots=True, kw_only=True)
class EntitySentiment:
    """What a text says about one of the entities that it names."""

    entity: str  #: Ticker.
    probabilities: Probabilities
    uncertain: bool = False  #: True when the most probable sentiment is below the model's threshold.


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What the model answered on one text."""

    topic: str  #: One of the 20 topic classes; empty when the text was not scored.
    topic_probability: float  #: In [0, 1].
    probabilities: Probabilities  #: Of the text as a whole.
    model: str  #: Version of the model: adapter name, version and digest.
    entities: tuple[EntitySentiment, ...] = ()  #: One each for the entities that were asked for.
    finance: float = 1.0  #: Probability that the text is about finance, in [0, 1].
    abstained: Abstention | None = None  #: Why there is no verdict, where there is none.

    @property
    def sentiment(self) -> Sentiment:
        """The most probable sentiment of the text as a whole."""
        return self.probabilities.top

    def verdict(self, entity: str = ALL) -> Sentiment | None:
        """The sentiment that counts for `entity`; None where the answer carries none."""
        if self.abstained in (Abstention.OFF_TOPIC, Abstention.LANGUAGE):
            return None
        answer = self.towards(entity)
        return None if answer.uncertain else answer.probabilities.top

    def towards(self, entity: str) -> EntitySentiment:
        """The answer on `entity`; on `ALL`, or where the model was not asked, that of the text as a whole."""
        found = (answer for answer in self.entities if answer.entity == entity)
        uncertain = self.abstained is Abstention.LOW_CONFIDENCE
        return next(found, EntitySentiment(entity=entity, probabilities=self.probabilities, uncertain=uncertain))


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """The model's answer on a document, with what is needed to count it and to show it as evidence."""

    document: Document  #: The text may be cut to an excerpt.
    prediction: Prediction
    labeled_at: datetime  #: UTC.


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class SeriesKey:
    """The counts that are followed; each part may be `ALL`."""

    entity: str = ALL
    topic: str = ALL
    source_class: str = ALL


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Additive counts of one series over one span. Probabilities are in millionths, so that sums are exact."""

    documents: int = 0  #: Every labelled document, copies too.
    stories: int = 0  #: Stories first told in the span.
    negative: int = 0  #: Stories whose most probable sentiment is negative; likewise the next two.
    neutral: int = 0
    positive: int = 0
    negative_micro: int = 0  #: Sum of p(negative) over stories, in millionths; likewise the next.
    positive_micro: int = 0
    held_back: int = 0  #: Stories that would be new here, but that a cap on their author or domain kept out.

    def __add__(self, other: Counts) -> Counts:
        return Counts(**{name: getattr(self, name) + getattr(other, name) for name in COUNT_FIELDS})


COUNT_FIELDS = (
    "documents", "stories", "negative", "neutral", "positive", "negative_micro", "positive_micro", "held_back",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class BucketKey:
    """One slot of event time of one series."""

    slot_at: datetime  #: UTC; start of the slot, a multiple of the bucket length since 1970.
    series: SeriesKey


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Partition:
    """One partition of a topic of the bus."""

    topic: str
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record as read from the bus."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes

    @property
    def origin(self) -> Partition:
        """The partition that the record came from."""
        return Partition(topic=self.topic, index=self.partition)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One record as written to the bus; records with one key keep their order."""

    topic: str
    key: bytes
    value: bytes
