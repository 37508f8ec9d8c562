"""The whole server but its wires and its disk: what one says, and what the others, the log and the admin get of it."""

from __future__ import annotations

import pytest
from kit.hall import Hall
from kit.world import PASSWORD

from sockatuh.protocol import messages as m
from sockatuh.protocol.client import events as e
from sockatuh.protocol.server.limits import Limits
from sockatuh.room.entries import Left, Message
from sockatuh.server.log_reads import READ_LIMIT
from sockatuh.server.room_server import MAX_HELD

HOUR = 3_600.0
IDLE = Limits().idle_seconds
GRACE = Limits().grace_seconds


@pytest.fixture
def hall() -> Hall:
    return Hall()


def reasons(hall: Hall) -> list[tuple[str, str]]:
    """Who left, and why."""
    return [(body.name, body.reason) for body in hall.bodies() if isinstance(body, Left)]


def texts(hall: Hall) -> list[str]:
    return [body.text for body in hall.bodies() if isinstance(body, Message)]


# Lines.


def test_a_line_is_stored_then_told_to_everybody_and_to_its_author_as_his_own(hall: Hall) -> None:
    ana, budi = hall.person("ana"), hall.person("budi")
    number = ana.say("soup at one")
    assert ana.stored == {number: hall.log.head}
    assert budi.story[-1] == ana.story[-1] == "ana: soup at one"
    assert ana.last(e.EntryArrived).own == number
    assert budi.last(e.EntryArrived).own is None


def test_nobody_receives_a_line_and_nobody_is_told_it_is_stored_before_it_is(hall: Hall) -> None:
    ana, budi = hall.person("ana"), hall.person("budi")
    hall.writer_busy = True
    ana.say("soup at one")
    hall.advance(5.0)
    assert not ana.stored
    assert "ana: soup at one" not in budi.story
    hall.writer_busy = False
    hall.settle()
    assert list(ana.stored.values()) == [hall.log.head]
    assert texts(hall) == ["soup at one"], "the repeated ones were the same line"
    assert budi.story[-1] == "ana: soup at one"


def test_a_line_whose_answer_was_lost_in_a_crash_is_stored_once(hall: Hall) -> None:
    ana = hall.person("ana")
    ana.cut_off = True
    ana.peer.say("soup at one", hall.now)
    for data, _ in ana.peer.datagrams_to_send():
        hall.core.receive_datagram(data, ana.address, hall.now)
    hall.settle()
    assert texts(hall) == ["soup at one"]
    assert not ana.stored
    hall.begin()
    ana.cut_off = False
    hall.until(lambda: bool(ana.stored))
    assert texts(hall) == ["soup at one"]
    assert list(ana.stored.values()) == [row.seq for row in hall.log.rows if row.kind == "message"]


def test_what_a_member_types_is_cleaned_before_it_is_stored(hall: Hall) -> None:
    ana, budi = hall.person("ana"), hall.person("budi")
    ana.say("\x1b[2Jsoup\u202e at\r\none  ")
    assert texts(hall) == ["soup at\none"]
    assert budi.story[-1] == "ana: soup at\none"


@pytest.mark.parametrize(("text", "code"), [
    ("", "text_empty"), ("\x1b\u200b \n", "text_empty"), ("x" * 16_385, "text_too_long"),
])  # fmt: skip
def test_a_text_that_cannot_be_stored_is_refused_and_what_follows_is_not_held_up(
    hall: Hall, text: str, code: str
) -> None:
    ana = hall.person("ana")
    refused, following = ana.say(text), ana.say("next")
    assert ana.all(e.LineRefused) == [e.LineRefused(refused, code)]
    assert list(ana.stored) == [following]


def test_the_longest_text_goes_through_whole(hall: Hall) -> None:
    ana, budi = hall.person("ana"), hall.person("budi")
    text = "\N{STEAMING BOWL}" * 4_096
    ana.say(text)
    hall.until(lambda: bool(ana.stored))
    assert budi.story[-1] == f"ana: {text}"


def test_bytes_that_are_no_text_are_made_one(hall: Hall) -> None:
    budi, outlaw = hall.person("budi"), hall.outlaw()
    outlaw.send(m.Call(1, m.Join("mallory", PASSWORD, None)))
    outlaw.send(m.Say(1, 1, False, 0, 1, b"so\xffup"))
    assert budi.story[-1] == "mallory: so\N{REPLACEMENT CHARACTER}up"


