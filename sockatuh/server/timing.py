"""How long things take in a running server, as histograms for its admin (docs/CONTROL.md, `metrics`)."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import Final

from .box_report import Histogram

BOUNDS: Final = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
"""Seconds."""


class Timing:
    """How long something took, as counts of so many seconds at most; one thread observes, any may read."""

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        """Count one that took so long."""
        self._counts[bisect_left(BOUNDS, seconds)] += 1
        self._sum += seconds

    def histogram(self) -> Histogram:
        """Return all that was observed."""
        *counts, count = accumulate(self._counts)
        return Histogram(bounds=BOUNDS, counts=tuple(counts), count=count, sum=self._sum)
