from __future__ import annotations

from kit.instant_world import InstantWorld

from sockatuh.room.admission import PasswordGate, Right, Wait, Wrong
from sockatuh.server.dialects.base import Visitor
from sockatuh.server.join import JoinAttempt
from sockatuh.server.password_checks import (
    ANONYMOUS_TRIES,
    ANONYMOUS_TRIES_PER_SECOND,
    MAX_CHECKS,
    Busy,
    Check,
    PasswordDesk,
    Verdict,
)

RIGHT, WRONG = b"tulip harbor", b"guess"
PARTS = InstantWorld().parts


def check(password: bytes, host: str = "10.0.0.2", owner: str = "", *, known: bool = False) -> Check:
    key = owner or f"key of {host}"
    visitor = Visitor(1, PARTS.secure, (host, 4000), key, "test", role="member", opened_at=0.0)
    return Check(JoinAttempt(visitor, "ana", by_ticket=False), known, password)


def classic_check(password: bytes, host: str) -> Check:
    visitor = Visitor(-1, PARTS.classic, (host, 4000), "", "", role="member", opened_at=0.0)
    return Check(JoinAttempt(visitor, "ana", by_ticket=False), False, password)


def ask(desk: PasswordDesk, check: Check, now: float) -> Verdict | None:
    """Ask about a password as a join does."""
    return desk.put_off(check, now) or desk.ask(check, now)


def desk() -> PasswordDesk:
    return PasswordDesk(PasswordGate(bytes(32)))


def desk_that_knows() -> PasswordDesk:
    known = desk()
    first = check(RIGHT, "10.0.0.9")
    assert ask(known, first, 0.0) is None
    assert known.take_check(0.0) == (first, None)
    assert known.answer(first, True, 0.0) == Right()
    return known


def test_the_first_password_is_checked_by_bcrypt() -> None:
    new = desk()
    first = check(RIGHT)
    assert ask(new, first, 0.0) is None
    assert new.take_check(0.0) == (first, None)
    assert new.answer(first, True, 0.0) == Right()


def test_a_verified_password_needs_no_further_bcrypt() -> None:
    known = desk_that_knows()
    assert ask(known, check(RIGHT), 1.0) == Right()
    assert ask(known, check(WRONG), 1.0) == Wrong(0.0)
    assert known.take_check(1.0) is None


def test_bcrypt_checks_one_password_at_a_time() -> None:
    new = desk()
    first, second = check(WRONG, "10.0.0.2"), check(WRONG, "10.0.0.3")
    ask(new, first, 0.0)
    ask(new, second, 0.0)
    assert new.take_check(0.0) == (first, None)
    assert new.take_check(0.0) is None
    assert new.answer(first, False, 0.0) == Wrong(0.0)
    assert new.take_check(0.0) == (second, None)


def test_a_verified_password_answers_queued_checks_without_bcrypt() -> None:
    new = desk()
    first, right, wrong = check(RIGHT, "10.0.0.2"), check(RIGHT, "10.0.0.3"), check(WRONG, "10.0.0.4")
    for each in (first, right, wrong):
        assert ask(new, each, 0.0) is None
    new.take_check(0.0)
    new.answer(first, True, 0.0)
    assert new.take_check(0.0) == (right, Right())
    assert new.take_check(0.0) == (wrong, Wrong(0.0))
    assert new.take_check(0.0) is None


def test_an_address_has_at_most_one_pending_check() -> None:
    new = desk()
    first = check(WRONG)
    ask(new, first, 0.0)
    assert ask(new, check(WRONG), 0.0) == Busy()
    new.take_check(0.0)
    assert ask(new, check(WRONG), 0.0) == Busy()
    new.answer(first, False, 0.0)
    assert ask(new, check(WRONG), 0.0) is None


def test_at_most_32_checks_are_pending() -> None:
    new = desk()
    for number in range(MAX_CHECKS):
        assert ask(new, check(WRONG, f"10.0.1.{number}"), 0.0) is None
    assert ask(new, check(WRONG, "10.0.2.1"), 0.0) == Busy()
    new.take_check(0.0)
    assert ask(new, check(WRONG, "10.0.2.1"), 0.0) == Busy()


def test_wrong_guessers_queue_behind_everybody_else() -> None:
    new = desk()
    for number in range(10):
        guesser = check(WRONG, f"10.0.1.{number}")
        ask(new, guesser, 0.0)
        new.take_check(0.0)
        new.answer(guesser, False, 0.0)
    for number in range(10):
        assert ask(new, check(WRONG, f"10.0.1.{number}"), 1.0) is None
    newcomer = check(RIGHT, "10.0.2.1")
    assert ask(new, newcomer, 1.0) is None
    assert new.take_check(1.0) == (newcomer, None)


