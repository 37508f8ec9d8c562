"""Joining as it is seen from both ends: a client's peer, the log, and what the admin reads."""

from __future__ import annotations

import pytest
from kit.clients import Client
from kit.hall import Hall
from kit.world import PASSWORD

from sockatuh.protocol import messages as m
from sockatuh.protocol.client import events as e
from sockatuh.protocol.constants import TAG_LENGTH
from sockatuh.protocol.identity import fingerprint
from sockatuh.protocol.noise import public_key
from sockatuh.protocol.server.limits import Limits
from sockatuh.room.entries import Joined
from sockatuh.room.names import NameRules
from sockatuh.room.presence import NAMES_PER_OWNER
from sockatuh.server.join import JOINS_BURST, TRANSITIONS, JoinState, JoinStep

HOUR = 3_600.0


@pytest.fixture
def hall() -> Hall:
    return Hall()


def lines(person: Client) -> list[str]:
    return [told for told in person.story if ": " in told]


def filled(count: int, history_on_join: int) -> tuple[Hall, Client]:
    """A room where ana has said so many lines."""
    hall = Hall(history_on_join=history_on_join, limits=Limits(lines_burst=1000))
    ana = hall.person("ana")
    for number in range(count):
        ana.say(f"line {number}")
    hall.until(lambda: len(ana.stored) == count)
    return hall, ana


# The name.


def test_joining_takes_two_steps_and_only_the_second_is_told_to_the_room(hall: Hall) -> None:
    ana = hall.person()
    ana.ask("Ana")
    assert ana.last(e.NameAccepted).name == "Ana"
    assert hall.log.head == 0
    ana.join("Ana")
    admitted = ana.last(e.Admitted)
    assert (admitted.name, admitted.log_id, admitted.head) == ("Ana", hall.log.log_id, 1)
    assert hall.kinds() == ["joined"]
    [record] = hall.ledger.open()
    assert (record.name, record.dialect, record.transient) == ("Ana", "secure", False)


def test_both_steps_can_be_taken_at_once(hall: Hall) -> None:
    assert hall.person("ana").is_in


def test_a_name_is_written_as_the_profile_has_it(hall: Hall) -> None:
    ana = hall.person()
    ana.ask("  Ana   Maria ")
    assert ana.last(e.NameAccepted).name == "Ana_Maria"
    ana.join("Ana Maria")
    assert ana.last(e.Admitted).name == "Ana_Maria"
    assert ana.who() == ["Ana_Maria"]


def test_the_classic_dialect_answers_literally_and_others_see_the_name_as_it_is_written() -> None:
    hall = Hall(classic=True)
    ana = hall.person("ana")
    hall.teletype().join("Budi Santoso")
    assert ana.story[-1] == "Budi_Santoso joined"


@pytest.mark.parametrize("name", ["Lia", "lia", "ＬＩＡ", "Ila", "1ia"])
def test_a_name_that_is_here_or_looks_like_one_is_taken_and_who_has_the_password_is_told_by_whom(
    hall: Hall, name: str
) -> None:
    lia = hall.person("Lia")
    since = hall.wall()
    hall.advance(60.0)
    other = hall.person(name)
    tag = fingerprint(public_key(lia.key))[:TAG_LENGTH]
    assert other.last(e.JoinRefused) == e.JoinRefused("name_taken", 0.0, "Lia", tag=tag, since=since)
    [logged] = hall.diary.of("name_refused")
    assert (logged["name"], logged["reason"]) == (name, "name_taken")


def test_a_name_belongs_to_the_key_that_used_it_last(hall: Hall) -> None:
    ana = hall.person("ana")
    hall.advance(60.0)
    ana.leave()
    left_at = hall.wall()
    hall.advance(60.0)
    other = hall.person("ana")
    tag = fingerprint(public_key(ana.key))[:TAG_LENGTH]
    assert other.last(e.JoinRefused) == e.JoinRefused("name_owned", 0.0, "", tag=tag, since=left_at)
    assert hall.person("ana", key=ana.key).is_in


