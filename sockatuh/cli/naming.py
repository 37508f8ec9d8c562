"""Shows names in sentences, and says who owns a name.

A valid name is one word (room/names.py) and appears unchanged. An old entry or a hostile server may hold any other
text as a name. It is put in quotation marks, with which no name begins, so that it is recognizable as one unit.
"""

from __future__ import annotations

from datetime import datetime

from sockatuh.client import items
from sockatuh.errors import Refused
from sockatuh.protocol.identity import fingerprint, words
from sockatuh.room.text import clean_line
from sockatuh.room.word import is_word
from sockatuh.wording import client as phrases

from .direction import apart


def shown_name(name: str) -> str:
    """Return any name as one recognizable unit that does not reorder what follows it."""
    cleaned = clean_line(name)
    return apart(cleaned if is_word(cleaned) else quoted(cleaned))


def shown_key(key: bytes) -> str:
    """Return a server's key (32 bytes) as its words and its fingerprint."""
    return f"{' '.join(words(key))}  (SHA256:{fingerprint(key)})"


def shown_program(version: str) -> str:
    """Return the version string that a client sent: plain words unchanged, anything else in quotation marks."""
    cleaned = clean_line(version)
    return cleaned if all(map(is_word, cleaned.split(" "))) or not cleaned else quoted(cleaned)


def quoted(text: str) -> str:
    """Return a cleaned text in quotation marks; it can neither end them nor look shortened."""
    inside = text.replace("\\", "\\\\").replace('"', '\\"').replace("…", "...")
    return f'"{inside}"'


def shown_reason(text: str) -> str:
    """Return an admin's reason as it stands in parentheses: one with a parenthesis or quotation mark is quoted."""
    cleaned = clean_line(text).strip()
    return apart(quoted(cleaned) if any(char in cleaned for char in '()"') else cleaned)


def whose(refused: Refused) -> str:
    """Return the details of a refusal: who has the name and since when, or when its owner last used it.

    A room gives them only to those who know its password, but a server that has proved nothing may send any text.
    """
    detail, tag = clean_line(refused.detail), clean_line(refused.tag)
    moment = local_moment(refused.since) if refused.since else ""
    match refused.code:
        case "name_taken":
            return phrases.holder(detail and shown_name(detail), tag, moment)
        case "name_owned":
            return phrases.owner(tag, moment)
        case _:
            return detail


def local_moment(milliseconds: int) -> str:
    """Return a local time, with its date unless that is today; "?" for one outside the calendar."""
    moment = items.local_moment(milliseconds)  # whatever the server says
    if moment is None:
        return "?"
    return f"{moment:%H:%M}" if moment.date() == datetime.now().astimezone().date() else f"{moment:%Y-%m-%d %H:%M}"
