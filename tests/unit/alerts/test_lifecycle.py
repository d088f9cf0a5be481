"""The life of an alert: every change of state, and that a restart changes none."""

from dataclasses import replace
from datetime import datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import lifecycle
from monitor.domain import Alert, AlertState, Evidence, SeriesKey, Transition
from monitor.settings import Rule
from tests.unit.alerts.build import MINUTE, T0, evidence, rule

N, P, F, R, D = (
    AlertState.NORMAL, AlertState.PENDING, AlertState.FIRING, AlertState.RECOVERING, AlertState.RESOLVED,
)  # fmt: skip
BAD = evidence()
MILD = evidence(p_value=0.01, passed=False)  # not worth an alert, but between the two p-values
CALM = evidence(seen=1, p_value=0.6, passed=False)


def fresh() -> Alert:
    """An alert that was never active."""
    return lifecycle.new_alert("f1", rule="NegativeSpike", series=SeriesKey(entity="ACME"), labels={}, at=T0)


def follow(seen: list[Evidence], which: Rule, *, restart: bool = False) -> tuple[list[AlertState], list[Transition]]:
    """States and transitions of one evaluation a minute."""
    alert, states, transitions = fresh(), [], []
    for i, item in enumerate(seen):
        alert, transition = lifecycle.step(alert, which, item, at=T0 + i * MINUTE)
        states.append(alert.state)
        transitions += [transition] if transition else []
        if restart:
            alert = msgspec.json.decode(msgspec.json.encode(alert), type=Alert)
    return states, transitions


def rules_for(hold: str = "0s", keep: str = "0s") -> Rule:
    """A rule with `for` and `keep_firing_for`."""
    return rule(**{"for": hold, "keep_firing_for": keep})


def test_calm_stays_normal() -> None:
    """Nothing happens, nothing is said."""
    assert follow([CALM, MILD, CALM], rules_for()) == ([N, N, N], [])


def test_without_for_it_fires_at_once() -> None:
    """As in Prometheus: `for: 0s` skips pending."""
    states, (transition,) = follow([CALM, BAD], rules_for())
    assert states == [N, F]
    assert (transition.before, transition.after, transition.at) == (N, F, T0 + MINUTE)
    assert transition.evidence == BAD


def test_for_holds_back_until_it_is_over() -> None:
    """The condition must hold at every evaluation of the span."""
    states, transitions = follow([BAD] * 4, rules_for(hold="3m"))
    assert states == [P, P, P, F]
    assert [(t.before, t.after) for t in transitions] == [(N, P), (P, F)]


def test_gap_while_pending_starts_again() -> None:
    """One evaluation without the condition forgets how long it held before."""
    states, _ = follow([BAD, BAD, MILD, BAD, BAD, BAD], rules_for(hold="2m"))
    assert states == [P, P, N, P, P, F]


def test_firing_holds_on_a_milder_condition() -> None:
    """Hysteresis: what fires goes on until the p-value rises above `resolve_p_value`."""
    assert follow([BAD, MILD, MILD, CALM], rules_for())[0] == [F, F, F, D]


def test_firing_ends_below_the_count_gate() -> None:
    """Four stories where nothing was expected are too few to keep anybody awake."""
    few = evidence(seen=4, p_value=1e-9, passed=False)
    assert follow([BAD, few], rules_for())[0] == [F, D]


def test_keep_firing_for_runs_from_when_the_condition_last_held() -> None:
    """Recovering, as long as `keep_firing_for`; then resolved."""
    states, transitions = follow([BAD, MILD, CALM, CALM, CALM, CALM], rules_for(keep="3m"))
    assert states == [F, F, R, R, D, D]
    assert [t.after for t in transitions] == [F, R, D]


def test_recovering_fires_again_without_a_new_episode() -> None:
    """It had not ended: `fired_at` stays, and the span runs anew."""
    which = rules_for(hold="1m", keep="2m")
    alert = fresh()
    for i, seen in enumerate([BAD, BAD, CALM, BAD]):
        alert, _ = lifecycle.step(alert, which, seen, at=T0 + i * MINUTE)
    assert (alert.state, alert.fired_at, alert.last_true_at) == (F, T0 + MINUTE, T0 + 3 * MINUTE)


def test_resolved_begins_a_new_episode() -> None:
    """Pending again, with instants of its own."""
    which = rules_for(hold="1m")
    states, transitions = follow([BAD, BAD, CALM, CALM, BAD, MILD, BAD, BAD], which)
    assert states == [P, F, D, D, P, N, P, F]
    assert [(t.before, t.after) for t in transitions][3] == (D, P)


def test_resolved_keeps_the_evidence_of_its_episode() -> None:
    """The message that says it is over shows what it was about."""
    alert = fresh()
    for i, seen in enumerate([BAD, CALM]):
        alert, _ = lifecycle.step(alert, rules_for(), seen, at=T0 + i * MINUTE)
    assert (alert.state, alert.evidence, alert.since_at) == (D, BAD, T0 + MINUTE)


@pytest.mark.parametrize(("before", "after"), [(F, D), (R, D), (P, N)])
def test_alert_without_a_rule_ends(before: AlertState, after: AlertState) -> None:
    """A rule that was taken away leaves nothing firing behind."""
    ended, transition = lifecycle.resolve(replace(fresh(), state=before), at=T0 + MINUTE)
    assert ended.state is after
    assert transition is not None
    assert (transition.before, transition.after) == (before, after)


EPISODES = st.lists(st.sampled_from([BAD, MILD, CALM]), max_size=40)
SPANS = st.sampled_from(["0s", "1m", "3m"])


@given(EPISODES, SPANS, SPANS)
def test_restart_at_any_point_changes_nothing(seen: list[Evidence], hold: str, keep: str) -> None:
    """All that is remembered is in the alert: stored and read between any two evaluations, it goes on the same."""
    which = rules_for(hold, keep)
    assert follow(seen, which, restart=True) == follow(seen, which)


@given(EPISODES, SPANS, SPANS)
def test_transitions_form_an_unbroken_chain(seen: list[Evidence], hold: str, keep: str) -> None:
    """Each begins where the last ended, only along the allowed ways, and the states agree with them."""
    allowed = {(N, P), (N, F), (P, F), (P, N), (F, R), (F, D), (R, F), (R, D), (D, P), (D, F)}
    states, transitions = follow(seen, rules_for(hold, keep))
    state = N
    for transition in transitions:
        assert (transition.before, transition.after) in allowed
        assert transition.before is state
        state = transition.after
    assert not states or states[-1] is state


@given(EPISODES, st.integers(0, 3), st.integers(0, 3))
def test_spans_are_kept(seen: list[Evidence], hold: int, keep: int) -> None:
    """No alert fires before `for`, none resolves before `keep_firing_for`."""
    which = rules_for(f"{hold}m" if hold else "0s", f"{keep}m" if keep else "0s")
    alert, last_unmet = fresh(), T0 - MINUTE
    for i, item in enumerate(seen):
        at: datetime = T0 + i * MINUTE
        if not lifecycle.holds(which, alert.state, item):
            last_unmet = at
        alert, transition = lifecycle.step(alert, which, item, at=at)
        if transition and transition.after is F and transition.before is not R:
            assert at - last_unmet > timedelta(minutes=hold)
        if transition and transition.after is D:
            assert alert.last_true_at is not None
            assert at - alert.last_true_at >= timedelta(minutes=keep)
