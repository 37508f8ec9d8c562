"""Lets the keys that were found prove themselves: for each a handshake up to RESP (docs/PROTOCOL.md §12).

The client's key is made for that one handshake, so the server learns nothing about who asks. No DATA follows, so it
opens no session. With one address there is one handshake at a time, so that looking for rooms never uses up the rate
of this machine's address.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Final

import msgspec

from sockatuh.protocol.constants import VERSION
from sockatuh.protocol.messages import InitPayload
from sockatuh.protocol.seam import Address
from sockatuh.protocol.timers import TimerTable

from .answers import Answer, Answers
from .dialer import Dialer
from .timers import ClientTimer

MAX_KEYS: Final = 16
"""Keys that get to prove themselves."""
ADDRESSES_OF_A_KEY: Final = 3
"""Addresses at which one key is tried."""
ATTEMPT_SECONDS: Final = 0.6
"""Seconds that one address has, and has again after a wait that it asked for."""


class RoomProven(msgspec.Struct, frozen=True):
    """Whoever is at this address has the private key that belongs to `key` (32 bytes), and calls the room `room`."""

    key: bytes
    address: Address
    room: str


class RoomProofs:
    """The handshakes of one search. `rank` orders the addresses of a key, the lowest first.

    `out` collects (datagram, address). No key gets a second chance at an address, and MAX_KEYS get one at all.
    """

    def __init__(
        self,
        answers: Answers,
        pins: Collection[bytes],
        random: Callable[[int], bytes],
        rank: Callable[[Address], int],
        out: list[tuple[bytes, Address]],
    ) -> None:
        self._answers, self._pins, self._random, self._rank, self._out = answers, pins, random, rank, out
        self._tried: dict[bytes, set[Address]] = {}
        """The addresses at which each key was or is tried."""
        self._running: dict[bytes, _Attempt] = {}

    def __len__(self) -> int:
        return len(self._running)

    def begin(self, now: float, *, pinned_only: bool) -> None:
        """Begin every handshake that may begin by now: the known keys' first, then the others' as they answered."""
        keys = dict.fromkeys(answer.key for answer in self._answers if answer.version == VERSION)
        for key in sorted(keys, key=lambda key: key not in self._pins):
            if pinned_only and key not in self._pins:
                break
            if key not in self._running and (key in self._tried or len(self._tried) < MAX_KEYS):
                self._begin_one(key, now)

    def receive_cookie(self, data: bytes, now: float) -> None:
        """Process a COOKIE that may be for one of the handshakes."""
        for attempt in self._running.values():
            attempt.receive_cookie(data, now)

    def receive_resp(self, data: bytes, now: float) -> RoomProven | None:
        """Process a RESP; return what it proves, if anything."""
        for key, attempt in self._running.items():
            established = attempt.dialer.receive_resp(data, now)
            if established is not None:
                del self._running[key]
                self._tried[key].update(answer.address for answer in self._answers if answer.key == key)
                return RoomProven(key, established.address, established.payload.room)
        return None

    def handle_timer(self, now: float) -> bool:
        """Send what is due, and end the handshakes whose time is over; return whether there were any of those."""
        over = [key for key, attempt in self._running.items() if attempt.is_over(now)]
        for key in over:
            self._running.pop(key).dialer.stop()
        return bool(over)

    def next_at(self) -> float | None:
        """Return when `handle_timer` is wanted, in monotonic seconds."""
        return min((attempt.next_at() for attempt in self._running.values()), default=None)

    def stop(self) -> None:
        """End all handshakes, and erase their keys."""
        for attempt in self._running.values():
            attempt.dialer.stop()
        self._running.clear()

    def _begin_one(self, key: bytes, now: float) -> None:
        tried = self._tried.get(key, set())
        busy = {attempt.address for attempt in self._running.values()}
        left = [each for each in self._answers_of(key) if each.address not in tried]
        free = [each for each in left if each.address not in busy]
        if free and len(tried) < ADDRESSES_OF_A_KEY:
            answer = free[0]
            self._tried.setdefault(key, tried).add(answer.address)
            self._running[key] = _Attempt(answer, max(now, answer.not_before), self._random, self._out)

    def _answers_of(self, key: bytes) -> Iterator[Answer]:
        """Yield the answers of a key, the best address first, then the fastest."""
        found = [answer for answer in self._answers if answer.key == key and answer.version == VERSION]
        yield from sorted(found, key=lambda answer: (self._rank(answer.address), answer.seconds))


class _Attempt:
    """One handshake with one address, from HELLO on."""

    def __init__(
        self, answer: Answer, at: float, random: Callable[[int], bytes], out: list[tuple[bytes, Address]]
    ) -> None:
        self.address = answer.address
        self._timers = TimerTable(ClientTimer)
        self._ends_at = at + ATTEMPT_SECONDS
        self.dialer = Dialer(random(32), answer.key, random, self._timers, out)
        payload = InitPayload("", random(8), 0, None, 0, None)
        self.dialer.start([answer.address], payload, at)

    def receive_cookie(self, data: bytes, now: float) -> None:
        self.dialer.receive_cookie(data, now)
        at = self._timers.get(ClientTimer.DIAL)
        if at is not None and at > self._ends_at:
            self._ends_at = at + ATTEMPT_SECONDS

    def is_over(self, now: float) -> bool:
        """Send what is due; return whether this has come to nothing."""
        for _ in self._timers.take_due(now):
            if now >= self._ends_at or self.dialer.handle_timer(now) is not None:
                return True
        return now >= self._ends_at

    def next_at(self) -> float:
        at = self._timers.next_at()
        return self._ends_at if at is None else min(at, self._ends_at)
