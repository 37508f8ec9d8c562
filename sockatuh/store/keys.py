"""The server's secrets on disk: its static key, the key of its reset tokens, and recent ticket keys."""

from __future__ import annotations

import base64
import math
import os
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from sockatuh.errors import KeyFileError

from .files import KEY_BYTES, ensure_private_directory, find_key, load_or_create_key, read_private, write_private

TICKET_KEY_ID_BYTES: Final = 4
_DAY: Final = 86_400.0
_ROTATED_AFTER: Final = _DAY
_FORGOTTEN_AFTER: Final = 7 * _DAY
_MAX_TICKET_KEYS: Final = 32
_TICKET_KEYS_FILE: Final = "ticket.keys"


@dataclass(frozen=True, slots=True)
class ServerKeys:
    """The keys that never change: 32 bytes each."""

    private_key: bytes = field(repr=False)
    """The X25519 key that clients pin."""
    reset_key: bytes = field(repr=False)
    """BLAKE2s key of the stateless reset tokens (docs/PROTOCOL.md §7)."""

    @classmethod
    def load(cls, directory: Path) -> ServerKeys:
        """Return the keys in the state directory, creating missing ones; KeyFileError if one cannot be used."""
        ensure_private_directory(directory)
        return cls(load_or_create_key(directory / "server.key"), load_or_create_key(directory / "reset.key"))


@dataclass(frozen=True, slots=True)
class _TicketKey:
    age: float
    """Seconds of server run time since it was made."""
    key_id: bytes
    key: bytes = field(repr=False)


def load_ticket_keys(directory: Path, lived: float = 0.0) -> list[tuple[bytes, bytes]]:
    """Return the ticket keys as (key_id of 4 bytes, key of 32 bytes); KeyFileError if damaged.

    The first one seals; then come those that sealed before it, the newest first, and at the end the one that will
    replace it. That one is made a day before: so a copy of the keys that is not a day old opens all tickets, also on
    another box (docs/SPARE.md). A key is deleted 7 days after it was replaced (docs/PROTOCOL.md §9). Age counts the
    time for which the server has run; `lived` is how much of it has passed since the last call. So a wall clock in the
    wrong year makes no key older, and a server that is off keeps its keys that much longer.
    """
    ensure_private_directory(directory)
    path = directory / _TICKET_KEYS_FILE
    kept = _read_ticket_keys(path) if os.path.exists(path) else []
    keys = [replace(key, age=key.age + lived) for key in kept]
    while len(keys) < 2 or keys[0].age >= _ROTATED_AFTER:
        keys.insert(0, _TicketKey(0.0, os.urandom(TICKET_KEY_ID_BYTES), os.urandom(KEY_BYTES)))
    # The newest is not used yet. A key was replaced when the one after its successor was made.
    keys = keys[:2] + [key for newer, key in zip(keys, keys[2:], strict=False) if newer.age < _FORGOTTEN_AFTER]
    keys = keys[:_MAX_TICKET_KEYS]
    if (text := "".join(map(_encode, keys))) != "".join(map(_encode, kept)):  # so that a start on a full disk succeeds
        write_private(path, text.encode())
    prepared, *used = keys
    return [(key.key_id, key.key) for key in (*used, prepared)]


def _encode(key: _TicketKey) -> str:
    return f"{key.age:.0f} {key.key_id.hex()} {base64.b64encode(key.key).decode()}\n"


def _read_ticket_keys(path: Path) -> list[_TicketKey]:
    try:
        return [_decode(line) for line in read_private(path).decode().splitlines()]
    except ValueError as error:
        reason = "damaged; without it members need the password once more"
        raise KeyFileError(str(path), reason) from error


def _decode(line: str) -> _TicketKey:
    age, key_id, text = line.split()
    # Early versions wrote the date at which a key was made.
    seconds, key = 0.0 if "T" in age and datetime.fromisoformat(age) else float(age), find_key(text)
    if key is None or not 0.0 <= seconds < math.inf or len(bytes.fromhex(key_id)) != TICKET_KEY_ID_BYTES:
        raise ValueError(line)
    return _TicketKey(seconds, bytes.fromhex(key_id), key)
