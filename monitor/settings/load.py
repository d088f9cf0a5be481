"""Read the settings: one YAML file, the environment over it, secrets from files; every problem said at once.

In: a path (or none) and the environment. Out: frozen `Settings`, or one `ConfigurationError` whose lines each give
where (file or variable), key, what was wrong and what is allowed.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from monitor.errors import ConfigurationError
from monitor.settings.environment import Overlay, apply_overlay, read_environment
from monitor.settings.problems import explain
from monitor.settings.root import Settings
from monitor.settings.secrets import mask_receiver, mask_url, read_secret_files
from monitor.settings.shape import Path as KeyPath
from monitor.settings.shape import is_container, show_path, types_at


def load_settings(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Settings from the file at `path`, if any, and from `environ`, which wins."""
    raw = {} if path is None else read_yaml(path)
    overlay = read_environment(environ)
    problems = [*overlay.problems, *apply_overlay(raw, overlay)]
    origin = "settings" if path is None else str(path)
    try:
        _drop_empty_sections(raw, ())
        secret_problems = read_secret_files(raw)
        problems += [_line(key, text, origin, overlay) for key, text in secret_problems]
        settings = Settings.model_validate(raw)
    except ValidationError as err:
        problems += [_line(key, text, origin, overlay) for key, text in explain(err, raw).items()]
        raise ConfigurationError("\n".join(problems)) from err
    except RecursionError as err:
        raise ConfigurationError(f"{origin}: nested too deeply, or an anchor that refers to itself") from err
    if problems:
        raise ConfigurationError("\n".join(problems))
    return settings


def refused_settings(err: ValidationError) -> ConfigurationError:
    """What is wrong with sections that are right by themselves, and do not fit each other."""
    problems = [f"{show_path(key)}: {text}" if key else text for key, text in explain(err, {}).items()]
    return ConfigurationError("\n".join(problems))


def effective_yaml(settings: Settings) -> str:
    """Every key with the value in force, secrets masked."""
    values = settings.model_dump(mode="json", by_alias=True)
    values["database"]["url"] = settings.database.url.get_secret_value()
    _mask_urls(values)
    for receiver in values["alerting"]["receivers"]:
        if isinstance(receiver.get("url"), str):
            receiver["url"] = mask_receiver(receiver["url"])
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=120)


def example_yaml() -> str:
    """The annotated example file."""
    return (files("monitor.settings") / "example.yaml").read_text(encoding="utf-8")


def _line(key: KeyPath, text: str, origin: str, overlay: Overlay) -> str:
    for end in range(len(key), 0, -1):
        if variable := overlay.variables.get(key[:end]):
            origin = variable
            break
    return f"{origin}: {show_path(key)}: {text}" if key else f"{origin}: {text}"


class _Loader(yaml.SafeLoader):
    """Safe YAML that refuses a key given twice, where plain YAML takes the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - the library's signature
        """Build a mapping of distinct keys."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"key {key.value!r} given twice", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in the file at `path`; raises `ConfigurationError` with line and column where it is not one."""
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - a safe loader's child
    except yaml.MarkedYAMLError as err:
        mark = err.problem_mark or err.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise ConfigurationError(f"{path}: {where}{err.problem}") from err
    except (UnicodeDecodeError, yaml.YAMLError) as err:
        raise ConfigurationError(f"{path}: not UTF-8 text: {err}".splitlines()[0]) from err
    except (RecursionError, ValueError) as err:
        raise ConfigurationError(f"{path}: not readable as YAML: {err}") from err
    except OSError as err:
        raise ConfigurationError(f"{path}: cannot be read: {err.strerror}") from err
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise ConfigurationError(f"{path}: must hold keys and values, got {type(raw).__name__}")
    return raw


def _drop_empty_sections(value: object, path: KeyPath) -> None:
    """A section whose keys are all commented out reads as null: it means the defaults."""
    if isinstance(value, list):
        for index, inner in enumerate(value):
            _drop_empty_sections(inner, (*path, index))
    elif isinstance(value, dict):
        for key in list(value):
            if value[key] is None and any(is_container(one) for one in types_at(Settings, (*path, key))):
                del value[key]
            else:
                _drop_empty_sections(value[key], (*path, key))


def _mask_urls(value: object) -> None:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        if key == "url" and isinstance(inner, str) and isinstance(value, dict):
            value["url"] = mask_url(inner)
        else:
            _mask_urls(inner)
