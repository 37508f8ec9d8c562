"""An attack by somebody who recorded all that passed, and has since got at every key on both disks.

What may be read then is in docs/PROTOCOL.md §4; the rest is to stay closed. The attacker tries whatever can be
computed: each X25519 of a private key that was stolen with a public one that passed or follows from what passed, put in
each place where Noise IK wants one, and every 32 bytes that were seen or computed as the key of each datagram. To show
that he would find it, he is afterwards also given what neither side keeps, the client's ephemeral keys, and opens all.

Even then he has to find the password: he knows its hash, and tries a dictionary that holds it on each proof, with every
scalar he has. So does a false server on the proofs that it was given. To show that they would find it, they are given
the client's scalar, and the right guess beforehand.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import signal
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final
from unittest import mock

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from e2e.relay import Relay, relay_to
from e2e.running import PASSWORD, PATIENCE, Room, conversation, hash_password, key_of, options_for
from prove.attack import Attack, Broken, Found, Run, require
from prove.false_server import FalseServer, Meeting, guessed

from sockatuh.client.password_hash import hash_password as hash_of
from sockatuh.client.session import Conversation
from sockatuh.errors import ProtocolError, Refused
from sockatuh.protocol import messages as m
from sockatuh.protocol import pake
from sockatuh.protocol.constants import DATA, INIT, PROLOGUE, RESP
from sockatuh.protocol.messages import InitPayload, decode_init_payload_untrusted
from sockatuh.protocol.noise import Initiator, Responder, _hkdf, public_key
from sockatuh.protocol.password_proof import _SEAL, Binding, PasswordHash
from sockatuh.protocol.server.tickets import TicketKey, Tickets, password_generation
from sockatuh.store.keys import ServerKeys, load_ticket_keys

NAME: Final = "anastasia"
TEXT: Final = "the soup is served at one"
NEW_PASSWORD: Final = "rain-ladle-nineteen"
WRONG_GUESS: Final = "password1"
DICTIONARY: Final = ("123456", WRONG_GUESS, "letmein", "qwerty", PASSWORD, NEW_PASSWORD)
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
    hashes = [hash_password(), hash_password(NEW_PASSWORD)]
    room = Room(run.directory, hashes[0])
    with _noting() as drawn:
        async with room.serve() as server, relay_to(server.port) as relay:
            ticket = await _meet(relay, None, PASSWORD)
            async with conversation(NAME, relay.port, server.key, ticket=ticket) as talk:
                require((await talk.open(PATIENCE)).resumed, "the ticket was not taken")
                await talk.admitted(PATIENCE)
                await talk.deliver(TEXT, PATIENCE)
                await talk.leave()
            room.password_hash = hashes[1]
            room.configure()
            server.send(signal.SIGHUP)
            await server.wait_for("configuration_reloaded")
            await _meet(relay, server.key, NEW_PASSWORD)
    _require_unreadable(relay, hashes)
    loot = _steal(room, relay)
    payloads = _require_message_1_is_all(loot, Tickets(_ticket_keys(room), password_generation(hashes[0])))
    opened = break_open(loot)
    require(not opened, f"{len(opened)} datagrams were opened with keys that lay on the disks")
    tried = loot.tried
    ephemeral = [each for each in drawn if len(each) == KEY]
    control = break_open(replace(loot, stolen=[*loot.stolen, *ephemeral]))
    texts = b"".join(control)
    require(TEXT.encode() in texts, "the attacker does not know how to open a session")
    for secret in (PASSWORD, NEW_PASSWORD, *hashes):
        require(secret.encode() not in texts, "the password, or its hash, is in what was sent within the channel")
    exchanges = list(_exchanges(loot, control, ephemeral))
    require(len(exchanges) == 2, f"{len(exchanges)} proofs were seen")
    words = 0
    for exchange, password in zip(exchanges, (PASSWORD, NEW_PASSWORD), strict=True):
        words += len(DICTIONARY)
        require(not crack(exchange, loot.stolen, hashes), "the password was found with what lay on the disks")
        found = crack(exchange, ephemeral, hashes)
        require(found == {password.encode()}, "the attacker does not know how to open a proof")
    words += await _judge_false_servers()
    sealed = sum(data[0] == DATA for data in loot.up + loot.down)
    return Found(
        f"{payloads} handshakes, {sealed} datagrams, {tried:,} keys tried; {words} words of dictionaries that hold the"
        " password",
        "0 opened with all keys on both disks; read: the client's public key and message 1, with ticket keys the name "
        f"in the ticket; with the ephemeral keys, which nobody keeps, {len(control)} opened, and the password found in"
        " none, also by who has its hash; a false server learns of a proof whether its one guess was right",
    )


@contextlib.contextmanager
def _noting() -> Iterator[list[bytes]]:
    """Note all random bytes that a client in this process draws."""
    drawn: list[bytes] = []
    real = os.urandom

    def note(count: int) -> bytes:
        drawn.append(real(count))
        return drawn[-1]

    with mock.patch("os.urandom", note):
        yield drawn


async def _meet(relay: Relay, key: bytes | None, password: str) -> bytes:
    """Join with the password, say something, and return the ticket."""
    async with Conversation(options_for(NAME, relay.port, key)) as talk:
        await talk.open(PATIENCE)
        admitted = await talk.join(NAME, password, PATIENCE)
        await talk.deliver(TEXT, PATIENCE)
        await talk.leave()
        return admitted.ticket


def _require_unreadable(relay: Relay, hashes: Sequence[str]) -> None:
    wire = b"".join(relay.up + relay.down)
    for secret in (NAME, PASSWORD, NEW_PASSWORD, TEXT, "soup", *hashes):
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
    require(len(found) == 3 and names == [NAME], f"{len(found)} handshakes, tickets for {names}")
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


# Proofs, with a dictionary.


@dataclass(frozen=True, slots=True)
class Exchange:
    """One proof, and all that is said of it within the channel."""

    binding: Binding
    offer: m.NameValid
    name: str
    proof: bytes


def _exchanges(loot: Loot, opened: Sequence[bytes], ephemeral: Sequence[bytes]) -> Iterator[Exchange]:
    """Find each proof among the messages that were opened, and the session it belongs to."""
    offers, proofs = list[m.NameValid](), list[m.Join]()
    for plain in opened:
        with contextlib.suppress(ProtocolError):
            message = m.decode_client_message_untrusted(plain)
            if isinstance(message, m.Call) and isinstance(message.body, m.Join) and message.body.proof:
                proofs.append(message.body)
        with contextlib.suppress(ProtocolError):
            answer = m.decode_server_message_untrusted(plain)
            if isinstance(answer, m.Answer) and isinstance(answer.body, m.NameValid):
                offers.append(answer.body)
    hashes = [_handshake_hash(loot, init, resp, ephemeral) for init, resp in loot.handshakes()]
    server_key, client_key = public_key(loot.server_private), public_key(key_of(NAME))
    for join, offer in zip(proofs, offers, strict=True):
        for session in hashes:
            exchange = Exchange(Binding(session, server_key, client_key), offer, join.name or "", join.proof or b"")
            if crack(exchange, ephemeral, []):
                yield exchange


def _handshake_hash(loot: Loot, init: bytes, resp: bytes, ephemeral: Sequence[bytes]) -> bytes:
    """Return the hash of a handshake, which can be computed with the client's ephemeral key only."""
    payload = _responder(loot, init).read_message_untrusted(init[INIT_HEADER:])
    for key in ephemeral:
        initiator = Initiator(key_of(NAME), public_key(loot.server_private), PROLOGUE + init[:INIT_HEADER], key)
        if initiator.write_message(payload) == init[INIT_HEADER:]:
            initiator.read_message_untrusted(resp[RESP_HEADER:])
            return initiator.handshake_hash
    raise Broken("no ephemeral key belongs to a handshake")


