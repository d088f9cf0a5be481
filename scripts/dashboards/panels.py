"""Panels in the house's form: a title that says what is seen, a note that says how to read it, a unit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from grafana_foundation_sdk.builders import bargauge, common, dashboard, stat, table, timeseries
from grafana_foundation_sdk.models import common as words
from grafana_foundation_sdk.models.dashboard import (
    DynamicConfigValue,
    Threshold,
    ThresholdsMode,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from scripts.dashboards.queries import POSTGRES, PROMETHEUS, Marks, Sql, numbers

Panel = Any  #: The SDK's builders share methods, but no type.
THIRD, HALF, QUARTER, FULL = 8, 12, 6, 24  #: Widths in Grafana's columns.
GREEN, AMBER, RED = "green", "orange", "red"


def graph(title: str, targets: Sequence[Any], *, note: str, unit: str = "short", width: int = THIRD) -> Panel:
    """Lines over time."""
    legend = common.VizLegendOptions().show_legend(show_legend=True).placement(words.LegendPlacement.BOTTOM)
    panel = timeseries.Panel().title(title).description(note).unit(unit).legend(legend.display_mode(_LIST))
    panel.tooltip(common.VizTooltipOptions().mode(words.TooltipDisplayMode.MULTI).sort(words.SortOrder.DESCENDING))
    return _sized(panel.fill_opacity(8).targets(list(targets)).datasource(PROMETHEUS), width, 8)


def stacked(title: str, targets: Sequence[Any], *, note: str, unit: str = "short", width: int = THIRD) -> Panel:
    """Lines over time, one upon the other."""
    panel = graph(title, targets, note=note, unit=unit, width=width)
    return panel.stacking(common.StackingConfig().mode(words.StackingMode.NORMAL).group("A")).fill_opacity(40)


def figure(title: str, targets: Sequence[Any], *, note: str, unit: str = "short", steps: Sequence[float] = ()) -> Panel:
    """One number; from each of `steps` on it turns amber, then red."""
    panel = stat.Panel().title(title).description(note).unit(unit).targets(list(targets)).datasource(PROMETHEUS)
    return _sized(panel.thresholds(_colours(steps)).no_value("none"), QUARTER, 4)


def bars(title: str, targets: Sequence[Any], *, note: str, unit: str = "short", width: int = THIRD) -> Panel:
    """One bar a series, at the end of the span."""
    panel = bargauge.Panel().title(title).description(note).unit(unit).targets(list(targets)).datasource(PROMETHEUS)
    return _sized(panel.orientation(words.VizOrientation.HORIZONTAL).min(0), width, 8)


def labels_table(title: str, targets: Sequence[Any], *, note: str, width: int = THIRD) -> Panel:
    """One row a series, its labels as columns."""
    panel = table.Panel().title(title).description(note).targets(list(targets)).datasource(PROMETHEUS)
    hidden = [DynamicConfigValue(id_val="custom.hidden", value=True)]
    for name in ("Time", "__name__", "job"):
        panel.override_by_name(name, hidden)
    return _sized(panel, width, 8)


def rows_table(title: str, sql: str, *, note: str, height: int = 10) -> Panel:
    """Rows of the database; a column called `url` becomes a link."""
    asked: list[Any] = [Sql(text=sql)]
    panel = table.Panel().title(title).description(note).targets(asked).datasource(POSTGRES)
    link = DynamicConfigValue(id_val="links", value=[{"title": "open", "url": "${__value.raw}", "targetBlank": True}])
    return _sized(panel.override_by_name("url", [link]).filterable(filterable=True), FULL, height)


def row(title: str) -> dashboard.Row:
    """A heading over the panels that follow."""
    return dashboard.Row(title)


def board(title: str, uid: str, parts: Iterable[Any], *, note: str) -> dashboard.Dashboard:
    """A dashboard of rows and panels, in order; ids are given by position, so that links survive a new title."""
    made = dashboard.Dashboard(f"tapewatch: {title}").uid(uid).tags(["tapewatch"]).description(note).readonly()
    made.timezone("browser").time("now-6h", "now").refresh("30s")
    made.link(
        dashboard.DashboardLink("tapewatch")
        .tags(["tapewatch"])
        .as_dropdown(as_dropdown=False)
        .keep_time(keep_time=True)
    )
    ids = numbers()
    for part in parts:
        part.id(next(ids))
        made.with_row(part) if isinstance(part, dashboard.Row) else made.with_panel(part)
    return made


def choice(name: str, label: str, query: str) -> dashboard.QueryVariable:
    """A variable of which any number of values may be chosen; all at first."""
    asked: dict[str, object] = {"query": query, "refId": f"values-of-{name}"}
    made = dashboard.QueryVariable(name).label(label).datasource(PROMETHEUS).query(asked)
    made.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).sort(VariableSort.ALPHABETICAL_ASC)
    return made.multi(multi=True).include_all(include_all=True).current(_ALL)


def with_marks(made: dashboard.Dashboard, *marks: Marks) -> dashboard.Dashboard:
    """Add annotations."""
    for mark in marks:
        made.annotation(mark)  # type: ignore[arg-type]
    return made


_LIST = words.LegendDisplayMode.LIST
_ALL = VariableOption(selected=True, text="All", value="$__all")


def _sized(panel: Panel, width: int, height: int) -> Panel:
    return panel.span(width).height(height)


def _colours(steps: Sequence[float]) -> dashboard.ThresholdsConfig:
    made = [Threshold(value=None, color=GREEN)]
    made += [Threshold(value=value, color=colour) for value, colour in zip(steps, (AMBER, RED), strict=False)]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(made)
