"""The tokeniser of an encoder folder."""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer

from monitor.errors import ArtifactError


def read_tokenizer(folder: Path, *, max_tokens: int) -> Tokenizer:
    """The fast tokeniser of `folder`: cuts to `max_tokens`, never pads."""
    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as err:  # the library raises plain Exception
        raise ArtifactError(f"{folder / 'tokenizer.json'}: cannot be read: {err}") from err
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return tokenizer
