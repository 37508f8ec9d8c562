"""What members are told of a row (docs/PROTOCOL.md §8); addresses and whole fingerprints never leave the server."""

from __future__ import annotations

from sockatuh.protocol import messages as m
from sockatuh.protocol.constants import MARK_SIZE, TAG_LENGTH
from sockatuh.room.entries import Claimed, Joined, Left, Message
from sockatuh.room.log import Row


def encode_entry(row: Row) -> bytes:
    """Return the encoded Entry of a row."""
    return m.encode(_entry(row))


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
            return m.Entry(row.seq, row.at, kind, name, text, row.id[:MARK_SIZE], tag)
        case Claimed(name=name):
            return m.Entry(row.seq, row.at, m.CLAIMED, name, "", b"", tag)
