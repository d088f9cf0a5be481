"""Domain-adaptive pre-training: unlabelled texts in, LoRA matrices out that a training run begins from.

Masked-language modelling goes on on texts of the domain (Gururangan et al., Don't stop pretraining, 2020). Only the
LoRA matrices learn, so that what it makes is small and belongs to the same pinned encoder as the adapter will. The head
that guesses the masked words is thrown away.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from peft import get_peft_model_state_dict, set_peft_model_state_dict
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional
from transformers import get_linear_schedule_with_warmup

from models.architecture import add_lora, read_encoder
from models.hardware import has_bf16, pick_device
from models.tokens import read_tokenizer
from models.training.bases import Base, known_encoder
from models.training.batches import Collator, similar_batches
from models.training.config import checked, read_values
from models.training.folder import publish, working_folder, writing
from models.training.logbook import LOGBOOK, Logbook
from models.training.precision import MasterWeights
from models.training.rows import Example
from models.training.teaching import distinct_texts
from monitor.errors import ConfigurationError, PermanentError

WEIGHTS = "pretrained.safetensors"
SETTINGS = "pretrained.json"
MASKED = 0.15  #: Share of the tokens that are to be guessed.
SHOWN_AS_MASK = 0.8  #: Of those, the share that the mask hides;
SHOWN_AS_IS_OR_MASK = 0.9  #: up to here the word stands; beyond, another word stands in its place.
MIN_TEXTS = 32
DEV_SHARE = 0.02
CLIP = 1.0


class PretrainingConfig(BaseModel):
    """What a pre-training run may be told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    encoder: str = "intfloat/e5-small"
    seed: int = 13
    rows: PositiveInt = 40_000  #: At most so many different texts.
    epochs: PositiveInt = 1
    batch_size: PositiveInt = 64
    max_tokens: Annotated[int, Field(ge=8, le=512)] = 64
    learning_rate: PositiveFloat = 5e-4
    lora_rank: PositiveInt = 32  #: That of the training run to come.
    lora_alpha: PositiveInt = 64
    threads: PositiveInt = 2
    device: str = "auto"

    @classmethod
    def from_yaml(cls, path: Path) -> Self:
        """Read `path`; unknown keys and impossible values are refused with their name."""
        return checked(cls, read_values(path), path)


class MaskedModel(nn.Module):
    """Encoder and a head that guesses words by the encoder's own word embeddings."""

    def __init__(self, encoder: nn.Module, words: Tensor, *, width: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width))
        self.bias = nn.Parameter(torch.zeros(len(words)))
        self.register_buffer("words", words, persistent=False)

    def forward(self, ids: Tensor, mask: Tensor, wanted: Tensor) -> Tensor:
        """Mean loss over the tokens to be guessed (`wanted` is -100 elsewhere)."""
        hidden = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        rows = self.head(hidden[wanted != NO_WORD].float())
        words: Tensor = self.get_buffer("words")
        guesses = functional.linear(rows.to(words.dtype), words).float() + self.bias
        return functional.cross_entropy(guesses, wanted[wanted != NO_WORD])


NO_WORD = -100


def pretrain(texts: Path, out: Path, config: PretrainingConfig, *, encoder: Base | None = None) -> Mapping[str, float]:
    """Go on with masked-language modelling on `texts`, write what was learnt to `out`; returns the losses."""
    base, folder = encoder or known_encoder(config.encoder)
    rows = [Example(text=text, source="unlabelled") for text in distinct_texts(texts)]
    if len(rows) < MIN_TEXTS:
        raise ConfigurationError(f"{texts}: {len(rows)} different texts; {MIN_TEXTS} are needed at least")
    random.Random(config.seed).shuffle(rows)  # noqa: S311 - a choice, not a secret
    rows = rows[: config.rows]
    torch.manual_seed(config.seed)
    torch.set_num_threads(config.threads)
    work = working_folder(out)
    held = max(1, round(len(rows) * DEV_SHARE))
    with writing(work), Logbook(work / LOGBOOK) as logbook:
        run = _Run(folder, config, logbook)
        before = run.loss(rows[:held])
        run.fit(rows[held:])
        losses = {
            "rows": float(len(rows)),
            "loss.before": round(before, 4),
            "loss.after": round(run.loss(rows[:held]), 4),
        }
        logbook.tell("pretraining_finished", losses)
        run.save(work, base.files)
    publish(work, out)
    return losses


def begin_from(encoder: nn.Module, folder: Path, files: Mapping[str, str]) -> None:
    """Put what `pretrain` wrote into the LoRA matrices of `encoder`, whose base has the sums `files`."""
    try:
        settings = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
        weights = load_file(folder / WEIGHTS)
    except (OSError, ValueError) as err:
        raise ConfigurationError(f"start: {folder}: not what `tapewatch pretrain` writes: {err}") from err
    if settings.get("encoder") != dict(files):
        raise ConfigurationError(f"start: {folder}: was pre-trained on another encoder")
    try:
        result: Any = set_peft_model_state_dict(encoder, weights)
    except (RuntimeError, KeyError, ValueError) as err:
        raise ConfigurationError(f"start: {folder}: does not fit lora_rank: {err}") from err
    if result.unexpected_keys:
        raise ConfigurationError(f"start: {folder}: does not fit this encoder: {result.unexpected_keys[0]}")


