"""The picture of a tuning: drawn whatever the settings did, the same curves give the same bytes."""

from __future__ import annotations

from io import BytesIO

from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from alerts.replays.curve import COLOURS, HEIGHT, WIDTH, Curve, draw_curves

POINTS = st.lists(st.tuples(st.floats(0, 500), st.floats(0, 1)), max_size=5).map(tuple)
ONE = Curve(name="spike", chosen_on=((0.1, 0.4), (0.5, 0.7), (2.0, 0.9)), after=((0.2, 0.5), (0.2, 0.5)))


@settings(deadline=None, max_examples=25)
@given(st.lists(st.builds(Curve, name=st.just("spike"), chosen_on=POINTS, after=POINTS), max_size=3))
def test_whatever_settings_did_can_be_drawn(curves: list[Curve]) -> None:
    """No alert at all, settings that do the same, a method that fires every hour."""
    with Image.open(BytesIO(draw_curves(curves))) as picture:
        assert picture.size == (WIDTH, HEIGHT)


def test_the_same_curves_give_the_same_bytes() -> None:
    """A picture in a repository changes only when the figures do."""
    assert draw_curves([ONE]) == draw_curves([ONE])


def test_a_method_more_is_a_curve_more() -> None:
    """More methods than colours too."""
    other = Curve(name="ewma", chosen_on=((0.3, 0.2), (5.0, 0.6)), after=())

    assert draw_curves([ONE]) != draw_curves([ONE, other])
    assert draw_curves([ONE] * (len(COLOURS) + 1))
