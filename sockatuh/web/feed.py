"""One stream of events to one tab: what is written (server-sent events), what waits, and when a slow reader is cut off.

Format: HTML Living Standard §9.2. An entry of the log has an id that names its log too, because a number means another
line once the log was replaced.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import deque
from typing import Final

import msgspec

from .facts import Facts
from .speech import Speech

PING: Final = b'data: {"type":"ping"}\n\n'
"""An event, because a script is not told of comments."""
PING_EVERY: Final = 20.0
"""Seconds after which something is sent although nothing has happened, so that both ends notice a dead connection."""
RETRY: Final = b"retry: 2000\n\n"
MOST_WAITING: Final = 262_144
"""Bytes that may wait for a slow reader; what it misses it gets when it comes back."""
_ID: Final = re.compile(r"([0-9]{1,18})-([0-9a-f]{8})")


class Place(msgspec.Struct, frozen=True):
    """How far a tab has read: through `seq` of a log, of whose id 8 digits are known."""

    seq: int
    log: str

    def __str__(self) -> str:
        return f"{self.seq}-{self.log}"

    @classmethod
    def parse_untrusted(cls, text: str) -> Place | None:
        """Return the place that an event's id names, None if it names none."""
        found = _ID.fullmatch(text.strip())
        return cls(int(found[1]), found[2]) if found else None


def short_log(log_id: bytes) -> str:
    """Return what stands for a log in the id of an event."""
    return log_id[:4].hex()


def encode(facts: Facts, place: Place | None = None) -> bytes:
    """Return an event of the stream. Its JSON is ASCII, so nothing in a text can end the line."""
    data = json.dumps(facts, separators=(",", ":"))
    return (f"id: {place}\n" if place is not None else "").encode() + f"data: {data}\n\n".encode()


class _Waiting(msgspec.Struct, frozen=True):
    """What waits to be sent: an event, and the seq of the entry that it is, 0 if it is none."""

    data: bytes
    seq: int = 0
    resets: bool = False


class Feed:
    """What one tab is sent from now on; `speech` is its language, `address` where it is."""

    def __init__(self, speech: Speech, address: str = "") -> None:
        self.speech, self.address = speech, address
        self.is_fresh = False
        """Whether what comes is from before this tab was opened, so that who came and went is no news."""
        self.is_cut = False
        """Whether the reader was too slow."""
        self.position = 0
        """The seq up to which entries were sent."""
        self._waiting: deque[_Waiting] = deque()
        self._size = 0
        self._is_over = False
        self._moved = asyncio.Event()

    def put(self, facts: Facts, place: Place | None = None, *, resets: bool = False) -> None:
        """Send an event. `resets`: the log is another one, so what follows has smaller numbers."""
        if self._is_over:
            return
        data = encode(facts, place)
        self._size += len(data)
        self._waiting.append(_Waiting(data, place.seq if place is not None else 0, resets))
        self._moved.set()
        if self._size > MOST_WAITING:
            self.is_cut = True
            self.end(at_once=True)

    def end(self, *, at_once: bool = False) -> None:
        """End the stream, when what waits is sent or at once."""
        self._is_over = True
        if at_once:
            self._waiting.clear()
        self._moved.set()

    async def next(self) -> bytes | None:
        """Return what is to be sent next, None at the end; a ping if nothing happens for `PING_EVERY` seconds."""
        while True:
            while self._waiting:
                waiting = self._waiting.popleft()
                self._size -= len(waiting.data)
                if waiting.resets:
                    self.position = 0
                if waiting.seq and waiting.seq <= self.position:  # it was in what was sent at the beginning
                    continue
                self.position = waiting.seq or self.position
                return waiting.data
            if self._is_over:
                return None
            self._moved.clear()
            try:
                async with asyncio.timeout(PING_EVERY):
                    await self._moved.wait()
            except TimeoutError:
                return PING
