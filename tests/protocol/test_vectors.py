"""The known answers in vectors.json: ours, by the letter of the document, and complete."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any, Final, get_args

import msgspec
import pytest
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
