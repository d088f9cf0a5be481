"""Secrets: read from files named by `*_file` keys, and masked wherever settings are shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from monitor.settings.shape import Path

#: Keys that hold a secret; each may be given as `<key>_file` instead.
SECRET_KEYS = ("password", "sasl_password", "secret", "token", "url")

#: Free mappings: their keys are the user's own words.
FREE_KEYS = frozenset({"annotations", "labels"})

MASK = "********"
_USERINFO = re.compile(r"^([A-Za-z][A-Za-z0-9+.\-]*://[^:/?#]*:).*@")
_QUERY_SECRET = re.compile(r"([?&][^=&#]*(?:password|token|key|secret)=)[^&#]*", re.IGNORECASE)
_MAX_BYTES = 65_536


def read_secret_files(raw: dict[str, Any]) -> list[tuple[Path, str]]:
    """Replace each `<key>_file` in `raw` by its content under `<key>`; returns the problems by path."""
    problems: list[tuple[Path, str]] = []
    for path, section in list(_sections(raw, ())):
        for key in SECRET_KEYS:
            name = section.get(f"{key}_file")
            if not isinstance(name, (str, FilePath)):
                continue
            if section.get(key) is not None:
                problems.append(((*path, f"{key}_file"), f"give {key} or {key}_file, not both"))
                continue
            try:
                section[key] = _read(FilePath(name))
            except (OSError, ValueError) as err:
                problems.append(((*path, f"{key}_file"), str(err)))
    return problems


def mask_url(url: str) -> str:
    """Hide the password in `url`, the secrets in its query, and nothing else."""
    return _QUERY_SECRET.sub(rf"\g<1>{MASK}", _USERINFO.sub(rf"\g<1>{MASK}@", url))


def mask_receiver(url: str) -> str:
    """Hide all of `url` but where it leads: chat programs put the secret of a webhook into its path."""
    parts = urlsplit(mask_url(url))
    return (
        urlunsplit((parts.scheme, parts.netloc, f"/{MASK}", "", ""))
        if parts.path.strip("/") or parts.query
        else mask_url(url)
    )


def _read(path: FilePath) -> str:
    if not path.is_file():
        raise ValueError(f"{path}: there is no such file")
    with path.open(encoding="utf-8") as file:
        text = file.read(_MAX_BYTES).rstrip("\r\n")
    if not text:
        raise ValueError(f"{path}: the file is empty")
    return text


def _sections(value: object, path: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    if isinstance(value, dict):
        yield path, value
        for key, inner in value.items():
            if key not in FREE_KEYS:
                yield from _sections(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _sections(inner, (*path, index))
