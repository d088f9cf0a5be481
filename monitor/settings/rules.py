"""A rules file: the rules of a replay, in place of those of the configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from monitor.errors import ConfigurationError
from monitor.settings.load import read_yaml
from monitor.settings.problems import explain
from monitor.settings.root import Settings
from monitor.settings.shape import show_path


def with_rules(settings: Settings, path: Path) -> Settings:
    """`settings` with the rules of the YAML file at `path`, which holds one key, `rules`."""
    raw = read_yaml(path)
    if set(raw) != {"rules"}:
        raise ConfigurationError(f"{path}: must hold one key, rules; got {', '.join(map(str, raw)) or 'nothing'}")
    return with_rules_of(settings, raw["rules"], origin=str(path))


def with_rules_of(settings: Settings, rules: Sequence[Mapping[str, Any]], *, origin: str) -> Settings:
    """`settings` with `rules`, as YAML has them; problems are said with `origin` in front."""
    every, keep = settings.alerting.evaluate_every, settings.aggregate.bucket_retention
    whole = {
        "alerting": {"rules": rules, "evaluate_every": every},
        "aggregate": {"bucket": settings.aggregate.bucket, "bucket_retention": keep},
    }
    try:
        checked = Settings.model_validate(whole).alerting.rules
    except ValidationError as err:
        lines = [f"{origin}: {show_path(key[1:])}: {text}" for key, text in explain(err, whole).items()]
        raise ConfigurationError("\n".join(lines)) from err
    return settings.model_copy(update={"alerting": settings.alerting.model_copy(update={"rules": checked})})
