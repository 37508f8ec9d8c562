"""Classic and secure members in one room, with the literal bytes of the original's wire."""

from __future__ import annotations

import pytest
from kit.instant_world import InstantWorld
from kit.world import PASSWORD

from sockatuh.protocol import messages as m
from sockatuh.protocol.client import events as e
from sockatuh.room.entries import Left

TAKEN = b"Username sudah dipakai! Gunakan username lain."


@pytest.fixture
def world() -> InstantWorld:
    return InstantWorld()


def test_the_classic_wire_matches_the_original_byte_for_byte(world: InstantWorld) -> None:
    budi, cici = world.teletype(), world.teletype()
    assert budi.send(b"hello?") == []
    assert budi.send(b"Username:budi") == [b"Username valid!"]
    assert budi.send(b"Password:guess") == [b"Password salah! Silakan coba lagi."]
    assert budi.send(b"Password:" + PASSWORD.encode()) == [b"Berhasil bergabung!"]
    assert cici.send(b"Username:budi") == [TAKEN]
    cici.join("cici")
    assert budi.send(b"hello cici") == []
    assert cici.received[-1] == b"budi: hello cici"
    assert cici.send(b"Username:") == []
    assert budi.received[-1] == b"cici: Username:"


def test_classic_and_secure_members_receive_each_others_lines(world: InstantWorld) -> None:
    ana, budi = world.person("ana"), world.teletype()
    budi.join("budi")
    assert budi.send("sopnya jam satu \N{STEAMING BOWL}".encode()) == []
    assert ana.story[-1] == "budi: sopnya jam satu \N{STEAMING BOWL}"
    ana.say("first\nsecond")
    assert budi.received[-2:] == [b"ana: first", b"ana: second"]
    ana.say("waves", action=True)
    assert budi.received[-1] == b"* ana waves"
    assert [entry.entry.text for entry in ana.all(e.EntryArrived) if entry.entry.kind == m.JOINED][-1] == "classic"


def test_a_classic_member_never_receives_its_own_line(world: InstantWorld) -> None:
    budi, cici = world.teletype(), world.teletype()
    budi.join("budi")
    cici.join("cici")
    world.writer_busy = True
    budi.send(b"one")
    cici.send(b"two")
    world.writer_busy = False
    world.settle()
    assert budi.received[-1] == b"cici: two"
    assert cici.received[-1] == b"budi: one"


def test_a_password_may_contain_colons() -> None:
    world = InstantWorld()
    budi = world.teletype()
    budi.send(b"Username:budi")
    budi.send(b"Password:a:b:c")
    assert [check.password for check in world.bcrypt.asked] == [b"a:b:c"]


def test_a_classic_client_that_sends_newlines_receives_newlines(world: InstantWorld) -> None:
    ana, netcat = world.person("ana"), world.teletype()
    assert netcat.send(b"Username:budi\n") == [b"Username valid!\n"]
    assert netcat.send(b"Password:" + PASSWORD.encode() + b"\n") == [b"Berhasil bergabung!\n"]
    netcat.send(b"hello\n")
    assert ana.story[-1] == "budi: hello"
    ana.say("hi")
    assert netcat.received[-1] == b"ana: hi\n"


def test_a_rename_is_a_row_of_plain_text_and_a_private_line_is_nothing(world: InstantWorld) -> None:
    ana, budi = world.person("ana"), world.person("budi")
    netcat = world.teletype()
    netcat.send(b"Username:cici\n")
    netcat.send(b"Password:" + PASSWORD.encode() + b"\n")
    ana.rename("Siti")
    assert netcat.received[-1] == b"ana is now Siti\n"
    budi.whisper("siti", "not for all")
    budi.say("for all")
    assert netcat.received[-2:] == [b"ana is now Siti\n", b"budi: for all\n"]


def test_what_a_classic_member_says_of_a_rename_is_its_own_line(world: InstantWorld) -> None:
    ana, cici, budi = world.person("ana"), world.teletype(), world.teletype()
    cici.join("cici")
    budi.join("budi")
    cici.send(b"ana is now budi")
    assert budi.received[-1] == b"cici: ana is now budi"
    assert ana.story[-1] == "cici: ana is now budi"


def test_a_classic_member_cannot_take_an_owned_name_or_own_one(world: InstantWorld) -> None:
    ana, budi = world.person("ana"), world.teletype()
    assert budi.send(b"Username:ana") == [TAKEN]
    ana.leave()
    assert budi.send(b"Username:ana") == [TAKEN]
    budi.join("budi")
    world.advance(602.0)
    last = world.bodies()[-1]
    assert isinstance(last, Left)
    assert (last.name, last.reason) == ("budi", "idle")
    assert world.person("budi").is_in


def test_a_name_taken_while_the_password_was_typed_is_refused(world: InstantWorld) -> None:
    budi = world.teletype()
    assert budi.send(b"Username:ana") == [b"Username valid!"]
    world.person("ana")
    assert budi.send(b"Password:" + PASSWORD.encode()) == [TAKEN]
    assert world.kinds() == ["joined"]


def test_only_one_of_two_classic_clients_gets_a_contested_name(world: InstantWorld) -> None:
    world.person("somebody")
    one, other = world.teletype(), world.teletype()
    for teletype in (one, other):
        assert teletype.send(b"Username:budi") == [b"Username valid!"]
    world.writer_busy = True
    for teletype in (one, other):
        teletype.send(b"Password:" + PASSWORD.encode())
    world.writer_busy = False
    world.settle()
    assert one.received[-1] == b"Berhasil bergabung!"
    assert other.received[-1] == b"Username sudah dipakai! Gunakan username lain."
    assert len(world.bcrypt.asked) == 1


def test_password_guessing_is_delayed_in_the_classic_dialect_too(world: InstantWorld) -> None:
    budi = world.teletype()
    budi.send(b"Username:budi")
    for _ in range(4):
        assert budi.send(b"Password:guess") == [b"Password salah! Silakan coba lagi."]
    assert budi.send(b"Password:" + PASSWORD.encode()) == [b"Password salah! Silakan coba lagi."]
    world.advance(5.0)
    assert budi.send(b"Password:" + PASSWORD.encode()) == [b"Berhasil bergabung!"]


def test_a_disabled_classic_dialect_answers_nothing() -> None:
    world = InstantWorld(classic=False)
    assert world.teletype().send(b"Username:budi") == []
    world.room_server.summarise_dropped()
    assert world.diary.of("datagram_dropped") == [{"off": 1}]
