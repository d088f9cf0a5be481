"""Link text to watched entities: clean title and text in; tickers, places, relevance and the words that name them out.

Entities are found by cashtag, exchange code and ISIN (`pipelines.notations`), and by name or alias (`pipelines.names`).
A bare ticker is no evidence (`ALL`, `IT`, `ON` are words): list it as an alias where it is safe. Disguised letters are
folded before (`pipelines.matchable`); places and surfaces are those of the clean text. Links in a text are not read.
How much a document is about an entity is told by `pipelines.links`. Tickers that a sender names are kept by
`pipelines.documents`, watched or not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from monitor.domain import Mention
from monitor.errors import ConfigurationError
from monitor.settings import WatchedEntity, WatchlistSettings
from pipelines.links import Link, LinkKind, Links, surfaces
from pipelines.matchable import Matchable, matchable
from pipelines.names import Names
from pipelines.notations import Notations, Place
from pipelines.watchlist import watched


class EntityLinker:
    """Finds watched entities in text."""

    def __init__(self, entities: Sequence[WatchedEntity]) -> None:
        self.tickers: tuple[str, ...] = tuple(sorted(entity.ticker for entity in entities))
        if twice := sorted({a for a, b in zip(self.tickers, self.tickers[1:], strict=False) if a == b}):
            raise ConfigurationError(f"watchlist: tickers must be unique; listed twice: {', '.join(twice)}")
        self.names: dict[str, str] = {entity.ticker: entity.name for entity in entities}
        self._names = Names(entities)
        self._notations = Notations(entities)

    @classmethod
    def from_settings(cls, settings: WatchlistSettings) -> EntityLinker:
        """Join the entities of the configuration, of its CSV file and of the shipped list; may refuse them."""
        return cls(watched(settings))

    def adopt(self, other: EntityLinker) -> None:
        """Find what `other` finds, from the next text on; whoever holds this linker need not know."""
        self.__dict__.update(other.__dict__)  # one step, as other threads see it

    def find(self, title: str, text: str = "", given: Collection[str] = ()) -> Links:
        """Every place where a document names an entity; of `given`, tickers that nobody watches, the cashtags."""
        head, body = self._look(title, given), self._look(text, given)
        # A feed's text often begins with its title: what stands there counts once.
        repeated = len(title) if title and text.startswith(title) else 0
        found = (*head.links(in_title=True), *(link for link in body.links() if link.start >= repeated))
        return Links(found=found, strangers=head.strangers + body.strangers, has_title=bool(title))

    def link(self, text: str) -> frozenset[str]:
        """Tickers of the entities that `text` names."""
        return frozenset(ticker for _, _, ticker, _ in self._look(text).places)

    def mentions(self, text: str, entities: Iterable[str]) -> tuple[Mention, ...]:
        """For each ticker of `entities` the words by which `text` names it, as written there.

        One that is not found by its names (a sender gave it, or it is not watched) may still stand as a bare ticker.
        """
        asked = tuple(dict.fromkeys(entities))
        if not asked:
            return ()
        written = surfaces(self._look(text).links())
        return tuple(Mention(entity=ticker, surfaces=written.get(ticker) or (f"${ticker}", ticker)) for ticker in asked)

    def _look(self, text: str, given: Collection[str] = ()) -> _Seen:
        if not text:
            return _NOTHING
        folded = matchable(text)
        tags = list(self._notations.cashtags(folded.text, given)) if "$" in folded.text else []
        places = [(start, end, ticker, LinkKind.CASHTAG) for start, end, ticker in tags if ticker]
        strangers = len(tags) - len(places)
        places += self._notations.listed(folded.text)
        names = list(self._names.find(folded.text, {ticker for _, _, ticker, _ in places}))
        return _Seen(text, folded, list(_apart([*places, *names])) if places else names, strangers)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was found in a title or a text."""

    text: str
    folded: Matchable
    places: Sequence[Place] = ()  #: In the folded text, in order.
    strangers: int = 0

    def links(self, *, in_title: bool = False) -> Iterator[Link]:
        """The places as they are in the text."""
        for from_, to, ticker, kind in self.places:
            start, end = self.folded.span(from_, to)
            surface = self.text[start:end]
            yield Link(ticker=ticker, start=start, end=end, surface=surface, kind=kind, in_title=in_title)


_NOTHING = _Seen("", Matchable(""))


def _apart(places: list[Place]) -> Iterator[Place]:
    """Without those that lie in another one: the number of a longer code."""
    places.sort(key=lambda place: (place[0], -place[1]))
    span = (0, 0)
    for start, end, ticker, kind in places:
        if start >= span[1] or (start, end) == span:
            span = (start, end)
            yield start, end, ticker, kind
