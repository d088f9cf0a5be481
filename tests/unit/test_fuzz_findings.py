"""What fuzzing has found stays mended: every kept input goes through its target, and so do the sound ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.__main__ import CORPUS
from tests.fuzz.parts import split
from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS

FINDINGS = sorted(path for path in CORPUS.glob("*/*") if path.is_file())


@pytest.mark.parametrize("path", FINDINGS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_what_fuzzing_has_found_stays_mended(path: Path) -> None:
    """Each is kept under its target's name."""
    TARGETS[path.parent.name](path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_sound_inputs_pass_whole_and_cut_anywhere(name: str) -> None:
    """A target that refused what it starts from would find out nothing; cut input is the most frequent broken one."""
    for seed in seeds()[name]:
        steps = range(0, len(seed), max(1, len(seed) // 40))
        for piece in (seed, *(seed[:at] for at in steps), *(seed[at:] for at in steps)):
            TARGETS[name](piece)


def test_texts_come_out_of_bytes_lone_surrogates_too() -> None:
    """Without a fuzzer, and the same ones each time."""
    assert split(b"a\xff\xed\xa0\x80", 3) == ["a", "\udced\udca0\udc80", ""]
