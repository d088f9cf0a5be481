"""Bring the list of rooms in ARCHITECTURE.md up to date: a line for each module, new ones from their docstrings.

Lines that are there keep their text; lines of modules that are gone are dropped. `--write` changes the file, without
it the section is printed.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAP = ROOT / "ARCHITECTURE.md"
HEADING = "## Rooms\n"
PACKAGES = ("monitor", "models", "pipelines", "alerts")
NAMED = re.compile(r"^- `([^`]+)`: (.+)$", re.MULTILINE)


def modules() -> list[str]:
    """Every module, and every package that says something, as paths from the root."""
    found = [
        path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")) if path.read_text().strip()
    ]
    kept = [path for path in found if "versions" not in path.parts]
    return [str(path.relative_to(ROOT)).removesuffix("__init__.py") for path in kept]


def section(text: str) -> str:
    """The part of `text` below the heading, up to the next one."""
    return text.partition(HEADING)[2].partition("\n## ")[0]


def named(text: str) -> dict[str, str]:
    """Paths named in the section, with what is said of them."""
    return dict(NAMED.findall(section(text)))


def rendered(text: str) -> str:
    """`text` with the section as it should be."""
    known = named(text)
    lines = [f"- `{path}`: {known.get(path) or _first_sentence(path)}" for path in modules()]
    new = "\n" + "\n".join(lines) + "\n"
    if HEADING not in text:
        return f"{text.rstrip()}\n\n{HEADING}{new}"
    return text.replace(HEADING + section(text), HEADING + new)


def _first_sentence(path: str) -> str:
    source = ROOT / path
    source = source / "__init__.py" if source.is_dir() else source
    said = (ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) or "").partition("\n\n")[0]
    return " ".join(said.split())


if __name__ == "__main__":
    new = rendered(MAP.read_text(encoding="utf-8"))
    if "--write" in sys.argv:
        MAP.write_text(new, encoding="utf-8")
    else:
        sys.stdout.write(section(new))
