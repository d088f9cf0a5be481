"""Draw lines, areas and words into a PNG, smooth at the size in which mails show it. No clock, no file, no network.

Pillow, not matplotlib: every installation draws charts for mails, and Pillow is one wheel of a few megabytes that
brings a font along, where matplotlib brings ten packages, looks for fonts on the machine and takes seconds to import.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from io import BytesIO
from itertools import pairwise
from math import hypot

from PIL import Image, ImageDraw, ImageFont

from alerts.messages.plain import plain

FINER = 2  #: Drawn so many times larger and then reduced, which smooths every edge.
WORDS_CHARS = 100
COLOURS = 128  #: Of the palette: a fraction of the bytes, and nobody sees it.
DASH, DRAWN = 12.0, 7.0  #: Length of a dash with the gap behind it, and of what is drawn of it.

Point = tuple[float, float]
Points = Sequence[Point]


@lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=size)


class Canvas:
    """A white picture; places are in pixels from its upper left corner."""

    def __init__(self, width: int, height: int) -> None:
        self._image = Image.new("RGB", (width * FINER, height * FINER), "white")
        self._draw = ImageDraw.Draw(self._image)

    def area(self, points: Points, colour: str) -> None:
        """A filled polygon; fewer than three points are nothing."""
        if len(points) > 2:  # noqa: PLR2004 - of which a polygon has at least three
            self._draw.polygon(_finer(points), fill=colour)

    def line(self, points: Points, colour: str, width: float = 1.0) -> None:
        """Straight lines from point to point."""
        if len(points) > 1:
            self._draw.line(_finer(points), fill=colour, width=round(width * FINER), joint="curve")

    def dashes(self, points: Points, colour: str, width: float = 1.0) -> None:
        """As `line`, broken into dashes that go on from line to line."""
        walked = 0.0
        for a, b in pairwise(points):
            length = hypot(b[0] - a[0], b[1] - a[1])
            for begin, end in dashes_between(walked, walked + length):
                self.line([_between(a, b, (at - walked) / length) for at in (begin, end)], colour, width)
            walked += length

    def dot(self, at: Point, colour: str, radius: float = 4.0) -> None:
        """A filled circle."""
        x, y = at
        box = _finer([(x - radius, y - radius), (x + radius, y + radius)])
        self._draw.ellipse(box, fill=colour)

    def words(self, at: Point, text: str, colour: str, *, size: int = 20, anchor: str = "lm") -> float:
        """Words at `at`; `anchor` is Pillow's: l, m or r, then a, m or s. Returns their width.

        The font knows western letters alone, so that any other one becomes a question mark.
        """
        shown = plain(text, WORDS_CHARS).encode("latin-1", "replace").decode("latin-1")
        font = _font(size * FINER)
        self._draw.text(_finer([at])[0], shown, fill=colour, font=font, anchor=anchor)
        return float(self._draw.textlength(shown, font=font)) / FINER

    def png(self) -> bytes:
        """The picture; the same drawing gives the same bytes."""
        small = self._image.reduce(FINER).quantize(COLOURS)
        out = BytesIO()
        small.save(out, "PNG", optimize=True)
        return out.getvalue()


def dashes_between(start: float, end: float) -> Iterator[Point]:
    """The dashes, as begin and end, that lie between `start` and `end` of a path."""
    number = int(start / DASH)
    while number * DASH < end:
        begin, over = number * DASH, number * DASH + DRAWN
        if over > start:
            yield max(begin, start), min(over, end)
        number += 1


def _between(a: Point, b: Point, share: float) -> Point:
    return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share


def _finer(points: Points) -> list[Point]:
    return [(x * FINER, y * FINER) for x, y in points]
