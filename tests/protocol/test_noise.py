"""The handshake, compared with `noiseprotocol` and a published vector, and attacked in every way."""

from __future__ import annotations

from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given, settings
from hypothesis import strategies as st
from noise.connection import Keypair, NoiseConnection

from sockatuh.errors import ProtocolError
from sockatuh.protocol.noise import Initiator, Responder, public_key

CLIENT, SERVER = bytes(range(32)), bytes(range(32, 64))
CLIENT_EPHEMERAL, SERVER_EPHEMERAL = bytes(range(64, 96)), bytes(range(96, 128))
PROLOGUE = b"sockatuh/1\0" + bytes(32)

keys = st.binary(min_size=32, max_size=32)
payloads = st.binary(max_size=400)

# Every point of low order on the curve (RFC 7748 §6.1, and the list of cr.yp.to/ecdh.html#validate), with the bit that
# X25519 ignores clear.
LOW_ORDER: Final = (
    bytes(32),
    b"\x01" + bytes(31),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    (2**255 - 20).to_bytes(32, "little"),
    (2**255 - 19).to_bytes(32, "little"),
    (2**255 - 18).to_bytes(32, "little"),
)


def reference(private: bytes, ephemeral: bytes, prologue: bytes, remote_static: bytes | None = None) -> Any:
    """Return the other implementation, as the initiator when it knows a remote static key."""
    connection = NoiseConnection.from_name(b"Noise_IK_25519_ChaChaPoly_BLAKE2s")
    connection.set_prologue(prologue)
    connection.set_keypair_from_private_bytes(Keypair.STATIC, private)
    connection.set_keypair_from_private_bytes(Keypair.EPHEMERAL, ephemeral)
    if remote_static is None:
        connection.set_as_responder()
    else:
        connection.set_keypair_from_public_bytes(Keypair.REMOTE_STATIC, remote_static)
        connection.set_as_initiator()
    # It warns about fixed ephemeral keys, which these tests need.
    with pytest.warns(UserWarning, match="ephemeral"):
        connection.start_handshake()
    return connection


def make_pair() -> tuple[Initiator, Responder]:
    initiator = Initiator(CLIENT, public_key(SERVER), PROLOGUE, CLIENT_EPHEMERAL)
    return initiator, Responder(SERVER, PROLOGUE, SERVER_EPHEMERAL)


def seal(key: bytes, plaintext: bytes, counter: int = 0) -> bytes:
    return ChaCha20Poly1305(key).encrypt(bytes(4) + counter.to_bytes(8, "little"), plaintext, b"")


def test_both_sides_agree_on_payloads_keys_hash_and_identity() -> None:
    initiator, responder = make_pair()
    assert responder.read_message_untrusted(initiator.write_message(b"hello")) == b"hello"
    assert initiator.read_message_untrusted(responder.write_message(b"welcome")) == b"welcome"
    assert responder.remote_static == public_key(CLIENT)
    assert initiator.handshake_hash == responder.handshake_hash
    assert initiator.split() == responder.split()[::-1]
    assert len({*initiator.split(), initiator.handshake_hash}) == 3


def test_the_messages_are_as_much_longer_than_their_payloads_as_the_protocol_says() -> None:
    initiator, responder = make_pair()
    first = initiator.write_message(bytes(128))
    assert len(first) == 256 - 32
    responder.read_message_untrusted(first)
    assert len(responder.write_message(bytes(144))) == 200 - 8


def test_the_transcript_is_byte_for_byte_that_of_noiseprotocol() -> None:
    initiator, responder = make_pair()
    their_initiator = reference(CLIENT, CLIENT_EPHEMERAL, PROLOGUE, public_key(SERVER))
    their_responder = reference(SERVER, SERVER_EPHEMERAL, PROLOGUE)
    first = initiator.write_message(b"first payload")
    assert first == bytes(their_initiator.write_message(b"first payload"))
    responder.read_message_untrusted(first)
    their_responder.read_message(first)
    second = responder.write_message(b"second payload")
    assert second == bytes(their_responder.write_message(b"second payload"))
    initiator.read_message_untrusted(second)
    their_initiator.read_message(second)
    assert initiator.handshake_hash == their_initiator.get_handshake_hash() == their_responder.get_handshake_hash()


