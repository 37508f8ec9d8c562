"""The key a client expects of its server, and what it makes of a COOKIE (docs/PROTOCOL.md §3, §10).

Nothing proves a COOKIE: whoever can send one must not be able to end a conversation by it, as long as the server's own
comes as well. So a wrong one only counts when the next HELLO is due and no right one has come.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from sockatuh.protocol.constants import VERSION

from .dialer import Offer
from .events import KeyMismatch, VersionDiffers

MISMATCHES_IGNORED: Final = 2
"""HELLOs answered with a wrong key or version only, after which the server is asked again."""


class Verdict(Enum):
    """What an offer comes to."""

    MEANT = auto()
    UNKNOWN = auto()
    DOUBTFUL = auto()


class Pin:
    """The key of the server that is meant; None as long as none is known."""

    def __init__(self, key: bytes | None) -> None:
        self.key = key
        self._mismatches = 0
        self._wrong: Offer | None = None

    def judge(self, offer: Offer) -> Verdict:
        """Tell whether to go on, to ask a person, or to wait for another answer."""
        if offer.version == VERSION and self.key in (None, offer.server_key):
            self._wrong, self._mismatches = None, 0
            return Verdict.UNKNOWN if self.key is None else Verdict.MEANT
        self._wrong = offer
        return Verdict.DOUBTFUL

    def end_round(self) -> Offer | None:
        """Note that a HELLO has had its time; return the wrong offer if it is to be believed by now."""
        wrong, self._wrong = self._wrong, None
        if wrong is None:
            return None
        self._mismatches += 1
        return wrong if self._mismatches > MISMATCHES_IGNORED else None

    def prove(self, key: bytes) -> None:
        """Note that the server has shown that it has this key."""
        self.key, self._wrong, self._mismatches = key, None, 0

    def complain(self, offer: Offer) -> KeyMismatch | VersionDiffers:
        """Say why this is not the server that is meant, or not one that can be spoken to."""
        if offer.version != VERSION or self.key is None:
            return VersionDiffers(offer.version)
        return KeyMismatch(self.key, offer.server_key)
