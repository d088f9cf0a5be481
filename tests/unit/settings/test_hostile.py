"""Whatever a configuration file holds: settings, or one refusal that names the file and no secret."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.errors import ConfigurationError
from monitor.settings import Settings
from monitor.settings.load import effective_yaml, load_settings
from monitor.settings.secrets import SECRET_KEYS

SECRET = "planted-9f8e7d6c"
SECTIONS = sorted(Settings.model_fields)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.dates() | st.just("5m")
words = [*SECTIONS, *SECRET_KEYS, "type", "name", "host", "sources", "receivers", "rules", "every"]
keys = st.sampled_from(words) | st.text(max_size=5)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4))
files = st.dictionaries(st.sampled_from(SECTIONS) | st.text(max_size=5), values, max_size=4)


def load(text: str, environ: dict[str, str] | None = None) -> Settings:
    """Read `text` as a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.yaml"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        return load_settings(path, environ or {})


@settings(max_examples=200, deadline=None)
@given(files)
def test_a_file_is_settings_or_one_refusal_that_names_it(raw: dict[str, Any]) -> None:
    """Never an error of the library's, whatever stands where."""
    said = "t.yaml"
    try:
        effective_yaml(load(yaml.safe_dump(raw, allow_unicode=True)))
    except ConfigurationError as err:
        said = str(err)
    assert "t.yaml" in said


@settings(max_examples=150, deadline=None)
@given(files, st.sampled_from(SECTIONS), st.sampled_from(SECRET_KEYS), st.booleans())
def test_a_secret_in_a_refused_file_is_not_in_the_refusal(
    raw: dict[str, Any], section: str, key: str, listed: bool
) -> None:
    """Whatever else is wrong around it."""
    raw[section] = {key: [SECRET] if listed else SECRET, "unknown": 1}
    with pytest.raises(ConfigurationError) as refused:
        load(yaml.safe_dump(raw, allow_unicode=True))
    assert SECRET not in str(refused.value)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_whatever_raise_anything_but_a_refusal(data: bytes) -> None:
    """A file may be cut, binary, or another one."""
    try:
        load(data.decode("utf-8", "surrogateescape").encode("utf-8", "surrogatepass").decode("utf-8", "replace"))
    except ConfigurationError as err:
        said = str(err)
        assert said


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=1, max_size=20), st.integers())
def test_the_environment_is_settings_or_a_refusal_that_names_the_variable(value: str, number: int) -> None:
    """JSON where JSON is wanted, text elsewhere."""
    for name, given_ in (("TAPEWATCH_WEB__PORT", str(number)), ("TAPEWATCH_SOURCES", value), ("TAPEWATCH_X__Y", value)):
        said = name
        try:
            load("", {name: given_})
        except ConfigurationError as err:
            said = str(err)
        assert name in said


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 65535), st.sampled_from(["1m", "90s", "2h", "14d"]), st.booleans(),
    st.text(st.characters(categories=["L", "N", "Zs"]), min_size=1, max_size=30).filter(str.strip),
)  # fmt: skip
def test_what_is_printed_reads_back_the_same(port: int, every: str, enabled: bool, name: str) -> None:
    """`check-config --print` is a configuration, secrets apart."""
    raw = {
        "web": {"port": port},
        "sources": [{"type": "feed", "name": "wire", "url": "https://a.example/f", "every": every}],
        "ingest": {"push": {"enabled": enabled}},
        "watchlist": {"entities": [{"ticker": "ACME", "name": name}]},
    }
    once = load(yaml.safe_dump(raw, allow_unicode=True))
    assert load(effective_yaml(once)) == once
