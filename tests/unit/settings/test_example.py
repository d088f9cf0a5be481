"""The annotated example covers every key and is valid."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
import yaml

from monitor.settings import Settings
from monitor.settings.base import Section
from monitor.settings.load import effective_yaml, example_yaml
from monitor.settings.secrets import SECRET_KEYS


def sections(annotation: Any) -> Iterator[type[Section]]:
    """The sections reachable from a type."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    elif get_origin(annotation) in (Union, UnionType, Annotated, tuple):
        for arg in get_args(annotation):
            yield from sections(arg)


def every_section() -> set[type[Section]]:
    """All sections below the root, the root included."""
    found, waiting = set(), [Settings]
    while waiting:
        section = waiting.pop()
        found.add(section)
        for field in section.model_fields.values():
            waiting += [inner for inner in sections(field.annotation) if inner not in found]
    return found


def mentioned() -> list[str]:
    """Keys of the example in order, those in comments too."""
    return re.findall(r"^\s*(?:- |# )*([a-z_]+):(?= |$)", example_yaml(), flags=re.MULTILINE)


@pytest.mark.parametrize("section", sorted(every_section(), key=lambda s: s.__name__), ids=lambda s: s.__name__)
def test_example_covers_every_key(section: type[Section]) -> None:
    """A key that the example leaves out is a key that nobody finds."""
    keys = {field.alias or name for name, field in section.model_fields.items()}
    assert keys <= set(mentioned())


def test_example_mentions_a_repeated_key_in_each_section_that_has_it() -> None:
    """The check above goes by name alone; a name shared by sections must be there for each of them."""
    needed: dict[str, int] = {}
    for section in every_section():
        for name, field in section.model_fields.items():
            needed[field.alias or name] = needed.get(field.alias or name, 0) + 1
    found = mentioned()
    assert {key: found.count(key) for key, count in needed.items() if found.count(key) < count} == {}


def test_example_is_valid_and_holds_the_defaults() -> None:
    """A reader copies it: it must load, and what it shows as defaults must be the defaults."""
    settings = Settings.model_validate(yaml.safe_load(example_yaml()))
    plain = Settings()
    for name in ("database", "kafka", "local_log", "stream", "ingest", "classifier", "aggregate", "web", "logging"):
        assert getattr(settings, name) == getattr(plain, name), name
    rule = settings.alerting.rules[0]
    fresh = type(rule)(name=rule.name, labels=rule.labels, annotations=rule.annotations)
    assert rule == fresh


def test_example_with_only_its_comments_left_out_comes_back_from_effective_yaml() -> None:
    """`check-config --print` writes the same keys that the example explains."""
    settings = Settings.model_validate(yaml.safe_load(example_yaml()))
    shown = yaml.safe_load(effective_yaml(settings))
    assert set(shown) == set(Settings.model_fields)
    assert shown["alerting"]["rules"][0]["for"] == "0s"
    assert shown["alerting"]["receivers"][0]["from"] == "tapewatch@example.org"


def test_every_secret_can_come_from_a_file() -> None:
    """A secret without its `_file` twin would force people to write it into the file."""
    from pydantic import SecretStr

    for section in every_section():
        for name, field in section.model_fields.items():
            if SecretStr in (field.annotation, *get_args(field.annotation)):
                assert name in SECRET_KEYS
                assert f"{name}_file" in section.model_fields
