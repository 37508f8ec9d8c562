"""Finds rooms: asks many addresses by HELLO, and has each key that answers prove itself (docs/PROTOCOL.md §12).

A COOKIE proves nothing, it only says where to look. What is reported as a room has answered an INIT made for its key
with RESP. Whatever answers, the search is bounded: in addresses, answers, handshakes and time.

    search   HELLO to every address in each round; answers, one for each address and key
    proofs   (`room_proofs`) of a known key from its first answer on, of the others when the search has ended
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final, TypeAlias

import msgspec

from sockatuh.protocol.constants import COOKIE, COOKIE_SIZE, HELLO, HELLO_SIZE, RESP, VERSION
from sockatuh.protocol.datagrams import COOKIE_STRUCT, HELLO_STRUCT
from sockatuh.protocol.seam import Address

from .answers import Answer, Answers
from .bounds import COOKIE_SECONDS
from .room_proofs import RoomProofs, RoomProven

ROUNDS: Final = (0.0, 0.3, 1.0)
"""Seconds after the start at which every address is asked."""
SEARCH_SECONDS: Final = 2.0
QUIET_SECONDS: Final = 0.5
"""The search ends this long after the last new answer, if there was one."""
GATHER_SECONDS: Final = 0.05
"""Seconds from the first answer with a known key to its handshake, so that the best of its addresses is known."""
PROVING_SECONDS: Final = 3.0
"""Seconds after the search in which all handshakes end."""
MAX_ASKED: Final = 512
"""Addresses that are asked in each round; a sweep's come on top."""
MAX_SWEPT: Final = 2_048
SWEEP_INTERVAL: Final = 0.01
SWEPT_AT_ONCE: Final = 5
"""A sweep asks this many addresses in each interval: 500 a second."""
SWEPT_IN_A_ROW: Final = 255
SWEEP_PAUSE: Final = 3.0
"""Seconds after so many addresses until the next is asked: a system keeps what is sent to an address that no machine
has for so long, and a socket's buffer has no place for more, not even for the handshakes."""


class SearchEnded(msgspec.Struct, frozen=True):
    """Nothing more will be found."""


DiscoveryEvent: TypeAlias = RoomProven | SearchEnded


