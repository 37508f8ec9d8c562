"""Fingerprints, words, passphrases and invites."""

from __future__ import annotations

import base64
import hashlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mnemonic import Mnemonic

from sockatuh.errors import ProtocolError
from sockatuh.protocol.constants import MAX_NODES, MAX_ROOM_BYTES
from sockatuh.protocol.identity import Invite, fingerprint, passphrase, tag, words

KEY = bytes(range(32))
KEY_TEXT = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
INVITE = f"sockatuh://192.168.1.20:7625/kitchen-pi#k={KEY_TEXT}"


def test_a_fingerprint_is_what_ssh_would_print() -> None:
    assert fingerprint(KEY) == base64.b64encode(hashlib.sha256(KEY).digest()).decode()[:43]
    assert "=" not in fingerprint(KEY)


def test_a_tag_is_the_beginning_of_the_fingerprint() -> None:
    assert len(tag(KEY)) == 8
    assert fingerprint(KEY).startswith(tag(KEY))


def test_the_words_are_88_bits_of_the_hash_from_the_left() -> None:
    word_list = Mnemonic("english").wordlist
    bits = "".join(f"{word_list.index(word):011b}" for word in words(KEY))
    assert bits == "".join(f"{byte:08b}" for byte in hashlib.blake2s(KEY).digest()[:11])


def test_the_words_of_a_key_stay_the_same_for_ever() -> None:
    assert " ".join(words(KEY)) == "airport bargain limit quiz tennis hire rookie observe"


def test_a_passphrase_is_so_many_words_joined_by_hyphens() -> None:
    parts = passphrase(random.Random(1).randbytes).split("-")
    assert len(parts) == 4
    assert set(parts) <= set(Mnemonic("english").wordlist)
    assert len(passphrase(random.Random(1).randbytes, count=7).split("-")) == 7


def test_every_word_of_a_passphrase_is_as_likely_as_every_other() -> None:
    everything = b"".join(value.to_bytes(2, "big") for value in range(1 << 16))
    chunks = iter(everything[index : index + 2] for index in range(0, len(everything), 2))
    drawn = passphrase(lambda _: next(chunks), count=1 << 16).split("-")
    assert sorted(drawn) == sorted(Mnemonic("english").wordlist * 32)


def test_an_invite_is_written_as_the_protocol_says() -> None:
    assert Invite("192.168.1.20", 7625, "kitchen-pi", KEY).encode() == INVITE
    assert Invite.parse_untrusted(INVITE) == Invite("192.168.1.20", 7625, "kitchen-pi", KEY)


@pytest.mark.parametrize(
    ("invite", "beginning"),
    [
        (Invite("fe80::1", 1, "r", KEY), "sockatuh://[fe80::1]:1/r#k="),
        (Invite("fe80::1%eth0", 1, "r", KEY), "sockatuh://[fe80::1%25eth0]:1/r#k="),
        (Invite("box.lan", 1, "the room / #1?", KEY), "sockatuh://box.lan:1/the%20room%20%2F%20%231%3F#k="),
        (Invite("box.lan", 1, "dapur☕", KEY), "sockatuh://box.lan:1/dapur%E2%98%95#k="),
        (Invite("box.lan", 65535, "", KEY), "sockatuh://box.lan:65535/#k="),
        (Invite("box.lan", 1, "r", KEY, (("10.0.0.2", 2),)), "sockatuh://box.lan:1/r?n=10.0.0.2:2#k="),
        (
            Invite("box.lan", 1, "?n=", KEY, (("fe80::1%eth0", 2), ("a,b&c", 3))),
            "sockatuh://box.lan:1/%3Fn%3D?n=[fe80::1%25eth0]:2,a%2Cb%26c:3#k=",
        ),
    ],
)
def test_brackets_and_percent_signs_stand_where_they_must(invite: Invite, beginning: str) -> None:
    assert invite.encode() == beginning + KEY_TEXT
    assert Invite.parse_untrusted(invite.encode()) == invite


hosts = st.one_of(
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(str),
    st.text("abcdefghijklmnopqrstuvwxyz0123456789-.äß", min_size=1, max_size=40),
)
# Characters with a meaning in a URI, in percent-encoding or to a terminal.
strange = "aZ0 /?#k=%41&+[]:@\\é☕👩\u200d\x1b\n\x00"
rooms = st.text(strange, max_size=64).filter(lambda room: len(room.encode()) <= MAX_ROOM_BYTES)


ports = st.integers(1, 65535)
nodes = st.lists(st.tuples(hosts, ports), max_size=MAX_NODES).map(tuple)


