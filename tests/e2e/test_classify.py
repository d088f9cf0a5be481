"""`tapewatch classify` as a user pipes it: labels alone on standard output, in input order."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.model, pytest.mark.timeout(120)]

LINES = [
    '{"id": "a", "text": "Regulator opens fraud investigation into lender, shares plunge 30%"}',
    '{"id": "b", "title": "Maker raises its outlook", "text": "Record profit, dividend doubled."}',
    "{oops",
    '{"text": "   "}',
    '{"text": "No id here", "entities": ["ACME"]}',
    '{"id": "d", "text": "Acme wins the contract that Globex lost to it", "entities": ["Acme", "Globex"]}',
    '{"id": "e", "text": "公司股价跌停"}',
]


def test_labels_come_in_input_order_and_refusals_are_named_on_standard_error() -> None:
    """A bad line costs one message and the exit status, not its neighbours."""
    done = subprocess.run(
        [sys.executable, "-m", "monitor", "classify"],
        input="\n".join(LINES).encode(),
        capture_output=True,
        timeout=100,
        check=False,
    )
    labels = [json.loads(line) for line in done.stdout.splitlines()]

    assert [label["id"] for label in labels] == ["a", "b", 5, "d", "e"]
    assert [label["sentiment"] for label in labels[:2]] == ["negative", "positive"]
    assert set(labels[0]) == {
        "id", "topic", "topic_probability", "sentiment", "probabilities", "entities", "finance", "abstained", "model",
    }  # fmt: skip
    towards = {answer["entity"]: answer["probabilities"] for answer in labels[3]["entities"]}
    assert towards["Acme"]["positive"] > towards["Globex"]["positive"]
    assert towards["Acme"]["negative"] < towards["Globex"]["negative"]
    assert [answer["entity"] for answer in labels[2]["entities"]] == ["ACME"]
    assert sum(labels[0]["probabilities"].values()) == pytest.approx(1, abs=1e-3)
    assert (labels[4]["abstained"], labels[4]["topic"]) == ("language", ""), "no adapter of the defaults reads Chinese"
    assert b"line 3: " in done.stderr
    assert b"line 4: text is empty" in done.stderr
    assert done.returncode == 1
