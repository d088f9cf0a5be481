"""API sources in the configuration: mistakes are said with their remedy, secrets stay secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import ValidationError

from monitor.app import sources as app_sources
from monitor.settings import JsonSource, Settings, Source
from monitor.settings.load import effective_yaml, load_settings
from tests.fixtures.canned_api import BASIC


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"url": "ftp://a.example/"}, "http://"), ({"url": "api.example/x"}, "http://"),
        ({"url": "https://{since}.example/"}, "http://"),
        ({"url": "https://a.example/{token}"}, "{token} is no placeholder; allowed: {since}"),
        ({"url": "https://a.example/?s={since}"}, "paging.since"),
        ({"url": "https://a.example/?c={cursor}"}, "paging.next"),
        ({"url": "https://a.example/?p={page}", "paging": {"next": "n"}}, "{page}"),
        ({"paging": {"since": "id", "order": "oldest_first"}}, "needs {since}"),
        ({"items": "a[*].b[*]"}, "one list"), ({"items": "a | b"}, "one list"),
        ({"items": "a..b"}, "write for example"),
        ({"fields": {"published_at": "at"}}, "title or text"), ({"fields": {"title": "t"}}, "Field required"),
        ({"fields": {"published_at": "at[*]", "title": "t"}}, "one is needed"),
        ({"fields": {"published_at": "at", "title": "t", "published_at_format": "iso"}}, "epoch_s"),
        ({"fields": {"published_at": "at", "title": "t", "published_at_format": "%Q"}}, "not a date format"),
        ({"headers": [{"name": "Host", "value": "x"}]}, "not the name of a header"),
        ({"headers": [{"name": "a b", "value": "x"}]}, "not the name of a header"),
        ({"headers": [{"name": "X", "value": "a\r\nHost: evil"}]}, "printable ASCII"),
        ({"headers": [{"name": "X", "secret": "clé"}]}, "printable ASCII"),
    ],
)  # fmt: skip
def test_a_mistake_is_refused_with_what_to_write(change: dict[str, Any], says: str) -> None:
    """At the start, not as a source that stays silent."""
    with pytest.raises(ValidationError) as caught:
        JsonSource.model_validate({**BASIC, **change})
    assert says in str(caught.value)
    assert "clé" not in str(caught.value)


def test_secrets_come_from_files_and_are_masked_when_shown(tmp_path: Path) -> None:
    """In headers, tokens and addresses alike."""
    (tmp_path / "key").write_text("k3y\n")
    (tmp_path / "token").write_text("t0ken\n")
    api = {**BASIC, "url": "https://a.example/?apikey=qu3ry&access_token=qu3ry&n=1"}
    api["headers"] = [{"name": "X-Api-Key", "secret_file": str(tmp_path / "key")}]
    reddit = {"type": "reddit", "name": "r", "subreddits": ["stocks"], "token_file": str(tmp_path / "token")}
    path = tmp_path / "tapewatch.yaml"
    path.write_text(yaml.safe_dump({"sources": [api, reddit]}))
    settings = load_settings(path, {})
    made, named = settings.sources
    assert made.headers[0].secret.get_secret_value() == "k3y"
    assert named.token.get_secret_value() == "t0ken"
    shown = effective_yaml(settings)
    assert not any(secret in shown for secret in ("k3y", "t0ken", "qu3ry"))
    assert "&n=1" in shown


def test_every_type_of_source_can_be_made() -> None:
    """A type that the configuration takes and nobody makes fails at the start of the daemon."""
    types = {get_args(one.model_fields["type"].annotation)[0] for one in get_args(get_args(Source)[0])}
    assert types == set(app_sources._MAKERS)


def test_every_source_of_the_example_can_be_opened() -> None:
    """Those that only need the network."""
    from monitor.settings.load import example_yaml

    kinds = ("json", "reddit", "hackernews", "stocktwits", "mastodon")
    chosen = [one for one in yaml.safe_load(example_yaml())["sources"] if one["type"] in kinds]
    with app_sources.open_sources(Settings.model_validate({"sources": chosen})) as opened:
        assert [source.name for source, _ in opened] == ["example-api", *kinds[1:]]
