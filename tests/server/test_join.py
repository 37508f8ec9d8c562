"""Joining, seen from the client's peer, the log, and the admin's events."""

from __future__ import annotations

import pytest
from kit.clients import Client
from kit.instant_world import InstantWorld
from kit.password_hash import OTHER_SALT, quick_hash
from kit.proofs import pad
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
from sockatuh.server.entry_rate import ENTRIES_BURST
from sockatuh.server.join import TRANSITIONS, JoinState, JoinStep

HOUR = 3_600.0


@pytest.fixture
def world() -> InstantWorld:
    return InstantWorld()


def lines(person: Client) -> list[str]:
    return [line for line in person.story if ": " in line]


def filled(count: int, history_on_join: int) -> tuple[InstantWorld, Client]:
    """Return a room in which ana has said this many lines."""
    world = InstantWorld(history_on_join=history_on_join, limits=Limits(lines_burst=1000))
    ana = world.person("ana")
    for number in range(count):
        ana.say(f"line {number}")
    world.until(lambda: len(ana.stored) == count)
    return world, ana


# The name.


def test_joining_takes_two_steps_and_only_the_second_is_published(world: InstantWorld) -> None:
    ana = world.person()
    ana.ask("Ana")
    assert ana.last(e.NameAccepted).name == "Ana"
    assert world.log.head == 0
    ana.join("Ana")
    admitted = ana.last(e.Admitted)
    assert (admitted.name, admitted.log_id, admitted.head) == ("Ana", world.log.log_id, 1)
    assert world.kinds() == ["joined"]
    [record] = world.ledger.open()
    assert (record.name, record.dialect, record.transient) == ("Ana", "secure", False)


def test_both_steps_can_be_taken_at_once(world: InstantWorld) -> None:
    assert world.person("ana").is_in


def test_a_name_is_written_as_the_profile_has_it(world: InstantWorld) -> None:
    ana = world.person()
    ana.ask("  Ana   Maria ")
    assert ana.last(e.NameAccepted).name == "Ana_Maria"
    ana.join("Ana Maria")
    assert ana.last(e.Admitted).name == "Ana_Maria"
    assert ana.who() == ["Ana_Maria"]


def test_the_classic_dialect_answers_literally_and_others_see_the_name_as_it_is_written() -> None:
    world = InstantWorld(classic=True)
    ana = world.person("ana")
    world.teletype().join("Budi Santoso")
    assert ana.story[-1] == "Budi_Santoso joined"


@pytest.mark.parametrize("name", ["Lia", "lia", "ＬＩＡ", "Ila", "1ia"])
def test_a_present_or_look_alike_name_is_taken(world: InstantWorld, name: str) -> None:
    lia = world.person("Lia")
    since = world.wall()
    world.advance(60.0)
    other = world.person(name)
    tag = fingerprint(public_key(lia.key))[:TAG_LENGTH]
    assert other.last(e.JoinRefused) == e.JoinRefused("name_taken", 0.0, "Lia", tag=tag, since=since)
    [logged] = world.diary.of("name_refused")
    assert (logged["name"], logged["reason"]) == (name, "name_taken")


def test_a_name_belongs_to_the_key_that_used_it_last(world: InstantWorld) -> None:
    ana = world.person("ana")
    world.advance(60.0)
    ana.leave()
    left_at = world.wall()
    world.advance(60.0)
    other = world.person("ana")
    tag = fingerprint(public_key(ana.key))[:TAG_LENGTH]
    assert other.last(e.JoinRefused) == e.JoinRefused("name_owned", 0.0, "", tag=tag, since=left_at)
    assert world.person("ana", key=ana.key).is_in


def test_nothing_about_names_leaks_before_the_password(world: InstantWorld) -> None:
    world.person("here")
    world.person("away").leave()
    world.person("script", transient=True)
    answers = []
    for name in ("here", "away", "script"):
        other = world.person()
        other.ask(name)
        answers += other.all(e.JoinRefused)
    assert answers == [e.JoinRefused("name_unavailable", 0.0, "")] * 3
    assert [logged["reason"] for logged in world.diary.of("name_refused")] == ["name_taken", "name_owned", "name_taken"]


@pytest.mark.parametrize("name", ["here", "away", "free", "a:b", ""])
def test_a_wrong_password_reveals_nothing_about_the_name(world: InstantWorld, name: str) -> None:
    world.person("here")
    world.person("away").leave()
    guesser = world.outlaw()
    guesser.join(name, "guess")
    assert guesser.answers()[1:] == [m.Refused("password_wrong", 0, "")]


