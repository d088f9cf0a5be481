"""The manifest of an adapter: what the folder holds, what it belongs to, how it was made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from monitor.errors import ArtifactError

SCHEMA = 2  #: The layout of an adapter folder that this program reads.
MANIFEST = "manifest.json"

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Share = Annotated[float, Field(ge=0, le=1)]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*$")]


class BaseEncoder(BaseModel):
    """The encoder that the adapter was trained on; it fits no other."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    revision: str  #: Of the model hub; of an encoder that is not on the hub, the release that its weights are from.
    files: Mapping[FileName, Sha256]


class Calibration(BaseModel):
    """How probabilities were made to mean what they say, and below which an answer is no verdict."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str = "none"  #: Folded into the heads: none, temperature or vector scaling.
    confidence: Share = 0.0  #: A sentiment whose probability is lower is uncertain.
    risk: Share = 1.0  #: Share of wrong answers above `confidence` on the development rows.
    coverage: Share = 1.0  #: Share of answers above `confidence` there.
    finance: Share = 0.0  #: A text whose probability of being about finance is lower is off topic.


class Reference(BaseModel):
    """What the model saw on the development rows: the yardstick of drift."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int = 0
    sentiments: Mapping[str, float] = {}  #: Share of each sentiment among the answers.
    topics: Mapping[str, float] = {}  #: Share of each topic among the answers.
    confidence: Share = 0.0  #: Mean probability of the most probable sentiment.
    unknown_tokens: Share = 0.0  #: Share of tokens that the vocabulary lacks.


class Manifest(BaseModel):
    """Everything about an adapter that is not a weight."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: PositiveInt
    name: str
    version: PositiveInt
    base: BaseEncoder
    topics: Annotated[tuple[str, ...], Field(min_length=1)]  #: In label order.
    sentiments: tuple[str, ...]  #: In label order.
    languages: Annotated[tuple[str, ...], Field(min_length=1)] = ("en",)  #: BCP 47 primary tags that it reads.
    max_tokens: Annotated[int, Field(ge=8, le=512)]  #: Longer texts are cut for the encoder.
    files: Mapping[FileName, Sha256]
    data: Mapping[str, Sha256]  #: Files that the adapter was trained and measured on.
    training: Mapping[str, object]  #: The settings of the run.
    metrics: Mapping[str, float]
    calibration: Calibration = Calibration()
    reference: Reference = Reference()
    parent: str | None = None  #: The model that this one was adapted from.
    code_version: str
    created_at: str  #: RFC 3339, UTC.

    @property
    def model(self) -> str:
        """Name, version and digest of everything that decides an answer."""
        sums = [f"{name}:{digest}" for name, digest in sorted({**self.base.files, **self.files}.items())]
        decides = [*sums, *self.topics, str(self.max_tokens), self.calibration.model_dump_json()]
        digest = hashlib.sha256("\n".join(decides).encode()).hexdigest()
        return f"{self.name}-{self.version}+{digest[:8]}"

    def write(self, folder: Path) -> None:
        """Write the manifest into `folder`."""
        text = json.dumps(self.model_dump(mode="json"), indent=2, sort_keys=True, ensure_ascii=False)
        (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> Manifest:
    """Read `manifest.json` of `folder`; a newer layout, a missing or a damaged one is an `ArtifactError`."""
    path = folder / MANIFEST
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as err:
        raise ArtifactError(f"{path}: cannot be read: {err.strerror}; is this the folder of an adapter?") from err
    except ValueError as err:
        raise ArtifactError(f"{path}: not JSON: {err}; get the adapter again") from err
    found = values.get("schema_version") if isinstance(values, dict) else None
    if isinstance(found, int) and found > SCHEMA:
        raise ArtifactError(f"{path}: layout {found}, this program reads up to {SCHEMA}; update tapewatch")
    if isinstance(found, int) and found < SCHEMA:
        raise ArtifactError(f"{path}: layout {found} of an older tapewatch; train the adapter again")
    try:
        return Manifest.model_validate(values)
    except ValidationError as err:
        first = err.errors()[0]
        where = ".".join(map(str, first["loc"])) or "top"
        raise ArtifactError(f"{path}: {where}: {first['msg']}; get the adapter again") from err
