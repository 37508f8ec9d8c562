"""Says what the room's admin has ordered about this person: to be removed, banned or muted, until when and why."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Final

from sockatuh.client.items import local_moment
from sockatuh.errors import Refused, Removed
from sockatuh.protocol.constants import ORDER_CODES
from sockatuh.room.moments import find_rfc3339
from sockatuh.room.text import clean_line
from sockatuh.wording import client as phrases
from sockatuh.wording import commands as wording

from .naming import shown_reason

MUTED: Final = "muted"


def sentence_of(refused: Refused) -> str:
    """Return what a refusal with one of the ORDER_CODES says."""
    why, until = shown_reason(refused.detail), end_of(refused)
    now = datetime.now().astimezone()
    if refused.code == "kicked":
        return phrases.removed(why, wording.span(refused.wait) if refused.wait else "")
    moment = local_moment(until) if until is not None else None
    if refused.code == "banned":
        return phrases.banned(why, moment, now)
    return phrases.muted(why, moment, now)


def facts_of(refused: Refused) -> dict[str, object]:
    """Return the fields of a JSON error that say how long an order lasts, and why it was given; {} for other codes."""
    if refused.code not in ORDER_CODES:
        return {}
    until = end_of(refused)
    return {
        "wait": refused.wait or None,
        "until": find_rfc3339(until) if until is not None else None,
        "reason": clean_line(refused.detail) or None,
    }


def end_of(refused: Refused) -> int | None:
    """Return when the order ends, in ms since 1970, None if it does not or that is unknown."""
    if isinstance(refused, Removed):
        return refused.until
    return int((time.time() + refused.wait) * 1000) if refused.wait else None