def test_name_queries_are_limited_to_60_at_once_and_12_a_minute_per_place(world: InstantWorld) -> None:
    def ask(count: int) -> list[str]:
        codes = []
        for number in range(count):
            if number % 20 == 0:
                world.advance(0.2)
                outlaw = world.outlaw(host="10.2.0.1")
            outlaw.send(m.Call(number % 20 + 1, m.Join(f"name{number}", None, None)))
            answer = outlaw.answers()[-1]
            codes.append(answer.code if isinstance(answer, m.Refused) else "valid")
            world.advance(0.1)
            wait.append(answer.wait_ms / 1000 if isinstance(answer, m.Refused) else 0.0)
        return codes

    wait: list[float] = []
    codes = ask(100)
    assert 60 <= codes.count("valid") <= 63
    assert codes.count("name_wait") == 100 - codes.count("valid")
    assert 0 < max(wait) <= 5.1
    neighbour = world.person()
    neighbour.ask("ana")
    assert neighbour.all(e.NameAccepted), "another place is not meant"
    world.advance(60.0)
    assert 12 <= ask(30).count("valid") <= 13


def test_name_queries_are_refunded_by_the_right_password(world: InstantWorld) -> None:
    for number in range(40):
        person = world.person(host="10.2.0.1")
        person.ask("taken" if number % 3 == 0 else f"guest{number}")
        person.ask(f"person{number}")
        assert person.all(e.NameAccepted), f"{number}: {person.refusals}"
        person.join(f"person{number}")
        assert person.is_in or person.refusals[-1] in ("room_full", "name_taken")
        world.advance(0.3)


def test_a_join_with_password_is_processed_beyond_the_query_limit(world: InstantWorld) -> None:
    outlaw = world.outlaw(host="10.2.0.1")
    for number in range(1, 62):
        outlaw.send(m.Call(number, m.Join(f"name{number}", None, None)))
        world.advance(0.1)
    assert world.person("ana", host="10.2.0.1").is_in


def test_a_name_is_free_after_its_ownership_expires() -> None:
    world = InstantWorld(ownership=HOUR)
    world.person("ana").leave()
    world.advance(HOUR)
    other = world.person()
    other.ask("ana")
    assert other.all(e.NameAccepted)


@pytest.mark.parametrize(
    ("name", "suggestion"), [("ana, budi, citra", "ana_budi_citra"), ("budi joined; ana", "budi_joined_ana"), ("…", "")]
)
def test_a_refused_name_comes_with_an_alternative(world: InstantWorld, name: str, suggestion: str) -> None:
    person = world.person()
    person.ask(name)
    refused = person.last(e.JoinRefused)
    assert (refused.code, refused.suggestion) == ("name_invalid", suggestion)
    assert suggestion in refused.detail


@pytest.mark.parametrize("name", ["", "a:b", "/who", "x" * 33, "a\x1b[2Jb", "a\u202eb"])
def test_an_invalid_name_is_refused_with_the_reason(world: InstantWorld, name: str) -> None:
    person = world.person()
    person.ask(name)
    refused = person.last(e.JoinRefused)
    assert refused.code == "name_invalid"
    assert refused.detail
    assert world.log.head == 0


@pytest.mark.parametrize("name", ["guess", "GUESS"])
def test_a_name_that_was_also_given_as_the_password_is_not_logged(world: InstantWorld, name: str) -> None:
    """The server only sees wrong passwords of the classic dialect; our own client refuses such a name itself."""
    teletype = world.teletype()
    teletype.send(b"Username:" + name.encode())
    assert teletype.send(b"Password:guess") == [b"Password salah! Silakan coba lagi."]
    assert [each["name"] for each in world.diary.of("password_refused")] == [""]


@pytest.mark.parametrize("name", [PASSWORD, PASSWORD.upper(), f"  {PASSWORD} "])
def test_a_name_that_reveals_the_password_is_refused_and_never_logged(world: InstantWorld, name: str) -> None:
    person = world.person()
    person.join(name)
    assert person.refusals == ["name_is_password"]
    assert not person.is_in
    assert PASSWORD not in str(world.diary.logged).lower()


