"""Find entities by name: folded text in, places and tickers out.

All names, aliases, ISINs and written codes are looked for at once, by one Aho-Corasick automaton over the lower-cased
text; of overlapping finds the first and then the longest counts. A name is a whole word, hyphens count as spaces. The
case matters for names of up to four characters, for codes and for entities marked `exact`; a name that is an ordinary
word must be meant as a name (`pipelines.ordinary_words`). A phrase of `unless` hides the names that lie in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import ahocorasick

from monitor.errors import ConfigurationError
from monitor.settings import WatchedEntity
from monitor.whole_words import CASE_MATTERS_UP_TO, is_whole, lowered
from pipelines.cleaning import clean
from pipelines.links import LinkKind
from pipelines.matchable import matchable
from pipelines.notations import Place, written_forms
from pipelines.ordinary_words import is_meant_as_name, is_ordinary

MAX_ALIAS_CHARS = 200
_INITIALS = len("A.N")
_JOINED = frozenset(".@/$")


@dataclass(frozen=True, slots=True)
class Alias:
    """One way to write an entity."""

    text: str  #: Folded; hyphens are spaces.
    ticker: str  #: Empty for a phrase that hides names.
    kind: LinkKind
    exact: bool  #: Found only as written here.
    ordinary: bool = False  #: An ordinary word, or several.


Found = tuple[int, int, Alias]  #: Start, end.


class Names:
    """The names of watched entities."""

    def __init__(self, entities: Sequence[WatchedEntity]) -> None:
        self._automaton = _automaton(alias for entity in entities for alias in aliases_of(entity))

    def find(self, text: str, known: Iterable[str] = ()) -> Iterator[Place]:
        """The names in `text`, in order; `known` are tickers that it is known to be about, by a cashtag or the like.

        An ordinary word with a capital is a name where the text is about the company anyhow.
        """
        found = list(self._whole(text, text.replace("-", " ")))
        if not found:
            return
        sure, doubtful = _parted(found, text)
        about = {*known, *(alias.ticker for _, _, alias in sure)} if doubtful else set()
        sure += [each for each in doubtful if each[2].ticker in about]
        yield from _longest(sure)

    def _whole(self, text: str, spaced: str) -> Iterator[Found]:
        if self._automaton is None:
            return
        for last, aliases in self._automaton.iter(lowered(spaced)):
            end = last + 1
            for alias in aliases:
                start = end - len(alias.text)
                if (not alias.exact or spaced[start:end] == alias.text) and is_whole(text, start, end):
                    yield start, end, alias


def _parted(found: Iterable[Found], text: str) -> tuple[list[Found], list[Found]]:
    """Those that are names for certain, and those that are if the text is about the company anyhow."""
    sure, doubtful = [], []
    for start, end, alias in found:
        if alias.kind is LinkKind.CODE:
            if _is_code(text, start, end):
                sure.append((start, end, alias))
        elif not alias.ordinary or is_meant_as_name(text, start, end):
            sure.append((start, end, alias))
        elif text[start].isupper():
            doubtful.append((start, end, alias))
    return sure, doubtful


def _longest(found: list[Found]) -> Iterator[Place]:
    """Of overlapping finds the first, of these the longest, for all its entities."""
    if len(found) > 1:
        found.sort(key=lambda each: (each[0], -each[1]))
    span = (0, 0)
    for start, end, alias in found:
        if start >= span[1] or (start, end) == span:
            span = (start, end)
            if alias.ticker:
                yield start, end, alias.ticker, alias.kind


def _is_code(text: str, start: int, end: int) -> bool:
    """True unless it is part of something longer: initials (`A.N. Other`), an address, a sentence in capitals."""
    before, after = text[start - 1 : start], text[end : end + 1]
    if before in _JOINED or (after == "." and (text[end + 1 : end + 2].isalnum() or end - start == _INITIALS)):
        return False
    symbol, space, _ = text[start:end].partition(" ")
    if not space or symbol.isdigit() or (before == "(" and after == ")") or text.startswith(" Equity", end):
        return True
    return len(symbol) > 1 and not is_ordinary(symbol) and not text.isupper()


def check_names(entity: WatchedEntity) -> None:
    """Raise `ConfigurationError` where a name or phrase of `entity` leaves nothing to look for."""
    for _ in aliases_of(entity):
        pass


def aliases_of(entity: WatchedEntity) -> Iterator[Alias]:
    """Every way in which `entity` may be written, and the phrases that hide them; may refuse an empty one."""
    for at, written in enumerate((entity.name, *entity.aliases)):
        kind = LinkKind.ALIAS if at else LinkKind.NAME
        for text in _spellings(_folded(written, entity, "alias")):
            yield _alias(text, entity, kind)
    for phrase in entity.unless:
        yield Alias(_folded(phrase, entity, "phrase under `unless`"), "", LinkKind.ALIAS, exact=False)
    if entity.isin:
        yield Alias(entity.isin, entity.ticker, LinkKind.ISIN, exact=True)
    for form in written_forms(entity):
        yield Alias(form.replace("-", " "), entity.ticker, LinkKind.CODE, exact=True)


def _alias(text: str, entity: WatchedEntity, kind: LinkKind) -> Alias:
    # A word that is listed in lower case is meant as a word: gold.
    ordinary = not (entity.exact or text.islower()) and is_ordinary(text)
    exact = entity.exact or (len(text) <= CASE_MATTERS_UP_TO and (text.isupper() or not ordinary))
    return Alias(text, entity.ticker, kind, exact, ordinary)


def _is_acronym(name: str) -> bool:
    """`SEBI` is written `Sebi` too; shorter ones and words are not."""
    is_short = len(name) == CASE_MATTERS_UP_TO and name.isascii()
    return is_short and name.isalpha() and name.isupper() and not is_ordinary(name)


def _folded(written: str, entity: WatchedEntity, what: str) -> str:
    text = matchable(clean(written, limit=MAX_ALIAS_CHARS).text).text.replace("-", " ")
    text = " ".join(text.split())
    if not text:
        raise ConfigurationError(f"watchlist: {entity.ticker} has an empty {what}; leave it out")
    return text


def _spellings(name: str) -> Iterator[str]:
    """A name may lack the full stop of its `Inc.`, have its `&` spelt out, and begin a sentence."""
    name = name.removesuffix(".") or name
    yield name
    if len(name) <= CASE_MATTERS_UP_TO and (name.islower() or _is_acronym(name)):
        yield name.capitalize()
    if " & " in name:
        yield name.replace(" & ", " and ")


def _automaton(aliases: Iterable[Alias]) -> ahocorasick.Automaton | None:
    by_key: dict[str, list[Alias]] = {}
    for alias in aliases:
        by_key.setdefault(lowered(alias.text), []).append(alias)
    if not by_key:
        return None
    automaton = ahocorasick.Automaton()
    for key, same in by_key.items():
        automaton.add_word(key, tuple(dict.fromkeys(same)))
    automaton.make_automaton()
    return automaton