def test_a_full_queue_evicts_and_notifies_the_worst_guesser() -> None:
    new = desk()
    guessers = [check(WRONG, f"10.0.1.{number}") for number in range(MAX_CHECKS)]
    for number, guesser in enumerate(guessers):
        for _ in range(2 if number == 1 else 1):
            new.count_wrong(guesser, 0.0)
        assert ask(new, guesser, 0.0) is None
    newcomer = check(RIGHT, "10.0.2.1")
    assert ask(new, newcomer, 1.0) is None
    assert new.take_check(1.0) == (guessers[1], Busy())
    assert new.take_check(1.0) == (newcomer, None)
    another = check(WRONG, "10.0.1.1")
    assert ask(new, another, 1.0) == Busy(), "it has guessed more than all who wait"


def test_classic_checks_queue_behind_all_others() -> None:
    new = desk()
    classic = [classic_check(WRONG, f"10.0.1.{number}") for number in range(MAX_CHECKS)]
    assert [ask(new, each, 0.0) for each in classic] == [None] * MAX_CHECKS
    late = check(RIGHT, "10.0.2.1")
    assert ask(new, late, 0.0) is None
    assert new.take_check(0.0) == (classic[-1], Busy())
    assert new.take_check(0.0) == (late, None)


def test_classic_guesses_are_rate_limited_across_forged_addresses() -> None:
    known = desk_that_knows()
    verdicts = [
        ask(known, classic_check(WRONG, f"10.{n // 250}.3.{n % 250}"), 1.0) for n in range(ANONYMOUS_TRIES + 10)
    ]
    assert verdicts[:ANONYMOUS_TRIES] == [Wrong(0.0)] * ANONYMOUS_TRIES
    assert verdicts[ANONYMOUS_TRIES:] == [Wait(1 / ANONYMOUS_TRIES_PER_SECOND)] * 10
    assert ask(known, classic_check(RIGHT, "10.0.4.1"), 1.0) == Wait(1 / ANONYMOUS_TRIES_PER_SECOND)
    assert ask(known, check(RIGHT, "10.0.4.1"), 1.0) == Right(), "the secure dialect is not meant"
    assert ask(known, classic_check(RIGHT, "10.0.4.1"), 1.0 + 1 / ANONYMOUS_TRIES_PER_SECOND) == Right()


def test_the_fourth_wrong_password_costs_5_seconds_and_each_further_one_twice_as_much() -> None:
    known, now = desk_that_knows(), 0.0
    for wait in (0.0, 0.0, 0.0, 5.0, 10.0, 20.0):
        assert ask(known, check(WRONG), now) == Wrong(wait)
        if wait:
            assert ask(known, check(RIGHT), now + wait / 2) == Wait(wait / 2)
        now += wait


def test_an_impossible_password_is_refused_without_bcrypt_at_the_same_cost() -> None:
    new = desk()
    answers = [new.count_wrong(check(b""), 0.0) for _ in range(4)]
    assert answers == [Wrong(0.0), Wrong(0.0), Wrong(0.0), Wrong(5.0)]
    assert new.put_off(check(b""), 1.0) == Wait(4.0)
    assert new.take_check(1.0) is None


def test_waits_follow_both_the_key_and_the_address() -> None:
    known = desk_that_knows()
    for number in range(4):
        ask(known, check(WRONG, f"10.0.3.{number}", "the key"), 0.0)
    assert ask(known, check(RIGHT, "10.0.4.1", "the key"), 0.0) == Wait(5.0)
    assert ask(known, check(RIGHT, "10.0.3.0", "another key"), 0.0) == Right()
    for number in range(4):
        ask(known, check(WRONG, "10.0.5.1", f"key {number}"), 0.0)
    assert ask(known, check(RIGHT, "10.0.5.1", "a fifth key"), 0.0) == Wait(5.0)


def test_an_ipv6_network_shares_one_wait() -> None:
    known = desk_that_knows()
    for number in range(1, 5):
        ask(known, check(WRONG, f"2001:db8::{number}", f"key {number}"), 1.0)
    assert isinstance(ask(known, check(RIGHT, "2001:db8::5", "key 5"), 1.0), Wait)
    assert ask(known, check(RIGHT, "2001:db8:0:1::5", "key 6"), 1.0) == Right()


def test_wrong_classic_passwords_delay_no_secure_client() -> None:
    known = desk_that_knows()
    for _ in range(4):
        ask(known, classic_check(WRONG, "10.0.0.2"), 1.0)
    assert ask(known, check(RIGHT, owner="key"), 1.0) == Right()