class _Run:
    """The loop of one run."""

    def __init__(self, folder: Path, config: PretrainingConfig, logbook: Logbook) -> None:
        encoder = read_encoder(folder)
        embeddings: Any = encoder.get_input_embeddings()  # type: ignore[no-untyped-call]  # transformers leaves it untyped
        words = embeddings.weight.detach().clone()
        lora = add_lora(encoder, rank=config.lora_rank, alpha=config.lora_alpha, dropout=0.0)
        self._config = config
        self._logbook = logbook
        self._device = pick_device(config.device)
        dtype = torch.bfloat16 if has_bf16(self._device.type) else torch.float32
        self._model = MaskedModel(lora, words.to(dtype), width=int(encoder.config.hidden_size)).to(self._device)
        self._weights = MasterWeights(self._model, dtype=dtype)
        self._tokenizer = read_tokenizer(folder, max_tokens=config.max_tokens)
        self._collator = Collator(self._tokenizer, adversarial=0.0, device=self._device)
        self._mask_id = _mask_id(self._tokenizer, folder)

    def fit(self, rows: Sequence[Example]) -> None:
        """One pass or more over `rows`."""
        config = self._config
        steps = config.epochs * -(-len(rows) // config.batch_size)
        optimizer = torch.optim.AdamW(list(self._weights.all()), lr=config.learning_rate, weight_decay=0.01)
        schedule = get_linear_schedule_with_warmup(optimizer, steps // 10, steps)  # type: ignore[no-untyped-call]
        lengths = self._collator.lengths(rows)
        step = 0
        self._model.train()
        for epoch in range(config.epochs):
            for batch in similar_batches(lengths, config.batch_size, seed=config.seed + epoch):
                loss = self._loss([rows[i] for i in batch], seed=step)
                loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
                self._weights.take_gradients()
                nn.utils.clip_grad_norm_(self._weights.all(), CLIP)
                optimizer.step()
                schedule.step()
                self._weights.give_values()
                self._model.zero_grad(set_to_none=True)
                step += 1
                self._tell(epoch + 1, step, steps, float(loss.detach()))

    def loss(self, rows: Sequence[Example]) -> float:
        """Mean loss over `rows`, always with the same words masked."""
        self._model.eval()
        size = self._config.batch_size
        with torch.inference_mode():
            losses = [float(self._loss(rows[at : at + size], seed=-1 - at)) for at in range(0, len(rows), size)]
        return float(np.mean(losses))

    def save(self, work: Path, files: Mapping[str, str]) -> None:
        """Write the LoRA matrices and which encoder they belong to."""
        self._weights.finish()
        weights = get_peft_model_state_dict(self._model.encoder, save_embedding_layers=False)
        save_file({name: tensor.cpu().contiguous() for name, tensor in weights.items()}, work / WEIGHTS)
        text = json.dumps({"encoder": dict(files), "config": self._config.model_dump(mode="json")}, indent=2)
        (work / SETTINGS).write_text(text + "\n", encoding="utf-8")

    def _loss(self, examples: Sequence[Example], *, seed: int) -> Tensor:
        batch = self._collator.batch(examples)
        ids, wanted = masked(batch.ids.cpu().numpy(), batch.mask.cpu().numpy(), self._mask_id,
                             words=self._tokenizer.get_vocab_size(), seed=seed)  # fmt: skip
        loss: Tensor = self._model(torch.from_numpy(ids).to(self._device), batch.mask,
                                   torch.from_numpy(wanted).to(self._device))  # fmt: skip
        return loss

    def _tell(self, epoch: int, step: int, steps: int, loss: float) -> None:
        if not math.isfinite(loss):
            raise PermanentError(f"step {step}: the loss is not a number; lower learning_rate")
        self._logbook.tell("step_finished", {"epoch": epoch, "step": step, "steps": steps, "loss": loss})


def masked(
    ids: NDArray[np.int64],
    mask: NDArray[np.int64],
    mask_id: int,
    *,
    words: int,
    seed: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Token ids with some hidden, and what they were (`NO_WORD` where nothing is to be guessed); at least one is."""
    chance = np.random.default_rng([abs(seed), int(seed < 0)])
    open_to = mask.astype(bool)
    open_to[:, 0] = False
    open_to[np.arange(len(ids)), mask.sum(axis=1) - 1] = False  # the special tokens at both ends
    hidden = open_to & (chance.random(ids.shape) < MASKED)
    if not hidden.any():
        hidden.flat[int(np.flatnonzero(open_to.ravel())[0]) if open_to.any() else 0] = True
    how = chance.random(ids.shape)
    shown = np.where(hidden & (how < SHOWN_AS_MASK), mask_id, ids)
    shown = np.where(hidden & (how >= SHOWN_AS_IS_OR_MASK), chance.integers(0, words, ids.shape), shown)
    return shown, np.where(hidden, ids, NO_WORD)


def _mask_id(tokenizer: Tokenizer, folder: Path) -> int:
    for word in ("[MASK]", "<mask>"):
        if (found := tokenizer.token_to_id(word)) is not None:
            return found
    raise ConfigurationError(f"{folder / 'tokenizer.json'}: has no mask token; this encoder cannot be pre-trained")