def test_the_log_decides_between_two_requests_for_one_name(world: InstantWorld) -> None:
    world.person("somebody").leave()  # bcrypt has seen the password
    world.writer_busy = True
    one, other = world.person("ana"), world.person("ana")
    assert not one.is_in
    assert not other.is_in
    world.writer_busy = False
    world.settle()
    assert one.is_in
    assert other.refusals == ["name_taken"]
    assert world.kinds() == ["joined", "left", "joined"]


def test_two_clients_of_one_key_that_join_at_once_are_one_member(world: InstantWorld) -> None:
    world.person("somebody").leave()
    world.writer_busy = True
    laptop = world.person("ana")
    phone = world.person("ana", key=laptop.key)
    world.writer_busy = False
    world.settle()
    assert laptop.is_in
    assert phone.is_in
    assert world.kinds().count("joined") == 2


def test_a_return_during_the_write_of_a_leave_joins_after_it(world: InstantWorld) -> None:
    ana = world.person("ana")
    world.writer_busy = True
    ana.leave()
    again = world.person("ana", key=ana.key)
    world.writer_busy = False
    world.settle()
    assert again.is_in
    assert world.kinds() == ["joined", "left", "joined"]


# The password.


def test_after_three_wrong_passwords_each_costs_a_longer_wait(world: InstantWorld) -> None:
    person = world.person()
    waits = []
    for _ in range(6):
        person.join("ana", "guess")
        refused = person.last(e.JoinRefused)
        assert refused.code == "password_wrong"
        waits.append(refused.wait)
        world.advance(refused.wait)
    assert waits == [0.0, 0.0, 0.0, 5.0, 10.0, 20.0]
    assert not person.is_in
    assert world.log.head == 0
    assert [fields["wait"] for fields in world.diary.of("password_refused")] == waits


def test_a_password_sent_within_the_wait_is_not_checked(world: InstantWorld) -> None:
    person = world.person()
    for _ in range(4):
        person.join("ana", "guess")
    world.advance(2.0)
    looked_at = len(world.bcrypt.asked)
    for password in ("guess", PASSWORD):
        person.join("ana", password)
        refused = person.last(e.JoinRefused)
        assert (refused.code, refused.wait) == ("password_wait", 3.0)
    assert len(world.bcrypt.asked) == looked_at
    world.advance(3.0)
    person.join("ana")
    assert person.is_in


def test_the_right_password_costs_one_bcrypt_check_for_everybody(world: InstantWorld) -> None:
    world.person("ana")
    world.person("budi")
    wrong = world.person()
    wrong.join("cici", "guess")
    assert wrong.refusals == ["password_wrong"]
    assert len(world.bcrypt.asked) == 1


@pytest.mark.parametrize(
    "padded", [pad(b""), pad(b"x" * 72, 73), pad(PASSWORD.encode(), 255), pad(b"\xff\xfe"), pad(b"tulip\0harbor")]
)
def test_an_unusable_password_is_wrong_at_the_same_cost(world: InstantWorld, padded: bytes) -> None:
    outlaw = world.outlaw()
    for number in range(1, 8, 2):
        outlaw.join("ana", padded=padded, number=number)
    waits = [answer.wait_ms for answer in outlaw.answers() if isinstance(answer, m.Refused)]
    assert waits == [0, 0, 0, 5_000]
    assert not world.bcrypt.asked


def test_pending_checks_are_limited_to_one_an_address_and_32_in_all(world: InstantWorld) -> None:
    world.bcrypt.held = True
    outlaws = [world.outlaw(host=f"10.2.0.{number}") for number in range(32)]
    neighbour, late = world.outlaw(host="10.2.0.0"), world.outlaw(host="10.3.0.1")
    for number, outlaw in enumerate([*outlaws, neighbour, late]):
        outlaw.join(f"guest{number}")
    assert [outlaw.answers()[1:] for outlaw in outlaws] == [[]] * 32
    assert neighbour.answers()[1:] == late.answers()[1:] == [m.Refused("busy", 2_000)]
    world.bcrypt.held = False
    world.settle()
    assert all(isinstance(outlaw.answers()[-1], m.Welcome) for outlaw in outlaws)
    assert len(world.bcrypt.asked) == 1, "the others had only to be compared"


def test_a_client_retries_a_busy_server_by_itself(world: InstantWorld) -> None:
    world.bcrypt.held = True
    ana, budi = world.person("ana", host="10.1.0.1"), world.person("budi", host="10.1.0.1")
    world.advance(1.0)
    world.bcrypt.held = False
    world.settle()
    assert ana.is_in
    world.until(lambda: budi.is_in)
    assert len(world.bcrypt.asked) == 1


