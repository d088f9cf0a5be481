"""The model, as the classify stage sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from monitor.domain import Mention, Prediction


class Classifier(Protocol):
    """Text to topic and sentiment, of the text and of the entities it names."""

    @property
    def version(self) -> str:
        """Adapter name, version and digest; travels in every label."""

    def classify(
        self, texts: Sequence[str], mentions: Sequence[Sequence[Mention]] | None = None
    ) -> Sequence[Prediction | Exception]:
        """One answer a text, in order; a text that alone fails gives its exception and costs the others nothing.

        `mentions` holds for each text the entities whose sentiment is asked for; an entity whose words are not found
        gets the sentiment of the text as a whole. None asks for no entity.
        """
