"""Somebody on the path who holds nothing back: all passes, and with it whatever may be made of what has been seen."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias

from e2e.relay import Relay

from sockatuh.protocol.constants import COOKIE, DATA, HELLO, INIT, MAX_DATAGRAM, RESET, RESET_SIZE, VERSION
from sockatuh.protocol.datagrams import COOKIE_STRUCT

Trick: TypeAlias = Callable[[Relay, bytes], None]

LATER: Final = 0.002
"""Seconds by which the forger is slower than the truth, when it is not faster."""
EACH: Final = 2
"""Tricks for each datagram that passes."""
LONGEST_RETRY_MS: Final = 65_535


class Forger:
    """Has a relay for each client. `done` counts what was forged, by trick; `yesterday` is what another day left."""

    def __init__(self, relays: list[Relay], server_key: bytes, dice: random.Random) -> None:
        self.relays, self.done = relays, Counter[str]()
        self.yesterday: tuple[list[bytes], list[bytes]] = ([], [])
        self._server_key, self._dice, self._ended = server_key, dice, False
        self._upward: dict[str, Trick] = {
            "replayed": self._replay_up,
            "of another day": self._repeat_yesterday_up,
            "older than the window": self._replay_oldest,
            "sent back": lambda relay, data: relay.send_down(data),
            "another member's": lambda relay, data: self._another(relay).send_up(data),
            "with a bit flipped": lambda relay, data: relay.send_up(self._flip(data)),
            "cut": lambda relay, data: relay.send_up(self._cut(data)),
            "extended": lambda relay, data: relay.send_up(self._extend(data)),
            "forged RESET": self._reset,
            "forged COOKIE": self._cookie,
        }
        self._downward: dict[str, Trick] = {
            "replayed": lambda relay, _: relay.send_down(dice.choice(relay.down)),
            "of another day": self._repeat_yesterday_down,
            "sent back": lambda relay, data: relay.send_up(data),
            "another member's": lambda relay, data: self._another(relay).send_down(data),
            "with a bit flipped": lambda relay, data: relay.send_down(self._flip(data)),
            "cut": lambda relay, data: relay.send_down(self._cut(data)),
            "extended": lambda relay, data: relay.send_down(self._extend(data)),
            "forged CLOSED": self._close,
            "forged COOKIE": self._cookie,
        }

    def begin(self) -> None:
        """Begin to meddle."""
        for relay in self.relays:
            relay.change_up = partial(self._meddle, relay, self._upward)
            relay.change_down = partial(self._meddle, relay, self._downward)

    def end(self) -> None:
        """Meddle no more."""
        self._ended = True

    def _meddle(self, relay: Relay, tricks: dict[str, Trick], data: bytes) -> bytes:
        for _ in range(EACH):
            name = self._dice.choice(list(tricks))
            if data[0] in (HELLO, INIT, COOKIE) and self._dice.random() < 0.5:
                name = self._dice.choice(["forged COOKIE", "with a bit flipped"])
            self.done[name] += 1
            if self._dice.random() < 0.5:
                self._do(tricks[name], relay, data)
            else:
                asyncio.get_running_loop().call_later(LATER, self._do, tricks[name], relay, data)
        return data

    def _do(self, trick: Trick, relay: Relay, data: bytes) -> None:
        if not self._ended:
            trick(relay, data)

    def _another(self, relay: Relay) -> Relay:
        return self._dice.choice([each for each in self.relays if each is not relay])

    def _replay_up(self, relay: Relay, _: bytes) -> None:
        relay.send_up(self._dice.choice(relay.up))

    def _replay_oldest(self, relay: Relay, _: bytes) -> None:
        relay.send_up(relay.up[self._dice.randrange(min(40, len(relay.up)))])

    def _repeat_yesterday_up(self, relay: Relay, _: bytes) -> None:
        relay.send_up(self._dice.choice(self.yesterday[0]))

    def _repeat_yesterday_down(self, relay: Relay, _: bytes) -> None:
        relay.send_down(self._dice.choice(self.yesterday[1]))

    def _flip(self, data: bytes) -> bytes:
        at = self._dice.randrange(len(data))
        return data[:at] + bytes([data[at] ^ 1 << self._dice.randrange(8)]) + data[at + 1 :]

    def _cut(self, data: bytes) -> bytes:
        return data[: self._dice.randrange(1, len(data))]

    def _extend(self, data: bytes) -> bytes:
        return (data + self._dice.randbytes(self._dice.randrange(1, 64)))[: MAX_DATAGRAM + 1]

    def _reset(self, relay: Relay, data: bytes) -> None:
        """Say that the server has forgotten a session: its number is in the datagram, its token is not."""
        if data[0] == DATA:
            token = self._dice.choice([self._dice.randbytes(16), bytes(16), data[-16:]])
            relay.send_down((bytes([RESET]) + data[1:8] + token)[:RESET_SIZE])

    def _close(self, relay: Relay, data: bytes) -> None:
        """Say that a session is over, under a counter that is yet to come."""
        if data[0] == DATA:
            counter = int.from_bytes(data[8:16], "little") + self._dice.randrange(1, 5_000)
            relay.send_down(data[:8] + counter.to_bytes(8, "little") + self._dice.randbytes(30))

    def _cookie(self, relay: Relay, data: bytes) -> None:
        """Answer in the server's place."""
        if data[0] not in (HELLO, INIT, COOKIE):
            return
        dice = self._dice
        nonce = data[8:16] if data[0] == INIT else data[4:12]
        key = dice.choice([self._server_key, self._server_key, dice.randbytes(32)])
        version = dice.choice([VERSION, VERSION, VERSION + 1])
        retry_ms = dice.choice([0, 0, LONGEST_RETRY_MS])
        relay.send_down(
            COOKIE_STRUCT.pack(COOKIE, version, dice.randrange(256), 0, nonce, dice.randbytes(16), key, retry_ms, 0)
        )
