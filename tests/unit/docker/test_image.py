"""The Dockerfile, the unit for systemd, Alertmanager's configuration: as far as can be checked without running them."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from monitor.app import STAGES
from monitor.app.daemon import LEAVE_S

ROOT = Path(__file__).resolve().parents[3]
DOCKER = ROOT / "docker"
IMAGE = (DOCKER / "Dockerfile").read_text(encoding="utf-8")
UNIT = DOCKER / "systemd/tapewatch@.service"
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def copied() -> list[str]:
    """What the image takes from the checkout."""
    lines = [line for line in IMAGE.splitlines() if line.startswith("COPY ") and "--from" not in line]
    return [path for line in lines for path in line.split()[1:-1]]


def test_everything_that_is_copied_is_there_and_let_through() -> None:
    """A build that fails at the tenth minute for a name that was changed."""
    ignored = (DOCKER / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignored
    for path in copied():
        assert (ROOT / path).exists(), path
        assert f"!{path}" in ignored, path


def test_every_package_of_the_distribution_is_copied() -> None:
    """One left out is missing only when it is first imported."""
    packages = {name.partition(".")[0] for name in SETTINGS["tool"]["setuptools"]["packages"]}
    assert packages <= set(copied())


def test_docker_is_no_package() -> None:
    """It would stand in front of Docker's own."""
    assert not (DOCKER / "__init__.py").exists()


def test_the_image_runs_as_nobody_in_particular_and_starts_what_is_installed() -> None:
    """By number, so that Kubernetes can see that it is not root."""
    assert re.search(r"^USER 10001:10001$", IMAGE, re.MULTILINE)
    assert 'ENTRYPOINT ["tapewatch"]' in IMAGE
    assert "tapewatch" in SETTINGS["project"]["scripts"]
    assert IMAGE.rindex("USER ") > IMAGE.rindex("COPY ")
    assert "HEALTHCHECK" in IMAGE


def test_the_python_of_the_image_is_one_that_the_project_supports() -> None:
    """And the one that the tests of the packaging name."""
    version = re.search(r"^ARG PYTHON=(\S+)$", IMAGE, re.MULTILINE)
    assert version is not None
    assert f"Programming Language :: Python :: {version[1]}" in SETTINGS["project"]["classifiers"]


def test_the_unit_gives_the_daemon_the_time_it_takes() -> None:
    """To finish a batch before it is killed, and to be silent while it does."""
    keys = dict(line.split("=", 1) for line in UNIT.read_text(encoding="utf-8").splitlines() if re.match(r"\w+=", line))
    assert keys["Type"] == "notify"
    assert int(keys["TimeoutStopSec"].removesuffix("s")) > LEAVE_S
    assert int(keys["WatchdogSec"].removesuffix("s")) > LEAVE_S
    assert keys["RestartPreventExitStatus"] == "2"
    assert keys["ExecStart"].endswith("--stage %i")
    assert "all" not in STAGES


@pytest.mark.parametrize("instance", ["all", *STAGES])
def test_systemd_takes_the_unit(instance: str, tmp_path: Path) -> None:
    """Its own reading: every directive known, every value allowed; and it is shut in well."""
    analyse = shutil.which("systemd-analyze")
    if analyse is None:
        pytest.skip("not installed: systemd-analyze (Debian: apt install systemd)")
    unit = tmp_path / f"tapewatch@{instance}.service"
    unit.write_text(UNIT.read_text(encoding="utf-8").replace("/opt/tapewatch/bin/tapewatch", "/bin/true"))
    done = subprocess.run([analyse, "verify", str(unit)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    judged = subprocess.run(
        [analyse, "security", "--offline=yes", "--threshold=20", str(unit)], capture_output=True, text=True, check=False
    )
    assert judged.returncode == 0, judged.stdout[-300:]


def test_amtool_takes_the_configuration() -> None:
    """Receivers, routes and inhibitions, as Alertmanager reads them."""
    amtool = shutil.which("amtool")
    if amtool is None:
        pytest.skip("not installed: amtool (Debian: apt install prometheus-alertmanager)")
    command = [amtool, "check-config", str(DOCKER / "alertmanager/alertmanager.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
