"""Tries are counted for each place by itself, and for so many places."""

from __future__ import annotations

from sockatuh.web.tries import PLACES, Tries


def test_five_at_once_then_one_every_twelve_seconds() -> None:
    tries = Tries(5, 12.0)
    for _ in range(5):
        assert tries.wait("a", 100.0) == 0.0
        tries.count("a", 100.0)
    assert tries.wait("a", 100.0) == 12.0
    assert tries.wait("a", 111.0) == 1.0
    assert tries.wait("a", 112.0) == 0.0
    tries.count("a", 112.0)
    assert tries.wait("a", 112.0) == 12.0
    assert tries.wait("a", 1_000.0) == 0.0


def test_one_who_guesses_delays_nobody_else() -> None:
    tries = Tries(5, 12.0)
    for _ in range(50):
        tries.count("guesser", 0.0)
    assert tries.wait("guesser", 0.0) > 500
    assert tries.wait("other", 0.0) == 0.0


def test_it_remembers_a_bounded_number_of_places() -> None:
    tries = Tries(1, 12.0)
    for number in range(PLACES + 10):
        tries.count(str(number), 0.0)
    assert len(tries._free_at) == PLACES
    assert tries.wait(str(PLACES + 9), 0.0) > 0


def test_a_place_that_the_room_makes_wait_is_told_so_for_that_long() -> None:
    tries = Tries(5, 12.0)
    tries.count("a", 0.0)
    tries.put_off("a", 40.0, 0.0)
    assert tries.wait("a", 0.0) == 40.0
    assert tries.wait("a", 30.0) == 10.0
    assert tries.wait("a", 40.0) == 0.0
    tries.put_off("a", 5.0, 40.0)
    assert tries.wait("a", 40.0) == 5.0
    assert tries.wait("other", 0.0) == 0.0


def test_a_shorter_wait_does_not_end_a_longer_one() -> None:
    tries = Tries(5, 12.0)
    tries.put_off("a", 40.0, 0.0)
    tries.put_off("a", 5.0, 0.0)
    assert tries.wait("a", 0.0) == 40.0
