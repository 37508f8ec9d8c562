"""The cursor: entries come in any order and are given out in theirs."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.bare_room import entry

from sockatuh.errors import ProtocolError
from sockatuh.protocol import messages as m
from sockatuh.protocol.client.inbox import MAX_HOLES, SMALL_GAP, Gone, Inbox
from sockatuh.protocol.constants import MAX_PARTS, MAX_PIECE, MAX_PLAINTEXT, RECEIVE_WINDOW


def make_entries(after: int, through: int, *seqs: int) -> m.Entries:
    return m.Entries(after, through, False, tuple(msgspec.Raw(entry(seq).encoding) for seq in seqs))


def unshown(after: int, through: int, *, end: int | None = None) -> m.Entries:
    """Return that nothing in (after, through] is shown, of a stretch up to `end`."""
    item = msgspec.Raw(m.encode(m.Unshown(after + 1, through - after)))
    return m.Entries(after, end or through, False, (item,))


def long(seq: int) -> m.Entries:
    """Return an entry too long to be sent twice for nothing."""
    return m.Entries(seq - 1, seq, False, (msgspec.Raw(entry(seq, "x" * SMALL_GAP).encoding),))


def parts_of(seq: int, text: str) -> list[m.EntryPart]:
    encoding = entry(seq, text).encoding
    pieces = [encoding[at : at + MAX_PIECE] for at in range(0, len(encoding), MAX_PIECE)]
    return [m.EntryPart(seq, index, len(pieces), piece, False) for index, piece in enumerate(pieces)]


def taken(inbox: Inbox) -> list[int | tuple[int, int, int]]:
    return [item.seq if isinstance(item, m.Entry) else (item.after, item.through, item.count) for item in inbox.take()]


def test_what_comes_in_order_is_given_out_at_once_and_once() -> None:
    inbox = Inbox(0)
    inbox.receive(make_entries(0, 2, 1, 2))
    assert taken(inbox) == [1, 2]
    assert inbox.cursor == 2
    inbox.receive(make_entries(0, 2, 1, 2))
    assert taken(inbox) == []


def test_what_overlaps_is_taken_from_the_cursor_on() -> None:
    inbox = Inbox(2)
    inbox.receive(make_entries(0, 4, 1, 2, 3, 4))
    assert taken(inbox) == [3, 4]


def test_what_comes_early_waits_for_what_is_before_it() -> None:
    inbox = Inbox(0)
    inbox.receive(make_entries(2, 3, 3))
    inbox.receive(make_entries(4, 5, 5))
    assert taken(inbox) == []
    assert inbox.has_holes()
    inbox.receive(make_entries(0, 2, 1, 2))
    assert taken(inbox) == [1, 2, 3]
    assert inbox.holes() == [(3, 4)]
    inbox.receive(make_entries(3, 4, 4))
    assert taken(inbox) == [4, 5]
    assert not inbox.has_holes()
    assert inbox.holes() == []


def test_every_hole_is_known_and_not_only_the_first() -> None:
    inbox = Inbox(10)
    for seq in (13, 14, 20):
        inbox.receive(long(seq))
    inbox.notice_head(22)
    assert inbox.holes() == [(10, 12), (14, 19), (20, 22)]


def test_what_is_little_between_two_holes_does_not_part_them() -> None:
    inbox = Inbox(0)
    inbox.receive(make_entries(1, 2, 2))
    inbox.receive(make_entries(3, 4, 4))
    inbox.receive(long(6))
    inbox.notice_head(7)
    assert inbox.holes() == [(0, 5), (6, 7)]


def test_a_head_further_on_than_what_came_early_is_a_hole_of_its_own() -> None:
    inbox = Inbox(0)
    inbox.receive(long(1))
    inbox.receive(m.Entries(2, 5, False, ()))
    inbox.notice_head(9)
    assert inbox.holes() == [(1, 9)], "what is no longer kept between them costs nothing to tell"


def test_no_more_holes_are_named_than_a_datagram_holds() -> None:
    inbox = Inbox(2**62)
    for seq in range(1, 2 * MAX_HOLES):
        inbox.receive(long(2**62 + 2 * seq))
    holes = inbox.holes()
    assert len(holes) == MAX_HOLES
    assert holes == [(2**62 + 2 * at, 2**62 + 2 * at + 1) for at in range(MAX_HOLES)]
    get = m.Get(*holes[0], tuple(holes[1:]))
    assert len(m.encode(get)) <= MAX_PLAINTEXT


def test_what_is_no_longer_kept_is_named() -> None:
    inbox = Inbox(0)
    inbox.receive(make_entries(0, 5, 2, 4))
    assert taken(inbox) == [(0, 5, 3), 2, 4]
    assert inbox.cursor == 5


def test_what_is_gone_in_a_stretch_that_came_early_is_named_in_its_place() -> None:
    inbox = Inbox(0)
    inbox.receive(make_entries(1, 4, 3))
    inbox.receive(make_entries(0, 1, 1))
    assert taken(inbox) == [1, (1, 2, 1), 3, (3, 4, 1)]


def test_the_cursor_passes_over_what_is_not_shown_and_nothing_is_reported() -> None:
    inbox = Inbox(0)
    inbox.receive(m.Entries(0, 12, False, (msgspec.Raw(m.encode(m.Unshown(1, 10))), msgspec.Raw(entry(12).encoding))))
    assert taken(inbox) == [(0, 12, 1), 12], "only 11 is no longer kept"
    assert (inbox.cursor, inbox.shown) == (12, 1)
    inbox.receive(unshown(12, 2**62))
    assert taken(inbox) == []
    assert (inbox.cursor, inbox.shown) == (2**62, 1)


def test_of_a_run_that_is_known_in_part_the_rest_is_passed_over() -> None:
    inbox = Inbox(5)
    inbox.receive(unshown(0, 8, end=9))
    assert taken(inbox) == [(5, 9, 1)]


def test_what_is_not_shown_ahead_of_a_hole_is_passed_over_when_the_hole_is_filled() -> None:
    inbox = Inbox(0)
    inbox.receive(unshown(1, 4))
    inbox.receive(make_entries(4, 5, 5))
    assert inbox.holes() == [(0, 1)]
    inbox.receive(make_entries(0, 1, 1))
    assert taken(inbox) == [1, 5]


def test_a_run_of_any_length_ahead_of_a_hole_costs_no_memory() -> None:
    inbox = Inbox(0)
    inbox.receive(unshown(1, 2**63 - 1))
    assert not inbox._early
    assert inbox.holes() == [(0, 2**63 - 1)]


def test_a_head_further_on_makes_a_hole() -> None:
    inbox = Inbox(3)
    assert not inbox.has_holes()
    inbox.notice_head(9)
    assert inbox.holes() == [(3, 9)]
    inbox.notice_head(5)
    assert inbox.holes() == [(3, 9)]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 1, 0, 2, 2)])
def test_a_long_entry_is_put_together_from_parts_in_any_order(order: tuple[int, ...]) -> None:
    inbox, parts = Inbox(0), parts_of(1, "x" * 3000)
    for index in order:
        inbox.receive(parts[index])
    (found,) = inbox.take()
    assert isinstance(found, m.Entry)
    assert found.text == "x" * 3000
    assert inbox.cursor == 1
    assert not inbox._parts


def test_a_part_alone_shows_that_the_log_has_come_so_far() -> None:
    inbox = Inbox(0)
    inbox.receive(parts_of(4, "x" * 3000)[1])
    assert inbox.holes() == [(0, 4)]


def test_parts_of_what_is_known_are_not_kept() -> None:
    inbox = Inbox(4)
    inbox.receive(parts_of(4, "x" * 3000)[0])
    inbox.receive(make_entries(5, 6, 6))
    inbox.receive(parts_of(6, "x" * 3000)[0])
    assert not inbox._parts


def test_parts_are_forgotten_when_the_cursor_passes_them() -> None:
    inbox = Inbox(0)
    inbox.receive(parts_of(2, "x" * 3000)[0])
    inbox.receive(make_entries(0, 3, 1, 3))
    assert not inbox._parts


def test_what_is_too_far_ahead_is_not_kept_but_noted() -> None:
    inbox = Inbox(0)
    inbox.receive(make_entries(RECEIVE_WINDOW, RECEIVE_WINDOW + 1, RECEIVE_WINDOW + 1))
    inbox.receive(parts_of(RECEIVE_WINDOW + 2, "x" * 3000)[0])
    assert not inbox._early
    assert not inbox._parts
    assert inbox.holes() == [(0, RECEIVE_WINDOW + 2)]


def test_a_window_full_of_early_entries_is_kept_and_no_more() -> None:
    inbox = Inbox(0)
    inbox.receive(make_entries(1, RECEIVE_WINDOW, RECEIVE_WINDOW))
    assert len(inbox._early) == RECEIVE_WINDOW - 1
    inbox.receive(m.Entries(1, 2**63 - 1, False, ()))
    assert len(inbox._early) == RECEIVE_WINDOW - 1


def test_a_stretch_of_any_length_costs_no_memory() -> None:
    inbox = Inbox(0)
    inbox.receive(m.Entries(0, 2**63 - 1, False, ()))
    assert inbox.take() == [Gone(0, 2**63 - 1, 2**63 - 1)]


def test_another_log_begins_anew() -> None:
    inbox = Inbox(50)
    inbox.receive(make_entries(60, 61, 61))
    inbox.receive(parts_of(63, "x" * 3000)[0])
    inbox.restart(5, 7)
    assert inbox.holes() == [(5, 7)]
    assert not inbox._parts
    inbox.receive(make_entries(5, 7, 6, 7))
    assert taken(inbox) == [6, 7]


@pytest.mark.parametrize(
    "message",
    [
        make_entries(5, 4),
        make_entries(0, 2, 3),
        make_entries(2, 4, 2),
        make_entries(0, 4, 3, 2),
        make_entries(0, 4, 3, 3),
        m.Entries(0, 1, False, (msgspec.Raw(b"\xc0"),)),
        unshown(0, 3, end=2),
        m.Entries(0, 4, False, (msgspec.Raw(m.encode(m.Unshown(1, 2))), msgspec.Raw(entry(2).encoding))),
        m.Entries(0, 4, False, (msgspec.Raw(b"\x92\x01\x00"),)),
        m.EntryPart(1, 0, 0, b"x", False),
        m.EntryPart(1, 2, 2, b"x", False),
        m.EntryPart(1, 0, MAX_PARTS + 1, b"x", False),
        m.EntryPart(1, 0, 1, b"junk", False),
        m.EntryPart(1, 0, 1, entry(2).encoding, False),
    ],
    ids=[
        "backwards", "behind the stretch", "before the stretch", "out of order", "twice", "no entry",
        "a run behind the stretch", "an entry within a run", "a run of none", "no parts",
        "part behind the last", "too many parts", "parts that are no entry", "parts of another entry",
    ],
)  # fmt: skip
def test_what_is_out_of_place_is_the_one_error_and_moves_nothing(message: m.Entries | m.EntryPart) -> None:
    inbox = Inbox(0)
    with pytest.raises(ProtocolError):
        inbox.receive(message)
    assert inbox.cursor == 0
    assert inbox.take() == []
    inbox.receive(make_entries(0, 1, 1))
    assert taken(inbox) == [1]


def test_parts_of_two_cuts_do_not_mix() -> None:
    inbox = Inbox(0)
    inbox.receive(m.EntryPart(1, 0, 2, b"x", False))
    with pytest.raises(ProtocolError):
        inbox.receive(m.EntryPart(1, 1, 3, b"y", False))


seqs = st.one_of(st.integers(0, 8), st.integers(0, 2**63 - 1))
encodings = seqs.map(lambda seq: msgspec.Raw(entry(seq).encoding)) | st.binary(max_size=4).map(
    lambda junk: msgspec.Raw(msgspec.msgpack.encode(junk))
)
anything = st.one_of(
    st.builds(m.Entries, seqs, seqs, st.booleans(), st.lists(encodings, max_size=3).map(tuple)),
    st.builds(m.EntryPart, seqs, st.integers(0, 16), st.integers(0, 16), st.binary(max_size=9), st.booleans()),
)


@given(messages=st.lists(anything, max_size=12))
def test_whatever_is_told_the_cursor_never_goes_back_nor_comes_an_entry_twice(
    messages: list[m.Entries | m.EntryPart],
) -> None:
    inbox, given_out = Inbox(2), list[int]()
    for message in messages:
        before = inbox.cursor
        try:
            inbox.receive(message)
        except ProtocolError:
            assert inbox.cursor == before
        assert inbox.cursor >= before
        given_out += [item.seq for item in inbox.take() if isinstance(item, m.Entry)]
        assert len(inbox._early) + len(inbox._parts) <= 2 * RECEIVE_WINDOW
    assert given_out == sorted(set(given_out))
