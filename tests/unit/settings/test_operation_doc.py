"""docs/operation.md names tests, keys, verbs and defaults that are there."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import reduce
from pathlib import Path

import click
import pytest

from monitor.cli import tapewatch
from monitor.settings import Settings

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "operation.md").read_text(encoding="utf-8")
SECTIONS = "|".join(Settings.model_fields)
KEYS = sorted(set(re.findall(rf"`((?:{SECTIONS})\.[a-z_]+)`", TEXT)))
DEFAULTS = re.findall(r"\| (\d+) days[^|]*\| `([a-z_.]+)` \|", TEXT)


def value(key: str) -> object:
    """The default of a key."""
    return reduce(getattr, key.split("."), Settings())


def test_every_test_that_shows_a_promise_is_there() -> None:
    """A promise whose test is gone is none."""
    named = set(re.findall(r"`(tests/[\w/]+\.py)`", TEXT))
    assert len(named) >= 9
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("key", KEYS)
def test_every_key_exists(key: str) -> None:
    """An operator copies it into his file."""
    value(key)


@pytest.mark.parametrize(("days", "key"), DEFAULTS)
def test_every_default_is_the_one_that_holds(days: str, key: str) -> None:
    """The table of retention is what happens to who sets nothing."""
    assert value(key) == timedelta(days=int(days))


def test_the_table_of_retention_is_read() -> None:
    """Otherwise the test above tests nothing."""
    assert len(DEFAULTS) == 4


def test_every_verb_exists() -> None:
    """With its subcommand and its options."""
    named = re.findall(r"^ *tapewatch ([a-z][^#\n]*)", TEXT, re.MULTILINE)
    assert len(named) > 10
    for line in named:
        words = line.split()
        command: click.Command = tapewatch
        while isinstance(command, click.Group):
            command = command.commands[words.pop(0)]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, line
