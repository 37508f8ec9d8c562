"""An attack by somebody who recorded all that passed, and has since got at every key on both disks.

What may be read then is in docs/PROTOCOL.md §4; the rest is to stay closed. The attacker tries whatever can be
computed: each X25519 of a private key that was stolen with a public one that passed or follows from what passed, put in
each place where Noise IK wants one, and every 32 bytes that were seen or computed as the key of each datagram. To show
that he would find it, he is afterwards also given what neither side keeps, the client's ephemeral keys, and opens all.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final
from unittest import mock

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from e2e.relay import Relay, relay_to
from e2e.running import PASSWORD, PATIENCE, Room, conversation, hash_password, joined, key_of
from prove.attack import Attack, Found, Run, require

from sockatuh.protocol.constants import DATA, INIT, PROLOGUE, RESP
from sockatuh.protocol.messages import InitPayload, decode_init_payload_untrusted
from sockatuh.protocol.noise import Responder, _hkdf, public_key
from sockatuh.protocol.server.tickets import TicketKey, Tickets, password_generation
from sockatuh.store.keys import ServerKeys, load_ticket_keys

NAME: Final = "anastasia"
TEXT: Final = "the soup is served at one"
KEY: Final = 32
INIT_HEADER: Final = 32
RESP_HEADER: Final = 8
DATA_HEADER: Final = 16


@dataclass(slots=True)
class Loot:
    """What the attacker has: a capture, in order, and private keys."""

    up: list[bytes]
    down: list[bytes]
    server_private: bytes
    stolen: list[bytes]
    tried: int = 0

    def handshakes(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield each INIT with the RESP to it."""
        resps = {data[4:8]: data for data in self.down if data[0] == RESP}
        for init in dict.fromkeys(data for data in self.up if data[0] == INIT):
            if init[4:8] in resps:
                yield init, resps[init[4:8]]


async def stolen_keys(run: Run) -> Found:
    password_hash = hash_password()
    room = Room(run.directory, password_hash)
    drawn: list[bytes] = []
    real = os.urandom

    def note(count: int) -> bytes:
        drawn.append(real(count))
        return drawn[-1]

    async with room.serve() as server, relay_to(server.port) as relay:
        with mock.patch("os.urandom", note):
            async with joined(NAME, relay.port, server.key) as member:
                member.say(TEXT)
                await member.until(member.is_answered)
                ticket = member.admitted.ticket
            async with conversation(NAME, relay.port, server.key, ticket=ticket) as talk:
                require((await talk.open(PATIENCE)).resumed, "the ticket was not taken")
                await talk.admitted(PATIENCE)
                await talk.deliver(TEXT, PATIENCE)
                await talk.leave()
    _require_unreadable(relay)
    loot = _steal(room, relay)
    payloads = _require_message_1_is_all(loot, Tickets(_ticket_keys(room), password_generation(password_hash)))
    opened = break_open(loot)
    require(not opened, f"{len(opened)} datagrams were opened with keys that lay on the disks")
    tried = loot.tried
    loot.stolen += [each for each in drawn if len(each) == KEY]
    control = break_open(loot)
    texts = b"".join(control)
    require(PASSWORD.encode() in texts and TEXT.encode() in texts, "the attacker does not know how to open a session")
    sealed = sum(data[0] == DATA for data in loot.up + loot.down)
    return Found(
        f"{payloads} handshakes, {sealed} datagrams, {tried:,} keys tried",
        "0 opened with all keys on both disks; read: the client's public key and message 1, with ticket keys the name "
        f"in the ticket; with the ephemeral keys, which nobody keeps, {len(control)} opened",
    )


def _require_unreadable(relay: Relay) -> None:
    wire = b"".join(relay.up + relay.down)
    for secret in (NAME, PASSWORD, TEXT, "soup"):
        require(secret.encode() not in wire, f"{secret!r} can be read on the wire")


def _ticket_keys(room: Room) -> list[TicketKey]:
    return [TicketKey(*key) for key in load_ticket_keys(room.state_dir)]


