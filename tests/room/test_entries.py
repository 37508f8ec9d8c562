from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockatuh.errors import RowUnreadable
from sockatuh.room.entries import Body, Claimed, Joined, Left, Message, decode_body, encode_body, kind_of

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
BODIES: st.SearchStrategy[Body] = st.one_of(
    st.builds(Joined, name=TEXT, owner=TEXT, dialect=TEXT, address=TEXT, version=TEXT),
    st.builds(Left, name=TEXT, owner=TEXT, reason=TEXT, seconds=st.floats(0, 1e9)),
    st.builds(Claimed, name=TEXT, owner=TEXT),
    st.builds(Message, name=TEXT, owner=TEXT, text=TEXT, action=st.booleans()),
)


@given(BODIES)
def test_a_body_comes_back_as_it_was(body: Body) -> None:
    assert decode_body(kind_of(body), encode_body(body)) == body


def test_a_body_is_a_plain_json_object_without_its_kind() -> None:
    body = Message(name="ana", owner="k", text="soup\nat one", action=False)
    assert json.loads(encode_body(body)) == {"name": "ana", "owner": "k", "text": "soup\nat one", "action": False}


def test_every_kind_has_its_name() -> None:
    bodies: list[Body] = [
        Joined(name="ana", owner="k", dialect="secure", address="192.0.2.1", version="1"),
        Left(name="ana", owner="k", reason="left", seconds=1.5),
        Claimed(name="ana", owner="k"),
        Message(name="ana", owner="k", text="hi", action=True),
    ]
    assert [kind_of(body) for body in bodies] == ["joined", "left", "claimed", "message"]


def test_a_field_from_a_newer_version_is_ignored() -> None:
    assert decode_body("claimed", b'{"name":"ana","owner":"k","colour":"red"}') == Claimed(name="ana", owner="k")


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("joined", b'{"name":"ana"}'),
        ("left", b'{"name":"ana","owner":"k","reason":"left","seconds":"long"}'),
        ("message", b"{"),
        ("message", b'{"name":"\xff","owner":"","text":"","action":false}'),
        ("message", b"[" * 100_000),
        ("claimed", b""),
        ("painted", b"{}"),
    ],
)
def test_a_damaged_body_is_unreadable(kind: str, data: bytes) -> None:
    with pytest.raises(RowUnreadable, match=kind):
        decode_body(kind, data)


@given(st.sampled_from(["joined", "left", "claimed", "message", "x"]), st.binary(max_size=60))
def test_any_bytes_are_a_body_or_unreadable(kind: str, data: bytes) -> None:
    try:
        body = decode_body(kind, data)
    except RowUnreadable:
        return
    assert kind_of(body) == kind
