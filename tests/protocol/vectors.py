"""Known answers for every datagram and message of docs/PROTOCOL.md, from fixed keys, for a second implementation.

They stand in vectors.json, bytes in hexadecimal; `python -m protocol.vectors` in tests/ prints them anew. A change of
what is there already breaks every client in the world: it wants another version of the protocol.
"""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path
from typing import Any, Final

import msgspec

from sockatuh.protocol import messages as m
from sockatuh.protocol import pake
from sockatuh.protocol.channel import Channel
from sockatuh.protocol.constants import COOKIE, EPOCH_SECONDS, HELLO, HELLO_SIZE, INIT, PROLOGUE, RESET, RESP, VERSION
from sockatuh.protocol.datagrams import COOKIE_STRUCT, HELLO_STRUCT, INIT_STRUCT, RESP_STRUCT, line_id, reset_token
from sockatuh.protocol.identity import Invite, fingerprint, tag, words
from sockatuh.protocol.noise import Initiator, Responder, public_key
from sockatuh.protocol.password_proof import CPACE_OVER_BCRYPT, Binding, Offer, PasswordHash, prove_untrusted
from sockatuh.protocol.server.cookie import CookieJar
from sockatuh.protocol.server.tickets import Ticket, TicketKey, Tickets, password_generation

FILE: Final = Path(__file__).with_name("vectors.json")


def fixed(what: str, size: int = 32) -> bytes:
    """Return bytes that are as good as random, and the same for ever."""
    return hashlib.shake_256(what.encode()).digest(size)


SERVER, CLIENT = fixed("server"), fixed("client")
ADDRESS: Final = bytes(10) + b"\xff\xff\xc0\xa8\x01\x14" + (40_000).to_bytes(2, "little")
"""192.168.1.20, port 40000, as a cookie sees it."""
EPOCH: Final = 300
NONCE, STREAM, TOKEN = fixed("nonce", 8), fixed("stream", 8), fixed("token", 8)
CLIENT_CID, SERVER_CID = 0x01020304, 0x05060708090A0B
NEW_CLIENT_CID, NEW_SERVER_CID = 0x11121314, 0x15161718191A1B
LOG_ID, RESET_KEY = fixed("log", 16), fixed("reset")
NAME: Final = "ana"
PASSWORD: Final = "correct horse battery"
PASSWORD_HASH: Final = "$2b$10$HVAF7RDoGEc6Q23VxJkGjupo2fKMcx.UM25DCv0nCcLal2ii7c9LW"
ENTRY: Final = m.Entry(7, 1_700_000_000_000, m.MESSAGE, "ana", "sopnya jam satu", fixed("mark", 6), "AbCdEfGh")
UNSHOWN: Final = m.Unshown(4, 3)
NODES: Final = ("192.168.1.3:7625", "[fe80::2]:7625")
PRIVATE: Final = m.Entry(
    9, 1_700_000_000_002, m.PRIVATE, "ana", "kunci di bawah keset", fixed("mark", 6), "AbCdEfGh", "budi"
)
RENAMED: Final = m.Entry(10, 1_700_000_000_003, m.RENAMED, "budi", "budiman", b"", "AbCdEfGh")
STRUCK: Final = m.Entry(11, 1_700_000_000_004, m.STRUCK, "ana", tag="AbCdEfGh", line=7, line_at=1_700_000_000_000)
OFFICIAL: Final = m.Entry(12, 1_700_000_000_005, m.MESSAGE, "admin", "server pindah jam lima", official=True)
JOINED: Final = m.Entry(8, 1_700_000_000_001, m.JOINED, "budi", "secure", b"", "AbCdEfGh")
CHANGES: Final = (
    m.Change("ana", "AbCdEfGh", m.CONTACT_LOST),
    m.Change("budi", "", m.GONE),
    m.Change("citra", "AbCdEfGh", m.AWAY, "makan siang"),
)
PLAIN: Final = m.InitPayload("sockatuh 0.1", STREAM, 0, None, 0, None)
PARAMETERS: Final = m.RespPayload(SERVER_CID, 25, 80, 16_384, 100, reset_token(RESET_KEY, SERVER_CID), "dapur", False)


def _ticket(name: str = "ana") -> bytes:
    key = TicketKey(fixed("ticket id", 4), fixed("ticket key"))
    tickets = Tickets([key], password_generation(PASSWORD_HASH))
    return tickets.seal(Ticket(name, LOG_ID, 4321), public_key(CLIENT), _counted("ticket nonce"))


def _counted(what: str) -> Any:
    return lambda size: fixed(what, size)


