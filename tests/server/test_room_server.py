"""The whole server without network and disk: what a member says, and what others, the log and the admin receive."""

from __future__ import annotations

import pytest
from kit.instant_world import InstantWorld
from kit.world import PASSWORD

from sockatuh.protocol import messages as m
from sockatuh.protocol.client import events as e
from sockatuh.protocol.server.limits import Limits
from sockatuh.room.entries import Left, Message
from sockatuh.server.append_queue import MAX_HELD
from sockatuh.server.log_reads import READ_LIMIT

HOUR = 3_600.0
IDLE = Limits().idle_seconds
GRACE = Limits().grace_seconds


@pytest.fixture
def world() -> InstantWorld:
    return InstantWorld()


def reasons(world: InstantWorld) -> list[tuple[str, str]]:
    """Return who left, and why."""
    return [(body.name, body.reason) for body in world.bodies() if isinstance(body, Left)]


def texts(world: InstantWorld) -> list[str]:
    return [body.text for body in world.bodies() if isinstance(body, Message)]


# Lines.


def test_a_line_is_stored_and_then_shown_to_everybody(world: InstantWorld) -> None:
    ana, budi = world.person("ana"), world.person("budi")
    number = ana.say("soup at one")
    assert ana.stored == {number: world.log.head}
    assert budi.story[-1] == ana.story[-1] == "ana: soup at one"
    assert ana.last(e.EntryArrived).own == number
    assert budi.last(e.EntryArrived).own is None


def test_a_line_is_neither_shown_nor_acknowledged_before_it_is_stored(world: InstantWorld) -> None:
    ana, budi = world.person("ana"), world.person("budi")
    world.writer_busy = True
    ana.say("soup at one")
    world.advance(5.0)
    assert not ana.stored
    assert "ana: soup at one" not in budi.story
    world.writer_busy = False
    world.settle()
    assert list(ana.stored.values()) == [world.log.head]
    assert texts(world) == ["soup at one"], "the repeated ones were the same line"
    assert budi.story[-1] == "ana: soup at one"


def test_a_line_whose_answer_was_lost_in_a_crash_is_stored_once(world: InstantWorld) -> None:
    ana = world.person("ana")
    ana.cut_off = True
    ana.peer.say("soup at one", world.now)
    for data, _ in ana.peer.datagrams_to_send():
        world.core.receive_datagram(data, ana.address, world.now)
    world.settle()
    assert texts(world) == ["soup at one"]
    assert not ana.stored
    world.begin()
    ana.cut_off = False
    world.until(lambda: bool(ana.stored))
    assert texts(world) == ["soup at one"]
    assert list(ana.stored.values()) == [row.seq for row in world.log.rows if row.kind == "message"]


def test_a_line_is_cleaned_before_it_is_stored(world: InstantWorld) -> None:
    ana, budi = world.person("ana"), world.person("budi")
    ana.say("\x1b[2Jsoup\u202e at\r\none  ")
    assert texts(world) == ["soup at\none"]
    assert budi.story[-1] == "ana: soup at\none"


@pytest.mark.parametrize(("text", "code"), [
    ("", "text_empty"), ("\x1b\u200b \n", "text_empty"), ("x" * 16_385, "text_too_long"),
])  # fmt: skip
def test_an_invalid_text_is_refused_without_blocking_the_next(world: InstantWorld, text: str, code: str) -> None:
    ana = world.person("ana")
    refused, following = ana.say(text), ana.say("next")
    assert ana.all(e.LineRefused) == [e.LineRefused(refused, code)]
    assert list(ana.stored) == [following]


def test_the_longest_allowed_text_is_delivered_whole(world: InstantWorld) -> None:
    ana, budi = world.person("ana"), world.person("budi")
    text = "\N{STEAMING BOWL}" * 4_096
    ana.say(text)
    world.until(lambda: bool(ana.stored))
    assert budi.story[-1] == f"ana: {text}"


def test_invalid_utf_8_is_replaced(world: InstantWorld) -> None:
    budi, outlaw = world.person("budi"), world.outlaw()
    outlaw.join("mallory")
    outlaw.send(m.Say(1, 1, False, 0, 1, b"so\xffup"))
    assert budi.story[-1] == "mallory: so\N{REPLACEMENT CHARACTER}up"


