"""Entries packed into datagrams."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st
from kit.bare_room import entry

from sockatuh.protocol import messages as m
from sockatuh.protocol.constants import MAX_PARTS, MAX_PIECE, MAX_PLAINTEXT
from sockatuh.protocol.server.packing import Packed, as_shown_to, mark_end, pack, unshown


def seqs_in(messages: list[Packed]) -> list[int]:
    """Return the seqs told, each part of a long entry counting once."""
    seqs: list[int] = []
    for message in messages:
        if isinstance(message, m.Entries):
            seqs += [m.decode_entry_untrusted(item).seq for item in message.items]
        elif not message.index:
            seqs.append(message.seq)
    return seqs


def test_everything_that_fits_travels_in_one_datagram() -> None:
    (message,) = pack(0, 10, [entry(seq) for seq in range(1, 11)])
    assert isinstance(message, m.Entries)
    assert (message.after, message.through, message.end) == (0, 10, False)
    assert seqs_in([message]) == list(range(1, 11))


def test_nothing_kept_of_a_stretch_is_told_too() -> None:
    assert pack(3, 9, []) == [m.Entries(3, 9, False, ())]


def test_nothing_to_tell_is_no_datagram() -> None:
    assert pack(9, 9, []) == []


def test_each_datagram_covers_the_stretch_up_to_its_last_entry_and_no_gap_lies_between() -> None:
    messages = pack(0, 60, [entry(seq, "x" * 100) for seq in range(1, 61, 2)])
    assert len(messages) > 2
    told_seqs = 0
    for message in messages:
        assert isinstance(message, m.Entries)
        assert message.after == told_seqs
        told_seqs = message.through
    assert told_seqs == 60


def test_a_long_entry_comes_in_parts_of_its_encoding() -> None:
    long = entry(5, "x" * 16_384)
    messages = pack(4, 5, [long])
    parts = [message for message in messages if isinstance(message, m.EntryPart)]
    assert len(parts) == len(messages) <= MAX_PARTS
    assert {(part.seq, part.count) for part in parts} == {(5, len(parts))}
    assert max(len(part.piece) for part in parts) == MAX_PIECE
    assert b"".join(part.piece for part in parts) == long.encoding


def test_what_lies_before_a_long_entry_is_told_before_it() -> None:
    messages = pack(0, 6, [entry(2), entry(5, "x" * 3000)])
    first, *parts, last = messages
    assert isinstance(first, m.Entries)
    assert (first.after, first.through) == (0, 4)
    assert all(isinstance(part, m.EntryPart) for part in parts)
    assert last == m.Entries(5, 6, False, ())


def test_the_end_is_marked_on_the_last_message_of_either_kind() -> None:
    entries, parts = pack(0, 1, [entry(1)]), pack(0, 1, [entry(1, "x" * 3000)])
    for messages in (entries, parts):
        mark_end(messages)
        assert [message.end for message in messages] == [False] * (len(messages) - 1) + [True]


@given(
    sizes=st.lists(st.sampled_from((0, 1, 10, 200, 1090, 1110, 1130, 1150, 2500, 16_384)), max_size=30),
    gaps=st.integers(0, 2**30),
    limit=st.sampled_from((None, 1, 2, 8, 16)),
)
def test_every_message_fits_a_datagram_and_what_is_told_is_told_in_order_up_to_where_it_says(
    sizes: list[int], gaps: int, limit: int | None
) -> None:
    dice = random.Random(gaps)
    far = 2**62
    kept = sorted(dice.sample(range(far + 1, far + 2 * len(sizes) + 2), len(sizes)))
    entries = [entry(seq, "x" * size) for seq, size in zip(kept, sizes, strict=True)]
    through = far + 2 * len(sizes) + 1
    messages = pack(far, through, entries, limit)
    assert all(len(m.encode(message)) <= MAX_PLAINTEXT for message in messages)
    told_seqs = seqs_in(messages)
    assert told_seqs == kept[: len(told_seqs)]
    if limit is None:
        assert told_seqs == kept
    else:
        # A single entry goes whole, even when its parts are more than the limit; otherwise it could never go.
        assert len(messages) <= limit or len({getattr(each, "seq", 0) for each in messages}) == 1
        assert messages


def test_what_a_key_is_not_shown_is_a_run_of_numbers() -> None:
    entries = [
        entry(1),
        unshown(2, 3),
        entry(5, shown_to=frozenset({"budi"})),
        entry(6, shown_to=frozenset({"ana", "budi"})),
        unshown(7),
    ]
    assert [(item.seq, item.run) for item in as_shown_to("ana", entries)] == [(1, 1), (2, 4), (6, 1), (7, 1)]
    assert [(item.seq, item.run) for item in as_shown_to("budi", entries)] == [(1, 1), (2, 3), (5, 1), (6, 1), (7, 1)]
    assert [(item.seq, item.run) for item in as_shown_to("cem", entries)] == [(1, 1), (2, 6)]


def test_of_what_is_not_shown_nothing_leaves_but_its_number() -> None:
    secret = entry(2, "between two others", shown_to=frozenset({"budi"}))
    (message,) = pack(0, 3, as_shown_to("ana", [entry(1), secret, entry(3)]))
    assert isinstance(message, m.Entries)
    assert [m.decode_item_untrusted(item) for item in message.items][1] == m.Unshown(2, 1)
    assert b"between" not in m.encode(message)


def test_what_is_no_longer_kept_between_two_runs_stays_a_gap() -> None:
    items = as_shown_to("ana", [unshown(1), unshown(3)])
    assert [(item.seq, item.run) for item in items] == [(1, 1), (3, 1)]
