"""A dead monitor is reported past the monitor: Prometheus sees it, Alertmanager mails it, by the files of docker/."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.demo.receivers import SmtpReceiver, make_certificate
from tests.fixtures.prometheus import alertmanager, free_port, prometheus
from tests.integration.live_stack import DOCKER, prometheus_config
from tests.integration.waiting import wait_for

pytestmark = [pytest.mark.prometheus, pytest.mark.timeout(120)]


def read(path: Path) -> Any:
    """A YAML file."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def impatient_rules(folder: Path, config: Path) -> None:
    """The rules that `config` names, with a short wait: long enough for Prometheus to find its Alertmanager first."""
    made = read(config)
    for place, name in enumerate(made["rule_files"]):
        content = read(Path(name))
        for group in content["groups"]:
            for rule in group["rules"]:
                rule.update({"for": "6s"} if "alert" in rule else {})
        made["rule_files"][place] = str(folder / Path(name).name)
        Path(made["rule_files"][place]).write_text(yaml.safe_dump(content))
    config.write_text(yaml.safe_dump(made))


def mail_config(folder: Path, *, port: int, ca_file: Path) -> Path:
    """Alertmanager's configuration of docker/, aimed at a mail server here, without its wait."""
    made = read(DOCKER.parent / "alertmanager/alertmanager.yaml")
    made["route"]["group_wait"] = "1s"
    [mail] = made["receivers"][0]["email_configs"]
    mail["smarthost"] = f"127.0.0.1:{port}"
    mail["tls_config"]["ca_file"] = str(ca_file)
    path = folder / "alertmanager.yaml"
    path.write_text(yaml.safe_dump(made))
    return path


def test_a_process_that_is_gone_arrives_as_mail(tmp_path: Path, programs: dict[str, str]) -> None:
    """Over TLS with a certificate that is checked; nothing of the monitor has to live for it."""
    certificate = make_certificate(tmp_path, now=datetime.now(UTC))
    with SmtpReceiver(certificate=certificate) as desk:
        config = mail_config(tmp_path, port=desk.port, ca_file=certificate.cert_file)
        with alertmanager(programs, tmp_path, config) as alerts_at:
            gone = f"127.0.0.1:{free_port()}"
            rules = prometheus_config(tmp_path, monitor=f"http://{gone}", alertmanager=alerts_at)
            impatient_rules(tmp_path, rules)
            with prometheus(programs, tmp_path, rules):
                wait_for(lambda: len(desk.mails) >= 2, seconds=60)
            command = [programs["amtool"], f"--alertmanager.url={alerts_at}", "alert", "query", "--output=json"]
            shown = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        texts = [str(mail.message) for mail in desk.mails]
    assert {one["labels"]["alertname"] for one in shown} == {"TapewatchDown", "TapewatchNoEvaluation"}
    assert {one["labels"].get("instance") for one in shown} == {gone, None}
    assert any("TapewatchDown" in text for text in texts)
    assert any("TapewatchNoEvaluation" in text for text in texts)
