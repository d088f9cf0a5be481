"""A picture of what a setting buys: recall over false alerts a week, a curve for each method. Pure.

Solid with dots: the part of the history that settings are chosen on. Dashed: the part after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from alerts.charts.canvas import Canvas, Point

WIDTH, HEIGHT = 1184, 720  #: Pixels.
LEFT, RIGHT, TOP, BOTTOM = 96, 900, 64, 630
INK, DIM, GRID = "#1a2230", "#5b6472", "#e3e8ee"
COLOURS = ("#1a4f8a", "#c62f2f", "#2c7a4b", "#8a5a1a", "#6a3d9a", "#0f7f8c", "#b5447a", "#555555")
TICKS = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)  #: False alerts a week.
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One method: false alerts a week and recall in [0, 1] of each setting."""

    name: str
    chosen_on: tuple[Point, ...]
    after: tuple[Point, ...]


def draw_curves(curves: Sequence[Curve]) -> bytes:
    """The picture as PNG; the same curves give the same bytes."""
    canvas = Canvas(WIDTH, HEIGHT)
    most = max([1.0, *(x for curve in curves for x, _ in (*curve.chosen_on, *curve.after))])
    _grid(canvas, most)
    for number, curve in enumerate(curves):
        colour = COLOURS[number % len(COLOURS)]
        solid = sorted({_at(point, most) for point in curve.chosen_on})  # canvas: no dash between equal points
        dashed = sorted({_at(point, most) for point in curve.after})
        if len(solid) > 1:
            canvas.line(solid, colour, 2.5)
        if len(dashed) > 1:
            canvas.dashes(dashed, colour, 2.0)
        for at in solid:
            canvas.dot(at, colour, 4.5)
        canvas.dot((RIGHT + 32, TOP + 14 + 30 * number), colour, 6)
        canvas.words((RIGHT + 48, TOP + 14 + 30 * number), curve.name, INK, size=20)
    return canvas.png()


def _grid(canvas: Canvas, most: float) -> None:
    canvas.words((LEFT, TOP - 34), "share of the events found", INK, size=22)
    for share in SHARES:
        y = _at((0.0, share), most)[1]
        canvas.line([(LEFT, y), (RIGHT, y)], GRID, 1)
        canvas.words((LEFT - 12, y), f"{share:.0%}", DIM, size=18, anchor="rm")
    for rate in TICKS:
        x = _at((rate, 0.0), most)[0]
        if rate <= most:
            canvas.line([(x, TOP), (x, BOTTOM)], GRID, 1)
            canvas.words((x, BOTTOM + 20), f"{rate:g}", DIM, size=18, anchor="mm")
    canvas.words((LEFT, BOTTOM + 56), "false alerts a week", INK, size=22)
    canvas.words((LEFT + 300, BOTTOM + 56), "solid: chosen on, dashed: after it", DIM, size=18)


def _at(point: Point, most: float) -> Point:
    """Where a rate and a share lie; rates by their root, so that the few wanted ones have room."""
    rate, share = point
    return LEFT + (RIGHT - LEFT) * sqrt(rate / most), BOTTOM - (BOTTOM - TOP) * share