def test_a_newcomer_far_behind_gets_everything_though_memory_holds_little_of_it() -> None:
    hall = Hall(history_on_join=1000, limits=Limits(lines_burst=1000, recent_entries=5))
    ana = hall.person("ana")
    for number in range(READ_LIMIT + 50):
        ana.say(f"line {number}")
    hall.until(lambda: len(ana.stored) == READ_LIMIT + 50)
    budi = hall.person("budi")
    hall.until(lambda: bool(budi.all(e.CaughtUp)))
    assert budi.story[:-1] == [f"ana: line {number}" for number in range(READ_LIMIT + 50)]
    assert not budi.all(e.EntriesGone)


# Members and their sessions.


def test_two_clients_of_one_key_are_one_member_from_the_first_join_to_the_last_leave(hall: Hall) -> None:
    budi = hall.person("budi")
    laptop = hall.person("ana")
    phone = hall.person("ana", key=laptop.key)
    phone.say("from the phone")
    assert laptop.story[-1] == "ana: from the phone"
    laptop.leave()
    assert budi.who() == ["ana", "budi"]
    phone.leave()
    assert budi.who() == ["budi"]
    assert [told for told in budi.story if "ana " in told] == ["ana joined", "ana left"]


def test_who_only_sends_makes_no_line_and_claims_its_name_once(hall: Hall) -> None:
    budi = hall.person("budi")
    for _ in range(3):
        script = hall.person("robot", transient=True, key=b"\7" * 32)
        script.say("backup done")
        assert budi.who() == ["budi", "robot"]
        script.leave()
        assert budi.who() == ["budi"]
        assert not script.story
    assert hall.kinds() == ["joined", "claimed", "message", "message", "message"]
    assert len(hall.diary.of("member_joined")) == 1
    assert len(hall.diary.of("name_claimed")) == 1
    assert [record.transient for record in hall.ledger.records] == [False, True, True, True]
    thief = hall.person("robot")
    assert thief.refusals == ["name_owned"]


def test_a_claim_is_written_down_again_after_a_day(hall: Hall) -> None:
    hall.person("robot", transient=True, key=b"\7" * 32).leave()
    hall.now += 23 * HOUR
    hall.person("robot", transient=True, key=b"\7" * 32).leave()
    assert hall.kinds() == ["claimed"]
    hall.now += 2 * HOUR
    hall.person("robot", transient=True, key=b"\7" * 32).leave()
    assert hall.kinds() == ["claimed", "claimed"]


def test_a_script_of_a_member_speaks_under_its_name_without_a_claim(hall: Hall) -> None:
    ana = hall.person("ana")
    script = hall.person("ana", key=ana.key, transient=True)
    script.say("built")
    script.leave()
    assert ana.story[-1] == "ana: built"
    assert hall.kinds() == ["joined", "message"]


def test_a_member_out_of_contact_leaves_when_the_grace_is_over_and_not_before(hall: Hall) -> None:
    ana, budi = hall.person("ana"), hall.person("budi")
    ana.cut_off = True
    hall.advance(IDLE + GRACE - 1.0)
    assert reasons(hall) == []
    assert hall.diary.of("session_closed")[0]["reason"] == "idle"
    assert budi.who() == ["ana", "budi"]
    assert [member.present for member in budi.last(e.MembersListed).members] == [False, True]
    hall.advance(3.0)
    assert reasons(hall) == [("ana", "lost")]
    assert budi.story[-1] == "ana left"


def test_a_return_within_the_grace_leaves_no_line(hall: Hall) -> None:
    ana, budi = hall.person("ana"), hall.person("budi")
    ana.cut_off = True
    budi.say("are you there?")
    hall.advance(IDLE + GRACE / 2)
    ana.cut_off = False
    hall.advance(5 * GRACE)
    assert ana.last(e.Connected).resumed
    assert ana.story[-1] == "budi: are you there?"
    assert hall.kinds() == ["joined", "joined", "message"]
    assert len(hall.ledger.open()) == 2


def test_a_member_at_a_new_address_is_still_the_same_session(hall: Hall) -> None:
    ana, budi = hall.person("ana"), hall.person("budi")
    ana.address = ("10.7.7.7", 1234)
    ana.say("from the train")
    hall.advance(1.0)
    budi.say("good journey")
    assert ana.story[-1] == "budi: good journey"
    assert not ana.all(e.ContactLost)
    assert hall.kinds() == ["joined", "joined", "message", "message"]
    assert [fields["address"] for fields in hall.diary.of("session_moved")] == ["10.7.7.7:1234"]
    assert hall.ledger.records[0].address == "10.7.7.7:1234"


