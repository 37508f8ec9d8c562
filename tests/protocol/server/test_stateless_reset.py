"""The reset token."""

from __future__ import annotations

import hashlib

from sockatuh.protocol.datagrams import reset_token


def test_the_token_is_the_keyed_hash_of_the_seven_bytes_of_the_id() -> None:
    expected = hashlib.blake2s(bytes([7, 6, 5, 4, 3, 2, 1]), key=bytes(32), digest_size=16).digest()
    assert reset_token(bytes(32), 0x01020304050607) == expected


def test_every_id_and_every_key_has_a_token_of_its_own() -> None:
    tokens = {reset_token(key, cid) for key in (bytes(32), b"k" * 32) for cid in (1, 2, 2**56 - 1)}
    assert len(tokens) == 6
    assert {len(token) for token in tokens} == {16}