@given(host=hosts, port=ports, room=rooms, key=st.binary(min_size=32, max_size=32), nodes=nodes)
def test_every_invite_comes_back_from_its_text(
    host: str, port: int, room: str, key: bytes, nodes: tuple[tuple[str, int], ...]
) -> None:
    invite = Invite(host, port, room, key, nodes)
    assert Invite.parse_untrusted(invite.encode()) == invite


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "begins with sockatuh://"),
        ("http://box:1/r#k=" + KEY_TEXT, "begins with sockatuh://"),
        ("sockatuh://box:1/r", "43 characters"),
        ("sockatuh://box:1/r#k=" + KEY_TEXT[:-1], "43 characters"),
        ("sockatuh://box:1/r#k=" + KEY_TEXT + "\n", "43 characters"),
        ("sockatuh://box:1/r#k=" + KEY_TEXT[:-1] + "+", "43 characters"),
        ("sockatuh://box:1#k=" + KEY_TEXT, "room's name"),
        ("sockatuh://box/r#k=" + KEY_TEXT, "host:port"),
        ("sockatuh://:1/r#k=" + KEY_TEXT, "host:port"),
        ("sockatuh://fe80::1:1/r#k=" + KEY_TEXT, "host:port"),
        ("sockatuh://[box]:1/r#k=" + KEY_TEXT, "host:port"),
        ("sockatuh://box:٣/r#k=" + KEY_TEXT, "host:port"),
        ("sockatuh://box:0/r#k=" + KEY_TEXT, "between 1 and 65535"),
        ("sockatuh://box:65536/r#k=" + KEY_TEXT, "between 1 and 65535"),
        ("sockatuh://b%1B[2J:1/r#k=" + KEY_TEXT, "host:port"),
        ("sockatuh://b%1Bx:1/r#k=" + KEY_TEXT, "no host has"),
        ("sockatuh://b%3Ax:1/r#k=" + KEY_TEXT, "no host has"),
        ("sockatuh://b%20x:1/r#k=" + KEY_TEXT, "no host has"),
        ("sockatuh://you@box:1/r#k=" + KEY_TEXT, "no host has"),
        ("sockatuh://box%FF:1/r#k=" + KEY_TEXT, "not UTF-8"),
        ("sockatuh://box:1/%FF#k=" + KEY_TEXT, "not UTF-8"),
        ("sockatuh://box:1/\udcff#k=" + KEY_TEXT, "not UTF-8"),
        ("sockatuh://box:1/" + "r" * 65 + "#k=" + KEY_TEXT, "more than 64 bytes"),
        ("sockatuh://box:1/r?n=#k=" + KEY_TEXT, "host:port"),
        ("sockatuh://box:1/r?n=b:1,#k=" + KEY_TEXT, "host:port"),
        ("sockatuh://box:1/r?n=b:0#k=" + KEY_TEXT, "between 1 and 65535"),
        ("sockatuh://box:1/r?n=b%1Bx:1#k=" + KEY_TEXT, "no host has"),
        ("sockatuh://box:1/r?n=b:1&n=c:1#k=" + KEY_TEXT, "one list"),
        ("sockatuh://box:1/r?n=" + "b" * 63 + ":1#k=" + KEY_TEXT, "at most 64 characters"),
        ("sockatuh://box:1/r?n=" + ",".join(["b:1"] * 9) + "#k=" + KEY_TEXT, "at most 8 further addresses"),
    ],
)
def test_what_is_no_invite_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ProtocolError, match=reason):
        Invite.parse_untrusted(text)


def test_what_the_query_of_an_invite_has_besides_is_passed_over() -> None:
    with_more = f"sockatuh://box:1/r?later=1&n=b:2&n2=c:3#k={KEY_TEXT}"
    assert Invite.parse_untrusted(with_more) == Invite("box", 1, "r", KEY, (("b", 2),))
    assert Invite.parse_untrusted(f"sockatuh://box:1/r?#k={KEY_TEXT}") == Invite("box", 1, "r", KEY)


@given(
    text=st.text(strange + "\udcff"),
    authority=st.sampled_from(("", "box:1/", "[::1]:7625/", "box:1", "box:1/r?n=", "box:1/r?n=b:1,")),
)
def test_any_text_is_an_invite_or_the_one_error(text: str, authority: str) -> None:
    with pytest.raises(ProtocolError):
        Invite.parse_untrusted(text)
    try:
        invite = Invite.parse_untrusted(f"sockatuh://{authority}{text}#k={KEY_TEXT}")
    except ProtocolError:
        return
    assert Invite.parse_untrusted(invite.encode()) == invite
