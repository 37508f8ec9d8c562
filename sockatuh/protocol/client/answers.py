"""The answers to a search for rooms: bounded, whoever answers (docs/PROTOCOL.md §12)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

import msgspec

from sockatuh.protocol.seam import Address

MAX_ANSWERS: Final = 64


class Answer(msgspec.Struct, frozen=True):
    """A COOKIE: from where, which key (32 bytes) and protocol version it names, and after how many seconds it came.

    `not_before`: when that address may be sent something again, in monotonic seconds.
    """

    address: Address
    key: bytes
    version: int
    seconds: float
    not_before: float


class Answers:
    """The answers that are kept: MAX_ANSWERS, one for each address and key, in the order in which they came."""

    def __init__(self, pins: Collection[bytes]) -> None:
        self._pins = pins
        self._kept: dict[tuple[Address, bytes], Answer] = {}

    def __iter__(self) -> Iterator[Answer]:
        return iter(self._kept.values())

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, answer: Answer) -> bool:
        """Keep an answer if it is a new one; return whether it was kept.

        Where they are full, one with a known key replaces the newest with an unknown key.
        """
        if (answer.address, answer.key) in self._kept:
            return False
        if len(self._kept) >= MAX_ANSWERS:
            others = [each for each in self._kept if each[1] not in self._pins]
            if answer.key not in self._pins or not others:
                return False
            del self._kept[others[-1]]
        self._kept[answer.address, answer.key] = answer
        return True