@settings(max_examples=20, deadline=None)
@given(static=keys, ephemeral=keys, their_static=keys, their_ephemeral=keys, prologue=payloads, payload=payloads)
def test_our_initiator_understands_their_responder(
    static: bytes, ephemeral: bytes, their_static: bytes, their_ephemeral: bytes, prologue: bytes, payload: bytes
) -> None:
    ours = Initiator(static, public_key(their_static), prologue, ephemeral)
    theirs = reference(their_static, their_ephemeral, prologue)
    assert theirs.read_message(ours.write_message(payload)) == payload
    assert ours.read_message_untrusted(bytes(theirs.write_message(payload[::-1]))) == payload[::-1]
    send_key, receive_key = ours.split()
    assert theirs.decrypt(seal(send_key, payload)) == payload
    assert theirs.encrypt(payload) == seal(receive_key, payload)


@settings(max_examples=20, deadline=None)
@given(static=keys, ephemeral=keys, their_static=keys, their_ephemeral=keys, prologue=payloads, payload=payloads)
def test_our_responder_understands_their_initiator(
    static: bytes, ephemeral: bytes, their_static: bytes, their_ephemeral: bytes, prologue: bytes, payload: bytes
) -> None:
    ours = Responder(static, prologue, ephemeral)
    theirs = reference(their_static, their_ephemeral, prologue, public_key(static))
    assert ours.read_message_untrusted(bytes(theirs.write_message(payload))) == payload
    assert theirs.read_message(ours.write_message(payload[::-1])) == payload[::-1]
    assert ours.remote_static == public_key(their_static)
    send_key, receive_key = ours.split()
    assert theirs.decrypt(seal(send_key, payload)) == payload
    assert theirs.encrypt(payload) == seal(receive_key, payload)


def test_the_published_vector_is_reproduced() -> None:
    # tests/vectors/Noise_IK_25519_ChaChaPoly_BLAKE2s.json of github.com/plizonczyk/noiseprotocol at 19e78f15.
    prologue = bytes.fromhex("50726f6c6f677565313233")
    initiator_static = bytes.fromhex("e61ef9919cde45dd5f82166404bd08e38bceb5dfdfded0a34c8df7ed542214d1")
    initiator_ephemeral = bytes.fromhex("893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a")
    responder_static = bytes.fromhex("4a3acbfdb163dec651dfa3194dece676d437029c62a408b4c5ea9114246e4893")
    responder_public = bytes.fromhex("31e0303fd6418d2f8c0e78b91f22e8caed0fbe48656dcf4767e4834f701b8f62")
    responder_ephemeral = bytes.fromhex("bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b")
    first = bytes.fromhex(
        "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c79440b03ddc7aac5123d06a1b23b71670e32"
        "e76c28239a7ca4ac8f784de7e44c1adb78f2058771dfd4229fbdc85c5fba3b587b1d171ce368229c7b752ac25b8faf4e"
        "7b2fab7326f0d6fa1fdbef58de623245"
    )
    second = bytes.fromhex(
        "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f144808843d9b5a8927f0ac9655ef76833bc7e5526"
        "9c081ec38c61031f76fe15b2aaaad5"
    )
    handshake_hash = bytes.fromhex("45e34c56ca0de9c348e104edcf503035e5559ceed661ac22916f6f171696d994")

    assert public_key(responder_static) == responder_public
    initiator = Initiator(initiator_static, responder_public, prologue, initiator_ephemeral)
    responder = Responder(responder_static, prologue, responder_ephemeral)
    assert initiator.write_message(b"Ludwig von Mises") == first
    assert responder.read_message_untrusted(first) == b"Ludwig von Mises"
    assert responder.write_message(b"Murray Rothbard") == second
    assert initiator.read_message_untrusted(second) == b"Murray Rothbard"
    assert initiator.handshake_hash == responder.handshake_hash == handshake_hash
    to_responder, to_initiator = initiator.split()
    for key, counter, plaintext, ciphertext in (
        (to_responder, 0, b"F. A. Hayek", "2c256ed08fcd08c2980f954ee4beaccb61c9581340f5dd2fd1cf3b"),
        (to_initiator, 0, b"Carl Menger", "d6033f70eee20945c7c9dba304e397ee3b284ff5e00fd9efb095d3"),
        (
            to_responder,
            1,
            b"Jean-Baptiste Say",
            "a9c068ca5d8babf72560652d8e851adbfac35c8a66e810d560863173e96adf4cfe",
        ),
        (
            to_initiator,
            1,
            b"Eugen B\xf6hm von Bawerk",
            "2a09d8f459e5927e40fdd2eddc99bdafb04e13a26f145cb5cfe9e6ba34c94331ebc17d5156",
        ),
    ):
        assert seal(key, plaintext, counter).hex() == ciphertext


