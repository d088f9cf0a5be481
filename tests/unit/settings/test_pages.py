"""Filings, GDELT, sitemaps and topics in the configuration: what does not fit is refused before anything starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.app.sources import open_sources
from monitor.cli import main
from monitor.errors import ConfigurationError
from monitor.settings import Settings
from monitor.settings.load import effective_yaml, load_settings

AGENT = "Acme Risk Desk (risk@acme.example)"
EDGAR = {"type": "edgar", "name": "sec"}
TOPIC = {"type": "kafka", "name": "vendor", "topic": "vendor.news"}
SITEMAP = {"type": "sitemap", "name": "site", "url": "https://w.example/sitemap.xml"}
GDELT = {"type": "gdelt", "name": "gdelt", "query": "acme"}


def load(tmp_path: Path, source: dict[str, Any], **sections: Any) -> Settings:
    """The settings of a file with this source."""
    path = tmp_path / "tapewatch.yaml"
    path.write_text(yaml.safe_dump({"sources": [source], **sections}))
    return load_settings(path, {})


def agent(name: str = AGENT) -> dict[str, Any]:
    """A user agent with a contact."""
    return {"fetch": {"user_agent": name}}


def test_filings_without_a_contact_are_refused_at_the_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The SEC blocks clients that do not say who they are, for all users of the address; exit status 2, no request."""
    path = tmp_path / "tapewatch.yaml"
    path.write_text(yaml.safe_dump({"sources": [EDGAR]}))
    with pytest.raises(SystemExit) as ended:
        main(["check-config", "--config", str(path)])
    assert ended.value.code == 2
    says = "source sec: the SEC refuses clients without a contact; set ingest.fetch.user_agent"
    assert says in capsys.readouterr().err
    assert load(tmp_path, EDGAR, ingest=agent()).sources[0].name == "sec"


@pytest.mark.parametrize(
    ("source", "sections", "says"),
    [
        (TOPIC, {}, "the embedded log cannot be a source"),
        (
            {**TOPIC, "topic": "tapewatch.documents"}, {"kafka": {"bootstrap_servers": ["k:9092"]}},
            "topic tapewatch.documents is one that tapewatch writes itself",
        ),
        ({**TOPIC, "topic": "a b"}, {"kafka": {"bootstrap_servers": ["k:9092"]}}, "topic"),
        ({**TOPIC, "cluster": {"security_protocol": "SASL_SSL"}}, {}, "sasl_mechanism"),
        ({**SITEMAP, "include": ["("]}, {}, "not a regular expression"),
        ({**SITEMAP, "max_age": "90d"}, {}, "max_age"),
        ({**GDELT, "query": "x"}, {}, "query"),
        ({**EDGAR, "forms": ["8-k"]}, {"ingest": agent()}, "forms"),
        ({**EDGAR, "companies": [{"cik": "ACME", "ticker": "ACME"}]}, {"ingest": agent()}, "cik"),
    ],
)  # fmt: skip
def test_a_source_that_cannot_work_is_refused(
    source: dict[str, Any], sections: dict[str, Any], says: str, tmp_path: Path
) -> None:
    """At the start, not at three in the morning."""
    with pytest.raises(ConfigurationError, match=says):
        load(tmp_path, source, **sections)


def test_a_topic_of_the_same_name_on_another_cluster_may_be_read(tmp_path: Path) -> None:
    """Two installations may share a vendor's names."""
    source = {**TOPIC, "topic": "tapewatch.documents", "cluster": {"bootstrap_servers": ["other:9092"]}}
    assert load(tmp_path, source, kafka={"bootstrap_servers": ["k:9092"]}).sources[0].name == "vendor"


def test_the_password_of_a_cluster_comes_from_a_file_and_is_never_shown(tmp_path: Path) -> None:
    """As in section kafka."""
    (tmp_path / "password").write_text("k4fka\n")
    cluster = {
        "bootstrap_servers": ["other:9092"], "security_protocol": "SASL_SSL", "sasl_mechanism": "PLAIN",
        "sasl_username": "desk", "sasl_password_file": str(tmp_path / "password"),
    }  # fmt: skip
    settings = load(tmp_path, {**TOPIC, "cluster": cluster})
    assert settings.sources[0].cluster.sasl_password.get_secret_value() == "k4fka"
    assert "k4fka" not in effective_yaml(settings)


def test_each_of_them_is_made_without_asking_anybody(tmp_path: Path) -> None:
    """Opening sources must not wait for a server that is away."""
    kafka = {"bootstrap_servers": ["127.0.0.1:9"]}
    sources = [EDGAR, TOPIC, SITEMAP, GDELT]
    settings = Settings.model_validate({"sources": sources, "kafka": kafka, "ingest": agent()})
    with open_sources(settings) as opened:
        assert [source.name for source, _ in opened] == ["sec", "vendor", "site", "gdelt"]
