"""Every verb sets up the logs of its process; the tests that come after it share that process."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _logs_as_before(logs_as_before: None) -> None:
    """For every test here."""
