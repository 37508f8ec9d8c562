"""Bad weather on a cable: which frames get lost, doubled, late or spoilt, all from a seed.

A frame is what Ethernet carries. Only UDP over IPv4 or IPv6 suffers; ARP and neighbour discovery pass, unless the
cable is cut.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

IPV4: Final = 0x0800
IPV6: Final = 0x86DD
UDP: Final = 17
FRAGMENT: Final = 44
ETHERNET: Final = 14
OVERTAKEN: Final = 0.02
"""Seconds a frame that others overtake is late, at most, besides the delay they all have."""


@dataclass(frozen=True, slots=True)
class Weather:
    """How bad the cable is, the same both ways: shares of datagrams, and seconds. `cut`: nothing at all passes."""

    loss: float = 0.0
    duplication: float = 0.0
    reordering: float = 0.0
    corruption: float = 0.0
    delay: float = 0.0
    jitter: float = 0.0
    cut: bool = False


@dataclass(slots=True)
class Traffic:
    """What came by: datagrams, what became of them, and how they looked (`longest`: bytes with the IP header)."""

    datagrams: int = 0
    lost: int = 0
    doubled: int = 0
    spoilt: int = 0
    fragments: int = 0
    may_fragment: int = 0
    longest: int = 0


class Sky:
    """The weather over one cable, and its dice."""

    def __init__(self, seed: int) -> None:
        self.weather = Weather()
        self.traffic = Traffic()
        self._dice = random.Random(seed)

    def pass_on(self, frame: bytes, now: float) -> Sequence[tuple[float, bytes]]:
        """Return what comes out for a frame, and when: (moment, frame) of each copy."""
        weather, dice = self.weather, self._dice
        if weather.cut:
            self.traffic.lost += 1
            return ()
        header = udp_header(frame)
        if header is None:
            return ((now, frame),)
        self._note(frame)
        copies: list[tuple[float, bytes]] = []
        if dice.random() < weather.duplication:
            self.traffic.doubled += 1
            copies.append((now + self._delay(), frame))
        if dice.random() < weather.loss:
            self.traffic.lost += 1
        elif dice.random() < weather.corruption:
            self.traffic.spoilt += 1
            copies.append((now + self._delay(), spoil(frame, header, dice)))
        else:
            copies.append((now + self._delay(), frame))
        return copies

    def _delay(self) -> float:
        weather, dice = self.weather, self._dice
        late = dice.uniform(0.0, OVERTAKEN) if dice.random() < weather.reordering else 0.0
        return weather.delay + dice.uniform(-weather.jitter, weather.jitter) + late

    def _note(self, frame: bytes) -> None:
        traffic = self.traffic
        traffic.datagrams += 1
        traffic.longest = max(traffic.longest, len(frame) - ETHERNET)
        (kind,) = struct.unpack_from(">H", frame, 12)
        if kind == IPV4:
            (flags,) = struct.unpack_from(">H", frame, ETHERNET + 6)
            traffic.fragments += bool(flags & 0x3FFF)  # more fragments, or an offset
            traffic.may_fragment += not flags & 0x4000
        else:
            traffic.fragments += frame[ETHERNET + 6] == FRAGMENT


def udp_header(frame: bytes) -> int | None:
    """Return where the UDP header of a frame begins (or that of a piece of a fragmented one), None without UDP."""
    if len(frame) < ETHERNET + 20:
        return None
    (kind,) = struct.unpack_from(">H", frame, 12)
    if kind == IPV4 and frame[ETHERNET + 9] == UDP:
        return ETHERNET + 4 * (frame[ETHERNET] & 15)
    if kind == IPV6 and frame[ETHERNET + 6] in (UDP, FRAGMENT):
        return ETHERNET + 40
    return None


def spoil(frame: bytes, header: int, dice: random.Random) -> bytes:
    """Return a frame with one bit of its datagram turned.

    Over IPv4 every second one claims to bear no checksum, so that it reaches the program and not only its kernel.
    """
    spoilt = bytearray(frame)
    at = dice.randrange(min(header + 8, len(frame) - 1), len(frame))
    spoilt[at] ^= 1 << dice.randrange(8)
    if struct.unpack_from(">H", frame, 12) == (IPV4,) and dice.random() < 0.5:
        spoilt[header + 6 : header + 8] = b"\0\0"
    return bytes(spoilt)