# Restarts.


def test_after_a_restart_members_are_back_without_bcrypt_and_without_a_line(hall: Hall) -> None:
    people = [hall.person(name) for name in ("ana", "budi", "cici")]
    hall.begin()
    hall.advance(2 * GRACE)
    assert all(person.last(e.Connected).resumed for person in people)
    assert len(hall.bcrypt.asked) == 1
    assert hall.kinds() == ["joined"] * 3
    people[0].say("we are all here")
    assert [person.story[-1] for person in people] == ["ana: we are all here"] * 3


def test_who_does_not_come_back_after_a_restart_leaves_when_the_grace_is_over(hall: Hall) -> None:
    ana, budi = hall.person("ana"), hall.person("budi")
    ana.cut_off = True
    hall.begin()
    hall.advance(GRACE - 1.0)
    assert reasons(hall) == []
    hall.advance(3.0)
    assert reasons(hall) == [("ana", "server_lost")]
    assert budi.story[-1] == "ana left"
    assert [record.reason for record in hall.ledger.records] == ["server_lost", "server_lost", None]


def test_a_classic_member_is_lost_with_its_server(hall: Hall) -> None:
    hall.teletype().join("budi")
    hall.begin()
    hall.advance(2.0)
    assert reasons(hall) == [("budi", "server_lost")]


def test_a_room_that_closes_writes_down_that_everybody_has_left(hall: Hall) -> None:
    ana = hall.person("ana")
    hall.person("robot", transient=True)
    hall.teletype().join("budi")
    hall.stop("closing")
    assert ana.last(e.ContactLost).reason == "closing"
    assert sorted(reasons(hall)) == [("ana", "closed"), ("budi", "closed")]
    assert hall.ledger.open() == []
    assert hall.room_server.unwritten == 0


def test_a_room_that_restarts_lets_nobody_leave(hall: Hall) -> None:
    ana = hall.person("ana")
    hall.stop("restarting")
    assert ana.last(e.ContactLost).reason == "restarting"
    assert reasons(hall) == []
    assert [record.reason for record in hall.ledger.records] == ["server_stopped"]


# The database refuses, and takes again.


def test_while_the_database_refuses_nobody_is_told_that_a_line_is_stored_and_nothing_changes_places(hall: Hall) -> None:
    ana, budi = hall.person("ana"), hall.person("budi")
    hall.log.full = True
    said = [(person, person.say(f"{number}")) for number, person in enumerate([ana, budi, ana, budi, budi])]
    late = hall.person("cici")
    hall.advance(10.0)
    assert "the disk is full" in str(hall.room_server.obstacle(hall.now))
    assert not ana.stored
    assert not budi.stored
    assert not late.is_in
    assert texts(hall) == []
    hall.log.full = False
    hall.until(lambda: late.is_in)
    assert hall.room_server.obstacle(hall.now) is None
    assert texts(hall) == ["0", "1", "2", "3", "4"]
    assert [person.stored[number] for person, number in said] == [3, 4, 5, 6, 7]
    assert ana.story[-6:] == budi.story[-6:] == [*(f"{person}: {n}" for n, person in enumerate(
        ["ana", "budi", "ana", "budi", "budi"])), "cici joined"]  # fmt: skip


def test_whoever_waits_for_the_log_is_told_so_once_and_the_rest_is_not(hall: Hall) -> None:
    ana, budi, cici = (hall.person(name) for name in ("ana", "budi", "cici"))
    hall.log.full = True
    ana.say("one")
    assert ana.all(e.LinesHeld) == [e.LinesHeld()]
    hall.advance(20.0)
    budi.say("two")
    hall.advance(20.0)
    ana.say("three")
    assert ana.all(e.LinesHeld) == budi.all(e.LinesHeld) == [e.LinesHeld()]
    assert cici.all(e.LinesHeld) == []
    assert ana.peer.waits_for_log
    hall.log.full = False
    hall.until(lambda: len(ana.stored) == 2 and len(budi.stored) == 1)
    assert not ana.peer.waits_for_log
    hall.log.full = True
    ana.say("four")
    assert len(ana.all(e.LinesHeld)) == 2