class Shaken:
    """One handshake: what was sent, and both ends of the channel."""

    def __init__(self, what: str, prologue: bytes, payload: bytes, answer: bytes, cids: tuple[int, int]) -> None:
        initiator = Initiator(CLIENT, public_key(SERVER), prologue, fixed(f"{what} client ephemeral"))
        responder = Responder(SERVER, prologue, fixed(f"{what} server ephemeral"))
        self.first = initiator.write_message(payload)
        assert responder.read_message_untrusted(self.first) == payload
        self.second = responder.write_message(answer)
        assert initiator.read_message_untrusted(self.second) == answer
        self.keys, self.hash = initiator.split(), initiator.handshake_hash
        self.client = Channel(*self.keys, *cids, 0.0)
        self.server = Channel(*self.keys[::-1], *cids[::-1], 0.0)


class Proven:
    """One exchange that proves the password, in the session of the first handshake: its messages and its keys."""

    def __init__(self, session: bytes) -> None:
        self.known = PasswordHash.parse(PASSWORD_HASH)
        self.binding = Binding(session, public_key(SERVER), public_key(CLIENT))
        offer = Offer(self.known, self.binding, _counted("server scalar"))
        password = PASSWORD.encode()
        proof = prove_untrusted(offer.share, self.known.text, password, NAME, self.binding, _counted("client scalar"))
        opened = offer.open_untrusted(proof.encoded, NAME)
        assert opened is not None
        assert opened.password == password
        assert proof.is_answered_by(opened.confirmation)
        self.share, self.proof, self.confirmation = offer.share, proof.encoded, opened.confirmation

    @property
    def name_valid(self) -> m.NameValid:
        """The server's offer."""
        return m.NameValid(NAME, CPACE_OVER_BCRYPT, self.share, self.known.salt, self.known.cost)

    def written(self) -> dict[str, Any]:
        """Return all that both sides derive, by the names of the document."""
        session, proof = self.binding.session, self.proof
        server, client = pake.Part(self.share, b""), pake.Part(proof[:32], NAME.encode())
        secret_point = pake.multiply(fixed("server scalar"), client.share)
        key = pake.session_key(session, secret_point, server, client)
        return {
            "name": NAME,
            "password": PASSWORD,
            "hash": PASSWORD_HASH,
            "salt": self.known.salt.hex(),
            "cost": self.known.cost,
            "PRS": self.known.text.hex(),
            "CI": pake.lv_cat(b"sockatuh/1 password", public_key(SERVER), public_key(CLIENT)).hex(),
            "sid": session.hex(),
            "generator": self.binding.point(self.known.text, bytes(32)).hex(),
            "ya": fixed("server scalar").hex(),
            "yb": fixed("client scalar").hex(),
            "Ya": self.share.hex(),
            "Yb": client.share.hex(),
            "K": secret_point.hex(),
            "ISK": key.hex(),
            "mac_key": hashlib.sha512(b"CPaceMac" + session + key).hexdigest(),
            "Ta": self.confirmation.hex(),
            "Tb": proof[32:96].hex(),
            "seal_key": hashlib.sha512(b"sockatuh/1 sealed password" + session + key).hexdigest()[:64],
            "padded": (bytes([len(PASSWORD)]) + PASSWORD.encode()).ljust(73, b"\0").hex(),
            "sealed": proof[96:].hex(),
            "proof": proof.hex(),
        }


def first_handshake() -> Shaken:
    """Return the handshake of a client without a ticket; all messages are sent in its session."""
    payload, answer = m.pad_payload(PLAIN, 128), m.pad_payload(PARAMETERS, 144)
    return Shaken("first", PROLOGUE + _init_header(), payload, answer, (CLIENT_CID, SERVER_CID))


@functools.cache
def proven() -> Proven:
    """Return the exchange in the session of the first handshake."""
    return Proven(first_handshake().hash)


