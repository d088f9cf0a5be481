"""`make bench-model`: the classifier against others and against what the machine can multiply, in one interleaved run.

Every way gets the same invented texts of mixed length, one thread, and its turn in every round. On a CPU the rates are
those of a CPU-second, so that other work on the machine disturbs them less; on a GPU those of a second.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from models.artifacts import Adapter, read_adapter
from models.backend import Tokens
from models.batching import plan
from models.classifier import classifier_of
from models.encoders import obtain_encoder
from models.engine import TorchEngine, load_engine
from monitor.logs import configure_logging
from monitor.settings import ClassifierSettings, LoggingSettings
from tests.bench.memory import Memory, measure_memory
from tests.bench.product import operations, peak_ways
from tests.bench.rates import Rate, interleave, processor, row
from tests.bench.reference import PIPELINES, Way, has_openvino, openvino_way, pad_id, pipeline_ways
from tests.bench.texts import mixed_texts

WINDOW = 500  #: Texts that a stage has in hand.
PADDED = 1024  #: Padded tokens a batch for OpenVINO, texts sorted by length.
NETWORK = "network alone"
OPENVINO = "OpenVINO"
HINT = "OpenVINO is measured too where it can be imported (.venv/bin/pip install openvino); nothing needs it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One run."""

    rates: Mapping[str, Rate]  #: Texts a second; those of `product` in millions of operations a second.
    operations: float  #: Of one text in the mean.
    device: str
    precision: str
    memory: Memory

    @property
    def peak(self) -> float:
        """Operations a second of the best product."""
        return 1e6 * max(rate.median for name, rate in self.rates.items() if name.startswith("product"))

    @property
    def share(self) -> float:
        """Share of the peak that the network alone reaches."""
        return self.rates[NETWORK].median * self.operations / self.peak


def main() -> None:
    """Measure and print."""
    options = read_options()
    configure_logging(LoggingSettings(level="error"))
    settings = ClassifierSettings(adapter=options.adapter, encoder=options.encoder, device=options.device, threads=1)
    measured = measure(read_adapter(settings.adapter), settings, texts=options.texts, rounds=options.rounds)
    if options.json:
        values = {**asdict(measured), "share": measured.share}
        sys.stdout.write(json.dumps(values) + "\n")
        return
    sys.stdout.write("\n".join(table(measured, options.adapter)) + "\n")


def read_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.model", description=__doc__, epilog=HINT)
    parser.add_argument("--adapter", default="small", help="a shipped adapter, or the folder of another")
    parser.add_argument("--encoder", type=Path, help="folder of its encoder, where it is not fetched")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--texts", type=int, default=WINDOW, help="texts of one turn (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each way (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print figures, not a table")
    return parser.parse_args()


def measure(adapter: Adapter, settings: ClassifierSettings, *, texts: int, rounds: int) -> Measured:
    """All ways in turns, then the memory of a worker."""
    manifest = adapter.manifest
    encoder = obtain_encoder(manifest.base, folder=settings.encoder)
    drawn = mixed_texts(texts)
    classifier = classifier_of(adapter, settings)
    engine = load_engine(adapter, settings)
    rows = engine.tokenise(drawn, [()] * texts)
    own = cut(rows, settings.max_batch_tokens or engine.default_budget, fill=engine.fills)
    ways: dict[str, Way] = {"tapewatch": lambda: len(classifier.classify(drawn)), NETWORK: network_way(engine, own)}
    ways |= pipeline_ways(encoder, drawn, max_tokens=manifest.max_tokens, device=engine.device)
    ways |= peak_ways(engine.precision, engine.device)
    if has_openvino() and engine.device == "cpu":
        padded, is_bf16 = cut(rows, PADDED), engine.precision == "bf16"
        folders, topics = (encoder, adapter.folder), len(manifest.topics)
        ways[OPENVINO] = openvino_way(folders, padded, topics=topics, pad=pad_id(encoder), is_bf16=is_bf16)
    return Measured(
        rates=interleave(ways, rounds=rounds, clock=time.process_time if engine.device == "cpu" else time.perf_counter),
        operations=operations(encoder, [len(row.ids) for row in rows]) / texts,
        device=engine.device,
        precision=engine.precision,
        memory=measure_memory(settings, max(texts, WINDOW)),
    )


def cut(rows: Sequence[Tokens], budget: int, *, fill: bool = False) -> list[list[Tokens]]:
    """Batches of `rows` as the classifier cuts them."""
    return [[rows[n] for n in batch] for batch in plan([len(row.ids) for row in rows], budget=budget, fill=fill)]


def network_way(engine: TorchEngine, batches: Sequence[Sequence[Tokens]]) -> Way:
    """The network on tokens that are there already."""

    def run() -> int:
        landings = [engine.start(batch) for batch in batches]
        return sum(len(landing().finance) for landing in landings)

    return run


def table(measured: Measured, adapter: str) -> Iterator[str]:
    """The table in Markdown."""
    rates, ours = measured.rates, measured.rates["tapewatch"].median
    second = "CPU-second" if measured.device == "cpu" else "second"
    yield f"{adapter}, {measured.precision}, {os.cpu_count()} cores, {processor()}, PyTorch {torch.__version__}"
    yield ""
    yield f"| what, one thread | texts a {second}: median (lowest to highest) | ratio |"
    yield "|---|---|---|"
    yield row("tapewatch, from text to prediction", rates["tapewatch"], "")
    for name in PIPELINES:
        yield row(f"`transformers.pipeline` {name}", rates[name], f"ours is {ours / rates[name].median:.1f} times that")
    yield row("tapewatch, network alone", rates[NETWORK], f"{measured.share:.0%} of the peak below")
    if OPENVINO in rates:
        ratio = rates[NETWORK].median / rates[OPENVINO].median
        yield row("OpenVINO, network alone, sorted and padded", rates[OPENVINO], f"ours is {ratio:.2f} times that")
    yield f"| best plain product, {measured.precision} | {measured.peak / 1e9:,.0f} GFLOP/s | |"
    memory = measured.memory
    yield f"| worker, resident (most while loading) | {memory.resident_mb:.0f} MB ({memory.peak_mb:.0f}) | |"
    yield f"| of that `import torch` | {memory.torch_mb:.0f} MB | |"


if __name__ == "__main__":
    main()
