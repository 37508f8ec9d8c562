"""The client's way to a session: HELLO → COOKIE → (is it the intended server?) → INIT → RESP (docs/PROTOCOL.md §3, §4).

All addresses of the server are asked at once, and the first COOKIE that is accepted decides which one is used. Answers
are matched by nonce and handshake, never by source address. The dialer continues until it is stopped.

    IDLE ──start──▶ ASKING ──COOKIE of a key that will do──▶ SHAKING ──RESP──▶ IDLE
                    │  ▲                                       │
                    │  └────────8 INITs without an answer──────┘
                    └──third round with wrong answers only, or a key that is not pinned and must be──▶ IDLE

A COOKIE proves nothing: whoever sees a HELLO or an INIT can send one faster than the server. So the dialer treats a
COOKIE as follows:

* ASKING, the pinned key and our version: accepted. INIT follows, and only a RESP proves anything.
* ASKING, any key while none is pinned: accepted too, as the password will prove the server. `meets_nobody_new`: the
  dialer reports the key and stops.
* ASKING, another key than the pinned one at a further address of the room: ignored. Somebody else has that address
  now, or it is a lie.
* ASKING, another key or version: noted, and the dialer keeps waiting for a better answer. It reports the wrong one
  and stops when MISMATCHES_IGNORED rounds in a row have ended with nothing better, and so does the next.
* SHAKING, the same server with another cookie: ours was stale, or forged. Another INIT is made with the new cookie; the
  handshakes begun before can still be answered.
* SHAKING, the same cookie again: the server asks to wait.
* Everything else is ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Final

from sockatuh.errors import ProtocolError
from sockatuh.protocol.constants import COOKIE_SIZE, HELLO, HELLO_SIZE, RECONNECT_INTERVAL, VERSION
from sockatuh.protocol.datagrams import COOKIE_STRUCT, HELLO_STRUCT, jitter
from sockatuh.protocol.messages import InitPayload
from sockatuh.protocol.seam import Address
from sockatuh.protocol.timers import TimerTable

from .bounds import COOKIE_SECONDS
from .events import AddressesUnreachable, KeyMismatch, ServerUnknown, VersionDiffers
from .handshakes import Cookie, Established, Handshakes
from .obstacles import Obstacle, Obstacles
from .timers import ClientTimer

RETRY: Final = (0.25, 0.5, RECONNECT_INTERVAL)
"""Seconds to the next HELLO or INIT; the last one repeats."""
INIT_TRIES: Final = 8
"""INITs without an answer after which the client asks for a cookie again."""
COOKIE_PAUSE: Final = 0.02
"""The fewest seconds between two INITs when the reason for the second is another cookie."""
MISMATCHES_IGNORED: Final = 2
"""Rounds (a HELLO and the time until the next one) in a row that may bring only a wrong key or version."""


class Dialing(Enum):
    """How far the dialer has got."""

    IDLE = auto()
    ASKING = auto()
    SHAKING = auto()


class Dialer:
    """Finds the intended server and completes the handshake with it. `out` collects (datagram, address).

    `pin` is the server's key, None while none is known; with `meets_nobody_new` no other will do.
    """

    def __init__(
        self,
        private_key: bytes,
        pin: bytes | None,
        random: Callable[[int], bytes],
        timers: TimerTable[ClientTimer],
        out: list[tuple[bytes, Address]],
        *,
        meets_nobody_new: bool = False,
    ) -> None:
        self.state = Dialing.IDLE
        self.pin, self._meets_nobody_new = pin, meets_nobody_new
        self._random, self._timers, self._out = random, timers, out
        self._handshakes = Handshakes(private_key, random)
        self._obstacles = Obstacles()
        self._addresses: Sequence[Address] = ()
        self._further: frozenset[Address] = frozenset()
        """Those of them at which another server may be."""
        self._payload: InitPayload | None = None
        self._nonces: dict[bytes, Address] = {}
        self._tries = 0
        self._wrong: KeyMismatch | VersionDiffers | None = None
        """The wrong answer of this round, if no better one has come."""
        self._mismatches = 0
        """Rounds in a row that brought wrong answers only."""
        self._cookie: Cookie | None = None
        """The cookie that was accepted."""
        self._init: bytes | None = None
        """The INIT made with that cookie."""
        self._init_at = 0.0

    def start(
        self,
        addresses: Sequence[Address],
        payload: InitPayload,
        at: float,
        further: frozenset[Address] = frozenset(),
    ) -> None:
        """Send HELLO to every address from `at` (monotonic seconds) on; `payload` goes into INIT.

        At addresses that are in `further`, a server with another key than the pinned one is passed over.
        """
        if addresses != self._addresses or self.state is Dialing.IDLE:
            self._obstacles.begin(addresses)
        self._addresses, self._further, self._payload = addresses, further, payload
        self._ask(at)

    def stop(self) -> None:
        """Stop dialling, and erase the keys that could decrypt a recorded handshake."""
        self._handshakes.clear()
        self._cookie = self._init = None
        self._enter(Dialing.IDLE, None)

    def note_obstacle(self, address: Address, obstacle: Obstacle) -> AddressesUnreachable | None:
        """Note what keeps an address from being reached, and return what is to be reported; dialling continues."""
        report = self._obstacles.note(address, obstacle) if self.state is Dialing.ASKING else None
        return AddressesUnreachable(report) if report else None

    def handle_timer(self, now: float) -> KeyMismatch | VersionDiffers | None:
        """Send HELLO or INIT (again); return why dialling has ended instead, if it has."""
        if self.state is Dialing.ASKING and self._tries and (reason := self._end_round()) is not None:
            self.stop()
            return reason
        if self.state is Dialing.SHAKING and self._tries >= INIT_TRIES:
            self._ask(now)
        if self.state is Dialing.ASKING:
            for nonce, address in self._nonces.items():
                self._out.append((HELLO_STRUCT.pack(HELLO, VERSION, 0, nonce).ljust(HELLO_SIZE, b"\0"), address))
        elif self.state is Dialing.SHAKING:
            self._send_init(now)
        self._timers.set(ClientTimer.DIAL, now + RETRY[min(self._tries, len(RETRY) - 1)] * jitter(self._random, 0.1))
        self._tries += 1
        return None

    def receive_cookie(self, data: bytes, now: float) -> ServerUnknown | None:
        """Process a COOKIE; return why dialling has ended, if it has."""
        if len(data) != COOKIE_SIZE:
            return None
        _, version, epoch, _, nonce, cookie, server_key, retry_ms, _ = COOKIE_STRUCT.unpack(data)
        address = self._nonces.get(nonce)
        if address is None:
            return None
        received = Cookie(address, nonce, epoch, cookie, server_key)
        not_before = now + COOKIE_SECONDS(retry_ms / 1000)
        if self.state is Dialing.SHAKING and version == VERSION:
            self._receive_another_cookie(received, not_before)
        if self.state is not Dialing.ASKING:
            return None
        if address in self._further and self.pin not in (None, server_key):
            return None
        if version != VERSION or self.pin not in (None, server_key):
            self._note_wrong(server_key, version, now)
            return None
        if self.pin is None and self._meets_nobody_new:
            self.stop()
            return ServerUnknown(server_key)
        self._wrong, self._mismatches = None, 0
        self._cookie, self._init = received, None
        self._enter(Dialing.SHAKING, not_before)
        return None

    def receive_resp(self, data: bytes, now: float) -> Established | None:
        """Process a RESP; return the session if it makes one. The dialer is then done."""
        try:
            established = self._handshakes.finish_untrusted(data, now)
        except ProtocolError:
            return None
        self._wrong, self._mismatches = None, 0
        self.stop()
        return established

    def _ask(self, at: float) -> None:
        """Begin with HELLO; answers to earlier ones are ignored from now on."""
        self._nonces = {self._random(8): address for address in self._addresses}
        self._cookie = self._init = None
        self._enter(Dialing.ASKING, at)

    def _note_wrong(self, server_key: bytes, version: int, now: float) -> None:
        """Note a COOKIE from another server, and wait a little for one from the intended server."""
        if version != VERSION or self.pin is None:
            self._wrong = VersionDiffers(version)
        else:
            self._wrong = KeyMismatch(self.pin, server_key)
        self._timers.set_by(ClientTimer.DIAL, now + RETRY[0])
        self._tries = 1

    def _end_round(self) -> KeyMismatch | VersionDiffers | None:
        """End the round of one HELLO; return its wrong answer once enough rounds have brought nothing better."""
        wrong, self._wrong = self._wrong, None
        if wrong is None:
            return None
        self._mismatches += 1
        return wrong if self._mismatches > MISMATCHES_IGNORED else None

    def _receive_another_cookie(self, received: Cookie, not_before: float) -> None:
        """Process a COOKIE that answers an INIT: its cookie was stale, or handshakes come too fast."""
        current, due_at = self._cookie, self._timers.get(ClientTimer.DIAL)
        if current is None or (received.address, received.server_key) != (current.address, current.server_key):
            return
        if received != current:
            self._cookie, self._init = received, None
            self._timers.set(ClientTimer.DIAL, max(not_before, self._init_at + COOKIE_PAUSE))
        elif due_at is not None:
            self._timers.set(ClientTimer.DIAL, max(due_at, not_before))

    def _send_init(self, now: float) -> None:
        if self._cookie is None or self._payload is None:
            return
        if self._init is None:
            try:
                self._init = self._handshakes.begin(self._cookie, self._payload)
            except ProtocolError:  # no honest server has such a key
                self._ask(now)
                return
        self._init_at = now
        self._out.append((self._init, self._cookie.address))

    def _enter(self, state: Dialing, at: float | None) -> None:
        self.state, self._tries = state, 0
        self._timers.set(ClientTimer.DIAL, at)
