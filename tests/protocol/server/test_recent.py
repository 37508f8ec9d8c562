"""The newest entries, kept in memory."""

from __future__ import annotations

from typing import Final

import pytest
from kit.bare_room import entry, strike
from msgspec.structs import replace

from sockatuh.protocol.server.packing import unshown
from sockatuh.protocol.server.recent import Recent

MUCH: Final = 1 << 30
"""Bytes that no answer here has."""


def test_what_was_committed_last_is_at_hand() -> None:
    recent = Recent(10, max_entries=100, max_bytes=10_000)
    recent.extend([entry(11), entry(13), unshown(14)])
    assert recent.head == 14
    assert recent.since(10, 14, MUCH) == (14, [entry(11), entry(13), unshown(14)])
    assert recent.since(11, 13, MUCH) == (13, [entry(13)])
    assert recent.since(10, 12, MUCH) == (12, [entry(11)])
    assert recent.since(14, 14, MUCH) == (14, [])


def test_what_was_before_is_not_at_hand_and_that_is_not_the_same_as_nothing() -> None:
    recent = Recent(10, max_entries=100, max_bytes=10_000)
    assert recent.since(9, 10, MUCH) is None
    assert recent.since(10, 10, MUCH) == (10, [])


def test_only_so_many_entries_are_kept() -> None:
    recent = Recent(0, max_entries=3, max_bytes=10_000)
    recent.extend([entry(seq) for seq in range(1, 6)])
    assert recent.since(2, 5, MUCH) == (5, [entry(3), entry(4), entry(5)])
    assert recent.since(1, 5, MUCH) is None


def test_only_so_many_bytes_are_kept() -> None:
    sizes = [len(entry(seq, "x" * 100).encoding) for seq in range(1, 6)]
    recent = Recent(0, max_entries=100, max_bytes=sum(sizes[2:]))
    for seq in range(1, 6):
        recent.extend([entry(seq, "x" * 100)])
    assert recent.since(2, 5, MUCH) is not None
    assert recent.since(1, 5, MUCH) is None


def test_an_entry_larger_than_everything_is_not_kept_and_nothing_before_it() -> None:
    recent = Recent(0, max_entries=100, max_bytes=100)
    recent.extend([entry(1), entry(2, "x" * 500)])
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
    recent.extend([entry(seq) for seq in (1, 2, 4, 8)])
    assert recent.since(after, 9, MUCH) == (9, [entry(seq) for seq in (1, 2, 4, 8) if seq > after])


def test_no_more_is_taken_than_what_will_be_sent_and_the_stretch_ends_there() -> None:
    recent = Recent(0, max_entries=100, max_bytes=10_000)
    recent.extend([entry(seq, "x" * 100) for seq in (1, 3, 5, 7)])
    size = len(entry(1, "x" * 100).encoding)
    found = recent.since(0, 9, size + 1)
    assert found == (3, [entry(1, "x" * 100), entry(3, "x" * 100)])
    assert recent.since(0, 9, 0) == (1, [entry(1, "x" * 100)]), "one at least, or there would be no progress"


def test_what_was_forgotten_is_not_kept_in_memory_for_ever() -> None:
    recent = Recent(0, max_entries=10, max_bytes=10_000)
    for seq in range(1, 200):
        recent.extend([entry(seq)])
        assert len(recent._entries) <= 2 * 10 + 1
        assert recent.since(max(0, seq - 10), seq, MUCH) == (
            seq,
            [entry(each) for each in range(max(1, seq - 9), seq + 1)],
        )


def test_what_nobody_is_shown_takes_one_place_however_much_it_is_and_evicts_nothing() -> None:
    recent = Recent(0, max_entries=3, max_bytes=10_000)
    recent.extend([entry(1)])
    for seq in range(2, 1_002):
        recent.extend([unshown(seq)])
    recent.extend([entry(1_002)])
    assert recent.since(0, 1_002, MUCH) == (1_002, [entry(1), unshown(2, 1_000), entry(1_002)])


def test_a_stretch_that_begins_or_ends_within_a_run_has_its_part_of_it() -> None:
    recent = Recent(0, max_entries=3, max_bytes=10_000)
    recent.extend([unshown(1, 10), entry(11)])
    assert recent.since(4, 7, MUCH) == (7, [unshown(5, 3)])
    assert recent.since(9, 11, MUCH) == (11, [unshown(10), entry(11)])
    assert recent.since(10, 11, MUCH) == (11, [entry(11)])


def test_an_evicted_run_is_not_continued() -> None:
    recent = Recent(0, max_entries=1, max_bytes=10_000)
    recent.extend([unshown(1, 3), entry(4)])
    assert recent.since(2, 4, MUCH) is None
    recent.extend([unshown(5)])
    assert recent.since(4, 5, MUCH) == (5, [unshown(5)])


def test_a_struck_line_is_forgotten_and_its_number_is_not() -> None:
    recent = Recent(0, max_entries=100, max_bytes=10_000)
    recent.extend([entry(1), entry(2), entry(3)])
    recent.extend([strike(4, 2)])
    assert recent.since(0, 4, MUCH) == (4, [entry(1), unshown(2), entry(3), replace(strike(4, 2), strikes=0)])


@pytest.mark.parametrize("line", [1, 3, 4, 99], ids=["evicted", "shown to nobody", "itself", "not there"])
def test_striking_what_is_not_at_hand_changes_nothing(line: int) -> None:
    recent = Recent(0, max_entries=3, max_bytes=10_000)
    recent.extend([entry(1), entry(2), unshown(3), entry(4)])
    recent.extend([strike(5, line)])
    found = recent.since(2, 5, MUCH)
    assert found is not None
    assert [each.seq for each in found[1]] == [3, 4, 5]


def test_what_a_struck_line_took_is_free_for_others() -> None:
    size = len(entry(1, "x" * 100).encoding)
    recent = Recent(0, max_entries=100, max_bytes=3 * size)
    recent.extend([entry(1, "x" * 100), entry(2, "x" * 100)])
    recent.extend([strike(3, 2)])
    recent.extend([entry(4, "x" * 100)])
    assert recent.since(0, 4, MUCH) is not None
