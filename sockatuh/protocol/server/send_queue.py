"""The queue of what an endpoint is about to send."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Iterator, Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from sockatuh.protocol.channel import Channel, ChannelExhausted
from sockatuh.protocol.messages import ServerMessage, encode
from sockatuh.protocol.seam import Address

from .packing import without_lines
from .session import Session

PORTION: Final = 256
"""Datagrams that are sealed at a time, so that a message to a thousand members is never in memory for all of them."""


class _QueuedMessage(msgspec.Struct, frozen=True):
    """Plaintexts, all of which go to each of some sessions."""

    sessions: Sequence[Session]
    plaintexts: Sequence[bytes]


class Outgoing:
    """Datagrams and messages in the order in which they leave; messages are sealed when they are taken."""

    def __init__(self, dropped: Counter[str]) -> None:
        self._dropped = dropped
        self._waiting: deque[tuple[bytes, Address] | _QueuedMessage] = deque()

    def put(self, datagram: bytes, address: Address) -> None:
        """Queue a datagram as it is."""
        self._waiting.append((datagram, address))

    def send(self, session: Session, message: ServerMessage) -> None:
        """Queue a message to a session."""
        self.send_encoded(session, encode(message))

    def send_encoded(self, session: Session, plaintext: bytes) -> None:
        """Queue an encoded message to a session."""
        self._waiting.append(_QueuedMessage((session,), (plaintext,)))

    def send_to_all(self, sessions: Sequence[Session], plaintexts: Sequence[bytes]) -> None:
        """Queue encoded messages to many sessions."""
        step = max(1, PORTION // len(plaintexts))
        for at in range(0, len(sessions), step):
            self._waiting.append(_QueuedMessage(sessions[at : at + step], plaintexts))

    def strike(self, seqs: Collection[int]) -> None:
        """Take the lines with these seqs out of what is queued."""
        kept: dict[bytes, bytes | None] = {}  # a message to many is queued in several places
        for _ in range(len(self._waiting)):
            item = self._waiting.popleft()
            if isinstance(item, _QueuedMessage):
                for plaintext in item.plaintexts:
                    if plaintext not in kept:
                        kept[plaintext] = without_lines(plaintext, seqs)
                left = [found for plaintext in item.plaintexts if (found := kept[plaintext]) is not None]
                item = replace(item, plaintexts=left)
            if not isinstance(item, _QueuedMessage) or item.plaintexts:
                self._waiting.append(item)

    def take(self) -> list[tuple[bytes, Address]]:
        """Remove and return the next datagrams to send; empty when there are none.

        What cannot be sealed is dropped and counted, so that an error of one session affects no other.
        """
        taken: list[tuple[bytes, Address]] = []
        while self._waiting and len(taken) < PORTION:
            item = self._waiting.popleft()
            if isinstance(item, _QueuedMessage):
                if taken and len(item.sessions) > 1:
                    self._waiting.appendleft(item)
                    break
                taken += self._seal(item)
            else:
                taken.append(item)
        return taken

    def _seal(self, message: _QueuedMessage) -> Iterator[tuple[bytes, Address]]:
        sessions, plaintexts = message.sessions, message.plaintexts
        try:
            datagrams = Channel.seal_for_each([session.channel for session in sessions], plaintexts)
        except (ValueError, ChannelExhausted):  # seal them singly: only what cannot be sealed is lost
            return self._seal_singly(message)
        return zip(datagrams, [session.address for session in sessions for _ in plaintexts], strict=True)

    def _seal_singly(self, message: _QueuedMessage) -> Iterator[tuple[bytes, Address]]:
        for session in message.sessions:
            for plaintext in message.plaintexts:
                try:
                    yield session.channel.seal(plaintext), session.address
                except (ValueError, ChannelExhausted):
                    self._dropped["unsendable"] += 1
