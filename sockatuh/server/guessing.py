"""How many wrong passwords the whole room checks, from however many addresses and keys (docs/PROTOCOL.md §10).

The gate slows down each address and each key; this bounds all of them together, so that a hundred machines get no
further than one. Over the bound a try is not checked. Its place gets a turn instead: a moment from which on one try
from there is checked, already paid for. Turns are handed out as fast as the bound refills, one to a place, so those who
ask more often starve nobody. A share is reserved for places that have not been wrong for an hour, so a newcomer seldom
waits long; a place that keeps asking instead of waiting for its turn in that share gets a turn among the others.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

import msgspec
from msgspec.structs import replace

from sockatuh.log import Logger
from sockatuh.protocol.server.rate_limit import TokenBucket

from .alarms import Status

TRIES: Final = 200
TRIES_PER_SECOND: Final = 1.0
"""Wrong passwords checked, at once and a second."""
RESERVED: Final = 10
RESERVED_PER_SECOND: Final = 10 / 60
"""The share reserved for places that have not been wrong for an hour, at once and a second."""
MAX_TURNS: Final = 600
"""Turns handed out and not yet taken; the last of them comes up after 10 minutes."""
TURN_LASTS: Final = 60.0
"""Seconds for which a turn is valid; a client that has been in before repeats its JOIN every half minute."""
_IMPATIENT: Final = 2
"""Early tries after which a place loses its turn in the reserved share."""
_TOPIC: Final = "guessing"
_GUESSED_AT: Final = "Many wrong passwords are being tried: see passwords_guessed in the log"
_CONSEQUENCE: Final = "60 a minute are looked at, the others wait; members come back as ever"
_REMEDY: Final = "password_refused says where they come from"
_EARLY: Final = 1e-3
"""Seconds by which a try may be early: waits are sent in whole milliseconds."""


class _Turn(msgspec.Struct, frozen=True):
    at: float
    bucket: TokenBucket
    early: int = 0
    """Tries that came before `at`."""


class GuessingBegan(msgspec.Struct, frozen=True):
    """So many passwords were wrong that further tries have to wait."""

    wrong: int


class GuessingEnded(msgspec.Struct, frozen=True):
    """The bound has refilled, after so many seconds, wrong passwords, and tries that were told to wait."""

    seconds: float
    wrong: int
    put_off: int


class GuessBound:
    """Counts the wrong passwords of the whole room: `take` before a try is checked, `record` afterwards."""

    def __init__(self) -> None:
        self._all = TokenBucket(TRIES_PER_SECOND, TRIES)
        self._reserved = TokenBucket(RESERVED_PER_SECOND, RESERVED)
        self._turns: dict[Hashable, _Turn] = {}
        self._taken: dict[Hashable, TokenBucket] = {}
        self._wrong = self._put_off = 0
        self._began_at: float | None = None

    def take(self, place: Hashable, *, is_fresh: bool, now: float) -> float:
        """Return 0 if a try from `place` may be checked, or in how many seconds its turn comes up.

        `is_fresh`: no wrong password has come from there for an hour.
        """
        if (turn := self._turns.get(place)) is not None:
            if now < turn.at - _EARLY:
                return self._wait_for(place, replace(turn, early=turn.early + 1), now)
            del self._turns[place]
            if now <= turn.at + TURN_LASTS:
                self._taken[place] = turn.bucket
                return 0.0
        bucket = self._reserved if is_fresh and self._reserved.delay(now) < self._all.delay(now) else self._all
        if bucket.take(now):
            self._taken[place] = bucket
            return 0.0
        self._put_off += 1
        return self._give_turn(place, bucket, now)

    def _give_turn(self, place: Hashable, bucket: TokenBucket, now: float) -> float:
        wait = bucket.delay(now)
        if len(self._turns) < MAX_TURNS:
            bucket.borrow(now)
            self._turns[place] = _Turn(now + wait, bucket)
        return wait

    def _wait_for(self, place: Hashable, turn: _Turn, now: float) -> float:
        self._put_off += 1
        self._turns[place] = turn
        if turn.bucket is self._reserved and turn.early >= _IMPATIENT:
            del self._turns[place]
            turn.bucket.give_back()
            return self._give_turn(place, self._all, now)
        return turn.at - now

    def record(self, place: Hashable, now: float, *, wrong: bool) -> None:
        """Record the result of a try: it was wrong, or it was right or not checked after all."""
        bucket = self._taken.pop(place, None)
        if wrong:
            self._wrong += 1
            if bucket is None:  # from a known key, which does not wait for others' guesses
                self._all.take(now)
        elif bucket is not None:
            bucket.give_back()

    def look(self, now: float) -> GuessingBegan | GuessingEnded | None:
        """Return what has changed for the admin. Call it about once a second."""
        for place, turn in list(self._turns.items()):
            if now > turn.at + TURN_LASTS:
                del self._turns[place]
                turn.bucket.give_back()
        is_whole = not self._all.delay(now, TRIES)
        news: GuessingBegan | GuessingEnded | None = None
        if self._began_at is None and self._put_off:
            self._began_at = now
            news = GuessingBegan(self._wrong)
        elif self._began_at is not None and is_whole:
            news = GuessingEnded(now - self._began_at, self._wrong, self._put_off)
            self._began_at = None
        if is_whole:
            self._wrong = self._put_off = 0
        return news


class GuessWatch:
    """Tells the admin when guessing makes others wait, and when that is over: in the log and in the status."""

    def __init__(self, bound: GuessBound, log: Logger, status: Status) -> None:
        self._bound, self._log, self._status = bound, log, status

    def look(self, now: float) -> None:
        """Report changes to the admin. Call it about once a second."""
        match self._bound.look(now):
            case GuessingBegan(wrong):
                self._log.warning("passwords_guessed", wrong=wrong, consequence=_CONSEQUENCE, remedy=_REMEDY)
                self._status.say(_TOPIC, _GUESSED_AT, _CONSEQUENCE, _REMEDY)
            case GuessingEnded(seconds, wrong, put_off):
                self._log.warning("guessing_ended", seconds=round(seconds), wrong=wrong, put_off=put_off)
                self._status.say(_TOPIC, "")
            case None:
                pass
