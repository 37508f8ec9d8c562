"""What a client sends, as a server reads it: however it is decrypted, it holds neither the password nor its hash.

This is asserted of every datagram of every client in the kit's worlds, and of every hand-made server's client.
"""

from __future__ import annotations

import contextlib
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from sockatuh.errors import ProtocolError
from sockatuh.protocol.client.peer import Peer
from sockatuh.protocol.constants import DATA, DATA_HEADER_SIZE, INIT, PROLOGUE
from sockatuh.protocol.noise import Responder

from . import bare_room, world
from .password_hash import OTHER_SALT, SALT, quick_hash

_PASSWORDS: Final = (bare_room.PASSWORD, world.PASSWORD.encode())
_HASHES: Final = [quick_hash(password, salt).encode() for password in _PASSWORDS for salt in (SALT, OTHER_SALT)]
SECRETS: Final = (*_PASSWORDS, *_HASHES, *(text[29:] for text in _HASHES))
"""The passwords, and their hashes as a whole and without the salt, which is no secret."""


class Overheard:
    """Opens what one client sends, with the keys of its channels and those of its server."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._ciphers: list[ChaCha20Poly1305] = []
        self.opened = 0
        """How many datagrams could be decrypted."""
        self._is_named = False

    def note_name(self, name: str) -> None:
        """Note the name that is asked for: if somebody wants to be called like the password, everybody may know it.

        The room refuses that, and the shell before it sends anything.
        """
        self._is_named = self._is_named or _tells(name.encode())

    def look(self, data: bytes, private_key: bytes | None) -> None:
        """Assert that a datagram tells nothing; `private_key` is the server's."""
        texts = [data]
        if data[0] == DATA:
            texts.append(self._open(data))
        elif data[0] == INIT and private_key is not None:
            with contextlib.suppress(ProtocolError):  # it is for whoever has forged a COOKIE
                responder = Responder(private_key, PROLOGUE + data[:32], bytes(32))
                texts.append(responder.read_message_untrusted(data[32:]))
        self.opened += len(texts) - 1
        assert self._is_named or not any(map(_tells, texts)), "a client said the password, or its hash"

    def _open(self, data: bytes) -> bytes:
        link = self._peer._link
        for channel in [] if link is None else (link._channel, link._old):
            # The bound method is all that a channel keeps of its key.
            cipher = None if channel is None else getattr(channel._encrypt, "__self__", None)
            if isinstance(cipher, ChaCha20Poly1305) and cipher not in self._ciphers:
                self._ciphers.append(cipher)
        header = data[:DATA_HEADER_SIZE]
        for cipher in reversed(self._ciphers):
            with contextlib.suppress(InvalidTag):
                return cipher.decrypt(bytes(4) + header[8:], data[DATA_HEADER_SIZE:], header)
        raise AssertionError("a datagram was sealed with keys that nobody has")


def _tells(text: bytes) -> bool:
    return any(secret in text for secret in SECRETS)
