"""Entries to append."""

from __future__ import annotations

from msgspec.structs import replace

from sockatuh.room.entries import Body, Claimed, Joined, Left, Message, Renamed, Whispered
from sockatuh.room.log import Append


def entry(
    number: int, kind: str = "message", key: str | None = None, expect: int | None = None, *, text: str = ""
) -> Append:
    """Return the append with this number as its id; a message says `text`, or its number."""
    return Append(number.to_bytes(16, "big"), body_of(kind, text or str(number)), key, expect)


def rename(number: int, expect: int | None, old_expect: int | None, new: str = "ana", old: str = "tom") -> Append:
    """Return the append of two entries by which `old` is called `new`; the second has the next number as its id."""
    return replace(entry(number, "renamed", new, expect), also=entry(number + 1, "left", old, old_expect))


def body_of(kind: str, text: str) -> Body:
    match kind:
        case "joined":
            return Joined("ana", "key", "secure", "10.0.0.2:1", text)
        case "left":
            return Left("ana", "key", "left", 1.0)
        case "claimed":
            return Claimed("ana", "key")
        case "private":
            return Whispered("ana", "key", text, "budi", "other")
        case "renamed":
            return Renamed("tom", "key", "ana", "secure", 1)
        case _:
            return Message("ana", "key", text, action=False)
