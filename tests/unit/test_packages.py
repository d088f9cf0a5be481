"""The four packages are ours, and what is installed holds everything that runs."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("monitor", "models", "pipelines", "alerts")
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
BUILD = (
    "import sys; from setuptools import build_meta; "
    "print(build_meta.build_wheel(sys.argv[1], {'--build-option': ['--quiet']}))"
)


@pytest.mark.parametrize("package", PACKAGES)
def test_package_resolves_to_this_checkout(package: str) -> None:
    """The names are generic: another distribution could stand in front of ours."""
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin) == ROOT / package / "__init__.py"


def test_every_folder_with_code_is_declared() -> None:
    """The list is explicit; a folder left out would be missing only once installed."""
    found = {path.parent for package in PACKAGES for path in (ROOT / package).rglob("__init__.py")}
    names = {".".join(path.relative_to(ROOT).parts) for path in found}
    assert names == set(SETTINGS["tool"]["setuptools"]["packages"])


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Names in a wheel built from a copy of the sources, without the network."""
    import shutil

    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "source"
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, copy / package, ignore=ignore)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy / name)
    done = subprocess.run(
        [sys.executable, "-c", BUILD, str(folder)], cwd=copy, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (built,) = folder.glob("*.whl")
    return set(zipfile.ZipFile(built).namelist())


def test_wheel_holds_every_file_that_is_not_code(wheel: set[str]) -> None:
    """Templates, migrations, adapters, the example file, the demonstration's material."""
    data = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix != ".pyc" and "__pycache__" not in path.parts
    }
    assert sorted(data - wheel) == []
    assert {"monitor/settings/example.yaml", "monitor/demo/headlines.yaml"} <= wheel


def test_wheel_holds_nothing_else(wheel: set[str]) -> None:
    """Tests and scripts stay in the repository."""
    strays = [name for name in wheel if not name.startswith((*(f"{p}/" for p in PACKAGES), "tapewatch-"))]
    assert strays == []


def test_floor_of_python_is_the_same_everywhere() -> None:
    """Set-up, linter and package must agree on what they promise."""
    assert SETTINGS["project"]["requires-python"] == ">=3.11"
    assert SETTINGS["tool"]["ruff"]["target-version"] == "py311"
    assert "version_info < (3, 11)" in (ROOT / "scripts" / "setup").read_text(encoding="utf-8")


def test_constraints_are_exact_and_without_addresses() -> None:
    """The run is repeatable anywhere, from whatever index people use."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert [pin for pin in pins if pin.count("==") != 1 or "://" in pin or "@" in pin] == []
    assert [pin for pin in pins if pin.startswith(("nvidia-", "cuda-", "triton", "tapewatch"))] == []
