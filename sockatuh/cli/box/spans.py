"""Reads the spans of options: for how long an order is in force, and since when a name is unused."""

from __future__ import annotations

import math
from typing import Final

from sockatuh.cli.errors import ExitCode, stop
from sockatuh.room.orders import MAX_SPAN
from sockatuh.settings.values import parse_span
from sockatuh.wording import orders as wording

_YEAR: Final = 365 * 86_400


def span_of_kick(text: str) -> float:
    """Return the seconds of a kick's --for; a usage error for what is no span, for 0 and for forever."""
    seconds = _seconds(text, may_be_forever=False)
    if seconds == 0:
        stop(wording.KICK_FOR_NOTHING, ExitCode.USAGE)
    if math.isinf(seconds):
        stop(wording.KICK_FOR_EVER, ExitCode.USAGE)
    return seconds


def span_of(text: str) -> float | None:
    """Return the seconds of --for, None for forever; a usage error for what is no span, and for 0."""
    seconds = _seconds(text, may_be_forever=True)
    if seconds == 0:
        stop(wording.FOR_NOTHING, ExitCode.USAGE)
    return None if math.isinf(seconds) else seconds


def span_unused(text: str | None) -> float | None:
    """Return the seconds of --unused, None without one; a usage error for what is no span. 0 is every name."""
    if text is None:
        return None
    try:
        seconds = parse_span(text)
    except ValueError:
        seconds = math.inf
    if seconds > MAX_SPAN:
        stop(wording.not_unused(text), ExitCode.USAGE)
    return seconds or None


def _seconds(text: str, *, may_be_forever: bool) -> float:
    try:
        seconds = parse_span(text.strip())
    except ValueError:
        stop(wording.not_a_span(text, may_be_forever=may_be_forever), ExitCode.USAGE)
    if MAX_SPAN < seconds < math.inf:
        stop(wording.too_long_a_span(round(MAX_SPAN / _YEAR), may_be_forever=may_be_forever), ExitCode.USAGE)
    return seconds