def test_a_first_message_with_any_byte_changed_or_missing_is_refused() -> None:
    initiator, responder = make_pair()
    message = initiator.write_message(b"payload")
    for index in range(len(message)):
        with pytest.raises(ProtocolError):
            responder.read_message_untrusted(message[:index] + bytes([message[index] ^ 1]) + message[index + 1 :])
        with pytest.raises(ProtocolError):
            responder.read_message_untrusted(message[:index])
    assert responder.read_message_untrusted(message) == b"payload"


def test_a_second_message_with_any_byte_changed_or_missing_is_refused_and_spoils_nothing() -> None:
    initiator, responder = make_pair()
    responder.read_message_untrusted(initiator.write_message(b""))
    message = responder.write_message(b"payload")
    for index in range(len(message)):
        with pytest.raises(ProtocolError):
            initiator.read_message_untrusted(message[:index] + bytes([message[index] ^ 1]) + message[index + 1 :])
        with pytest.raises(ProtocolError):
            initiator.read_message_untrusted(message[:index])
    assert initiator.read_message_untrusted(message) == b"payload"
    assert initiator.split() == responder.split()[::-1]


@settings(max_examples=50, deadline=None)
@given(junk=st.binary(max_size=600))
def test_any_bytes_are_refused_with_the_one_error(junk: bytes) -> None:
    initiator, responder = make_pair()
    with pytest.raises(ProtocolError):
        responder.read_message_untrusted(junk)
    initiator.write_message(b"")
    with pytest.raises(ProtocolError):
        initiator.read_message_untrusted(junk)


def test_another_prologue_is_refused() -> None:
    initiator, _ = make_pair()
    responder = Responder(SERVER, PROLOGUE + b"!", SERVER_EPHEMERAL)
    with pytest.raises(ProtocolError):
        responder.read_message_untrusted(initiator.write_message(b""))


def test_a_message_for_another_server_is_refused() -> None:
    initiator, _ = make_pair()
    responder = Responder(CLIENT, PROLOGUE, SERVER_EPHEMERAL)
    with pytest.raises(ProtocolError):
        responder.read_message_untrusted(initiator.write_message(b""))


@pytest.mark.parametrize("point", LOW_ORDER, ids=lambda point: point.hex()[:8])
def test_points_of_low_order_are_refused_wherever_they_come(point: bytes) -> None:
    with pytest.raises(ProtocolError, match="low order"):
        Initiator(CLIENT, point, PROLOGUE, CLIENT_EPHEMERAL).write_message(b"")
    initiator, responder = make_pair()
    first = initiator.write_message(b"")
    with pytest.raises(ProtocolError, match="low order"):
        responder.read_message_untrusted(point + first[32:])
    with pytest.raises(ProtocolError, match="low order"):
        initiator.read_message_untrusted(point + bytes(16))
