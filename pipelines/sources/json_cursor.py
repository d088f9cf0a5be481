"""Where the reading of an API goes on: a cursor and the page that it led to in, the next cursor out.

Newest first, a poll walks from the newest page down to what it knows; only at the end of the walk does it know more. A
walk that is longer than a poll goes on in the next one. Oldest first, each page is remembered at once. An API that
leads back to a page already asked for, or to no new one, ends the walk.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import msgspec

from monitor.settings import PagingSettings
from pipelines.sources.json_pages import Page

MAX_POLLS_OF_A_WALK = 20


class Cursor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where reading goes on."""

    since: str | None = None  #: The newest that is known, with all before it.
    next: str | None = None  #: The page that a walk, or the stream, goes on with.
    top: str | None = None  #: The newest of the walk under way.
    page: int = 0  #: Pages of the walk under way.
    digest: str | None = None  #: Of the first page of the last walk; oldest first, of the last page.


class Cursors(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The cursors of a source that reads several streams."""

    at: dict[str, Cursor] = {}
    last: str | None = None  #: The stream asked last.


def read_cursors(written: str | None) -> Cursors:
    """What was remembered; nothing where it was written by another version, since ids drop what is read again."""
    try:
        return msgspec.json.decode(written or "{}", type=Cursors)
    except msgspec.MsgspecError:
        return Cursors()


def write_cursors(cursors: Cursors) -> str:
    """What to remember."""
    return msgspec.json.encode(cursors).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How the pages of one API follow on each other."""

    paging: PagingSettings
    counted: bool  #: Pages are asked for by their number.

    @property
    def newest_first(self) -> bool:
        """True where the next page is an older one."""
        return self.paging.order == "newest_first"

    def is_repeated(self, cursor: Cursor, page: Page) -> bool:
        """True when `page` is the one that was read last time."""
        first = cursor.page == 0 or not self.newest_first
        return first and page.entries > 0 and page.digest == cursor.digest

    def advance(self, cursor: Cursor, page: Page, *, asked: Collection[str | None]) -> tuple[Cursor, bool]:
        """The cursor after `page`, and whether that was the last page for now; `asked` are the pages of this poll."""
        return self._down(cursor, page, asked) if self.newest_first else self._up(cursor, page)

    def since(self, cursor: Cursor) -> str | None:
        """The value of `{since}`: what is known, less the overlap."""
        known = cursor.since
        if known is None or not known.isdecimal():
            return known
        return str(max(int(known) - self.paging.overlap, 0))

    def _down(self, cursor: Cursor, page: Page, asked: Collection[str | None]) -> tuple[Cursor, bool]:
        pages, top = cursor.page + 1, _newest(cursor.top, *page.marks)
        digest = cursor.digest if cursor.page else page.digest
        following = self._following(page, pages)
        ends = following is None or following in asked or not page.entries or pages >= self._most(cursor)
        if ends or self._reached(cursor, page):
            return Cursor(since=_newest(cursor.since, top), digest=digest), True
        return msgspec.structs.replace(cursor, next=following, top=top, page=pages, digest=digest), False

    def _up(self, cursor: Cursor, page: Page) -> tuple[Cursor, bool]:
        after = Cursor(since=_newest(cursor.since, *page.marks), next=page.next or cursor.next, digest=page.digest)
        stands = (after.since, after.next) == (cursor.since, cursor.next)
        return after, stands or page.more is False or not page.entries

    def _following(self, page: Page, pages: int) -> str | None:
        if not self.counted:
            return page.next
        return None if page.more is False or (page.pages is not None and pages >= page.pages) else str(pages)

    def _most(self, cursor: Cursor) -> int:
        """Pages of a walk: where nothing is known yet, one poll's worth is history enough."""
        return self.paging.max_pages * (MAX_POLLS_OF_A_WALK if cursor.since is not None else 1)

    def _reached(self, cursor: Cursor, page: Page) -> bool:
        known = self.since(cursor)
        return known is not None and bool(page.marks) and _order(page.marks[-1]) <= _order(known)


def _newest(*marks: str | None) -> str | None:
    return max((mark for mark in marks if mark is not None), key=_order, default=None)


def _order(mark: str) -> tuple[int, int, str]:
    """Whole numbers by size, words by letters."""
    return (0, int(mark), "") if mark.isascii() and mark.isdecimal() else (1, 0, mark)
