"""Entries to append."""

from __future__ import annotations

from sockatuh.room.entries import Body, Claimed, Joined, Left, Message
from sockatuh.room.log import Append


def entry(
    number: int, kind: str = "message", key: str | None = None, expect: int | None = None, *, text: str = ""
) -> Append:
    """Return the append with this number as its id; a message says `text`, or its number."""
    return Append(number.to_bytes(16, "big"), body_of(kind, text or str(number)), key, expect)


def body_of(kind: str, text: str) -> Body:
    match kind:
        case "joined":
            return Joined("ana", "key", "secure", "10.0.0.2:1", text)
        case "left":
            return Left("ana", "key", "left", 1.0)
        case "claimed":
            return Claimed("ana", "key")
        case _:
            return Message("ana", "key", text, action=False)