def test_before_the_password_nobody_learns_whose_a_name_is_or_who_is_here(hall: Hall) -> None:
    hall.person("here")
    hall.person("away").leave()
    hall.person("script", transient=True)
    answers = []
    for name in ("here", "away", "script"):
        other = hall.person()
        other.ask(name)
        answers += other.all(e.JoinRefused)
    assert answers == [e.JoinRefused("name_unavailable", 0.0, "")] * 3
    assert [logged["reason"] for logged in hall.diary.of("name_refused")] == ["name_taken", "name_owned", "name_taken"]


@pytest.mark.parametrize("name", ["here", "away", "free", "a:b", "", "guess", "GUESS"])
def test_a_wrong_password_tells_nothing_about_the_name_it_came_with(hall: Hall, name: str) -> None:
    hall.person("here")
    hall.person("away").leave()
    guesser = hall.outlaw()
    guesser.send(m.Call(1, m.Join(name, "guess", None)))
    assert guesser.answers() == [m.Refused("password_wrong", 0, "")]
    assert "guess" not in [str(each["name"]).lower() for each in hall.diary.of("password_refused")]


def test_a_place_asks_about_60_names_at_once_and_12_a_minute_without_the_password(hall: Hall) -> None:
    def ask(count: int) -> list[str]:
        codes = []
        for number in range(count):
            if number % 20 == 0:
                hall.advance(0.2)
                outlaw = hall.outlaw(host="10.2.0.1")
            outlaw.send(m.Call(number % 20 + 1, m.Join(f"name{number}", None, None)))
            answer = outlaw.answers()[-1]
            codes.append(answer.code if isinstance(answer, m.Refused) else "valid")
            hall.advance(0.1)
            wait.append(answer.wait_ms / 1000 if isinstance(answer, m.Refused) else 0.0)
        return codes

    wait: list[float] = []
    codes = ask(100)
    assert 60 <= codes.count("valid") <= 63
    assert codes.count("name_wait") == 100 - codes.count("valid")
    assert 0 < max(wait) <= 5.1
    neighbour = hall.person()
    neighbour.ask("ana")
    assert neighbour.all(e.NameAccepted), "another place is not meant"
    hall.advance(60.0)
    assert 12 <= ask(30).count("valid") <= 13


def test_questions_that_the_right_password_follows_are_given_back(hall: Hall) -> None:
    for number in range(100):
        person = hall.person(host="10.2.0.1")
        person.ask("taken" if number % 3 == 0 else f"guest{number}")
        person.ask(f"person{number}")
        assert person.all(e.NameAccepted), f"{number}: {person.refusals}"
        person.join(f"person{number}")
        assert person.is_in or person.refusals[-1] in ("room_full", "name_taken")
        hall.advance(0.3)


def test_over_the_bound_a_join_with_name_and_password_is_looked_at_all_the_same(hall: Hall) -> None:
    outlaw = hall.outlaw(host="10.2.0.1")
    for number in range(1, 62):
        outlaw.send(m.Call(number, m.Join(f"name{number}", None, None)))
        hall.advance(0.1)
    assert hall.person("ana", host="10.2.0.1").is_in


def test_a_name_is_free_again_when_its_ownership_is_over() -> None:
    hall = Hall(ownership=HOUR)
    hall.person("ana").leave()
    hall.advance(HOUR)
    other = hall.person()
    other.ask("ana")
    assert other.all(e.NameAccepted)


@pytest.mark.parametrize(
    ("name", "suggestion"), [("ana, budi, citra", "ana_budi_citra"), ("budi joined; ana", "budi_joined_ana"), ("…", "")]
)
def test_a_refusal_holds_a_name_that_would_do(hall: Hall, name: str, suggestion: str) -> None:
    person = hall.person()
    person.ask(name)
    refused = person.last(e.JoinRefused)
    assert (refused.code, refused.suggestion) == ("name_invalid", suggestion)
    assert suggestion in refused.detail


