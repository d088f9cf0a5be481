"""Lay two texts side by side: their words in, what both have and what each has alone out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from rapidfuzz.distance import OSA, Levenshtein, Opcode

from pipelines.shingles import is_unspaced

Words: TypeAlias = list[str]

_CONTEXT = 2  #: Words kept before and behind an edit.
_LEAST_MISTYPED = 4  #: Letters of a word from which on one wrong letter is a slip.
_WINDOW_SLACK = 3  #: Words by which a window is wider than the shorter text, at either end,
_WINDOW_SHARE = 0.1  #: and share of them.
_ARTICLE = 2  #: From this many times the words on, the longer text may be an article and the shorter its headline.
_CUT_SHARE = 0.3  #: Most of a headline that is cut away.
_MAX_ANCHORS = 4  #: Pairs of words by which the place of the shorter text is looked for.


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A place where the texts differ."""

    old: Words  #: What the shorter text has there.
    new: Words  #: What the longer one has.
    before: Words  #: The words in front of it, of the shorter text; few.
    after: Words  #: The words behind it.

    @property
    def size(self) -> float:
        """Number of edited words; a typing error counts for half."""
        if len(self.old) == len(self.new) == 1 and is_slip(self.old[0], self.new[0]):
            return 0.5
        return max(len(self.old), len(self.new))


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """Two texts side by side."""

    both: Words  #: Words that both have in the same order.
    changes: tuple[Edit, ...]  #: What differs between these.
    extra_old: Words  #: What the shorter text has alone, before or behind all that both have.
    extra_new: Words  #: The same of the longer text.

    @property
    def shared(self) -> int:
        """Number of words that both have."""
        return len(self.both)

    @property
    def edits(self) -> float:
        """Number of edited words between those that both have, the ends left out; a typing error counts for half."""
        return sum(change.size for change in self.changes)

    @property
    def whole(self) -> bool:
        """Whether both begin and end together."""
        return not self.extra_old and not self.extra_new

    @property
    def both_go_on(self) -> bool:
        """Whether each has something of its own at an end."""
        return bool(self.extra_old and self.extra_new)

    @property
    def unspaced(self) -> bool:
        """Whether what both have is mostly in a script without spaces."""
        return 2 * sum(map(is_unspaced, self.both)) > len(self.both)

    def saying(self, cashtags: Sequence[str]) -> int:
        """Number of shared words that are no tickers."""
        tags = {tag.casefold() for tag in cashtags}
        return sum(word not in tags for word in self.both) if tags else len(self.both)


def is_slip(a: str, b: str) -> bool:
    """Whether two words differ by one wrong, missing or doubled letter, or two swapped neighbours."""
    return min(len(a), len(b)) >= _LEAST_MISTYPED and OSA.distance(a, b, score_cutoff=1) == 1


def aligned(short: Words, long: Words) -> Alignment:
    """Lay `short` along the part of `long` that is most like it."""
    short, cut = _without_cut_word(short, long)
    start, stop = _window(short, long)
    if short == long[start:stop]:
        extra = long[:start] + long[stop:]
        return Alignment(both=short, changes=(), extra_old=[], extra_new=extra[1:] if cut else extra)
    return _read(short, long, start, stop)


def _without_cut_word(short: Words, long: Words) -> tuple[Words, bool]:
    """`short` without its last word where that is but the beginning of one in `long`."""
    last = short[-1] if short else ""
    if not last or last in long or not any(word.startswith(last) for word in long):
        return short, False
    return short[:-1], True


def _window(short: Words, long: Words) -> tuple[int, int]:
    """The part of `long` to compare with: all of it, unless it is much longer."""
    slack = _WINDOW_SLACK + int(_WINDOW_SHARE * len(short))
    if len(long) <= len(short) + slack:
        return 0, len(long)
    if long[: len(short)] == short:
        return 0, len(short)
    start = _place(short, long)
    return max(0, start - slack), min(len(long), start + len(short) + slack)


def _place(short: Words, long: Words) -> int:
    """Where in `long` the text of `short` seems to begin: by the first pair of neighbours that both have."""
    pairs: dict[tuple[str, str], int] = {}
    for at in range(len(long) - 1, 0, -1):
        pairs[long[at - 1], long[at]] = at - 1
    for at in range(min(len(short) - 1, _MAX_ANCHORS)):
        if (found := pairs.get((short[at], short[at + 1]))) is not None:
            return max(0, found - at)
    return 0


def _read(short: Words, long: Words, start: int, stop: int) -> Alignment:
    both: Words = []
    changes: list[Edit] = []
    extra_old: Words = []
    extra_new = long[:start] + long[stop:]
    for old, new in _blocks(short, long, start, stop):
        if short[old] == long[new]:
            both += short[old]
        elif _is_end(old, new, short, long):
            extra_old += short[old]
            extra_new += long[new]
        else:
            before, after = short[max(0, old.start - _CONTEXT) : old.start], short[old.stop : old.stop + _CONTEXT]
            changes.append(Edit(old=short[old], new=long[new], before=before, after=after))
    return Alignment(both=both, changes=tuple(changes), extra_old=extra_old, extra_new=extra_new)


def _is_chance(same: Opcode, short: Words) -> bool:
    """Whether texts agree in a lone character between others: two words that have it both, and not one place more."""
    start: int = same.src_start
    stop: int = same.src_end
    inside: bool = 0 < start == stop - 1 < len(short) - 1
    return inside and is_unspaced(short[start])


def _is_end(old: slice, new: slice, short: Words, long: Words) -> bool:
    """Whether a difference is but where one text begins or ends earlier, or both go on in their own ways."""
    if old.start == 0 or old.stop == len(short):
        if old.start == old.stop or new.start == new.stop:
            return True
        # A headline whose end is cut stands before its article.
        left: int = old.stop - old.start
        has_article = len(long) >= _ARTICLE * len(short) and bool(old.start > 0 and new.stop < len(long))
        return has_article and left <= max(1, _CUT_SHARE * len(short))
    return False


def _blocks(short: Words, long: Words, start: int, stop: int) -> Iterator[tuple[slice, slice]]:
    """Places that are equal or not, by turns."""
    old_from = new_from = 0
    length = stop - start
    for same in Levenshtein.opcodes(short, long[start:stop]):
        if same.tag != "equal" or _is_chance(same, short):
            continue
        if same.src_start > old_from or same.dest_start > new_from:
            yield slice(old_from, same.src_start), slice(start + new_from, start + same.dest_start)
        yield slice(same.src_start, same.src_end), slice(start + same.dest_start, start + same.dest_end)
        old_from, new_from = same.src_end, same.dest_end
    if old_from < len(short) or new_from < length:
        yield slice(old_from, len(short)), slice(start + new_from, stop)
