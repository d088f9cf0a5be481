"""ARCHITECTURE.md and the tree say the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("monitor", "models", "pipelines", "alerts")
NAMED = re.compile(r"^- `([^`]+)`: \S.*$", re.MULTILINE)


@pytest.fixture(scope="module")
def named() -> list[str]:
    """Paths named under `## Rooms`."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    return NAMED.findall(text.partition("\n## Rooms\n")[2].partition("\n## ")[0])


def modules() -> set[str]:
    """Modules of the four packages; migrations are a history, not rooms."""
    found = {path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if path.name != "__init__.py"}
    return {str(path.relative_to(ROOT)) for path in found if "versions" not in path.parts}


def test_everything_named_exists(named: list[str]) -> None:
    """A map of rooms that are gone leads astray."""
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_module_is_named_once(named: list[str]) -> None:
    """A module without a place on the map has no known purpose; `scripts/list_rooms.py --write` adds its line."""
    assert sorted(modules() - set(named)) == []
    assert len(named) == len(set(named))


def test_every_room_is_named(named: list[str]) -> None:
    """The packages themselves, too."""
    assert [package for package in PACKAGES if f"{package}/" not in named] == []


def test_every_other_path_that_the_text_names_exists() -> None:
    """Prose goes stale more quietly than lists."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    paths = re.findall(r"`(\w[\w./-]*/[\w.-]*|[\w-]+\.(?:py|md|toml|yaml))`", text)
    assert [path for path in paths if "/" in path and not (ROOT / path).exists()] == []
