from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockatuh.cli.stdin import LONGEST, PIECE, InputLine, LineCutter, NoText, text_of


def cut(*pieces: bytes) -> list[InputLine]:
    cutter = LineCutter()
    return [line for piece in pieces for line in cutter.cut(piece)] + list(cutter.rest())


@given(st.lists(st.sampled_from([b"a", b"bc", b"\n", b"\r", b"\r\n", b"", b"\0\xff"])))
def test_lines_are_the_same_however_the_input_is_cut_into_pieces(pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    *lines, last = whole.split(b"\n")
    expected = [line.removesuffix(b"\r") for line in ([*lines, last] if last else lines)]
    assert [line.data for line in cut(*pieces)] == expected
    assert cut(*pieces) == cut(whole)
    assert [line.number for line in cut(*pieces)] == list(range(1, len(expected) + 1))


def test_a_line_that_is_too_long_has_its_true_size_and_the_next_ones_are_whole() -> None:
    first, second, third = cut(*[b"x" * PIECE] * 160, b"yy\r\nsecond\n", b"third")
    assert (first.size, first.data, first.is_whole) == (160 * PIECE + 2, b"", False)
    assert (second.data, third.data) == (b"second", b"third")
    assert second.is_whole


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_the_longest_line_is_whole_and_one_byte_more_is_not(end: bytes) -> None:
    (longest,) = cut(b"x" * LONGEST + end)
    (longer,) = cut(b"x" * LONGEST, b"x" + end)
    assert (longest.size, longest.is_whole) == (LONGEST, True)
    assert (longer.size, longer.is_whole) == (LONGEST + 1, False)


def test_no_more_than_the_longest_line_is_kept() -> None:
    cutter = LineCutter()
    for _ in range(1_000):
        assert list(cutter.cut(b"x" * PIECE)) == []
        assert len(cutter._kept) <= LONGEST + 1


@pytest.mark.parametrize(
    ("data", "code"), [(b"\xff\xfe", "bad_line"), (b"a\0b", "bad_line"), (b"x" * (LONGEST + 1), "text_too_long")]
)
def test_invalid_text_is_reported_with_its_size(data: bytes, code: str) -> None:
    with pytest.raises(NoText) as caught:
        text_of(cut(data)[0])
    assert (caught.value.code, caught.value.size) == (code, len(data))
    assert text_of(InputLine(1, 3, "é!".encode())) == "é!"
