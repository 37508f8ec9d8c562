"""Channels: what one end seals only the other end opens, and only once."""

from __future__ import annotations

import struct

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given, settings
from hypothesis import strategies as st

from sockatuh.errors import ProtocolError
from sockatuh.protocol.channel import Channel, ChannelExhausted
from sockatuh.protocol.constants import (
    COUNTER_LIMIT,
    DATA,
    MAX_DATAGRAM,
    MAX_PLAINTEXT,
    MIN_DATA,
    REKEY_DATAGRAMS,
    REPLAY_WINDOW,
)
from sockatuh.protocol.datagrams import receiver_cid_of

UP, DOWN = bytes(range(32)), bytes(range(32, 64))
CLIENT_CID, SERVER_CID = 0xC1C2C3C4, 0x51525354555657


def make_pair() -> tuple[Channel, Channel]:
    client = Channel(UP, DOWN, receive_cid=CLIENT_CID, send_cid=SERVER_CID, opened_at=0.0)
    server = Channel(DOWN, UP, receive_cid=SERVER_CID, send_cid=CLIENT_CID, opened_at=0.0)
    return client, server


def sealed_with(key: bytes, cid: int, counter: int, plaintext: bytes = b"x") -> bytes:
    """Return a DATA datagram made as the protocol specifies."""
    header = bytes([DATA]) + cid.to_bytes(7, "little") + counter.to_bytes(8, "little")
    return header + ChaCha20Poly1305(key).encrypt(bytes(4) + header[8:], plaintext, header)


def test_both_directions_carry_what_was_sealed() -> None:
    client, server = make_pair()
    assert server.open_untrusted(client.seal(b"to the server")) == b"to the server"
    assert client.open_untrusted(server.seal(b"to the client")) == b"to the client"


def test_datagrams_are_laid_out_as_the_protocol_says_and_counters_start_at_zero() -> None:
    client, _ = make_pair()
    for counter in range(3):
        assert client.seal(b"hello") == sealed_with(UP, SERVER_CID, counter, b"hello")


def test_the_connection_ids_are_those_given() -> None:
    client, _ = make_pair()
    assert (client.receive_cid, client.send_cid) == (CLIENT_CID, SERVER_CID)
    assert receiver_cid_of(client.seal(b"x")) == SERVER_CID


@settings(max_examples=50, deadline=None)
@given(junk=st.binary(max_size=40))
def test_the_id_of_any_bytes_can_be_asked(junk: bytes) -> None:
    assert 0 <= receiver_cid_of(junk) < 2**56


def test_the_longest_plaintext_fills_a_datagram_and_the_shortest_has_the_least_size() -> None:
    client, server = make_pair()
    longest = client.seal(bytes(MAX_PLAINTEXT))
    assert len(longest) == MAX_DATAGRAM
    assert server.open_untrusted(longest) == bytes(MAX_PLAINTEXT)
    assert len(client.seal(b"x")) == MIN_DATA


@pytest.mark.parametrize("size", [0, MAX_PLAINTEXT + 1])
def test_a_plaintext_that_no_datagram_can_carry_is_a_mistake_of_the_caller(size: int) -> None:
    client, _ = make_pair()
    with pytest.raises(ValueError, match="plaintext"):
        client.seal(bytes(size))


def test_a_datagram_opens_once() -> None:
    client, server = make_pair()
    datagram = client.seal(b"once")
    server.open_untrusted(datagram)
    with pytest.raises(ProtocolError, match="seen before"):
        server.open_untrusted(datagram)


def test_datagrams_open_in_any_order_within_the_window() -> None:
    client, server = make_pair()
    datagrams = [client.seal(bytes([n % 250])) for n in range(REPLAY_WINDOW + 1)]
    server.open_untrusted(datagrams[-1])
    assert [server.open_untrusted(datagram)[0] for datagram in reversed(datagrams[1:4])] == [3, 2, 1]
    with pytest.raises(ProtocolError):
        server.open_untrusted(datagrams[0])


def test_only_the_highest_counter_so_far_is_the_newest() -> None:
    client, server = make_pair()
    first, second, third = (client.seal(b"x") for _ in range(3))
    assert not server.is_newest
    for datagram, newest in ((second, True), (first, False), (third, True)):
        server.open_untrusted(datagram)
        assert server.is_newest is newest


