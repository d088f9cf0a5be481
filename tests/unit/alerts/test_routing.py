"""Routing: Alertmanager's tree."""

from datetime import timedelta
from typing import Any

from alerts.routing import Route, build_route
from monitor.settings import RouteSettings

ACME = {"alertname": "Spike", "entity": "ACME", "severity": "page"}
GLOBEX = {"alertname": "Spike", "entity": "GLOBEX", "severity": "mail"}


def tree(**settings: Any) -> Route:
    """A route as the configuration writes it."""
    return build_route(RouteSettings.model_validate(settings))


def on(name: str, value: str, **more: Any) -> dict[str, Any]:
    """A child route with one matcher."""
    return {"matchers": [{"name": name, "value": value}], **more}


def receivers(route: Route, labels: dict[str, str]) -> list[str | None]:
    """Who gets an alert."""
    return [leaf.receiver for leaf in route.find(labels)]


def test_defaults_are_alertmanagers() -> None:
    """group_wait 30s, group_interval 5m, repeat_interval 4h; grouped by alertname and entity."""
    route = tree(receiver="mail")
    spans = (route.group_wait, route.group_interval, route.repeat_interval)
    assert spans == (timedelta(seconds=30), timedelta(minutes=5), timedelta(hours=4))
    assert route.group_labels(ACME) == {"alertname": "Spike", "entity": "ACME"}


def test_root_takes_what_no_child_matches() -> None:
    """And it matches everything, whatever its matchers say."""
    route = tree(
        receiver="mail",
        routes=[on("severity", "page", receiver="pager")],
        matchers=[{"name": "x", "value": "y"}],
    )
    assert receivers(route, ACME) == ["pager"]
    assert receivers(route, GLOBEX) == ["mail"]


def test_first_match_wins_unless_it_continues() -> None:
    """`continue` lets the following siblings have it too."""
    first, second = on("entity", "ACME", receiver="a"), on("severity", "page", receiver="b")
    assert receivers(tree(receiver="r", routes=[first, second]), ACME) == ["a"]
    assert receivers(tree(receiver="r", routes=[{**first, "continue": True}, second]), ACME) == ["a", "b"]


def test_deepest_match_takes_the_alert() -> None:
    """A parent is passed over where one of its children matches."""
    inner = on("severity", "page", receiver="inner")
    route = tree(receiver="root", routes=[on("alertname", "Spike", receiver="outer", routes=[inner])])
    assert receivers(route, ACME) == ["inner"]
    assert receivers(route, GLOBEX) == ["outer"]


def test_children_inherit_what_they_do_not_set() -> None:
    """Receiver, grouping and spans; but neither matchers nor continue."""
    child = on("entity", "ACME", group_wait="0s")
    route = tree(receiver="mail", group_by=["alertname"], repeat_interval="1d", routes=[child])
    (leaf,) = route.find(ACME)
    assert (leaf.receiver, leaf.group_by, leaf.repeat_interval) == ("mail", ("alertname",), timedelta(days=1))
    assert leaf.group_wait == timedelta(0)
    assert not leaf.goes_on


def test_group_key_tells_groups_apart() -> None:
    """By labels, and by route, also where two routes have the same matchers."""
    same = on("severity", "page", receiver="a")
    route = tree(receiver="r", routes=[{**same, "continue": True}, {**same, "receiver": "b"}])
    keys = [leaf.group_key(ACME) for leaf in route.find(ACME)]
    assert len(set(keys)) == 2
    assert route.group_key(ACME) == '{}:{alertname="Spike", entity="ACME"}'
    assert route.group_key(ACME) != route.group_key(GLOBEX)


def test_group_by_everything_makes_each_alert_a_group() -> None:
    """`...` is Alertmanager's word for not grouping."""
    assert tree(group_by=["..."]).group_labels(ACME) == ACME


def test_no_grouping_label_makes_one_group() -> None:
    """An empty list puts everything together."""
    route = tree(group_by=[])
    assert route.group_key(ACME) == route.group_key(GLOBEX)
