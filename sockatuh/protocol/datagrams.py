"""What both ends must compute alike about datagrams: headers, ids and tokens (docs/PROTOCOL.md §2)."""

from __future__ import annotations

import hashlib
import struct
from typing import Final

HELLO_STRUCT: Final = struct.Struct("<BBH8s")
COOKIE_STRUCT: Final = struct.Struct("<BBBB8s16s32sHH")
INIT_STRUCT: Final = struct.Struct("<BBBBI8s16s")
RESP_STRUCT: Final = struct.Struct("<BBHI")


def receiver_cid_of(datagram: bytes) -> int:
    """Return the receiver's connection id of a DATA or RESET datagram; it proves nothing yet."""
    return int.from_bytes(datagram[1:8], "little")


def reset_token(reset_key: bytes, cid: int) -> bytes:
    """Return the token (16 bytes) of a connection id; `reset_key` has at most 32 bytes and outlives the process."""
    return hashlib.blake2s(cid.to_bytes(7, "little"), key=reset_key, digest_size=16).digest()


def line_id(client_key: bytes, stream: bytes, number: int) -> bytes:
    """Return the 16 bytes that name a line for ever (§6)."""
    return hashlib.blake2s(client_key + stream + number.to_bytes(8, "little"), digest_size=16).digest()
