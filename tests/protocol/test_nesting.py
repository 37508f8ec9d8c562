"""The counted levels are those that are really nested."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockatuh.protocol.nesting import is_deeper_untrusted

leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False),
    st.text(max_size=40),
    st.binary(max_size=300),
    st.builds(msgspec.msgpack.Ext, st.integers(-128, 127), st.binary(max_size=20)),
    st.sampled_from(["x" * 70_000, b"\x91" * 70_000, "é" * 200, b"\x91" * 300]),
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=20),
        st.dictionaries(st.one_of(st.text(max_size=40), st.integers(-9, 2**40)), inner, max_size=20),
        inner.map(lambda each: [None] * 16 + [each]),  # a longer header
        inner.map(lambda each: dict.fromkeys(range(16)) | {"last": each}),
        inner.map(lambda each: [[[each]]]),
    ),
    max_leaves=20,
)


def depth(value: Any) -> int:
    match value:
        case list():
            return 1 + max(map(depth, value), default=0)
        case dict():
            return 1 + max(map(depth, value.values()), default=0)
        case _:
            return 0


@given(values, st.integers(0, 8))
def test_the_count_is_what_is_nested(value: Any, limit: int) -> None:
    assert is_deeper_untrusted(msgspec.msgpack.encode(value), limit) == (depth(value) > limit)


@given(values, st.integers(0, 8), st.binary(max_size=20))
def test_what_follows_a_value_does_not_count(value: Any, limit: int, rest: bytes) -> None:
    assert is_deeper_untrusted(msgspec.msgpack.encode(value) + rest, limit) == (depth(value) > limit)


@given(st.one_of(st.binary(max_size=300), st.lists(st.sampled_from(range(0x80, 0xE0)), max_size=60).map(bytes)))
def test_whatever_can_be_decoded_of_any_bytes_was_counted_right(data: bytes) -> None:
    try:
        value = msgspec.msgpack.decode(data)
    except (msgspec.MsgspecError, ValueError, TypeError):
        is_deeper_untrusted(data, 3)
        return
    for limit in range(5):
        assert is_deeper_untrusted(data, limit) == (depth(value) > limit)


@pytest.mark.parametrize("head", [b"\x91", b"\x81\xa1a", b"\xdc\x00\x01", b"\xdd\x00\x00\x00\x01", b"\xde\x00\x01\x01"])
def test_levels_are_counted_whatever_their_headers_and_however_they_end(head: bytes) -> None:
    for end in (b"\xc0", b"\x90", b"\xc1", b""):
        assert is_deeper_untrusted(head * 9 + end, 8)
        assert not is_deeper_untrusted(head * 7 + end, 8)
    assert is_deeper_untrusted(head * 10_000, 8)
    assert not is_deeper_untrusted(b"\xc4\xff" + b"\x91" * 255, 8), "it is a value of bytes"
