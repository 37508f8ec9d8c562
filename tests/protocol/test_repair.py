"""Packing, and the newest entries."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol.house import entry

from sockatuh.protocol import messages as m
from sockatuh.protocol.constants import GET_DATAGRAMS, MAX_PARTS, MAX_PIECE, MAX_PLAINTEXT, RECEIVE_WINDOW
from sockatuh.protocol.inbox import Gone, Inbox
from sockatuh.protocol.repair import Encoded, Recent, Told, encode_alike, mark_end, pack


def seqs_in(messages: list[Told]) -> list[int]:
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
    told = 0
    for message in messages:
        assert isinstance(message, m.Entries)
        assert message.after == told
        told = message.through
    assert told == 60


def test_a_long_entry_comes_in_parts_of_its_encoding() -> None:
    seq, encoding = entry(5, "x" * 16_384)
    messages = pack(4, 5, [(seq, encoding)])
    parts = [message for message in messages if isinstance(message, m.EntryPart)]
    assert len(parts) == len(messages) <= MAX_PARTS
    assert {(part.seq, part.count) for part in parts} == {(5, len(parts))}
    assert max(len(part.piece) for part in parts) == MAX_PIECE
    assert b"".join(part.piece for part in parts) == encoding


def test_what_lies_before_a_long_entry_is_told_before_it() -> None:
    messages = pack(0, 6, [entry(2), entry(5, "x" * 3000)])
    first, *parts, last = messages
    assert isinstance(first, m.Entries)
    assert (first.after, first.through) == (0, 4)
    assert all(isinstance(part, m.EntryPart) for part in parts)
    assert last == m.Entries(5, 6, False, ())


def test_what_is_told_at_once_has_one_length_but_for_the_last() -> None:
    dice = random.Random(7)
    messages = pack(0, 200, [entry(seq, "x" * dice.randrange(1, 200)) for seq in range(1, 201)])
    *first, last = encode_alike(messages)
    assert len({len(m.encode(message)) for message in messages[:-1]}) > 1
    assert len({len(each) for each in first}) == 1
    assert len(last) <= len(first[0]) <= MAX_PLAINTEXT
    assert [m.decode_server_message_untrusted(each) for each in (*first, last)] == messages


def test_nothing_is_lengthened_much() -> None:
    messages = pack(0, 3, [entry(1), entry(2, "x" * 3000), entry(3)])
    assert encode_alike(messages) == [m.encode(message) for message in messages]


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
    told = seqs_in(messages)
    assert told == kept[: len(told)]
    if limit is None:
        assert told == kept
    else:
        # A single entry goes whole, even when its parts are more than the limit; otherwise it could never go.
        assert len(messages) <= limit or len({getattr(each, "seq", 0) for each in messages}) == 1
        assert messages


# Pack and Inbox together: what a member sees, whatever happens between.


MUCH: Final = 1 << 30
"""Bytes that no answer here has."""


@dataclass(frozen=True, slots=True)
class Log:
    """A log of which some entries are no longer kept."""

    head: int
    kept: dict[int, bytes]

    def stretch(self, after: int, through: int) -> list[Encoded]:
        return [(seq, self.kept[seq]) for seq in range(after + 1, through + 1) if seq in self.kept]


@st.composite
def logs(draw: st.DrawFn) -> Log:
    head = draw(st.integers(1, 60))
    gone = draw(st.sets(st.integers(1, head), max_size=head))
    sizes = draw(st.lists(st.sampled_from((1, 1, 50, 400, 1200, 4000)), min_size=head, max_size=head))
    return Log(head, dict(entry(seq, "x" * sizes[seq - 1]) for seq in range(1, head + 1) if seq not in gone))


@given(log=logs(), start=st.integers(0, 60), seed=st.integers(0, 2**32), loss=st.sampled_from((0.0, 0.2, 0.6)))
def test_whatever_is_lost_doubled_or_reordered_the_inbox_gives_out_what_is_kept_and_names_what_is_gone(
    log: Log, start: int, seed: int, loss: float
) -> None:
    dice = random.Random(seed)
    start = min(start, log.head)
    inbox = Inbox(start)
    given_out: list[m.Entry | Gone] = []
    # Pushed as it was committed, a few entries at a time.
    pushed: list[Told] = []
    at = start
    while at < log.head:
        upto = min(log.head, at + dice.randint(1, 9))
        pushed += pack(at, upto, log.stretch(at, upto))
        at = upto
    deliver(inbox, pushed, dice, loss, given_out)
    inbox.notice_head(log.head)
    # And then asked for, until nothing is missing.
    for _ in range(2000):
        holes = inbox.holes()
        if not holes:
            break
        answer = [message for hole in holes for message in pack(*hole, log.stretch(*hole), GET_DATAGRAMS)]
        mark_end(answer)
        deliver(inbox, answer, dice, loss, given_out)
    assert inbox.cursor == log.head
    entries = [item for item in given_out if isinstance(item, m.Entry)]
    assert [(each.seq, m.encode(each)) for each in entries] == log.stretch(start, log.head)
    gone = [seq for item in given_out if isinstance(item, Gone) for seq in missing_in(item, entries)]
    assert sorted(gone) == [seq for seq in range(start + 1, log.head + 1) if seq not in log.kept]


def missing_in(gone: Gone, entries: list[m.Entry]) -> list[int]:
    there = {each.seq for each in entries}
    missing = [seq for seq in range(gone.after + 1, gone.through + 1) if seq not in there]
    assert len(missing) == gone.count
    return missing


def deliver(
    inbox: Inbox, messages: list[Told], dice: random.Random, loss: float, given_out: list[m.Entry | Gone]
) -> None:
    copies = [each for each in messages for _ in range(dice.choice((1, 1, 2))) if dice.random() >= loss]
    if dice.random() < 0.5:
        dice.shuffle(copies)
    for message in copies:
        received = m.decode_server_message_untrusted(m.encode(message))
        assert isinstance(received, m.Entries | m.EntryPart)
        inbox.receive(received)
        given_out += inbox.take()
        assert len(inbox._early) <= RECEIVE_WINDOW


# The newest entries.


def test_what_was_committed_last_is_at_hand() -> None:
    recent = Recent(10, max_entries=100, max_bytes=10_000)
    recent.extend([entry(11), entry(13)], 14)
    assert recent.head == 14
    assert recent.since(10, 14, MUCH) == (14, [entry(11), entry(13)])
    assert recent.since(11, 14, MUCH) == (14, [entry(13)])
    assert recent.since(10, 12, MUCH) == (12, [entry(11)])
    assert recent.since(14, 14, MUCH) == (14, [])


def test_what_was_before_is_not_at_hand_and_that_is_not_the_same_as_nothing() -> None:
    recent = Recent(10, max_entries=100, max_bytes=10_000)
    assert recent.since(9, 10, MUCH) is None
    assert recent.since(10, 10, MUCH) == (10, [])


def test_only_so_many_entries_are_kept() -> None:
    recent = Recent(0, max_entries=3, max_bytes=10_000)
    recent.extend([entry(seq) for seq in range(1, 6)], 5)
    assert recent.since(2, 5, MUCH) == (5, [entry(3), entry(4), entry(5)])
    assert recent.since(1, 5, MUCH) is None


def test_only_so_many_bytes_are_kept() -> None:
    sizes = [len(entry(seq, "x" * 100)[1]) for seq in range(1, 6)]
    recent = Recent(0, max_entries=100, max_bytes=sum(sizes[2:]))
    for seq in range(1, 6):
        recent.extend([entry(seq, "x" * 100)], seq)
    assert recent.since(2, 5, MUCH) is not None
    assert recent.since(1, 5, MUCH) is None


def test_an_entry_larger_than_everything_is_not_kept_and_nothing_before_it() -> None:
    recent = Recent(0, max_entries=100, max_bytes=100)
    recent.extend([entry(1), entry(2, "x" * 500)], 2)
    assert recent.since(1, 2, MUCH) is None
    assert recent.since(2, 2, MUCH) == (2, [])


def test_a_log_loaded_at_the_start_is_at_hand() -> None:
    recent = Recent(9, max_entries=100, max_bytes=10_000)
    recent.load(5, [entry(6), entry(9)])
    assert recent.head == 9
    assert recent.since(5, 9, MUCH) == (9, [entry(6), entry(9)])
    assert recent.since(4, 9, MUCH) is None


@pytest.mark.parametrize("after", [0, 3, 7])
def test_a_stretch_is_asked_for_wherever_it_begins(after: int) -> None:
    recent = Recent(0, max_entries=100, max_bytes=10_000)
    recent.extend([entry(seq) for seq in (1, 2, 4, 8)], 9)
    assert recent.since(after, 9, MUCH) == (9, [entry(seq) for seq in (1, 2, 4, 8) if seq > after])


def test_no_more_is_taken_than_what_will_be_sent_and_the_stretch_ends_there() -> None:
    recent = Recent(0, max_entries=100, max_bytes=10_000)
    recent.extend([entry(seq, "x" * 100) for seq in (1, 3, 5, 7)], 9)
    size = len(entry(1, "x" * 100)[1])
    found = recent.since(0, 9, size + 1)
    assert found == (3, [entry(1, "x" * 100), entry(3, "x" * 100)])
    assert recent.since(0, 9, 0) == (1, [entry(1, "x" * 100)]), "one at least, or there would be no progress"


def test_what_was_forgotten_is_not_kept_in_memory_for_ever() -> None:
    recent = Recent(0, max_entries=10, max_bytes=10_000)
    for seq in range(1, 200):
        recent.extend([entry(seq)], seq)
        assert len(recent._entries) <= 2 * 10 + 1
        assert recent.since(max(0, seq - 10), seq, MUCH) == (
            seq,
            [entry(each) for each in range(max(1, seq - 9), seq + 1)],
        )