@pytest.mark.parametrize("name", ["", "a:b", "/who", "x" * 33, "a\x1b[2Jb", "a\u202eb"])
def test_what_is_no_name_is_refused_with_the_reason(hall: Hall, name: str) -> None:
    person = hall.person()
    person.ask(name)
    refused = person.last(e.JoinRefused)
    assert refused.code == "name_invalid"
    assert refused.detail
    assert hall.log.head == 0


@pytest.mark.parametrize("name", [PASSWORD, PASSWORD.upper(), f"  {PASSWORD} "])
def test_a_name_that_gives_the_password_away_is_refused_and_never_logged(hall: Hall, name: str) -> None:
    person = hall.person()
    person.join(name)
    assert person.refusals == ["name_is_password"]
    assert not person.is_in
    assert PASSWORD not in str(hall.diary.logged).lower()


def test_two_who_ask_for_one_name_at_once_are_told_apart_by_the_log(hall: Hall) -> None:
    hall.person("somebody").leave()  # bcrypt has seen the password
    hall.writer_busy = True
    one, other = hall.person("ana"), hall.person("ana")
    assert not one.is_in
    assert not other.is_in
    hall.writer_busy = False
    hall.settle()
    assert one.is_in
    assert other.refusals == ["name_taken"]
    assert hall.kinds() == ["joined", "left", "joined"]


def test_two_clients_of_one_key_that_join_at_once_are_one_member(hall: Hall) -> None:
    hall.person("somebody").leave()
    hall.writer_busy = True
    laptop = hall.person("ana")
    phone = hall.person("ana", key=laptop.key)
    hall.writer_busy = False
    hall.settle()
    assert laptop.is_in
    assert phone.is_in
    assert hall.kinds().count("joined") == 2


def test_who_comes_back_while_its_leaving_is_written_joins_behind_it(hall: Hall) -> None:
    ana = hall.person("ana")
    hall.writer_busy = True
    ana.leave()
    again = hall.person("ana", key=ana.key)
    hall.writer_busy = False
    hall.settle()
    assert again.is_in
    assert hall.kinds() == ["joined", "left", "joined"]


# The password.


def test_wrong_passwords_are_free_three_times_then_each_costs_a_longer_wait(hall: Hall) -> None:
    person = hall.person()
    waits = []
    for _ in range(6):
        person.join("ana", "guess")
        refused = person.last(e.JoinRefused)
        assert refused.code == "password_wrong"
        waits.append(refused.wait)
        hall.advance(refused.wait)
    assert waits == [0.0, 0.0, 0.0, 5.0, 10.0, 20.0]
    assert not person.is_in
    assert hall.log.head == 0
    assert [fields["wait"] for fields in hall.diary.of("password_refused")] == waits


def test_a_password_within_the_wait_is_not_looked_at_right_or_wrong(hall: Hall) -> None:
    person = hall.person()
    for _ in range(4):
        person.join("ana", "guess")
    hall.advance(2.0)
    looked_at = len(hall.bcrypt.asked)
    for password in ("guess", PASSWORD):
        person.join("ana", password)
        refused = person.last(e.JoinRefused)
        assert (refused.code, refused.wait) == ("password_wait", 3.0)
    assert len(hall.bcrypt.asked) == looked_at
    hall.advance(3.0)
    person.join("ana")
    assert person.is_in


def test_bcrypt_is_paid_once_for_the_right_password_whoever_gives_it(hall: Hall) -> None:
    hall.person("ana")
    hall.person("budi")
    wrong = hall.person()
    wrong.join("cici", "guess")
    assert wrong.refusals == ["password_wrong"]
    assert len(hall.bcrypt.asked) == 1


