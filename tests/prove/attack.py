"""An attack on one promise, and what it came to."""

from __future__ import annotations

import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path


class Broken(Exception):
    """A promise did not hold; the message says which fact shows it."""


class Late(Broken):
    """Something took longer than it may, or nobody could tell: it may be the machine's doing, so it is tried again."""


class Missing(Exception):
    """This machine lacks what an attack needs; the message says what, and how to get it."""


@dataclass(frozen=True, slots=True)
class Run:
    """One attempt: everything random comes from `seed`, everything written goes to `directory` (empty at first)."""

    seed: int
    directory: Path
    long: bool = False

    @property
    def dice(self) -> random.Random:
        """Dice of this seed, from the beginning each time."""
        return random.Random(self.seed)


@dataclass(frozen=True, slots=True)
class Found:
    """What an attack that the room withstood came to: how much was done, and the figures."""

    count: str
    figure: str


class Pace(Enum):
    """What an attack needs of the machine: all of it, nearly nothing, much but at any time, or only a processor."""

    TIMED = auto()
    PATIENT = auto()
    UNTIMED = auto()
    COMPUTED = auto()


@dataclass(frozen=True, slots=True)
class Attack:
    """One way to break a promise. `run` raises Broken (or fails an assertion) if it succeeds, Missing if it cannot try.

    `name` is what `--only` is given; `limit` is how many seconds it may take before it counts as hanging: seconds of
    processor time for a computed one, which takes longer by the clock on a busy machine. While the patient ones wait,
    the untimed and the computed ones run.
    """

    name: str
    promise: str
    how: str
    run: Callable[[Run], Found | Coroutine[object, object, Found]]
    limit: float = 120.0
    pace: Pace = Pace.TIMED


def require(holds: bool, fact: str) -> None:
    """Raise Broken with the fact that shows it, unless something holds."""
    if not holds:
        raise Broken(fact)


def require_in_time(holds: bool, fact: str) -> None:
    """Raise Late with the fact that shows it, unless something that the clock tells holds."""
    if not holds:
        raise Late(fact)
