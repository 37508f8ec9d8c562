"""A queue of datagrams for each address, a few of which are sent in each turn, so that a long text delays nobody.

In a turn the driver delivers events and then sends everything. An address gets at most `SHARE` datagrams in one turn;
the rest follow in the next one, which the dialect's timer starts at once.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from typing import Final

from sockatuh.protocol.seam import Address

SHARE: Final = 8
"""Datagrams for one address in a turn."""
MOST_A_TURN: Final = 2_048
"""Datagrams for all addresses in a turn: about 8 ms of sending."""
LONGEST: Final = 256
"""Datagrams queued for one address."""


class Rounds:
    """Datagrams by address; those who were served longest ago come first."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[Address, deque[tuple[int, bytes, Address]]] = OrderedDict()
        self._sent: Counter[Address] = Counter()
        self._sent_to_all = 0

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, data: bytes, address: Address, seq: int = 0) -> bool:
        """Queue a datagram, which holds some of the entry `seq`; return False if too many are queued already."""
        queue = self._waiting.setdefault(address, deque())
        if len(queue) >= LONGEST:
            return False
        queue.append((seq, data, address))
        return True

    def strike(self, seq: int) -> None:
        """Drop the datagrams that hold some of the entry `seq`."""
        for address, queue in list(self._waiting.items()):
            if any(each[0] == seq for each in queue):
                left = deque(each for each in queue if each[0] != seq)
                if left:
                    self._waiting[address] = left
                else:
                    del self._waiting[address]

    def drop(self, address: Address) -> None:
        """Drop the datagrams for an address."""
        self._waiting.pop(address, None)

    def begin_turn(self) -> None:
        """Give everybody a new share."""
        self._sent.clear()
        self._sent_to_all = 0

    def take(self) -> list[tuple[bytes, Address]]:
        """Return what may still be sent in this turn."""
        taken: list[tuple[bytes, Address]] = []
        for address in list(self._waiting):
            share = min(SHARE - self._sent[address], MOST_A_TURN - self._sent_to_all)
            queue = self._waiting[address]
            if share <= 0:
                continue
            part = [queue.popleft()[1:] for _ in range(min(share, len(queue)))]
            self._sent[address] += len(part)
            self._sent_to_all += len(part)
            taken += part
            if queue:
                self._waiting.move_to_end(address)
            else:
                del self._waiting[address]
        return taken
