"""Spans of time as people write them: `90m`, `12h`, `30d`, `forever`."""

from __future__ import annotations

import math
import re
from typing import Final

_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
DAY: Final = _UNITS["d"]


def parse_span(value: object) -> float:
    """Return the seconds of a span: `12h`, `30d`, `0`, or `forever` (infinity). Raises ValueError."""
    if str(value) == "0":
        return 0.0
    if value == "forever":
        return math.inf
    if isinstance(value, str) and (match := re.fullmatch(r"([0-9]{1,12})([smhdw])", value)):
        return int(match[1]) * _UNITS[match[2]]
    raise ValueError("should be a span like 90m, 12h or 30d, or 0, or forever")


def format_span(seconds: float) -> str:
    """Return the shortest way to write a span that `parse_span` reads as the same whole seconds."""
    if math.isinf(seconds):
        return "forever"
    if seconds == 0:
        return "0"
    unit = next(unit for unit in ("d", "h", "m", "s") if seconds % _UNITS[unit] == 0 or unit == "s")
    return f"{round(seconds / _UNITS[unit])}{unit}"
