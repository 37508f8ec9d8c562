from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockatuh.protocol import messages as m
from sockatuh.protocol.server.packing import EVERYBODY, unshown
from sockatuh.room.changes import PresenceChange, PresenceState
from sockatuh.room.entries import Body, Claimed, Joined, Left, Message, Renamed, Whispered
from sockatuh.room.log import Row
from sockatuh.server.entry_encoding import encode_change, encode_entry

OWNER = "9f3cAbCdEfGhIjKlMnOpQrStUvWxYz0123456789abc"
LINE = bytes(range(16))


def row_of(body: Body) -> Row:
    return Row(7, LINE, 1_700_000_000_123, body, "ana")


@pytest.mark.parametrize(
    ("body", "entry"),
    [
        (
            Joined("ana", OWNER, "secure", "10.0.0.2:4000", "sockatuh 1"),
            m.Entry(7, 1_700_000_000_123, m.JOINED, "ana", "secure", b"", OWNER[:8]),
        ),
        (
            Joined("budi", "", "classic", "10.0.0.2:4000", ""),
            m.Entry(7, 1_700_000_000_123, m.JOINED, "budi", "classic"),
        ),
        (Left("ana", OWNER, "lost", 12.5), m.Entry(7, 1_700_000_000_123, m.LEFT, "ana", "lost", b"", OWNER[:8])),
        (
            Message("ana", OWNER, "soup at one", action=False),
            m.Entry(7, 1_700_000_000_123, m.MESSAGE, "ana", "soup at one", LINE[:6], OWNER[:8]),
        ),
        (
            Message("ana", OWNER, "waves", action=True),
            m.Entry(7, 1_700_000_000_123, m.ACTION, "ana", "waves", LINE[:6], OWNER[:8]),
        ),
        (
            Renamed("ana", OWNER, "anna", "secure", 5, place="10.0.0.2"),
            m.Entry(7, 1_700_000_000_123, m.RENAMED, "ana", "anna", b"", OWNER[:8]),
        ),
    ],
)
def test_each_kind_is_encoded_as_the_protocol_specifies(body: Body, entry: m.Entry) -> None:
    encoded = encode_entry(row_of(body))
    assert (encoded.seq, encoded.shown_to) == (7, EVERYBODY)
    assert m.decode_entry_untrusted(encoded.encoding) == entry


@pytest.mark.parametrize(
    "body",
    [
        Joined("ana", OWNER, "secure", "10.0.0.2:4000", "sockatuh 1", unshown=True),
        Left("ana", OWNER, "lost", 12.5, unshown=True),
        Claimed("ana", OWNER),
        Left("ana", OWNER, "renamed", 12.5, unshown=True, renamed_to="anna"),
    ],
)
def test_an_entry_shown_to_nobody_is_reduced_to_its_number(body: Body) -> None:
    assert encode_entry(row_of(body)) == unshown(7)


@pytest.mark.parametrize(
    "body",
    [
        Joined("ana", OWNER, "secure", "10.20.30.40:4000", "sockatuh 1"),
        Left("ana", OWNER, "left", 1.0),
        Claimed("ana", OWNER),
        Message("ana", OWNER, "hi", action=False),
        Whispered("ana", OWNER, "hi", "budi", "l" * 43),
        Renamed("ana", OWNER, "anna", "secure", 5, place="10.20.30.40"),
    ],
)
def test_addresses_versions_and_full_fingerprints_are_not_sent(body: Body) -> None:
    encoded = encode_entry(row_of(body)).encoding
    assert b"10.20.30.40" not in encoded
    assert b"sockatuh" not in encoded
    assert OWNER.encode() not in encoded
    assert b"l" * 9 not in encoded


def test_a_private_line_names_its_addressee_and_is_for_two_keys() -> None:
    encoded = encode_entry(row_of(Whispered("ana", OWNER, "hi", "budi", "another key")))
    assert encoded.shown_to == frozenset({OWNER, "another key"})
    entry = m.Entry(7, 1_700_000_000_123, m.PRIVATE, "ana", "hi", LINE[:6], OWNER[:8], "budi")
    assert m.decode_entry_untrusted(encoded.encoding) == entry


@pytest.mark.parametrize(("state", "number", "text"), [
    ("here", m.IN_CONTACT, ""), ("lost", m.CONTACT_LOST, ""), ("gone", m.GONE, ""), ("away", m.AWAY, "lunch"),
])  # fmt: skip
def test_each_state_has_its_number(state: PresenceState, number: int, text: str) -> None:
    change = encode_change(PresenceChange("ana", OWNER, state, text))
    assert change == m.Change("ana", OWNER[:8], number, text)


@given(st.text(), st.text(), st.booleans())
def test_any_line_is_encoded_as_it_was_stored(name: str, text: str, action: bool) -> None:
    entry = m.decode_entry_untrusted(encode_entry(row_of(Message(name, OWNER, text, action))).encoding)
    assert (entry.name, entry.text, entry.kind) == (name, text, m.ACTION if action else m.MESSAGE)
