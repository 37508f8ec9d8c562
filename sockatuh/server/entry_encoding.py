"""What is sent of a row, and to whom (docs/PROTOCOL.md §8); addresses and fingerprints never leave the server."""

from __future__ import annotations

from typing import Final

from sockatuh.protocol import messages as m
from sockatuh.protocol.constants import MARK_SIZE, TAG_LENGTH
from sockatuh.protocol.server.packing import Logged, unshown
from sockatuh.room.audience import NOBODY, audience_of
from sockatuh.room.changes import PresenceChange, PresenceState
from sockatuh.room.entries import (
    ADMIN_OWNER,
    Claimed,
    Joined,
    Left,
    Message,
    Ordered,
    Released,
    Renamed,
    Struck,
    Whispered,
)
from sockatuh.room.log import Row


def encode_entry(row: Row) -> Logged:
    """Return a row as it is published: its encoding, and to whom it is shown."""
    audience = audience_of(row.body)
    if audience == NOBODY:
        return unshown(row.seq)
    strikes = row.body.line if isinstance(row.body, Struck) else 0
    return Logged(row.seq, m.encode(_entry(row)), audience, strikes=strikes)


def _entry(row: Row) -> m.Entry:
    body = row.body
    tag = body.owner[:TAG_LENGTH]
    match body:
        case Joined(name=name, dialect=dialect):
            return m.Entry(row.seq, row.at, m.JOINED, name, dialect, b"", tag)
        case Left(name=name, reason=reason):
            return m.Entry(row.seq, row.at, m.LEFT, name, reason, b"", tag)
        case Message(name=name, text=text, action=action):
            kind = m.ACTION if action else m.MESSAGE
            if body.owner == ADMIN_OWNER:
                return m.Entry(row.seq, row.at, kind, name, text, official=True)
            return m.Entry(row.seq, row.at, kind, name, text, row.id[:MARK_SIZE], tag)
        case Whispered(name=name, text=text, to=to):
            return m.Entry(row.seq, row.at, m.PRIVATE, name, text, row.id[:MARK_SIZE], tag, to)
        case Renamed(name=name, new=new):
            return m.Entry(row.seq, row.at, m.RENAMED, name, new, b"", tag)
        case Struck(name=name, line=line, line_at=line_at):
            return m.Entry(row.seq, row.at, m.STRUCK, name, tag=tag, line=line, line_at=line_at)
        case Claimed() | Released() | Ordered():
            raise AssertionError("nobody is shown these")


STATES: Final[dict[PresenceState, int]] = {"here": m.IN_CONTACT, "lost": m.CONTACT_LOST, "gone": m.GONE, "away": m.AWAY}
"""What the room's states are on the wire."""


def encode_change(change: PresenceChange) -> m.Change:
    """Return what PRESENCE says of a change."""
    return m.Change(change.name, change.owner[:TAG_LENGTH], STATES[change.state], change.text)
