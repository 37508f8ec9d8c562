"""Where a terminal that reorders right-to-left text shows each character of a row (UAX 9, without embeddings)."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Final

_STRONG: Final = ("L", "R", "AL")
_NEUTRAL: Final = ("B", "S", "WS", "ON")


def columns_of(row: str, *, base: int | None = 0) -> list[int]:
    """Return where each character stands from the left; `base` 0: left to right, None: as the first letter is."""
    classes = ["ON" if kind in ("LRE", "RLE", "PDF", "LRI", "RLI", "FSI", "PDI", "BN", "") else kind for kind in map(
        unicodedata.bidirectional, row
    )]  # fmt: skip
    if base is None:
        first = next((kind for kind in classes if kind in _STRONG), "L")
        base = 0 if first == "L" else 1
    levels = _levels(classes, base)
    order = _reordered(levels)
    places = [0] * len(row)
    for column, index in enumerate(order):
        places[index] = column
    return places


def _levels(classes: list[str], base: int) -> list[int]:
    edge = "R" if base else "L"
    kinds = list(classes)
    strong, before = edge, edge
    for index, kind in enumerate(kinds):  # W1 to W3, W7 later
        if kind == "NSM":
            kind = kinds[index] = before
        if kind == "EN" and strong == "AL":
            kinds[index] = "AN"
        if kind in _STRONG:
            strong = kind
        before = kinds[index]
    kinds = ["R" if kind == "AL" else kind for kind in kinds]
    for index in range(1, len(kinds) - 1):  # W4
        around = kinds[index - 1], kinds[index + 1]
        if kinds[index] in ("ES", "CS") and around == ("EN", "EN"):
            kinds[index] = "EN"
        elif kinds[index] == "CS" and around == ("AN", "AN"):
            kinds[index] = "AN"
    for index, kind in enumerate(kinds):  # W5
        if kind == "ET":
            start = index
            end = next((at for at in range(index, len(kinds)) if kinds[at] != "ET"), len(kinds))
            near = (kinds[start - 1] if start else "", kinds[end] if end < len(kinds) else "")
            if "EN" in near:
                kinds[start:end] = ["EN"] * (end - start)
    kinds = ["ON" if kind in ("ES", "ET", "CS") else kind for kind in kinds]  # W6
    strong = edge
    for index, kind in enumerate(kinds):  # W7
        if kind in ("L", "R"):
            strong = kind
        elif kind == "EN" and strong == "L":
            kinds[index] = "L"
    index = 0
    while index < len(kinds):  # N1, N2
        end = index
        while end < len(kinds) and kinds[end] in _NEUTRAL:
            end += 1
        if end > index:
            left = _side(kinds[index - 1]) if index else edge
            right = _side(kinds[end]) if end < len(kinds) else edge
            kinds[index:end] = [left if left == right else edge] * (end - index)
        index = end + 1
    levels = []
    for kind in kinds:  # I1, I2
        if base:
            levels.append(1 if kind == "R" else 2)
        else:
            levels.append({"L": 0, "R": 1}.get(kind, 2))
    end = len(levels)
    while end and classes[end - 1] in ("WS", "B", "S"):  # L1
        end -= 1
        levels[end] = base
    return levels


def _side(kind: str) -> str:
    return "L" if kind == "L" else "R"


def _reordered(levels: Sequence[int]) -> list[int]:
    order = list(range(len(levels)))
    for level in range(max(levels, default=0), 0, -1):  # L2
        start = 0
        while start < len(order):
            end = start
            while end < len(order) and levels[order[end]] >= level:
                end += 1
            order[start:end] = order[start:end][::-1]
            start = max(end, start + 1)
    return order
