"""The training loop: examples in, the best state of the network out; it goes on from its last checkpoint after a kill.

Each epoch the rows are attacked and shuffled anew, by seeds that depend on nothing but the configuration and the number
of the epoch, and cut into batches of similar length; so a run that was killed ends as one that was not.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import get_linear_schedule_with_warmup

from models.architecture import Logits, Network
from models.hardware import has_bf16, pick_device
from models.training.batches import Batch, Collator, similar_batches
from models.training.checkpoint import Checkpoint
from models.training.config import TrainingConfig
from models.training.losses import Losses
from models.training.precision import MasterWeights
from models.training.progress import Outputs, scores_by_source, selection_score
from models.training.rows import Example
from monitor.errors import PermanentError

CLIP = 1.0  #: Largest norm of the gradient.
LOOK_ROWS = 64  #: Rows of a batch when the development rows are looked at.

Event = Callable[[str, Mapping[str, object]], None]


@dataclass(slots=True)
class Standing:
    """How far a run is, and the best that it found."""

    step: int = 0  #: Steps done.
    look: int = 0  #: Looks at the development rows done.
    best: float = -1.0
    best_look: int = 0
    kept: dict[str, Tensor] = field(default_factory=dict)


def trainer_for(network: Network, config: TrainingConfig, tokenizer: Tokenizer) -> Trainer:
    """The trainer of `network` on the device of `config`, in bf16 where the hardware has it."""
    device = pick_device(config.device)
    collator = Collator(tokenizer, adversarial=config.adversarial, device=device)
    dtype = torch.bfloat16 if has_bf16(device.type) else torch.float32
    return Trainer(network, config, collator, device=device, dtype=dtype)


class Trainer:
    """One run over one network."""

    def __init__(
        self, network: Network, config: TrainingConfig, collator: Collator, *, device: torch.device, dtype: torch.dtype
    ) -> None:
        self._network = network.to(device)
        self._config = config
        self._collator = collator
        self.device = device
        self._weights = MasterWeights(self._network, dtype=dtype)

    def fit(self, rows: Sequence[Example], dev: Sequence[Example], *, tell: Event, checkpoint: Checkpoint) -> Standing:
        """Train on `rows`, keep the state that is best on `dev`, return where it was found."""
        self._rows, self._lengths = rows, self._collator.lengths(rows)
        epoch_steps = -(-len(rows) // self._config.batch_size)
        self._steps = self._config.epochs * epoch_steps
        self._losses = Losses(rows, self._config, topics=self._network.topic.out_features, device=self.device)
        self._optimizer = self._make_optimizer()
        self._schedule = get_linear_schedule_with_warmup(  # type: ignore[no-untyped-call]  # it has no types
            self._optimizer, int(self._steps * self._config.warmup), self._steps
        )
        standing = self._resumed(checkpoint, tell)
        look_every = -(-epoch_steps // self._config.looks)
        for epoch in range(standing.step // epoch_steps, self._config.epochs):
            self._epoch(epoch, standing, dev, look_every=look_every, tell=tell, checkpoint=checkpoint)
            if standing.look - standing.best_look >= self._config.patience:
                break
        self._weights.load(standing.kept)
        self._weights.finish()
        return standing

    def outputs(self, examples: Sequence[Example]) -> Outputs:
        """Logits of every head for every example, in order."""
        order = np.argsort(self._collator.lengths(examples), kind="stable")
        self._network.eval()
        with torch.inference_mode():
            parts = [
                self._forward([examples[i] for i in order[start : start + LOOK_ROWS]])[0]
                for start in range(0, len(order), LOOK_ROWS)
            ]
        owners = np.repeat(order, [len(examples[i].entities) for i in order])
        back = {"entity": np.argsort(owners, kind="stable")}
        return Outputs(**{name: torch.cat([getattr(part, name) for part in parts]).cpu().double().numpy()[
            back.get(name, np.argsort(order))
        ] for name in ("topic", "sentiment", "finance", "entity")})  # fmt: skip

    def _epoch(
        self, epoch: int, standing: Standing, dev: Sequence[Example], *, look_every: int, tell: Event,
        checkpoint: Checkpoint,
    ) -> None:  # fmt: skip
        seed = self._config.seed + epoch + 1
        rows = self._collator.attacked(self._rows, random.Random(seed))  # noqa: S311 - a shuffle, not a secret
        batches = list(similar_batches(self._lengths, self._config.batch_size, seed=seed))
        for number in range(standing.step - epoch * len(batches), len(batches)):
            loss = self._step([rows[i] for i in batches[number]])
            standing.step += 1
            tell("step_finished", {"epoch": epoch + 1, "step": standing.step, "steps": self._steps, "loss": loss})
            if not np.isfinite(loss):
                raise PermanentError(f"step {standing.step}: the loss is not a number; lower learning_rate")
            if (number + 1) % look_every == 0 or number + 1 == len(batches):
                self._look(standing, dev, tell)
                if standing.look - standing.best_look >= self._config.patience:
                    return
            if standing.step % self._config.checkpoint_every == 0:
                checkpoint.save(self._state(standing))

    def _step(self, examples: Sequence[Example]) -> float:
        self._network.train()
        logits, batch = self._forward(examples)
        loss = self._losses(logits, batch)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self._weights.take_gradients()
        nn.utils.clip_grad_norm_(self._weights.all(), CLIP)
        self._optimizer.step()
        self._schedule.step()
        self._weights.give_values()
        self._network.zero_grad(set_to_none=True)
        return float(loss.detach())

    def _forward(self, examples: Sequence[Example]) -> tuple[Logits, Batch]:
        batch = self._collator.batch(examples)
        return self._network(batch.ids, batch.mask, batch.owners, batch.spans), batch

    def _look(self, standing: Standing, dev: Sequence[Example], tell: Event) -> None:
        scores = scores_by_source(self.outputs(dev), dev)
        value = selection_score(scores, self._config.select)
        standing.look += 1
        tell("look_finished", {"look": standing.look, "step": standing.step, "score": value,
                               **{name: asdict(s) for name, s in scores.items()}})  # fmt: skip
        if value > standing.best:
            standing.best, standing.best_look, standing.kept = value, standing.look, self._weights.state()

    def _make_optimizer(self) -> torch.optim.Optimizer:
        heads = [p for name in ("topic", "sentiment", "finance", "entity")
                 for p in self._weights.of(self._network.get_submodule(name))]  # fmt: skip
        groups = [
            {"params": self._weights.of(self._network.encoder), "lr": self._config.learning_rate},
            {"params": heads, "lr": self._config.head_learning_rate},
        ]
        return torch.optim.AdamW(groups, weight_decay=self._config.weight_decay)

    def _state(self, standing: Standing) -> dict[str, object]:
        return {
            "standing": asdict(standing),
            "weights": self._weights.state(),
            "optimizer": self._optimizer.state_dict(),
            "schedule": self._schedule.state_dict(),
            "chance": torch.get_rng_state(),
        }

    def _resumed(self, checkpoint: Checkpoint, tell: Event) -> Standing:
        state = checkpoint.load()
        if state is None:
            return Standing()
        standing = Standing(**state["standing"])
        self._weights.load(state["weights"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._schedule.load_state_dict(state["schedule"])
        torch.set_rng_state(state["chance"])
        tell("training_resumed", {"step": standing.step, "steps": self._steps})
        return standing
