"""What a training run may be told; read from YAML. What made the shipped adapters stands in `settings/`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)

from monitor.errors import ConfigurationError

Settings = TypeVar("Settings", bound=BaseModel)
Share = Annotated[float, Field(ge=0, lt=1)]


class TrainingConfig(BaseModel):
    """Hyper-parameters; every run with the same ones, data and machine gives the same adapter."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(default="small", pattern=r"^[a-z][a-z0-9-]{0,30}$")  #: Name in the model's version.
    version: PositiveInt = 1  #: Version of the adapter under that name.
    encoder: str = "intfloat/e5-small"  #: A base encoder that tapewatch knows, by its name.
    languages: Annotated[tuple[str, ...], Field(min_length=1)] = ("en",)  #: Primary tags of the rows to train on.
    select: tuple[str, ...] = ()  #: Sources of development rows that choose the stop; empty: all.
    seed: int = 13
    epochs: PositiveInt = 4
    patience: PositiveInt = 2  #: Looks at the development rows without a better score before the run stops.
    looks: PositiveInt = 1  #: Looks at the development rows an epoch.
    batch_size: PositiveInt = 64
    max_tokens: Annotated[int, Field(ge=8, le=512)] = 128  #: Longer texts are cut, in training only.
    start: Path | None = None  #: What `tapewatch pretrain` wrote for this encoder, to begin from.
    method: Literal["lora", "full"] = (
        "lora"  #: What learns: factors beside the linear layers, or the layers themselves.
    )
    learning_rate: PositiveFloat = 8e-4  #: Of the encoder's trainable part; a full fine-tune wants about 5e-5.
    head_learning_rate: PositiveFloat = 2e-3
    weight_decay: NonNegativeFloat = 0.01
    warmup: Share = 0.1  #: Share of the steps over which the rate rises; it falls linearly after.
    lora_rank: PositiveInt = 32
    lora_alpha: PositiveInt = 64
    lora_dropout: Share = 0.0
    dropout: Share = 0.1  #: Before the heads.
    encoder_dropout: Share = 0.1  #: In the encoder, on hidden states.
    label_smoothing: Share = 0.05
    balance: Annotated[float, Field(ge=0, le=1)] = 0.25  #: Class weight = frequency ** -balance; 0: none.
    adversarial: Share = 0.3  #: Share of the rows of an epoch that are attacked before the network reads them.
    invented: NonNegativeInt = 3  #: Times that each invented row stands in an epoch; they are few. 0: none of them.
    finance_weight: NonNegativeFloat = 0.3  #: Of the loss of that head, against 1 for each of the others.
    teacher: Path | None = None  #: Adapter, shipped or a folder, whose answers are imitated on rows and `unlabelled`.
    unlabelled: Path | None = None  #: JSON lines with `text`, for the teacher to answer; here or in the data folder.
    unlabelled_rows: NonNegativeInt = 20_000  #: At most so many different ones.
    teacher_weight: NonNegativeFloat = 1.0  #: Of the imitation, against 1 for the labels.
    dev_share: Annotated[float, Field(gt=0, lt=0.5)] = 0.06  #: Of the rows; choose the stop and the calibration.
    risk: Annotated[float, Field(gt=0, lt=1)] = 0.08  #: Of a wrong sentiment, above the threshold of confidence.
    checkpoint_every: PositiveInt = 200  #: Steps between two checkpoints.
    threads: PositiveInt = 2
    device: str = "auto"

    @model_validator(mode="after")
    def _start_is_lora(self) -> Self:
        if self.start is not None and self.method == "full":
            raise ValueError("start holds LoRA matrices; it goes with method: lora")
        return self

    @classmethod
    def from_yaml(cls, path: Path) -> Self:
        """Read `path`; unknown keys and impossible values are refused with their name."""
        return checked(cls, read_values(path), path)


def read_values(path: Path | None) -> dict[str, object]:
    """The keys of a YAML file; None: none."""
    if path is None:
        return {}
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as err:
        raise ConfigurationError(f"{path}: cannot read the training configuration: {err}") from err
    if not isinstance(values, dict):
        raise ConfigurationError(f"{path}: not a table of settings")
    return {str(key): value for key, value in values.items()}


def checked(kind: type[Settings], values: Mapping[str, object], path: Path) -> Settings:
    """The settings of a file; every problem is named."""
    try:
        return kind.model_validate(values)
    except ValidationError as err:
        problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in err.errors())
        raise ConfigurationError(f"{path}: {problems}") from err
