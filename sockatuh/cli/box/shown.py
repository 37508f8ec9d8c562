"""Shows what the commands about orders have in common: moments, spans, and who somebody is."""

from __future__ import annotations

import math
import re
from typing import Final

from sockatuh.cli.direction import apart
from sockatuh.cli.naming import local_moment, quoted, shown_name
from sockatuh.room.moments import find_moment
from sockatuh.room.text import clean_line
from sockatuh.room.word import is_word
from sockatuh.wording import orders as wording

from .tables import NOTHING

_KEY: Final = re.compile(r"key:[A-Za-z0-9+/]+")
"""A key's fingerprint is base64 (RFC 4648 §4)."""
FOREVER: Final = "forever"
"""How an end that never comes is typed, and listed."""


def moment(text: str) -> str:
    """Return a time (RFC 3339) as the local one, with its date unless that is today."""
    at = find_moment(text)
    return clean_line(text) if at is None else local_moment(at)


def listed(text: str | None) -> str:
    """Return a time (RFC 3339) for a table."""
    return moment(text) if text else NOTHING


def listed_end(text: str | None) -> str:
    """Return when an order ends (RFC 3339; None: it does not) for a table."""
    return FOREVER if text is None else moment(text)


def term(until: str | None, seconds: float) -> str:
    """Say until when (RFC 3339) an order is in force, which was given for so many seconds."""
    if until is None or math.isinf(seconds):
        return wording.FOR_EVER
    return wording.until(moment(until), wording.span(seconds))


def whom(name: str, tag: str) -> str:
    """Name somebody by name and key."""
    shown = shown_name(name)
    return wording.with_key(shown, clean_line(tag)) if tag else wording.in_clear(shown)


def target(what: str, name: str) -> str:
    """Return whom an order is about, for a table: the name, if it is not in the target itself, and the target."""
    shown = shown_target(what)
    return f"{shown_name(name)} {shown}" if name and name not in what else shown


def shown_target(what: str) -> str:
    """Return a target as one unit: keys, and words with `:` `/` `@` between them, stay as they are."""
    cleaned = clean_line(what)
    words = filter(None, cleaned.replace("/", ":").replace("@", ":").split(":"))
    is_plain = _KEY.fullmatch(cleaned) or (cleaned and all(map(is_word, words)))
    return apart(cleaned if is_plain else quoted(cleaned))


def by(uid: int | None, login: str) -> str:
    """Return who gave an order, for a table."""
    if login:
        return shown_name(login)
    return NOTHING if uid is None else f"uid {uid}"


def free_text(text: str) -> str:
    """Return a text of somebody's as the last column of a table."""
    return apart(clean_line(text)) or NOTHING
