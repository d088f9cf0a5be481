"""Make labels of the lines of a rule test: counts and documents in, what a model would have said of them out. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import chain

from monitor.domain import Document, EntitySentiment, Label, Prediction, Probabilities, SourceClass
from monitor.settings.rule_tests import CountRow, DocumentRow, RuleTest, expand

VERSION = "rule-test"
SURE = {
    "negative": Probabilities(negative=0.9, neutral=0.07, positive=0.03),
    "neutral": Probabilities(negative=0.07, neutral=0.9, positive=0.03),
    "positive": Probabilities(negative=0.03, neutral=0.07, positive=0.9),
}


def labels_of(test: RuleTest) -> list[Label]:
    """Every label of `test` by time, each with an id of its own."""
    rows = chain(
        *(_counted(row, test.start, f"c{n}") for n, row in enumerate(test.counts)),
        (_document(row, test.start, f"d{n}") for n, row in enumerate(test.documents)),
    )
    return sorted(rows, key=lambda label: label.document.published_at)


def entities_of(test: RuleTest) -> set[str]:
    """The entities that `test` names."""
    counted = {row.entity for row in test.counts}
    return counted | {entity for row in test.documents for entity in row.entities}


def _counted(row: CountRow, start: datetime, name: str) -> Iterator[Label]:
    """Negative and other stories of a slot are spread over it apart from each other."""
    for sentiment in ("negative", "neutral"):
        number = 0
        for slot, stories in enumerate(expand(getattr(row, sentiment))):
            for place in range(stories):
                at = start + row.at + slot * row.every + (place + 0.5) / stories * row.every
                voice = f"source-{number % row.sources + 1}"
                one = DocumentRow(
                    at=at - start, entities=(row.entity,), sentiment=sentiment, topic=row.topic,
                    source_class=row.source_class, source=voice,
                    author=voice if row.source_class == "social" else None,
                )  # fmt: skip
                yield _document(one, start, f"{name}-{sentiment}-{number}")
                number += 1


def _document(row: DocumentRow, start: datetime, id_: str) -> Label:
    at, probabilities = start + row.at, SURE[row.sentiment]
    document = Document(
        id=id_,
        source=row.source,
        source_class=SourceClass(row.source_class),
        published_at=at,
        seen_at=at,
        text=row.text or f"{row.sentiment} story {id_}",
        author=row.author,
        entities=tuple(sorted(set(row.entities))),
        story_id=row.story or id_,
    )
    towards = tuple(EntitySentiment(entity=entity, probabilities=probabilities) for entity in document.entities)
    prediction = Prediction(
        topic=row.topic, topic_probability=1.0, probabilities=probabilities, model=VERSION, entities=towards
    )
    return Label(document=document, prediction=prediction, labeled_at=at)
