"""The picture of an alert: it shows what it is given, whatever that is, and always in the same bytes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from alerts.charts.canvas import Canvas, dashes_between
from alerts.charts.chart import (
    BOTTOM,
    FIRING,
    HEIGHT,
    LEFT,
    RIGHT,
    SEEN,
    TOP,
    WIDTH,
    Chart,
    draw_chart,
    midnights,
    round_steps,
)
from tests.unit.alerts.notices import HOUR, T0

POINTS = 48
ENDS = tuple(T0 - HOUR * (POINTS - 1 - place) for place in range(POINTS))


def chart(**changes: object) -> Chart:
    """Two quiet days with five stories in the last hour."""
    flat = (0.0,) * (POINTS - 1)
    made = Chart(
        title="ACME: 5 negative stories, 0.5 expected", counted="negative stories in 1h", ends=ENDS,
        seen=(*flat, 5.0), expected=(0.5,) * POINTS, low=(0.0,) * POINTS, high=(2.0,) * POINTS,
        fires_from=(4.0,) * POINTS, hourly=(*flat, 5.0),
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def pixels(png: bytes) -> Image.Image:
    """The picture, decoded."""
    return Image.open(BytesIO(png)).convert("RGB")


def rgb(colour: str) -> tuple[int, ...]:
    """`#rrggbb` as numbers."""
    return tuple(int(colour[place : place + 2], 16) for place in (1, 3, 5))


def close(found: object, colour: str) -> bool:
    """Whether a pixel has a colour, as near as a palette comes."""
    assert isinstance(found, tuple)
    return all(abs(a - b) <= 16 for a, b in zip(found, rgb(colour), strict=True))


def test_a_chart_is_a_small_picture_and_always_the_same() -> None:
    """A mail that is sent again is the same mail; a group of five stays small."""
    png = draw_chart(chart())
    assert png.startswith(b"\x89PNG")
    assert pixels(png).size == (WIDTH, HEIGHT)
    assert len(png) < 60_000
    assert png == draw_chart(chart())


def test_the_count_ends_where_it_stands() -> None:
    """The last point is a dot at the right edge, higher for more."""

    def height(seen: float) -> int:
        picture = pixels(draw_chart(chart(seen=(*(0.0,) * (POINTS - 1), seen), high=(20.0,) * POINTS)))
        return min(y for y in range(TOP, BOTTOM) if close(picture.getpixel((RIGHT, y)), SEEN))

    assert height(18.0) < height(9.0) < height(3.0)


def test_what_fired_is_shaded_from_then_to_then() -> None:
    """Also an episode of a moment; what lies outside of the picture is not in it."""
    half = T0 - 24 * HOUR
    picture = pixels(draw_chart(chart(fired=((half, half + 6 * HOUR), (T0 - 99 * HOUR, T0 - 90 * HOUR)))))
    at = LEFT + (RIGHT - LEFT) * 23 // 47
    assert close(picture.getpixel((at + 20, TOP + 4)), FIRING)
    assert not close(picture.getpixel((at - 60, TOP + 4)), FIRING)
    assert not close(picture.getpixel((LEFT + 4, TOP + 4)), FIRING)
    moment = pixels(draw_chart(chart(fired=((half, half),))))
    assert any(close(moment.getpixel((at + x, TOP + 4)), FIRING) for x in range(-4, 8))


@settings(max_examples=8, deadline=None)
@given(
    seen=st.lists(st.floats(0, 1e6), min_size=POINTS, max_size=POINTS),
    limit=st.floats(0, 1e12),
    title=st.text(max_size=60),
)
def test_whatever_the_numbers_a_picture_comes_out(seen: list[float], limit: float, title: str) -> None:
    """An alert must not stay undelivered for a title in Chinese or a limit out of sight."""
    drawn = draw_chart(chart(seen=tuple(seen), hourly=tuple(seen), fires_from=(limit,) * POINTS, title=title))
    assert pixels(drawn).size == (WIDTH, HEIGHT)


def test_nothing_at_all_is_drawn_too() -> None:
    """A series that never had a story."""
    nothing = (0.0,) * POINTS
    drawn = draw_chart(
        chart(seen=nothing, expected=nothing, low=nothing, high=nothing, fires_from=nothing, hourly=nothing)
    )
    assert pixels(drawn).size == (WIDTH, HEIGHT)


@pytest.mark.parametrize("changes", [{"seen": (1.0,)}, {"ends": ENDS[::-1]}, {"ends": (T0,) * POINTS}, {"hourly": ()}])
def test_a_chart_that_does_not_fit_together_is_refused(changes: dict[str, object]) -> None:
    """Where it is made, and not as a wrong picture."""
    with pytest.raises(ValueError, match="points of time"):
        chart(**changes)


@pytest.mark.parametrize(
    ("top", "steps"), [(1.12, [0, 1]), (6, [0, 1, 2, 3, 4, 5, 6]), (41, [0, 10, 20, 30, 40]), (1e6, None), (0.4, [0])]
)
def test_the_grid_has_round_numbers(top: float, steps: list[float] | None) -> None:
    """Few of them, from nothing up, whole ones alone: there are no half stories."""
    found = round_steps(top)
    assert found[0] == 0
    assert found[-1] <= top
    assert len(found) <= 7
    if steps is not None:
        assert found == steps


def test_dates_are_few() -> None:
    """A fortnight has no room for fourteen names."""
    assert [at.day for at in midnights(T0 - 2 * 24 * HOUR, T0)] == [1, 2]
    assert midnights(T0, T0 + HOUR) == []
    assert len(midnights(T0 - timedelta(days=30), T0)) <= 8


def test_dashes_go_on_where_the_line_bends() -> None:
    """A curve of many short lines must not look solid."""
    whole = list(dashes_between(0.0, 30.0))
    assert whole == [(0.0, 7.0), (12.0, 19.0), (24.0, 30.0)]
    assert [*dashes_between(0.0, 5.0), *dashes_between(5.0, 12.0)] == [(0.0, 5.0), (5.0, 7.0)]
    assert list(dashes_between(8.0, 11.0)) == []


def test_letters_that_the_font_lacks_become_question_marks() -> None:
    """Not boxes, and no error."""
    assert Canvas(50, 50).words((0, 20), "平安", "#000000") == Canvas(50, 50).words((0, 20), "??", "#000000")