@pytest.mark.parametrize("password", ["", "x" * 73, "é" * 37])
def test_a_password_that_bcrypt_cannot_see_is_wrong_and_costs_the_same(hall: Hall, password: str) -> None:
    person = hall.person()
    for _ in range(4):
        person.join("ana", password)
    assert person.refusals == ["password_wrong"] * 4
    assert person.last(e.JoinRefused).wait == 5.0
    assert not hall.bcrypt.asked


def test_while_bcrypt_works_an_address_has_one_try_and_the_queue_holds_32(hall: Hall) -> None:
    hall.bcrypt.held = True
    outlaws = [hall.outlaw(host=f"10.2.0.{number}") for number in range(32)]
    neighbour, late = hall.outlaw(host="10.2.0.0"), hall.outlaw(host="10.3.0.1")
    for number, outlaw in enumerate([*outlaws, neighbour, late]):
        outlaw.send(m.Call(1, m.Join(f"guest{number}", PASSWORD, None)))
    assert [outlaw.answers() for outlaw in outlaws] == [[]] * 32
    assert neighbour.answers() == late.answers() == [m.Refused("busy", 2_000)]
    hall.bcrypt.held = False
    hall.settle()
    assert all(isinstance(answer, m.Welcome) for outlaw in outlaws for answer in outlaw.answers())
    assert len(hall.bcrypt.asked) == 1, "the others had only to be compared"


def test_a_client_that_meets_a_busy_server_gets_in_by_itself(hall: Hall) -> None:
    hall.bcrypt.held = True
    ana, budi = hall.person("ana", host="10.1.0.1"), hall.person("budi", host="10.1.0.1")
    hall.advance(1.0)
    hall.bcrypt.held = False
    hall.settle()
    assert ana.is_in
    hall.until(lambda: budi.is_in)
    assert len(hall.bcrypt.asked) == 1


def test_who_goes_while_bcrypt_looks_at_the_password_never_joins(hall: Hall) -> None:
    hall.bcrypt.held = True
    ana = hall.person("ana")
    ana.leave()
    hall.bcrypt.held = False
    hall.settle()
    assert hall.log.head == 0
    assert not hall.ledger.records


# Names by the thousand.


def test_a_key_that_comes_and_goes_is_asked_to_wait_and_comes_in_by_itself(hall: Hall) -> None:
    key = hall.random(32)
    for number in range(JOINS_BURST):
        hall.person(f"name {number}", key=key).leave()
    late = hall.person("one more", key=key)
    assert not late.is_in
    assert hall.person("another", key=hall.random(32)).is_in, "others are not meant"
    outlaw = hall.outlaw(key)
    outlaw.send(m.Call(1, m.Join("the last", PASSWORD, None)))
    assert outlaw.answers() == [m.Refused("busy", 6_001)]
    began_at = hall.now
    hall.until(lambda: late.is_in)
    assert 6.0 <= hall.now - began_at <= 8.0
    assert late.refusals == []


def test_coming_back_to_a_membership_that_lasts_is_no_join_and_costs_nothing(hall: Hall) -> None:
    key = hall.random(32)
    hall.person("ana", key=key)
    for _ in range(2 * JOINS_BURST):
        again = hall.person("ana", key=key)
        assert again.is_in
        again.leave()


def test_scripts_that_say_one_thing_each_under_one_name_cost_nothing(hall: Hall) -> None:
    key = hall.random(32)
    for _ in range(2 * JOINS_BURST):
        script = hall.person("backup", key=key, transient=True)
        assert script.is_in
        script.leave()


def test_a_name_is_free_again_when_its_key_has_taken_too_many(hall: Hall) -> None:
    key = hall.random(32)
    for number in range(NAMES_PER_OWNER + 1):
        hall.person(f"name {number}", key=key).leave()
        hall.advance(7.0)
    assert hall.person("name 0").is_in
    assert hall.person("name 1").refusals == ["name_owned"]


# What is written before anybody is in.


