"""What a message costs by itself, and what each member adds: a straight line through a few sizes of the room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fit:
    """A message to `n` members costs `fixed + n * each`; `miss` is how far the worst size is from that, as a share."""

    fixed: float
    each: float
    miss: float


def fit(costs: Mapping[int, float]) -> Fit | None:
    """Return the line with the least squares of relative errors through costs by members; None below two sizes.

    Errors count as shares of the cost, or the largest room would decide alone: a message costs ten times as much there.
    """
    if len(costs) < 2:
        return None
    # Divided by its cost y, each size asks that fixed * (1/y) + each * (members/y) be 1.
    rows = [(1 / cost, members / cost) for members, cost in costs.items()]
    aa, ab, bb = (sum(row[i] * row[j] for row in rows) for i, j in ((0, 0), (0, 1), (1, 1)))
    a, b = (sum(row[i] for row in rows) for i in (0, 1))
    determinant = aa * bb - ab * ab
    fixed, each = (a * bb - b * ab) / determinant, (b * aa - a * ab) / determinant
    return Fit(fixed, each, max(abs(fixed * one + each * other - 1) for one, other in rows))
