"""What is shown on a terminal is shown, never obeyed."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.console import Output
from monitor.terminal import visible


@given(st.text(st.characters(exclude_categories=[]), max_size=50))
def test_nothing_is_left_that_a_terminal_would_obey(text: str) -> None:
    """And what is harmless stays as it is."""
    shown = visible(text)
    assert not any(unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t" for c in shown)
    assert visible(shown) == shown
    shown.encode()
    if text.isprintable():
        assert shown == text


def test_a_table_shows_the_escape_and_not_its_effect(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The reason of a source that fails is partly the server's own words."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    output = Output(as_json=False)
    output.rows([{"reason": "\x1b]0;owned\x07 [bold]"}], title="t", columns=("reason",), empty="")
    shown = capsys.readouterr().out
    assert "\\x1b]0;owned\\x07 [bold]" in shown
    assert "\x07" not in shown