def test_nobody_is_welcomed_before_the_session_is_written_down(hall: Hall) -> None:
    ana = hall.person("ana")
    hall.begin()
    hall.writer_busy = True
    again = hall.person(key=ana.key, ticket=ana.last(e.Admitted).ticket)
    assert hall.room_server.members == 1, "the member is here, so nothing is appended"
    assert not again.is_in, "a server that is killed now could not tell the next one whom to wake"
    hall.writer_busy = False
    hall.settle()
    assert again.is_in
    assert hall.kinds() == ["joined"]


def test_a_script_that_says_something_under_a_name_in_use_waits_for_no_writing(hall: Hall) -> None:
    ana = hall.person("ana")
    hall.writer_busy = True
    assert hall.person("ana", key=ana.key, transient=True).is_in


def test_who_leaves_while_its_join_is_written_has_left_as_soon_as_it_is(hall: Hall) -> None:
    hall.person("somebody").leave()
    hall.writer_busy = True
    ana = hall.person("ana")
    ana.leave()
    hall.writer_busy = False
    hall.settle()
    assert hall.kinds() == ["joined", "left"] * 2
    assert hall.room_server.members == 0
    assert not hall.ledger.open()


def test_who_leaves_while_its_return_is_written_has_left_as_soon_as_it_is(hall: Hall) -> None:
    ana = hall.person("ana")
    hall.begin()
    hall.writer_busy = True
    hall.person(key=ana.key, ticket=ana.last(e.Admitted).ticket).leave()
    hall.writer_busy = False
    hall.settle()
    assert hall.kinds() == ["joined", "left"]


def test_a_member_stays_whose_other_client_leaves_while_its_join_is_written(hall: Hall) -> None:
    hall.person("somebody").leave()
    hall.writer_busy = True
    laptop = hall.person("ana")
    phone = hall.person("ana", key=laptop.key)
    phone.leave()
    hall.writer_busy = False
    hall.settle()
    assert laptop.is_in
    assert hall.kinds() == ["joined", "left", "joined"]


def test_a_session_that_lost_its_name_to_another_is_in_no_history(hall: Hall) -> None:
    hall.person("somebody").leave()
    hall.writer_busy = True
    one, other = hall.person("ana"), hall.person("ana")
    hall.writer_busy = False
    hall.settle()
    assert other.refusals == ["name_taken"]
    assert [record.cid for record in hall.ledger.open()] != []
    assert len(hall.ledger.open()) == 1
    other.join("budi")
    assert [record.name for record in hall.ledger.open()] == ["ana", "budi"]
    assert one.is_in


def test_a_script_that_lost_its_name_to_another_gives_its_seat_back() -> None:
    hall = Hall(limits=Limits(guests=2, guests_per_address=2))
    hall.person("somebody").leave()
    hall.writer_busy = True
    one, other = (hall.person("robot", transient=True, host="10.9.0.1") for _ in range(2))
    hall.writer_busy = False
    hall.settle()
    assert (one.is_in, other.refusals) == (True, ["name_taken"])
    assert hall.person("another", transient=True, host="10.9.0.1").is_in


# The table.


def test_a_join_that_is_gone_stays_gone_and_every_other_ends_with_its_session() -> None:
    assert {state for state, step in TRANSITIONS if step is JoinStep.ENDED} == set(JoinState) - {JoinState.GONE}
    assert {TRANSITIONS[state, step] for state, step in TRANSITIONS if step in (JoinStep.ENDED, JoinStep.REFUSED)} == {
        JoinState.GONE
    }


def test_the_only_way_to_a_seat_is_by_way_of_the_disk() -> None:
    assert [(state, step) for (state, step), to in TRANSITIONS.items() if to is JoinState.SEATED] == [
        (JoinState.WRITING, JoinStep.WRITTEN)
    ]
    assert {state for (state, step), to in TRANSITIONS.items() if to is JoinState.WRITING} == {
        JoinState.ASKED,
        JoinState.CHECKING,
        JoinState.WRITING,
    }