def test_a_client_far_behind_is_served_from_the_database() -> None:
    world = InstantWorld(history_on_join=1000, limits=Limits(lines_burst=1000, recent_entries=5))
    ana = world.person("ana")
    for number in range(READ_LIMIT + 50):
        ana.say(f"line {number}")
    world.until(lambda: len(ana.stored) == READ_LIMIT + 50)
    budi = world.person("budi")
    world.until(lambda: bool(budi.all(e.CaughtUp)))
    assert budi.story[:-1] == [f"ana: line {number}" for number in range(READ_LIMIT + 50)]
    assert not budi.all(e.EntriesGone)


# Members and their sessions.


def test_two_clients_of_one_key_are_one_member_from_the_first_join_to_the_last_leave(world: InstantWorld) -> None:
    budi = world.person("budi")
    laptop = world.person("ana")
    phone = world.person("ana", key=laptop.key)
    phone.say("from the phone")
    assert laptop.story[-1] == "ana: from the phone"
    laptop.leave()
    assert budi.who() == ["ana", "budi"]
    phone.leave()
    assert budi.who() == ["budi"]
    assert [line for line in budi.story if "ana " in line] == ["ana joined", "ana left"]


def test_a_transient_sender_adds_no_join_and_claims_its_name_once(world: InstantWorld) -> None:
    budi = world.person("budi")
    for _ in range(3):
        script = world.person("robot", transient=True, key=b"\7" * 32)
        script.say("backup done")
        assert budi.who() == ["budi", "robot"]
        script.leave()
        assert budi.who() == ["budi"]
        assert not script.story
    assert world.kinds() == ["joined", "claimed", "message", "message", "message"]
    assert len(world.diary.of("member_joined")) == 1
    assert len(world.diary.of("name_claimed")) == 1
    assert [record.transient for record in world.ledger.records] == [False, True, True, True]
    thief = world.person("robot")
    assert thief.refusals == ["name_owned"]


def test_a_claim_is_renewed_after_a_day(world: InstantWorld) -> None:
    world.person("robot", transient=True, key=b"\7" * 32).leave()
    world.now += 23 * HOUR
    world.person("robot", transient=True, key=b"\7" * 32).leave()
    assert world.kinds() == ["claimed"]
    world.now += 2 * HOUR
    world.person("robot", transient=True, key=b"\7" * 32).leave()
    assert world.kinds() == ["claimed", "claimed"]


def test_a_script_of_a_member_speaks_under_its_name_without_a_claim(world: InstantWorld) -> None:
    ana = world.person("ana")
    script = world.person("ana", key=ana.key, transient=True)
    script.say("built")
    script.leave()
    assert ana.story[-1] == "ana: built"
    assert world.kinds() == ["joined", "message"]


def test_a_member_out_of_contact_leaves_when_the_grace_expires(world: InstantWorld) -> None:
    ana, budi = world.person("ana"), world.person("budi")
    ana.cut_off = True
    world.advance(IDLE + GRACE - 1.0)
    assert reasons(world) == []
    assert world.diary.of("session_closed")[0]["reason"] == "idle"
    assert budi.who() == ["ana", "budi"]
    assert [member.present for member in budi.last(e.MembersListed).members] == [False, True]
    world.advance(3.0)
    assert reasons(world) == [("ana", "lost")]
    assert budi.story[-1] == "ana left"


def test_a_return_within_the_grace_adds_no_entry(world: InstantWorld) -> None:
    ana, budi = world.person("ana"), world.person("budi")
    ana.cut_off = True
    budi.say("are you there?")
    world.advance(IDLE + GRACE / 2)
    ana.cut_off = False
    world.advance(5 * GRACE)
    assert ana.last(e.Connected).resumed
    assert ana.story[-1] == "budi: are you there?"
    assert world.kinds() == ["joined", "joined", "message"]
    assert len(world.ledger.open()) == 2


def test_a_member_at_a_new_address_is_still_the_same_session(world: InstantWorld) -> None:
    ana, budi = world.person("ana"), world.person("budi")
    ana.address = ("10.7.7.7", 1234)
    ana.say("from the train")
    world.advance(1.0)
    budi.say("good journey")
    assert ana.story[-1] == "budi: good journey"
    assert not ana.all(e.ContactLost)
    assert world.kinds() == ["joined", "joined", "message", "message"]
    assert [fields["address"] for fields in world.diary.of("session_moved")] == ["10.7.7.7:1234"]
    assert world.ledger.records[0].address == "10.7.7.7:1234"


