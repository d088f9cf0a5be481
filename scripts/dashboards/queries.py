"""What panels ask: Prometheus expressions, SQL on the monitor's PostgreSQL, and annotations of either."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from string import ascii_uppercase
from typing import Any

from grafana_foundation_sdk.builders import prometheus
from grafana_foundation_sdk.cog import variants
from grafana_foundation_sdk.models.dashboard import DataSourceRef

PROMETHEUS = DataSourceRef(type_val="prometheus", uid="tapewatch-prometheus")
POSTGRES = DataSourceRef(type_val="grafana-postgresql-datasource", uid="tapewatch-postgres")


def series(*asked: tuple[str, str]) -> list[prometheus.Dataquery]:
    """Targets over time, from (expression, legend)."""
    return [_query(expr, legend, letter) for (expr, legend), letter in zip(asked, ascii_uppercase, strict=False)]


def latest(*asked: tuple[str, str]) -> list[prometheus.Dataquery]:
    """Targets at the end of the span alone."""
    return [query.instant() for query in series(*asked)]


def table(expr: str) -> list[prometheus.Dataquery]:
    """One target whose labels become columns."""
    return [_query(expr, "", "A").instant().format("table")]  # type: ignore[arg-type]


def _query(expr: str, legend: str, letter: str) -> prometheus.Dataquery:
    return prometheus.Dataquery().expr(expr).legend_format(legend).ref_id(letter).datasource(PROMETHEUS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sql(variants.Dataquery):
    """A query on PostgreSQL, in the form that Grafana's own editor writes; builder and built at once."""

    text: str
    ref_id: str = "A"

    def build(self) -> Sql:
        """Itself."""
        return self

    def to_json(self) -> dict[str, Any]:
        """The target."""
        return {
            "refId": self.ref_id,
            "datasource": POSTGRES,
            "editorMode": "code",
            "format": "table",
            "rawQuery": True,
            "rawSql": self.text,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """An annotation over every panel of a dashboard; builder and built at once."""

    name: str
    colour: str
    source: DataSourceRef
    target: dict[str, Any]  #: Further keys, as the data source wants them.

    def build(self) -> Marks:
        """Itself."""
        return self

    def to_json(self) -> dict[str, Any]:
        """The annotation query."""
        return {"name": self.name, "datasource": self.source, "enable": True, "iconColor": self.colour, **self.target}


def marks_of(expr: str, *, name: str, colour: str, title: str, text: str) -> Marks:
    """Annotations where a Prometheus expression has a value."""
    keys = {"expr": expr, "step": "60s", "titleFormat": title, "textFormat": text, "useValueForTime": False}
    return Marks(name=name, colour=colour, source=PROMETHEUS, target=keys)


def marks_of_sql(text: str, *, name: str, colour: str) -> Marks:
    """Annotations from rows with `time`, `text` and `tags`."""
    target = Sql(text=text, ref_id="Anno").to_json()
    return Marks(name=name, colour=colour, source=POSTGRES, target={"target": target})


def numbers() -> count[int]:
    """Ids of panels within one dashboard."""
    return count(1)