def test_a_client_that_leaves_during_its_password_check_never_joins(world: InstantWorld) -> None:
    world.bcrypt.held = True
    ana = world.person("ana")
    ana.leave()
    world.bcrypt.held = False
    world.settle()
    assert world.log.head == 0
    assert not world.ledger.records


# Rate limits on names.


def test_a_key_that_rejoins_too_often_is_delayed_and_then_admitted(world: InstantWorld) -> None:
    key = world.random(32)
    for number in range(ENTRIES_BURST):
        world.person(f"name {number}", key=key).leave()
    late = world.person("one more", key=key)
    assert not late.is_in
    assert world.person("another", key=world.random(32)).is_in, "others are not meant"
    outlaw = world.outlaw(key)
    outlaw.join("the last")
    assert outlaw.answers()[1:] == [m.Refused("busy", 6_001)]
    began_at = world.now
    world.until(lambda: late.is_in)
    assert 6.0 <= world.now - began_at <= 8.0
    assert late.refusals == []


def test_resuming_a_membership_is_no_join_and_costs_nothing(world: InstantWorld) -> None:
    key = world.random(32)
    world.person("ana", key=key)
    for _ in range(2 * ENTRIES_BURST):
        again = world.person("ana", key=key)
        assert again.is_in
        again.leave()


def test_one_line_scripts_under_one_name_are_not_rate_limited(world: InstantWorld) -> None:
    key = world.random(32)
    for _ in range(2 * ENTRIES_BURST):
        script = world.person("backup", key=key, transient=True)
        assert script.is_in
        script.leave()


def test_a_key_that_takes_too_many_names_loses_the_oldest(world: InstantWorld) -> None:
    key = world.random(32)
    for number in range(NAMES_PER_OWNER + 1):
        world.person(f"name {number}", key=key).leave()
        world.advance(7.0)
    assert world.person("name 0").is_in
    assert world.person("name 1").refusals == ["name_owned"]


# What is written before anybody is admitted.


def test_a_client_is_admitted_only_after_its_session_is_written(world: InstantWorld) -> None:
    ana = world.person("ana")
    world.begin()
    world.writer_busy = True
    again = world.person(key=ana.key, ticket=ana.last(e.Admitted).ticket)
    assert world.room_server.members == 1, "the member is here, so nothing is appended"
    assert not again.is_in, "a server that is killed now could not tell the next one whom to wake"
    world.writer_busy = False
    world.settle()
    assert again.is_in
    assert world.kinds() == ["joined"]


def test_a_script_of_a_present_member_waits_for_no_write(world: InstantWorld) -> None:
    ana = world.person("ana")
    world.writer_busy = True
    assert world.person("ana", key=ana.key, transient=True).is_in


def test_leaving_during_the_write_of_a_join_takes_effect_right_after_it(world: InstantWorld) -> None:
    world.person("somebody").leave()
    world.writer_busy = True
    ana = world.person("ana")
    ana.leave()
    world.writer_busy = False
    world.settle()
    assert world.kinds() == ["joined", "left"] * 2
    assert world.room_server.members == 0
    assert not world.ledger.open()


def test_leaving_during_the_write_of_a_return_takes_effect_right_after_it(world: InstantWorld) -> None:
    ana = world.person("ana")
    world.begin()
    world.writer_busy = True
    world.person(key=ana.key, ticket=ana.last(e.Admitted).ticket).leave()
    world.writer_busy = False
    world.settle()
    assert world.kinds() == ["joined", "left"]


def test_a_member_stays_when_its_other_client_leaves_during_the_join(world: InstantWorld) -> None:
    world.person("somebody").leave()
    world.writer_busy = True
    laptop = world.person("ana")
    phone = world.person("ana", key=laptop.key)
    phone.leave()
    world.writer_busy = False
    world.settle()
    assert laptop.is_in
    assert world.kinds() == ["joined", "left", "joined"]


def test_a_session_that_lost_its_name_is_not_in_the_history(world: InstantWorld) -> None:
    world.person("somebody").leave()
    world.writer_busy = True
    one, other = world.person("ana"), world.person("ana")
    world.writer_busy = False
    world.settle()
    assert other.refusals == ["name_taken"]
    assert [record.cid for record in world.ledger.open()] != []
    assert len(world.ledger.open()) == 1
    other.join("budi")
    assert [record.name for record in world.ledger.open()] == ["ana", "budi"]
    assert one.is_in


