"""Pack entries of the log into datagrams, as one session is shown them (docs/PROTOCOL.md §8).

An ENTRIES datagram covers a stretch (after, through]. It contains the entries that are shown, and a run for those that
are not; any other seq of the stretch is no longer kept. So each datagram is self-contained: it may arrive twice, late
or never, and one number, the cursor, says what a session lacks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TypeAlias

import msgspec

from sockatuh.protocol.constants import MAX_PIECE, MAX_PLAINTEXT
from sockatuh.protocol.messages import (
    Entries,
    Entry,
    EntryPart,
    ServerMessage,
    Unshown,
    decode_item_untrusted,
    decode_server_message_untrusted,
    encode,
)

Audience: TypeAlias = frozenset[str] | None
"""The fingerprints of the keys an entry is shown to; None: everybody."""
EVERYBODY: Audience = None
NOBODY: Audience = frozenset()


class Logged(msgspec.Struct, frozen=True):
    """One entry of the log as it is published: its encoding, and to whom it is shown.

    One that is shown to nobody may stand for a run of `run` entries from `seq` on. `strikes` is the seq of the line
    whose text it says is removed, 0 if it says nothing like that.
    """

    seq: int
    encoding: bytes
    shown_to: Audience = EVERYBODY
    run: int = 1
    strikes: int = 0

    @property
    def last(self) -> int:
        """The last seq of the run."""
        return self.seq + self.run - 1

    @property
    def is_shown(self) -> bool:
        """Whether anybody is shown it."""
        return self.shown_to != NOBODY


Packed: TypeAlias = Entries | EntryPart

ENTRIES_OVERHEAD = 26
"""Bytes of an ENTRIES message around its items, at most: array, type, two seqs, end, array of items."""

ITEM_BYTES = MAX_PLAINTEXT - ENTRIES_OVERHEAD
"""Bytes of items that one datagram holds."""


def unshown(seq: int, count: int = 1) -> Logged:
    """Return a run of `count` entries from `seq` on that nobody is shown."""
    return Logged(seq, b"", NOBODY, count)


def as_shown_to(owner: str, entries: Sequence[Logged]) -> Sequence[Logged]:
    """Return entries as the session of a key is shown them: what it is not shown becomes runs, encoded as Unshown.

    `owner` is the key's fingerprint; "" stands for everybody who is not named in any audience.
    """
    for entry in entries:
        if entry.shown_to is not EVERYBODY:
            return list(_merge_unshown(owner, entries))
    return entries


def _merge_unshown(owner: str, entries: Sequence[Logged]) -> Iterator[Logged]:
    seq = count = 0
    for entry in entries:
        is_shown = entry.shown_to is None or owner in entry.shown_to
        if count and (is_shown or entry.seq != seq + count):
            yield Logged(seq, encode(Unshown(seq, count)), NOBODY, count)
            count = 0
        if is_shown:
            yield entry
        else:
            seq, count = (seq if count else entry.seq), count + entry.run
    if count:
        yield Logged(seq, encode(Unshown(seq, count)), NOBODY, count)


def strike_out(entries: Sequence[Logged], struck: Collection[int]) -> Sequence[Logged]:
    """Return entries without the lines with these seqs: nobody is shown those."""
    return [unshown(entry.seq) if entry.seq in struck else entry for entry in entries]


def without_lines(plaintext: bytes, seqs: Collection[int]) -> bytes | None:
    """Return an encoded message in which the entries with these seqs are not shown; None if nothing is left of it."""
    message: ServerMessage = decode_server_message_untrusted(plaintext)
    if isinstance(message, EntryPart) and message.seq in seqs:
        if message.index:
            return None
        hidden = msgspec.Raw(encode(Unshown(message.seq, 1)))
        return encode(Entries(message.seq - 1, message.seq, message.end, (hidden,)))
    if isinstance(message, Entries) and any(message.after < seq <= message.through for seq in seqs):
        return encode(msgspec.structs.replace(message, items=tuple(_hide(item, seqs) for item in message.items)))
    return plaintext


def _hide(item: msgspec.Raw, seqs: Collection[int]) -> msgspec.Raw:
    found = decode_item_untrusted(item)
    is_shown = isinstance(found, Entry) and found.seq in seqs
    return msgspec.Raw(encode(Unshown(found.seq, 1))) if is_shown else item


def pack(after: int, through: int, items: Sequence[Logged], limit: int | None = None) -> list[Packed]:
    """Return the messages that cover (after, through], in order; with `limit`, at most that many.

    `items` are all that is kept of the stretch, ascending, as one session is shown them. With a limit the messages may
    end before `through`. An entry that comes first is never cut off, even if it has more parts than the limit:
    otherwise it could never be sent.
    """
    messages: list[Packed] = []
    raw: list[msgspec.Raw] = []
    size, covered = 0, after

    def close(upto: int) -> None:
        nonlocal size, covered
        if raw or upto > covered:
            messages.append(Entries(covered, upto, False, tuple(raw)))
            raw.clear()
            size, covered = 0, upto

    for item in items:
        encoding = item.encoding
        if size + len(encoding) > ITEM_BYTES:
            if limit is not None and len(messages) >= limit:
                return messages
            close(item.seq - 1)
        parts = _cut(item.seq, encoding) if len(encoding) > ITEM_BYTES else []
        if limit is not None and messages and len(messages) + max(len(parts), 1) > limit:
            return messages
        if parts:
            messages += parts
            covered = item.seq
        else:
            raw.append(msgspec.Raw(encoding))
            size += len(encoding)
    if limit is None or len(messages) < limit:
        close(through)
    return messages


def _cut(seq: int, encoding: bytes) -> list[Packed]:
    pieces = [encoding[at : at + MAX_PIECE] for at in range(0, len(encoding), MAX_PIECE)]
    return [EntryPart(seq, index, len(pieces), piece, False) for index, piece in enumerate(pieces)]


def covered_through(message: Packed) -> int:
    """Return the last seq that a message covers."""
    return message.through if isinstance(message, Entries) else message.seq


def mark_end(messages: list[Packed]) -> None:
    """Mark the last message as the end of an answer to GET."""
    messages[-1] = msgspec.structs.replace(messages[-1], end=True)
