"""The options that select a part of the log: `-n`, `--since` and `--after`."""

from __future__ import annotations

import math
import re
import time
from datetime import date, datetime, timedelta
from typing import Annotated, Final

import typer

from sockatuh.room.log import MAX_SEQ
from sockatuh.settings.values import parse_span
from sockatuh.wording import client as phrases

from .errors import ExitCode, stop
from .options import Range

SinceOption = Annotated[str | None, typer.Option("--since", help=phrases.HELP_SINCE, metavar="WHEN")]
AfterOption = Annotated[int | None, typer.Option("--after", help=phrases.HELP_AFTER, metavar="SEQ", min=0, max=MAX_SEQ)]

_CLOCK: Final = re.compile(r"\d{1,2}:\d\d(:\d\d)?")


def read_range(lines: int | None, since: str | None, after: int | None, otherwise: int | None) -> Range:
    """Return the range that the options select, or the newest `otherwise` lines if none is given.

    Stops with a usage error if they cannot be parsed or contradict each other.
    """
    if (lines, since, after) == (None, None, None):
        return Range(lines=otherwise)
    if after is not None and (lines is not None or since is not None):
        stop(phrases.AFTER_OR_LINES, ExitCode.USAGE)
    if since is None:
        return Range(lines, None, after)
    try:
        return Range(lines, parse_moment(since, time.time()), after)
    except (ValueError, OverflowError, OSError):
        stop(phrases.not_a_moment(since), ExitCode.USAGE)


def parse_moment(text: str, now: float) -> int | None:
    """Parse a moment, and return it in ms since 1970; return None for `forever`.

    The text is a span before `now` (s since 1970), a time of day, a date, or an ISO 8601 date and time. A time of day
    means its most recent occurrence; moments without a zone are local. Raises ValueError if the text is none of these,
    OverflowError or OSError for a moment outside the calendar.
    """
    try:
        span = parse_span(text)
    except ValueError:
        return int(_named_moment(text, now).timestamp() * 1000)
    return None if math.isinf(span) else max(0, int((now - span) * 1000))


def _named_moment(text: str, now: float) -> datetime:
    if not _CLOCK.fullmatch(text):
        return datetime.fromisoformat(text).astimezone()
    today: date = datetime.fromtimestamp(now).date()
    moment = datetime.fromisoformat(f"{today}T{text.zfill(len(text) + text.index(':') % 2)}").astimezone()
    return moment if moment.timestamp() <= now else moment - timedelta(days=1)
