"""The documentation of sources can be copied as it stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
import yaml

from monitor.settings import Settings, Source
from monitor.settings.load import load_settings

DOC = Path(__file__).parents[3] / "docs" / "sources.md"
SNIPPETS = re.findall(r"^```ya?ml\n(.*?)^```$", DOC.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("snippet", SNIPPETS, ids=range(len(SNIPPETS)))
def test_every_snippet_is_a_configuration(snippet: str, tmp_path: Path) -> None:
    """Secret files stand in for those of the reader."""
    (tmp_path / "secret").write_text("s3cret")
    path = tmp_path / "tapewatch.yaml"
    path.write_text(re.sub(r"_file: /run/\S+", f"_file: {tmp_path}/secret", snippet), encoding="utf-8")
    assert load_settings(path, {}).sources


def test_every_type_of_source_has_a_snippet() -> None:
    """A source that is not described is one that nobody uses."""
    shown = {source["type"] for snippet in SNIPPETS for source in yaml.safe_load(snippet)["sources"]}
    assert shown == {get_args(one.model_fields["type"].annotation)[0] for one in get_args(get_args(Source)[0])}


def test_the_settings_that_the_text_names_exist() -> None:
    """A renamed key leaves its description behind."""
    fetch = type(Settings().ingest.fetch).model_fields
    named = re.findall(r"`ingest\.fetch\.([a-z_]+)`", DOC.read_text(encoding="utf-8"))
    assert named
    assert set(named) <= set(fetch)