def test_what_the_table_does_not_know_is_an_error(hall: Hall) -> None:
    ana = hall.person("ana")
    [session] = [record.cid for record in hall.ledger.open()]
    joining = hall.room_server._joining
    join = joining._joins[session or 0]
    assert (join.state, ana.is_in) == (JoinState.SEATED, True)
    for step in (JoinStep.UNDECIDED, JoinStep.ADMITTED, JoinStep.WRITTEN, JoinStep.REFUSED):
        with pytest.raises(KeyError):
            joining._step(join, step)
    assert join.state is JoinState.SEATED


# The room.


def test_one_more_than_the_room_holds_is_told_that_it_is_full() -> None:
    hall = Hall(max_members=2)
    ana, budi = hall.person("ana"), hall.person("budi")
    third = hall.person("cici")
    assert third.refusals == ["room_full"]
    assert hall.person("ana", key=ana.key).is_in, "a member's second client needs no place"
    budi.leave()
    third.join("cici")
    assert third.is_in


def test_a_second_join_in_a_session_is_refused(hall: Hall) -> None:
    outlaw = hall.outlaw()
    outlaw.send(m.Call(1, m.Join("ana", PASSWORD, None)))
    outlaw.send(m.Call(2, m.Join("budi", PASSWORD, None)))
    welcome, refused = outlaw.answers()
    assert isinstance(welcome, m.Welcome)
    assert refused == m.Refused("already_joined")


# Tickets.


def test_a_ticket_brings_its_key_back_without_a_password(hall: Hall) -> None:
    ana = hall.person("ana")
    ticket = ana.last(e.Admitted).ticket
    ana.leave()
    hall.begin()
    again = hall.person(key=ana.key, ticket=ticket)
    assert again.last(e.Connected).resumed
    assert again.last(e.Admitted).name == "ana"
    assert len(hall.bcrypt.asked) == 1


def test_a_ticket_is_of_no_use_to_another_key(hall: Hall) -> None:
    ticket = hall.person("ana").last(e.Admitted).ticket
    thief = hall.person(ticket=ticket)
    assert not thief.last(e.Connected).resumed
    assert not thief.is_in


def test_a_new_password_ends_all_tickets(hall: Hall) -> None:
    ana = hall.person("ana")
    hall.begin(hashed="another hash")
    again = hall.person(key=ana.key, ticket=ana.last(e.Admitted).ticket)
    assert not again.last(e.Connected).resumed