def test_a_client_is_told_that_its_lines_wait_also_when_the_first_answer_is_lost(hall: Hall) -> None:
    ana = hall.person("ana")
    hall.log.full = True
    hall.writer_busy = True
    ana.say("one")
    ana.cut_off = True
    hall.writer_busy = False
    hall.settle()
    ana.cut_off = False
    hall.advance(3.0)
    assert ana.all(e.LinesHeld) == [e.LinesHeld()]


def test_a_newcomer_is_told_why_it_waits_and_is_in_when_the_database_takes_again(hall: Hall) -> None:
    hall.log.full = True
    late = hall.person("late")
    hall.advance(1.0)
    assert late.all(e.LinesHeld) == [e.LinesHeld()]
    hall.advance(200.0)
    assert len(late.all(e.Connected)) == 1, "its time to join does not run meanwhile"
    hall.log.full = False
    hall.until(lambda: late.is_in)
    assert not late.peer.waits_for_log
    assert hall.kinds() == ["joined"]


def test_newcomers_beyond_what_can_wait_are_asked_to_come_again(hall: Hall) -> None:
    scripts = [hall.person(f"robot{number}", transient=True) for number in range(13)]
    hall.log.full = True
    for script in scripts:
        for number in range(20):
            script.say(str(number))
    before = hall.room_server.unwritten
    late, teletype = hall.person("late"), hall.teletype()
    teletype.send(b"Username:budi")
    assert teletype.send(b"Password:" + PASSWORD.encode()) == [b"Password salah! Silakan coba lagi."]
    hall.advance(10.0)
    assert hall.room_server.unwritten == before >= MAX_HELD
    assert not late.is_in
    hall.log.full = False
    hall.until(lambda: late.is_in)


def test_a_disk_that_hangs_is_told_after_a_few_seconds(hall: Hall) -> None:
    ana = hall.person("ana")
    hall.advance(100.0)
    hall.writer_busy = True
    ana.say("one")
    hall.advance(1.5)
    assert ana.all(e.LinesHeld) == []
    hall.advance(3.0)
    assert ana.all(e.LinesHeld) == [e.LinesHeld()]
    hall.writer_busy = False
    hall.until(lambda: len(ana.stored) == 1)


def test_what_was_committed_and_called_failed_is_told_to_everybody_once_when_it_is_tried_again(hall: Hall) -> None:
    ana, budi = hall.person("ana"), hall.person("budi")
    late = hall.person()
    hall.log.lying = hall.writer_busy = True
    ana.say("one")
    late.join("late")
    hall.writer_busy = False
    ana.say("two")
    assert hall.kinds() == ["joined", "joined", "message", "joined", "message"]
    assert not ana.stored
    assert budi.story == []
    hall.log.lying = False
    hall.until(lambda: late.is_in and len(ana.stored) == 2)
    assert len(hall.log.rows) == 5
    assert budi.story == ["ana: one", "late joined", "ana: two"]
    assert late.who() == ["ana", "budi", "late"]
    assert budi.all(e.EntriesGone) == []


def test_what_is_said_while_the_database_refuses_waits_at_its_session_once_it_is_much(hall: Hall) -> None:
    scripts = {f"robot{number}": hall.person(f"robot{number}", transient=True) for number in range(13)}
    hall.log.full = True
    unwritten = []
    for wave in (range(20), range(20, 24)):
        for name, script in scripts.items():
            for number in wave:
                script.say(f"{name} {number}")
        hall.advance(1.5)
        unwritten.append(hall.room_server.unwritten)
    assert unwritten[0] == unwritten[1] >= MAX_HELD
    hall.log.full = False
    hall.until(lambda: all(len(script.stored) == 24 for script in scripts.values()))
    for name in scripts:
        mine = [text for text in texts(hall) if text.startswith(f"{name} ")]
        assert mine == [f"{name} {number}" for number in range(24)]


def test_a_member_whose_grace_ends_while_the_database_refuses_leaves_when_it_takes_again(hall: Hall) -> None:
    ana, budi = hall.person("ana"), hall.person("budi")
    ana.cut_off = True
    hall.advance(IDLE + GRACE - 1.0)
    hall.log.full = True
    budi.say("anybody?")
    hall.advance(10.0)
    assert reasons(hall) == []
    hall.log.full = False
    hall.advance(5.0)
    assert reasons(hall) == [("ana", "lost")]
