"""What a training run may be told; read from YAML, defaults are those that made the shipped adapter."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveFloat, PositiveInt, ValidationError

from monitor.errors import ConfigurationError

Share = Annotated[float, Field(ge=0, lt=1)]


class TrainingConfig(BaseModel):
    """Hyper-parameters; every run with the same ones, data and machine gives the same adapter."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(default="small", pattern=r"^[a-z][a-z0-9-]{0,30}$")  #: Name in the model's version.
    version: PositiveInt = 1  #: Version of the adapter under that name.
    seed: int = 13
    epochs: PositiveInt = 4
    patience: PositiveInt = 2  #: Epochs without a better development score before the run stops.
    batch_size: PositiveInt = 64
    max_tokens: Annotated[int, Field(ge=8, le=512)] = 128  #: Longer texts are cut, in training only.
    learning_rate: PositiveFloat = 1e-3  #: Of the LoRA matrices.
    head_learning_rate: PositiveFloat = 2e-3
    weight_decay: NonNegativeFloat = 0.01
    warmup: Share = 0.1  #: Share of the steps over which the rate rises; it falls linearly after.
    lora_rank: PositiveInt = 32
    lora_alpha: PositiveInt = 64
    lora_dropout: Share = 0.0
    dropout: Share = 0.1  #: Before the heads.
    label_smoothing: Share = 0.05
    balance: Annotated[float, Field(ge=0, le=1)] = 0.25  #: Class weight = frequency ** -balance; 0: none.
    dev_share: Annotated[float, Field(gt=0, lt=0.5)] = 0.08  #: Of the training rows; choose the epoch and temperature.
    threads: PositiveInt = 2
    device: str = "auto"

    @classmethod
    def from_yaml(cls, path: Path) -> Self:
        """Read `path`; unknown keys and impossible values are refused with their name."""
        try:
            values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
            return cls.model_validate(values)
        except (OSError, yaml.YAMLError) as err:
            raise ConfigurationError(f"{path}: cannot read the training configuration: {err}") from err
        except ValidationError as err:
            problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in err.errors())
            raise ConfigurationError(f"{path}: {problems}") from err
