"""No secret comes out: each is planted where it belongs, and all that the program writes is searched for it.

Planted: every secret key of the configuration, in files, in the environment and in place. Searched: logs, standard
output and error, `check-config`, metrics, every page, the delivery log, the database and its errors, wrong
configurations.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
import yaml

from monitor.settings.load import load_settings
from monitor.settings.secrets import SECRET_KEYS
from tests.integration.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]
WEBHOOK_KEY = base64.b64encode(b"planted-webhook-key-0123").decode()
PLANTED = {
    "web-token": "planted-web-token-0123456789",
    "web-password": "planted-web-password-0123456789",
    "smtp-password": "planted-smtp-password",
    "webhook-key": WEBHOOK_KEY,
    "hook-path": "planted-hook-path",
    "hook-login": "planted-hook-login",
    "api-header": "planted-api-header",
    "mastodon-token": "planted-mastodon-token",
    "sasl": "planted-sasl-password",
    "database": "planted-database-password",
}


def configuration(folder: Path) -> dict[str, object]:
    """Everything that has a secret has one; nothing answers where they lead."""
    secret = folder / "header.secret"
    secret.write_text(PLANTED["api-header"])
    (folder / "smtp.secret").write_text(PLANTED["smtp-password"])
    fields = {"published_at": "d", "title": "t"}
    header = {"name": "X-Key", "value": "k ", "secret_file": str(secret)}
    api = {"type": "json", "name": "api", "url": "http://127.0.0.1:9/x", "items": "$", "fields": fields}
    social = {"type": "mastodon", "name": "toots", "base_url": "http://127.0.0.1:9", "token": PLANTED["mastodon-token"]}
    routes = [{"receiver": "mail", "continue": True}, {"receiver": "hook"}]
    hook_url = f"http://user:{PLANTED['hook-login']}@127.0.0.1:9/{PLANTED['hook-path']}"
    return {
        "database": {"url": f"sqlite:///{folder}/t.db"},
        "local_log": {"path": str(folder / "log.db")},
        "web": {"port": 0, "username": "scraper"},
        "logging": {"format": "json", "level": "debug"},
        "sources": [{**api, "headers": [header]}, {**social, "instance": "m.example", "tags": ["x"]}],
        "ingest": {"fetch": {"allow_private": True, "per_host_interval": "10ms", "timeout": "2s"}},
        "watchlist": {"entities": [{"ticker": "ACME", "name": "Acme Corporation"}]},
        "alerting": {
            "evaluate_every": "1s",
            "route": {"receiver": "mail", "group_wait": "1s", "routes": routes},
            "receivers": [
                {"type": "email", "name": "mail", "to": ["a@b.example"], "from": "c@d.example", "host": "127.0.0.1",
                 "port": 9, "tls": "none", "username": "u", "password_file": str(folder / "smtp.secret")},
                {"type": "webhook", "name": "hook", "url": hook_url, "secret": f"whsec_{WEBHOOK_KEY}"},
            ],
        },
    }  # fmt: skip


class Daemon:
    """`tapewatch run` without a model, with secrets planted."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "tapewatch.yaml"
        self.config.write_text(yaml.safe_dump(configuration(folder)))
        self.environment = {
            "PATH": "/usr/bin:/bin", "HOME": str(folder), "PYTHONPATH": str(ROOT),
            "TAPEWATCH_WEB__TOKEN": PLANTED["web-token"], "TAPEWATCH_WEB__PASSWORD": PLANTED["web-password"],
        }  # fmt: skip
        self.log = folder / "daemon.log"
        stages = [word for stage in ("ingest", "aggregate", "alert", "web") for word in ("--stage", stage)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "monitor", "run", "--config", str(self.config), *stages],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.environment, cwd=folder,
            )  # fmt: skip

    @property
    def address(self) -> str:
        """Where it listens, once it does."""
        lines = [line for line in self.log.read_text().splitlines() if '"web_started"' in line]
        return urlsplit(json.loads(lines[-1])["url"]).netloc if lines else ""

    def ask(self, path: str, *, method: str = "GET", authorization: str = "", body: bytes | None = None) -> str:
        """Status, headers and body of an answer, as text."""
        connection = http.client.HTTPConnection(self.address, timeout=20)
        headers = {"Authorization": authorization, "Content-Type": "application/json"}
        with contextlib.closing(connection):
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return f"{answer.status} {answer.getheaders()} {answer.read().decode('utf-8', 'replace')}"

    def run(self, *words: str) -> str:
        """What another verb writes, on both of its outputs."""
        command = [sys.executable, "-m", "monitor", *words, "--config", str(self.config)]
        done = subprocess.run(command, capture_output=True, text=True, env=self.environment, check=False, timeout=120)
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Everything that a run wrote, by where."""
    daemon, found = Daemon(tmp_path_factory.mktemp("secrets")), {}
    try:
        wait_for(lambda: daemon.address, seconds=120)
        wait_for(lambda: "poll_failed" in daemon.log.read_text() or "transient" in daemon.ask("/metrics"), seconds=60)
        right, login = f"Bearer {PLANTED['web-token']}", f"scraper:{PLANTED['web-password']}"
        basic = "Basic " + base64.b64encode(login.encode()).decode()
        for path in (
            "/",
            "/metrics",
            "/livez",
            "/readyz",
            "/api/v1/alerts",
            "/api/v1/sources",
            "/api/v1/status",
            "/no",
        ):
            for authorization in ("", right, basic, f"{right}x", f"{basic}AA"):
                found[f"{path} {authorization[:6]}"] = daemon.ask(path, authorization=authorization)
        found["push"] = daemon.ask("/api/v1/documents", method="POST", authorization=right, body=b"{")
        for words in (("check-config", "--print"), ("check-config",), ("sources", "--json"), ("alerts", "--json")):
            found[" ".join(words)] = daemon.run(*words)
        time.sleep(2)
    finally:
        daemon.process.terminate()
        daemon.process.wait(60)
    found["log"] = daemon.log.read_text()
    for file in daemon.config.parent.glob("*.db*"):
        found[file.name] = file.read_bytes().decode("utf-8", "replace")
    return found


def test_the_run_did_what_it_should(written: dict[str, str]) -> None:
    """Sources were asked and failed, credentials were tried, the configuration was printed."""
    assert written["/metrics Bearer"].startswith("200")
    assert written["/api/v1/alerts "].startswith("401")
    assert written["/api/v1/alerts Basic "].startswith(("200", "401"))
    assert "configuration is fine" in written["check-config"]
    assert "receivers:" in written["check-config --print"]
    assert "cannot connect" in written["log"] + written["sources --json"]


@pytest.mark.parametrize("name", PLANTED)
def test_no_secret_is_in_anything_that_was_written(name: str, written: dict[str, str]) -> None:
    """Neither as it is nor as it travels."""
    secret = PLANTED[name]
    forms = {secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode().rstrip("=")}
    assert [where for where, text in written.items() if any(form in text for form in forms)] == []


SECRET = "planted-in-a-wrong-place"
WRONG = {
    "misspelt key": {"web": {"tokn": SECRET}},
    "a list": {"web": {"token": [SECRET]}},
    "a mapping": {"web": {"token": {"value": SECRET}}},
    "both": {"web": {"token": SECRET, "token_file": "/nowhere"}},
    "short beyond loopback": {"web": {"host": "0.0.0.0", "token": SECRET[:12], "behind_proxy": True}},
    "database scheme": {"database": {"url": f"oracle://u:{SECRET}@h/x", "extra": 1}},
    "sasl": {"kafka": {"security_protocol": "SASL_SSL", "sasl_password": SECRET}},
    "receiver": {"alerting": {"receivers": [{"type": "webhook", "name": "h", "url": f"nothttp://{SECRET}"}]}},
    "header": {"sources": [{"type": "json", "name": "a", "url": "http://x/", "items": "$", "fields": {}, "headers": [
        {"name": "X", "secret": f"{SECRET}\n"}]}]},
    "source token": {"sources": [{"type": "mastodon", "name": "a", "instance": "m.example", "token": SECRET}]},
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_configuration_is_explained_without_its_secrets(case: str, tmp_path: Path) -> None:
    """The message is what people paste into a ticket."""
    path = tmp_path / "t.yaml"
    path.write_text(yaml.safe_dump(WRONG[case]))
    done = subprocess.run(
        [sys.executable, "-m", "monitor", "check-config", "--config", str(path)],
        capture_output=True, text=True, check=False, timeout=120, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 2
    assert str(path) in done.stderr
    assert SECRET[:12] not in done.stdout + done.stderr


def test_values_do_not_show_their_secrets_either(tmp_path: Path) -> None:
    """A traceback shows values."""
    path = tmp_path / "t.yaml"
    sections = configuration(tmp_path)
    sections["kafka"] = {
        "bootstrap_servers": ["a:1"], "security_protocol": "SASL_SSL", "sasl_mechanism": "PLAIN", "sasl_username": "u",
        "sasl_password": PLANTED["sasl"],
    }  # fmt: skip
    sections["database"] = {"url": f"postgresql+psycopg://u:{PLANTED['database']}@h/x"}
    path.write_text(yaml.safe_dump(sections))
    settings = load_settings(path, {"TAPEWATCH_WEB__TOKEN": PLANTED["web-token"], "TAPEWATCH_WEB__PASSWORD": "p" * 16})
    kept = {name: secret for name, secret in PLANTED.items() if not name.startswith("hook-")}
    assert [name for name, secret in kept.items() if secret in repr(settings) + str(settings)] == []


def test_every_key_that_holds_a_secret_is_a_secret_by_its_type() -> None:
    """A plain text would be shown by whatever prints the settings."""
    from pydantic import SecretStr

    from tests.unit.settings.test_example import every_section

    plain = [
        f"{section.__name__}.{name}"
        for section in every_section()
        for name, field in section.model_fields.items()
        if name in SECRET_KEYS and name != "url" and SecretStr not in getattr(field.annotation, "__args__", ())
    ]
    assert plain == []
