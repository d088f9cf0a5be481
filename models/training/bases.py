"""The encoder that a run begins with: a name in, its files out."""

from __future__ import annotations

from pathlib import Path

from models.encoders import obtain_encoder
from models.known import RECIPES
from models.manifest import BaseEncoder
from monitor.errors import ConfigurationError

Base = tuple[BaseEncoder, Path]  #: What it must be, and the folder that it is in.


def known_encoder(name: str) -> Base:
    """The encoder of that name, fetched where it is not here yet."""
    found = {recipe.encoder.name: recipe.encoder for recipe in RECIPES.values()}
    if name not in found:
        raise ConfigurationError(f"encoder: {name!r} is not known; known are {', '.join(sorted(found))}")
    return found[name], obtain_encoder(found[name])
