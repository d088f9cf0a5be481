"""`make bench-model`: the classifier against others and against what the machine can multiply, in one interleaved run.

Every way gets the same invented texts of mixed length, one thread, and its turn in every round. On a CPU the rates are
those of a CPU-second, so that other work on the machine disturbs them less; on a GPU those of a second. There
`transformers.pipeline` gets the first few hundred texts only, and the network is also fed texts of one length.
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
GPU_TEXTS = 16_384  #: Some batches of a GPU.
GPU_THREADS = 8  #: For the tokeniser, beside the thread that feeds the GPU.
PADDED = 1024  #: Padded tokens a batch for OpenVINO, texts sorted by length.
NETWORK = "network alone"
OPENVINO = "OpenVINO"
HINT = "OpenVINO is measured too where it can be imported (.venv/bin/pip install openvino); nothing needs it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One run."""

    rates: Mapping[str, Rate]  #: Texts a second; those of `product` in millions of operations a second.
    operations: Mapping[str, float]  #: By way that is the network alone: of one text in the mean.
    device: str
    precision: str
    threads: int
    memory: Memory | None  #: None on a GPU.

    @property
    def peak(self) -> float:
        """Operations a second of the best product."""
        return 1e6 * max(rate.median for name, rate in self.rates.items() if name.startswith("product"))

    @property
    def shares(self) -> Mapping[str, float]:
        """Share of the peak that the network alone reaches, by way."""
        return {name: self.rates[name].median * count / self.peak for name, count in self.operations.items()}


def main() -> None:
    """Measure and print."""
    options = read_options()
    configure_logging(LoggingSettings(level="error"))
    is_gpu = options.device == "cuda"
    threads = options.threads or (GPU_THREADS if is_gpu else 1)
    settings = ClassifierSettings(
        adapter=options.adapter, encoder=options.encoder, device=options.device, threads=threads
    )
    texts = options.texts or (GPU_TEXTS if is_gpu else WINDOW)
    measured = measure(
        read_adapter(settings.adapter), settings, texts=texts, rounds=options.rounds, tokens=options.tokens
    )
    if options.json:
        values = {**asdict(measured), "shares": measured.shares}
        sys.stdout.write(json.dumps(values) + "\n")
        return
    sys.stdout.write("\n".join(table(measured, options.adapter)) + "\n")


def read_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.model", description=__doc__, epilog=HINT)
    parser.add_argument("--adapter", default="small", help="a shipped adapter, or the folder of another")
    parser.add_argument("--encoder", type=Path, help="folder of its encoder, where it is not fetched")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--texts", type=int, help=f"texts of one turn (default: {WINDOW}, on a GPU {GPU_TEXTS})")
    parser.add_argument("--threads", type=int, help=f"CPU threads (default: 1, for a GPU {GPU_THREADS})")
    parser.add_argument("--tokens", type=int, nargs="*", default=(), help="also texts of exactly so many tokens")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each way (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print figures, not a table")
    return parser.parse_args()


def measure(
    adapter: Adapter, settings: ClassifierSettings, *, texts: int, rounds: int, tokens: Sequence[int] = ()
) -> Measured:
    """All ways in turns, then the memory of a worker."""
    manifest = adapter.manifest
    encoder = obtain_encoder(manifest.base, folder=settings.encoder)
    drawn = mixed_texts(texts)
    classifier = classifier_of(adapter, settings)
    engine = load_engine(adapter, settings)
    is_cpu = engine.device == "cpu"
    rows = engine.tokenise(drawn, [()] * texts)
    alone = {NETWORK: rows, **{f"{NETWORK}, {size} tokens": of_one_length(rows, size) for size in tokens}}
    budget = settings.max_batch_tokens or engine.default_budget
    ways: dict[str, Way] = {"tapewatch": lambda: len(classifier.classify(drawn))}
    ways |= {name: network_way(engine, cut(of, budget, fill=engine.fills)) for name, of in alone.items()}
    ways |= pipeline_ways(encoder, drawn[:WINDOW], max_tokens=manifest.max_tokens, device=engine.device)
    ways |= peak_ways(engine.precision, engine.device)
    if has_openvino() and is_cpu:
        padded, is_bf16 = cut(rows, PADDED), engine.precision == "bf16"
        folders, topics = (encoder, adapter.folder), len(manifest.topics)
        ways[OPENVINO] = openvino_way(folders, padded, topics=topics, pad=pad_id(encoder), is_bf16=is_bf16)
    return Measured(
        rates=interleave(ways, rounds=rounds, clock=time.process_time if is_cpu else time.perf_counter),
        operations={name: operations(encoder, [len(row.ids) for row in of]) / len(of) for name, of in alone.items()},
        device=engine.device,
        precision=engine.precision,
        threads=settings.threads,
        memory=measure_memory(settings, max(texts, WINDOW)) if is_cpu else None,
    )


def of_one_length(rows: Sequence[Tokens], size: int) -> list[Tokens]:
    """The tokens of `rows` end to end, cut into texts of `size`."""
    ids = [number for row in rows for number in row.ids]
    return [Tokens(ids=ids[at : at + size]) for at in range(0, len(ids) - size + 1, size)]


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
    machine = processor() if measured.device == "cpu" else torch.cuda.get_device_name()
    yield f"{adapter}, {measured.precision}, {os.cpu_count()} cores, {machine}, PyTorch {torch.__version__}"
    yield ""
    yield f"| what, {measured.threads} CPU thread(s) | texts a {second}: median (lowest to highest) | ratio |"
    yield "|---|---|---|"
    yield row("tapewatch, from text to prediction", rates["tapewatch"], "")
    for name in PIPELINES:
        yield row(f"`transformers.pipeline` {name}", rates[name], f"ours is {ours / rates[name].median:.1f} times that")
    for name, share in measured.shares.items():
        yield row(f"tapewatch, {name}", rates[name], f"{share:.0%} of the peak below")
    if OPENVINO in rates:
        ratio = rates[NETWORK].median / rates[OPENVINO].median
        yield row("OpenVINO, network alone, sorted and padded", rates[OPENVINO], f"ours is {ratio:.2f} times that")
    yield f"| best plain product, {measured.precision} | {measured.peak / 1e9:,.0f} GFLOP/s | |"
    if measured.memory:
        yield from memory_rows(measured.memory)


def memory_rows(memory: Memory) -> Iterator[str]:
    """What a worker takes."""
    yield f"| worker, resident (most while loading) | {memory.resident_mb:.0f} MB ({memory.peak_mb:.0f}) | |"
    yield f"| of that `import torch` | {memory.torch_mb:.0f} MB | |"


if __name__ == "__main__":
    main()
