"""A channel: seals and opens DATA datagrams with one pair of keys (docs/PROTOCOL.md §4).

Every datagram of every member passes through here, so it does little: it packs one struct and reuses one AEAD object
for each direction.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from sockatuh.errors import ProtocolError

from .constants import (
    COUNTER_LIMIT,
    DATA,
    DATA_HEADER_SIZE,
    MAX_DATAGRAM,
    MAX_PLAINTEXT,
    MIN_DATA,
    REKEY_DATAGRAMS,
)
from .replay import ReplayWindow

# type 1 ‖ receiver_cid 7 as one number, then the counter.
_HEADER: Final = struct.Struct("<QQ")
# RFC 8439: 96 bits, of which four bytes are zero.
_NONCE: Final = struct.Struct("<IQ")


class ChannelExhausted(RuntimeError):
    """A channel has no counter left to seal with; the caller did not check `exhausted`."""


class Channel:
    """One session's pair of keys (32 bytes each); `opened_at` is monotonic seconds.

    `is_newest`: whether the last opened datagram had a higher counter than all before it.
    """

    __slots__ = (
        "_counter",
        "_decrypt",
        "_encrypt",
        "_opened_at",
        "_receive_word",
        "_send_word",
        "_window",
        "is_newest",
    )

    def __init__(self, send_key: bytes, receive_key: bytes, receive_cid: int, send_cid: int, opened_at: float) -> None:
        self._encrypt = ChaCha20Poly1305(send_key).encrypt
        self._decrypt = ChaCha20Poly1305(receive_key).decrypt
        self._receive_word = DATA | receive_cid << 8
        self._send_word = DATA | send_cid << 8
        self._opened_at = opened_at
        self._window = ReplayWindow()
        self._counter = 0
        self.is_newest = False

    @property
    def receive_cid(self) -> int:
        """The connection id in the datagrams it opens."""
        return self._receive_word >> 8

    @property
    def send_cid(self) -> int:
        """The connection id in the datagrams it seals."""
        return self._send_word >> 8

    @property
    def exhausted(self) -> bool:
        """Whether no counter is left, so that nothing more can be sealed."""
        return self._counter >= COUNTER_LIMIT

    def seal(self, plaintext: bytes) -> bytes:
        """Return the DATA datagram for `plaintext` (1 to MAX_PLAINTEXT bytes, else ValueError).

        Raises ChannelExhausted when no counter is left.
        """
        return self.seal_for_each((self,), (plaintext,))[0]

    @staticmethod
    def seal_for_each(channels: Iterable[Channel], plaintexts: Sequence[bytes]) -> list[bytes]:
        """Return the datagrams of all plaintexts for the first channel, then for the second, …; raises as `seal`.

        A room spends most of its CPU time in this loop, so it avoids every call that it can.
        """
        if min(map(len, plaintexts), default=1) < 1 or max(map(len, plaintexts), default=1) > MAX_PLAINTEXT:
            raise ValueError(f"plaintexts must have 1 to {MAX_PLAINTEXT} bytes")
        datagrams: list[bytes] = []
        append, pack, pack_nonce = datagrams.append, _HEADER.pack, _NONCE.pack
        for channel in channels:
            counter, word, encrypt = channel._counter, channel._send_word, channel._encrypt
            if counter + len(plaintexts) > COUNTER_LIMIT:
                raise ChannelExhausted("no counter left")
            channel._counter = counter + len(plaintexts)
            for plaintext in plaintexts:
                header = pack(word, counter)
                append(header + encrypt(pack_nonce(0, counter), plaintext, header))
                counter += 1
        return datagrams

    def open_untrusted(self, datagram: bytes) -> bytes:
        """Return the plaintext of a DATA datagram, or raise ProtocolError."""
        if not MIN_DATA <= len(datagram) <= MAX_DATAGRAM:
            raise ProtocolError("datagram of a size that DATA never has")
        word, counter = _HEADER.unpack_from(datagram)
        if word != self._receive_word or counter >= COUNTER_LIMIT:
            raise ProtocolError("datagram of another channel")
        window = self._window
        # 1. the replay window, which is cheap
        if not window.is_fresh(counter):
            raise ProtocolError("datagram seen before")
        # 2. decryption, which is expensive
        header = datagram[:DATA_HEADER_SIZE]
        try:
            plaintext = self._decrypt(_NONCE.pack(0, counter), datagram[DATA_HEADER_SIZE:], header)
        except InvalidTag:
            raise ProtocolError("datagram does not verify") from None
        # 3. the mark: only authentic datagrams may move the window
        self.is_newest = counter > window.highest
        window.mark(counter)
        return plaintext

    def wants_rekey(self, now: float, after: float) -> bool:
        """Tell whether the channel is `after` seconds old, or has sealed as many datagrams as one pair should."""
        return now - self._opened_at >= after or self._counter >= REKEY_DATAGRAMS