@pytest.mark.parametrize("name", ["Ana Maria", "ana, budi", "— ana"])
def test_a_ticket_for_a_name_that_is_no_longer_legal_is_refused(
    hall: Hall, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as long_ago:
        long_ago.setattr(NameRules, "enforce", lambda _, name: name)
        ana = hall.person(name)
    hall.begin()
    again = hall.person(key=ana.key, ticket=ana.last(e.Admitted).ticket)
    assert again.last(e.Connected).resumed
    assert again.refusals == ["ticket_refused"]
    again.join("Ana")
    assert again.last(e.Admitted).name == "Ana"


def test_a_ticket_for_a_name_that_has_another_owner_by_now_is_refused() -> None:
    hall = Hall(ownership=HOUR)
    ana = hall.person("ana")
    ana.leave()
    hall.advance(HOUR)
    hall.person("ana")
    late = hall.person(key=ana.key, ticket=ana.last(e.Admitted).ticket)
    assert late.refusals == ["name_taken"]


# What a newcomer may read.


@pytest.mark.parametrize(("history_on_join", "wish", "shown"), [
    (0, None, 0), (0, 200, 0),
    (5, None, 5), (5, 0, 0), (5, 3, 3), (5, 200, 5),
    (200, None, 20), (200, 7, 7), (200, 0, 0),
])  # fmt: skip
def test_a_newcomer_gets_as_many_lines_as_the_admin_allows_and_it_wishes(
    history_on_join: int, wish: int | None, shown: int
) -> None:
    hall, _ = filled(20, history_on_join)
    budi = hall.person("budi", history=wish)
    hall.advance(1.0)
    assert lines(budi) == [f"ana: line {number}" for number in range(20 - shown, 20)]
    assert budi.all(e.CaughtUp)


def test_joins_and_leaves_are_not_counted_as_history() -> None:
    hall, _ = filled(3, 2)
    for number in range(5):
        hall.person(f"guest{number}").leave()
    newcomer = hall.person("budi")
    hall.advance(1.0)
    assert lines(newcomer) == ["ana: line 1", "ana: line 2"]
    assert len(newcomer.story) > 2


def test_the_history_is_the_same_after_a_restart() -> None:
    hall, _ = filled(20, 5)
    hall.begin()
    budi = hall.person("budi")
    hall.advance(1.0)
    assert lines(budi) == [f"ana: line {number}" for number in range(15, 20)]


@pytest.mark.parametrize("knows_the_log", [True, False])
def test_a_newcomer_reads_no_more_by_claiming_an_old_cursor(knows_the_log: bool) -> None:
    hall, _ = filled(20, 5)
    head = hall.log.head
    outlaw = hall.outlaw(log_id=hall.log.log_id if knows_the_log else None, cursor=1)
    outlaw.send(m.Call(1, m.Join("mallory", PASSWORD, None)))
    [welcome] = outlaw.answers()
    assert isinstance(welcome, m.Welcome)
    assert welcome.start == head - 5
    read = [entry.text for entry in outlaw.read(0, head) if entry.kind == m.MESSAGE]
    assert read == [f"line {number}" for number in range(15, 20)]


def test_a_cursor_from_the_future_is_brought_back_to_the_head() -> None:
    hall, _ = filled(20, 5)
    outlaw = hall.outlaw(cursor=10_000)
    outlaw.send(m.Call(1, m.Join("mallory", PASSWORD, None)))
    [welcome] = outlaw.answers()
    assert isinstance(welcome, m.Welcome)
    assert welcome.start == welcome.head == hall.log.head


def test_a_member_that_returns_reads_from_its_membership_on_however_much_was_said() -> None:
    hall, ana = filled(3, 5)
    budi = hall.person("budi")
    joined_at = budi.last(e.Admitted).head
    budi.leave()
    for number in range(3, 20):
        ana.say(f"line {number}")
    hall.until(lambda: len(ana.stored) == 20)
    outlaw = hall.outlaw(budi.key, log_id=hall.log.log_id, cursor=1)
    outlaw.send(m.Call(1, m.Join("budi", PASSWORD, None)))
    read = outlaw.read(0, hall.log.head)
    assert [entry.seq for entry in read] == list(range(joined_at + 1, hall.log.head + 1))
    assert [entry.text for entry in read if entry.kind == m.MESSAGE] == [f"line {number}" for number in range(3, 20)]


def test_what_belongs_to_membership_survives_a_restart() -> None:
    hall, ana = filled(3, 1)
    budi = hall.person("budi")
    joined_at = budi.last(e.Admitted).head
    budi.leave()
    for number in range(3, 10):
        ana.say(f"line {number}")
    hall.begin()
    outlaw = hall.outlaw(budi.key, log_id=hall.log.log_id, cursor=joined_at)
    outlaw.send(m.Call(1, m.Join("budi", PASSWORD, None)))
    [welcome] = outlaw.answers()
    assert isinstance(welcome, m.Welcome)
    assert welcome.start == joined_at


def test_the_log_tells_who_joined_from_where_with_what(hall: Hall) -> None:
    ana = hall.person("ana")
    [body] = hall.bodies()
    assert isinstance(body, Joined)
    assert (body.name, body.dialect, body.version) == ("ana", "secure", "test 1")
    assert body.address == f"{ana.address[0]}:{ana.address[1]}"
    assert body.owner
    assert body.owner != fingerprint(ana.key), "it is the public key's, not the secret's"
