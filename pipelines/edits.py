"""Tell whether the edits between two texts make another story: their alignment in, yes or no out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from itertools import chain, product

from pipelines.alignment import Alignment, Edit, is_slip
from pipelines.shingles import is_unspaced
from pipelines.story_words import COUNTS, EVERYDAY, EVERYDAY_CHINESE, LEGAL_FORMS, NEGATIONS, SIDES, TRADES

_LEAST_MISTYPED = 6  #: Letters of a name from which on two swapped letters are a slip and not another name,
_LEAST_MISSING = 8  #: and those from which on a missing one is.


def turns_the_news(found: Alignment, names: Sequence[str] | None, other_names: Sequence[str] | None) -> bool:
    """Whether an edit changes who it is about, what it counts or which way it goes; names are of either text."""
    if not found.changes and not found.both_go_on:
        return False
    if any(_turned(change) for change in found.changes) or _renamed(found, names, other_names):
        return True
    return found.both_go_on and not _made_of_words(_characters(found.extra_old))


def _turned(change: Edit) -> bool:
    old, new = set(change.old), set(change.new)
    if old & NEGATIONS != new & NEGATIONS or _clash(old & COUNTS, new & COUNTS):
        return True
    if _clash(old & TRADES, new & TRADES) or any(
        _clash(_meant(old, by), _meant(new, by)) for by in (SIDES, LEGAL_FORMS)
    ):
        return True
    unspaced = any(map(is_unspaced, chain(old, new)))
    return unspaced and not _everyday_unspaced(change)


def _meant(words: set[str], by: Mapping[str, object]) -> set[object]:
    return {by[word] for word in words & by.keys()}


def _clash(a: Set[object], b: Set[object]) -> bool:
    return bool(a and b and a != b)


def _renamed(found: Alignment, names: Sequence[str] | None, other_names: Sequence[str] | None) -> bool:
    """Whether each text names something in an edit that the other does not name at all."""
    old = [word for change in found.changes for word in change.old]
    new = [word for change in found.changes for word in change.new]
    if found.both_go_on:
        old, new = old + found.extra_old, new + found.extra_new
    everywhere = {*found.both, *new, *found.extra_new}, {*found.both, *old, *found.extra_old}
    gone = [word for word in _named(old, names) if word not in everywhere[0]]
    come = [word for word in _named(new, other_names) if word not in everywhere[1]]
    return bool(gone and come) and not (len(gone) == len(come) and all(map(_mistyped, gone, come)))


def _named(words: Iterable[str], names: Sequence[str] | None) -> list[str]:
    """Those of the words that may be names; characters without spaces are judged as a row, elsewhere."""
    if names is not None:
        return [word for word in words if word in names]
    return [
        word for word in words if word not in EVERYDAY and not is_unspaced(word) and not any(map(str.isdigit, word))
    ]


def _mistyped(a: str, b: str) -> bool:
    """Whether two words differ by two swapped neighbours or, if they are long, by a missing letter.

    Never by a wrong letter: names that differ by one letter are different names.
    """
    if len(a) != len(b):
        return min(len(a), len(b)) >= _LEAST_MISSING and is_slip(a, b)
    differing = [at for at in range(len(a)) if a[at] != b[at]]
    return len(a) >= _LEAST_MISTYPED and len(differing) > 1 and is_slip(a, b)


def _everyday_unspaced(change: Edit) -> bool:
    """Whether an edit, with as much around it as is needed, exchanges words that name nobody."""
    old, new = (_characters(words) for words in (change.old, change.new))
    before, after = _characters(change.before), _characters(change.after)
    for left, right in product(range(len(before) + 1), range(len(after) + 1)):
        lead, tail = before[len(before) - left :], after[:right]
        if _made_of_words(lead + old + tail) and _made_of_words(lead + new + tail):
            return True
    return False


def _characters(words: Iterable[str]) -> str:
    return "".join(filter(is_unspaced, words))


def _made_of_words(text: str) -> bool:
    if not text or text in EVERYDAY_CHINESE:
        return True
    return any(text[:at] in EVERYDAY_CHINESE and _made_of_words(text[at:]) for at in range(1, len(text)))
