"""The load: a crowd of members in one process, and what reaches them.

It is written to be cheaper than what it measures: what all members get alike is looked at once, and for the others
only counted and compared by checksum. How busy it was is part of each result.
"""

from __future__ import annotations

import os
import select
import time
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

MESSAGE_BYTES = 100
PATIENCE = 30.0
"""Seconds after which a missing message counts as lost."""
QUIET = 1.5
"""Seconds of silence after which everything has arrived and is acknowledged."""
QUIET_WITHOUT_ACKS = 0.3
"""As much, where the members acknowledge nothing themselves and all messages have arrived."""

LULL = 0.002
"""Seconds of silence after which the last message has reached everybody."""


class Spoilt(Exception):
    """A run whose figures mean nothing: something was lost, doubled or out of order."""


def text_of(number: int) -> bytes:
    """Return the text of message `number`, MESSAGE_BYTES long."""
    return b"%%%08d " % number + b"x" * (MESSAGE_BYTES - 10)


def check_order(numbers: Sequence[int], sent: Sequence[int]) -> None:
    """Raise Spoilt unless messages, whose senders are `sent`, arrived once each, and each sender's in order."""
    if sorted(numbers) != list(range(len(sent))):
        raise Spoilt(f"{len(sent)} messages were said, {len(numbers)} arrived")
    for speaker in set(sent):
        own = [number for number in numbers if sent[number] == speaker]
        if own != sorted(own):
            raise Spoilt("messages of one sender changed places")


class Link(Protocol):
    """One member's connection."""

    @property
    def receives_own_messages(self) -> bool:
        """Tell whether it receives its own messages."""

    def fileno(self) -> int:
        """Return what to wait on."""

    def collect(self, now: float) -> None:
        """Receive without waiting."""

    def receive(self, tally: Tally) -> None:
        """Look at what was collected."""

    def send(self, number: int) -> None:
        """Say message `number`."""


class Room(Protocol):
    """A server under load, and a crowd in it."""

    @property
    def links(self) -> Sequence[Link]:
        """Return the members."""

    def begin(self) -> None:
        """Forget what has arrived so far."""

    def tend(self, now: float) -> None:
        """Do what clients do periodically: acknowledge and retransmit."""

    def check(self, sent: Sequence[int]) -> str:
        """Raise Spoilt unless each member got every message (its sender, by number) once and in order; return notes."""


@dataclass(slots=True)
class Tally:
    """What has reached anybody: `timed` also notes how long each took, in seconds."""

    timed: bool
    delivered: int = 0
    sent_at: list[float] = field(default_factory=list)
    waits: array[float] = field(default_factory=lambda: array("d"))

    def note(self, numbers: Iterable[int], now: float) -> None:
        """Note the arrival of messages at one member."""
        for number in numbers:
            self.delivered += 1
            self.waits.append(now - self.sent_at[number])


@dataclass(frozen=True, slots=True)
class Load:
    """What is said for `seconds`: a message each `interval` seconds, or `in_flight` at a time, as they arrive."""

    senders: int
    seconds: float
    interval: float = 0.0
    in_flight: int = 0


@dataclass(frozen=True, slots=True)
class Carried:
    """What became of a load: messages said, seconds it took, deliveries, waits in seconds (sorted).

    `busy`: the share of a core that the crowd used.
    """

    messages: int
    seconds: float
    deliveries: int
    waits: Sequence[float]
    busy: float
    notes: str


class Driver:
    """Drives a room's crowd in this thread, with epoll."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._epoll = select.epoll()
        self._links = {link.fileno(): link for link in room.links}
        for descriptor in self._links:
            self._epoll.register(descriptor, select.EPOLLIN)

    def close(self) -> None:
        """Stop waiting on the sockets."""
        self._epoll.close()

    def rest(self, quiet: float = QUIET) -> None:
        """Only receive until nothing has arrived for so many seconds."""
        tally, received_at = Tally(timed=False), time.monotonic()
        ends_at = received_at + PATIENCE + len(self._links) / 20  # each join is sent to all
        while (now := time.monotonic()) < received_at + quiet:
            if now > ends_at:
                raise TimeoutError("the server does not fall silent")
            if self._turn(tally, 0.01):
                received_at = now

    def carry(self, load: Load) -> Carried:
        """Say everything and wait until everybody has it; Spoilt if that does not come to pass."""
        links = self._room.links
        speakers = links[: load.senders]
        reach = [len(links) - (not link.receives_own_messages) for link in speakers]
        tally = Tally(timed=load.in_flight == 0)
        sent: list[int] = []
        owed, began, busy = 0, time.monotonic(), os.times()
        while (since := time.monotonic() - began) < load.seconds or tally.delivered < owed:
            if since > PATIENCE + load.seconds:
                raise Spoilt(f"{owed - tally.delivered} of {owed} deliveries never came")
            for _ in range(self._allowed(load, len(sent), tally, owed, since)):
                speaker = len(sent) % load.senders
                tally.sent_at.append(time.monotonic())
                speakers[speaker].send(len(sent))
                sent.append(speaker)
                owed += reach[speaker]
            self._turn(tally, self._pause(load, len(sent), began))
        seconds = time.monotonic() - began
        used = os.times()
        share = (used.user + used.system - busy.user - busy.system) / seconds
        return Carried(len(sent), seconds, tally.delivered, sorted(tally.waits), share, self._room.check(sent))

    @staticmethod
    def _allowed(load: Load, sent: int, tally: Tally, owed: int, since: float) -> int:
        """Return how many messages may be said now."""
        if since >= load.seconds:
            return 0
        if load.in_flight:
            return int(load.in_flight - ((owed - tally.delivered) * sent / owed if owed else 0.0))
        return int(since / load.interval) + 1 - sent

    @staticmethod
    def _pause(load: Load, sent: int, began: float) -> float:
        """Return how long there may be nothing to say."""
        if load.in_flight:
            return 0.005
        return min(0.005, max(0.0, began + sent * load.interval - time.monotonic()))

    def _turn(self, tally: Tally, pause: float) -> bool:
        """Take what has come; False if that was nothing.

        Where it is timed, it is looked at when no more comes: a thousand members do not decrypt one after the other.
        """
        behind: dict[int, Link] = {}
        ready = self._epoll.poll(pause, 1024)
        while ready:
            for descriptor, _ in ready:
                link = behind[descriptor] = self._links[descriptor]
                link.collect(time.monotonic())
            ready = self._epoll.poll(LULL, 1024) if tally.timed else []
        for link in behind.values():
            link.receive(tally)
        self._room.tend(time.monotonic())
        return bool(behind)