def test_a_script_that_lost_its_name_frees_its_seat() -> None:
    world = InstantWorld(limits=Limits(guests=2, guests_per_address=2))
    world.person("somebody").leave()
    world.writer_busy = True
    one, other = (world.person("robot", transient=True, host="10.9.0.1") for _ in range(2))
    world.writer_busy = False
    world.settle()
    assert (one.is_in, other.refusals) == (True, ["name_taken"])
    assert world.person("another", transient=True, host="10.9.0.1").is_in


# The table.


def test_every_join_state_ends_with_its_session() -> None:
    assert {state for state, step in TRANSITIONS if step is JoinStep.ENDED} == set(JoinState) - {JoinState.GONE}
    assert {TRANSITIONS[state, step] for state, step in TRANSITIONS if step in (JoinStep.ENDED, JoinStep.REFUSED)} == {
        JoinState.GONE
    }


def test_every_path_to_admission_passes_the_disk() -> None:
    assert [(state, step) for (state, step), to in TRANSITIONS.items() if to is JoinState.SEATED] == [
        (JoinState.WRITING, JoinStep.WRITTEN)
    ]
    assert {state for (state, step), to in TRANSITIONS.items() if to is JoinState.WRITING} == {
        JoinState.ASKED,
        JoinState.CHECKING,
        JoinState.WRITING,
    }


def test_a_transition_missing_from_the_table_is_an_error(world: InstantWorld) -> None:
    ana = world.person("ana")
    [session] = [record.cid for record in world.ledger.open()]
    joining = world.room_server._joining
    join = joining._joins[session or 0]
    assert (join.state, ana.is_in) == (JoinState.SEATED, True)
    for step in (JoinStep.UNDECIDED, JoinStep.ADMITTED, JoinStep.WRITTEN, JoinStep.REFUSED):
        with pytest.raises(KeyError):
            joining._step(join, step)
    assert join.state is JoinState.SEATED


# The room.


def test_a_join_beyond_the_rooms_capacity_is_refused() -> None:
    world = InstantWorld(max_members=2)
    ana, budi = world.person("ana"), world.person("budi")
    third = world.person("cici")
    assert third.refusals == ["room_full"]
    assert world.person("ana", key=ana.key).is_in, "a member's second client needs no place"
    budi.leave()
    third.join("cici")
    assert third.is_in


def test_a_second_join_in_a_session_is_refused(world: InstantWorld) -> None:
    outlaw = world.outlaw()
    outlaw.join("ana")
    outlaw.send(m.Call(3, m.Join("budi", b"", None)))
    _, welcome, refused = outlaw.answers()
    assert isinstance(welcome, m.Welcome)
    assert refused == m.Refused("already_joined")


# Tickets.


def test_a_ticket_admits_its_key_without_a_password(world: InstantWorld) -> None:
    ana = world.person("ana")
    ticket = ana.last(e.Admitted).ticket
    ana.leave()
    world.begin()
    again = world.person(key=ana.key, ticket=ticket)
    assert again.last(e.Connected).resumed
    assert again.last(e.Admitted).name == "ana"
    assert len(world.bcrypt.asked) == 1


def test_a_ticket_is_of_no_use_to_another_key(world: InstantWorld) -> None:
    ticket = world.person("ana").last(e.Admitted).ticket
    thief = world.person(ticket=ticket)
    assert not thief.last(e.Connected).resumed
    assert not thief.is_in


def test_a_new_password_ends_all_tickets(world: InstantWorld) -> None:
    ana = world.person("ana")
    world.begin(hashed=quick_hash(PASSWORD, OTHER_SALT))
    again = world.person(key=ana.key, ticket=ana.last(e.Admitted).ticket)
    assert not again.last(e.Connected).resumed


