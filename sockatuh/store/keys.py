"""The server's secrets on disk: its static key, the key of its reset tokens, and the ticket keys of the last days."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from sockatuh.errors import KeyFileError

from .files import KEY_BYTES, ensure_private_directory, find_key, load_or_create_key, read_private, write_private

TICKET_KEY_ID_BYTES: Final = 4
_ROTATED_AFTER: Final = timedelta(days=1)
_FORGOTTEN_AFTER: Final = timedelta(days=7)
_MAX_TICKET_KEYS: Final = 32
_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_TICKET_KEYS_FILE: Final = "ticket.keys"


@dataclass(frozen=True, slots=True)
class ServerKeys:
    """The keys that outlive the process: 32 bytes each."""

    private_key: bytes = field(repr=False)
    """X25519; who the server is."""
    reset_key: bytes = field(repr=False)
    """BLAKE2s key of the stateless reset tokens (docs/PROTOCOL.md §7)."""

    @classmethod
    def load(cls, directory: Path) -> ServerKeys:
        """Read the keys from the state directory, making what is not there yet; KeyFileError if one cannot be used."""
        ensure_private_directory(directory)
        return cls(load_or_create_key(directory / "server.key"), load_or_create_key(directory / "reset.key"))


@dataclass(frozen=True, slots=True)
class _TicketKey:
    created: datetime
    key_id: bytes
    key: bytes = field(repr=False)


def load_ticket_keys(directory: Path, now_utc: datetime) -> list[tuple[bytes, bytes]]:
    """Read the ticket keys as (key_id of 4 bytes, key of 32 bytes), the newest first; KeyFileError if they are damaged.

    A new one is made when the newest is a day old; a key is forgotten 7 days after it was replaced (docs/PROTOCOL.md
    §9). `now_utc` is the wall clock, aware of its zone. A machine without a battery starts every time in 1970, and so
    in a key of that year; what was sealed with that is as good as any when the clock is right again, and so are the
    tickets of before. The number of keys is bounded all the same.
    """
    ensure_private_directory(directory)
    path = directory / _TICKET_KEYS_FILE
    kept = _read_ticket_keys(path) if os.path.exists(path) else []
    keys = kept[:]
    if not keys or abs(now_utc - keys[0].created) >= _ROTATED_AFTER:
        keys.insert(0, _TicketKey(now_utc, os.urandom(TICKET_KEY_ID_BYTES), os.urandom(KEY_BYTES)))
    newer = [keys[:place] for place in range(len(keys))]
    keys = [key for key, after in zip(keys, newer, strict=True) if now_utc - _replaced(key, after) < _FORGOTTEN_AFTER]
    keys = keys[:_MAX_TICKET_KEYS]
    if keys != kept:
        write_private(path, "".join(map(_encode, keys)).encode())
    return [(key.key_id, key.key) for key in keys]


def _replaced(key: _TicketKey, newer: list[_TicketKey]) -> datetime:
    """Return when the next key was made, by a clock that was not set back meanwhile; the newest was not replaced."""
    return min((each.created for each in newer if each.created >= key.created), default=_NEVER)


def _encode(key: _TicketKey) -> str:
    return f"{key.created.isoformat()} {key.key_id.hex()} {base64.b64encode(key.key).decode()}\n"


def _read_ticket_keys(path: Path) -> list[_TicketKey]:
    try:
        return [_decode(line) for line in read_private(path).decode().splitlines()]
    except ValueError as error:
        reason = "damaged; without it members need the password once more"
        raise KeyFileError(str(path), reason) from error


def _decode(line: str) -> _TicketKey:
    created, key_id, text = line.split()
    moment, key = datetime.fromisoformat(created), find_key(text)
    if key is None or moment.tzinfo is None or len(bytes.fromhex(key_id)) != TICKET_KEY_ID_BYTES:
        raise ValueError(line)
    return _TicketKey(moment, bytes.fromhex(key_id), key)
