"""From the log to the wire: what members are told of a row (docs/PROTOCOL.md §8). Addresses and owners stay here."""

from __future__ import annotations

from sockatuh.protocol import messages as m
from sockatuh.protocol.constants import MARK_SIZE, TAG_LENGTH
from sockatuh.room.entries import Body, Claimed, Joined, Left, Message, decode_body
from sockatuh.store.roomlog import Row


def encode_row(row: Row) -> bytes:
    """Return the encoded Entry of a row that has a body; raises StoreError when that is damaged."""
    return encode_entry(row, decode_body(row.kind, row.body or b""))


def encode_entry(row: Row, body: Body) -> bytes:
    """Return the encoded Entry of a row whose body has been read already."""
    return m.encode(_entry(row, body))


def _entry(row: Row, body: Body) -> m.Entry:
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
