"""The known answers in vectors.json: ours, by the letter of the document, and complete."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any, Final, get_args

import bcrypt
import msgspec
import pytest
from cpace import CPace, CPaceRole
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from protocol import vectors

from sockatuh.protocol import messages as m
from sockatuh.protocol.channel import Channel

WRITTEN: Final[dict[str, Any]] = json.loads(vectors.FILE.read_text("utf-8"))
DIRECTIONS: Final[dict[str, tuple[Callable[[bytes], Any], str, tuple[int, int]]]] = {
    "from the client": (m.decode_client_message_untrusted, "to the server", (vectors.SERVER_CID, vectors.CLIENT_CID)),
    "from the server": (m.decode_server_message_untrusted, "to the client", (vectors.CLIENT_CID, vectors.SERVER_CID)),
}


def key(name: str) -> bytes:
    return bytes.fromhex(WRITTEN["keys"][name])


def test_what_is_written_is_what_we_send() -> None:
    assert vectors.vectors() == WRITTEN


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_every_datagram_opens_with_the_keys_in_the_file_and_means_what_it_was_made_of(direction: str) -> None:
    decode, key_name, cids = DIRECTIONS[direction]
    channel = Channel(bytes(32), bytes.fromhex(WRITTEN["channel"][key_name]), *cids, 0.0)
    for name, each in WRITTEN[direction].items():
        plaintext = channel.open_untrusted(bytes.fromhex(each["datagram"]))
        assert plaintext == bytes.fromhex(each["plaintext"]), name
        assert m.encode(decode(plaintext)) == plaintext, name


def test_every_message_and_body_of_the_document_is_there() -> None:
    said = [*vectors.client_messages(b"").values(), *vectors.server_messages(b"").values()]
    bodies = [message.body for message in said if isinstance(message, m.Call | m.Answer)]
    kinds = {type(each) for each in (*said, *bodies)}
    assert kinds == {*get_args(m.ClientMessage), *get_args(m.ServerMessage), *get_args(m.CallBody | m.AnswerBody)}


def test_the_datagrams_have_the_sizes_of_the_document() -> None:
    sizes = {name: len(bytes.fromhex(each)) for name, each in WRITTEN["datagrams"].items()}
    assert sizes == {"HELLO": 128, "COOKIE": 64, "INIT": 256, "INIT with a ticket": 512, "RESP": 200, "RESET": 24}


def test_the_cookie_is_the_documents() -> None:
    address = WRITTEN["address"]
    number = int(address["epoch"]).to_bytes(8, "little")
    secret = hashlib.blake2s(number, key=key("cookie master")).digest()
    hashed = bytes.fromhex(address["packed"] + address["nonce"])
    assert hashlib.blake2s(hashed, key=secret, digest_size=16).hexdigest() == address["cookie"]


def test_the_line_and_the_reset_token_are_the_documents() -> None:
    line = WRITTEN["line"]
    hashed = key("client public") + bytes.fromhex(line["stream"]) + int(line["number"]).to_bytes(8, "little")
    assert hashlib.blake2s(hashed, digest_size=16).hexdigest() == line["id"]
    reset = bytes.fromhex(WRITTEN["datagrams"]["RESET"])
    assert hashlib.blake2s(reset[1:8], key=key("reset key"), digest_size=16).digest() == reset[8:]


def test_the_ticket_is_the_documents() -> None:
    ticket = bytes.fromhex(WRITTEN["ticket"]["ticket"])
    generation = hashlib.blake2s(WRITTEN["ticket"]["password hash"].encode()).digest()[:8]
    assert ticket[:16] == key("ticket key id") + key("ticket nonce")
    associated = ticket[:4] + key("client public") + generation
    content = ChaCha20Poly1305(key("ticket key")).decrypt(ticket[4:16], ticket[16:], associated)
    assert msgspec.msgpack.decode(content) == [
        WRITTEN["ticket"]["name"],
        bytes.fromhex(WRITTEN["ticket"]["log_id"]),
        WRITTEN["ticket"]["seq"],
    ]


# The proof of the password, step by step as in §10.

PROVEN: Final[dict[str, Any]] = WRITTEN["proof of the password"]


def value(name: str) -> bytes:
    return bytes.fromhex(PROVEN[name])


def parts(*strings: bytes) -> bytes:
    """Join strings that are shorter than 128 bytes as `lv_cat` does."""
    return b"".join(bytes([len(each)]) + each for each in strings)


def test_the_hash_is_bcrypts_of_the_password() -> None:
    assert bcrypt.hashpw(PROVEN["password"].encode(), PROVEN["hash"].encode()) == value("PRS")
    assert PROVEN["hash"].encode() == value("PRS")
    assert WRITTEN["ticket"]["password hash"] == PROVEN["hash"]
    # bcrypt's base64 has another order of characters, and each number is made of the high bits first.
    order = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    bits = "".join(f"{order.index(char):06b}" for char in PROVEN["hash"][7:29])
    assert int(bits, 2) >> 4 == int.from_bytes(value("salt"), "big")
    assert PROVEN["hash"][4:6] == str(PROVEN["cost"])


def test_the_exchange_belongs_to_the_session_and_to_both_keys() -> None:
    assert PROVEN["sid"] == WRITTEN["channel"]["handshake hash"]
    assert value("CI") == parts(b"sockatuh/1 password", key("server public"), key("client public"))


def multiply(scalar: str, point: str) -> bytes:
    return X25519PrivateKey.from_private_bytes(value(scalar)).exchange(X25519PublicKey.from_public_bytes(value(point)))


def test_the_shares_are_products_of_the_generator_and_meet() -> None:
    assert multiply("ya", "generator") == value("Ya")
    assert multiply("yb", "generator") == value("Yb")
    assert multiply("ya", "Yb") == multiply("yb", "Ya") == value("K")


def test_the_generator_is_the_one_of_another_implementation() -> None:
    theirs = CPace.start(role=CPaceRole.RESPONDER, prs=value("PRS"), sid=value("sid"), ci=value("CI"))
    ours = CPace(role=CPaceRole.INITIATOR, sid=value("sid"), ad=b"", scalar=value("ya"), public_share=value("Ya"))
    ours.derive(theirs.public_share)
    theirs.derive(value("Ya"))
    assert ours.isk == theirs.isk, "their generator, multiplied by our scalar, is our share"


def test_the_keys_and_tags_are_the_documents() -> None:
    server, client = parts(value("Ya"), b""), parts(value("Yb"), PROVEN["name"].encode())
    key_material = parts(b"CPace255_ISK", value("sid"), value("K")) + server + client
    assert hashlib.sha512(key_material).digest() == value("ISK")
    assert hashlib.sha512(b"CPaceMac" + value("sid") + value("ISK")).digest() == value("mac_key")
    assert hmac.digest(value("mac_key"), server, hashlib.sha512) == value("Ta")
    assert hmac.digest(value("mac_key"), client, hashlib.sha512) == value("Tb")
    seal_key = hashlib.sha512(b"sockatuh/1 sealed password" + value("sid") + value("ISK")).digest()[:32]
    assert seal_key == value("seal_key")


def test_the_proof_is_the_documents_and_holds_the_password() -> None:
    password = PROVEN["password"].encode()
    assert value("padded") == bytes([len(password)]) + password + bytes(72 - len(password))
    sealed = ChaCha20Poly1305(value("seal_key")).encrypt(bytes(12), value("padded"), value("Tb"))
    assert sealed == value("sealed")
    assert value("proof") == value("Yb") + value("Tb") + sealed
    assert len(value("proof")) == 185


def plaintext(direction: str, name: str) -> Any:
    return msgspec.msgpack.decode(bytes.fromhex(WRITTEN[direction][name]["plaintext"]))


def test_the_four_messages_of_the_exchange_carry_it() -> None:
    name = PROVEN["name"]
    assert plaintext("from the client", "CALL JOIN, a question about a name") == [1, 1, [1, name, None, 20]]
    assert plaintext("from the client", "CALL JOIN, a request for an offer") == [1, 2, [1, name, b"", None]]
    offer = [17, name, 0, value("Ya"), value("salt"), PROVEN["cost"]]
    assert plaintext("from the server", "ANSWER NAME_VALID") == [16, 2, offer]
    assert plaintext("from the client", "CALL JOIN with a proof") == [1, 3, [1, name, value("proof"), None]]
    number, call, welcome = plaintext("from the server", "ANSWER WELCOME, with a confirmation")
    assert (number, call, welcome[0], welcome[1], welcome[-1]) == (16, 3, 16, name, value("Ta"))
    assert plaintext("from the server", "ANSWER WELCOME")[2][-1] == b"", "by ticket nothing is confirmed"
