"""Other words for the same: groups of `synonyms.txt`, whose words keep direction and strength."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files

from models.attacks.attack import Attack, Attacked, Edit, Protected, changed, edited, free_matches, is_chinese

SHARE = 1 / 2  #: Of the words that have one.
LONGEST = 4  #: Words in a phrase.

_WORD = re.compile(r"(?<![\w$#@&/.'-])[A-Za-z]+(?:['\u2019-][A-Za-z]+)*(?![\w@/]|\.\w)")
_ARTICLE = re.compile(r"an? ", re.IGNORECASE)

Word = re.Match[str]


@cache
def groups() -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
    """The groups of the table: the words that are replaced, and all that may stand for them."""
    lines = files(__package__).joinpath("synonyms.txt").read_text(encoding="utf-8").splitlines()
    parts = (line.partition(">") for line in lines if line and line[0] != "#")
    return tuple((_words(replaced), (*_words(replaced), *_words(only))) for replaced, _, only in parts)


def _words(line: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in line.split(",") if word.strip())


@cache
def _others() -> Mapping[str, tuple[str, ...]]:
    """From a word in lower case to the others of its group."""
    return {word.lower(): tuple(other for other in all_ if other != word) for words, all_ in groups() for word in words}


def _apply(text: str, chance: random.Random, surfaces: Protected) -> Attacked | None:
    if is_chinese(text):
        return None
    able = list(_replaceable(text, surfaces))
    hit = chance.sample(able, min(len(able), max(1, round(SHARE * len(able)))))
    return changed(text, edited(text, (_edit(text, *words, chance) for words in hit)), surfaces)


def _replaceable(text: str, surfaces: Protected) -> Iterator[tuple[list[Word], list[Word]]]:
    """The article before, if there is one, and the longest phrase that the table knows; none overlap; no names."""
    words = free_matches(_WORD, text, surfaces)
    at = 0
    while at < len(words):
        size = next((size for size in range(LONGEST, 0, -1) if _phrase(text, words[at : at + size]) in _others()), 0)
        if size and (at == 0 or words[at][0].islower()):
            before = words[max(0, at - 1) : at]
            is_article = before and _ARTICLE.fullmatch(text[before[0].start() : words[at].start()])
            yield before if is_article else [], words[at : at + size]
        at += max(1, size)


def _phrase(text: str, words: Sequence[Word]) -> str:
    return text[words[0].start() : words[-1].end()].lower()


def _edit(text: str, article: list[Word], words: list[Word], chance: random.Random) -> Edit:
    new = _in_case_of(words[0][0], chance.choice(_others()[_phrase(text, words)]))
    if not article:
        return words[0].start(), words[-1].end(), new
    return article[0].start(), words[-1].end(), f"{article[0][0][0]}{'n' if new[0].lower() in 'aeiou' else ''} {new}"


def _in_case_of(old: str, new: str) -> str:
    return new[0].upper() + new[1:] if old[0].isupper() else new


SYNONYMS = Attack(name="synonyms", apply=_apply)
