"""The client's core under a hostile server, and under a hostile network before there is one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Final

from kit.bare_room import ELSEWHERE, PASSWORD, SERVER
from kit.footprint import footprint
from kit.password_hash import answer
from kit.raw_server import RawServer, make_peer
from protocol import vectors

from sockatuh.errors import ProtocolError
from sockatuh.protocol import messages as m
from sockatuh.protocol.client import events as pe
from sockatuh.protocol.constants import (
    COOKIE,
    DATA,
    HELLO,
    INIT,
    MAX_AWAY,
    MAX_DATAGRAM,
    MAX_NAME_BYTES,
    MAX_PLAINTEXT,
    PROLOGUE,
    RESP,
)
from sockatuh.protocol.datagrams import COOKIE_STRUCT, RESP_STRUCT
from sockatuh.protocol.noise import Responder

from .steps import read_steps, seconds, vary

MESSAGES: Final = [m.encode(message) for message in vectors.server_messages(bytes(192)).values()]
MAX_KEPT: Final = 25_000
RESP_PAYLOAD: Final = 144
KEY_AFTER: Final = 16
"""Bytes of a crafted COOKIE that are the cookie; what follows says what else is wrong with it."""


class Stage:
    """A peer, and a hand-made server that sends what each step says."""

    def __init__(self, kind: int) -> None:
        """`kind` has a bit each for: a script, no pin, in the room already, and hashes that take their time."""
        self.host = RawServer(make_peer("fuzz", role=kind & 1, pin=None) if kind & 2 else make_peer("fuzz"))
        self.host.cid = 1
        self._cursor = -1
        self._last_init = b""
        if kind & 4:
            self._seat()
        self.host.is_hashing = not kind & 8

    def _seat(self) -> None:
        host = self.host
        host.peer.join("ana", PASSWORD, host.now)
        host.peer.connect([SERVER], host.now)
        (hello,) = host.wait(0.0)
        (init,) = self.take(host.tell_raw(host.make_cookie(hello)))
        self.take(host.tell_raw(host.make_resp(init)))
        self.propose(b"")
        self.welcome(b"\0\5")

    # Steps.

    def seal(self, plaintext: bytes) -> None:
        """Tell any plaintext in the channel."""
        if hasattr(self.host, "channel") and 0 < len(plaintext) <= MAX_PLAINTEXT:
            self.throw(self.host.channel.seal(plaintext))

    def vary(self, some: bytes) -> None:
        """Tell a well-formed message, with any numbers in it."""
        if some:
            self.seal(vary(MESSAGES[some[0] % len(MESSAGES)], some[1:]))

    def throw(self, data: bytes) -> None:
        """Tell any datagram."""
        self.host.peer.receive_datagram(data, ELSEWHERE, self.host.now)
        self.take(self.host.take() + self.host.wait(0.0))

    def offer(self, some: bytes) -> None:
        """Answer the last HELLO or INIT with a COOKIE: the server's, or with any version, key and wait."""
        asked = next((data for data in reversed(self.host.sent) if data[0] in (HELLO, INIT)), None)
        if asked is None:
            return
        nonce = asked[4:12] if asked[0] == HELLO else asked[8:16]
        cookie, rest = some[:KEY_AFTER].ljust(KEY_AFTER, b"\0"), some[KEY_AFTER:]
        version = rest[0] if rest else 1
        key = rest[1:33] if len(rest) >= 33 else self.host.key
        wait = int.from_bytes(rest[33:35], "little")
        self.throw(COOKIE_STRUCT.pack(COOKIE, version, 0, 0, nonce, cookie, key, wait, 0))

    def respond(self, payload: bytes) -> None:
        """Answer the last INIT with a RESP: the server's, or with any payload in it."""
        init = self._last_init
        responder = Responder(self.host.private_key, PROLOGUE + init[:32], self.host.dice(32))
        try:
            responder.read_message_untrusted(init[32:])
        except ProtocolError:  # there was none, or it is for another key
            return
        if not payload:
            self.throw(self.host.make_resp(init))
            return
        message = responder.write_message(payload[:RESP_PAYLOAD].ljust(RESP_PAYLOAD, b"\0"))
        self.throw(RESP_STRUCT.pack(RESP, 1, 0, int.from_bytes(init[4:8], "little")) + message)

    def welcome(self, some: bytes) -> None:
        """Let the peer in, with the head of the log that the step says, confirmed by what follows, or else rightly."""
        start, head = (some + b"\0\0")[:2]
        confirmation = some[2:66] or self._confirmation()
        self.answer(m.Welcome("ana", b"the log of rooms", start, head, b"ticket", (), confirmation))

    def propose(self, some: bytes) -> None:
        """Answer the last call with an offer: a right one, or one of any kind, cost, salt and share."""
        if not hasattr(self.host, "channel"):
            return
        right = self.host.make_offer()
        if some:
            kind, cost = (some + b"\0")[:2]
            salt, share = some[2:18] or right.salt, some[18:50] or right.share
            right = m.NameValid("ana", kind, share, salt, cost)
        self.answer(right)

    def answer(self, body: m.AnswerBody) -> None:
        """Answer the peer's last call."""
        calls = [each for each in self.host.received if isinstance(each, m.Call)]
        self.seal(m.encode(m.Answer(calls[-1].number if calls else 1, body)))

    def _confirmation(self) -> bytes:
        """Return what confirms the peer's last proof, if it is for the last offer."""
        proofs = self.host.proofs
        opened = self.host.offer.open_untrusted(proofs[-1], "ana") if proofs else None
        return b"" if opened is None else opened.confirmation

    def renew(self, payload: bytes) -> None:
        """Answer the last REKEY, rightly or with any payload in it."""
        rekey = next((each for each in reversed(self.host.received) if isinstance(each, m.Rekey)), None)
        if rekey is None:
            return
        responder = Responder(self.host.private_key, PROLOGUE + self.host.handshake_hash, self.host.dice(32))
        try:
            responder.read_message_untrusted(rekey.noise)
        except ProtocolError:  # of an earlier session
            return
        if not payload:
            old = self.host.channel
            reply = self.host.answer_rekey(rekey)
            self.throw(old.seal(m.encode(m.Rekeyed(reply))))
            return
        message = responder.write_message(payload[:RESP_PAYLOAD].ljust(RESP_PAYLOAD, b"\0"))
        self.seal(m.encode(m.Rekeyed(message)))

    def reset(self, some: bytes) -> None:
        """Tell the peer that its session is gone, with the right token or a wrong one."""
        self.throw(self.host.reset(token=some[:16].ljust(16, b"\0") if some else None))

    def wait(self, some: bytes) -> None:
        """Let time pass."""
        self.take(self.host.wait(seconds(some)))

    def do(self, some: bytes) -> None:
        """Do what a person or script may do."""
        peer, now = self.host.peer, self.host.now
        text = some[1:].decode("utf-8", "replace")
        match (some or b"\0")[0] % 11:
            case 0:
                peer.connect([SERVER, ELSEWHERE], now)
            case 1:
                for wanted in self.host.hashes[-4:]:  # also those that it has long had, or no longer wants
                    peer.supply_hash(wanted, answer(wanted), now)
            case 2:
                peer.join(text[:32] or "ana", PASSWORD, now)
            case 3:
                peer.say(text, now)
            case 4:
                peer.ask_who("", now)
            case 5:
                peer.leave(now)
            case 6:
                peer.poke(now)
            case 7:
                peer.stop()
            case 8:
                to, _, said = text.partition("\0")
                peer.say(said, now, to=to.encode()[:MAX_NAME_BYTES].decode(errors="ignore"))
            case 9:
                peer.rename(text[:32], now)
            case _:
                peer.set_away(text[:MAX_AWAY] or None, now)
        self.take(self.host.take() + self.host.wait(0.0))

    def take(self, sent: Sequence[bytes]) -> Sequence[bytes]:
        """Look at what the peer sends and reports."""
        for data in sent:
            assert len(data) <= MAX_DATAGRAM, "a datagram too long"
            assert data[0] in (HELLO, INIT, DATA), "a datagram that only servers send"
            self._last_init = data if data[0] == INIT else self._last_init
            with contextlib.suppress(ProtocolError):  # of another channel than the host has
                self.host.open([data] if hasattr(self.host, "channel") else [])
        for event in self.host.events:
            self._follow(event)
        self.host.events.clear()
        return sent

    def _follow(self, event: pe.PeerEvent) -> None:
        match event:
            case pe.Admitted(start=start, rewound=rewound, again=again):
                assert self.host.peer.pin == self.host.key, "in the room of a server that is not pinned"
                self._cursor = start if rewound or not again else self._cursor
            case pe.EntryArrived(entry):
                assert entry.seq > self._cursor, "an entry came twice, or out of order"
                self._cursor = entry.seq
            case pe.EntriesGone(gone):
                assert gone.through > self._cursor, "what is gone came twice"
                self._cursor = gone.through
            case _:
                pass


def peer() -> Callable[[bytes], None]:
    """Return the target: a peer, in the state that the first byte says, and a story of what it is told."""

    def run(data: bytes) -> None:
        stage = Stage(data[0] if data else 0)
        doings: tuple[Callable[[bytes], None], ...] = (
            stage.seal,
            stage.throw,
            stage.offer,
            stage.respond,
            stage.welcome,
            stage.renew,
            stage.reset,
            stage.wait,
            stage.do,
            stage.vary,
            stage.propose,
        )
        for what, some in read_steps(data[1:]):
            doings[what % len(doings)](some)
        assert footprint(stage.host.peer) < MAX_KEPT, "the peer keeps more than it may"

    return run