def client_messages(rekey: bytes) -> dict[str, m.ClientMessage]:
    """Return one or more of each message of a client."""
    return {
        "CALL JOIN, a question about a name": m.Call(1, m.Join(NAME, None, 20)),
        "CALL JOIN, a request for an offer": m.Call(2, m.Join(NAME, b"", None)),
        "CALL JOIN with a proof": m.Call(3, m.Join(NAME, proven().proof, None)),
        "CALL JOIN with the ticket": m.Call(3, m.Join(None, None, None)),
        "CALL WHO": m.Call(4, m.Who("ana")),
        "CALL LEAVE": m.Call(5, m.Leave()),
        "CALL RENAME": m.Call(6, m.Rename("ana_maria")),
        "CALL AWAY": m.Call(7, m.Away("makan siang")),
        "CALL AWAY, back": m.Call(8, m.Away(None)),
        "CALL STRIKE": m.Call(9, m.Strike(7)),
        "SAY": m.Say(1, 1, False, 0, 1, "Kopi? ☕".encode()),
        "SAY, the second part of three, of an action": m.Say(300, 290, True, 1, 3, b"x" * 32),
        "SAY, the first part of two, of a private line": m.Say(301, 290, False, 0, 2, b"x" * 32, "budi"),
        "ACK": m.Ack(70_000),
        "GET": m.Get(7, 4_294_967_296),
        "PING": m.Ping(TOKEN),
        "PATH_RESPONSE": m.PathResponse(TOKEN),
        "REKEY": m.Rekey(NEW_CLIENT_CID, rekey),
    }


def server_messages(rekeyed: bytes) -> dict[str, m.ServerMessage]:
    """Return one or more of each message of a server."""
    member = m.MemberInfo("ana", tag(public_key(CLIENT)), "secure", True, 1_700_000_000_000)
    away = m.MemberInfo("budi", "AbCdEfGh", "secure", True, 1_700_000_000_001, m.MEMBER, "makan siang")
    items = tuple(msgspec.Raw(m.encode(item)) for item in (UNSHOWN, ENTRY, JOINED, PRIVATE, RENAMED, STRUCK, OFFICIAL))
    return {
        "ANSWER WELCOME": m.Answer(1, m.Welcome("ana", LOG_ID, 5, 8, _ticket())),
        "ANSWER WELCOME, with further addresses": m.Answer(1, m.Welcome("ana", LOG_ID, 5, 8, _ticket(), NODES)),
        "ANSWER WELCOME, with a confirmation": m.Answer(
            3, m.Welcome(NAME, LOG_ID, 5, 8, _ticket(), (), proven().confirmation)
        ),
        "ANSWER NAME_VALID": m.Answer(2, proven().name_valid),
        "ANSWER REFUSED": m.Answer(3, m.Refused("name_taken", 0, "Ana", "", "Mf3Kd81x", 1_763_800_000_000)),
        "ANSWER REFUSED with a suggestion": m.Answer(3, m.Refused("name_invalid", 0, "one word", "ana_maria")),
        "ANSWER REFUSED with a wait": m.Answer(3, m.Refused("password_wait", 5_000, "")),
        "ANSWER REFUSED of somebody banned": m.Answer(3, m.Refused("banned", 86_400_000, "flooding")),
        "ANSWER MEMBERS": m.Answer(4, m.Members((member, away), False)),
        "ANSWER GOODBYE": m.Answer(5, m.Goodbye()),
        "ANSWER NAME_CHANGED": m.Answer(6, m.NameChanged("ana_maria", _ticket("ana_maria"), 41)),
        "ANSWER NOTED": m.Answer(7, m.Noted()),
        "STORED": m.Stored(((1, 9), (2, 10))),
        "UNSAID": m.Unsaid(3, "text_empty"),
        "UNSAID, a private line to nobody": m.Unsaid(4, "no_such_name"),
        "UNSAID, of somebody muted": m.Unsaid(5, "muted", 600_000, "flooding"),
        "PROGRESS": m.Progress(4, 4, 0b101, 1_500),
        "ENTRIES": m.Entries(3, 12, True, items),
        "ENTRY_PART": m.EntryPart(9, 1, 3, b"x" * 32, False),
        "HEAD": m.Head(70_000),
        "PONG": m.Pong(TOKEN, 8, 3),
        "PATH_CHALLENGE": m.PathChallenge(TOKEN),
        "REKEYED": m.Rekeyed(rekeyed),
        "CLOSED": m.Closed("restarting", 250),
        "CLOSED, of somebody removed": m.Closed("kicked", 60_000, "flooding"),
        "PRESENCE": m.Presence(301, CHANGES),
    }


def _cookie() -> tuple[int, bytes]:
    """Return the low byte of the epoch's number, and the cookie."""
    return CookieJar(fixed("cookie master")).create(ADDRESS, NONCE, EPOCH * EPOCH_SECONDS)


def _init_header() -> bytes:
    epoch, cookie = _cookie()
    return INIT_STRUCT.pack(INIT, VERSION, epoch, 0, CLIENT_CID, NONCE, cookie)


