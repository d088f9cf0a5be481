"""Buckets of histograms, the same everywhere, so that panels can be compared."""

from __future__ import annotations

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
LATENCIES = (*SECONDS, 900, 3600, 14400, 86400)  #: From what the world says to what we do: feeds lag by hours.
SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
