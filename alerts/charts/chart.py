"""A picture of what led to an alert: what was counted over the last days, against what was expected. Pure.

Comes in: a `Chart` of plain numbers. Goes out: a PNG. The upper part follows the window that spoke: the count in it as
it slid along, the range to be expected, the count at which the rule fires, and when the alert fired. The lower part has
the stories of each hour. What a chart says stands in words beside it, so nothing is told by colour alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from alerts.charts.canvas import Canvas, Point

WIDTH, HEIGHT = 1184, 560  #: Pixels; a mail shows it at half the size, so that it is sharp on every screen.
LEFT, RIGHT = 84, 1164
TOP, MIDDLE, LOWER, BOTTOM = 92, 372, 404, 512
INK, DIM, GRID = "#1a2230", "#5b6472", "#e3e8ee"
BAND, EXPECTED, LIMIT, FIRING, SEEN, HOURLY = "#d9e2ec", "#7b8794", "#c62f2f", "#fbe3e1", "#1a4f8a", "#9db4cf"
HEADROOM = 1.12
DAY = timedelta(days=1)
MAX_MARKS = 8  #: Dates below the axis.
MAX_LINES = 6  #: Of the grid.
STEPS = (1, 2, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """What a chart shows; all sequences but `fired` have one entry a point of time."""

    title: str
    counted: str  #: What is counted, for example `negative stories in 24h`.
    ends: tuple[datetime, ...]  #: UTC; ascending, an hour apart but for the last.
    seen: tuple[float, ...]  #: In the window that ends there.
    expected: tuple[float, ...]
    low: tuple[float, ...]  #: Nine in ten quiet windows lie between this and the next.
    high: tuple[float, ...]
    fires_from: tuple[float, ...]  #: The count at which the rule fires; empty where there is none to draw.
    hourly: tuple[float, ...]  #: Stories in the hour (or less) that ends there.
    fired: tuple[tuple[datetime, datetime], ...] = ()  #: When the alert fired.

    def __post_init__(self) -> None:
        for name in ("seen", "expected", "low", "high", "fires_from", "hourly"):
            if len(getattr(self, name)) not in ({0, len(self.ends)} if name == "fires_from" else {len(self.ends)}):
                raise ValueError(f"{name}: {len(getattr(self, name))} numbers for {len(self.ends)} points of time")
        if len(self.ends) < 2 or any(b <= a for a, b in pairwise(self.ends)):  # noqa: PLR2004
            raise ValueError("a chart wants two points of time or more, ascending")


def draw_chart(chart: Chart) -> bytes:
    """The chart as PNG; the same chart gives the same bytes."""
    canvas = Canvas(WIDTH, HEIGHT)
    top = max(*chart.seen, *chart.high, *chart.expected, _shown_limit(chart), 1.0) * HEADROOM
    across = _across(chart)
    upper, lower = _up(TOP, MIDDLE, top), _up(LOWER, BOTTOM, max(*chart.hourly, 1.0) * HEADROOM)
    _spans(canvas, chart, across)
    _grid(canvas, upper, top, across, chart)
    _curves(canvas, chart, across, upper)
    _hours(canvas, chart, across, lower)
    _titles(canvas, chart)
    return canvas.png()


def _shown_limit(chart: Chart) -> float:
    """The limit, where it is not so high that everything else would be flat."""
    highest = max(*chart.seen, *chart.high, 1.0)
    return min(max(chart.fires_from, default=0.0), highest * 2.5)


def _across(chart: Chart) -> Callable[[datetime], float]:
    start, length = chart.ends[0], chart.ends[-1] - chart.ends[0]

    def place(at: datetime) -> float:
        return LEFT + (RIGHT - LEFT) * min(max((at - start) / length, 0.0), 1.0)

    return place


def _up(top: float, bottom: float, highest: float) -> Callable[[float], float]:
    def place(value: float) -> float:
        return bottom - (bottom - top) * min(max(value / highest, 0.0), 1.0)

    return place


def _spans(canvas: Canvas, chart: Chart, across: Callable[[datetime], float]) -> None:
    for start, end in chart.fired:
        if end > chart.ends[0] and start <= chart.ends[-1]:
            left, right = across(start), max(across(end), across(start) + 3)
            canvas.area([(left, TOP), (right, TOP), (right, BOTTOM), (left, BOTTOM)], FIRING)


def _grid(
    canvas: Canvas, upper: Callable[[float], float], top: float, across: Callable[[datetime], float], chart: Chart
) -> None:
    for value in round_steps(top):
        canvas.line([(LEFT, upper(value)), (RIGHT, upper(value))], GRID, 1)
        canvas.words((LEFT - 10, upper(value)), f"{value:,.0f}", DIM, anchor="rm")
    for at in midnights(chart.ends[0], chart.ends[-1]):
        canvas.line([(across(at), TOP), (across(at), BOTTOM)], GRID, 1)
        canvas.words((across(at), BOTTOM + 22), f"{at:%b} {at.day}", DIM, anchor="mm")


def _curves(canvas: Canvas, chart: Chart, across: Callable[[datetime], float], upper: Callable[[float], float]) -> None:
    def points(values: Sequence[float]) -> list[Point]:
        return [(across(at), upper(value)) for at, value in zip(chart.ends, values, strict=True)]

    canvas.area([*points(chart.high), *reversed(points(chart.low))], BAND)
    canvas.line(points(chart.expected), EXPECTED, 2)
    if chart.fires_from:
        canvas.dashes(points(chart.fires_from), LIMIT, 2)
    canvas.line(points(chart.seen), SEEN, 3)
    canvas.dot(points(chart.seen)[-1], SEEN, 6)
    canvas.line([(LEFT, MIDDLE), (RIGHT, MIDDLE)], DIM, 1)


def _hours(canvas: Canvas, chart: Chart, across: Callable[[datetime], float], lower: Callable[[float], float]) -> None:
    for (before, at), count in zip(pairwise(chart.ends), chart.hourly[1:], strict=True):
        left, right = across(before) + 0.5, across(at) - 0.5
        if count:
            canvas.area([(left, BOTTOM), (left, lower(count)), (right, lower(count)), (right, BOTTOM)], HOURLY)
    canvas.line([(LEFT, BOTTOM), (RIGHT, BOTTOM)], DIM, 1)
    canvas.words((LEFT - 10, lower(max(chart.hourly))), f"{max(chart.hourly):,.0f}", DIM, anchor="rm")
    canvas.words((LEFT - 10, BOTTOM), "0", DIM, anchor="rm")
    canvas.words((LEFT + 6, LOWER - 12), "in each hour", DIM, size=18)


def _titles(canvas: Canvas, chart: Chart) -> None:
    canvas.words((LEFT, 26), chart.title, INK, size=26)
    x = LEFT + 0.0
    for text, colour, kind in (
        (chart.counted, SEEN, "line"), ("expected", EXPECTED, "line"), ("nine in ten quiet windows", BAND, "area"),
        ("fires from here", LIMIT, "dash"), ("fired", FIRING, "area"),
    ):  # fmt: skip
        if not {"dash": chart.fires_from, FIRING: chart.fired}.get(kind if kind == "dash" else colour, True):
            continue
        _key(canvas, x, colour, kind)
        x += 40 + canvas.words((x + 34, 64), text, DIM, size=19) + 24


def _key(canvas: Canvas, x: float, colour: str, kind: str) -> None:
    ends = [(x, 64.0), (x + 26.0, 64.0)]
    if kind == "area":
        canvas.area([(x, 56), (x + 26, 56), (x + 26, 72), (x, 72)], colour)
    elif kind == "dash":
        canvas.dashes(ends, colour, 2)
    else:
        canvas.line(ends, colour, 3)


def round_steps(top: float) -> list[float]:
    """Round whole numbers from 0 to at most `top`, one to seven of them."""
    decades = (10**power * factor for power in range(16) for factor in STEPS)
    step = next(float(step) for step in decades if top / step <= MAX_LINES)
    return [step * place for place in range(int(top / step) + 1)]


def midnights(start: datetime, end: datetime) -> list[datetime]:
    """The midnights, UTC, within the span; of many every second, third and so on."""
    first = start.replace(hour=0, minute=0, second=0, microsecond=0)
    found = [first + DAY * day for day in range((end - first) // DAY + 1) if first + DAY * day >= start]
    return found[:: 1 + (len(found) - 1) // MAX_MARKS] if found else []