def vectors() -> dict[str, Any]:
    """Return all of them, as they stand in the file."""
    epoch, cookie = _cookie()
    header, plain, resp = _init_header(), PLAIN, PARAMETERS
    returning = m.InitPayload("sockatuh 0.1", STREAM, m.FLAG_SCRIPT, LOG_ID, 5, _ticket())
    first = first_handshake()
    again = Shaken(
        "again", PROLOGUE + header, m.pad_payload(returning, 384), m.pad_payload(resp, 144), (CLIENT_CID, SERVER_CID)
    )
    new = msgspec.structs.replace(
        resp, server_cid=NEW_SERVER_CID, reset_token=reset_token(RESET_KEY, NEW_SERVER_CID), resumed=True
    )
    renewed = Shaken("renewed", PROLOGUE + first.hash, b"", m.pad_payload(new, 144), (NEW_CLIENT_CID, NEW_SERVER_CID))
    return {
        "keys": _keys(),
        "address": {"packed": ADDRESS.hex(), "epoch": EPOCH, "nonce": NONCE.hex(), "cookie": cookie.hex()},
        "datagrams": {
            "HELLO": HELLO_STRUCT.pack(HELLO, VERSION, 0, NONCE).ljust(HELLO_SIZE, b"\0").hex(),
            "COOKIE": COOKIE_STRUCT.pack(COOKIE, VERSION, epoch, 0, NONCE, cookie, public_key(SERVER), 0, 0).hex(),
            "INIT": (header + first.first).hex(),
            "INIT with a ticket": (header + again.first).hex(),
            "RESP": (RESP_STRUCT.pack(RESP, VERSION, 0, CLIENT_CID) + first.second).hex(),
            "RESET": (bytes([RESET]) + SERVER_CID.to_bytes(7, "little") + reset_token(RESET_KEY, SERVER_CID)).hex(),
        },
        "payloads": {
            "INIT": m.encode(plain).hex(),
            "INIT with a ticket": m.encode(returning).hex(),
            "RESP": m.encode(resp).hex(),
            "REKEYED": m.encode(new).hex(),
        },
        "channel": _channel(first),
        "renewed channel": _channel(renewed),
        "from the client": _sealed(first.client, client_messages(renewed.first)),
        "from the server": _sealed(first.server, server_messages(renewed.second)),
        "proof of the password": proven().written(),
        "entries": {
            "message": m.encode(ENTRY).hex(),
            "joined": m.encode(JOINED).hex(),
            "unshown": m.encode(UNSHOWN).hex(),
            "private": m.encode(PRIVATE).hex(),
            "renamed": m.encode(RENAMED).hex(),
        },
        "line": {"stream": STREAM.hex(), "number": 7, "id": line_id(public_key(CLIENT), STREAM, 7).hex()},
        "ticket": {
            "name": "ana",
            "log_id": LOG_ID.hex(),
            "seq": 4321,
            "password hash": PASSWORD_HASH,
            "ticket": _ticket().hex(),
        },
        "server key, for people": {
            "fingerprint": fingerprint(public_key(SERVER)),
            "tag": tag(public_key(SERVER)),
            "words": " ".join(words(public_key(SERVER))),
            "invite": Invite("192.168.1.20", 7625, "dapur ☕", public_key(SERVER)).encode(),
            "invite, IPv6": Invite("fe80::1", 7625, "dapur", public_key(SERVER)).encode(),
            "invite, nodes": Invite("box.lan", 7625, "dapur", public_key(SERVER), (("fe80::1", 7625),)).encode(),
        },
    }


def _keys() -> dict[str, str]:
    return {
        "server private": SERVER.hex(),
        "server public": public_key(SERVER).hex(),
        "client private": CLIENT.hex(),
        "client public": public_key(CLIENT).hex(),
        **{
            f"{what} {side} ephemeral private": fixed(f"{what} {side} ephemeral").hex()
            for what in ("first", "again", "renewed")
            for side in ("client", "server")
        },
        "cookie master": fixed("cookie master").hex(),
        "reset key": RESET_KEY.hex(),
        "ticket key id": fixed("ticket id", 4).hex(),
        "ticket key": fixed("ticket key").hex(),
        "ticket nonce": fixed("ticket nonce", 12).hex(),
    }


def _channel(shaken: Shaken) -> dict[str, str]:
    to_server, to_client = shaken.keys
    return {"handshake hash": shaken.hash.hex(), "to the server": to_server.hex(), "to the client": to_client.hex()}


def _sealed(channel: Channel, messages: Any) -> dict[str, dict[str, str]]:
    plaintexts = {name: m.encode(message) for name, message in messages.items()}
    return {name: {"plaintext": text.hex(), "datagram": channel.seal(text).hex()} for name, text in plaintexts.items()}


if __name__ == "__main__":
    print(json.dumps(vectors(), indent=1, ensure_ascii=False))
