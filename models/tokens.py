"""The tokeniser of an encoder folder: texts and the words for entities in, token ids and positions out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer

from models.backend import Tokens
from models.mentions import token_spans
from monitor.errors import ArtifactError

Surfaces = Sequence[Sequence[str]]  #: For each entity, the words by which a text may name it.


def read_tokenizer(folder: Path, *, max_tokens: int) -> Tokenizer:
    """The fast tokeniser of `folder`: cuts to `max_tokens`, never pads."""
    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as err:  # the library raises plain Exception
        raise ArtifactError(f"{folder / 'tokenizer.json'}: cannot be read: {err}") from err
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return tokenizer


def tokenise(tokenizer: Tokenizer, texts: Sequence[str], surfaces: Sequence[Surfaces]) -> list[Tokens]:
    """Tokens of each text; where tokens stand in the text is worked out only where entities are asked for."""
    found: dict[int, Tokens] = {}
    plain = [index for index, wanted in enumerate(surfaces) if not wanted]
    for index, encoding in zip(plain, tokenizer.encode_batch_fast([texts[i] for i in plain]), strict=True):
        found[index] = Tokens(ids=encoding.ids)
    asked = [index for index, wanted in enumerate(surfaces) if wanted]
    for index, encoding in zip(asked, tokenizer.encode_batch([texts[i] for i in asked]), strict=True):
        spans = token_spans(texts[index], encoding.offsets, surfaces[index])
        found[index] = Tokens(ids=encoding.ids, spans=spans)
    return [found[index] for index in range(len(texts))]


def unknown_id(tokenizer: Tokenizer) -> int | None:
    """Id of the token for what the vocabulary lacks: `[UNK]` of BERT and MPNet, `<unk>` of XLM-R."""
    found = (tokenizer.token_to_id(word) for word in ("[UNK]", "<unk>"))
    return next((number for number in found if number is not None), None)