# Restarts.


def test_after_a_restart_members_resume_without_bcrypt_or_a_join_entry(world: InstantWorld) -> None:
    people = [world.person(name) for name in ("ana", "budi", "cici")]
    world.begin()
    world.advance(2 * GRACE)
    assert all(person.last(e.Connected).resumed for person in people)
    assert len(world.bcrypt.asked) == 1
    assert world.kinds() == ["joined"] * 3
    people[0].say("we are all here")
    assert [person.story[-1] for person in people] == ["ana: we are all here"] * 3


def test_a_member_that_does_not_return_after_a_restart_leaves_after_the_grace(world: InstantWorld) -> None:
    ana, budi = world.person("ana"), world.person("budi")
    ana.cut_off = True
    world.begin()
    world.advance(GRACE - 1.0)
    assert reasons(world) == []
    world.advance(3.0)
    assert reasons(world) == [("ana", "server_lost")]
    assert budi.story[-1] == "ana left"
    assert [record.reason for record in world.ledger.records] == ["server_lost", "server_lost", None]


def test_a_classic_member_leaves_when_its_server_restarts(world: InstantWorld) -> None:
    world.teletype().join("budi")
    world.begin()
    world.advance(2.0)
    assert reasons(world) == [("budi", "server_lost")]


def test_closing_the_room_writes_a_leave_for_every_member(world: InstantWorld) -> None:
    ana = world.person("ana")
    world.person("robot", transient=True)
    world.teletype().join("budi")
    world.stop("closing")
    assert ana.last(e.ContactLost).reason == "closing"
    assert sorted(reasons(world)) == [("ana", "closed"), ("budi", "closed")]
    assert world.ledger.open() == []
    assert world.room_server.unwritten == 0


def test_restarting_the_room_writes_no_leaves(world: InstantWorld) -> None:
    ana = world.person("ana")
    world.stop("restarting")
    assert ana.last(e.ContactLost).reason == "restarting"
    assert reasons(world) == []
    assert [record.reason for record in world.ledger.records] == ["server_stopped"]


# The database fails and recovers.


def test_while_the_database_fails_nothing_is_acknowledged_or_reordered(
    world: InstantWorld,
) -> None:
    ana, budi = world.person("ana"), world.person("budi")
    world.log.full = True
    said = [(person, person.say(f"{number}")) for number, person in enumerate([ana, budi, ana, budi, budi])]
    late = world.person("cici")
    world.advance(10.0)
    assert "the disk is full" in str(world.room_server.obstacle(world.now))
    assert not ana.stored
    assert not budi.stored
    assert not late.is_in
    assert texts(world) == []
    world.log.full = False
    world.until(lambda: late.is_in)
    assert world.room_server.obstacle(world.now) is None
    assert texts(world) == ["0", "1", "2", "3", "4"]
    assert [person.stored[number] for person, number in said] == [3, 4, 5, 6, 7]
    assert ana.story[-6:] == budi.story[-6:] == [*(f"{person}: {n}" for n, person in enumerate(
        ["ana", "budi", "ana", "budi", "budi"])), "cici joined"]  # fmt: skip


def test_only_clients_with_waiting_lines_are_notified_of_an_outage(world: InstantWorld) -> None:
    ana, budi, cici = (world.person(name) for name in ("ana", "budi", "cici"))
    world.log.full = True
    ana.say("one")
    assert ana.all(e.LinesHeld) == [e.LinesHeld()]
    world.advance(20.0)
    budi.say("two")
    world.advance(20.0)
    ana.say("three")
    assert ana.all(e.LinesHeld) == budi.all(e.LinesHeld) == [e.LinesHeld()]
    assert cici.all(e.LinesHeld) == []
    assert ana.peer.waits_for_log
    world.log.full = False
    world.until(lambda: len(ana.stored) == 2 and len(budi.stored) == 1)
    assert not ana.peer.waits_for_log
    world.log.full = True
    ana.say("four")
    assert len(ana.all(e.LinesHeld)) == 2


