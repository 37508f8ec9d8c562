from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockatuh.errors import RowUnreadable
from sockatuh.room.entries import (
    ADMIN_OWNER,
    Banned,
    Body,
    Claimed,
    Joined,
    Left,
    Message,
    Muted,
    Ordered,
    Removed,
    Renamed,
    Whispered,
    decode_body,
    encode_body,
    kind_of,
    size_of,
    what_of,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
BODIES: st.SearchStrategy[Body] = st.one_of(
    st.builds(Joined, name=TEXT, owner=TEXT, dialect=TEXT, address=TEXT, version=TEXT),
    st.builds(Left, name=TEXT, owner=TEXT, reason=TEXT, seconds=st.floats(0, 1e9)),
    st.builds(Claimed, name=TEXT, owner=TEXT),
    st.builds(Message, name=TEXT, owner=TEXT, text=TEXT, action=st.booleans()),
    st.builds(Whispered, name=TEXT, owner=TEXT, text=TEXT, to=TEXT, to_owner=TEXT),
    st.builds(Renamed, name=TEXT, owner=TEXT, new=TEXT, dialect=TEXT, joined_at=st.integers(0, 2**53)),
)


@given(BODIES)
def test_a_body_comes_back_as_it_was(body: Body) -> None:
    assert decode_body(kind_of(body), encode_body(body)) == body


def test_a_body_is_a_plain_json_object_without_its_kind() -> None:
    body = Message(name="ana", owner="k", text="soup\nat one", action=False)
    assert json.loads(encode_body(body)) == {"name": "ana", "owner": "k", "text": "soup\nat one", "action": False}


def test_a_line_of_the_admin_names_who_gave_it() -> None:
    line = Message("admin", ADMIN_OWNER, "lunch", False, by=0, as_="tom")
    fields = json.loads(encode_body(line))
    assert (fields["by"], fields["as"]) == (0, "tom")
    assert decode_body("message", encode_body(line)) == line


@pytest.mark.parametrize(("order", "what"), [
    (Banned("budi", "k7Qm3xYzABCDEFGH", "", 0, "tom", "", None), "key:k7Qm3xYz"),
    (Banned("", "", "10.0.0.0/8", 0, "tom", "", None), "10.0.0.0/8"),
    (Muted("budi", "", "10.0.0.7", 0, "tom", "", None), "budi@10.0.0.7"),
    (Removed("budi", "", "", 0, "tom", "", "2026-11-29T10:07:00.000Z"), "name:budi"),
])  # fmt: skip
def test_a_target_is_named_as_an_admin_types_it(order: Ordered, what: str) -> None:
    assert what_of(order) == what


def test_every_kind_has_its_name() -> None:
    bodies: list[Body] = [
        Joined(name="ana", owner="k", dialect="secure", address="192.0.2.1", version="1"),
        Left(name="ana", owner="k", reason="left", seconds=1.5),
        Claimed(name="ana", owner="k"),
        Message(name="ana", owner="k", text="hi", action=True),
        Whispered(name="ana", owner="k", text="hi", to="budi", to_owner="l"),
        Renamed(name="ana", owner="k", new="anna", dialect="secure", joined_at=5),
    ]
    assert [kind_of(body) for body in bodies] == ["joined", "left", "claimed", "message", "private", "renamed"]


@pytest.mark.parametrize("line", [
    Message("Ánà", "k" * 43, "soup at öne", action=False),
    Whispered("Ánà", "k" * 43, "soup at öne", "būdi", "l" * 43),
])  # fmt: skip
def test_the_size_of_a_line_is_that_of_its_json(line: Message | Whispered) -> None:
    assert size_of(line) == len(encode_body(line))


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
        ("private", b'{"name":"ana","owner":"k","text":"hi","to":"budi"}'),
        ("renamed", b'{"name":"ana","owner":"k","new":"anna","dialect":"secure","joined_at":"then"}'),
        ("painted", b"{}"),
    ],
)
def test_a_damaged_body_is_unreadable(kind: str, data: bytes) -> None:
    with pytest.raises(RowUnreadable, match=kind):
        decode_body(kind, data)


@given(st.sampled_from(["joined", "left", "claimed", "message", "private", "renamed", "x"]), st.binary(max_size=60))
def test_any_bytes_are_a_body_or_unreadable(kind: str, data: bytes) -> None:
    try:
        body = decode_body(kind, data)
    except RowUnreadable:
        return
    assert kind_of(body) == kind
