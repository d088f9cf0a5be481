"""Bring the tables of docs/metrics.md up to date: a line for each metric, from the code that makes them.

`--write` changes the file, without it the tables are printed.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from prometheus_client import CollectorRegistry  # noqa: E402 -- the checkout has to be found first

from monitor import metrics  # noqa: E402

PAGE = ROOT / "docs/metrics.md"
BEGIN, END = "<!-- metrics: made by scripts/list_metrics.py -->\n", "<!-- metrics: end -->"


def tables() -> str:
    """One table a class of metrics, under what the class says of itself."""
    made = [made for made in vars(metrics).values() if isinstance(made, type) and made.__name__.endswith("Metrics")]
    return "\n".join(_table(one) for one in sorted(made, key=lambda one: one.__name__))


def _table(made: type) -> str:
    registry = CollectorRegistry()
    made(registry)
    head = " ".join((made.__doc__ or "").split())
    lines = [
        f"### {made.__name__.removesuffix('Metrics')}",
        "",
        head,
        "",
        "| metric | kind | labels | meaning |",
        "|---|---|---|---|",
    ]
    for collector in registry._collector_to_names:  # noqa: SLF001 -- the only way to their labels
        name, kind = collector._name, collector._type  # noqa: SLF001
        labels = ", ".join(f"`{label}`" for label in collector._labelnames)  # noqa: SLF001
        suffix = "_total" if kind == "counter" else ""
        lines.append(f"| `{name}{suffix}` | {kind} | {labels} | {collector._documentation} |")  # noqa: SLF001
    return "\n".join([*lines, ""])


def rendered(text: str) -> str:
    """`text` with the tables as they should be."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{tables()}\n{END}{after}"


if __name__ == "__main__":
    new = rendered(PAGE.read_text(encoding="utf-8"))
    if "--write" in sys.argv:
        PAGE.write_text(new, encoding="utf-8")
    else:
        sys.stdout.write(tables())
