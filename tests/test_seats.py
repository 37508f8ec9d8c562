"""Who gets a seat, and who gives one up: the rule by itself."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockatuh.seats import RESERVE, Seats, Standing, place_of_text

STRANGER, RETURNING, GUEST, SURPLUS, KEPT = Standing


def table(size: int, *rows: tuple[str, Standing, int]) -> Seats[str]:
    """Return a table in which each row is so many seats of a place; their holders are `place 0`, `place 1` …"""
    seats: Seats[str] = Seats(size)
    numbers = Counter[str]()
    for place, standing, count in rows:
        for _ in range(count):
            seats.seat(f"{place} {numbers[place]}", place, standing)
            numbers[place] += 1
    return seats


def test_one_place_may_fill_a_table_but_for_a_tenth() -> None:
    seats: Seats[int] = Seats(1_000)
    while seats.find_victims("school") == []:
        seats.seat(len(seats), "school", KEPT)
    assert len(seats) == 900
    assert seats.find_victims("school", returns=True) is None
    assert seats.find_victims("elsewhere") == []


def test_a_room_of_people_with_an_address_each_is_filled_to_the_last_seat() -> None:
    seats: Seats[int] = Seats(100)
    for number in range(100):
        assert seats.find_victims(f"host {number}") == []
        seats.seat(number, f"host {number}", KEPT)
    assert seats.find_victims("one more") is None


@pytest.mark.parametrize(("places", "left"), [(1, 100), (2, 100), (20, 40), (100, 9)])
def test_many_crowded_places_leave_seats_for_newcomers_too(places: int, left: int) -> None:
    seats: Seats[int] = Seats(1_000)
    for number in range(200 * places):
        place = f"villain {number % places}"
        if seats.find_victims(place) == []:
            seats.seat(number, place, KEPT)
    assert seats.size - seats.used >= left
    for number in range(left):
        assert seats.find_victims(f"honest {number}") == []
        seats.seat(-number - 1, f"honest {number}", KEPT)


def test_the_newest_of_the_most_crowded_place_gives_up_its_seat() -> None:
    seats = table(10, ("b", STRANGER, 2), ("a", STRANGER, 5), ("b", STRANGER, 3))
    assert seats.find_victims("c") == ["a 4"]
    seats.release("a 4")
    seats.seat("c 0", "c", STRANGER)
    assert seats.find_victims("c") == ["b 4"]


def test_no_seat_moves_to_an_equally_crowded_place() -> None:
    seats = table(4, ("a", STRANGER, 2), ("b", STRANGER, 2))
    assert seats.find_victims("a") is None
    assert seats.find_victims("b") is None
    assert seats.find_victims("a", returns=True) == ["a 1"]
    assert seats.find_victims("c", returns=True) == ["a 1"]


def test_seats_are_given_up_in_the_order_of_what_they_are_used_for() -> None:
    rows = [(f"{standing.name}", standing, 3) for standing in reversed(Standing)]
    seats = table(15, *rows)
    given_up: list[str] = []
    while victims := seats.find_victims(f"newcomer {len(given_up)}"):
        given_up += victims
        seats.release(victims[0])
        seats.seat(f"newcomer {len(given_up)}", f"place {len(given_up)}", KEPT)
    places = [name.split()[0] for name in given_up]
    assert places == [s.name for s in (STRANGER, RETURNING, GUEST, SURPLUS) for _ in range(3)]


def test_a_protected_seat_stays_even_in_the_most_crowded_place() -> None:
    seats = table(10, ("a", KEPT, 7), ("b", STRANGER, 3))
    assert seats.find_victims("c") == ["b 2"]
    assert table(10, ("a", KEPT, 9), ("b", STRANGER, 1)).find_victims("b") is None


def test_a_seat_keeps_its_age_when_it_is_used_for_something_else() -> None:
    seats = table(3, ("a", KEPT, 3))
    seats.seat("a 2", "a", SURPLUS)
    seats.seat("a 0", "a", SURPLUS)
    assert seats.find_victims("b") == ["a 2"]


def test_seats_may_weigh_more_than_one() -> None:
    seats: Seats[str] = Seats(100)
    seats.seat("old", "a", SURPLUS, 40)
    seats.seat("new", "a", SURPLUS, 40)
    assert seats.find_victims("b", 30) == ["new"]
    assert seats.find_victims("b", 70) is None, "it would hold more than the other"
    assert seats.find_victims("a", 30) is None
    assert seats.find_victims("a", 45, holder="new") == []
    assert seats.find_victims("a", 70, holder="new") is None


def test_a_shrunken_table_grants_no_seat_without_freeing_others() -> None:
    seats = table(10, ("a", SURPLUS, 6))
    seats.size = 4
    assert seats.find_victims("b") == ["a 5", "a 4", "a 3"]
    assert seats.find_victims("a") is None


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("10.0.0.1:5", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.1"),
        ("[fd00:1:2:3:4:5:6:7]:5", "fd00:1:2:3::/64"),
        ("[fe80::1%2]:5", "fe80::/64"),
        ("[::ffff:10.0.0.1]:5", "10.0.0.1"),
        ("a name:5", ""),
        ("", ""),
    ],
)
def test_a_place_is_an_ipv4_address_or_an_ipv6_network(address: str, place: str) -> None:
    assert place_of_text(address) == place


PLACES = st.sampled_from("abcde")
COMERS = st.tuples(PLACES, st.sampled_from(Standing), st.integers(1, 6), st.booleans())
STEPS = st.one_of(COMERS, st.integers(0, 60))


@given(st.integers(1, 40), st.lists(STEPS, max_size=80))
def test_the_rule_holds_for_any_arrivals(size: int, steps: list[tuple[str, Standing, int, bool] | int]) -> None:
    seats: Seats[int] = Seats(size)
    here: dict[int, tuple[str, Standing, int]] = {}
    for number, step in enumerate(steps):
        if isinstance(step, int):
            seats.release(step)
            here.pop(step, None)
            continue
        place, standing, weight, returns = step
        held = Counter[str]()
        for where, _, each in here.values():
            held[where] += each
        used = held.total()
        victims = seats.find_victims(place, weight, returns=returns)
        assert (seats.used, len(seats)) == (used, len(here)), "asking changes nothing"
        if victims is None:
            assert used + weight > size or held[place] + weight > size - used - weight + 1
            continue
        for victim in victims:
            where, was, heavy = here.pop(victim)
            seats.release(victim)
            assert was is not KEPT
            assert held[where] >= held[place] + (0 if returns else weight), "of a place with more"
            held[where] -= heavy
        if not victims and (held[place] + weight) * 2 > size:
            assert size - used - weight >= size // RESERVE, "a tenth is not for a place that holds half"
        seats.seat(number, place, standing, weight)
        here[number] = place, standing, weight
        assert seats.used <= size


def test_a_seat_that_is_handed_over_keeps_its_age_its_place_and_its_weight() -> None:
    seats: Seats[str] = Seats(3)
    seats.seat("old", "a", SURPLUS)
    seats.seat("young", "a", SURPLUS)
    seats.seat("taken", "b", KEPT)
    seats.hand_over("old", "new")
    assert ("old" in seats, "new" in seats, len(seats), seats.used) == (False, True, 3, 3)
    assert seats.find_victims("c") == ["young"]
    seats.release("young")
    seats.hand_over("new", "taken")
    assert (seats.held_by("a"), seats.held_by("b"), len(seats)) == (1, 0, 1), "the successor's own seat is freed"
    seats.hand_over("nobody", "taken")
    seats.hand_over("taken", "taken")
    assert "taken" in seats
