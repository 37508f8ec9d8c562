from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockatuh.room.admission import FORGET_AFTER, PasswordGate, Right, Undecided, Wait, Wrong

RIGHT = b"tulip-harbor"
HOME = "192.0.2.1"


def gate_that_knows(**options: int) -> PasswordGate:
    gate = PasswordGate(b"s" * 32, **options)
    assert gate.record(RIGHT, True, "192.0.2.99", "first", 0.0) == Right()
    return gate


def guess_until_it_waits(gate: PasswordGate, address: str, owner: str, now: float) -> float:
    for _ in range(4):
        verdict = gate.check(b"guess", address, owner, now)
    assert isinstance(verdict, Wrong)
    return verdict.wait


def test_no_password_is_recognised_before_bcrypt_has_run() -> None:
    gate = PasswordGate(b"s" * 32)
    assert gate.check(RIGHT, HOME, "k", 0.0) == Undecided()
    assert gate.record(b"guess", False, HOME, "k", 0.0) == Wrong(0.0)
    assert gate.check(RIGHT, HOME, "k", 0.0) == Undecided()


def test_the_right_password_is_recognised_once_it_was_verified() -> None:
    gate = gate_that_knows()
    assert gate.check(RIGHT, HOME, "k", 1.0) == Right()
    assert gate.check(b"guess", HOME, "k", 1.0) == Wrong(0.0)
    assert gate.check(b"", HOME, "k", 1.0) == Wrong(0.0)


def test_a_changed_hash_requires_a_new_check() -> None:
    gate = gate_that_knows()
    gate.forget_password()
    assert gate.check(RIGHT, HOME, "k", 1.0) == Undecided()


def test_three_tries_are_free_then_the_wait_doubles_to_ten_minutes() -> None:
    gate = gate_that_knows()
    now, waits = 0.0, []
    for _ in range(13):
        verdict = gate.check(b"guess", HOME, "k", now)
        assert isinstance(verdict, Wrong)
        waits.append(verdict.wait)
        now += verdict.wait
    assert waits == [0, 0, 0, 5, 10, 20, 40, 80, 160, 320, 600, 600, 600]


def test_a_failed_bcrypt_check_counts_like_any_wrong_password() -> None:
    gate = PasswordGate(b"s" * 32)
    verdicts = [gate.record(b"guess", False, HOME, "k", 0.0) for _ in range(4)]
    assert verdicts == [Wrong(0.0), Wrong(0.0), Wrong(0.0), Wrong(5.0)]
    assert gate.check(RIGHT, HOME, "k", 1.0) == Wait(4.0)


def test_a_try_within_the_wait_is_ignored_at_no_cost() -> None:
    gate = gate_that_knows()
    assert guess_until_it_waits(gate, HOME, "k", 100.0) == 5.0
    assert gate.check(RIGHT, HOME, "k", 102.0) == Wait(3.0)
    assert gate.check(b"guess", HOME, "k", 104.0) == Wait(1.0)
    assert gate.check(RIGHT, HOME, "k", 105.0) == Right()


def test_a_guesser_waits_under_a_new_key_and_at_a_new_address() -> None:
    gate = gate_that_knows()
    guess_until_it_waits(gate, HOME, "k", 0.0)
    assert isinstance(gate.check(RIGHT, HOME, "other", 1.0), Wait)
    assert isinstance(gate.check(RIGHT, "198.51.100.7", "k", 1.0), Wait)
    assert gate.check(RIGHT, "198.51.100.7", "other", 1.0) == Right()


def test_classic_members_share_no_wait_but_that_of_their_address() -> None:
    gate = gate_that_knows()
    guess_until_it_waits(gate, HOME, "", 0.0)
    assert isinstance(gate.check(RIGHT, HOME, "", 1.0), Wait)
    assert gate.check(RIGHT, "198.51.100.7", "", 1.0) == Right()


def test_a_right_password_clears_the_wait_of_the_key_but_not_of_the_address() -> None:
    gate = gate_that_knows()
    for _ in range(3):
        gate.check(b"guess", HOME, "k", 0.0)
    assert gate.check(RIGHT, HOME, "k", 0.0) == Right()
    assert gate.check(b"guess", "198.51.100.7", "k", 0.0) == Wrong(0.0)
    assert gate.check(b"guess", HOME, "other", 0.0) == Wrong(5.0)


def test_an_hour_of_quiet_is_forgiven() -> None:
    gate = gate_that_knows()
    wait = guess_until_it_waits(gate, HOME, "k", 0.0)
    assert gate.check(b"guess", HOME, "k", wait + FORGET_AFTER - 1.0) == Wrong(10.0)
    assert gate.check(b"guess", HOME, "k", 2 * (wait + FORGET_AFTER) + 20.0) == Wrong(0.0)


def test_memory_is_bounded_by_evicting_the_quietest() -> None:
    gate = gate_that_knows(max_entries=4)
    guess_until_it_waits(gate, "quiet", "", 0.0)
    for number in range(3):
        guess_until_it_waits(gate, f"a{number}", "", 1.0)
    assert isinstance(gate.check(RIGHT, "quiet", "", 2.0), Wait)
    gate.check(b"guess", "one more", "", 2.0)
    assert gate.check(RIGHT, "quiet", "", 2.0) == Right()
    assert isinstance(gate.check(RIGHT, "a0", "", 2.0), Wait)


@pytest.mark.parametrize("tries", [2_000])
def test_the_wait_never_exceeds_its_cap(tries: int) -> None:
    gate = PasswordGate(b"s" * 32)
    for _ in range(tries):
        verdict = gate.record(b"guess", False, HOME, "k", 0.0)
    assert verdict == Wrong(600.0)


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from(["", "k", "l"]), st.booleans(), st.floats(0, 30)), max_size=60
    )
)
def test_guesses_from_one_address_are_limited_by_the_waits(
    tries: list[tuple[str, str, bool, float]],
) -> None:
    gate = gate_that_knows()
    now, looked_at = 0.0, {"a": 0, "b": 0}
    for address, owner, right, pause in tries:
        now += pause
        verdict = gate.check(RIGHT if right else b"guess", address, owner, now)
        assert isinstance(verdict, (Right if right else Wrong, Wait))
        looked_at[address] += isinstance(verdict, Wrong)
        paid = max(0, looked_at[address] - 4)
        assert now >= 5 * (2**paid - 1) or paid > 7


def test_the_same_password_hashed_anew_is_right_again() -> None:
    gate = gate_that_knows()
    gate.forget_password()
    assert gate.record(RIGHT, True, HOME, "k", 1.0) == Right()
    assert gate.check(RIGHT, HOME, "k", 1.0) == Right()


def test_a_name_is_compared_with_the_password_once_that_is_known_and_until_it_is_changed() -> None:
    gate = PasswordGate(b"s" * 32)
    assert not gate.is_like_name("tulip-harbor")
    gate.record(b"guess", False, HOME, "k", 0.0)
    assert not gate.is_like_name("guess")
    gate.record(b"Tulip Harbor", True, HOME, "k", 0.0)
    assert gate.is_like_name("tulip_harbor")
    assert gate.is_like_name("ＴULIP  HARBOR")
    assert not gate.is_like_name("tulip")
    gate.forget_password()
    assert not gate.is_like_name("tulip_harbor")
