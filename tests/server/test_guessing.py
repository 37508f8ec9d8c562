"""The bound on wrong passwords of the whole room: which are checked, who waits how long, and what the admin is told."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from kit.disk import Diary
from kit.instant_world import InstantWorld
from kit.world import PASSWORD
from server.test_password_checks import RIGHT, WRONG, ask, check, classic_check, desk_that_knows

from sockatuh.net.notify import Notifier
from sockatuh.protocol.client import events as e
from sockatuh.room.admission import Right, Wait, Wrong
from sockatuh.server.alarms import Status
from sockatuh.server.guessing import MAX_TURNS, RESERVED, TRIES, TURN_LASTS, GuessBound, GuessWatch
from sockatuh.server.password_checks import PasswordDesk, PutOff

NOW = 1000.0


def host(number: int) -> str:
    return f"10.9.{number // 250}.{number % 250 + 1}"


def besieged(places: int = 399) -> PasswordDesk:
    """A desk where this many places have each guessed wrongly four times and have to wait."""
    desk = desk_that_knows()
    for _ in range(4):
        for number in range(places):
            ask(desk, check(WRONG, host(number)), NOW)
    return desk


def exhausted() -> PasswordDesk:
    """A desk that has used up its checks, both the shared and the reserved ones."""
    desk = desk_that_knows()
    for number in range(TRIES + RESERVED):
        assert ask(desk, check(WRONG, host(number)), NOW) == Wrong(0.0)
    return desk


@pytest.mark.parametrize("places", [399, 100_000])
def test_wrong_guesses_are_limited_to_200_at_once_and_60_a_minute_in_all(places: int) -> None:
    desk = desk_that_knows()
    looked_at = 0
    for tenth in range(600):
        now = NOW + tenth / 10
        if tenth % 10 == 0:
            desk.bound.look(now)
        for number in range(20):
            verdict = ask(desk, check(WRONG, host((tenth * 20 + number) % places)), now)
            looked_at += isinstance(verdict, Wrong)
    assert TRIES + RESERVED <= looked_at <= TRIES + 60 + RESERVED + 10
    if places < MAX_TURNS:
        assert looked_at >= TRIES + 50, "turns are for those who come again"


def test_right_passwords_cost_nothing() -> None:
    desk = desk_that_knows()
    for number in range(1_000):
        assert ask(desk, check(RIGHT, host(number)), NOW) == Right()


def test_a_known_key_gets_in_during_an_attack() -> None:
    desk = exhausted()
    assert isinstance(ask(desk, check(RIGHT, "10.8.0.1"), NOW), PutOff)
    assert ask(desk, check(RIGHT, "10.8.0.2", known=True), NOW) == Right()


def test_wrong_guesses_of_known_keys_count_against_the_total() -> None:
    desk = desk_that_knows()
    for number in range(TRIES):
        ask(desk, check(WRONG, host(number), known=True), NOW)
    for number in range(RESERVED):
        assert ask(desk, check(WRONG, f"10.8.1.{number}"), NOW) == Wrong(0.0)
    assert isinstance(ask(desk, check(WRONG, "10.8.0.1"), NOW), PutOff)


def test_10_checks_a_minute_are_reserved_for_places_without_recent_errors() -> None:
    desk = desk_that_knows()
    for _ in range(4):
        for number in range(TRIES):
            ask(desk, check(WRONG, host(number)), NOW)
    assert isinstance(ask(desk, check(RIGHT, host(0)), NOW), Wait | PutOff)
    for number in range(RESERVED):
        new = [ask(desk, check(WRONG, f"10.8.0.{number}"), NOW) for _ in range(3)]
        assert [type(each) for each in new] == [Wrong, PutOff, PutOff]
    late = ask(desk, check(RIGHT, "10.8.1.1"), NOW)
    assert isinstance(late, PutOff)
    assert late.seconds == pytest.approx(6.0)


def test_a_newcomer_waits_only_seconds_during_an_attack() -> None:
    desk = besieged(399)
    newcomer = check(RIGHT, "10.8.0.1")
    verdict = ask(desk, newcomer, NOW)
    assert isinstance(verdict, PutOff)
    assert verdict.seconds <= 20.0
    assert ask(desk, newcomer, NOW + verdict.seconds) == Right()


def test_a_newcomer_waits_no_longer_than_it_takes_each_place_of_a_patient_crowd_to_be_wrong_once() -> None:
    desk = desk_that_knows()
    for number in range(399):
        ask(desk, check(WRONG, host(number)), NOW)
    newcomer = check(RIGHT, "10.8.0.1")
    verdict = ask(desk, newcomer, NOW)
    assert isinstance(verdict, PutOff)
    assert verdict.seconds <= 180.0
    assert ask(desk, newcomer, NOW + verdict.seconds) == Right()


def test_a_deferred_client_is_checked_at_the_time_it_was_given() -> None:
    desk = exhausted()
    late = check(RIGHT, "10.8.0.1")
    first = ask(desk, late, NOW)
    assert isinstance(first, PutOff)
    for tenth in range(int(first.seconds * 10)):
        for number in range(30):
            ask(desk, check(WRONG, host(tenth * 30 + number)), NOW + tenth / 10)
    assert ask(desk, late, NOW + first.seconds) == Right()


def test_retrying_early_keeps_the_assigned_turn() -> None:
    desk = exhausted()
    late = check(RIGHT, "10.8.0.1")
    first = ask(desk, late, NOW)
    assert isinstance(first, PutOff)
    again = ask(desk, late, NOW + first.seconds / 2)
    assert isinstance(again, PutOff)
    assert again.seconds == pytest.approx(first.seconds / 2)


def test_turns_are_a_second_apart_and_within_ten_minutes() -> None:
    desk = exhausted()
    waits = []
    for number in range(2 * MAX_TURNS):
        verdict = ask(desk, check(WRONG, f"10.7.{number // 250}.{number % 250}"), NOW)
        assert isinstance(verdict, PutOff)
        waits.append(verdict.seconds)
    assert max(waits) <= 601.0
    assert sorted(waits)[:3] == pytest.approx([1.0, 2.0, 3.0])


def test_an_unused_turn_expires_after_a_minute() -> None:
    desk = exhausted()
    late = check(WRONG, "10.8.0.1")
    first = ask(desk, late, NOW)
    assert isinstance(first, PutOff)
    too_late = NOW + first.seconds + TURN_LASTS + 1.0
    for number in range(TRIES + RESERVED):
        if number % 20 == 0:
            desk.bound.look(too_late)
        ask(desk, check(WRONG, host(number + 1_000)), too_late)
    assert isinstance(ask(desk, late, too_late), PutOff)


def test_checks_queued_for_bcrypt_count_against_the_limit() -> None:
    desk = desk_that_knows()
    desk.forget_password()
    looked_at = 0
    for number in range(3 * TRIES):
        each = check(WRONG, host(number))
        verdict = ask(desk, each, NOW)
        if verdict is None:
            looked_at += 1
            desk.take_check(NOW)
            desk.answer(each, False, NOW)
    assert looked_at == TRIES + RESERVED


def test_classic_guesses_have_their_own_limit_and_no_reserved_share() -> None:
    desk = exhausted()
    classic = [ask(desk, classic_check(WRONG, host(number)), NOW) for number in range(20)]
    assert all(isinstance(each, PutOff) for each in classic)
    fresh = desk_that_knows()
    for number in range(TRIES):
        ask(fresh, check(WRONG, host(number)), NOW)
    assert isinstance(ask(fresh, classic_check(RIGHT, "10.8.0.1"), NOW), PutOff)
    assert ask(fresh, check(RIGHT, "10.8.0.1"), NOW) == Right()


def test_all_remembered_state_is_bounded() -> None:
    bound = GuessBound()
    for number in range(20_000):
        bound.take(number, is_fresh=number % 2 == 0, now=NOW + number / 1_000)
        bound.record(number, NOW, wrong=True)
    assert len(bound._turns) <= MAX_TURNS
    assert not bound._taken


def test_an_attack_is_logged_once_at_its_start_and_once_at_its_end(tmp_path: Path) -> None:
    desk, diary = desk_that_knows(), Diary()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)
        watch = GuessWatch(desk.bound, diary, Status(Notifier(manager.getsockname()), lambda: "kitchen: 3 members"))
        for second in range(120):
            for number in range(20):
                ask(desk, check(WRONG, host(second * 20 + number)), NOW + second)
            watch.look(NOW + second)
        [began] = diary.of("passwords_guessed")
        assert int(str(began["wrong"])) >= TRIES
        assert manager.recv(1000).startswith(b"STATUS=Many wrong passwords are being tried")
        assert not diary.of("guessing_ended")
        for second in range(120, 2_000):
            watch.look(NOW + second)
        [ended] = diary.of("guessing_ended")
        assert int(str(ended["put_off"])) > 1_000
        assert manager.recv(1000) == b"STATUS=kitchen: 3 members"
        with pytest.raises(BlockingIOError):
            manager.recv(1000)


def test_occasional_typing_errors_are_not_reported_as_guessing() -> None:
    desk = desk_that_knows()
    for minute in range(600):
        ask(desk, check(WRONG, host(minute)), NOW + 60 * minute)
        assert desk.bound.look(NOW + 60 * minute) is None


def test_during_an_attack_newcomers_retry_and_members_are_unaffected() -> None:
    world = InstantWorld(classic=False)
    ana = world.person("ana")
    ana.leave()
    bound = world.parts.desk.bound
    for number in range(TRIES + RESERVED - 5):
        bound.take(number, is_fresh=True, now=world.now)
        bound.record(number, world.now, wrong=True)
    for number in range(25):
        guesser = world.outlaw(host=f"10.3.0.{number}")
        guesser.join("guesser", f"guess {number}")
        world.clients.remove(guesser)
    late = world.person("budi")
    refused = late.last(e.JoinRefused)
    assert refused.code == "passwords_guessed"
    assert 0.0 < refused.wait < 60.0
    assert world.person("ana", key=ana.key).is_in
    assert world.person(key=ana.key, ticket=ana.last(e.Admitted).ticket).is_in
    world.advance(refused.wait)
    late.join("budi", PASSWORD)
    assert late.is_in
    assert not [each for each in world.diary.of("password_refused") if each["reason"] == "passwords_guessed"]
