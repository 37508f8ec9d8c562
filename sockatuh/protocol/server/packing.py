"""Pack entries of the log into datagrams (docs/PROTOCOL.md §8).

An ENTRIES datagram speaks of a stretch (after, through]; whatever is not in it is no longer kept. So a datagram
stands for itself: it can come twice, late or never, and what a member lacks is always one number, its cursor.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from sockatuh.protocol.constants import MAX_PIECE, MAX_PLAINTEXT
from sockatuh.protocol.messages import Entries, EntryPart, Head, encode, lengthen

Encoded: TypeAlias = tuple[int, bytes]
"""One entry: its seq and its encoding."""

Told: TypeAlias = Entries | EntryPart

ENTRIES_OVERHEAD = 26
"""Bytes of an ENTRIES message around its items, at most: array, type, two seqs, end, array of items."""

ROOM = MAX_PLAINTEXT - ENTRIES_OVERHEAD
"""Bytes of entries that one datagram holds."""

ALIKE = 0.75
"""Share of the longest message from which on another one is lengthened to it."""


def pack(after: int, through: int, entries: Sequence[Encoded], limit: int | None = None) -> list[Told]:
    """Return the messages that tell (after, through], in order; with `limit`, at most as many.

    `entries` are all that is kept of the stretch, ascending. With a limit the stretch told may end earlier; an entry
    that comes first goes whole even if it has more parts than that, or it never would.
    """
    messages: list[Told] = []
    items: list[msgspec.Raw] = []
    size, told = 0, after

    def close(upto: int) -> None:
        nonlocal size, told
        if items or upto > told:
            messages.append(Entries(told, upto, False, tuple(items)))
            items.clear()
            size, told = 0, upto

    for seq, encoding in entries:
        if size + len(encoding) > ROOM:
            if limit is not None and len(messages) >= limit:
                return messages
            close(seq - 1)
        parts = _parts(seq, encoding) if len(encoding) > ROOM else []
        if limit is not None and messages and len(messages) + max(len(parts), 1) > limit:
            return messages
        if parts:
            messages += parts
            told = seq
        else:
            items.append(msgspec.Raw(encoding))
            size += len(encoding)
    if limit is None or len(messages) < limit:
        close(through)
    return messages


def _parts(seq: int, encoding: bytes) -> list[Told]:
    pieces = [encoding[at : at + MAX_PIECE] for at in range(0, len(encoding), MAX_PIECE)]
    return [EntryPart(seq, index, len(pieces), piece, False) for index, piece in enumerate(pieces)]


def encode_alike(messages: Sequence[Told | Head]) -> list[bytes]:
    """Encode messages that one member is told at once, where that is cheap all but the last at one length.

    The system sends datagrams of one length to one address as a whole, which costs it half (UDP_SEGMENT, udp(7)).
    """
    encoded = [encode(message) for message in messages]
    size = max(map(len, encoded))
    last = encoded.pop()
    return [lengthen(each, size) if len(each) >= size * ALIKE else each for each in encoded] + [last]


def mark_end(messages: list[Told]) -> None:
    """Mark the last message as the end of an answer to GET."""
    messages[-1] = msgspec.structs.replace(messages[-1], end=True)