class Discovery:
    """One search. `pins` are the known keys; `rank` orders the addresses of one key, the lowest first.

    Answers from an address that `may_ask` denies are ignored. `proves`: each key does a handshake; else every answer
    stands as it is. With `only_pins` only answers with a known key count. `seconds` bounds the search.
    """

    def __init__(
        self,
        pins: Collection[bytes],
        random: Callable[[int], bytes],
        *,
        may_ask: Callable[[Address], bool],
        rank: Callable[[Address], int],
        proves: bool = True,
        only_pins: bool = False,
        seconds: float = SEARCH_SECONDS,
    ) -> None:
        self.answers = Answers(pins)
        self._pins, self._random, self._may_ask = pins, random, may_ask
        self._proves, self._only_pins, self._seconds = proves, only_pins, seconds
        self._out: list[tuple[bytes, Address]] = []
        self._proofs = RoomProofs(self.answers, pins, random, rank, self._out)
        self._asked: dict[Address, None] = {}
        self._unswept: deque[Address] = deque()
        self._swept = 0
        self._sent_at: dict[bytes, float] = {}
        """When the HELLO with each nonce was sent."""
        self._rounds: deque[float] = deque()
        self._sweep_at = 0.0
        self._search_until = 0.0
        """When the search ends at the latest, whatever answers."""
        self._prove_at = math.inf
        """When the known keys that have answered by then begin to prove themselves; later ones do so at once."""
        self._has_gathered = False
        self._is_running = self._is_searching = False
        self._ends_at = 0.0
        """When the search ends, and after that, when the last handshake ends at the latest."""
        self._events: deque[DiscoveryEvent] = deque()

    def start(self, now: float) -> None:
        """Begin to search; `now` is monotonic seconds. SearchEnded is reported at the end."""
        self._is_running = self._is_searching = True
        self._rounds.extend(now + span for span in ROUNDS if span < self._seconds)
        self._sweep_at = now
        self._ends_at = self._search_until = now + self._seconds
        self.handle_timer(now)

    def ask(self, addresses: Iterable[Address], now: float) -> None:
        """Ask further addresses in each round; once the search has begun, also at once."""
        for address in addresses:
            if address not in self._asked and len(self._asked) < MAX_ASKED:
                self._asked[address] = None
                if self._is_searching:
                    self._send_hello(address, now)

    def sweep(self, addresses: Sequence[Address]) -> None:
        """Ask these addresses too, once and one after another; call it before `start`. The search lasts until then."""
        self._unswept.extend(addresses[:MAX_SWEPT])

    # The five methods.

    def receive_datagram(self, data: bytes, address: Address, now: float) -> None:
        """Process one datagram from anybody; never raises, whatever it contains."""
        kind = data[0] if data and self._is_running else 0
        if kind == COOKIE and len(data) == COOKIE_SIZE:
            self._receive_cookie(data, address, now)
        elif kind == RESP and (room := self._proofs.receive_resp(data, now)) is not None:
            self._events.append(room)
            self._go_on(now)

    def handle_timer(self, now: float) -> None:
        """Do what is due."""
        if not self._is_running:
            return
        while self._rounds and self._rounds[0] <= now:
            self._rounds.popleft()
            for address in self._asked:
                self._send_hello(address, now)
        if self._unswept and self._sweep_at <= now:
            self._sweep_some(now)
        had_ended = self._proofs.handle_timer(now)
        if self._is_searching and not self._unswept and self._ends_at <= now:
            self._is_searching = False
            self._rounds.clear()
            self._ends_at, self._prove_at = now + PROVING_SECONDS, math.inf
            self._go_on(now)
        elif had_ended or min(self._prove_at, self._ends_at) <= now:
            if self._prove_at <= now:
                self._prove_at, self._has_gathered = math.inf, True
            self._go_on(now)

    def get_timer(self) -> float | None:
        """Return when `handle_timer` is wanted, in monotonic seconds."""
        if not self._is_running:
            return None
        due = [self._sweep_at if self._unswept else self._ends_at, self._prove_at, *[*self._rounds][:1]]
        proofs_at = self._proofs.next_at()
        return min(due if proofs_at is None else [*due, proofs_at])

    def next_event(self) -> DiscoveryEvent | None:
        """Return the next thing that happened."""
        return self._events.popleft() if self._events else None

    def datagrams_to_send(self) -> list[tuple[bytes, Address]]:
        """Remove and return the next datagrams to send."""
        out = [*self._out]
        self._out.clear()
        return out

    def _send_hello(self, address: Address, now: float) -> None:
        nonce = self._random(8)
        self._sent_at[nonce] = now
        self._out.append((HELLO_STRUCT.pack(HELLO, VERSION, 0, nonce).ljust(HELLO_SIZE, b"\0"), address))

    def _sweep_some(self, now: float) -> None:
        for _ in range(min(SWEPT_AT_ONCE, len(self._unswept))):
            self._send_hello(self._unswept.popleft(), now)
        self._swept += SWEPT_AT_ONCE
        self._sweep_at = now + (SWEEP_INTERVAL if self._swept % SWEPT_IN_A_ROW else SWEEP_PAUSE)
        if not self._unswept:
            self._search_until = max(self._search_until, now + QUIET_SECONDS)
            self._ends_at = now + QUIET_SECONDS if len(self.answers) else self._search_until

    def _receive_cookie(self, data: bytes, address: Address, now: float) -> None:
        _, version, _, _, nonce, _, key, retry_ms, _ = COOKIE_STRUCT.unpack(data)
        sent_at = self._sent_at.get(nonce)
        if sent_at is None:
            self._proofs.receive_cookie(data, now)
            return
        if not self._is_searching or not self._may_ask(address) or (self._only_pins and key not in self._pins):
            return
        not_before = now + COOKIE_SECONDS(retry_ms / 1000)
        if self.answers.add(Answer(address, key, version, now - sent_at, not_before)):
            self._ends_at = min(self._search_until, now + QUIET_SECONDS)
            if key in self._pins and not self._has_gathered:
                self._prove_at = min(self._prove_at, now + GATHER_SECONDS)
            self._go_on(now)

    def _go_on(self, now: float) -> None:
        """Begin the handshakes that may begin now, and end everything when there are none left, or no time."""
        if self._proves and (self._has_gathered if self._is_searching else now < self._ends_at):
            self._proofs.begin(now, pinned_only=self._is_searching or self._only_pins)
            self._proofs.handle_timer(now)
        if not self._is_searching and (not len(self._proofs) or self._ends_at <= now):
            self._proofs.stop()
            self._is_running = False
            self._events.append(SearchEnded())
