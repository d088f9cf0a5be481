"""What every section shares: frozen, no unknown keys, durations, secrets from a file."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from monitor.durations import format_duration, format_rate, parse_duration, parse_rate


class Section(BaseModel):
    """One section of the configuration."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, validate_default=True, hide_input_in_errors=True
    )


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("must be longer than zero")
    return value


def _not_negative(value: timedelta) -> timedelta:
    if value < timedelta(0):
        raise ValueError("must not be negative")
    return value


_written = PlainSerializer(format_duration, return_type=str, when_used="json")
Duration = Annotated[timedelta, BeforeValidator(parse_duration), AfterValidator(_positive), _written]
DurationOrZero = Annotated[timedelta, BeforeValidator(parse_duration), AfterValidator(_not_negative), _written]
Rate = Annotated[
    float, BeforeValidator(parse_rate), Field(gt=0), PlainSerializer(format_rate, return_type=str, when_used="json")
]
"""Events a week, written `1 per week`, `0.5 per day`, `2 per month`."""
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]
Port = Annotated[int, Field(ge=0, le=65535)]