def _steal(room: Room, relay: Relay) -> Loot:
    """Take every key that lies on the server's disk, and the client's identity from its own."""
    keys = ServerKeys.load(room.state_dir)
    stolen = [keys.private_key, keys.reset_key, *(each.key for each in _ticket_keys(room)), key_of(NAME)]
    return Loot(relay.up, relay.down, keys.private_key, stolen)


def _require_message_1_is_all(loot: Loot, tickets: Tickets) -> int:
    """Read what the server's key opens, and see that it is what the document says; return how many there were."""
    found: list[InitPayload] = []
    for init, _ in loot.handshakes():
        responder = _responder(loot, init)
        message = responder.read_message_untrusted(init[INIT_HEADER:])
        require(responder.remote_static == public_key(key_of(NAME)), "it is not the client's key that is in message 1")
        require(PASSWORD.encode() not in message and TEXT.encode() not in message, "message 1 holds a secret")
        require(NAME.encode() not in message, "message 1 holds the name")
        found.append(decode_init_payload_untrusted(message))
    sealed = [payload.ticket for payload in found if payload.ticket]
    names = [tickets.open_untrusted(ticket, public_key(key_of(NAME))).name for ticket in sealed]
    require(len(found) == 2 and names == [NAME], f"{len(found)} handshakes, tickets for {names}")
    return len(found)


def _responder(loot: Loot, init: bytes) -> Responder:
    return Responder(loot.server_private, PROLOGUE + init[:INIT_HEADER], bytes(range(KEY)))


# Everything that can be computed.


def break_open(loot: Loot) -> list[bytes]:
    """Return what opens."""
    opened: dict[bytes, bytes] = {}
    sealed = [data for data in (*loot.up, *loot.down) if data[0] == DATA]
    for init, resp in loot.handshakes():
        for key in set(_candidates(loot, init, resp)):
            loot.tried += 1
            cipher = ChaCha20Poly1305(key)
            for data in sealed:
                if (plain := _open(cipher, data)) is not None:
                    opened[data] = plain
    return list(opened.values())


def _candidates(loot: Loot, init: bytes, resp: bytes) -> Iterator[bytes]:
    """Yield every key for DATA that the attacker can think of."""
    responder = _responder(loot, init)
    responder.read_message_untrusted(init[INIT_HEADER:])
    state = responder._state
    publics = [init[INIT_HEADER : INIT_HEADER + KEY], responder.remote_static, resp[RESP_HEADER : RESP_HEADER + KEY]]
    publics += [public_key(private) for private in loot.stolen]
    shared = list(dict.fromkeys(_exchange(a, b) for a in loot.stolen for b in publics))
    known = [state.chaining_key, state.hash, state.key, *loot.stolen, *publics, bytes(KEY)]
    yield from (*known, *shared, *_windows(init), *_windows(resp))
    yield from _split(state.chaining_key)
    for first, second in itertools.product((*shared, *known), repeat=2):
        chaining_key, _ = _hkdf(state.chaining_key, first)
        chaining_key, key = _hkdf(chaining_key, second)
        yield key
        yield from _split(chaining_key)


def _split(chaining_key: bytes) -> tuple[bytes, bytes]:
    return _hkdf(chaining_key, b"")


def _windows(data: bytes) -> Iterable[bytes]:
    return (data[at : at + KEY] for at in range(len(data) - KEY + 1))


def _exchange(private: bytes, public: bytes) -> bytes:
    try:
        return X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError:
        return bytes(KEY)


def _open(cipher: ChaCha20Poly1305, data: bytes) -> bytes | None:
    nonce = bytes(4) + data[8:DATA_HEADER]
    try:
        return cipher.decrypt(nonce, data[DATA_HEADER:], data[:DATA_HEADER])
    except InvalidTag:
        return None


ATTACKS: Final[tuple[Attack, ...]] = (
    Attack(
        "stolen-keys",
        "Somebody who recorded all traffic and later steals every key from both disks reads no name, password or text",
        "record a join with password, and one with a ticket; then try on each datagram every key that can be computed "
        "from server.key, reset.key, ticket.keys and the client's identity",
        stolen_keys,
    ),
)
