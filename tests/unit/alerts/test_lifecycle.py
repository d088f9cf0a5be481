"""The life of an alert: every change of state, and that a restart changes none."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import lifecycle
from alerts.lifecycle import Condition, held, is_told
from monitor.domain import Alert, AlertState, SeriesKey, Transition
from monitor.settings import Rule
from tests.unit.alerts.build import MINUTE, T0, rule

N, P, F, R, D, U = (
    AlertState.NORMAL, AlertState.PENDING, AlertState.FIRING, AlertState.RECOVERING, AlertState.RESOLVED,
    AlertState.UNCERTAIN,
)  # fmt: skip
BAD, CALM, DARK = Condition.MET, Condition.UNMET, Condition.UNKNOWN


def fresh() -> Alert:
    """An alert that was never active."""
    return lifecycle.new_alert("f1", rule="NegativeSpike", series=SeriesKey(entity="ACME"), labels={}, at=T0)


def step(alert: Alert, which: Rule, condition: Condition, at: datetime) -> tuple[Alert, list[Transition]]:
    """The alert after one evaluation, and its transitions."""
    steps = lifecycle.advance(alert, which, condition, at=at, reason="dark" if condition is DARK else "")
    pairs = zip([alert, *steps], steps, strict=False)
    return (steps or [alert])[-1], [lifecycle.transition(before, after, None) for before, after in pairs]


def follow(
    seen: Sequence[Condition], which: Rule, *, restart: bool = False
) -> tuple[list[AlertState], list[Transition]]:
    """States and transitions of one evaluation a minute."""
    alert, states, transitions = fresh(), [], []
    for i, item in enumerate(seen):
        alert, moved = step(alert, which, item, T0 + i * MINUTE)
        states.append(alert.state)
        transitions += moved
        if restart:
            alert = msgspec.json.decode(msgspec.json.encode(alert), type=Alert)
    return states, transitions


def rules_for(hold: str = "0s", keep: str = "0s") -> Rule:
    """A rule with `for` and `keep_firing_for`."""
    return rule(**{"for": hold, "keep_firing_for": keep})


def test_calm_stays_normal() -> None:
    """Nothing happens, nothing is said."""
    assert follow([CALM, CALM], rules_for()) == ([N, N], [])


def test_without_for_it_fires_at_once() -> None:
    """As in Prometheus: `for: 0s` skips pending."""
    states, (transition,) = follow([CALM, BAD], rules_for())
    assert states == [N, F]
    assert (transition.before, transition.after, transition.at) == (N, F, T0 + MINUTE)


def test_for_holds_back_until_it_is_over() -> None:
    """The condition must hold at every evaluation of the span."""
    states, transitions = follow([BAD] * 4, rules_for(hold="3m"))
    assert states == [P, P, P, F]
    assert [(t.before, t.after) for t in transitions] == [(N, P), (P, F)]


def test_gap_while_pending_starts_again() -> None:
    """One evaluation without the condition forgets how long it held before."""
    states, _ = follow([BAD, BAD, CALM, BAD, BAD, BAD], rules_for(hold="2m"))
    assert states == [P, P, N, P, P, F]


def test_keep_firing_for_runs_from_when_the_condition_no_longer_held() -> None:
    """Recovering, as long as `keep_firing_for`; then resolved. As in Prometheus."""
    states, transitions = follow([BAD, BAD, CALM, CALM, CALM, CALM], rules_for(keep="3m"))
    assert states == [F, F, R, R, R, D]
    assert [t.after for t in transitions] == [F, R, D]


def test_recovering_fires_again_without_a_new_episode() -> None:
    """It had not ended: `fired_at` stays, and the span runs anew."""
    which = rules_for(hold="1m", keep="2m")
    alert = fresh()
    for i, seen in enumerate([BAD, BAD, CALM, BAD]):
        alert, _ = step(alert, which, seen, T0 + i * MINUTE)
    assert (alert.state, alert.fired_at, alert.last_true_at) == (F, T0 + MINUTE, T0 + 2 * MINUTE)


def test_resolved_begins_a_new_episode() -> None:
    """Pending again, with instants of its own."""
    which = rules_for(hold="1m")
    states, transitions = follow([BAD, BAD, CALM, CALM, BAD, CALM, BAD, BAD], which)
    assert states == [P, F, D, D, P, N, P, F]
    assert [(t.before, t.after) for t in transitions][3] == (D, P)


@pytest.mark.parametrize(
    ("seen", "states"),
    [
        ([CALM, DARK, CALM], [N, U, N]),
        ([BAD, DARK, BAD], [F, U, F]),
        ([BAD, DARK, DARK, CALM, CALM, CALM], [F, U, U, R, R, D]),
        ([BAD, CALM, DARK, DARK, DARK, CALM, CALM, CALM], [F, R, U, U, U, R, R, D]),
        ([BAD, CALM, CALM, CALM, DARK, CALM], [F, R, R, D, U, D]),
    ],
)
def test_uncertain_goes_back_to_what_it_was(seen: list[Condition], states: list[AlertState]) -> None:
    """In the dark nothing fires and nothing resolves, and the span of `keep_firing_for` stands still."""
    assert follow(seen, rules_for(keep="2m"))[0] == states


def test_light_after_the_dark_is_a_transition_of_its_own() -> None:
    """Whoever counts episodes must not take the return for a new one."""
    _, transitions = follow([BAD, DARK, CALM], rules_for())
    assert [(t.before, t.after, t.reason) for t in transitions] == [(N, F, ""), (F, U, "dark"), (U, F, ""), (F, D, "")]


def test_for_begins_anew_after_the_dark() -> None:
    """Nobody knows whether the condition held in the meantime."""
    assert follow([BAD, BAD, DARK, BAD, BAD, BAD], rules_for(hold="2m"))[0] == [P, P, U, P, P, F]


def test_receivers_see_an_alert_that_was_firing_as_firing() -> None:
    """A source that died does not end what it reported."""
    firing, _ = step(fresh(), rules_for(), BAD, T0)
    dark, _ = step(firing, rules_for(), DARK, T0 + MINUTE)
    assert (held(dark), is_told(dark), dark.reason) == (F, True, "dark")
    calm, _ = step(fresh(), rules_for(), DARK, T0)
    assert (held(calm), is_told(calm)) == (N, False)


@pytest.mark.parametrize(
    ("before", "inner", "after"),
    [(F, None, D), (R, None, D), (P, None, N), (U, F, D), (U, P, N), (AlertState.NO_DATA, None, D)],
)
def test_alert_without_a_rule_ends(before: AlertState, inner: AlertState | None, after: AlertState) -> None:
    """A rule that was taken away leaves nothing firing behind."""
    ended = lifecycle.resolve(replace(fresh(), state=before, held_state=inner), at=T0 + MINUTE, reason="gone")
    assert (ended.state, ended.held_state, ended.since_at, ended.reason) == (after, None, T0 + MINUTE, "gone")


EPISODES = st.lists(st.sampled_from([BAD, CALM, DARK]), max_size=40)
SPANS = st.sampled_from(["0s", "1m", "3m"])


@given(EPISODES, SPANS, SPANS)
def test_restart_at_any_point_changes_nothing(seen: list[Condition], hold: str, keep: str) -> None:
    """All that is remembered is in the alert: stored and read between any two evaluations, it goes on the same."""
    which = rules_for(hold, keep)
    assert follow(seen, which, restart=True) == follow(seen, which)


@given(EPISODES, SPANS, SPANS)
def test_transitions_form_an_unbroken_chain(seen: list[Condition], hold: str, keep: str) -> None:
    """Each begins where the last ended, only along the allowed ways, and the states agree with them."""
    allowed = {(N, P), (N, F), (P, F), (P, N), (F, R), (F, D), (R, F), (R, D), (D, P), (D, F)}
    states, transitions = follow(seen, rules_for(hold, keep))
    state, before_dark = N, N
    for transition in transitions:
        assert transition.before is state
        if transition.after is U:
            before_dark = state
        elif state is U:
            assert transition.after is before_dark
        else:
            assert (transition.before, transition.after) in allowed
        state = transition.after
    assert not states or states[-1] is state


@given(EPISODES, st.integers(0, 3), st.integers(0, 3))
def test_spans_are_kept(seen: list[Condition], hold: int, keep: int) -> None:
    """No alert fires before `for`, none resolves before `keep_firing_for`, none does either in the dark."""
    which = rules_for(f"{hold}m" if hold else "0s", f"{keep}m" if keep else "0s")
    alert, last_not_met = fresh(), T0 - MINUTE
    for i, item in enumerate(seen):
        at: datetime = T0 + i * MINUTE
        if item is not BAD:
            last_not_met = at
        alert, transitions = step(alert, which, item, at)
        for transition in transitions:
            assert item is not DARK or transition.after is U
            if transition.after is F and transition.before not in (R, U):
                assert at - last_not_met > timedelta(minutes=hold)
            if transition.after is D and transition.before in (F, R):
                assert alert.last_true_at is not None
                assert at - alert.last_true_at >= timedelta(minutes=keep)
