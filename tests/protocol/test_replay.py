"""The replay window, compared with the set of counters it stands for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sockatuh.protocol.constants import REPLAY_WINDOW
from sockatuh.protocol.replay import ReplayWindow


def test_every_counter_is_fresh_at_first() -> None:
    window = ReplayWindow()
    assert window.highest == -1
    assert window.is_fresh(0)
    assert window.is_fresh(2**60)


def test_a_counter_is_good_once() -> None:
    window = ReplayWindow()
    window.mark(7)
    assert not window.is_fresh(7)
    assert window.is_fresh(6)
    assert window.is_fresh(8)


def test_what_is_older_than_the_window_counts_as_seen() -> None:
    window = ReplayWindow()
    window.mark(REPLAY_WINDOW)
    assert window.is_fresh(1)
    assert not window.is_fresh(0)


def test_asking_changes_nothing() -> None:
    window = ReplayWindow()
    window.is_fresh(5)
    assert window.is_fresh(5)
    assert window.highest == -1


def test_a_jump_to_the_last_counter_costs_no_memory_and_forgets_what_was() -> None:
    window = ReplayWindow()
    window.mark(0)
    window.mark(2**64 - 1)
    assert window.highest == 2**64 - 1
    assert not window.is_fresh(0)
    assert window.is_fresh(2**64 - 2)
    window.mark(0)
    assert window.highest == 2**64 - 1


@given(
    counters=st.lists(st.one_of(st.integers(0, 40), st.integers(0, 400), st.integers(0, 2**60)), max_size=60),
    size=st.sampled_from((1, 2, 8, 64)),
)
def test_it_behaves_like_a_set_of_all_counters_seen(counters: list[int], size: int) -> None:
    window, seen = ReplayWindow(size), set[int]()
    for counter in counters:
        highest = max(seen, default=-1)
        assert window.highest == highest
        for asked in {counter, highest, highest + 1, max(0, highest - size), max(0, highest - size + 1)}:
            assert window.is_fresh(asked) == (asked > highest - size and asked not in seen)
        window.mark(counter)
        seen.add(counter)