def crack(exchange: Exchange, scalars: Sequence[bytes], hashes: Sequence[str]) -> set[bytes]:
    """Return the passwords that open with any scalar and the generator of any word, or of a stolen hash."""
    offer, binding = exchange.offer, exchange.binding
    share, tag, sealed = exchange.proof[:KEY], exchange.proof[KEY : KEY + 64], exchange.proof[KEY + 64 :]
    secrets = [hash_of(word.encode(), offer.salt, offer.cost) for word in DICTIONARY]
    points = [binding.point(secret, os.urandom(KEY)) for secret in (*secrets, *(each.encode() for each in hashes))]
    shared = {_exchange(scalar, point) for scalar in scalars for point in (share, offer.share, *points)}
    server, client = pake.Part(offer.share, b""), pake.Part(share, exchange.name.encode())
    found = set()
    for candidate in (*shared, *scalars, *points, share, offer.share, bytes(KEY)):
        key = pake.session_key(binding.session, candidate, server, client)
        if pake.confirmation(binding.session, key, client) == tag:
            seal = hashlib.sha512(_SEAL + binding.session + key).digest()[:KEY]
            padded = ChaCha20Poly1305(seal).decrypt(bytes(12), sealed, tag)
            found.add(padded[1 : 1 + padded[0]])
    return found


async def _judge_false_servers() -> int:
    """Let false servers try the dictionary on the proof each was given; return how many words they tried."""
    for guess, finds in ((WRONG_GUESS, set[bytes]()), (PASSWORD, {PASSWORD.encode()})):
        known = guessed(guess)

        def trick(server: FalseServer, meeting: Meeting, join: m.Join, known: PasswordHash = known) -> m.AnswerBody:
            return m.Refused("password_wrong") if join.proof else server.offer(meeting, NAME, known)

        with FalseServer(trick) as server:
            async with Conversation(options_for(NAME, server.port, None)) as talk:
                await talk.open(PATIENCE)
                with contextlib.suppress(Refused):
                    await talk.join(NAME, PASSWORD, PATIENCE)
            [meeting], [proof] = server.meetings, server.proofs
            [offer] = meeting.offers
            offered = m.NameValid(NAME, 0, offer.share, known.salt, known.cost)
            exchange = Exchange(meeting.binding, offered, NAME, proof)
            scalars = [offer._scalar, meeting.host.private_key, key_of(NAME)]
            found = crack(exchange, scalars, [hash_password()])
            require(found == finds, f"a false server that guessed {guess!r} found {found}")
    return 2 * len(DICTIONARY)


ATTACKS: Final[tuple[Attack, ...]] = (
    Attack(
        "stolen-keys",
        "Somebody who recorded all traffic and later steals every key from both disks, and the password's hash, reads"
        " no name, password or text, and finds no password in a dictionary",
        "record a first join, one by ticket, and one after the password was changed; then try on each datagram every"
        " key that can be computed from server.key, reset.key, ticket.keys and the client's identity, and on each proof"
        " a dictionary that holds the password, also as the false server that it was meant for",
        stolen_keys,
    ),
)
