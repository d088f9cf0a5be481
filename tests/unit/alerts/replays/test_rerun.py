"""Rerun: every tick of the span once and in order, alerts followed to their end, the end of the recording no event."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from alerts.replays.rerun import AT_ONCE, LONGEST_TAIL, Listener, Rerun, rerun
from monitor.domain import Alert, AlertState, SeriesKey, Transition
from monitor.ports import Tick

T0 = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FIRING, RESOLVED, PENDING = AlertState.FIRING, AlertState.RESOLVED, AlertState.PENDING
NORMAL, NO_DATA, UNCERTAIN = AlertState.NORMAL, AlertState.NO_DATA, AlertState.UNCERTAIN


class Script:
    """Plays what happens at which minute after T0: fingerprint, state before, state after."""

    def __init__(self, **lines: tuple[int, AlertState, AlertState]) -> None:
        self._lines = lines
        self.asked: list[datetime] = []
        self._fired: dict[str, datetime] = {}

    def evaluate(self, ticks: Sequence[datetime]) -> Iterator[Tick]:
        for at in ticks:
            self.asked.append(at)
            moved = [
                (name[0], before, after)
                for name, (minute, before, after) in self._lines.items()
                if at == T0 + minute * MINUTE
            ]
            if moved:
                yield self._tick(at, moved)

    def _tick(self, at: datetime, moved: Sequence[tuple[str, AlertState, AlertState]]) -> Tick:
        for name, before, after in moved:
            if after is FIRING and before is not UNCERTAIN:
                self._fired[name] = at
        transitions = [
            Transition(fingerprint=name, rule="r", series=SeriesKey(), before=before, after=after, at=at)
            for name, before, after in moved
        ]
        alerts = [
            Alert(
                fingerprint=name, rule="r", series=SeriesKey(), labels={}, state=after, since_at=at,
                fired_at=self._fired.get(name),
            )
            for name, _, after in moved
        ]  # fmt: skip
        return Tick(at=at, alerts=alerts, transitions=transitions, groups=[], notifications=[], baselines=[])


def run(script: Script, *, minutes: int = 60, follow: bool = True) -> Rerun:
    """Rerun so many minutes."""
    return rerun(script, start=T0, end=T0 + minutes * MINUTE, every=MINUTE, follow=follow)


@given(st.integers(0, 4000), st.sampled_from([1, 7, 60, 1440, 4000]))
def test_every_tick_of_the_span_is_evaluated_once_and_in_order(minutes: int, step: int) -> None:
    """Whatever the pieces are."""
    script, every = Script(), step * MINUTE
    found = rerun(script, start=T0, end=T0 + minutes * MINUTE, every=every)

    assert script.asked == [T0 + number * every for number in range(minutes // step + 1)]
    assert found.ticks == len(script.asked)


def test_progress_shows_after_each_piece() -> None:
    """Of event time, up to the end."""
    seen: list[datetime] = []
    rerun(
        Script(), start=T0, end=T0 + 3 * AT_ONCE, every=timedelta(hours=1), listener=Listener(on_progress=seen.append)
    )

    assert seen == [T0 + AT_ONCE - timedelta(hours=1) + day * AT_ONCE for day in range(3)] + [T0 + 3 * AT_ONCE]


def test_what_fires_at_the_end_is_followed_until_it_is_resolved() -> None:
    """As a live monitor would; and no longer than needed."""
    script = Script(a=(50, NORMAL, FIRING), a2=(200, FIRING, RESOLVED))
    found = run(script)

    assert [t.after for t in found.transitions] == [FIRING, RESOLVED]
    assert script.asked[-1] < T0 + AT_ONCE + 200 * MINUTE
    assert not found.unended


def test_what_never_ends_is_followed_for_a_week() -> None:
    """A rerun ends, whatever the rules say."""
    script = Script(a=(50, NORMAL, FIRING))
    found = run(script)

    assert script.asked[-1] == T0 + 60 * MINUTE + LONGEST_TAIL
    assert found.unended == {"a"}


def test_nothing_is_followed_where_nothing_fires_or_nobody_asks() -> None:
    """The span is the span."""
    assert run(Script(a=(5, NORMAL, FIRING), a2=(30, FIRING, RESOLVED))).ticks == 61
    assert run(Script(a=(50, NORMAL, FIRING)), follow=False).ticks == 61


def test_silence_after_the_recording_is_no_event() -> None:
    """The data ended; within it silence is said as always."""
    inside = run(Script(a=(40, NORMAL, NO_DATA)))
    after = run(Script(a=(40, NORMAL, FIRING), b=(90, NORMAL, NO_DATA), a2=(100, FIRING, RESOLVED)))

    assert [t.after for t in inside.transitions] == [NO_DATA]
    assert [(t.fingerprint, t.after) for t in after.transitions] == [("a", FIRING), ("a", RESOLVED)]


def test_an_episode_is_counted_once_though_it_fires_again() -> None:
    """After it was uncertain it goes on; after it was resolved it is another."""
    script = Script(
        a=(1, NORMAL, FIRING), a2=(5, FIRING, UNCERTAIN), a3=(9, UNCERTAIN, FIRING), a4=(12, FIRING, RESOLVED),
        a5=(20, RESOLVED, FIRING), a6=(25, FIRING, RESOLVED), b=(20, NORMAL, PENDING), b2=(22, PENDING, NORMAL),
    )  # fmt: skip

    assert [alert.fired_at for alert in run(script).fired] == [T0 + MINUTE, T0 + 20 * MINUTE]
