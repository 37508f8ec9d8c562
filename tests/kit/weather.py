"""How bad a network is, from a seed: what is lost, duplicated, corrupted and delayed."""

from __future__ import annotations

import random
from dataclasses import dataclass

OVERTAKEN = 0.02
"""Seconds by which a datagram that others overtake is late, at most."""


@dataclass(frozen=True, slots=True)
class Weather:
    """Shares of datagrams, and seconds: `delay` is the least and the most. `reordering`: what others overtake."""

    loss: float = 0.0
    duplication: float = 0.0
    reordering: float = 0.0
    corruption: float = 0.0
    delay: tuple[float, float] = (0.0, 0.0)

    def pass_on(self, data: bytes, dice: random.Random) -> list[bytes]:
        """Return what arrives of a datagram: none, one or two of them."""
        copies = 2 if dice.random() < self.duplication else 1
        return [
            spoil(data, dice) if dice.random() < self.corruption else data
            for _ in range(copies)
            if dice.random() >= self.loss
        ]

    def lateness(self, dice: random.Random) -> float:
        """Return how many seconds a datagram takes."""
        late = dice.uniform(0.0, OVERTAKEN) if dice.random() < self.reordering else 0.0
        return dice.uniform(*self.delay) + late


CALM = Weather()


def spoil(data: bytes, dice: random.Random) -> bytes:
    """Flip a bit of a datagram, cut it short, or lengthen it."""
    at = dice.randrange(len(data))
    match dice.randrange(3):
        case 0:
            return data[:at] + bytes([data[at] ^ 1 << dice.randrange(8)]) + data[at + 1 :]
        case 1:
            return data[:at]
        case _:
            return data + dice.randbytes(at + 1)