def test_the_notice_of_waiting_lines_survives_a_lost_datagram(world: InstantWorld) -> None:
    ana = world.person("ana")
    world.log.full = True
    world.writer_busy = True
    ana.say("one")
    ana.cut_off = True
    world.writer_busy = False
    world.settle()
    ana.cut_off = False
    world.advance(3.0)
    assert ana.all(e.LinesHeld) == [e.LinesHeld()]


def test_a_newcomer_is_told_why_it_waits_and_joins_when_the_database_recovers(world: InstantWorld) -> None:
    world.log.full = True
    late = world.person("late")
    world.advance(1.0)
    assert late.all(e.LinesHeld) == [e.LinesHeld()]
    world.advance(200.0)
    assert len(late.all(e.Connected)) == 1, "its time to join does not run meanwhile"
    world.log.full = False
    world.until(lambda: late.is_in)
    assert not late.peer.waits_for_log
    assert world.kinds() == ["joined"]


def test_joins_beyond_the_waiting_limit_are_asked_to_retry(world: InstantWorld) -> None:
    scripts = [world.person(f"robot{number}", transient=True) for number in range(13)]
    world.log.full = True
    for script in scripts:
        for number in range(20):
            script.say(str(number))
    before = world.room_server.unwritten
    late, teletype = world.person("late"), world.teletype()
    teletype.send(b"Username:budi")
    assert teletype.send(b"Password:" + PASSWORD.encode()) == [b"Password salah! Silakan coba lagi."]
    world.advance(10.0)
    assert world.room_server.unwritten == before >= MAX_HELD
    assert not late.is_in
    world.log.full = False
    world.until(lambda: late.is_in)


def test_a_hanging_disk_is_reported_after_a_few_seconds(world: InstantWorld) -> None:
    ana = world.person("ana")
    world.advance(100.0)
    world.writer_busy = True
    ana.say("one")
    world.advance(1.5)
    assert ana.all(e.LinesHeld) == []
    world.advance(3.0)
    assert ana.all(e.LinesHeld) == [e.LinesHeld()]
    world.writer_busy = False
    world.until(lambda: len(ana.stored) == 1)


def test_a_commit_wrongly_reported_as_failed_is_delivered_once(
    world: InstantWorld,
) -> None:
    ana, budi = world.person("ana"), world.person("budi")
    late = world.person()
    world.log.lying = world.writer_busy = True
    ana.say("one")
    late.join("late")
    world.writer_busy = False
    ana.say("two")
    assert world.kinds() == ["joined", "joined", "message", "joined", "message"]
    assert not ana.stored
    assert budi.story == []
    world.log.lying = False
    world.until(lambda: late.is_in and len(ana.stored) == 2)
    assert len(world.log.rows) == 5
    assert budi.story == ["ana: one", "late joined", "ana: two"]
    assert late.who() == ["ana", "budi", "late"]
    assert budi.all(e.EntriesGone) == []


def test_during_an_outage_excess_lines_wait_in_their_sessions(world: InstantWorld) -> None:
    scripts = {f"robot{number}": world.person(f"robot{number}", transient=True) for number in range(13)}
    world.log.full = True
    unwritten = []
    for wave in (range(20), range(20, 24)):
        for name, script in scripts.items():
            for number in wave:
                script.say(f"{name} {number}")
        world.advance(1.5)
        unwritten.append(world.room_server.unwritten)
    assert unwritten[0] == unwritten[1] >= MAX_HELD
    world.log.full = False
    world.until(lambda: all(len(script.stored) == 24 for script in scripts.values()))
    for name in scripts:
        mine = [text for text in texts(world) if text.startswith(f"{name} ")]
        assert mine == [f"{name} {number}" for number in range(24)]


def test_a_grace_that_ends_during_an_outage_takes_effect_when_it_is_over(world: InstantWorld) -> None:
    ana, budi = world.person("ana"), world.person("budi")
    ana.cut_off = True
    world.advance(IDLE + GRACE - 1.0)
    world.log.full = True
    budi.say("anybody?")
    world.advance(10.0)
    assert reasons(world) == []
    world.log.full = False
    world.advance(5.0)
    assert reasons(world) == [("ana", "lost")]