@pytest.mark.parametrize("name", ["Ana Maria", "ana, budi", "— ana"])
def test_a_ticket_for_a_name_that_is_no_longer_legal_is_refused(
    world: InstantWorld, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as long_ago:
        long_ago.setattr(NameRules, "enforce", lambda _, name: name)
        ana = world.person(name)
    world.begin()
    again = world.person(key=ana.key, ticket=ana.last(e.Admitted).ticket)
    assert again.last(e.Connected).resumed
    assert again.refusals == ["ticket_refused"]
    again.join("Ana")
    assert again.last(e.Admitted).name == "Ana"


def test_a_ticket_for_a_name_that_has_another_owner_by_now_is_refused() -> None:
    world = InstantWorld(ownership=HOUR)
    ana = world.person("ana")
    ana.leave()
    world.advance(HOUR)
    world.person("ana")
    late = world.person(key=ana.key, ticket=ana.last(e.Admitted).ticket)
    assert late.refusals == ["name_taken"]


# What a newcomer may read.


@pytest.mark.parametrize(("history_on_join", "wish", "shown"), [
    (0, None, 0), (0, 200, 0),
    (5, None, 5), (5, 0, 0), (5, 3, 3), (5, 200, 5),
    (200, None, 20), (200, 7, 7), (200, 0, 0),
])  # fmt: skip
def test_history_on_join_is_bounded_by_the_setting_and_the_request(
    history_on_join: int, wish: int | None, shown: int
) -> None:
    world, _ = filled(20, history_on_join)
    budi = world.person("budi", history=wish)
    world.advance(1.0)
    assert lines(budi) == [f"ana: line {number}" for number in range(20 - shown, 20)]
    assert budi.all(e.CaughtUp)


def test_joins_and_leaves_are_not_counted_as_history() -> None:
    world, _ = filled(3, 2)
    for number in range(5):
        world.person(f"guest{number}").leave()
    newcomer = world.person("budi")
    world.advance(1.0)
    assert lines(newcomer) == ["ana: line 1", "ana: line 2"]
    assert len(newcomer.story) > 2


def test_the_history_is_the_same_after_a_restart() -> None:
    world, _ = filled(20, 5)
    world.begin()
    budi = world.person("budi")
    world.advance(1.0)
    assert lines(budi) == [f"ana: line {number}" for number in range(15, 20)]


@pytest.mark.parametrize("knows_the_log", [True, False])
def test_claiming_an_old_cursor_gives_a_newcomer_no_more_history(knows_the_log: bool) -> None:
    world, _ = filled(20, 5)
    head = world.log.head
    outlaw = world.outlaw(log_id=world.log.log_id if knows_the_log else None, cursor=1)
    outlaw.join("mallory")
    welcome = outlaw.answers()[-1]
    assert isinstance(welcome, m.Welcome)
    assert welcome.start == head - 5
    read = [entry.text for entry in outlaw.read(0, head) if entry.kind == m.MESSAGE]
    assert read == [f"line {number}" for number in range(15, 20)]


def test_a_future_cursor_is_clamped_to_the_head() -> None:
    world, _ = filled(20, 5)
    outlaw = world.outlaw(cursor=10_000)
    outlaw.join("mallory")
    welcome = outlaw.answers()[-1]
    assert isinstance(welcome, m.Welcome)
    assert welcome.start == welcome.head == world.log.head


def test_a_returning_member_may_read_everything_since_it_joined() -> None:
    world, ana = filled(3, 5)
    budi = world.person("budi")
    joined_at = budi.last(e.Admitted).head
    budi.leave()
    for number in range(3, 20):
        ana.say(f"line {number}")
    world.until(lambda: len(ana.stored) == 20)
    outlaw = world.outlaw(budi.key, log_id=world.log.log_id, cursor=1)
    outlaw.join("budi")
    read = outlaw.read(0, world.log.head)
    assert [entry.seq for entry in read] == list(range(joined_at + 1, world.log.head + 1))
    assert [entry.text for entry in read if entry.kind == m.MESSAGE] == [f"line {number}" for number in range(3, 20)]


def test_the_start_of_a_membership_survives_a_restart() -> None:
    world, ana = filled(3, 1)
    budi = world.person("budi")
    joined_at = budi.last(e.Admitted).head
    budi.leave()
    for number in range(3, 10):
        ana.say(f"line {number}")
    world.begin()
    outlaw = world.outlaw(budi.key, log_id=world.log.log_id, cursor=joined_at)
    outlaw.join("budi")
    welcome = outlaw.answers()[-1]
    assert isinstance(welcome, m.Welcome)
    assert welcome.start == joined_at


def test_a_join_is_logged_with_its_address_and_program(world: InstantWorld) -> None:
    ana = world.person("ana")
    [body] = world.bodies()
    assert isinstance(body, Joined)
    assert (body.name, body.dialect, body.version) == ("ana", "secure", "test 1")
    assert body.address == f"{ana.address[0]}:{ana.address[1]}"
    assert body.owner
    assert body.owner != fingerprint(ana.key), "it is the public key's, not the secret's"