def test_a_datagram_with_any_byte_changed_or_missing_is_refused_and_moves_nothing() -> None:
    client, server = make_pair()
    datagram = client.seal(b"payload")
    for index in range(len(datagram)):
        with pytest.raises(ProtocolError):
            server.open_untrusted(datagram[:index] + bytes([datagram[index] ^ 0x80]) + datagram[index + 1 :])
        with pytest.raises(ProtocolError):
            server.open_untrusted(datagram[:index])
    assert server.open_untrusted(datagram) == b"payload"


@given(junk=st.binary(max_size=1300), counter=st.integers(0, 2**64 - 1), addressed=st.booleans())
def test_any_bytes_are_refused_with_the_one_error(junk: bytes, counter: int, addressed: bool) -> None:
    _, server = make_pair()
    header = struct.pack("<QQ", DATA | SERVER_CID << 8, counter) if addressed else b""
    with pytest.raises(ProtocolError):
        server.open_untrusted(header + junk)


def test_a_datagram_for_another_connection_or_back_to_its_sender_is_refused() -> None:
    client, server = make_pair()
    with pytest.raises(ProtocolError):
        server.open_untrusted(sealed_with(UP, SERVER_CID + 1, 0))
    with pytest.raises(ProtocolError):
        client.open_untrusted(client.seal(b"x"))


def test_the_last_counter_opens_and_the_one_after_it_does_not() -> None:
    _, server = make_pair()
    with pytest.raises(ProtocolError):
        server.open_untrusted(sealed_with(UP, SERVER_CID, COUNTER_LIMIT))
    assert server.open_untrusted(sealed_with(UP, SERVER_CID, COUNTER_LIMIT - 1)) == b"x"


def test_a_channel_is_dead_after_its_last_counter() -> None:
    client, server = make_pair()
    client._counter = COUNTER_LIMIT - 1
    assert not client.exhausted
    assert server.open_untrusted(client.seal(b"last")) == b"last"
    assert client.exhausted
    with pytest.raises(ChannelExhausted):
        client.seal(b"one more")


def test_a_channel_wants_new_keys_when_it_is_old() -> None:
    channel = Channel(UP, DOWN, CLIENT_CID, SERVER_CID, opened_at=100.0)
    assert not channel.wants_rekey(now=3699.9, after=3600.0)
    assert channel.wants_rekey(now=3700.0, after=3600.0)


def test_a_channel_wants_new_keys_when_it_has_sent_much() -> None:
    client, _ = make_pair()
    client._counter = REKEY_DATAGRAMS - 1
    assert not client.wants_rekey(now=1.0, after=3600.0)
    client.seal(b"x")
    assert client.wants_rekey(now=1.0, after=3600.0)


def test_sealing_for_many_is_sealing_for_each() -> None:
    plaintexts = [b"first", b"second"]
    together = Channel.seal_for_each([end for end, _ in (make_pair(), make_pair())], plaintexts)
    client, server = make_pair()
    apart = [client.seal(plaintext) for plaintext in plaintexts]
    assert together == apart * 2
    (end, _) = make_pair()
    Channel.seal_for_each([end], plaintexts)
    assert end.seal(b"third") == client.seal(b"third"), "no counter is used twice"
    assert [server.open_untrusted(datagram) for datagram in apart] == plaintexts


def test_nothing_is_sealed_for_many_that_is_not_sealed_for_one() -> None:
    client, _ = make_pair()
    for wrong in (b"", bytes(MAX_PLAINTEXT + 1)):
        with pytest.raises(ValueError, match="plaintexts"):
            Channel.seal_for_each([client], [b"x", wrong])
    client._counter = COUNTER_LIMIT - 1
    with pytest.raises(ChannelExhausted):
        Channel.seal_for_each([client], [b"last", b"one more"])


@settings(max_examples=50, deadline=None)
@given(order=st.lists(st.integers(0, 19), max_size=60))
def test_loss_doubling_and_reordering_let_each_datagram_in_at_most_once(order: list[int]) -> None:
    client, server = make_pair()
    datagrams = [client.seal(bytes([n])) for n in range(20)]
    opened: list[int] = []
    for index in order:
        try:
            opened += server.open_untrusted(datagrams[index])
        except ProtocolError:
            assert index in opened
    assert sorted(opened) == sorted(set(order))
