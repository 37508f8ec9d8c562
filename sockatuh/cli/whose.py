"""Who owns a name that somebody else wanted, in words; the server tells only those who know the password."""

from __future__ import annotations

from datetime import datetime

from sockatuh.client import items
from sockatuh.errors import Refused
from sockatuh.room.text import clean_line
from sockatuh.wording import client as phrases


def whose(refused: Refused) -> str:
    """Return the detail of a refusal: who has the name and since when, or when its owner used it last."""
    detail, tag = clean_line(refused.detail), clean_line(refused.tag)
    moment = local_moment(refused.since) if refused.since else ""
    match refused.code:
        case "name_taken":
            return phrases.holder(detail, tag, moment)
        case "name_owned":
            return phrases.owner(tag, moment)
        case _:
            return detail


def local_moment(milliseconds: int) -> str:
    """Return a local time, with its date when that is not today; "?" for one outside the calendar."""
    moment = items.local_moment(milliseconds)  # whatever the server says
    if moment is None:
        return "?"
    return f"{moment:%H:%M}" if moment.date() == datetime.now().astimezone().date() else f"{moment:%Y-%m-%d %H:%M}"
