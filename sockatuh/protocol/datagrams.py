"""What both ends compute in the same way: headers, ids, tokens and jitter (docs/PROTOCOL.md §2)."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from typing import Final

HELLO_STRUCT: Final = struct.Struct("<BBH8s")
COOKIE_STRUCT: Final = struct.Struct("<BBBB8s16s32sHH")
INIT_STRUCT: Final = struct.Struct("<BBBBI8s16s")
RESP_STRUCT: Final = struct.Struct("<BBHI")


def receiver_cid_of(datagram: bytes) -> int:
    """Return the receiver's connection id in a DATA or RESET datagram; by itself it proves nothing."""
    return int.from_bytes(datagram[1:8], "little")


def reset_token(reset_key: bytes, cid: int) -> bytes:
    """Return the token (16 bytes) of a connection id; `reset_key` has at most 32 bytes and outlives the process."""
    return hashlib.blake2s(cid.to_bytes(7, "little"), key=reset_key, digest_size=16).digest()


def line_id(client_key: bytes, stream: bytes, number: int) -> bytes:
    """Return the id (16 bytes) of a line in the log, the same however often the line is sent (§6)."""
    return hashlib.blake2s(client_key + stream + number.to_bytes(8, "little"), digest_size=16).digest()


def jitter(random: Callable[[int], bytes], spread: float) -> float:
    """Return a random factor from 1 - spread to below 1 + spread, so that not everybody sends at the same moment."""
    return 1 - spread + 2 * spread * random(1)[0] / 256
